//! The client's side of a WebSocket whose messages hold frames, as the client for browsers has it.

use anyhow::{Result, ensure};

use crate::wire::split;

/// What a connection begins with. The key is the one in RFC 6455; whether the answer to it is right is for tests to find out.
pub const REQUEST: &str = "GET / HTTP/1.1\r\nHost: load.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: donet.frames\r\n\r\n";
/// Anything but zeros, so that the daemon has to unmask.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// A message holds so much; the longest that a daemon takes is 65,537.
const MESSAGE_MAX: usize = 32 * 1024;

const BINARY: u8 = 2;
const PING: u8 = 9;
const PONG: u8 = 10;

/// One connection.
#[derive(Default)]
pub struct WebSocket {
    is_open: bool,
    /// What is to be said when it is open.
    waiting: Vec<u8>,
    /// Bytes that are missing of the message that has begun.
    left: usize,
    /// The beginning of a frame whose end has not arrived.
    partial: Vec<u8>,
}

impl WebSocket {
    /// Appends whole frames, as messages, to what is sent.
    pub fn say(&mut self, frames: &[u8], unsent: &mut Vec<u8>) -> Result<()> {
        if !self.is_open {
            self.waiting.extend_from_slice(frames);
            return Ok(());
        }
        let (mut begin, mut end) = (0, 0);
        split(frames, |frame| {
            let next = end + 2 + frame.len();
            if next - begin > MESSAGE_MAX && end > begin {
                put_message(BINARY, &frames[begin..end], unsent);
                begin = end;
            }
            end = next;
            Ok(())
        })?;
        if end > begin {
            put_message(BINARY, &frames[begin..end], unsent);
        }
        Ok(())
    }

    /// Hands the frames in `bytes` to `handle`, answers what has to be answered, and returns how much of `bytes` it has
    /// taken.
    pub fn hear(
        &mut self,
        bytes: &[u8],
        unsent: &mut Vec<u8>,
        mut handle: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<usize> {
        let mut at = 0;
        if !self.is_open {
            let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                return Ok(0);
            };
            let answer = String::from_utf8_lossy(&bytes[..end]);
            ensure!(answer.starts_with("HTTP/1.1 101 "), "no WebSocket, but: {answer}");
            at = end + 4;
            self.is_open = true;
            let waiting = std::mem::take(&mut self.waiting);
            self.say(&waiting, unsent)?;
        }
        loop {
            let here = self.left.min(bytes.len() - at);
            self.hear_part(&bytes[at..at + here], &mut handle)?;
            at += here;
            self.left -= here;
            let Some(header) = Header::of(&bytes[at..]) else { return Ok(at) };
            match header.opcode {
                // A continuation is more of the same.
                0 | BINARY => self.left = header.payload,
                opcode => {
                    let begin = at + header.bytes;
                    let Some(content) = bytes.get(begin..begin + header.payload) else {
                        return Ok(at);
                    };
                    if opcode == PING {
                        put_message(PONG, content, unsent);
                    }
                    at += header.payload;
                }
            }
            at += header.bytes;
        }
    }

    /// Frames that lie whole in what has arrived are not copied.
    fn hear_part(
        &mut self,
        mut part: &[u8],
        handle: &mut impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(part);
            let whole = split(&self.partial, &mut *handle)?;
            self.partial.drain(..whole);
            part = &[];
        }
        let whole = split(part, &mut *handle)?;
        self.partial.extend_from_slice(&part[whole..]);
        Ok(())
    }
}

/// The beginning of a frame of the WebSocket.
struct Header {
    opcode: u8,
    /// How long it is itself.
    bytes: usize,
    payload: usize,
}

impl Header {
    /// `None` if it has not arrived as a whole.
    fn of(bytes: &[u8]) -> Option<Header> {
        let &[first, second] = bytes.first_chunk()?;
        let rest = &bytes[2..];
        // The daemon masks nothing.
        let (more, payload) = match second {
            126 => (2, u16::from_be_bytes(*rest.first_chunk()?).into()),
            127 => (8, u64::from_be_bytes(*rest.first_chunk()?) as usize),
            short => (0, short.into()),
        };
        Some(Header { opcode: first & 0xf, bytes: 2 + more, payload })
    }
}

fn put_message(opcode: u8, content: &[u8], unsent: &mut Vec<u8>) {
    const WHOLE: u8 = 0x80;
    const MASKED: u8 = 0x80;
    unsent.push(WHOLE | opcode);
    match content.len() {
        short @ 0..=125 => unsent.push(MASKED | short as u8),
        long => {
            unsent.push(MASKED | 126);
            unsent.extend_from_slice(&(long as u16).to_be_bytes());
        }
    }
    unsent.extend_from_slice(&MASK);
    unsent.extend(content.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}
