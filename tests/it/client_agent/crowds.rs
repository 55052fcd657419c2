//! How many clients may come, in all and from one address, and how fast.

use super::*;
use crate::harness::secure::Authority;
use crate::harness::websocket::WebSocket;

/// A header for a client of this address, as a proxy sends it.
fn header(ip: &str) -> Vec<u8> {
    let family = if ip.contains(':') { "TCP6" } else { "TCP4" };
    let own = if ip.contains(':') { "2001:db8::ffff" } else { "192.0.2.255" };
    format!("PROXY {family} {ip} {own} 4000 80\r\n").into_bytes()
}

fn from(daemon: &Daemon, ip: &str) -> Client {
    let mut client = daemon.client();
    client.stream().send_raw(&header(ip));
    client
}

/// Comes from an address, and is let in.
#[track_caller]
fn let_in(daemon: &Daemon, ip: &str) -> Client {
    let mut client = from(daemon, ip);
    client.hello();
    client
}

#[test]
fn one_address_has_so_many_connections_and_another_is_not_concerned() {
    let sink = EventSink::open();
    let setup = setup(", haproxy: true, limits: {connections_per_address: 2}");
    let daemon = setup.general(format!("eventlogger: '{}'", sink.address())).start();
    for (same, other) in [
        (["192.0.2.1", "192.0.2.1", "192.0.2.1"], "192.0.2.2"),
        (["2001:db8::1", "2001:db8::2", "2001:db8::3"], "2001:db8:0:1::1"),
    ] {
        let one = let_in(&daemon, same[0]);
        let _two = let_in(&daemon, same[1]);
        let mut three = from(&daemon, same[2]);
        let text = three.expect_eject_with(EjectReason::Generic as u16);
        assert_eq!(text, "There are too many connections from this address.");
        let _other = let_in(&daemon, other);
        let address = format!("{}:4000", same[2]);
        let event = wait_until("it is ejected", || {
            let event = sink.event();
            let is_its = event[1].1 == "ClientAgent" && event[2].1 == address;
            is_its.then_some(event)
        });
        let expected = [
            ("type", "client-ejected"),
            ("sender", "ClientAgent"),
            ("remote_address", &*address),
            ("reason_code", "1"),
            ("reason_msg", &*text),
            ("address", same[2]),
        ];
        let event: Vec<_> = event.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(event, expected);
        // When one has gone there is room.
        one.close();
        wait_until("there is room again", || {
            let mut client = from(&daemon, same[2]);
            client.stream().send_raw(b"\x01\0\x05");
            let answer = client.receive();
            (!answer.ends_with(b"from this address.")).then_some(())
        });
    }
}

#[test]
fn a_full_agent_says_so() {
    let daemon = setup(", limits: {connections: 2}").start();
    let clients = [(); 2].map(|()| {
        let mut client = daemon.client();
        client.hello();
        client
    });
    let text = daemon.client().expect_eject_with(EjectReason::Generic as u16);
    assert_eq!(text, "Client capacity reached");
    drop(clients);
}

#[test]
fn who_comes_too_fast_waits_for_its_turn_and_at_last_is_refused() {
    let daemon = setup(", haproxy: true, limits: {connects_per_second: 1}").start();
    let mut clients: Vec<Client> = (0..3).map(|_| let_in(&daemon, "192.0.2.1")).collect();
    let line = "connections come too fast from an address, and wait";
    wait_until("it is said", || daemon.log().contains(line).then_some(()));
    // The queue for this address is full at some time; those of others are not concerned.
    let waiting: Vec<Client> = (0..12).map(|_| from(&daemon, "192.0.2.1")).collect();
    clients.push(let_in(&daemon, "192.0.2.2"));
    let text = "Too many connections come from this address; try again in a minute.";
    wait_until("some are refused", || daemon.log().contains(text).then_some(()));
    drop(waiting);
}

#[test]
fn thirty_come_at_once_with_the_defaults() {
    let daemon = setup("").start();
    let mut clients: Vec<Client> = (0..30).map(|_| daemon.client()).collect();
    clients.iter_mut().for_each(Client::hello);
    assert!(!daemon.log().contains("connections come too fast"));
}

#[test]
fn behind_a_websockets_proxy_it_is_the_client_that_counts() {
    let keys = ", limits: {connections_per_address: 1}, \
                websocket: {bind: $WS, trusted_proxies: [127.0.0.0/8]}";
    let daemon = setup(keys).start();
    let come = |ip: &str| {
        let field = format!("X-Forwarded-For: {ip}");
        WebSocket::connect(daemon.address("WS"), "/", &[&field])
    };
    let mut one = come("192.0.2.1");
    one.hello();
    let mut other = come("192.0.2.2");
    other.hello();
    let mut two = come("192.0.2.1");
    let [eject] = &two.datagrams()[..] else { panic!("several") };
    let text = two.expect_close(4001);
    assert_eq!(text, "There are too many connections from this address.");
    assert!(eject.ends_with(text.as_bytes()));
}

#[test]
fn limits_can_be_raised_while_clients_are_in() {
    let daemon = setup(", limits: {connections: 1}").start();
    let mut one = daemon.client();
    one.hello();
    daemon.client().expect_eject(EjectReason::Generic);
    let file = daemon.path("donet.yml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, text.replace("connections: 1}", "connections: 2}")).expect("ours");
    daemon.signal("HUP");
    let done = "the configuration has been read again";
    wait_until("it is taken over", || daemon.log().contains(done).then_some(()));
    daemon.client().hello();
}

#[test]
fn who_would_have_to_be_told_by_tls_is_hung_up_on_before_the_handshake() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Authority::new("authority").write(folder.path(), "game", &["game.example"]);
    let keys = format!(", limits: {{connections_per_address: 1}}, tls: {{bind: $TLS, {files}}}");
    let daemon = setup(&keys).start();
    let mut one = daemon.client();
    one.hello();
    daemon.client_at("TLS").expect_closed();
    assert!(!daemon.log().contains("no TLS handshake"));
}
