//! Each player sees what a newcomer would, who sees what those have made who are there, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use donet::ids::DoId;
use tokio::time::Instant;

use super::sessions::is_deleted;
use super::{Tally, changes, is_calm, is_cut};
use crate::peers::{Kept, Player, Shown};
use crate::play::ZONES;
use crate::run::Run;

const SECOND: Duration = Duration::from_secs(1);
/// What a player makes is known by then.
const MAKING: Duration = Duration::from_secs(3);
/// A newcomer has seen everything by then, and what makers have said then.
const PATIENCE: Duration = Duration::from_secs(5);

type View = BTreeMap<DoId, Shown>;

pub async fn judge(run: &mut Run, tally: &mut Tally) -> Vec<String> {
    let lives = |player: &&Player| player.lives() && player.base.is_some();
    let living = run.players.iter().filter(lives);
    let before: BTreeMap<u32, View> =
        living.map(|player| (player.serial, player.view.clone())).collect();
    let watchers = invite(run).await;
    let mut wrong = Vec::new();
    let mut all: Option<&View> = None;
    for (daemon, serial) in &watchers {
        match run.players.iter().find(|player| player.serial == *serial) {
            Some(watcher) if watcher.base.is_some() => {
                let first = all.get_or_insert(&watcher.view);
                if **first != watcher.view {
                    wrong.push(format!(
                        "newcomers see {first:?}\n  and at daemon {daemon} {:?}",
                        watcher.view
                    ));
                }
            }
            _ => wrong.push(format!("a player is not let in at daemon {daemon}")),
        }
    }
    if let Some(all) = all {
        for player in run.players.iter().filter(|player| before.contains_key(&player.serial)) {
            wrong.extend(judge_one(run, player, &before[&player.serial], all, tally));
        }
        wrong.extend(all.keys().filter_map(|do_id| is_left(run, *do_id)));
    }
    tally.players_objects_gone +=
        run.gone_players.iter().map(|player| must_be_gone(run, player).len() as u64).sum::<u64>();
    for player in run.players.iter().chain(&run.gone_players) {
        wrong.extend(player.nonsense.iter().cloned());
        wrong.extend(has_been_put_out(run, player));
    }
    wrong
}

/// Has somebody come to each agent who sees all zones: the daemon, and its number.
async fn invite(run: &mut Run) -> Vec<(usize, u32)> {
    let zones: BTreeSet<u32> = (1..=ZONES as u32).collect();
    let agents = run.shape.agents().iter();
    let watchers =
        agents.map(|daemon| (*daemon, run.invite_player(*daemon, zones.clone()))).collect();
    run.pass(PATIENCE).await;
    watchers
}

fn judge_one(
    run: &Run,
    player: &Player,
    before: &View,
    all: &View,
    tally: &mut Tally,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let (serial, zones) = (player.serial, player.all_zones());
    let is_seen =
        |(do_id, shown): &(&DoId, &Shown)| zones.contains(&shown.zone) && !player.is_own(**do_id);
    tally.players += 1;
    tally.players_who_see += u64::from(!player.view.is_empty());
    let sees_that = |view: &View| view.iter().eq(all.iter().filter(is_seen));
    if !sees_that(&player.view) {
        wrong.push(format!(
            "player {serial} with zones {zones:?} sees {:?}\n  and a newcomer {all:?}",
            player.view
        ));
    } else if is_undisturbed(run, player.since) && !sees_that(before) {
        wrong.push(format!("player {serial} saw {before:?}\n  and a newcomer {all:?}"));
    }
    if player.corrected > 0 && is_undisturbed(run, player.since) {
        wrong.push(format!("player {serial} was told what it has not said of its own"));
    }
    for (do_id, own) in &player.made {
        if own.is_ending {
            wrong.push(format!("player {serial} was not told that {do_id} is deleted"));
        } else if all.get(do_id) != Some(&own.shown) {
            wrong.push(format!(
                "player {serial} has {do_id} as {:?}, and a newcomer sees {:?}",
                own.shown,
                all.get(do_id)
            ));
        }
        tally.players_objects += 1;
        tally.players_objects_early += u64::from(own.was_early);
    }
    let (game, now) = (run.shape.game(), Instant::now());
    let first = player.made.values().map(|own| own.made_at).min();
    tally.players_without_server += u64::from(first.is_some_and(|at| changes(run, game, at, now)));
    tally.players_without_root +=
        u64::from(first.is_some_and(|at| is_cut(run, player.daemon, at, now)));
    wrong
}

/// Whether nothing has happened between daemons since then.
fn is_undisturbed(run: &Run, since: Instant) -> bool {
    let now = Instant::now();
    (0..run.shape.count()).all(|daemon| is_calm(run, daemon, since, now))
}

/// What is wrong with an object that a newcomer sees, if it should not be there.
fn is_left(run: &Run, do_id: DoId) -> Option<String> {
    let all = run.players.iter().chain(&run.gone_players);
    let makers = all.filter_map(|player| Some((player.described.get(&do_id)?, player)));
    let Some((_, maker)) = makers.max_by_key(|(at, _)| **at) else {
        return Some(format!("a newcomer sees {do_id}, which nobody has made"));
    };
    if maker.lives() {
        let is_there = maker.made.contains_key(&do_id);
        return (!is_there).then(|| {
            format!("a newcomer sees {do_id}, which player {} has deleted", maker.serial)
        });
    }
    must_be_gone(run, maker)
        .contains(&do_id)
        .then(|| format!("{do_id} has outlived player {}", maker.serial))
}

/// What must be gone of what a player has made who has gone.
fn must_be_gone(run: &Run, player: &Player) -> Vec<DoId> {
    let Some(link) = player.link else { return Vec::new() };
    let Some(died) = run.net.broken_at(link) else { return Vec::new() };
    let is_gone = |(_, at): &(&DoId, &Instant)| {
        let (from, to) = (**at - SECOND, **at + MAKING);
        let is_certain = is_calm(run, player.daemon, from, to);
        let kept = Kept {
            serial: player.serial,
            daemon: player.daemon,
            link,
            sent_at: **at,
            kept_at: is_certain.then_some(to),
            is_cleared: false,
            cleared_at: None,
        };
        is_deleted(run, &kept, died)
    };
    player.described.iter().filter(is_gone).map(|(do_id, _)| *do_id).collect()
}

/// Whether a player was put out by its agent.
fn has_been_put_out(run: &Run, player: &Player) -> Option<String> {
    let ended = run.net.broken_at(player.link?)?;
    let is_fine = !player.is_spared || changes(run, player.daemon, player.since, ended + SECOND);
    (!is_fine).then(|| format!("player {} was put out", player.serial))
}
