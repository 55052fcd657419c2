//! Objects that queries hold.

use std::cell::OnceCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::found::Shared;
use super::{Found, Held, Holding, Interests};
use crate::ids::{ClassId, Context, DoId, Location};
use crate::message::ObjectState;
use crate::role::client_agent::agent::Located;
use crate::wire::Framing;

/// So many times a query holds what was found for others, too. Whoever looks for an object looks at each of these.
const SHARED_MAX: usize = 64;

/// An object found while its query is open.
#[derive(Copy, Clone, Debug)]
pub struct Pending {
    /// The query that holds it.
    pub query: Context,
    /// Its class.
    pub class_id: ClassId,
    /// Tells its records from those of an earlier stay of the same object.
    pub serial: u32,
}

impl Interests {
    /// Whether a query holds an object. That is asked for each update that a client gets, and hardly ever is anything held.
    #[inline]
    pub fn holds(&self, do_id: DoId) -> bool {
        self.holds_any() && self.pending(do_id).is_some()
    }

    /// Whether queries hold any object.
    #[inline]
    pub fn holds_any(&self) -> bool {
        self.pending.get().is_none_or(|pending| !pending.is_empty())
    }

    /// The objects that queries hold, each by itself.
    pub(super) fn index(&self) -> &Located<Pending> {
        self.pending.get_or_init(|| self.made_index())
    }

    fn index_mut(&mut self) -> &mut Located<Pending> {
        self.index();
        self.pending.get_mut().expect("it has just been made")
    }

    /// An object that a query holds, and where it is now. That makes no index: whoever is only told something of it changes nothing.
    fn find(&self, do_id: DoId) -> Option<(Location, Pending)> {
        if let Some(index) = self.pending.get() {
            return index.get(do_id).map(|placed| (placed.location, placed.value));
        }
        let query = self.as_found?;
        let (location, class_id, serial) =
            self.query(query)?.holding.stay_of(self.seed(), do_id)?;
        Some((location, Pending { query, class_id, serial }))
    }

    #[cold]
    fn made_index(&self) -> Located<Pending> {
        let mut index = Located::new(self.seed());
        let query = self.as_found.and_then(|context| Some((context, self.query(context)?)));
        let Some((query, holding)) = query.map(|(context, query)| (context, &query.holding)) else {
            return index;
        };
        index.reserve(holding.found_count());
        for (object, serial) in holding.shared.iter().flat_map(Shared::stays) {
            let new = Pending { query, class_id: object.class_id, serial };
            index.insert_or(object.do_id, object.location, new, |_| {});
        }
        index
    }

    /// How many bytes of frames queries hold.
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// All objects that queries hold, in no order.
    pub fn all_pending(&self) -> impl Iterator<Item = DoId> {
        self.index().all().map(|(do_id, _)| do_id)
    }

    /// An object that a query holds.
    #[inline]
    pub fn pending(&self, do_id: DoId) -> Option<Pending> {
        self.find(do_id).map(|(_, pending)| pending)
    }

    /// The class of an object that a query holds.
    pub fn pending_class(&self, do_id: DoId) -> Option<ClassId> {
        self.pending(do_id).map(|pending| pending.class_id)
    }

    /// Where an object is now that a query holds.
    #[inline]
    pub fn pending_at(&self, do_id: DoId) -> Option<Location> {
        self.find(do_id).map(|(location, _)| location)
    }

    /// Where an object is now that a query holds, if this is still the same stay of it.
    #[inline]
    pub fn stays_at(&self, do_id: DoId, serial: u32) -> Option<Location> {
        let found = self.find(do_id).filter(|(_, pending)| pending.serial == serial);
        found.map(|(location, _)| location)
    }

    /// Notes where an object is now, if a query holds it.
    pub fn move_pending(&mut self, do_id: DoId, to: Location) {
        if self.holds(do_id) {
            self.index_mut().move_to(do_id, to);
            self.as_found = None;
        }
    }

    /// Whether all that is pending a query has found, and nothing has become of it since: each object is where it was found,
    /// and was found once.
    pub fn are_as_found_by(&self, context: Context) -> bool {
        self.as_found == Some(context)
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
        let serial = self.new_serial();
        self.index();
        let Interests { queries, pending, as_found, held_bytes, .. } = self;
        let pending = pending.get_mut().expect("it has just been made");
        let query = queries.get_mut(&context).expect("only open queries hold objects");
        let new = Pending { query: context, class_id, serial };
        let mut serial = Some(serial);
        if pending.is_empty() && query.holding.is_empty() {
            *as_found = Some(context);
        }
        let is_known = pending.insert_or(do_id, location, new, |known| {
            // It came before the answer that has it: what happened since then follows the answer.
            serial = (known.query == context && found).then_some(known.serial);
        });
        if is_known || !found || *as_found != Some(context) {
            *as_found = None;
        }
        if let Some(serial) = serial {
            let held = Held::Entrance { class_id, location };
            query.holding.push(do_id, serial, held, frame, found);
            *held_bytes += frame.len();
        }
    }

