//! A mixed day: players walk between zones, move, talk, come and go, while an AI moves things.
//!
//! What each player sees is checked: an object enters with its latest step, and from then on not
//! one of its steps may be missing until it leaves; every ping is answered once, in order.

use std::collections::{HashMap, VecDeque};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut};

use crate::clients::{AI, hello, interest, login_request, unexpected};
use crate::daemon::{Daemon, FIRST_OBJECT, GATE, Roles, WORLD};
use crate::link::{Barrier, Link, STALL};
use crate::objects::{await_created, create, create_world, put_place, set_place};
use crate::process::{Meter, peak_rss};
use crate::scenario::{Group, Latency, Run, Sample, Scenario};
use crate::swarm::Swarm;
use crate::wire::{Batch, dc, msg, put_str};
use crate::world_ai;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "world",
    what: "1,000 players in 100 zones for ten seconds: moving at 10 Hz, walking between zones, \
           talking, coming and going; latency of a ping client, AI, client",
    unit: "delivery",
    thing: "",
    group: Group::Table,
    relay: false,
    run: world,
}];

/// The clock of the world: who does what is decided once in each. Short, so that the load is even
/// and not a burst ten times a second.
const TICK: Duration = Duration::from_millis(2);
/// Ticks between two movements of a player.
const MOVE_TICKS: usize = 50;
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

fn world(run: &Run) -> Result<Sample> {
    let (players, zones) = (run.scaled(1_000), run.scaled(100) as u32);
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
        let serving = scope.spawn(|| world_ai::serve(ai, &stop, |doid| doid % zones));
        let outcome = live(&daemon, players, zones, ticks);
        stop.store(true, Ordering::Relaxed);
        end.shutdown(Shutdown::Both)?;
        serving.join().expect("the AI does not panic")?;
        outcome
    })
}

