//! TLS over a pipe that takes and brings as much at a time as it is told.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use super::handshake::shake;
use super::*;
use crate::net::HalfOpen;
use crate::net::{Close, Connection, Policy, Stream};

/// Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One direction of a pipe.
#[derive(Default)]
struct Lane {
    bytes: VecDeque<u8>,
    /// How many bytes it holds.
    capacity: usize,
    /// How many a read brings.
    piece: usize,
    has_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// An end of a pipe.
struct End {
    from: Arc<Mutex<Lane>>,
    to: Arc<Mutex<Lane>>,
}

fn pipe(capacity: usize, piece: usize) -> (End, End) {
    let lane = || Arc::new(Mutex::new(Lane { capacity, piece, ..Lane::default() }));
    let (one, two) = (lane(), lane());
    (End { from: one.clone(), to: two.clone() }, End { from: two, to: one })
}

impl End {
    fn take(&self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let mut lane = self.from.lock();
        let count = lane.bytes.len().min(lane.piece).min(limit);
        if count == 0 && !lane.has_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffer.extend(lane.bytes.drain(..count));
        lane.writer.take().into_iter().for_each(Waker::wake);
        Ok(count)
    }
}

impl Stream for End {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        match self.take(buffer, limit) {
            Err(_) => {
                self.from.lock().reader = Some(context.waker().clone());
                Poll::Pending
            }
            taken => Poll::Ready(taken),
        }
    }

    fn has_unread(&self) -> bool {
        let lane = self.from.lock();
        lane.has_ended || !lane.bytes.is_empty()
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut lane = self.to.lock();
        let count = bytes.len().min(lane.capacity.saturating_sub(lane.bytes.len()));
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        lane.bytes.extend(&bytes[..count]);
        lane.reader.take().into_iter().for_each(Waker::wake);
        Ok(count)
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut lane = self.to.lock();
        if lane.bytes.len() < lane.capacity {
            return Poll::Ready(Ok(()));
        }
        lane.writer = Some(context.waker().clone());
        Poll::Pending
    }

    fn end(&self) -> io::Result<()> {
        let mut lane = self.to.lock();
        lane.has_ended = true;
        lane.reader.take().into_iter().for_each(Waker::wake);
        Ok(())
    }

    fn abort_on_close(&self) {}
}

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl Below for End {
    fn take_unread(&self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        self.take(buffer, limit)
    }
}

/// The two ends of a session that has not begun: the server's first.
fn sessions() -> (rustls::Connection, rustls::Connection) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["game.example".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("they fit");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("game.example").expect("a name");
    let server = ServerConnection::new(Arc::new(server)).expect("a server");
    let client = ClientConnection::new(Arc::new(client), name).expect("a client");
    (server.into(), client.into())
}

/// The two ends of a session: the server's first.
async fn connected(capacity: usize, piece: usize) -> (TlsStream<End>, TlsStream<End>) {
    // What a server says last of all in a handshake its client reads with what comes then.
    let ((one, two), (server, client)) = (pipe(1 << 16, piece), sessions());
    let lanes = [one.to.clone(), two.to.clone()];
    let half_open = HalfOpen::default();
    let (server, client) = tokio::join!(
        shake(one, server, Vec::new(), &half_open),
        shake(two, client, Vec::new(), &half_open)
    );
    lanes.iter().for_each(|lane| lane.lock().capacity = capacity);
    (server.expect("a handshake"), client.expect("a handshake"))
}

async fn read(stream: &impl Stream, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = poll_fn(|context| stream.poll_read(context, &mut bytes, limit));
    tokio::time::timeout(PATIENCE, read).await.expect("bytes, or an end")?;
    assert!(bytes.len() <= limit, "{} are more than {limit}", bytes.len());
    Ok(bytes)
}

async fn read_exactly(stream: &impl Stream, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let bytes = read(stream, 777.min(count - all.len())).await.expect("it is open");
        assert!(!bytes.is_empty(), "it ended after {} bytes", all.len());
        all.extend(bytes);
    }
    all
}

