//! After a gap: what clients have been told is compared with the cluster. [`comparison`](super::super::comparison)
//! tells how.

mod answers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Core;
use super::absent::OF_ABSENT;
use super::together::OF_SEVERAL;
use crate::hash::{Map, Seed};
use crate::ids::{self, Channel, DoId};
use crate::message::{Cluster, List, StateServer};
use crate::object::Pace;
use crate::role::Effects;
use crate::role::client_agent::agent::{Context, SessionIndex, SessionKey, Timer, Translation};
use crate::role::client_agent::comparison::{Question, Round, Sessions, Spared, Stage};
use crate::role::client_agent::session::{End, Session};
use crate::wire::Envelope;

/// So many times `tuning.interest_timeout` after a loss became known a client is put out for a session object.
const REPRIEVE: u32 = 12;
/// For so long others are waited for who may have been lost, or come back, with a state server.
const OTHERS: Duration = Duration::from_millis(100);
/// So many state servers are named in the log for one round.
const REASONS_MAX: usize = 64;
/// Owners whose objects are asked for at once.
const OWNERS_MAX: usize = 4096;
/// So many zones or objects are noted in one step.
const LOOKS_PER_STEP: usize = 16;

/// What the agent itself asks the cluster.
pub struct Comparing {
    /// Who it is then: a channel that nobody else has. It listens there from the first question on, also to answers
    /// that come when the round is over.
    asker: Channel,
    is_listening: bool,
    next_context: u32,
    round: Option<Box<Round>>,
    /// The round that is to begin when there is no other.
    next: Option<Next>,
    pace: Pace,
    /// State servers of which it has been said that they are lost (false) or back, since the last round began.
    reasons: BTreeMap<Channel, bool>,
    /// The next session that is ended if it has been ended for the cluster, after a gap of the agent's own.
    ending: Option<usize>,
    spared: Spared,
    /// As [`Round::late`], of the last round.
    late: Map<ids::Context, Sessions>,
    location: Translation,
    values: Translation,
}

/// A round that is to begin.
#[derive(Copy, Clone)]
struct Next {
    begins: Instant,
    /// When the first became known of what it is for.
    since: Instant,
}

impl Comparing {
    pub fn new(seed: Seed) -> Self {
        use std::hash::BuildHasher;
        // No object is so far up, and hardly the place of one: a random number is met by nobody.
        let asker = Channel(seed.hash_one("who asks after a gap") | 1 << 63);
        Comparing {
            asker,
            is_listening: false,
            next_context: 0,
            round: None,
            next: None,
            pace: Pace::default(),
            reasons: BTreeMap::new(),
            ending: None,
            spared: Spared::new(seed),
            late: Map::with_hasher(seed),
            location: Translation::default(),
            values: Translation::default(),
        }
    }

    /// Listens to answers from now on.
    pub(super) fn listen(&mut self, out: &mut Effects) {
        if !self.is_listening {
            self.is_listening = true;
            out.subscribe(self.asker);
        }
    }

    /// Nobody is left for whom anything could be asked.
    pub(super) fn listen_no_more(&mut self, out: &mut Effects) {
        if std::mem::take(&mut self.is_listening) {
            out.unsubscribe(self.asker);
        }
    }

    pub(super) const fn asker(&self) -> Channel {
        self.asker
    }

    /// Whether a datagram is an answer to the agent itself.
    fn is_asker(&self, envelope: &Envelope<'_>) -> bool {
        self.is_listening && envelope.recipients.iter().any(|channel| channel == self.asker)
    }

    pub(super) const fn new_context(&mut self) -> ids::Context {
        new_context(&mut self.next_context)
    }

    const fn translations(&mut self) -> [&mut Translation; 2] {
        [&mut self.location, &mut self.values]
    }

    /// Whether it matters of which objects is heard.
    #[inline]
    pub fn is_under_way(&self) -> bool {
        self.round.is_some() || !self.spared.is_empty()
    }

