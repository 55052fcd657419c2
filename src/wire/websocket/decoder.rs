//! What clients send: masks and pieces off, messages out.

use super::flaw::may_be_sent;
use super::{BINARY, CLOSE, CONTINUATION, CONTROL_BYTES_MAX, FINAL, Flaw, LONG, MESSAGE_BYTES_MAX};
use super::{PING, PONG, TEXT, VERY_LONG, pong};
use crate::ids::{DATAGRAM_BYTES_MAX, LengthTag};
use crate::wire::Frames;

/// The longest head of a frame: `2 | length | mask`.
const HEAD_BYTES_MAX: usize = 14;
const MASKED: u8 = 0x80;
const MASK_BYTES: usize = 4;
/// Memory that is kept for messages in pieces.
const KEPT_BYTES: usize = 1024;

/// Reads what one peer sends, however it is cut.
#[derive(Debug)]
pub struct Decoder {
    /// Messages hold datagrams with their tags, and not one without.
    has_tags: bool,
    /// The head of a frame, as far as it has come.
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// The frame whose payload is coming.
    frame: Option<Frame>,
    /// What has come of a message that is not whole.
    message: Vec<u8>,
    /// A message has begun, of which more frames come.
    is_inside: bool,
    /// What has come of a control frame that is not whole.
    control: Vec<u8>,
    /// Nothing is read any more.
    has_ended: bool,
}

/// What has been heard besides messages.
#[derive(PartialEq, Eq, Default, Debug)]
#[must_use = "a peer waits for an answer"]
pub struct Heard {
    /// What is to be answered, if anything: one pong, for the last ping.
    pub answer: Vec<u8>,
    /// How many frames have come that said nothing to anybody: control frames, and pieces of messages.
    pub idle_frames: u32,
    /// How the peer's side has ended, if it has.
    pub parting: Option<Parting>,
}

/// Why nothing more is read.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Parting {
    /// The peer has closed it in order, with this code, if it gave one.
    Closed(Option<u16>),
    /// It has done what no peer may.
    Flaw(Flaw),
}

impl From<Flaw> for Parting {
    fn from(flaw: Flaw) -> Self {
        Parting::Flaw(flaw)
    }
}

/// One frame whose head has come.
#[derive(Copy, Clone, Debug)]
struct Frame {
    opcode: u8,
    is_final: bool,
    /// Bytes of it that are still to come.
    missing: usize,
    /// The mask of the next of them first.
    mask: [u8; MASK_BYTES],
}

impl Frame {
    const fn is_control(self) -> bool {
        self.opcode >= CLOSE
    }
}

impl Decoder {
    /// For one connection; `has_tags` if its messages hold datagrams with their tags, and not one without.
    pub const fn new(has_tags: bool) -> Self {
        Decoder {
            has_tags,
            head: [0; HEAD_BYTES_MAX],
            head_bytes: 0,
            frame: None,
            message: Vec::new(),
            is_inside: false,
            control: Vec::new(),
            has_ended: false,
        }
    }

    /// Takes bytes, and appends the datagrams of messages that are whole now to `frames`, each with its tag.
    pub fn take(&mut self, mut bytes: &[u8], frames: &mut Vec<u8>) -> Heard {
        let mut heard = Heard::default();
        while !bytes.is_empty() && !self.has_ended {
            if let Err(parting) = self.take_some(&mut bytes, frames, &mut heard) {
                heard.parting = Some(parting);
                self.has_ended = true;
                (self.message, self.control) = (Vec::new(), Vec::new());
            }
        }
        heard
    }

    /// Takes the rest of one frame, or as much of it as there is.
    fn take_some(
        &mut self,
        bytes: &mut &[u8],
        frames: &mut Vec<u8>,
        heard: &mut Heard,
    ) -> Result<(), Parting> {
        let mut frame = match self.frame.take() {
            Some(frame) => frame,
            None => match self.take_head(bytes)? {
                Some(frame) => frame,
                None => return Ok(()),
            },
        };
        let piece = bytes.split_off(..frame.missing.min(bytes.len())).unwrap_or_default();
        frame.missing -= piece.len();
        let is_whole = frame.missing == 0;
        if frame.is_control() {
            unmask(&mut self.control, piece, &mut frame.mask);
        } else if is_whole && frame.is_final && self.message.is_empty() {
            // As nearly all are: it is not kept in between.
            let start = self.begin_datagram(frames, piece.len());
            unmask(frames, piece, &mut frame.mask);
            return self.end_message(frames, start, heard);
        } else {
            unmask(&mut self.message, piece, &mut frame.mask);
        }
        if !is_whole {
            self.frame = Some(frame);
            return Ok(());
        }
        if frame.is_control() {
            heard.idle_frames += 1;
            return self.end_control(frame.opcode, heard);
        }
        if !frame.is_final {
            heard.idle_frames += 1;
            return Ok(());
        }
        let start = self.begin_datagram(frames, self.message.len());
        frames.append(&mut self.message);
        if self.message.capacity() > KEPT_BYTES {
            self.message = Vec::new();
        }
        self.end_message(frames, start, heard)
    }

