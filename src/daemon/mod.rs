//! The running daemon: start order, supervision, signals, shutdown.
//!
//! Order: DC files, the answers to whoever monitors it, event sender, message director's listener, upstream, roles in the order of the
//! configuration, then links are served. So every role is subscribed before anyone outside can
//! speak, and whatever cannot start ends the process before it looks alive.

mod bans;
mod drain;
mod files;
mod notify;
mod operator;
mod recorder;
mod reload;
mod signals;
mod stalls;
#[cfg(test)]
mod tests;
mod traces;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use dclass::DcFile;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Host, RoleConfig};
pub use crate::console::Seen;
use crate::console::{Console, Given, Inside};
use crate::event::EventSender;
use crate::hash::{self, Seed};
use crate::net::tls::Tls;
use crate::net::{Dialler, Inherited, Liveness, Network, Tcp};
use crate::platform::process;
use crate::readiness::{Readiness, Stage};
use crate::role::client_agent::{self, Machine, UberDogs};
use crate::role::message_director::Peers;
use crate::role::{database, db_state_server, event_logger, message_director, state_server};
use crate::router::{Router, Writers};
use crate::store::{Configured, Stores};
use crate::telemetry::Log;
use crate::trace::Schema;
use files::Files;
use notify::Manager;
use operator::Operator;
pub use operator::{Anew, Started};
use recorder::Recording;
use signals::Signals;
pub use signals::{Survived, survive_full_files, survive_signals};
use traces::Traces;

/// After this long a shutdown stops being polite.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the daemon until a signal ends it; those that came before count as well. What is `beside` it in the same process begins when the
/// daemon is ready, is there until all its parts have stopped, and ends it with its own end.
///
/// # Errors
/// When something cannot be started, or a part of the daemon has failed, or what is beside it; all end the process with
/// exit code 1.
pub async fn run(
    started: Started,
    dc: Arc<DcFile>,
    log: Arc<Log>,
    survived: Survived,
    beside: impl Future<Output = anyhow::Error>,
) -> anyhow::Result<ExitCode> {
    // Before anything else, so that a signal during the start is not lost.
    let signals = Signals::new(survived)?;
    warn_of_root();
    let (config, file) = (started.reading.config.clone(), started.file.clone());
    let manager = Arc::new(Manager::of_environment());
    let mut operator = Operator::new(signals, started, log.clone(), manager.clone());
    let anew = operator.anew();
    let readiness = Readiness::default();
    let passed = operator.passed();
    let outside = Outside { network: Arc::new(Inherited(passed.clone())), ..Outside::machine() };
    let router = Router::with_seed(outside.seed());
    let inside = Inside::new(Given {
        readiness: readiness.clone(),
        router: router.clone(),
        dc: dc.clone(),
        log: log.clone(),
        file,
        config: config.clone(),
        commands: operator.commands(),
        random: (outside.random)(),
    });
    operator.is_seen_by(inside.clone());
    let seen = inside.seen.clone();
    let schema = Schema { hash: dc.hash(), files: config.general.dc_files.clone() };
    let recording = Recording::begin(&config.daemon, schema.clone(), &router);
    operator.can_see(Traces::new(router.clone(), dc.clone(), schema), recording);
    // Before the roles, which may take their time, and until they have ended.
    let _console = Console::start(config.web.as_ref(), &passed, anew.files.clone(), inside).await?;
    let started = tokio::select! {
        parts = Parts::start(config, dc, outside, router, (anew, seen)) => parts,
        ending = operator.wants_the_end() => {
            let signal = ending.signal;
            tracing::info!(signal, "told to end before everything has started");
            operator.tell("not everything has started yet: the daemon ends at once");
            operator.has_ended(0).await;
            return Ok(ExitCode::SUCCESS);
        }
    };
    passed.dismiss();
    let mut parts = started?;
    tracing::info!("ready");
    readiness.reach(Stage::Ready);
    manager.is_ready();
    let _watch = stalls::Watch::start().context("no thread can be started")?;
    log.has_started();
    operator.has_started(std::mem::take(&mut parts.agents));
    let mut beside = std::pin::pin!(beside);
    let ended = tokio::select! {
        ended = drain::live(&mut operator, &mut parts, &readiness) => ended,
        never = manager.watch() => match never {},
        failure = &mut beside => Err(failure),
    };
    readiness.reach(Stage::Stopping);
    manager.is_stopping();
    match &ended {
        Ok(signal) => tracing::info!(signal, "shutting down"),
        Err(error) => tracing::error!(error = format!("{error:#}"), "shutting down"),
    }
    tokio::select! {
        () = parts.stop() => {}
        never = manager.watch() => match never {},
        signal = operator.is_impatient() => {
            tracing::warn!(signal, "second signal: not waiting any longer");
        }
        () = tokio::time::sleep(GRACE) => {
            tracing::warn!(seconds = GRACE.as_secs(), "not waiting any longer");
        }
    }
    operator.has_ended(u8::from(ended.is_err())).await;
    ended.map(|_| ExitCode::SUCCESS)
}

