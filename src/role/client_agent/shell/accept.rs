//! Accepting connections and reading from them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use crate::config::ProxyHeaders;
use crate::message::ClientFamily;
use crate::net::proxy_protocol::{self, Header};
use crate::net::tls::{Failure, Tls};
use crate::net::{self, Close, Connection, Listener, Lost, Socket, Stream};
use crate::role::client_agent::{Heard, Loss, Peer, SessionKey, Stop};
use crate::router::{Fed, quietly};
use crate::wire::{Assembler, Framing};

/// How datagrams are told apart on a TCP connection.
const FRAMING: Framing = Framing::Tag16;

/// The most that is read at a time before a connection has a session.
const FIRST_BYTES_MAX: usize = 16 * 1024;

/// Who has held the router for so long has had its turn. To be woken again costs as much as some microseconds of work.
const LONG: Duration = Duration::from_micros(200);

/// How many connections are accepted before others have their turn: whoever is connected already should not wait for
/// all who come at once.
const ACCEPTS_A_TURN: u32 = 8;

/// Accepts connections until the shutdown.
pub async fn accept(mut listener: Listener, tls: Option<Arc<Tls>>, shared: Arc<Shared>) {
    for count in 1u32.. {
        if count % ACCEPTS_A_TURN == 0 {
            tokio::task::yield_now().await;
        }
        let (stream, remote) = tokio::select! {
            biased;
            () = shared.shutdown.cancelled() => return,
            accepted = listener.accept("client") => accepted,
        };
        #[cfg(test)]
        crate::fault::happens("accept");
        if let ProxyHeaders::From(proxies) = &shared.haproxy
            && !proxies.contain(remote.ip())
        {
            tracing::warn!(%remote, "client refused: it is none of the proxies (haproxy.from)");
            continue;
        }
        if listener.is_full() {
            tracing::warn!(%remote, "client refused: too many files are open");
            // Who would have to be told by TLS is only hung up on.
            if tls.is_none()
                && let Some((connection, words)) = without_place(stream, &shared)
            {
                refuse_at_once(&connection, &words).await;
            }
            // Before anybody else can take it.
            listener.keep_spare();
            continue;
        }
        match shared.places.clone().try_acquire_owned() {
            Ok(place) => {
                let tls = tls.clone();
                shared.connections.spawn(connection(stream, remote, tls, place, shared.clone()));
            }
            Err(_) => {
                tracing::warn!(%remote, "client refused: too many files would be open");
                if tls.is_none() {
                    shared.connections.spawn(turn_away(stream, shared.clone()));
                }
            }
        }
    }
}

/// A connection for which there is no place is told so. If many come at once, most are closed without waiting for
/// them to have read it: it must not be they who take the files that are reserved.
async fn turn_away(stream: Socket, shared: Arc<Shared>) {
    let Some((connection, words)) = without_place(stream, &shared) else { return };
    match shared.refusals.try_acquire() {
        Ok(_refusal) => refuse(&connection, &words).await,
        Err(_) => refuse_at_once(&connection, &words).await,
    }
}

/// A connection for which there is no place, and what it is told. Nobody tells it if the role is lost.
fn without_place(stream: Socket, shared: &Shared) -> Option<(Connection, Vec<u8>)> {
    let words = shared.role.turn(|server, _, _| server.capacity_reached(FRAMING)).ok()?;
    Some((Connection::new(stream, shared.policy()), words))
}

/// Writes `words` as far as there is room for them.
async fn refuse_at_once(connection: &Connection, words: &[u8]) {
    connection.push_bytes(words);
    connection.write();
    // Whatever has come is taken, since a connection with unread input is reset when it is closed.
    let read = connection.read(|_| {});
    let _ = tokio::time::timeout(Duration::ZERO, read).await;
}

/// One connection, from its beginning to its end.
///
/// What is returned is kept for each client, so nothing is in it that only the beginning needs.
fn connection(
    stream: Socket,
    remote: SocketAddr,
    tls: Option<Arc<Tls>>,
    place: OwnedSemaphorePermit,
    shared: Arc<Shared>,
) -> impl Future<Output = ()> + Send {
    // Boxed: what is only needed at the beginning should not stay with each connection.
    let beginning = Box::pin(begin(shared.clone(), stream, remote, tls));
    async move {
        // It is the connection's until its end.
        let _ = &place;
        let Some(Begun { key, connection, first_bytes }) = beginning.await else { return };
        // If this task fails, the session must not stay.
        let mut guard = Guard { shared: &shared, key, loss: None };
        let mut ear = Ear::new(&shared, key);
        if !first_bytes.is_empty() {
            ear.hear(&first_bytes);
        }
        drop(first_bytes);
        match talk(&mut ear, &connection).await {
            Ok(Close::Flushed) => Box::pin(connection.hang_up()).await,
            Ok(Close::AtOnce) => {}
            Err(lost) => guard.loss = Some(Box::new(loss(&lost, &connection))),
        }
    }
}

