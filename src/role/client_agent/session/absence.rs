//! A client that has lost its connection, and comes back to its session on another one.
//!
//! Whoever wants to be able to asks for a [`Token`]. When its connection is lost, such a session does not end but is *away*: what is
//! for its client is dropped, and all else goes on, so that nobody else can tell. It comes back with the token, which is good
//! once, or ends when its time is over, as it would have ended at the loss. What the client had got by then nobody knows,
//! so it is told all [anew](super::retelling).

use std::time::{Duration, Instant};

use super::retelling::Retelling;
use super::{Departure, Ejection, End, Flow, Life, Outbox, Peer, Session, nonzero_ms};
use crate::config::Offence;
use crate::ids::Channel;
use crate::message::EjectReason;
use crate::metrics;
use crate::net;
use crate::role::client_agent::agent::{Context, Counted, News, Shared, Silence, Timer, Token};
use crate::wire::Framing;

/// How long somebody for whom there is no room may take for each step until he has shown that he comes back. Who does says so at
/// once; who does not keeps others from it.
pub const PROBATION: Duration = Duration::from_secs(3);

/// What a session has for a client that comes back, or is to.
#[derive(Default, Debug)]
pub struct Comeback {
    /// With what the client can come back.
    token: Option<Token>,
    /// With what it could before, until it has said something since: it may not have got the new one.
    before: Option<Token>,
    /// It is counted among those that can be come back to.
    counted: Option<Counted>,
    /// Set while it is away.
    absence: Option<Absence>,
    /// What of the world it is being told anew.
    pub(super) retelling: Option<Retelling>,
    /// What it has said to have from another session: the core looks at that.
    said: Option<Box<[u8]>>,
    /// That was not so once.
    has_failed: bool,
    /// Why there is no room for it, unless it comes back to a session that is there.
    refusal: Option<Ejection>,
}

#[derive(Debug)]
struct Absence {
    /// How it ends then: as it would have ended at the loss.
    end: End,
    until: Instant,
}

/// Somebody who has just connected, and comes back to another session.
pub struct Newcomer {
    peer: Box<Peer>,
    framing: Framing,
    channel: Channel,
    outbox: Outbox,
}

impl Session {
    fn comeback(&mut self) -> &mut Comeback {
        self.comeback.get_or_insert_default()
    }

    /// Whether its client has lost its connection, and may come back.
    pub fn is_away(&self) -> bool {
        self.comeback.as_ref().is_some_and(|comeback| comeback.absence.is_some())
    }

