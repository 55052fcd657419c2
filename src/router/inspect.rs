//! What a role can be asked about itself, page by page.
//!
//! A console may ask for a million objects while the router routes. So a question visits a bounded number of
//! entries and is asked again from where it stopped: a page may be short, or empty, while there are more.

use std::time::Instant;

use crate::ids::{Channel, ClassId, DoId, FieldId, InterestId, Location, ZoneId};

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
    /// One DistributedObject in memory, with its values: an [`Item::Object`], and [`Item::Value`]s behind it.
    Object(DoId),
    /// The session that was given this channel or sends from it, with what it is interested in and what it knows: an [`Item::Session`], and behind
    /// it at most `budget` items of each kind. It is one page.
    Session(Channel),
    /// The members that listen to a channel: sessions.
    Listeners(Channel),
    /// How many members listen to a channel, as one [`Item::Totals`].
    ListenerCount(Channel),
    /// How many objects there are of each class, as [`Item::Class`]es. It is one page.
    Classes,
    /// How much there is, as one [`Item::Totals`].
    Totals,
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
        /// How many children it knows of.
        children: usize,
    },
    /// The value of a field of the object before it.
    Value {
        /// Which field.
        field: FieldId,
        /// Its value, packed.
        value: Vec<u8>,
    },
    /// A client's session.
    Session {
        /// Its place in the agent, while it lives.
        place: usize,
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
        /// How many channels it listens to.
        channels: usize,
        /// When it began.
        since: Instant,
        /// What its connection has carried, if it has one: it may wait for its client to come back.
        traffic: Option<Traffic>,
    },
    /// An interest of the session before it.
    Interest {
        /// Its number; `None` of one that the agent has opened itself.
        id: Option<InterestId>,
        /// The parent.
        parent: DoId,
        /// The zones, as they were given.
        zones: Vec<ZoneId>,
    },
    /// An object that the client of the session before it knows.
    Known {
        /// Which.
        do_id: DoId,
        /// Its class; `None` if the DC files do not have it.
        class_id: Option<ClassId>,
        /// Where it is.
        location: Location,
        /// Whether the client owns it.
        is_owned: bool,
    },
    /// A channel that the session before it listens to.
    Channel(Channel),
    /// A class that has objects.
    Class {
        /// Which.
        class_id: ClassId,
        /// How many.
        objects: usize,
    },
    /// How much there is.
    Totals {
        /// DistributedObjects.
        objects: usize,
        /// Sessions.
        sessions: usize,
    },
}

/// What a connection has carried.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// Bytes that wait to be written.
    pub waiting: usize,
    /// Bytes that the stream has taken.
    pub sent: u64,
    /// Bytes that were read.
    pub received: u64,
}

impl Page {
    /// All there is.
    pub fn whole(items: Vec<Item>) -> Page {
        Page { items, next: None }
    }

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
