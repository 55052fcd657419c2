//! Clients that lose their connections, and come back on others.

use std::sync::Arc;
use std::time::Instant;

use super::output::Ended;
use super::{Core, DEPARTURE_AT_ONCE, session_at};
use crate::role::Effects;
use crate::role::client_agent::agent::{
    Context, Resumable, SessionIndex, SessionKey, Token, Tokens,
};
use crate::role::client_agent::session::{CloseKind, Ejection, End, Session};
use crate::wire::websocket;

/// How far the core is with those who have lost their connections, or are back.
#[derive(Default)]
pub(super) struct Returning {
    /// Whoever has come back, for the shell.
    resumed: Option<Resumed>,
    /// The next session that ends if it is away, since nobody is let in again.
    ending: Option<usize>,
}

/// A client that is back: its connection is that of another session from now on.
#[derive(Debug)]
pub struct Resumed {
    /// Which one.
    pub key: SessionKey,
    /// What is to be written to the connection that this had, before it is closed: it has been replaced.
    pub farewell: Vec<u8>,
    /// What is to be written to the new one first.
    pub answer: Vec<u8>,
}

impl Core {
    /// From now on clients can come back, with tokens made from a seed that nobody knows. Without one nobody can.
    pub fn make_tokens(&mut self, seed: [u8; 32]) {
        self.shared.tokens = Some(Tokens::new(seed));
    }

    /// There is no room for a client that has just connected, unless it comes back to a session that is there.
    pub fn only_comes_back(&mut self, now: Instant, key: SessionKey, refusal: Ejection) {
        let Core { shared, slots, .. } = self;
        if let Some(session) = session_at(slots, key) {
            session.only_comes_back(shared, now, refusal);
        }
    }

    /// How many sessions clients can come back to.
    pub fn resumable(&self) -> Arc<Resumable> {
        self.shared.resumable.clone()
    }

    /// Whether the client of a session is away.
    pub fn is_away(&self, key: SessionKey) -> bool {
        let slot = self.slots.get(key.place());
        let session = slot.and_then(|slot| slot.session.as_deref());
        session.is_some_and(|session| session.key() == key && session.is_away())
    }

    /// Whoever has come back by the input that has just been handled.
    pub fn take_resumed(&mut self) -> Option<Resumed> {
        self.returning.resumed.take()
    }

    /// Ends a session whose connection is lost, or has it wait for its client. `is_silent` is what it has lost it for.
    pub(super) fn lose(
        &mut self,
        now: Instant,
        key: SessionKey,
        end: End,
        is_silent: bool,
        out: &mut Effects,
    ) {
        let Core { shared, slots, .. } = self;
        let Some(session) = session_at(slots, key).filter(|session| !session.is_away()) else {
            return;
        };
        if !(is_silent || end.is_loss()) || !session.can_come_back(shared) {
            self.end(now, key.index, &end, out);
            return;
        }
        let mut bytes = Vec::new();
        let (code, close) = match &end {
            // It hears nothing; if it does, it is to come back.
            End::Ejected(_) => (Some(websocket::GOING_AWAY), CloseKind::Flushed),
            end => (end.close_code().map(|(code, _)| code), end.close_kind()),
        };
        if let Some(code) = code {
            session.framing().write_close(&mut bytes, code, "");
        }
        session.go_away(&mut Context { shared, out, now }, end);
        self.ended.push(Ended { key, bytes, close, is_away: true });
    }

    /// A session's client has been away for long, unless it is back.
    pub(super) fn is_away_for_long(&mut self, now: Instant, key: SessionKey, out: &mut Effects) {
        let over = self.session_mut(key).and_then(|session| session.absence_over(Some(now)));
        if let Some(end) = over {
            self.end(now, key.index, &end, out);
        }
    }

    /// Nobody is let in any more, nor back: whoever is away is lost.
    pub fn close_doors(&mut self, out: &mut Effects) {
        self.shared.is_closing = true;
        self.returning.ending = Some(0);
        out.go_on_later();
    }

    /// Ends sessions whose clients are away, as far as `budget` allows, if none of them can come back any more. Whether there
    /// is more to do.
    pub(super) fn end_away(&mut self, now: Instant, budget: &mut usize, out: &mut Effects) -> bool {
        while let Some(place) = self.returning.ending {
            if *budget == 0 {
                return true;
            }
            *budget -= 1;
            let Some(slot) = self.slots.get(place) else {
                self.returning.ending = None;
                break;
            };
            self.returning.ending = Some(place + 1);
            if let Some(end) = slot.session.as_ref().and_then(|session| session.absence_over(None))
            {
                self.end(now, place as SessionIndex, &end, out);
            }
        }
        false
    }

    /// Somebody who has just connected has said this to come back to the session that it had. There are `rest` bytes more of it.
    pub(super) fn comes_back(
        &mut self,
        now: Instant,
        key: SessionKey,
        said: &[u8],
        rest: usize,
        out: &mut Effects,
    ) {
        let session = |index: SessionIndex| self.slots.get(index as usize)?.session.as_deref();
        let found = Token::place(said).and_then(session).filter(|one| one.admits_token(said));
        let Some(to) = found.filter(|_| !self.shared.is_closing).map(Session::key) else {
            self.with(now, key, out, |session, cx| session.is_refused(cx.shared));
            return;
        };
        let slot = &mut self.slots[key.place()];
        let Some(mut newcomer) = slot.session.take() else { return };
        slot.generation = slot.generation.wrapping_add(1);
        // The shell is told at once.
        slot.holds = 1;
        let mut cx = Context { shared: &mut self.shared, out: &mut *out, now };
        newcomer.script_disconnect(&mut cx, || "it is back in the session that it had".to_owned());
        let (newcomer, departure) = newcomer.hand_over(&mut cx);
        if let Some(session) = session_at(&mut self.slots, to) {
            let (mut farewell, answer) = session.come_back(&mut cx, newcomer, said);
            session.note_rest(rest > 0);
            // What the shell has not heard yet of the one before does not concern this one.
            let is_its = |ended: &mut Ended| ended.key == to && ended.is_away;
            for ended in self.ended.extract_if(.., is_its) {
                farewell = ended.bytes;
            }
            self.returning.resumed = Some(Resumed { key: to, farewell, answer });
        }
        self.departures.push_back(departure);
        if self.depart(now, &mut { DEPARTURE_AT_ONCE }, out) {
            out.go_on_later();
        }
    }
}
