//! Scenarios of the client agent, with a state server behind it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use bytes::{Buf, BufMut};

use crate::clients::{Clients, unexpected};
use crate::daemon::{ClientAgent, Daemon, FIRST_OBJECT, GATE, Roles, WORLD};
use crate::link::{Barrier, Link, break_if};
use crate::objects::{await_created, create, create_world, expect_place, put_place, set_place};
use crate::process::{Measured, Meter, open_files_max, peak_rss, rss};
use crate::scenario::{Beside, Group, Latency, Run, Sample, Scenario};
use crate::swarm::Swarm;
use crate::wire::{Batch, dc, envelope, msg};

/// The zone that clients look at.
pub const ZONE: u32 = 1;
/// A zone that nobody looks at.
const ELSEWHERE: u32 = 2;

const fn scenario(
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    group: Group,
    run: fn(&Run) -> Result<Sample>,
) -> Scenario {
    let (has_clients, beside) = (true, &[Beside::Floor]);
    Scenario { name, what, unit, thing: "", group, has_clients, beside, run }
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        thing: "client",
        ..scenario(
            "ca_idle",
            "2,000 clients connect and log in; latency of that",
            "client",
            Group::Table,
            |run| idle(run, run.scaled(2_000), ClientAgent::default()),
        )
    },
    Scenario {
        beside: &[Beside::Relay, Beside::Floor],
        ..scenario(
            "ca_zone",
            "an AI updates 50 objects 10,000 times in a zone that 200 clients see",
            "delivery",
            Group::Table,
            |run| zone(run, run.scaled(200), run.scaled(10_000), ClientAgent::default()),
        )
    },
    scenario(
        "ca_interest",
        "100 clients open a zone of 1,000 objects; latency until it is done",
        "entry",
        Group::Table,
        |run| interest(run, 100, 1_000, 0, patient()),
    ),
    scenario(
        "ca_upstream",
        "200 clients send 500 updates each to an UberDOG",
        "update",
        Group::Table,
        |run| upstream(run, run.scaled(200), 500),
    ),
    Scenario {
        thing: "client",
        ..scenario(
            "ca_idle_10k",
            "10,000 clients, or as many as files may be open, connect and log in",
            "client",
            Group::Check,
            |run| {
                let count = run.scaled(10_000).min(open_files_max().saturating_sub(200));
                idle(run, count, ClientAgent::default())
            },
        )
    },
    scenario(
        "ca_zone_x10",
        "ca_zone at ten times the volume: its peak memory should be the same",
        "delivery",
        Group::Check,
        |run| zone(run, run.scaled(200), run.scaled(100_000), ClientAgent::default()),
    ),
    scenario(
        "ca_upstream_x10",
        "ca_upstream at ten times the volume: its peak memory should be the same",
        "update",
        Group::Check,
        |run| upstream(run, run.scaled(200), 5_000),
    ),
    scenario(
        "ca_interest_elsewhere",
        "ca_interest with 20,000 more children of the parent in another zone",
        "entry",
        Group::Check,
        |run| interest(run, 100, 1_000, 20_000, patient()),
    ),
    scenario(
        "ca_interest_8000",
        "100 clients open a zone of 8,000 objects, with default limits",
        "entry",
        Group::Check,
        |run| interest(run, 100, 8_000, 0, ClientAgent::default()),
    ),
    scenario(
        "ca_interest_4000",
        "100 clients open a zone of 4,000 objects, with default limits",
        "entry",
        Group::Check,
        |run| interest(run, 100, 4_000, 0, ClientAgent::default()),
    ),
];

/// Limits under which a slow daemon also ends: comparing needs a result.
fn patient() -> ClientAgent {
    ClientAgent {
        interest_timeout_ms: Some(120_000),
        write_buffer_bytes: Some(64 << 20),
        ..ClientAgent::default()
    }
}

/// A daemon with clients that have logged in.
pub struct Stage {
    pub daemon: Daemon,
    pub clients: Clients,
}

