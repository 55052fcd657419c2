//! The load bench: drives a whole daemon over real sockets, checks that every message arrived
//! exactly as expected, and prints what that cost.
//!
//! ```text
//! cargo bench --bench load -- --daemon target/release/donet
//! cargo bench --bench load -- --daemon target/release/donet --vs /usr/bin/astrond --runs 5
//! cargo bench --bench load -- --daemon target/release/donet --scale 0.01     a smoke test
//! cargo bench --bench load -- --daemon target/release/donet --scenario world --floor epoll,tokio
//! cargo bench --bench load -- --daemon target/release/donet --scenario ca_zone --transport tcp,tls,ws,wss
//! cargo bench --bench load -- --list
//! ```
//!
//! Any daemon that takes Astron's configuration and speaks its protocol can be measured, and others
//! beside it with `--vs`. Every run starts its daemon anew in a temporary folder, with a
//! configuration that the scenario writes. Runs of the variants alternate, and medians are shown.
//! An `astrond` given with `--vs` is measured in both of its modes, `threaded: true` and `false`,
//! unless `--vs-mode` names one.
//!
//! The columns, each counted by the scenario's unit (a datagram, a delivery, …):
//!
//! | column | meaning |
//! |---|---|
//! | per s | units in a second of wall time, from the first byte sent to the last one received |
//! | cpu us | the daemon's processor time, user and system, for one unit |
//! | p50, p99, p99.9 us | latency as the scenario's description says |
//! | peak MiB | the most memory that the daemon ever had in use (`VmHWM`) |
//! | B/thing | growth of its memory for one object, channel or client |
//! | cores | how many processors the daemon kept busy |
//! | bench us | this program's own processor time for one unit: to be below the daemon's |
//! | other | processors that other processes kept busy meanwhile: to be near zero |
//!
//! A run fails when a message is missing, doubled, out of order or altered, or a connection is lost;
//! its row then says why, with the end of the daemon's log, and a failure of the measured daemon
//! makes the exit status 1. Everything a daemon writes, its database too, lies below `TMPDIR`.
//!
//! `--max-other-load 0.1` repeats runs during which something else used the machine.
//! `--daemon-cpus 0` keeps daemons on one processor, which beside a run without it shows what a
//! second one gains.
//!
//! `--transport` names the ways in which clients come, each a row of its own.
//!
//! What else takes part, where a scenario can be played with it (`--list` tells):
//!
//! *Relays*, always: programs on the same runtime that only read frames and write them to the same receivers. `relay bulk`
//! writes what one read brought to each receiver in one piece, which
//! is what the kernel and the runtime cost; `relay` queues the frames of one read for a task of each
//! receiver, which is what a server of independent receivers costs when it does nothing else.
//!
//! *Floors*, with `--floor`: servers of the same conversation, and of nothing else, on bare epoll and on the runtime. They
//! write when all is read that arrived at the same time or, with `--floor-flush-ms`, so long after there was something for
//! a client.
//!
//! *Brokers*, with `--nats` and `--redis`: servers of others that route by name. They are running already; their processor
//! time is measured if they run on this machine and may be looked at, their memory is not.
//!
//! *The stock server*, with `--stock-server`: Panda3D's own `ServerRepository`, where stock clients are what is played. It is
//! started as the engine's samples start theirs.
//!
//! The bench itself is plain: datagrams are encoded before the clock starts, senders write
//! large pieces from a blocking thread, and one thread reads all receivers and checks frames where
//! they lie. `cores` well below the number of processors together with a high `bench us` would mean
//! that the bench was what limited a run.

pub(crate) mod broker;
pub(crate) mod ca;
pub(crate) mod clients;
pub(crate) mod daemon;
pub(crate) mod db;
pub(crate) mod delays;
pub(crate) mod floor;
pub(crate) mod link;
pub(crate) mod md;
pub(crate) mod objects;
pub(crate) mod panda3d;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod report;
pub(crate) mod scenario;
pub(crate) mod secure;
pub(crate) mod slow;
pub(crate) mod small;
pub(crate) mod ss;
pub(crate) mod swarm;
pub(crate) mod transport;
pub(crate) mod variant;
pub(crate) mod websocket;
pub(crate) mod wire;
pub(crate) mod world;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::{Parser, ValueEnum};

use crate::daemon::{Dialect, log_tail};
use crate::floor::Floor;
use crate::report::Row;
use crate::scenario::{Group, Run, Sample, Scenario, Skipped};
use crate::transport::Transport;
use crate::variant::Variant;

