//! A role without a router around it, for tests and whoever wants to watch one by itself.

use std::time::Instant;

use super::{Effect, Effects, Key, Origin, Role, Table};
use crate::hash::Seed;
use crate::wire::{Envelope, Recipients};

/// What the router does for a single role: it knows what the role listens to, and hands back to it what its
/// members send to one another. All else that the role wants done stays in its [`Effects`], to be looked at.
#[derive(Debug)]
pub struct Alone {
    table: Table,
    scratch: Vec<Key>,
    /// How many effects have been looked at.
    seen: usize,
}

const ROLE: Key = Key(0);

impl Default for Alone {
    fn default() -> Self {
        Alone { table: Table::new(Seed::fixed(0)), scratch: Vec::new(), seen: 0 }
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
        while let Some((effect, origin)) = out.get(self.seen) {
            self.seen += 1;
            self.subscribe(effect);
            let (Effect::Route(frame), Some(origin)) = (effect, origin) else { continue };
            let datagram = frame.datagram().to_vec();
            if let Ok(envelope) = Envelope::read(&datagram)
                && self.listens(envelope.recipients)
            {
                role.handle(now, origin, &envelope, out);
            }
        }
    }

    /// The role listens to what these effects subscribe to.
    pub fn listens_to(&mut self, effects: &Effects) {
        effects.iter().for_each(|effect| self.subscribe(effect));
    }

    /// The effects have been looked at and cleared.
    pub const fn cleared(&mut self) {
        self.seen = 0;
    }

    fn subscribe(&mut self, effect: Effect<'_>) {
        let changes = &mut Vec::new();
        match effect {
            Effect::Subscribe(channel) => self.table.subscribe(ROLE, channel, changes),
            Effect::Unsubscribe(channel) => self.table.unsubscribe(ROLE, channel, changes),
            Effect::SubscribeRange(range) => self.table.subscribe_range(ROLE, range, changes),
            Effect::UnsubscribeRange(range) => self.table.unsubscribe_range(ROLE, range, changes),
            Effect::Route(_) | Effect::AddPostRemove(..) | Effect::ClearPostRemoves(_) => {}
        }
    }

    fn listens(&mut self, recipients: Recipients<'_>) -> bool {
        let mut found = false;
        self.table.listeners(recipients.iter(), None, &mut self.scratch, |_| found = true);
        found
    }
}
