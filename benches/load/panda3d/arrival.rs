//! What it costs when somebody arrives where others are.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::CLIENTS_MIN;
use super::client::Tally;
use super::zone::Zone;
use crate::daemon::ClientAgent;
use crate::process::{Measured, Meter, peak_rss};
use crate::scenario::{Latency, Run, Sample};

/// Without a message for so long, an arrival has been told to all.
const QUIET: Duration = Duration::from_millis(50);

/// What arrivals have cost together.
#[derive(Default)]
struct Costs {
    wall: Duration,
    cpu: Option<Duration>,
    harness_cpu: Duration,
    /// What the server has said, and how much of that were requests for objects, and objects that were known.
    datagrams: usize,
    bytes: usize,
    requests: usize,
    repeats: usize,
    /// Avatars that the newcomers were never shown, and times that theirs were not shown to others.
    missing: usize,
    times: Vec<Duration>,
}

impl Costs {
    fn add(&mut self, measured: Measured) {
        self.wall += measured.wall;
        self.harness_cpu += measured.harness_cpu;
        self.cpu = measured.cpu.map(|cpu| cpu + self.cpu.unwrap_or_default());
    }
}

/// One after the other comes and goes, while those who are there do nothing.
pub(super) fn arriving(run: &Run, count: usize, options: ClientAgent) -> Result<Sample> {
    let count = run.scaled(count).max(CLIENTS_MIN);
    let arrivals = run.scaled(20).max(2);
    let mut zone = Zone::fill(run, count, options)?;
    // Newcomers are to be shown where others are, and not where they were made.
    for index in 0..count {
        zone.walk_on(index)?;
        let told = (index + 1) * (count - 1);
        zone.until("a movement", |zone| zone.tally.deliveries == told)?;
    }
    let newcomer = zone.clients.len();
    let mut costs = Costs::default();
    let whole = Meter::start(zone.server.pid())?;
    for arrival in 0..arrivals {
        arrive(&mut zone, newcomer, arrival == 0, &mut costs)?;
        let avatar = zone.clients[newcomer].avatar()?;
        zone.leave(newcomer)?;
        zone.until("the news that a client has left", |zone| {
            zone.clients.iter().all(|client| !client.seen.contains_key(&avatar))
        })?;
    }
    let other_load = whole.stop()?.other_load;
    let Costs { wall, cpu, harness_cpu, .. } = costs;
    let measured = Measured { wall, cpu, harness_cpu, other_load };
    let each = |all: usize| all as f64 / arrivals as f64;
    Ok(Sample {
        latency: Latency::of(costs.times),
        extra: vec![
            ("messages", each(costs.datagrams)),
            ("kib", each(costs.bytes) / 1024.0),
            ("requests", each(costs.requests)),
            ("repeats", each(costs.repeats)),
            ("missing", each(costs.missing)),
        ],
        ..Sample::new(arrivals, measured, peak_rss(zone.server.pid())?)
    })
}

/// Somebody comes; what that costs is added.
fn arrive(zone: &mut Zone, newcomer: usize, is_first: bool, costs: &mut Costs) -> Result<()> {
    let others = newcomer;
    let Tally { datagrams, bytes, requests, repeats, .. } = zone.tally;
    let began = Instant::now();
    let meter = Meter::start(zone.server.pid())?;
    if is_first {
        zone.connect()?;
    } else {
        zone.reconnect(newcomer)?;
    }
    zone.until("a range of doIds", |zone| zone.tally.ranges == others + 1)?;
    zone.open(newcomer)?;
    let shown = zone.settle("a newcomer to see all avatars", &meter, |zone| {
        zone.clients[newcomer].seen.len() == others
    })?;
    costs.missing += others - zone.clients[newcomer].seen.len();
    costs.add(shown.measured);
    // Waiting for what is lost is no cost of the server.
    let meter = Meter::start(zone.server.pid())?;
    zone.make_avatar(newcomer)?;
    let avatar = zone.clients[newcomer].avatar()?;
    let knowing = move |zone: &Zone| {
        zone.clients.iter().filter(|client| client.seen.contains_key(&avatar)).count()
    };
    let known =
        zone.settle("all to see a newcomer's avatar", &meter, |zone| knowing(zone) == others)?;
    costs.missing += others - knowing(zone);
    if shown.is_done && known.is_done {
        costs.times.push(began.elapsed());
    }
    // What is said beyond that.
    let mut measured = known.measured;
    while zone.poll(QUIET)? {
        measured = meter.read()?;
    }
    expect_present(zone, newcomer)?;
    costs.add(measured);
    costs.datagrams += zone.tally.datagrams - datagrams;
    costs.bytes += zone.tally.bytes - bytes;
    costs.requests += zone.tally.requests - requests;
    costs.repeats += zone.tally.repeats - repeats;
    Ok(())
}

/// Checks that a newcomer sees those whom it sees where they are now.
fn expect_present(zone: &Zone, newcomer: usize) -> Result<()> {
    let (others, newcomer) = (&zone.clients[..newcomer], &zone.clients[newcomer]);
    for other in others {
        let avatar = other.avatar()?;
        if let Some(step) = newcomer.seen.get(&avatar) {
            let now = other.steps();
            ensure!(*step == now, "a newcomer sees {avatar} after {step} steps of {now}");
        }
    }
    Ok(())
}
