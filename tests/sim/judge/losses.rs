//! Whatever has not arrived was said to be lost.
//!
//! A note goes from an AI to its daemon, up to the root, down to the other AI's daemon, and to that. It may be lost in a
//! connection that breaks; then somebody has lost that connection and says so. While a daemon is away from the root,
//! what goes up waits; what does not fit is counted. What goes down to it reaches nobody, until it is back and says
//! that it has missed something.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::{Tally, changes, ip_of_ai, outages};
use crate::cluster::{ip, root_for};
use crate::facts::Note;
use crate::net::LinkId;
use crate::run::Run;

/// How long what is said may be on its way, if nothing is held up.
pub const FLIGHT: Duration = Duration::from_secs(2);

pub fn judge(run: &Run, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    // Those that only a full backlog explains, by the daemon whose backlog it is.
    let mut dropped: BTreeMap<usize, u64> = BTreeMap::new();
    for (serial, note) in &run.facts.notes {
        tally.notes += 1;
        tally.notes_of_clients += u64::from(note.is_clients && !note.heard.is_empty());
        tally.notes_of_clients_lost += u64::from(note.is_clients && note.heard.is_empty());
        tally.notes_lost += u64::from(note.heard.is_empty());
        if !note.heard.is_empty() {
            let links: BTreeSet<LinkId> = note.heard.iter().copied().collect();
            if links.len() < note.heard.len() {
                wrong.push(format!("note {serial} was heard {} times", note.heard.len()));
            }
        } else if !is_explained(run, note, tally) {
            *dropped.entry(note.from).or_default() += 1;
        }
    }
    for (daemon, count) in dropped {
        tally.notes_dropped += count;
        let said = said_lost(run, daemon);
        if count > said {
            wrong.push(format!(
                "{count} notes from daemon {daemon} are lost without a break that explains it, and it speaks of {said}"
            ));
        }
    }
    wrong
}

/// Until when a note may have been on its way.
fn end_of_flight(run: &Run, note: &Note) -> Instant {
    arrival(run, note.sent_at, note.from)
}

/// When what is said then has arrived everywhere, if it goes up from this daemon.
pub fn arrival(run: &Run, said_at: Instant, daemon: usize) -> Instant {
    let mut end = said_at + FLIGHT;
    let holds = |end: Instant, (from, to): (Instant, Instant)| from <= end && end < to + FLIGHT;
    // What is to go up waits, while it cannot.
    let outages = outages(run, daemon).into_iter();
    let waits = outages.filter_map(|(begin, end)| end.map(|end| (begin, end)));
    let held_up: Vec<_> = run.facts.held_up.iter().copied().chain(waits).collect();
    while let Some((_, to)) = held_up.iter().copied().find(|held| holds(end, *held)) {
        end = to + FLIGHT;
    }
    end
}

/// Whether an end of its way has lost its own connection, or had none, or something has happened on the way to each of the
/// receiver's.
fn is_explained(run: &Run, note: &Note, tally: &mut Tally) -> bool {
    let (from, to) = (note.sent_at, end_of_flight(run, note));
    if run.net.lost_at(note.link).is_some_and(|at| at <= to) {
        return true;
    }
    let lasts = |daemon: &usize| {
        let receiver = run.net.history(ip_of_ai(note.to), ip(*daemon));
        receiver.iter().any(|(opened, broken)| {
            // It has to be known above where it listens.
            arrival(run, *opened, *daemon) < from && broken.is_none_or(|at| at > to)
        })
    };
    let mut receivers = (0..run.shape.count()).filter(lasts);
    receivers.all(|daemon| way_explains(run, note, daemon, tally))
}

/// Whether daemons on the way have ended, or lost each other and said so.
fn way_explains(run: &Run, note: &Note, down: usize, tally: &mut Tally) -> bool {
    let up = note.from;
    let (from, to) = (note.sent_at, end_of_flight(run, note));
    if [up, down, 0].iter().any(|daemon| changes(run, *daemon, from, to)) {
        return true;
    }
    if up == down {
        return false;
    }
    // Upwards only what is on its way is lost: the rest waits.
    let mut losses = outages(run, up).into_iter().map(|(begin, _)| begin);
    if losses.any(|at| from <= at && at <= to && is_said_below(run, up, at)) {
        tally.notes_lost_up += 1;
        return true;
    }
    let mut outages = outages(run, down).into_iter();
    let is_lost_down = outages.any(|(begin, end)| {
        let is_now = begin <= to && end.is_none_or(|end| end >= from);
        is_now && is_said(run, down, begin)
    });
    tally.notes_lost_down += u64::from(is_lost_down);
    is_lost_down
}

/// Whether somebody speaks of an outage that has begun then, or the end of a process does.
fn is_said(run: &Run, daemon: usize, begin: Instant) -> bool {
    let peer = format!("peer={}:", ip(daemon));
    let second = Duration::from_secs(1);
    [0, daemon].iter().any(|daemon| changes(run, *daemon, begin - second, begin + second))
        || run.logs.say_since(begin, &["link lost", &peer])
        || is_said_below(run, daemon, begin)
}

/// Whether the one below says that it has lost the root.
fn is_said_below(run: &Run, daemon: usize, begin: Instant) -> bool {
    let upstream = root_for(daemon).to_string();
    run.logs.say_since(begin, &["upstream message director lost", &upstream])
}

/// How many datagrams a daemon has said to be lost, of those that were to go up.
pub fn said_lost(run: &Run, daemon: usize) -> u64 {
    let upstream = root_for(daemon).to_string();
    let count = |text: &str| {
        let (_, rest) = text.split_once("datagrams=")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    };
    let lines = run.logs.lines().into_iter();
    lines.filter(|line| line.text.contains(&upstream)).filter_map(|line| count(&line.text)).sum()
}