/// Says that everything has ended, as the last line of the log.
pub fn say_stopped() {
    tracing::info!("stopped");
}

/// What a daemon takes from outside: connections, random numbers, stores. Somebody who gives it others can repeat a
/// run.
#[derive(Clone)]
pub struct Outside {
    /// Where connections come from.
    pub network: Arc<dyn Network>,
    /// Numbers that nobody knows.
    pub random: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Bytes that nobody can guess, whatever he knows of others.
    pub secret: Arc<dyn Fn() -> [u8; 32] + Send + Sync>,
    /// What database servers keep their objects in.
    pub stores: Arc<dyn Stores>,
}

impl Outside {
    /// Those of the machine.
    pub fn machine() -> Self {
        Outside {
            network: Arc::new(Tcp),
            random: Arc::new(hash::random),
            secret: Arc::new(hash::secret),
            stores: Arc::new(Configured),
        }
    }

    /// A seed for tables.
    pub fn seed(&self) -> Seed {
        Seed::fixed((self.random)())
    }
}

/// Parts of the daemon that stop together: each ends when `stop` is cancelled, or fails before.
#[derive(Default)]
struct Phase {
    stop: CancellationToken,
    tasks: JoinSet<anyhow::Result<()>>,
}

impl Phase {
    /// Waits for a part that ends although nobody asked it to.
    async fn first_failure(&mut self) -> anyhow::Error {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => anyhow!(error).context("a part of the daemon failed"),
            Some(Ok(Ok(()))) => anyhow!("a part of the daemon ended"),
            None => std::future::pending().await,
        }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "while stopping"),
                Err(error) => tracing::error!(%error, "while stopping"),
            }
        }
    }
}

/// All that runs, in the order in which it stops. Client agents come first, while everything else still runs: their clients are told
/// that the server stops, and hear nothing of how its parts go, and the cluster is told what it is always told of
/// clients that leave. Then databases finish what was asked, and who asked is answered. Then links: AIs see the end of the daemon and not
/// that of the objects of others. Then the state servers, whose last messages the upstream still gets, and the event logger all their
/// last events. An event logger that is one of the roles stops last, so that it gets them, too.
#[derive(Default)]
pub struct Parts {
    clients: Phase,
    databases: Phase,
    links: Phase,
    roles: Phase,
    upstream: Phase,
    events: Phase,
    loggers: Phase,
    /// The client agents, each with the number of its role.
    agents: Vec<(usize, client_agent::Handle)>,
}

