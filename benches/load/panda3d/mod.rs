//! Stock clients: programs that use Panda3D's own `ClientRepository`, as the bench sees them. They are in one zone, each
//! with an avatar, and see each other move, come and go.
//!
//! Beside a daemon it is played with Panda3D's own server, `ServerRepository`, which forgets what it has passed on: when
//! somebody arrives, it asks all for their objects, and passes each answer on to everybody. It may lose messages when
//! more wait than it keeps; these are counted, while a daemon's run fails.

mod arrival;
mod client;
mod wire;
mod zone;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::daemon::ClientAgent;
use crate::process::{Meter, peak_rss};
use crate::scenario::{Beside, Group, Run, Sample, Scenario};

pub use wire::{PLACE, dc, msg};
use zone::Zone;

const fn scenario(
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    run: fn(&Run) -> Result<Sample>,
) -> Scenario {
    let (group, has_clients) = (Group::Table, true);
    let beside = &[Beside::StockServer, Beside::Floor];
    Scenario { name, what, unit, thing: "", group, has_clients, beside, run }
}

pub const SCENARIOS: &[Scenario] = &[
    scenario(
        "panda3d_10",
        "10 stock clients in one zone for ten seconds, moving at 10 Hz one after the other; latency from a mover to \
         another client",
        "delivery",
        |run| moving(run, 10),
    ),
    scenario("panda3d_50", "the same with 50 clients", "delivery", |run| moving(run, 50)),
    scenario("panda3d_200", "the same with 200 clients", "delivery", |run| moving(run, 200)),
    scenario(
        "panda3d_arrival_10",
        "a stock client comes into a zone with 10 others, sees their avatars and makes its own; latency until it has \
         seen all and all have seen it",
        "arrival",
        |run| arrival::arriving(run, 10, ClientAgent::default()),
    ),
    scenario("panda3d_arrival_50", "the same with 50 others", "arrival", |run| {
        arrival::arriving(run, 50, ClientAgent::default())
    }),
    scenario("panda3d_arrival_200", "the same with 200 others", "arrival", |run| {
        arrival::arriving(run, 200, ClientAgent::default())
    }),
    Scenario {
        group: Group::Check,
        beside: &[],
        ..scenario(
            "panda3d_arrival_server",
            "the same with 50 others, whom the daemon does not ask for their objects (client.regenerate: server)",
            "arrival",
            |run| {
                let options = ClientAgent { asks_no_owners: true, ..ClientAgent::default() };
                arrival::arriving(run, 50, options)
            },
        )
    },
];

/// Fewer would not see each other.
const CLIENTS_MIN: usize = 3;
/// How often it is looked who is to move.
const TICK: Duration = Duration::from_millis(2);
/// Ticks between two movements of a client.
const MOVE_TICKS: usize = 50;

/// Everybody moves, and everybody else is told.
fn moving(run: &Run, count: usize) -> Result<Sample> {
    let count = run.scaled(count).max(CLIENTS_MIN);
    // Whole rounds, so that all move equally often.
    let rounds = run.scaled(100).max(10);
    let mut zone = Zone::fill(run, count, ClientAgent::default())?;
    let idle = idle_cores(&mut zone, MOVE_TICKS * rounds.div_ceil(10))?;
    let (began, meter) = (Instant::now(), Meter::start(zone.server.pid())?);
    let late = run_clock(&mut zone, MOVE_TICKS * rounds, |zone, tick| {
        let is_due = |index: usize| tick % MOVE_TICKS == index * MOVE_TICKS / count % MOVE_TICKS;
        (0..count).filter(|index| is_due(*index)).try_for_each(|index| zone.walk_on(index))
    })?;
    let ended = began.elapsed();
    let expected = count * rounds * (count - 1);
    let what = format!("{expected} movements");
    let settled = zone.settle(&what, &meter, |zone| zone.tally.deliveries == expected)?;
    let deliveries = zone.tally.deliveries;
    ensure!(deliveries > 0, "nobody heard of a movement");
    let behind = settled.measured.wall.saturating_sub(ended);
    let sample = Sample::new(deliveries, settled.measured, peak_rss(zone.server.pid())?);
    Ok(Sample {
        latency: zone.tally.delays.latency(),
        extra: vec![
            ("missing", (expected - deliveries) as f64),
            ("behind_ms", behind.as_secs_f64() * 1e3),
            ("late_ms", late.as_secs_f64() * 1e3),
            ("idle_cores", idle),
        ],
        ..sample
    })
}

/// How many processors the server keeps busy while nobody does anything.
fn idle_cores(zone: &mut Zone, ticks: usize) -> Result<f64> {
    let meter = Meter::start(zone.server.pid())?;
    run_clock(zone, ticks, |_, _| Ok(()))?;
    let measured = meter.stop()?;
    let cpu = measured.cpu.unwrap_or_default();
    Ok(cpu.as_secs_f64() / measured.wall.as_secs_f64())
}

/// Lets the clock run; returns by how much the bench itself was ever late.
fn run_clock(
    zone: &mut Zone,
    ticks: usize,
    mut act: impl FnMut(&mut Zone, usize) -> Result<()>,
) -> Result<Duration> {
    let began = Instant::now();
    let mut latest = Duration::ZERO;
    for tick in 0..ticks {
        let due = began + TICK * tick as u32;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            zone.poll(left)?;
            if left.is_zero() {
                break;
            }
        }
        latest = latest.max(due.elapsed());
        act(zone, tick)?;
    }
    Ok(latest)
}
