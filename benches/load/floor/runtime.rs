//! A floor on tokio, one thread of it: a task reads each connection, and one for each side writes to all of it.

use std::io::ErrorKind;
use std::net;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Result;
use bytes::Buf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::outbox::Side;
use super::{Conversation, READ_BUFFER};
use crate::wire::split;

/// What tasks share. None of them waits while it has it.
struct State<C> {
    conversation: C,
    /// By number of the conversation's peer.
    sockets: Vec<Option<Socket>>,
    /// Every read lands here; only the rest of a frame is kept for each connection.
    buffer: Vec<u8>,
}

struct Socket {
    stream: Arc<TcpStream>,
    /// Whether a task waits until it takes more.
    is_full: bool,
}

struct Server<C> {
    state: Mutex<State<C>>,
    /// That there are links, and clients, to be written to.
    written: [Notify; 2],
}

/// Serves until it is killed.
pub(super) fn serve<C: Conversation>(
    listeners: [(Side, net::TcpListener); 2],
    flush: Duration,
) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let server = Arc::new(Server {
        state: Mutex::new(State {
            conversation: C::default(),
            sockets: Vec::new(),
            // A frame of the greatest length has to fit behind the rest of a read.
            buffer: vec![0; 2 * READ_BUFFER],
        }),
        written: [Notify::new(), Notify::new()],
    });
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(server.clone().write(Side::Link, Duration::ZERO));
        tasks.spawn(server.clone().write(Side::Client, flush));
        for (side, listener) in listeners {
            tasks.spawn(server.clone().accept(side, TcpListener::from_std(listener)?));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    })
}

impl<C: Conversation> Server<C> {
    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().expect("whoever has the state does not panic")
    }

    async fn accept(self: Arc<Self>, side: Side, listener: TcpListener) -> Result<()> {
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let stream = Arc::new(stream);
            let who = {
                let mut state = self.state();
                state.sockets.push(Some(Socket { stream: stream.clone(), is_full: false }));
                let who = state.conversation.enter(side);
                // It may have been greeted.
                self.announce(&mut state);
                who
            };
            let server = self.clone();
            tokio::spawn(async move {
                if let Err(error) = server.read(who, &stream).await {
                    // The bench misses what should have been said.
                    eprintln!("{error:#}");
                }
                let mut state = server.state();
                state.sockets[who] = None;
                state.conversation.leave(who);
                server.announce(&mut state);
            });
        }
    }

    /// Reads until the end.
    async fn read(&self, who: usize, stream: &TcpStream) -> Result<()> {
        let mut partial = Vec::new();
        loop {
            stream.readable().await?;
            let mut state = self.state();
            let State { conversation, buffer, .. } = &mut *state;
            buffer[..partial.len()].copy_from_slice(&partial);
            let filled = match stream.try_read(&mut buffer[partial.len()..]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                // Whether it ends well or badly is all the same.
                Ok(0) | Err(_) => return Ok(()),
                Ok(n) => partial.len() + n,
            };
            let whole = split(&buffer[..filled], |frame| conversation.hear(who, frame))?;
            partial.clear();
            partial.extend_from_slice(&buffer[whole..filled]);
            self.announce(&mut state);
        }
    }

    fn announce(&self, state: &mut State<C>) {
        for side in [Side::Link, Side::Client] {
            if state.conversation.outbox().has_written(side) {
                self.written[side as usize].notify_one();
            }
        }
    }

    /// Writes to all of a side. It is behind the readers in the runtime's queue, and so writes what they have brought
    /// together.
    async fn write(self: Arc<Self>, side: Side, flush: Duration) -> Result<()> {
        loop {
            self.written[side as usize].notified().await;
            if !flush.is_zero() {
                tokio::time::sleep(flush).await;
            }
            let mut state = self.state();
            for who in state.conversation.outbox().take_written(side) {
                if let Some(stream) = state.write(who) {
                    tokio::spawn(self.clone().write_rest(who, stream));
                }
            }
        }
    }

    async fn write_rest(self: Arc<Self>, who: usize, stream: Arc<TcpStream>) {
        while stream.writable().await.is_ok() {
            let mut state = self.state();
            if let Some(socket) = &mut state.sockets[who] {
                socket.is_full = false;
            }
            if state.write(who).is_none() {
                return;
            }
        }
    }
}

impl<C: Conversation> State<C> {
    /// Writes what the socket takes, and returns the socket if it has to be waited for.
    fn write(&mut self, who: usize) -> Option<Arc<TcpStream>> {
        let unsent = self.conversation.outbox().unsent(who);
        let Some(socket) = &mut self.sockets[who] else {
            unsent.clear();
            return None;
        };
        while !unsent.is_empty() && !socket.is_full {
            match socket.stream.try_write(unsent) {
                Ok(n) => unsent.advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    socket.is_full = true;
                    return Some(socket.stream.clone());
                }
                // Reading will tell.
                Err(_) => unsent.clear(),
            }
        }
        None
    }
}
