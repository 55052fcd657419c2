//! Interests that several sessions open in the same zones at the same time: the cluster is asked once for all of them.
//!
//! Who asks with whom, [`Asking`](crate::role::client_agent::agent::Asking) knows. Each session has a query of its own, and
//! knows nothing of it: what is answered is handed to each of them as if it had asked, put into bytes once for each framing.
//!
//! What comes in a row is handed on together, so that a session takes all of it in one go: that costs much less than to turn to each
//! session for each object. **Invariant:** it has been handed on before anything else is done that concerns a session, so
//! that each of them hears the same, in the same order, as if it got each object when it came.
//!
//! A hold of the router is bounded by how many sessions a question is asked for, and by how much is handed on together.

use std::sync::Arc;
use std::time::Instant;

use super::{Core, session_at};
use crate::hash::{Map, Seed};
use crate::ids::{Channel, Context, DoId};
use crate::message::{Cluster, List, ObjectState, StateServer};
use crate::role::Effects;
use crate::role::client_agent::agent::{
    self, Asker, FieldRules, Keeps, News, SessionIndex, SessionKey, Zones,
};
use crate::role::client_agent::interest::Found;
use crate::role::client_agent::session::End;
use crate::wire::Framing;

/// Contexts of what is asked for several have this bit, and no others of the agent's.
pub(super) const OF_SEVERAL: u32 = 1 << 30;
/// For so many sessions is asked at once: each of them gets all that a hold of the router brings.
const SESSIONS_MAX: usize = 128;
/// So often is an object handed on to a session at once.
const HANDED_MAX: usize = 32 * 1_024;
/// To hand so many objects on is a step.
const OBJECTS_PER_STEP: usize = 16;
/// So many questions are not looked through, whatever has become of them.
const CROWD_MIN: usize = 64;

/// What is asked for several sessions.
pub struct Together {
    questions: Map<Context, Question>,
    /// How many there were when they had last been looked through.
    standing: usize,
    /// What has come, and has not been handed on.
    found: Found,
    /// What it answers.
    of: Option<Context>,
    /// Some of it has come since a turn was over.
    is_growing: bool,
}

struct Question {
    askers: Vec<Asker>,
    /// What they are told is put into bytes for these.
    framings: Vec<Framing>,
    /// How many objects there are, if that has been answered.
    total: Option<u32>,
    /// How many have come.
    received: u32,
}

impl Question {
    fn is_answered(&self) -> bool {
        self.total.is_some_and(|total| self.received >= total)
    }
}

impl Together {
    /// Nothing.
    pub fn new(seed: Seed) -> Self {
        Together {
            questions: Map::with_hasher(seed),
            standing: 0,
            found: Found::default(),
            of: None,
            is_growing: false,
        }
    }

    /// Nobody is left who waits for anything.
    pub(super) fn forget_all(&mut self) {
        self.questions.clear();
        self.of = None;
    }
}

impl Core {
    /// A turn is over: hands on what has come before it, and asks for those who have waited, as far as `budget` allows. Whether
    /// there is more.
    pub(in super::super) fn end_turn(
        &mut self,
        now: Instant,
        budget: &mut usize,
        out: &mut Effects,
    ) -> bool {
        // While more comes, nobody is kept waiting: it is not told before there is all of it.
        let is_growing = std::mem::take(&mut self.together.is_growing);
        if !is_growing {
            self.hand_on(now, out);
        }
        if self.shut_down.is_some() {
            self.shared.asking.clear();
        }
        self.shared.asking.end_turn();
        while *budget > 0 {
            let Some((zones, askers)) = self.shared.asking.next(SESSIONS_MAX) else {
                return is_growing;
            };
            *budget = budget.saturating_sub(askers.len());
            self.ask_for_several(now, &zones, askers, out);
        }
        true
    }

    fn ask_for_several(
        &mut self,
        now: Instant,
        zones: &Zones,
        mut askers: Vec<Asker>,
        out: &mut Effects,
    ) {
        let Core { slots, shared, together, comparing, .. } = self;
        let mut framings: Vec<Framing> = Vec::new();
        askers.retain(|&(key, query)| {
            let session = session_at(slots, key).filter(|session| session.wants_to_ask(query));
            let Some(framing) = session.map(|session| session.framing().of_broadcast()) else {
                return false;
            };
            if !framings.contains(&framing) {
                framings.push(framing);
            }
            true
        });
        match askers[..] {
            [] => {}
            [(key, query)] => {
                if let Some(session) = session_at(slots, key) {
                    session.ask_alone(&mut agent::Context { shared, out, now }, query, zones);
                }
            }
            _ => {
                comparing.listen(out);
                let context = Context(comparing.new_context().0 | OF_SEVERAL);
                let Zones { parent, zones } = zones;
                let (parent, zones) = (*parent, List::new(zones));
                let question = StateServer::ObjectGetZonesObjects { context, parent, zones };
                let asker: Channel = comparing.asker();
                out.route(&[parent.channel()], asker, &question).expect("a session has asked it");
                let question = Question { askers, framings, total: None, received: 0 };
                together.questions.insert(context, question);
                self.tidy_questions();
            }
        }
    }

