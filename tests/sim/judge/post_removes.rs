//! Each post-remove ran when its owner had gone, once, and not before.
//!
//! The owner's daemon knows best. The root keeps a copy for it, and runs that when it loses the daemon, whether or not
//! the owner lives: so others hear it once for each loss, and when its owner has ended once more only if he has sent
//! something since the loss. A daemon that is known to be away hears it when it is back.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::losses::said_lost;
use super::{Tally, changes, ip_of_ai, is_cut, outages, sessions};
use crate::cluster::ip;
use crate::peers::Kept;
use crate::run::Run;

/// What happens around the end of an owner excuses others.
const AROUND: Duration = Duration::from_secs(12);
/// How long what is on its way to a daemon may be lost, before the root knows that it is away.
const FLIGHT: Duration = Duration::from_secs(1);
/// How long what somebody has sent may be on its way to the root, if nothing is held up.
const WAY_UP: Duration = Duration::from_secs(2);
const SECOND: Duration = Duration::from_secs(1);

/// A post-remove, and whoever has left it.
struct Word<'a> {
    who: String,
    kept: &'a Kept,
    /// When the owner's link has ended.
    died: Option<Instant>,
    /// When the owner has sent something.
    sent: &'a [Instant],
    /// The address from which the owner has links, if it may have several.
    home: Option<IpAddr>,
}

pub fn judge(run: &Run, tally: &mut Tally) -> Vec<String> {
    let of_ais = run.ais.iter().flat_map(|ai| {
        ai.kept.iter().map(|kept| Word {
            who: format!("AI {}", ai.index),
            kept,
            died: run.net.broken_at(kept.link),
            sent: &ai.sent,
            home: Some(ip_of_ai(ai.index)),
        })
    });
    let mut wrong: Vec<String> = of_ais.flat_map(|word| judge_one(run, &word, tally)).collect();
    let mut own = Tally::default();
    for (client, kept) in sessions::bequests(run) {
        let (who, died) = (format!("client {}", client.serial), run.net.broken_at(kept.link));
        let word = Word { who, kept: &kept, died, sent: &client.sent, home: None };
        wrong.extend(judge_one(run, &word, &mut own));
    }
    tally.bequests_due += own.post_removes_due;
    tally.bequests_abroad += own.post_removes_abroad;
    tally.post_removes_once += own.post_removes_once;
    wrong
}

fn judge_one(run: &Run, word: &Word<'_>, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    let Word { who, kept, died, .. } = word;
    let (serial, own) = (kept.serial, kept.daemon);
    let heard = |daemon: usize| {
        let all = run.facts.witnessed.iter();
        all.filter(|(at, of, _)| *at == daemon && *of == serial).count()
    };
    let (least, most) = bounds(run, kept, *died);
    let count = heard(own);
    tally.post_removes += 1;
    tally.post_removes_due += u64::from(least > 0);
    if count < least || count > most {
        wrong.push(format!(
            "post-remove {serial} of {who} ran {count} times at its daemon {own}, not {least} to {most}: {kept:?}"
        ));
    }
    let Abroad { most, is_once } = abroad(run, word, most);
    tally.post_removes_once += u64::from(is_once);
    for daemon in (0..run.shape.count()).filter(|daemon| *daemon != own) {
        let count = heard(daemon);
        if count > most {
            wrong.push(format!(
                "post-remove {serial} of {who} at daemon {own} was heard {count} times at daemon {daemon}, which is \
                 more than {most}: {kept:?}, who died at {died:?}"
            ));
        }
        let must_hear = must_hear(run, daemon, kept, *died, word.home);
        let is_safe = daemon == 0 && is_safe(run, word);
        tally.post_removes_safe += u64::from(is_safe);
        tally.post_removes_abroad += u64::from(must_hear);
        let is_away = died.is_some_and(|died| absence(run, daemon, died).is_some());
        tally.post_removes_away += u64::from(must_hear && is_away);
        if count == 0 && (must_hear || is_safe) {
            wrong.push(format!(
                "post-remove {serial} of {who} at daemon {own} was not heard at daemon {daemon}: {kept:?}"
            ));
        }
    }
    wrong
}

/// How often it runs at its owner's daemon.
fn bounds(run: &Run, kept: &Kept, died: Option<Instant>) -> (usize, usize) {
    let Some(died) = died else { return (0, 0) };
    if kept.cleared_at.is_some() {
        return (0, 0);
    }
    // With the daemon its witness has gone, too.
    let is_unsure = kept.is_cleared || kept.kept_at.is_none();
    if changes(run, kept.daemon, died - SECOND, died + SECOND) || is_unsure {
        return (0, 1);
    }
    (1, 1)
}