/// How a connection has ended that was not closed by us.
fn loss(lost: &Lost, connection: &Connection) -> Loss {
    let (reason, limit) = (reason(lost), limit(lost));
    // Of who has only gone nobody asks the system.
    let undelivered = limit.map(|_| connection.undelivered());
    let (unsent_bytes, may_be_lost_bytes) = undelivered.unwrap_or_default();
    Loss { reason, limit, unsent_bytes, may_be_lost_bytes }
}

/// The key of the configuration that has the limit for which a connection has been given up.
const fn limit(lost: &Lost) -> Option<&'static str> {
    match lost {
        Lost::Io(_) => None,
        Lost::TooSlow(_) => Some("client.write_buffer_size"),
        Lost::TooManyEntries(_) => Some("limits.entry_bytes"),
        Lost::Stalled(_) => Some("client.write_timeout_ms"),
    }
}

/// Why a connection has been given up, in the words that event logs have always had.
fn reason(lost: &Lost) -> String {
    match lost {
        Lost::Io(error) => net::words(error),
        Lost::TooSlow(_) => "no buffer space available".into(),
        Lost::TooManyEntries(_) => "too many unread objects of opened zones".into(),
        Lost::Stalled(_) => net::words(&io::ErrorKind::TimedOut.into()),
    }
}

/// Tells the core that a connection has ended, however it did. A session that has ended before takes
/// no notice.
struct Guard<'s> {
    shared: &'s Shared,
    key: SessionKey,
    /// How, if the task has got so far.
    loss: Option<Box<Loss>>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let loss = self.loss.take().map_or_else(|| "connection failed".into(), |loss| *loss);
        quietly(|| {
            // A role that is lost has lost the session, too.
            let _ = self.shared.role.turn(|server, now, out| {
                server.disconnected(now, self.key, loss, out);
            });
        });
    }
}

/// A connection that has a session.
struct Begun {
    key: SessionKey,
    connection: Arc<Connection>,
    /// What it has said already.
    first_bytes: Vec<u8>,
}

/// Reads the PROXY header, if there must be one, does the handshake of TLS after that, and gets a session.
async fn begin(
    shared: Arc<Shared>,
    mut stream: Socket,
    remote: SocketAddr,
    tls: Option<Arc<Tls>>,
) -> Option<Begun> {
    // Without an address it has gone already.
    let local = stream.local_addr().ok()?.into();
    let (remote, tlvs) = (remote.into(), Box::default());
    let mut peer = Box::new(Peer { remote, local, tlvs, is_local: false });
    let mut first_bytes = Vec::new();
    let limit = shared.handshake_timeout();
    if shared.haproxy != ProxyHeaders::None {
        let header = read_header_within(limit, &stream, &mut first_bytes);
        match shared.shutdown.run_until_cancelled(header).await {
            Some(Ok(header)) => apply_header(&mut peer, header),
            // It is told below.
            None => {}
            Some(Err(error)) => {
                tracing::warn!(remote = %peer.remote, %error, "no usable PROXY header");
                return None;
            }
        }
    }
    if let Some(tls) = tls {
        let shake = shake_within(limit, &tls, stream, std::mem::take(&mut first_bytes));
        // Who is not encrypted yet at the end can be told nothing.
        match shared.shutdown.run_until_cancelled(shake).await? {
            Ok(encrypted) => stream = encrypted,
            // Proxies try whether somebody listens.
            Err(_) if peer.is_local => return None,
            Err(reason) => {
                tracing::warn!(remote = %peer.remote, reason, "no TLS handshake");
                return None;
            }
        }
    }
    let connection = Arc::new(Connection::new(stream, shared.policy()));
    let admitted = shared.role.turn(|server, now, out| {
        // Asked for where sessions are ended: none can begin after the last has been ended.
        if shared.shutdown.is_cancelled() {
            return Err(server.stopping(FRAMING, Stop::default()));
        }
        server.admit(now, peer, FRAMING, connection.clone(), out)
    });
    match admitted.ok()? {
        Ok(key) => Some(Begun { key, connection, first_bytes }),
        Err(last_words) => {
            refuse(&connection, &last_words).await;
            None
        }
    }
}

