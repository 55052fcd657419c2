//! Each client sees, and owns, what a newcomer would.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use donet::ids::{Channel, DoId};
use donet::message::StateServer;
use donet::wire::Reader;
use tokio::time::Instant;

use super::{Tally, is_cut};
use crate::peers::{Client, Seen, Stage};
use crate::run::Run;

/// The ids of what is in the database.
const RECORDS: std::ops::RangeInclusive<u32> = 200_000..=200_999;
/// A newcomer has seen everything by then.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn judge(
    run: &mut Run,
    owners: Option<&BTreeMap<DoId, Channel>>,
    tally: &mut Tally,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let judged: Vec<u32> = run
        .clients
        .iter()
        .filter(|client| client.stage == Stage::Established && client.lives())
        .map(|client| client.serial)
        .collect();
    for serial in judged {
        tally.views += 1;
        let client = find(run, serial);
        tally.views_after_gaps +=
            u64::from(client.is_some_and(|client| has_missed_something(run, client)));
        let view = client.map(|client| &client.view);
        tally.views_of_something += u64::from(view.is_some_and(|view| !view.objects.is_empty()));
        let is_record = |do_id: &DoId| RECORDS.contains(&do_id.0);
        tally.views_of_records +=
            u64::from(view.is_some_and(|view| view.objects.keys().any(is_record)));
        tally.owners += u64::from(view.is_some_and(|view| !view.owned.is_empty()));
        if let Err(error) = compare(run, serial).await {
            wrong.push(error);
        }
        if let Some(owners) = owners {
            wrong.extend(compare_owned(run, serial, owners));
        }
    }
    wrong
}

/// Whether daemons on the way to what a client sees have lost each other since it came.
fn has_missed_something(run: &Run, client: &Client) -> bool {
    let (from, now) = (client.since, Instant::now());
    let game = run.shape.game();
    let is_new = |daemon| {
        let mut lives = run.facts.lives.iter().filter(|life| life.daemon == daemon);
        lives.any(|life| life.began >= from)
    };
    is_cut(run, client.daemon, from, now) || is_cut(run, game, from, now) || is_new(game)
}

fn find(run: &Run, serial: u32) -> Option<&Client> {
    run.clients.iter().find(|client| client.serial == serial)
}

async fn compare(run: &mut Run, serial: u32) -> Result<(), String> {
    let client = find(run, serial).ok_or_else(|| format!("client {serial} has gone"))?;
    if client.pending > 0 {
        return Err(format!("client {serial} waits for {} interests", client.pending));
    }
    let (daemon, interests) = (client.daemon, client.interests.clone());
    let newcomer = run.number();
    run.clients.push(Client::connect(&run.net, newcomer, daemon));
    let is_ready = |client: &Client| client.stage == Stage::Established;
    wait(run, newcomer, is_ready).await?;
    for (interest, zones) in &interests {
        let all = run.clients.iter_mut();
        let one = all.rev().find(|client| client.serial == newcomer);
        one.ok_or("the newcomer has gone")?.open(*interest, zones);
    }
    wait(run, newcomer, |client| client.pending == 0).await?;
    run.pass(Duration::from_millis(200)).await;
    let (old, new) = (find(run, serial), find(run, newcomer));
    let result = match (old, new) {
        (Some(old), Some(new)) if is_same(run, old, new) => Ok(()),
        (Some(old), Some(new)) => Err(format!(
            "client {serial} with {interests:?} sees {:?}\n  and a newcomer {:?}",
            old.view.objects, new.view.objects
        )),
        _ => Err(format!("client {serial} or its newcomer has gone")),
    };
    run.clients.iter_mut().filter(|client| client.serial == newcomer).for_each(Client::leave);
    run.pass(Duration::from_millis(100)).await;
    result
}

/// Whether they see the same. Nothing tells a client that an object has no value for a field any more: after a gap that may be
/// another object of the same id.
fn is_same(run: &Run, old: &Client, new: &Client) -> bool {
    let mut seen = old.view.objects.clone();
    if has_missed_something(run, old) {
        for (do_id, object) in &mut seen {
            let other = new.view.objects.get(do_id);
            object
                .fields
                .retain(|field, _| other.is_none_or(|other| other.fields.contains_key(field)));
        }
    }
    // Of what is tied to its session a client needs no second view, if it owns that.
    let is_free = |(do_id, _): &(&DoId, &Seen)| !old.tied.contains(do_id);
    seen.iter().filter(is_free).eq(new.view.objects.iter().filter(is_free))
}