    /// Holds objects that a query has found, about so many.
    pub fn hold_found<'f>(
        &mut self,
        context: Context,
        about: usize,
        found: impl Iterator<Item = (ObjectState<'static>, &'f [u8])>,
    ) {
        self.index_mut().reserve(about);
        for (object, frame) in found {
            let ObjectState { do_id, class_id, location, .. } = object;
            self.hold_object(context, do_id, class_id, location, frame, true);
        }
    }

    /// Holds objects that were found for others, too, without looking at any of them; whether that can be done: where they come
    /// few at a time, each is held by itself. The client knows none of them.
    pub fn share(&mut self, context: Context, found: &Arc<Found>, framing: Framing) -> bool {
        if found.is_empty() {
            return true;
        }
        let holds_any = self.holds_any();
        let Some(query) = self.queries.get_mut(&context) else { return false };
        let is_first = !holds_any && query.holding.is_empty();
        let is_next = self.as_found == Some(context)
            && query.holding.found.is_empty()
            && query.holding.shared.len() < SHARED_MAX;
        // What happens to any of them is known by its index, which has none of those that come now.
        let is_indexed = holds_any && self.pending.get().is_some();
        if !is_first && !is_next || is_indexed {
            return false;
        }
        let bytes = found.bytes(framing);
        let serial = self.next_serial.wrapping_add(1);
        self.next_serial = self.next_serial.wrapping_add(found.len() as u32);
        query.holding.shared.push(Shared { found: Arc::clone(found), serial, bytes });
        self.held_bytes += bytes;
        self.as_found = Some(context);
        self.pending = OnceCell::new();
        true
    }

    /// Holds back an update of a pending object; whether it is one.
    pub fn hold_update(&mut self, do_id: DoId, frame: &[u8]) -> bool {
        self.hold_record(do_id, Held::Update, frame)
    }

    /// Ends the stay of a pending object: the client is shown it and then that it has gone. Whether it
    /// was one.
    pub fn end_stay(&mut self, do_id: DoId) -> bool {
        self.end_stay_by(do_id, Held::Leave)
    }

    /// As [`Interests::end_stay`], for an object that is no more.
    pub fn end_by_deletion(&mut self, do_id: DoId) -> bool {
        self.end_stay_by(do_id, Held::End)
    }

    fn end_stay_by(&mut self, do_id: DoId, how: Held) -> bool {
        self.hold_record(do_id, how, &[]) && self.remove_pending(do_id, |_| true).is_some()
    }

    fn remove_pending(
        &mut self,
        do_id: DoId,
        is_it: impl FnOnce(&Pending) -> bool,
    ) -> Option<Pending> {
        if !self.holds(do_id) {
            return None;
        }
        let removed = self.index_mut().remove_if(do_id, |pending| is_it(pending))?;
        self.as_found = None;
        self.is_no_longer_pending(do_id);
        Some(removed.value)
    }

    fn hold_record(&mut self, do_id: DoId, held: Held, frame: &[u8]) -> bool {
        let Some(Pending { query, serial, .. }) = self.pending(do_id) else {
            return false;
        };
        let query = self.queries.get_mut(&query).expect("a pending object's query is open");
        query.holding.push(do_id, serial, held, frame, false);
        self.held_bytes += frame.len();
        true
    }

    /// Forgets a pending object, as if the client had never been going to see it.
    pub fn drop_pending(&mut self, do_id: DoId) {
        if let Some(Pending { query, serial, .. }) = self.remove_pending(do_id, |_| true)
            && let Some(query) = self.queries.get_mut(&query)
        {
            query.holding.dropped.insert(serial);
        }
    }

    /// Forgets the pending objects at a location that is no longer covered.
    pub fn drop_pending_at(&mut self, location: Location) {
        let there = SmallVec::<[DoId; 8]>::from(self.index_mut().at(location));
        there.into_iter().for_each(|do_id| self.drop_pending(do_id));
    }

    /// What a query has held has been told: it is no longer held for that.
    pub fn let_go(&mut self, context: Context, told: &Holding) {
        let are_all = |pending: &Located<_>| pending.len() == told.found_count();
        if self.are_as_found_by(context) && self.pending.get().is_none_or(are_all) {
            self.are_no_longer_pending(told);
        } else {
            for (do_id, serial) in told.stays() {
                self.remove_pending(do_id, |pending| pending.serial == serial);
            }
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
