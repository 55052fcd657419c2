//! After a gap: what objects here have been told of others, which are elsewhere, is asked again.
//!
//! | What | Where it comes from | How it is put right |
//! |---|---|---|
//! | where children elsewhere are | CHANGING_LOCATION to the parent | their channel is asked for locations; who does not answer is not counted any more |
//! | who counts an object here | its parent elsewhere | the object tells it where it is, as if it had been asked |
//! | the AI of an object here that has none of its own | its parent elsewhere | the parent is asked |
//!
//! Nothing is asked of objects that are here: nothing is missed between them. All is done some objects at a time. A
//! parent elsewhere that was deleted meanwhile takes no child along: a parent that is nowhere is none the less one.
//!
//! A comparison goes on to its end, whatever happens meanwhile: else children who are silent would be counted as long as
//! others come and go. The next one begins then, or when it is [time](Pace) for it. A child whose keeper comes back
//! meanwhile is heard of: it tells its parent where it is.

use std::time::{Duration, Instant};

use super::distributed_object::Fate;
use super::location::{COMPARE_AI, COMPARE_CHILDREN, told_location};
use super::outbox::{Outbox, from_object};
use super::pace::Pace;
use super::population::Population;
use crate::hash::Paged;
use crate::ids::{DoId, Location, ZoneId};
use crate::message::StateServer;
use crate::router::Effects;

/// Who has not answered for so long does not.
const SILENCE: Duration = Duration::from_secs(2);
/// So many children are looked at in one step.
const LOOKS_PER_STEP: usize = 16;

/// What is compared after gaps.
#[derive(Default, Debug)]
pub(super) struct Comparisons {
    now: Option<Box<Comparison>>,
    /// The one that begins when there is no other, and whether objects here tell of themselves then.
    next: Option<(Instant, bool)>,
    pace: Pace,
}

/// One time that all is compared.
#[derive(Debug)]
struct Comparison {
    stage: Stage,
    /// Objects here tell their parents elsewhere of themselves.
    are_told: bool,
    /// Objects here with children elsewhere.
    parents: Vec<DoId>,
    /// Children of which has been heard since it began.
    heard: Paged<DoId, DoId>,
    has_heard: bool,
}

#[derive(Debug)]
enum Stage {
    /// The place of the next object that asks.
    Asking(usize),
    /// For answers, until then, if nothing comes.
    Waiting(Instant),
    /// Children of a parent that have not answered.
    Judging(DoId, Vec<(DoId, ZoneId)>),
}

impl Comparison {
    /// Something has come for objects: where children are. While they answer, it is waited for the others.
    #[cold]
    fn overhear(&mut self, message: &StateServer<'_>) {
        let (do_id, parent, is_answer) = match *message {
            StateServer::ObjectGetLocationResp { context, do_id, location } => {
                (do_id, location.parent, context == COMPARE_CHILDREN)
            }
            StateServer::ObjectChangingLocation { do_id, new, .. } => (do_id, new.parent, false),
            _ => return,
        };
        let mut is_new = true;
        self.heard.add(
            do_id,
            || parent,
            |before| {
                is_new = *before != parent;
                *before = parent;
            },
        );
        self.has_heard |= is_new && is_answer;
    }
}

impl Population {
    /// Messages may have been missed: what has been derived from those of objects elsewhere is compared with them. `are_told`
    /// if theirs of objects here may have been missed, too.
    pub fn begin_to_compare(&mut self, now: Instant, are_told: bool, effects: &mut Effects) {
        let Comparisons { next, pace, .. } = &mut self.comparisons;
        let (_, all_are_told) = next.get_or_insert((pace.earliest(now), false));
        *all_are_told |= are_told;
        effects.go_on_later();
    }

    /// Begins the comparison that is due; whether there is one.
    fn begin_next(&mut self, now: Instant) -> bool {
        let Comparisons { next, pace, now: current } = &mut self.comparisons;
        let Some((_, are_told)) = next.take_if(|(begins, _)| *begins <= now) else { return false };
        pace.begin(now);
        *current = Some(Box::new(Comparison {
            stage: Stage::Asking(0),
            are_told,
            parents: Vec::new(),
            heard: Paged::with_hasher(self.seed),
            has_heard: false,
        }));
        true
    }

    /// When the next comparison begins, or nobody is waited for any longer.
    pub fn next_deadline(&self) -> Option<Instant> {
        let Some(comparison) = &self.comparisons.now else {
            return self.comparisons.next.map(|(begins, _)| begins);
        };
        match comparison.stage {
            Stage::Waiting(until) => Some(until),
            Stage::Asking(_) | Stage::Judging(..) => None,
        }
    }

