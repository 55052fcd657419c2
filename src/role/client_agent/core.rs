//! The state machine of all sessions: synchronous, without sockets and clock.

use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;

use super::agent::{
    Context, News, SessionIndex, SessionKey, Shared, Silence, Timer, Translation, UberDogs,
};
use super::dialect::{self, Dialect, Foreign};
use super::session::{Arrival, CloseKind, End, Flow, Outbox, Peer, Session};
use crate::config::ClientAgentConfig;
use crate::event::Event;
use crate::hash::Seed;
use crate::message::{Cluster, EjectReason};
use crate::role::Effects;
use crate::router::{Cursor, Origin, Page, Query, Role};
use crate::wire::{Envelope, Framing, Reader};

#[derive(Default)]
struct Slot {
    generation: u32,
    /// Boxed: places of sessions that have ended cost little.
    session: Option<Box<Session>>,
}

/// A session that has ended, with what it has still to say.
struct Ended {
    key: SessionKey,
    bytes: Vec<u8>,
    close: CloseKind,
}

/// What the shell has to do with one connection.
#[derive(Debug)]
pub struct Output<'a> {
    /// Frames for the client. Whoever takes the buffer leaves another one, empty.
    pub bytes: &'a mut Vec<u8>,
    /// How many of the bytes are the initial objects of interests: they may exceed the limit of what
    /// a client may leave unread.
    pub burst: usize,
    /// The connection is not to be read before then. The latest word counts: an earlier time than
    /// the last one takes that back; without one, that stays.
    pub pause_until: Option<Instant>,
    /// Set when the session has ended. Nothing more comes for it.
    pub close: Option<CloseKind>,
}

/// All sessions of a client agent.
///
/// What it wants done on the router is appended to the [`Effects`] that each call is given; what it
/// has for clients is taken with [`Core::drain_output`], and events with [`Core::drain_events`].
pub struct Core {
    shared: Shared,
    /// What clients say goes through it.
    dialect: Box<dyn Dialect>,
    slots: Vec<Slot>,
    free: Vec<SessionIndex>,
    ended: Vec<Ended>,
    /// What clients get for the datagram in hand.
    translation: Translation,
    /// The sessions that the datagram in hand is for.
    receivers: Vec<SessionIndex>,
}

impl Core {
    /// A core without sessions. `seed` is what tables by numbers that clients choose are hashed with.
    pub fn new(
        config: &ClientAgentConfig,
        uberdogs: Arc<UberDogs>,
        dc: Arc<DcFile>,
        seed: Seed,
    ) -> Self {
        let dialect = dialect::of(config.client.kind);
        Core {
            shared: Shared::new(config, uberdogs, dc, dialect.voice(), seed),
            dialect,
            slots: Vec::new(),
            free: Vec::new(),
            ended: Vec::new(),
            translation: Translation::default(),
            receivers: Vec::new(),
        }
    }

    /// Begins a session on a connection with Astron's framing.
    ///
    /// # Errors
    /// As [`Core::connect_framed`].
    pub fn connect(
        &mut self,
        now: Instant,
        peer: Peer,
        out: &mut Effects,
    ) -> Result<SessionKey, Vec<u8>> {
        self.connect_framed(now, peer, Framing::Tag16, out)
    }

