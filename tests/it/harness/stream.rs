//! A TCP connection that carries frames.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use donet::wire::{Frames, write_frame};

use super::recording::{self, Recording};
use super::{LIMIT, wait_until};

/// What came next on a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// A datagram, without its length tag.
    Datagram(Vec<u8>),
    /// The other end closed the connection.
    Closed,
    /// Nothing, for as long as was waited.
    Nothing,
}

/// A blocking connection with a limit on every wait.
pub struct FrameStream {
    stream: TcpStream,
    buffer: Vec<u8>,
    recording: Option<Recording>,
    /// Whether lengths have four bytes instead of two.
    is_wide: bool,
}

impl FrameStream {
    /// Connects, as soon as somebody listens at `address`.
    pub fn connect(address: SocketAddr) -> Self {
        let what = format!("somebody listens at {address}");
        Self::new(wait_until(&what, || TcpStream::connect(address).ok()))
    }

    /// Takes over an open connection.
    pub fn new(stream: TcpStream) -> Self {
        let mut stream = Self::unrecorded(stream);
        stream.recording = Recording::begin();
        stream
    }

    /// Takes over a connection of the harness itself.
    pub(super) fn unrecorded(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a fresh socket takes options");
        stream.set_write_timeout(Some(LIMIT)).expect("a fresh socket takes options");
        FrameStream { stream, buffer: Vec::new(), recording: None, is_wide: false }
    }

    /// The same, with lengths of four bytes if it `is_wide`.
    pub const fn wide(mut self, is_wide: bool) -> Self {
        self.is_wide = is_wide;
        self
    }

    /// Whether lengths have four bytes.
    pub const fn is_wide(&self) -> bool {
        self.is_wide
    }

    /// The socket itself.
    pub const fn socket(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends a datagram as a frame.
    pub fn send(&mut self, datagram: &[u8]) {
        self.try_send(datagram).expect("the daemon reads what it is sent");
    }

    /// Sends a datagram as a frame to a peer that may be gone.
    pub fn try_send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if self.is_wide {
            let length = (datagram.len() as u32).to_le_bytes();
            return self.try_send_raw(&[&length, datagram].concat());
        }
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| writer.raw(datagram)).expect("small enough for a frame");
        self.try_send_raw(&frame)
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.try_send_raw(bytes).expect("the daemon reads what it is sent");
    }

    /// Sends bytes as they are to a peer that may be gone.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next datagram, or why there is none.
    pub fn receive(&mut self) -> Received {
        self.receive_within(LIMIT)
    }

    /// As [`FrameStream::receive`], with another limit.
    pub fn receive_within(&mut self, limit: Duration) -> Received {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(datagram) = self.next_datagram() {
                return Received::Datagram(datagram);
            }
            match self.read_more(deadline) {
                Ok(0) => return Received::Closed,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => return Received::Nothing,
                Err(_) => return Received::Closed,
            }
        }
    }

    /// No more is sent; the other end sees the end of the stream.
    pub fn finish(&self) {
        // The other end may have closed already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn next_datagram(&mut self) -> Option<Vec<u8>> {
        let datagram = match self.is_wide {
            false => Frames::new(&self.buffer).next()?.datagram().to_vec(),
            true => {
                let (length, rest) = self.buffer.split_first_chunk()?;
                rest.get(..u32::from_le_bytes(*length) as usize)?.to_vec()
            }
        };
        let prefix = if self.is_wide { size_of::<u32>() } else { size_of::<u16>() };
        self.buffer.drain(..prefix + datagram.len());
        if let Some(recording) = &mut self.recording {
            recording.datagram(&datagram);
        }
        Some(datagram)
    }

    fn read_more(&mut self, deadline: Instant) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 16 << 10];
        let count = self.stream.read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

impl Drop for FrameStream {
    /// Records what nobody has read.
    fn drop(&mut self) {
        if self.recording.is_none() {
            return;
        }
        recording::settle();
        // The other end answers with its own end, when it has said everything.
        self.finish();
        while let Received::Datagram(_) = self.receive() {}
        if let Some(recording) = &mut self.recording {
            recording.rest(&self.buffer);
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