/// Writes all, as a connection does.
async fn write(stream: &impl Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() || stream.holds_back() {
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        poll_fn(|context| stream.poll_room(context)).await.expect("it is open");
    }
}

fn some_bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[tokio::test]
async fn however_little_passes_at_a_time_the_bytes_come_in_order() {
    for (capacity, piece) in [(1 << 20, usize::MAX), (50, 7), (3000, 1), (17_000, 16_000)] {
        let (server, client) = connected(capacity, piece).await;
        // Much in both directions at once: both are blocked most of the time, each by its own reader.
        let bytes = some_bytes(100_000);
        let ((), (), at_server, at_client) = tokio::join!(
            write(&server, &bytes),
            write(&client, &bytes[..60_000]),
            read_exactly(&server, 60_000),
            read_exactly(&client, bytes.len()),
        );
        assert_eq!(at_client, bytes, "{capacity}, {piece}");
        assert_eq!(at_server, bytes[..60_000]);
    }
}

#[tokio::test]
async fn what_has_been_taken_and_has_no_room_is_held_back() {
    let (server, client) = connected(20_000, usize::MAX).await;
    let bytes = some_bytes(100_000);
    let mut taken = 0;
    while let Ok(count) = server.try_write(&bytes[taken..]) {
        taken += count;
    }
    assert!(server.holds_back());
    // A record more than there is room for, at most.
    assert!(20_000 < taken + 1000 && taken <= 20_000 + 2 * 16_384, "{taken}");
    let room = async { poll_fn(|context| server.poll_room(context)).await.expect("open") };
    let (all, ()) = tokio::join!(read_exactly(&client, taken), room);
    assert_eq!(all, bytes[..taken]);
    assert!(!server.holds_back());
}

#[tokio::test]
async fn new_keys_in_the_middle_change_nothing() {
    let (server, client) = connected(5000, 100).await;
    let bytes = some_bytes(40_000);
    for turn in 0..4 {
        // It asks the other end for new keys, too, which has to answer while it only reads.
        let asks = if turn % 2 == 0 { &server } else { &client };
        asks.with(|tls| tls.refresh_traffic_keys()).expect("TLS 1.3");
        let (at_server, at_client, (), ()) = tokio::join!(
            read_exactly(&server, bytes.len()),
            read_exactly(&client, bytes.len()),
            write(&server, &bytes),
            write(&client, &bytes)
        );
        assert!(at_server == bytes && at_client == bytes, "in turn {turn}");
    }
}

#[tokio::test]
async fn what_is_decrypted_and_waits_is_unread_and_part_of_a_record_is_not() {
    let (server, client) = connected(1 << 16, usize::MAX).await;
    assert!(!server.has_unread());
    write(&client, b"abcdef").await;
    assert!(server.has_unread());
    // It lies inside by now, and not below.
    assert!(server.has_unread());
    assert_eq!(read(&server, 4).await.expect("open"), b"abcd");
    assert!(server.has_unread());
    assert_eq!(read(&server, 4).await.expect("open"), b"ef");
    assert!(!server.has_unread());
    // Half of a record.
    let mut kept = {
        write(&client, b"ghi").await;
        let mut lane = lane_to_server(&client).lock();
        let half = lane.bytes.len() / 2;
        lane.bytes.split_off(half)
    };
    assert!(!server.has_unread());
    lane_to_server(&client).lock().bytes.append(&mut kept);
    assert!(server.has_unread());
    assert_eq!(read(&server, 10).await.expect("open"), b"ghi");
}

fn lane_to_server(client: &TlsStream<End>) -> &Mutex<Lane> {
    &client.below().to
}