    /// How far it has come, for people.
    pub(super) fn state(&self) -> &'static str {
        if self.is_away() { "away" } else { self.life.name() }
    }

    // A client that wants to be able to come back.

    /// The client asks for something with which it can come back.
    pub fn offer_comeback(&mut self, shared: &mut Shared) {
        let offer = self.new_offer(shared);
        let offer = offer.as_ref().map(|(token, ms)| (token, *ms));
        self.tell(shared, &News::ComebackOffered { offer });
    }

    /// A token in place of that which it had, and for how many milliseconds after a loss it is good.
    fn new_offer(&mut self, shared: &mut Shared) -> Option<(Token, u32)> {
        let ms = shared.config.client.resume_ms;
        let tokens = shared.tokens.as_mut().filter(|_| ms > 0 && !shared.is_closing);
        let token = tokens.map(|tokens| tokens.make(self.identity.key.index));
        if token.is_some() || self.comeback.is_some() {
            let comeback = self.comeback();
            let before = std::mem::replace(&mut comeback.token, token.clone());
            comeback.before = before.filter(|_| token.is_some());
            self.count_comeback(shared);
        }
        Some((token?, ms))
    }

    /// Counts the session among those that can be come back to, if it is one.
    pub(super) fn count_comeback(&mut self, shared: &Shared) {
        let is_established = self.life == Life::Established;
        let Some(comeback) = &mut self.comeback else { return };
        let is_one = is_established && comeback.token.is_some();
        if is_one != comeback.counted.is_some() {
            comeback.counted = is_one.then(|| Counted::new(&shared.resumable));
        }
    }

    /// The client says something: what it was told of its token it has got, unless it said so together with what it was told
    /// that for.
    #[inline]
    pub fn has_got_token(&mut self) {
        if let Some(comeback) = &mut self.comeback
            && !self.budget.may_have_said_more()
        {
            comeback.before = None;
        }
    }

    // A session that is lost.

    /// Whether its client can come back if its connection is lost now.
    pub fn can_come_back(&self, shared: &Shared) -> bool {
        let has_token = self.comeback.as_ref().is_some_and(|comeback| comeback.token.is_some());
        has_token
            && self.life == Life::Established
            && shared.config.client.resume_ms > 0
            && !shared.is_closing
    }

    /// The connection is lost: from now on the client is away.
    pub fn go_away(&mut self, cx: &mut Context<'_>, mut end: End) {
        let wait = Duration::from_millis(cx.shared.config.client.resume_ms.into());
        let reason = match &end {
            End::Lost(loss) => loss.reason.clone(),
            End::Ejected(ejection) => String::from_utf8_lossy(&ejection.text).into_owned(),
            _ => net::end_of_file(),
        };
        let (client, remote, limit) =
            (self.identity.allocated, &self.identity.peer.remote, end.limit());
        let wait_ms = wait.as_millis() as u64;
        if let Some(limit) = limit {
            let reason = net::logged(&reason);
            tracing::warn!(%client, %remote, limit, wait_ms, "client dropped: {reason}; it may come back");
            cx.shared.limit_counts.add(limit);
        } else {
            let reason = net::logged(&reason);
            tracing::debug!(%client, %remote, reason, wait_ms, "client lost; it may come back");
        }
        if let End::Lost(loss) = &mut end {
            // That has been said and counted.
            loss.limit = None;
        }
        self.identity.event(cx.shared, "client-away", |event, peer| {
            event
                .with("remote_address", peer.remote.to_string())
                .with("local_address", peer.local.to_string())
                .with("reason", reason)
        });
        if let End::Ejected(_) = end
            && let Some(timeout) = nonzero_ms(cx.shared.config.client.heartbeat_timeout_ms)
        {
            // It is lost for its silence: from when it is back on that is looked at again.
            self.watch_life(cx, timeout);
        }
        let until = cx.now + wait;
        cx.shared.deadlines.set(until, Timer::Away(self.identity.key));
        cx.shared.keep_buffer(std::mem::take(&mut self.outbox).bytes);
        self.comeback().absence = Some(Absence { end, until });
    }

    /// A session that is away is no longer established: nobody can come back to it.
    ///
    /// # Errors
    /// It ends, as it would have if it had been lost now.
    pub(super) fn check_absence(&self) -> Flow {
        let is_over = self.life != Life::Established;
        self.absence_over(None).filter(|_| is_over).map_or(Ok(()), Err)
    }

    /// How it ends, if it is away and its time is over, or at once.
    pub fn absence_over(&self, now: Option<Instant>) -> Option<End> {
        let absence = self.comeback.as_ref()?.absence.as_ref()?;
        now.is_none_or(|now| absence.until <= now).then(|| absence.end.clone())
    }

    // Somebody who comes back.

    /// There is no room for the client, unless it comes back to a session that is there, and says so soon.
    pub fn only_comes_back(&mut self, shared: &mut Shared, now: Instant, refusal: Ejection) {
        self.comeback().refusal = Some(refusal);
        let timer = Timer::Silence(self.identity.key, Silence::Hello);
        shared.deadlines.set(now + PROBATION, timer);
    }

    /// Checks that there is room for a client that has not come back.
    ///
    /// # Errors
    /// The session ends.
    pub fn check_room(&mut self) -> Flow {
        let refusal = self.comeback.as_mut().and_then(|comeback| comeback.refusal.take());
        let Some(refusal) = refusal else { return Ok(()) };
        metrics::REFUSED.one(&["client"]);
        Err(End::Ejected(refusal))
    }

    /// The client says to have the token of another session.
    pub fn says_token(&mut self, said: &[u8]) {
        self.comeback().said = Some(said.into());
        // Nothing else is looked at before that.
        self.note_asked();
    }

    /// What it has said so.
    pub fn take_said(&mut self) -> Option<Box<[u8]>> {
        self.comeback.as_mut()?.said.take()
    }

    /// What the client has said is no token of any session. It may begin anew.
    ///
    /// # Errors
    /// The session ends, if that is not the first time.
    pub fn is_refused(&mut self, shared: &mut Shared) -> Flow {
        let (client, remote) = (self.identity.allocated, &self.identity.peer.remote);
        tracing::debug!(%client, %remote, "a client cannot come back: there is no such session any more");
        metrics::RESUMES.one(&["refused"]);
        if std::mem::replace(&mut self.comeback().has_failed, true) {
            let text = "There is no session to come back to with the second token, either.";
            return Err(End::security(Offence::Hello, EjectReason::Generic, text));
        }
        self.tell(shared, &News::Back { offer: None, is_back: false });
        self.check_room()
    }

    /// Whether this is with what the client of this session can come back.
    pub fn admits_token(&self, said: &[u8]) -> bool {
        let Some(comeback) = &self.comeback else { return false };
        let tokens = [&comeback.token, &comeback.before];
        self.life == Life::Established && tokens.into_iter().flatten().any(|token| token.is(said))
    }

    /// What the client that has come back with a token is told for the next time. Who says the old one once more has not got the
    /// new one, and is told that again: so it does not matter which of his attempts is looked at last.
    fn next_offer(&mut self, shared: &mut Shared, said: &[u8]) -> Option<(Token, u32)> {
        let ms = shared.config.client.resume_ms;
        let token = self.comeback.as_ref().and_then(|comeback| comeback.token.clone());
        match token.filter(|token| ms > 0 && !token.is(said)) {
            Some(token) => Some((token, ms)),
            None => self.new_offer(shared),
        }
    }

    /// The session ends without a trace, since its client has another. Its connection is that one's.
    pub fn hand_over(mut self, cx: &mut Context<'_>) -> (Newcomer, Departure) {
        let (index, channel) = (self.identity.key.index, self.identity.allocated);
        cx.shared.pool.free(channel, cx.now);
        let departure = self.listening.leave(index);
        let (peer, framing, outbox) = (self.identity.peer, self.identity.framing, self.outbox);
        (Newcomer { peer, framing, channel, outbox }, departure)
    }

    /// The client is back, on another connection, by this token. What is to be written to the one that it had, if that is still
    /// there, and to the new one before anything else.
    pub fn come_back(
        &mut self,
        cx: &mut Context<'_>,
        newcomer: Newcomer,
        said: &[u8],
    ) -> (Vec<u8>, Vec<u8>) {
        let Newcomer { peer, framing, channel, outbox } = newcomer;
        let mut farewell = Vec::new();
        let was_away = self.comeback().absence.take().is_some();
        if !was_away {
            self.identity.framing.write_close(&mut farewell, crate::wire::websocket::NORMAL, "");
        }
        cx.shared.keep_buffer(std::mem::replace(&mut self.outbox, outbox).bytes);
        if !self.outbox.bytes.is_empty() {
            cx.shared.touched.push_back(self.identity.key);
        }
        (self.identity.peer, self.identity.framing) = (peer, framing);
        (self.presence.alive, self.presence.heard) = (cx.now, cx.now);
        let (client, remote) = (self.identity.allocated, &self.identity.peer.remote);
        tracing::debug!(%client, %remote, connected_as = %channel, was_away, "client is back");
        self.identity.event(cx.shared, "client-resumed", |event, peer| {
            event
                .with("remote_address", peer.remote.to_string())
                .with("local_address", peer.local.to_string())
                .with("connected_as", channel.to_string())
        });
        metrics::RESUMES.one(&["resumed"]);
        let offer = self.next_offer(cx.shared, said);
        let offer = offer.as_ref().map(|(token, ms)| (token, *ms));
        self.tell(cx.shared, &News::Back { offer, is_back: true });
        // A message of its own: it is not to wait until the world has come through.
        let answer = self.take_outbox().bytes;
        self.tell_anew(cx);
        (farewell, answer)
    }
}
