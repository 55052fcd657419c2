//! The core in the router.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::bans::Offenders;
use super::gate::Pass;
use super::seat::{Handed, Line, Seats};
use super::window::Windows;
use crate::banlist::Subject;
use crate::config::ClientAgentConfig;
use crate::event::EventSender;
use crate::metrics::Figures;
use crate::net::proxy_protocol::Endpoint;
use crate::net::{Close, Connection, Spares};
use crate::recent::{Closed, Recent};
use crate::role::client_agent::dialect::Foreign;
use crate::role::client_agent::{
    Bans, CloseKind, Core, Ejection, Heard, Loss, Output, Peer, Resumed, SessionKey, Silence, Stop,
};
use crate::router::{Cursor, Effects, Gap, Haste, Item, Origin, Page, Query, Role, Sink, Watch};
use crate::wire::websocket::Parting;
use crate::wire::{Envelope, Framing, TooLong};

/// How many sessions are ended before others have their turn, when the agent ends.
const SHUT_DOWN_AT_ONCE: usize = 64;

/// How many sessions are looked at before others have their turn, when others are banned.
const LOOKED_AT_AT_ONCE: usize = 256;

/// What a connection is told when it asks for a session: which it is, or what to write before it is closed.
pub type Admission = Result<Line, Vec<u8>>;

