//! The core in the router.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::bans::Offenders;

use crate::config::ClientAgentConfig;
use crate::event::EventSender;
use crate::metrics::Figures;
use crate::net::proxy_protocol::Endpoint;
use crate::net::{Close, Connection, Spares};
use crate::role::client_agent::dialect::Foreign;
use crate::role::client_agent::{
    Bans, CloseKind, Core, Ejection, Heard, Loss, Peer, SessionKey, Silence, Stop,
};
use crate::router::{Cursor, Effects, Gap, Origin, Page, Query, Role, Sink};
use crate::wire::websocket::Parting;
use crate::wire::{Envelope, Framing};

/// How many sessions are ended before others have their turn, when the agent ends.
const SHUT_DOWN_AT_ONCE: usize = 64;

/// How many sessions are looked at before others have their turn, when others are banned.
const LOOKED_AT_AT_ONCE: usize = 256;

/// What a connection is told when it asks for a session: its key, or what to write before it is closed.
pub type Admission = Result<SessionKey, Vec<u8>>;

/// The core with the connections of its sessions.
pub struct Server {
    core: Core,
    events: EventSender,
    /// Connections by their sessions' places.
    connections: Vec<Option<(SessionKey, Arc<Connection>)>>,
    /// Below this place all clients have been put out, if no new ones are let in.
    cleared: usize,
    /// Buffers that connections have emptied: the core fills them again.
    spares: Arc<Spares>,
    /// Whoever asks connections whether anything lies unread. Each session waits for at most one answer to each
    /// question.
    silent: UnboundedSender<Silent>,
    /// Who is to be entered into the ban list.
    offenders: Arc<Offenders>,
}

/// A client whose time is over, unless something of it lies unread.
pub struct Silent {
    /// Whose, and for what.
    pub who: (SessionKey, Silence),
    /// Its connection.
    pub connection: Arc<Connection>,
}

impl Server {
    /// A server without sessions.
    pub fn new(
        core: Core,
        events: EventSender,
        spares: Arc<Spares>,
        silent: UnboundedSender<Silent>,
        offenders: Arc<Offenders>,
    ) -> Self {
        Server { core, events, connections: Vec::new(), cleared: 0, spares, silent, offenders }
    }

    /// Begins a session for a connection.
    pub fn admit(
        &mut self,
        now: Instant,
        peer: Box<Peer>,
        framing: Framing,
        connection: Arc<Connection>,
        out: &mut Effects,
    ) -> Admission {
        let key = self.core.connect_framed(now, peer, framing, out)?;
        let place = key.place();
        if place >= self.connections.len() {
            self.connections.resize_with(place + 1, || None);
        }
        self.connections[place] = Some((key, connection));
        Ok(key)
    }

    /// What to write to a connection for which there is no place.
    pub fn capacity_reached(&self, framing: Framing) -> Vec<u8> {
        self.core.capacity_reached(framing)
    }

    /// Notes that somebody is refused; what to write to him.
    pub fn refuse(
        &mut self,
        now: Instant,
        remote: &Endpoint,
        framing: Framing,
        ejection: Ejection,
    ) -> Vec<u8> {
        self.core.refuse(now, remote, framing, ejection)
    }

    /// Takes over who may not be in.
    pub fn take_bans(&mut self, bans: Bans) {
        self.core.take_bans(bans);
    }

    /// Puts some of those out who may not be in; from where to go on, if there are more.
    pub fn eject_banned(&mut self, now: Instant, from: usize, out: &mut Effects) -> Option<usize> {
        self.core.eject_banned(now, from, LOOKED_AT_AT_ONCE, out)
    }

    /// Takes over limits and time-outs.
    pub fn reconfigure(&mut self, now: Instant, newer: &ClientAgentConfig, out: &mut Effects) {
        self.core.reconfigure(now, newer, out);
    }

    /// What to write to a connection that comes when there are to be no new sessions.
    pub fn stopping(&self, framing: Framing, stop: Stop) -> Vec<u8> {
        self.core.stopping(framing, stop)
    }

    /// Handles whole frames from a client.
    pub fn input(
        &mut self,
        now: Instant,
        key: SessionKey,
        frames: &[u8],
        out: &mut Effects,
    ) -> Heard {
        self.core.input(now, key, frames, out)
    }

    /// Ends the session of a connection that turned out to speak something else.
    pub fn foreign(&mut self, now: Instant, key: SessionKey, foreign: Foreign, out: &mut Effects) {
        self.core.foreign(now, key, foreign, out);
    }

