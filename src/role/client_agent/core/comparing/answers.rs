//! What is answered when clients' views are compared with the cluster, and what else comes meanwhile.

use std::time::Instant;

use super::super::absent::is_of_absent;
use super::super::telling::{ALL, Telling, values_of};
use super::super::{Core, session_at};
use crate::ids::{self, Channel};
use crate::message::{Cluster, Message, ObjectState, StateServer};
use crate::role::Effects;
use crate::role::client_agent::agent::{Context, News, SessionIndex};
use crate::role::client_agent::session::{Lack, for_clients, for_owners};
use crate::wire::{Envelope, Reader};

impl Core {
    pub(super) fn answered(&mut self, now: Instant, envelope: &Envelope<'_>, out: &mut Effects) {
        use StateServer as S;
        let message = match Cluster::decode(envelope.message_type, &mut Reader::new(envelope.body))
        {
            Ok(message) => message,
            Err(error) => {
                tracing::warn!(sender = %envelope.sender, %error, "a bad answer is ignored");
                return;
            }
        };
        if self.answered_to_several(now, &message, out) {
            return;
        }
        self.hand_on(now, out);
        self.comparing.overhear(&message);
        let Cluster::StateServer(message) = message else { return };
        match message {
            S::ObjectGetZonesCountResp { context, count } => {
                if let Some(round) = &mut self.comparing.round {
                    round.note_count(now, context, count.0);
                }
                self.parent_has_answered(context, out);
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
                if let Some(key) = self.comparing.spared.asked_for(context) {
                    self.with(now, key, out, |session, cx| session.owner_told(cx, do_id, owner));
                }
                self.for_those_who_asked(now, context, out, |session, cx| {
                    session.owner_told(cx, do_id, owner)
                });
                self.ask_if_unaware(now, owner, do_id, out);
            }
            S::ObjectGetLocationResp { context, do_id, location } => {
                let spared = self.comparing.spared.sessions(do_id);
                self.comparing.hear(do_id, |round| {
                    round.hear_itself(do_id, location);
                    round.note_located(now, context);
                });
                // It is there, but may have moved away.
                for key in spared {
                    self.with(now, key, out, |session, cx| {
                        session.judge_object(cx, do_id, Some(location), true).map(drop)
                    });
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
        self.ask_whose_spared_are(out);
        if self.compare(now, &mut out.steps_left(), out) {
            out.go_on_later();
        }
    }

    /// Session objects that were spared have been heard of. They may have been made anew, and be another's.
    fn ask_whose_spared_are(&mut self, out: &mut Effects) {
        for (do_id, key) in self.comparing.spared.take_heard() {
            let context = self.comparing.new_context();
            self.comparing.spared.note_asked(context, key);
            let question = StateServer::ObjectGetOwner { context };
            let to = [do_id.channel()];
            out.route(&to, self.comparing.asker, &question).expect("it is small");
        }
    }

    /// Something has come for sessions, while all is compared: what it says of objects need not be asked. An entrance is
    /// told to those who see the object already, and may know another one, as an answer is.
    pub(in super::super) fn overhear(
        &mut self,
        now: Instant,
        message: &Cluster<'_>,
        receivers: &[SessionIndex],
        out: &mut Effects,
    ) {
        use StateServer as S;
        self.comparing.overhear(message);
        self.ask_whose_spared_are(out);
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
        let mut listening = self.shared.subscribers.of(object.location.channel()).to_vec();
        if context.map_or(!self.shared.is_comparing, is_of_absent) {
            // Who sees it has not missed anything.
            let session = |index: &SessionIndex| self.slots[*index as usize].session.as_ref();
            listening.retain(|index| session(index).is_some_and(|one| !one.sees(object.do_id)));
        }
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
        let (mut ends, mut unaware) = (Vec::new(), Vec::new());
        for &index in sessions {
            let Some(session) = &mut slots[index as usize].session else { continue };
            let Ok(told) = letter.to(session, shared) else { break };
            let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
            let has_owned = session.owns(object.do_id);
            session.note_values(&cx, object, has_other, for_clients, false);
            if let Err(end) = session.object_found(&mut cx, object, told) {
                ends.push((index, end));
            } else if has_owned && !session.owns(object.do_id) {
                // Another one has its id, and may be its own again.
                unaware.push(session.owner_for(now));
            }
        }
        self.end_all(now, ends, out);
        self.ask_for_objects_of(&unaware, out);
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
        let (mut ends, mut unaware) = (Vec::new(), Vec::new());
        for lack in [Lack::Seen, Lack::Owned, Lack::Owners] {
            let Ok(values) = values_of(shared, object, true, ALL, lack.is_for()) else { return };
            let mut letter =
                Telling::new(translation, comparing.translations(), None, object, values);
            for &key in &sessions {
                let session = session_at(slots, key);
                let Some(session) = session.filter(|s| s.lack_of(object.do_id) == Some(lack))
                else {
                    continue;
                };
                let Ok(told) = letter.to(session, shared) else { break };
                let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
                let has_owned = session.owns(object.do_id);
                session.note_values(&cx, object, true, ALL, false);
                if let Err(end) = session.object_told(&mut cx, object, told) {
                    ends.push((key.index, end));
                } else if has_owned && !session.owns(object.do_id) {
                    unaware.push(session.owner_for(now));
                }
            }
        }
        for &key in &sessions {
            if let Some(session) = session_at(slots, key) {
                session.tell_if_untold(&mut Context { shared, out, now }, object);
            }
        }
        self.end_all(now, ends, out);
        self.ask_for_objects_of(&unaware, out);
    }

    /// An object is somebody's own, who may not know it, or may not have been told so on the connection with which it is back:
    /// what its session has asked may have been lost with the link.
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
        let mut ends = Vec::new();
        for index in shared.subscribers.of(owner).to_vec() {
            let Some(session) = &mut slots[index as usize].session else { continue };
            if session.channel() != owner || session.is_told_own(object.do_id) {
                continue;
            }
            let frames = translation.frames(session.framing(), &*shared.voice, Some(&news));
            let Ok(frames) = frames else { break };
            let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
            session.note_values(&cx, object, has_other, for_owners, true);
            if let Err(end) = session.ownership_gained(&mut cx, object, frames) {
                ends.push((index, end));
            }
        }
        for (index, end) in ends {
            self.end(now, index, &end, out);
        }
    }
}
