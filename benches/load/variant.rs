//! The programs that a table compares.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use crate::broker::{self, Broker};
use crate::floor::Floor;
use crate::relay;
use crate::scenario::{Beside, Scenario};
use crate::transport::Transport;
use crate::{Args, Mode};

/// One of the programs that a table compares.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Its row's title.
    pub name: String,
    pub program: Program,
    /// What `messagedirector.threaded` says, if anything.
    pub threaded: Option<bool>,
    /// The database's `backend` section as YAML.
    pub backend: String,
    /// Processors it may run on, as `taskset` lists them.
    pub cpus: Option<String>,
    /// Whether a failure is one of the bench: not of what others are compared by, but of the measured daemon, or of what the
    /// bench itself serves or says.
    pub must_pass: bool,
    /// How clients come.
    pub transport: Transport,
}

/// What a variant runs.
#[derive(Debug, Clone)]
pub enum Program {
    Daemon(PathBuf),
    /// This program itself.
    Relay(relay::Kind),
    /// This program itself.
    Floor(Floor),
    /// A server that somebody else has started.
    Broker(Broker),
    /// Panda3D's own server, in this interpreter if one is named.
    StockServer(Option<PathBuf>),
}

impl Variant {
    fn beside(name: String, program: Program, args: &Args) -> Variant {
        Variant {
            name,
            program,
            must_pass: true,
            threaded: None,
            backend: String::new(),
            cpus: args.daemon_cpus.clone(),
            transport: Transport::Tcp,
        }
    }

    /// Whether it plays a scenario, where `first` is the first way in which clients come.
    pub fn takes_part(&self, scenario: &Scenario, first: Transport) -> bool {
        let beside = match self.program {
            Program::Daemon(_) => return scenario.has_clients || self.transport == first,
            Program::Relay(_) => Beside::Relay,
            Program::Floor(_) => Beside::Floor,
            Program::Broker(_) => Beside::Broker,
            Program::StockServer(_) => Beside::StockServer,
        };
        scenario.beside.contains(&beside)
    }
}

/// All that the arguments name, the measured daemon first.
pub fn all(args: &Args, daemon: &str) -> Result<Vec<Variant>> {
    let mut variants = daemons(daemon, None, args)?;
    for other in &args.vs {
        for (mode, threaded) in [(Mode::Threaded, true), (Mode::Unthreaded, false)] {
            if args.vs_mode == mode || args.vs_mode == Mode::Both {
                variants.extend(daemons(other, Some(threaded), args)?);
            }
        }
    }
    for kind in relay::Kind::ALL {
        let name = match kind {
            relay::Kind::Bulk => "relay bulk",
            relay::Kind::Queued => "relay",
        };
        variants.push(Variant::beside(name.to_owned(), Program::Relay(kind), args));
    }
    for kind in &args.floor {
        for ms in &args.floor_flush_ms {
            let floor = Floor { kind: *kind, flush: Duration::from_millis(*ms) };
            variants.push(Variant::beside(floor.name(), Program::Floor(floor), args));
        }
    }
    // A name alone is looked for where the shell looks.
    let python = args.stock_server.as_deref().map(|python| match python.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Ok(python.to_owned()),
        _ => std::path::absolute(python),
    });
    let stock = Program::StockServer(python.transpose()?);
    variants.push(Variant::beside("ServerRepository".to_owned(), stock, args));
    let brokers = [(broker::Kind::Nats, &args.nats), (broker::Kind::Redis, &args.redis)];
    for (kind, address) in brokers {
        if let Some(address) = address {
            let broker = Broker::at(kind, address)?;
            variants.push(Variant::beside(kind.name().to_owned(), Program::Broker(broker), args));
        }
    }
    Ok(variants)
}

/// One daemon with each way in which clients come.
fn daemons(argument: &str, mode: Option<bool>, args: &Args) -> Result<Vec<Variant>> {
    let (name, program) = match argument.split_once('=') {
        Some((name, program)) => (name, Path::new(program)),
        None => (argument.rsplit('/').next().unwrap_or(argument), Path::new(argument)),
    };
    let (suffix, backend) = match mode {
        None => ("", &args.db_backend),
        Some(true) => (" threaded", &args.vs_db_backend),
        Some(false) => (" unthreaded", &args.vs_db_backend),
    };
    // Daemons are started in a folder of their own.
    let program = std::path::absolute(program)?;
    let with = |transport: &Transport| Variant {
        name: format!("{name}{suffix}{}", transport.suffix()),
        program: Program::Daemon(program.clone()),
        threaded: mode,
        must_pass: mode.is_none(),
        backend: backend.clone(),
        cpus: args.daemon_cpus.clone(),
        transport: *transport,
    };
    Ok(args.transport.iter().map(with).collect())
}
