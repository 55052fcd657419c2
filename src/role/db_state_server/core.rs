//! The database-state server as a state machine: how far an object is, and so who gets a message for it.

use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;
use smallvec::SmallVec;
use tracing::{trace, warn};

use super::link::{Awaited, Link, World};
use super::loading::Loads;
use super::queries::{Asker, Queries};
use super::stored::Stored;
use super::updates;
use crate::config::{DbStateServerConfig, DoIdRange};
use crate::hash::Seed;
use crate::ids::{Channel, ChannelRange, DoId};
use crate::message::{
    Cluster, Database, DbStateServer as Dbss, Error, Message, StateServer, name_of,
};
use crate::metrics::{self, Figures};
use crate::object::{Population, Standing};
use crate::role::Effects;
use crate::router::{Cursor, Gap, Origin, Page, Query, Role};
use crate::wire::{Envelope, Frames, Reader};

/// The objects of one database-state server, those that are being loaded, and what is being asked of
/// the database.
#[derive(Debug)]
pub struct DbStateServer {
    ranges: Arc<[DoIdRange]>,
    standing: Standing,
    objects: Population,
    loads: Loads,
    queries: Queries,
    link: Link,
}

/// How far an object is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Inactive,
    /// Whatever comes now waits.
    Loading,
    Active,
}

impl DbStateServer {
    /// A database-state server without active objects.
    pub fn new(config: &DbStateServerConfig, dc: Arc<DcFile>, seed: Seed) -> Self {
        // It has no channel of its own but those of its objects.
        let first = config.ranges.first().map_or(Channel::NONE, |range| range.min.channel());
        DbStateServer {
            ranges: config.ranges.clone().into(),
            standing: Standing::new(first, seed),
            objects: Population::new(dc, seed),
            loads: Loads::new(seed),
            queries: Queries::new(seed),
            link: Link::new(config),
        }
    }

    /// What has to be done before the first message.
    pub fn start(&self, out: &mut Effects) {
        for range in &*self.ranges {
            let range = ChannelRange::new(range.min.channel(), range.max.channel());
            out.subscribe_range(range.expect("a configured range is not empty"));
        }
        self.standing.begin(out);
    }

    /// The active objects.
    pub fn objects(&self) -> &Population {
        &self.objects
    }

    /// How many objects are being loaded.
    pub fn loading_count(&self) -> usize {
        self.loads.len()
    }

    fn next_awaited(&mut self) -> Option<(Instant, Awaited)> {
        let (queries, loads) = (&self.queries, &self.loads);
        self.link.next_deadline(|awaited| match awaited {
            Awaited::Query(context) => queries.deadline(context),
            Awaited::Load(do_id) => loads.deadline(do_id),
        })
    }

