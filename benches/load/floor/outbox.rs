//! What is to be written to whom.

use bytes::BytesMut;

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// An AI.
    Link,
    Client,
}

struct Peer {
    side: Side,
    unsent: BytesMut,
    /// Whether it is among those that are to be written to.
    is_written: bool,
}

/// All connections by their numbers, which are never given to another.
#[derive(Default)]
pub(super) struct Outbox {
    peers: Vec<Peer>,
    /// Links and clients that are to be written to.
    written: [Vec<usize>; 2],
}

impl Outbox {
    /// Adds a connection; returns its number.
    pub(super) fn add(&mut self, side: Side) -> usize {
        self.peers.push(Peer { side, unsent: BytesMut::new(), is_written: false });
        self.peers.len() - 1
    }

    pub(super) fn side(&self, who: usize) -> Side {
        self.peers[who].side
    }

    /// Appends to what somebody is to be written.
    pub(super) fn say(&mut self, who: usize, bytes: &[u8]) {
        let peer = &mut self.peers[who];
        peer.unsent.extend_from_slice(bytes);
        if !peer.is_written {
            peer.is_written = true;
            self.written[peer.side as usize].push(who);
        }
    }

    /// Whether anybody of this side is to be written to.
    pub(super) fn has_written(&self, side: Side) -> bool {
        !self.written[side as usize].is_empty()
    }

    /// Those of this side who are to be written to, each once.
    pub(super) fn take_written(&mut self, side: Side) -> Vec<usize> {
        let written = std::mem::take(&mut self.written[side as usize]);
        written.iter().for_each(|who| self.peers[*who].is_written = false);
        written
    }

    /// What is to be written to somebody.
    pub(super) fn unsent(&mut self, who: usize) -> &mut BytesMut {
        &mut self.peers[who].unsent
    }
}
