//! What a client has yet to be told anew that is back on another connection.
//!
//! Nobody knows what it had got on the one before, so it is told all once more. Until then it may do what it could do all along, but
//! hears nothing of an object that it may not know.

use super::{Known, Tie, View};
use crate::ids::{DoId, Location};

impl View {
    /// From now on nothing has been told.
    pub fn tell_anew(&mut self) {
        self.objects.values_mut().for_each(|known| known.untold = Some(known.tie));
    }

    /// What of its tie to an object a client has not been told.
    pub fn untold(&self, do_id: DoId) -> Option<Tie> {
        self.known(do_id)?.untold
    }

    /// Whether the client owns an object, and has been told so.
    pub fn is_told_own(&self, do_id: DoId) -> bool {
        self.tie_of(do_id).is_some_and(Tie::is_owned)
    }

    /// Notes where an object is now that the client has not been told that it sees.
    pub fn move_untold(&mut self, do_id: DoId, to: Location) {
        if self.untold(do_id).is_some_and(Tie::is_seen) {
            self.move_to(do_id, to);
        }
    }

    /// All that has not been told, in the order of the ids.
    pub fn all_untold(&self) -> Vec<(DoId, Location, Tie)> {
        let untold = self.objects.all().filter_map(|(do_id, placed)| {
            let Known { untold, .. } = placed.value;
            Some((do_id, placed.location, untold?))
        });
        let mut all: Vec<_> = untold.collect();
        all.sort_unstable_by_key(|(do_id, ..)| *do_id);
        all
    }
}
