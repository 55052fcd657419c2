//! WebSocket's frames (RFC 6455, section 5).
//!
//! What comes is masked and may be in pieces: a [`Decoder`] makes of it frames as they are on any other connection.
//! What leaves is not masked, so that what a broadcast says is the same bytes for all whom it reaches, header and all.
//!
//! ```text
//! final:1 reserved:3 opcode:4 | masked:1 length:7 | [length: u16 or u64, big-endian] | [mask: 4 bytes] | payload
//! ```

mod decoder;
mod flaw;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, Heard, Parting};
pub use flaw::{Flaw, GOING_AWAY, NORMAL, OWN, OWN_MAX, is_goodbye};

use super::Frames;
use crate::ids::{DATAGRAM_BYTES_MAX, LENGTH_TAG_BYTES};

/// In the first byte: nothing of the message follows this frame.
const FINAL: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
/// Stands where a short length would, before one of two bytes.
const LONG: u8 = 126;
/// The same, before one of eight.
const VERY_LONG: u8 = 127;
/// The most that a control frame holds.
const CONTROL_BYTES_MAX: usize = 125;

/// The most that a message holds: the longest datagram with its tag. What is more for one that reads tags comes in
/// several messages.
pub const MESSAGE_BYTES_MAX: usize = LENGTH_TAG_BYTES + DATAGRAM_BYTES_MAX;

/// What a peer is asked with whether it is still there.
pub const ASK: [u8; 2] = [FINAL | PING, 0];

/// Before a frame of `length` bytes that leaves.
#[derive(Copy, Clone, Debug)]
pub(super) struct Header {
    bytes: [u8; Header::BYTES_MAX],
    length: usize,
}

impl Header {
    pub const BYTES_MAX: usize = 10;

    /// Of a binary message that is whole.
    pub fn binary(length: usize) -> Self {
        Self::new(BINARY, length)
    }

    fn new(opcode: u8, length: usize) -> Self {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[0] = FINAL | opcode;
        let header = if length < LONG.into() {
            bytes[1] = length as u8;
            2
        } else if let Ok(length) = u16::try_from(length) {
            bytes[1] = LONG;
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            4
        } else {
            bytes[1] = VERY_LONG;
            bytes[2..].copy_from_slice(&(length as u64).to_be_bytes());
            Self::BYTES_MAX
        };
        Header { bytes, length: header }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What stands before that of which a message is to be made: room for the header of a short one.
pub(super) const ROOM: [u8; 2] = [0; 2];

/// Makes a message of all that stands behind [`ROOM`] at `start`. Most are short, so that nothing is moved.
#[inline]
pub(super) fn put_header(bytes: &mut Vec<u8>, start: usize) {
    let length = bytes.len() - start - ROOM.len();
    let header = Header::binary(length);
    let header = header.bytes();
    let moved = header.len() - ROOM.len();
    if moved > 0 {
        bytes.resize(bytes.len() + moved, 0);
        let content = start + ROOM.len();
        bytes.copy_within(content..content + length, content + moved);
    }
    bytes[start..start + header.len()].copy_from_slice(header);
}

/// Makes messages of the whole frames behind [`ROOM`]: one, unless they are very many.
pub(super) fn wrap(bytes: &mut Vec<u8>) {
    match bytes.len() - ROOM.len() {
        0 => bytes.clear(),
        1..=MESSAGE_BYTES_MAX => put_header(bytes, 0),
        length => {
            let messages = length / (MESSAGE_BYTES_MAX / 2) + 1;
            let mut wrapped = Vec::with_capacity(length + messages * Header::BYTES_MAX);
            let mut frames = Frames::new(&bytes[ROOM.len()..]);
            while !frames.is_empty() {
                let message = frames.take_front(MESSAGE_BYTES_MAX).remaining();
                wrapped.extend_from_slice(Header::binary(message.len()).bytes());
                wrapped.extend_from_slice(message);
            }
            *bytes = wrapped;
        }
    }
}

/// Appends a close frame: nothing may follow it. Of the text there is room for little.
pub(super) fn write_close(bytes: &mut Vec<u8>, code: u16, text: &str) {
    let code = code.to_be_bytes();
    let text = &text[..text.floor_char_boundary(CONTROL_BYTES_MAX - code.len())];
    bytes.extend_from_slice(Header::new(CLOSE, code.len() + text.len()).bytes());
    bytes.extend_from_slice(&code);
    bytes.extend_from_slice(text.as_bytes());
}

/// The head of a frame that leaves: how long it is, and what is in it, and whether that is a message.
pub(super) fn head_of_sent(bytes: &[u8]) -> Option<(usize, usize, bool)> {
    let [first, second, rest @ ..] = bytes else { return None };
    let (more, length) = match *second {
        LONG => (2, u16::from_be_bytes(*rest.first_chunk()?).into()),
        VERY_LONG => (8, u64::from_be_bytes(*rest.first_chunk()?)),
        length => (0, length.into()),
    };
    Some((2 + more, usize::try_from(length).ok()?, *first == FINAL | BINARY))
}

/// The answer to a ping.
fn pong(payload: &[u8]) -> Vec<u8> {
    [Header::new(PONG, payload.len()).bytes(), payload].concat()
}
