//! What there is to say about sessions, for whoever inspects the agent.

use super::Core;
use crate::ids::Channel;
use crate::role::client_agent::agent::SessionIndex;
use crate::role::client_agent::session::Session;
use crate::router::{Cursor, Item, Page, Query};

impl Core {
    pub(super) fn describe(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        match *query {
            Query::Sessions => Page::of(self.slots.len(), cursor, budget, |place| {
                self.slots[place].session.as_ref().map(|session| session.describe())
            }),
            Query::Session(channel) => {
                let found = self.find(channel);
                Page::whole(found.map_or_else(Vec::new, |session| session.describe_whole(budget)))
            }
            Query::Listeners(channel) => {
                let sessions = self.shared.subscribers.of(channel);
                Page::of(sessions.len(), cursor, budget, |place| {
                    self.session(sessions[place]).map(Session::describe)
                })
            }
            Query::ListenerCount(channel) => {
                let sessions = self.shared.subscribers.of(channel).len();
                Page::whole(vec![Item::Totals { objects: 0, sessions }])
            }
            Query::Totals => {
                Page::whole(vec![Item::Totals { objects: 0, sessions: self.session_count() }])
            }
            Query::Objects { .. } | Query::Object(_) | Query::Classes => Page::default(),
        }
    }

    /// The session that was given a channel, or sends from it: it listens to both.
    fn find(&self, channel: Channel) -> Option<&Session> {
        // Of few channels there is more than one, and of none that all listen to is anybody known by it.
        const LOOKED_AT_MAX: usize = 64;
        let listeners = self.shared.subscribers.of(channel).iter().take(LOOKED_AT_MAX);
        let mut sessions = listeners.filter_map(|&index| self.session(index));
        sessions.find(|session| session.is_known_by(channel))
    }

    /// The session at a place.
    pub(super) fn session(&self, index: SessionIndex) -> Option<&Session> {
        self.slots.get(index as usize)?.session.as_deref()
    }
}
