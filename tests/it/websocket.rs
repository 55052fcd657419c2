//! Clients that come by WebSocket.

use std::io::{Read, Write};

use crate::client_agent::*;
use crate::harness::secure::Authority;
use crate::harness::websocket::*;
use crate::harness::world::avatar;
use crate::harness::*;

/// A daemon with TCP and WebSocket side by side.
fn stage(websocket: &str) -> Stage {
    stage_with(websocket, "")
}

fn stage_with(websocket: &str, more: &str) -> Stage {
    Stage::with(&format!(
        ", client: {{relocate: true, add_interest: enabled}}, websocket: {{bind: $WS{websocket}}}{more}"
    ))
}

fn connect(stage: &Stage, fields: &[&str]) -> WebSocket {
    WebSocket::connect(stage.daemon.address("WS"), "/", fields)
}

/// A client that has logged in, and its session's channel.
fn established(stage: &mut Stage, fields: &[&str]) -> (WebSocket, Channel) {
    let mut client = connect(stage, fields);
    client.hello();
    let channel = channel_of_port(&stage.daemon, client.port());
    stage.tell(channel, &ClientAgent::SetState { state: 2 });
    sync(stage, &mut client, channel);
    (client, channel)
}

/// Expects that the client has been told nothing until now.
#[track_caller]
fn sync(stage: &mut Stage, client: &mut WebSocket, channel: Channel) {
    stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(b"so far") });
    assert_eq!(client.datagrams(), [b"so far".to_vec()]);
}

/// Waits until the daemon has said this.
fn wait_for(daemon: &Daemon, text: &str) {
    wait_until(&format!("the log has {text:?}"), || daemon.log().contains(text).then_some(()));
}

#[test]
fn who_comes_by_websocket_is_a_client_as_any_other() {
    let mut stage = stage("");
    let (mut plain, plain_channel) = stage.established();
    let mut clients = [established(&mut stage, &[]), established(&mut stage, &[FRAMES])];
    let values = seen();
    let object = avatar_at(OBJECT, HERE, &values);
    let mut parent = stage.hearer(PARENT);
    let context = Context(7);
    for (client, channel) in &mut clients {
        client.send(&ClientMessage::AddInterest { context, interest: INTEREST, location: HERE });
        let asked = interests::request_of(&parent.receive(), *channel, PARENT, &[ZONE]);
        let entering = StateServer::ObjectEnterInterestWithRequired { context: asked, object };
        let count = StateServer::ObjectGetZonesCountResp { context: asked, count: DoId(1) };
        stage.server.send(*channel, OBJECT, &entering);
        stage.server.send(*channel, PARENT, &count);
        let done = ClientMessage::DoneInterestResp { context, interest: INTEREST };
        client.expect_all(&[ClientMessage::EnterObjectRequired { object }, done]);
    }
    stage.show(&mut plain, plain_channel, OTHER);
    let object = avatar_at(OTHER, HERE, &values);
    for (client, _) in &mut clients {
        client.expect(&ClientMessage::EnterObjectRequired { object });
    }
    // One speaks, and the cluster has all hear it.
    let mut hearer = stage.hearer(OBJECT);
    let long = say(&"x".repeat(40));
    for (number, (speaker, channel)) in clients.iter_mut().enumerate() {
        let text = if number == 0 { &say("hello") } else { &long };
        speaker.send(&update(OBJECT, avatar::SAY, text));
        hearer.expect(OBJECT, *channel, &routed(OBJECT, avatar::SAY, text));
    }
    for text in [&say("hello"), &long] {
        stage.server.send(HERE, OBJECT, &routed(OBJECT, avatar::SAY, text));
        for (client, _) in &mut clients {
            client.expect(&update(OBJECT, avatar::SAY, text));
        }
    }
    // What is not allowed is not: the eject comes, and then the same in the close.
    let (mut client, _) = clients.into_iter().next().expect("two");
    client.send(&update(OBJECT, avatar::HEALTH, &Values::new().u8(1)));
    let [eject] = &client.datagrams()[..] else { panic!("several") };
    assert_eq!(eject[..4], [4, 0, 118, 0], "{}", eject.escape_ascii());
    let text = client.expect_close(4118);
    assert!(!text.is_empty() && eject.ends_with(text.as_bytes()), "{text}");
}

