//! What a scenario is, and what a run of it yields.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::broker::Broker;
use crate::daemon::{Daemon, Roles};
use crate::process::Measured;
use crate::variant::{Program, Variant};

/// One row of the table of scenarios.
pub struct Scenario {
    pub name: &'static str,
    pub what: &'static str,
    /// What throughput and processor time are counted by.
    pub unit: &'static str,
    /// What memory is counted by, if the scenario is about that.
    pub thing: &'static str,
    pub group: Group,
    /// Whether it has clients, who can come by other ways than TCP.
    pub has_clients: bool,
    /// What can take part beside daemons.
    pub beside: &'static [Beside],
    pub run: fn(&Run) -> Result<Sample>,
}

/// What a daemon can be compared with that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Programs that copy frames.
    Relay,
    /// Programs that know a scenario's conversation and nothing else.
    Floor,
    /// Servers that route messages by name.
    Broker,
    /// Panda3D's own server.
    StockServer,
}

impl Beside {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Beside::Relay => "relay",
            Beside::Floor => "floor",
            Beside::Broker => "broker",
            Beside::StockServer => "stock",
        }
    }
}

/// Why a variant cannot take part, which is no failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Skipped(pub String);

/// Which scenarios run when none is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The table: all are run.
    Table,
    /// How cost and memory grow; run when named, or with `checks` or `all`.
    Check,
}

impl Group {
    /// What stands above its scenarios.
    pub fn title(self) -> &'static str {
        match self {
            Group::Table => "table, what is played if nothing else is asked for:",
            Group::Check => "checks:",
        }
    }
}

/// One run of a scenario.
pub struct Run<'a> {
    pub variant: &'a Variant,
    pub scale: f64,
    /// Where the daemon keeps its configuration, its log and its database.
    pub folder: &'a Path,
}

impl Run<'_> {
    /// Starts the variant with these roles and waits until it accepts connections.
    pub fn start(&self, roles: &Roles) -> Result<Daemon> {
        Daemon::start(self.variant, roles, self.folder)
    }

    /// Starts the relay that the variant is.
    pub fn start_relay(&self, receivers: usize) -> Result<Daemon> {
        Daemon::start_relay(self.variant, receivers, self.folder)
    }

    /// `full`, reduced by the scale.
    pub fn scaled(&self, full: usize) -> usize {
        ((full as f64 * self.scale).round() as usize).max(1)
    }

    /// Where the broker is that the variant is, if it is one.
    pub fn broker(&self) -> Option<Broker> {
        match self.variant.program {
            Program::Broker(broker) => Some(broker),
            _ => None,
        }
    }

    /// Whether a relay is what runs.
    pub fn is_relay(&self) -> bool {
        matches!(self.variant.program, Program::Relay(_))
    }
}

/// What one run measured.
#[derive(Debug, Clone)]
pub struct Sample {
    pub units: usize,
    pub measured: Measured,
    pub latency: Option<Latency>,
    /// The most memory that there ever was in use, if that is known.
    pub peak_rss: Option<u64>,
    /// Bytes for each thing.
    pub rss_per_thing: Option<f64>,
    /// Further figures of this scenario, by name.
    pub extra: Vec<(&'static str, f64)>,
}

impl Sample {
    /// A sample with nothing but the measured phase.
    pub fn new(units: usize, measured: Measured, peak_rss: impl Into<Option<u64>>) -> Sample {
        let peak_rss = peak_rss.into();
        Sample { units, measured, latency: None, peak_rss, rss_per_thing: None, extra: Vec::new() }
    }
}

/// Percentiles in microseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

impl Latency {
    /// `None` if there are no times.
    pub fn of(mut times: Vec<Duration>) -> Option<Latency> {
        times.sort_unstable();
        let at = |share: f64| {
            let index = (times.len() as f64 * share).ceil() as usize;
            times.get(index.max(1) - 1).map(|time| time.as_secs_f64() * 1e6)
        };
        Some(Latency { p50: at(0.50)?, p99: at(0.99)?, p999: at(0.999)? })
    }
}
