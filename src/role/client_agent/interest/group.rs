//! Queries that are told together: all that an operation waits for, in one order.
//!
//! Only dialects whose clients want what an interest finds in an order have it. A query whose answers have all come waits until one of
//! the operations that wait for it waits for nothing else any more; one that nobody waits for is told at once.

use smallvec::{SmallVec, smallvec};

use super::{Holding, Interests, Operation, Phase};
use crate::ids::{ClassId, Context, InterestId};

/// Queries in the order in which they were sent.
pub type Group = SmallVec<[Context; 2]>;

impl Interests {
    /// What is to be told with a query, itself included, if that is to be told now.
    pub fn told_with(&self, context: Context) -> Option<Group> {
        if !self.is_ready(context) {
            return None;
        }
        let waiting = self.query(context).map(|query| &query.holding.waiting)?;
        let mut is_waited_for = false;
        for &(id, serial) in waiting {
            let Some(operation) = self.operation(id, serial) else { continue };
            is_waited_for = true;
            let group: Group =
                operation.waits_for.iter().copied().filter(|query| self.holds_on(*query)).collect();
            if group.iter().all(|query| self.is_ready(*query)) {
                return Some(group);
            }
        }
        (!is_waited_for).then(|| smallvec![context])
    }

    /// Of what an operation still waits for, something whose answers have all come.
    pub fn ready_of(&self, (id, serial): (InterestId, u32)) -> Group {
        let all = self.operation(id, serial).map(|operation| &operation.waits_for);
        all.into_iter().flatten().copied().filter(|query| self.is_ready(*query)).collect()
    }

    /// Puts all that these queries hold into the first of them.
    pub fn put_together(&mut self, group: &[Context]) {
        let [first, others @ ..] = group else { return };
        if !others.is_empty() {
            // Some of what the others have found may have gone meanwhile.
            self.index();
            self.as_found = None;
        }
        for other in others {
            let held = self.queries.get_mut(other).map(|query| std::mem::take(&mut query.holding));
            if let (Some(held), Some(into)) = (held, self.queries.get_mut(first)) {
                into.holding.append(held);
            }
        }
    }

    fn operation(&self, id: InterestId, serial: u32) -> Option<&Operation> {
        self.operation_of(id).filter(|operation| operation.serial == serial)
    }

    /// Whether a query still holds what it finds.
    fn holds_on(&self, context: Context) -> bool {
        let phase = self.query(context).map(|query| query.phase());
        matches!(phase, Some(Phase::Asking | Phase::HeldBack))
    }

    /// Whether all answers to a query have come, and it has not been told.
    fn is_ready(&self, context: Context) -> bool {
        let is_complete = self.query(context).is_some_and(|query| query.answers.are_complete());
        is_complete && self.holds_on(context) && !self.must_wait(context)
    }
}

impl Holding {
    /// Puts what was found into the order of the classes' numbers, and of the ids in each.
    pub fn sort_found(&mut self) {
        self.found.sort_by_key(|record| match record.held {
            super::Held::Entrance { class_id, .. } => (class_id, record.do_id),
            super::Held::Update | super::Held::Leave | super::Held::End => {
                (ClassId::default(), record.do_id)
            }
        });
    }

    /// Takes what another one holds.
    fn append(&mut self, other: Holding) {
        let start = self.frames.len();
        self.frames.extend_from_slice(&other.frames);
        let moved = |mut record: super::Record| {
            record.frame = record.frame.start + start..record.frame.end + start;
            record
        };
        self.found.extend(other.found.into_iter().map(moved));
        self.queue.extend(other.queue.into_iter().map(moved));
        self.dropped.extend(other.dropped);
        self.waiting.extend(other.waiting);
    }
}
