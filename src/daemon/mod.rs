//! The running daemon: start order, supervision, signals, shutdown.
//!
//! Order: DC files, event sender, message director's listener, upstream, roles in the order of the
//! configuration, then links are served. So every role is subscribed before anyone outside can
//! speak, and whatever cannot start ends the process before it looks alive.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use dclass::DcFile;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, RoleConfig};
use crate::event::EventSender;
use crate::role::client_agent::{self, UberDogs};
use crate::role::{database, db_state_server, event_logger, message_director, state_server};
use crate::router::Router;

/// After this long a shutdown stops being polite.
const GRACE: Duration = Duration::from_secs(10);

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// When something cannot be started, or a part of the daemon has failed; both end the process with
/// exit code 1.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    // Before anything else, so that a signal during the start is not lost.
    let mut signals = Signals::new()?;
    let shutdown = CancellationToken::new();
    let mut tasks = start(config, &shutdown).await?;
    tracing::info!("ready");
    let failure = tokio::select! {
        () = signals.next() => None,
        failure = first_failure(&mut tasks, &shutdown) => Some(failure),
    };
    match &failure {
        None => tracing::info!("shutting down"),
        Some(error) => tracing::error!(error = format!("{error:#}"), "shutting down"),
    }
    shutdown.cancel();
    tokio::select! {
        () = drain(&mut tasks) => {}
        () = signals.next() => tracing::warn!("second signal: not waiting any longer"),
        () = tokio::time::sleep(GRACE) => {
            tracing::warn!(seconds = GRACE.as_secs(), left = tasks.len(), "not waiting any longer");
        }
    }
    match failure {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(error),
    }
}

/// The parts of the daemon that run: each ends when `shutdown` is cancelled, or fails before.
type Tasks = JoinSet<anyhow::Result<()>>;

async fn start(config: Config, shutdown: &CancellationToken) -> anyhow::Result<Tasks> {
    let dc = Arc::new(read_dc(&config)?);
    tracing::info!(
        files = config.general.dc_files.len(),
        hash = format!("{:#010x}", dc.hash()),
        "DC files read"
    );
    let uberdogs = Arc::new(uberdogs(&config, &dc)?);
    let events = match &config.general.event_logger {
        None => EventSender::disabled(),
        Some(address) => EventSender::connect(address)
            .await
            .with_context(|| format!("general.eventlogger: cannot send events to {address}"))?,
    };
    let router = Router::new();
    let mut tasks = Tasks::new();
    let listener = listen(&config).await?;
    if let Some(address) = &config.message_director.connect {
        // An address that does not exist will not exist later either.
        address.resolve().await.with_context(|| format!("cannot resolve upstream {address}"))?;
        let link = message_director::connect(
            address.clone(),
            &config.daemon,
            config.message_director.clone(),
            router.clone(),
            shutdown.clone(),
        );
        tasks.spawn(async { Ok(link.await?) });
    }
    let parts = Parts {
        dc: &dc,
        uberdogs: &uberdogs,
        router: &router,
        events: &events,
        base_dir: &config.base_dir,
        shutdown,
    };
    for role in &config.roles {
        start_role(role, &parts, &mut tasks).await?;
    }
    if let Some(listener) = listener {
        tracing::info!(address = %listener.local_addr()?, "message director listening");
        let (routed, events, shutdown) = (router.clone(), events.clone(), shutdown.clone());
        tasks.spawn(async {
            listener.serve(routed, events, shutdown).await;
            Ok(())
        });
    }
    // A daemon without any part still waits for its signal.
    let stopped = shutdown.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => Ok(()),
            () = router.role_lost() => Err(anyhow!("a role has panicked")),
        }
    });
    Ok(tasks)
}

fn read_dc(config: &Config) -> anyhow::Result<DcFile> {
    let options = dclass::Options { string_encoding: config.general.string_encoding };
    dclass::read_with(&config.general.dc_files, options)
        .map_err(|diagnostics| anyhow!("could not read the DC files\n{diagnostics}"))
}

fn uberdogs(config: &Config, dc: &DcFile) -> anyhow::Result<UberDogs> {
    UberDogs::resolve(&config.uberdogs, dc).map_err(|uberdog| {
        let (id, class) = (uberdog.id, &uberdog.class);
        anyhow!("uberdog {id} has class {class:?}, which no DC file declares")
    })
}

async fn listen(config: &Config) -> anyhow::Result<Option<message_director::Listener>> {
    let Some(address) = &config.message_director.bind else { return Ok(None) };
    let bound = match address.resolve().await {
        Ok(addresses) => message_director::listen(&addresses, &config.message_director),
        Err(error) => Err(error),
    };
    bound.map(Some).with_context(|| format!("message director: cannot listen on {address}"))
}

/// What roles are started with.
struct Parts<'p> {
    dc: &'p Arc<DcFile>,
    uberdogs: &'p Arc<UberDogs>,
    router: &'p Router,
    events: &'p EventSender,
    base_dir: &'p Path,
    shutdown: &'p CancellationToken,
}

async fn start_role(role: &RoleConfig, parts: &Parts<'_>, tasks: &mut Tasks) -> anyhow::Result<()> {
    let (dc, router, shutdown) = (parts.dc.clone(), parts.router, parts.shutdown);
    let (name, task) = match role {
        RoleConfig::EventLogger(role) => {
            ("event logger", event_logger::start(role, parts.base_dir, shutdown.clone()).await?)
        }
        RoleConfig::Database(role) => {
            ("database", database::start(role, dc, router, shutdown.clone()).await?)
        }
        RoleConfig::StateServer(role) => {
            ("state server", state_server::start(role, dc, router, shutdown.clone()))
        }
        RoleConfig::DbStateServer(role) => {
            ("database-state server", db_state_server::start(role, dc, router, shutdown.clone()))
        }
        RoleConfig::ClientAgent(role) => (
            "client agent",
            client_agent::start(
                role,
                parts.uberdogs.clone(),
                dc,
                router,
                parts.events.clone(),
                shutdown.clone(),
            )
            .await?,
        ),
    };
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        let ended = task.await;
        match ended {
            Err(error) => Err(anyhow!(error).context(format!("{name} failed"))),
            Ok(()) if shutdown.is_cancelled() => Ok(()),
            Ok(()) => Err(anyhow!("{name} ended")),
        }
    });
    Ok(())
}

/// Waits for a part that ends although nobody asked it to.
async fn first_failure(tasks: &mut Tasks, shutdown: &CancellationToken) -> anyhow::Error {
    match tasks.join_next().await {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => anyhow!(error).context("a part of the daemon failed"),
        Some(Ok(Ok(()))) | None => {
            // Nothing ends in order before the shutdown.
            debug_assert!(!shutdown.is_cancelled());
            anyhow!("a part of the daemon ended")
        }
    }
}

async fn drain(tasks: &mut Tasks) {
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error = format!("{error:#}"), "while shutting down"),
            Err(error) => tracing::error!(%error, "while shutting down"),
        }
    }
}

/// SIGINT and SIGTERM, which mean the same.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