/// Writes `last_words` to a connection that has no session, and closes it in order.
async fn refuse(connection: &Connection, last_words: &[u8]) {
    connection.push_bytes(last_words);
    connection.close(Close::Flushed);
    if connection.drive().await.is_ok() {
        connection.hang_up().await;
    }
}

/// Reads the PROXY header; what came after it is left in `bytes`. When the time is over, what has come by then
/// still counts: the whole process may have been stalled.
async fn read_header_within(
    limit: Option<Duration>,
    stream: &Socket,
    bytes: &mut Vec<u8>,
) -> io::Result<Header> {
    let header = read_header(stream, bytes, || true);
    let Some(limit) = limit else { return header.await };
    match tokio::time::timeout(limit, header).await {
        Ok(header) => header,
        Err(_) => read_header(stream, bytes, || stream.has_unread()).await,
    }
}

/// Encrypts a connection, or says why it cannot be.
async fn shake_within(
    limit: Option<Duration>,
    tls: &Tls,
    stream: Socket,
    first_bytes: Vec<u8>,
) -> Result<Socket, String> {
    let shake = tls.accept(stream, first_bytes);
    let shaken = match limit {
        None => shake.await,
        Some(limit) => tokio::time::timeout(limit, shake).await.map_err(|_| {
            format!("it took longer than {} s (tuning.handshake_timeout)", limit.as_secs_f32())
        })?,
    };
    shaken.map_err(|failure| match failure {
        Failure::NotTls(bytes) if let Some(family) = ClientFamily::of(&bytes) => {
            format!("it does not speak TLS: it is {family}, unencrypted")
        }
        failure => failure.to_string(),
    })
}

