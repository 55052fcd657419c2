//! What an operator brings about: other limits while the agent runs, and what those are told who come in vain.

use std::time::Instant;

use super::{Core, SessionIndex};
use crate::config::ClientAgentConfig;
use crate::message::EjectReason;
use crate::role::Effects;
use crate::role::client_agent::agent::{Context, News, Prices};
use crate::role::client_agent::session::{Ejection, End, Stop, nonzero_ms};
use crate::wire::Framing;

impl Core {
    /// Takes over limits and time-outs from a newer configuration, for sessions that are there, too. Whoever has not logged in yet
    /// keeps the time that he has for that.
    pub fn reconfigure(&mut self, now: Instant, newer: &ClientAgentConfig, out: &mut Effects) {
        let Core { shared, slots, .. } = self;
        let was_watched = shared.config.client.heartbeat_timeout_ms > 0;
        shared.config.take_over(newer);
        shared.prices = Prices::new(&newer.limits);
        if let Some(timeout) = nonzero_ms(newer.client.heartbeat_timeout_ms)
            && !was_watched
        {
            let mut cx = Context { shared, out, now };
            for session in slots.iter_mut().filter_map(|slot| slot.session.as_deref_mut()) {
                session.watch_life(&mut cx, timeout);
            }
        }
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
        let (reason, text) = (EjectReason::Generic as u16, b"Client capacity reached".to_vec());
        self.refusal(framing, Ejection { reason, text, security: false, limit: None })
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
