//! One client's session: the engine that all dialects stand on.
//!
//! It speaks of the world: what the client sees and owns, what happens to that, what it may do. A dialect
//! puts that into bytes, and a client's bytes into calls of what stands in `requests`.
//!
//! # Its life
//!
//! | State | Since | What the client may do | Also |
//! |---|---|---|---|
//! | [`Life::New`] | it connected | whatever its dialect has for a beginning, and nothing else | ends when `handshake_timeout_ms` are over |
//! | [`Life::Anonymous`] | its dialect let it in | show life, go, send to anonymous UberDOGs | |
//! | [`Life::Established`] | the cluster said so | all that its rights and the configuration allow | |
//! | away | its connection was lost, and it may come back ([`Comeback`]) | nothing | otherwise it is as before: only what its client is told is dropped |
//! | ended | an [`End`] | nothing: there is no session any more | the core keeps its last words for the shell |
//!
//! The cluster can put a session into any of the first three, also back. What the cluster may do with
//! a session does not depend on them: it may give objects and open interests before the client has said a word.
//!
//! # Its parts
//!
//! | Part | What it owns | What always holds |
//! |---|---|---|
//! | [`Identity`] | who the client is: its channels, its ends of the connection | its first channel is its own until it ends |
//! | [`Presence`] | when its client was last heard | a time-out of it has one deadline |
//! | [`Listening`] | the channels that it listens to | the agent's table has it there, once, and nowhere else |
//! | [`View`] | what it knows and may do | an object that it knows is seen, owned, or both |
//! | [`Interests`] | what it wants to see, and what has been asked for that | see there |
//! | [`PostRemoves`] | what is routed when it ends | the router has the same |
//! | [`Outbox`] | what the shell has not taken yet | with anything in it, it is on the agent's list of those touched |
//! | [`Budget`] | what the client has used of its limits | – |
//! | [`Following`] | whose interests the agent itself keeps, and by which rules | each has an open interest of that key, or none |
//! | [`Comeback`] | with what the client can come back to it, and whether it is away | an object that is untold is being told anew |
//! | [`Making`] | what a client has that makes objects itself | what it has made is deleted by the session's post-removes |
//!
//! What concerns one part is done there. What goes from one to another stands here, by what happens:
//! `progress` (the session comes further, or its time is over), `sight` and `ownership` (an object comes, moves,
//! goes), `asking`, `answers` and `release` (an interest is opened, answered, told), `following` (the agent opens one itself), `checking` (rules for what clients set fields to), `diverting` (an UberDOG hears what a client says before anybody else), `comparing` (messages may have been
//! missed), `making`, `speaking` and `waiting` (the client makes objects, and says something to whoever has others), `absence` (the client has lost its connection, and comes back), `retelling` (it is told all anew), `farewell`
//! (the session ends).

mod absence;
mod answers;
mod asking;
mod budget;
mod checking;
mod cluster;
mod comparing;
mod describing;
mod diverting;
mod end;
mod farewell;
mod following;
mod found;
mod identity;
mod judging;
mod life;
mod listening;
mod making;
mod offending;
mod outbox;
mod ownership;
mod permission;
mod post_removes;
mod progress;
mod release;
mod requests;
mod retelling;
mod scripting;
mod sight;
mod speaking;
mod waiting;

use std::time::Duration;

pub use cluster::Arrival;
pub use comparing::{Lack, Told, for_clients, for_owners};
pub use end::{CloseKind, Ejection, End, Flow, Loss, Stop};
pub use identity::{Build, Peer, Transport};
pub use life::{Life, Request};
pub use listening::Departure;
pub use making::Made;
pub use outbox::Outbox;

use self::absence::Comeback;
pub use self::absence::PROBATION;
use self::budget::Budget;
use self::following::Following;
use self::identity::Identity;
use self::listening::Listening;
use self::making::Making;
use self::post_removes::PostRemoves;
use self::progress::Presence;
use super::agent::{Context, News, SessionKey, Shared};
use super::interest::Interests;
use super::view::View;
use crate::ids::Channel;
use crate::message::Message;
use crate::metrics::{self, Figures};
use crate::router::Origin;
use crate::wire::{self, Framing, Writer};

/// One client's session: who it is, what it knows, what it is interested in.
#[derive(Debug)]
pub struct Session {
    life: Life,
    presence: Presence,
    identity: Identity,
    listening: Listening,
    view: View,
    interests: Interests,
    post_removes: PostRemoves,
    outbox: Outbox,
    budget: Budget,
    /// Most clients never ask for it.
    comeback: Option<Box<Comeback>>,
    /// Only clients that make objects have it.
    making: Option<Box<Making>>,
    /// Where nothing follows there is none.
    following: Option<Box<Following>>,
}

