//! Whatever has not arrived was said to be lost.
//!
//! A note goes from an AI to its daemon, up to the root, down to the other AI's daemon, and to that. It may be lost in a
//! connection that breaks; then somebody has lost that connection and says so. While a daemon is away from the root,
//! what goes up waits; what does not fit is counted. What goes down to it reaches nobody, until it is back and says
//! that it has missed something.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Tally, changes, ip_of_ai, outages};
use crate::cluster::{ip, root_for};
use crate::facts::Note;
use crate::run::Run;

/// How long a note may be on its way, at most: the process may stand still for most of it.
const FLIGHT: Duration = Duration::from_secs(30);

pub fn judge(run: &Run, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    // Those that only a full backlog explains, by the daemon whose backlog it is.
    let mut dropped: BTreeMap<usize, u64> = BTreeMap::new();
    for (serial, note) in &run.facts.notes {
        tally.notes += 1;
        tally.notes_lost += u64::from(note.heard == 0);
        match note.heard {
            1 => {}
            0 if ends_explain(run, note) || way_explains(run, note) => {}
            0 => *dropped.entry(run.ais[note.from].daemon).or_default() += 1,
            more => wrong.push(format!("note {serial} was heard {more} times")),
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

/// Whether one of the AIs has lost its own connection, or had none.
fn ends_explain(run: &Run, note: &Note) -> bool {
    let (from, to) = (note.sent_at, note.sent_at + FLIGHT);
    if run.net.lost_at(note.link).is_some_and(|at| at <= to) {
        return true;
    }
    let receiver = run.net.history(ip_of_ai(note.to), ip(run.ais[note.to].daemon));
    let lasts = receiver.iter().any(|(opened, broken)| {
        let begins = *opened + Duration::from_secs(1) < from;
        begins && broken.is_none_or(|at| at > to)
    });
    !lasts
}

/// Whether daemons on the way have lost each other, and have said so.
fn way_explains(run: &Run, note: &Note) -> bool {
    let (up, down) = (run.ais[note.from].daemon, run.ais[note.to].daemon);
    let (from, to) = (note.sent_at, note.sent_at + FLIGHT);
    if [up, down, 0].iter().any(|daemon| changes(run, *daemon, from, to)) {
        return true;
    }
    if up == down {
        return false;
    }
    let links = run.net.history(ip(0), ip(up));
    let is_lost_later = |broken: Option<_>| broken.is_some_and(|at| from <= at && at <= to);
    let breaks_up = links.iter().any(|(_, broken)| is_lost_later(*broken));
    let upstream = root_for(up).to_string();
    let lost = "connection to the upstream message director lost";
    if breaks_up && run.logs.say_since(from, &[lost, &upstream]) {
        return true;
    }
    outages(run, down).into_iter().any(|(begin, end)| {
        let is_now = begin <= to && end.is_none_or(|end| end >= from);
        is_now && is_said(run, down, begin)
    })
}

/// Whether somebody speaks of an outage that has begun then, or the end of a process does.
fn is_said(run: &Run, daemon: usize, begin: Instant) -> bool {
    let (peer, upstream) = (format!("peer={}:", ip(daemon)), root_for(daemon).to_string());
    let second = Duration::from_secs(1);
    [0, daemon].iter().any(|daemon| changes(run, *daemon, begin - second, begin + second))
        || run.logs.say_since(begin, &["link lost", &peer])
        || run.logs.say_since(begin, &["upstream message director lost", &upstream])
}

/// How many datagrams a daemon has said to be lost, of those that were to go up.
fn said_lost(run: &Run, daemon: usize) -> u64 {
    let upstream = root_for(daemon).to_string();
    let count = |text: &str| {
        let (_, rest) = text.split_once("datagrams=")?;
        rest.split(' ').next()?.parse::<u64>().ok()
    };
    let lines = run.logs.lines().into_iter();
    lines.filter(|line| line.text.contains(&upstream)).filter_map(|line| count(&line.text)).sum()
}
