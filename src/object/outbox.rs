//! Sending: to the router, and to those in this process that the router leaves out.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use smallvec::SmallVec;
use tracing::error;

use crate::ids::{Channel, DoId};
use crate::message::Message;
use crate::router::Effects;

/// Who sent a datagram, among those that the router takes for one participant.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Someone outside: the router delivered it.
    Outside,
    /// The role itself.
    Role,
    /// An object of the population.
    Object(DoId),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Outside => f.write_str("outside"),
            Origin::Role => f.write_str("role"),
            Origin::Object(do_id) => write!(f, "object {do_id}"),
        }
    }
}

/// Frames that wait for local delivery: who sent them, and where they are in [`Effects`].
pub(super) type LocalQueue = VecDeque<(Origin, Range<usize>)>;

/// The way out for one sender.
pub(super) struct Outbox<'a> {
    pub origin: Origin,
    pub queue: &'a mut LocalQueue,
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
        match self.effects.route(recipients, sender, message) {
            Ok(frames) => {
                if !frames.is_empty() && recipients.iter().copied().any(may_be_local) {
                    self.queue.push_back((self.origin, frames));
                }
                true
            }
            Err(error) => {
                error!(
                    origin = %self.origin,
                    msgtype = message.name(),
                    recipients = ?recipients,
                    %error,
                    "message not sent"
                );
                false
            }
        }
    }
}

/// Whether an object could listen there, or a role that answers for doIds. What is sent to other
/// channels of a role is nothing that it would act on if it came from itself or from an object.
const fn may_be_local(channel: Channel) -> bool {
    channel.as_object().is_some() || channel.as_children().is_some()
}

/// A set of few recipients, without [`Channel::NONE`].
#[derive(Debug, Default)]
pub(super) struct Targets(SmallVec<[Channel; 4]>);

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
