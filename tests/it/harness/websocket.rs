//! A game client that comes by WebSocket, written from the standard and not with the daemon's own code.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use donet::message::{Blob, Client as Message};

use super::datagram::client_datagram;
use super::world::{DC_HASH, VERSION};
use super::{LIMIT, wait_until};

/// What came next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came {
    /// A binary message.
    Message(Vec<u8>),
    /// The daemon asks whether somebody is there.
    Ping(Vec<u8>),
    /// What it was asked is answered.
    Pong(Vec<u8>),
    /// It closes the connection, with this code and text.
    Close(u16, String),
    /// The connection has ended.
    End,
}

/// What carries it.
pub trait Carrier: Read + Write + Send {}

impl<T: Read + Write + Send> Carrier for T {}

/// One connection. It answers pings by itself only where it says so.
pub struct WebSocket {
    stream: Box<dyn Carrier>,
    address: SocketAddr,
    unread: Vec<u8>,
    has_tags: bool,
}

/// A request, with these fields besides those that must be.
pub fn request(path: &str, fields: &[&str]) -> String {
    let more: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

/// The field by which several datagrams may be in a message.
pub const FRAMES: &str = "Sec-WebSocket-Protocol: donet.frames";

/// Connects, and gives up where the daemon does not answer.
pub fn tcp(address: SocketAddr) -> TcpStream {
    let what = format!("somebody listens at {address}");
    let stream = wait_until(&what, || TcpStream::connect(address).ok());
    stream.set_nodelay(true).expect("a fresh socket takes options");
    stream.set_read_timeout(Some(LIMIT)).expect("a fresh socket takes options");
    stream.set_write_timeout(Some(LIMIT)).expect("a fresh socket takes options");
    stream
}

/// Sends something of HTTP, and returns the head of the answer and what is known of what comes after it.
pub fn ask(stream: &mut dyn Carrier, request: &str) -> io::Result<(String, Vec<u8>)> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    let mut answer = Vec::new();
    loop {
        if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = answer.split_off(end + 4);
            return Ok((String::from_utf8(answer).expect("text"), rest));
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => answer.extend_from_slice(&bytes[..count]),
        }
    }
}

/// A frame that ends a message, or is none of one.
pub const FINAL: u8 = 0x80;
pub const BINARY: u8 = 2;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
pub const CLOSE: u8 = 8;

/// A frame as clients send it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        length @ ..126 => bytes.push(0x80 | length as u8),
        length @ ..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Whether two lines say the same; names of fields may be in capital or small letters.
fn is_same_field(one: &str, other: &str) -> bool {
    let parts = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        (name.to_lowercase(), value.to_owned())
    };
    parts(one) == parts(other)
}

impl WebSocket {
    /// Connects by TCP, with these fields in the request.
    pub fn connect(address: SocketAddr, path: &str, fields: &[&str]) -> Self {
        let stream = tcp(address);
        let own = stream.local_addr().expect("it is connected");
        Self::over(Box::new(stream), own, path, fields)
    }

