//! What can be asked about the objects from outside of the protocol.

use super::distributed_object::DistributedObject;
use super::population::Population;
use crate::router::{Cursor, Item, Page, Query};

impl Population {
    /// A page of what is asked, if that is objects: from `cursor` on, at most `budget` visits, whether or not
    /// there is an object of those that are asked for.
    pub fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        let Query::Objects { class_id, parent, zone } = *query else {
            return Page::default();
        };
        let is_asked_for = |object: &DistributedObject| {
            class_id.is_none_or(|class_id| class_id == object.class_id)
                && parent.is_none_or(|parent| parent == object.location.parent)
                && zone.is_none_or(|zone| zone == object.location.zone)
        };
        Page::of(self.objects.count(), cursor, budget, |index| {
            let object = self.objects.at(index).filter(|object| is_asked_for(object))?;
            Some(Item::Object {
                do_id: object.do_id,
                class_id: object.class_id,
                location: object.location,
                ai: object.ai,
                owner: object.owner(),
            })
        })
    }
}
