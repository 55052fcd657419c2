//! A mixed day: players walk between zones, move, talk, come and go, while an AI moves things.
//!
//! What each player sees is checked: an object enters with its latest step, and from then on not
//! one of its steps may be missing until it leaves; every ping is answered once, in order.
//!
//! How many there are and when they move is a [`Shape`]. A movement says when it was sent, so that its way to
//! those who see it is measured too.

mod ai;
mod player;

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::BufMut;

use crate::clients::{AI, hello, interest};
use crate::daemon::{Daemon, FIRST_OBJECT, GATE, Roles, WORLD};
use crate::delays::Delays;
use crate::link::{Barrier, Link, STALL};
use crate::objects::{await_created, create, create_world, set_place};
use crate::process::{Meter, peak_rss, rss};
use crate::scenario::{Beside, Group, Latency, Run, Sample, Scenario};
use crate::swarm::Swarm;
use crate::wire::{Batch, dc, msg, put_str};

use player::Player;

const fn scenario(
    name: &'static str,
    what: &'static str,
    group: Group,
    run: fn(&Run) -> Result<Sample>,
) -> Scenario {
    let (has_clients, beside) = (true, &[Beside::Floor]);
    Scenario { name, what, unit: "delivery", thing: "player", group, has_clients, beside, run }
}

pub const SCENARIOS: &[Scenario] = &[
    scenario(
        "world",
        "1,000 players in 100 zones for ten seconds: moving at 10 Hz, those of a zone at the same time, walking \
         between zones, talking, coming and going; latency of a ping client, AI, client",
        Group::Table,
        |run| world(run, &Shape::DAY),
    ),
    scenario(
        "world_spread",
        "the same, but those of a zone move at times as far from each other as can be",
        Group::Table,
        |run| world(run, &Shape { is_spread: true, ..Shape::DAY }),
    ),
    scenario(
        "world_crowd",
        "500 players in one zone for ten seconds, moving at 4 Hz one after the other",
        Group::Table,
        |run| {
            let shape =
                Shape { players: 500, zones: 1, move_ticks: 125, is_spread: true, ..Shape::DAY };
            world(run, &shape)
        },
    ),
    scenario(
        "world_5000",
        "5,000 players in 500 zones, moving at 10 Hz one after the other: more than a core can do",
        Group::Check,
        |run| world(run, &Shape { players: 5_000, zones: 500, is_spread: true, ..Shape::DAY }),
    ),
    scenario(
        "world_10000",
        "10,000 players in 1,000 zones, doing everything a tenth as often: as many deliveries as in world_spread",
        Group::Check,
        |run| {
            let shape = Shape {
                players: 10_000,
                zones: 1_000,
                move_ticks: 500,
                slowness: 10,
                is_spread: true,
            };
            world(run, &shape)
        },
    ),
];

/// How many players there are, and what they do when.
#[derive(Clone, Copy)]
struct Shape {
    players: usize,
    zones: usize,
    /// Ticks between two movements of a player.
    move_ticks: usize,
    /// How many times as seldom as usual everything else is done.
    slowness: usize,
    /// Whether players of a zone move one after the other, and not at the same time.
    is_spread: bool,
}

impl Shape {
    const DAY: Shape =
        Shape { players: 1_000, zones: 100, move_ticks: 50, slowness: 1, is_spread: false };

    /// At which tick of its period a player moves.
    const fn phase(&self, index: usize) -> usize {
        if !self.is_spread {
            return index;
        }
        // The players of a zone are those with the same rest.
        let of_zone = self.players.div_ceil(self.zones);
        index + index / self.zones * self.move_ticks / of_zone
    }
}

/// The clock of the world: who does what is decided once in each. Short, so that the load is even
/// and not a burst ten times a second.
const TICK: Duration = Duration::from_millis(2);
/// Ticks between two pings of a player.
const PING_TICKS: usize = 500;
/// Ticks between two lines of a player, and between two walks to another zone.
const TALK_TICKS: usize = 2_500;
const WALK_TICKS: usize = 2_500;
/// Ticks that a player stays.
const STAY_TICKS: usize = 50_000;
/// Things in each zone, and ticks between two movements of one.
const THINGS: u32 = 5;
const THING_TICKS: usize = 250;
/// The first avatar's id.
const FIRST_AVATAR: u32 = 50_000_000;