#[test]
fn messages_come_in_pieces_with_pings_between_them_and_several_at_once() {
    let mut stage = stage("");
    let mut hearer = stage.hearer(LOGIN);
    for fields in [&[][..], &[FRAMES]] {
        let (mut client, channel) = established(&mut stage, fields);
        let values: Vec<Values> = ["one", &"two".repeat(10_000), "three"]
            .map(|name| Values::new().string(name).u8(0))
            .into();
        let updates: Vec<ClientMessage<'_>> =
            values.iter().map(|value| update(LOGIN, world::login::LOGIN, value)).collect();
        client.send_all(&updates);
        let mut last = client_datagram_of(&updates[2]);
        if !fields.is_empty() {
            last.splice(..0, (last.len() as u16).to_le_bytes());
        }
        let (start, end) = last.split_at(3);
        client.send_frame(BINARY, start);
        client.send_frame(FINAL | PING, b"still there?");
        client.send_frame(0, b"");
        assert_eq!(client.receive(), Came::Pong(b"still there?".to_vec()));
        client.send_frame(FINAL, end);
        for value in values.iter().chain(&values[2..]) {
            hearer.expect(LOGIN, channel, &routed(LOGIN, world::login::LOGIN, value));
        }
        // A byte at a time.
        for byte in frame(FINAL | BINARY, &last) {
            client.try_send_raw(&[byte]).expect("open");
        }
        hearer.expect(LOGIN, channel, &routed(LOGIN, world::login::LOGIN, &values[2]));
        sync(&mut stage, &mut client, channel);
    }
}

#[test]
fn what_is_told_at_once_is_one_message_for_who_reads_tags() {
    let mut stage = stage("");
    let (mut client, channel) = established(&mut stage, &[FRAMES]);
    let words = [&b"one"[..], b"two", &[7; 60_000], b"four", &[8; 30_000]];
    for word in words {
        stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(word) });
    }
    let mut came = Vec::new();
    while came.len() < words.len() {
        came.extend(client.datagrams());
    }
    assert_eq!(came, words);
}

#[test]
fn a_peer_that_keeps_no_rule_costs_itself_alone_and_is_told_which() {
    let mut stage = stage("");
    let (mut other, channel) = established(&mut stage, &[]);
    for (bytes, code) in [
        (frame(FINAL | 1, b"text"), 1003),
        (frame(0xc2, b"a"), 1002),
        (frame(0x83, b"a"), 1002),
        (b"\x82\x01a".to_vec(), 1002),
        (frame(FINAL | PING, &[0; 126]), 1002),
        (frame(PING, b""), 1002),
        (frame(FINAL, b"a"), 1002),
        ([frame(BINARY, b"a"), frame(FINAL | BINARY, b"a")].concat(), 1002),
        (b"\x82\xfe\0\x05\0\0\0\0abcde".to_vec(), 1002),
        (frame(FINAL | CLOSE, &[3]), 1002),
        (frame(FINAL | BINARY, &[0; 65_536]), 1009),
        (b"\x82\xff\0\0\0\x04\0\0\0\0\0\0\0\0".to_vec(), 1009),
    ] {
        let mut client = connect(&stage, &[]);
        client.hello();
        // It may be hung up on before it has said all.
        let _ = client.try_send_raw(&bytes);
        client.expect_close(code);
    }
    let mut client = connect(&stage, &[FRAMES]);
    client.hello();
    client.send_frame(FINAL | BINARY, b"\x03\0ab");
    client.expect_close(1007);
    wait_for(&stage.daemon, "client dropped: bad WebSocket");
    sync(&mut stage, &mut other, channel);
}

