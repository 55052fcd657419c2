//! Clients that lose their connections, and come back to their sessions on others.

mod crowded;
mod encrypted;
mod logged;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use donet::message::Secret;
use donet::wire::Reader;
use socket2::SockRef;

use super::*;
use crate::harness::secure::Secure;
use crate::harness::websocket::{CLOSE, FINAL, FRAMES, WebSocket};
use crate::harness::world::room;
use crate::state_server::{create, delete_ram, set_field, set_owner};

const CONTROL: Channel = Channel(4_000);
/// Whoever would hear that the client has gone.
const SPY: Channel = Channel(5_500);
/// What the client owns.
const OWN: DoId = DoId(10_003);
/// What comes while it is away.
const NEW: DoId = DoId(10_004);
/// What ends with its session.
const TIED: DoId = DoId(10_005);

/// A client, however it comes.
enum Player {
    Tcp(Client),
    Tls(Box<Secure>, u16),
    Web(WebSocket, VecDeque<Vec<u8>>),
}

#[derive(Copy, Clone, Debug)]
enum How {
    Tcp,
    Messages,
    Frames,
}

const ALL: [How; 3] = [How::Tcp, How::Messages, How::Frames];

impl Player {
    fn come(daemon: &Daemon, how: How) -> Self {
        match how {
            How::Tcp => Player::Tcp(daemon.client()),
            How::Messages | How::Frames => Player::come_to(daemon.address("WS"), how),
        }
    }

    fn come_to(address: std::net::SocketAddr, how: How) -> Self {
        let fields: &[&str] = match how {
            How::Tcp => return Player::Tcp(Client::connect(address)),
            How::Messages => &[],
            How::Frames => &[FRAMES],
        };
        Player::Web(WebSocket::connect(address, "/", fields), VecDeque::new())
    }

    fn port(&self) -> u16 {
        match self {
            Player::Tcp(client) => client.address().port(),
            Player::Tls(_, port) => *port,
            Player::Web(client, _) => client.port(),
        }
    }

    fn send(&mut self, message: &ClientMessage<'_>) {
        match self {
            Player::Tcp(client) => client.send(message),
            Player::Tls(client, _) => client.send(&client_datagram_of(message)).expect("open"),
            Player::Web(client, _) => client.send(message),
        }
    }

    fn next(&mut self) -> Vec<u8> {
        match self {
            Player::Tcp(client) => client.receive(),
            Player::Tls(client, _) => client.receive().expect("open"),
            Player::Web(client, unread) => {
                if unread.is_empty() {
                    unread.extend(client.datagrams());
                }
                unread.pop_front().expect("at least one")
            }
        }
    }

    #[track_caller]
    fn expect(&mut self, message: &ClientMessage<'_>) {
        assert_eq!(self.next(), client_datagram_of(message), "{message:?}");
    }

    fn hello(&mut self) {
        self.send(&ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) });
        self.expect(&ClientMessage::HelloResp {});
    }

    /// What it can come back with, if it can.
    fn ask(&mut self) -> Vec<u8> {
        self.send(&ClientMessage::ResumeAsk {});
        match decode(&self.next()) {
            ClientMessage::ResumeToken { token, .. } => token.0.to_vec(),
            other => panic!("{other:?} where a token should come"),
        }
    }

    /// Comes back, or does not; what it can come back with the next time.
    fn resume(&mut self, token: &[u8]) -> Option<Vec<u8>> {
        self.send(&ClientMessage::Resume { token: Secret(token) });
        match decode(&self.next()) {
            ClientMessage::ResumeResp { resumed: true, token, .. } => Some(token.0.to_vec()),
            ClientMessage::ResumeResp { token: Secret(&[]), resume_ms: 0, .. } => None,
            other => panic!("{other:?} where it should be told whether it is back"),
        }
    }

    /// All that it is told until all has been told.
    fn retold(&mut self) -> BTreeSet<Vec<u8>> {
        let end = client_datagram_of(&ClientMessage::ResumeDone {});
        let mut told = BTreeSet::new();
        loop {
            let next = self.next();
            if next == end {
                return told;
            }
            assert!(told.insert(next.clone()), "told twice: {}", next.escape_ascii());
        }
    }
}

