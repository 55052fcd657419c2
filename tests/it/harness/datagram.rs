//! Server datagrams as they came, and as they should have come.

use std::fmt;

use donet::ids::{Channel, DoId, Location};
use donet::message::{Client, Cluster, Control, Message, name_of};
use donet::wire::{CONTROL_HEAD, Envelope, Reader, Writer};

/// Something with a channel of its own.
pub trait At: Copy {
    /// The channel.
    fn at(self) -> Channel;
}

impl At for Channel {
    fn at(self) -> Channel {
        self
    }
}

impl At for DoId {
    fn at(self) -> Channel {
        self.channel()
    }
}

impl At for Location {
    fn at(self) -> Channel {
        self.channel()
    }
}

/// The recipients of a datagram: one, or several in an array.
pub trait To {
    /// Their channels.
    fn channels(&self) -> Vec<Channel>;
}

impl<T: At> To for T {
    fn channels(&self) -> Vec<Channel> {
        vec![self.at()]
    }
}

impl<const N: usize> To for [Channel; N] {
    fn channels(&self) -> Vec<Channel> {
        self.to_vec()
    }
}

impl To for &[Channel] {
    fn channels(&self) -> Vec<Channel> {
        self.to_vec()
    }
}

/// The bytes of a datagram with `message` in it.
pub fn server_datagram(to: impl To, from: impl At, message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_datagram(&mut Writer::new(&mut bytes), &to.channels(), from.at());
    bytes
}

/// The bytes of a control message.
pub fn control_datagram(message: &Control<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_control(&mut Writer::new(&mut bytes));
    bytes
}

/// The bytes of a client's datagram.
pub fn client_datagram(message: &Client<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

/// A server datagram that came.
#[derive(Clone, PartialEq, Eq)]
pub struct Datagram {
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Datagram {
    /// Recipients, sender and message.
    ///
    /// # Panics
    /// When it ends before its message type.
    pub fn envelope(&self) -> Envelope<'_> {
        Envelope::read(&self.bytes).unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The message.
    ///
    /// # Panics
    /// When it is none.
    pub fn message(&self) -> Cluster<'_> {
        let envelope = self.envelope();
        Cluster::decode(envelope.message_type, &mut Reader::new(envelope.body))
            .unwrap_or_else(|error| panic!("{self:?}: {error}"))
    }

    /// The control message that it is, if it is one.
    pub fn control(&self) -> Option<Control<'_>> {
        let mut reader = Reader::new(self.bytes.strip_prefix(&CONTROL_HEAD[..])?);
        let number = reader.u16().ok()?;
        Control::decode(number, &mut reader).ok()
    }
}

impl fmt::Debug for Datagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(control) = self.control() {
            return write!(f, "{control:?}");
        }
        let Ok(Envelope { recipients, sender, message_type, body }) = Envelope::read(&self.bytes)
        else {
            return write!(f, "bytes \"{}\"", self.bytes.escape_ascii());
        };
        let to: Vec<u64> = recipients.iter().map(|channel| channel.0).collect();
        write!(f, "from {sender} to {to:?}: ")?;
        match Cluster::decode(message_type, &mut Reader::new(body)) {
            Ok(message) => write!(f, "{message:?}"),
            Err(_) => {
                write!(f, "{} {message_type} \"{}\"", name_of(message_type), body.escape_ascii())
            }
        }
    }
}

/// A datagram that should come. Equal to one that came when message and sender are the same byte
/// for byte, and the recipients are the same set.
#[derive(Clone)]
pub struct Expected(Datagram);

impl Expected {
    /// What should come.
    pub fn new(to: impl To, from: impl At, message: &impl Message) -> Self {
        Expected(Datagram { bytes: server_datagram(to, from, message) })
    }

    /// A control message that should come.
    pub fn control(message: &Control<'_>) -> Self {
        Expected(Datagram { bytes: control_datagram(message) })
    }
}

impl PartialEq<Datagram> for Expected {
    fn eq(&self, came: &Datagram) -> bool {
        if self.0 == *came {
            return true;
        }
        match (Envelope::read(&self.0.bytes), Envelope::read(&came.bytes)) {
            (Ok(expected), Ok(came)) => {
                let set = |envelope: &Envelope<'_>| {
                    let mut channels: Vec<Channel> = envelope.recipients.iter().collect();
                    channels.sort_unstable();
                    channels.dedup();
                    channels
                };
                set(&expected) == set(&came)
                    && expected.sender == came.sender
                    && expected.message_type == came.message_type
                    && expected.body == came.body
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