impl Stage {
    /// A world with objects in it, by zone and number, and clients that see nothing yet.
    pub fn set(
        run: &Run,
        options: ClientAgent,
        clients: usize,
        objects: &[(u32, usize)],
    ) -> Result<Stage> {
        let roles = Roles { client_agent: Some(options), ..Roles::clients() };
        let daemon = run.start(&roles)?;
        let mut barrier = Barrier::open(daemon.director)?;
        let mut stage = Stage { clients: Clients::new(&daemon, &mut barrier)?, daemon };
        let mut batch = Batch::default();
        create_world(&mut batch);
        let mut last = WORLD;
        for (zone, count) in objects {
            for _ in 0..*count {
                last = if last == WORLD { FIRST_OBJECT } else { last + 1 };
                create(&mut batch, dc::THING, last, *zone);
            }
        }
        stage.clients.ai.send(&batch)?;
        await_created(&mut stage.clients.ai, last)?;
        stage.clients.log_in(clients)?;
        Ok(stage)
    }

    fn sample(&self, units: usize, measured: Measured) -> Result<Sample> {
        Ok(Sample::new(units, measured, peak_rss(self.daemon.pid())?))
    }
}

fn idle(run: &Run, count: usize, options: ClientAgent) -> Result<Sample> {
    let daemon = run.start(&Roles { client_agent: Some(options), ..Roles::clients() })?;
    let mut barrier = Barrier::open(daemon.director)?;
    let mut clients = Clients::new(&daemon, &mut barrier)?;
    let before = rss(daemon.pid())?;
    let meter = Meter::start(daemon.pid())?;
    let times = clients.log_in(count)?;
    let measured = meter.stop()?;
    let grown = rss(daemon.pid())?.saturating_sub(before);
    Ok(Sample {
        latency: Latency::of(times),
        rss_per_thing: Some(grown as f64 / count as f64),
        ..Sample::new(count, measured, peak_rss(daemon.pid())?)
    })
}

/// Objects that the AI moves.
const MOVING: u32 = 50;

fn zone(run: &Run, count: usize, updates: usize, options: ClientAgent) -> Result<Sample> {
    if run.is_relay() {
        return relay_zone(run, count, updates);
    }
    let objects = [(ZONE, MOVING as usize)];
    let mut stage = Stage::set(run, options, count, &objects)?;
    stage.clients.open_interest(WORLD, ZONE, MOVING as usize)?;
    let mut batch = Batch::default();
    for number in 0..updates as u32 {
        set_place(&mut batch, FIRST_OBJECT + number % MOVING, number);
    }
    let writer = stage.clients.ai.writer()?;
    let meter = Meter::start(stage.daemon.pid())?;
    deliver(&mut stage.clients.swarm, &writer, &batch, updates)?;
    stage.sample(count * updates, meter.stop()?)
}

/// The relay gets what clients would get, since it translates nothing.
fn relay_zone(run: &Run, count: usize, updates: usize) -> Result<Sample> {
    let daemon = run.start_relay(count)?;
    let mut swarm = Swarm::new()?;
    for _ in 0..count {
        swarm.connect(daemon.director)?;
    }
    let writer = Link::connect(daemon.director)?.writer()?;
    let mut batch = Batch::default();
    for number in 0..updates as u32 {
        batch.client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
            b.put_u32_le(FIRST_OBJECT + number % MOVING);
            b.put_u16_le(dc::SET_PLACE);
            put_place(b, number);
        });
    }
    let meter = Meter::start(daemon.pid())?;
    deliver(&mut swarm, &writer, &batch, updates)?;
    Ok(Sample::new(count * updates, meter.stop()?, peak_rss(daemon.pid())?))
}

