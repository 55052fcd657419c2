//! What the router and those who take part in it can tell whoever monitors the daemon.
//!
//! All of it stands somewhere already. What there may be many of is looked at in slices, with the router free in
//! between: who asks for figures holds up nobody.

use super::world::World;
use super::{Cursor, Router};
use crate::metrics::{self, Figures};

/// How many entries are looked at in one hold of the router.
const ENTRIES_PER_HOLD: usize = 256;

/// How far the participants have been asked.
#[derive(Copy, Clone, Default)]
pub(super) struct Asked {
    pub participant: usize,
    pub cursor: Cursor,
}

impl Router {
    /// Adds what there is to be told of the router, of its roles and its links.
    pub async fn measure(&self, figures: &mut Figures) {
        figures.add(&metrics::ROUTED, &[], self.counters().routed());
        figures.add(&metrics::DELIVERED, &[], self.counters().delivered());
        figures.times(&metrics::HOLD, &[], self.holds().times());
        let mut asked = Some(Asked::default());
        while let Some(from) = asked {
            asked = self.measure_some(from, figures);
            tokio::task::yield_now().await;
        }
    }

    fn measure_some(&self, from: Asked, figures: &mut Figures) -> Option<Asked> {
        // Not measured itself: what is noted of holds is what work costs.
        let world: &World = &self.shared.world.lock();
        world.measure(from, ENTRIES_PER_HOLD, figures)
    }
}
