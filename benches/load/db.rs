//! Scenarios of the database server: 256 requests are always in flight, since a game's log-ins do
//! not wait for one another.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::{Buf, BufMut};

use crate::clients::AI;
use crate::daemon::{DATABASE, Daemon, Roles};
use crate::link::{Barrier, Link, break_if};
use crate::process::{Meter, peak_rss};
use crate::scenario::{Group, Latency, Run, Sample, Scenario};
use crate::wire::{Batch, database_to_object, dc, envelope, msg, put_str};

/// Operations in one run.
const OPERATIONS: usize = 20_000;
/// Requests that wait for their answer at any time.
const IN_FLIGHT: usize = 256;
/// Objects that db_get_all reads.
const STORED: usize = 1_000;

const fn scenario(
    name: &'static str,
    what: &'static str,
    run: fn(&Run) -> Result<Sample>,
) -> Scenario {
    let (unit, thing, group) = ("operation", "", Group::Table);
    Scenario { name, what, unit, thing, group, has_clients: false, beside: &[], run }
}

pub const SCENARIOS: &[Scenario] = &[
    scenario(
        "db_create",
        "20,000 objects are created, 256 requests in flight; latency of one",
        db_create,
    ),
    scenario(
        "db_set",
        "20,000 updates of two fields, 256 objects at a time; latency until it is announced",
        db_set,
    ),
    scenario(
        "db_get_all",
        "20,000 times all of an object, 256 requests in flight; latency of one",
        db_get_all,
    ),
];

fn db_create(run: &Run) -> Result<Sample> {
    let (daemon, mut link) = start(run)?;
    let meter = Meter::start(daemon.pid())?;
    let (objects, times) = create(&mut link, run.scaled(OPERATIONS))?;
    let sample = sample(&daemon, meter, times)?;
    get_all(&mut link, &objects, objects.len(), 0)?;
    Ok(sample)
}

fn db_set(run: &Run) -> Result<Sample> {
    let (daemon, mut link) = start(run)?;
    let (objects, _) = create(&mut link, IN_FLIGHT)?;
    let rounds = run.scaled(OPERATIONS).div_ceil(IN_FLIGHT) as u32;
    let meter = Meter::start(daemon.pid())?;
    let times = set(&mut link, &objects, rounds)?;
    let sample = sample(&daemon, meter, times)?;
    get_all(&mut link, &objects, objects.len(), rounds)?;
    Ok(sample)
}

fn db_get_all(run: &Run) -> Result<Sample> {
    let (daemon, mut link) = start(run)?;
    let (objects, _) = create(&mut link, run.scaled(STORED).max(IN_FLIGHT))?;
    let meter = Meter::start(daemon.pid())?;
    let times = get_all(&mut link, &objects, run.scaled(OPERATIONS), 0)?;
    sample(&daemon, meter, times)
}

/// A daemon with a database, and a link that hears answers and announcements.
fn start(run: &Run) -> Result<(Daemon, Link)> {
    let daemon = run.start(&Roles { database: true, ..Roles::default() })?;
    let mut barrier = Barrier::open(daemon.director)?;
    let mut link = Link::connect(daemon.director)?;
    link.send(Batch::default().subscribe(AI).control(msg::ADD_RANGE, |b| {
        b.put_u64_le(database_to_object(0));
        b.put_u64_le(database_to_object(u32::MAX));
    }))?;
    barrier.pass(&mut link)?;
    Ok((daemon, link))
}

fn sample(daemon: &Daemon, meter: Meter, times: Vec<Duration>) -> Result<Sample> {
    let measured = meter.stop()?;
    let sample = Sample::new(times.len(), measured, peak_rss(daemon.pid())?);
    Ok(Sample { latency: Latency::of(times), ..sample })
}

/// The db fields of account `number` after its `round`th update, as GET_ALL has them.
fn put_fields(b: &mut Vec<u8>, number: u32, round: u32) {
    b.put_u16_le(3);
    put_name_and_money(b, number, round);
    b.put_u16_le(dc::SET_FRIENDS);
    b.put_u16_le(12);
    (1..=3).for_each(|friend| b.put_u32_le(number + friend));
}

fn put_name_and_money(b: &mut Vec<u8>, number: u32, round: u32) {
    b.put_u16_le(dc::SET_NAME);
    put_str(b, &format!("account {number} in round {round}"));
    b.put_u16_le(dc::SET_MONEY);
    b.put_u32_le(round);
}

