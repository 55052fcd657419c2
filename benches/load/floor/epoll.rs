//! A floor on epoll, which mio is a thin cover of: one thread waits for sockets, and reads and writes without waiting.

use std::io::{ErrorKind, Read, Write};
use std::net;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Buf;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::outbox::Side;
use super::{Conversation, READ_BUFFER};
use crate::wire::split;

struct Socket {
    stream: TcpStream,
    /// The beginning of a frame whose end has not arrived.
    partial: Vec<u8>,
}

struct Server<C> {
    poll: Poll,
    listeners: [(Side, TcpListener); 2],
    conversation: C,
    /// By number of the conversation's peer.
    sockets: Vec<Option<Socket>>,
    buffer: Vec<u8>,
}

/// Serves until it is killed.
pub(super) fn serve<C: Conversation>(
    listeners: [(Side, net::TcpListener); 2],
    flush: Duration,
) -> Result<()> {
    let mut server = Server {
        poll: Poll::new()?,
        listeners: listeners.map(|(side, listener)| (side, TcpListener::from_std(listener))),
        conversation: C::default(),
        sockets: Vec::new(),
        // A frame of the greatest length has to fit behind the rest of a read.
        buffer: vec![0; 2 * READ_BUFFER],
    };
    for (token, (_, listener)) in server.listeners.iter_mut().enumerate() {
        server.poll.registry().register(listener, Token(token), Interest::READABLE)?;
    }
    let mut events = Events::with_capacity(1024);
    // When clients are to be written to, if anything is there for them.
    let mut due: Option<Instant> = None;
    loop {
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        match server.poll.poll(&mut events, left) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            match event.token().0.checked_sub(server.listeners.len()) {
                None => server.accept(event.token().0)?,
                Some(who) => {
                    if event.is_writable() {
                        server.write(who);
                    }
                    if event.is_readable() {
                        server.read(who, event.is_read_closed())?;
                    }
                }
            }
        }
        server.write_all(Side::Link);
        if flush.is_zero() || due.is_some_and(|due| due <= Instant::now()) {
            due = None;
            server.write_all(Side::Client);
        } else if due.is_none() && server.conversation.outbox().has_written(Side::Client) {
            due = Some(Instant::now() + flush);
        }
    }
}

impl<C: Conversation> Server<C> {
    fn accept(&mut self, listener: usize) -> Result<()> {
        let (side, listener) = &self.listeners[listener];
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accepting a connection"),
            };
            stream.set_nodelay(true)?;
            let who = self.conversation.enter(*side);
            let token = Token(who + self.listeners.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, token, interest)?;
            self.sockets.push(Some(Socket { stream, partial: Vec::new() }));
        }
    }

    /// Reads until the socket is empty, which a read that does not fill the buffer shows, or to its end.
    fn read(&mut self, who: usize, to_end: bool) -> Result<()> {
        while let Some(socket) = &mut self.sockets[who] {
            let kept = socket.partial.len();
            self.buffer[..kept].copy_from_slice(&socket.partial);
            let filled = match socket.stream.read(&mut self.buffer[kept..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // Whether it ends well or badly is all the same.
                Ok(0) | Err(_) => {
                    self.sockets[who] = None;
                    self.conversation.leave(who);
                    return Ok(());
                }
                Ok(n) => kept + n,
            };
            let conversation = &mut self.conversation;
            let whole = split(&self.buffer[..filled], |frame| conversation.hear(who, frame))?;
            socket.partial.clear();
            socket.partial.extend_from_slice(&self.buffer[whole..filled]);
            if filled < self.buffer.len() && !to_end {
                return Ok(());
            }
        }
        Ok(())
    }

    fn write_all(&mut self, side: Side) {
        for who in self.conversation.outbox().take_written(side) {
            self.write(who);
        }
    }

    /// Writes what the socket takes; epoll says when it takes more.
    fn write(&mut self, who: usize) {
        let unsent = self.conversation.outbox().unsent(who);
        let Some(socket) = &mut self.sockets[who] else { return unsent.clear() };
        while !unsent.is_empty() {
            match socket.stream.write(unsent) {
                Ok(n) => unsent.advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Reading will tell.
                Err(_) => return unsent.clear(),
            }
        }
    }
}
