//! One client's session.

mod client_input;
pub mod cluster_input;
mod end;
mod interest;
mod visibility;

pub use end::{CloseKind, Ejection, End, Flow};

use std::time::{Duration, Instant};

use super::agent::{Context, SessionKey, Shared, Timer};
use super::interest::Interests;
use super::view::View;
use crate::event::Event;
use crate::hash::Set;
use crate::ids::{self, Channel, DoId};
use crate::message::{Blob, Client, ClientState, EjectReason, Message, StateServer};
use crate::net::proxy_protocol::Endpoint;
use crate::wire::{self, Frames, Reader, Recipients, write_frame};

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

/// Bytes for a client that the shell has not taken yet.
#[derive(Debug, Default)]
pub struct Outbox {
    pub bytes: Vec<u8>,
    /// How many of them are an interest's initial objects, which may exceed the client's limit.
    pub burst: usize,
}

/// One client's session: who it is, what it knows, what it is interested in.
#[derive(Debug)]
pub struct Session {
    pub key: SessionKey,
    pub state: ClientState,
    /// The channel that the session was given when it began; its name in events.
    pub allocated: Channel,
    /// The channel that the session sends from: the allocated one, or one that the cluster assigned.
    pub channel: Channel,
    pub peer: Box<Peer>,
    pub last_heartbeat: Instant,
    /// The next context of requests and of interests that the cluster opens.
    pub next_context: u32,
    /// All channels that the session listens to.
    pub channels: Set<Channel>,
    pub view: View,
    pub interests: Interests,
    /// Frames to be routed when the session ends.
    pub post_removes: Vec<u8>,
    pub outbox: Outbox,
}

impl Session {
    /// Begins a session: it listens to its channel and to that of all clients.
    pub fn new(cx: &mut Context<'_>, key: SessionKey, channel: Channel, peer: Peer) -> Self {
        let mut session = Session {
            key,
            state: ClientState::New,
            allocated: channel,
            channel,
            peer: Box::new(peer),
            last_heartbeat: cx.now,
            next_context: 1,
            channels: Set::with_hasher(cx.shared.seed),
            view: View::new(cx.shared.seed),
            interests: Interests::new(cx.shared.seed),
            post_removes: Vec::new(),
            outbox: Outbox::default(),
        };
        session.subscribe(cx, channel);
        session.subscribe(cx, Channel::CLIENTS);
        if let Some(timeout) = nonzero_ms(cx.shared.config.handshake_timeout_ms) {
            cx.shared.deadlines.set(cx.now + timeout, Timer::Hello(key));
        }
        if let Some(timeout) = nonzero_ms(cx.shared.config.client.heartbeat_timeout_ms) {
            cx.shared.deadlines.set(cx.now + timeout, Timer::Heartbeat(key));
        }
        if !session.peer.is_local {
            session.event(cx.shared, "client-connected", |event, peer| {
                event
                    .with("remote_address", peer.remote.to_string())
                    .with("local_address", peer.local.to_string())
            });
        }
        tracing::debug!(client = %channel, remote = %session.peer.remote, "client connected");
        session
    }

    /// A number that no request of this session has had for a long time.
    pub fn new_context(&mut self) -> ids::Context {
        let context = self.next_context;
        self.next_context = context.wrapping_add(1);
        ids::Context(context)
    }

    pub fn subscribe(&mut self, cx: &mut Context<'_>, channel: Channel) {
        if self.channels.insert(channel) && cx.shared.subscribers.add(channel, self.key.index) {
            cx.out.subscribe(channel);
        }
    }

    pub fn unsubscribe(&mut self, cx: &mut Context<'_>, channel: Channel) {
        if self.channels.remove(&channel) && cx.shared.subscribers.remove(channel, self.key.index) {
            cx.out.unsubscribe(channel);
        }
    }

    /// Sends a message to the client.
    pub fn send(&mut self, shared: &mut Shared, message: &Client<'_>) {
        self.touch(shared);
        if let Err(error) = shared.client_type.write(message, &mut self.outbox.bytes) {
            let name = message.name();
            tracing::error!(client = %self.allocated, %error, "{name} cannot be sent");
        }
    }

    /// Sends a frame that is complete to the client.
    #[inline]
    pub fn send_frame(&mut self, shared: &mut Shared, frame: &[u8]) {
        self.touch(shared);
        self.outbox.bytes.extend_from_slice(frame);
    }

    #[inline]
    fn touch(&mut self, shared: &mut Shared) {
        if self.outbox.bytes.is_empty() {
            shared.touched.push(self.key);
            if self.outbox.bytes.capacity() == 0 {
                self.outbox.bytes = shared.spare_buffer();
            }
        }
    }

    /// Routes a message from the client's channel.
    ///
    /// # Errors
    /// [`wire::Error::Oversize`] if it does not fit a datagram.
    pub fn route(
        &mut self,
        cx: &mut Context<'_>,
        recipient: Channel,
        message: &impl Message,
    ) -> Result<(), wire::Error> {
        let place = cx.out.route(&[recipient], self.channel, message)?;
        if !cx.shared.subscribers.of(recipient).is_empty() {
            let frame = cx.out.frame_bytes(place).into();
            cx.shared.loopback.push_back((self.key.index, frame));
        }
        Ok(())
    }

    /// As [`Session::route`], for messages whose size is fixed.
    pub fn route_small(
        &mut self,
        cx: &mut Context<'_>,
        recipient: Channel,
        message: &impl Message,
    ) {
        self.route(cx, recipient, message).expect("a small message fits a datagram");
    }

    fn event(
        &self,
        shared: &mut Shared,
        kind: &'static str,
        with: impl FnOnce(Event, &Peer) -> Event,
    ) {
        let event = Event::new(kind, format!("Client:{}", self.allocated));
        shared.events.push(with(event, &self.peer));
    }