impl Parts {
    /// Starts everything that the configuration names, with its DC files and an empty router. Whoever changes `anew` has files
    /// opened or read again.
    ///
    /// # Errors
    /// When something cannot be started.
    pub async fn start(
        config: Config,
        dc: Arc<DcFile>,
        outside: Outside,
        router: Router,
        (anew, seen): (Anew, Seen),
    ) -> anyhow::Result<Self> {
        tracing::info!(
            files = config.general.dc_files.len(),
            hash = format!("{:#010x}", dc.hash()),
            astron_hash = dc.astron_hash().map(|hash| format!("{hash:#010x}")),
            "DC files read"
        );
        let mut parts = Parts::default();
        let events = parts.start_events(&config).await?;
        let files = Files::new(config.daemon.reserved_files);
        let context = Context {
            uberdogs: Arc::new(uberdogs(&config, &dc)?),
            dc,
            outside,
            router,
            places: files.places(),
            events,
            base_dir: config.base_dir.clone(),
            anew,
            seen,
        };
        let writers = Writers::start(config.daemon.threads - 1).context("cannot start threads")?;
        let (router, stopped) = (context.router.clone(), parts.upstream.stop.clone());
        parts.upstream.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => Ok(()),
                () = router.gather_announcements(writers) => unreachable!("it has no end"),
            }
        });
        let (router, stopped) = (context.router.clone(), parts.upstream.stop.clone());
        parts.upstream.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => router.holds().log(),
                () = router.clean() => unreachable!("it has no end"),
            }
            Ok(())
        });
        let peers = Peers::new(&config.message_director, (context.outside.random)());
        let tls = parts.start_tls(&config, &context)?;
        let listener = listen(&config, &context, peers.clone(), tls.clone()).await?;
        parts.start_upstream(&config, &context, peers, tls).await?;
        for (number, role) in config.roles.iter().enumerate() {
            let phase = match role {
                RoleConfig::ClientAgent(_) => &mut parts.clients,
                RoleConfig::Database(_) => &mut parts.databases,
                RoleConfig::StateServer(_) | RoleConfig::DbStateServer(_) => &mut parts.roles,
                RoleConfig::EventLogger(_) => &mut parts.loggers,
            };
            let agent = start_role(role, &context, phase).await?;
            parts.agents.extend(agent.map(|agent| (number, agent)));
        }
        warn_of_few_places(&config, files.set_aside_open());
        // A daemon without any role still waits for its signal.
        let (router, stopped) = (context.router.clone(), parts.roles.stop.clone());
        parts.roles.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stopped.cancelled() => Ok(()),
                () = router.broken() => Err(anyhow!("a role has panicked")),
            }
        });
        if let Some(listener) = listener {
            for (address, is_encrypted) in listener.addresses() {
                match is_encrypted {
                    false => tracing::info!(%address, "message director listening"),
                    true => tracing::info!(%address, "message director listening with TLS"),
                }
            }
            let stop = parts.links.stop.clone();
            parts.links.tasks.spawn(async {
                listener.serve(context.router, context.events, stop).await;
                Ok(())
            });
        }
        Ok(parts)
    }

    async fn start_events(&mut self, config: &Config) -> anyhow::Result<EventSender> {
        let Some(address) = &config.general.event_logger else {
            return Ok(EventSender::disabled());
        };
        let (sender, courier) = EventSender::open(address)
            .await
            .with_context(|| format!("general.eventlogger: cannot send events to {address}"))?;
        let stop = self.events.stop.clone();
        self.events.tasks.spawn(async {
            courier.run(stop).await;
            Ok(())
        });
        Ok(sender)
    }

    /// The certificates of links, which are read again when they change.
    fn start_tls(
        &mut self,
        config: &Config,
        context: &Context,
    ) -> anyhow::Result<Option<Arc<Tls>>> {
        let Some(links) = &config.message_director.tls else { return Ok(None) };
        let tls = Tls::load(&links.tls).context("message director")?;
        tls.say_expiry();
        let (stop, keep) =
            (self.upstream.stop.clone(), tls.clone().keep(context.anew.files.clone()));
        self.upstream.tasks.spawn(async move {
            let _ = stop.run_until_cancelled(keep).await;
            Ok(())
        });
        Ok(Some(tls))
    }

    async fn start_upstream(
        &mut self,
        config: &Config,
        context: &Context,
        peers: Arc<Peers>,
        tls: Option<Arc<Tls>>,
    ) -> anyhow::Result<()> {
        let Some(address) = &config.message_director.connect else { return Ok(()) };
        // An address that does not exist will not exist later either.
        address.resolve().await.with_context(|| format!("cannot resolve upstream {address}"))?;
        let links = &config.message_director;
        let dialler = Dialler::new(
            context.outside.network.clone(),
            address.clone(),
            links.connect_timeout,
            Liveness::new(links.keepalive, links.link_write_timeout),
        );
        let encrypts = links.tls.as_ref().is_some_and(|tls| tls.connects);
        let dialler = dialler.with_tls(tls.filter(|_| encrypts));
        let dialler = dialler.with_wide_lengths(links.are_upstream_lengths_wide);
        let link = message_director::connect(
            dialler,
            &config.daemon,
            !config.roles.is_empty(),
            links.clone(),
            context.router.clone(),
            (peers, context.seen.witness()),
            self.upstream.stop.clone(),
        );
        self.upstream.tasks.spawn(async { Ok(link.await?) });
        Ok(())
    }

    /// Waits until one of them ends although nobody asked it to.
    pub async fn first_failure(&mut self) -> anyhow::Error {
        tokio::select! {
            biased;
            failure = self.clients.first_failure() => failure,
            failure = self.databases.first_failure() => failure,
            failure = self.links.first_failure() => failure,
            failure = self.roles.first_failure() => failure,
            failure = self.upstream.first_failure() => failure,
            failure = self.events.first_failure() => failure,
            failure = self.loggers.first_failure() => failure,
        }
    }

    /// Stops them in their order.
    pub async fn stop(&mut self) {
        self.clients.stop().await;
        self.databases.stop().await;
        self.links.stop().await;
        self.roles.stop().await;
        self.upstream.stop().await;
        self.events.stop().await;
        self.loggers.stop().await;
    }
}

/// What roles are started with.
struct Context {
    dc: Arc<DcFile>,
    uberdogs: Arc<UberDogs>,
    outside: Outside,
    router: Router,
    events: EventSender,
    /// For clients' connections.
    places: Arc<Semaphore>,
    base_dir: PathBuf,
    anew: Anew,
    seen: Seen,
}

