//! Links that others made to this daemon.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf, BytesMut};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::core::{LinkChange, Malformed, control_of, note, obey, route};
use super::peers::{Peers, Seat};
use super::rivals::{Contest, Entry, Links, Rivals};
use super::senders::Senders;
use crate::config::MessageDirectorConfig;
use crate::event::EventSender;
use crate::net::{
    self, Close, Connection, LAST_BYTES_MAX, LastWords, Liveness, Lost, Network, Policy, Socket,
    Stream,
};
use crate::router::{FLOOD_BYTES, Fed, Participant, Router};
use crate::wire::{Assembler, CONTROL_HEAD, Frames, Framing, Runs};

/// Why a link has ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("closed by the peer")]
    Peer,
    #[error("{}", net::words(.0))]
    Read(#[source] io::Error),
    #[error("{0}")]
    Write(#[source] Lost),
    #[error("the peer does not answer, or is back on another link")]
    Dead,
    #[error("malformed input: {0}")]
    Malformed(#[source] Malformed),
    #[error("the daemon stops")]
    Shutdown,
    #[error("the upstream was lost, and may have routed this link's post-removes")]
    SpokenFor,
}

/// A message director that listens but does not accept yet.
///
/// Binding and serving are apart so that every role is subscribed before the first link can speak.
pub struct Listener {
    sockets: net::Listener,
    /// How links are treated.
    policy: Policy,
    peers: Arc<Peers>,
    liveness: Liveness,
}

/// Listens on all of `addresses` that can be bound.
///
/// # Errors
/// When none can.
pub fn listen(
    network: &dyn Network,
    addresses: &[SocketAddr],
    config: &MessageDirectorConfig,
    peers: Arc<Peers>,
) -> io::Result<Listener> {
    let liveness = Liveness::new(config.keepalive, config.link_write_timeout);
    let policy = Policy::link(config.link_buffer_bytes_max, config.link_write_timeout);
    let sockets = net::Listener::bind(network, addresses, liveness)?;
    Ok(Listener { sockets, policy, liveness, peers })
}

impl Listener {
    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.addresses()
    }

    /// Accepts links until `shutdown`, and returns when all of them have ended.
    ///
    /// At the shutdown, everybody gets what was meant for it so far, and then the end: what the
    /// others leave behind reaches roles and the upstream, but no link.
    pub async fn serve(mut self, router: Router, events: EventSender, shutdown: CancellationToken) {
        let mut links = JoinSet::new();
        let all = Arc::new(Links::default());
        // Who hands its place back does so because of the shutdown, which it may have noticed first.
        let mut leaving = Vec::new();
        self.peers.open();
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                never = self.peers.tell() => match never {},
                Some(ended) = links.join_next() => {
                    leaving.push(ended);
                    leaving.retain(|ended| matches!(ended, Ok(Some(_))));
                    continue;
                }
                accepted = self.sockets.accept("link") => accepted,
            };
            let (peers, all, liveness) = (self.peers.clone(), all.clone(), self.liveness);
            let (router, events) = (router.clone(), events.clone());
            let is_named = AtomicBool::new(false);
            let link = Link { router, events, peers, all, liveness, peer, is_named };
            let task = link.run(stream, self.policy.clone(), shutdown.clone());
            // In whatever is said of the link, too. It says itself what its name is.
            let name = tracing::field::Empty;
            links.spawn(task.instrument(tracing::error_span!("link", name, %peer)));
        }
        drop(self.sockets);
        while let Some(ended) = links.join_next().await {
            leaving.push(ended);
        }
        drop(leaving);
    }
}

/// Everything that serving a link needs.
pub(super) struct Link {
    pub(super) router: Router,
    pub(super) events: EventSender,
    pub(super) peers: Arc<Peers>,
    pub(super) all: Arc<Links>,
    pub(super) liveness: Liveness,
    pub(super) peer: SocketAddr,
    /// Whether it has said what its name is.
    pub(super) is_named: AtomicBool,
}