fn decode(datagram: &[u8]) -> ClientMessage<'_> {
    let mut reader = Reader::new(datagram);
    let number = reader.u16().expect("a number");
    ClientMessage::decode(number, &mut reader).expect("a message")
}

/// A world with somebody who looks on.
struct Scene {
    stage: Stage,
    sink: EventSink,
    /// Sees what the client sees.
    witness: (Client, Channel),
    /// Hears what is said where the client is, and its last words.
    spy: Link,
}

impl Scene {
    fn new(client: &str, more: &str) -> Self {
        let sink = EventSink::open();
        let web = if more.contains("websocket:") { "" } else { ", websocket: {bind: $WS}" };
        let setup = setup(&format!(
            ", client: {{relocate: true, add_interest: enabled{client}}}{web}{more}"
        ));
        let setup = setup.role(format!("type: stateserver, control: {CONTROL}"));
        let setup = setup.general(format!("eventlogger: '{}'", sink.address()));
        let mut stage = Stage::of(setup);
        let (place, values) = (Values::new().string("a place"), seen());
        let (class_id, location) = (room::CLASS, Location::NONE);
        let room = ObjectState { do_id: PARENT, class_id, location, values: Rest(place.bytes()) };
        stage.server.send(CONTROL, SERVER, &create(room));
        for do_id in [OBJECT, OTHER, OWN, TIED] {
            stage.server.send(CONTROL, SERVER, &create(avatar_at(do_id, HERE, &values)));
        }
        let mut witness = stage.established();
        open(&mut |message| witness.0.send(message));
        for _ in 0..5 {
            witness.0.receive();
        }
        let spy = stage.hearer([HERE.channel(), SPY]);
        Scene { stage, sink, witness, spy }
    }

    fn usual() -> Self {
        Scene::new(", resume_ms: 60000", "")
    }

    /// A client that has logged in and sees and owns something; with what it can come back.
    fn play(&mut self, player: &mut Player, port: u16) -> (Channel, Vec<u8>) {
        player.hello();
        let channel = channel_of_port(&self.stage.daemon, port);
        self.stage.tell(channel, &ClientAgent::SetState { state: 2 });
        self.stage.tell(channel, &ClientAgent::AddSessionObject { do_id: TIED });
        let bye = datagram_of(SPY, SERVER, &ClientAgent::Drop {});
        self.stage.tell(channel, &ClientAgent::AddPostRemove { datagram: Blob(&bye) });
        self.stage.server.send(OWN, SERVER, &set_owner(channel));
        assert!(matches!(
            decode(&player.next()),
            ClientMessage::EnterObjectRequiredOtherOwner { .. }
                | ClientMessage::EnterObjectRequiredOwner { .. }
        ));
        open(&mut |message| player.send(message));
        for _ in 0..5 {
            player.next();
        }
        let token = player.ask();
        (channel, token)
    }

    fn wait_for_event(&self, kind: &str) -> Vec<(String, String)> {
        wait_until(kind, || {
            let event = self.sink.event();
            (event[0].1 == kind).then_some(event)
        })
    }

    /// The world goes on.
    fn change(&mut self) {
        let health = Values::new().u8(42);
        let values = seen();
        self.stage.server.send(OBJECT, SERVER, &set_field(OBJECT, avatar::HEALTH, &health));
        self.stage.server.send(OTHER, SERVER, &delete_ram(OTHER));
        self.stage.server.send(CONTROL, SERVER, &create(avatar_at(NEW, HERE, &values)));
        self.witness.0.expect(&update(OBJECT, avatar::HEALTH, &health));
        self.witness.0.expect(&leaving(OTHER));
        self.witness
            .0
            .expect(&ClientMessage::EnterObjectRequired { object: avatar_at(NEW, HERE, &values) });
        for _ in 0..3 {
            self.spy.receive();
        }
    }

