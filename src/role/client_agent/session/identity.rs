//! Who a client is.

use std::time::Instant;

use crate::event::Event;
use crate::ids::{Channel, Context};
use crate::net::proxy_protocol::Endpoint;
use crate::role::client_agent::agent::{SessionKey, Shared};
use crate::wire::Framing;

/// Who connects, and to what: by the socket, or by the PROXY header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The client's end.
    pub remote: Endpoint,
    /// Our end.
    pub local: Endpoint,
    /// What the PROXY header says beyond the addresses.
    pub tlvs: Box<[u8]>,
    /// The load balancer itself connects; its comings and goings are no events.
    pub is_local: bool,
}

/// Who a client is, for the agent and for the cluster.
#[derive(Debug)]
pub struct Identity {
    pub key: SessionKey,
    /// The next context of queries and of interests that the cluster opens.
    next_context: u32,
    /// The channel that the session was given when it began; its name in events.
    pub allocated: Channel,
    /// The channel that the session sends from: the allocated one, or one that the cluster assigned.
    pub channel: Channel,
    /// Since when it does.
    pub channel_since: Instant,
    /// How datagrams are told apart on the client's connection.
    pub framing: Framing,
    /// Boxed: seldom looked at.
    pub peer: Box<Peer>,
}

impl Identity {
    /// Somebody who sends from the channel that he was given.
    pub fn new(
        now: Instant,
        key: SessionKey,
        allocated: Channel,
        peer: Box<Peer>,
        framing: Framing,
    ) -> Self {
        Identity {
            key,
            next_context: 1,
            allocated,
            channel: allocated,
            channel_since: now,
            framing,
            peer,
        }
    }

    /// A number that no request of this session has had for a long time.
    pub fn new_context(&mut self) -> Context {
        let context = self.next_context;
        self.next_context = context.wrapping_add(1);
        Context(context)
    }

    /// Tells the event logger something about the client.
    pub fn event(
        &self,
        shared: &mut Shared,
        kind: &'static str,
        with: impl FnOnce(Event, &Peer) -> Event,
    ) {
        let event = Event::new(kind, format!("Client:{}", self.allocated));
        shared.events.push(with(event, &self.peer));
    }
}
