//! Objects that queries hold.

use smallvec::SmallVec;

use super::{Held, Interests};
use crate::ids::{ClassId, Context, DoId, Location};

/// An object found while its query is open.
#[derive(Copy, Clone, Debug)]
pub struct Pending {
    /// The query that holds it.
    pub query: Context,
    /// Tells its records from those of an earlier stay of the same object.
    pub serial: u32,
    /// Where it is now.
    pub location: Location,
}

impl Interests {
    /// Whether a query holds an object.
    #[inline]
    pub fn holds(&self, do_id: DoId) -> bool {
        !self.pending.is_empty() && self.pending.contains_key(&do_id)
    }

    /// An object that a query holds.
    #[inline]
    pub fn pending(&self, do_id: DoId) -> Option<Pending> {
        if self.pending.is_empty() { None } else { self.pending.get(&do_id).copied() }
    }

    /// Notes where an object is now, if a query holds it.
    pub fn move_pending(&mut self, do_id: DoId, to: Location) {
        if let Some(pending) = self.pending.get_mut(&do_id) {
            pending.location = to;
        }
    }

    /// Holds an object in a query.
    pub fn hold_object(
        &mut self,
        context: Context,
        do_id: DoId,
        class_id: ClassId,
        location: Location,
        frame: &[u8],
        found: bool,
    ) {
        let serial = match self.pending.get(&do_id) {
            // It came before the answer that has it: what happened since then follows the answer.
            Some(pending) if pending.query == context && found => pending.serial,
            Some(_) => return,
            None => self.new_serial(),
        };
        let query = self.queries.get_mut(&context).expect("only open queries hold objects");
        let held = Held::Entrance { class_id, location };
        query.holding.push(do_id, serial, held, frame, found);
        self.pending.entry(do_id).or_insert(Pending { query: context, serial, location });
    }

    /// Holds back an update of a pending object; whether it is one.
    pub fn hold_update(&mut self, do_id: DoId, frame: &[u8]) -> bool {
        self.hold_record(do_id, Held::Update, frame)
    }

    /// Ends the stay of a pending object: the client is shown it and then that it has gone. Whether it
    /// was one.
    pub fn end_stay(&mut self, do_id: DoId) -> bool {
        self.hold_record(do_id, Held::Leave, &[]) && self.pending.remove(&do_id).is_some()
    }

    fn hold_record(&mut self, do_id: DoId, held: Held, frame: &[u8]) -> bool {
        let Some(Pending { query, serial, .. }) = self.pending(do_id) else {
            return false;
        };
        let query = self.queries.get_mut(&query).expect("a pending object's query is open");
        query.holding.push(do_id, serial, held, frame, false);
        true
    }

    /// Forgets a pending object, as if the client had never been going to see it.
    pub fn drop_pending(&mut self, do_id: DoId) {
        if let Some(Pending { query, serial, .. }) = self.pending.remove(&do_id)
            && let Some(query) = self.queries.get_mut(&query)
        {
            query.holding.dropped.insert(serial);
        }
    }

    /// Forgets pending objects at locations that are no longer covered.
    pub fn drop_uncovered(&mut self) {
        let uncovered: SmallVec<[DoId; 8]> = self
            .pending
            .iter()
            .filter(|(_, pending)| !self.covers(pending.location))
            .map(|(&do_id, _)| do_id)
            .collect();
        uncovered.into_iter().for_each(|do_id| self.drop_pending(do_id));
    }

    /// A stay of an object has been told: it is no longer held for it.
    pub fn let_go(&mut self, do_id: DoId, serial: u32) {
        if self.pending.get(&do_id).is_some_and(|pending| pending.serial == serial) {
            self.pending.remove(&do_id);
        }
    }

    /// An object has moved to a covered location. Without an answer to the query for it, this may be
    /// news from before the query.
    pub fn doubt(&mut self, do_id: DoId, location: Location) {
        let query = self.query_for(location).and_then(|context| self.queries.get_mut(&context));
        if let Some(query) = query
            && query.answers.last.is_none()
            && !query.doubtful.contains(&do_id)
        {
            query.doubtful.push(do_id);
        }
    }

    /// Takes back the doubt whether an object is at a location; whether there was any.
    pub fn settle_doubt(&mut self, do_id: DoId, location: Location) -> bool {
        let query = self.query_for(location).and_then(|context| self.queries.get_mut(&context));
        let Some(doubtful) = query.map(|query| &mut query.doubtful) else {
            return false;
        };
        let before = doubtful.len();
        doubtful.retain(|&doubtful| doubtful != do_id);
        doubtful.len() < before
    }
}
