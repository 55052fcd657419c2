//! Accepting connections and reading from them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};

use super::Shared;
use super::connection::{Connection, Lost};
use super::reader::{self, Assembler};
use crate::net;
use crate::net::proxy_protocol::{self, Header};
use crate::role::client_agent::{CloseKind, Peer, SessionKey};

/// Pause after a failure to accept, such as too many open files: trying at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the shutdown.
pub async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                shared.connections.spawn(connection(stream, shared.clone()));
            }
            Err(error) => {
                tracing::error!(%error, "a client cannot be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from its beginning to its end.
async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let (Ok(()), Ok(remote), Ok(local)) =
        (net::set_options(&stream), stream.peer_addr(), stream.local_addr())
    else {
        // It has gone already.
        return;
    };
    let peer =
        Peer { remote: remote.into(), local: local.into(), tlvs: Box::default(), is_local: false };
    let (connection, mut incoming) = Connection::new(stream, shared.limits);
    // Boxed: what is only needed at the beginning should not stay with each connection.
    let begun = tokio::select! {
        begun = Box::pin(begin(&shared, peer, &connection, &mut incoming)) => begun,
        () = shared.shutdown.cancelled() => None,
    };
    let Some((key, first_bytes)) = begun else {
        return;
    };
    // If this task fails, the session must not stay.
    let mut guard = Guard { shared: &shared, key, reason: "connection failed".into() };
    let end = talk(&shared, key, &connection, &mut incoming, first_bytes).await;
    match end {
        Ok(CloseKind::Flushed) => Box::pin(connection.hang_up(&mut incoming)).await,
        Ok(CloseKind::AtOnce) => {}
        Err(error) => guard.reason = error.to_string(),
    }
}

/// Tells the core that a connection has ended, however it did. A session that has ended before takes
/// no notice.
struct Guard<'s> {
    shared: &'s Shared,
    key: SessionKey,
    reason: String,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let reason = std::mem::take(&mut self.reason);
        self.shared.role.turn(|server, out| server.disconnected(self.key, &reason, out));
    }
}

/// Reads the PROXY header, if there must be one, and gets a session. Returns what came after the
/// header.
async fn begin(
    shared: &Shared,
    mut peer: Peer,
    connection: &Arc<Connection>,
    incoming: &mut OwnedReadHalf,
) -> Option<(SessionKey, Vec<u8>)> {
    let mut after_header = Vec::new();
    if shared.haproxy {
        match within(shared.handshake_timeout, read_header(incoming, &mut after_header)).await {
            Ok(header) => apply_header(&mut peer, header),
            Err(error) => {
                tracing::warn!(remote = %peer.remote, %error, "no usable PROXY header");
                return None;
            }
        }
    }
    let admitted = shared.role.turn(|server, out| {
        // Asked for where sessions are ended: none can begin after the last has been ended.
        if shared.shutdown.is_cancelled() {
            return Err(Vec::new());
        }
        server.admit(peer, connection.clone(), out)
    });
    match admitted {
        Ok(key) => Some((key, after_header)),
        Err(last_words) => {
            connection.refuse(incoming, &last_words).await;
            None
        }
    }
}

async fn within<T>(
    limit: Option<Duration>,
    action: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match limit {
        None => action.await,
        Some(limit) => match tokio::time::timeout(limit, action).await {
            Ok(done) => done,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        },
    }
}

/// Reads the PROXY header; what came after it is left in `bytes`.
async fn read_header(incoming: &mut OwnedReadHalf, bytes: &mut Vec<u8>) -> io::Result<Header> {
    loop {
        if reader::read(incoming, |read| bytes.extend_from_slice(read)).await? == 0 {
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
async fn talk(
    shared: &Shared,
    key: SessionKey,
    connection: &Connection,
    incoming: &mut OwnedReadHalf,
    first_bytes: Vec<u8>,
) -> Result<CloseKind, Lost> {
    let mut ear = Ear { shared, key, assembler: Assembler::default(), has_heard: false };
    if !first_bytes.is_empty() {
        ear.hear(&first_bytes);
        drop(first_bytes);
    }
    tokio::select! {
        biased;
        kind = connection.drive() => kind,
        error = ear.listen(incoming) => Err(error.into()),
    }
}

/// Hands what a client sends to the core.
struct Ear<'s> {
    shared: &'s Shared,
    key: SessionKey,
    assembler: Assembler,
    has_heard: bool,
}

impl Ear<'_> {
    /// Takes bytes. The first ones may show that it is no client at all.
    fn hear(&mut self, bytes: &[u8]) {
        let Ear { shared, key, assembler, has_heard } = self;
        if !std::mem::replace(has_heard, true)
            && let Some(foreign) = shared.dialect.recognise(bytes)
        {
            shared.role.turn(|server, out| server.foreign(*key, foreign, out));
            return;
        }
        assembler.take(bytes, |frames| {
            shared.role.turn(|server, out| server.input(*key, frames, out));
        });
    }

    /// Reads as long as the core takes it, and returns why there is no more.
    async fn listen(&mut self, incoming: &mut OwnedReadHalf) -> io::Error {
        loop {
            match reader::read(incoming, |bytes| self.hear(bytes)).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => self.shared.router.brake(count).await,
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
}
