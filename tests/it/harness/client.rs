//! A game client.

use std::net::SocketAddr;

use donet::message::{Blob, Client as Message, EjectReason};
use donet::wire::Reader;

use super::datagram::client_datagram;
use super::world::{DC_HASH, VERSION};
use super::{FrameStream, Received};

/// A connection to a client agent.
pub struct Client {
    stream: FrameStream,
}

impl Client {
    pub(super) const fn new(stream: FrameStream) -> Self {
        Client { stream }
    }

    /// Connects to an address.
    pub fn connect(address: SocketAddr) -> Self {
        Client::new(FrameStream::connect(address))
    }

    /// The connection itself, for what is not a message.
    pub const fn stream(&mut self) -> &mut FrameStream {
        &mut self.stream
    }

    /// The client's own address.
    pub fn address(&self) -> SocketAddr {
        self.stream.socket().local_addr().expect("it is connected")
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Message<'_>) {
        self.stream.send(&client_datagram(message));
    }

    /// Sends a message with more bytes after it.
    pub fn send_with(&mut self, message: &Message<'_>, more: &[u8]) {
        let mut datagram = client_datagram(message);
        datagram.extend_from_slice(more);
        self.stream.send(&datagram);
    }

    /// Says hello, and is told hello.
    pub fn hello(&mut self) {
        self.send(&Message::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) });
        self.expect(&Message::HelloResp {});
    }

    /// The next datagram.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn receive(&mut self) -> Vec<u8> {
        match self.stream.receive() {
            Received::Datagram(datagram) => datagram,
            other => panic!("{other:?} where a datagram should come"),
        }
    }

    /// Expects this message next.
    #[track_caller]
    pub fn expect(&mut self, expected: &Message<'_>) {
        match self.stream.receive() {
            Received::Datagram(came) if came == client_datagram(expected) => {}
            Received::Datagram(came) => panic!("{} came instead of {expected:?}", show(&came)),
            other => panic!("{other:?} where this should come: {expected:?}"),
        }
    }

    /// Expects these messages next, in any order.
    #[track_caller]
    pub fn expect_any_order<'a>(&mut self, expected: impl IntoIterator<Item = Message<'a>>) {
        let mut missing: Vec<Message<'_>> = expected.into_iter().collect();
        while !missing.is_empty() {
            let came = self.receive();
            match missing.iter().position(|message| client_datagram(message) == came) {
                Some(index) => drop(missing.remove(index)),
                None => panic!("{} came where these should: {missing:#?}", show(&came)),
            }
        }
    }

    /// Expects CLIENT_EJECT for this reason, and then nothing but the end of the connection.
    #[track_caller]
    pub fn expect_eject(&mut self, reason: EjectReason) {
        let text = self.expect_eject_with(reason as u16);
        assert!(!text.is_empty(), "an eject without a word");
    }

    /// As [`Client::expect_eject`], for any reason; returns the text.
    #[track_caller]
    pub fn expect_eject_with(&mut self, expected: u16) -> String {
        let came = self.receive();
        let Some(Message::Eject { reason, text: Blob(text) }) = decode(&came) else {
            panic!("{} came instead of an eject for {expected}", show(&came));
        };
        assert_eq!(reason, expected, "ejected with: {}", text.escape_ascii());
        let text = String::from_utf8(text.to_vec()).expect("ejects speak UTF-8");
        self.expect_closed();
        text
    }

    /// Expects the connection to be closed without another word.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        match self.stream.receive() {
            Received::Closed => {}
            Received::Datagram(came) => panic!("{} came before the end", show(&came)),
            Received::Nothing => panic!("still open"),
        }
    }

    /// Closes the connection.
    pub fn close(self) {}
}

fn decode(datagram: &[u8]) -> Option<Message<'_>> {
    let mut reader = Reader::new(datagram);
    let number = reader.u16().ok()?;
    Message::decode(number, &mut reader).ok()
}

fn show(datagram: &[u8]) -> String {
    match decode(datagram) {
        Some(message) => format!("{message:?}"),
        None => format!("bytes \"{}\"", datagram.escape_ascii()),
    }
}
