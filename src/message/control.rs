//! Messages to the message director at the other end of a link.

use super::{Argument, Blob, Part, Shape, messages};
use crate::ids::Channel;
use crate::wire::{self, CONTROL_HEAD};

messages! {
    /// A control message: a datagram whose only recipient is [`Channel::CONTROL`], **without a
    /// sender**. It is for the message director that reads it and is never routed.
    pub enum Control<'a> {
        /// Subscribes to one channel.
        9000 CONTROL_ADD_CHANNEL => AddChannel { channel: Channel }
        /// Ends the subscription to one channel.
        9001 CONTROL_REMOVE_CHANNEL => RemoveChannel { channel: Channel }
        /// Subscribes to all channels from `low` to `high`, both included.
        9002 CONTROL_ADD_RANGE => AddRange { low: Channel, high: Channel }
        /// Ends the subscription to all channels from `low` to `high`, singles included.
        9003 CONTROL_REMOVE_RANGE => RemoveRange { low: Channel, high: Channel }
        /// Keeps a datagram that is routed when the link is lost.
        9010 CONTROL_ADD_POST_REMOVE => AddPostRemove { sender: Channel, datagram: Blob<'a> as Shape::Datagram }
        /// Forgets the datagrams kept for `sender`.
        9011 CONTROL_CLEAR_POST_REMOVES => ClearPostRemoves { sender: Channel }
        /// Names the link, for logs.
        9012 CONTROL_SET_CON_NAME => SetConName { name: Blob<'a> }
        /// Says where the participant's own status page is, for the console.
        9013 CONTROL_SET_CON_URL => SetConUrl { url: Blob<'a> }
        /// Hands a MessagePack event to the event logger, as it is.
        9014 CONTROL_LOG_MESSAGE => LogMessage { event: Blob<'a> }
        /// What a daemon says of itself to the one above it, before its subscriptions.
        9040 CONTROL_HELLO => Hello { version: u16, epoch: u64, capabilities: u32 }
        /// What the one above says of itself. It goes downstream.
        9041 CONTROL_HELLO_RESP => HelloResp { version: u16, epoch: u64, capabilities: u32 }
        /// Upstream: all subscriptions have been told. Downstream: those below have told theirs; `epoch` is another
        /// one when a daemon on the way to the root has been started anew.
        9042 CONTROL_SETTLED => Settled { epoch: u64 }
        /// What somebody who has left had kept under `sender`: upstream, when it is said; downstream, to a daemon that
        /// was away then.
        9043 CONTROL_LAST_WORDS => LastWords { sender: Channel, timing: Timing, datagram: Blob<'a> as Shape::Datagram }
        /// Upstream: the least epoch of all daemons below this one. Whoever hears its own is in a circle.
        9044 CONTROL_BELOW => Below { epoch: u64 }
    }
}

/// When last words are said, which decides what they still mean.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Timing {
    /// Long after they should have been: a connection was lost meanwhile. Who had them may have said them at that loss already,
    /// and somebody else may speak as that sender by now.
    pub is_late: bool,
    /// The sender has sent more since that loss.
    pub has_sent_since: bool,
}

impl<'a> Part<'a> for Timing {
    const SHAPE: Shape = Shape::Record(&[
        Argument { name: "is_late", shape: Shape::Bool },
        Argument { name: "has_sent_since", shape: Shape::Bool },
    ]);

    fn read(reader: &mut wire::Reader<'a>) -> Result<Self, wire::Error> {
        Ok(Timing { is_late: Part::read(reader)?, has_sent_since: Part::read(reader)? })
    }

    fn write(&self, writer: &mut wire::Writer<'_>) {
        self.is_late.write(writer);
        self.has_sent_since.write(writer);
    }
}

impl Control<'_> {
    /// The version of what daemons say to each other with [`Control::Hello`].
    pub const VERSION: u16 = 1;
    /// A capability: [`Control::LastWords`] is understood. (1 was that of the same message without its timing.)
    pub const TAKES_LAST_WORDS: u32 = 2;
    /// A capability: [`Control::Below`] is understood.
    pub const FINDS_CIRCLES: u32 = 4;
    /// What this daemon is capable of.
    pub const CAPABILITIES: u32 = Self::TAKES_LAST_WORDS | Self::FINDS_CIRCLES;

    /// [`Control::LastWords`] as a frame; `None` if the datagram is too long for that.
    pub fn frame_of_last_words(
        sender: Channel,
        timing: Timing,
        datagram: &[u8],
    ) -> Option<Vec<u8>> {
        let message = Control::LastWords { sender, timing, datagram: Blob(datagram) };
        let mut bytes = Vec::new();
        wire::write_frame(&mut bytes, |writer| message.write_control(writer)).ok()?;
        Some(bytes)
    }

    /// Makes a frame of [`Control::LastWords`] one that comes late.
    ///
    /// # Panics
    /// If the frame is not of that.
    pub fn make_late(frame: &mut [u8], has_sent_since: bool) {
        // Length, recipients, number, sender.
        let place = 2 + CONTROL_HEAD.len() + 2 + 8;
        frame[place] = 1;
        frame[place + 1] |= u8::from(has_sent_since);
    }

    /// Writes the datagram: one recipient, the control channel, and no sender.
    pub fn write_control(&self, writer: &mut wire::Writer<'_>) {
        writer.raw(&CONTROL_HEAD);
        super::Message::write(self, writer);
    }
}
