//! Queries that wait for their parent to be told.

use std::collections::BTreeSet;

use crate::ids::{Context, DoId};

/// The queries that are [`Phase::HeldBack`](super::Phase::HeldBack).
///
/// Boxed as a whole: hardly any client ever has one.
#[derive(Debug, Default)]
pub struct HeldBack {
    sets: Option<Box<Sets>>,
}

#[derive(Debug, Default)]
struct Sets {
    /// By the parent for which they wait.
    by_parent: BTreeSet<(DoId, Context)>,
    /// Those whose parent has ceased to be pending since they were looked at.
    maybe_ready: BTreeSet<Context>,
}

impl HeldBack {
    /// Whether there are none, and have been none of late.
    pub const fn is_empty(&self) -> bool {
        self.sets.is_none()
    }

    /// A query waits for its parent.
    pub fn insert(&mut self, parent: DoId, query: Context) {
        self.sets.get_or_insert_default().by_parent.insert((parent, query));
    }

    /// A query waits no longer.
    pub fn remove(&mut self, parent: DoId, query: Context) {
        if let Some(sets) = &mut self.sets {
            sets.by_parent.remove(&(parent, query));
        }
    }

    /// An object is no longer pending: queries that wait for it may go on.
    pub fn parent_is_told(&mut self, parent: DoId) {
        if let Some(Sets { by_parent, maybe_ready }) = self.sets.as_deref_mut() {
            let waiting = by_parent.range((parent, Context(0))..=(parent, Context(u32::MAX)));
            maybe_ready.extend(waiting.map(|&(_, query)| query));
        }
    }

    /// Takes the first query that may go on.
    pub fn take_maybe_ready(&mut self) -> Option<Context> {
        self.sets.as_mut()?.maybe_ready.pop_first()
    }
}
