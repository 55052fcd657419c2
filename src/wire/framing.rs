//! Where a datagram begins and ends on a connection.
//!
//! Inside this process, and on links, a datagram is a [`Frame`](super::Frame): a 2-byte tag before it. Clients
//! may frame otherwise. The prefix is made once for a broadcast, where the datagram is written
//! ([`Framing::write`]), and not for each receiver.

use std::ops::Range;

use super::{Error, Frames, Writer, websocket, write_frame};
use crate::ids::DATAGRAM_BYTES_MAX;

/// How datagrams are told apart on a connection.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub enum Framing {
    /// A `u16` length before each: Astron's.
    #[default]
    Tag16,
    /// A `u32` length before each.
    Tag32,
    /// WebSocket's: each datagram is a binary message. Those that leave have its header before them, which
    /// depends on nothing but their length; those that come get Astron's tag from whoever takes masks and
    /// fragments away ([`websocket::Decoder`]).
    Message,
    /// WebSocket's, with Astron's tags in messages: what leaves at once is one ([`Framing::finish`]).
    Frames,
}

/// A datagram that no peer may send: what follows it cannot be found.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a datagram of {bytes} bytes is more than there can be")]
pub struct TooLong {
    /// How long it says it is.
    pub bytes: usize,
}

impl Framing {
    /// All of them.
    pub const ALL: [Framing; 4] =
        [Framing::Tag16, Framing::Tag32, Framing::Message, Framing::Frames];

    /// Which of those with the same bytes for a broadcast stands for all of them.
    #[inline]
    pub const fn of_broadcast(self) -> Self {
        match self {
            Framing::Frames => Framing::Tag16,
            other => other,
        }
    }

    /// Begins what is sent at once, in an empty buffer.
    #[inline]
    pub fn begin(self, bytes: &mut Vec<u8>) {
        if self == Framing::Frames {
            bytes.extend_from_slice(&websocket::ROOM);
        }
    }

    /// Makes what is sent at once of all that has been [written](Framing::write) since [`Framing::begin`].
    #[inline]
    pub fn finish(self, bytes: &mut Vec<u8>) {
        if self == Framing::Frames && !bytes.is_empty() {
            websocket::wrap(bytes);
        }
    }

    /// Appends the very last that is sent, after what [`Framing::finish`] has made: why the connection is closed. Only
    /// WebSocket says that.
    pub fn write_close(self, bytes: &mut Vec<u8>, code: u16, text: &str) {
        if matches!(self, Framing::Message | Framing::Frames) {
            websocket::write_close(bytes, code, text);
        }
    }

    /// Bytes before each datagram that comes.
    const fn prefix_bytes(self) -> usize {
        match self {
            Framing::Tag16 | Framing::Message | Framing::Frames => size_of::<u16>(),
            Framing::Tag32 => size_of::<u32>(),
        }
    }

    /// How many bytes the first frame of `bytes` has, the prefix included; `None` if that is not known yet.
    #[inline]
    fn frame_bytes(self, bytes: &[u8]) -> Result<Option<usize>, TooLong> {
        let length = match self {
            Framing::Tag16 | Framing::Message | Framing::Frames => {
                bytes.first_chunk().map(|tag| usize::from(u16::from_le_bytes(*tag)))
            }
            // A length that does not fit is too long in any case.
            Framing::Tag32 => bytes
                .first_chunk()
                .map(|tag| usize::try_from(u32::from_le_bytes(*tag)).unwrap_or(usize::MAX)),
        };
        match length {
            Some(bytes) if bytes > DATAGRAM_BYTES_MAX => Err(TooLong { bytes }),
            length => Ok(length.map(|length| self.prefix_bytes() + length)),
        }
    }

    /// How many of `bytes`, from the first on, are whole frames, and whether there can be others after them.
    fn whole_bytes(self, bytes: &[u8]) -> (usize, Result<(), TooLong>) {
        if self != Framing::Tag32 {
            // Nothing that the tag can say is too long.
            return (Frames::whole_bytes(bytes), Ok(()));
        }
        let mut whole = 0;
        loop {
            match self.frame_bytes(&bytes[whole..]) {
                Ok(Some(length)) if whole + length <= bytes.len() => whole += length,
                Ok(_) => return (whole, Ok(())),
                Err(too_long) => return (whole, Err(too_long)),
            }
        }
    }

