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
//! What is answered late is told all the same: it is true.
//!
//! A state server that was away says so itself, since others may have taken it for lost; and one that is lost is
//! said to be. That begins a round a moment later, since there may be several.
//!
//! # What happens meanwhile
//! A round is never begun anew: whoever is silent would not be judged while others come and go. It goes on to its end, and
//! the next one begins then, or when it is [time](crate::object::Pace) for it. What has been heard of before somebody was lost is the next
//! one's to judge.
//!
//! But whoever was away meanwhile, be it the agent itself, must not be judged by that. So when somebody is back, each
//! object that would be judged is in *doubt*: it is asked once more, by itself, and the round is over if all of these answer. That
//! takes no more time than somebody who is there needs to say the first word, [`Round::doubts_are_asked`]: with
//! each object that is found then, there is more.
//!
//! A client is put out if it loses a session object. That cannot be taken back, so such an object is *spared* when it is judged: it has
//! some seconds more to be heard of, by whatever round ([`Spared`]).

mod queue;
mod spared;

use std::time::{Duration, Instant};

use smallvec::SmallVec;

pub use self::queue::{Question, Queue};
pub use self::spared::Spared;
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
/// Objects are not asked once more sooner than so long after they have been.
const DOUBTS_APART: Duration = Duration::from_secs(1);

/// Sessions for which an object is asked: nearly always its owner's.
pub type Sessions = SmallVec<[SessionKey; 1]>;

/// One time that all is compared.
#[derive(Debug)]
pub struct Round {
    pub stage: Stage,
    /// When it became known that something may be wrong.
    pub since: Instant,
    /// What is collected, and has not been asked yet.
    zones: Map<DoId, Set<ZoneId>>,
    objects: Map<DoId, Sessions>,
    /// As whom sessions may own something, and for how long.
    pub owners: Vec<(Channel, u32)>,
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
    /// When that is over.
    due: Instant,
    doubts: Doubts,
    pub tally: Tally,
}

/// Objects of which nothing has been heard, while somebody who was away is back.
#[derive(Debug)]
struct Doubts {
    /// When they are to be asked once more.
    wanted: Option<Instant>,
    /// When they have last been.
    last: Option<Instant>,
    /// The next session whose objects are looked at for that.
    session: Option<usize>,
    /// Those that are to be asked, or have been.
    objects: Set<DoId>,
    /// Those that have not answered.
    open: usize,
    /// All have been asked, and nobody has come back since.
    are_asked: bool,
    /// How much longer it may take for their sake.
    grace: Duration,
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
    Asking(Box<Queue>),
    /// The session that is judged, and its objects that have not been.
    Judging(usize, Vec<DoId>),
}

impl Round {
    /// One that begins. It takes silence for one after `patience`, and waits for `grace` more for those who are back.
    pub fn new(
        seed: Seed,
        now: Instant,
        since: Instant,
        patience: Duration,
        grace: Duration,
    ) -> Self {
        Round {
            stage: Stage::Collecting(0),
            since,
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
            due: now,
            doubts: Doubts {
                wanted: None,
                last: None,
                session: None,
                objects: Set::with_hasher(seed),
                open: 0,
                are_asked: false,
                grace,
            },
            tally: Tally::default(),
        }
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
        let parents = std::mem::replace(&mut self.zones, Map::with_hasher(seed));
        let objects = std::mem::replace(&mut self.objects, Map::with_hasher(seed));
        self.stage = Stage::Asking(Box::new(Queue::new(parents, objects)));
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

    /// Whether all has been asked, and answered as far as it is going to be; or all that was in doubt has been heard of.
    pub fn has_asked_all(&self) -> bool {
        let Stage::Asking(queue) = &self.stage else { return false };
        let nothing_is_in_doubt = self.doubts.are_asked && self.doubts.open == 0;
        queue.is_empty() && (self.asked.is_empty() || nothing_is_in_doubt)
    }

    /// When something is to be done, if nothing comes until then.
    pub fn deadline(&self) -> Option<Instant> {
        let is_asking = matches!(self.stage, Stage::Asking(_));
        let due = self.doubts.wanted.map_or(self.due, |wanted| wanted.min(self.due));
        is_asking.then_some(due)
    }

    /// Something is due: whoever is back is asked once more; or nothing has come for long, and whoever has not answered is
    /// silent.
    pub fn on_deadline(&mut self, now: Instant) {
        if self.doubts.wanted.is_some_and(|wanted| wanted <= now) {
            self.doubts.wanted = None;
            self.doubts.last = Some(now);
            self.doubts.session = Some(0);
            self.doubts.objects.clear();
        } else if self.due <= now {
            self.is_silent(now);
        }
    }

    fn is_silent(&mut self, now: Instant) {
        let Stage::Asking(queue) = &mut self.stage else { return };
        self.announced = 0;
        self.doubts.open = 0;
        self.doubts.are_asked = false;
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
                Question::Doubt(_) => {}
                _ => self.tally.silent += 1,
            }
        }
    }

    // Doubts.

    /// Somebody who was away is back: what has not been heard of is asked once more, a moment later.
    pub fn somebody_is_back(&mut self, at: Instant) {
        if matches!(self.stage, Stage::Judging(..)) {
            return;
        }
        let doubts = &mut self.doubts;
        let earliest = doubts.last.map_or(at, |last| at.max(last + DOUBTS_APART));
        doubts.wanted.get_or_insert(earliest);
        doubts.are_asked = false;
    }

    /// The session that is to be looked at next for objects that are in doubt.
    pub const fn doubting(&self) -> Option<usize> {
        self.doubts.session
    }

    /// An object would be judged: nothing has been heard of it, or not that it is still its owner's.
    pub fn doubt(&mut self, do_id: DoId, is_owned: bool) {
        let is_certain = match is_owned {
            true => self.known.contains(&do_id),
            false => self.heard.contains_key(&do_id),
        };
        let Stage::Asking(queue) = &mut self.stage else { return };
        if !is_certain && self.doubts.objects.insert(do_id) {
            queue.doubtful.push(do_id);
            self.doubts.open += 1;
        }
    }

    /// The objects of a session have been looked at.
    pub fn doubt_next(&mut self) {
        self.doubts.session = self.doubts.session.map(|session| session + 1);
    }

    /// All have been looked at. Whoever is back can say the first word before anybody is taken for silent.
    pub fn doubts_are_asked(&mut self, now: Instant) {
        let doubts = &mut self.doubts;
        doubts.session = None;
        doubts.are_asked = doubts.wanted.is_none();
        let missing = (now + doubts.grace).saturating_duration_since(self.due).min(doubts.grace);
        doubts.grace -= missing;
        self.due += missing;
    }

    /// An object has said where it is.
    pub fn note_located(&mut self, now: Instant, context: Context) {
        if matches!(self.asked.get(&context), Some(Question::Doubt(_))) {
            self.note_answer(now);
            self.is_answered(context);
            self.doubts.open = self.doubts.open.saturating_sub(1);
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
