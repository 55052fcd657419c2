//! Which objects have certain owners: client agents ask after a gap, since nobody says again what became a client's own
//! meanwhile.
//!
//! The question names thousands of owners, so that all objects are looked at once for all of them; some at a time. What
//! gets an owner meanwhile says so itself.
//!
//! An object keeps its owner when he goes, and his channel is given to others then. So the question says for how long each owner has been
//! one, and whoever has got an object before is somebody else. That is counted back from when the question comes: one that
//! takes long asks for less.

use std::time::Instant;

use super::distributed_object::Fate;
use super::entry::Audience;
use super::population::Population;
use crate::hash::Map;
use crate::ids::{Channel, Context};
use crate::message::List;
use crate::router::Effects;

/// So many objects are looked at in one step.
const LOOKS_PER_STEP: usize = 16;
/// If more questions than this wait, whoever asks waits, too.
const WAITING_MAX: usize = 64;

/// A question that has not been answered for all objects.
#[derive(Debug)]
pub(super) struct Census {
    asker: Channel,
    context: Context,
    /// Since when each may have got something.
    owners: Map<Channel, u64>,
    /// The place of the next object.
    next: usize,
}

impl Population {
    /// Somebody asks for all objects of some owners.
    pub fn begin_census(
        &mut self,
        now: Instant,
        asker: Channel,
        context: Context,
        owners: List<'_, (Channel, u32)>,
        effects: &mut Effects,
    ) {
        self.it_is(now);
        let mut all = Map::with_hasher(self.seed);
        for (owner, ms) in owners.iter().filter(|(owner, _)| owner.is_some()) {
            let since = self.time.saturating_sub(ms.into());
            let earliest = all.entry(owner).or_insert(since);
            *earliest = since.max(*earliest);
        }
        self.censuses.push_back(Census { asker, context, owners: all, next: 0 });
        if self.censuses.len() > WAITING_MAX {
            effects.hold_back();
        } else {
            effects.go_on_later();
        }
    }

    /// Goes on with it, as far as there are steps left. Whether there is more to do.
    pub fn go_on_with_census(&mut self, effects: &mut Effects) -> bool {
        while effects.steps_left() > 0
            && let Some(census) = self.censuses.front_mut()
        {
            let end = self.objects.count().min(census.next + LOOKS_PER_STEP);
            let places = census.next..end;
            census.next = end;
            let &mut Census { asker, context, .. } = census;
            effects.spend(1);
            if places.is_empty() {
                self.censuses.pop_front();
            }
            for place in places {
                self.show_to_asker(place, asker, context, effects);
            }
        }
        if self.censuses.len() > WAITING_MAX {
            effects.hold_back();
        }
        !self.censuses.is_empty()
    }

    fn show_to_asker(
        &mut self,
        place: usize,
        asker: Channel,
        context: Context,
        effects: &mut Effects,
    ) {
        let Some(object) = self.objects.at(place) else { return };
        let (do_id, owner) = (object.do_id, object.owner());
        let since = self.censuses.front().and_then(|census| census.owners.get(&owner).copied());
        let Some(since) = since.filter(|since| object.is_owned_since(owner, *since)) else {
            return;
        };
        // What it has still to hear may be the end of it.
        self.catch_up(do_id, effects);
        let Some(place) = self.objects.find(do_id) else { return };
        effects.spend(1);
        self.with_object((do_id, place), false, effects, |object, world| {
            // It may be another's by now.
            if object.is_owned_since(owner, since) {
                object.enter(asker, Audience::Census(context, owner), world);
            }
            Fate::Lives
        });
    }
}