    /// Over something else.
    pub fn over(
        mut stream: Box<dyn Carrier>,
        address: SocketAddr,
        path: &str,
        fields: &[&str],
    ) -> Self {
        let (answer, unread) = ask(&mut stream, &request(path, fields)).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        let has = |field: &str| answer.lines().any(|line| is_same_field(line, field));
        assert!(has("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        let has_tags = fields.contains(&FRAMES);
        assert_eq!(has(FRAMES), has_tags, "{answer}");
        WebSocket { stream, address, unread, has_tags }
    }

    /// The client's own port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sends bytes as they are, to a daemon that may have hung up.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Sends a frame.
    pub fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.try_send_raw(&frame(first, payload)).expect("the daemon reads what it is sent");
    }

    /// Sends a message, or several as one if messages hold tags.
    pub fn send_all(&mut self, messages: &[Message<'_>]) {
        let mut payload = Vec::new();
        for message in messages {
            let datagram = client_datagram(message);
            if self.has_tags {
                payload.extend((datagram.len() as u16).to_le_bytes());
                payload.extend(datagram);
            } else {
                self.send_frame(FINAL | BINARY, &datagram);
            }
        }
        if self.has_tags {
            self.send_frame(FINAL | BINARY, &payload);
        }
    }

    pub fn send(&mut self, message: &Message<'_>) {
        self.send_all(std::slice::from_ref(message));
    }

    /// What comes next, whatever it is.
    pub fn receive(&mut self) -> Came {
        let mut head = [0; 2];
        if !self.fill(&mut head) {
            return Came::End;
        }
        assert_eq!(head[0] & 0x70, 0, "reserved bits");
        assert_eq!(head[0] & 0x80, 0x80, "in pieces");
        let length = match head[1] {
            length @ ..126 => usize::from(length),
            126 => {
                let mut length = [0; 2];
                assert!(self.fill(&mut length));
                let length = usize::from(u16::from_be_bytes(length));
                assert!(length > 125, "it could have been shorter");
                length
            }
            127 => {
                let mut length = [0; 8];
                assert!(self.fill(&mut length));
                let length = usize::try_from(u64::from_be_bytes(length)).expect("it fits");
                assert!(length > 65_535, "it could have been shorter");
                length
            }
            _ => panic!("servers do not mask"),
        };
        let mut payload = vec![0; length];
        assert!(self.fill(&mut payload), "the end in the middle of a frame");
        match head[0] & 0x0f {
            BINARY => Came::Message(payload),
            PING => Came::Ping(payload),
            PONG => Came::Pong(payload),
            CLOSE => {
                let (code, text) = payload.split_first_chunk().expect("a code");
                let text = String::from_utf8(text.to_vec()).expect("UTF-8");
                Came::Close(u16::from_be_bytes(*code), text)
            }
            other => panic!("a frame of kind {other}"),
        }
    }

    /// Fills a buffer; `false` if the connection has ended before.
    fn fill(&mut self, buffer: &mut [u8]) -> bool {
        while self.unread.len() < buffer.len() {
            let mut bytes = [0; 16 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(count) => self.unread.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    panic!("nothing comes")
                }
                Err(_) => return false,
            }
        }
        buffer.copy_from_slice(&self.unread[..buffer.len()]);
        self.unread.drain(..buffer.len());
        true
    }

    /// The datagrams of the next message; pings that come before it are answered.
    pub fn datagrams(&mut self) -> Vec<Vec<u8>> {
        loop {
            let message = match self.receive() {
                Came::Ping(payload) => {
                    self.send_frame(FINAL | PONG, &payload);
                    continue;
                }
                Came::Message(message) => message,
                other => panic!("{other:?} where a message should come"),
            };
            if !self.has_tags {
                return vec![message];
            }
            let mut datagrams = Vec::new();
            let mut rest = &message[..];
            while let Some((length, after)) = rest.split_first_chunk() {
                let (datagram, after) = after.split_at(u16::from_le_bytes(*length).into());
                datagrams.push(datagram.to_vec());
                rest = after;
            }
            assert!(rest.is_empty(), "half a tag");
            return datagrams;
        }
    }

    /// Expects these datagrams next, in however many messages.
    #[track_caller]
    pub fn expect_all(&mut self, expected: &[Message<'_>]) {
        let expected: Vec<Vec<u8>> = expected.iter().map(client_datagram).collect();
        let mut came = Vec::new();
        while came.len() < expected.len() {
            came.extend(self.datagrams());
        }
        assert_eq!(came, expected);
    }

    #[track_caller]
    pub fn expect(&mut self, expected: &Message<'_>) {
        self.expect_all(std::slice::from_ref(expected));
    }

    /// Says hello, and is told hello.
    pub fn hello(&mut self) {
        self.send(&Message::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) });
        self.expect(&Message::HelloResp {});
    }

    /// Expects a close with this code, and then the end; returns its text.
    #[track_caller]
    pub fn expect_close(&mut self, code: u16) -> String {
        let Came::Close(came, text) = self.receive() else { panic!("no close") };
        assert_eq!(came, code, "{text}");
        // As clients do.
        let _ = self.try_send_raw(&frame(FINAL | CLOSE, &code.to_be_bytes()));
        assert_eq!(self.receive(), Came::End);
        text
    }
}