impl Session {
    /// Begins a session: it listens to its channel and to that of all clients.
    pub fn new(
        cx: &mut Context<'_>,
        key: SessionKey,
        channel: Channel,
        peer: Box<Peer>,
        framing: Framing,
    ) -> Self {
        let seed = cx.shared.seed;
        let mut session = Session {
            life: Life::New,
            presence: Presence::begin(cx.shared, key, cx.now),
            identity: Identity::new(cx.now, key, channel, peer, framing),
            listening: Listening::new(seed),
            view: View::new(seed, cx.shared.manners.has_one_view),
            interests: Interests::new(seed),
            post_removes: PostRemoves::default(),
            outbox: Outbox::default(),
            budget: Budget::new(cx.now),
            comeback: None,
            making: None,
            following: None,
        };
        session.subscribe(cx, channel);
        session.subscribe(cx, Channel::CLIENTS);
        session.greet(cx.shared);
        session
    }

    /// Which session it is.
    pub const fn key(&self) -> SessionKey {
        self.identity.key
    }

    /// As whom it sends, and owns.
    pub const fn channel(&self) -> Channel {
        self.identity.channel
    }

    /// The channel that it was given when it began, and the one that it sends from.
    pub const fn channels(&self) -> [Channel; 2] {
        [self.identity.allocated, self.identity.channel]
    }

    /// How far it has come.
    pub const fn life(&self) -> Life {
        self.life
    }

    /// Adds what there is to be told of it to figures of all.
    pub fn measure(&self, figures: &mut Figures) {
        let transport = self.identity.peer.transport.name();
        figures.add(&metrics::CLIENTS, &[self.state(), transport], 1);
        figures.add(&metrics::INTERESTS, &[], self.interests.count() as u64);
    }

    fn subscribe(&mut self, cx: &mut Context<'_>, channel: Channel) {
        self.listening.add(cx, self.identity.key.index, channel);
    }

    fn unsubscribe(&mut self, cx: &mut Context<'_>, channel: Channel) {
        self.listening.remove(cx, self.identity.key.index, channel);
    }

    /// Tells the client something.
    pub fn tell(&mut self, shared: &mut Shared, news: &News<'_>) {
        let buffer = self.outbox.open(shared, &self.identity);
        if let Err(error) = shared.voice.write(news, self.identity.framing, buffer) {
            let (client, name) = (self.identity.allocated, news.name());
            tracing::error!(%client, %error, "{name} cannot be told");
        }
    }

    /// Sends the client a datagram, which `content` writes.
    pub fn send(&mut self, shared: &mut Shared, content: impl FnOnce(&mut Writer<'_>)) {
        let buffer = self.outbox.open(shared, &self.identity);
        if let Err(error) = self.identity.framing.write(buffer, content) {
            tracing::error!(client = %self.identity.allocated, %error, "a datagram cannot be sent");
        }
    }

    /// How datagrams are told apart on the client's connection.
    #[inline]
    pub const fn framing(&self) -> Framing {
        self.identity.framing
    }

    /// Sends the client frames that are complete.
    #[inline]
    pub fn send_frame(&mut self, shared: &mut Shared, frame: &[u8]) {
        self.outbox.open(shared, &self.identity).extend_from_slice(frame);
    }

    /// What the shell has not taken yet; it is the shell's now, as it leaves.
    pub fn take_outbox(&mut self) -> Outbox {
        let mut outbox = std::mem::take(&mut self.outbox);
        self.identity.framing.finish(&mut outbox.bytes);
        outbox
    }

    /// Routes a message from the client's channel.
    ///
    /// # Errors
    /// [`wire::Error::Oversize`] if it does not fit a datagram.
    fn route(
        &self,
        cx: &mut Context<'_>,
        recipient: Channel,
        message: &impl Message,
    ) -> Result<(), wire::Error> {
        // What it routes may be for other sessions.
        let origin = Origin::Member(self.identity.key.index);
        cx.out.route_from(origin, &[recipient], self.identity.channel, message)
    }

    /// As [`Session::route`], for messages whose size is fixed.
    fn route_small(&self, cx: &mut Context<'_>, recipient: Channel, message: &impl Message) {
        self.route(cx, recipient, message).expect("a small message fits a datagram");
    }
}

/// A limit of which 0 means that there is none.
pub fn nonzero_ms(ms: u64) -> Option<Duration> {
    (ms > 0).then(|| Duration::from_millis(ms))
}
