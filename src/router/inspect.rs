//! What a role can be asked about itself, page by page.
//!
//! A console may ask for a million objects while the router routes. So a question visits a bounded number of
//! entries and is asked again from where it stopped: a page may be short, or empty, while there are more.

use crate::ids::{Channel, ClassId, DoId, Location, ZoneId};

/// What is asked. A role that has nothing of the kind answers with an empty last page.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Query {
    /// DistributedObjects in memory; those of one class, parent or zone, where that is given.
    Objects {
        /// Of this class.
        class_id: Option<ClassId>,
        /// Below this parent.
        parent: Option<DoId>,
        /// In this zone of their parent.
        zone: Option<ZoneId>,
    },
    /// Clients' sessions.
    Sessions,
}

/// Where a page ended: a place in an order that does not change while an entry lives. Whatever is there from
/// the first page to the last is on exactly one of them.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Cursor(pub usize);

/// Some of the answer.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Page {
    /// The entries that were found, in the order of their places.
    pub items: Vec<Item>,
    /// Where to go on; `None` if there is no more.
    pub next: Option<Cursor>,
}

/// An entry of a [`Page`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A DistributedObject.
    Object {
        /// Its id.
        do_id: DoId,
        /// Its class.
        class_id: ClassId,
        /// Where it is.
        location: Location,
        /// Its AI, or [`Channel::NONE`].
        ai: Channel,
        /// Its owner, or [`Channel::NONE`].
        owner: Channel,
    },
    /// A client's session.
    Session {
        /// The channel that it was given when it began.
        allocated: Channel,
        /// The channel that it sends from.
        channel: Channel,
        /// What it may do: the name of its state.
        state: &'static str,
        /// By what its client came: `tcp`, `tls` or `websocket`.
        transport: &'static str,
        /// The client's address.
        remote: String,
        /// How many interests it has open.
        interests: usize,
        /// How many objects its client sees or owns.
        objects: usize,
    },
}

impl Page {
    /// A page of at most `budget` visits of `places`, from `cursor` on. `item` says what is at a place, if it
    /// is part of the answer.
    pub fn of(
        places: usize,
        cursor: Cursor,
        budget: usize,
        item: impl Fn(usize) -> Option<Item>,
    ) -> Page {
        let start = cursor.0.min(places);
        // A page that visits nothing would be asked for again for ever.
        let end = start.saturating_add(budget.max(1)).min(places);
        let items = (start..end).filter_map(item).collect();
        Page { items, next: (end < places).then_some(Cursor(end)) }
    }
}
