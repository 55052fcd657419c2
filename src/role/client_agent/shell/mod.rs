//! The client agent's tasks: one that accepts, one that keeps time, and one for each connection. The core
//! is in the router, and handles clients' input and the cluster's datagrams where they arrive. What it has for
//! a client goes into the client's [`Connection`](crate::net::Connection), whose page says what happens when
//! the client does not read.

mod accept;
mod bans;
mod begin;
mod crowd;
mod door;
mod ear;
mod gate;
mod merging;
mod pulse;
mod seat;
mod serve;
mod silence;
#[cfg(test)]
mod tests;
mod window;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use dclass::DcFile;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::bans::Offenders;
pub use self::crowd::Crowd;
use self::door::Door;
use self::gate::Gate;
use self::merging::{merging, not_merged};
use self::serve::Server;
use super::dialect::{self, Dialect};
use super::{Core, LimitCounts, Stop, UberDogs};
use crate::banlist::Banlist;
use crate::config::{ClientAgentConfig, ProxyHeaders, places};
use crate::event::EventSender;
use crate::hash::Seed;
use crate::net::tls::Tls;
use crate::net::{ClientLimits, Connection, Network, Policy, Spares};
use crate::recent::{Closed, Recent};
use crate::router::{RoleParticipant, Router};
use crate::wire::Framing;

/// How long connections may take to say their last words when the agent ends.
const DRAIN: Duration = Duration::from_secs(2);

/// How many connections for which there is no place are waited for until they have read that; more are not.
const REFUSALS_MAX: usize = 16;

/// What the tasks of one client agent share.
struct Shared {
    role: RoleParticipant<Server>,
    dialect: Box<dyn Dialect>,
    /// How datagrams are told apart over TCP.
    framing: Framing,
    haproxy: ProxyHeaders,
    rules: Mutex<Rules>,
    gate: Arc<Gate>,
    banlist: Option<Arc<Banlist>>,
    offenders: Arc<Offenders>,
    limit_counts: Arc<LimitCounts>,
    shutdown: CancellationToken,
    /// Nobody is let in any more; those who are there may stay until `shutdown`.
    closing: CancellationToken,
    /// Those who are there are put out. A socket that others have, too, is not listened on any more.
    clearing: CancellationToken,
    /// How many more connections there may be.
    places: Arc<Semaphore>,
    /// How many more may be told that there are too many.
    refusals: Semaphore,
    /// The connections' tasks.
    connections: TaskTracker,
    /// What clients that were put out at the end have not taken.
    untold: Mutex<Untold>,
}

/// What has not reached clients.
#[derive(Copy, Clone, Default)]
struct Untold {
    clients: usize,
    unsent_bytes: usize,
    may_be_lost_bytes: u64,
}

impl Untold {
    fn add(&mut self, connection: &Connection) {
        let (unsent, taken) = connection.undelivered();
        self.clients += usize::from(unsent > 0 || taken > 0);
        self.unsent_bytes += unsent;
        self.may_be_lost_bytes += taken;
    }

    fn say(self) {
        let Untold { clients, unsent_bytes, may_be_lost_bytes } = self;
        if clients > 0 {
            let what = "the last messages of clients were lost: they do not take them";
            tracing::warn!(clients, unsent_bytes, may_be_lost_bytes, "{what}");
        }
    }
}

/// What a newer configuration can change while the agent runs.
struct Rules {
    /// How the connections of clients are treated that come from now on.
    policy: Arc<Policy>,
    handshake_timeout: Option<Duration>,
    /// For how much of the time one client may hold the router.
    router_percent: u32,
    /// How often clients are asked whether they are still there, where they can be.
    ping: Option<Duration>,
}

impl Rules {
    fn new(config: &ClientAgentConfig, spares: Arc<Spares>, dc: &Arc<DcFile>, seed: Seed) -> Self {
        let limits = ClientLimits {
            bytes_max: or_any(config.client.write_buffer_bytes_max),
            entry_bytes_max: or_any(config.limits.entry_bytes_max),
            stall_max: super::session::nonzero_ms(config.client.write_timeout_ms),
        };
        Rules {
            policy: Arc::new(
                Policy::client(spares, limits).with_merging(merging(config, dc, seed)),
            ),
            handshake_timeout: super::session::nonzero_ms(config.handshake_timeout_ms),
            router_percent: config.limits.router_percent,
            ping: config.websocket.as_ref().and_then(|websocket| websocket.ping),
        }
    }
}

impl Shared {
    /// Whether nobody is let in any more.
    fn is_closing(&self) -> bool {
        self.closing.is_cancelled() || self.shutdown.is_cancelled()
    }

    /// What clients are told of the end.
    fn stop(&self) -> Stop {
        // Who is given time to leave is to come back.
        if self.closing.is_cancelled() { Stop::Restart } else { Stop::ForGood }
    }

    /// Notes a connection that is lost, if that is for the end of the agent.
    fn note_untold(&self, connection: &Connection) {
        if self.clearing.is_cancelled() || self.shutdown.is_cancelled() {
            self.untold.lock().add(connection);
        }
    }

