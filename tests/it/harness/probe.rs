//! Marks: datagrams of the tests' own that show how far something has come.
//!
//! A link's input is handled in order, so when a mark that it sent has come out elsewhere, all that it
//! sent before has taken effect. Marks travel on channels that no test uses otherwise.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use donet::ids::Channel;
use donet::message::Control;
use donet::wire::{CONTROL_HEAD, Envelope, Reader, Writer};

use super::datagram::control_datagram;
use super::{FrameStream, LIMIT, Received};

/// The first channel of the marks.
const BAND: u64 = 0xf00d_0000_0000_0000;
/// The message type of a mark: no protocol has it.
const MARK: u16 = 65_000;

/// A channel that nobody else has.
pub fn new_channel() -> Channel {
    static NEXT: AtomicU64 = AtomicU64::new(BAND);
    Channel(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A mark for `to`, and the bytes by which it is recognised.
pub fn new_mark(to: Channel) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    Envelope::write_head(&mut writer, &[to], new_channel());
    writer.u16(MARK);
    bytes
}

/// Whether a datagram has to do with marks only.
pub fn is_of_harness(datagram: &[u8]) -> bool {
    let channel = match datagram.strip_prefix(&CONTROL_HEAD[..]) {
        Some(control) => {
            let mut reader = Reader::new(control);
            // Others begin with numbers that are no channels.
            let begins_with_channel = |number: &u16| *number < Control::CONTROL_SET_CON_NAME;
            reader.u16().ok().filter(begins_with_channel).and_then(|_| reader.channel().ok())
        }
        None => {
            Envelope::read(datagram).ok().and_then(|envelope| envelope.recipients.iter().next())
        }
    };
    channel.is_some_and(|channel| channel.0 >= BAND)
}

/// Whether a datagram is a daemon's hello, in which there is a random number.
pub fn is_hello(datagram: &[u8]) -> bool {
    let number = datagram.strip_prefix(&CONTROL_HEAD[..]).map(|rest| Reader::new(rest).u16());
    matches!(number, Some(Ok(Control::CONTROL_HELLO)))
}

/// A connection of the harness to a message director, at which marks come out.
pub struct Probe {
    stream: Mutex<FrameStream>,
    channel: Channel,
}

impl Probe {
    /// Connects; afterwards the daemon serves its links, so all of its roles have started.
    ///
    /// # Errors
    /// When the daemon closes the connection or does not serve it.
    pub fn connect(mut stream: FrameStream) -> Result<Self, String> {
        let address = stream.socket().peer_addr().map_err(|error| error.to_string())?;
        let channel = new_channel();
        stream.send(&control_datagram(&Control::AddChannel { channel }));
        let other = Self::connection(address).map_err(|error| error.to_string())?;
        let mut other = other.wide(stream.is_wide());
        let deadline = Instant::now() + LIMIT;
        while Instant::now() < deadline {
            // Marks are lost until the subscription has been handled.
            other.send(&new_mark(channel));
            match stream.receive_within(Duration::from_millis(20)) {
                Received::Datagram(_) => return Ok(Probe { stream: Mutex::new(stream), channel }),
                Received::Nothing => {}
                Received::Closed => return Err(format!("{address} closed the connection")),
            }
        }
        Err(format!("{address} does not deliver"))
    }

    fn connection(address: SocketAddr) -> io::Result<FrameStream> {
        TcpStream::connect(address).map(FrameStream::unrecorded)
    }

    /// Where marks have to be sent.
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// Waits until `mark` comes out. Others that come before it are forgotten.
    pub fn wait_for(&self, mark: &[u8]) {
        let mut stream = self.stream.lock().expect("no test panics while it waits");
        loop {
            match stream.receive() {
                Received::Datagram(datagram) if datagram == mark => return,
                Received::Datagram(_) => {}
                other => panic!("a mark did not come through: {other:?}"),
            }
        }
    }

    /// Waits until a daemon that still runs has done all that it was told over any connection: what was
    /// there to be read before a mark is read with it at the latest, and what follows from that has
    /// passed from role to role when more marks have come through.
    pub fn settle(&self) {
        const MARKS: usize = 8;
        // For what the kernel has in hand.
        const PAUSE: Duration = Duration::from_millis(1);
        let mut stream = self.stream.lock().expect("no test panics while it waits");
        let address = stream.socket().peer_addr();
        let Ok(mut other) = address.and_then(Self::connection) else {
            return;
        };
        for _ in 0..MARKS {
            let mark = new_mark(self.channel);
            std::thread::sleep(PAUSE);
            if other.try_send(&mark).is_err() {
                return;
            }
            loop {
                match stream.receive() {
                    Received::Datagram(datagram) if datagram == mark => break,
                    Received::Datagram(_) => {}
                    Received::Closed => return,
                    Received::Nothing => panic!("the daemon does not settle"),
                }
            }
        }
    }
}