    /// When something is to be done, if nothing happens until then.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.round {
            Some(round) => round.deadline(),
            None => self.next.map(|next| next.begins),
        }
    }

    /// Notes what a message says of objects.
    fn overhear(&mut self, message: &Cluster<'_>) {
        use StateServer as S;
        let Cluster::StateServer(message) = message else { return };
        match message {
            S::ObjectEnterLocationWithRequired { object }
            | S::ObjectEnterLocationWithRequiredOther { object }
            | S::ObjectEnterInterestWithRequired { object, .. }
            | S::ObjectEnterInterestWithRequiredOther { object, .. } => {
                self.hear(object.do_id, |round| round.hear(object.do_id, object.location));
            }
            S::ObjectEnterOwnerWithRequired { object }
            | S::ObjectEnterOwnerWithRequiredOther { object }
            | S::Owned { object, .. } => {
                self.hear(object.do_id, |round| round.hear_itself(object.do_id, object.location));
            }
            S::ObjectChangingLocation { do_id, new, .. } => {
                self.hear(*do_id, |round| round.hear(*do_id, *new));
            }
            S::ObjectDeleteRam { do_id } => self.hear(*do_id, |round| round.hear_the_end(*do_id)),
            _ => {}
        }
    }

    fn hear(&mut self, do_id: DoId, note: impl FnOnce(&mut Round)) {
        self.spared.remove(do_id);
        if let Some(round) = &mut self.round {
            note(round);
        }
    }
}

impl Core {
    /// The agent's own connection to the cluster was away: messages may have been missed, and what was to be said at the
    /// end of sessions has been said there. All that clients have been told is compared with the cluster.
    pub(super) fn was_away(&mut self, now: Instant, out: &mut Effects) {
        self.comparing.ending = Some(0);
        self.want_comparison(now, now, out);
        self.somebody_is_back(now);
        out.go_on_later();
    }

    /// A state server is lost, or was away: what clients have been told of its objects is compared. Nobody knows
    /// which these are.
    pub(super) fn server_was_away(&mut self, now: Instant, is_back: bool, out: &mut Effects) {
        self.want_comparison(now, now + OTHERS, out);
        if is_back {
            self.somebody_is_back(now + OTHERS);
        }
    }

    /// A round is to begin then, if there is none, and others have not been too many.
    fn want_comparison(&mut self, now: Instant, begins: Instant, out: &mut Effects) {
        if self.shut_down.is_some() {
            return;
        }
        self.shared.is_comparing = true;
        let comparing = &mut self.comparing;
        comparing.listen(out);
        let begins = comparing.pace.earliest(begins);
        // Others do not put it off.
        let next = comparing.next.get_or_insert(Next { begins, since: now });
        next.begins = next.begins.min(begins);
    }

    /// Whoever is not heard of in the round that is under way may have been away.
    fn somebody_is_back(&mut self, at: Instant) {
        if let Some(round) = &mut self.comparing.round {
            round.somebody_is_back(at);
        }
    }

    /// Begins the round that is due; whether there is one.
    fn begin_to_compare(&mut self, now: Instant) -> bool {
        let Core { comparing, shared, .. } = self;
        let Some(next) = comparing.next.take_if(|next| next.begins <= now) else { return false };
        let grace = shared.interest_timeout();
        let round = Round::new(shared.seed, now, next.since, shared.patient_timeout(), grace);
        comparing.pace.begin(now);
        // Only now: when the daemon ends its own state server goes, too, and that is no news.
        for (server, is_back) in std::mem::take(&mut comparing.reasons) {
            match is_back {
                true => tracing::info!(%server, "a state server is back"),
                false => tracing::warn!(%server, "a state server is lost, or out of reach"),
            }
        }
        comparing.round = Some(Box::new(round));
        true
    }

