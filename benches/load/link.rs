//! A link to a message director with blocking reads and writes, and the barrier that tells when
//! what a link subscribed to has taken effect.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::{Buf, BufMut};

use crate::wire::{Batch, envelope, msg};

/// Without a single byte for so long, a run has failed.
pub const STALL: Duration = Duration::from_secs(60);
/// Large enough that reading costs one system call for thousands of small frames.
pub const READ_BUFFER: usize = 256 * 1024;

/// One connection to a message director.
pub struct Link {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// The part of `buffer` that holds bytes not yet handed out.
    filled: std::ops::Range<usize>,
}

impl Link {
    /// Connects; the daemon must be listening.
    pub fn connect(address: SocketAddr) -> Result<Link> {
        let stream = TcpStream::connect(address).context("connecting a link")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STALL))?;
        stream.set_write_timeout(Some(STALL))?;
        Ok(Link { stream, buffer: vec![0; READ_BUFFER].into(), filled: 0..0 })
    }

    /// Writes everything.
    pub fn send(&mut self, batch: &Batch) -> Result<()> {
        self.stream.write_all(&batch.bytes).context("writing to a link")
    }

    /// A second handle for a thread that only writes.
    pub fn writer(&self) -> Result<TcpStream> {
        Ok(self.stream.try_clone()?)
    }

    /// Hands frames to `handle` until that breaks with a value.
    pub fn receive<T>(
        &mut self,
        mut handle: impl FnMut(&[u8]) -> Result<ControlFlow<T>>,
    ) -> Result<T> {
        self.exchange(|frame, _| handle(frame))
    }

    /// As [`Link::receive`], with a batch for answers that is sent when all that has arrived is
    /// handled.
    pub fn exchange<T>(
        &mut self,
        mut handle: impl FnMut(&[u8], &mut Batch) -> Result<ControlFlow<T>>,
    ) -> Result<T> {
        let mut answers = Batch::default();
        loop {
            // Frames behind the one that ends the loop stay for the next call.
            while let Some(frame) = first_frame(&self.buffer[self.filled.clone()]) {
                self.filled.start += 2 + frame.len();
                if let ControlFlow::Break(value) = handle(frame, &mut answers)? {
                    self.send(&answers)?;
                    return Ok(value);
                }
            }
            self.send(&answers)?;
            answers.bytes.clear();
            self.fill()?;
        }
    }

    /// Reads what is there, after moving an incomplete frame to the front.
    fn fill(&mut self) -> Result<()> {
        self.buffer.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        match self.stream.read(&mut self.buffer[self.filled.end..]) {
            Ok(0) => bail!("the daemon closed a link"),
            Ok(n) => self.filled.end += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                bail!("nothing arrived on a link for {:?}", self.stream.read_timeout()?)
            }
            Err(e) => return Err(e).context("reading from a link"),
        }
        Ok(())
    }
}

fn first_frame(bytes: &[u8]) -> Option<&[u8]> {
    let tag = bytes.get(..2)?;
    bytes.get(2..2 + usize::from(u16::from_le_bytes([tag[0], tag[1]])))
}

/// The channel that [`Barrier`] listens on.
const BARRIER_CHANNEL: u64 = 900_000_001;

/// Tells when a link's subscriptions are in effect: a link's messages are handled in order, so
/// they are once a datagram that it sent afterwards has come through.
pub struct Barrier {
    link: Link,
    passed: u64,
}

impl Barrier {
    /// Opens the barrier's own link and waits until that is subscribed.
    pub fn open(address: SocketAddr) -> Result<Barrier> {
        let mut link = Link::connect(address)?;
        link.send(Batch::default().subscribe(BARRIER_CHANNEL))?;
        let mut probe = Link::connect(address)?;
        let deadline = Instant::now() + STALL;
        link.stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        // Whatever is sent before the subscription took effect is lost, hence the repetition.
        loop {
            probe
                .send(Batch::default().to(BARRIER_CHANNEL, 0, msg::BARRIER, |b| b.put_u64_le(0)))?;
            match link.stream.read(&mut link.buffer[link.filled.end..]) {
                Ok(0) => bail!("the daemon closed a link"),
                Ok(n) => {
                    link.filled.end += n;
                    break;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock && Instant::now() < deadline => {}
                Err(e) => return Err(e).context("waiting for the first subscription"),
            }
        }
        link.stream.set_read_timeout(Some(STALL))?;
        Ok(Barrier { link, passed: 0 })
    }

    /// Returns when everything that `link` has sent so far has been handled by the director.
    pub fn pass(&mut self, link: &mut Link) -> Result<()> {
        self.passed += 1;
        let number = self.passed;
        link.send(Batch::default().to(BARRIER_CHANNEL, 0, msg::BARRIER, |b| b.put_u64_le(number)))?;
        self.link.receive(|mut frame| {
            envelope(&mut frame)?;
            Ok(break_if(frame.try_get_u64_le()? == number))
        })
    }

    /// Returns when `count` datagrams [`Barrier::post_remove`] have arrived.
    pub fn removals(&mut self, count: usize) -> Result<()> {
        let mut left = count;
        self.link.receive(|mut frame| {
            let envelope = envelope(&mut frame)?;
            left -= usize::from(envelope.number == msg::BENCH);
            Ok(break_if(left == 0))
        })
    }

    /// Has the director send a datagram here when it has forgotten the link's subscriptions.
    pub fn post_remove(link: &mut Link) -> Result<()> {
        let mut datagram = Batch::default();
        datagram.to(BARRIER_CHANNEL, 0, msg::BENCH, |_| ());
        link.send(Batch::default().control(msg::ADD_POST_REMOVE, |b| {
            b.put_u64_le(0);
            b.put_slice(&datagram.bytes);
        }))
    }
}

/// Ends a [`Link::receive`] when `done`.
pub fn break_if(done: bool) -> ControlFlow<()> {
    if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