fn world(run: &Run, shape: &Shape) -> Result<Sample> {
    let shape =
        Shape { players: run.scaled(shape.players), zones: run.scaled(shape.zones), ..*shape };
    let zones = shape.zones as u32;
    let ticks = run.scaled(5_000).max(500);
    let daemon = run.start(&Roles::clients())?;
    let mut barrier = Barrier::open(daemon.director)?;
    let mut ai = Link::connect(daemon.director)?;
    let mut batch = Batch::default();
    batch.subscribe(AI).subscribe(GATE.into());
    create_world(&mut batch);
    for thing in 0..zones * THINGS {
        create(&mut batch, dc::THING, FIRST_OBJECT + thing, thing % zones);
    }
    ai.send(&batch)?;
    barrier.pass(&mut ai)?;
    await_created(&mut ai, FIRST_OBJECT + zones * THINGS - 1)?;
    let end = ai.writer()?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let serving = scope.spawn(|| ai::serve(ai, &stop, |doid| doid % zones));
        let outcome = live(&daemon, shape, ticks);
        stop.store(true, Ordering::Relaxed);
        end.shutdown(Shutdown::Both)?;
        serving.join().expect("the AI does not panic")?;
        outcome
    })
}

/// Lets everybody in, then measures the day.
fn live(daemon: &Daemon, shape: Shape, ticks: usize) -> Result<Sample> {
    let Shape { players, zones, .. } = shape;
    let empty = rss(daemon.pid())?;
    let mut day = Day {
        daemon,
        swarm: Swarm::with(daemon.way.clone())?,
        players: Vec::with_capacity(players),
        zones: zones as u32,
        shape,
        things: Link::connect(daemon.director)?,
        thing_steps: vec![0; zones * THINGS as usize],
        tally: Tally::default(),
        avatars: 0,
    };
    for _ in 0..players {
        day.enter_new()?;
        day.settle(|tally, count| tally.present + 50 >= count)?;
    }
    day.settle(|tally, count| tally.present == count)?;
    day.tally.deliveries = 0;
    day.tally.delays = Delays::default();
    let full = rss(daemon.pid())?;
    let meter = Meter::start(daemon.pid())?;
    let late = day.run(ticks)?;
    let measured = meter.stop()?;
    let (deliveries, delays) = (day.tally.deliveries, std::mem::take(&mut day.tally.delays));
    day.settle(|tally, count| tally.present == count && tally.pings == 0)?;
    let sample = Sample::new(deliveries, measured, peak_rss(daemon.pid())?);
    Ok(Sample {
        latency: Latency::of(day.tally.times),
        rss_per_thing: Some(full.saturating_sub(empty) as f64 / players as f64),
        extra: vec![
            ("move_p50_ms", delays.percentile(0.5)),
            ("move_p90_ms", delays.percentile(0.9)),
            ("move_p99_ms", delays.percentile(0.99)),
            ("move_p999_ms", delays.percentile(0.999)),
            ("late_ms", late.as_secs_f64() * 1e3),
            ("log_ins", f64::from(day.avatars) - players as f64),
        ],
        ..sample
    })
}

struct Day<'a> {
    daemon: &'a Daemon,
    swarm: Swarm,
    players: Vec<Player>,
    zones: u32,
    shape: Shape,
    /// The link that moves things.
    things: Link,
    thing_steps: Vec<u32>,
    tally: Tally,
    /// How many avatars there ever were.
    avatars: u32,
}

/// What is counted over all players.
#[derive(Default)]
struct Tally {
    deliveries: usize,
    /// Players whose avatar they own and whose first interest is open.
    present: usize,
    /// Pings under way.
    pings: usize,
    times: Vec<Duration>,
    /// How long movements took to those who see them.
    delays: Delays,
}

