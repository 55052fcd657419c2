//! What a client's connection says of itself, apart from messages.

use std::time::Instant;

use super::{Core, session_at};
use crate::config::Offence;
use crate::message::EjectReason;
use crate::role::Effects;
use crate::role::client_agent::agent::SessionKey;
use crate::role::client_agent::dialect::Foreign;
use crate::role::client_agent::session::{End, Loss};
use crate::wire::TooLong;
use crate::wire::websocket::Parting;

impl Core {
    /// Ends the session of a connection that speaks something else.
    pub fn foreign(&mut self, now: Instant, key: SessionKey, foreign: Foreign, out: &mut Effects) {
        let (speaks, farewell) = (foreign.to_string(), foreign.farewell());
        self.with(now, key, out, |_, _| Err(End::Foreign { speaks, farewell }));
    }

    /// Ends the session of a client that says that it sends more than there can be.
    pub fn too_long(
        &mut self,
        now: Instant,
        key: SessionKey,
        too_long: TooLong,
        out: &mut Effects,
    ) {
        let end = End::for_offence(
            Offence::Malformed,
            EjectReason::OversizedDatagram,
            format!("{too_long}; its tcp-header-size may be another than client.tcp_header_size"),
        );
        self.with(now, key, out, |_, _| Err(end));
    }

    /// Ends the session of a connection that is no more, or has it wait for its client to come back.
    pub fn disconnected(&mut self, now: Instant, key: SessionKey, loss: Loss, out: &mut Effects) {
        self.lose(now, key, End::Lost(Box::new(loss)), false, out);
    }

    /// Ends the session of a WebSocket whose peer says nothing more, or nothing that can be read; or has it wait for its
    /// client to come back.
    pub fn parted(&mut self, now: Instant, key: SessionKey, parting: Parting, out: &mut Effects) {
        self.lose(now, key, End::Parted(parting), false, out);
    }

    /// Has a client pay for what its connection carries besides messages, as for so many of them; until when nothing of
    /// it is to be read, if that is so. Then this is asked again.
    pub fn charge(
        &mut self,
        now: Instant,
        key: SessionKey,
        messages: u32,
        out: &mut Effects,
    ) -> Option<Instant> {
        let Core { shared, slots, .. } = self;
        let session = session_at(slots, key)?;
        let time = session.time_of(now);
        let mut bill = session.bill(time);
        bill.add_messages(&shared.prices, messages);
        session.pay(&bill);
        match session.held_until(shared, now, time) {
            Ok(held_until) => held_until,
            Err(end) => {
                self.end(now, key.index, &end, out);
                None
            }
        }
    }
}
