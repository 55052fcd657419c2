//! The part of a server datagram that every daemon understands.

use super::{Error, Reader, Writer};
use crate::ids::{CHANNEL_BYTES, Channel, ChannelRepr, RECIPIENTS_MAX};

const RECIPIENT_COUNT_BYTES: usize = size_of::<u8>();

/// How a control message begins: one recipient, [`Channel::CONTROL`], and no sender.
pub const CONTROL_HEAD: [u8; 1 + CHANNEL_BYTES] = {
    let mut head = [0; 1 + CHANNEL_BYTES];
    head[0] = 1;
    head[1] = 1;
    head
};

/// The recipients of a datagram, borrowed from it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Recipients<'a> {
    bytes: &'a [u8],
}

impl<'a> Recipients<'a> {
    /// Reads count and recipients.
    ///
    /// # Errors
    /// [`Error::Truncated`] if they are cut short.
    #[inline]
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Error> {
        let count = usize::from(reader.u8()?);
        Ok(Recipients { bytes: reader.take(count * CHANNEL_BYTES)? })
    }

    /// Those of a datagram.
    ///
    /// # Errors
    /// As [`Recipients::read`].
    #[inline]
    pub fn of(datagram: &'a [u8]) -> Result<Self, Error> {
        Self::read(&mut Reader::new(datagram))
    }

    /// The channels, in order, duplicates included.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = Channel> + Clone + 'a {
        let (channels, _) = self.bytes.as_chunks::<CHANNEL_BYTES>();
        channels.iter().map(|bytes| Channel(ChannelRepr::from_le_bytes(*bytes)))
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.bytes.len() / CHANNEL_BYTES
    }

    /// The channel, if there is one.
    #[inline]
    pub fn only(self) -> Option<Channel> {
        let bytes = self.bytes.try_into().ok()?;
        Some(Channel(ChannelRepr::from_le_bytes(bytes)))
    }

    /// How many bytes count and recipients take at the beginning of a datagram.
    #[inline]
    pub const fn head_bytes(self) -> usize {
        RECIPIENT_COUNT_BYTES + self.bytes.len()
    }

    /// Whether there are none: the datagram reaches nobody here, but goes upstream.
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }
}

/// A server datagram: `u8 count | channel × count | channel sender | u16 message type | body`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Whom it is for.
    pub recipients: Recipients<'a>,
    /// Who says that it sent it. Not authenticated.
    pub sender: Channel,
    /// The number of the message.
    pub message_type: u16,
    /// The message's arguments.
    pub body: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads a datagram.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it ends before the message's arguments.
    #[inline]
    pub fn read(datagram: &'a [u8]) -> Result<Self, Error> {
        Self::read_after(Recipients::of(datagram)?, datagram)
    }

    /// Reads a datagram whose recipients have been read already.
    ///
    /// # Errors
    /// As [`Envelope::read`].
    #[inline]
    pub fn read_after(recipients: Recipients<'a>, datagram: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(datagram);
        reader.take(recipients.head_bytes())?;
        Ok(Envelope {
            recipients,
            sender: reader.channel()?,
            message_type: reader.u16()?,
            body: reader.rest(),
        })
    }

    /// Writes the datagram as it was read.
    pub fn write(&self, writer: &mut Writer<'_>) {
        // Read from one byte's count.
        writer.u8(self.recipients.len() as u8);
        writer.raw(self.recipients.bytes);
        writer.channel(self.sender);
        writer.u16(self.message_type);
        writer.raw(self.body);
    }

    /// Writes recipients and sender; message type and arguments follow.
    ///
    /// # Panics
    /// With more than [`RECIPIENTS_MAX`] recipients: whoever has more must send several datagrams.
    pub fn write_head(writer: &mut Writer<'_>, recipients: &[Channel], sender: Channel) {
        assert!(recipients.len() <= RECIPIENTS_MAX, "{} recipients", recipients.len());
        writer.u8(recipients.len() as u8);
        for &recipient in recipients {
            writer.channel(recipient);
        }
        writer.channel(sender);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        Envelope::write_head(&mut writer, &[Channel(5), Channel(6)], Channel(7));
        writer.u16(2020);
        writer.raw(b"body");
        let envelope = Envelope::read(&bytes).expect("complete");
        assert_eq!(envelope.recipients.iter().collect::<Vec<_>>(), [Channel(5), Channel(6)]);
        assert_eq!((envelope.sender, envelope.message_type), (Channel(7), 2020));
        assert_eq!(envelope.body, b"body");
        for cut in 0..bytes.len() - 4 {
            assert!(matches!(Envelope::read(&bytes[..cut]), Err(Error::Truncated { .. })));
        }
    }
}
