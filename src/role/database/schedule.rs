//! Who may run when: the order of operations on each object.
//!
//! An operation that depends on one that is running waits, and so does whatever comes to the same
//! object after it: nothing overtakes. Operations that go to the backend in one batch are applied in
//! their order, so within a batch nothing needs to wait. Creations concern no object yet and never wait.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::hash::{Map, Seed};
use crate::ids::DoId;
use crate::store::Operation;

/// Names an operation while it is under way. Later operations have greater tickets.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

type Entry = (Ticket, Arc<Operation>);

/// An operation that the backend has.
#[derive(Debug)]
struct Running {
    ticket: Ticket,
    batch: u64,
    operation: Arc<Operation>,
}

/// The operations on one object that are running, and those that wait for them.
#[derive(Debug, Default)]
struct Queue {
    running: Vec<Running>,
    /// Ascending tickets. Empty if nothing is running.
    blocked: VecDeque<Entry>,
}

impl Queue {
    /// Whether `operation` must wait, if it is to run in `batch`.
    fn blocks(&self, operation: &Operation, batch: u64) -> bool {
        !self.blocked.is_empty() || self.depends_on_running(operation, batch)
    }

    fn depends_on_running(&self, operation: &Operation, batch: u64) -> bool {
        let mut running = self.running.iter();
        running.any(|other| other.batch != batch && operation.depends_on(&other.operation))
    }

    /// Keeps the order of arrival, although an operation may be blocked later than its successors.
    fn block(&mut self, entry: Entry) {
        let place = self.blocked.partition_point(|other| other.0 < entry.0);
        self.blocked.insert(place, entry);
    }
}

/// The operations of all objects that have not finished.
#[derive(Debug)]
pub struct Schedule {
    /// Objects with an operation that is running.
    objects: Map<DoId, Queue>,
    /// What can go into the next batch, in order.
    ready: VecDeque<Entry>,
    /// The number of the next batch.
    batch: u64,
}

impl Schedule {
    /// Nothing has been asked for yet.
    pub fn new(seed: Seed) -> Self {
        Schedule { objects: Map::with_hasher(seed), ready: VecDeque::new(), batch: 0 }
    }

    /// Takes a new operation. Its ticket must be greater than those before.
    pub fn admit(&mut self, ticket: Ticket, operation: Arc<Operation>) {
        let queue = operation.do_id().and_then(|id| self.objects.get_mut(&id));
        match queue {
            Some(queue) if queue.blocks(&operation, self.batch) => queue.block((ticket, operation)),
            Some(_) | None => self.ready.push_back((ticket, operation)),
        }
    }

    /// Whether something may be able to run now.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes what the backend is to do next and counts it as running, until `fits` says that the
    /// batch is full. What is not `wanted` any more is left out.
    pub fn next_batch(
        &mut self,
        wanted: impl Fn(Ticket) -> bool,
        mut fits: impl FnMut(&Operation) -> bool,
    ) -> Vec<(Ticket, Arc<Operation>)> {
        let mut entries = Vec::new();
        while let Some((ticket, operation)) = self.ready.pop_front() {
            if !wanted(ticket) {
                continue;
            }
            let Some(do_id) = operation.do_id() else {
                if !fits(&operation) {
                    self.ready.push_front((ticket, operation));
                    break;
                }
                entries.push((ticket, operation));
                continue;
            };
            let queue = self.objects.get_mut(&do_id);
            if let Some(queue) = queue
                && queue.blocks(&operation, self.batch)
            {
                queue.block((ticket, operation));
            } else if fits(&operation) {
                let running =
                    Running { ticket, batch: self.batch, operation: Arc::clone(&operation) };
                self.objects.entry(do_id).or_default().running.push(running);
                entries.push((ticket, operation));
            } else {
                self.ready.push_front((ticket, operation));
                break;
            }
        }
        self.batch += 1;
        entries
    }

