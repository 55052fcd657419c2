//! What becomes of clients that break a rule, as the configuration says.

use super::*;
use crate::harness::websocket::WebSocket;

/// What a client may not send: nobody may send this field.
fn forbidden(value: &Values) -> ClientMessage<'_> {
    update(OBJECT, avatar::HEALTH, value)
}

/// A client that owns `OBJECT`, in a daemon whose client agent has these offences, and a link that hears the object.
fn owner(stage: &mut Stage) -> (Client, Channel, Link) {
    let (mut client, channel) = stage.established();
    stage.give(&mut client, channel, OBJECT);
    let mut hearer = stage.daemon.link();
    hearer.subscribe([OBJECT.channel(), LOGIN.channel()]);
    (client, channel, hearer)
}

/// Comes from an address, as a proxy says it.
fn from(daemon: &Daemon, ip: &str) -> Client {
    let mut client = daemon.client();
    client.stream().send_raw(format!("PROXY TCP4 {ip} 10.0.0.1 4000 80\r\n").as_bytes());
    client
}

/// The lines of the ban list, when there are as many.
fn wait_for_bans(daemon: &Daemon, count: usize) -> Vec<String> {
    wait_until("they are entered", || {
        let text = std::fs::read_to_string(daemon.path("bans.txt")).ok()?;
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        (lines.len() == count).then_some(lines)
    })
}

#[test]
fn what_is_ignored_reaches_nobody_and_is_not_said() {
    let mut stage = Stage::with(", offences: {permission: ignore, message: ignore}");
    let (mut client, channel, mut hearer) = owner(&mut stage);
    let value = Values::new().u8(1);
    client.send(&forbidden(&value));
    client.send(&ClientMessage::HelloResp {});
    stage.expect_nothing_of(&mut client, channel, &mut hearer);
    stage.sync(&mut client, channel);
    // Others lead to what they have always led to.
    client.send(&update(OTHER, avatar::HEALTH, &value));
    client.expect_eject(EjectReason::MissingObject);
    wait_until("that is said", || stage.daemon.log().contains("client ejected").then_some(()));
    assert!(!stage.daemon.log().contains("is dropped"));
}