    /// Nobody has answered for long, unless somebody has.
    pub fn on_deadline(&mut self, now: Instant, effects: &mut Effects) {
        if self.next_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let Some(comparison) = &mut self.comparisons.now else {
            effects.go_on_later();
            return;
        };
        let Stage::Waiting(until) = &mut comparison.stage else { return };
        if std::mem::take(&mut comparison.has_heard) {
            *until = now + SILENCE;
        } else {
            comparison.stage = Stage::Judging(DoId::NONE, Vec::new());
            effects.go_on_later();
        }
    }

    /// Notes what a message says of children elsewhere, while that is asked.
    #[inline]
    pub(super) fn overhear(&mut self, message: &StateServer<'_>) {
        if let Some(comparison) = &mut self.comparisons.now {
            comparison.overhear(message);
        }
    }

    /// Goes on with a comparison, as far as there are steps left. Whether there is more to do.
    pub fn go_on_comparing(&mut self, now: Instant, effects: &mut Effects) -> bool {
        while effects.steps_left() > 0 {
            let Some(comparison) = &mut self.comparisons.now else {
                if self.begin_next(now) {
                    continue;
                }
                return false;
            };
            match &mut comparison.stage {
                Stage::Waiting(_) => return false,
                Stage::Asking(place) if *place < self.objects.count() => {
                    let at = *place;
                    *place += 1;
                    effects.spend(1);
                    if let Some(do_id) = self.objects.at(at).map(|object| object.do_id) {
                        self.catch_up(do_id, effects);
                        self.ask(do_id, effects);
                    }
                }
                Stage::Asking(_) if comparison.parents.is_empty() => {
                    self.comparisons.now = None;
                }
                Stage::Asking(_) => comparison.stage = Stage::Waiting(now + SILENCE),
                Stage::Judging(parent, silent) => match silent.pop() {
                    Some((child, zone)) => {
                        let at = Location::new(*parent, zone);
                        let is_silent = comparison.heard.get(&child) != Some(parent);
                        effects.spend(1);
                        if is_silent {
                            self.forget_child(child, at, effects);
                        }
                    }
                    None => self.judge_next(effects),
                },
            }
        }
        let comparison = self.comparisons.now.as_ref();
        comparison.is_some_and(|comparison| !matches!(comparison.stage, Stage::Waiting(_)))
    }

    /// Has an object tell and ask whatever is elsewhere.
    fn ask(&mut self, do_id: DoId, effects: &mut Effects) {
        let Some(comparison) = &mut self.comparisons.now else { return };
        let Some(object) = self.objects.get(do_id) else { return };
        let (location, parent) = (object.location, object.location.parent);
        let has_children_elsewhere = object.zones.as_ref().is_some_and(|zones| {
            effects.spend(zones.len() / LOOKS_PER_STEP / LOOKS_PER_STEP);
            zones.len() > self.children.count(do_id)
        });
        let asks_ai = !object.ai_is_explicit;
        let channel = object.channel();
        let mut outbox = Outbox { origin: from_object(do_id), effects };
        if comparison.are_told && parent.is_some() && self.objects.find(parent).is_none() {
            let told = told_location(do_id, location);
            outbox.send_out(&[parent.channel()], channel, &told);
            if asks_ai {
                let context = COMPARE_AI;
                outbox.send_out(
                    &[parent.channel()],
                    channel,
                    &StateServer::ObjectGetAi { context },
                );
            }
        }
        if has_children_elsewhere {
            comparison.parents.push(do_id);
            let question = StateServer::ObjectGetLocation { context: COMPARE_CHILDREN };
            outbox.send_out(&[do_id.children()], channel, &question);
        }
    }

    /// Notes those children of the next parent that are elsewhere; or ends the comparison.
    fn judge_next(&mut self, effects: &mut Effects) {
        let Some(comparison) = &mut self.comparisons.now else { return };
        let Some(parent) = comparison.parents.pop() else {
            self.comparisons.now = None;
            return;
        };
        let zones = self.objects.get(parent).and_then(|object| object.zones.as_ref());
        let children = zones.into_iter().flat_map(|zones| zones.all());
        let is_here = |child: DoId| {
            self.objects.get(child).is_some_and(|child| child.location.parent == parent)
        };
        let elsewhere: Vec<(DoId, ZoneId)> =
            children.filter(|(child, _)| !is_here(*child)).collect();
        effects.spend(1 + zones.map_or(0, |zones| zones.len() / LOOKS_PER_STEP));
        comparison.stage = Stage::Judging(parent, elsewhere);
    }

    /// A child is nowhere: its parent does not count it any more.
    fn forget_child(&mut self, child: DoId, at: Location, effects: &mut Effects) {
        let Some(place) = self.objects.find(at.parent) else { return };
        tracing::debug!(parent = %at.parent, %child, "a child elsewhere is gone");
        self.with_object((at.parent, place), false, effects, |object, _| {
            object.forget_child(child, at);
            Fate::Lives
        });
    }
}