    /// What asks the database, and what surrounds it.
    fn parts<'a>(
        &'a mut self,
        now: Instant,
        out: &'a mut Effects,
    ) -> (&'a mut Queries, &'a mut Loads, World<'a>) {
        let world = World { now, objects: &mut self.objects, link: &mut self.link, out };
        (&mut self.queries, &mut self.loads, world)
    }

    fn world<'a>(&'a mut self, now: Instant, out: &'a mut Effects) -> World<'a> {
        self.parts(now, out).2
    }

    /// Ends the loading of an object, and lets it and the role handle what has been waiting: the object first,
    /// as long as it is there, and then the role, which writes to the database what is to be stored, or
    /// answers in the object's place.
    fn end_loading(&mut self, now: Instant, do_id: DoId, stored: Stored<'_>, out: &mut Effects) {
        let (_, loads, mut world) = self.parts(now, out);
        let waiting = loads.end(do_id, stored, &mut world);
        for frame in Frames::new(&waiting) {
            if self.objects.get(do_id).is_none() {
                break;
            }
            if let Ok(envelope) = Envelope::read(frame.datagram()) {
                self.objects.deliver_to(do_id, &envelope, out);
            }
        }
        for frame in Frames::new(&waiting) {
            if let Ok(envelope) = Envelope::read(frame.datagram()) {
                self.handle_as_role(now, &envelope, out);
            }
        }
    }

    /// Handles a message to the doIds of this server, whether or not there are objects.
    fn handle_as_role(&mut self, now: Instant, envelope: &Envelope<'_>, out: &mut Effects) {
        let (number, sender) = (envelope.message_type, envelope.sender);
        let msgtype = name_of(number);
        let message = match Cluster::decode(number, &mut Reader::new(envelope.body)) {
            Ok(message) => message,
            Err(Error::UnknownType(_)) => {
                trace!(msgtype, number, %sender, "message ignored");
                return;
            }
            Err(Error::Wire(error)) => {
                warn!(msgtype, %sender, %error, "bad message");
                return;
            }
        };
        match message {
            Cluster::DbStateServer(message) => self.handle_dbss(now, sender, &message, out),
            Cluster::StateServer(message) => self.handle_stored(now, sender, &message, out),
            Cluster::Database(message) => {
                let (queries, _, mut world) = self.parts(now, out);
                queries.handle_answer(&message, &mut world);
            }
            Cluster::ClientAgent(_) => trace!(msgtype, %sender, "message ignored"),
        }
    }

    fn handle_dbss(
        &mut self,
        now: Instant,
        sender: Channel,
        message: &Dbss<'_>,
        out: &mut Effects,
    ) {
        match *message {
            Dbss::ObjectActivateWithDefaults { do_id, location } => {
                if self.can_be_activated(do_id, sender) {
                    let (queries, loads, mut world) = self.parts(now, out);
                    loads.begin(do_id, location, queries.asking_for_all(do_id), &mut world);
                }
            }
            Dbss::ObjectActivateWithDefaultsOther { ref object } => {
                if self.can_be_activated(object.do_id, sender) {
                    let (queries, loads, mut world) = self.parts(now, out);
                    let asked = queries.asking_for_all(object.do_id);
                    loads.begin_with_other(object, asked, sender, &mut world);
                }
            }
            Dbss::ObjectGetActivated { context, do_id } => {
                if let Some(state) = self.state_of(do_id, sender).filter(|s| *s != State::Loading) {
                    let active = state == State::Active;
                    let answer = Dbss::ObjectGetActivatedResp { context, do_id, active };
                    self.world(now, out).send(sender, do_id, &answer);
                }
            }
            Dbss::ObjectDeleteFieldDisk { do_id, field } => {
                if self.is_stored_now(do_id, sender) {
                    let world = &mut self.world(now, out);
                    updates::delete_fields(do_id, [field].into_iter(), sender, world);
                }
            }
            Dbss::ObjectDeleteFieldsDisk { do_id, fields } => {
                if self.is_stored_now(do_id, sender) {
                    let world = &mut self.world(now, out);
                    updates::delete_fields(do_id, fields.iter(), sender, world);
                }
            }
            Dbss::ObjectDeleteDisk { do_id } => self.delete_disk(now, do_id, sender, out),
            Dbss::ObjectGetActivatedResp { .. } => {
                trace!(msgtype = message.name(), %sender, "message ignored");
            }
        }
    }

    /// Handles a message to an object as far as the database is concerned.
    fn handle_stored(
        &mut self,
        now: Instant,
        sender: Channel,
        message: &StateServer<'_>,
        out: &mut Effects,
    ) {
        use StateServer as M;
        let channel = sender;
        match *message {
            M::ObjectSetField { do_id, field, value } if self.is_stored_now(do_id, sender) => {
                updates::store_field(do_id, field, value, &mut self.world(now, out));
            }
            M::ObjectSetFields { do_id, fields } if self.is_stored_now(do_id, sender) => {
                updates::store_fields(do_id, fields, sender, &mut self.world(now, out));
            }
            M::ObjectGetField { context, do_id, field } if self.is_inactive(do_id, sender) => {
                let (queries, _, mut world) = self.parts(now, out);
                queries.get_field(Asker { channel, context }, do_id, field, &mut world);
            }
            M::ObjectGetFields { context, do_id, fields } if self.is_inactive(do_id, sender) => {
                let (queries, _, mut world) = self.parts(now, out);
                queries.get_fields(Asker { channel, context }, do_id, fields, &mut world);
            }
            M::ObjectGetAll { context, do_id } if self.is_inactive(do_id, sender) => {
                let (queries, _, mut world) = self.parts(now, out);
                queries.get_all(Asker { channel, context }, do_id, &mut world);
            }
            _ => {}
        }
    }

    /// Deletes what is stored of an object; it stays in memory if it is active.
    fn delete_disk(&mut self, now: Instant, do_id: DoId, sender: Channel, out: &mut Effects) {
        if !self.is_stored_now(do_id, sender) {
            return;
        }
        if let Some(object) = self.objects.get(do_id) {
            let audience = object.audience();
            let notice = Dbss::ObjectDeleteDisk { do_id };
            self.objects.send(audience.as_slice(), sender, &notice, out);
        }
        self.world(now, out).ask_database(do_id, &Database::ObjectDelete { do_id });
    }

    fn can_be_activated(&self, do_id: DoId, sender: Channel) -> bool {
        let state = self.state_of(do_id, sender);
        if matches!(state, Some(State::Active | State::Loading)) {
            warn!(doId = %do_id, ?state, %sender, "activated already");
        }
        state == Some(State::Inactive)
    }

    /// Whether questions about the object are this role's to answer.
    fn is_inactive(&self, do_id: DoId, sender: Channel) -> bool {
        self.state_of(do_id, sender) == Some(State::Inactive)
    }

    /// Whether updates of the object go to the database now; while it is loading, they wait.
    fn is_stored_now(&self, do_id: DoId, sender: Channel) -> bool {
        matches!(self.state_of(do_id, sender), Some(State::Inactive | State::Active))
    }

    /// How far an object is; `None` if it is not of this server's, which is logged.
    fn state_of(&self, do_id: DoId, sender: Channel) -> Option<State> {
        if !is_within(&self.ranges, Some(do_id)) {
            warn!(doId = %do_id, %sender, "the object is not in the ranges of this server");
            return None;
        }
        Some(if self.loads.contains(do_id) {
            State::Loading
        } else if self.objects.get(do_id).is_some() {
            State::Active
        } else {
            State::Inactive
        })
    }
}

