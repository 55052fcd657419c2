//! Accepting connections, and what becomes of each.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use super::begin::{Begun, begin, refuse};
use super::door::Entrance;
use super::ear::Ear;
use super::gate::{Pass, Refusal};
use super::pulse::Pulse;
use crate::config::ProxyHeaders;
use crate::metrics;
use crate::net::proxy_protocol::Endpoint;
use crate::net::{self, Close, Connection, Listener, Lost, Socket, websocket};
use crate::role::client_agent::Loss;
use crate::router::quietly;

/// How many connections are accepted before others have their turn: whoever is connected already should not wait for
/// all who come at once.
const ACCEPTS_A_TURN: u32 = 8;

/// Accepts connections until the shutdown, or until nobody is to be let in any more.
pub async fn accept(mut listener: Listener, entrance: Arc<Entrance>, shared: Arc<Shared>) {
    for count in 1u32.. {
        if count % ACCEPTS_A_TURN == 0 {
            tokio::task::yield_now().await;
        }
        let (stream, remote) = tokio::select! {
            biased;
            () = shared.shutdown.cancelled() => return,
            accepted = listener.accept("client") => accepted,
            // Only when nobody waits any more: who has connected before is told why he has to go.
            () = shared.closing.cancelled(), if !listener.is_shared() => return,
            // Who comes now is let in by the next daemon.
            () = shared.clearing.cancelled() => return,
        };
        #[cfg(test)]
        crate::fault::happens("accept");
        if let ProxyHeaders::From(proxies) = &shared.haproxy
            && !entrance.is_trusted
            && !proxies.contain(remote.ip())
        {
            metrics::REFUSED.one(&["client"]);
            tracing::warn!(%remote, "client refused: it is none of the proxies (haproxy.from)");
            continue;
        }
        if listener.is_full() {
            metrics::REFUSED.one(&["client"]);
            tracing::warn!(%remote, "client refused: too many files are open");
            // Who would have to be told by TLS is only hung up on.
            if let Some((connection, words)) = without_place(stream, &entrance, &shared) {
                refuse_at_once(&connection, &words).await;
            }
            // Before anybody else can take it.
            listener.keep_spare();
            continue;
        }
        match shared.places.clone().try_acquire_owned() {
            Ok(permit) => match shared.gate.enter() {
                Ok(pass) => {
                    let (entrance, shared) = (entrance.clone(), shared.clone());
                    let connections = shared.connections.clone();
                    let place = Box::new(Place { pass: Arc::new(pass), _permit: permit });
                    connections.spawn(connection(stream, remote, entrance, place, shared));
                }
                Err(refusal) => {
                    let peer = remote.into();
                    if let Some((connection, words)) =
                        turned_down(stream, &entrance, &shared, &peer, refusal)
                    {
                        shared.connections.spawn(turn_away(connection, words, shared.clone()));
                    }
                }
            },
            Err(_) => {
                metrics::REFUSED.one(&["client"]);
                tracing::warn!(%remote, "client refused: too many files would be open");
                if let Some((connection, words)) = without_place(stream, &entrance, &shared) {
                    shared.connections.spawn(turn_away(connection, words, shared.clone()));
                }
            }
        }
    }
}

/// What a connection has that has been let in.
pub struct Place {
    /// Of those that may be connected to the agent. When it has a session, that has it, too.
    pub pass: Arc<Pass>,
    /// Of the files of the process.
    _permit: OwnedSemaphorePermit,
}

/// A connection for which there is no place is told so. If many come at once, most are closed without waiting for
/// them to have read it: it must not be they who take the files that are reserved.
pub async fn turn_away(connection: Connection, words: Vec<u8>, shared: Arc<Shared>) {
    match shared.refusals.try_acquire() {
        Ok(_refusal) => refuse(&connection, &words).await,
        Err(_) => refuse_at_once(&connection, &words).await,
    }
}

