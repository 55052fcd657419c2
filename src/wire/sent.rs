//! What has been written for a peer, taken apart again.

use super::{Frames, Framing, websocket};

/// A whole part of what is sent.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Sent<'a> {
    /// A datagram.
    Datagram {
        /// As it is written between [`Framing::begin`] and [`Framing::finish`].
        frame: &'a [u8],
        /// What it says.
        datagram: &'a [u8],
    },
    /// What carries no datagram and stands for itself: a ping, say. It is not written between those.
    Apart(&'a [u8]),
}

/// The first of the parts that some bytes are made of.
struct Part {
    /// Bytes before what is in it.
    head: usize,
    /// All of its bytes.
    whole: usize,
    has_datagrams: bool,
}

impl Framing {
    /// Takes whole parts of what is sent apart. What turns out to be none is one, with all that follows it.
    pub const fn sent(self, bytes: &[u8]) -> AllSent<'_> {
        AllSent { framing: self, bytes, inside: Frames::new(&[]) }
    }

    /// Where the first part of what is sent begins that is not before `at`.
    pub fn next_sent(self, bytes: &[u8], at: usize) -> usize {
        let mut next = 0;
        while next < at {
            next += self.first_sent(&bytes[next..]).map_or(bytes.len() - next, |part| part.whole);
        }
        next
    }

    fn first_sent(self, bytes: &[u8]) -> Option<Part> {
        let (head, length, has_datagrams) = match self {
            Framing::Tag16 => {
                let frame = Frames::new(bytes).next()?;
                (frame.bytes().len() - frame.datagram().len(), frame.datagram().len(), true)
            }
            Framing::Tag32 => {
                let tag = bytes.first_chunk()?;
                (tag.len(), usize::try_from(u32::from_le_bytes(*tag)).ok()?, true)
            }
            Framing::Message | Framing::Frames => websocket::head_of_sent(bytes)?,
        };
        let whole = head.checked_add(length).filter(|whole| *whole <= bytes.len())?;
        Some(Part { head, whole, has_datagrams })
    }
}

/// The parts of what is sent, in order.
#[derive(Clone, Debug)]
pub struct AllSent<'a> {
    framing: Framing,
    bytes: &'a [u8],
    /// What is in a message with several.
    inside: Frames<'a>,
}

impl<'a> Iterator for AllSent<'a> {
    type Item = Sent<'a>;

    fn next(&mut self) -> Option<Sent<'a>> {
        loop {
            if let Some(frame) = self.inside.next() {
                return Some(Sent::Datagram { frame: frame.bytes(), datagram: frame.datagram() });
            }
            if self.bytes.is_empty() {
                return None;
            }
            let Some(part) = self.framing.first_sent(self.bytes) else {
                return Some(Sent::Apart(std::mem::take(&mut self.bytes)));
            };
            let (frame, rest) = self.bytes.split_at(part.whole);
            self.bytes = rest;
            if !part.has_datagrams {
                return Some(Sent::Apart(frame));
            }
            let datagram = &frame[part.head..];
            if self.framing != Framing::Frames {
                return Some(Sent::Datagram { frame, datagram });
            }
            self.inside = Frames::new(datagram);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::websocket::ASK;

    /// Datagrams that are written at once, some of them large, with a ping after each.
    fn written(framing: Framing, datagrams: &[(u8, usize)], with_pings: bool) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        for (byte, length) in datagrams {
            let mut bytes = Vec::new();
            framing.begin(&mut bytes);
            for _ in 0..2 {
                let content = vec![*byte; *length];
                framing.write(&mut bytes, |writer| writer.raw(&content)).expect("it fits");
            }
            framing.finish(&mut bytes);
            parts.push(bytes);
            if with_pings && matches!(framing, Framing::Message | Framing::Frames) {
                parts.push(ASK.to_vec());
            }
        }
        parts
    }

    proptest! {
        #[test]
        fn what_is_written_is_taken_apart_into_what_it_was_made_of(
            datagrams in prop::collection::vec((any::<u8>(), prop_oneof![0usize..200, Just(40_000)]), 0..8),
            cut in 0.0..1.0,
            with_pings in any::<bool>(),
        ) {
            for framing in Framing::ALL {
                let parts = written(framing, &datagrams, with_pings);
                let bytes = parts.concat();
                let mut found = Vec::new();
                let mut again = Vec::new();
                for sent in framing.sent(&bytes) {
                    match sent {
                        Sent::Datagram { frame, datagram } => {
                            found.push((datagram.first().copied().unwrap_or_default(), datagram.len()));
                            framing.begin(&mut again);
                            again.extend_from_slice(frame);
                            framing.finish(&mut again);
                            let [Sent::Datagram { datagram: same, .. }] =
                                framing.sent(&again).collect::<Vec<_>>()[..]
                            else {
                                panic!("{:?}", framing);
                            };
                            prop_assert_eq!(same, datagram);
                            again.clear();
                        }
                        Sent::Apart(bytes) => prop_assert_eq!(bytes, &ASK),
                    }
                }
                let expected: Vec<_> = datagrams
                    .iter()
                    .flat_map(|(byte, length)| [(if *length == 0 { 0 } else { *byte }, *length); 2])
                    .collect();
                prop_assert_eq!(found, expected);
                // Where the next one begins, seen from anywhere, the rest can be taken apart.
                let at = (bytes.len() as f64 * cut) as usize;
                let next = framing.next_sent(&bytes, at);
                prop_assert!(next >= at);
                let whole = framing.sent(&bytes[..next]).chain(framing.sent(&bytes[next..]));
                prop_assert!(whole.eq(framing.sent(&bytes)));
            }
        }
    }

    #[test]
    fn what_is_no_part_is_handed_on_as_it_is() {
        for framing in Framing::ALL {
            for bytes in [&b"\x82"[..], b"\x82\x7e\0", b"\x82\x7fabcdefgh", b"\xff\xff\xff\xff\xff"]
            {
                let all: Vec<_> = framing.sent(bytes).collect();
                assert_eq!(all, [Sent::Apart(bytes)], "{framing:?}");
                assert_eq!(framing.next_sent(bytes, 1), bytes.len());
            }
        }
    }
}
