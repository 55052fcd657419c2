//! Scenarios of the state server.

use std::io::Write;
use std::thread;

use anyhow::{Result, ensure};

use crate::clients::AI;
use crate::daemon::{Daemon, FIRST_OBJECT, Roles, WORLD};
use crate::link::{Barrier, Link, break_if};
use crate::objects::{self, await_created, create, create_world, expect_place, set_place};
use crate::process::{Meter, peak_rss, rss};
use crate::scenario::{Group, Run, Sample, Scenario};
use crate::wire::{Batch, dc, envelope, location, msg};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "ss_create",
        what: "an AI creates 100,000 objects in 1,000 zones",
        unit: "object",
        thing: "object",
        group: Group::Table,
        has_clients: false,
        beside: &[],
        run: create_objects,
    },
    Scenario {
        name: "ss_setfield",
        what: "200,000 broadcast updates of 1,000 objects, seen by a link that listens to their zones",
        unit: "update",
        thing: "",
        group: Group::Table,
        has_clients: false,
        beside: &[],
        run: set_fields,
    },
];

/// A daemon with a world, and the AI's link.
fn start(run: &Run) -> Result<(Daemon, Barrier, Link)> {
    let daemon = run.start(&Roles::state_server())?;
    let mut barrier = Barrier::open(daemon.director)?;
    let mut ai = Link::connect(daemon.director)?;
    ai.send(Batch::default().subscribe(AI))?;
    barrier.pass(&mut ai)?;
    let mut batch = Batch::default();
    create_world(&mut batch);
    ai.send(&batch)?;
    await_created(&mut ai, WORLD)?;
    Ok((daemon, barrier, ai))
}

fn create_objects(run: &Run) -> Result<Sample> {
    let (daemon, _barrier, mut ai) = start(run)?;
    let (count, zones) = (run.scaled(100_000) as u32, run.scaled(1_000) as u32);
    let mut batch = Batch::default();
    for number in 0..count {
        create(&mut batch, dc::THING, FIRST_OBJECT + number, number % zones);
    }
    let before = rss(daemon.pid())?;
    let meter = Meter::start(daemon.pid())?;
    ai.send(&batch)?;
    await_created(&mut ai, FIRST_OBJECT + count - 1)?;
    let measured = meter.stop()?;
    let grown = rss(daemon.pid())?.saturating_sub(before);
    let peak = peak_rss(daemon.pid())?;
    objects::expect_in_zones(&mut ai, zones, FIRST_OBJECT..FIRST_OBJECT + count)?;
    let sample = Sample::new(count as usize, measured, peak);
    Ok(Sample { rss_per_thing: Some(grown as f64 / f64::from(count)), ..sample })
}

fn set_fields(run: &Run) -> Result<Sample> {
    const ZONES: u32 = 10;
    let (daemon, mut barrier, mut ai) = start(run)?;
    let (things, updates) = (run.scaled(1_000) as u32, run.scaled(200_000) as u32);
    let mut creations = Batch::default();
    for number in 0..things {
        create(&mut creations, dc::THING, FIRST_OBJECT + number, number % ZONES);
    }
    ai.send(&creations)?;
    await_created(&mut ai, FIRST_OBJECT + things - 1)?;
    let mut observer = Link::connect(daemon.director)?;
    let mut subscriptions = Batch::default();
    for zone in 0..ZONES {
        subscriptions.subscribe(location(WORLD, zone));
    }
    observer.send(&subscriptions)?;
    barrier.pass(&mut observer)?;

    let mut batch = Batch::default();
    for number in 0..updates {
        set_place(&mut batch, FIRST_OBJECT + number % things, number);
    }
    let writer = ai.writer()?;
    let meter = Meter::start(daemon.pid())?;
    thread::scope(|scope| {
        let writing = scope.spawn(|| (&writer).write_all(&batch.bytes));
        let mut next = 0;
        observer.receive(|mut frame| {
            let envelope = envelope(&mut frame)?;
            ensure!(
                envelope.number == msg::OBJECT_SET_FIELD && envelope.sender == AI,
                "{envelope:?}"
            );
            expect_place(&mut frame, FIRST_OBJECT + next % things, next)?;
            next += 1;
            Ok(break_if(next == updates))
        })?;
        Ok::<_, anyhow::Error>(writing.join().expect("the writer does not panic")?)
    })?;
    Ok(Sample::new(updates as usize, meter.stop()?, peak_rss(daemon.pid())?))
}