async fn wait(run: &mut Run, serial: u32, is_done: impl Fn(&Client) -> bool) -> Result<(), String> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        match find(run, serial) {
            Some(client) if is_done(client) => return Ok(()),
            Some(_) => run.pass(Duration::from_millis(20)).await,
            None => return Err(format!("newcomer {serial} is put out")),
        }
    }
    let client = find(run, serial);
    Err(format!("newcomer {serial} waits in vain: {:?}", client.map(|c| (c.stage, c.pending))))
}

/// Who owns each thing that there is, if it can be asked.
pub async fn owners(run: &mut Run) -> Option<BTreeMap<DoId, Channel>> {
    run.ask_for_owners();
    run.pass(Duration::from_secs(2)).await;
    let game = run.shape.game();
    if !run.cluster.runs(game) {
        return None;
    }
    let owner = |bytes: &Vec<u8>| {
        let mut reader = Reader::new(bytes);
        let number = reader.u16().ok()?;
        match StateServer::decode(number, &mut reader) {
            Ok(StateServer::ObjectGetOwnerResp { do_id, owner, .. }) => Some((do_id, owner)),
            _ => None,
        }
    };
    Some(run.answers.values().filter_map(owner).collect())
}

fn compare_owned(run: &Run, serial: u32, owners: &BTreeMap<DoId, Channel>) -> Option<String> {
    let client = find(run, serial)?;
    let channel = run.facts.channel_of(serial)?;
    // What is given while daemons have lost each other, or before it is known above that the client is there, the agent may
    // not have heard of.
    let came_at = run.facts.logins.iter().find(|(_, of, _)| *of == serial)?.2;
    let was_heard = |at: Instant| {
        let (from, to) = (at - Duration::from_secs(1), at + Duration::from_secs(1));
        let is_held_up = run.facts.held_up.iter().any(|(begin, end)| *begin <= to && *end >= from);
        from > came_at
            && !is_held_up
            && !is_cut(run, client.daemon, from, to)
            && !is_cut(run, run.shape.game(), from, to)
    };
    let was_given = |do_id: &DoId| {
        let given = run.facts.given.get(do_id).into_iter().flatten();
        let last = given.into_iter().rfind(|(to, at)| *to == channel && *at >= client.since);
        last.is_some_and(|(_, at)| was_heard(*at))
    };
    let owned: BTreeSet<DoId> = client.view.owned.keys().copied().collect();
    let is_theirs = |do_id: &DoId| owners.get(do_id) == Some(&channel);
    let missing =
        owners.keys().find(|do_id| is_theirs(do_id) && was_given(do_id) && !owned.contains(do_id));
    let others = owned.iter().find(|do_id| !is_theirs(do_id));
    let strangers = owned.iter().find(|do_id| was_given_to_another(run, client, channel, **do_id));
    if let Some(do_id) = strangers {
        return Some(format!(
            "client {serial}, {channel}, owns {do_id} of one who had its channel"
        ));
    }
    if missing.is_none() && others.is_none() {
        return None;
    }
    Some(format!("client {serial}, {channel}, owns {owned:?}, and the server says {owners:?}"))
}

/// Whether an object was given to a channel before the client had it, and certainly not on its way any more.
fn was_given_to_another(run: &Run, client: &Client, channel: Channel, do_id: DoId) -> bool {
    let given = run.facts.given.get(&do_id).into_iter().flatten();
    let Some((_, at)) = given.into_iter().rfind(|(to, _)| *to == channel) else { return true };
    let (from, to) = (*at - Duration::from_secs(1), *at + Duration::from_secs(3));
    let is_held_up = run.facts.held_up.iter().any(|(begin, end)| *begin <= to && *end >= from);
    let is_late = is_held_up
        || is_cut(run, client.daemon, from, to)
        || is_cut(run, run.shape.game(), from, to)
        || run.ais.iter().any(|ai| is_cut(run, ai.daemon, from, to));
    to < client.since && !is_late
}
