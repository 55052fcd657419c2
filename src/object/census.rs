//! Which objects have certain owners: client agents ask after a gap, since nobody says again what became a client's own
//! meanwhile.
//!
//! The question names thousands of owners, so that all objects are looked at once for all of them; some at a time. What
//! gets an owner meanwhile says so itself.

use super::distributed_object::Fate;
use super::entry::Audience;
use super::population::Population;
use crate::hash::Set;
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
    owners: Set<Channel>,
    /// The place of the next object.
    next: usize,
}

impl Population {
    /// Somebody asks for all objects of some owners.
    pub fn begin_census(
        &mut self,
        asker: Channel,
        context: Context,
        owners: List<'_, Channel>,
        effects: &mut Effects,
    ) {
        let mut set = Set::with_hasher(self.seed);
        set.extend(owners.iter().filter(|owner| owner.is_some()));
        self.censuses.push_back(Census { asker, context, owners: set, next: 0 });
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
        let (do_id, owner) = (object.do_id, object.owner);
        let is_meant =
            |owner| self.censuses.front().is_some_and(|census| census.owners.contains(owner));
        if !owner.is_some() || !is_meant(&owner) {
            return;
        }
        // What it has still to hear may be the end of it.
        self.catch_up(do_id, effects);
        let Some(place) = self.objects.find(do_id) else { return };
        effects.spend(1);
        self.with_object((do_id, place), false, effects, |object, world| {
            let owner = object.owner;
            object.enter(asker, Audience::Census(context, owner), world);
            Fate::Lives
        });
    }
}
