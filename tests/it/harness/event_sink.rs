//! The event logger that a daemon under test sends to.

use std::cell::RefCell;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::LIMIT;
use super::recording::{self, Recording};

/// A daemon that has settled or ended says nothing more when it has said nothing for so long.
const QUIET: Duration = Duration::from_millis(20);

/// A UDP socket that receives events.
pub struct EventSink {
    socket: UdpSocket,
    recording: RefCell<Option<Recording>>,
}

impl EventSink {
    /// Listens on a free port.
    pub fn open() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(LIMIT)).expect("a fresh socket takes options");
        EventSink { socket, recording: RefCell::new(Recording::begin()) }
    }

    /// Where the events have to be sent.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("it is bound")
    }

    /// The next packet.
    pub fn receive(&self) -> Vec<u8> {
        let mut packet = vec![0; 65_536];
        let length = self.socket.recv(&mut packet).expect("an event comes");
        packet.truncate(length);
        if let Some(recording) = &mut *self.recording.borrow_mut() {
            recording.packet(&packet);
        }
        packet
    }

    /// The next event's keys and values.
    pub fn event(&self) -> Vec<(String, String)> {
        let packet = self.receive();
        let mut reader = &packet[..];
        let count = match take(&mut reader, 1)[0] {
            header if header & 0xf0 == 0x80 => usize::from(header & 0x0f),
            0xde => usize::from(u16_of(take(&mut reader, 2))),
            header => panic!("{header:#x} is no map: {}", packet.escape_ascii()),
        };
        let entries =
            (0..count).map(|_| (string(&mut reader), string(&mut reader))).collect::<Vec<_>>();
        assert!(reader.is_empty(), "bytes after the map: {}", packet.escape_ascii());
        entries
    }

    /// Expects an event with exactly these keys and values next.
    #[track_caller]
    pub fn expect(&self, expected: &[(&str, &str)]) {
        let event = self.event();
        let event: Vec<(&str, &str)> = event.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(event, expected);
    }
}

impl Drop for EventSink {
    /// Records what nobody has read.
    fn drop(&mut self) {
        if let Some(recording) = self.recording.get_mut() {
            recording::settle();
            self.socket.set_read_timeout(Some(QUIET)).expect("sockets take options");
            let mut packet = vec![0; 65_536];
            while let Ok(length) = self.socket.recv(&mut packet) {
                recording.packet(&packet[..length]);
            }
        }
    }
}

fn take<'a>(reader: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, rest) = reader.split_at(count);
    *reader = rest;
    head
}

fn u16_of(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes.try_into().expect("two bytes"))
}

fn string(reader: &mut &[u8]) -> String {
    let length = match take(reader, 1)[0] {
        header if header & 0xe0 == 0xa0 => usize::from(header & 0x1f),
        0xda => usize::from(u16_of(take(reader, 2))),
        header => panic!("{header:#x} is no string of a form that event senders use"),
    };
    String::from_utf8(take(reader, length).to_vec()).expect("text")
}