/// Creates accounts and returns their ids by number, and how long each took.
fn create(link: &mut Link, count: usize) -> Result<(Vec<u32>, Vec<Duration>)> {
    let mut objects = vec![0; count];
    let times = in_flight(
        link,
        count,
        |batch, number| {
            batch.to(DATABASE, AI, msg::DB_CREATE_OBJECT, |b| {
                b.put_u32_le(number);
                b.put_u16_le(dc::ACCOUNT);
                put_fields(b, number, 0);
            });
        },
        |number, frame| {
            if number != msg::DB_CREATE_OBJECT_RESP {
                return Ok(None);
            }
            let context = frame.try_get_u32_le()?;
            let doid = frame.try_get_u32_le()?;
            ensure!(doid != 0, "object {context} was not created");
            *objects.get_mut(context as usize).context("a foreign context")? = doid;
            Ok(Some(context))
        },
    )?;
    let mut distinct = objects.clone();
    distinct.sort_unstable();
    distinct.dedup();
    ensure!(distinct.len() == count, "{} ids for {count} objects", distinct.len());
    Ok((objects, times))
}

/// Reads accounts in turn and checks every byte.
fn get_all(link: &mut Link, objects: &[u32], count: usize, round: u32) -> Result<Vec<Duration>> {
    let mut expected = Vec::new();
    in_flight(
        link,
        count,
        |batch, number| {
            batch.to(DATABASE, AI, msg::DB_OBJECT_GET_ALL, |b| {
                b.put_u32_le(number);
                b.put_u32_le(objects[number as usize % objects.len()]);
            });
        },
        |number, frame| {
            if number != msg::DB_OBJECT_GET_ALL_RESP {
                return Ok(None);
            }
            let context = frame.try_get_u32_le()?;
            expected.clear();
            expected.put_u8(1);
            expected.put_u16_le(dc::ACCOUNT);
            put_fields(&mut expected, context % objects.len() as u32, round);
            ensure!(*frame == expected, "account {context} is {frame:?}, not {expected:?}");
            Ok(Some(context))
        },
    )
}

/// Sends requests 0 to `count`, and the next one whenever one is answered. `answered` says which,
/// if the datagram is an answer at all. Returns how long each request took.
fn in_flight(
    link: &mut Link,
    count: usize,
    mut request: impl FnMut(&mut Batch, u32),
    mut answered: impl FnMut(u16, &mut &[u8]) -> Result<Option<u32>>,
) -> Result<Vec<Duration>> {
    let mut batch = Batch::default();
    let mut sent = vec![Some(Instant::now()); IN_FLIGHT.min(count)];
    (0..sent.len() as u32).for_each(|number| request(&mut batch, number));
    link.send(&batch)?;
    let mut times = Vec::with_capacity(count);
    link.exchange(|mut frame, requests| {
        let number = envelope(&mut frame)?.number;
        let Some(context) = answered(number, &mut frame)? else {
            return Ok(ControlFlow::Continue(()));
        };
        let began = sent.get_mut(context as usize).and_then(Option::take);
        times.push(began.with_context(|| format!("request {context} answered twice"))?.elapsed());
        if sent.len() < count {
            request(requests, sent.len() as u32);
            sent.push(Some(Instant::now()));
        }
        Ok(break_if(times.len() == count))
    })?;
    Ok(times)
}

/// Updates every object `rounds` times, each as soon as its last update is announced.
fn set(link: &mut Link, objects: &[u32], rounds: u32) -> Result<Vec<Duration>> {
    let request = |batch: &mut Batch, number: usize, round: u32| {
        batch.to(DATABASE, AI, msg::DB_OBJECT_SET_FIELDS, |b| {
            b.put_u32_le(objects[number]);
            b.put_u16_le(2);
            put_name_and_money(b, number as u32, round);
        });
    };
    let numbers: std::collections::HashMap<u32, usize> = objects.iter().copied().zip(0..).collect();
    let mut batch = Batch::default();
    (0..objects.len()).for_each(|number| request(&mut batch, number, 1));
    let mut state = vec![(1, Instant::now()); objects.len()];
    link.send(&batch)?;
    let mut times = Vec::with_capacity(objects.len() * rounds as usize);
    let mut expected = Vec::new();
    link.exchange(|mut frame, requests| {
        let kind = envelope(&mut frame)?.number;
        ensure!(kind == msg::DB_OBJECT_SET_FIELDS, "message {kind} instead of an announcement");
        let doid = frame.try_get_u32_le()?;
        let number = *numbers.get(&doid).context("an update of a foreign object")?;
        let (round, began) = &mut state[number];
        expected.clear();
        expected.put_u16_le(2);
        put_name_and_money(&mut expected, number as u32, *round);
        ensure!(frame == expected, "the announcement of {doid} is {frame:?}, not {expected:?}");
        times.push(began.elapsed());
        if *round < rounds {
            *round += 1;
            *began = Instant::now();
            request(requests, number, *round);
        }
        Ok(break_if(times.len() == objects.len() * rounds as usize))
    })?;
    Ok(times)
}
