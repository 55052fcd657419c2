//! Whoever means harm, or is very slow.

use super::*;
use crate::harness::{Blob, Channel, ClientAgent};

/// A message goes from one link to another, and figures are told.
fn still_works(daemon: &mut Daemon) {
    daemon.expect_alive();
    get(daemon, "/metrics").ask().is(200);
    let (mut one, mut other) = (daemon.link(), daemon.link());
    other.subscribe(Channel(77));
    let message = ClientAgent::SendDatagram { datagram: Blob(b"x") };
    one.send(Channel(77), Channel(78), &message);
    other.expect(Channel(77), Channel(78), &message);
}

#[test]
fn questions_that_are_too_large_are_refused() {
    let mut daemon = start();
    let large = "a".repeat(70_000);
    by_token(post(&daemon, "/api/v1/bans", &large)).ask().says(413, "too_large");
    // Without saying before how much it is.
    let mut stream = connect(&daemon);
    let head = "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
    for _ in 0..200 {
        let _ = stream.write_all(format!("400\r\n{}\r\n", "a".repeat(0x400)).as_bytes());
    }
    // It may be hung up on in the middle of what it says.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let mut stream = connect(&daemon);
    let _ = stream
        .write_all(format!("GET / HTTP/1.1\r\nhost: localhost\r\na: {large}\r\n\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200 "));
    let long =
        format!("{{\"name\": \"{}\", \"password\": \"{}\"}}", &large[..20_000], &large[..20_000]);
    post(&daemon, "/api/v1/session", &long).ask().says(401, "unauthorized");
    still_works(&mut daemon);
}

#[test]
fn a_thousand_who_say_nothing_keep_nobody_out() {
    let mut daemon = start();
    let alice = log_in(&daemon, "alice");
    let idle: Vec<TcpStream> = (0..1_000)
        .map(|n| {
            let mut stream = connect(&daemon);
            // Some begin to say something.
            if n % 2 == 0 {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: loc");
            }
            stream
        })
        .collect();
    still_works(&mut daemon);
    // Whoever is in stays in, and others come in.
    alice.on(get(&daemon, "/api/v1/session")).ask().is(200);
    log_in(&daemon, "bob");
    drop(idle);
    still_works(&mut daemon);
}

#[test]
fn who_is_known_asks_again_on_his_connection_and_strangers_do_not() {
    let daemon = start();
    let twice = |question: String| {
        let mut stream = connect(&daemon);
        let last = question.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(format!("{question}{last}").as_bytes());
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).matches("HTTP/1.1 ").count()
    };
    let question =
        |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{more}\r\n");
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    assert_eq!(twice(question("/api/v1/session", &token)), 2);
    assert_eq!(twice(question("/api/v1/session", "")), 1);
    assert_eq!(twice(question("/metrics", &token)), 1);
    assert_eq!(twice(question("/", "")), 2, "the page has several files");
}
