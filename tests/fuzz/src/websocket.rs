//! A WebSocket: the request that it begins with, and what comes after that.

use std::net::IpAddr;
use std::sync::LazyLock;

use donet::config::{Address, Networks, WebSocketConfig};
use donet::net::websocket::read_request;
use donet::wire::Frames;
use donet::wire::websocket::{Decoder, Heard, MESSAGE_BYTES_MAX};

const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

static CONFIG: LazyLock<WebSocketConfig> = LazyLock::new(|| WebSocketConfig {
    bind: Address::parse("127.0.0.1", 7196).expect("an address"),
    path: "/game".to_owned(),
    allowed_origins: vec!["https://game.example".to_owned()],
    trusted_proxies: Networks::new(vec!["10.0.0.0/8".parse().expect("a network")]),
    tls: None,
    ping: None,
});

/// A first byte that says how it is cut and whether messages hold tags, and the bytes that come. What is heard does not
/// depend on how few of them come at a time.
pub fn websocket(input: &[u8]) {
    let _ = read_request(input, &CONFIG, Some(PROXY));
    let Some((kind, stream)) = input.split_first() else { return };
    let (has_tags, cut) = (kind & 0x80 != 0, usize::from(kind & 0x7f).max(1));
    let whole = decode(has_tags, stream, stream.len().max(1));
    assert_eq!(decode(has_tags, stream, cut), whole);
    let (frames, heard) = whole;
    assert_eq!(Frames::whole_bytes(&frames), frames.len());
    assert!(frames.len() <= stream.len().max(2));
    assert!(heard.answer.len() <= 127);
}

fn decode(has_tags: bool, stream: &[u8], cut: usize) -> (Vec<u8>, Heard) {
    let mut decoder = Decoder::new(has_tags);
    let (mut frames, mut all) = (Vec::new(), Heard::default());
    for piece in stream.chunks(cut) {
        let before = frames.len();
        let Heard { answer, idle_frames, parting } = decoder.take(piece, &mut frames);
        assert!(frames.len() - before <= piece.len() + MESSAGE_BYTES_MAX);
        if !answer.is_empty() {
            all.answer = answer;
        }
        all.idle_frames += idle_frames;
        all.parting = all.parting.or(parting);
    }
    (frames, all)
}