    /// Ends the session of a connection that is no more.
    pub fn disconnected(&mut self, now: Instant, key: SessionKey, loss: Loss, out: &mut Effects) {
        self.core.disconnected(now, key, loss, out);
    }

    /// Ends the session of a WebSocket whose peer says nothing more, or nothing that can be read.
    pub fn parted(&mut self, now: Instant, key: SessionKey, parting: Parting, out: &mut Effects) {
        self.core.parted(now, key, parting, out);
    }

    /// Has a client pay for what its connection carries besides messages; until when nothing of it is to be read.
    pub fn charge(
        &mut self,
        now: Instant,
        key: SessionKey,
        messages: u32,
        out: &mut Effects,
    ) -> Option<Instant> {
        self.core.charge(now, key, messages, out)
    }

    /// Puts a client out whose time is over, if nothing of it lies unread.
    pub fn judge(
        &mut self,
        now: Instant,
        who: (SessionKey, Silence),
        has_unread: bool,
        out: &mut Effects,
    ) {
        self.core.judge(now, who, has_unread, out);
    }

    /// How many clients there are.
    pub fn count(&self) -> usize {
        self.core.session_count()
    }

    /// Puts some clients out, at most `most`; how many. Others play on, and none is let in any more.
    pub fn put_out(&mut self, stop: Stop, most: usize, now: Instant, out: &mut Effects) -> usize {
        let most = most.min(SHUT_DOWN_AT_ONCE);
        let (count, cleared) = self.core.put_out(now, self.cleared, most, stop, out);
        self.cleared = cleared;
        count
    }

    /// Ends some of the sessions; whether there are others left.
    pub fn shut_down(&mut self, stop: Stop, now: Instant, out: &mut Effects) -> bool {
        self.core.shut_down(now, SHUT_DOWN_AT_ONCE, stop, out)
    }
}

/// An agent that is lost hangs up on its clients, and does not leave them to wait.
impl Drop for Server {
    fn drop(&mut self) {
        for (_, connection) in self.connections.drain(..).flatten() {
            connection.close(Close::Flushed);
        }
    }
}

impl Role for Server {
    #[inline]
    fn handle(&mut self, now: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        self.core.handle(now, origin, envelope, out);
    }

    fn resume(&mut self, now: Instant, budget: usize, out: &mut Effects) -> bool {
        self.core.resume(now, budget, out)
    }

    fn gap(&mut self, now: Instant, gap: Gap, out: &mut Effects) {
        self.core.gap(now, gap, out);
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        self.core.next_deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Effects) {
        self.core.on_deadline(now, out);
    }

    /// What sessions have is counted when it is asked for: it costs nothing while they play.
    fn measure(&self, cursor: Cursor, budget: usize, figures: &mut Figures) -> Option<Cursor> {
        let next = self.core.measure(cursor, budget, figures);
        let end = next.map_or(usize::MAX, |next| next.0);
        let places = self.connections.iter().take(end).skip(cursor.0);
        for (_, connection) in places.flatten() {
            connection.measure_queue("clients", figures);
        }
        next
    }

    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        self.core.inspect(query, cursor, budget)
    }

    /// Hands what there is for clients to their connections, which write it when the router is free.
    fn settle(&mut self, _now: Instant, told: &mut Vec<Arc<dyn Sink>>) {
        self.spares.take(self.core.spare_buffers());
        let connections = &mut self.connections;
        self.core.drain_output(|key, output| {
            let Some(place) = connections.get_mut(key.place()) else {
                return;
            };
            let Some((_, connection)) = place.as_ref().filter(|(owner, _)| *owner == key) else {
                return;
            };
            connection.push_buffer(output.bytes, output.burst);
            if let Some(close) = output.close {
                connection.close(close.into());
            }
            told.push(connection.clone());
            if output.close.is_some() {
                *place = None;
            }
        });
        for who in self.core.drain_silent() {
            let place = self.connections.get(who.0.place()).and_then(Option::as_ref);
            if let Some((_, connection)) = place.filter(|(owner, _)| *owner == who.0) {
                // Without anybody to ask, the agent ends.
                let _ = self.silent.send(Silent { who, connection: connection.clone() });
            }
        }
        for offender in self.core.drain_offenders() {
            self.offenders.add(offender);
        }
        for event in self.core.drain_events() {
            self.events.send(&event);
        }
    }
}

impl From<CloseKind> for Close {
    fn from(kind: CloseKind) -> Self {
        match kind {
            CloseKind::Flushed => Close::Flushed,
            CloseKind::AtOnce => Close::AtOnce,
        }
    }
}