    /// An operation has finished: others may run now.
    pub fn finish(&mut self, ticket: Ticket, operation: &Operation) {
        let Some(do_id) = operation.do_id() else {
            return;
        };
        let Some(queue) = self.objects.get_mut(&do_id) else {
            return;
        };
        queue.running.retain(|running| running.ticket != ticket);
        while let Some((_, next)) = queue.blocked.front() {
            if queue.depends_on_running(next, self.batch) {
                break;
            }
            self.ready.extend(queue.blocked.pop_front());
        }
        if queue.running.is_empty() {
            debug_assert!(queue.blocked.is_empty(), "nothing is left to wait for");
            self.objects.remove(&do_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::FieldId;
    use crate::store::Selection;

    fn get(do_id: u32, field: u16) -> Operation {
        Operation::Get { do_id: DoId(do_id), selection: Selection::Fields(vec![FieldId(field)]) }
    }

    fn set(do_id: u32, field: u16) -> Operation {
        Operation::Update {
            do_id: DoId(do_id),
            criteria: Vec::new(),
            changes: vec![(FieldId(field), None)],
        }
    }

    /// Admits operations with the tickets 0, 1, …
    fn schedule(operations: &[Operation]) -> Schedule {
        let mut schedule = Schedule::new(Seed::fixed(0));
        for (ticket, operation) in (0..).zip(operations) {
            schedule.admit(Ticket(ticket), Arc::new(operation.clone()));
        }
        schedule
    }

    fn batch(schedule: &mut Schedule, size: usize) -> Vec<u64> {
        let mut left = size;
        let batch = schedule.next_batch(
            |_| true,
            |_| {
                let fits = left > 0;
                left = left.saturating_sub(1);
                fits
            },
        );
        batch.iter().map(|(ticket, _)| ticket.0).collect()
    }

    #[test]
    fn a_batch_holds_dependent_operations_in_order() {
        let mut schedule = schedule(&[set(1, 1), get(1, 1), set(1, 1), set(2, 1)]);
        assert_eq!(batch(&mut schedule, 9), [0, 1, 2, 3]);
        assert!(!schedule.is_ready());
    }

    #[test]
    fn an_operation_waits_for_a_batch_that_it_depends_on() {
        let operations = [set(1, 1), get(1, 1), get(1, 2), get(2, 1)];
        let mut schedule = schedule(&operations);
        assert_eq!(batch(&mut schedule, 1), [0]);
        // The second get depends on nothing, but may not overtake the first.
        assert_eq!(batch(&mut schedule, 9), [3]);
        schedule.finish(Ticket(0), &operations[0]);
        assert_eq!(batch(&mut schedule, 9), [1, 2]);
    }

    #[test]
    fn what_arrives_meanwhile_keeps_its_place() {
        let operations = [set(1, 1), set(1, 1), get(1, 1)];
        let mut schedule = schedule(&operations[..2]);
        assert_eq!(batch(&mut schedule, 1), [0]);
        // Ticket 2 is blocked on arrival, ticket 1 only when a second batch is made.
        schedule.admit(Ticket(2), Arc::new(operations[2].clone()));
        assert!(batch(&mut schedule, 9).is_empty());
        schedule.finish(Ticket(0), &operations[0]);
        assert_eq!(batch(&mut schedule, 9), [1, 2]);
        schedule.finish(Ticket(1), &operations[1]);
        schedule.finish(Ticket(2), &operations[2]);
        assert!(schedule.objects.is_empty() && !schedule.is_ready());
    }

    #[test]
    fn independent_operations_run_beside_each_other() {
        let mut schedule = schedule(&[set(1, 1), set(1, 2), get(1, 3)]);
        for ticket in 0..3 {
            assert_eq!(batch(&mut schedule, 1), [ticket]);
        }
    }

    #[test]
    fn what_is_not_wanted_any_more_does_not_run() {
        let mut schedule = schedule(&[set(1, 1), set(1, 1)]);
        let batch = schedule.next_batch(|ticket| ticket != Ticket(0), |_| true);
        assert_eq!(batch.len(), 1);
        assert_eq!(batch[0].0, Ticket(1));
    }
}
