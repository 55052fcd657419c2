//! What a client knows of the world, and what it may do with it.

mod known;
mod lapsed;
mod recent;
mod rights;

use std::collections::hash_map::Entry;

use dclass::Class;
use smallvec::SmallVec;

pub use known::{Known, Tie};
pub use lapsed::Right;
pub use rights::Rights;

use self::lapsed::{Lapsed, REMEMBERED};
use self::recent::Recent;
use super::agent::{Context, Located, Shared};
use crate::hash::{Map, Seed};
use crate::ids::{ClassId, DoId, FieldId, Location};

/// All that one client knows.
///
/// UberDOGs are not part of it: every client knows them.
#[derive(Debug)]
pub struct View {
    /// Objects seen or owned; on the path of each delivered update.
    objects: Map<DoId, Known>,
    /// Each of them where it is, so that closing a zone costs what is in it.
    by_location: Located,
    /// Most clients have none. What it holds is made when the cluster gives the first.
    rights: Option<Box<Rights>>,
    /// Objects that it no longer knows.
    historical: Recent<DoId>,
    /// Rights that it no longer has. Made when the first is lost.
    lapsed: Option<Box<Lapsed>>,
}

/// What an update from a client is judged by: all that is known of the object, looked up once.
#[derive(Copy, Clone, Debug)]
pub struct Subject<'s> {
    /// The object's class.
    pub class: &'s Class,
    /// Whether clients that have not logged in may send to it.
    pub is_anonymous: bool,
    /// Whether the client owns it.
    pub is_owned: bool,
}

impl View {
    /// The view of a client that knows nothing yet.
    pub fn new(seed: Seed) -> Self {
        View {
            objects: Map::with_hasher(seed),
            by_location: Located::new(seed),
            rights: None,
            historical: Recent::new(seed, REMEMBERED),
            lapsed: None,
        }
    }

    /// How many objects the client sees or owns.
    pub fn object_count(&self) -> usize {
        self.objects.len()
    }

    /// Notes where an object is that the client sees or owns. By what it knows it, if it does.
    pub fn move_to(&mut self, do_id: DoId, to: Location) -> Option<Tie> {
        let known = *self.objects.get(&do_id)?;
        if known.location != to {
            self.take_from(known.location, known.place);
            let place = self.by_location.insert(to, do_id);
            self.objects.insert(do_id, Known { location: to, place, ..known });
        }
        Some(known.tie)
    }

    /// Takes the object with a place at a location out of there.
    fn take_from(&mut self, location: Location, place: u32) {
        let moved = self.by_location.remove(location, place);
        if let Some(moved) = moved.and_then(|moved| self.objects.get_mut(&moved)) {
            moved.place = place;
        }
    }

    /// Whether updates of an object concern the client.
    #[inline]
    pub fn knows(&self, do_id: DoId) -> bool {
        match self.objects.get(&do_id) {
            Some(known) if known.class_id.is_some() => true,
            _ => self.rights.as_ref().is_some_and(|rights| rights.declared(do_id).is_some()),
        }
    }

    /// Whether the client sees an object.
    #[inline]
    pub fn sees(&self, do_id: DoId) -> bool {
        self.objects.get(&do_id).is_some_and(|known| known.tie.is_seen())
    }

    /// Whether the client owns an object.
    #[inline]
    pub fn owns(&self, do_id: DoId) -> bool {
        self.objects.get(&do_id).is_some_and(|known| known.tie.is_owned())
    }

    /// Where the client sees an object.
    pub fn seen_at(&self, do_id: DoId) -> Option<Location> {
        self.objects.get(&do_id).filter(|known| known.tie.is_seen()).map(|known| known.location)
    }

    /// The objects that the client sees at a location, in the order of their ids.
    pub fn all_seen_at(&self, location: Location) -> SmallVec<[DoId; 8]> {
        let there = self.by_location.at(location).iter().copied();
        let mut seen: SmallVec<[DoId; 8]> = there.filter(|&do_id| self.sees(do_id)).collect();
        seen.sort_unstable();
        seen
    }