    /// Goes on with it, as far as `budget` allows, which it is taken from. Whether there is more to do.
    pub(super) fn compare(&mut self, now: Instant, budget: &mut usize, out: &mut Effects) -> bool {
        loop {
            if self.shut_down.is_some() {
                return false;
            }
            if *budget == 0 {
                return self.comparing.ending.is_some() || self.comparing.round.is_some();
            }
            if let Some(place) = self.comparing.ending {
                self.end_if_over(now, place, budget, out);
                continue;
            }
            let Some(round) = &mut self.comparing.round else {
                if self.begin_to_compare(now) {
                    continue;
                }
                return false;
            };
            match &mut round.stage {
                Stage::Collecting(session) => {
                    let place = *session;
                    *session += 1;
                    if place < self.slots.len() {
                        self.collect(now, place, budget);
                    } else {
                        round.begin_to_ask(now);
                        self.ask_for_owned(out);
                    }
                }
                Stage::Asking(_) => {
                    if let Some(place) = round.doubting() {
                        self.doubt(now, place, budget);
                    } else if !self.ask(budget, out) {
                        return false;
                    }
                }
                Stage::Judging(session, objects) => {
                    let place = *session;
                    if let Some(do_id) = objects.pop() {
                        *budget -= 1;
                        self.judge_object(now, place, do_id, out);
                    } else {
                        *session += 1;
                        self.begin_to_judge(place + 1, budget);
                    }
                }
            }
        }
    }

    /// It is time to begin; or somebody is to be asked once more, or nobody has answered for long.
    pub(super) fn comparison_due(&mut self, now: Instant, out: &mut Effects) {
        if self.comparing.deadline().is_some_and(|deadline| deadline <= now) {
            if let Some(round) = &mut self.comparing.round {
                round.on_deadline(now);
            }
            out.go_on_later();
        }
    }

    /// Ends a session if it has been ended for the cluster.
    fn end_if_over(&mut self, now: Instant, place: usize, budget: &mut usize, out: &mut Effects) {
        *budget -= 1;
        let Some(slot) = self.slots.get_mut(place) else {
            self.comparing.ending = None;
            return;
        };
        self.comparing.ending = Some(place + 1);
        let mut cx = Context { shared: &mut self.shared, out: &mut *out, now };
        let session = slot.session.as_mut();
        if let Some(Err(end)) = session.map(|session| session.last_words_were_said(&mut cx)) {
            self.end(now, place as SessionIndex, &end, out);
        }
    }

    /// Notes what a session sees and owns.
    fn collect(&mut self, now: Instant, place: usize, budget: &mut usize) {
        let Core { slots, comparing, .. } = self;
        let (Some(round), Some(session)) = (&mut comparing.round, &mut slots[place].session) else {
            return;
        };
        *budget = budget.saturating_sub(1 + session.size() / LOOKS_PER_STEP);
        session.begins_to_be_compared();
        session.zones_to_compare().for_each(|at| round.want_zone(at));
        let key = session.key();
        round.owners.push(session.owner_for(now));
        session.objects_to_compare().for_each(|do_id| round.want_object(do_id, key));
    }

    /// Notes which objects of a session are in doubt, when somebody is back.
    fn doubt(&mut self, now: Instant, place: usize, budget: &mut usize) {
        let Core { slots, comparing, .. } = self;
        let Some(round) = &mut comparing.round else { return };
        let Some(slot) = slots.get(place) else {
            round.doubts_are_asked(now);
            return;
        };
        round.doubt_next();
        let Some(session) = &slot.session else { return };
        *budget = budget.saturating_sub(1 + session.size() / LOOKS_PER_STEP);
        let objects = session.objects_to_judge();
        objects.into_iter().for_each(|do_id| round.doubt(do_id, session.owns(do_id)));
    }

    /// Asks all who keep objects for those of clients. Nobody waits for their answers: each says what is so.
    fn ask_for_owned(&mut self, out: &mut Effects) {
        if let Some(round) = &mut self.comparing.round {
            let owners = std::mem::take(&mut round.owners);
            self.ask_for_objects_of(&owners, out);
        }
    }

