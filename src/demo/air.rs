//! What AIs and UberDOGs have in common: a link to the message director, and messages on it. Panda3D calls such a thing a repository.
//!
//! A link is a TCP connection over which datagrams go, each with its length before it. What is to be heard on it has to be subscribed to,
//! by channel: an object's doId is its channel, and so has every program one of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use dclass::DcFile;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::cluster::STATE_SERVER;
use super::values::{self, Value};
use crate::ids::{Channel, DoId, Location};
use crate::message::{Blob, Control, FieldValues, Message, ObjectState, Rest, StateServer};
use crate::wire::{Frames, Writer, write_frame};

/// How much is read at a time: what is said to it is answered in one piece.
const READ_BYTES: usize = 8 * 1024;

/// A link, and what it is used for.
pub struct Air {
    stream: TcpStream,
    dc: Arc<DcFile>,
    /// The program's own channel, in whose name it speaks.
    channel: Channel,
    /// What has come and has not been handed over.
    unread: BytesMut,
    /// What has been said and has not been sent.
    unsent: Vec<u8>,
}

impl Air {
    /// Connects, says by which name the link is known, and hears what is sent to `channel` from then on.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn connect(
        address: SocketAddr,
        dc: Arc<DcFile>,
        channel: Channel,
        name: &str,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let unread = BytesMut::with_capacity(READ_BYTES);
        let mut air = Air { stream, dc, channel, unread, unsent: Vec::new() };
        air.control(&Control::SetConName { name: Blob(name.as_bytes()) });
        air.subscribe(channel);
        Ok(air)
    }

    /// Hears what is sent to a channel, too.
    pub fn subscribe(&mut self, channel: Channel) {
        self.control(&Control::AddChannel { channel });
    }

    /// Has the message director say this when the link is lost, since whoever has lost it cannot.
    pub fn say_when_lost(&mut self, to: Channel, message: &impl Message) {
        let datagram = self.datagram(to, message);
        self.control(&Control::AddPostRemove { sender: self.channel, datagram: Blob(&datagram) });
    }

    fn control(&mut self, message: &Control<'_>) {
        // What the demo says is short.
        let _ = write_frame(&mut self.unsent, |writer| message.write_control(writer));
    }

    /// A whole datagram, as somebody else can be asked to say it later.
    pub fn datagram(&self, to: Channel, message: &impl Message) -> Vec<u8> {
        let mut datagram = Vec::new();
        message.write_datagram(&mut Writer::new(&mut datagram), &[to], self.channel);
        datagram
    }

    /// Says something to whoever listens to a channel.
    pub fn send(&mut self, to: Channel, message: &impl Message) {
        let (unsent, sender) = (&mut self.unsent, self.channel);
        let _ = write_frame(unsent, |writer| message.write_datagram(writer, &[to], sender));
    }

    /// Creates an object from its required fields, and becomes its AI.
    ///
    /// # Panics
    /// If there is no such class, or its required fields are others.
    pub fn create(
        &mut self,
        do_id: DoId,
        class: &str,
        location: Location,
        fields: &[(&str, Vec<Value>)],
    ) {
        let dc = self.dc.clone();
        let class = dc.class_by_name(class).expect("demo.dc has it");
        // They go in the order of their ids, which is that of the DC file, and without their names.
        assert_eq!(class.required().len(), fields.len(), "{}", class.name());
        let mut bytes = Vec::new();
        for (field, (name, values)) in class.required().iter().zip(fields) {
            assert_eq!(field.name(), *name, "{}", class.name());
            bytes.extend(values::pack(field, values));
        }
        let values = Rest(&bytes);
        let object = ObjectState { do_id, location, class_id: class.id(), values };
        self.send(STATE_SERVER, &StateServer::CreateObjectWithRequired { object });
        self.send(do_id.channel(), &StateServer::ObjectSetAi { ai: self.channel });
    }

    /// Updates a field of an object.
    pub fn set(&mut self, do_id: DoId, field: &str, values: &[Value]) {
        self.set_at(do_id.channel(), do_id, field, values);
    }

    /// Says an update of an object to somebody.
    pub fn set_at(&mut self, to: Channel, do_id: DoId, field: &str, values: &[Value]) {
        let update = self.packed(field, values);
        let (field, value) = (update.field, Rest(&update.value));
        self.send(to, &StateServer::ObjectSetField { do_id, field, value });
    }

    /// A field with a value of it.
    pub fn packed(&self, field: &str, values: &[Value]) -> Packed {
        let field = values::field(&self.dc, field);
        Packed { field: field.id(), value: values::pack(field, values) }
    }

    /// The classes.
    pub fn dc(&self) -> Arc<DcFile> {
        self.dc.clone()
    }

    /// The next datagram. Before it waits for one, what has been said is sent: all answers to what came at once in one piece. It can be
    /// given up while it waits, and nothing is lost.
    ///
    /// # Errors
    /// The link is lost.
    pub async fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            // Others on this thread have their turn, however much has come.
            tokio::task::consume_budget().await;
            if let Some(frame) = Frames::new(&self.unread).next() {
                let (datagram, bytes) = (frame.datagram().to_vec(), frame.bytes().len());
                self.unread.advance(bytes);
                return Ok(datagram);
            }
            self.flush().await?;
            self.unread.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends what has been said.
    ///
    /// # Errors
    /// The link is lost.
    pub async fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let sent = self.stream.write(&self.unsent).await?;
            self.unsent.drain(..sent);
        }
        Ok(())
    }
}

/// A field with a packed value.
pub struct Packed {
    /// Which field.
    pub field: crate::ids::FieldId,
    /// The value.
    pub value: Vec<u8>,
}

/// Several fields with their values, as messages have them.
pub fn field_values(fields: &[Packed]) -> (u16, Vec<u8>) {
    let mut bytes = Vec::new();
    for Packed { field, value } in fields {
        Writer::new(&mut bytes).u16(field.0);
        bytes.extend(value);
    }
    (u16::try_from(fields.len()).unwrap_or(u16::MAX), bytes)
}

/// As [`FieldValues`].
pub fn borrowed((count, bytes): &(u16, Vec<u8>)) -> FieldValues<'_> {
    FieldValues { count: *count, bytes }
}