/// Lets everybody in, then measures the day.
fn live(daemon: &Daemon, players: usize, zones: u32, ticks: usize) -> Result<Sample> {
    let mut day = Day {
        daemon,
        swarm: Swarm::new()?,
        players: Vec::with_capacity(players),
        zones,
        things: Link::connect(daemon.director)?,
        thing_steps: vec![0; (zones * THINGS) as usize],
        tally: Tally::default(),
        avatars: 0,
    };
    for _ in 0..players {
        day.enter_new()?;
        day.settle(|tally, count| tally.present + 50 >= count)?;
    }
    day.settle(|tally, count| tally.present == count)?;
    day.tally.deliveries = 0;
    let meter = Meter::start(daemon.pid())?;
    let late = day.run(ticks)?;
    let measured = meter.stop()?;
    let deliveries = day.tally.deliveries;
    day.settle(|tally, count| tally.present == count && tally.pings == 0)?;
    let sample = Sample::new(deliveries, measured, peak_rss(daemon.pid())?);
    Ok(Sample {
        latency: Latency::of(day.tally.times),
        extra: vec![
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
}

struct Player {
    avatar: u32,
    zone: u32,
    /// The avatar's latest movement.
    step: u32,
    /// What is missing until it may act: its welcome and its avatar.
    awaited: u8,
    present: bool,
    /// The latest step of everything that it sees.
    seen: HashMap<u32, u32>,
    pings: VecDeque<(u32, Instant)>,
    pinged: u32,
}

impl Day<'_> {
    fn new_player(&mut self) -> Player {
        let avatar = FIRST_AVATAR + self.avatars;
        self.avatars += 1;
        Player {
            avatar,
            zone: avatar % self.zones,
            step: 0,
            awaited: 2,
            present: false,
            seen: HashMap::new(),
            pings: VecDeque::new(),
            pinged: 0,
        }
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
        let player = &mut self.players[index];
        // Numbers without a common divisor spread what players do over the ticks.
        let due = |every: usize, spread: usize| (tick + index * spread) % every == every - 1;
        if !player.present {
            return Ok(());
        }
        if due(STAY_TICKS, 7919) {
            return self.replace(index);
        }
        let mut batch = Batch::default();
        if due(MOVE_TICKS, 1) {
            player.step += 1;
            let step = player.step;
            player.set_field(&mut batch, dc::SET_PLACE, |b| put_place(b, step));
        }
        if due(PING_TICKS, 37) {
            player.pinged += 1;
            let number = player.pinged;
            player.pings.push_back((number, Instant::now()));
            self.tally.pings += 1;
            player.set_field(&mut batch, dc::PING, |b| b.put_u32_le(number));
        }
        if due(TALK_TICKS, 211) {
            player.set_field(&mut batch, dc::SAY, |b| put_str(b, "has anybody seen my hat?"));
        }
        if due(WALK_TICKS, 307) {
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
            if (tick + thing).is_multiple_of(THING_TICKS) {
                *step += 1;
                set_place(&mut batch, FIRST_OBJECT + thing as u32, *step);
            }
        }
        self.things.send(&batch)
    }
}

impl Player {
    fn set_field(&self, batch: &mut Batch, field: u16, value: impl FnOnce(&mut Vec<u8>)) {
        batch.client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
            b.put_u32_le(self.avatar);
            b.put_u16_le(field);
            value(b);
        });
    }

    fn hear(&mut self, whole: &[u8], answers: &mut Batch, tally: &mut Tally) -> Result<()> {
        let mut frame = whole;
        match frame.try_get_u16_le()? {
            msg::CLIENT_HELLO_RESP => {
                answers.bytes.extend_from_slice(&login_request(self.avatar).bytes);
            }
            msg::CLIENT_WELCOME
            | msg::CLIENT_ENTER_OBJECT_REQUIRED_OWNER
            | msg::CLIENT_ENTER_OBJECT_REQUIRED_OTHER_OWNER => {
                ensure!(frame.try_get_u32_le()? == self.avatar, "another player's avatar");
                self.awaited = self.awaited.checked_sub(1).context("owned or welcome twice")?;
                if self.awaited == 0 {
                    answers.bytes.extend_from_slice(&interest(WORLD, self.zone).bytes);
                }
            }
            msg::CLIENT_DONE_INTEREST_RESP => {
                tally.present += usize::from(!self.present);
                self.present = true;
            }
            msg::CLIENT_ENTER_OBJECT_REQUIRED | msg::CLIENT_ENTER_OBJECT_REQUIRED_OTHER => {
                self.see_enter(frame)?;
            }
            msg::CLIENT_OBJECT_LEAVING => {
                let doid = frame.try_get_u32_le()?;
                ensure!(self.seen.remove(&doid).is_some(), "{doid} left without being there");
            }
            msg::CLIENT_OBJECT_SET_FIELD => self.hear_update(frame, tally)?,
            // An object that went from one visible zone to another.
            msg::CLIENT_OBJECT_LOCATION => {}
            _ => bail!(unexpected(whole)),
        }
        Ok(())
    }

    /// `doid, parent, zone, class`, then the label and the place.
    fn see_enter(&mut self, mut frame: &[u8]) -> Result<()> {
        let doid = frame.try_get_u32_le()?;
        ensure!(frame.len() >= 12, "an entry without a label");
        frame.advance(10);
        let label = usize::from(frame.get_u16_le());
        let place = frame.get(label..label + 12).context("an entry without a place")?;
        let step = (&place[8..]).get_u32_le();
        ensure!(self.seen.insert(doid, step).is_none(), "{doid} entered twice");
        Ok(())
    }

    fn hear_update(&mut self, mut frame: &[u8], tally: &mut Tally) -> Result<()> {
        let (doid, field) = (frame.try_get_u32_le()?, frame.try_get_u16_le()?);
        match field {
            dc::SET_PLACE => {
                ensure!(frame.len() == 12, "a place of {} bytes", frame.len());
                frame.advance(8);
                let step = frame.get_u32_le();
                let last = self.seen.get_mut(&doid).context("an update of an unseen object")?;
                // What was queued while an interest opened may already be in the entry.
                ensure!(step <= *last + 1, "{doid} went from step {last} to {step}");
                *last = step.max(*last);
            }
            dc::PONG => {
                let number = frame.try_get_u32_le()?;
                let (pinged, began) = self.pings.pop_front().context("a pong without a ping")?;
                ensure!(doid == self.avatar && number == pinged, "pong {number}, not {pinged}");
                tally.times.push(began.elapsed());
                tally.pings -= 1;
            }
            dc::SAY => ensure!(self.seen.contains_key(&doid), "{doid} spoke unseen"),
            _ => bail!("field {field} of {doid}"),
        }
        Ok(())
    }
}
