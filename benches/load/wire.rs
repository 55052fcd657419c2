//! Bytes of the protocol, written independently of the daemon's own codec: a bench that shared it
//! would not notice if both were wrong.

use anyhow::Result;
use bytes::{Buf, BufMut};

/// Message numbers that the scenarios use.
pub mod msg {
    pub const CLIENT_HELLO: u16 = 1;
    pub const CLIENT_HELLO_RESP: u16 = 2;
    pub const CLIENT_DISCONNECT: u16 = 3;
    pub const CLIENT_EJECT: u16 = 4;
    pub const CLIENT_OBJECT_SET_FIELD: u16 = 120;
    pub const CLIENT_OBJECT_LEAVING: u16 = 132;
    pub const CLIENT_OBJECT_LOCATION: u16 = 140;
    pub const CLIENT_ENTER_OBJECT_REQUIRED: u16 = 142;
    pub const CLIENT_ENTER_OBJECT_REQUIRED_OTHER: u16 = 143;
    pub const CLIENT_ENTER_OBJECT_REQUIRED_OWNER: u16 = 172;
    pub const CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER: u16 = 173;
    pub const CLIENT_ADD_INTEREST: u16 = 200;
    pub const CLIENT_DONE_INTEREST_RESP: u16 = 204;
    /// Not of the protocol: a client datagram that the bench's AI sends through the client agent.
    pub const CLIENT_WELCOME: u16 = 65000;

    pub const CLIENTAGENT_SET_STATE: u16 = 1000;
    pub const CLIENTAGENT_SEND_DATAGRAM: u16 = 1002;
    pub const CLIENTAGENT_ADD_SESSION_OBJECT: u16 = 1012;

    pub const CREATE_OBJECT_WITH_REQUIRED: u16 = 2000;
    pub const OBJECT_SET_FIELD: u16 = 2020;
    pub const OBJECT_GET_LOCATION: u16 = 2044;
    pub const OBJECT_GET_LOCATION_RESP: u16 = 2045;
    pub const OBJECT_SET_AI: u16 = 2050;
    pub const OBJECT_SET_OWNER: u16 = 2060;
    pub const OBJECT_GET_ZONES_OBJECTS: u16 = 2102;
    pub const OBJECT_GET_ZONES_COUNT_RESP: u16 = 2113;
    pub const OBJECT_ENTER_INTEREST_WITH_REQUIRED: u16 = 2066;
    pub const OBJECT_ENTER_INTEREST_WITH_REQUIRED_OTHER: u16 = 2067;

    pub const DB_CREATE_OBJECT: u16 = 3000;
    pub const DB_CREATE_OBJECT_RESP: u16 = 3001;
    pub const DB_OBJECT_GET_ALL: u16 = 3014;
    pub const DB_OBJECT_GET_ALL_RESP: u16 = 3015;
    pub const DB_OBJECT_SET_FIELDS: u16 = 3021;

    pub const ADD_CHANNEL: u16 = 9000;
    pub const ADD_RANGE: u16 = 9002;
    pub const ADD_POST_REMOVE: u16 = 9010;

    /// For datagrams between links of the bench, which no role understands.
    pub const BENCH: u16 = 60000;
    /// Sent by a link when what it subscribed must be in effect.
    pub const BARRIER: u16 = 60001;
}

/// Classes and fields of `load.dc`: both are numbered in order of declaration.
pub mod dc {
    pub const WORLD: u16 = 0;
    pub const THING: u16 = 2;
    pub const AVATAR: u16 = 3;
    pub const ACCOUNT: u16 = 4;
    pub const BOARD: u16 = 5;

    pub const LOGIN: u16 = 0;
    pub const REPORT: u16 = 1;
    pub const SET_PLACE: u16 = 3;
    pub const SAY: u16 = 4;
    pub const PING: u16 = 5;
    pub const PONG: u16 = 6;
    pub const SET_NAME: u16 = 7;
    pub const SET_MONEY: u16 = 8;
    pub const SET_FRIENDS: u16 = 9;
    pub const SET_TEXT: u16 = 11;
}

/// The hash that clients must present; it stands in the configuration, so it need not be the
/// DC file's.
pub const DC_HASH: u32 = 0x10ad_0001;
/// The version that clients must present.
pub const VERSION: &str = "load";

/// The channel on which objects at a location are announced.
pub const fn location(parent: u32, zone: u32) -> u64 {
    (parent as u64) << 32 | zone as u64
}

/// Where a database server announces changes of an object.
pub const fn database_to_object(doid: u32) -> u64 {
    2 << 32 | doid as u64
}

/// Encoded frames, ready for the socket.
#[derive(Default, Clone)]
pub struct Batch {
    pub bytes: Vec<u8>,
}

impl Batch {
    /// Appends one frame whose content `body` writes.
    pub fn frame(&mut self, body: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let start = self.bytes.len();
        self.bytes.put_u16_le(0);
        body(&mut self.bytes);
        let length = u16::try_from(self.bytes.len() - start - 2).expect("frames stay below 64 KiB");
        self.bytes[start..start + 2].copy_from_slice(&length.to_le_bytes());
        self
    }

    /// Appends a server datagram to one recipient.
    pub fn to(
        &mut self,
        recipient: u64,
        sender: u64,
        number: u16,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> &mut Self {
        self.frame(|b| {
            b.put_u8(1);
            b.put_u64_le(recipient);
            b.put_u64_le(sender);
            b.put_u16_le(number);
            body(b);
        })
    }

    /// Appends a control message to the message director.
    pub fn control(&mut self, number: u16, body: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.frame(|b| {
            b.put_u8(1);
            b.put_u64_le(1);
            b.put_u16_le(number);
            body(b);
        })
    }

    /// Appends CONTROL_ADD_CHANNEL.
    pub fn subscribe(&mut self, channel: u64) -> &mut Self {
        self.control(msg::ADD_CHANNEL, |b| b.put_u64_le(channel))
    }

    /// Appends a client datagram.
    pub fn client(&mut self, number: u16, body: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        self.frame(|b| {
            b.put_u16_le(number);
            body(b);
        })
    }
}

/// Appends a string with its length tag.
pub fn put_str(b: &mut Vec<u8>, text: &str) {
    b.put_u16_le(text.len() as u16);
    b.put_slice(text.as_bytes());
}

/// Recipients, sender and number of a server datagram; what stays in `frame` is the payload.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    pub sender: u64,
    pub number: u16,
}

/// Reads the envelope off a server datagram.
pub fn envelope(frame: &mut &[u8]) -> Result<Envelope> {
    let recipients = frame.try_get_u8()? as usize;
    anyhow::ensure!(frame.len() >= recipients * 8 + 10, "datagram of {} bytes", frame.len());
    frame.advance(recipients * 8);
    Ok(Envelope { sender: frame.get_u64_le(), number: frame.get_u16_le() })
}

/// Hands every whole frame of `bytes` to `handle` and returns how many bytes those were.
pub fn split(bytes: &[u8], mut handle: impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
    let mut at = 0;
    while let Some(tag) = bytes.get(at..at + 2) {
        let length = usize::from(u16::from_le_bytes([tag[0], tag[1]]));
        let Some(frame) = bytes.get(at + 2..at + 2 + length) else {
            break;
        };
        handle(frame)?;
        at += 2 + length;
    }
    Ok(at)
}