    fn policy(&self) -> Arc<Policy> {
        self.rules.lock().policy.clone()
    }

    fn handshake_timeout(&self) -> Option<Duration> {
        self.rules.lock().handshake_timeout
    }

    fn ping(&self) -> Option<Duration> {
        self.rules.lock().ping
    }

    fn router_percent(&self) -> u32 {
        self.rules.lock().router_percent
    }
}

/// A client agent that runs, for whoever tells it something. It does not keep it alive.
pub struct Handle {
    /// What it has of the configuration.
    config: ClientAgentConfig,
    dc: Arc<DcFile>,
    seed: Seed,
    spares: Arc<Spares>,
    shared: Weak<Shared>,
    limit_counts: Arc<LimitCounts>,
    banlist: Option<Arc<Banlist>>,
}

impl Handle {
    /// Who may not come in, if there is a list.
    pub const fn banlist(&self) -> Option<&Arc<Banlist>> {
        self.banlist.as_ref()
    }

    /// How often clients have come up against limits.
    pub const fn limit_counts(&self) -> &Arc<LimitCounts> {
        &self.limit_counts
    }

    /// Has the agent take over limits and time-outs of a newer configuration. What of that cannot be done.
    pub fn reconfigure(&mut self, newer: &ClientAgentConfig) -> Vec<String> {
        let Some(shared) = self.shared.upgrade() else { return Vec::new() };
        self.config.take_over(newer);
        shared.gate.set_limits(&self.config.limits);
        let spares = self.spares.clone();
        *shared.rules.lock() = Rules::new(&self.config, spares, &self.dc, self.seed);
        let config = &self.config;
        // A role that is lost ends the daemon.
        let _ = shared.role.turn(|server, now, out| server.reconfigure(now, config, out));
        let mut undone = not_merged(config, &self.dc);
        undone.extend(not_ruled(config, &self.dc));
        undone
    }
}

/// Which rules for fields do not hold, and why: the DC files have been changed since the daemon was started.
fn not_ruled(config: &ClientAgentConfig, dc: &DcFile) -> Vec<String> {
    let rules = &config.client.fields;
    let (_, misfits) = places(rules, dc);
    let undone = misfits.into_iter().map(|(rule, reason)| {
        let name = rules[rule].name.shown();
        format!("client.fields.{name}: it is no rule before a restart: {reason}")
    });
    undone.collect()
}

/// A limit of bytes of which 0 means that there is none.
fn or_any(bytes: u64) -> usize {
    match usize::try_from(bytes) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(bytes) => bytes,
    }
}

/// What a client agent takes from its machine.
#[derive(Clone)]
pub struct Machine {
    /// Where clients come from.
    pub network: Arc<dyn Network>,
    /// The places that there are for clients' connections in the whole process.
    pub places: Arc<Semaphore>,
    /// What tables by numbers that clients choose are hashed with.
    pub seed: Seed,
    /// What tokens are made from with which clients come back: nobody knows it.
    pub secret: [u8; 32],
    /// Changes when files are to be read again.
    pub reload: watch::Receiver<()>,
    /// Sessions that have ended, for others to see.
    pub closed: Arc<Recent<Closed>>,
}

/// A client agent that clients can connect to, but that does not serve them yet.
pub struct Bound {
    config: ClientAgentConfig,
    doors: Vec<Door>,
    banlist: Option<Arc<Banlist>>,
    machine: Machine,
}

impl Bound {
    /// Listens where the configuration says, on all addresses of a host name.
    ///
    /// # Errors
    /// When none of them can be bound, or its certificates cannot be used.
    pub async fn new(config: &ClientAgentConfig, machine: Machine) -> anyhow::Result<Self> {
        let open = |path: &PathBuf| {
            let what = || format!("client agent: cannot read the ban list {}", path.display());
            Banlist::open(path).with_context(what)
        };
        let banlist = config.banlist.as_ref().map(open).transpose()?;
        let doors = Door::open_all(config, &machine).await?;
        Ok(Bound { config: config.clone(), doors, banlist, machine })
    }

    /// The addresses that it listens on, and how clients come in there, as the log says it.
    pub fn addresses(&self) -> impl Iterator<Item = (SocketAddr, &'static str)> {
        self.doors.iter().flat_map(|door| {
            let addresses = door.listener.addresses().into_iter();
            addresses.map(|address| (address, door.entrance.words()))
        })
    }

    fn all_tls(&self) -> impl Iterator<Item = &Arc<Tls>> {
        self.doors.iter().filter_map(|door| door.entrance.tls.as_ref())
    }