    /// The datagrams of whole frames that have come.
    pub const fn datagrams(self, frames: &[u8]) -> Datagrams<'_> {
        Datagrams { framing: self, frames }
    }

    /// Appends one frame to `buffer`, whose datagram is what `content` writes, and returns where it is.
    ///
    /// # Errors
    /// [`Error::Oversize`] if there can be no such datagram; `buffer` is then as it was before.
    #[inline]
    pub fn write(
        self,
        buffer: &mut Vec<u8>,
        content: impl FnOnce(&mut Writer<'_>),
    ) -> Result<Range<usize>, Error> {
        if matches!(self, Framing::Tag16 | Framing::Frames) {
            return write_frame(buffer, content);
        }
        let start = buffer.len();
        let room: &[u8] = match self {
            Framing::Tag32 => &[0; size_of::<u32>()],
            _ => &websocket::ROOM,
        };
        buffer.extend_from_slice(room);
        content(&mut Writer::new(buffer));
        let length = buffer.len() - start - room.len();
        if length > DATAGRAM_BYTES_MAX {
            buffer.truncate(start);
            return Err(Error::Oversize { bytes: length });
        }
        match self {
            Framing::Tag32 => {
                buffer[start..][..room.len()].copy_from_slice(&(length as u32).to_le_bytes());
            }
            _ => websocket::put_header(buffer, start),
        }
        Ok(start..buffer.len())
    }
}

/// The datagrams of whole frames, in order.
#[derive(Clone, Debug)]
pub struct Datagrams<'a> {
    framing: Framing,
    frames: &'a [u8],
}

impl<'a> Datagrams<'a> {
    /// The frames that have not been taken.
    pub const fn remaining(&self) -> &'a [u8] {
        self.frames
    }
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let length = self.framing.frame_bytes(self.frames).ok()??;
        let (frame, rest) = self.frames.split_at_checked(length)?;
        self.frames = rest;
        Some(&frame[self.framing.prefix_bytes()..])
    }
}

/// Memory that a connection keeps for the beginnings of frames.
const KEPT_BYTES: usize = 1024;

/// Puts whole frames together, however the bytes come.
#[derive(Debug)]
pub struct Assembler {
    framing: Framing,
    /// The beginning of a frame whose other bytes have not come yet.
    partial: Vec<u8>,
}

impl Assembler {
    /// For one connection.
    pub const fn new(framing: Framing) -> Self {
        Assembler { framing, partial: Vec::new() }
    }

    /// Takes bytes and hands on all frames that are whole now.
    ///
    /// # Errors
    /// If a frame is longer than there can be. Those before it have been handed on.
    pub fn take(&mut self, mut bytes: &[u8], mut frames: impl FnMut(&[u8])) -> Result<(), TooLong> {
        if !self.partial.is_empty() {
            bytes = self.complete(bytes, &mut frames)?;
        }
        let (whole, end) = self.framing.whole_bytes(bytes);
        if whole > 0 {
            frames(&bytes[..whole]);
        }
        self.partial.extend_from_slice(&bytes[whole..]);
        end
    }

    /// Whether the last frame has not come whole.
    pub const fn is_inside(&self) -> bool {
        !self.partial.is_empty()
    }

