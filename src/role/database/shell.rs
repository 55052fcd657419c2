//! The task of a database server: inbox and backend on one side, the core on the other.
//!
//! While one batch is being committed the next one gathers: everything that waits when a lane of the
//! backend becomes free goes into it. So the load itself sets the size of a batch, and a single
//! operation waits for nobody.
//!
//! The queue of operations without an outcome is filled by the inbox and emptied by the backend. Above
//! [`PENDING_BYTES_MAX`] the inbox is left alone, which brakes the sockets that feed it.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use dclass::DcFile;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, error_span, info};

use super::core::{Answered, BatchLimit, Core, Settings};
use super::lane::{Finished, Panic, Store};
use super::schedule::Ticket;
use crate::config::DatabaseConfig;
use crate::hash::Seed;
use crate::ids::Channel;
use crate::metrics::{self, Times};
use crate::role::Effects;
use crate::router::{Inbox, Participant, Router};
use crate::store::{Backend, Outcome, Schema, Stores};
use crate::wire::Frames;

/// The inbox brakes the sockets above this.
const INBOX_BYTES_HIGH: usize = 4 << 20;
/// More than this does not wait in the inbox: whoever cannot be braked loses what he asks for.
const INBOX_BYTES_MAX: usize = 64 << 20;
/// Operations that wait for the backend may take this much memory, roughly.
const PENDING_BYTES_MAX: usize = 64 << 20;
/// More than this in one commit gains nothing and delays the first of them.
const BATCH_LIMIT: BatchLimit = BatchLimit { operations: 4096, bytes: 4 << 20 };
/// How long a server that has failed goes on answering. The daemon gives its parts as long at its end.
const FAILURE_GRACE: Duration = Duration::from_secs(10);

/// For how long after the shutdown requests are taken that come while others are still being worked on: links are open then, and
/// an AI that stores how its players have ended does so now.
const LATE_REQUESTS: Duration = Duration::from_secs(2);
/// Effects are applied and other tasks let run after so many requests or outcomes, or this much input.
const AT_ONCE: usize = 128;
const BYTES_AT_ONCE: usize = 64 << 10;

/// Opens the store, subscribes, and runs the server until `shutdown`; then finishes what was asked.
///
/// # Errors
/// If the store cannot be used.
pub async fn start(
    config: &DatabaseConfig,
    dc: Arc<DcFile>,
    (stores, seed): (&dyn Stores, Seed),
    router: &Router,
    shutdown: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let schema = Schema::new(dc);
    let timeout = operation_timeout(config);
    // In whatever is said of a store or an operation, too.
    let span = error_span!("database", database = %config.control);
    let backend = stores
        .open(config, &schema, seed, timeout)
        .instrument(span.clone())
        .await
        .with_context(|| format!("database {}", config.control))?;
    Ok(span.in_scope(|| serve(config, backend, schema, seed, router, shutdown)))
}

/// Subscribes, and runs the server on a store that is open.
pub fn serve(
    config: &DatabaseConfig,
    backend: Arc<dyn Backend>,
    schema: Schema,
    seed: Seed,
    router: &Router,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let name = format!("Database({})", config.control);
    let inbox = Inbox::new(name.clone(), INBOX_BYTES_HIGH, INBOX_BYTES_MAX);
    let participant = router.join(name, inbox.clone());
    let mut batch = participant.batch();
    batch.subscribe(config.control);
    batch.subscribe(Channel::DATABASES);
    drop(batch);
    let settings = Settings {
        control: config.control,
        broadcast: config.broadcast,
        operation_timeout: operation_timeout(config),
    };
    let lanes = backend.lanes();
    info!(ids = %config.generate, store = %backend, connections = lanes, "database ready");
    let shell = Shell {
        core: Core::new(schema, settings, seed),
        store: Store::new(backend),
        lanes,
        running: JoinSet::new(),
        inbox,
        name: config.control.to_string(),
        participant,
        effects: Effects::new(),
        failure: None,
    };
    tokio::spawn(shell.run(shutdown.child_token()).in_current_span())
}

fn operation_timeout(config: &DatabaseConfig) -> Option<Duration> {
    match config.operation_timeout_ms {
        0 => None,
        timeout => Some(Duration::from_millis(timeout)),
    }
}

