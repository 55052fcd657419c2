//! What comes before a connection has a session: a PROXY header, the handshakes of TLS and WebSocket.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::accept::{Place, turn_away, turned_down};
use super::door::Entrance;
use super::gate::Refusal;
use super::seat::Line;
use crate::config::{ProxyHeaders, WebSocketConfig};
use crate::message::ClientFamily;
use crate::net::proxy_protocol::{self, Endpoint, Header};
use crate::net::tls::{self, Tls};
use crate::net::websocket::{self, Accepted};
use crate::net::{Close, Connection, HalfOpen, Socket, Stream};
use crate::role::client_agent::{PROBATION, Peer, Stop};
use crate::wire::Framing;

/// The most that is read at a time before a connection has a session.
const FIRST_BYTES_MAX: usize = 16 * 1024;

/// A connection that has a session.
pub struct Begun {
    pub line: Line,
    pub connection: Arc<Connection>,
    pub framing: Framing,
    /// What it has said already.
    pub first_bytes: Vec<u8>,
    /// What it has as long as it is there.
    pub place: Box<Place>,
}

/// Reads the PROXY header, if there must be one, does the handshakes of TLS and WebSocket after that, and gets a session.
pub async fn begin(
    shared: Arc<Shared>,
    mut stream: Socket,
    remote: SocketAddr,
    entrance: Arc<Entrance>,
    mut place: Box<Place>,
) -> Option<Begun> {
    // Without an address it has gone already.
    let local = stream.local_addr().ok()?.into();
    let (remote, tlvs, transport) = (remote.into(), Box::default(), entrance.transport());
    let is_trusted = entrance.is_trusted;
    let mut peer = Box::new(Peer { remote, local, tlvs, transport, is_local: false, is_trusted });
    let mut first_bytes = Vec::new();
    let limit = shared.handshake_timeout();
    // The operator's own programs do not come by a proxy.
    if shared.haproxy != ProxyHeaders::None && !is_trusted {
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
    // For whom a proxy asks is only known when it has.
    if !entrance.trusts(&peer)
        && let Err(refusal) = come_from(&shared, &mut place, &peer).await
    {
        drop(place);
        let (connection, words) = turned_down(stream, &entrance, &shared, &peer.remote, refusal)?;
        turn_away(connection, words, shared).await;
        return None;
    }
    let limit = match place.pass.over() {
        Some(_) => Some(limit.map_or(PROBATION, |limit| limit.min(PROBATION))),
        None => limit,
    };
    if let Some(tls) = &entrance.tls {
        let shake = shake_within(limit, tls, stream, std::mem::take(&mut first_bytes));
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
    let mut framing = shared.framing;
    if let Some((config, half_open)) = &entrance.websocket {
        let ask = ask_within(limit, config, half_open, &connection, &mut first_bytes, &mut peer);
        match shared.shutdown.run_until_cancelled(ask).await {
            Some(Ok(agreed)) => framing = agreed,
            Some(Err(farewell)) => {
                refuse(&connection, &farewell?).await;
                return None;
            }
            None => {
                refuse(&connection, &websocket::stopping(shared.stop() == Stop::Restart)).await;
                return None;
            }
        }
    }
    if !place.pass.is_counted()
        && let Err(refusal) = come_from(&shared, &mut place, &peer).await
    {
        drop(place);
        let ejection = refusal.ejection();
        let turn =
            shared.role.turn(|server, now, _| server.refuse(now, &peer.remote, framing, ejection));
        let words = turn.ok()?;
        let connection = Arc::into_inner(connection)?;
        turn_away(connection, words, shared).await;
        return None;
    }
    let admitted = shared.role.turn(|server, now, out| {
        // Asked for where sessions are ended: none can begin after the last has been ended.
        if shared.is_closing() {
            return Err(server.stopping(framing, shared.stop()));
        }
        // Again, since it may have been banned while it waited.
        if let Err(refusal) = shared.check_ban(&peer) {
            return Err(server.refuse(now, &peer.remote, framing, refusal.ejection()));
        }
        connection.speaks(framing);
        server.admit(now, peer, framing, connection.clone(), place.pass.clone(), out)
    });
    match admitted.ok()? {
        Ok(line) => Some(Begun { line, connection, framing, first_bytes, place }),
        Err(last_words) => {
            refuse(&connection, &last_words).await;
            None
        }
    }
}

/// Counts a connection for its address, and waits until it is its turn. A proxy that looks whether somebody is there
/// is nobody.
async fn come_from(shared: &Shared, place: &mut Place, peer: &Peer) -> Result<(), Refusal> {
    if peer.is_local {
        return Ok(());
    }
    shared.check_ban(peer)?;
    let now = tokio::time::Instant::now().into_std();
    let pass = Arc::get_mut(&mut place.pass).expect("no session has it yet");
    let wait = pass.come_from(now, &peer.remote.ip)?;
    if !wait.is_zero() {
        let limit = "limits.connects_per_second";
        tracing::warn!(remote = %peer.remote, limit, "connections come too fast from an address, and wait");
        shared.limit_counts.add(limit);
        let wait = tokio::time::sleep(wait);
        let _ = shared.shutdown.run_until_cancelled(wait).await;
    }
    Ok(())
}

/// Agrees on a WebSocket, notes for whom a proxy connects, and returns how datagrams are told apart. Otherwise what the
/// peer is to be told, if it understands anything.
async fn ask_within(
    limit: Option<Duration>,
    config: &WebSocketConfig,
    half_open: &HalfOpen,
    connection: &Connection,
    first_bytes: &mut Vec<u8>,
    peer: &mut Peer,
) -> Result<Framing, Option<Vec<u8>>> {
    let stream = connection.stream();
    let address = peer.remote.ip.parse::<IpAddr>().ok();
    let ask = websocket::accept(stream, first_bytes, config, address, half_open, || true);
    let asked = match limit {
        None => ask.await,
        Some(limit) => match tokio::time::timeout(limit, ask).await {
            Ok(asked) => asked,
            // The whole process may have been stalled.
            Err(_) => {
                let may_read = || stream.has_unread();
                websocket::accept(stream, first_bytes, config, address, half_open, may_read).await
            }
        },
    };
    match asked {
        Ok(Accepted { has_tags, answer, client }) => {
            connection.push_bytes(&answer);
            connection.write();
            if let Some((ip, port)) = client {
                peer.remote = Endpoint { ip: ip.to_string().into(), port };
            }
            Ok(if has_tags { Framing::Frames } else { Framing::Message })
        }
        Err(failure) => {
            // Proxies try whether somebody listens.
            if !peer.is_local {
                let reason = failure.to_string();
                let family = match &failure {
                    websocket::Failure::NotHttp(bytes) => ClientFamily::of(bytes),
                    _ => None,
                };
                let family = family.map(|family| format!(": it is {family}, without WebSocket"));
                let reason = reason + &family.unwrap_or_default();
                tracing::warn!(remote = %peer.remote, reason, "no WebSocket");
            }
            Err(failure.farewell())
        }
    }
}

/// Writes `last_words` to a connection that has no session, and closes it in order.
pub async fn refuse(connection: &Connection, last_words: &[u8]) {
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
        tls::Failure::NotTls(bytes) if let Some(family) = ClientFamily::of(&bytes) => {
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
            (peer.remote, peer.local, peer.tlvs, peer.is_local) =
                (source, destination, tlvs, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::client_agent::Transport;

    #[test]
    fn addresses_of_the_header_replace_those_of_the_socket() {
        let endpoint = |ip: &str| Endpoint { ip: ip.into(), port: 1 };
        let socket = Peer {
            remote: endpoint("10.0.0.1"),
            local: endpoint("10.0.0.2"),
            tlvs: Box::default(),
            transport: Transport::Tls,
            is_local: false,
            is_trusted: false,
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
            Peer { remote: source, local: destination, tlvs: (*b"t").into(), ..socket.clone() };
        assert_eq!(with(header), expected);
    }
}
