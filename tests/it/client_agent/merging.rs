//! `client.merge`: clients that do not read, and are told the newest values only.

use super::*;
use crate::harness::secure::{Authority, Secure};
use crate::harness::websocket::{FRAMES, WebSocket, tcp};
use crate::harness::world::room;

/// How often a field is set in a burst, 60,000 bytes each time: more than the kernel's own buffers take.
const TURNS: usize = 400;

/// A client that reads when it is asked to.
enum Watcher {
    Plain(Client),
    Encrypted(Box<Secure>),
    Web(WebSocket),
}

impl Watcher {
    /// Those that come next together.
    fn datagrams(&mut self) -> Vec<Vec<u8>> {
        match self {
            Watcher::Plain(client) => vec![client.receive()],
            Watcher::Encrypted(client) => vec![client.receive().expect("open")],
            Watcher::Web(client) => client.datagrams(),
        }
    }

    fn say_hello(&mut self) {
        let hello = ClientMessage::Hello { dc_hash: DC_HASH, version: Blob(VERSION.as_bytes()) };
        match self {
            Watcher::Plain(client) => client.send(&hello),
            Watcher::Encrypted(client) => client.send(&client_datagram_of(&hello)).expect("open"),
            Watcher::Web(client) => client.send(&hello),
        }
        assert_eq!(self.datagrams(), [client_datagram_of(&ClientMessage::HelloResp {})]);
    }
}

/// What a client that reads everything is told in a burst: of which object, if it need not be told since something of that
/// comes later.
#[derive(Default)]
struct Told(Vec<(Replaceable, Vec<u8>)>);

/// An object, and how often it had come.
type Replaceable = Option<(DoId, u32)>;

impl Told {
    fn all(&mut self, message: &ClientMessage<'_>) {
        self.0.push((None, client_datagram_of(message)));
    }

    /// Whether what has come is all that had to come, in its order.
    #[track_caller]
    fn check(&self, came: &[Vec<u8>]) {
        let mut came = came.iter().peekable();
        for (i, (merged, datagram)) in self.0.iter().enumerate() {
            if came.next_if(|next| *next == datagram).is_none() {
                let newer = self.0[i + 1..].iter().any(|(other, _)| other == merged);
                assert!(merged.is_some() && newer, "the datagram {i} is missing");
            }
        }
        assert!(came.next().is_none(), "something came twice, or out of order");
    }
}

fn room(do_id: DoId, title: &Values) -> ObjectState<'_> {
    ObjectState { do_id, location: HERE, class_id: room::CLASS, values: Rest(title.bytes()) }
}

/// Many see two rooms, of which one leaves and comes back in the middle of a burst.
fn burst(stage: &mut Stage) -> Told {
    let title = Values::new().string("hall");
    let mut told = Told::default();
    let enter = |stage: &mut Stage, told: &mut Told, do_id| {
        let object = room(do_id, &title);
        let message = StateServer::ObjectEnterLocationWithRequired { object };
        stage.server.send(HERE, do_id, &message);
        told.all(&ClientMessage::EnterObjectRequired { object });
    };
    enter(stage, &mut told, OBJECT);
    enter(stage, &mut told, OTHER);
    for turn in 0..TURNS {
        let do_id = if turn % 3 == 0 { OTHER } else { OBJECT };
        let mut map = vec![0x5a; 60_000];
        map[..8].copy_from_slice(&turn.to_le_bytes());
        let map = Values::new().blob(&map);
        stage.server.send(HERE, do_id, &routed(do_id, room::MAP, &map));
        let time = u32::from(do_id == OTHER && turn > TURNS * 3 / 4);
        let datagram = client_datagram_of(&update(do_id, room::MAP, &map));
        told.0.push((Some((do_id, time)), datagram));
        if turn % 50 == 0 {
            let floor = Values::new().blob(&turn.to_le_bytes());
            stage.server.send(HERE, do_id, &routed(do_id, room::FLOOR, &floor));
            told.all(&update(do_id, room::FLOOR, &floor));
        }
        if turn == TURNS * 3 / 4 {
            stage.server.send(HERE, SERVER, &StateServer::ObjectDeleteRam { do_id: OTHER });
            told.all(&leaving(OTHER));
            enter(stage, &mut told, OTHER);
        }
    }
    told
}

