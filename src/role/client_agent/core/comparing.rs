//! After a gap: what clients have been told is compared with the cluster. [`comparison`](super::super::comparison)
//! tells how.

use std::time::{Duration, Instant};

use super::Core;
use super::telling::{ALL, Telling, for_clients, values_of};
use crate::hash::{Map, Seed};
use crate::ids::{self, Channel, DoId};
use crate::message::{Cluster, List, Message, ObjectState, StateServer};
use crate::role::Effects;
use crate::role::client_agent::agent::{Context, News, SessionIndex, Translation};
use crate::role::client_agent::comparison::{Question, Round, Sessions, Stage};
use crate::role::client_agent::session::{End, Lack, Session};
use crate::wire::{Envelope, Reader};

/// After so many times `tuning.interest_timeout` without any answer nobody is waited for.
const PATIENCE: u32 = 4;
/// For so long others are waited for who may have been lost, or come back, with a state server.
const OTHERS: Duration = Duration::from_millis(100);
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
    /// As [`Round::late`], of the last round.
    late: Map<ids::Context, Sessions>,
    location: Translation,
    values: Translation,
}

impl Comparing {
    pub fn new(seed: Seed) -> Self {
        use std::hash::BuildHasher;
        // No object, nor the place of one, is so far up.
        let asker = Channel(seed.hash_one("who asks after a gap") | 1 << 63);
        Comparing {
            asker,
            is_listening: false,
            next_context: 0,
            round: None,
            late: Map::with_hasher(seed),
            location: Translation::default(),
            values: Translation::default(),
        }
    }

    #[cfg(test)]
    pub(super) const fn asker(&self) -> Channel {
        self.asker
    }

    /// Whether a datagram is an answer to the agent itself.
    fn is_asker(&self, envelope: &Envelope<'_>) -> bool {
        self.is_listening && envelope.recipients.iter().any(|channel| channel == self.asker)
    }

    const fn translations(&mut self) -> [&mut Translation; 2] {
        [&mut self.location, &mut self.values]
    }

    /// Whether a round has begun and not ended.
    #[inline]
    pub const fn is_under_way(&self) -> bool {
        self.round.is_some()
    }

    /// When something is to be done, if nothing happens until then.
    pub fn deadline(&self) -> Option<Instant> {
        self.round.as_ref()?.deadline()
    }
}

fn overhear(round: &mut Round, message: &Cluster<'_>) {
    use StateServer as S;
    let Cluster::StateServer(message) = message else { return };
    match message {
        S::ObjectEnterLocationWithRequired { object }
        | S::ObjectEnterLocationWithRequiredOther { object }
        | S::ObjectEnterInterestWithRequired { object, .. }
        | S::ObjectEnterInterestWithRequiredOther { object, .. } => {
            round.hear(object.do_id, object.location);
        }
        S::ObjectEnterOwnerWithRequired { object }
        | S::ObjectEnterOwnerWithRequiredOther { object }
        | S::Owned { object, .. } => {
            round.hear_itself(object.do_id, object.location);
        }
        S::ObjectChangingLocation { do_id, new, .. } => round.hear(*do_id, *new),
        S::ObjectDeleteRam { do_id } => round.hear_the_end(*do_id),
        _ => {}
    }
}

impl Core {
    /// The agent's own connection to the cluster was away: messages may have been missed, and what was to be said at the
    /// end of sessions has been said there. All that clients have been told is compared with the cluster.
    pub(super) fn was_away(&mut self, now: Instant, out: &mut Effects) {
        self.begin_to_compare(now, true, out);
        out.go_on_later();
    }

    /// A state server is lost, or was away: what clients have been told of its objects is compared. Nobody knows
    /// which these are.
    pub(super) fn server_was_away(&mut self, now: Instant, out: &mut Effects) {
        // Others do not put off a round that is to begin; but what has been heard before it may have been theirs.
        let begins = self.comparing.round.as_ref().and_then(|round| round.begins());
        self.begin_to_compare(begins.unwrap_or(now + OTHERS), false, out);
    }

