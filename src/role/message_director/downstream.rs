//! Links that others made to this daemon.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::core::{LinkChange, Malformed};
use super::ear::{Ear, Heard};
use super::peers::{Peers, Seat};
use super::record::Record;
use super::rivals::{Entry, Links};
use super::roll::{Enrolled, Witness};
use crate::config::{MessageDirectorConfig, Networks};
use crate::event::EventSender;
use crate::metrics;
use crate::net::tls::Tls;
use crate::net::{
    self, Close, Connection, LAST_BYTES_MAX, LastWords, Liveness, Lost, Network, Policy, Socket,
    Stream,
};
use crate::recent::Closed;
use crate::router::{Participant, Router};

/// Why a link has ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("{}", net::CLOSED)]
    Peer,
    #[error("{}", net::words(.0))]
    Read(#[source] io::Error),
    #[error("{}", net::reason(.0))]
    Write(#[source] Lost),
    #[error("the peer does not answer, or is back on another link")]
    Dead,
    #[error("{0}")]
    Malformed(#[source] Malformed),
    #[error("the daemon stops")]
    Shutdown,
    #[error("the upstream was lost, and may have routed this link's post-removes")]
    SpokenFor,
    #[error("somebody who operates the daemon has closed it")]
    Unwanted,
}

/// A message director that listens but does not accept yet.
///
/// Binding and serving are apart so that every role is subscribed before the first link can speak.
pub struct Listener {
    doors: Vec<Door>,
    /// From where links may come.
    allow: Networks,
    /// How long a handshake of TLS may take.
    handshake_limit: Option<Duration>,
    /// How links are treated.
    policy: Policy,
    peers: Arc<Peers>,
    liveness: Liveness,
    witness: Witness,
    /// Whether the lengths of datagrams have four bytes.
    are_lengths_wide: bool,
}

/// Where links come in.
struct Door {
    sockets: net::Listener,
    /// How they are encrypted.
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// One that listens nowhere yet.
    pub fn new(config: &MessageDirectorConfig, peers: Arc<Peers>, witness: Witness) -> Self {
        Listener {
            doors: Vec::new(),
            allow: config.allow.clone(),
            handshake_limit: config.connect_timeout,
            policy: Policy::link(config.link_buffer_bytes_max, config.link_write_timeout),
            liveness: Liveness::new(config.keepalive, config.link_write_timeout),
            peers,
            witness,
            are_lengths_wide: config.are_lengths_wide,
        }
    }

    /// Listens on all of `addresses` that can be bound.
    ///
    /// # Errors
    /// When none can.
    pub fn listen(
        &mut self,
        network: &dyn Network,
        addresses: &[SocketAddr],
        tls: Option<Arc<Tls>>,
    ) -> io::Result<()> {
        let sockets = net::Listener::bind(network, addresses, self.liveness)?;
        self.doors.push(Door { sockets, tls });
        Ok(())
    }

    /// Where it listens, and whether links are encrypted there.
    pub fn addresses(&self) -> impl Iterator<Item = (SocketAddr, bool)> {
        self.doors.iter().flat_map(|door| {
            let addresses = door.sockets.addresses().into_iter();
            addresses.map(|address| (address, door.tls.is_some()))
        })
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
            let (stream, peer, tls) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                never = self.peers.tell() => match never {},
                Some(ended) = links.join_next() => {
                    leaving.push(ended);
                    leaving.retain(|ended| matches!(ended, Ok(Some(_))));
                    continue;
                }
                accepted = accept(&mut self.doors) => accepted,
            };
            if !self.allow.is_empty() && !self.allow.contain(peer.ip()) {
                metrics::REFUSED.one(&["link"]);
                tracing::warn!(%peer, "link refused: its address is not allowed (messagedirector.allow)");
                continue;
            }
            let (peers, all, liveness) = (self.peers.clone(), all.clone(), self.liveness);
            let (router, events) = (router.clone(), events.clone());
            let (witness, is_encrypted) = (self.witness.clone(), tls.is_some());
            let link = Link { router, events, peers, all, liveness, peer, witness, is_encrypted };
            let (policy, limit) = (self.policy.clone(), self.handshake_limit);
            let (shutdown, are_wide) = (shutdown.clone(), self.are_lengths_wide);
            let task = async move {
                let Some(tls) = tls else {
                    return link.run(stream.with_wide_lengths(are_wide), policy, shutdown).await;
                };
                // Boxed, since it is over before the link begins.
                let shake = Box::pin(shake_within(limit, &tls, stream));
                let stream = shutdown.run_until_cancelled(shake).await??;
                link.run(stream.with_wide_lengths(are_wide), policy, shutdown).await
            };
            // In whatever is said of the link, too. It says itself what its name is.
            let name = tracing::field::Empty;
            links.spawn(task.instrument(tracing::error_span!("link", name, %peer)));
        }
        drop(self.doors);
        while let Some(ended) = links.join_next().await {
            leaving.push(ended);
        }
        drop(leaving);
    }
}

