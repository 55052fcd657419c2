//! Requests, right and wrong.

use std::time::Duration;

use super::*;
use crate::config::{Address, Networks};
use crate::net::torn::Torn;

fn config() -> WebSocketConfig {
    WebSocketConfig {
        bind: Address::parse("127.0.0.1", 7196).expect("an address"),
        path: "/game".to_owned(),
        allowed_origins: Vec::new(),
        trusted_proxies: Networks::default(),
        tls: None,
        ping: Some(Duration::from_secs(20)),
    }
}

/// The request of the standard, with other fields than usual: a name alone takes one away.
fn request(line: &str, changes: &[&str]) -> Vec<u8> {
    let mut fields = vec![
        "Host: server.example.com",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
    ];
    for change in changes {
        if !change.contains(':') {
            fields.retain(|field| !field.starts_with(change));
        } else {
            fields.push(change);
        }
    }
    format!("{line}\r\n{}\r\n\r\n", fields.join("\r\n")).into_bytes()
}

const GET: &str = "GET /game HTTP/1.1";
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

async fn accept_from(
    torn: &Torn,
    bytes: &mut Vec<u8>,
    config: &WebSocketConfig,
) -> Result<Accepted, Failure> {
    accept(torn, bytes, config, Some(PEER), &HalfOpen::default(), || true).await
}

async fn ask(request: &[u8], config: &WebSocketConfig) -> Result<Accepted, Failure> {
    let torn = Torn::default();
    torn.come(request);
    torn.tear();
    accept_from(&torn, &mut Vec::new(), config).await
}

#[tokio::test]
async fn the_standards_own_request_is_answered_as_the_standard_says() {
    let torn = Torn::default();
    torn.come(&request(GET, &[]));
    torn.come(b"frames");
    let mut rest = Vec::new();
    let accepted = accept_from(&torn, &mut rest, &config()).await.expect("it is right");
    let answer = String::from_utf8(accepted.answer).expect("text");
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert!(answer.ends_with("\r\n\r\n") && !answer.contains("Protocol: "), "{answer}");
    assert!(!answer.contains("Extensions"), "{answer}");
    assert_eq!((accepted.has_tags, accepted.client), (false, None));
    assert_eq!(rest, b"frames");
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let torn = Torn::default();
    let bytes = request(GET, &["Sec-WebSocket-Protocol: chat, donet.frames"]);
    let mut rest = Vec::new();
    let config = config();
    let accepted = accept_from(&torn, &mut rest, &config);
    let come = async {
        for byte in bytes {
            torn.come(&[byte]);
            tokio::task::yield_now().await;
        }
    };
    let (accepted, ()) = tokio::join!(accepted, come);
    let accepted = accepted.expect("it is right");
    let answer = String::from_utf8(accepted.answer).expect("text");
    assert!(answer.contains("\r\nSec-WebSocket-Protocol: donet.frames\r\n"), "{answer}");
    assert!(accepted.has_tags);
}