    /// Nobody has heard anything of the client's absence: what it does now is the first.
    fn expect_unnoticed(&mut self, player: &mut Player, channel: Channel) {
        let text = say("I am back");
        player.send(&update(OBJECT, avatar::SAY, &text));
        self.witness.0.expect(&update(OBJECT, avatar::SAY, &text));
        self.spy.expect(HERE, channel, &routed(OBJECT, avatar::SAY, &text));
    }
}

fn open(send: &mut dyn FnMut(&ClientMessage<'_>)) {
    send(&ClientMessage::AddInterest { context: Context(1), interest: INTEREST, location: HERE });
}

/// What a client is told that is back, when the world has [changed](Scene::change).
fn all_told() -> BTreeSet<Vec<u8>> {
    let values = seen();
    let with_health = seen().u16(1).field(avatar::HEALTH).u8(42);
    let object = |do_id| avatar_at(do_id, HERE, &values);
    [
        ClientMessage::EnterObjectRequiredOther { object: avatar_at(OBJECT, HERE, &with_health) },
        ClientMessage::EnterObjectRequired { object: object(OWN) },
        ClientMessage::EnterObjectRequired { object: object(TIED) },
        ClientMessage::EnterObjectRequired { object: object(NEW) },
        ClientMessage::EnterObjectRequiredOwner { object: object(OWN) },
    ]
    .iter()
    .map(client_datagram_of)
    .collect()
}

/// Expects that the client is told all, and which interests are open.
#[track_caller]
fn expect_all_told(player: &mut Player) {
    let ClientMessage::AddInterest { interest, location, .. } = decode_owned(player.next()) else {
        panic!("its interests come first")
    };
    assert_eq!((interest, location), (INTEREST, HERE));
    assert_eq!(player.retold(), all_told());
}

fn decode_owned(datagram: Vec<u8>) -> ClientMessage<'static> {
    decode(datagram.leak())
}

#[test]
fn after_a_loss_of_each_kind_a_client_is_back_and_nobody_has_noticed() {
    type Lose = fn(&mut Player);
    let end: Lose = |player| match player {
        Player::Tcp(client) => client.stream().finish(),
        Player::Tls(..) | Player::Web(..) => unreachable!("it has no own end"),
    };
    let reset: Lose = |player| {
        if let Player::Tcp(client) = player {
            let socket = SockRef::from(client.stream().socket());
            socket.set_linger(Some(Duration::ZERO)).expect("sockets take options");
        }
    };
    let closed: Lose = |player| {
        if let Player::Web(client, _) = player {
            client.send_frame(FINAL | CLOSE, &1011u16.to_be_bytes());
            assert_eq!(client.expect_close(1011), "");
        }
    };
    let vanish: Lose = |_| {};
    let kinds = [
        (How::Tcp, How::Tcp, end),
        (How::Tcp, How::Tcp, reset),
        (How::Messages, How::Messages, closed),
        (How::Frames, How::Frames, closed),
        (How::Frames, How::Messages, vanish),
        (How::Tcp, How::Frames, reset),
        (How::Messages, How::Tcp, vanish),
    ];
    let mut scene = Scene::usual();
    let mut is_first = true;
    for (before, after, lose) in kinds {
        if !std::mem::replace(&mut is_first, false) {
            scene = Scene::usual();
        }
        let mut player = Player::come(&scene.stage.daemon, before);
        let port = player.port();
        let (channel, token) = scene.play(&mut player, port);
        lose(&mut player);
        drop(player);
        let event = scene.wait_for_event("client-away");
        assert_eq!(event[1].1, format!("Client:{channel}"));
        scene.change();
        let mut player = Player::come(&scene.stage.daemon, after);
        let next = player.resume(&token).expect("it is back");
        assert_ne!(next, token);
        expect_all_told(&mut player);
        scene.expect_unnoticed(&mut player, channel);
        let event = scene.wait_for_event("client-resumed");
        assert_eq!(event[1].1, format!("Client:{channel}"));
        // It is the same session: it moves what it owns, and ends as ever.
        player.send(&ClientMessage::ObjectLocation { do_id: OWN, location: THERE });
        scene.witness.0.expect(&leaving(OWN));
        player.send(&ClientMessage::Disconnect {});
        scene.witness.0.expect(&leaving(TIED));
    }
}

