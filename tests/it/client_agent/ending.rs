//! What clients and the cluster are told when the daemon is told to end.

use std::io::Read;

use super::*;
use crate::harness::secure::Authority;
use crate::harness::websocket::WebSocket;

/// The channel of the AI whose objects die with its link.
const AI: Channel = Channel(6_000);

#[test]
fn whoever_plays_is_told_that_the_server_stops_and_an_ai_hears_of_it_before_its_own_link_ends() {
    for signal in ["TERM", "INT"] {
        let mut stage = Stage::start();
        let (mut client, channel) = stage.established();
        stage.tell(channel, &ClientAgent::AddSessionObject { do_id: OBJECT });
        stage.give(&mut client, channel, OBJECT);
        let (mut anonymous, _) = stage.anonymous();
        // What the AI leaves behind would eject the client with another reason.
        let deletion = StateServer::ObjectDeleteRam { do_id: OBJECT };
        let gone = datagram_of(channel, AI, &deletion);
        let mut ai = stage.hearer(OBJECT);
        ai.control(&Control::AddPostRemove { sender: AI, datagram: Blob(&gone) });
        ai.sync();
        let code = stage.daemon.terminate(signal);
        for client in [&mut client, &mut anonymous] {
            let text = client.expect_eject_with(EjectReason::Restart as u16);
            assert_eq!(text, "The server stops.");
        }
        ai.expect(OBJECT, channel, &deletion);
        ai.expect_closed();
        assert_eq!(code.code(), Some(0));
    }
}

/// How a client is told on each transport that it has to go, and that the connection ends in order.
#[test]
fn a_drain_is_told_on_every_transport() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let authority = Authority::new("authority");
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let mut daemon = setup(&format!(
        ", tls: {{bind: $TLS, {files}}}, websocket: {{bind: $WSS, tls: {{{files}}}}}"
    ))
    .daemon("drain: 12h")
    .start();
    let encrypted = |daemon: &Daemon, name: &str| {
        let secure = authority.believer().connect(daemon.address(name), "game.example");
        secure.expect("encrypted")
    };
    let mut plain = daemon.client();
    plain.hello();
    let mut secure = encrypted(&daemon, "TLS");
    let hello = ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) };
    secure.send(&client_datagram_of(&hello)).expect("open");
    assert_eq!(secure.receive().expect("open"), client_datagram_of(&ClientMessage::HelloResp {}));
    let carrier = encrypted(&daemon, "WSS").into_stream();
    let mut socket = WebSocket::over(Box::new(carrier), daemon.address("WSS"), "/", &[]);
    socket.hello();

    daemon.signal("TERM");
    wait_until("it drains", || daemon.log().contains("clients=3").then_some(()));
    // They play on.
    let heartbeat = client_datagram_of(&ClientMessage::Heartbeat {});
    secure.send(&heartbeat).expect("open");
    assert_eq!(daemon.exited(), None);
    daemon.signal("TERM");

    const TEXT: &str = "The server restarts.";
    assert_eq!(plain.expect_eject_with(EjectReason::Restart as u16), TEXT);
    let eject =
        ClientMessage::Eject { reason: EjectReason::Restart as u16, text: Blob(TEXT.as_bytes()) };
    let eject = client_datagram_of(&eject);
    assert_eq!(secure.receive().expect("its last words"), eject);
    // Without the end that TLS has of its own, this would be an error.
    let mut rest = Vec::new();
    secure.into_stream().read_to_end(&mut rest).expect("an end in order");
    assert!(rest.is_empty(), "{}", rest.escape_ascii());
    assert_eq!(socket.datagrams(), [eject]);
    assert_eq!(socket.expect_close(4160), TEXT);
    let code = wait_until("the daemon ends", || daemon.exited());
    assert_eq!(code.code(), Some(0));
}
