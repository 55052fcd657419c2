//! What a downstream link's input means.

use super::foreign::Foreign;
use super::settling::Epoch;
use crate::event::EventSender;
use crate::ids::{Channel, ChannelRange};
use crate::message::{self, Blob, Control};
use crate::router::Batch;
use crate::wire::{self, CONTROL_HEAD, Frame, Frames, Reader, Run, write_frame};

/// Why a link has to be closed: what follows cannot be trusted to be what its sender meant.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Malformed {
    /// A datagram without even a count of recipients.
    #[error("empty datagram")]
    Empty,
    /// A datagram for one recipient that ends inside it.
    #[error("datagram ends inside its only recipient")]
    Recipient,
    /// A control message that ends before its arguments do.
    #[error("control message is {0}")]
    Control(wire::Error),
    /// It is no link at all.
    #[error("this looks like {0}")]
    Foreign(Foreign),
    /// Nothing that this daemon says to itself is to be routed.
    #[error("the link comes from this daemon itself")]
    Itself,
}

/// A change of the link itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum LinkChange {
    /// CONTROL_SET_CON_NAME.
    Name(String),
    /// CONTROL_SET_CON_URL.
    Url(String),
    /// CONTROL_HELLO: a daemon of this epoch is at the other end, and has these capabilities.
    Hello(Epoch, u32),
    /// CONTROL_SETTLED: it has told its subscriptions.
    Told,
    /// CONTROL_BELOW: a daemon of this epoch is somewhere below it.
    Below(Epoch),
}

/// What the first of a link's datagrams says to this daemon itself; `None` if it is to be routed, with those that follow.
#[inline]
pub(super) fn control_of(run: Run<'_>) -> Option<&[u8]> {
    run.first().datagram().strip_prefix(&CONTROL_HEAD[..])
}

/// Routes a link's datagrams. If the batch is over before that, those that are left are returned.
///
/// # Errors
/// [`Malformed`] if the link has to be closed.
#[inline]
pub(super) fn route<'f>(run: Run<'f>, batch: &mut Batch<'_>) -> Result<Frames<'f>, Malformed> {
    batch.route_run(run).or_else(|_| unreadable(run.first().datagram()))
}

/// Recipients cannot be read: what that means for a link.
#[cold]
fn unreadable<'f>(datagram: &[u8]) -> Result<Frames<'f>, Malformed> {
    match datagram.first() {
        None => return Err(Malformed::Empty),
        Some(1) => return Err(Malformed::Recipient),
        Some(_) => {}
    }
    tracing::error!(bytes = datagram.len(), "datagram ends inside its recipients; dropped");
    Ok(Frames::new(&[]))
}

/// Does what a link's control message asks for.
///
/// # Errors
/// As [`route`].
pub(super) fn obey(
    control: &[u8],
    batch: &mut Batch<'_>,
    events: &EventSender,
) -> Result<Option<LinkChange>, Malformed> {
    let mut reader = Reader::new(control);
    let number = reader.u16().map_err(Malformed::Control)?;
    let message = match Control::decode(number, &mut reader) {
        Ok(message) => message,
        Err(message::Error::Wire(error)) => return Err(Malformed::Control(error)),
        Err(message::Error::UnknownType(msgtype)) => {
            tracing::error!(msgtype, "unknown control message; dropped");
            return Ok(None);
        }
    };
    match message {
        Control::AddChannel { channel } => batch.subscribe(channel),
        Control::RemoveChannel { channel } => batch.unsubscribe(channel),
        Control::AddRange { low, high } => match ChannelRange::new(low, high) {
            Some(range) => batch.subscribe_range(range),
            None => warn_empty(low, high),
        },
        Control::RemoveRange { low, high } => match ChannelRange::new(low, high) {
            Some(range) => batch.unsubscribe_range(range),
            None => warn_empty(low, high),
        },
        Control::AddPostRemove { sender, datagram: Blob(datagram) } => {
            framed(datagram, |frame| batch.add_post_remove(sender, frame));
        }
        Control::LastWords { sender, timing, datagram: Blob(datagram) } => {
            if !framed(datagram, |frame| batch.hand_on_last_words(sender, timing, frame)) {
                tracing::error!(%sender, "last words end inside their recipients; dropped");
            }
        }
        Control::ClearPostRemoves { sender } => batch.clear_post_removes(sender),
        Control::SetConName { name: Blob(name) } => {
            return Ok(Some(LinkChange::Name(String::from_utf8_lossy(name).into_owned())));
        }
        Control::SetConUrl { url: Blob(url) } => {
            return Ok(Some(LinkChange::Url(String::from_utf8_lossy(url).into_owned())));
        }
        Control::LogMessage { event: Blob(event) } => events.send_raw(event),
        Control::Hello { epoch, capabilities, .. } => {
            return Ok(Some(LinkChange::Hello(epoch, capabilities)));
        }
        Control::Settled { .. } => return Ok(Some(LinkChange::Told)),
        Control::Below { epoch } => return Ok(Some(LinkChange::Below(epoch))),
        Control::HelloResp { .. } => tracing::warn!("answer to a hello that was not said; ignored"),
    }
    Ok(None)
}

/// Has the router know of a daemon at the other end of a link, at once: what comes behind its hello are subscriptions.
pub(super) fn note(change: &LinkChange, batch: &mut Batch<'_>) {
    match *change {
        LinkChange::Hello(epoch, capabilities) if capabilities & Control::TAKES_LAST_WORDS != 0 => {
            batch.daemon_is_here(epoch);
        }
        LinkChange::Told => batch.daemon_has_told(),
        LinkChange::Hello(..) | LinkChange::Name(_) | LinkChange::Url(_) | LinkChange::Below(_) => {
        }
    }
}

/// A datagram that came within another one, as a frame.
pub(super) fn framed<T>(datagram: &[u8], act: impl FnOnce(Frame<'_>) -> T) -> T {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |writer| writer.raw(datagram)).expect("shorter than what it came in");
    act(Frame::new(&bytes).expect("just written"))
}

fn warn_empty(low: Channel, high: Channel) {
    tracing::warn!(%low, %high, "channel range ends before it begins; ignored");
}
