//! After a gap: what clients have been told is compared with the cluster. The data; who does it is `core::comparing`.
//!
//! Messages have been missed, so objects may have come, gone, moved, changed, or got other owners, and nobody is going
//! to say so again. So the agent asks, in its own name, and once for all sessions:
//!
//! | Asked | whom | what |
//! |---|---|---|
//! | for each zone that a session sees | its parent | the objects in it, as for an interest |
//! | for each object that a session owns, or sees where it has no interest | itself | owner, location, values |
//! | for each session | all who keep objects | what it owns: that may be something that it does not know |
//!
//! **What is answered is true when it comes**: between the object and here nothing overtakes it. So each answer is
//! told at once to all whom it concerns, as a broadcast is, and nothing has to be held back. Only that something
//! is *not* there is known at the end: an object that no answer and no other message has named meanwhile ([`Round::heard`])
//! is gone.
//!
//! # A round
//! 1. *Collecting*: what sessions see and own is noted, some sessions at a time.
//! 2. *Asking*: not all at once, so that a state server is not asked by all agents for everything in the same moment:
//!    a [`window`](Round::window) bounds the questions that are not answered, and [`OBJECTS_MAX`] the objects that are to come. A
//!    parent that does not answer may be nowhere, and its children somewhere: they are asked themselves.
//! 3. *Judging*: each session parts with what has not been heard of, some at a time.
//!
//! Another gap meanwhile begins another round. What is answered late is told all the same: it is true.
//!
//! A state server that was away says so itself, since others may have taken it for lost; and one that is lost is
//! said to be. That begins a round a moment later, since there may be several.

use std::collections::{hash_map, hash_set};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::agent::SessionKey;
use super::interest::Answers;
use crate::hash::{Map, Paged, Seed, Set};
use crate::ids::{Channel, Context, DoId, Location, ZoneId};

/// How many questions wait for an answer at first. Each that is answered makes room for two.
const WINDOW: usize = 64;
/// And how many at most.
const WINDOW_MAX: usize = 4096;
/// What is silent is not busy: so many times more are asked after a silence.
const AFTER_SILENCE: usize = 16;
/// So many objects may have been announced and not come.
const OBJECTS_MAX: usize = 16 * 1024;
/// Zones that one question is about, so that it does not have more objects come than it has to.
const ZONES_MAX: usize = 256;

/// Sessions for which an object is asked: nearly always its owner's.
pub type Sessions = SmallVec<[SessionKey; 1]>;

/// One time that all is compared.
#[derive(Debug)]
pub struct Round {
    pub stage: Stage,
    /// Why it began: what was to be said at the end of sessions may have been said.
    pub is_own_gap: bool,
    /// What is collected, and has not been asked yet.
    zones: Map<DoId, Set<ZoneId>>,
    objects: Map<DoId, Sessions>,
    /// As whom sessions may own something.
    pub owners: Vec<Channel>,
    asked: Map<Context, Question>,
    /// For whom objects have been asked that were silent, or have not said whose they are: they may answer yet.
    pub late: Map<Context, Sessions>,
    /// What has been asked of objects that are to come.
    announced: usize,
    window: usize,
    /// Objects of which has been heard since the round began, and where they are.
    heard: Paged<DoId, Location>,
    /// Those that have answered themselves, or said whose they are: it is not others that have their ids by now.
    known: Set<DoId>,
    /// For how long nothing may come before it is taken for silence.
    patience: Duration,
    /// When that is over; while collecting, when that may begin.
    due: Instant,
    pub tally: Tally,
}

/// What comes of a round, for the log.
#[derive(Copy, Clone, Default, Debug)]
pub struct Tally {
    pub questions: usize,
    /// Of which nobody has answered.
    pub silent: usize,
    /// Objects of clients that are not there any more, counted for each client.
    pub gone: usize,
}

impl Tally {
    /// Says what has come of it. If nobody has answered, and clients have lost something by that, it is no mere gap: who
    /// kept it is lost.
    pub fn log(&self) {
        let Tally { questions, silent, gone } = *self;
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    questions,
                    silent,
                    gone,
                    "what clients know has been compared with the cluster"
                )
            };
        }
        if silent > 0 && gone > 0 { say!(warn) } else { say!(info) }
    }
}