    /// Takes what answers a question for several; whether it does.
    pub(super) fn answered_to_several(
        &mut self,
        now: Instant,
        message: &Cluster<'_>,
        out: &mut Effects,
    ) -> bool {
        use StateServer as S;
        let Cluster::StateServer(answer) = message else { return false };
        let (context, object, has_other) = match *answer {
            S::ObjectEnterInterestWithRequired { context, object } => (context, object, false),
            S::ObjectEnterInterestWithRequiredOther { context, object } => (context, object, true),
            S::ObjectGetZonesCountResp { context, count } if context.0 & OF_SEVERAL != 0 => {
                self.hand_on(now, out);
                self.count_for_several(now, context, count, out);
                return true;
            }
            _ => return false,
        };
        if context.0 & OF_SEVERAL == 0 {
            return false;
        }
        if self.together.of != Some(context) {
            self.hand_on(now, out);
        }
        let is_comparing = self.comparing.is_under_way();
        if is_comparing {
            let askers = self.together.questions.get(&context).map(|question| &question.askers);
            let askers = askers.into_iter().flatten();
            let sessions: Vec<SessionIndex> = askers
                .filter(|(key, _)| session_at(&mut self.slots, *key).is_some())
                .map(|(key, _)| key.index)
                .collect();
            self.overhear(now, message, &sessions, out);
        }
        self.found_for_several(context, object, has_other);
        let Together { questions, found, is_growing, .. } = &mut self.together;
        let is_enough = questions.get(&context).is_none_or(|question| {
            question.is_answered() || found.len() * question.askers.len() >= HANDED_MAX
        });
        if is_enough || is_comparing {
            self.hand_on(now, out);
        } else {
            *is_growing = true;
            out.go_on_later();
        }
        true
    }

    fn found_for_several(&mut self, context: Context, object: ObjectState<'_>, has_other: bool) {
        let Core { shared, together, .. } = self;
        let Some(question) = together.questions.get_mut(&context) else {
            tracing::debug!(%context, doId = %object.do_id, "object of an unknown question");
            return;
        };
        together.of = Some(context);
        question.received = question.received.saturating_add(1);
        let news = News::ObjectEnters { object, has_other };
        let added = together.found.add(&object, &question.framings, |framing, buffer| {
            shared.voice.write(&news, framing, buffer)
        });
        let keeps = |rules: &FieldRules| rules.keeps(object.class_id) != Keeps::Nothing;
        match added {
            Ok(()) if shared.rules.as_deref().is_some_and(keeps) => {
                together.found.remember(&object, has_other);
            }
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "a message does not fit the client protocol"),
        }
    }

    fn count_for_several(
        &mut self,
        now: Instant,
        context: Context,
        count: DoId,
        out: &mut Effects,
    ) {
        let Some(question) = self.together.questions.get_mut(&context) else {
            tracing::debug!(%context, "count for an unknown question");
            return;
        };
        question.total.get_or_insert(count.0);
        self.for_askers(now, context, out, |session, cx, query| {
            session.count_answered(cx, query, count.0)
        });
    }

    /// Hands on what has come, if anything has.
    #[inline]
    pub(super) fn hand_on(&mut self, now: Instant, out: &mut Effects) {
        if let Some(context) = self.together.of.take() {
            self.hand_on_to(now, context, out);
        }
    }

    fn hand_on_to(&mut self, now: Instant, context: Context, out: &mut Effects) {
        let found = Arc::new(std::mem::take(&mut self.together.found));
        let sessions = self.for_askers(now, context, out, |session, cx, query| {
            session.objects_answered(cx, query, &found)
        });
        out.note_members(found.len() * sessions);
        out.spend(found.len() * sessions / OBJECTS_PER_STEP);
    }

    /// Has all who wait for a question do something, and forgets the question if that is answered. How many they are.
    fn for_askers(
        &mut self,
        now: Instant,
        context: Context,
        out: &mut Effects,
        act: impl Fn(&mut super::Session, &mut agent::Context<'_>, Context) -> Result<(), End>,
    ) -> usize {
        let Core { slots, shared, together, .. } = self;
        let Some(question) = together.questions.get_mut(&context) else { return 0 };
        let mut ends: Vec<(SessionKey, End)> = Vec::new();
        let mut cx = agent::Context { shared, out: &mut *out, now };
        for &(key, query) in &question.askers {
            let Some(session) = session_at(slots, key) else { continue };
            if let Err(end) = act(session, &mut cx, query) {
                ends.push((key, end));
            }
        }
        let sessions = question.askers.len();
        if question.is_answered() {
            together.questions.remove(&context);
        }
        for (key, end) in ends {
            self.end(now, key.index, &end, out);
        }
        sessions
    }

    /// Forgets what nobody waits for any more. What is late for a query is late here as long.
    fn tidy_questions(&mut self) {
        let Core { together, slots, .. } = self;
        if together.questions.len() <= 2 * together.standing + CROWD_MIN {
            return;
        }
        let mut asks = |&(key, query): &Asker| {
            session_at(slots, key).is_some_and(|session| session.asks(query))
        };
        together.questions.retain(|_, question| question.askers.iter().any(&mut asks));
        together.standing = together.questions.len();
    }

    /// How many questions for several are not answered.
    #[cfg(test)]
    pub(crate) fn questions_for_several(&self) -> usize {
        self.together.questions.len()
    }
}