#[test]
fn a_client_takes_over_while_its_old_connection_only_looks_alive() {
    for how in ALL {
        let mut scene = Scene::usual();
        let daemon = &scene.stage.daemon;
        let target = if matches!(how, How::Tcp) { "CA" } else { "WS" };
        let cable = Cable::to(daemon.address(target));
        let mut old = Player::come_to(cable.address(), how);
        // The cable's own port is what the daemon sees.
        old.hello();
        let channel = only_other(&scene, scene.witness.1);
        scene.stage.tell(channel, &ClientAgent::SetState { state: 2 });
        open(&mut |message| old.send(message));
        for _ in 0..5 {
            old.next();
        }
        let token = old.ask();
        cable.hold(true);
        let mut player = Player::come(&scene.stage.daemon, how);
        player.resume(&token).expect("it is back");
        assert!(matches!(decode_owned(player.next()), ClientMessage::AddInterest { .. }));
        assert_eq!(player.retold().len(), 4);
        scene.expect_unnoticed(&mut player, channel);
        // What it says on the old one is nothing to anybody.
        old.send(&update(OBJECT, avatar::SAY, &say("who am I?")));
        cable.hold(false);
        cable.cut();
        drop(old);
        scene.expect_unnoticed(&mut player, channel);
    }
}

/// The session beside this one.
fn only_other(scene: &Scene, known: Channel) -> Channel {
    const ASKER: Channel = Channel(5_998);
    let mut asker = scene.stage.hearer(ASKER);
    asker.send(Channel::CLIENTS, ASKER, &ClientAgent::GetNetworkAddress { context: Context(0) });
    loop {
        let sender = asker.receive().envelope().sender;
        if sender != known {
            return sender;
        }
    }
}