#[test]
fn a_close_is_answered_and_is_the_end_of_the_session() {
    let mut stage = stage("");
    let (mut client, channel) = established(&mut stage, &[]);
    let mut hearer = stage.hearer(SERVER);
    let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    sync(&mut stage, &mut client, channel);
    client.send_frame(FINAL | CLOSE, b"\x03\xe9going away");
    client.expect_close(1001);
    hearer.expect(SERVER, channel, &ClientAgent::Drop {});
    // Who says so in the protocol, and who is dropped without a word.
    let (mut client, _) = established(&mut stage, &[]);
    client.send(&ClientMessage::Disconnect {});
    client.expect_close(1000);
    let (mut client, channel) = established(&mut stage, &[]);
    stage.tell(channel, &ClientAgent::Drop {});
    client.expect_close(1000);
}

#[test]
fn the_cluster_s_ejects_and_the_end_of_the_server_have_codes() {
    let mut stage = stage("");
    for (reason, code) in [(155, 4155), (5_000, 4999)] {
        let (mut client, channel) = established(&mut stage, &[]);
        let text = "é".repeat(100);
        stage.tell(channel, &ClientAgent::Eject { reason, text: Blob(text.as_bytes()) });
        client.expect(&ClientMessage::Eject { reason, text: Blob(text.as_bytes()) });
        assert_eq!(client.expect_close(code), "é".repeat(61));
    }
    let (mut client, _) = established(&mut stage, &[FRAMES]);
    stage.daemon.signal("TERM");
    let text = "The server stops.";
    let reason = EjectReason::Restart as u16;
    client.expect(&ClientMessage::Eject { reason, text: Blob(text.as_bytes()) });
    assert_eq!(client.expect_close(4160), text);
}

#[test]
fn requests_that_are_for_no_websocket_here_are_answered_with_errors() {
    let stage = stage(", path: /game, allowed_origins: ['https://game.example']");
    let address = stage.daemon.address("WS");
    let plain = |line: &str| format!("{line}\r\nHost: game.example\r\n\r\n");
    for (request, status) in [
        (request("/", &[]), 404),
        (plain("GET /health HTTP/1.1"), 404),
        (plain("GET /game HTTP/1.1"), 426),
        (plain("POST /game HTTP/1.1"), 405),
        (request("/game", &["Origin: https://evil.example"]), 403),
        ("GET /game\r\n\r\n".to_owned(), 400),
        (request("/game", &[&format!("Cookie: {}", "x".repeat(17_000))]), 431),
    ] {
        let mut stream = tcp(address);
        let (answer, _) = ask(&mut stream, &request).expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("it is hung up on");
    }
    for fields in [&[][..], &["Origin: https://game.example"]] {
        WebSocket::connect(address, "/game?player=1", fields).hello();
    }
    wait_for(&stage.daemon, "Origin https://evil.example is not allowed");
    // What was meant for the other port.
    let mut client = stage.daemon.client_at("WS");
    client.send(&ClientMessage::Hello { dc_hash: 1, version: Blob(b"v") });
    client.expect_closed();
    wait_for(&stage.daemon, "it does not speak HTTP");
}

#[test]
fn half_a_request_delays_nobody_and_has_an_end() {
    let stage = stage_with("", ", tuning: {handshake_timeout: 3000}");
    let address = stage.daemon.address("WS");
    let request = request("/", &[]);
    let mut waiting: Vec<_> = (0..200)
        .map(|number: usize| {
            let mut stream = tcp(address);
            stream.write_all(&request.as_bytes()[..number % request.len()]).expect("open");
            stream
        })
        .collect();
    connect(&stage, &[]).hello();
    assert!(!stage.daemon.log().contains("no WebSocket"), "they have not been waited for");
    let mut told = 0;
    for stream in &mut waiting {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an end");
        told += usize::from(answer.starts_with(b"HTTP/1.1 408 "));
    }
    assert_eq!(told, waiting.len());
    wait_for(&stage.daemon, "the request has taken too long");
}

