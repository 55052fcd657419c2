//! What a client and the cluster say at the same time, or was lost on its way.

use super::stage::*;
use super::*;

const AI: Channel = Channel(88_000);
/// A state server that a test plays.
const SERVER: Channel = Channel(999_000);
const LOST: StateServer<'_> = StateServer::Lost { server: SERVER, epoch: 1 };

const fn at(zone: u32) -> Location {
    Location::new(ROOT, ZoneId(zone))
}

/// An agent without a state server: whoever is asked is silent soon.
fn start_alone() -> Daemon {
    let doids = "doids: {min: 3000000001, max: 3000100000, per_client: 1000}";
    Setup::new()
        .dc(DC)
        .role(format!(
            "type: clientagent, bind: $CA, tuning: {{interest_timeout: 100}}, \
             client: {{type: panda3d, {doids}, stateserver: {SERVER}}}"
        ))
        .start()
}

/// What the state server is to make next, and where.
fn next_made(server: &mut Link) -> (DoId, Location) {
    loop {
        if let Cluster::StateServer(StateServer::CreateObjectWithRequiredOther { object }) =
            server.receive().message()
        {
            return (object.do_id, object.location);
        }
    }
}

/// A client has an object deleted and is asked what it has, before it was told that the object is gone: it describes that, too.
#[test]
fn what_a_client_has_had_deleted_it_does_not_make_again_by_an_answer() {
    let daemon = start("");
    let mut ann = Stock::at(&daemon, &[5]);
    let (seen, other) = (ann.make(1, 5, &nothing()), ann.make(2, 5, &nothing()));
    ann.expect_silence(other.do_id);
    let mut bob = Stock::at(&daemon, &[5]);
    bob.expect_all_seen(&[seen.clone(), other.clone()]);
    ann.expect(&want(5));
    ann.send(&Panda3d::Delete { do_id: seen.do_id });
    ann.describe(1, 5, "n", 9, &nothing());
    ann.describe(2, 5, "n", 9, &hp(4));
    ann.expect(&Panda3d::Delete { do_id: seen.do_id });
    bob.expect(&Panda3d::Delete { do_id: seen.do_id });
    bob.expect_update(ann.base, other.do_id, field::HP, &Values::new().u16(4));
    // Now it may take the doId for something else.
    ann.describe(1, 5, "n", 9, &hp(5));
    bob.expect_seen(&Seen { other: hp(5), ..seen });
}

#[test]
fn a_client_is_asked_what_it_has_when_it_knows_what_it_has_no_more() {
    let daemon = start_alone();
    let mut ann = Stock::at(&daemon, &[5]);
    let mut server = daemon.link();
    server.subscribe([SERVER]);
    server.sync();
    let (seen, _) = (ann.make(1, 5, &nothing()), ann.make(2, 5, &nothing()));
    let do_id = seen.do_id;
    ann.send(&Panda3d::Delete { do_id });
    server.expect_at_last(
        [do_id.channel(), SERVER],
        ann.channel(),
        &StateServer::ObjectDeleteRam { do_id },
    );
    server.send(at(5).channel(), SERVER, &ClientAgent::WantValues { location: at(5) });
    server.send(at(5).channel(), ann.channel(), &StateServer::ObjectDeleteRam { do_id });
    ann.expect(&Panda3d::Delete { do_id });
    ann.expect(&want(5));
}

#[test]
fn a_client_that_has_nothing_left_to_answer_is_asked_again_when_it_has() {
    let daemon = start("");
    let mut ann = Stock::at(&daemon, &[5, 6]);
    let seen = ann.make(1, 5, &nothing());
    ann.expect_silence(seen.do_id);
    let mut bob = Stock::at(&daemon, &[5, 6]);
    bob.expect_seen(&seen);
    ann.expect(&want(5));
    let move_to = |zone| Panda3d::SetZone { do_id: seen.do_id, zone: ZoneId(zone) };
    ann.send(&move_to(6));
    ann.send(&move_to(5));
    for zone in [6, 5] {
        let place = Values::new().u32(0).u32(zone);
        bob.expect_update(ann.base, seen.do_id, field::LOCATION, &place);
    }
    let mut cid = Stock::at(&daemon, &[5]);
    cid.expect_seen(&seen);
    ann.expect(&want(5));
}