/// Reads the PROXY header while `may_read` says so.
async fn read_header(
    stream: &Socket,
    bytes: &mut Vec<u8>,
    may_read: impl Fn() -> bool,
) -> io::Result<Header> {
    while may_read() {
        let read = poll_fn(|context| stream.poll_read(context, bytes, FIRST_BYTES_MAX));
        if read.await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match proxy_protocol::read(bytes) {
            Ok(None) => {}
            Ok(Some((header, length))) => {
                bytes.drain(..length);
                return Ok(header);
            }
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn apply_header(peer: &mut Peer, header: Header) {
    match header {
        Header::Local => peer.is_local = true,
        Header::Unknown => {}
        Header::Proxied { source, destination, tlvs } => {
            *peer = Peer { remote: source, local: destination, tlvs, is_local: false };
        }
    }
}

/// Reads and writes until the connection is to be closed.
async fn talk(ear: &mut Ear<'_>, connection: &Connection) -> Result<Close, Lost> {
    let end = tokio::select! {
        biased;
        end = connection.drive() => end,
        error = ear.listen_while(connection, || true) => return Err(error.into()),
    };
    if let Err(Lost::Io(_)) = end {
        // It has gone, but what it has said before that counts.
        Box::pin(ear.listen_while(connection, || connection.has_unread())).await;
    }
    end
}

/// Gives whole frames to the core, until it has been enough for others to have their turn. A role that is lost ends the
/// daemon, and hears nothing more.
fn input(shared: &Shared, key: SessionKey, fed: &mut Fed, frames: &[u8]) -> Heard {
    let (held, mut rest) = (fed.held(), frames);
    loop {
        let heard =
            shared.role.turn_feeding(fed, |server, now, out| server.input(now, key, rest, out));
        let heard = heard.unwrap_or_default();
        if !heard.is_long || fed.held() - held >= LONG {
            return heard;
        }
        rest = &rest[rest.len() - heard.rest..];
    }
}

/// Hands what a client sends to the core.
struct Ear<'s> {
    shared: &'s Shared,
    key: SessionKey,
    assembler: Assembler,
    has_heard: bool,
    /// The slow queues that it feeds.
    fed: Fed,
    /// What the core has not handled yet: never more than one read brings. Boxed, since idle connections have
    /// none.
    rest: Option<Box<Rest>>,
}

/// Whole frames that the core has not handled yet.
struct Rest {
    frames: Vec<u8>,
    /// How many of these bytes it has: they are not moved each time that it takes some.
    handled: usize,
    /// The core does not take them before then.
    held_until: Option<Instant>,
}

impl<'s> Ear<'s> {
    /// Nothing has been said yet.
    fn new(shared: &'s Shared, key: SessionKey) -> Self {
        let (assembler, fed) = (Assembler::new(FRAMING), Fed::default());
        Ear { shared, key, assembler, has_heard: false, fed, rest: None }
    }

    /// Takes bytes. The first ones may show that it is no client at all.
    fn hear(&mut self, bytes: &[u8]) {
        #[cfg(test)]
        crate::fault::happens("client");
        let Ear { shared, key, assembler, has_heard, fed, rest } = self;
        if !std::mem::replace(has_heard, true)
            && let Some(foreign) = shared.dialect.recognise(bytes)
        {
            let _ = shared.role.turn(|server, now, out| server.foreign(now, *key, foreign, out));
            return;
        }
        let framed = assembler.take(bytes, |frames| {
            if let Some(rest) = rest {
                rest.frames.extend_from_slice(frames);
                return;
            }
            let heard = input(shared, *key, fed, frames);
            if heard.rest > 0 {
                let frames = frames[frames.len() - heard.rest..].to_vec();
                *rest = Some(Box::new(Rest { frames, handled: 0, held_until: heard.held_until }));
            }
        });
        framed.expect("nothing that a 2-byte tag says is too long");
    }

    /// Hands over what the core has not handled yet, each time that it takes some and others have had their turn.
    async fn hear_rest(&mut self) {
        while let Some(Rest { frames, handled, held_until }) = self.rest.as_deref_mut() {
            match *held_until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => tokio::task::yield_now().await,
            }
            self.fed.leave_time(self.shared.router_percent()).await;
            let heard = input(self.shared, self.key, &mut self.fed, &frames[*handled..]);
            *held_until = heard.held_until;
            *handled = frames.len() - heard.rest;
            if heard.rest == 0 {
                self.rest = None;
            }
        }
    }

    /// Reads as long as the core takes it and `may_read` says so, and returns why there is no more.
    async fn listen_while(
        &mut self,
        connection: &Connection,
        may_read: impl Fn() -> bool,
    ) -> io::Error {
        let mut read = 0;
        loop {
            if self.rest.is_some() {
                // Boxed, since it is seldom needed and would be carried by every idle connection.
                Box::pin(self.hear_rest()).await;
            }
            self.fed.leave_time(self.shared.router_percent()).await;
            self.fed.brake(std::mem::take(&mut read)).await;
            if !may_read() {
                return io::ErrorKind::UnexpectedEof.into();
            }
            match connection.read(|bytes| self.hear(bytes)).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => read = count,
                Err(error) => return error,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::proxy_protocol::Endpoint;

    #[test]
    fn addresses_of_the_header_replace_those_of_the_socket() {
        let endpoint = |ip: &str| Endpoint { ip: ip.into(), port: 1 };
        let socket = Peer {
            remote: endpoint("10.0.0.1"),
            local: endpoint("10.0.0.2"),
            tlvs: Box::default(),
            is_local: false,
        };
        let with = |header| {
            let mut peer = socket.clone();
            apply_header(&mut peer, header);
            peer
        };
        assert_eq!(with(Header::Unknown), socket);
        assert_eq!(with(Header::Local), Peer { is_local: true, ..socket.clone() });
        let (source, destination) = (endpoint("203.0.113.5"), endpoint("198.51.100.77"));
        let header = Header::Proxied {
            source: source.clone(),
            destination: destination.clone(),
            tlvs: (*b"t").into(),
        };
        let expected =
            Peer { remote: source, local: destination, tlvs: (*b"t").into(), is_local: false };
        assert_eq!(with(header), expected);
    }

    #[test]
    fn what_is_kept_for_each_connection_is_small() {
        fn size_of_future<F>(
            _: impl Fn(Socket, SocketAddr, Option<Arc<Tls>>, OwnedSemaphorePermit, Arc<Shared>) -> F,
        ) -> usize {
            size_of::<F>()
        }
        // The runtime adds about a hundred bytes, and takes multiples of 128 for it: with more than this, 128 more.
        assert!(size_of_future(connection) <= 528, "{}", size_of_future(connection));
    }
}