fn uberdogs(config: &Config, dc: &DcFile) -> anyhow::Result<UberDogs> {
    UberDogs::resolve(&config.uberdogs, dc).map_err(|uberdog| {
        let (id, class) = (uberdog.id, &uberdog.class);
        anyhow!("uberdog {id} has class {class:?}, which no DC file declares")
    })
}

fn warn_of_few_places(config: &Config, places: usize) {
    let channels = config.roles.iter().filter_map(|role| match role {
        RoleConfig::ClientAgent(agent) => Some((&agent.channels, agent.channel_step)),
        _ => None,
    });
    let clients = channels.fold(0u64, |clients, (channels, step)| {
        let more = (channels.high().0 - channels.low().0) / step;
        clients.saturating_add(more).saturating_add(1)
    });
    if clients > places as u64 {
        tracing::warn!(
            clients,
            places,
            "there are channels for more clients than files that may be open for them; raise the limit (LimitNOFILE)"
        );
    }
}

async fn listen(
    config: &Config,
    Context { outside, seen, .. }: &Context,
    peers: Arc<Peers>,
    tls: Option<Arc<Tls>>,
) -> anyhow::Result<Option<message_director::Listener>> {
    let director = &config.message_director;
    let encrypted = director.tls.as_ref().and_then(|tls| tls.bind.as_ref());
    let mut listener = message_director::Listener::new(director, peers, seen.witness());
    for (address, tls) in [(director.bind.as_ref(), None), (encrypted, tls)] {
        let Some(address) = address else { continue };
        let what = || format!("message director: cannot listen on {address}");
        let addresses = address.resolve().await.with_context(what)?;
        let is_open = addresses.iter().any(|address| !address.ip().is_loopback());
        if is_open
            && tls.is_none()
            && director.allow.is_empty()
            && matches!(address.host, Host::Name(_))
        {
            tracing::warn!(
                %address,
                "messagedirector.bind leads to an address that is open, unencrypted, to whoever reaches it, and who does \
                 can do everything; use messagedirector.tls or messagedirector.allow"
            );
        }
        listener.listen(&*outside.network, &addresses, tls).with_context(what)?;
    }
    let is_somewhere = director.bind.is_some() || encrypted.is_some();
    Ok(is_somewhere.then_some(listener))
}

/// Who runs as root hands over the machine with every mistake.
fn warn_of_root() {
    if process::is_root() {
        tracing::warn!(
            "running as root; a user of its own is enough, and safer (User= of the service)"
        );
    }
}

/// Starts a role; if it is a client agent, returns what reaches it.
async fn start_role(
    role: &RoleConfig,
    context: &Context,
    phase: &mut Phase,
) -> anyhow::Result<Option<client_agent::Handle>> {
    let Context { dc, uberdogs, outside, router, events, places, base_dir, anew, seen } = context;
    let (dc, stop) = (dc.clone(), phase.stop.clone());
    let mut handle = None;
    let (name, task) = match role {
        RoleConfig::EventLogger(role) => (
            "event logger",
            event_logger::start(
                role,
                base_dir,
                &*outside.network,
                anew.logs.clone(),
                seen.events.clone(),
                stop.clone(),
            )
            .await?,
        ),
        RoleConfig::Database(role) => (
            "database",
            database::start(role, dc, (&*outside.stores, outside.seed()), router, stop.clone())
                .await?,
        ),
        RoleConfig::StateServer(role) => {
            ("state server", state_server::start(role, dc, outside.seed(), router, stop.clone()))
        }
        RoleConfig::DbStateServer(role) => (
            "database-state server",
            db_state_server::start(role, dc, outside.seed(), router, stop.clone()),
        ),
        RoleConfig::ClientAgent(role) => {
            let machine = Machine {
                network: outside.network.clone(),
                places: places.clone(),
                seed: outside.seed(),
                secret: (outside.secret)(),
                reload: anew.files.clone(),
                closed: seen.closed.clone(),
            };
            let (uberdogs, events, stop) = (uberdogs.clone(), events.clone(), stop.clone());
            let started = client_agent::start(role, machine, uberdogs, dc, router, events, stop);
            let (agent, task) = started.await?;
            handle = Some(agent);
            ("client agent", task)
        }
    };
    phase.tasks.spawn(async move {
        let ended = task.await;
        match ended {
            Err(error) => Err(anyhow!(error).context(format!("{name} failed"))),
            Ok(()) if stop.is_cancelled() => Ok(()),
            Ok(()) => Err(anyhow!("{name} ended")),
        }
    });
    Ok(handle)
}