/// Has a client watch a burst without reading, and then read. `merged` fields of rooms are merged.
fn watch(more: &str, merged: &str, connect: impl Fn(&Daemon) -> (Watcher, u16)) {
    let mut stage = Stage::with(&format!(
        ", client: {{write_buffer_size: 300000, write_timeout_ms: 0{merged}}}{more}"
    ));
    let (mut watcher, port) = connect(&stage.daemon);
    watcher.say_hello();
    let channel = channel_of_port(&stage.daemon, port);
    let mut hearer = stage.hearer(SERVER);
    let gone = datagram_of(SERVER, channel, &ClientAgent::Drop {});
    let before = [
        ClientAgent::SetState { state: 2 },
        ClientAgent::AddPostRemove { datagram: Blob(&gone) },
        ClientAgent::OpenChannel { channel: HERE.channel() },
    ];
    before.iter().for_each(|message| stage.tell(channel, message));
    let mut told = burst(&mut stage);
    let end = b"the end";
    stage.tell(channel, &ClientAgent::SendDatagram { datagram: Blob(end) });
    told.0.push((None, end.to_vec()));
    if merged.is_empty() {
        hearer.expect(SERVER, channel, &ClientAgent::Drop {});
        return;
    }
    // All of it has been said before the client reads.
    let (mut other, other_channel) = stage.established();
    stage.sync(&mut other, other_channel);
    let mut came = Vec::new();
    while came.last().is_none_or(|last| last != end) {
        came.extend(watcher.datagrams());
    }
    told.check(&came);
    assert!(came.len() < told.0.len() - TURNS / 4, "{} came", came.len());
}

const MERGED: &str = ", merge: [Room.setMap]";

#[test]
fn a_client_that_reads_nothing_in_a_burst_stays_and_has_the_last_of_everything() {
    let connect = |daemon: &Daemon| {
        let client = daemon.client();
        let port = client.address().port();
        (Watcher::Plain(client), port)
    };
    watch("", "", connect);
    watch("", MERGED, connect);
}

#[test]
fn so_does_one_that_comes_by_websocket() {
    for fields in [&[][..], &[FRAMES]] {
        let connect = |daemon: &Daemon| {
            let client = WebSocket::connect(daemon.address("WS"), "/", fields);
            let port = client.port();
            (Watcher::Web(client), port)
        };
        let websocket = ", websocket: {bind: $WS}";
        watch(websocket, "", connect);
        watch(websocket, MERGED, connect);
    }
}

#[test]
fn so_does_one_that_is_encrypted() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let authority = Authority::new("authority");
    let files = authority.write(folder.path(), "game", &["game.example"]);
    let more =
        format!(", tls: {{bind: $TLS, {files}}}, websocket: {{bind: $WS, tls: {{{files}}}}}");
    let believer = authority.believer();
    for fields in [None, Some(&[][..]), Some(&[FRAMES])] {
        let connect = |daemon: &Daemon| {
            let name = if fields.is_some() { "WS" } else { "TLS" };
            let stream = tcp(daemon.address(name));
            let own = stream.local_addr().expect("it is connected");
            let secure = believer.shake(stream, "game.example").expect("encrypted");
            let watcher = match fields {
                None => Watcher::Encrypted(Box::new(secure)),
                Some(fields) => {
                    let stream = Box::new(secure.into_stream());
                    Watcher::Web(WebSocket::over(stream, own, "/", fields))
                }
            };
            (watcher, own.port())
        };
        watch(&more, MERGED, connect);
    }
}
