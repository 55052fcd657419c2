//! Encrypted clients and links.

use std::collections::HashSet;

use crate::client_agent::setup;
use crate::harness::secure::{Authority, Secure, V1_2};
use crate::harness::world::{DC_HASH, VERSION};
use crate::harness::*;

/// Says hello, and is told hello.
fn say_hello(client: &mut Secure) {
    let hello = ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) };
    client.send(&client_datagram_of(&hello)).expect("open");
    let answer = client.receive().expect("open");
    assert_eq!(answer, client_datagram_of(&ClientMessage::HelloResp {}));
}

/// Files of certificates that no daemon has yet.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder for temporary files")
}

#[test]
fn plain_and_encrypted_clients_are_served_side_by_side() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let daemon = setup(&format!(", tls: {{bind: $TLS, {files}}}")).start();
    daemon.client().hello();
    for versions in [rustls::DEFAULT_VERSIONS, V1_2] {
        let client = authority.believer().versions(versions);
        let mut client = client.connect(daemon.address("TLS"), "game.example").expect("encrypted");
        say_hello(&mut client);
    }
    // Somebody who believes another authority does not come in, and that is said.
    let stranger = Authority::new("stranger").believer();
    assert!(stranger.connect(daemon.address("TLS"), "game.example").is_err());
    wait_until("it is said", || {
        let log = daemon.log();
        log.contains("no TLS handshake").then(|| log.contains("does not accept this side's"))
    });
}

/// Waits until the daemon has said this.
fn wait_for(daemon: &Daemon, text: &str) {
    wait_until(&format!("the log has {text:?}"), || daemon.log().contains(text).then_some(()));
}

#[test]
fn the_certificate_is_that_of_the_name_that_is_asked_for() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let first = authority.write(folder.path(), "first", &["first.example"]);
    let second = authority.write(folder.path(), "second", &["second.example", "*.second.example"]);
    let third = authority.write(folder.path(), "third.example", &[]);
    let tls = format!(", tls: {{bind: $TLS, {first}, certificates: [{{{second}}}, {{{third}}}]}}");
    let daemon = setup(&tls).start();
    let shown = |name: &str| {
        let connected = authority.believer().connect(daemon.address("TLS"), name);
        connected.map(|client| client.shown())
    };
    let first = shown("first.example").expect("its name");
    assert_ne!(shown("second.example").expect("its name"), first);
    assert_eq!(shown("eu.second.example").ok(), shown("SECOND.example").ok());
    // One label, and no more.
    shown("far.eu.second.example").expect_err("the first is shown");
    shown("other.example").expect_err("the first is shown");
}

#[test]
fn who_has_to_show_a_certificate_has_to_show_one_of_the_authority() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let ca = folder.path().join("authority.pem");
    let tls = format!(", tls: {{bind: $TLS, {files}, cert_authority: {}}}", ca.display());
    let daemon = setup(&tls).start();
    let optional = setup(&tls.replace("}", ", client_certificates: optional}")).start();
    let connect = |daemon: &Daemon, client: &crate::harness::secure::Believer| {
        client.connect(daemon.address("TLS"), "game.example")
    };
    for versions in [rustls::DEFAULT_VERSIONS, V1_2] {
        let nobody = authority.believer().versions(versions);
        // With the new version the client believes for a moment that it is in.
        let refused = connect(&daemon, &nobody).and_then(|mut client| client.receive());
        refused.expect_err("it shows none");
        say_hello(&mut connect(&optional, &nobody).expect("it need not"));
        let player = nobody.clone().with(&authority, "player", &[]);
        say_hello(&mut connect(&daemon, &player).expect("it shows one"));
        say_hello(&mut connect(&optional, &player).expect("it shows one"));
        let stranger = nobody.with(&Authority::new("stranger"), "player", &[]);
        for daemon in [&daemon, &optional] {
            let refused = connect(daemon, &stranger).and_then(|mut client| client.receive());
            refused.expect_err("it is nobody's here");
        }
    }
    wait_for(&daemon, "reason=\"it shows no certificate, and has to\"");
    wait_for(&daemon, "reason=\"its certificate is not signed by the authority (cert_authority)\"");
}

#[test]
fn changed_files_are_for_new_connections_whole_or_not_at_all() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let daemon = setup(&format!(", tls: {{bind: $TLS, {files}}}")).start();
    let connect = || authority.believer().connect(daemon.address("TLS"), "game.example");
    let mut old = connect().expect("encrypted");
    say_hello(&mut old);
    let shown = old.shown();
    // A key that belongs to another certificate.
    let key = folder.path().join("game.key");
    let other = authority.write(folder.path(), "other", &["game.example"]);
    assert!(other.contains("other.key"));
    let good = std::fs::read(&key).expect("it is there");
    std::fs::copy(folder.path().join("other.key"), &key).expect("ours");
    daemon.signal("HUP");
    wait_for(&daemon, "the certificates that were read before stay in use");
    assert_eq!(connect().expect("encrypted").shown(), shown);
    std::fs::write(&key, good).expect("ours");
    // With the right one, without a signal.
    authority.write(folder.path(), "game", &["game.example"]);
    let mut new = wait_until("it has been noticed", || {
        connect().ok().filter(|client| client.shown() != shown)
    });
    say_hello(&mut new);
    old.send(&client_datagram_of(&ClientMessage::Heartbeat {})).expect("nobody has touched it");
    drop(new);
    let entries = daemon.log().matches("certificate loaded").count();
    assert_eq!(entries, 2);
}