    /// Begins to serve, until `shutdown`.
    pub fn serve(
        self,
        uberdogs: Arc<UberDogs>,
        dc: Arc<DcFile>,
        router: &Router,
        events: EventSender,
        shutdown: CancellationToken,
    ) -> (Handle, JoinHandle<()>) {
        let mut keeping = JoinSet::new();
        for tls in self.all_tls() {
            keeping.spawn(tls.clone().keep(self.machine.reload.clone()));
        }
        if let Some(banlist) = &self.banlist {
            keeping.spawn(banlist.clone().keep(self.machine.reload.clone()));
        }
        let config = &self.config;
        let seed = self.machine.seed;
        let mut core = Core::new(config, uberdogs, dc.clone(), seed);
        core.make_tokens(self.machine.secret);
        let date = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        core.set_clock(tokio::time::Instant::now().into_std(), date);
        let spares = Arc::<Spares>::default();
        let (ask, silent) = mpsc::unbounded_channel();
        let rules = Mutex::new(Rules::new(config, spares.clone(), &dc, seed));
        let (limit_counts, resumable) = (core.limit_counts(), core.resumable());
        let offenders = Arc::<Offenders>::default();
        let told = (events, self.machine.closed);
        let server = Server::new(core, config.flush, told, spares.clone(), ask, offenders.clone());
        let shared = Arc::new(Shared {
            role: router.join_role(name(config), server),
            dialect: dialect::of(&config.client.kind, &dc),
            framing: match config.client.are_lengths_wide {
                false => Framing::Tag16,
                true => Framing::Tag32,
            },
            haproxy: config.haproxy.clone(),
            rules,
            gate: Gate::new(&config.limits, self.machine.seed, resumable),
            limit_counts: limit_counts.clone(),
            banlist: self.banlist.clone(),
            offenders,
            shutdown,
            closing: CancellationToken::new(),
            clearing: CancellationToken::new(),
            places: self.machine.places,
            refusals: Semaphore::new(REFUSALS_MAX),
            connections: TaskTracker::new(),
            untold: Mutex::default(),
        });
        // A new role has not panicked.
        let _ = shared.role.turn(|server, now, out| server.start(now, out));
        let mut helpers = JoinSet::new();
        helpers.spawn(silence::judge(silent, shared.clone()));
        if let Some(banlist) = &self.banlist {
            helpers.spawn(bans::enforce(banlist.clone(), shared.clone()));
            helpers.spawn(bans::enter(banlist.clone(), shared.offenders.clone()));
        }
        for Door { listener, entrance } in self.doors {
            helpers.spawn(accept::accept(listener, entrance, shared.clone()));
        }
        let shared_by = Arc::downgrade(&shared);
        let (config, banlist) = (self.config, self.banlist);
        let handle = Handle { config, dc, seed, spares, shared: shared_by, limit_counts, banlist };
        let task = tokio::spawn(async move {
            let failure = tokio::select! {
                biased;
                () = shared.role.drive(&shared.shutdown) => None,
                // An agent that accepts nobody, and was not asked for that, is none.
                failure = first_failure(&mut helpers) => Some(failure),
            };
            // A role that is lost has no sessions.
            let stop = shared.stop();
            let told = shared.role.turn(|server, _, _| server.connections()).unwrap_or_default();
            while shared.role.turn(|server, now, out| server.shut_down(stop, now, out)) == Ok(true)
            {
                tokio::task::yield_now().await;
            }
            helpers.shutdown().await;
            if let Some(banlist) = &shared.banlist {
                let last = shared.offenders.enter(banlist);
                let _ = tokio::time::timeout(DRAIN, last).await;
            }
            keeping.abort_all();
            shared.connections.close();
            if tokio::time::timeout(DRAIN, shared.connections.wait()).await.is_err() {
                tracing::debug!("some clients do not hang up");
            }
            let mut untold = *shared.untold.lock();
            // Those whose tasks have not ended.
            told.iter().filter_map(Weak::upgrade).for_each(|connection| untold.add(&connection));
            untold.say();
            if let Some(Ok(panic)) = failure.map(JoinError::try_into_panic) {
                std::panic::resume_unwind(panic);
            }
        });
        (handle, task)
    }
}

/// Waits for one that fails. Those that end in order are not waited for any more.
async fn first_failure(helpers: &mut JoinSet<()>) -> JoinError {
    loop {
        match helpers.join_next().await {
            Some(Ok(())) => {}
            Some(Err(failure)) => return failure,
            None => return std::future::pending().await,
        }
    }
}

/// What the router calls it: by the first of its addresses.
fn name(config: &ClientAgentConfig) -> String {
    let address = config.addresses().next().map(|(_, address)| address.to_string());
    format!("ClientAgent({})", address.unwrap_or_default())
}

/// Starts a client agent: clients can connect when this returns.
///
/// # Errors
/// When it cannot listen; the error names the address.
pub async fn start(
    config: &ClientAgentConfig,
    machine: Machine,
    uberdogs: Arc<UberDogs>,
    dc: Arc<DcFile>,
    router: &Router,
    events: EventSender,
    shutdown: CancellationToken,
) -> anyhow::Result<(Handle, JoinHandle<()>)> {
    let bound = Bound::new(config, machine).await?;
    for (address, how) in bound.addresses() {
        let client = dialect::of(&config.client.kind, &dc).name();
        tracing::info!(%address, client, "client agent is listening{how}");
    }
    bound.all_tls().for_each(|tls| tls.say_expiry());
    Ok(bound.serve(uberdogs, dc, router, events, shutdown))
}