#[tokio::test]
async fn what_is_wrong_is_said_and_nothing_begins() {
    let long = format!("Cookie: {}", "x".repeat(REQUEST_BYTES_MAX));
    let many: Vec<String> = (0..100).map(|number| format!("X-{number}: a")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (line, changes, status) in [
        ("GET / HTTP/1.1", &[][..], 404),
        ("GET /game/ HTTP/1.1", &[], 404),
        ("GET /other?x=/game HTTP/1.1", &["Upgrade"], 404),
        ("POST /game HTTP/1.1", &[], 405),
        ("GET /game HTTP/1.0", &[], 426),
        (GET, &["Upgrade"], 426),
        (GET, &["Connection"], 426),
        (GET, &["Connection", "Connection: close"], 426),
        (GET, &["Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"], 426),
        (GET, &["Sec-WebSocket-Version"], 426),
        (GET, &["Sec-WebSocket-Key"], 400),
        (GET, &["Sec-WebSocket-Key", "Sec-WebSocket-Key: c2hvcnQ="], 400),
        (GET, &["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], 400),
        (GET, &["Host"], 400),
        (GET, &["No Field: a"], 400),
        ("GET /game", &[], 400),
        (GET, &[&long], 431),
        (GET, &many, 431),
    ] {
        let failure = ask(&request(line, changes), &config()).await.expect_err(line);
        let told = String::from_utf8(failure.farewell().expect("an answer")).expect("text");
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{line} {changes:?}: {told}");
        assert!(told.contains("\r\nConnection: close\r\n"), "{told}");
        let (head, body) = told.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains(&format!("\r\nContent-Length: {}", body.len())), "{told}");
        assert!(!failure.to_string().is_empty());
    }
    for line in ["GET /game?token=1 HTTP/1.1", "GET http://game.example/game HTTP/1.1"] {
        ask(&request(line, &[]), &config()).await.expect(line);
    }
}

#[tokio::test]
async fn what_is_no_http_is_known_by_its_first_bytes() {
    for (bytes, expected) in [
        (
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            "but TLS, and there is no websocket.tls",
        ),
        (b"\x0a\x00\x01\x00", "its first bytes are \\n\\x00\\x01\\x00"),
    ] {
        let torn = Torn::default();
        torn.come(bytes);
        let failure = accept_from(&torn, &mut Vec::new(), &config()).await.expect_err("no HTTP");
        assert!(failure.to_string().contains(expected), "{failure}");
    }
    let failure = ask(b"GET /game HTTP/1.1\r\n", &config()).await.expect_err("it has gone");
    assert_eq!(failure.to_string(), "it hung up in the middle of the request");
}

#[tokio::test]
async fn at_the_end_of_its_time_what_has_come_counts() {
    let half_open = HalfOpen::default();
    for (come, is_whole) in [(request(GET, &[]), true), (b"GET /game HTTP/1.1\r\n".to_vec(), false)]
    {
        let torn = Torn::default();
        torn.come(&come);
        let may_read = || torn.has_unread();
        let mut bytes = Vec::new();
        let asked = accept(&torn, &mut bytes, &config(), None, &half_open, may_read).await;
        assert_eq!(asked.is_ok(), is_whole);
        if let Err(failure) = asked {
            let told = failure.farewell().expect("an answer");
            assert!(told.starts_with(b"HTTP/1.1 408 "), "{}", told.escape_ascii());
        }
    }
}

#[tokio::test]
async fn origins_are_compared_if_any_are_named() {
    let allowed_origins = vec!["https://game.example".to_owned(), "null".to_owned()];
    let config = WebSocketConfig { allowed_origins, ..config() };
    for (origins, is_allowed) in [
        (&[][..], true),
        (&["Origin: https://game.example"], true),
        (&["Origin: HTTPS://Game.example"], true),
        (&["Origin: null"], true),
        (&["Origin: http://game.example"], false),
        (&["Origin: https://game.example.evil"], false),
        (&["Origin: https://game.example", "Origin: https://evil.example"], false),
        (&["Origin: "], false),
    ] {
        let asked = ask(&request(GET, origins), &config).await;
        assert_eq!(asked.is_ok(), is_allowed, "{origins:?}");
        if let Err(failure) = asked {
            let told = failure.farewell().expect("an answer");
            assert!(told.starts_with(b"HTTP/1.1 403 "));
        }
    }
    ask(&request(GET, &["Origin: https://any.example"]), &self::config()).await.expect("any");
}

#[tokio::test]
async fn proxies_that_are_trusted_say_for_whom_they_connect() {
    let networks = ["10.0.0.0/24", "2001:db8:1::/48"].map(|text| text.parse().expect("a network"));
    let trusting =
        WebSocketConfig { trusted_proxies: Networks::new(networks.to_vec()), ..config() };
    for (fields, client) in [
        (&[][..], None),
        (&["X-Forwarded-For: 203.0.113.7"], Some("203.0.113.7:0")),
        (&["X-Forwarded-For: 198.51.100.9, 203.0.113.7"], Some("203.0.113.7:0")),
        (&["X-Forwarded-For: 203.0.113.7, 10.0.0.9,10.0.0.8"], Some("203.0.113.7:0")),
        (&["X-Forwarded-For: 203.0.113.7", "x-forwarded-for: 10.0.0.9"], Some("203.0.113.7:0")),
        (&["X-Forwarded-For: 203.0.113.7:4000"], Some("203.0.113.7:4000")),
        (&["X-Forwarded-For: \"[2001:db8::5]:80\""], Some("[2001:db8::5]:80")),
        (&["X-Forwarded-For: 2001:db8::5, 2001:db8:1::1"], Some("[2001:db8::5]:0")),
        (&["X-Forwarded-For: ::ffff:203.0.113.7"], Some("203.0.113.7:0")),
        (&["X-Forwarded-For: 10.0.0.7, 10.0.0.9"], Some("10.0.0.7:0")),
        // What is none is nobody, and so is what stands before it.
        (&["X-Forwarded-For: 203.0.113.7, unknown"], None),
        (&["X-Forwarded-For: 203.0.113.7, unknown, 10.0.0.9"], Some("10.0.0.9:0")),
        (&["X-Forwarded-For: "], None),
    ] {
        let accepted = ask(&request(GET, fields), &trusting).await.expect("it is right");
        let expected = client.map(|text| {
            let address: std::net::SocketAddr = text.parse().expect("an address");
            (address.ip(), address.port())
        });
        assert_eq!(accepted.client, expected, "{fields:?}");
    }
    let forged = request(GET, &["X-Forwarded-For: 203.0.113.7"]);
    assert_eq!(ask(&forged, &config()).await.expect("it is right").client, None);
}
