//! Sending: to the router, which hands what is for others in this role back to it.

use smallvec::SmallVec;
use tracing::error;

use crate::ids::{Channel, DoId};
use crate::message::Message;
use crate::router::{Effects, Origin};
use crate::wire::Error;

/// An object as a sender.
pub(super) const fn from_object(do_id: DoId) -> Origin {
    Origin::Member(do_id.0)
}

/// The way out for one sender.
pub(super) struct Outbox<'a> {
    pub origin: Origin,
    pub effects: &'a mut Effects,
}

impl Outbox<'_> {
    /// Sends a message; to nobody if there are no recipients. Returns whether it could be sent: a
    /// message too large for a datagram is logged and dropped.
    pub fn send(
        &mut self,
        recipients: &[Channel],
        sender: Channel,
        message: &impl Message,
    ) -> bool {
        let sent = match recipients.iter().copied().any(may_be_local) {
            true => self.effects.route_from(self.origin, recipients, sender, message),
            false => self.effects.route(recipients, sender, message),
        };
        sent.inspect_err(|error| self.log_failure(*error, recipients, message)).is_ok()
    }

    /// As [`Outbox::send`], to others than this role.
    pub fn send_out(
        &mut self,
        recipients: &[Channel],
        sender: Channel,
        message: &impl Message,
    ) -> bool {
        let sent = self.effects.route(recipients, sender, message);
        sent.inspect_err(|error| self.log_failure(*error, recipients, message)).is_ok()
    }

    #[cold]
    fn log_failure(&self, error: Error, recipients: &[Channel], message: &impl Message) {
        error!(
            origin = ?self.origin,
            msgtype = message.name(),
            recipients = ?recipients,
            %error,
            "message not sent"
        );
    }
}

/// Whether an object could listen there, or a role that answers for doIds. What is sent to other
/// channels of a role is nothing that it would act on if it came from itself or from an object.
const fn may_be_local(channel: Channel) -> bool {
    channel.as_object().is_some() || channel.as_children().is_some()
}

/// A set of few recipients, without [`Channel::NONE`].
#[derive(Debug, Default)]
pub struct Targets(SmallVec<[Channel; 4]>);

impl Targets {
    pub fn add(&mut self, channel: Channel) {
        if channel.is_some() && !self.0.contains(&channel) {
            self.0.push(channel);
        }
    }

    pub fn as_slice(&self) -> &[Channel] {
        &self.0
    }
}