struct Shell {
    core: Core,
    store: Store,
    /// Batches that the backend can work on at the same time.
    lanes: usize,
    running: JoinSet<Finished>,
    inbox: Arc<Inbox>,
    /// The channel by which others know it.
    name: String,
    participant: Participant,
    effects: Effects,
    /// What a batch has panicked with, and when the server ends for that whatever is left to be answered.
    failure: Option<(Panic, Instant)>,
}

impl Shell {
    /// Runs until `shutdown`, which it brings about itself if a batch panics: what has been asked is answered first.
    async fn run(mut self, shutdown: CancellationToken) {
        let mut input = Vec::new();
        let mut is_ending = false;
        let mut hears_until = None;
        while !is_ending || self.core.pending_operations() > 0 {
            let hears = match hears_until {
                None => !is_ending,
                Some(end) => self.failure.is_none() && now() < end,
            };
            let is_reading = hears && self.core.pending_bytes() < PENDING_BYTES_MAX;
            let deadline = self.core.next_deadline();
            let end = self.failure.as_ref().map(|(_, end)| *end);
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !is_ending => {
                    is_ending = true;
                    hears_until = Some(now() + LATE_REQUESTS);
                    if self.inbox.try_recv(&mut input) {
                        self.read(&input).await;
                    }
                }
                Some(finished) = self.running.join_next() => {
                    let finished = finished.expect("a lane catches what panics in it");
                    self.finish(finished.outcomes).await;
                    if let Some(panic) = finished.panic {
                        self.failure.get_or_insert((panic, now() + FAILURE_GRACE));
                        shutdown.cancel();
                    }
                }
                () = until(deadline) => self.core.expire(now(), &mut self.effects),
                () = self.store.in_vain() => self.core.expire_late(&mut self.effects),
                () = until(end) => break,
                () = until(hears_until), if is_ending && hears => {}
                () = self.inbox.recv(&mut input), if is_reading => self.read(&input).await,
            }
            self.dispatch();
            self.apply_effects();
        }
        self.store.backend().close().await;
        if let Some((panic, _)) = self.failure.take() {
            resume_unwind(panic);
        }
    }

    async fn read(&mut self, input: &[u8]) {
        #[cfg(test)]
        crate::fault::happens("database");
        let now = now();
        let (mut requests, mut bytes) = (0, 0);
        for frame in Frames::new(input) {
            self.core.handle(now, frame.datagram(), &mut self.effects);
            requests += 1;
            bytes += frame.bytes().len();
            if requests == AT_ONCE || bytes >= BYTES_AT_ONCE {
                (requests, bytes) = (0, 0);
                self.dispatch();
                self.let_others_run().await;
            }
        }
    }

    async fn finish(&mut self, outcomes: Vec<(Ticket, Outcome)>) {
        for (number, (ticket, outcome)) in (1..).zip(outcomes) {
            self.core.finish(ticket, outcome, &mut self.effects);
            if number % AT_ONCE == 0 {
                self.let_others_run().await;
            }
        }
    }

    async fn let_others_run(&mut self) {
        self.apply_effects();
        tokio::task::yield_now().await;
    }

    /// Gives the backend what it can take.
    fn dispatch(&mut self) {
        while self.running.len() < self.lanes && self.core.is_ready() {
            let jobs = self.core.next_batch(BATCH_LIMIT);
            if jobs.is_empty() {
                break;
            }
            self.running.spawn(self.store.clone().run(jobs).in_current_span());
        }
    }

    /// Tells how long answers have taken: once for all that there are.
    fn count_answered(&mut self) {
        let now = now();
        let mut times = BTreeMap::<_, Times>::new();
        for Answered { operation, result, since } in self.core.drain_answered() {
            let times = times.entry([operation, result]).or_default();
            times.note(now.saturating_duration_since(since));
        }
        for (labels, times) in times {
            metrics::DATABASE.times(&labels, &times);
        }
        let pending = self.core.pending_operations();
        metrics::DATABASE_PENDING.is_now(&[&self.name], pending as u64);
    }

    fn apply_effects(&mut self) {
        self.count_answered();
        if !self.effects.is_empty() {
            self.participant.batch().apply(&self.effects);
            self.effects.clear();
        }
    }
}

/// Also if nobody waits for its end.
impl Drop for Shell {
    fn drop(&mut self) {
        let operations = self.core.pending_operations();
        if operations > 0 {
            error!(operations, "the database server ends without an answer to all operations");
        }
    }
}

/// Waits for a moment, or for ever.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
