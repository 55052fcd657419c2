//! Who a client is.

use std::time::Instant;

use crate::event::Event;
use crate::ids::{Channel, Context};
use crate::net::proxy_protocol::Endpoint;
use crate::role::client_agent::agent::{SessionKey, Shared};
use crate::wire::Framing;

/// By what a client's bytes come.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Default, Debug)]
pub enum Transport {
    /// TCP, unencrypted.
    #[default]
    Tcp,
    /// TLS.
    Tls,
    /// WebSocket, encrypted or not.
    WebSocket,
}

impl Transport {
    /// As logs name it.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::WebSocket => "websocket",
        }
    }
}

/// Who connects, and to what: by the socket, or by the PROXY header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The client's end.
    pub remote: Endpoint,
    /// Our end.
    pub local: Endpoint,
    /// What the PROXY header says beyond the addresses.
    pub tlvs: Box<[u8]>,
    /// By what.
    pub transport: Transport,
    /// The load balancer itself connects; its comings and goings are no events.
    pub is_local: bool,
    /// It has come where only the operator's own programs do.
    pub is_trusted: bool,
}

/// What a client was let in with.
#[derive(Copy, Clone, Debug)]
pub struct Build {
    /// Which of the versions that are configured.
    pub version: usize,
    /// The hash of its DC files.
    pub dc_hash: u32,
}

/// Who a client is, for the agent and for the cluster.
#[derive(Debug)]
pub struct Identity {
    pub key: SessionKey,
    /// The next context of queries and of interests that the cluster opens.
    next_context: u32,
    /// The channel that the session was given when it began; its name in events.
    pub allocated: Channel,
    /// When it began.
    pub began: Instant,
    /// The channel that the session sends from: the allocated one, or one that the cluster assigned.
    pub channel: Channel,
    /// Since when it does.
    pub channel_since: Instant,
    /// How datagrams are told apart on the client's connection.
    pub framing: Framing,
    /// `None` until it is let in.
    build: Option<Build>,
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
            began: now,
            channel: allocated,
            channel_since: now,
            framing,
            build: None,
            peer,
        }
    }

    /// As what the client is logged in: the upper half of the channel that the cluster has given it.
    pub fn account(&self) -> Option<u32> {
        let account = (self.channel.0 >> 32) as u32;
        (self.channel != self.allocated && account > 0).then_some(account)
    }

    /// Notes and logs what the client is let in with.
    pub fn is_let_in(&mut self, shared: &Shared, build: Build) {
        let (client, remote) = (self.allocated, &self.peer.remote);
        let (version, dc_hash) = build.words(shared);
        tracing::debug!(%client, %remote, version, dc_hash, "client let in");
        self.build = Some(build);
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

    /// Tells the event logger that the session ends, and what the client was let in with: who looks whether an old version
    /// is still in use finds it behind the keys that Astron has.
    pub fn last_event(
        &self,
        shared: &mut Shared,
        kind: &'static str,
        with: impl FnOnce(Event, &Peer) -> Event,
    ) {
        let build = self.build.map(|build| {
            let (version, dc_hash) = build.words(shared);
            (version.to_owned(), dc_hash)
        });
        self.event(shared, kind, |event, peer| {
            let event = with(event, peer);
            match build {
                Some((version, dc_hash)) => event.with("version", version).with("dc_hash", dc_hash),
                None => event,
            }
        });
    }
}

impl Build {
    /// The version, and the hash as people write it.
    fn words(self, shared: &Shared) -> (&str, String) {
        let version = shared.config.versions.get(self.version).map_or("", String::as_str);
        (version, format!("{:#010x}", self.dc_hash))
    }
}
