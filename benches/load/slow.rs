//! Clients that read more slowly than they are told things: who is dropped, and who has the last value in the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use bytes::{Buf, BufMut};

use crate::ca::{Stage, ZONE};
use crate::clients::{AI, unexpected};
use crate::daemon::{ClientAgent, FIRST_OBJECT, GATE, WORLD, log_tail};
use crate::link::{STALL, break_if};
use crate::objects::{await_created, set_place};
use crate::process::{Meter, peak_rss};
use crate::scenario::{Group, Run, Sample, Scenario, Skipped};
use crate::swarm::Swarm;
use crate::wire::{Batch, dc, envelope, msg};

const fn scenario(
    name: &'static str,
    what: &'static str,
    run: fn(&Run) -> Result<Sample>,
) -> Scenario {
    let (unit, group) = ("delivery", Group::Check);
    Scenario { name, what, unit, thing: "", group, has_clients: true, beside: &[], run }
}

pub const SCENARIOS: &[Scenario] = &[
    scenario(
        "ca_slow",
        "for five seconds a client updates one field at 3 MB/s, which 100 clients see that read a tenth of it: how many \
         are dropped, and how many have the last value in the end",
        |run| slow(run, &[]),
    ),
    scenario(
        "ca_slow_merge",
        "the same, where the client agent is told that only the last value counts (client.merge)",
        |run| slow(run, &["LoadBoard.setText"]),
    ),
];

/// How often the writer writes.
const TICK: Duration = Duration::from_millis(10);
/// Bytes of an update's value, and updates in each tick: 3 MB in a second.
const VALUE: usize = 1_000;
const UPDATES: u32 = 30;
/// What a watcher reads in a tick.
const SIP: usize = 3_000;
/// What the writer writes on, and what is moved when it is done: who hears of that has heard of everything before.
const BOARD: u32 = FIRST_OBJECT + 1;
const FENCE: u32 = FIRST_OBJECT;

/// One that sees the board.
#[derive(Clone, Default)]
struct Watcher {
    heard: usize,
    last: u32,
    is_done: bool,
}

fn slow(run: &Run, merge: &'static [&'static str]) -> Result<Sample> {
    let options = ClientAgent { is_unlimited: true, merge, ..ClientAgent::default() };
    let (count, ticks) = (run.scaled(100), run.scaled(500).max(20) as u32);
    let mut stage = Stage::set(run, options, 1, &[(ZONE, 1)]).map_err(|error| {
        let log = log_tail(run.folder);
        match log.lines().find(|line| !merge.is_empty() && line.contains("merge")) {
            Some(line) => Skipped(format!("refuses client.merge: {}", line.trim())).into(),
            None => error,
        }
    })?;
    let (mut writer, channel) =
        (stage.clients.detach(stage.daemon.way.clone())?, stage.clients.channels.remove(0));
    stage.clients.log_in(count)?;
    put_up_board(&mut stage, &mut writer, channel)?;
    let mut watchers = vec![Watcher::default(); count];
    let meter = Meter::start(stage.daemon.pid())?;
    let began = Instant::now();
    for tick in 0..ticks {
        while let Some(left) = (began + TICK * tick).checked_duration_since(Instant::now()) {
            writer.poll(Some(left), |_, frame, _| bail!(unexpected(frame)))?;
        }
        writer.send(0, &updates(tick))?;
        sip(&mut stage.clients.swarm, &mut watchers, SIP)?;
    }
    let last = ticks * UPDATES - 1;
    let burst = fence(&mut stage, &mut writer, &mut watchers, began)?;
    let ended = Instant::now();
    while watchers.iter().any(|watcher| !watcher.is_done) {
        sip(&mut stage.clients.swarm, &mut watchers, usize::MAX)?;
        ensure!(ended.elapsed() < STALL, "watchers still wait for the end after {STALL:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    let heard: usize = watchers.iter().map(|watcher| watcher.heard).sum();
    let measured = meter.stop()?;
    let share = heard as f64 / (count * ticks as usize * UPDATES as usize) as f64;
    Ok(Sample {
        extra: vec![
            ("dropped", stage.clients.swarm.closed as f64),
            (
                "have_last_value",
                watchers.iter().filter(|watcher| watcher.last == last).count() as f64,
            ),
            ("watchers", count as f64),
            ("share_of_updates", share),
            ("burst_s", burst.as_secs_f64()),
            ("catching_up_s", ended.elapsed().as_secs_f64()),
        ],
        // A unit at least, to be counted by.
        ..Sample::new(heard.max(1), measured, peak_rss(stage.daemon.pid())?)
    })
}

/// Everybody sees the board, and the writer owns it.
fn put_up_board(stage: &mut Stage, writer: &mut Swarm, channel: u64) -> Result<()> {
    let mut batch = Batch::default();
    batch.to(crate::daemon::STATE_SERVER, AI, msg::CREATE_OBJECT_WITH_REQUIRED, |b| {
        for number in [BOARD, WORLD, ZONE] {
            b.put_u32_le(number);
        }
        b.put_u16_le(dc::BOARD);
    });
    stage.clients.ai.send(&batch)?;
    await_created(&mut stage.clients.ai, BOARD)?;
    stage.clients.open_interest(WORLD, ZONE, 2)?;
    let owner = |b: &mut Vec<u8>| b.put_u64_le(channel);
    stage.clients.ai.send(Batch::default().to(BOARD.into(), AI, msg::OBJECT_SET_OWNER, owner))?;
    let mut owns = false;
    writer.run_until(
        &mut owns,
        |owns| *owns,
        |owns, _, frame, _| {
            let number = (&frame[..]).try_get_u16_le()?;
            ensure!(number == msg::CLIENT_ENTER_OBJECT_REQUIRED_OWNER, "{}", unexpected(frame));
            *owns = true;
            Ok(())
        },
    )
}

/// What the writer says in a tick. Each value begins with its number.
fn updates(tick: u32) -> Batch {
    let mut batch = Batch::default();
    for number in tick * UPDATES..(tick + 1) * UPDATES {
        batch.client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
            b.put_u32_le(BOARD);
            b.put_u16_le(dc::SET_TEXT);
            b.put_u16_le(VALUE as u16);
            b.put_u32_le(number);
            b.put_bytes(0x5a, VALUE - 4);
        });
    }
    batch
}