    /// An object has said too late whose it is: its owner is told again.
    fn ask_if_unaware(&mut self, now: Instant, owner: Channel, do_id: DoId, out: &mut Effects) {
        let mut sessions = self.shared.subscribers.of(owner).iter();
        let is_unaware = |session: &&Session| session.channel() == owner && !session.owns(do_id);
        let session = |index: &SessionIndex| self.slots[*index as usize].session.as_deref();
        let unaware = sessions.find_map(|index| session(index).filter(is_unaware));
        if let Some(owner) = unaware.map(|session| session.owner_for(now)) {
            self.ask_for_objects_of(&[owner], out);
        }
    }

    fn ask_for_objects_of(&mut self, owners: &[(Channel, u32)], out: &mut Effects) {
        for owners in owners.chunks(OWNERS_MAX) {
            let context = self.comparing.new_context();
            let question = StateServer::GetOwned { context, owners: List::new(owners) };
            let asker = self.comparing.asker;
            out.route(&[Channel::OBSERVERS], asker, &question).expect("so many fit a datagram");
        }
    }

    /// Asks what there is room for; whether there is something else to do then, without an answer.
    fn ask(&mut self, budget: &mut usize, out: &mut Effects) -> bool {
        let Comparing { round, next_context, asker, .. } = &mut self.comparing;
        let Some(round) = round else { return false };
        while *budget > 0
            && let Some(question) = round.next_question()
        {
            *budget -= 1;
            let context = new_context(next_context);
            if let Err(error) = send(&question, context, *asker, out) {
                tracing::error!(?question, %error, "a question after a gap cannot be asked");
            } else {
                round.note_asked(context, question);
            }
        }
        if !round.has_asked_all() {
            return *budget == 0;
        }
        round.stage = Stage::Judging(0, Vec::new());
        self.begin_to_judge(0, budget);
        true
    }

    /// Notes the objects of a session, to be judged; or ends the round, if it was the last one.
    fn begin_to_judge(&mut self, place: usize, budget: &mut usize) {
        let Core { slots, shared, comparing, .. } = self;
        let Some(round) = &mut comparing.round else { return };
        let Some(slot) = slots.get(place) else {
            round.tally.log();
            comparing.late = std::mem::replace(&mut round.late, Map::with_hasher(shared.seed));
            comparing.round = None;
            shared.is_comparing = comparing.next.is_some();
            return;
        };
        let objects = slot.session.as_ref().map(|session| session.objects_to_judge());
        let objects = objects.unwrap_or_default();
        *budget = budget.saturating_sub(1 + objects.len() / LOOKS_PER_STEP);
        round.stage = Stage::Judging(place, objects);
    }

    fn judge_object(&mut self, now: Instant, place: usize, do_id: DoId, out: &mut Effects) {
        let Core { slots, shared, comparing, .. } = self;
        let (Some(round), Some(session)) = (&mut comparing.round, &mut slots[place].session) else {
            return;
        };
        let (heard, is_known) = (round.heard(do_id), round.is_known(do_id));
        if heard.is_none() && session.would_end_without(do_id) {
            let (key, since) = (session.key(), round.since);
            self.spare(now, key, do_id, since, out);
            return;
        }
        let mut cx = Context { shared, out: &mut *out, now };
        match session.judge_object(&mut cx, do_id, heard, is_known) {
            Ok(was_right) => round.tally.gone += usize::from(!was_right),
            Err(end) => self.end(now, place as SessionIndex, &end, out),
        }
    }

    /// A session object has not been heard of: it has some time more, and is asked once more.
    fn spare(
        &mut self,
        now: Instant,
        key: SessionKey,
        do_id: DoId,
        since: Instant,
        out: &mut Effects,
    ) {
        let until = since + self.shared.interest_timeout() * REPRIEVE;
        if self.comparing.spared.add(do_id, key, until.max(now)) {
            self.shared.deadlines.set(until, Timer::Spared(key, do_id));
            let context = self.comparing.new_context();
            let question = StateServer::ObjectGetLocation { context };
            let to = [do_id.channel()];
            out.route(&to, self.comparing.asker, &question).expect("it is small");
        }
    }