/// Writes the updates and returns when every client has got each of them in order.
fn deliver(
    swarm: &mut Swarm,
    writer: &std::net::TcpStream,
    batch: &Batch,
    updates: usize,
) -> Result<()> {
    let mut state = (vec![0; swarm.len()], swarm.len());
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut writer = writer;
            writer.write_all(&batch.bytes)
        });
        swarm.run_until(
            &mut state,
            |(_, left)| *left == 0,
            |(next, left), index, mut frame, _| {
                let number: u32 = next[index];
                if frame.first_chunk() != Some(&msg::CLIENT_OBJECT_SET_FIELD.to_le_bytes()) {
                    bail!(unexpected(frame));
                }
                frame.advance(2);
                expect_place(&mut frame, FIRST_OBJECT + number % MOVING, number)?;
                next[index] += 1;
                *left -= usize::from(next[index] == updates as u32);
                Ok(())
            },
        )?;
        Ok(writing.join().expect("the writer does not panic")?)
    })
}

fn interest(
    run: &Run,
    clients: usize,
    objects: usize,
    elsewhere: usize,
    options: ClientAgent,
) -> Result<Sample> {
    let (clients, objects) = (run.scaled(clients), run.scaled(objects));
    let elsewhere = if elsewhere == 0 { 0 } else { run.scaled(elsewhere) };
    let things = [(ZONE, objects), (ELSEWHERE, elsewhere)];
    let mut stage = Stage::set(run, options, clients, &things)?;
    let meter = Meter::start(stage.daemon.pid())?;
    let times = stage.clients.open_interest(WORLD, ZONE, objects)?;
    let sample = stage.sample(clients * objects, meter.stop()?)?;
    Ok(Sample { latency: Latency::of(times), ..sample })
}

fn upstream(run: &Run, count: usize, each: u32) -> Result<Sample> {
    let mut stage = Stage::set(run, ClientAgent::default(), count, &[])?;
    let batches: Vec<Batch> = (0..count as u32).map(|client| reports(client, each)).collect();
    let Clients { swarm, ai, channels, .. } = &mut stage.clients;
    let finished = AtomicBool::new(false);
    let meter = Meter::start(stage.daemon.pid())?;
    let measured = thread::scope(|scope| {
        let receiving = scope.spawn(|| {
            let outcome = receive_reports(ai, channels, each).and_then(|()| meter.stop());
            finished.store(true, Ordering::Relaxed);
            outcome
        });
        for (index, batch) in batches.iter().enumerate() {
            swarm.send(index, batch)?;
        }
        // What sockets did not take is written as they become writable.
        while !finished.load(Ordering::Relaxed) {
            swarm.poll(Some(Duration::from_millis(20)), |_, frame, _| bail!(unexpected(frame)))?;
            ensure!(swarm.closed == 0, "{} clients were dropped", swarm.closed);
        }
        receiving.join().expect("the receiver does not panic")
    })?;
    stage.sample(count * each as usize, measured)
}

/// A client's updates of the UberDOG.
fn reports(client: u32, count: u32) -> Batch {
    let mut batch = Batch::default();
    for number in 0..count {
        batch.client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
            b.put_u32_le(GATE);
            b.put_u16_le(dc::REPORT);
            b.put_u32_le(client);
            b.put_u32_le(number);
        });
    }
    batch
}

/// Each client's reports arrive in order and from its channel.
fn receive_reports(ai: &mut Link, channels: &[u64], each: u32) -> Result<()> {
    let mut next = vec![0; channels.len()];
    let mut left = channels.len() * each as usize;
    ai.receive(|mut frame| {
        let envelope = envelope(&mut frame)?;
        let target = (frame.try_get_u32_le()?, frame.try_get_u16_le()?);
        ensure!(target == (GATE, dc::REPORT), "an update of {target:?}");
        let (client, number) = (frame.try_get_u32_le()? as usize, frame.try_get_u32_le()?);
        ensure!(envelope.sender == channels[client], "client {client} from {}", envelope.sender);
        ensure!(number == next[client], "report {number} where {} should be", next[client]);
        next[client] += 1;
        left -= 1;
        Ok(break_if(left == 0))
    })
}