#[test]
fn a_token_is_good_once_and_what_is_none_is_refused_however_it_is_said() {
    for how in ALL {
        let mut scene = Scene::usual();
        let mut player = Player::come(&scene.stage.daemon, how);
        let port = player.port();
        let (channel, token) = scene.play(&mut player, port);
        drop(player);
        scene.wait_for_event("client-away");
        let mut player = Player::come(&scene.stage.daemon, how);
        let next = player.resume(&token).expect("it is back");
        player.next();
        player.retold();
        scene.expect_unnoticed(&mut player, channel);
        drop(player);
        scene.wait_for_event("client-away");
        // Replayed, forged, cut short. Whoever says so may say hello then, and nothing wrong once more.
        let mut forged = next.clone();
        *forged.last_mut().expect("bytes") ^= 1;
        for wrong in [&token[..], &forged, &next[..31], b""] {
            let mut player = Player::come(&scene.stage.daemon, how);
            assert_eq!(player.resume(wrong), None);
            player.hello();
            player.send(&ClientMessage::Disconnect {});
            let mut player = Player::come(&scene.stage.daemon, how);
            assert_eq!(player.resume(wrong), None);
            player.send(&ClientMessage::Resume { token: Secret(wrong) });
            let ClientMessage::Eject { reason, .. } = decode_owned(player.next()) else {
                panic!("a second one is too many")
            };
            assert_eq!(reason, EjectReason::Generic as u16);
        }
        // Another agent's.
        let other = Scene::usual();
        let mut player = Player::come(&other.stage.daemon, how);
        assert_eq!(player.resume(&next), None);
        let mut player = Player::come(&scene.stage.daemon, how);
        assert!(player.resume(&next).is_some(), "it is still good here");
        assert!(!scene.stage.daemon.log().contains(&hex(&next[4..])));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn when_the_time_is_over_the_session_ends_as_ever() {
    let mut scene = Scene::new(", resume_ms: 300", "");
    let mut player = Player::come(&scene.stage.daemon, How::Tcp);
    let port = player.port();
    let (channel, token) = scene.play(&mut player, port);
    drop(player);
    let event = scene.wait_for_event("client-lost");
    assert_eq!(event[1].1, format!("Client:{channel}"));
    scene.witness.0.expect(&leaving(TIED));
    let mut player = Player::come(&scene.stage.daemon, How::Tcp);
    assert_eq!(player.resume(&token), None);
}

#[test]
fn where_it_is_off_a_client_that_asks_is_told_so_and_lost_at_once() {
    let mut scene = Scene::new("", "");
    let mut player = Player::come(&scene.stage.daemon, How::Tcp);
    let port = player.port();
    let (_, token) = scene.play(&mut player, port);
    assert_eq!(token, b"");
    drop(player);
    scene.wait_for_event("client-lost");
    scene.witness.0.expect(&leaving(TIED));
}

#[test]
fn goodbyes_are_no_losses() {
    type Go = fn(&mut Player);
    let says: Go = |player| player.send(&ClientMessage::Disconnect {});
    let closes: Go = |player| {
        if let Player::Web(client, _) = player {
            client.send_frame(FINAL | CLOSE, &1001u16.to_be_bytes());
        }
    };
    let closes_without_a_word: Go = |player| {
        if let Player::Web(client, _) = player {
            client.send_frame(FINAL | CLOSE, b"");
        }
    };
    for (how, go) in
        [(How::Tcp, says), (How::Messages, closes), (How::Frames, closes_without_a_word)]
    {
        let mut scene = Scene::usual();
        let mut player = Player::come(&scene.stage.daemon, how);
        let port = player.port();
        let (_, token) = scene.play(&mut player, port);
        go(&mut player);
        scene.witness.0.expect(&leaving(TIED));
        let mut player = Player::come(&scene.stage.daemon, how);
        assert_eq!(player.resume(&token), None);
    }
}

#[test]
fn who_is_banned_or_put_out_meanwhile_does_not_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bans.txt");
    std::fs::write(&file, "").expect("ours");
    let mut scene = Scene::new(", resume_ms: 60000", &format!(", banlist: '{}'", file.display()));
    let mut player = Player::come(&scene.stage.daemon, How::Frames);
    let port = player.port();
    let (channel, token) = scene.play(&mut player, port);
    let logged_in = Channel(7 << 32 | 1);
    scene.stage.tell(channel, &ClientAgent::SetClientId { channel: logged_in });
    scene.stage.server.sync();
    drop(player);
    scene.wait_for_event("client-away");
    std::fs::write(&file, "account 7 never\n").expect("ours");
    let event = scene.wait_for_event("client-ejected");
    assert_eq!(event[1].1, format!("Client:{channel}"));
    scene.witness.0.expect(&leaving(TIED));
    let mut player = Player::come(&scene.stage.daemon, How::Frames);
    assert_eq!(player.resume(&token), None);
}

#[test]
fn nobody_comes_back_to_a_daemon_that_is_emptied() {
    let sink = EventSink::open();
    let setup = setup(", client: {add_interest: enabled, resume_ms: 60000}");
    let setup = setup.daemon("drain: 1d").general(format!("eventlogger: '{}'", sink.address()));
    let mut stage = Stage::of(setup);
    let (client, channel) = stage.established();
    let (mut other, _) = stage.established();
    let mut player = Player::Tcp(client);
    player.ask();
    drop(player);
    let wait_for = |kind: &str| {
        wait_until(kind, || {
            let event = sink.event();
            (event[0].1 == kind).then_some(event)
        })
    };
    wait_for("client-away");
    stage.daemon.signal("TERM");
    let event = wait_for("client-lost");
    assert_eq!(event[1].1, format!("Client:{channel}"));
    other.send(&ClientMessage::ResumeAsk {});
    other.expect(&ClientMessage::ResumeToken { token: Secret(b""), resume_ms: 0 });
}
