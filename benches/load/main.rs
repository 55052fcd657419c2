//! The load bench: drives a whole daemon over real sockets, checks that every message arrived
//! exactly as expected, and prints what that cost.
//!
//! ```text
//! cargo bench --bench load -- --daemon target/release/donet
//! cargo bench --bench load -- --daemon target/release/donet --vs /usr/bin/astrond --runs 5
//! cargo bench --bench load -- --daemon target/release/donet --scale 0.01     a smoke test
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
//! Two rows are the floor, programs on the same runtime that only read frames and write them to the
//! same receivers: `relay bulk` writes what one read brought to each receiver in one piece, which
//! is what the kernel and the runtime cost; `relay` queues the frames of one read for a task of each
//! receiver, which is what a server of independent receivers costs when it does nothing else.
//!
//! The bench itself is plain: datagrams are encoded before the clock starts, senders write
//! large pieces from a blocking thread, and one thread reads all receivers and checks frames where
//! they lie. `cores` well below the number of processors together with a high `bench us` would mean
//! that the bench was what limited a run.

mod ca;
mod clients;
mod daemon;
mod db;
mod link;
mod md;
mod objects;
mod process;
mod relay;
mod report;
mod scenario;
mod secure;
mod ss;
mod swarm;
mod wire;
mod world;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::{Parser, ValueEnum};

use crate::daemon::{Program, Variant, log_tail};
use crate::report::Row;
use crate::scenario::{Group, Run, Sample, Scenario};

/// Drives a daemon over real sockets and measures what a message costs.
#[derive(Parser)]
struct Args {
    /// The daemon to measure.
    #[arg(long, value_name = "[NAME=]PATH")]
    daemon: Option<String>,
    /// A daemon to measure beside it; may be repeated.
    #[arg(long, value_name = "[NAME=]PATH")]
    vs: Vec<String>,
    /// `messagedirector.threaded` of the daemons to compare with.
    #[arg(long, value_enum, default_value_t = Mode::Both)]
    vs_mode: Mode,
    /// Scenarios by name, or `table`, `checks` or `all`.
    #[arg(long, value_delimiter = ',', default_value = "table")]
    scenario: Vec<String>,
    /// Runs of each scenario with each daemon.
    #[arg(long, default_value_t = 1)]
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
    /// Print the scenarios and end.
    #[arg(long)]
    list: bool,
    /// Be the relay.
    #[arg(long, hide = true, value_enum, requires_all = ["listen", "receivers"])]
    relay: Option<relay::Kind>,
    #[arg(long, hide = true)]
    listen: Option<SocketAddr>,
    #[arg(long, hide = true)]
    receivers: Option<usize>,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Threaded,
    Unthreaded,
    Both,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if let (Some(kind), Some(address), Some(receivers)) = (args.relay, args.listen, args.receivers)
    {
        relay::run(kind, address, receivers)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.list {
        scenarios().for_each(|s| println!("{:<22} {}", s.name, s.what));
        return Ok(ExitCode::SUCCESS);
    }
    let Some(daemon) = &args.daemon else {
        println!(
            "nothing to measure: name a daemon, as in\n    \
             cargo bench --bench load -- --daemon target/release/donet --scale 0.01"
        );
        return Ok(ExitCode::SUCCESS);
    };
    let variants = variants(&args, daemon)?;
    let mut documents = Vec::new();
    let mut failed = 0;
    for scenario in selected(&args.scenario)? {
        let rows = measure(scenario, &variants, &args);
        // Only the measured daemon has to pass: others are there to be compared with.
        failed += rows[0].failures.len();
        if args.json {
            documents.push(report::to_json(scenario, &rows, args.scale));
        } else {
            report::print(scenario, &rows, args.scale);
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&documents)?);
    }
    if failed > 0 {
        eprintln!("{failed} runs failed");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    [md::SCENARIOS, ss::SCENARIOS, ca::SCENARIOS, db::SCENARIOS, world::SCENARIOS]
        .into_iter()
        .flatten()
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

fn variants(args: &Args, daemon: &str) -> Result<Vec<Variant>> {
    let variant = |argument: &str, mode: Option<bool>, backend: &str| -> Result<Variant> {
        let (name, program) = match argument.split_once('=') {
            Some((name, program)) => (name, Path::new(program)),
            None => (argument.rsplit('/').next().unwrap_or(argument), Path::new(argument)),
        };
        let suffix = match mode {
            None => "",
            Some(true) => " threaded",
            Some(false) => " unthreaded",
        };
        Ok(Variant {
            name: format!("{name}{suffix}"),
            // Daemons are started in a folder of their own.
            program: Program::Daemon(std::path::absolute(program)?),
            threaded: mode,
            backend: backend.to_owned(),
            cpus: args.daemon_cpus.clone(),
        })
    };
    let mut variants = vec![variant(daemon, None, &args.db_backend)?];
    for other in &args.vs {
        for (mode, threaded) in [(Mode::Threaded, true), (Mode::Unthreaded, false)] {
            if args.vs_mode == mode || args.vs_mode == Mode::Both {
                variants.push(variant(other, Some(threaded), &args.vs_db_backend)?);
            }
        }
    }
    Ok(variants)
}

/// Runs one scenario with all variants in turn, as often as asked.
fn measure(scenario: &Scenario, variants: &[Variant], args: &Args) -> Vec<Row> {
    let relays = relay::Kind::ALL.map(|kind| Variant::relay(kind, args.daemon_cpus.clone()));
    let taking_part: Vec<&Variant> =
        variants.iter().chain(relays.iter().filter(|_| scenario.relay)).collect();
    let mut rows: Vec<Row> = taking_part
        .iter()
        .map(|v| Row { variant: v.name.clone(), samples: Vec::new(), failures: Vec::new() })
        .collect();
    for number in 1..=args.runs {
        for (variant, row) in taking_part.iter().zip(&mut rows) {
            eprintln!("{} {number}/{}: {}", scenario.name, args.runs, variant.name);
            match undisturbed(scenario, variant, args) {
                Ok(sample) => row.samples.push(sample),
                Err(error) => row.failures.push(format!("{error:#}")),
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
            log if log.is_empty() => error,
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
