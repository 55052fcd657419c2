//! What there is to say about a session, for whoever inspects the agent.

use super::Session;
use crate::ids::Channel;
use crate::role::client_agent::interest::InterestKey;
use crate::router::Item;

impl Session {
    /// The session in short; what its connection has carried is not known here.
    pub fn describe(&self) -> Item {
        Item::Session {
            place: self.identity.key.place(),
            allocated: self.identity.allocated,
            channel: self.identity.channel,
            state: self.state(),
            transport: self.identity.peer.transport.name(),
            remote: self.identity.peer.remote.to_string(),
            interests: self.interests.count(),
            objects: self.view.object_count(),
            channels: self.listening.count(),
            since: self.identity.began,
            traffic: None,
        }
    }

    /// The session with at most `most` of its interests, of the objects that its client knows and of the channels that it
    /// listens to each.
    pub fn describe_whole(&self, most: usize) -> Vec<Item> {
        let interests = self.interests.every().take(most).map(|(key, interest)| Item::Interest {
            id: InterestKey::number(key),
            parent: interest.parent,
            zones: interest.zones.to_vec(),
        });
        let known = self.view.every().take(most).map(|(do_id, location, known)| Item::Known {
            do_id,
            class_id: known.class_id(),
            location,
            is_owned: known.tie.is_owned(),
        });
        let channels = self.listening.every().take(most).map(Item::Channel);
        std::iter::once(self.describe()).chain(interests).chain(known).chain(channels).collect()
    }

    /// Whether it was given this channel, or sends from it.
    pub fn is_known_by(&self, channel: Channel) -> bool {
        self.identity.allocated == channel || self.identity.channel == channel
    }
}