    /// An object that the client may send to: an UberDOG, or one that it owns, sees or that has been
    /// declared to it.
    pub fn subject<'s>(&self, shared: &'s Shared, do_id: DoId) -> Option<Subject<'s>> {
        let known = self.objects.get(&do_id);
        let is_owned = known.is_some_and(|known| known.tie.is_owned());
        let (class_id, is_anonymous) = match shared.uberdogs.get(do_id) {
            Some(uberdog) => (uberdog.class_id, uberdog.anonymous),
            None => {
                let class_id = known.and_then(|known| known.class_id);
                (class_id.or_else(|| self.rights.as_ref()?.declared(do_id))?, false)
            }
        };
        Some(Subject { class: shared.dc.class(class_id)?, is_anonymous, is_owned })
    }

    /// Makes an object seen. Its class is `None` if the DC files do not have it.
    pub fn see(&mut self, do_id: DoId, class_id: Option<ClassId>, location: Location) {
        self.move_to(do_id, location);
        self.tie(do_id, Known { location, class_id, tie: Tie::Seen, place: 0 }, Tie::with_sight);
    }

    /// Makes an object owned; one that is already stays as it is.
    pub fn own(&mut self, do_id: DoId, class_id: ClassId, location: Location) {
        let new = Known { location, class_id: Some(class_id), tie: Tie::Owned, place: 0 };
        self.tie(do_id, new, Tie::with_ownership);
    }

    fn tie(&mut self, do_id: DoId, new: Known, tighter: impl Fn(Tie) -> Tie) {
        match self.objects.entry(do_id) {
            Entry::Occupied(mut known) => {
                let tie = &mut known.get_mut().tie;
                *tie = tighter(*tie);
            }
            Entry::Vacant(place) => {
                let index = self.by_location.insert(new.location, do_id);
                place.insert(Known { place: index, ..new });
            }
        }
    }

    /// Makes an object unseen. The client may still own it.
    pub fn unsee(&mut self, do_id: DoId) {
        self.loosen(do_id, Tie::without_sight);
    }

    /// Makes an object no longer owned. The client may still see it.
    pub fn disown(&mut self, cx: &Context<'_>, do_id: DoId) {
        if let Some(known) = self.objects.get(&do_id).filter(|known| known.tie.is_owned()) {
            self.lapse(cx, Right::Ownership(do_id), known.class_id);
        }
        self.loosen(do_id, Tie::without_ownership);
    }

    fn loosen(&mut self, do_id: DoId, loosened: impl Fn(Tie) -> Option<Tie>) {
        if let Entry::Occupied(mut known) = self.objects.entry(do_id) {
            match loosened(known.get().tie) {
                Some(tie) => known.get_mut().tie = tie,
                None => {
                    let Known { location, place, .. } = known.remove();
                    self.take_from(location, place);
                }
            }
        }
    }

    /// What the cluster has given the client beyond what it sees and owns.
    pub fn rights_mut(&mut self, seed: Seed) -> &mut Rights {
        self.rights.get_or_insert_with(|| Box::new(Rights::new(seed)))
    }

    /// Takes a declaration back; whether there was one.
    pub fn undeclare(&mut self, cx: &Context<'_>, do_id: DoId) -> bool {
        let declared = self.rights.as_mut().and_then(|rights| rights.undeclare(do_id));
        if declared.is_some() && cx.shared.forgives_all() {
            self.lapse(cx, Right::Declaration(do_id), declared);
        }
        declared.is_some()
    }

    /// Makes just these fields of an object sendable.
    pub fn set_sendable(&mut self, cx: &Context<'_>, do_id: DoId, fields: Box<[FieldId]>) {
        let before = self.rights_mut(cx.shared.seed).set_sendable(do_id, fields);
        if cx.shared.forgives_all() {
            for field in before {
                if !self.is_sendable(do_id, field) {
                    self.lapse(cx, Right::Sendable(do_id, field), None);
                }
            }
        }
    }

    /// Whether an object is tied to the session.
    #[inline]
    pub fn is_session_object(&self, do_id: DoId) -> bool {
        self.rights.as_ref().is_some_and(|rights| rights.is_session_object(do_id))
    }

    /// Unties an object from the session; whether it was.
    pub fn remove_session_object(&mut self, do_id: DoId) -> bool {
        self.rights.as_mut().is_some_and(|rights| rights.remove_session_object(do_id))
    }

    /// Takes the objects that end with the session.
    pub fn take_session_objects(&mut self) -> Vec<DoId> {
        self.rights.as_mut().map(|rights| rights.take_session_objects()).unwrap_or_default()
    }

    /// Whether a field has been made sendable.
    pub fn is_sendable(&self, do_id: DoId, field: FieldId) -> bool {
        self.rights.as_ref().is_some_and(|rights| rights.is_sendable(do_id, field))
    }
}