impl Link {
    /// Serves the link until it ends. At the shutdown its place in the router is handed back.
    pub(super) async fn run(
        self,
        stream: impl Into<Socket>,
        policy: Policy,
        shutdown: CancellationToken,
    ) -> Option<Participant> {
        let connection = Arc::new(Connection::new(stream.into(), policy));
        // Before the participant, so that it is left when that has left.
        let seat = self.peers.seat(&connection);
        let participant = self.router.join(format!("link {}", self.peer), connection.clone());
        let line = Box::new(connection.clone());
        let entry = self.all.enter(participant.key(), line, self.liveness, self.peer);
        tracing::debug!("link opened");
        let mut ear = Ear::new(&self, &participant, &entry);
        // All that is rare is asked for when it happens, and not at each message.
        let mut rare = FuturesUnordered::from_iter([async {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => End::Shutdown,
                () = entry.given_up() => End::Dead,
                () = seat.is_own() => End::Malformed(Malformed::Itself),
                () = self.spoken_for(&participant, &seat) => End::SpokenFor,
                Err(lost) = connection.drive() => End::Write(lost),
            }
        }]);
        let end = tokio::select! {
            biased;
            Some(end) = rare.next() => end,
            end = self.read(&connection, &seat, &mut ear, Reading::On) => end,
        };
        if matches!(end, End::Write(_) | End::Dead | End::SpokenFor) {
            // Not for ever: it may wait for a role, which has ended, too. Boxed, since most links are closed by their
            // peers, and all would carry it.
            let hear_out = Box::pin(self.hear_out(&connection, &seat, &entry, &mut ear));
            let _ = shutdown.run_until_cancelled(hear_out).await;
        }
        drop((rare, ear));
        match end {
            End::Peer => self.say_closed(&connection),
            End::Shutdown => {
                if LastWords::of(&connection).say().await {
                    let _ = connection.stream().end();
                }
                return Some(participant);
            }
            End::Malformed(Malformed::Itself) => {
                seat.answer(self.peers.epoch());
                Self::part(&connection).await;
                tracing::debug!("this daemon has connected to itself; closed");
            }
            end @ End::SpokenFor => {
                tracing::warn!(reason = %end, "link closed, so that it starts anew");
                Self::part(&connection).await;
            }
            End::Malformed(reason) => {
                connection.stream().abort_on_close();
                tracing::error!(%reason, "link sent malformed input; closed");
            }
            end => {
                let (unsent_bytes, may_be_lost_bytes) = connection.undelivered();
                if matches!(end, End::Dead) {
                    connection.stream().abort_on_close();
                }
                tracing::warn!(reason = %end, unsent_bytes, may_be_lost_bytes, "link lost");
            }
        }
        // In this order: who waits for its entry to go waits for its last words.
        drop(participant);
        drop(entry);
        None
    }

    /// Says that the peer has closed the link. Somebody with a name is an AI or a daemon, of whom an operator wants to
    /// know; others come and go.
    fn say_closed(&self, connection: &Connection) {
        if self.is_named.load(Ordering::Relaxed) {
            let (unsent_bytes, may_be_lost_bytes) = connection.undelivered();
            tracing::info!(unsent_bytes, may_be_lost_bytes, "link closed by the peer");
        } else {
            tracing::debug!("link closed by the peer");
        }
    }

    /// Ends a connection when everything has been written.
    async fn part(connection: &Connection) {
        connection.close(Close::Flushed);
        if connection.drive().await.is_ok() {
            connection.hang_up().await;
        }
    }

    /// Waits until somebody else has routed what was to be routed at the end of this link: its objects have been deleted,
    /// say. The world goes on without it then, and it has to begin again. A link that has kept nothing has only missed
    /// messages.
    async fn spoken_for(&self, participant: &Participant, seat: &Seat) {
        let mut gaps = seat.gaps();
        while gaps.changed().await.is_ok() {
            let losses = *gaps.borrow();
            if !seat.has_missed(losses) {
                continue;
            }
            if participant.keeps_post_removes() {
                return;
            }
            tracing::info!("the upstream was away: this link may have missed messages");
        }
        // The sender is as old as this is.
        std::future::pending().await
    }

    /// What the peer has sent is routed before its end, which has not been found by reading: it lies in the socket, or has
    /// been read and waits for its turn.
    async fn hear_out(
        &self,
        connection: &Connection,
        seat: &Seat,
        entry: &Entry,
        ear: &mut Ear<'_>,
    ) {
        let heard = tokio::select! {
            biased;
            // Nobody is to wait for one who waits for others.
            () = entry.given_up() => None,
            end = self.read(connection, seat, ear, Reading::Out) => Some(end),
        };
        let end = match heard {
            Some(end) => end,
            None => {
                ear.ignore_rivals();
                self.read(connection, seat, ear, Reading::Out).await
            }
        };
        if let End::Malformed(reason) = end {
            tracing::error!(%reason, "link sent malformed input before it was lost");
        }
    }

    async fn read(
        &self,
        connection: &Connection,
        seat: &Seat,
        ear: &mut Ear<'_>,
        reading: Reading,
    ) -> End {
        let mut all = 0;
        let mut count = 0;
        loop {
            while ear.has_more() {
                ear.wait().await;
                if let Err(malformed) = ear.go_on() {
                    return End::Malformed(malformed);
                }
            }
            for change in std::mem::take(&mut ear.changes) {
                self.change(change, ear.participant, seat);
            }
            ear.brake(count).await;
            if reading == Reading::Out && (all >= LAST_BYTES_MAX || !connection.has_unread()) {
                return End::Peer;
            }
            let mut heard = Ok(Heard::Datagrams);
            count = match connection.read(|bytes| heard = ear.hear(bytes)).await {
                Ok(0) => return End::Peer,
                Ok(count) => count,
                Err(error) => return End::Read(error),
            };
            all += count;
            match heard {
                Ok(Heard::Datagrams) => {}
                // Who has one link subscribe and then another one send expects the first to get it.
                // What this socket holds may be younger than a subscription that waits in another, so
                // those that are ready get their turn before anything is routed.
                Ok(Heard::Control) => tokio::task::yield_now().await,
                Err(malformed) => return End::Malformed(malformed),
            }
        }
    }

    fn change(&self, change: LinkChange, participant: &Participant, seat: &Seat) {
        match change {
            LinkChange::Name(name) => {
                tracing::Span::current().record("name", &*name);
                self.is_named.store(true, Ordering::Relaxed);
                tracing::info!("link named");
                participant.rename(format!("{name} ({})", self.peer));
            }
            LinkChange::Url(url) => tracing::debug!(url, "link has a status page"),
            LinkChange::Hello(epoch, _) => seat.answer(epoch),
            LinkChange::Told => seat.told(),
            LinkChange::Below(epoch) => seat.is_above(epoch),
        }
    }
}