/// The next connection to any of the doors.
async fn accept(doors: &mut [Door]) -> (Socket, SocketAddr, Option<Arc<Tls>>) {
    let next = doors.iter_mut().map(|door| {
        Box::pin(async {
            let (stream, peer) = door.sockets.accept("link").await;
            (stream, peer, door.tls.clone())
        })
    });
    let mut next: FuturesUnordered<_> = next.collect();
    match next.next().await {
        Some(accepted) => accepted,
        // Nobody can come.
        None => std::future::pending().await,
    }
}

/// Encrypts a connection, or says why it cannot be.
async fn shake_within(limit: Option<Duration>, tls: &Tls, stream: Socket) -> Option<Socket> {
    let shake = async {
        let shaken = tls.accept(stream, Vec::new()).await;
        shaken.map_err(|failure| io::Error::other(failure.to_string()))
    };
    let shaken = net::within(limit, shake).await;
    let say = |reason: io::Error| tracing::warn!(%reason, "no link: no TLS handshake");
    shaken.map_err(say).ok()
}

/// Everything that serving a link needs.
pub(super) struct Link {
    pub(super) router: Router,
    pub(super) events: EventSender,
    pub(super) peers: Arc<Peers>,
    pub(super) all: Arc<Links>,
    pub(super) liveness: Liveness,
    pub(super) peer: SocketAddr,
    pub(super) witness: Witness,
    pub(super) is_encrypted: bool,
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
        let (roll, key) = (&self.witness.roll, participant.key());
        let enrolled = roll.enter(&connection, self.peer, key, self.is_encrypted);
        let opened = Instant::now();
        tracing::info!("link opened");
        let mut ear = Ear::new(&self, &participant, &entry);
        // All that is rare is asked for when it happens, and not at each message.
        let mut rare = FuturesUnordered::from_iter([async {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => End::Shutdown,
                () = entry.given_up() => End::Dead,
                () = seat.is_own() => End::Malformed(Malformed::Itself),
                () = enrolled.is_to_close() => End::Unwanted,
                never = entry.meet_namesakes() => match never {},
                () = self.spoken_for(&participant, &seat) => End::SpokenFor,
                Err(lost) = connection.drive() => End::Write(lost),
            }
        }]);
        let end = tokio::select! {
            biased;
            Some(end) = rare.next() => end,
            end = self.read(&connection, (&seat, &enrolled), &mut ear, Reading::On) => end,
        };
        if matches!(end, End::Write(_) | End::Dead | End::SpokenFor | End::Unwanted) {
            // Not for ever: it may wait for a role, which has ended, too. Boxed, since most links are closed by their
            // peers, and all would carry it.
            let hear_out =
                Box::pin(self.hear_out(&connection, (&seat, &enrolled), &entry, &mut ear));
            let _ = shutdown.run_until_cancelled(hear_out).await;
        }
        let record = Record { opened, received_bytes: ear.received };
        drop((rare, ear));
        self.note(&enrolled, &record, &end);
        drop(enrolled);
        if matches!(end, End::Shutdown) {
            let are_said = LastWords::of(&connection).say().await;
            // The end itself would count as a byte that may be lost.
            record.say(&connection, &end);
            if are_said {
                let _ = connection.stream().end();
            }
            return Some(participant);
        }
        record.say(&connection, &end);
        match end {
            End::Malformed(Malformed::Itself) => {
                seat.answer(self.peers.epoch());
                Self::part(&connection).await;
            }
            End::Malformed(Malformed::Foreign(foreign)) => {
                let _ = connection.push_bytes(foreign.farewell().unwrap_or_default());
                Self::part(&connection).await;
            }
            End::SpokenFor | End::Unwanted => Self::part(&connection).await,
            End::Dead => connection.stream().abort_on_close(),
            End::Malformed(_) => {
                self.router.violated(&format!("link {}", self.peer));
                connection.stream().abort_on_close();
            }
            End::Peer | End::Read(_) | End::Write(_) | End::Shutdown => {}
        }
        // In this order: who waits for its entry to go waits for its last words.
        drop(participant);
        drop(entry);
        None
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
        places: (&Seat, &Enrolled),
        entry: &Entry,
        ear: &mut Ear<'_>,
    ) {
        let heard = tokio::select! {
            biased;
            // Nobody is to wait for one who waits for others.
            () = entry.given_up() => None,
            end = self.read(connection, places, ear, Reading::Out) => Some(end),
        };
        let end = match heard {
            Some(end) => end,
            None => {
                ear.ignore_rivals();
                self.read(connection, places, ear, Reading::Out).await
            }
        };
        if let End::Malformed(reason) = end {
            tracing::error!(%reason, "link sent malformed input before it was lost");
        }
    }

    async fn read(
        &self,
        connection: &Connection,
        places: (&Seat, &Enrolled),
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
                self.change(change, ear, places);
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

    fn change(&self, change: LinkChange, ear: &Ear<'_>, (seat, enrolled): (&Seat, &Enrolled)) {
        match change {
            LinkChange::Name(name) => {
                enrolled.is_named(&name);
                ear.participant.rename(format!("{name} ({})", self.peer));
            }
            LinkChange::Url(url) => {
                tracing::debug!(url, "link has a status page");
                enrolled.has_page(&url);
            }
            LinkChange::Hello(epoch, _) => {
                enrolled.is_daemon();
                seat.answer(epoch);
                ear.who.is_daemon(epoch);
            }
            LinkChange::Told => seat.told(),
            LinkChange::Below(epoch) => seat.is_above(epoch),
        }
    }

    /// Notes the end for whoever looks at the daemon.
    fn note(&self, enrolled: &Enrolled, record: &Record, end: &End) {
        self.witness.closed.note(Closed {
            is_client: false,
            address: self.peer.to_string(),
            name: enrolled.name(),
            channel: None,
            reason: end.to_string(),
            code: None,
            age: record.opened.elapsed(),
        });
    }
}

impl Record {
    /// Says how the link has ended, and what it was.
    fn say(&self, connection: &Connection, end: &End) {
        let (age_s, received_bytes) = (self.age_s(), self.received_bytes);
        let sent_bytes = connection.taken();
        let (unsent_bytes, may_be_lost_bytes) = connection.undelivered();
        macro_rules! say {
            ($level:ident, $text:literal) => {
                tracing::$level!(
                    reason = %end,
                    age_s,
                    received_bytes,
                    sent_bytes,
                    unsent_bytes,
                    may_be_lost_bytes,
                    $text
                )
            };
        }
        match end {
            End::Peer | End::Shutdown => say!(info, "link closed"),
            End::Malformed(Malformed::Itself) => say!(debug, "link closed"),
            End::Malformed(Malformed::Foreign(_)) => say!(warn, "no link; closed"),
            End::Malformed(_) => say!(error, "link sent malformed input; closed"),
            End::SpokenFor => say!(warn, "link closed, so that it starts anew"),
            End::Unwanted => say!(warn, "link closed"),
            End::Read(_) | End::Write(_) | End::Dead => say!(warn, "link lost"),
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
