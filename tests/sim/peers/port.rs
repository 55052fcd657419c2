//! A connection of somebody who is asked now and then.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use donet::wire::{Frames, write_frame};

use crate::net::{End, LinkId, Net, Read};

/// The most that is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// Sends and receives datagrams.
pub struct Port {
    end: End,
    outgoing: VecDeque<u8>,
    incoming: Vec<u8>,
    /// It is over, and this side knows.
    is_over: bool,
    /// Nothing is read, for now.
    pub is_slow: bool,
}

impl Port {
    /// Connects; `None` if nobody listens.
    pub fn connect(net: &Net, process: u64, from: IpAddr, to: SocketAddr) -> Option<Self> {
        let end = net.connect(process, from, to)?;
        let (outgoing, incoming) = (VecDeque::new(), Vec::new());
        Some(Port { end, outgoing, incoming, is_over: false, is_slow: false })
    }

    pub const fn link(&self) -> LinkId {
        self.end.link()
    }

    /// The host that it is connected to.
    pub fn host(&self) -> IpAddr {
        self.end.peer().ip()
    }

    /// Whether it is over, as far as this side knows.
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether it is over, whether or not this side knows.
    pub fn is_broken(&self) -> bool {
        self.end.is_broken()
    }

    /// Sends a datagram, sooner or later.
    pub fn send(&mut self, datagram: &[u8]) {
        let mut frame = Vec::new();
        write_frame(&mut frame, |writer| writer.raw(datagram)).expect("it fits");
        self.outgoing.extend(frame);
        self.write();
    }

    fn write(&mut self) {
        while !self.outgoing.is_empty() && !self.is_over {
            let (first, _) = self.outgoing.as_slices();
            match self.end.write(first) {
                Ok(0) => return,
                Ok(count) => drop(self.outgoing.drain(..count)),
                // What was said before may still be read.
                Err(_) => self.outgoing.clear(),
            }
        }
    }

    /// Sends and takes what it can; the datagrams that have come.
    pub fn pump(&mut self) -> Vec<Vec<u8>> {
        self.write();
        while !self.is_slow && !self.is_over {
            match self.end.read(&mut self.incoming, READ_BYTES) {
                Read::Bytes(_) => {}
                Read::Nothing(_) => break,
                Read::End | Read::Lost(_) => self.is_over = true,
            }
        }
        let mut frames = Frames::new(&self.incoming);
        let came = frames.by_ref().map(|frame| frame.datagram().to_vec()).collect();
        let rest = frames.remaining().len();
        self.incoming.drain(..self.incoming.len() - rest);
        came
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.end.close(false);
    }
}