/// The client knows where its object is, and so does the agent.
#[test]
fn what_somebody_else_has_moved_its_maker_can_move_back() {
    let daemon = start(", regenerate: server");
    let mut ann = Stock::at(&daemon, &[5]);
    let seen = ann.make(1, 5, &nothing());
    let mut bob = Stock::at(&daemon, &[5]);
    bob.expect_seen(&seen);
    let mut link = daemon.link();
    link.send(seen.do_id, AI, &StateServer::ObjectSetLocation { location: at(6) });
    bob.expect(&disable(&[seen.do_id]));
    ann.expect_update(ann.base, seen.do_id, field::LOCATION, &Values::new().u32(0).u32(6));
    // She sees where it is.
    ann.expect(&disable(&[]));
    let mut cid = Stock::connect(&daemon);
    let other = cid.make(1, 6, &nothing());
    ann.expect_seen(&other);
    ann.send(&Panda3d::SetZone { do_id: seen.do_id, zone: ZoneId(5) });
    bob.expect_seen(&seen);
}

/// A state server is lost. Before a client is asked for what it had there, it has moved one, and has another deleted.
#[test]
fn what_is_lost_can_be_moved_and_deleted_before_it_is_made_again() {
    let daemon = start_alone();
    let mut ann = Stock::at(&daemon, &[5]);
    let mut server = daemon.link();
    server.subscribe([SERVER]);
    server.sync();
    let [moved, deleted] = [1, 2].map(|number| ann.make(number, 5, &nothing()).do_id);
    assert_eq!(
        [next_made(&mut server), next_made(&mut server)],
        [(moved, at(5)), (deleted, at(5))]
    );
    server.send(Channel::OBSERVERS, SERVER, &LOST);
    ann.expect(&want(5));
    ann.send(&Panda3d::SetZone { do_id: moved, zone: ZoneId(6) });
    ann.send(&Panda3d::Delete { do_id: deleted });
    ann.expect(&want(6));
    ann.expect(&Panda3d::Delete { do_id: deleted });
    ann.describe(2, 5, "n", 9, &nothing());
    ann.describe(1, 6, "n", 9, &nothing());
    assert_eq!(next_made(&mut server), (moved, at(6)));
}

/// That it was deleted was lost with a connection, or its maker is no more.
#[test]
fn what_is_left_of_a_clients_is_not_shown_to_it_and_deleted() {
    let daemon = start(", regenerate: server");
    let mut bob = Stock::at(&daemon, &[5, 6]);
    let mut ann = Stock::at(&daemon, &[5]);
    let mut link = daemon.link();
    for (number, zone) in [(7, 5), (8, 6)] {
        let (do_id, values) = (ann.id(number), Values::new().string("n").u8(9));
        let values = Rest(values.bytes());
        let object = ObjectState { do_id, location: at(zone), class_id: THING, values };
        link.send(CONTROL, AI, &StateServer::CreateObjectWithRequired { object });
        let seen = Seen { sender: ann.base, zone, do_id, name: "n", other: nothing() };
        bob.expect_seen(&seen);
        // What she does not see she gets to see.
        if zone == 6 {
            ann.see(&[6]);
            ann.expect(&disable(&[]));
        }
        bob.expect(&Panda3d::Delete { do_id });
    }
    let seen = bob.make(1, 6, &nothing());
    ann.expect_seen(&seen);
}

/// Whose it is was lost with a connection.
#[test]
fn what_nobody_owns_after_a_gap_is_its_makers() {
    let daemon = start_alone();
    let mut ann = Stock::at(&daemon, &[5]);
    let do_id = ann.make(1, 5, &nothing()).do_id;
    let mut server = daemon.link();
    server.subscribe([SERVER, do_id.channel()]);
    server.sync();
    server.send(Channel::OBSERVERS, SERVER, &LOST);
    let (asker, context) = loop {
        let came = server.receive();
        if let Cluster::StateServer(StateServer::ObjectGetOwner { context }) = came.message() {
            break (came.envelope().sender, context);
        }
    };
    let answer = StateServer::ObjectGetOwnerResp { context, do_id, owner: Channel::NONE };
    server.send(asker, do_id, &answer);
    let owner = ann.channel();
    server.expect_at_last([do_id.channel(), SERVER], owner, &StateServer::ObjectSetOwner { owner });
}
