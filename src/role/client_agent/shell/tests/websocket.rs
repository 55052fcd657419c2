//! WebSocket, where there is no place for it.

use super::*;
use crate::config::WebSocketConfig;

fn websocket() -> Option<Box<WebSocketConfig>> {
    Some(Box::new(WebSocketConfig {
        bind: loopback(),
        path: "/".into(),
        allowed_origins: Vec::new(),
        trusted_proxies: crate::config::Networks::default(),
        tls: None,
        ping: None,
    }))
}

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// What comes after the head of the answer.
fn body(answer: &[u8]) -> &[u8] {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    &answer[end + 4..]
}

#[tokio::test]
async fn who_finds_no_place_is_told_so_in_http_before_and_with_an_eject_after_the_handshake() {
    let mut cluster = Cluster::start(|config| {
        config.bind = None;
        config.websocket = websocket();
    })
    .await;
    let mut inside = Vec::new();
    for _ in 0..2 {
        let mut stream = cluster.connect().await;
        stream.write_all(REQUEST).await.expect("open");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 101");
        inside.push(stream);
    }
    // The channels are used up.
    let mut third = cluster.connect().await;
    third.write_all(REQUEST).await.expect("open");
    let answer = read_to_end(&mut third).await;
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    let (message, close) = body(&answer).split_at(2 + 6 + "Client capacity reached".len());
    assert_eq!(message[..6], [0x82, 29, 4, 0, 1, 0]);
    assert_eq!(close[..4], [0x88, 25, 0x0f, 0xa1]);
    assert_eq!(&close[4..], b"Client capacity reached");
    cluster.shutdown.cancel();
    (&mut cluster.task).await.expect("it does not fail");
}

#[tokio::test]
async fn who_has_not_asked_yet_is_answered_when_the_agent_ends() {
    let mut cluster = Cluster::start(|config| {
        config.bind = None;
        config.websocket = websocket();
    })
    .await;
    let mut stream = cluster.connect().await;
    stream.write_all(&REQUEST[..20]).await.expect("open");
    // One that is in, so that it has been accepted.
    let mut other = cluster.connect().await;
    other.write_all(REQUEST).await.expect("open");
    other.read_exact(&mut [0; 12]).await.expect("an answer");
    cluster.shutdown.cancel();
    (&mut cluster.task).await.expect("it does not fail");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with(b"HTTP/1.1 503 "), "{}", answer.escape_ascii());
    assert_eq!(body(&answer), b"the server stops\n");
    let end = read_to_end(&mut other).await;
    assert!(body(&end).ends_with(b"\x10\x40The server stops."), "{}", end.escape_ascii());
}

#[tokio::test]
async fn where_too_many_files_would_be_open_the_answer_is_one_of_http() {
    let config = ClientAgentConfig { bind: None, websocket: websocket(), ..config() };
    let events = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = Address::from(events.local_addr().expect("bound"));
    let (sender, _courier) = EventSender::open(&address).await.expect("an address");
    let dc = Arc::new(dclass::parse(&[Source::new("test.dc", DC)]).expect("correct"));
    let bound = Bound::new(&config, machine(0)).await.expect("a free port");
    let (address, how) = bound.addresses().next().expect("bound");
    assert_eq!(how, " for WebSocket");
    let (router, shutdown) = (Router::new(), CancellationToken::new());
    let (_, task) = bound.serve(Arc::default(), dc, &router, sender, shutdown.clone());
    let mut stream = TcpStream::connect(address).await.expect("listening");
    assert!(read_to_end(&mut stream).await.starts_with(b"HTTP/1.1 503 "));
    shutdown.cancel();
    task.await.expect("it does not fail");
}