/// How far a round is.
#[derive(Debug)]
pub enum Stage {
    /// The next session that is to be asked what it sees.
    Collecting(usize),
    Asking(Queue),
    /// The session that is judged, and its objects that have not been.
    Judging(usize, Vec<DoId>),
}

/// What is still to be asked.
#[derive(Debug)]
pub struct Queue {
    parents: hash_map::IntoIter<DoId, Set<ZoneId>>,
    /// The rest of one of them.
    parent: Option<(DoId, hash_set::IntoIter<ZoneId>)>,
    objects: hash_map::IntoIter<DoId, Sessions>,
    /// Parents that have not answered.
    silent: Vec<(DoId, Vec<ZoneId>)>,
}

/// Something that is to be asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Question {
    /// A parent is asked for the objects in zones.
    Zones { parent: DoId, zones: Vec<ZoneId>, answers: Answers },
    /// The children of a parent, which has not answered, are asked whether they are in zones. Nobody knows how many
    /// there are.
    Children { parent: DoId, zones: Vec<ZoneId> },
    /// An object is asked about itself, for these sessions.
    Object { do_id: DoId, sessions: Sessions },
}

impl Round {
    /// One that begins.
    pub fn new(seed: Seed, begins: Instant, patience: Duration, is_own_gap: bool) -> Self {
        Round {
            stage: Stage::Collecting(0),
            is_own_gap,
            zones: Map::with_hasher(seed),
            objects: Map::with_hasher(seed),
            owners: Vec::new(),
            asked: Map::with_hasher(seed),
            late: Map::with_hasher(seed),
            announced: 0,
            window: WINDOW,
            heard: Paged::with_hasher(seed),
            known: Set::with_hasher(seed),
            patience,
            due: begins,
            tally: Tally::default(),
        }
    }

    /// Whether what was to be said at the end of sessions has still to be looked at.
    pub const fn is_to_end_sessions(&self) -> bool {
        self.is_own_gap && matches!(self.stage, Stage::Collecting(_))
    }

    /// Whether it has not begun.
    const fn is_to_begin(&self) -> bool {
        matches!(self.stage, Stage::Collecting(0))
    }

    /// When it begins, if it has not.
    pub fn begins(&self) -> Option<Instant> {
        self.is_to_begin().then_some(self.due)
    }

    /// Whether it can go on: it is not too early for it.
    pub fn may_go_on(&self, now: Instant) -> bool {
        !self.is_to_begin() || self.due <= now
    }

    // Collecting.

    /// A session sees a zone.
    pub fn want_zone(&mut self, at: Location) {
        let seed = *self.zones.hasher();
        self.zones.entry(at.parent).or_insert_with(|| Set::with_hasher(seed)).insert(at.zone);
    }

    /// A session knows an object that has to be asked itself.
    pub fn want_object(&mut self, do_id: DoId, session: SessionKey) {
        self.objects.entry(do_id).or_default().push(session);
    }

    /// All has been collected.
    pub fn begin_to_ask(&mut self, now: Instant) {
        let seed = *self.zones.hasher();
        let parents = std::mem::replace(&mut self.zones, Map::with_hasher(seed)).into_iter();
        let objects = std::mem::replace(&mut self.objects, Map::with_hasher(seed)).into_iter();
        self.stage = Stage::Asking(Queue { parents, parent: None, objects, silent: Vec::new() });
        self.due = now + self.patience;
    }

    // Asking.

    /// What is to be asked next, if there is room for a question.
    pub fn next_question(&mut self) -> Option<Question> {
        let Stage::Asking(queue) = &mut self.stage else { return None };
        let has_room = self.asked.len() < self.window && self.announced < OBJECTS_MAX;
        if has_room { queue.next() } else { None }
    }

    /// A question has been asked.
    pub fn note_asked(&mut self, context: Context, question: Question) {
        self.tally.questions += 1;
        self.asked.insert(context, question);
    }

