//! The core in the router, and its timer.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::Shared;
use super::connection::Connection;
use crate::event::EventSender;
use crate::role::client_agent::dialect::Foreign;
use crate::role::client_agent::{Core, Peer, SessionKey};
use crate::router::{Effects, Role, Sink};

/// What a connection is told when it asks for a session: its key, or what to write before it is closed.
pub type Admission = Result<SessionKey, Vec<u8>>;

/// The core with the connections of its sessions.
pub struct Server {
    core: Core,
    events: EventSender,
    /// Connections by their sessions' places.
    connections: Vec<Option<(SessionKey, Arc<Connection>)>>,
    /// What the timer waits for.
    armed: Option<Instant>,
    rearm: Arc<Notify>,
}

impl Server {
    /// A server without sessions. `rearm` is told when a deadline comes nearer.
    pub fn new(core: Core, events: EventSender, rearm: Arc<Notify>) -> Self {
        Server { core, events, connections: Vec::new(), armed: None, rearm }
    }

    /// Begins a session for a connection.
    pub fn admit(
        &mut self,
        peer: Peer,
        connection: Arc<Connection>,
        out: &mut Effects,
    ) -> Admission {
        let key = self.core.connect(now(), peer, out)?;
        let place = key.place();
        if place >= self.connections.len() {
            self.connections.resize_with(place + 1, || None);
        }
        self.connections[place] = Some((key, connection));
        Ok(key)
    }

    /// Handles whole frames from a client.
    pub fn input(&mut self, key: SessionKey, frames: &[u8], out: &mut Effects) {
        self.core.input(now(), key, frames, out);
    }

    /// Ends the session of a connection that turned out to speak something else.
    pub fn foreign(&mut self, key: SessionKey, foreign: Foreign, out: &mut Effects) {
        self.core.foreign(now(), key, foreign, out);
    }

    /// Ends the session of a connection that is no more.
    pub fn disconnected(&mut self, key: SessionKey, reason: &str, out: &mut Effects) {
        self.core.disconnected(now(), key, reason, out);
    }

    /// Ends all sessions.
    pub fn shut_down(&mut self, out: &mut Effects) {
        self.core.shut_down(now(), out);
    }

    /// Does what is due; when to come again.
    fn handle_timeout(&mut self, out: &mut Effects) -> Option<Instant> {
        self.core.handle_timeout(now(), out);
        self.armed = self.core.next_deadline();
        self.armed
    }
}

impl Role for Server {
    #[inline]
    fn handle(&mut self, now: Instant, datagram: &[u8], out: &mut Effects) {
        self.core.datagram(now, datagram, out);
    }

    /// Hands what there is for clients to their connections, which write it when the router is free.
    fn settle(&mut self, _now: Instant, told: &mut Vec<Arc<dyn Sink>>) {
        let connections = &mut self.connections;
        self.core.drain_output(|key, output| {
            let Some(place) = connections.get_mut(key.place()) else {
                return;
            };
            let Some((_, connection)) = place.as_ref().filter(|(owner, _)| *owner == key) else {
                return;
            };
            connection.queue(&output);
            told.push(connection.clone());
            if output.close.is_some() {
                *place = None;
            }
        });
        for event in self.core.drain_events() {
            self.events.send(&event);
        }
        let deadline = self.core.next_deadline();
        if deadline.is_some_and(|deadline| self.armed.is_none_or(|armed| deadline < armed)) {
            self.armed = deadline;
            self.rearm.notify_one();
        }
    }
}

/// Wakes the core when a deadline is due, until the shutdown.
pub async fn keep_time(shared: &Shared, rearm: &Notify) {
    loop {
        let deadline = shared.role.turn(|server, out| server.handle_timeout(out));
        let due = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = rearm.notified() => {}
            () = due => {}
        }
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
