//! Whether a link speaks for one or for many.

use smallvec::SmallVec;

use crate::ids::Channel;
use crate::wire::{Envelope, Frames};

/// An AI or UberDOG server speaks as itself, perhaps as one or two others; a daemon hands on what everybody behind
/// it says. Nothing on the wire tells them apart but this.
const OF_ONE_MAX: usize = 4;

/// The senders that have been seen on a link. Only a sample is looked at: the first datagram of each large read.
#[derive(Debug, Default)]
pub struct Senders {
    seen: SmallVec<[Channel; OF_ONE_MAX]>,
    are_many: bool,
}

impl Senders {
    /// Notes who speaks in the first of `frames`.
    pub fn look_at(&mut self, frames: &[u8]) {
        if self.are_many {
            return;
        }
        let Some(frame) = Frames::new(frames).next() else { return };
        // What is malformed is dealt with where it is routed.
        let Ok(envelope) = Envelope::read(frame.datagram()) else { return };
        if self.seen.contains(&envelope.sender) {
            return;
        }
        if self.seen.len() == OF_ONE_MAX {
            self.are_many = true;
        } else {
            self.seen.push(envelope.sender);
        }
    }

    /// Whether the link carries what many say.
    pub const fn are_many(&self) -> bool {
        self.are_many
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::write_frame;

    #[test]
    fn who_speaks_as_more_than_a_few_speaks_for_many() {
        let mut senders = Senders::default();
        for sender in [1, 2, 3, 4, 4, 3, 2, 1].map(Channel) {
            let mut frames = Vec::new();
            for sender in [sender, Channel(99)] {
                write_frame(&mut frames, |writer| {
                    Envelope::write_head(writer, &[Channel(7)], sender);
                    writer.u16(2020);
                })
                .expect("small");
            }
            senders.look_at(&frames);
            senders.look_at(b"\x01\x00\x01");
            senders.look_at(b"");
            assert!(!senders.are_many());
        }
        let mut frames = Vec::new();
        write_frame(&mut frames, |writer| {
            Envelope::write_head(writer, &[Channel(7)], Channel(5));
            writer.u16(2020);
        })
        .expect("small");
        senders.look_at(&frames);
        assert!(senders.are_many());
    }
}
