//! The state machine of a database server: requests in, batches for the backend, answers out.
//!
//! It knows no store, clock or task. Whatever a request asks for that can be judged from the DC files
//! alone is judged here; the rest goes to the backend as an [`Operation`], in an order that
//! [`Schedule`] keeps. An answer is written when the backend reports the outcome, which is after
//! the commit.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tracing::{error, warn};

use super::reply;
use super::request::{self, Kind, Reading, Request};
use super::schedule::{Schedule, Ticket};
use crate::hash::Seed;
use crate::ids::Channel;
use crate::message::{self, Database, Message};
use crate::role::Effects;
use crate::store::{Failure, Operation, Outcome, Progress, Refusal, Schema};
use crate::wire::{self, Envelope, Reader};

/// What the core needs from the configuration.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Where requests arrive, and the sender of all answers.
    pub control: Channel,
    /// Whether changes are announced on the channel of each object.
    pub broadcast: bool,
    /// How long an operation may take; `None` is for ever.
    pub operation_timeout: Option<Duration>,
}

/// An operation for the backend.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name, to be given back with the outcome.
    pub ticket: Ticket,
    /// What to do.
    pub operation: Arc<Operation>,
    /// When it is no longer wanted.
    pub deadline: Option<Instant>,
    /// How far the batch has come that it is in.
    pub progress: Progress,
}

/// How much goes into one batch at most.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct BatchLimit {
    /// Operations.
    pub operations: usize,
    /// Bytes of their values, roughly.
    pub bytes: usize,
}

/// An operation that has no outcome yet.
#[derive(Debug)]
struct Pending {
    operation: Arc<Operation>,
    /// Who waits for the answer.
    request: Request,
    since: Instant,
    deadline: Option<Instant>,
    bytes: usize,
    /// How far it has come, if the backend has it.
    running: Option<Progress>,
    /// Whether it took too long and was answered with failure. Then it is not stored any more.
    is_answered: bool,
}

/// An operation that has been answered.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// What it is called.
    pub operation: &'static str,
    /// What came of it, in a word.
    pub result: &'static str,
    /// When it was asked for.
    pub since: Instant,
}

/// What is kept for an operation beside itself: here, in the schedule, and in tables that are never full.
const PENDING_BYTES: usize = 2 * size_of::<Pending>() + 128;

/// The state of a database server.
#[derive(Debug)]
pub struct Core {
    schema: Schema,
    settings: Settings,
    schedule: Schedule,
    /// By tickets, which are the server's own numbers.
    pending: FxHashMap<Ticket, Pending>,
    /// Ascending; also of operations that have finished since.
    deadlines: VecDeque<(Instant, Ticket)>,
    /// Those whose time was over when they were about to be stored. They are answered when it is known whether
    /// they were.
    late: BTreeSet<Ticket>,
    next_ticket: u64,
    /// Bytes of all pending operations.
    bytes: usize,
    /// What has been answered since somebody asked for it.
    answered: Vec<Answered>,
}

impl Core {
    /// A server that nobody has asked anything.
    pub fn new(schema: Schema, settings: Settings, seed: Seed) -> Self {
        Core {
            schema,
            settings,
            schedule: Schedule::new(seed),
            pending: FxHashMap::default(),
            deadlines: VecDeque::new(),
            late: BTreeSet::new(),
            next_ticket: 0,
            bytes: 0,
            answered: Vec::new(),
        }
    }

