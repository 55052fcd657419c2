//! Objects that queries hold.

use smallvec::SmallVec;

use super::{Held, Interests};
use crate::hash::{Map, Seed};
use crate::ids::{ClassId, Context, DoId, Location};
use crate::role::client_agent::agent::Located;

/// An object found while its query is open.
#[derive(Copy, Clone, Debug)]
pub struct Pending {
    /// The query that holds it.
    pub query: Context,
    /// Tells its records from those of an earlier stay of the same object.
    pub serial: u32,
    /// Where it is now.
    pub location: Location,
    /// Its place among those that are there.
    place: u32,
}

/// All objects that queries hold.
#[derive(Debug)]
pub struct PendingObjects {
    by_id: Map<DoId, Pending>,
    /// Each of them where it is now. Most come and go without a zone being closed meanwhile, so this is made when one
    /// is, and kept until there are none.
    by_location: Option<Located>,
}

impl PendingObjects {
    /// None.
    pub fn new(seed: Seed) -> Self {
        PendingObjects { by_id: Map::with_hasher(seed), by_location: None }
    }

    /// One of them.
    #[inline]
    pub fn get(&self, do_id: DoId) -> Option<Pending> {
        if self.by_id.is_empty() { None } else { self.by_id.get(&do_id).copied() }
    }

    fn insert(&mut self, do_id: DoId, query: Context, serial: u32, location: Location) {
        let index = self.by_location.as_mut();
        let place = index.map_or(0, |index| index.insert(location, do_id));
        self.by_id.insert(do_id, Pending { query, serial, location, place });
    }

    fn move_to(&mut self, do_id: DoId, to: Location) {
        if let Some(pending) = self.remove(do_id) {
            self.insert(do_id, pending.query, pending.serial, to);
        }
    }

    fn remove(&mut self, do_id: DoId) -> Option<Pending> {
        let pending = self.by_id.remove(&do_id)?;
        if let Some(index) = &mut self.by_location {
            let moved = index.remove(pending.location, pending.place);
            if let Some(moved) = moved.and_then(|moved| self.by_id.get_mut(&moved)) {
                moved.place = pending.place;
            }
            if self.by_id.is_empty() {
                self.by_location = None;
            }
        }
        Some(pending)
    }

    /// Those at a location, in no order.
    fn at(&mut self, location: Location) -> SmallVec<[DoId; 8]> {
        self.index().at(location).into()
    }

    /// Where each of them is. Making this costs once what it has cost to hold them, until there are none again.
    fn index(&mut self) -> &Located {
        let PendingObjects { by_id, by_location } = self;
        by_location.get_or_insert_with(|| {
            let mut index = Located::new(*by_id.hasher());
            for (&do_id, pending) in by_id.iter_mut() {
                pending.place = index.insert(pending.location, do_id);
            }
            index
        })
    }
}

impl Interests {
    /// Whether a query holds an object.
    #[inline]
    pub fn holds(&self, do_id: DoId) -> bool {
        self.pending(do_id).is_some()
    }

    /// An object that a query holds.
    #[inline]
    pub fn pending(&self, do_id: DoId) -> Option<Pending> {
        self.pending.get(do_id)
    }

    /// Notes where an object is now, if a query holds it.
    pub fn move_pending(&mut self, do_id: DoId, to: Location) {
        self.pending.move_to(do_id, to);
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
        let serial = match self.pending.get(do_id) {
            // It came before the answer that has it: what happened since then follows the answer.
            Some(pending) if pending.query == context && found => pending.serial,
            Some(_) => return,
            None => {
                let serial = self.new_serial();
                self.pending.insert(do_id, context, serial, location);
                serial
            }
        };
        let query = self.queries.get_mut(&context).expect("only open queries hold objects");
        let held = Held::Entrance { class_id, location };
        query.holding.push(do_id, serial, held, frame, found);
    }

    /// Holds back an update of a pending object; whether it is one.
    pub fn hold_update(&mut self, do_id: DoId, frame: &[u8]) -> bool {
        self.hold_record(do_id, Held::Update, frame)
    }

    /// Ends the stay of a pending object: the client is shown it and then that it has gone. Whether it
    /// was one.
    pub fn end_stay(&mut self, do_id: DoId) -> bool {
        self.hold_record(do_id, Held::Leave, &[]) && self.remove_pending(do_id).is_some()
    }

    fn remove_pending(&mut self, do_id: DoId) -> Option<Pending> {
        let pending = self.pending.remove(do_id)?;
        self.is_no_longer_pending(do_id);
        Some(pending)
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
        if let Some(Pending { query, serial, .. }) = self.remove_pending(do_id)
            && let Some(query) = self.queries.get_mut(&query)
        {
            query.holding.dropped.insert(serial);
        }
    }

    /// Forgets the pending objects at a location that is no longer covered.
    pub fn drop_pending_at(&mut self, location: Location) {
        if self.pending.by_id.is_empty() {
            return;
        }
        self.pending.at(location).into_iter().for_each(|do_id| self.drop_pending(do_id));
    }

    /// A stay of an object has been told: it is no longer held for it.
    pub fn let_go(&mut self, do_id: DoId, serial: u32) {
        if self.pending(do_id).is_some_and(|pending| pending.serial == serial) {
            self.remove_pending(do_id);
        }
    }

    /// An object has moved to a covered location. Without an answer to the query for it, this may be
    /// news from before the query.
    pub fn doubt(&mut self, do_id: DoId, location: Location) {
        let query = self.query_for(location).and_then(|context| self.queries.get_mut(&context));
        if let Some(query) = query
            && query.answers.last.is_none()
        {
            query.doubtful.insert(do_id);
        }
    }

    /// Takes back the doubt whether an object is at a location; whether there was any.
    pub fn settle_doubt(&mut self, do_id: DoId, location: Location) -> bool {
        let query = self.query_for(location).and_then(|context| self.queries.get_mut(&context));
        query.is_some_and(|query| query.doubtful.remove(&do_id))
    }
}
