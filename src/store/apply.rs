//! What operations do to objects: the same for every backend.
//!
//! A backend loads the objects that a batch concerns into a [`WorkingSet`], applies the operations in
//! order, and stores what changed. Nothing here knows how objects are stored, or waits for anything.

use bytes::Bytes;
use std::collections::VecDeque;

use super::operation::{Operation, Outcome, Refusal, Selection, Values};
use super::schema::Schema;
use crate::config::DoIdRange;
use crate::hash::{Map, Seed};
use crate::ids::{ClassId, DoId, FieldId};

/// A value as it was found in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stored {
    /// The packed value.
    Packed(Bytes),
    /// Something that is no value of the field's type. Nobody is given it, it is neither absent nor equal to anything,
    /// and it stays as it is until it is replaced.
    Unreadable,
}

/// An object as it was found in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// Its class, or why there is none.
    pub class: Result<ClassId, Refusal>,
    /// Its values, ascending, each field once. Left empty if nobody asks for values.
    pub values: Vec<(FieldId, Stored)>,
}

/// What happened to an object, or would happen if the store agrees.
#[derive(Clone, Debug, Default)]
pub struct Slot {
    /// Whether the store has an object of this id.
    pub is_stored: bool,
    /// The object as it is now.
    pub object: Option<Object>,
    /// Whether the object as it is now is a new one.
    pub is_new: bool,
    /// Fields of the stored object that changed, in the order of the changes.
    pub changed: Vec<FieldId>,
}

impl Slot {
    /// The value of a field, if there is one that can be read.
    pub fn value(&self, field: FieldId) -> Option<&Bytes> {
        match self.object.as_ref()?.entry(field)? {
            (_, Stored::Packed(value)) => Some(value),
            (_, Stored::Unreadable) => None,
        }
    }

    /// Whether the stored object is gone, also if there is a new one in its place.
    pub const fn is_deleted(&self) -> bool {
        self.is_stored && (self.is_new || self.object.is_none())
    }
}

/// The ids that a batch may give to new objects.
#[derive(Clone, Debug)]
pub struct Ids {
    range: DoIdRange,
    reserved: VecDeque<DoId>,
    released: Vec<DoId>,
}

impl Ids {
    /// Ids that are free, in the order in which they are to be given.
    pub fn new(range: DoIdRange, reserved: impl IntoIterator<Item = DoId>) -> Self {
        Ids { range, reserved: reserved.into_iter().collect(), released: Vec::new() }
    }

    fn take(&mut self) -> Option<DoId> {
        self.reserved.pop_front().or_else(|| {
            let place = self.released.iter().position(|id| self.range.contains(*id))?;
            Some(self.released.remove(place))
        })
    }

    /// Ids that were not given.
    pub fn unused(&self) -> impl ExactSizeIterator<Item = DoId> {
        self.reserved.iter().copied()
    }

    /// Ids of objects that were deleted, oldest first, whether in the range or not.
    pub fn released(&self) -> &[DoId] {
        &self.released
    }
}

/// How much of an object a batch needs.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Need {
    /// Whether it is there, and its class.
    Class,
    /// Its values too.
    Values,
}

/// Which objects these operations concern.
pub fn needs<'a>(operations: impl Iterator<Item = &'a Operation>, seed: Seed) -> Map<DoId, Need> {
    let mut needs = Map::with_hasher(seed);
    for operation in operations {
        let (do_id, need) = match operation {
            Operation::Create { .. } => continue,
            Operation::Get { do_id, .. } => (*do_id, Need::Values),
            Operation::Update { do_id, criteria, .. } if criteria.is_empty() => {
                (*do_id, Need::Class)
            }
            Operation::Update { do_id, .. } => (*do_id, Need::Values),
            Operation::Delete { do_id } => (*do_id, Need::Class),
        };
        let known = needs.entry(do_id).or_insert(need);
        *known = need.max(*known);
    }
    needs
}

/// The objects that a batch of operations concerns, as they become.
#[derive(Debug)]
pub struct WorkingSet<'s> {
    schema: &'s Schema,
    slots: Map<DoId, Slot>,
    ids: Ids,
}

impl<'s> WorkingSet<'s> {
    /// Begins with no object, and `ids` for new ones.
    pub fn new(schema: &'s Schema, ids: Ids, seed: Seed) -> Self {
        WorkingSet { schema, slots: Map::with_hasher(seed), ids }
    }

    /// Adds an object that the store has.
    pub fn load(&mut self, do_id: DoId, object: Object) {
        let slot = Slot { is_stored: true, object: Some(object), ..Slot::default() };
        self.slots.insert(do_id, slot);
    }

    /// The objects, in no order.
    pub fn slots(&self) -> impl Iterator<Item = (DoId, &Slot)> {
        self.slots.iter().map(|(do_id, slot)| (*do_id, slot))
    }

