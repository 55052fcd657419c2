//! Many connections driven by one thread: what one core can read is then not spent on switching
//! between threads.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use crate::broker;
use crate::link::{READ_BUFFER, STALL};
use crate::secure;
use crate::transport::Way;
use crate::websocket::{self, WebSocket};
use crate::wire::{Batch, split};

/// A set of connections; they are named by their position.
pub struct Swarm {
    poll: Poll,
    events: Events,
    connections: Vec<Connection>,
    /// Every read lands here; only the rest of a frame is kept for each connection.
    scratch: Box<[u8]>,
    /// How they connect.
    way: Way,
    /// Whose language they speak, if it is not a daemon's.
    broker: Option<broker::Kind>,
    /// Connections that the daemon has closed.
    pub closed: usize,
}

/// How bytes of a connection are divided.
enum Framing {
    Frames,
    WebSocket(WebSocket),
    Broker(broker::Kind),
}

struct Connection {
    stream: secure::Socket,
    framing: Framing,
    /// The beginning of a frame whose end has not arrived.
    partial: Vec<u8>,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
    open: bool,
}

impl Swarm {
    /// An empty set.
    pub fn new() -> Result<Swarm> {
        Swarm::with(Way::default())
    }

    /// An empty set of connections to a broker, whose messages are handed out as frames.
    pub fn of(broker: broker::Kind) -> Result<Swarm> {
        Ok(Swarm { broker: Some(broker), ..Swarm::new()? })
    }

    /// An empty set of connections that are made in this way.
    pub fn with(way: Way) -> Result<Swarm> {
        Ok(Swarm {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            connections: Vec::new(),
            scratch: vec![0; READ_BUFFER].into(),
            way,
            broker: None,
            closed: 0,
        })
    }

    /// Adds a new connection to `address`.
    pub fn connect(&mut self, address: SocketAddr) -> Result<usize> {
        let index = self.connections.len();
        let connection = self.open(address, index)?;
        self.connections.push(connection);
        Ok(index)
    }

    /// Puts a new connection to `address` in the place of one that is closed by this.
    pub fn reconnect(&mut self, index: usize, address: SocketAddr) -> Result<()> {
        let connection = self.open(address, index)?;
        self.connections[index] = connection;
        Ok(())
    }

    fn open(&self, address: SocketAddr, index: usize) -> Result<Connection> {
        let own = address.ip().is_loopback().then(|| own_address(index));
        let stream = connect_from(own, address).context("connecting a client")?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), interest)?;
        let stream = secure::Socket::new(stream, self.way.tls.as_ref())?;
        let (mut framing, mut unsent) = (Framing::Frames, Vec::new());
        if let Some(broker) = self.broker {
            framing = Framing::Broker(broker);
        } else if self.way.is_websocket {
            framing = Framing::WebSocket(WebSocket::default());
            unsent.extend_from_slice(websocket::REQUEST.as_bytes());
        }
        let mut connection =
            Connection { stream, framing, partial: Vec::new(), unsent, open: true };
        connection.push()?;
        Ok(connection)
    }

    /// Says on a connection that nothing more comes, and hears nothing of it any more.
    pub fn give_up(&mut self, index: usize) {
        let connection = &mut self.connections[index];
        connection.open = false;
        // It fails when the other side was faster.
        let _ = connection.stream.stream.shutdown(Shutdown::Write);
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Writes, or keeps what the socket does not take.
    pub fn send(&mut self, index: usize, batch: &Batch) -> Result<()> {
        self.connections[index].send(&batch.bytes)
    }

    /// Waits for events once and hands every whole frame that arrived to `handle`, with the number
    /// of its connection and a batch for answers on it.
    pub fn poll(
        &mut self,
        timeout: Option<Duration>,
        mut handle: impl FnMut(usize, &[u8], &mut Batch) -> Result<()>,
    ) -> Result<bool> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return Ok(true),
            other => other?,
        }
        let mut answers = Batch::default();
        for event in &self.events {
            let index = event.token().0;
            let connection = &mut self.connections[index];
            if !connection.open {
                continue;
            }
            if event.is_writable() {
                connection.push()?;
            }
            if event.is_readable() {
                let to_end = event.is_read_closed();
                connection
                    .read(&mut self.scratch, to_end, |frame| handle(index, frame, &mut answers))?;
                connection.send(&answers.bytes)?;
                answers.bytes.clear();
            }
            self.closed += usize::from(!connection.open);
        }
        Ok(!self.events.is_empty())
    }

    /// Reads at most so much of what has arrived on a connection, whether or not anything has announced it; returns
    /// whether it is open.
    pub fn sip(
        &mut self,
        index: usize,
        most: usize,
        mut handle: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<bool> {
        let connection = &mut self.connections[index];
        let most = connection.partial.len().saturating_add(most).min(self.scratch.len());
        connection.take(&mut self.scratch[..most], &mut handle)?;
        self.closed += usize::from(!connection.open);
        Ok(connection.open)
    }

    /// Polls until `done` says so of what `handle` changes; an error if nothing arrives for long or
    /// a connection closes.
    pub fn run_until<S>(
        &mut self,
        state: &mut S,
        done: impl Fn(&S) -> bool,
        mut handle: impl FnMut(&mut S, usize, &[u8], &mut Batch) -> Result<()>,
    ) -> Result<()> {
        let closed = self.closed;
        let mut heard = Instant::now();
        while !done(state) {
            let poll = Some(Duration::from_secs(1));
            if self.poll(poll, |index, frame, answers| handle(state, index, frame, answers))? {
                heard = Instant::now();
            }
            ensure!(heard.elapsed() < STALL, "nothing arrived for {STALL:?}");
            ensure!(self.closed == closed, "{} connections were closed", self.closed - closed);
        }
        Ok(())
    }
}

