//! Scenarios of the message director alone: links that send to one another.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::{Buf, BufMut};

use crate::daemon::{Daemon, Roles};
use crate::link::{Barrier, Link, break_if};
use crate::process::{Meter, peak_rss, rss};
use crate::scenario::{Beside, Group, Latency, Run, Sample, Scenario};
use crate::swarm::Swarm;
use crate::wire::{Batch, envelope, msg};

const FIRST_CHANNEL: u64 = 20_000_000;
const SENDER: u64 = 19_000_000;
/// What a small datagram carries behind its header and its number: as much as a movement.
const SMALL_PAYLOAD: usize = 12;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "md_route",
        what: "one link floods 200,000 small datagrams to another",
        unit: "datagram",
        thing: "",
        group: Group::Table,
        has_clients: false,
        beside: &[Beside::Relay, Beside::Floor, Beside::Broker],
        run: |run| flood(run, run.scaled(200_000), SMALL_PAYLOAD),
    },
    Scenario {
        name: "md_fanout",
        what: "one sender, 100 subscribed links, 5,000 datagrams",
        unit: "delivery",
        thing: "",
        group: Group::Table,
        has_clients: false,
        beside: &[Beside::Relay, Beside::Floor, Beside::Broker],
        run: |run| fan_out(run, run.scaled(100), run.scaled(5_000)),
    },
    Scenario {
        name: "md_pingpong",
        what: "one datagram in flight between two links; latency of a round trip of two hops",
        unit: "hop",
        thing: "",
        group: Group::Table,
        has_clients: false,
        beside: &[Beside::Floor, Beside::Broker],
        run: ping_pong,
    },
    Scenario {
        name: "md_channels",
        what: "ten links subscribe 500,000 channels and 1,000 ranges, then 200,000 datagrams to them",
        unit: "datagram",
        thing: "channel",
        group: Group::Table,
        has_clients: false,
        beside: &[],
        run: channels,
    },
    Scenario {
        name: "md_large",
        what: "one link sends 5,000 datagrams of 60,000 bytes to another",
        unit: "datagram",
        thing: "",
        group: Group::Table,
        has_clients: false,
        beside: &[Beside::Relay, Beside::Floor],
        run: |run| flood(run, run.scaled(5_000), 60_000 - 23),
    },
];

/// Starts the relay or a daemon without roles.
fn start(run: &Run, receivers: usize) -> Result<Daemon> {
    if run.is_relay() { run.start_relay(receivers) } else { run.start(&Roles::default()) }
}

/// `count` datagrams to `channel`, each with its number and `payload` more bytes.
fn numbered(count: usize, channel: u64, payload: usize) -> Batch {
    let mut batch = Batch::default();
    for number in 0..count {
        batch.to(channel, SENDER, msg::BENCH, |b| {
            b.put_u32_le(number as u32);
            b.put_bytes(0x5a, payload);
        });
    }
    batch
}

/// Checks that a datagram is the next one and whole.
fn expect_next(mut frame: &[u8], next: &mut u32, payload: usize) -> Result<()> {
    let envelope = envelope(&mut frame)?;
    let number = frame.try_get_u32_le()?;
    ensure!(
        envelope.number == msg::BENCH && number == *next && frame.len() == payload,
        "datagram {number} where {next} should be"
    );
    *next += 1;
    Ok(())
}

fn flood(run: &Run, count: usize, payload: usize) -> Result<Sample> {
    if let Some(broker) = run.broker() {
        return broker.fan_out(1, count, payload);
    }
    let daemon = start(run, 1)?;
    let mut receiver = Link::connect(daemon.director)?;
    if !run.is_relay() {
        let mut barrier = Barrier::open(daemon.director)?;
        receiver.send(Batch::default().subscribe(FIRST_CHANNEL))?;
        barrier.pass(&mut receiver)?;
    }
    let sender = Link::connect(daemon.director)?.writer()?;
    let batch = numbered(count, FIRST_CHANNEL, payload);
    let meter = Meter::start(daemon.pid())?;
    thread::scope(|scope| {
        let writing = scope.spawn(|| (&sender).write_all(&batch.bytes));
        let mut next = 0;
        receiver.receive(|frame| {
            expect_next(frame, &mut next, payload)?;
            Ok(break_if(next == count as u32))
        })?;
        Ok::<_, anyhow::Error>(writing.join().expect("the writer does not panic")?)
    })?;
    Ok(Sample::new(count, meter.stop()?, peak_rss(daemon.pid())?))
}

