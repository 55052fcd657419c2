//! What clients send, and whose turn it is.

use std::time::Instant;

use super::{Core, session_at};
use crate::role::Effects;
use crate::role::client_agent::agent::{Context, SessionKey};
use crate::role::client_agent::session::Session;

/// How many messages of a client are handled before others have their turn.
const MESSAGES_A_TURN: usize = 64;
/// And how many bytes of them, but for the last: there may be many who see what they say.
const BYTES_A_TURN: usize = 8 * 1024;
/// How far what a client sent has been handled.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
#[must_use = "what has not been handled must be given again"]
pub struct Heard {
    /// How many bytes, the last ones, have not been handled. They are whole frames, and are to be given again when
    /// others have had their turn, before anything that has come since.
    pub rest: usize,
    /// Not before then, if the client is over a limit.
    pub held_until: Option<Instant>,
    /// They are so many that others may have to have their turn, and there is no other reason: if that was quickly done,
    /// the rest can be given at once.
    pub is_long: bool,
}

impl Core {
    /// Handles whole frames from a client, as far as its limits and the turns of others allow. A session that has
    /// ended ignores them.
    pub fn input(
        &mut self,
        now: Instant,
        key: SessionKey,
        frames: &[u8],
        out: &mut Effects,
    ) -> Heard {
        if self.watching.is_some() {
            return self.input_shown(now, key, frames, out);
        }
        self.input_of(now, key, frames, out)
    }

    /// As [`Core::input`].
    #[inline]
    pub(super) fn input_of(
        &mut self,
        now: Instant,
        key: SessionKey,
        frames: &[u8],
        out: &mut Effects,
    ) -> Heard {
        let heard = self.hear(now, key, frames, out);
        if let Some(session) = self.session_mut(key) {
            session.note_rest(heard.rest > 0);
        }
        heard
    }

    fn hear(&mut self, now: Instant, key: SessionKey, frames: &[u8], out: &mut Effects) -> Heard {
        self.hand_on(now, out);
        let Core { shared, dialect, slots, shut_down, .. } = self;
        let is_heard = |session: &&mut Session| shut_down.is_none() && !session.is_away();
        let Some(session) = session_at(slots, key).filter(is_heard) else {
            return Heard::default();
        };
        session.note_heard(now);
        let (framing, time) = (session.framing(), session.time_of(now));
        let mut cx = Context { shared, out, now };
        let mut datagrams = framing.datagrams(frames);
        // Only who has said something more can be held for it; nobody else is excused for his silence.
        if !frames.is_empty() {
            session.has_got_token();
            match session.held_until(cx.shared, now, time) {
                Ok(None) => {}
                Ok(held_until) => {
                    return Heard { rest: frames.len(), held_until, is_long: false };
                }
                Err(end) => {
                    self.end(now, key.index, &end, out);
                    return Heard::default();
                }
            }
            if let held_until @ Some(_) = session.waits_until(&mut cx) {
                return Heard { rest: frames.len(), held_until, is_long: false };
            }
        }
        let mut bill = session.bill(time);
        // Whoever the operator trusts says as much as a link.
        let is_trusted = session.is_trusted();
        let mut is_long = true;
        for _ in 0..MESSAGES_A_TURN {
            if bill.is_overdrawn() {
                break;
            }
            let Some(datagram) = datagrams.next() else { break };
            if !is_trusted {
                bill.add_message(&cx.shared.prices, datagram.len());
            }
            let handled = Session::check_length(cx.shared, datagram.len())
                .and_then(|()| dialect.handle(session, &mut cx, datagram));
            if let Err(end) = handled
                && !session.is_spared(&mut cx, &end)
            {
                self.end(now, key.index, &end, out);
                return Heard::default();
            }
            if let Some(messages) = session.take_asked() {
                // What it has asked for comes first: then it is known what that costs.
                if !is_trusted {
                    bill.add_messages(&cx.shared.prices, messages - 1);
                }
                is_long = false;
                break;
            }
            if frames.len() - datagrams.remaining().len() >= BYTES_A_TURN {
                break;
            }
        }
        let rest = datagrams.remaining().len();
        session.pay(&bill);
        if let Some(said) = session.take_said() {
            self.comes_back(now, key, &said, rest, out);
            return Heard { rest, ..Heard::default() };
        }
        if rest == 0 || !bill.is_overdrawn() {
            return Heard { rest, held_until: None, is_long: is_long && rest > 0 };
        }
        match session.held_until(cx.shared, now, time) {
            Ok(held_until) => Heard { rest, held_until, is_long: false },
            Err(end) => {
                self.end(now, key.index, &end, out);
                Heard::default()
            }
        }
    }
}