    /// Hands over what has been answered, and how.
    pub fn drain_answered(&mut self) -> impl Iterator<Item = Answered> + '_ {
        self.answered.drain(..)
    }

    /// Bytes of all operations without an outcome, roughly.
    pub const fn pending_bytes(&self) -> usize {
        self.bytes
    }

    /// Operations without an outcome.
    pub fn pending_operations(&self) -> usize {
        self.pending.len()
    }

    /// Takes a datagram.
    pub fn handle(&mut self, now: Instant, datagram: &[u8], effects: &mut Effects) {
        let envelope = match Envelope::read(datagram) {
            Ok(envelope) => envelope,
            Err(error) => return warn!(%error, "datagram is cut short"),
        };
        let (sender, number) = (envelope.sender, envelope.message_type);
        let message = match Database::decode(number, &mut Reader::new(envelope.body)) {
            Ok(message) => message,
            Err(error) => return self.undecodable(&envelope, &error, effects),
        };
        let Some(kind) = Kind::of(&message) else {
            return warn!(%sender, answer = message.name(), "answer sent to a database server");
        };
        let request = Request { sender, kind };
        match request::read(Reading { schema: &self.schema, sender, message: &message }) {
            Ok(operation) => self.submit(now, request, operation),
            Err(error) => {
                let do_id = request::object_of(&message).map(|do_id| do_id.0);
                let field = error.field().map(|field| self.schema.field_name(field));
                warn!(%sender, doId = do_id, request = message.name(), field, %error, "request refused");
                self.answer(request, &Outcome::Absent, effects);
            }
        }
    }

    fn undecodable(&self, envelope: &Envelope<'_>, error: &message::Error, effects: &mut Effects) {
        let (sender, number) = (envelope.sender, envelope.message_type);
        let (kind, do_id) = Kind::of_truncated(number, envelope.body).unzip();
        let do_id = do_id.flatten().map(|do_id| do_id.0);
        let request = message::name_of(number);
        if let message::Error::UnknownType(_) = error {
            // What belongs to another family has a name all the same.
            return error!(%sender, request, number, "unknown message");
        }
        error!(%sender, doId = do_id, request, number, %error, "request cannot be read");
        if let Some(kind) = kind {
            self.answer(Request { sender, kind }, &Outcome::Absent, effects);
        }
    }

    fn submit(&mut self, now: Instant, request: Request, operation: Operation) {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        let deadline = self.settings.operation_timeout.map(|timeout| now + timeout);
        if let Some(deadline) = deadline {
            self.deadlines.push_back((deadline, ticket));
        }
        let bytes = operation.bytes() + PENDING_BYTES;
        self.bytes += bytes;
        let operation = Arc::new(operation);
        let pending = Pending {
            operation: Arc::clone(&operation),
            request,
            since: now,
            deadline,
            bytes,
            running: None,
            is_answered: false,
        };
        self.pending.insert(ticket, pending);
        self.schedule.admit(ticket, operation);
    }

    /// What the backend is to do next, in order; empty if there is nothing. All of it can be committed
    /// together, and counts as running until [`Core::finish`] is told its outcome.
    pub fn next_batch(&mut self, limit: BatchLimit) -> Vec<Job> {
        let (mut operations, mut bytes) = (0, 0);
        let fits = |operation: &Operation| {
            let size = operation.bytes();
            if operations > 0 && (operations == limit.operations || bytes + size > limit.bytes) {
                return false;
            }
            operations += 1;
            bytes += size;
            true
        };
        let batch = self.schedule.next_batch(|ticket| self.pending.contains_key(&ticket), fits);
        let progress = Progress::default();
        let job = |(ticket, operation)| {
            let pending = self.pending.get_mut(&ticket).expect("only wanted ones run");
            pending.running = Some(progress.clone());
            Job { ticket, operation, deadline: pending.deadline, progress: progress.clone() }
        };
        batch.into_iter().map(job).collect()
    }

    /// Whether [`Core::next_batch`] may have something.
    pub fn is_ready(&self) -> bool {
        self.schedule.is_ready()
    }

    /// The backend reports what came of a job.
    pub fn finish(&mut self, ticket: Ticket, outcome: Outcome, effects: &mut Effects) {
        let pending = self.pending.remove(&ticket);
        let pending = pending.expect("a job has one outcome");
        self.bytes -= pending.bytes;
        self.late.remove(&ticket);
        self.schedule.finish(ticket, &pending.operation);
        if pending.is_answered {
            let is_stored =
                matches!(outcome, Outcome::Created(_) | Outcome::Updated | Outcome::Deleted);
            debug_assert!(!is_stored, "what was answered with failure is not stored");
            return;
        }
        self.note_outcome(&pending, &outcome);
        self.announce(pending.request.sender, &pending.operation, &outcome, effects);
        self.answer(pending.request, &outcome, effects);
    }

    fn announce(
        &self,
        sender: Channel,
        operation: &Operation,
        outcome: &Outcome,
        effects: &mut Effects,
    ) {
        if !self.settings.broadcast {
            return;
        }
        let (do_id, sent) = match (operation, outcome) {
            (Operation::Update { do_id, changes, .. }, Outcome::Updated) => {
                (do_id, reply::announce_changes(sender, *do_id, changes, effects))
            }
            (Operation::Delete { do_id }, Outcome::Deleted) => {
                (do_id, reply::announce_deletion(sender, *do_id, effects))
            }
            _ => return,
        };
        if let Err(error) = sent {
            error!(doId = %do_id, %error, "change is stored, but cannot be announced");
        }
    }

    fn answer(&self, request: Request, outcome: &Outcome, effects: &mut Effects) {
        let control = self.settings.control;
        if let Err(error) = reply::answer(control, request, outcome, effects) {
            let sender = request.sender;
            error!(%sender, ?request.kind, %error, "answer cannot be sent; failure is sent instead");
            let failure: Result<(), wire::Error> =
                reply::answer(control, request, &Outcome::Absent, effects);
            failure.expect("a failure is small");
        }
    }

    /// When [`Core::expire`] is to be called next.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.front().map(|(deadline, _)| *deadline)
    }

    /// Answers what has taken too long with failure, unless it may be stored yet.
    pub fn expire(&mut self, now: Instant, effects: &mut Effects) {
        while let Some((deadline, ticket)) = self.deadlines.front().copied() {
            let is_pending = self.pending.contains_key(&ticket);
            if is_pending && deadline > now {
                return;
            }
            self.deadlines.pop_front();
            if is_pending && !self.give_up(ticket, effects) {
                self.late.insert(ticket);
            }
        }
    }

    /// Answers what has taken too long, and of which nothing has come after all, with failure.
    pub fn expire_late(&mut self, effects: &mut Effects) {
        for ticket in std::mem::take(&mut self.late) {
            if !self.give_up(ticket, effects) {
                self.late.insert(ticket);
            }
        }
    }

    /// Answers an operation whose time is over, if it cannot be stored any more. Returns whether it can not.
    fn give_up(&mut self, ticket: Ticket, effects: &mut Effects) -> bool {
        let pending = self.pending.remove(&ticket).expect("it has no outcome yet");
        if let Some(progress) = &pending.running
            && pending.operation.is_write()
            && !progress.give_up()
        {
            self.pending.insert(ticket, pending);
            return false;
        }
        let outcome = Outcome::Failed(Failure::TimedOut);
        self.note_outcome(&pending, &outcome);
        self.answer(pending.request, &outcome, effects);
        match pending.running {
            Some(_) => drop(self.pending.insert(ticket, Pending { is_answered: true, ..pending })),
            None => self.bytes -= pending.bytes,
        }
        true
    }

    fn note_outcome(&mut self, pending: &Pending, outcome: &Outcome) {
        let (operation, result) = (pending.operation.name(), outcome.result());
        self.answered.push(Answered { operation, result, since: pending.since });
        self.log_outcome(pending, outcome);
    }

    fn log_outcome(&self, pending: &Pending, outcome: &Outcome) {
        let sender = pending.request.sender;
        let do_id = pending.operation.do_id().map(|do_id| do_id.0);
        let operation = pending.operation.name();
        match outcome {
            Outcome::Failed(failure) => {
                error!(%sender, doId = do_id, operation, %failure, "operation failed");
            }
            Outcome::Refused(refusal @ Refusal::Broken(_)) => {
                error!(%sender, doId = do_id, operation, %refusal, "operation refused");
            }
            Outcome::Refused(refusal) => {
                let field = match refusal {
                    Refusal::ForeignField { field } => Some(self.schema.field_name(*field)),
                    Refusal::UnknownClass(_) | Refusal::Broken(_) => None,
                };
                warn!(%sender, doId = do_id, operation, field, %refusal, "operation refused");
            }
            Outcome::Exhausted => error!(%sender, "no id is left for a new object"),
            Outcome::Absent => tracing::debug!(%sender, doId = do_id, operation, "no such object"),
            _ => {}
        }
    }
}
