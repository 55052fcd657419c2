//! eventlogger.md §3: who sends which events.

use crate::harness::*;

const FIRST: Channel = Channel(3_000_000);
const SERVER: Channel = Channel(5_000);

/// A daemon with a client agent that reports to the sink.
fn start(sink: &EventSink, more: &str) -> Daemon {
    Setup::new()
        .general(format!("eventlogger: '{}'", sink.address()))
        .role(format!(
            "type: clientagent, bind: $CA, version: {}, manual_dc_hash: {}, \
             channels: {{min: {FIRST}, max: {FIRST}}}{more}",
            world::VERSION,
            world::DC_HASH
        ))
        .start()
}

/// What its client was let in with.
const BUILD: [(&str, &str); 2] = [("version", world::VERSION), ("dc_hash", "0x0123abcd")];

/// Connects a client, and expects the event of it; returns both addresses.
fn connect(daemon: &Daemon, sink: &EventSink) -> (Client, String, String) {
    let client = daemon.client();
    let (remote, local) = (client.address().to_string(), daemon.address("CA").to_string());
    sink.expect(&[
        ("type", "client-connected"),
        ("sender", "Client:3000000"),
        ("remote_address", &remote),
        ("local_address", &local),
    ]);
    (client, remote, local)
}

#[test]
fn a_client_that_comes_and_says_goodbye() {
    let sink = EventSink::open();
    let daemon = start(&sink, "");
    let (mut client, ..) = connect(&daemon, &sink);
    client.hello();
    client.send(&ClientMessage::Disconnect {});
    let end = [("type", "client-disconnected"), ("sender", "Client:3000000")];
    sink.expect(&[&end[..], &BUILD[..]].concat());
}

#[test]
fn a_client_that_is_lost() {
    let sink = EventSink::open();
    let daemon = start(&sink, "");
    let (client, remote, local) = connect(&daemon, &sink);
    client.close();
    sink.expect(&[
        ("type", "client-lost"),
        ("sender", "Client:3000000"),
        ("remote_address", &remote),
        ("local_address", &local),
        ("reason", "end of file"),
    ]);
}

#[test]
fn a_client_that_is_ejected() {
    let sink = EventSink::open();
    let daemon = start(&sink, "");
    let (mut client, ..) = connect(&daemon, &sink);
    client.send(&ClientMessage::Heartbeat {});
    let text = client.expect_eject_with(EjectReason::NoHello as u16);
    sink.expect(&[
        ("type", "client-ejected"),
        ("sender", "Client:3000000"),
        ("reason_code", "107"),
        ("reason_msg", &text),
        ("address", "127.0.0.1"),
    ]);
}

#[test]
fn a_client_that_does_what_no_honest_client_does() {
    let sink = EventSink::open();
    let daemon = start(&sink, "");
    let (mut client, ..) = connect(&daemon, &sink);
    client.hello();
    client.send(&ClientMessage::ObjectLeaving { do_id: DoId(1) });
    let text = client.expect_eject_with(EjectReason::InvalidMsgtype as u16);
    sink.expect(&[
        ("type", "client-ejected-security"),
        ("sender", "Client:3000000"),
        ("reason_code", "108"),
        ("reason_msg", &text),
        ("address", "127.0.0.1"),
        BUILD[0],
        BUILD[1],
    ]);
}

#[test]
fn a_client_that_the_cluster_ejects() {
    let sink = EventSink::open();
    let daemon = start(&sink, "");
    let (mut client, ..) = connect(&daemon, &sink);
    client.hello();
    let text = Blob(b"An eject with a text that is longer than a short string can be.");
    daemon.link().send(FIRST, SERVER, &ClientAgent::Eject { reason: 4_321, text });
    let text = client.expect_eject_with(4_321);
    sink.expect(&[
        ("type", "client-ejected"),
        ("sender", "Client:3000000"),
        ("reason_code", "4321"),
        ("reason_msg", &text),
        ("address", "127.0.0.1"),
        BUILD[0],
        BUILD[1],
    ]);
}

#[test]
fn a_client_behind_a_proxy_is_named_by_its_own_address() {
    let sink = EventSink::open();
    let daemon = start(&sink, ", haproxy: true");
    let mut client = daemon.client();
    client.stream().send_raw(b"PROXY TCP4 10.1.2.3 10.3.2.1 4000 80\r\n");
    sink.expect(&[
        ("type", "client-connected"),
        ("sender", "Client:3000000"),
        ("remote_address", "10.1.2.3:4000"),
        ("local_address", "10.3.2.1:80"),
    ]);
}

#[test]
fn a_health_check_of_the_proxy_is_no_event() {
    let sink = EventSink::open();
    let daemon = start(&sink, ", haproxy: true");
    let mut check = daemon.client();
    check.stream().send_raw(b"\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x0c\0\0\0\0\0\0\0\0\0\0\0\0");
    check.hello();
    check.close();
    let mut link = daemon.link();
    let event = b"\x81\xa4type\xa6marker";
    link.control(&Control::LogMessage { event: Blob(event) });
    assert_eq!(sink.receive(), event);
}

#[test]
fn what_a_participant_reports_is_sent_as_its_very_bytes() {
    let sink = EventSink::open();
    let daemon = Setup::new().general(format!("eventlogger: '{}'", sink.address())).start();
    let mut link = daemon.link();
    for event in [&b"\x81\xa4type\xa4test"[..], b"not even an event \xff\xc1"] {
        link.control(&Control::LogMessage { event: Blob(event) });
        assert_eq!(sink.receive(), event);
    }
}

#[test]
fn without_an_event_logger_reports_are_dropped() {
    let mut daemon = Setup::new().start();
    let mut link = daemon.link();
    link.control(&Control::LogMessage { event: Blob(b"\x80") });
    link.sync();
    daemon.expect_alive();
}