    /// Somebody has answered: nobody is taken for silent for a while. An answer to what was asked before this round
    /// began does not put it off.
    fn note_answer(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Asking(_)) {
            self.due = now + self.patience;
        }
    }

    /// A parent says how many objects a question will find.
    pub fn note_count(&mut self, now: Instant, context: Context, count: u32) {
        self.count(now, context, |answers| {
            answers.total.get_or_insert(count);
        });
    }

    /// An object has answered a question for zones.
    pub fn note_found(&mut self, now: Instant, context: Context) {
        self.count(now, context, |answers| answers.received += 1);
    }

    fn count(&mut self, now: Instant, context: Context, count: impl FnOnce(&mut Answers)) {
        self.note_answer(now);
        let Some(Question::Zones { answers, .. }) = self.asked.get_mut(&context) else { return };
        self.announced -= answers.missing();
        count(answers);
        self.announced += answers.missing();
        if answers.are_complete() {
            self.is_answered(context);
        }
    }

    /// An object has told all of itself. Whom it was asked for.
    pub fn note_told(&mut self, now: Instant, context: Context) -> Sessions {
        self.note_answer(now);
        let sessions = Sessions::from(self.asked_for(context));
        if self.asked.contains_key(&context) {
            self.is_answered(context);
            // Whose it is it says last, if it understands the question.
            self.late.insert(context, sessions.clone());
        }
        sessions
    }

    /// For whom an object has been asked.
    pub fn asked_for(&self, context: Context) -> &[SessionKey] {
        match self.asked.get(&context) {
            Some(Question::Object { sessions, .. }) => sessions,
            _ => self.late.get(&context).map_or(&[], |sessions| sessions),
        }
    }

    fn is_answered(&mut self, context: Context) {
        self.asked.remove(&context);
        self.window = (self.window + 1).min(WINDOW_MAX);
    }

    /// Whether all has been asked, and answered as far as it is going to be.
    pub fn has_asked_all(&self) -> bool {
        self.asked.is_empty() && matches!(&self.stage, Stage::Asking(queue) if queue.is_empty())
    }

    /// When it is to begin, or nobody is waited for any longer, if nothing comes until then.
    pub fn deadline(&self) -> Option<Instant> {
        (self.is_to_begin() || matches!(self.stage, Stage::Asking(_))).then_some(self.due)
    }

    /// Nothing has come for long: whoever has not answered is silent.
    pub fn is_silent(&mut self, now: Instant) {
        let Stage::Asking(queue) = &mut self.stage else { return };
        self.announced = 0;
        self.window = (self.window * AFTER_SILENCE).min(WINDOW_MAX);
        self.due = now + self.patience;
        for (context, question) in self.asked.drain() {
            match question {
                Question::Object { sessions, .. } => {
                    self.late.insert(context, sessions);
                    self.tally.silent += 1;
                }
                Question::Zones { parent, zones, answers } if answers.total.is_none() => {
                    queue.silent.push((parent, zones));
                }
                _ => self.tally.silent += 1,
            }
        }
    }

    // What is known.

    /// An object is said to be somewhere.
    pub fn hear(&mut self, do_id: DoId, at: Location) {
        self.heard.add(do_id, || at, |before| *before = at);
    }

    /// An object itself says where it is, or whose.
    pub fn hear_itself(&mut self, do_id: DoId, at: Location) {
        self.hear(do_id, at);
        self.known.insert(do_id);
    }

    /// An object is said to be no more.
    pub fn hear_the_end(&mut self, do_id: DoId) {
        self.heard.remove(do_id);
        self.known.remove(&do_id);
    }

    /// Whether an object has answered itself.
    pub fn is_known(&self, do_id: DoId) -> bool {
        self.known.contains(&do_id)
    }

    /// Where an object is, if anything has been heard of it since the round began.
    pub fn heard(&self, do_id: DoId) -> Option<Location> {
        self.heard.get(&do_id).copied()
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        let has_rest = self.parent.as_ref().is_some_and(|(_, zones)| zones.len() > 0);
        !has_rest && self.parents.len() == 0 && self.objects.len() == 0 && self.silent.is_empty()
    }

    fn next(&mut self) -> Option<Question> {
        if self.parent.as_ref().is_none_or(|(_, zones)| zones.len() == 0) {
            self.parent = self.parents.next().map(|(parent, zones)| (parent, zones.into_iter()));
        }
        if let Some((parent, zones)) = &mut self.parent {
            let mut zones: Vec<ZoneId> = zones.by_ref().take(ZONES_MAX).collect();
            zones.sort_unstable();
            let (parent, answers) = (*parent, Answers::default());
            return Some(Question::Zones { parent, zones, answers });
        }
        if let Some((do_id, sessions)) = self.objects.next() {
            return Some(Question::Object { do_id, sessions });
        }
        let (parent, zones) = self.silent.pop()?;
        Some(Question::Children { parent, zones })
    }
}
