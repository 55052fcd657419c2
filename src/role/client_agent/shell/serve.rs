//! The task that owns the core.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::connection::{Connection, WriteError, Written};
use super::input_queue::{InputBatch, Record};
use crate::event::EventSender;
use crate::role::Effects;
use crate::role::client_agent::{CloseKind, Core, SessionKey};
use crate::router::{Inbox, Participant};
use crate::wire::Frames;

/// How much is taken in before what came of it is passed on.
const CHUNK_BYTES: usize = 64 * 1024;
/// How long crowded clients are waited for after a chunk, if another waits.
const CROWDED_PAUSE: Duration = Duration::from_millis(20);
/// For how long deadlines may wait for the inbox to be empty. What is in it may be what a deadline
/// waits for.
const DEADLINES_WAIT: Duration = Duration::from_secs(1);

/// The core with everything that it is fed from and that it feeds.
pub struct Server {
    core: Core,
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    participant: Participant,
    events: EventSender,
    effects: Effects,
    /// Connections by their sessions' places.
    connections: Vec<Option<(SessionKey, Arc<Connection>)>>,
    input: InputBatch,
    /// What came from the router; handled up to `arrived_at`.
    arrived: Vec<u8>,
    arrived_at: usize,
    /// Connections that had more than half of their limit waiting at the last write.
    crowded: Vec<Arc<Connection>>,
}

impl Server {
    /// A server that has not begun.
    pub fn new(
        core: Core,
        shared: Arc<Shared>,
        inbox: Arc<Inbox>,
        participant: Participant,
        events: EventSender,
    ) -> Self {
        Server {
            core,
            shared,
            inbox,
            participant,
            events,
            effects: Effects::new(),
            connections: Vec::new(),
            input: InputBatch::default(),
            arrived: Vec::new(),
            arrived_at: 0,
            crowded: Vec::new(),
        }
    }

    /// Serves until the shutdown, then ends all sessions.
    pub async fn run(mut self) {
        while self.wait().await {
            self.step();
            if self.has_arrived() && !self.crowded.is_empty() {
                self.ease().await;
            }
            tokio::task::yield_now().await;
        }
        let now = now();
        self.core.shut_down(now, &mut self.effects);
        self.pass_on(now);
    }

    fn has_arrived(&self) -> bool {
        self.arrived_at < self.arrived.len()
    }

    /// Takes what comes from the router if all before has been handled; whether there is anything.
    fn receive(&mut self) -> bool {
        if self.has_arrived() {
            return true;
        }
        self.arrived_at = 0;
        self.arrived.clear();
        self.inbox.try_recv(&mut self.arrived)
    }