    /// A session object's time is over. If somebody has come back just now, he has a moment more.
    pub(super) fn reprieve_is_over(
        &mut self,
        now: Instant,
        key: SessionKey,
        do_id: DoId,
        out: &mut Effects,
    ) {
        let until = now + self.shared.interest_timeout();
        let comparing = &mut self.comparing;
        if !comparing.spared.is_due(do_id, key, now) {
            return;
        }
        let is_comparing = comparing.round.is_some() || comparing.next.is_some();
        if is_comparing && comparing.spared.prolong(do_id, key, until) {
            self.shared.deadlines.set(until, Timer::Spared(key, do_id));
            return;
        }
        comparing.spared.end(do_id, key);
        self.with(now, key, out, |session, cx| {
            session.judge_object(cx, do_id, None, false).map(drop)
        });
    }

    /// Handles what comes to no session, but to the agent itself.
    pub(super) fn handle_as_agent(
        &mut self,
        now: Instant,
        envelope: &Envelope<'_>,
        out: &mut Effects,
    ) {
        self.root_appears(now, envelope, out);
        if self.shared.scripting.as_ref().is_some_and(|it| it.is_answer(envelope)) {
            self.shared.script_answer(now, envelope, out);
        } else if self.comparing.is_asker(envelope) {
            if !self.root_answers(now, envelope, out) {
                self.answered(now, envelope, out);
            }
        } else if self.parent_appears(envelope, out) {
        } else if is_about_server(envelope) {
            let is_back = envelope.message_type == StateServer::STATESERVER_BACK;
            if self.comparing.reasons.len() < REASONS_MAX {
                self.comparing.reasons.insert(envelope.sender, is_back);
            }
            self.server_was_away(now, is_back, out);
            self.doubt_root(now, out);
        }
    }

    fn for_those_who_asked(
        &mut self,
        now: Instant,
        context: ids::Context,
        out: &mut Effects,
        act: impl Fn(&mut Session, &mut Context<'_>) -> Result<(), End>,
    ) {
        let Comparing { round, late, .. } = &self.comparing;
        let sessions = match round {
            Some(round) => Sessions::from(round.asked_for(context)),
            None => late.get(&context).cloned().unwrap_or_default(),
        };
        for key in sessions {
            self.with(now, key, out, &act);
        }
    }

    fn end_all(&mut self, now: Instant, ends: Vec<(SessionIndex, End)>, out: &mut Effects) {
        for (index, end) in ends {
            self.end(now, index, &end, out);
        }
    }
}

/// A number that no question has had for a long time.
const fn new_context(next: &mut u32) -> ids::Context {
    let context = ids::Context(*next);
    *next = next.wrapping_add(1) & !(OF_ABSENT | OF_SEVERAL);
    context
}

/// Whether a datagram says that a state server is lost, or was away.
fn is_about_server(envelope: &Envelope<'_>) -> bool {
    use StateServer as S;
    matches!(envelope.message_type, S::STATESERVER_LOST | S::STATESERVER_BACK)
        && envelope.recipients.iter().any(|channel| channel == Channel::OBSERVERS)
}

/// Asks a question.
fn send(
    question: &Question,
    context: ids::Context,
    asker: Channel,
    out: &mut Effects,
) -> Result<(), crate::wire::Error> {
    use StateServer as S;
    match question {
        Question::Zones { parent, zones, .. } | Question::Children { parent, zones } => {
            let is_of_parent = matches!(question, Question::Zones { .. });
            let to = if is_of_parent { parent.channel() } else { parent.children() };
            let zones = List::new(zones);
            out.route(&[to], asker, &S::ObjectGetZonesObjects { context, parent: *parent, zones })
        }
        Question::Object { do_id, .. } => {
            let (do_id, to) = (*do_id, [do_id.channel()]);
            out.route(&to, asker, &S::ObjectGetLocation { context })?;
            out.route(&to, asker, &S::ObjectGetAll { context, do_id })?;
            // Last: who answers the first question and not this one does not know it.
            out.route(&to, asker, &S::ObjectGetOwner { context })
        }
        Question::Doubt(do_id) => {
            out.route(&[do_id.channel()], asker, &S::ObjectGetLocation { context })
        }
    }
}