impl Day<'_> {
    fn new_player(&mut self) -> Player {
        let avatar = FIRST_AVATAR + self.avatars;
        self.avatars += 1;
        Player::new(avatar, avatar % self.zones)
    }

    fn enter_new(&mut self) -> Result<()> {
        let player = self.new_player();
        self.players.push(player);
        let index = self.swarm.connect(self.daemon.client_agent)?;
        self.swarm.send(index, &hello())
    }

    /// A player goes, and another one comes.
    fn replace(&mut self, index: usize) -> Result<()> {
        self.swarm.send(index, Batch::default().client(msg::CLIENT_DISCONNECT, |_| ()))?;
        self.swarm.reconnect(index, self.daemon.client_agent)?;
        let player = self.new_player();
        let gone = std::mem::replace(&mut self.players[index], player);
        self.tally.present -= 1;
        self.tally.pings -= gone.pings.len();
        self.swarm.send(index, &hello())
    }

    fn poll(&mut self, timeout: Duration) -> Result<()> {
        let (players, tally) = (&mut self.players, &mut self.tally);
        self.swarm.poll(Some(timeout), |index, frame, answers| {
            tally.deliveries += 1;
            players[index].hear(frame, answers, tally)
        })?;
        ensure!(self.swarm.closed == 0, "{} players were dropped", self.swarm.closed);
        Ok(())
    }

    /// Polls until the tally and the number of players are as `done` wants.
    fn settle(&mut self, done: impl Fn(&Tally, usize) -> bool) -> Result<()> {
        let began = Instant::now();
        while !done(&self.tally, self.players.len()) {
            self.poll(TICK)?;
            let Tally { present, pings, .. } = self.tally;
            ensure!(
                began.elapsed() < STALL,
                "after {STALL:?} {present} of {} players are there, {pings} pings unanswered",
                self.players.len()
            );
        }
        Ok(())
    }

    /// Lets the clock run; returns by how much the bench itself was ever late.
    fn run(&mut self, ticks: usize) -> Result<Duration> {
        let began = Instant::now();
        let mut latest = Duration::ZERO;
        for tick in 0..ticks {
            let due = began + TICK * tick as u32;
            loop {
                let left = due.saturating_duration_since(Instant::now());
                self.poll(left)?;
                if left.is_zero() {
                    break;
                }
            }
            latest = latest.max(due.elapsed());
            for index in 0..self.players.len() {
                self.act(index, tick)?;
            }
            self.move_things(tick)?;
        }
        Ok(latest)
    }

    /// What a player does in this tick.
    fn act(&mut self, index: usize, tick: usize) -> Result<()> {
        let Shape { move_ticks, slowness, .. } = self.shape;
        let player = &mut self.players[index];
        // Numbers without a common divisor spread what players do over the ticks.
        let due = |every: usize, spread: usize| (tick + index * spread) % every == every - 1;
        if !player.present {
            return Ok(());
        }
        if due(STAY_TICKS * slowness, 7919) {
            return self.replace(index);
        }
        let mut batch = Batch::default();
        if (tick + self.shape.phase(index)) % move_ticks == move_ticks - 1 {
            player.walk_on(&mut batch);
        }
        if due(PING_TICKS * slowness, 37) {
            player.ping(&mut batch);
            self.tally.pings += 1;
        }
        if due(TALK_TICKS * slowness, 211) {
            player.set_field(&mut batch, dc::SAY, |b| put_str(b, "has anybody seen my hat?"));
        }
        if due(WALK_TICKS * slowness, 307) {
            player.zone = (player.zone + 1) % self.zones;
            batch.client(msg::CLIENT_OBJECT_LOCATION, |b| {
                b.put_u32_le(player.avatar);
                b.put_u32_le(WORLD);
                b.put_u32_le(player.zone);
            });
            batch.bytes.extend_from_slice(&interest(WORLD, player.zone).bytes);
        }
        if batch.bytes.is_empty() { Ok(()) } else { self.swarm.send(index, &batch) }
    }

    fn move_things(&mut self, tick: usize) -> Result<()> {
        let mut batch = Batch::default();
        for (thing, step) in self.thing_steps.iter_mut().enumerate() {
            if (tick + thing).is_multiple_of(THING_TICKS * self.shape.slowness) {
                *step += 1;
                set_place(&mut batch, FIRST_OBJECT + thing as u32, *step);
            }
        }
        self.things.send(&batch)
    }
}