#[test]
fn who_answers_no_ping_is_lost_and_who_does_is_not() {
    let mut stage = stage(", ping_ms: 300");
    let (mut mute, channel) = established(&mut stage, &[]);
    let mut hearer = stage.hearer(SERVER);
    let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
    stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
    let (mut other, other_channel) = established(&mut stage, &[]);
    let answers = std::thread::spawn(move || {
        // It answers pings until it is told something.
        assert_eq!(other.datagrams(), [b"so far".to_vec()]);
        other
    });
    hearer.expect(SERVER, channel, &ClientAgent::Drop {});
    stage.tell(other_channel, &ClientAgent::SendDatagram { datagram: Blob(b"so far") });
    let mut other = answers.join().expect("it has been told");
    while let Came::Ping(_) = mute.receive() {}
    sync(&mut stage, &mut other, other_channel);
}

#[test]
fn who_sends_only_what_says_nothing_is_read_more_slowly() {
    let mut stage = stage_with(", ping_ms: 0", ", limits: {messages_per_second: 1}");
    for frames in [vec![frame(FINAL | PING, b""); 40], vec![frame(0, b""); 40]] {
        let (mut client, channel) = established(&mut stage, &[]);
        client.send_frame(BINARY, b"");
        client.try_send_raw(&frames.concat()).expect("open");
        let limit = format!("client={channel}");
        wait_until("it is held", || {
            let log = stage.daemon.log();
            let held = |line: &str| line.contains("read more slowly") && line.contains(&limit);
            log.lines().any(held).then_some(())
        });
    }
}

#[test]
fn who_reads_nothing_is_dropped_as_by_tcp() {
    let more = "tuning: {handshake_timeout: 0}";
    let mut stage = Stage::with(&format!(
        ", client: {{write_buffer_size: 100000, write_timeout_ms: 0}}, websocket: {{bind: $WS, ping_ms: 0}}, {more}"
    ));
    for fields in [&[][..], &[FRAMES]] {
        let (mut deaf, channel) = established(&mut stage, fields);
        let mut hearer = stage.hearer(SERVER);
        let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
        stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&gone) });
        sync(&mut stage, &mut deaf, channel);
        let noise = vec![0x5a; 60_000];
        for _ in 0..400 {
            stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(&noise) });
        }
        hearer.expect(SERVER, channel, &ClientAgent::Drop {});
    }
}

#[test]
fn websocket_only_encrypted_and_behind_a_proxy() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let authority = Authority::new("authority");
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let daemon = Setup::new()
        .role(format!(
            "type: clientagent, bind: none, version: {}, manual_dc_hash: {}, haproxy: {{from: [127.0.0.1]}}, \
             channels: {{min: {FIRST}, max: {LAST}}}, \
             websocket: {{bind: $WS, trusted_proxies: [198.51.100.0/24], tls: {{{files}}}}}",
            world::VERSION,
            world::DC_HASH
        ))
        .start();
    let mut stream = tcp(daemon.address("WS"));
    stream.write_all(b"PROXY TCP4 198.51.100.7 192.0.2.1 4000 443\r\n").expect("open");
    let own = stream.local_addr().expect("connected");
    let encrypted = authority.believer().shake(stream, "game.example").expect("encrypted");
    let fields = ["X-Forwarded-For: 203.0.113.9:4444, 198.51.100.8"];
    let mut client = WebSocket::over(Box::new(encrypted.into_stream()), own, "/", &fields);
    client.hello();
    // By the port that the proxy has noted.
    let channel = channel_of_port(&daemon, 4444);
    let mut server = daemon.link();
    server.send(channel, SERVER, &ClientAgent::Eject { reason: 1, text: Blob(b"enough") });
    client.expect(&ClientMessage::Eject { reason: 1, text: Blob(b"enough") });
    assert_eq!(client.expect_close(4001), "enough");
    // Without its header nobody comes in, and without TLS neither.
    authority.believer().connect(daemon.address("WS"), "game.example").expect_err("no header");
    wait_for(&daemon, "no usable PROXY header");
    let mut plain = tcp(daemon.address("WS"));
    plain.write_all(b"PROXY TCP4 198.51.100.7 192.0.2.1 4000 443\r\n").expect("open");
    assert!(ask(&mut plain, &request("/", &[])).is_err());
    wait_for(&daemon, "it does not speak TLS, but HTTP");
    assert!(daemon.log().contains("client agent is listening for WebSocket with TLS"));
}