fn fan_out(run: &Run, receivers: usize, count: usize) -> Result<Sample> {
    if let Some(broker) = run.broker() {
        return broker.fan_out(receivers, count, SMALL_PAYLOAD);
    }
    let daemon = start(run, receivers)?;
    let mut swarm = Swarm::new()?;
    for _ in 0..receivers {
        swarm.connect(daemon.director)?;
    }
    if !run.is_relay() {
        subscribe_swarm(&mut swarm, daemon.director)?;
    }
    let sender = Link::connect(daemon.director)?.writer()?;
    let batch = numbered(count, FIRST_CHANNEL, SMALL_PAYLOAD);
    let meter = Meter::start(daemon.pid())?;
    fan_in(&mut swarm, sender, &batch, receivers, count)?;
    Ok(Sample::new(receivers * count, meter.stop()?, peak_rss(daemon.pid())?))
}

/// Subscribes every connection of the swarm to one channel, and waits until all of them are.
fn subscribe_swarm(swarm: &mut Swarm, director: SocketAddr) -> Result<()> {
    // A link of the swarm is not a `Link`, so each reports to one on a channel of its own.
    const REPORTS: u64 = FIRST_CHANNEL - 1;
    let mut barrier = Barrier::open(director)?;
    let mut reports = Link::connect(director)?;
    reports.send(Batch::default().subscribe(REPORTS))?;
    barrier.pass(&mut reports)?;
    let mut subscription = Batch::default();
    subscription.subscribe(FIRST_CHANNEL).to(REPORTS, 0, msg::BARRIER, |_| ());
    for index in 0..swarm.len() {
        swarm.send(index, &subscription)?;
    }
    let mut left = swarm.len();
    reports.receive(|_| {
        left -= 1;
        Ok(break_if(left == 0))
    })
}

fn fan_in(
    swarm: &mut Swarm,
    sender: std::net::TcpStream,
    batch: &Batch,
    receivers: usize,
    count: usize,
) -> Result<()> {
    thread::scope(|scope| {
        let writing = scope.spawn(|| (&sender).write_all(&batch.bytes));
        let mut state = (vec![0; receivers], receivers);
        swarm.run_until(
            &mut state,
            |(_, left)| *left == 0,
            |(next, left), index, frame, _| {
                expect_next(frame, &mut next[index], SMALL_PAYLOAD)?;
                *left -= usize::from(next[index] == count as u32);
                Ok(())
            },
        )?;
        Ok(writing.join().expect("the writer does not panic")?)
    })
}

fn ping_pong(run: &Run) -> Result<Sample> {
    let rounds = run.scaled(20_000);
    if let Some(broker) = run.broker() {
        return broker.ping_pong(rounds, SMALL_PAYLOAD);
    }
    let daemon = start(run, 0)?;
    let mut barrier = Barrier::open(daemon.director)?;
    let mut near = Link::connect(daemon.director)?;
    let mut far = Link::connect(daemon.director)?;
    for (link, channel) in [(&mut near, FIRST_CHANNEL), (&mut far, FIRST_CHANNEL + 1)] {
        link.send(Batch::default().subscribe(channel))?;
        barrier.pass(link)?;
    }
    let ping = numbered(1, FIRST_CHANNEL + 1, SMALL_PAYLOAD);
    let pong = numbered(1, FIRST_CHANNEL, SMALL_PAYLOAD);
    let one = |frame: &[u8]| expect_next(frame, &mut 0, SMALL_PAYLOAD).map(|()| break_if(true));
    let mut times = Vec::with_capacity(rounds);
    let meter = thread::scope(|scope| {
        // The far link has a thread of its own, as a server process would.
        let answering = scope.spawn(move || {
            (0..rounds).try_for_each(|_| {
                far.receive(one)?;
                far.send(&pong)
            })
        });
        let meter = Meter::start(daemon.pid())?;
        for _ in 0..rounds {
            let sent = Instant::now();
            near.send(&ping)?;
            near.receive(one)?;
            times.push(sent.elapsed());
        }
        let measured = meter.stop()?;
        answering.join().expect("the answering thread does not panic")?;
        Ok::<_, anyhow::Error>(measured)
    })?;
    let sample = Sample::new(2 * rounds, meter, peak_rss(daemon.pid())?);
    Ok(Sample { latency: Latency::of(times), ..sample })
}

/// Links that share the channels of md_channels.
const LINKS: usize = 10;
const RANGE_WIDTH: u64 = 100;