#[test]
fn certificates_that_change_under_load_lose_nobody() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let daemon =
        setup(&format!(", tls: {{bind: $TLS, {files}}}")).daemon("loglevel: debug").start();
    let address = daemon.address("TLS");
    let connect = || authority.believer().connect(address, "game.example");
    let over = AtomicBool::new(false);
    // Closed by whoever ends first, also by a failing check.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    std::thread::scope(|scope| {
        // Those who are there speak all the time, others come and go.
        let (over, connect) = (&over, &connect);
        let _over = Over(over);
        let players: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let mut player = connect().expect("encrypted");
                    say_hello(&mut player);
                    let mut count = 0;
                    while !over.load(Ordering::Relaxed) {
                        player
                            .send(&client_datagram_of(&ClientMessage::Heartbeat {}))
                            .expect("open");
                        count += 1;
                        // The pace: who speaks as fast as he can is held by the limits.
                        std::thread::sleep(std::time::Duration::from_millis(2));
                    }
                    player.send(&client_datagram_of(&ClientMessage::Disconnect {})).expect("open");
                    player.receive().expect_err("it has left");
                    count
                })
            })
            .collect();
        let guests = scope.spawn(move || {
            let mut shown = HashSet::new();
            while !over.load(Ordering::Relaxed) {
                let mut guest = connect().expect("there is always a certificate with its key");
                say_hello(&mut guest);
                shown.insert(guest.shown());
            }
            shown.len()
        });
        for _ in 0..8 {
            let before = connect().expect("encrypted").shown();
            authority.write(folder.path(), "game", &["game.example"]);
            daemon.signal("HUP");
            wait_until("it is shown", || (connect().ok()?.shown() != before).then_some(()));
        }
        over.store(true, Ordering::Relaxed);
        assert!(guests.join().expect("nobody was refused") > 1);
        for player in players {
            assert!(player.join().expect("it was not lost") > 0);
        }
    });
    // Eight who left by themselves; nobody was lost, but for those who only looked.
    wait_until("they have left", || {
        (daemon.log().matches("client disconnected").count() == 8).then_some(())
    });
}

#[test]
fn half_open_handshakes_delay_nobody_and_have_an_end() {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let tuning = "tuning: {handshake_timeout: 3000}";
    let daemon = setup(&format!(", {tuning}, tls: {{bind: $TLS, {files}}}")).start();
    let address = daemon.address("TLS");
    let mut waiting: Vec<TcpStream> = (0..200)
        .map(|number: usize| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            // Some say nothing, some begin.
            let begun = &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..number % 12];
            stream.write_all(begun).expect("open");
            stream
        })
        .collect();
    let client = authority.believer().connect(address, "game.example");
    say_hello(&mut client.expect("nobody delays it"));
    assert!(!daemon.log().contains("no TLS handshake"), "they have not been waited for");
    for stream in &mut waiting {
        stream.set_read_timeout(Some(LIMIT)).expect("a socket takes options");
        // An end, or a reset for what has not been read.
        let _ = stream.read(&mut [0; 64]);
    }
    wait_for(&daemon, "it took longer than 3 s (tuning.handshake_timeout)");
}

#[test]
fn what_is_no_tls_is_said_in_plain_words() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let setup = setup(&format!(", tls: {{{files}, min_version: '1.3'}}"));
    let daemon = setup.start();
    let mut plain = daemon.client();
    plain.send(&ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) });
    plain.expect_closed();
    wait_for(&daemon, "it does not speak TLS: it is an Astron client, unencrypted");
    let old = authority.believer().versions(V1_2);
    old.connect(daemon.address("CA"), "game.example").expect_err("too old");
    wait_for(&daemon, "no common version of TLS: it has none that is allowed here (min_version)");
}

