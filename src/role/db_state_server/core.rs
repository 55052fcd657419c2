//! The database-state server as a state machine: who gets a message, and time-outs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dclass::DcFile;
use smallvec::SmallVec;
use tracing::{trace, warn};

use super::inactive::Queries;
use super::loading::Loading;
use crate::config::{DbStateServerConfig, DoIdRange};
use crate::hash::{Map, Seed};
use crate::ids::{Channel, ChannelRange, Context, DoId};
use crate::message::{Cluster, Database, DbStateServer as Dbss, Error, Message, name_of};
use crate::object::{Origin, Population};
use crate::role::Effects;
use crate::router::{Cursor, Page, Query};
use crate::wire::{Envelope, Frames, Reader};

/// The objects of one database-state server, those that are being loaded, and what is being asked of
/// the database.
#[derive(Debug)]
pub struct DbStateServer {
    pub(super) database: Channel,
    ranges: Arc<[DoIdRange]>,
    wait: Option<Duration>,
    pub(super) objects: Population,
    pub(super) loading: Map<DoId, Loading>,
    pub(super) queries: Queries,
    next_context: u32,
    /// Ascending, because all waits are equally long.
    deadlines: VecDeque<(Instant, Awaited)>,
    /// Memory for what was sent here and is handled here.
    frames: Vec<u8>,
}

/// An answer of the database that has a deadline.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Awaited {
    Query(Context),
    Load(DoId),
}

impl DbStateServer {
    /// A database-state server without active objects.
    pub fn new(config: &DbStateServerConfig, dc: Arc<DcFile>, seed: Seed) -> Self {
        let wait = Duration::from_millis(config.load_timeout_ms);
        DbStateServer {
            database: config.database,
            ranges: config.ranges.clone().into(),
            wait: (!wait.is_zero()).then_some(wait),
            objects: Population::new(dc, seed),
            loading: Map::with_hasher(seed),
            queries: Queries::new(seed),
            next_context: 0,
            deadlines: VecDeque::new(),
            frames: Vec::new(),
        }
    }

    /// What has to be done before the first message.
    pub fn start(&self, out: &mut Effects) {
        for range in &*self.ranges {
            let range = ChannelRange::new(range.min.channel(), range.max.channel());
            out.subscribe_range(range.expect("a configured range is not empty"));
        }
    }

    /// The active objects.
    pub fn objects(&self) -> &Population {
        &self.objects
    }

    /// How many objects are being loaded.
    pub fn loading_count(&self) -> usize {
        self.loading.len()
    }