fn channels(run: &Run) -> Result<Sample> {
    let singles = run.scaled(500_000).next_multiple_of(LINKS);
    let ranges = run.scaled(1_000).next_multiple_of(LINKS);
    let daemon = start(run, 0)?;
    let mut barrier = Barrier::open(daemon.director)?;
    let mut links = Vec::new();
    for _ in 0..LINKS {
        let mut link = Link::connect(daemon.director)?;
        Barrier::post_remove(&mut link)?;
        barrier.pass(&mut link)?;
        links.push(link);
    }
    let plan = Plan { singles, ranges };
    let subscriptions: Vec<Batch> = (0..LINKS).map(|link| plan.subscriptions(link)).collect();
    let before = rss(daemon.pid())?;
    let meter = Meter::start(daemon.pid())?;
    for (link, batch) in links.iter_mut().zip(&subscriptions) {
        link.send(batch)?;
    }
    for link in &mut links {
        barrier.pass(link)?;
    }
    let subscribing = meter.stop()?;
    let per_channel = rss(daemon.pid())?.saturating_sub(before) as f64 / (singles + ranges) as f64;

    let count = run.scaled(200_000);
    let measured = route_among(&daemon, &plan, &mut links, count)?;
    let peak = peak_rss(daemon.pid())?;
    let leaving = Instant::now();
    drop(links);
    barrier.removals(LINKS)?;
    let left = leaving.elapsed();
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / (singles + ranges) as f64;
    Ok(Sample {
        rss_per_thing: Some(per_channel),
        extra: vec![
            ("subscribe_s", subscribing.wall.as_secs_f64()),
            ("subscribe_cpu_us", micros(subscribing.cpu.unwrap_or_default())),
            ("unsubscribe_s", left.as_secs_f64()),
        ],
        ..Sample::new(count, measured, peak)
    })
}

/// Who has which channel: singles and ranges are dealt out to the links in turn.
struct Plan {
    singles: usize,
    ranges: usize,
}

impl Plan {
    fn range(&self, range: usize) -> u64 {
        FIRST_CHANNEL + self.singles as u64 + range as u64 * RANGE_WIDTH
    }

    fn subscriptions(&self, link: usize) -> Batch {
        let mut batch = Batch::default();
        for single in (link..self.singles).step_by(LINKS) {
            batch.subscribe(FIRST_CHANNEL + single as u64);
        }
        for range in (link..self.ranges).step_by(LINKS) {
            batch.control(msg::ADD_RANGE, |b| {
                b.put_u64_le(self.range(range));
                b.put_u64_le(self.range(range) + RANGE_WIDTH - 1);
            });
        }
        batch
    }

    /// The channel that datagram `number` goes to, and the link that has it. The golden ratio's
    /// multiples are spread evenly, so neighbours in time are no neighbours in the table.
    fn target(&self, number: usize) -> (u64, usize) {
        let spread = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        if number % 5 == 4 {
            let range = spread as usize % self.ranges;
            (self.range(range) + spread % RANGE_WIDTH, range % LINKS)
        } else {
            let single = spread as usize % self.singles;
            (FIRST_CHANNEL + single as u64, single % LINKS)
        }
    }
}

fn route_among(
    daemon: &Daemon,
    plan: &Plan,
    links: &mut [Link],
    count: usize,
) -> Result<crate::process::Measured> {
    let mut batch = Batch::default();
    let mut expected = vec![Vec::new(); LINKS];
    for number in 0..count {
        let (channel, link) = plan.target(number);
        expected[link].push(number as u32);
        batch.to(channel, SENDER, msg::BENCH, |b| {
            b.put_u32_le(number as u32);
            b.put_bytes(0x5a, SMALL_PAYLOAD);
        });
    }
    let sender = Link::connect(daemon.director)?.writer()?;
    let meter = Meter::start(daemon.pid())?;
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for (link, expected) in links.iter_mut().zip(&expected) {
            threads.push(scope.spawn(move || receive_all(link, expected)));
        }
        (&sender).write_all(&batch.bytes)?;
        threads.into_iter().try_for_each(|t| t.join().expect("receivers do not panic"))
    })?;
    meter.stop()
}

/// Receives exactly the datagrams with these numbers, in this order.
fn receive_all(link: &mut Link, expected: &[u32]) -> Result<()> {
    let mut left = expected.iter();
    if expected.is_empty() {
        return Ok(());
    }
    link.receive(|frame| {
        let mut next = *left.next().expect("the loop ends at the last");
        expect_next(frame, &mut next, SMALL_PAYLOAD)?;
        Ok(break_if(left.len() == 0))
    })
}
