//! What the cluster lets a client do beyond what it may do with the objects that it sees and owns.

use std::collections::hash_map::Entry;

use crate::hash::{Map, Seed};
use crate::ids::{ClassId, DoId, FieldId, ZoneId};

/// What one client may do beyond what follows from its view.
#[derive(Debug)]
pub struct Rights {
    /// Objects that the client may send to unseen.
    declared: Map<DoId, ClassId>,
    /// Objects that end with the session, and the session with them; each with a number that is higher for
    /// one that was tied later.
    session_objects: Map<DoId, u32>,
    next_number: u32,
    /// Objects that the client has made, and where it has put them. They end with the session, and not the other way round.
    made: Map<DoId, ZoneId>,
    /// Fields that the client may send whatever their keywords say, ascending.
    sendable: Map<DoId, Box<[FieldId]>>,
}

impl Rights {
    /// No rights.
    pub fn new(seed: Seed) -> Self {
        Rights {
            declared: Map::with_hasher(seed),
            session_objects: Map::with_hasher(seed),
            next_number: 0,
            made: Map::with_hasher(seed),
            sendable: Map::with_hasher(seed),
        }
    }

    /// The class of an object that has been declared.
    #[inline]
    pub fn declared(&self, do_id: DoId) -> Option<ClassId> {
        self.declared.get(&do_id).copied()
    }

    /// Declares an object; whether it was not yet. If it was, its class stays.
    pub fn declare(&mut self, do_id: DoId, class_id: ClassId) -> bool {
        match self.declared.entry(do_id) {
            Entry::Vacant(entry) => {
                entry.insert(class_id);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Takes a declaration back, if there was one.
    pub fn undeclare(&mut self, do_id: DoId) -> Option<ClassId> {
        self.declared.remove(&do_id)
    }

    /// Ties an object to the session; whether it was not yet.
    pub fn add_session_object(&mut self, do_id: DoId) -> bool {
        match self.session_objects.entry(do_id) {
            Entry::Vacant(entry) => {
                entry.insert(self.next_number);
                self.next_number = self.next_number.wrapping_add(1);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Whether an object is tied to the session.
    #[inline]
    pub fn is_session_object(&self, do_id: DoId) -> bool {
        self.session_objects.contains_key(&do_id)
    }

    /// Unties all objects from the session, in the order in which they were tied.
    pub fn take_session_objects(&mut self) -> Vec<DoId> {
        let mut objects: Vec<(u32, DoId)> =
            self.session_objects.drain().map(|(do_id, number)| (number, do_id)).collect();
        objects.sort_unstable();
        objects.into_iter().map(|(_, do_id)| do_id).collect()
    }

    /// Unties an object from the session; whether it was tied.
    pub fn remove_session_object(&mut self, do_id: DoId) -> bool {
        self.session_objects.remove(&do_id).is_some()
    }

    /// The client has made an object, or put one that it has made somewhere else. Where it was before.
    pub fn has_made(&mut self, do_id: DoId, zone: ZoneId) -> Option<ZoneId> {
        self.made.insert(do_id, zone)
    }

    /// An object that the client has made is no more. Where it was.
    pub fn unmake(&mut self, do_id: DoId) -> Option<ZoneId> {
        self.made.remove(&do_id)
    }

    /// Where the client has put an object that it has made.
    #[inline]
    pub fn made_at(&self, do_id: DoId) -> Option<ZoneId> {
        self.made.get(&do_id).copied()
    }

    /// All objects that the client has made, in no order.
    pub fn all_made(&self) -> impl Iterator<Item = DoId> + '_ {
        self.made.keys().copied()
    }

    /// Makes just these fields of an object sendable. Those that were so before.
    pub fn set_sendable(&mut self, do_id: DoId, mut fields: Box<[FieldId]>) -> Box<[FieldId]> {
        fields.sort_unstable();
        let before = if fields.is_empty() {
            self.sendable.remove(&do_id)
        } else {
            self.sendable.insert(do_id, fields)
        };
        before.unwrap_or_default()
    }

    /// Whether a field has been made sendable.
    pub fn is_sendable(&self, do_id: DoId, field: FieldId) -> bool {
        self.sendable.get(&do_id).is_some_and(|fields| fields.binary_search(&field).is_ok())
    }
}