/// When all that the writer has said has been looked at, has the AI move the fence; returns how long that took since the
/// beginning. Watchers go on reading slowly meanwhile.
fn fence(
    stage: &mut Stage,
    writer: &mut Swarm,
    watchers: &mut [Watcher],
    began: Instant,
) -> Result<Duration> {
    writer.send(
        0,
        Batch::default().client(msg::CLIENT_OBJECT_SET_FIELD, |b| {
            b.put_u32_le(GATE);
            b.put_u16_le(dc::REPORT);
            b.put_u64_le(0);
        }),
    )?;
    let ai = &mut stage.clients.ai;
    let heard = std::thread::scope(|scope| {
        let hearing = scope.spawn(|| {
            ai.receive(|mut frame| {
                let is_update = envelope(&mut frame)?.number == msg::OBJECT_SET_FIELD;
                Ok(break_if(is_update && frame.try_get_u32_le()? == GATE))
            })
        });
        while !hearing.is_finished() {
            writer.poll(Some(TICK), |_, frame, _| bail!(unexpected(frame)))?;
            sip(&mut stage.clients.swarm, watchers, SIP)?;
        }
        hearing.join().expect("the AI does not panic")
    });
    heard?;
    let mut moved = Batch::default();
    set_place(&mut moved, FENCE, 1);
    stage.clients.ai.send(&moved)?;
    Ok(began.elapsed())
}

/// Every watcher reads at most so much.
fn sip(swarm: &mut Swarm, watchers: &mut [Watcher], most: usize) -> Result<()> {
    for (index, watcher) in watchers.iter_mut().enumerate().filter(|(_, watcher)| !watcher.is_done)
    {
        let is_open = swarm.sip(index, most, |frame| watcher.hear(frame))?;
        watcher.is_done |= !is_open;
    }
    Ok(())
}

impl Watcher {
    fn hear(&mut self, whole: &[u8]) -> Result<()> {
        let mut frame = whole;
        ensure!(frame.try_get_u16_le()? == msg::CLIENT_OBJECT_SET_FIELD, "{}", unexpected(whole));
        let (doid, field) = (frame.try_get_u32_le()?, frame.try_get_u16_le()?);
        match (doid, field) {
            (FENCE, dc::SET_PLACE) => self.is_done = true,
            (BOARD, dc::SET_TEXT) => {
                ensure!(frame.len() == 2 + VALUE, "a value of {} bytes", frame.len());
                frame.advance(2);
                let number = frame.get_u32_le();
                ensure!(self.heard == 0 || number > self.last, "{number} after {}", self.last);
                (self.heard, self.last) = (self.heard + 1, number);
            }
            _ => bail!("field {field} of {doid}"),
        }
        Ok(())
    }
}