#[test]
fn a_proxy_header_comes_before_tls_and_only_from_proxies() {
    use std::io::Write;
    use std::net::TcpStream;
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let daemon = setup(&format!(", haproxy: {{from: [127.0.0.1]}}, tls: {{{files}}}")).start();
    let mut stream = TcpStream::connect(daemon.address("CA")).expect("it listens");
    stream.write_all(b"PROXY TCP4 198.51.100.7 192.0.2.1 4000 443\r\n").expect("open");
    let client = authority.believer().shake(stream, "game.example");
    say_hello(&mut client.expect("encrypted after the header"));
    // Without a header nobody comes in.
    authority.believer().connect(daemon.address("CA"), "game.example").expect_err("no header");
    wait_for(&daemon, "no usable PROXY header");

    let daemon = setup_of("haproxy: {from: [192.0.2.0/24]}");
    daemon.client().expect_closed();
    wait_for(&daemon, "client refused: it is none of the proxies (haproxy.from)");
}

fn setup_of(more: &str) -> Daemon {
    setup(&format!(", {more}")).start()
}

#[test]
fn links_show_certificates_with_a_name_that_is_allowed() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let files = authority.write(folder.path(), "director", &["localhost"]);
    let ca = folder.path().join("authority.pem");
    let tls = format!(
        "tls: {{bind: $TLS, {files}, cert_authority: {}, allowed_names: [ai, Game.example]}}",
        ca.display()
    );
    let daemon = Setup::new().director(tls).start();
    let connect = |who: crate::harness::secure::Believer| {
        who.connect(daemon.address("TLS"), "localhost").and_then(|mut link| {
            let name = Control::SetConName { name: Blob(b"tool") };
            link.send(&datagram_of_control(&name))?;
            Ok(link)
        })
    };
    let with = |name: &str, names: &[&str]| authority.believer().with(&authority, name, names);
    let links = [with("AI", &[]), with("nobody", &["game.example"])].map(connect);
    for link in &links {
        assert!(link.is_ok(), "{link:?}");
    }
    wait_until("both are links", || {
        (daemon.log().matches("link named").count() >= 2).then_some(())
    });
    for refused in [
        with("other", &["other.example"]),
        authority.believer(),
        authority.believer().with(&Authority::new("stranger"), "ai", &[]),
    ] {
        let told = connect(refused).and_then(|mut link| link.receive());
        told.expect_err("it may not");
    }
    wait_for(
        &daemon,
        "its certificate is for other, other.example, which is not among the allowed_names",
    );
    wait_for(&daemon, "it shows no certificate, and has to");
}

fn datagram_of_control(message: &Control<'_>) -> Vec<u8> {
    let mut datagram = Vec::new();
    message.write_control(&mut donet::wire::Writer::new(&mut datagram));
    datagram
}

#[test]
fn daemons_are_linked_with_certificates() {
    let (folder, authority) = (folder(), Authority::new("authority"));
    let ca = folder.path().join("authority.pem");
    let files = |name: &str| authority.write(folder.path(), name, &["127.0.0.1"]);
    let tls = |name: &str, more: &str| {
        let files = files(name);
        format!("tls: {{{files}, cert_authority: {}{more}}}", ca.display())
    };
    let above = Setup::new().director(tls("above", ", bind: $TLS, allowed_names: [below]")).start();
    let connect = format!("connect: '{}'", above.address("TLS"));
    let below = Setup::new().director(tls("below", "")).director(connect.clone()).start();
    wait_for(&below, "connected to the upstream message director");
    let (mut hearer, mut speaker) = (above.link(), below.link());
    hearer.subscribe(Channel(20_001));
    wait_until("what is said below is heard above", || {
        let message = StateServer::DeleteAiObjects { ai: Channel(7) };
        speaker.send(Channel(20_001), Channel(20_002), &message);
        above.log().contains("link opened").then_some(())
    });
    hearer.expect(
        Channel(20_001),
        Channel(20_002),
        &StateServer::DeleteAiObjects { ai: Channel(7) },
    );
    // Who has another name, and who has no certificate at all.
    let other = Setup::new().director(tls("other", "")).director(connect.clone()).start();
    wait_for(&other, "TLS: it does not accept this side's certificate");
    // It has done its part of the handshake before it hears that: what it sent by then would be lost.
    assert!(!other.log().contains("connected to the upstream"), "{}", other.log());
    let plain = Setup::new().director(connect).start();
    wait_for(&above, "no link: no TLS handshake");
    wait_for(&plain, "no connection to the upstream message director");
}

#[test]
fn links_come_from_where_they_may() {
    let daemon = Setup::new().director("allow: [127.0.0.1, 10.0.0.0/8]").start();
    drop(daemon.link());
    let (domain, kind) = (socket2::Domain::IPV4, socket2::Type::STREAM);
    let socket = socket2::Socket::new(domain, kind, None).expect("a socket");
    let here: std::net::SocketAddr = "127.0.0.2:0".parse().expect("an address");
    socket.bind(&here.into()).expect("all of these are this machine");
    socket.connect(&daemon.address("MD").into()).expect("it listens");
    let mut link = FrameStream::new(socket.into());
    assert_eq!(link.receive(), Received::Closed);
    wait_for(&daemon, "link refused: its address is not allowed (messagedirector.allow)");
}