    /// Completes the frame that has begun, if `bytes` does; returns what is left of them.
    fn complete<'b>(
        &mut self,
        mut bytes: &'b [u8],
        frames: &mut impl FnMut(&[u8]),
    ) -> Result<&'b [u8], TooLong> {
        while let [first, rest @ ..] = bytes
            && self.partial.len() < self.framing.prefix_bytes()
        {
            self.partial.push(*first);
            bytes = rest;
        }
        let Some(length) = self.framing.frame_bytes(&self.partial)? else { return Ok(bytes) };
        let (missing, rest) = bytes.split_at((length - self.partial.len()).min(bytes.len()));
        self.partial.extend_from_slice(missing);
        if self.partial.len() == length {
            frames(&self.partial);
            self.partial.clear();
            if self.partial.capacity() > KEPT_BYTES {
                self.partial = Vec::new();
            }
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(framing: Framing, datagrams: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for datagram in datagrams {
            framing.write(&mut bytes, |w| w.raw(datagram)).expect("small");
        }
        bytes
    }

    proptest! {
        #[test]
        fn frames_come_out_whole_however_they_are_cut(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
            cuts in prop::collection::vec(1usize..30, 1..8),
            long_tags in any::<bool>(),
        ) {
            let framing = if long_tags { Framing::Tag32 } else { Framing::Tag16 };
            let bytes = framed(framing, &datagrams);
            let mut assembler = Assembler::new(framing);
            let mut found = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                assembler.take(piece, |frames| {
                    assert_eq!(framing.whole_bytes(frames), (frames.len(), Ok(())));
                    found.extend(framing.datagrams(frames).map(<[u8]>::to_vec));
                }).expect("none is too long");
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, datagrams);
            prop_assert!(!assembler.is_inside());
        }
    }

    #[test]
    fn a_message_has_a_header_of_its_own_and_frames_are_one_message() {
        let datagrams = [b"ab".to_vec(), vec![7; 126]];
        let messages = [&b"\x82\x02ab\x82\x7e\0\x7e"[..], &datagrams[1]].concat();
        assert_eq!(framed(Framing::Message, &datagrams), messages);
        for (framing, header) in [(Framing::Frames, &b"\x82\x7e\0\x84"[..]), (Framing::Tag16, b"")]
        {
            let mut bytes = Vec::new();
            framing.begin(&mut bytes);
            bytes.extend(framed(framing, &datagrams));
            framing.finish(&mut bytes);
            assert_eq!(bytes, [header, &framed(Framing::Tag16, &datagrams)].concat());
        }
        for has_begun in [false, true] {
            let mut nothing = Vec::new();
            if has_begun {
                Framing::Frames.begin(&mut nothing);
            }
            Framing::Frames.finish(&mut nothing);
            assert!(nothing.is_empty());
        }
    }

    #[test]
    fn only_websocket_says_why_it_is_closed_and_in_little_room() {
        let text = format!("{}é", "x".repeat(122));
        for framing in Framing::ALL {
            let mut bytes = vec![7];
            framing.write_close(&mut bytes, 4004, &text);
            let expected = match framing {
                Framing::Tag16 | Framing::Tag32 => Vec::new(),
                _ => [&b"\x88\x7c\x0f\xa4"[..], "x".repeat(122).as_bytes()].concat(),
            };
            assert_eq!(bytes[1..], expected);
        }
    }

    #[test]
    fn what_no_datagram_can_be_is_refused_and_not_waited_for() {
        let mut assembler = Assembler::new(Framing::Tag32);
        let mut bytes = framed(Framing::Tag32, &[b"one".to_vec()]);
        bytes.extend_from_slice(&65_536_u32.to_le_bytes());
        let mut found = 0;
        assert_eq!(assembler.take(&bytes, |_| found += 1), Err(TooLong { bytes: 65_536 }));
        assert_eq!(found, 1);
        let mut assembler = Assembler::new(Framing::Tag32);
        let (first, rest) = bytes.split_at(9);
        assembler.take(first, |_| {}).expect("the second tag has not come whole");
        assert_eq!(assembler.take(rest, |_| {}), Err(TooLong { bytes: 65_536 }));
        for framing in Framing::ALL {
            let mut buffer = vec![7];
            let too_much = vec![0; DATAGRAM_BYTES_MAX + 1];
            let written = framing.write(&mut buffer, |w| w.raw(&too_much));
            assert_eq!(written, Err(Error::Oversize { bytes: DATAGRAM_BYTES_MAX + 1 }));
            assert_eq!(buffer, [7]);
            framing.write(&mut buffer, |w| w.raw(&too_much[1..])).expect("the longest");
        }
    }
}