    fn begin_to_compare(&mut self, begins: Instant, is_own_gap: bool, out: &mut Effects) {
        if self.shut_down.is_some() {
            return;
        }
        self.shared.is_comparing = true;
        let comparing = &mut self.comparing;
        if !comparing.is_listening {
            comparing.is_listening = true;
            out.subscribe(comparing.asker);
        }
        let before = comparing.round.take();
        let is_own_gap = is_own_gap || before.is_some_and(|round| round.is_to_end_sessions());
        let interest_timeout = Duration::from_millis(self.shared.config.interest_timeout_ms);
        let patience = interest_timeout * PATIENCE;
        let round = Round::new(self.shared.seed, begins, patience, is_own_gap);
        comparing.round = Some(Box::new(round));
    }

    /// Goes on with it, as far as `budget` allows, which it is taken from. Whether there is more to do.
    pub(super) fn compare(&mut self, now: Instant, budget: &mut usize, out: &mut Effects) -> bool {
        loop {
            let Some(round) = &mut self.comparing.round else { return false };
            if self.shut_down.is_some() || !round.may_go_on(now) {
                return false;
            }
            if *budget == 0 {
                return true;
            }
            match &mut round.stage {
                Stage::Collecting(session) => {
                    let place = *session;
                    *session += 1;
                    if place < self.slots.len() {
                        self.collect(now, place, budget, out);
                    } else {
                        round.begin_to_ask(now);
                        self.ask_for_owned(out);
                    }
                }
                Stage::Asking(_) => {
                    if !self.ask(budget, out) {
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

    /// It is time to begin; or nobody has answered for long.
    pub(super) fn comparison_due(&mut self, now: Instant, out: &mut Effects) {
        if let Some(round) = &mut self.comparing.round
            && round.deadline().is_some_and(|deadline| deadline <= now)
        {
            round.is_silent(now);
            out.go_on_later();
        }
    }

    /// Notes what a session sees and owns; or ends it, if it has been ended for the cluster.
    fn collect(&mut self, now: Instant, place: usize, budget: &mut usize, out: &mut Effects) {
        let Core { slots, comparing, .. } = self;
        let (Some(round), Some(session)) = (&mut comparing.round, &mut slots[place].session) else {
            return;
        };
        *budget = budget.saturating_sub(1 + session.size() / LOOKS_PER_STEP);
        let end = if round.is_own_gap { session.last_words_were_said() } else { Ok(()) };
        if let Err(end) = end {
            self.end(now, place as SessionIndex, &end, out);
            return;
        }
        session.zones_to_compare().for_each(|at| round.want_zone(at));
        let key = session.key();
        round.owners.push(session.channel());
        session.objects_to_compare().for_each(|do_id| round.want_object(do_id, key));
    }

    /// Asks all who keep objects for those of clients. Nobody waits for their answers: each says what is so.
    fn ask_for_owned(&mut self, out: &mut Effects) {
        if let Some(round) = &mut self.comparing.round {
            let owners = std::mem::take(&mut round.owners);
            self.ask_for_objects_of(&owners, out);
        }
    }

    /// An object has said too late whose it is: its owner is told again.
    fn ask_if_unaware(&mut self, owner: Channel, do_id: DoId, out: &mut Effects) {
        let mut sessions = self.shared.subscribers.of(owner).iter();
        let is_unaware = |session: &Session| session.channel() == owner && !session.owns(do_id);
        let session = |index: &SessionIndex| self.slots[*index as usize].session.as_ref();
        if sessions.any(|index| session(index).is_some_and(|session| is_unaware(session))) {
            self.ask_for_objects_of(&[owner], out);
        }
    }

    fn ask_for_objects_of(&mut self, owners: &[Channel], out: &mut Effects) {
        let Comparing { next_context, asker, .. } = &mut self.comparing;
        for owners in owners.chunks(OWNERS_MAX) {
            let context = ids::Context(*next_context);
            *next_context = next_context.wrapping_add(1);
            let question = StateServer::GetOwned { context, owners: List::new(owners) };
            out.route(&[Channel::OBSERVERS], *asker, &question).expect("so many fit a datagram");
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
            let context = ids::Context(*next_context);
            *next_context = next_context.wrapping_add(1);
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
            shared.is_comparing = false;
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
        let mut cx = Context { shared, out: &mut *out, now };
        let (heard, is_known) = (round.heard(do_id), round.is_known(do_id));
        match session.judge_object(&mut cx, do_id, heard, is_known) {
            Ok(was_right) => round.tally.gone += usize::from(!was_right),
            Err(end) => self.end(now, place as SessionIndex, &end, out),
        }
    }

    /// Handles what comes to no session, but to the agent itself.
    pub(super) fn handle_as_agent(
        &mut self,
        now: Instant,
        envelope: &Envelope<'_>,
        out: &mut Effects,
    ) {
        if self.comparing.is_asker(envelope) {
            self.answered(now, envelope, out);
        } else if is_about_server(envelope) {
            self.server_was_away(now, out);
        }
    }

    fn answered(&mut self, now: Instant, envelope: &Envelope<'_>, out: &mut Effects) {
        use StateServer as S;
        let message = match Cluster::decode(envelope.message_type, &mut Reader::new(envelope.body))
        {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(sender = %envelope.sender, %error, "a bad answer is ignored");
                return;
            }
        };
        if let Some(round) = &mut self.comparing.round {
            overhear(round, &message);
        }
        let Cluster::StateServer(message) = message else { return };
        match message {
            S::ObjectGetZonesCountResp { context, count } => {
                if let Some(round) = &mut self.comparing.round {
                    round.note_count(now, context, count.0);
                }
            }
            S::ObjectEnterInterestWithRequired { context, object } => {
                self.object_found(now, Some(context), &object, false, out);
            }
            S::ObjectEnterInterestWithRequiredOther { context, object } => {
                self.object_found(now, Some(context), &object, true, out);
            }
            // Its parent does not count it yet.
            S::ObjectEnterLocationWithRequired { object } => {
                self.object_found(now, None, &object, false, out);
            }
            S::ObjectEnterLocationWithRequiredOther { object } => {
                self.object_found(now, None, &object, true, out);
            }
            S::ObjectGetOwnerResp { context, do_id, owner } => {
                self.for_those_who_asked(now, context, out, |session, cx| {
                    session.owner_told(cx, do_id, owner)
                });
                self.ask_if_unaware(owner, do_id, out);
            }
            S::ObjectGetLocationResp { do_id, location, .. } => {
                if let Some(round) = &mut self.comparing.round {
                    round.hear_itself(do_id, location);
                }
            }
            S::Owned { owner, has_other, object, .. } => {
                self.object_owned(now, owner, &object, has_other, out);
            }
            S::ObjectGetAllResp { context, object } => self.object_told(now, context, &object, out),
            other => {
                tracing::debug!(sender = %envelope.sender, "{} is no answer", other.name());
            }
        }
        if self.compare(now, &mut out.steps_left(), out) {
            out.go_on_later();
        }
    }

    /// Something has come for sessions, while all is compared: what it says of objects need not be asked. An entrance is
    /// told to those who see the object already, and may know another one, as an answer is.
    pub(super) fn overhear(
        &mut self,
        now: Instant,
        message: &Cluster<'_>,
        receivers: &[SessionIndex],
        out: &mut Effects,
    ) {
        use StateServer as S;
        if let Some(round) = &mut self.comparing.round {
            overhear(round, message);
        }
        let (object, has_other) = match message {
            Cluster::StateServer(
                S::ObjectEnterLocationWithRequired { object }
                | S::ObjectEnterInterestWithRequired { object, .. },
            ) => (object, false),
            Cluster::StateServer(
                S::ObjectEnterLocationWithRequiredOther { object }
                | S::ObjectEnterInterestWithRequiredOther { object, .. },
            ) => (object, true),
            _ => return,
        };
        let session = |index: &SessionIndex| self.slots[*index as usize].session.as_ref();
        let sees = |index: &SessionIndex| session(index).is_some_and(|s| s.sees(object.do_id));
        let seeing: Vec<SessionIndex> = receivers.iter().copied().filter(sees).collect();
        if !seeing.is_empty() {
            self.tell_found(now, object, has_other, &seeing, out);
        }
    }

    /// An object is at a location. All who listen there are told what they do not know.
    fn object_found(
        &mut self,
        now: Instant,
        context: Option<ids::Context>,
        object: &ObjectState<'_>,
        has_other: bool,
        out: &mut Effects,
    ) {
        if let (Some(context), Some(round)) = (context, &mut self.comparing.round) {
            round.note_found(now, context);
        }
        let listening = self.shared.subscribers.of(object.location.channel()).to_vec();
        self.tell_found(now, object, has_other, &listening, out);
    }

    fn tell_found(
        &mut self,
        now: Instant,
        object: &ObjectState<'_>,
        has_other: bool,
        sessions: &[SessionIndex],
        out: &mut Effects,
    ) {
        let Core { shared, slots, translation, comparing, .. } = self;
        let values = values_of(shared, object, has_other, for_clients, ALL).unwrap_or_default();
        let entrance = News::ObjectEnters { object: *object, has_other };
        let mut letter =
            Telling::new(translation, comparing.translations(), Some(entrance), object, values);
        let mut ends = Vec::new();
        for &index in sessions {
            let Some(session) = &mut slots[index as usize].session else { continue };
            let Ok(told) = letter.to(session, shared) else { break };
            let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
            if let Err(end) = session.object_found(&mut cx, object, told) {
                ends.push((index, end));
            }
        }
        self.end_all(now, ends, out);
    }

    /// An object that was asked itself has told all.
    fn object_told(
        &mut self,
        now: Instant,
        context: ids::Context,
        object: &ObjectState<'_>,
        out: &mut Effects,
    ) {
        let Core { shared, slots, translation, comparing, .. } = self;
        let Some(round) = &mut comparing.round else { return };
        let sessions = round.note_told(now, context);
        // What does not say where it is, is only stored.
        if round.heard(object.do_id) != Some(object.location) {
            return;
        }
        let mut ends = Vec::new();
        for lack in [Lack::Seen, Lack::Owned, Lack::Owners] {
            let Ok(values) = values_of(shared, object, true, ALL, lack.is_for()) else { return };
            let mut letter =
                Telling::new(translation, comparing.translations(), None, object, values);
            for &key in &sessions {
                let session = super::session_at(slots, key);
                let Some(session) = session.filter(|s| s.lack_of(object.do_id) == Some(lack))
                else {
                    continue;
                };
                let Ok(told) = letter.to(session, shared) else { break };
                let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
                let (do_id, location) = (object.do_id, object.location);
                if let Err(end) = session.object_told(&mut cx, do_id, location, told) {
                    ends.push((key.index, end));
                }
            }
        }
        self.end_all(now, ends, out);
    }

    /// An object is somebody's own, who may not know it.
    fn object_owned(
        &mut self,
        now: Instant,
        owner: Channel,
        object: &ObjectState<'_>,
        has_other: bool,
        out: &mut Effects,
    ) {
        let Core { shared, slots, translation, .. } = self;
        let news = News::OwnerGained { object: *object, has_other };
        translation.clear();
        for index in shared.subscribers.of(owner).to_vec() {
            let Some(session) = &mut slots[index as usize].session else { continue };
            if session.channel() != owner || session.owns(object.do_id) {
                continue;
            }
            let frames = translation.frames(session.framing(), &*shared.voice, Some(&news));
            let Ok(frames) = frames else { break };
            let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
            session.ownership_gained(&mut cx, object, frames);
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
    }
}
