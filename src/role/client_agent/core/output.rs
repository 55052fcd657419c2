//! What a core has for the connections of its clients.

use super::{Core, DEPARTURE_AT_ONCE};
use crate::role::client_agent::agent::{SessionIndex, SessionKey, Shared, Timer};
use crate::role::client_agent::session::{CloseKind, Outbox};

/// A session that has ended, with what it has still to say.
pub(super) struct Ended {
    pub key: SessionKey,
    pub bytes: Vec<u8>,
    pub close: CloseKind,
    /// It has only lost its connection, and its client may come back.
    pub is_away: bool,
}

/// What the shell has to do with one connection.
#[derive(Debug)]
pub struct Output<'a> {
    /// Frames for the client. Whoever takes the buffer leaves another one, empty.
    pub bytes: &'a mut Vec<u8>,
    /// How many of the bytes are the initial objects of interests: there is a limit of its own for how many of
    /// them a client may leave unread.
    pub burst: usize,
    /// Set when the session has ended. Nothing more comes for it.
    pub close: Option<CloseKind>,
    /// Only the connection is to be closed: the session goes on, and may get another.
    pub is_away: bool,
}

impl Core {
    /// How many sessions that go on may have something for their clients.
    pub fn waiting(&self) -> usize {
        self.shared.touched.len()
    }

    /// Hands over what there is for clients whose sessions go on, once a session: of those `most` that have waited longest.
    pub fn drain_output(&mut self, most: usize, mut take: impl FnMut(SessionKey, Output<'_>)) {
        for _ in 0..most {
            let Some(key) = self.shared.touched.pop_front() else { break };
            let slot = &mut self.slots[key.index as usize];
            // A session that has ended stands in `ended` with all that it had.
            let Some(session) = slot.session.as_mut().filter(|session| session.key() == key) else {
                continue;
            };
            let Outbox { mut bytes, burst } = session.take_outbox();
            // What is for a client that is away is dropped, and one that is back may have nothing yet.
            if !session.is_away() && !bytes.is_empty() {
                if let Some(watching) = &self.watching {
                    watching.show_output(session, &bytes);
                }
                take(key, Output { bytes: &mut bytes, burst, close: None, is_away: false });
            }
            self.shared.keep_buffer(bytes);
        }
    }

    /// Hands over what connections are told that lose their sessions.
    pub fn drain_ended(&mut self, mut take: impl FnMut(SessionKey, Output<'_>)) {
        for Ended { key, mut bytes, close, is_away } in std::mem::take(&mut self.ended) {
            // Only now: until then the shell's place is that of the connection that is to be told.
            if !is_away {
                self.let_go(key.index);
            }
            take(key, Output { bytes: &mut bytes, burst: 0, close: Some(close), is_away });
        }
        self.at_once = DEPARTURE_AT_ONCE;
        if self.shared.deadlines.is_crowded() {
            self.tidy_deadlines();
        }
    }

    fn tidy_deadlines(&mut self) {
        let Core { shared, slots, .. } = self;
        let session = |key: SessionKey| {
            let session = slots[key.place()].session.as_deref();
            session.filter(|session| session.key() == key)
        };
        let Shared { deadlines, scripting, .. } = shared;
        deadlines.tidy(|timer| match timer {
            Timer::Script(timer) => scripting.as_ref().is_some_and(|it| it.waits_for(timer)),
            Timer::Silence(key, _)
            | Timer::Away(key)
            | Timer::Retelling(key)
            | Timer::Ending(key, _)
            | Timer::Spared(key, _) => session(key).is_some(),
            Timer::Query(key, query) => session(key).is_some_and(|session| session.asks(query)),
        });
    }

    /// One reason less why a place is not given to another session.
    pub(super) fn let_go(&mut self, index: SessionIndex) {
        let slot = &mut self.slots[index as usize];
        slot.holds -= 1;
        if slot.holds == 0 {
            self.free.push(index);
        }
    }

    /// Emptied buffers, to be filled again: whoever has taken some with the output gives them back here.
    pub const fn spare_buffers(&mut self) -> &mut Vec<Vec<u8>> {
        &mut self.shared.spare_buffers
    }
}
