//! Each post-remove ran when its owner had gone, once, and not before.
//!
//! The owner's daemon knows best. The root keeps a copy for it, and runs that when it loses the daemon, whether or not
//! the owner lives: so others may hear it once for each loss, and once for the owner's own end. A daemon that is known to
//! be away hears it when it is back.

use std::time::Duration;

use tokio::time::Instant;

use super::{Tally, changes, is_cut, outages};
use crate::peers::{Ai, Kept};
use crate::run::Run;

/// What happens around the end of an owner excuses others.
const AROUND: Duration = Duration::from_secs(12);
/// How long what is on its way to a daemon may be lost, before the root knows that it is away.
const FLIGHT: Duration = Duration::from_secs(1);

pub fn judge(run: &Run, tally: &mut Tally) -> Vec<String> {
    let all = run.ais.iter().flat_map(|ai| ai.kept.iter().map(move |kept| (ai, kept)));
    all.flat_map(|(ai, kept)| judge_one(run, ai, kept, tally)).collect()
}

fn judge_one(run: &Run, ai: &Ai, kept: &Kept, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    let Kept { serial, link, .. } = *kept;
    let own = ai.daemon;
    let died = run.net.broken_at(link);
    let heard = |daemon: usize| {
        let all = run.facts.witnessed.iter();
        all.filter(|(at, of, _)| *at == daemon && *of == serial).count()
    };
    let (least, most) = bounds(run, own, kept, died);
    let count = heard(own);
    tally.post_removes += 1;
    tally.post_removes_due += u64::from(least > 0);
    if count < least || count > most {
        wrong.push(format!(
            "post-remove {serial} of AI {} ran {count} times at its daemon {own}, not {least} to {most}: {kept:?}",
            ai.index
        ));
    }
    let losses = outages(run, own).len();
    for daemon in (0..run.shape.count()).filter(|daemon| *daemon != own) {
        let (count, most) = (heard(daemon), most.max(least) + losses);
        if count > most {
            wrong.push(format!(
                "post-remove {serial} of AI {} at daemon {own} was heard {count} times at daemon {daemon}, which is \
                 more than {most}",
                ai.index
            ));
        }
        let must_hear = must_hear(run, own, daemon, kept, died);
        tally.post_removes_abroad += u64::from(must_hear);
        let is_away = died.is_some_and(|died| absence(run, daemon, died).is_some());
        tally.post_removes_away += u64::from(must_hear && is_away);
        if count == 0 && must_hear {
            wrong.push(format!(
                "post-remove {serial} of AI {} at daemon {own} was not heard at daemon {daemon}",
                ai.index
            ));
        }
    }
    wrong
}

/// How often it runs at its owner's daemon.
fn bounds(run: &Run, own: usize, kept: &Kept, died: Option<Instant>) -> (usize, usize) {
    let Some(died) = died else { return (0, 0) };
    if kept.cleared_at.is_some() {
        return (0, 0);
    }
    let second = Duration::from_secs(1);
    // With the daemon its witness has gone, too.
    if changes(run, own, died - second, died + second) || kept.is_cleared || kept.kept_at.is_none()
    {
        return (0, 1);
    }
    (1, 1)
}

/// Whether somebody at another daemon must hear it.
fn must_hear(run: &Run, own: usize, other: usize, kept: &Kept, died: Option<Instant>) -> bool {
    let (Some(died), Some(kept_at)) = (died, kept.kept_at) else { return false };
    if kept.is_cleared || kept_at + Duration::from_secs(2) > died {
        return false;
    }
    let (from, to) = (died - AROUND, died + AROUND);
    let second = Duration::from_secs(1);
    // If the owner's daemon ends, the root speaks for it: of that alone nothing is excused.
    let is_killed = changes(run, own, died - second, died + second);
    let own_is_calm = if is_killed {
        other == 0
            && !changes(run, own, from, died - second)
            && !is_cut(run, own, from, died - second)
    } else {
        !changes(run, own, from, to) && !is_cut(run, own, from, to)
    };
    let (from, to, outages_max) = match absence(run, other, died) {
        Some((begin, end)) => (from.min(begin - second), to.max(end + AROUND), 1),
        None => (from, to, 0),
    };
    let outages = outages(run, other).into_iter();
    let cuts = outages.filter(|(begin, end)| *begin <= to && end.is_none_or(|end| end >= from));
    own_is_calm
        && !changes(run, 0, from, to)
        && !changes(run, other, from, to)
        && cuts.count() <= outages_max
}

/// The outage during which a daemon is away at this time, if the root is certain to know it: what is said then is to be
/// kept for it.
fn absence(run: &Run, daemon: usize, at: Instant) -> Option<(Instant, Instant)> {
    let all = outages(run, daemon).into_iter();
    let mut known = all.filter_map(|(begin, end)| Some((begin, end?)));
    known.find(|(begin, end)| *begin + FLIGHT <= at && at < *end)
}