#[test]
fn what_is_warned_of_is_said_to_the_log_and_to_the_event_logger() {
    let sink = EventSink::open();
    let setup = setup(", offences: {permission: warn}");
    let setup = setup.general(format!("eventlogger: '{}'", sink.address()));
    let mut stage = Stage::of(setup);
    let (mut client, channel, mut hearer) = owner(&mut stage);
    let value = Values::new().u8(1);
    client.send(&forbidden(&value));
    stage.expect_nothing_of(&mut client, channel, &mut hearer);
    let event = wait_until("it is told", || {
        let event = sink.event();
        (event[0].1 == "client-offence").then_some(event)
    });
    let sender = format!("Client:{channel}");
    let text = "Client tried to send update for non-sendable field: Avatar(10001).setHealth";
    let expected = [
        ("type", "client-offence"),
        ("sender", &*sender),
        ("offence", "permission"),
        ("reason_code", "118"),
        ("reason_msg", text),
    ];
    let event: Vec<_> = event.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(event, expected);
    let line = wait_until("it is logged", || {
        let log = stage.daemon.log();
        log.lines().find(|line| line.contains("a client's message is dropped")).map(str::to_owned)
    });
    for part in ["WARNING", "offence=permission", "reason=118", text] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn who_is_banned_is_put_out_entered_and_not_let_in_again_also_by_a_new_daemon() {
    let keys =
        ", haproxy: true, banlist: bans.txt, offences: {hello: ban, malformed: ban, ban_for: 2h}";
    let mut daemon = setup(keys).start();
    let mut stranger = from(&daemon, "192.0.2.7");
    stranger.send(&ClientMessage::Heartbeat {});
    stranger.expect_eject(EjectReason::NoHello);
    let lines = wait_for_bans(&daemon, 1);
    assert!(lines[0].starts_with("192.0.2.7 2"), "{lines:?}");
    assert!(lines[0].ends_with("Z offence: hello"), "{lines:?}");
    let refused = |daemon: &Daemon| {
        let text = from(daemon, "192.0.2.7").expect_eject_with(EjectReason::Banned as u16);
        assert!(text.starts_with("You are banned until 2"), "{text}");
        assert!(text.ends_with("Z: offence: hello"), "{text}");
    };
    wait_until("the list has been taken", || {
        daemon.log().contains("offenders have been entered into the ban list").then_some(())
    });
    refused(&daemon);
    from(&daemon, "192.0.2.8").hello();
    daemon.kill();
    daemon.start_again();
    refused(&daemon);
    from(&daemon, "192.0.2.8").hello();
}

#[test]
fn who_is_logged_in_takes_nobody_at_his_address_with_him() {
    let keys = ", haproxy: true, banlist: bans.txt, offences: {object: ban, ban_for: 0}";
    let daemon = setup(keys).start();
    let mut stage = Stage { server: daemon.link(), daemon };
    let mut brother = from(&stage.daemon, "192.0.2.7");
    brother.hello();
    let its = channel_of_port(&stage.daemon, 4000);
    let mut client = stage.daemon.client();
    client.stream().send_raw(b"PROXY TCP4 192.0.2.7 10.0.0.1 4001 80\r\n");
    client.hello();
    let channel = channel_of_port(&stage.daemon, 4001);
    stage.tell(channel, &ClientAgent::SetState { state: 2 });
    let logged_in = Channel(8 << 32 | 100);
    stage.tell(channel, &ClientAgent::SetClientId { channel: logged_in });
    stage.sync(&mut client, logged_in);
    let value = say("hello");
    client.send(&update(OBJECT, avatar::SAY, &value));
    client.expect_eject(EjectReason::MissingObject);
    assert_eq!(wait_for_bans(&stage.daemon, 1), ["account 8 never offence: object"]);
    stage.sync(&mut brother, its);
}

#[test]
fn a_proxy_that_says_nobody_is_not_banned_for_its_clients() {
    let keys = ", banlist: bans.txt, offences: {hello: ban}, websocket: {bind: $WS, trusted_proxies: [127.0.0.0/8]}";
    let daemon = setup(keys).start();
    daemon.client().stream().send(b"!!");
    let mut nobody = WebSocket::connect(daemon.address("WS"), "/", &[]);
    nobody.send(&ClientMessage::Heartbeat {});
    wait_until("it is said", || {
        (daemon.log().matches("client not banned").count() == 2).then_some(())
    });
    let mut somebody =
        WebSocket::connect(daemon.address("WS"), "/", &["X-Forwarded-For: 192.0.2.9"]);
    somebody.send(&ClientMessage::Heartbeat {});
    let lines = wait_for_bans(&daemon, 1);
    assert!(lines[0].starts_with("192.0.2.9 2"), "{lines:?}");
    daemon.client().hello();
}

#[test]
fn a_reload_takes_over_what_becomes_of_whom() {
    let mut stage = Stage::with(", offences: {permission: ignore}");
    let (mut client, channel, _hearer) = owner(&mut stage);
    let value = Values::new().u8(1);
    client.send(&forbidden(&value));
    stage.sync(&mut client, channel);
    let file = stage.daemon.path("donet.yml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    std::fs::write(&file, text.replace("permission: ignore", "permission: eject")).expect("ours");
    stage.daemon.signal("HUP");
    let done = "the configuration has been read again";
    wait_until("it is taken over", || stage.daemon.log().contains(done).then_some(()));
    assert!(!stage.daemon.log().contains("needs a restart"));
    client.send(&forbidden(&value));
    client.expect_eject(EjectReason::ForbiddenField);
}