/// For how long a link is read.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Reading {
    /// Until the peer ends it.
    On,
    /// As long as there is something to read.
    Out,
}

/// What a read began with.
enum Heard {
    /// Nothing but what is to be routed, or nothing whole at all.
    Datagrams,
    /// Control messages. What came after them waits for [`Ear::go_on`].
    Control,
}

/// Puts frames together and does what they say.
struct Ear<'l> {
    link: &'l Link,
    participant: &'l Participant,
    assembler: Assembler,
    /// Whole frames of the same read that are still to be done: they came after control messages, the turn was
    /// over, or the first of them waits.
    rest: BytesMut,
    /// Something that it has asked for takes more than a turn.
    is_waiting: bool,
    /// The next of them has to wait until it is known whether others live.
    contest: Option<Contest>,
    /// `None` if it waits for nobody any more.
    rivals: Option<Rivals>,
    /// What is to be done about the link itself.
    changes: Vec<LinkChange>,
    /// The slow queues that it feeds.
    fed: Fed,
    senders: Senders,
}

impl<'l> Ear<'l> {
    fn new(link: &'l Link, participant: &'l Participant, entry: &Entry) -> Self {
        Ear {
            link,
            participant,
            assembler: Assembler::new(Framing::Tag16),
            rest: BytesMut::new(),
            is_waiting: false,
            contest: None,
            rivals: Some(entry.rivals()),
            changes: Vec::new(),
            fed: Fed::default(),
            senders: Senders::default(),
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<Heard, Malformed> {
        #[cfg(test)]
        crate::fault::happens("link");
        let mut assembler = std::mem::replace(&mut self.assembler, Assembler::new(Framing::Tag16));
        let mut heard = Ok(Heard::Datagrams);
        let is_flood = bytes.len() >= FLOOD_BYTES;
        let framed = assembler.take(bytes, |frames| match heard {
            Ok(Heard::Datagrams) if !self.has_more() => {
                if is_flood {
                    self.senders.look_at(frames);
                }
                heard = self.begin(frames);
            }
            Ok(_) => self.rest.extend_from_slice(frames),
            Err(_) => {}
        });
        framed.expect("nothing that a 2-byte tag says is too long");
        self.assembler = assembler;
        heard
    }

    /// Does what frames ask for, until the turn is over; only control messages, if they begin with some.
    fn begin(&mut self, frames: &[u8]) -> Result<Heard, Malformed> {
        let is_control = frames_begin_with_control(frames);
        let left = self.take_turn(frames, |rest| !is_control || frames_begin_with_control(rest))?;
        self.rest.extend_from_slice(left);
        Ok(if is_control { Heard::Control } else { Heard::Datagrams })
    }

    /// Does what is still to be done, until the turn is over.
    fn go_on(&mut self) -> Result<(), Malformed> {
        let rest = std::mem::take(&mut self.rest);
        let left = self.take_turn(&rest, |_| true)?.len();
        self.rest = rest;
        self.rest.advance(self.rest.len() - left);
        Ok(())
    }

    /// Does what frames ask for in one batch, as long as `may_go_on` with those that are left and until others are to
    /// have their turn. Returns what is left.
    fn take_turn<'f>(
        &mut self,
        frames: &'f [u8],
        may_go_on: impl Fn(&[u8]) -> bool,
    ) -> Result<&'f [u8], Malformed> {
        let mut runs = Runs::new(Frames::new(frames));
        let mut batch = self.participant.batch_feeding(&mut self.fed);
        loop {
            let left = runs.remaining();
            if !may_go_on(left) {
                return Ok(left);
            }
            let Some(run) = runs.next() else { return Ok(left) };
            if let Some(control) = control_of(run) {
                let rivals = self.rivals.as_mut();
                self.contest = rivals.and_then(|rivals| rivals.contest(control, &batch));
                if self.contest.is_some() {
                    return Ok(left);
                }
                match obey(control, &mut batch, &self.link.events)? {
                    Some(LinkChange::Hello(epoch, _)) if epoch == self.link.peers.epoch() => {
                        return Err(Malformed::Itself);
                    }
                    Some(change) => {
                        note(&change, &mut batch);
                        self.changes.push(change);
                    }
                    None => {}
                }
            } else if let left_of_run = route(run, &mut batch)?.remaining().len()
                && left_of_run > 0
            {
                self.is_waiting = batch.is_over();
                return Ok(&left[left.len() - runs.remaining().len() - left_of_run..]);
            }
            if batch.is_over() {
                self.is_waiting = true;
                if runs.remaining().is_empty() {
                    batch.has_done_all();
                }
                return Ok(runs.remaining());
            }
        }
    }

