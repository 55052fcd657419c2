//! What an AI has made is there as long as the AI, and no longer.
//!
//! The first AI leaves a post-remove by which its things are deleted. It may come again at another daemon while its old self is
//! cut off: what it makes then must outlive that. All of it holds for things that nobody has had deleted otherwise.

use std::collections::BTreeMap;
use std::time::Duration;

use donet::ids::{Channel, DoId};
use tokio::time::Instant;

use super::losses::arrival;
use super::post_removes::must_hear;
use super::{Tally, changes, ip_of_ai, is_calm, is_cut, outages};
use crate::cluster::ip;
use crate::facts::Made;
use crate::peers::{Kept, Port};
use crate::run::Run;

const SECOND: Duration = Duration::from_secs(1);
/// How long what a thing is made with may be on its way.
const MAKING: Duration = Duration::from_secs(3);

/// A connection of an AI.
#[derive(Copy, Clone, Debug)]
struct Itself {
    daemon: usize,
    opened: Instant,
    ended: Option<Instant>,
}

pub fn judge(run: &Run, there: &BTreeMap<DoId, Channel>, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut things: BTreeMap<DoId, Vec<&Made>> = BTreeMap::new();
    for made in run.facts.made.iter().filter(|made| !run.facts.deleted.contains(&made.do_id)) {
        things.entry(made.do_id).or_default().push(made);
    }
    for (do_id, makings) in &things {
        let is_there = there.contains_key(do_id);
        if let Some(outlives) = must_be_there(run, makings) {
            tally.things += 1;
            tally.things_of_successors += u64::from(outlives);
            if !is_there {
                wrong.push(format!("thing {do_id} is gone: {makings:?}"));
            }
        } else if must_be_gone(run, makings) {
            tally.things_gone += 1;
            if is_there {
                wrong.push(format!("thing {do_id} has outlived its AI: {makings:?}"));
            }
        }
    }
    wrong
}

/// Whether a thing must be there, and whether it has to outlive an old self of its AI for that.
fn must_be_there(run: &Run, makings: &[&Made]) -> Option<bool> {
    let (last, before) = makings.split_last()?;
    let (made_at, now, game) = (last.at, Instant::now(), run.shape.game());
    let (from, to) = (made_at - SECOND, made_at + MAKING);
    let ai = &run.ais[last.ai];
    let is_current = !ai.cleared.contains(&last.link)
        && ai.port.as_ref().map(Port::link) == Some(last.link)
        && run.net.lost_at(last.link).is_none();
    let comes_last = before.iter().all(|made| arrival(run, made.at, made.daemon) < made_at);
    let arrives = is_calm(run, last.daemon, from, to) && is_calm(run, game, from, to);
    if !is_current || !comes_last || !arrives || changes(run, game, from, now) {
        return None;
    }
    let is_others = before.iter().any(|made| made.ai != last.ai);
    if is_others && is_any_self_disturbed(run, made_at) {
        return None;
    }
    let selves = selves(run, last.ai);
    let own = selves.iter().find(|own| own.daemon == last.daemon && own.ended.is_none())?;
    // If its daemon loses the root, it is spoken for.
    if ai.is_first && (is_cut(run, own.daemon, own.opened, now) || changes(run, 0, own.opened, now))
    {
        return None;
    }
    let old = selves.iter().filter(|old| old.daemon != own.daemon && ai.is_first);
    let fates: Option<Vec<bool>> = old.map(|old| is_outlived(run, *old, made_at)).collect();
    Some(fates?.contains(&true))
}

/// Whether something that is to be said for the first AI may come between the making of a thing and its getting its AI.
fn is_any_self_disturbed(run: &Run, made_at: Instant) -> bool {
    let (from, to) = (made_at - SECOND, made_at + MAKING);
    let ends =
        |own: &Itself| own.ended.is_some_and(|at| at <= to && arrival(run, at, own.daemon) >= from);
    (0..run.shape.count()).any(|daemon| !is_calm(run, daemon, from, to))
        || selves(run, 0).iter().any(ends)
}

/// Whether what is said for an old self is certain to spare what its successor has made at this time: it was said before
/// that, or it is late, and then `true`. `None` if it is not certain.
fn is_outlived(run: &Run, old: Itself, made_at: Instant) -> Option<bool> {
    if old.ended.is_some_and(|at| arrival(run, at, old.daemon) + SECOND < made_at) {
        return Some(false);
    }
    // What it has said is handled where it is.
    if old.daemon == 0 || old.daemon == run.shape.game() {
        return None;
    }
    let mut losses = outages(run, old.daemon).into_iter().map(|(begin, _)| begin);
    let first = losses.find(|at| *at >= old.opened)?;
    let is_known = arrival(run, old.opened, old.daemon) < first;
    let is_said = first + SECOND < made_at && is_known;
    (is_said && !changes(run, old.daemon, old.opened, Instant::now())).then_some(true)
}

/// All connections of an AI.
fn selves(run: &Run, ai: usize) -> Vec<Itself> {
    let at = |daemon| {
        let links = run.net.history(ip_of_ai(ai), ip(daemon)).into_iter();
        links.map(move |(opened, ended)| Itself { daemon, opened, ended })
    };
    (0..run.shape.count()).flat_map(at).collect()
}

/// Whether a thing must be gone, because its AI has been. One that has gone elsewhere has its things there.
fn must_be_gone(run: &Run, makings: &[&Made]) -> bool {
    let Some(last) = makings.last() else { return false };
    let (own, game) = (last.daemon, run.shape.game());
    let Some(died) = run.net.broken_at(last.link) else { return false };
    if run.ais[0].cleared.contains(&last.link) {
        return false;
    }
    let has_arrived = |made: &&Made| {
        let claimed_at = made.claimed_at.map(|at| arrival(run, at, made.daemon));
        made.ai == 0 && claimed_at.is_some_and(|at| at < died)
    };
    // Whose it is reaches it only if it is known where it is.
    let (from, to) = (last.at - SECOND, last.at + MAKING);
    let is_calm = is_calm(run, own, from, to) && is_calm(run, game, from, to);
    if !is_calm
        || !makings.iter().all(has_arrived)
        || run.ais[0].moved_at.is_some_and(|at| at >= last.at)
    {
        return false;
    }
    let opened =
        selves(run, 0).iter().filter(|own| own.opened <= last.at).map(|own| own.opened).max();
    let kept_at = opened.map(|at| arrival(run, at, own));
    if own == game {
        return kept_at.is_some_and(|at| at < died)
            && !changes(run, game, died - SECOND, died + SECOND);
    }
    let kept = Kept {
        serial: 0,
        daemon: own,
        link: last.link,
        sent_at: last.at,
        kept_at,
        is_cleared: false,
        cleared_at: None,
    };
    must_hear(run, game, &kept, Some(died), Some(ip_of_ai(0)))
}
