//! What an operator brings about: other limits while the agent runs, and what those are told who come in vain.

use std::sync::Arc;
use std::time::Instant;

use super::{Core, SessionIndex};
use crate::banlist::Subject;
use crate::config::ClientAgentConfig;
use crate::event::Event;
use crate::message::EjectReason;
use crate::metrics::{self, Figures};
use crate::net::proxy_protocol::Endpoint;
use crate::role::Effects;
use crate::role::client_agent::agent::{
    Bans, Context, FieldRules, LimitCounts, News, Offender, Prices,
};
use crate::role::client_agent::session::{Ejection, End, Stop, nonzero_ms};
use crate::wire::Framing;

impl Core {
    /// Takes over limits and time-outs from a newer configuration, for sessions that are there, too. Whoever has not logged in yet
    /// keeps the time that he has for that.
    pub fn reconfigure(&mut self, now: Instant, newer: &ClientAgentConfig, out: &mut Effects) {
        let was_watched = self.shared.config.client.heartbeat_timeout_ms > 0;
        self.take_script(now, newer, out);
        let Core { shared, slots, .. } = self;
        let has_other_rules = shared.config.client.fields != newer.client.fields;
        shared.config.take_over(newer);
        shared.prices = Prices::new(&newer.limits);
        if has_other_rules {
            shared.rules =
                FieldRules::new(&shared.config.client, shared.manners.has_p2p, &shared.dc);
            let sessions = slots.iter_mut().filter_map(|slot| slot.session.as_deref_mut());
            sessions.for_each(|session| session.review_rules(shared));
        }
        if let Some(timeout) = nonzero_ms(newer.client.heartbeat_timeout_ms)
            && !was_watched
        {
            let mut cx = Context { shared, out, now };
            for session in slots.iter_mut().filter_map(|slot| slot.session.as_deref_mut()) {
                session.watch_life(&mut cx, timeout);
            }
        }
    }

    /// Goes on with another script, unless it is the same.
    fn take_script(&mut self, now: Instant, newer: &ClientAgentConfig, out: &mut Effects) {
        let source = newer.client.script.as_deref();
        if self.shared.config.client.script.as_deref() != source {
            self.shared.load_script(now, source, out);
        } else if let Some(source) = source {
            source.discard();
        }
    }

    /// Takes over who may not be in.
    pub fn take_bans(&mut self, bans: Bans) {
        self.shared.bans = bans;
    }

    /// How many a ban means of `budget` sessions from this one on; from which to go on, if there are more.
    pub fn count_meant(&self, by: Subject, from: usize, budget: usize) -> (usize, Option<usize>) {
        let to = (from + budget).min(self.slots.len());
        let sessions = self.slots[from..to].iter().filter_map(|slot| slot.session.as_ref());
        let count = sessions.filter(|session| session.is_meant(by)).count();
        (count, (to < self.slots.len()).then_some(to))
    }

    /// Puts out who may not be in, of `budget` sessions from this one on; from which to go on, if there are more.
    pub fn eject_banned(
        &mut self,
        now: Instant,
        from: usize,
        budget: usize,
        out: &mut Effects,
    ) -> Option<usize> {
        let to = (from + budget).min(self.slots.len());
        for index in from..to {
            let Some(session) = &self.slots[index].session else { continue };
            if let Err(end) = session.check_bans(&self.shared, now) {
                self.end(now, index as SessionIndex, &end, out);
            }
        }
        (to < self.slots.len()).then_some(to)
    }

    /// Puts out at most `most` clients, from that in a place on; how many, and the place from which to go on. The others play
    /// on.
    pub fn put_out(
        &mut self,
        now: Instant,
        from: usize,
        most: usize,
        stop: Stop,
        out: &mut Effects,
    ) -> (usize, usize) {
        let (mut count, mut place) = (0, from);
        while count < most && place < self.slots.len() {
            count += usize::from(self.slots[place].session.is_some());
            self.end(now, place as SessionIndex, &End::ShutDown(stop), out);
            place += 1;
        }
        (count, place)
    }

    /// What to write to a connection for which there is no place.
    pub fn capacity_reached(&self, framing: Framing) -> Vec<u8> {
        let ejection = Ejection::new(EjectReason::Generic as u16, "Client capacity reached");
        self.refusal(framing, ejection)
    }

    /// Hands over who is to be entered into the ban list.
    pub fn drain_offenders(&mut self) -> impl Iterator<Item = Offender> + '_ {
        self.shared.offenders.drain(..)
    }

    /// Tells how often clients have come up against limits, and have broken rules.
    pub(super) fn measure_counts(&self, figures: &mut Figures) {
        for (limit, count) in self.shared.limit_counts.all() {
            figures.add(&metrics::LIMITS, &[limit], count);
        }
        for (offence, reaction, count) in
            self.shared.offence_counts.all(&self.shared.config.offences)
        {
            figures.add(&metrics::OFFENCES, &[offence.name(), reaction.name()], count);
        }
        for (hook, count) in self.shared.script_counts.calls() {
            figures.add(&metrics::SCRIPT_CALLS, &[hook], count);
        }
    }

    /// How often clients have come up against limits.
    pub fn limit_counts(&self) -> Arc<LimitCounts> {
        self.shared.limit_counts.clone()
    }

    /// Notes that somebody is refused who has no session yet, and returns what to write to him.
    pub fn refuse(
        &mut self,
        now: Instant,
        remote: &Endpoint,
        framing: Framing,
        ejection: Ejection,
    ) -> Vec<u8> {
        let Ejection { reason, ref text, limit, .. } = ejection;
        let text = String::from_utf8_lossy(text).into_owned();
        tracing::warn!(text, %remote, reason, limit, "client refused");
        metrics::REFUSED.one(&["client"]);
        if let Some(limit) = limit {
            self.shared.limit_counts.add(limit);
        }
        if self.refusals_told.may_be_told(now) {
            let event = Event::new("client-ejected", "ClientAgent")
                .with("remote_address", remote.to_string())
                .with("reason_code", reason.to_string())
                .with("reason_msg", text)
                .with("address", &*remote.ip);
            self.shared.events.push(event);
        }
        self.refusal(framing, ejection)
    }

    /// What to write to a connection that gets no session since there are to be no new ones.
    pub fn stopping(&self, framing: Framing, stop: Stop) -> Vec<u8> {
        self.refusal(framing, stop.ejection())
    }

    fn refusal(&self, framing: Framing, ejection: Ejection) -> Vec<u8> {
        let mut bytes = Vec::new();
        framing.begin(&mut bytes);
        let news = News::Ejected { reason: ejection.reason, text: &ejection.text };
        self.shared.voice.write(&news, framing, &mut bytes).expect("a short text fits");
        framing.finish(&mut bytes);
        if let Some((code, text)) = End::Ejected(ejection).close_code() {
            framing.write_close(&mut bytes, code, &text);
        }
        bytes
    }
}