    /// Whether there is something to be done before the next read.
    fn has_more(&self) -> bool {
        self.is_waiting || !self.rest.is_empty()
    }

    /// Waits until it is known whether others live; lets others have their turn; and waits until what has been asked for
    /// is done. If that is cancelled, it can begin anew.
    async fn wait(&mut self) {
        if let (Some(contest), Some(rivals)) = (self.contest.take(), &mut self.rivals) {
            rivals.settle(contest).await;
        }
        if self.is_waiting {
            tokio::task::yield_now().await;
            self.fed.room().await;
            while self.participant.go_on() {
                tokio::task::yield_now().await;
            }
            self.is_waiting = false;
        }
    }

    /// From now on it is nothing to it whether others live.
    fn ignore_rivals(&mut self) {
        (self.rivals, self.contest) = (None, None);
    }

    /// Waits a little if the link floods somebody who cannot keep up. Not if it carries what many say: all of
    /// them would wait for one's receiver, which is cut off instead when its queue is full.
    async fn brake(&mut self, bytes_read: usize) {
        if self.senders.are_many() {
            self.fed.forget();
        }
        self.fed.brake(bytes_read).await;
    }
}

fn frames_begin_with_control(frames: &[u8]) -> bool {
    Frames::new(frames).next().is_some_and(|frame| frame.datagram().starts_with(&CONTROL_HEAD))
}