/// A connection for which there is no place, and what it is told: nothing if it would have to be encrypted first, or the
/// role is lost.
fn without_place(
    stream: Socket,
    entrance: &Entrance,
    shared: &Shared,
) -> Option<(Connection, Vec<u8>)> {
    let words = match entrance {
        Entrance { tls: Some(_), .. } => return None,
        Entrance { websocket: Some(_), .. } => websocket::no_place(),
        _ => {
            let framing = shared.framing;
            let words = shared.role.turn(|server, _, _| server.capacity_reached(framing));
            words.ok()?
        }
    };
    Some((Connection::new(stream, shared.policy()), words))
}

/// A connection that is refused, and what it is told: nothing if it would have to be encrypted first, or the role is lost.
pub fn turned_down(
    stream: Socket,
    entrance: &Entrance,
    shared: &Shared,
    peer: &Endpoint,
    refusal: Refusal,
) -> Option<(Connection, Vec<u8>)> {
    let is_banned = matches!(refusal, Refusal::Banned(_));
    let ejection = refusal.ejection();
    let framing = shared.framing;
    let words = shared.role.turn(|server, now, _| server.refuse(now, peer, framing, ejection));
    let words = words.ok()?;
    let words = match entrance {
        Entrance { tls: Some(_), .. } => return None,
        Entrance { websocket: Some(_), .. } if is_banned => websocket::banned(),
        Entrance { websocket: Some(_), .. } => websocket::no_place(),
        _ => words,
    };
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
    entrance: Arc<Entrance>,
    place: Box<Place>,
    shared: Arc<Shared>,
) -> impl Future<Output = ()> + Send {
    // Boxed: what is only needed at the beginning should not stay with each connection.
    let beginning = Box::pin(begin(shared.clone(), stream, remote, entrance, place));
    async move {
        let Some(Begun { line, connection, framing, first_bytes, place }) = beginning.await else {
            return;
        };
        // If this task fails, the session must not stay.
        let ear = Ear::new(&shared, line, framing);
        let mut guard = Guard { ear, loss: None, _place: place };
        let ear = &mut guard.ear;
        if !first_bytes.is_empty() {
            ear.hear(&first_bytes);
        }
        drop(first_bytes);
        let ended = match ear.pulse() {
            None => talk(ear, &connection).await,
            // Boxed: whoever has none should not carry it.
            Some(pulse) => Box::pin(talk_and_ask(ear, &connection, &pulse)).await,
        };
        match ended {
            Ok(Close::Flushed) => Box::pin(connection.hang_up()).await,
            Ok(Close::AtOnce) => {}
            Err(lost) => {
                shared.note_untold(&connection);
                guard.loss = Some(Box::new(loss(&lost, &connection)));
            }
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
    ear: Ear<'s>,
    /// The session keeps what of it is its own as long as its client may come back.
    _place: Box<Place>,
    /// How, if the task has got so far.
    loss: Option<Box<Loss>>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let loss = self.loss.take().map_or_else(|| "connection failed".into(), |loss| *loss);
        let Ear { shared, line, .. } = self.ear;
        quietly(|| {
            // A role that is lost has lost the session, too.
            let _ = shared.role.turn(|server, now, out| server.disconnected(now, line, loss, out));
        });
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

/// As [`talk`], and asks the peer now and then whether it is still there.
async fn talk_and_ask(
    ear: &mut Ear<'_>,
    connection: &Connection,
    pulse: &Pulse,
) -> Result<Close, Lost> {
    let shared = ear.shared;
    let asking = pulse.keep_asking(|| shared.ping(), connection);
    tokio::select! {
        biased;
        end = talk(ear, connection) => end,
        lost = asking => Err(lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_each_connection_is_small() {
        fn size_of_future<F>(
            _: impl Fn(Socket, SocketAddr, Arc<Entrance>, Box<Place>, Arc<Shared>) -> F,
        ) -> usize {
            size_of::<F>()
        }
        // The runtime adds about a hundred bytes, and takes multiples of 128 for it: with more than this, 128 more.
        assert!(size_of_future(connection) <= 528, "{}", size_of_future(connection));
    }
}
