//! What a client knows of the world.

use rustc_hash::FxHashMap;

use super::historical::Historical;
use crate::ids::{ClassId, DoId, FieldId, Location};

/// An object that a client sees or owns.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Where it is, if it is visible.
    pub location: Location,
    /// Its class, as it was told.
    pub class_id: ClassId,
    /// Whether the class exists: if not, updates cannot be understood by anyone.
    pub has_class: bool,
    /// Whether the client was told of it by an entrance.
    pub visible: bool,
    /// Whether the client owns it.
    pub owned: bool,
}

/// All objects that one client knows, and what it may do with them beyond its rights.
#[derive(Debug, Default)]
pub struct Knowledge {
    /// Objects seen or owned; on the path of each delivered update.
    pub objects: FxHashMap<DoId, Known>,
    /// Objects that the client may send to unseen.
    pub declared: FxHashMap<DoId, ClassId>,
    /// Objects that end with the session, and the session with them.
    pub session_objects: Vec<DoId>,
    /// Fields that the client may send whatever their keywords say.
    pub sendable: FxHashMap<DoId, Box<[FieldId]>>,
    /// Objects that it has known.
    pub historical: Historical,
}

impl Knowledge {
    /// Whether updates of an object concern the client. UberDOGs are not considered.
    #[inline]
    pub fn knows(&self, do_id: DoId) -> bool {
        match self.objects.get(&do_id) {
            Some(known) if known.has_class => true,
            _ => !self.declared.is_empty() && self.declared.contains_key(&do_id),
        }
    }

    /// The class of an object that the client knows. UberDOGs are not considered.
    pub fn class_of(&self, do_id: DoId) -> Option<ClassId> {
        match self.objects.get(&do_id) {
            Some(known) if known.has_class => Some(known.class_id),
            _ => self.declared.get(&do_id).copied(),
        }
    }

    /// Whether the client sees an object.
    #[inline]
    pub fn sees(&self, do_id: DoId) -> bool {
        self.objects.get(&do_id).is_some_and(|known| known.visible)
    }

    /// Whether the client owns an object.
    #[inline]
    pub fn owns(&self, do_id: DoId) -> bool {
        self.objects.get(&do_id).is_some_and(|known| known.owned)
    }

    /// Whether an object is tied to the session.
    #[inline]
    pub fn is_session_object(&self, do_id: DoId) -> bool {
        self.session_objects.contains(&do_id)
    }

    /// Whether a field has been made sendable.
    pub fn is_sendable(&self, do_id: DoId, field: FieldId) -> bool {
        self.sendable.get(&do_id).is_some_and(|fields| fields.contains(&field))
    }

    /// Makes an object visible.
    pub fn see(&mut self, do_id: DoId, class_id: ClassId, has_class: bool, location: Location) {
        self.objects
            .entry(do_id)
            .and_modify(|known| {
                known.visible = true;
                known.location = location;
            })
            .or_insert(Known { location, class_id, has_class, visible: true, owned: false });
    }

    /// Makes an object owned; one that is already stays as it is.
    pub fn own(&mut self, do_id: DoId, class_id: ClassId, location: Location) {
        self.objects.entry(do_id).and_modify(|known| known.owned = true).or_insert(Known {
            location,
            class_id,
            has_class: true,
            visible: false,
            owned: true,
        });
    }

    /// Makes an object invisible. The client may still own it.
    pub fn unsee(&mut self, do_id: DoId) {
        if let Some(known) = self.objects.get_mut(&do_id) {
            known.visible = false;
            if !known.owned {
                self.objects.remove(&do_id);
            }
        }
    }

    /// Makes an object no longer owned. The client may still see it.
    pub fn disown(&mut self, do_id: DoId) {
        if let Some(known) = self.objects.get_mut(&do_id) {
            known.owned = false;
            if !known.visible {
                self.objects.remove(&do_id);
            }
        }
    }
}