/// Drives a daemon over real sockets and measures what a message costs.
#[derive(Parser)]
pub(crate) struct Args {
    /// The daemon to measure.
    #[arg(long, value_name = "[NAME=]PATH")]
    daemon: Option<String>,
    /// A daemon to measure beside it; may be repeated.
    #[arg(long, value_name = "[NAME=]PATH")]
    vs: Vec<String>,
    /// `messagedirector.threaded` of the daemons to compare with.
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    vs_mode: Mode,
    /// How clients come.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tcp")]
    transport: Vec<Transport>,
    /// Floors to measure beside daemons.
    #[arg(long, value_enum, value_delimiter = ',')]
    floor: Vec<floor::Kind>,
    /// How long what a floor tells clients waits for more of it; each is a row of its own.
    #[arg(long, value_name = "MS", value_delimiter = ',', default_value = "0")]
    floor_flush_ms: Vec<u64>,
    /// A NATS server to measure beside daemons.
    #[arg(long, value_name = "HOST:PORT")]
    nats: Option<String>,
    /// A Redis server to measure beside daemons.
    #[arg(long, value_name = "HOST:PORT")]
    redis: Option<String>,
    /// A Python interpreter that has Panda3D, whose own server is measured beside daemons with stock clients.
    #[arg(long, value_name = "PYTHON")]
    stock_server: Option<PathBuf>,
    /// Scenarios by name, or `table`, `checks` or `all`.
    #[arg(long, value_delimiter = ',', default_value = "table")]
    scenario: Vec<String>,
    /// Runs of each scenario with each daemon.
    #[arg(long, default_value_t = 1, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    runs: usize,
    /// Multiplies the number of messages, clients and objects.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Repeat a run, five times at most, when other processes kept more processors busy.
    #[arg(long, value_name = "PROCESSORS")]
    max_other_load: Option<f64>,
    /// Processors that daemons may use, as `taskset -c` takes them.
    #[arg(long, value_name = "LIST")]
    daemon_cpus: Option<String>,
    /// The `backend` section of the measured daemon's database, as YAML on one line.
    #[arg(long, value_name = "YAML", default_value = "{type: sqlite, file: objects.sqlite}")]
    db_backend: String,
    /// The same for the daemons to compare with.
    #[arg(long, value_name = "YAML", default_value = "{type: yaml, directory: objects}")]
    vs_db_backend: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Play everything small, to see whether the bench works with this daemon. With brokers if `DONET_TEST_NATS` and
    /// `DONET_TEST_REDIS` name them, with Panda3D's own server if `DONET_TEST_STOCK_SERVER` names a Python that has it.
    #[arg(long, conflicts_with_all = ["scenario", "scale", "nats", "redis", "floor", "transport", "vs", "runs", "stock_server"])]
    small: bool,
    /// Print only what failed.
    #[arg(long)]
    quiet: bool,
    /// Print the scenarios and end.
    #[arg(long)]
    list: bool,
    /// Be the relay.
    #[arg(long, hide = true, value_enum, requires_all = ["listen", "receivers"])]
    relay: Option<relay::Kind>,
    /// Be a floor.
    #[arg(long, hide = true, value_enum, requires_all = ["listen", "listen_clients"])]
    serve_floor: Option<floor::Kind>,
    #[arg(long, hide = true)]
    listen: Option<SocketAddr>,
    #[arg(long, hide = true)]
    listen_clients: Option<SocketAddr>,
    /// What clients of a floor speak.
    #[arg(long, hide = true, value_enum, default_value_t = Dialect::Astron)]
    dialect: Dialect,
    #[arg(long, hide = true)]
    receivers: Option<usize>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    Threaded,
    Unthreaded,
    Both,
}