    /// Begins a session.
    ///
    /// # Errors
    /// What to write to the client before closing the connection, if there is no channel for it.
    pub fn connect_framed(
        &mut self,
        now: Instant,
        peer: Peer,
        framing: Framing,
        out: &mut Effects,
    ) -> Result<SessionKey, Vec<u8>> {
        let Some(channel) = self.shared.pool.allocate() else {
            tracing::warn!(remote = %peer.remote, "client refused: all channels are in use");
            return Err(self.capacity_reached(framing));
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            SessionIndex::try_from(self.slots.len() - 1).expect("fewer sessions than 2^32")
        });
        let slot = &mut self.slots[index as usize];
        let key = SessionKey { index, generation: slot.generation };
        let mut cx = Context { shared: &mut self.shared, out, now };
        slot.session = Some(Box::new(Session::new(&mut cx, key, channel, peer, framing)));
        Ok(key)
    }

    /// What to write to a connection for which there is no place.
    pub fn capacity_reached(&self, framing: Framing) -> Vec<u8> {
        let reason = EjectReason::Generic as u16;
        let mut frame = Vec::new();
        let news = News::Ejected { reason, text: b"Client capacity reached" };
        self.shared.voice.write(&news, framing, &mut frame).expect("a short text fits");
        frame
    }

    /// Handles whole frames from a client. A session that has ended ignores them.
    pub fn input(&mut self, now: Instant, key: SessionKey, frames: &[u8], out: &mut Effects) {
        let Some(session) = self.session_mut(key) else {
            return;
        };
        session.note_heard(now);
        let framing = session.framing();
        for datagram in framing.datagrams(frames) {
            let handled = self.with_dialect(now, key, out, |dialect, session, cx| {
                dialect.handle(session, cx, datagram)
            });
            if handled.is_none() {
                return;
            }
        }
    }

    /// Ends the session of a connection that speaks something else.
    pub fn foreign(&mut self, now: Instant, key: SessionKey, foreign: Foreign, out: &mut Effects) {
        let (speaks, farewell) = (foreign.to_string(), foreign.farewell());
        self.with(now, key, out, |_, _| Err(End::Foreign { speaks, farewell }));
    }

    /// Ends the session of a connection that is no more.
    pub fn disconnected(&mut self, now: Instant, key: SessionKey, reason: &str, out: &mut Effects) {
        self.with(now, key, out, |_, _| Err(End::Lost(reason.into())));
    }

    /// Ends all sessions.
    pub fn shut_down(&mut self, now: Instant, out: &mut Effects) {
        for index in 0..self.slots.len() {
            let key = SessionKey { index: index as u32, generation: self.slots[index].generation };
            self.with(now, key, out, |_, _| Err(End::ShutDown));
        }
    }

    /// Hands over what there is for clients, once a session.
    pub fn drain_output(&mut self, mut take: impl FnMut(SessionKey, Output<'_>)) {
        for key in std::mem::take(&mut self.shared.touched) {
            let slot = &mut self.slots[key.index as usize];
            // A session that has ended stands in `ended` with all that it had.
            let Some(session) = slot.session.as_mut().filter(|session| session.key() == key) else {
                continue;
            };
            let Outbox { mut bytes, burst, pause_until } = session.take_outbox();
            take(key, Output { bytes: &mut bytes, burst, pause_until, close: None });
            self.shared.keep_buffer(bytes);
        }
        for Ended { key, mut bytes, close } in self.ended.drain(..) {
            // Only now: until then the shell's place is that of the connection that is to be told.
            self.free.push(key.index);
            let close = Some(close);
            take(key, Output { bytes: &mut bytes, burst: 0, pause_until: None, close });
        }
    }

    /// Hands over whose time is over, and for what. Whether anything of them lies unread is to be found out, and
    /// said with [`Core::judge`].
    pub fn drain_silent(&mut self) -> impl Iterator<Item = (SessionKey, Silence)> + '_ {
        self.shared.silent.drain(..)
    }

    /// Puts a client out whose time is over, if nothing of it lies unread.
    pub fn judge(
        &mut self,
        now: Instant,
        (key, silence): (SessionKey, Silence),
        has_unread: bool,
        out: &mut Effects,
    ) {
        self.with(now, key, out, |session, cx| session.judge(cx, silence, has_unread));
    }

    /// Emptied buffers, to be filled again: whoever has taken some with the output gives them back here.
    pub const fn spare_buffers(&mut self) -> &mut Vec<Vec<u8>> {
        &mut self.shared.spare_buffers
    }

    /// Hands over what the event logger is to be told.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.shared.events.drain(..)
    }

    /// Has a client not be read before a time.
    #[cfg(test)]
    pub(crate) fn pause_reading(&mut self, key: SessionKey, until: Instant) {
        let session =
            self.slots[key.place()].session.as_mut().expect("a session that has not ended");
        session.pause_reading(&mut self.shared, until);
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    fn session_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        let session = self.slots.get_mut(key.index as usize)?.session.as_deref_mut()?;
        (session.key() == key).then_some(session)
    }

    /// Has a session do something, and ends it if it says so. `None` if there is no such session any
    /// more afterwards.
    fn with(
        &mut self,
        now: Instant,
        key: SessionKey,
        out: &mut Effects,
        action: impl FnOnce(&mut Session, &mut Context<'_>) -> Flow,
    ) -> Option<()> {
        self.with_dialect(now, key, out, |_, session, cx| action(session, cx))
    }

    /// As [`Core::with`], for what depends on the dialect.
    fn with_dialect(
        &mut self,
        now: Instant,
        key: SessionKey,
        out: &mut Effects,
        action: impl FnOnce(&mut dyn Dialect, &mut Session, &mut Context<'_>) -> Flow,
    ) -> Option<()> {
        let slot = self.slots.get_mut(key.index as usize)?;
        let session = slot.session.as_mut().filter(|session| session.key() == key)?;
        let mut cx = Context { shared: &mut self.shared, out, now };
        let flow = action(&mut *self.dialect, session, &mut cx);
        let ended = flow.map_err(|end| self.end(now, key.index, &end, out)).is_err();
        (!ended).then_some(())
    }

    fn end(&mut self, now: Instant, index: SessionIndex, end: &End, out: &mut Effects) {
        let slot = &mut self.slots[index as usize];
        let Some(mut session) = slot.session.take() else {
            return;
        };
        slot.generation = slot.generation.wrapping_add(1);
        session.end(&mut Context { shared: &mut self.shared, out, now }, end);
        let bytes = session.take_outbox().bytes;
        self.ended.push(Ended { key: session.key(), bytes, close: end.close_kind() });
    }

    fn collect_receivers(
        &self,
        envelope: &Envelope<'_>,
        origin: Origin,
        receivers: &mut Vec<SessionIndex>,
    ) {
        let mut lists = 0;
        for recipient in envelope.recipients.iter() {
            let sessions = self.shared.subscribers.of(recipient);
            if !sessions.is_empty() {
                receivers.extend_from_slice(sessions);
                lists += 1;
            }
        }
        if lists > 1 {
            receivers.sort_unstable();
            receivers.dedup();
        }
        if let Origin::Member(sender) = origin {
            receivers.retain(|&session| session != sender);
        }
    }

    fn deliver_to(
        &mut self,
        now: Instant,
        envelope: &Envelope<'_>,
        receivers: &[SessionIndex],
        out: &mut Effects,
    ) {
        let message = match Cluster::decode(envelope.message_type, &mut Reader::new(envelope.body))
        {
            Ok(message) => message,
            Err(error) => {
                let name = crate::message::name_of(envelope.message_type);
                let (sender, number) = (envelope.sender, envelope.message_type);
                tracing::warn!(%sender, number, name, %error, "a datagram for sessions is ignored");
                return;
            }
        };
        let Core { shared, slots, translation, .. } = self;
        let news = News::of(&message);
        translation.clear();
        let arrival = Arrival::new(shared, envelope.sender, &message);
        let mut ends = Vec::new();
        for &index in receivers {
            let Some(session) = &mut slots[index as usize].session else {
                continue;
            };
            let frames = translation.frames(session.framing(), &*shared.voice, news.as_ref());
            let frames = match frames {
                Ok(frames) => frames,
                // It does for none of them: the longest datagram is the same for all.
                Err(error) => {
                    tracing::error!(%error, "a message does not fit the client protocol");
                    break;
                }
            };
            let mut cx = Context { shared: &mut *shared, out: &mut *out, now };
            if let Err(end) = session.handle_cluster(&mut cx, &arrival.with_frame(frames)) {
                ends.push((index, end));
            }
        }
        for (index, end) in ends {
            self.end(now, index, &end, out);
        }
    }
}

/// Datagrams of the cluster, and of the sessions to one another.
impl Role for Core {
    /// Hands a datagram to each session that listens to one of its recipients, once; not to the one that sent
    /// it.
    fn handle(&mut self, now: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        let mut receivers = std::mem::take(&mut self.receivers);
        self.collect_receivers(envelope, origin, &mut receivers);
        if !receivers.is_empty() {
            self.deliver_to(now, envelope, &receivers, out);
        }
        receivers.clear();
        self.receivers = receivers;
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        self.shared.deadlines.next()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Effects) {
        while let Some(timer) = self.shared.deadlines.pop_due(now) {
            match timer {
                Timer::Silence(key, silence) => self.with(now, key, out, |session, cx| {
                    session.silence_due(cx, silence);
                    Ok(())
                }),
                Timer::Query(key, context) => self.with(now, key, out, |session, cx| {
                    session.query_due(cx, context);
                    Ok(())
                }),
            };
        }
    }

    fn inspect(&self, query: &Query, cursor: Cursor, budget: usize) -> Page {
        match query {
            Query::Sessions => Page::of(self.slots.len(), cursor, budget, |place| {
                self.slots[place].session.as_ref().map(|session| session.describe())
            }),
            Query::Objects { .. } => Page::default(),
        }
    }
}