/// The core with the connections of its sessions.
pub struct Server {
    core: Core,
    events: EventSender,
    /// Sessions that have ended, for others to see.
    closed: Arc<Recent<Closed>>,
    seats: Seats,
    /// Below this place all clients have been put out, if no new ones are let in.
    cleared: usize,
    /// Buffers that connections have emptied: the core fills them again.
    spares: Arc<Spares>,
    /// Whoever asks connections whether anything lies unread. Each session waits for at most one answer to each
    /// question.
    silent: UnboundedSender<Silent>,
    /// Who is to be entered into the ban list.
    offenders: Arc<Offenders>,
    /// How long what clients are told waits.
    windows: Windows,
    /// Connections whose clients are told that they are back: that waits for nothing.
    answered: Vec<Arc<Connection>>,
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
        flush: Duration,
        (events, closed): (EventSender, Arc<Recent<Closed>>),
        spares: Arc<Spares>,
        silent: UnboundedSender<Silent>,
        offenders: Arc<Offenders>,
    ) -> Self {
        let seats = Seats::default();
        let windows = Windows::new(flush, core.waits_from());
        Server {
            core,
            events,
            closed,
            seats,
            cleared: 0,
            spares,
            silent,
            offenders,
            windows,
            answered: Vec::new(),
        }
    }

    /// Begins a session for a connection; one that may only come back to another, if it is otherwise refused.
    pub fn admit(
        &mut self,
        now: Instant,
        peer: Box<Peer>,
        framing: Framing,
        connection: Arc<Connection>,
        pass: Arc<Pass>,
        out: &mut Effects,
    ) -> Admission {
        let key = self.core.connect_framed(now, peer, framing, out)?;
        if let Some(refusal) = pass.over() {
            self.core.only_comes_back(now, key, refusal.clone().ejection());
        }
        Ok(self.seats.add(key, connection, pass))
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

    /// How many of some clients a ban means; from where to go on, if there are more.
    pub fn count_meant(&self, by: Subject, from: usize) -> (usize, Option<usize>) {
        self.core.count_meant(by, from, LOOKED_AT_AT_ONCE)
    }

    /// Takes over limits and time-outs.
    pub fn reconfigure(&mut self, now: Instant, newer: &ClientAgentConfig, out: &mut Effects) {
        self.windows.limit(newer.flush);
        self.core.reconfigure(now, newer, out);
    }

    /// The connections of all clients, to be looked at when they have had time to end.
    pub fn connections(&self) -> Vec<Weak<Connection>> {
        self.seats.some(0, usize::MAX).map(Arc::downgrade).collect()
    }

    /// What to write to a connection that comes when there are to be no new sessions.
    pub fn stopping(&self, framing: Framing, stop: Stop) -> Vec<u8> {
        self.core.stopping(framing, stop)
    }

    /// Handles whole frames from a client. If it comes back by that, its connection is the other session's from then on.
    pub fn input(
        &mut self,
        now: Instant,
        line: &mut Line,
        frames: &[u8],
        out: &mut Effects,
    ) -> Heard {
        if self.seats.on(*line).is_none() {
            return Heard::default();
        }
        let heard = self.core.input(now, line.key, frames, out);
        if let Some(Resumed { key, farewell, mut answer }) = self.core.take_resumed()
            && let Some(Handed { connection, pass, before }) = self.seats.hand_over(line, key)
        {
            connection.push_buffer(&mut answer, 0);
            self.answered.push(connection.clone());
            pass.take_place_of(&before.pass);
            if let Some(before) = before.connection {
                before.push_bytes(&farewell);
                before.close(Close::Flushed);
            }
        }
        heard
    }

    /// What has to be done before the first connection.
    pub fn start(&mut self, now: Instant, out: &mut Effects) {
        self.core.start(now, out);
    }

    /// Ends the session of a connection that turned out to speak something else.
    pub fn foreign(&mut self, now: Instant, line: Line, foreign: Foreign, out: &mut Effects) {
        if self.seats.on(line).is_some() {
            self.core.foreign(now, line.key, foreign, out);
        }
    }

    /// Ends the session of a client that says that it sends more than there can be: what follows cannot be found.
    pub fn too_long(&mut self, now: Instant, line: Line, too_long: TooLong, out: &mut Effects) {
        if self.seats.on(line).is_some() {
            self.core.too_long(now, line.key, too_long, out);
        }
    }

    /// Ends the session of a connection that is no more, unless it has got another, or waits for its client to come back. Then
    /// it keeps the place.
    pub fn disconnected(&mut self, now: Instant, line: Line, loss: Loss, out: &mut Effects) {
        let Some(seat) = self.seats.on(line) else { return };
        self.core.disconnected(now, line.key, loss, out);
        if self.core.is_away(line.key) {
            seat.pass.go_away();
        }
    }

    /// Ends the session of a WebSocket whose peer says nothing more, or nothing that can be read; or has it wait for its client
    /// to come back.
    pub fn parted(&mut self, now: Instant, line: Line, parting: Parting, out: &mut Effects) {
        if self.seats.on(line).is_some() {
            self.core.parted(now, line.key, parting, out);
        }
    }

    /// Has a client pay for what its connection carries besides messages; until when nothing of it is to be read.
    pub fn charge(
        &mut self,
        now: Instant,
        line: Line,
        messages: u32,
        out: &mut Effects,
    ) -> Option<Instant> {
        self.seats.on(line)?;
        self.core.charge(now, line.key, messages, out)
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

    /// Nobody is let in any more, nor back.
    pub fn close_doors(&mut self, out: &mut Effects) {
        self.core.close_doors(out);
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
        for connection in self.seats.some(0, usize::MAX) {
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

    fn watch(&mut self, watch: Option<Arc<Watch>>) {
        self.core.set_watch(watch);
    }

    /// What sessions have is counted when it is asked for: it costs nothing while they play.
    fn measure(&self, cursor: Cursor, budget: usize, figures: &mut Figures) -> Option<Cursor> {
        let next = self.core.measure(cursor, budget, figures);
        let end = next.map_or(usize::MAX, |next| next.0);
        for connection in self.seats.some(cursor.0, end) {
            connection.measure_queue("clients", figures);
        }
        next
    }

    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        let mut page = self.core.inspect(query, cursor, budget);
        // What connections carry the core does not know.
        for item in &mut page.items {
            if let Item::Session { place, traffic, .. } = item {
                *traffic = self.seats.at(*place).map(|connection| connection.traffic());
            }
        }
        page
    }

    /// Hands what there is for clients to their connections, which write it when the router is free. Only that of sessions
    /// that go on may wait.
    fn settle(
        &mut self,
        now: Instant,
        haste: Haste,
        told: &mut Vec<Arc<dyn Sink>>,
    ) -> Option<Instant> {
        told.extend(self.answered.drain(..).map(|connection| connection as Arc<dyn Sink>));
        let due = self.windows.due(now, haste, self.core.waiting());
        let Server { core, seats, .. } = self;
        self.spares.take(core.spare_buffers());
        core.drain_output(due, |key, output| hand_over(seats, key, output, told));
        core.drain_ended(|key, output| hand_over(seats, key, output, told));
        for who in self.core.drain_silent() {
            if let Some(connection) = self.seats.of(who.0).and_then(|seat| seat.connection.clone())
            {
                // Without anybody to ask, the agent ends.
                let _ = self.silent.send(Silent { who, connection });
            }
        }
        for offender in self.core.drain_offenders() {
            self.offenders.add(offender);
        }
        for closed in self.core.drain_closed() {
            self.closed.note(closed);
        }
        for event in self.core.drain_events() {
            self.events.send(&event);
        }
        self.windows.next()
    }
}

/// Hands what a session has said to its connection.
#[inline]
fn hand_over(
    seats: &mut Seats,
    key: SessionKey,
    output: Output<'_>,
    told: &mut Vec<Arc<dyn Sink>>,
) {
    let Some(seat) = seats.of(key) else { return };
    if let Some(connection) = &seat.connection {
        connection.push_buffer(output.bytes, output.burst);
        if let Some(close) = output.close {
            connection.close(close.into());
        }
        told.push(connection.clone());
    }
    if output.is_away {
        seat.connection = None;
    } else if output.close.is_some() {
        seats.end(key);
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