impl Connection {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.framing {
            Framing::WebSocket(websocket) => websocket.say(bytes, &mut self.unsent)?,
            _ => self.unsent.extend_from_slice(bytes),
        }
        if self.unsent.is_empty() { Ok(()) } else { self.push() }
    }

    /// Writes what the socket takes.
    fn push(&mut self) -> Result<()> {
        let mut written = 0;
        while written < self.unsent.len() {
            match self.stream.write(&self.unsent[written..]) {
                Ok(0) => break,
                Ok(n) => written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                // Reading reports it, after what the daemon said before it closed.
                Err(e) if is_hangup(e.kind()) => written = self.unsent.len(),
                Err(e) => return Err(e).context("writing to the daemon"),
            }
        }
        self.unsent.drain(..written);
        match self.stream.flush() {
            Err(e) if e.kind() != ErrorKind::WouldBlock && !is_hangup(e.kind()) => {
                Err(e).context("writing to the daemon")
            }
            _ => Ok(()),
        }
    }

    /// Reads until the socket is empty, which a read that does not fill the buffer shows, or with
    /// `to_end` until the other side's end.
    fn read(
        &mut self,
        scratch: &mut [u8],
        to_end: bool,
        mut handle: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        while let Some(filled) = self.take(scratch, &mut handle)? {
            if filled < scratch.len() && !to_end && !self.stream.is_encrypted() {
                break;
            }
        }
        Ok(())
    }

    /// Reads once; returns how much of `scratch` that and what was left filled, or nothing if nothing came.
    fn take(
        &mut self,
        scratch: &mut [u8],
        handle: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<Option<usize>> {
        let kept = self.partial.len();
        scratch[..kept].copy_from_slice(&self.partial);
        let filled = match self.stream.read(&mut scratch[kept..]) {
            Ok(0) => {
                self.open = false;
                return Ok(None);
            }
            Ok(n) => kept + n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(e) if is_hangup(e.kind()) => {
                self.open = false;
                return Ok(None);
            }
            Err(e) => return Err(e).context("reading from the daemon"),
        };
        let bytes = &scratch[..filled];
        let whole = match &mut self.framing {
            Framing::Frames => split(bytes, handle)?,
            Framing::WebSocket(websocket) => websocket.hear(bytes, &mut self.unsent, handle)?,
            Framing::Broker(broker) => broker.split(bytes, handle)?,
        };
        self.partial.clear();
        self.partial.extend_from_slice(&scratch[whole..filled]);
        Ok(Some(filled))
    }
}

/// Where a client comes from: one address of this machine for a few, as players have, so that what a daemon allows of one
/// address is not what is measured.
fn own_address(index: usize) -> Ipv4Addr {
    const CLIENTS_OF_ONE: usize = 4;
    Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + (index / CLIENTS_OF_ONE) as u32)
}

fn connect_from(own: Option<Ipv4Addr>, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    if let Some(own) = own.filter(|_| to.is_ipv4()) {
        socket.bind(&SocketAddr::from((own, 0)).into())?;
    }
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn is_hangup(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}