#[tokio::test]
async fn whoever_waits_is_woken_if_somebody_else_has_taken_what_lay_below() {
    let (server, client) = connected(1 << 16, usize::MAX).await;
    let server = Arc::new(server);
    let waits = tokio::spawn({
        let server = server.clone();
        async move { read(&*server, 10).await }
    });
    tokio::task::yield_now().await;
    // As if the runtime had not been told yet.
    let runtimes = lane_to_server(&client).lock().reader.take();
    assert!(runtimes.is_some());
    write(&client, b"abc").await;
    assert!(server.has_unread());
    assert_eq!(waits.await.expect("no panic").expect("open"), b"abc");
}

#[tokio::test]
async fn the_end_is_said_and_a_torn_end_is_an_end() {
    let (server, client) = connected(1 << 16, usize::MAX).await;
    write(&client, b"abc").await;
    client.end().expect("open");
    assert_eq!(read(&server, 10).await.expect("open"), b"abc");
    assert!(server.has_unread());
    assert_eq!(read(&server, 10).await.expect("an end"), b"");
    // An alert that this is the end.
    assert!(server.with(|tls| tls.process_new_packets()).expect("no error").peer_has_closed());
    // The other direction is open still.
    write(&server, b"def").await;
    assert_eq!(read(&client, 10).await.expect("open"), b"def");
    // Whoever lets go of it has said it, too.
    drop(server);
    assert_eq!(read(&client, 10).await.expect("an end"), b"");
    assert!(client.with(|tls| tls.process_new_packets()).expect("no error").peer_has_closed());

    let (server, client) = connected(1 << 16, usize::MAX).await;
    write(&client, b"abc").await;
    client.abort_on_close();
    drop(client);
    assert_eq!(read(&server, 10).await.expect("open"), b"abc");
    assert_eq!(read(&server, 10).await.expect("an end"), b"");
    assert!(!server.with(|tls| tls.process_new_packets()).expect("no error").peer_has_closed());
}

#[tokio::test]
async fn what_was_altered_ends_it() {
    let (server, client) = connected(1 << 16, usize::MAX).await;
    write(&client, b"abc").await;
    write(&client, b"def").await;
    *lane_to_server(&client).lock().bytes.back_mut().expect("bytes") ^= 1;
    assert_eq!(read(&server, 10).await.expect("open"), b"abc");
    let error = read(&server, 10).await.expect_err("altered");
    assert_eq!(error.to_string(), "TLS: what came was altered on its way");
    let error = server.try_write(b"g").expect_err("it is over");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    let told = read(&client, 10).await.expect_err("an alert");
    assert!(told.to_string().contains("BadRecordMac"), "{told}");
}

#[tokio::test]
async fn a_connection_over_it_writes_all_before_it_closes() {
    let (server, client) = connected(30_000, 5000).await;
    let connection = Connection::new(server, Policy::link(usize::MAX, None));
    let bytes = some_bytes(200_000);
    connection.push_bytes(&bytes);
    connection.write();
    connection.close(Close::Flushed);
    let closed = async {
        assert_eq!(connection.drive().await.expect("it is read"), Close::Flushed);
        connection.hang_up().await;
    };
    let reads = async {
        assert!(read_exactly(&client, bytes.len()).await == bytes);
        assert_eq!(read(&client, 10).await.expect("an end"), b"");
        client.end().expect("open");
    };
    tokio::join!(closed, reads);
}

#[tokio::test]
async fn who_does_not_speak_tls_is_known_by_the_first_bytes() {
    for (first, expected) in [
        (&b"\x0a\x00\x01\x00\x07\x00\x00\x00\x02\x00v1"[..], "its first bytes are \\n\\x00\\x01"),
        (b"GET / HTTP/1.1\r\n", "but HTTP"),
        (b"PROXY TCP4 ", "but begins with a PROXY header"),
    ] {
        let ((one, _two), (server, _)) = (pipe(1 << 16, usize::MAX), sessions());
        let failure = shake(one, server, first.to_vec(), &HalfOpen::default()).await;
        let failure = failure.expect_err("no TLS").to_string();
        assert!(failure.starts_with("it does not speak TLS"), "{failure}");
        assert!(failure.contains(expected), "{failure}");
    }
}