    /// Ends the session. What is in the outbox still goes to the client.
    pub fn end(&mut self, cx: &mut Context<'_>, end: &End) {
        self.tell(cx, end);
        for channel in self.channels.drain() {
            if cx.shared.subscribers.remove(channel, self.key.index) {
                cx.out.unsubscribe(channel);
            }
        }
        cx.shared.pool.free(self.allocated);
        for do_id in self.view.take_session_objects() {
            self.route_small(cx, do_id.channel(), &StateServer::ObjectDeleteRam { do_id });
        }
        self.finish_operations_of_callers(cx);
        self.route_post_removes(cx);
    }

    /// Says why the session ends: to the client, to the log and to the event logger.
    fn tell(&mut self, cx: &mut Context<'_>, end: &End) {
        let (client, remote) = (self.allocated, self.peer.remote.clone());
        match end {
            End::Ejected(ejection) => self.tell_ejection(cx, ejection),
            End::Foreign(foreign) => {
                let text = format!("First packet is not CLIENT_HELLO; this looks like {foreign}");
                let reason = EjectReason::NoHello as u16;
                match foreign.farewell() {
                    Some(farewell) => self.send_frame(cx.shared, farewell),
                    None => {
                        self.send(cx.shared, &Client::Eject { reason, text: Blob(text.as_bytes()) })
                    }
                }
                tracing::warn!(%client, %remote, "a connection speaks {foreign}");
                self.ejection_event(cx, "client-ejected", reason, text);
            }
            End::Dropped => tracing::info!(%client, %remote, "client dropped by the cluster"),
            End::Disconnected => {
                tracing::debug!(%client, %remote, "client disconnected");
                self.event(cx.shared, "client-disconnected", |event, _| event);
            }
            End::Lost(reason) => {
                tracing::debug!(%client, %remote, reason, "client lost");
                if !self.peer.is_local {
                    self.event(cx.shared, "client-lost", |event, peer| {
                        event
                            .with("remote_address", peer.remote.to_string())
                            .with("local_address", peer.local.to_string())
                            .with("reason", reason.as_str())
                    });
                }
            }
            End::ShutDown => {}
        }
    }

    fn tell_ejection(&mut self, cx: &mut Context<'_>, ejection: &Ejection) {
        let Ejection { reason, text, security } = ejection;
        self.send(cx.shared, &Client::Eject { reason: *reason, text: Blob(text) });
        let text = String::from_utf8_lossy(text);
        let (client, remote) = (self.allocated, &self.peer.remote);
        tracing::warn!(%client, %remote, reason, security, "client ejected: {text}");
        let kind = if *security { "client-ejected-security" } else { "client-ejected" };
        self.ejection_event(cx, kind, *reason, text.into());
    }

    fn ejection_event(&self, cx: &mut Context<'_>, kind: &'static str, reason: u16, text: String) {
        self.event(cx.shared, kind, |event, _| {
            event.with("reason_code", reason.to_string()).with("reason_msg", text)
        });
    }

    /// Keeps a datagram for the session's end: here, and at the router in case that the whole role is
    /// lost.
    pub fn add_post_remove(&mut self, cx: &mut Context<'_>, datagram: &[u8]) {
        if Recipients::read(&mut Reader::new(datagram)).is_err() {
            tracing::warn!(client = %self.allocated, "a post-remove without recipients is not kept");
            return;
        }
        let kept = write_frame(&mut self.post_removes, |writer| writer.raw(datagram))
            .and_then(|_| cx.out.add_post_remove(self.allocated, datagram));
        if let Err(error) = kept {
            tracing::warn!(client = %self.allocated, %error, "a post-remove is not kept");
        }
    }

    pub fn clear_post_removes(&mut self, cx: &mut Context<'_>) {
        if !self.post_removes.is_empty() {
            self.post_removes = Vec::new();
            cx.out.clear_post_removes(self.allocated);
        }
    }

    fn route_post_removes(&mut self, cx: &mut Context<'_>) {
        let post_removes = std::mem::take(&mut self.post_removes);
        if post_removes.is_empty() {
            return;
        }
        for frame in Frames::new(&post_removes) {
            cx.out.route_datagram(frame.datagram()).expect("it was a frame already");
            // Whether a session listens to it is found out when it is delivered.
            cx.shared.loopback.push_back((self.key.index, frame.bytes().into()));
        }
        cx.out.clear_post_removes(self.allocated);
    }

    /// The heartbeat is due; ejects the client if it has shown no life in time.
    pub fn heartbeat_due(&mut self, cx: &mut Context<'_>) -> Flow {
        let timeout = Duration::from_millis(cx.shared.config.client.heartbeat_timeout_ms);
        let deadline = self.last_heartbeat + timeout;
        if deadline > cx.now {
            cx.shared.deadlines.set(deadline, Timer::Heartbeat(self.key));
            return Ok(());
        }
        Err(End::eject(EjectReason::NoHeartbeat, "Server timed out while waiting for heartbeat."))
    }

    /// The time for a hello is over.
    pub fn hello_due(&self) -> Flow {
        match self.state {
            ClientState::New => {
                Err(End::eject(EjectReason::NoHello, "Server timed out while waiting for hello."))
            }
            ClientState::Anonymous | ClientState::Established => Ok(()),
        }
    }

    /// Notes that an object is no longer known.
    pub fn remember_gone(&mut self, cx: &Context<'_>, do_id: DoId) {
        let max = cx.shared.config.historical_objects_max;
        self.view.remember_gone(cx.now, do_id, max);
    }
}

/// A limit of which 0 means that there is none.
pub fn nonzero_ms(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}