/// How often it is heard elsewhere.
struct Abroad {
    most: usize,
    /// It was certainly said at a loss, and not for a second time when its owner had ended.
    is_once: bool,
}

/// How often it is heard at other daemons, if it runs so often at its owner's.
fn abroad(run: &Run, word: &Word<'_>, most: usize) -> Abroad {
    let own = word.kept.daemon;
    let (from, now) = (word.kept.sent_at, Instant::now());
    let end = word.died.unwrap_or(now);
    let to = end + AROUND;
    let losses: Vec<Instant> = outages(run, own)
        .into_iter()
        .map(|(begin, _)| begin)
        .filter(|begin| from <= *begin && *begin <= to)
        .collect();
    let Some(first) = losses.first().copied() else { return Abroad { most, is_once: false } };
    if [0, own].iter().any(|daemon| changes(run, *daemon, from, to)) {
        // Nobody may remember what has been said.
        return Abroad { most: most + losses.len(), is_once: false };
    }
    let has_sent_since = word.sent.iter().any(|at| *at + WAY_UP >= first && *at <= end);
    let is_held_up = {
        let mut held_up = run.facts.held_up.iter();
        held_up.any(|(begin, until)| *begin <= to && *until + AROUND >= first)
    };
    let is_unsure = has_sent_since || is_held_up;
    let was_kept = word.kept.kept_at.is_some_and(|at| at + WAY_UP < first) && !word.kept.is_cleared;
    let lived_on = first + SECOND < end;
    Abroad {
        most: losses.len().max(most) + usize::from(is_unsure && most > 0),
        is_once: was_kept && lived_on && most == 1 && losses.len() == 1 && !is_unsure,
    }
}

/// Whether somebody at another daemon must hear it, if its owner's links come from `home`.
pub fn must_hear(
    run: &Run,
    other: usize,
    kept: &Kept,
    died: Option<Instant>,
    home: Option<IpAddr>,
) -> bool {
    let (Some(died), Some(kept_at)) = (died, kept.kept_at) else { return false };
    if kept.is_cleared || kept_at + WAY_UP > died {
        return false;
    }
    let own = kept.daemon;
    let (from, to) = (died - AROUND, died + AROUND);
    // If the owner's daemon ends, the root speaks for it: of that alone nothing is excused.
    let is_killed = changes(run, own, died - SECOND, died + SECOND);
    let own_is_calm = if is_killed {
        other == 0
            && !changes(run, own, from, died - SECOND)
            && !is_cut(run, own, from, died - SECOND)
    } else {
        !changes(run, own, from, to) && !is_cut(run, own, from, to)
    };
    let (from, to, outages_max) = match absence(run, other, died) {
        // Whoever speaks as the same sender there is spared.
        Some((_, end)) if home.is_some_and(|home| has_link(run, home, other, died, end)) => {
            return false;
        }
        Some((begin, end)) => (from.min(begin - SECOND), to.max(end + AROUND), 1),
        None => (from, to, 0),
    };
    let outages = outages(run, other).into_iter();
    let cuts = outages.filter(|(begin, end)| *begin <= to && end.is_none_or(|end| end >= from));
    own_is_calm
        && !changes(run, 0, from, to)
        && !changes(run, other, from, to)
        && cuts.count() <= outages_max
}

/// Whether the root must hear it whatever has happened on the way: it has kept it for the daemon, or is told when that is back.
fn is_safe(run: &Run, word: &Word<'_>) -> bool {
    let Kept { daemon: own, sent_at, kept_at, is_cleared, .. } = *word.kept;
    let now = Instant::now();
    let is_succeeded = run.ais.iter().any(|ai| {
        // What is late is dropped for whoever has come in the owner's place.
        word.home == Some(ip_of_ai(ai.index)) && ai.moved_at.is_some()
    });
    word.died.is_some()
        && kept_at.is_some()
        && !is_cleared
        && !is_succeeded
        && ![0, own].iter().any(|daemon| changes(run, *daemon, sent_at, now))
        && said_lost(run, own) == 0
}

/// Whether somebody has a link to a daemon within this time.
fn has_link(run: &Run, home: IpAddr, daemon: usize, from: Instant, to: Instant) -> bool {
    let links = run.net.history(home, ip(daemon)).into_iter();
    let mut links = links.filter(|(_, ended)| ended.is_none_or(|at| at >= from));
    links.any(|(opened, _)| opened <= to)
}

/// The outage during which a daemon is away at this time, if the root is certain to know it: what is said then is to be
/// kept for it.
pub fn absence(run: &Run, daemon: usize, at: Instant) -> Option<(Instant, Instant)> {
    let all = outages(run, daemon).into_iter();
    let mut known = all.filter_map(|(begin, end)| Some((begin, end?)));
    known.find(|(begin, end)| *begin + FLIGHT <= at && at < *end)
}