impl Role for DbStateServer {
    fn handle(&mut self, now: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        self.objects.note_time(now, envelope);
        self.objects.deliver(origin, envelope, out);
        self.standing.hear(now, envelope, &mut self.objects, out);
        let recipients = envelope.recipients.iter().filter_map(Channel::as_object);
        let mine = recipients.filter(|do_id| is_within(&self.ranges, Some(*do_id)));
        if mine.clone().next().is_none() {
            return;
        }
        // Whatever happens below, only who is loading now gets to see this datagram.
        let loading: SmallVec<[DoId; 4]> = match self.loads.is_empty() {
            true => SmallVec::new(),
            false => mine.filter(|do_id| self.loads.contains(*do_id)).collect(),
        };
        if origin != Origin::Role {
            self.handle_as_role(now, envelope, out);
        }
        for do_id in loading {
            if let Some(stored) = self.loads.receive(do_id, envelope) {
                self.end_loading(now, do_id, stored, out);
            }
        }
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        let awaited = self.next_awaited().map(|(deadline, _)| deadline);
        [awaited, self.objects.next_deadline()].into_iter().flatten().min()
    }

    fn gap(&mut self, now: Instant, _gap: Gap, out: &mut Effects) {
        self.standing.is_back(out);
        self.objects.begin_to_compare(now, true, out);
    }

    /// Gives up what has not been answered in time.
    fn on_deadline(&mut self, now: Instant, out: &mut Effects) {
        self.objects.on_deadline(now, out);
        while let Some((_, awaited)) = self.next_awaited().filter(|(deadline, _)| *deadline <= now)
        {
            match awaited {
                Awaited::Query(context) => {
                    let (queries, _, mut world) = self.parts(now, out);
                    queries.time_out(context, &mut world);
                }
                Awaited::Load(do_id) => {
                    warn!(doId = %do_id, "the database has not answered in time: not loaded");
                    self.end_loading(now, do_id, None, out);
                }
            }
        }
    }

    fn resume(&mut self, now: Instant, budget: usize, out: &mut Effects) -> bool {
        let has_letters = self.objects.go_on(budget, out);
        let compares = self.objects.go_on_comparing(now, out);
        self.objects.go_on_with_census(out) || compares || has_letters
    }

    fn measure(&self, _: Cursor, _: usize, figures: &mut Figures) -> Option<Cursor> {
        self.objects.measure(figures);
        figures.add(&metrics::LOADING, &[], self.loads.len() as u64);
        None
    }

    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        self.objects.inspect(query, cursor, budget)
    }
}

fn is_within(ranges: &[DoIdRange], do_id: Option<DoId>) -> bool {
    do_id.is_some_and(|do_id| ranges.iter().any(|range| range.contains(do_id)))
}