    /// The ids for new objects.
    pub const fn ids(&self) -> &Ids {
        &self.ids
    }

    /// Applies one operation, completely or not at all.
    pub fn apply(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::Create { class, values } => self.create(*class, values),
            Operation::Get { do_id, selection } => self.get(*do_id, selection),
            Operation::Update { do_id, criteria, changes } => {
                self.update(*do_id, criteria, changes)
            }
            Operation::Delete { do_id } => self.delete(*do_id),
        }
    }

    fn create(&mut self, class: ClassId, values: &Values) -> Outcome {
        let Some(do_id) = self.ids.take() else {
            return Outcome::Exhausted;
        };
        let stored = |(field, value): &(FieldId, Bytes)| (*field, Stored::Packed(value.clone()));
        let slot = self.slots.entry(do_id).or_default();
        slot.is_new = true;
        slot.changed.clear();
        slot.object =
            Some(Object { class: Ok(class), values: values.iter().map(stored).collect() });
        Outcome::Created(do_id)
    }

    fn get(&self, do_id: DoId, selection: &Selection) -> Outcome {
        let object = match self.slots.get(&do_id) {
            Some(Slot { object: Some(object), .. }) => object,
            Some(_) | None => return Outcome::Absent,
        };
        let class = match &object.class {
            Ok(class) => *class,
            Err(refusal) => return Outcome::Refused(refusal.clone()),
        };
        let values = match selection {
            Selection::All => object.values.iter().filter_map(readable).collect(),
            Selection::Fields(fields) => {
                let entries = fields.iter().filter_map(|field| object.entry(*field));
                entries.filter_map(readable).collect()
            }
        };
        Outcome::Object { class, values }
    }

    fn update(
        &mut self,
        do_id: DoId,
        criteria: &[(FieldId, Option<Bytes>)],
        changes: &[(FieldId, Option<Bytes>)],
    ) -> Outcome {
        let Some(slot) = self.slots.get_mut(&do_id) else {
            return Outcome::Absent;
        };
        let Some(object) = &mut slot.object else {
            return Outcome::Absent;
        };
        let class = match &object.class {
            Ok(class) => self.schema.class(*class),
            Err(refusal) => return Outcome::Refused(refusal.clone()),
        };
        let class = class.expect("backends know objects by the classes of the schema");
        for (field, _) in criteria.iter().chain(changes) {
            if !class.has_field(*field) {
                return Outcome::Refused(Refusal::ForeignField { field: *field });
            }
        }
        let (mut holds, mut current) = (true, Values::new());
        for (field, wanted) in criteria {
            match object.entry(*field) {
                None => holds &= wanted.is_none(),
                Some((_, Stored::Unreadable)) => holds = false,
                Some((_, Stored::Packed(value))) => {
                    holds &= wanted.as_ref() == Some(value);
                    current.push((*field, value.clone()));
                }
            }
        }
        if !holds {
            return Outcome::Mismatch(current);
        }
        for (field, value) in changes {
            object.set(*field, value.clone());
            if !slot.is_new {
                slot.changed.push(*field);
            }
        }
        Outcome::Updated
    }

    fn delete(&mut self, do_id: DoId) -> Outcome {
        let Some(slot) = self.slots.get_mut(&do_id) else {
            return Outcome::Absent;
        };
        match &slot.object {
            None => Outcome::Absent,
            Some(Object { class: Err(refusal @ Refusal::Broken(_)), .. }) => {
                Outcome::Refused(refusal.clone())
            }
            Some(_) => {
                slot.object = None;
                slot.is_new = false;
                slot.changed.clear();
                self.ids.released.push(do_id);
                Outcome::Deleted
            }
        }
    }
}

impl Object {
    /// The field's entry, if it has a value.
    pub fn entry(&self, field: FieldId) -> Option<&(FieldId, Stored)> {
        let place = self.values.binary_search_by_key(&field, |(field, _)| *field);
        place.ok().map(|place| &self.values[place])
    }

    fn set(&mut self, field: FieldId, value: Option<Bytes>) {
        let place = self.values.binary_search_by_key(&field, |(field, _)| *field);
        match (place, value.map(Stored::Packed)) {
            (Ok(place), Some(value)) => self.values[place].1 = value,
            (Ok(place), None) => drop(self.values.remove(place)),
            (Err(place), Some(value)) => self.values.insert(place, (field, value)),
            (Err(_), None) => {}
        }
    }
}

fn readable((field, stored): &(FieldId, Stored)) -> Option<(FieldId, Bytes)> {
    match stored {
        Stored::Packed(value) => Some((*field, value.clone())),
        Stored::Unreadable => None,
    }
}