    /// The next frame, if its head has come whole. What is wrong with a head is said as soon as it has come so far.
    fn take_head(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame>, Flaw> {
        loop {
            let wanted = match self.head_bytes {
                0 | 1 => 2,
                _ => head_bytes(self.head[1]),
            };
            let missing = wanted - self.head_bytes;
            let piece = bytes.split_off(..missing.min(bytes.len())).unwrap_or_default();
            self.head[self.head_bytes..][..piece.len()].copy_from_slice(piece);
            self.head_bytes += piece.len();
            if self.head_bytes < wanted {
                return Ok(None);
            }
            if wanted == 2 {
                self.check_kind(self.head[0], self.head[1])?;
                continue;
            }
            self.head_bytes = 0;
            return self.read_head(wanted).map(Some);
        }
    }

    /// Whether such a frame may come now.
    fn check_kind(&self, first: u8, second: u8) -> Result<(), Flaw> {
        let opcode = first & 0x0f;
        if first & 0x70 != 0 {
            return Err(Flaw::ReservedBits);
        }
        if second & MASKED == 0 {
            return Err(Flaw::Unmasked);
        }
        match opcode {
            CONTINUATION if !self.is_inside => Err(Flaw::NotBegun),
            TEXT => Err(Flaw::Text),
            BINARY if self.is_inside => Err(Flaw::NotEnded),
            CONTINUATION | BINARY => Ok(()),
            CLOSE | PING | PONG if first & FINAL == 0 => Err(Flaw::ControlInPieces),
            CLOSE | PING | PONG if usize::from(second & !MASKED) > CONTROL_BYTES_MAX => {
                Err(Flaw::LongControl)
            }
            CLOSE | PING | PONG => Ok(()),
            _ => Err(Flaw::Opcode(opcode)),
        }
    }

    /// What a head says that is whole, and has so many bytes.
    fn read_head(&mut self, head_bytes: usize) -> Result<Frame, Flaw> {
        let (head, mask) = self.head[..head_bytes].split_at(head_bytes - MASK_BYTES);
        let mask = *mask.first_chunk().expect("so it was split");
        let (length, least) = match head[2..] {
            [] => (u64::from(head[1] & !MASKED), 0),
            [a, b] => (u16::from_be_bytes([a, b]).into(), LONG.into()),
            _ => {
                let length = head.last_chunk().expect("eight bytes after two");
                (u64::from_be_bytes(*length), u64::from(u16::MAX) + 1)
            }
        };
        if length < least {
            return Err(Flaw::Length(length));
        }
        let (is_final, opcode) = (head[0] & FINAL != 0, head[0] & 0x0f);
        if opcode < CLOSE {
            let total = length.saturating_add(self.message.len() as u64);
            let most = if self.has_tags { MESSAGE_BYTES_MAX } else { DATAGRAM_BYTES_MAX };
            if total > most as u64 {
                return Err(Flaw::TooLong(total));
            }
            self.is_inside = !is_final;
        }
        Ok(Frame { opcode, is_final, missing: length as usize, mask })
    }

    /// Appends the tag of a datagram, if the message has none; where it begins.
    fn begin_datagram(&self, frames: &mut Vec<u8>, length: usize) -> usize {
        let start = frames.len();
        if !self.has_tags {
            frames.extend_from_slice(&(length as LengthTag).to_le_bytes());
        }
        start
    }

    /// Looks at a message that has been appended.
    fn end_message(
        &self,
        frames: &mut Vec<u8>,
        start: usize,
        heard: &mut Heard,
    ) -> Result<(), Parting> {
        let message = &frames[start..];
        if Frames::whole_bytes(message) != message.len() {
            frames.truncate(start);
            return Err(Flaw::NoFrames.into());
        }
        heard.idle_frames += u32::from(message.is_empty());
        Ok(())
    }

    fn end_control(&mut self, opcode: u8, heard: &mut Heard) -> Result<(), Parting> {
        let payload = std::mem::take(&mut self.control);
        match opcode {
            PING => heard.answer = pong(&payload),
            CLOSE => return Err(close_of(&payload)),
            // Whoever waits for it has noticed that something came.
            _ => {}
        }
        Ok(())
    }
}

/// How long a head is, by its second byte.
const fn head_bytes(second: u8) -> usize {
    let length = match second & !MASKED {
        LONG => 2,
        VERY_LONG => 8,
        _ => 0,
    };
    2 + length + MASK_BYTES
}

fn close_of(payload: &[u8]) -> Parting {
    let Some((code, text)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Parting::Closed(None) } else { Flaw::CloseCode.into() };
    };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Flaw::CloseCode.into();
    }
    match str::from_utf8(text) {
        Ok(_) => Parting::Closed(Some(code)),
        Err(_) => Flaw::CloseText.into(),
    }
}

/// Appends bytes without their mask, which is turned so that it fits what comes after them.
fn unmask(into: &mut Vec<u8>, bytes: &[u8], mask: &mut [u8; MASK_BYTES]) {
    let start = into.len();
    into.extend_from_slice(bytes);
    let word = u32::from_ne_bytes(*mask);
    let (words, rest) = into[start..].as_chunks_mut();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(*mask) {
        *byte ^= mask;
    }
    mask.rotate_left(bytes.len() % MASK_BYTES);
}
