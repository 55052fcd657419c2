//! What can be asked about the objects from outside of the protocol.

use super::distributed_object::DistributedObject;
use super::population::Population;
use crate::ids::{ClassId, DoId, FieldId};
use crate::metrics::{self, Figures};
use crate::router::{Cursor, Item, Page, Query};

/// So many classes are told of by themselves: those with the most objects.
const CLASSES_MAX: usize = 200;

impl Population {
    /// Tells how many objects there are of each class.
    pub fn measure(&self, figures: &mut Figures) {
        let counts = self.objects.by_class().iter().enumerate().filter(|(_, count)| **count > 0);
        let mut counts: Vec<_> = counts.collect();
        counts.sort_by_key(|(class, count)| (std::cmp::Reverse(**count), *class));
        for (place, (class, count)) in counts.into_iter().enumerate() {
            let id = u16::try_from(class).map(ClassId);
            let class = id.ok().and_then(|id| self.dc().class(id)).filter(|_| place < CLASSES_MAX);
            let name = class.map_or(metrics::OTHER, |class| class.name());
            figures.add(&metrics::OBJECTS, &[name], *count as u64);
        }
    }

    /// A page of what is asked, if that is objects: from `cursor` on, at most `budget` visits, whether or not
    /// there is an object of those that are asked for.
    pub fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        let (class_id, parent, zone) = match *query {
            Query::Objects { class_id, parent, zone } => (class_id, parent, zone),
            Query::Object(do_id) => return Page::whole(self.describe(do_id)),
            Query::Totals => {
                return Page::whole(vec![Item::Totals { objects: self.len(), sessions: 0 }]);
            }
            Query::Classes => return Page::whole(self.count_classes()),
            Query::Sessions | Query::Session(_) | Query::Listeners(_) | Query::ListenerCount(_) => {
                return Page::default();
            }
        };
        let is_asked_for = |object: &DistributedObject| {
            class_id.is_none_or(|class_id| class_id == object.class_id)
                && parent.is_none_or(|parent| parent == object.location.parent)
                && zone.is_none_or(|zone| zone == object.location.zone)
        };
        Page::of(self.objects.count(), cursor, budget, |index| {
            let object = self.objects.at(index).filter(|object| is_asked_for(object))?;
            Some(item_of(object))
        })
    }

    fn count_classes(&self) -> Vec<Item> {
        let counts = self.objects.by_class().iter().enumerate().filter(|(_, count)| **count > 0);
        counts
            .filter_map(|(class, &objects)| {
                Some(Item::Class { class_id: ClassId(u16::try_from(class).ok()?), objects })
            })
            .collect()
    }

    /// An object with its values; nothing, if there is no such object.
    fn describe(&self, do_id: DoId) -> Vec<Item> {
        let Some(object) = self.objects.get(do_id) else { return Vec::new() };
        let value = |(field, value): (FieldId, &[u8])| Item::Value { field, value: value.to_vec() };
        let values = object.required.iter().chain(object.ram.iter()).map(value);
        std::iter::once(item_of(object)).chain(values).collect()
    }
}

fn item_of(object: &DistributedObject) -> Item {
    Item::Object {
        do_id: object.do_id,
        class_id: object.class_id,
        location: object.location,
        ai: object.ai,
        owner: object.owner(),
        children: object.zones.as_ref().map_or(0, |zones| zones.len()),
    }
}