    /// A page of the active objects that are asked for.
    pub fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        self.objects.inspect(query, cursor, budget)
    }

    /// Handles one datagram that the router delivered, and all that follows from it here.
    pub fn handle(&mut self, now: Instant, datagram: &[u8], out: &mut Effects) {
        self.receive(now, Origin::Outside, datagram, out);
        self.handle_queued(now, out);
    }

    /// When [`DbStateServer::handle_timeout`] is due.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        while let Some((deadline, awaited)) = self.deadlines.front() {
            if self.deadline_of(*awaited) == Some(*deadline) {
                return Some(*deadline);
            }
            self.deadlines.pop_front();
        }
        None
    }

    /// Gives up what has not been answered in time.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Effects) {
        while self.next_deadline().is_some_and(|deadline| deadline <= now) {
            match self.deadlines.pop_front() {
                Some((_, Awaited::Query(context))) => self.query_timed_out(context, out),
                Some((_, Awaited::Load(do_id))) => {
                    warn!(doId = %do_id, "the database has not answered in time: not loaded");
                    self.end_loading(now, do_id, None, out);
                }
                None => {}
            }
        }
        self.handle_queued(now, out);
    }

    /// Begins a wait for the database, and returns its end.
    pub(super) fn await_answer(&mut self, now: Instant, awaited: Awaited) -> Option<Instant> {
        let deadline = now + self.wait?;
        self.deadlines.push_back((deadline, awaited));
        Some(deadline)
    }

    /// Context for a question to the database.
    pub(super) fn new_context(&mut self) -> Context {
        let context = Context(self.next_context);
        self.next_context = self.next_context.wrapping_add(1);
        context
    }

    /// Sends to the database in the name of an object, which is where the answer goes.
    pub(super) fn ask_database(&mut self, do_id: DoId, message: &Database<'_>, out: &mut Effects) {
        self.objects.send(&[self.database], do_id.channel(), message, out);
    }

    fn deadline_of(&self, awaited: Awaited) -> Option<Instant> {
        match awaited {
            Awaited::Query(context) => self.queries.deadline(context),
            Awaited::Load(do_id) => self.loading.get(&do_id)?.deadline,
        }
    }

    fn handle_queued(&mut self, now: Instant, out: &mut Effects) {
        let mut frames = std::mem::take(&mut self.frames);
        let ranges = Arc::clone(&self.ranges);
        let listens = |channel: Channel| is_within(&ranges, channel.as_object());
        while let Some(origin) = self.objects.next_queued(out, &mut frames, listens) {
            for frame in Frames::new(&frames) {
                self.receive(now, origin, frame.datagram(), out);
            }
        }
        self.frames = frames;
    }

    fn receive(&mut self, now: Instant, origin: Origin, datagram: &[u8], out: &mut Effects) {
        let envelope = match Envelope::read(datagram) {
            Ok(envelope) => envelope,
            Err(error) => {
                warn!(%origin, %error, "truncated datagram");
                return;
            }
        };
        self.objects.deliver(origin, &envelope, out);
        let recipients = envelope.recipients.iter().filter_map(Channel::as_object);
        let mine = recipients.filter(|do_id| is_within(&self.ranges, Some(*do_id)));
        if mine.clone().next().is_none() {
            return;
        }
        // Whatever happens below, only who is loading now gets to see this datagram.
        let loading: SmallVec<[DoId; 4]> = match self.loading.is_empty() {
            true => SmallVec::new(),
            false => mine.filter(|do_id| self.loading.contains_key(do_id)).collect(),
        };
        if origin != Origin::Role {
            self.handle_as_role(now, &envelope, out);
        }
        for do_id in loading {
            self.receive_while_loading(now, do_id, &envelope, datagram, out);
        }
    }

    /// Handles a message to the doIds of this server, whether or not there are objects.
    pub(super) fn handle_as_role(
        &mut self,
        now: Instant,
        envelope: &Envelope<'_>,
        out: &mut Effects,
    ) {
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
            Cluster::Database(message) => self.handle_answer(&message, out),
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
                self.activate(now, do_id, location, sender, out);
            }
            Dbss::ObjectActivateWithDefaultsOther { ref object } => {
                self.activate_with_other(now, object, sender, out);
            }
            Dbss::ObjectGetActivated { context, do_id } => {
                if let Some(state) = self.state_of(do_id, sender).filter(|s| *s != State::Loading) {
                    let active = state == State::Active;
                    let answer = Dbss::ObjectGetActivatedResp { context, do_id, active };
                    self.objects.send(&[sender], do_id.channel(), &answer, out);
                }
            }
            Dbss::ObjectDeleteFieldDisk { do_id, field } => {
                self.delete_stored_fields(do_id, [field].into_iter(), sender, out);
            }
            Dbss::ObjectDeleteFieldsDisk { do_id, fields } => {
                self.delete_stored_fields(do_id, fields.iter(), sender, out);
            }
            Dbss::ObjectDeleteDisk { do_id } => self.delete_disk(do_id, sender, out),
            Dbss::ObjectGetActivatedResp { .. } => {
                trace!(msgtype = message.name(), %sender, "message ignored");
            }
        }
    }

    /// Deletes what is stored of an object; it stays in memory if it is active.
    fn delete_disk(&mut self, do_id: DoId, sender: Channel, out: &mut Effects) {
        let Some(state) = self.state_of(do_id, sender).filter(|s| *s != State::Loading) else {
            return;
        };
        if state == State::Active {
            let object = self.objects.get(do_id).into_iter();
            let audience: SmallVec<[Channel; 3]> = object.flat_map(|o| o.audience()).collect();
            let notice = Dbss::ObjectDeleteDisk { do_id };
            self.objects.send(&audience, sender, &notice, out);
        }
        self.ask_database(do_id, &Database::ObjectDelete { do_id }, out);
    }

    /// How far an object is; `None` if it is not of this server's, which is logged.
    pub(super) fn state_of(&self, do_id: DoId, sender: Channel) -> Option<State> {
        if !is_within(&self.ranges, Some(do_id)) {
            warn!(doId = %do_id, %sender, "the object is not in the ranges of this server");
            return None;
        }
        Some(if self.loading.contains_key(&do_id) {
            State::Loading
        } else if self.objects.get(do_id).is_some() {
            State::Active
        } else {
            State::Inactive
        })
    }
}

/// How far an object is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum State {
    Inactive,
    /// Whatever comes now waits.
    Loading,
    Active,
}

fn is_within(ranges: &[DoIdRange], do_id: Option<DoId>) -> bool {
    do_id.is_some_and(|do_id| ranges.iter().any(|range| range.contains(do_id)))
}
