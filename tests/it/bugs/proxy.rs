//! Health checks, and connections that never get as far as hello.

use crate::client_agent::*;
use crate::harness::*;

#[test]
fn bug_36_a_health_check_without_addresses_is_welcome() {
    let stage = Stage::with(", haproxy: true");
    let mut check = stage.daemon.client();
    check.stream().send_raw(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
    check.hello();
}

#[test]
fn bug_36_a_proxy_may_not_know_the_addresses() {
    for header in [&b"PROXY UNKNOWN\r\n"[..], b"PROXY UNKNOWN ff02::1 ff02::2 1 2\r\n"] {
        let stage = Stage::with(", haproxy: true");
        let mut client = stage.daemon.client();
        client.stream().send_raw(header);
        client.hello();
    }
}

#[test]
fn bug_36_a_client_that_never_says_hello_does_not_stay() {
    for more in ["", ", haproxy: true"] {
        let stage = Stage::with(&format!("{more}, tuning: {{handshake_timeout: 100}}"));
        let mut client = stage.daemon.client();
        // With or without a word, the connection ends.
        while client.stream().receive() != Received::Closed {}
    }
}

#[test]
fn bug_36_a_client_that_said_hello_in_time_stays() {
    let mut stage = Stage::with(", tuning: {handshake_timeout: 1000}");
    let (mut client, channel) = stage.anonymous();
    // Another one, who came later, is gone before anything happens to this one.
    let mut late = stage.daemon.client();
    while late.stream().receive() != Received::Closed {}
    stage.sync(&mut client, channel);
}
