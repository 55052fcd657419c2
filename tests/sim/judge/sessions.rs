//! What is tied to a session goes with it, and a client that loses such a thing is told so.
//!
//! Post-removes of sessions are judged as those of AIs are, in `post_removes`.

use std::collections::BTreeMap;
use std::time::Duration;

use donet::ids::{Channel, DoId};
use donet::message::EjectReason;
use tokio::time::Instant;

use super::losses::arrival;
use super::post_removes::{absence, must_hear};
use super::{Tally, changes, is_calm};
use crate::facts::{Bond, Tied};
use crate::peers::{Client, Kept, Stage};
use crate::run::Run;

const SECOND: Duration = Duration::from_secs(1);
/// What is tied to a session is known there by then.
const TYING: Duration = Duration::from_secs(3);

pub fn judge(run: &Run, there: &BTreeMap<DoId, Channel>, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    for tied in &run.facts.tied {
        let Bond::Thing(do_id) = tied.what else { continue };
        let Some((client, kept)) = kept(run, tied, 0) else { continue };
        let is_there = there.contains_key(&do_id);
        if goes_on_without(run, client, tied, &kept, do_id, is_there) {
            wrong.push(format!("client {} goes on without {do_id}: {tied:?}", client.serial));
        }
        if must_be_gone(run, &kept, do_id) {
            let died = run.net.broken_at(kept.link);
            let is_away = died.and_then(|at| absence(run, run.shape.game(), at)).is_some();
            tally.session_objects += 1;
            tally.session_objects_away += u64::from(is_away);
            if is_there {
                wrong
                    .push(format!("thing {do_id} has outlived client {}: {tied:?}", client.serial));
            }
        }
    }
    for client in clients(run) {
        let is_lost = client.ejected == Some(EjectReason::SessionObjectDeleted as u16);
        tally.session_objects_lost += u64::from(is_lost);
        wrong.extend(has_gone_without_a_word(run, client));
    }
    wrong
}

fn clients(run: &Run) -> impl Iterator<Item = &Client> {
    run.gone.iter().chain(&run.clients)
}

/// The post-removes that AIs have left for the ends of sessions.
pub fn bequests(run: &Run) -> impl Iterator<Item = (&Client, Kept)> {
    run.facts.tied.iter().filter_map(|tied| match tied.what {
        Bond::PostRemove(serial) => kept(run, tied, serial),
        Bond::Thing(_) => None,
    })
}

/// What was tied to a session, as something that its daemon keeps.
fn kept<'r>(run: &'r Run, tied: &Tied, serial: u32) -> Option<(&'r Client, Kept)> {
    let client = clients(run).find(|client| client.serial == tied.client)?;
    let (link, daemon, sent_at) = (client.link?, client.daemon, tied.at);
    let (from, to) = (sent_at - SECOND, sent_at + TYING);
    let lasts = |link| run.net.lost_at(link).is_none_or(|at| at > to);
    let came_at = run.facts.logins.iter().find(|(_, of, _)| *of == client.serial)?.2;
    let is_certain = came_at < from
        && lasts(link)
        && lasts(tied.link)
        && is_calm(run, tied.from, from, to)
        && is_calm(run, daemon, from, to);
    let kept_at = is_certain.then_some(to);
    let (is_cleared, cleared_at) = (false, None);
    Some((client, Kept { serial, daemon, link, sent_at, kept_at, is_cleared, cleared_at }))
}

/// Whether a client has lost a thing that is tied to its session, which it knew then, and has not been put out.
fn goes_on_without(
    run: &Run,
    client: &Client,
    tied: &Tied,
    kept: &Kept,
    do_id: DoId,
    is_there: bool,
) -> bool {
    if client.stage != Stage::Established
        || !client.lives()
        || run.net.broken_at(kept.link).is_some()
    {
        return false;
    }
    let Some(known_at) = kept.kept_at else { return false };
    match client.lost.get(&do_id) {
        Some(at) if *at >= tied.at - SECOND => *at > known_at,
        _ => !is_there,
    }
}

/// Whether a thing must be gone because the session has that it was tied to. What is made after that is another one.
fn must_be_gone(run: &Run, kept: &Kept, do_id: DoId) -> bool {
    let Some(died) = run.net.broken_at(kept.link) else { return false };
    let mut makings = run.facts.made.iter().filter(|made| made.do_id == do_id);
    makings.all(|made| arrival(run, made.at, made.daemon) < died) && is_deleted(run, kept, died)
}

/// Whether what a session's daemon keeps has certainly had something deleted at the end of the session.
pub fn is_deleted(run: &Run, kept: &Kept, died: Instant) -> bool {
    let game = run.shape.game();
    // Nobody keeps the deletion for a daemon that dies before it has said it.
    if changes(run, kept.daemon, died - SECOND, died + SECOND) {
        return false;
    }
    if kept.daemon == game {
        return kept.kept_at.is_some();
    }
    must_hear(run, game, kept, Some(died), None)
}

/// Whether a client was put out by its agent, and not told why.
fn has_gone_without_a_word(run: &Run, client: &Client) -> Option<String> {
    let ended = run.net.broken_at(client.link?)?;
    let has_changed = changes(run, client.daemon, client.since, ended + SECOND);
    let is_fine = !client.is_spared || client.ejected.is_some() || has_changed;
    (!is_fine).then(|| format!("client {} was put out at {ended:?} without a word", client.serial))
}
