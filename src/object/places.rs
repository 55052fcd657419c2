//! Where a population keeps its objects.

use super::distributed_object::DistributedObject;
use crate::hash::{Paged, Seed};
use crate::ids::DoId;

/// Objects by doId, each in a place that it keeps while it lives. So whoever walks over them in steps meets
/// each one that lives throughout exactly once, whatever comes and goes meanwhile.
#[derive(Debug)]
pub(super) struct Places {
    places: Vec<Option<Box<DistributedObject>>>,
    by_id: Paged<DoId, Place>,
    /// Places without an object; the last one is taken first.
    free: Vec<Place>,
    /// How many objects there are of each class, by its number.
    by_class: Vec<usize>,
}

/// Where an object is, while it lives. Then the place may be another's.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Place(u32);

impl Place {
    const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Places {
    pub fn new(seed: Seed) -> Self {
        Places {
            places: Vec::new(),
            by_id: Paged::with_hasher(seed),
            free: Vec::new(),
            by_class: Vec::new(),
        }
    }

    /// Where an object is.
    #[inline]
    pub fn find(&self, do_id: DoId) -> Option<Place> {
        self.by_id.get(&do_id).copied()
    }

    /// An object.
    #[inline]
    pub fn get(&self, do_id: DoId) -> Option<&DistributedObject> {
        self.at(self.find(do_id)?.index())
    }

    /// The object at a place.
    #[inline]
    pub fn get_mut(&mut self, place: Place) -> Option<&mut DistributedObject> {
        self.places.get_mut(place.index())?.as_deref_mut()
    }

    /// The object at one of the [`Places::count`] places.
    #[inline]
    pub fn at(&self, index: usize) -> Option<&DistributedObject> {
        self.places.get(index)?.as_deref()
    }

    /// How many places there are, with or without an object.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// How many objects there are of each class, by its number; of those that come later there are none.
    pub fn by_class(&self) -> &[usize] {
        &self.by_class
    }

    /// All objects, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &DistributedObject> {
        self.places.iter().filter_map(Option::as_deref)
    }

    /// Does something to all objects.
    pub fn for_each_mut(&mut self, act: impl FnMut(&mut DistributedObject)) {
        self.places.iter_mut().filter_map(Option::as_deref_mut).for_each(act);
    }

    /// Gives an object a place.
    ///
    /// # Panics
    /// If there is an object of this id.
    pub fn insert(&mut self, object: Box<DistributedObject>) -> Place {
        let (do_id, class) = (object.do_id(), usize::from(object.class_id.0));
        if class >= self.by_class.len() {
            self.by_class.resize(class + 1, 0);
        }
        let place = self.free.pop().unwrap_or_else(|| self.add_place());
        let is_new = self.by_id.insert(do_id, place);
        assert!(is_new, "object {do_id} exists");
        self.by_class[class] += 1;
        self.places[place.index()] = Some(object);
        place
    }

    /// Forgets an object; its place is free.
    pub fn remove(&mut self, do_id: DoId) {
        if let Some(place) = self.by_id.remove(do_id) {
            if let Some(object) = self.places[place.index()].take() {
                self.by_class[usize::from(object.class_id.0)] -= 1;
            }
            self.free.push(place);
        }
    }

    fn add_place(&mut self) -> Place {
        let place = u32::try_from(self.places.len()).expect("objects fit into memory");
        self.places.push(None);
        Place(place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ids::{ClassId, Location};
    use crate::object::{FieldList, NewObject};

    fn object(do_id: DoId) -> Box<DistributedObject> {
        Box::new(DistributedObject::new(&NewObject {
            do_id,
            class_id: ClassId(0),
            location: Location::NONE,
            required: FieldList::new(),
            ram: FieldList::new(),
            has_molecular: false,
        }))
    }

    proptest! {
        #[test]
        fn an_object_keeps_its_place_and_no_place_is_wasted(
            steps in prop::collection::vec((0u32..12, any::<bool>()), 0..80),
        ) {
            let mut places = Places::new(Seed::fixed(0));
            let (mut model, mut most) = (BTreeMap::new(), 0);
            for (id, lives) in steps {
                let do_id = DoId(id);
                match (lives, model.contains_key(&do_id)) {
                    (true, false) => {
                        model.insert(do_id, places.insert(object(do_id)));
                    }
                    (false, _) => {
                        places.remove(do_id);
                        model.remove(&do_id);
                    }
                    (true, true) => {}
                }
                most = most.max(model.len());
                prop_assert_eq!((places.len(), places.count()), (model.len(), most));
                prop_assert_eq!(places.by_class().iter().sum::<usize>(), model.len());
                prop_assert_eq!(places.find(do_id), model.get(&do_id).copied());
                for (do_id, place) in &model {
                    prop_assert_eq!(places.get_mut(*place).map(|o| o.do_id()), Some(*do_id));
                    prop_assert_eq!(places.get(*do_id).map(|o| o.do_id()), Some(*do_id));
                }
                prop_assert_eq!(places.iter().count(), model.len());
            }
        }
    }
}