pub(crate) fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let (Some(kind), Some(address), Some(receivers)) = (args.relay, args.listen, args.receivers)
    {
        relay::run(kind, address, receivers)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(kind), Some(director), Some(client_agent)) =
        (args.serve_floor, args.listen, args.listen_clients)
    {
        let flush = Duration::from_millis(args.floor_flush_ms[0]);
        Floor { kind, flush }.serve(args.dialect, director, client_agent)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.list {
        list();
        return Ok(ExitCode::SUCCESS);
    }
    let Some(daemon) = &args.daemon else {
        bail!(
            "nothing to measure: name a daemon, as in\n    \
             cargo bench --bench load -- --daemon target/release/donet --scale 0.01"
        );
    };
    for named in args.vs.iter().chain([daemon]) {
        let path = named.split_once('=').map_or(named.as_str(), |(_, path)| path);
        if path.contains('/') && !Path::new(path).is_file() {
            bail!("there is no program {path}");
        }
    }
    if args.small {
        return small::main(daemon, &[]);
    }
    let failed = play(&args, daemon)?;
    if failed > 0 {
        eprintln!("{failed} runs failed");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays the scenarios and prints what they yield; returns how many runs failed that must not.
pub(crate) fn play(args: &Args, daemon: &str) -> Result<usize> {
    let variants = variant::all(args, daemon)?;
    let mut documents = Vec::new();
    let mut failed = 0;
    for scenario in selected(&args.scenario)? {
        let rows = measure(scenario, &variants, args);
        failed +=
            rows.iter().filter(|row| row.must_pass).map(|row| row.failures.len()).sum::<usize>();
        if args.json {
            documents.push(report::to_json(scenario, &rows, args.scale));
        } else if !args.quiet || rows.iter().any(|row| !row.failures.is_empty()) {
            report::print(scenario, &rows, args.scale);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&documents)?);
    }
    Ok(failed)
}

/// Prints what there is to be played, and with what.
fn list() {
    for group in [Group::Table, Group::Check] {
        println!("{}", group.title());
        for scenario in scenarios().filter(|scenario| scenario.group == group) {
            let mut with: Vec<&str> = scenario.beside.iter().map(|beside| beside.name()).collect();
            if scenario.has_clients {
                with.push("transports");
            }
            let with =
                if with.is_empty() { String::new() } else { format!(" [{}]", with.join(", ")) };
            println!("  {:<22} {}{with}", scenario.name, scenario.what);
        }
    }
    println!(
        "\nIn brackets, what a scenario can be played with beside daemons:\n  \
         relay       programs that copy frames; always\n  \
         floor       servers of the same conversation and nothing else: --floor epoll,tokio, and --floor-flush-ms 0,5\n  \
         broker      servers of others that route by name: --nats HOST:PORT, --redis HOST:PORT\n  \
         stock       Panda3D's own server, ServerRepository: --stock-server PYTHON\n  \
         transports  ways in which clients come: --transport tcp,tls,ws,wss\n\
         Other daemons, or another build of donet: --vs NAME=PATH"
    );
}

fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    let all = [
        md::SCENARIOS,
        ss::SCENARIOS,
        ca::SCENARIOS,
        slow::SCENARIOS,
        db::SCENARIOS,
        world::SCENARIOS,
        panda3d::SCENARIOS,
    ];
    all.into_iter().flatten()
}

fn selected(names: &[String]) -> Result<Vec<&'static Scenario>> {
    let mut chosen: Vec<&Scenario> = Vec::new();
    for name in names {
        let before = chosen.len();
        chosen.extend(scenarios().filter(|s| match name.as_str() {
            "all" => true,
            "table" => s.group == Group::Table,
            "checks" => s.group == Group::Check,
            name => s.name == name,
        }));
        if chosen.len() == before {
            bail!("no scenario is called {name}: see --list");
        }
    }
    Ok(chosen)
}

/// Runs one scenario with all variants in turn, as often as asked.
fn measure(scenario: &Scenario, variants: &[Variant], args: &Args) -> Vec<Row> {
    let first = args.transport[0];
    let taking_part: Vec<&Variant> =
        variants.iter().filter(|variant| variant.takes_part(scenario, first)).collect();
    let mut rows: Vec<Row> =
        taking_part.iter().map(|v| Row::new(v.name.clone(), v.must_pass)).collect();
    for number in 1..=args.runs {
        for (variant, row) in taking_part.iter().zip(&mut rows) {
            if row.skipped.is_some() {
                continue;
            }
            if !args.quiet {
                eprintln!("{} {number}/{}: {}", scenario.name, args.runs, variant.name);
            }
            match undisturbed(scenario, variant, args) {
                Ok(sample) => row.samples.push(sample),
                Err(error) => match error.downcast::<Skipped>() {
                    Ok(Skipped(reason)) => row.skipped = Some(reason),
                    Err(error) => row.failures.push(format!("{error:#}")),
                },
            }
        }
    }
    rows
}

/// A run during which the machine was free, as far as the arguments ask for that.
fn undisturbed(scenario: &Scenario, variant: &Variant, args: &Args) -> Result<Sample> {
    const ATTEMPTS: usize = 5;
    let run = || -> Result<Sample> {
        let folder = tempfile::tempdir()?;
        let run = Run { variant, scale: args.scale, folder: folder.path() };
        (scenario.run)(&run).map_err(|error| match log_tail(folder.path()) {
            log if log.is_empty() || error.is::<Skipped>() => error,
            log => anyhow!("{error:#}; its log ends with:\n{log}"),
        })
    };
    let limit = args.max_other_load.unwrap_or(f64::INFINITY);
    let other = |sample: &Sample| sample.measured.other_load.unwrap_or(0.0);
    let mut best = run()?;
    for _ in 1..ATTEMPTS {
        if other(&best) <= limit {
            break;
        }
        let again = run()?;
        if other(&again) < other(&best) {
            best = again;
        }
    }
    Ok(best)
}
