//! Clients that come back to their sessions while a link between daemons is away.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use donet::message::Secret;
use donet::wire::Reader;

use crate::client_agent::{self, HERE, OBJECT, OTHER, PARENT, avatar_at, seen};
use crate::harness::world::room;
use crate::harness::*;
use crate::state_server::{create, set_owner};

/// A state server's.
const CONTROL: Channel = Channel(4_000);
const ACTOR: Channel = Channel(5_100);
const INTEREST: InterestId = InterestId(5);

/// A daemon below `address`, with clients that can come back.
fn leaf(address: SocketAddr, sink: &EventSink) -> client_agent::Stage {
    let setup = client_agent::setup(", client: {add_interest: enabled, resume_ms: 60000}")
        .director(format!("connect: {address}"))
        .director("settle_ms: 300")
        .general(format!("eventlogger: '{}'", sink.address()));
    client_agent::Stage::of(setup)
}

fn decode(datagram: &[u8]) -> ClientMessage<'_> {
    let mut reader = Reader::new(datagram);
    let number = reader.u16().expect("a number");
    ClientMessage::decode(number, &mut reader).expect("a message")
}

fn wait_for(sink: &EventSink, kind: &str) {
    wait_until(kind, || (sink.event()[0].1 == kind).then_some(()));
}

/// A client that is back by this token, and has been told which interests are open.
fn come_back(stage: &client_agent::Stage, token: &[u8]) -> Client {
    let mut client = stage.daemon.client();
    client.send(&ClientMessage::Resume { token: Secret(token) });
    let answer = client.receive();
    assert!(matches!(decode(&answer), ClientMessage::ResumeResp { resumed: true, .. }));
    let interest = client.receive();
    assert!(matches!(decode(&interest), ClientMessage::AddInterest { .. }));
    client
}

/// How the link is when a client comes back.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Gap {
    /// It is known to be away.
    Away,
    /// That has lasted for so long that the client is told that this is all.
    AwayForLong,
    /// It looks as if it were there, and what is said on it is lost.
    Unnoticed,
}

/// A root with a world, and a daemon with clients, with a cable in between.
struct Scene {
    _root: Daemon,
    cable: Cable,
    stage: client_agent::Stage,
    sink: EventSink,
    maker: Link,
}

impl Scene {
    fn new() -> Self {
        let sink = EventSink::open();
        let root = Setup::new()
            .director("settle_ms: 300")
            .daemon("name: root")
            .role(format!("type: stateserver, control: {CONTROL}"))
            .start();
        let cable = Cable::to(root.address("MD"));
        let stage = leaf(cable.address(), &sink);
        let mut maker = root.link();
        let (place, values) = (Values::new().string("a place"), seen());
        let (class_id, location) = (room::CLASS, Location::NONE);
        let room = ObjectState { do_id: PARENT, class_id, location, values: Rest(place.bytes()) };
        maker.send(CONTROL, ACTOR, &create(room));
        for do_id in [OBJECT, OTHER] {
            maker.send(CONTROL, ACTOR, &create(avatar_at(do_id, HERE, &values)));
        }
        Scene { _root: root, cable, stage, sink, maker }
    }

    /// A client that owns one of the objects and sees both, its channel, and its token.
    fn play(&mut self) -> (Client, Channel, Vec<u8>) {
        let values = seen();
        let object = |do_id| avatar_at(do_id, HERE, &values);
        let (mut client, session) = self.stage.established();
        let (context, interest, location) = (Context(1), INTEREST, HERE);
        client.send(&ClientMessage::AddInterest { context, interest, location });
        let entered = [OBJECT, OTHER];
        let entered = entered.map(|id| ClientMessage::EnterObjectRequired { object: object(id) });
        let done = ClientMessage::DoneInterestResp { context, interest };
        client.expect_any_order(entered.into_iter().chain([done]));
        self.maker.send(OBJECT, ACTOR, &set_owner(session));
        client.expect(&ClientMessage::EnterObjectRequiredOwner { object: object(OBJECT) });
        client.send(&ClientMessage::ResumeAsk {});
        let answer = client.receive();
        let ClientMessage::ResumeToken { token, .. } = decode(&answer) else { panic!("no token") };
        let token = token.0.to_vec();
        (client, session, token)
    }

    fn wait_for_log(&self, words: &str) {
        wait_until(words, || self.stage.daemon.log().contains(words).then_some(()));
    }
}

#[test]
fn who_comes_back_in_a_gap_gets_what_it_owns_and_sees_once() {
    for gap in [Gap::Away, Gap::AwayForLong, Gap::Unnoticed] {
        let mut scene = Scene::new();
        let (client, session, token) = scene.play();
        scene.cable.hold(true);
        if gap != Gap::Unnoticed {
            scene.cable.cut();
            scene.wait_for_log("message director lost");
        }
        drop(client);
        wait_for(&scene.sink, "client-away");
        let mut client = come_back(&scene.stage, &token);
        if gap != Gap::Away {
            client.expect(&ClientMessage::ResumeDone {});
        }
        scene.cable.cut();
        scene.cable.hold(false);
        scene.wait_for_log("has been compared with the cluster");
        // Who did not answer before is asked once more.
        scene.maker.sync_up_to(&scene.stage.daemon);
        let word = b"so far";
        scene.stage.tell(session, &ClientAgent::SendDatagram { datagram: Blob(word) });
        let mut told = BTreeMap::<_, usize>::new();
        loop {
            let came = client.receive();
            if came == word {
                break;
            }
            let what = match decode(&came) {
                ClientMessage::EnterObjectRequired { object } => ("sees", object.do_id.0, 0),
                ClientMessage::EnterObjectRequiredOwner { object } => ("owns", object.do_id.0, 0),
                ClientMessage::ObjectSetField { do_id, field, .. } => ("value", do_id.0, field.0),
                ClientMessage::ResumeDone {} => ("done", 0, 0),
                other => panic!("{gap:?}: {other:?}"),
            };
            *told.entry(what).or_default() += 1;
        }
        for what in [("sees", OBJECT.0, 0), ("sees", OTHER.0, 0), ("owns", OBJECT.0, 0)] {
            assert_eq!(told.get(&what), Some(&1), "{gap:?} {told:?}");
        }
        assert!(told.values().all(|count| *count == 1), "{gap:?} {told:?}");
    }
}
