//! What was away and has come back.

use super::{Batch, Router};
use crate::metrics;

/// A connection to the rest of the cluster was lost, and is settled again: everybody is there, and what waited has
/// been sent. What was derived from what may have been missed meanwhile has to be asked again.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The same processes are up there as before, as far as is known: only messages may have been missed. If not, a
    /// daemon on the way to the root, or the root, has been started anew, and what its state servers had is gone.
    pub same_epoch: bool,
}

impl Router {
    /// Says that there was a gap: the one place where whoever has to compare what it holds with the cluster is told.
    /// It is called with the router free, in the order of gaps.
    pub fn gap(&self, gap: Gap) {
        metrics::GAPS.one(&[]);
        tracing::debug!(same_epoch = gap.same_epoch, "the upstream was away and is settled again");
        for (key, _) in self.roles() {
            // A role that is lost, or has left meanwhile, has nothing to compare.
            let _ = Batch::new(&self.shared, Some(key), None)
                .work(|world| world.turn(key, |role, now, out| role.gap(now, gap, out)));
        }
    }
}