    /// Waits until there is something to do; `false` if that is to end.
    async fn wait(&mut self) -> bool {
        if self.shared.shutdown.is_cancelled() {
            return false;
        }
        if self.receive() || self.shared.input.take(&mut self.input) {
            return true;
        }
        let deadline = self.core.next_deadline();
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shared.shutdown.cancelled() => return false,
            () = self.shared.input.filled() => {}
            () = self.inbox.recv(&mut self.arrived) => {}
            () = due => {}
        }
        true
    }

    /// Handles what clients have sent and one chunk of what the cluster has.
    fn step(&mut self) {
        let now = now();
        if self.input.records.is_empty() {
            self.shared.input.take(&mut self.input);
        }
        self.handle_input(now);
        self.handle_arrived(now);
        let mut is_idle = false;
        if !self.has_arrived() {
            is_idle = !self.receive();
            self.core.inbox_turned(is_idle, &mut self.effects);
        }
        let due = self.core.next_deadline().is_some_and(|at| at <= now);
        let overdue = self.core.next_deadline().is_some_and(|at| at + DEADLINES_WAIT <= now);
        if due && (is_idle || overdue) {
            self.core.handle_timeout(now, &mut self.effects);
        }
        self.pass_on(now);
    }

    fn handle_input(&mut self, now: Instant) {
        let mut batch = std::mem::take(&mut self.input);
        let mut bytes = &batch.bytes[..];
        for record in batch.records.drain(..) {
            match record {
                Record::Opened { peer, connection, admission } => {
                    let admitted = self.core.connect(now, peer, &mut self.effects);
                    let key = admitted.as_ref().ok().copied();
                    if let Some(key) = key {
                        self.enter(key, connection);
                    }
                    // If the connection has gone meanwhile, nobody else ends its session.
                    if admission.send(admitted).is_err() && let Some(key) = key {
                        self.core.disconnected(now, key, "end of file", &mut self.effects);
                    }
                }
                Record::Input(key, length) => {
                    let (frames, rest) = bytes.split_at(length);
                    bytes = rest;
                    self.core.input(now, key, frames, &mut self.effects);
                }
                Record::Foreign(key, foreign) => {
                    self.core.foreign(now, key, foreign, &mut self.effects);
                }
                Record::Closed(key, reason) => {
                    self.core.disconnected(now, key, &reason, &mut self.effects);
                }
            }
            if self.effects.bytes() >= CHUNK_BYTES {
                self.pass_on(now);
            }
        }
        self.input = batch;
    }

    fn handle_arrived(&mut self, now: Instant) {
        let rest = self.arrived.get(self.arrived_at..).unwrap_or_default();
        let mut handled = 0;
        for frame in Frames::new(rest) {
            self.core.datagram(now, frame.datagram(), &mut self.effects);
            handled += frame.bytes().len();
            if handled >= CHUNK_BYTES {
                break;
            }
        }
        debug_assert!(handled > 0 || rest.is_empty(), "an inbox holds whole frames");
        self.arrived_at += handled;
    }

    fn enter(&mut self, key: SessionKey, connection: Arc<Connection>) {
        let place = key.place();
        if place >= self.connections.len() {
            self.connections.resize_with(place + 1, || None);
        }
        self.connections[place] = Some((key, connection));
    }

    /// Passes on what has come of the handling: to the router, to clients, to the event logger.
    fn pass_on(&mut self, now: Instant) {
        self.apply_effects();
        while self.write_out(now) {
            self.apply_effects();
        }
        for event in self.core.drain_events() {
            self.events.send(&event);
        }
    }

    fn apply_effects(&mut self) {
        if !self.effects.is_empty() {
            self.participant.batch().apply(&self.effects);
            self.effects.clear();
        }
    }

    /// Writes what there is for clients; whether sessions have ended because of it, so that there may
    /// be more.
    fn write_out(&mut self, now: Instant) -> bool {
        self.crowded.clear();
        let mut failed: Vec<(SessionKey, WriteError)> = Vec::new();
        let (connections, crowded) = (&mut self.connections, &mut self.crowded);
        self.core.drain_output(|key, output| {
            let Some(place) = connections.get_mut(key.place()) else {
                return;
            };
            let Some((_, connection)) = place.as_ref().filter(|(owner, _)| *owner == key) else {
                return;
            };
            match connection.write(output.bytes, output.burst) {
                Ok(Written::Partly { crowded: true }) => crowded.push(connection.clone()),
                Ok(_) => {}
                Err(error) => {
                    connection.close(CloseKind::AtOnce);
                    failed.push((key, error));
                }
            }
            if let Some(kind) = output.close {
                connection.close(kind);
                *place = None;
            }
        });
        for (key, error) in &failed {
            self.core.disconnected(now, *key, &error.to_string(), &mut self.effects);
        }
        !failed.is_empty()
    }

    /// While much is waiting to be handled, gives clients that read a moment to catch up, rather than
    /// dropping them for what a flood has left them no time for.
    async fn ease(&mut self) {
        let crowded = std::mem::take(&mut self.crowded);
        let eased = async {
            while crowded.iter().any(|connection| connection.is_crowded()) {
                self.shared.eased.notified().await;
            }
        };
        // The bound is the point; whether it was reached changes nothing.
        let _ = tokio::time::timeout(CROWDED_PAUSE, eased).await;
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
