//! A role without a router around it, for tests and whoever wants to watch one by itself.

use std::time::Instant;

use super::effects::Place;
use super::{Effect, Effects, Key, Origin, Role, Table};
use crate::hash::Seed;
use crate::wire::Envelope;

/// What the router does for a single role: it knows what the role listens to, and hands back to it what its
/// members send to one another. All else that the role wants done stays in its [`Effects`], to be looked at.
#[derive(Debug)]
pub struct Alone {
    table: Table,
    place: Place,
}

const ROLE: Key = Key(0);

impl Default for Alone {
    fn default() -> Self {
        Alone { table: Table::new(Seed::fixed(0)), place: Place::default() }
    }
}

impl Alone {
    /// Gives `role` a datagram, and then what comes back to it because of it. One that ends before its message
    /// does is given to nobody.
    pub fn deliver(
        &mut self,
        role: &mut impl Role,
        now: Instant,
        datagram: &[u8],
        out: &mut Effects,
    ) {
        if let Ok(envelope) = Envelope::read(datagram) {
            role.handle(now, Origin::Outside, &envelope, out);
        }
        self.give_back(role, now, out);
    }

    /// Gives `role` what it has sent to itself, and what it sends because of that.
    pub fn give_back(&mut self, role: &mut impl Role, now: Instant, out: &mut Effects) {
        self.subscribe(out);
        while let Some((frame, origin)) = out.next_from_member(&mut self.place) {
            let datagram = frame.datagram().to_vec();
            if let Ok(envelope) = Envelope::read(&datagram)
                && envelope.recipients.iter().any(|channel| self.table.listens(ROLE, channel))
            {
                role.handle(now, origin, &envelope, out);
                self.subscribe(out);
            }
        }
    }

    /// The role listens to what these effects subscribe to.
    pub fn listens_to(&mut self, effects: &Effects) {
        self.subscribe(effects);
        self.cleared();
    }

    /// The effects have been looked at and cleared.
    pub fn cleared(&mut self) {
        self.place = Place::default();
    }

    fn subscribe(&mut self, effects: &Effects) {
        let changes = &mut Vec::new();
        while let Some(change) = effects.next_change(&mut self.place) {
            match change {
                Effect::Subscribe(channel) => self.table.subscribe(ROLE, channel, changes),
                Effect::Unsubscribe(channel) => self.table.unsubscribe(ROLE, channel, changes),
                Effect::SubscribeRange(range) => self.table.subscribe_range(ROLE, range, changes),
                Effect::UnsubscribeRange(range) => {
                    self.table.unsubscribe_range(ROLE, range, changes);
                }
                Effect::Route(_) | Effect::AddPostRemove(..) | Effect::ClearPostRemoves(_) => {}
            }
        }
    }
}
