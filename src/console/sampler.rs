//! What the daemon does, second by second: looked at once in each second, and kept for ten minutes.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};
use std::{io, thread};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::process;
use super::roles::{RoleSeen, residents};
use super::seen::Seen;
use super::time::rfc3339;
use crate::metrics::Times;
use crate::router::{Cursor, Item, Query, Router};

/// How far samples are apart.
pub const STEP: Duration = Duration::from_secs(1);
/// How many are kept.
const KEPT_MAX: usize = 600;

/// What the daemon was doing in a second.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Sample {
    /// When it was looked at.
    pub time: String,
    /// Datagrams routed, per second.
    pub routed: f64,
    /// Copies handed to participants, per second.
    pub delivered: f64,
    /// Clients that there are.
    pub clients: usize,
    /// DistributedObjects in memory.
    pub objects: usize,
    /// Links that there are.
    pub links: usize,
    /// How long the router was held at a time in that second, in microseconds: half of the holds took no longer. Right to a
    /// factor of two; nothing, if it was not held.
    pub hold_p50_us: Option<f64>,
    /// The same for 99 of a hundred.
    pub hold_p99_us: Option<f64>,
    /// The same for all.
    pub hold_max_us: Option<f64>,
    /// How many processor cores the daemon used.
    pub cpu: Option<f64>,
    /// Memory that the daemon has in use.
    pub memory_bytes: Option<usize>,
    /// Bytes that wait on links to be written.
    pub queued_bytes: usize,
}

/// What is compared with what is looked at next.
struct Before {
    at: Instant,
    routed: u64,
    delivered: u64,
    holds: Times,
    cpu: Option<f64>,
}

/// The last samples.
pub struct Samples {
    kept: Mutex<VecDeque<Arc<Sample>>>,
    newest: watch::Sender<Option<Arc<Sample>>>,
}

impl Default for Samples {
    fn default() -> Self {
        Samples { kept: Mutex::default(), newest: watch::Sender::new(None) }
    }
}

impl Samples {
    /// Those that are kept, the oldest first.
    pub fn all(&self) -> Vec<Arc<Sample>> {
        self.kept.lock().iter().cloned().collect()
    }

    /// The newest, if there is one.
    pub fn newest(&self) -> Option<Arc<Sample>> {
        self.newest.borrow().clone()
    }

    /// Changes with each sample.
    pub fn follow(&self) -> watch::Receiver<Option<Arc<Sample>>> {
        self.newest.subscribe()
    }

    fn add(&self, sample: Sample) {
        let sample = Arc::new(sample);
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(sample.clone());
        drop(kept);
        self.newest.send_replace(Some(sample));
    }
}

/// Takes samples until it is dropped, on a thread of its own: a timer of the runtime that is always there would have to be looked at each time
/// that it waits for sockets, and the system is asked, which may take a while.
#[derive(Debug)]
pub struct Sampler {
    _end: Sender<Infallible>,
}

impl Sampler {
    /// Begins to look, once in each second.
    ///
    /// # Errors
    /// When there can be no thread for it.
    pub fn start(
        samples: Arc<Samples>,
        router: Router,
        roles: Arc<[RoleSeen]>,
        seen: Seen,
    ) -> io::Result<Self> {
        let (end, ended) = mpsc::channel::<Infallible>();
        thread::Builder::new().name("samples".to_owned()).spawn(move || {
            let mut before = look(&router);
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(STEP) {
                let now = look(&router);
                samples.add(sample(&router, &roles, &seen, &before, &now));
                before = now;
            }
        })?;
        Ok(Sampler { _end: end })
    }
}

fn look(router: &Router) -> Before {
    let counters = router.counters();
    Before {
        at: Instant::now(),
        routed: counters.routed(),
        delivered: counters.delivered(),
        holds: router.holds().times().clone(),
        cpu: process::processor_time(),
    }
}

fn sample(
    router: &Router,
    roles: &[RoleSeen],
    seen: &Seen,
    before: &Before,
    now: &Before,
) -> Sample {
    let seconds = now.at.duration_since(before.at).as_secs_f64().max(1e-3);
    // Counts are far below what a float can count exactly.
    let rate = |before: u64, now: u64| now.wrapping_sub(before) as f64 / seconds;
    let holds = now.holds.since(&before.holds);
    let hold = |share| (holds.count() > 0).then(|| holds.percentile(share).as_secs_f64() * 1e6);
    let (clients, objects) = totals(router, roles);
    let links = seen.roll.all();
    Sample {
        time: rfc3339(SystemTime::now()),
        routed: rate(before.routed, now.routed),
        delivered: rate(before.delivered, now.delivered),
        clients,
        objects,
        links: links.len(),
        hold_p50_us: hold(0.5),
        hold_p99_us: hold(0.99),
        hold_max_us: hold(1.0),
        cpu: before.cpu.zip(now.cpu).map(|(before, now)| (now - before).max(0.0) / seconds),
        memory_bytes: process::memory_bytes(),
        queued_bytes: links.iter().map(|link| link.traffic.waiting).sum(),
    }
}

/// How many clients and objects all roles have.
pub fn totals(router: &Router, roles: &[RoleSeen]) -> (usize, usize) {
    residents(router, roles).into_iter().fold((0, 0), |(clients, objects), (key, _)| {
        let (more_clients, more_objects) = totals_of(router, key);
        (clients + more_clients, objects + more_objects)
    })
}

/// How many clients and objects a role has.
pub fn totals_of(router: &Router, role: crate::router::Key) -> (usize, usize) {
    let page = router.inspect(role, &Query::Totals, Cursor::default(), 1).unwrap_or_default();
    match page.items.first() {
        Some(&Item::Totals { objects, sessions }) => (sessions, objects),
        _ => (0, 0),
    }
}
