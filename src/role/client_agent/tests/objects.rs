//! Objects in a client's sight and possession.

use super::*;

const ZONE: Location = Location::new(DoId(1), ZoneId(2));
const NEXT: Location = Location::new(DoId(1), ZoneId(3));
const ELSEWHERE: Location = Location::new(DoId(1), ZoneId(9));

/// A client that looks at `ZONE` and `NEXT`, with object 50 in the first.
fn watching() -> (Agent, TestClient) {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, ZONE, &[50]);
    agent.open(client, 2, NEXT, &[]);
    (agent, client)
}

#[test]
fn updates_are_passed_on_as_they_are() {
    let (mut agent, client) = watching();
    agent.cluster(ZONE.channel(), &set_field(50, "level", b"\x07 and more"));
    agent.expect_told(client, &[client_sets(50, "level", b"\x07 and more")]);
    let fields = FieldValues { count: 2, bytes: b"whatever" };
    let update = StateServer::ObjectSetFields { do_id: DoId(50), fields };
    agent.cluster(ZONE.channel(), &update);
    agent.expect_told(client, &[Client::ObjectSetFields { do_id: DoId(50), fields }]);
    // An object that it knows nothing of, and one that everyone knows.
    agent.cluster(ZONE.channel(), &set_field(51, "level", b"\x07"));
    agent.cluster(client.channel, &set_field(1234, "request", b"\0\0"));
    agent.expect_told(client, &[client_sets(1234, "request", b"\0\0")]);
}

#[test]
fn objects_that_come_and_go() {
    let (mut agent, client) = watching();
    let object = ObjectState { values: Rest(b"\x03\0ann\x09\0\0"), ..avatar(51, NEXT) };
    agent.cluster(NEXT.channel(), &StateServer::ObjectEnterLocationWithRequiredOther { object });
    agent.expect_told(client, &[Client::EnterObjectRequiredOther { object }]);
    // It is there already.
    agent.cluster(NEXT.channel(), &entering(51, NEXT));
    agent.cluster(NEXT.channel(), &deleting(51));
    agent.cluster(NEXT.channel(), &deleting(51));
    agent.expect_told(client, &[leaving(51)]);
    agent.cluster(NEXT.channel(), &entering(51, NEXT));
    agent.expect_told(client, &[enter(51, NEXT)]);
}

#[test]
fn a_move_within_sight_is_a_move_and_one_out_of_it_a_leave() {
    let (mut agent, client) = watching();
    agent.cluster(ZONE.channel(), &changing(50, NEXT, ZONE));
    agent.cluster(NEXT.channel(), &entering(50, NEXT));
    agent.expect_told(client, &[moved(50, NEXT)]);
    // The same zone of another parent is another zone.
    let other = Location::new(DoId(2), NEXT.zone);
    agent.cluster(NEXT.channel(), &changing(50, other, NEXT));
    agent.expect_told(client, &[leaving(50)]);
    agent.cluster(client.channel, &changing(50, ZONE, other));
    agent.expect_told(client, &[]);
}

#[test]
fn an_entrance_needs_no_interest_only_a_subscription() {
    let mut agent = Agent::new();
    let client = agent.established();
    let channel = ELSEWHERE.channel();
    agent.cluster(client.channel, &ClientAgent::OpenChannel { channel });
    agent.cluster(channel, &entering(50, ELSEWHERE));
    agent.expect_told(client, &[enter(50, ELSEWHERE)]);
    // Nor even that, if it is for the client itself.
    agent.cluster(client.channel, &entering(51, ZONE));
    agent.expect_told(client, &[enter(51, ZONE)]);
}

#[test]
fn objects_of_unknown_classes_come_and_go_and_are_not_spoken_to() {
    let (mut agent, client) = watching();
    let object = ObjectState { class_id: UNKNOWN_CLASS, ..avatar(51, ZONE) };
    agent.cluster(ZONE.channel(), &StateServer::ObjectEnterLocationWithRequired { object });
    agent.cluster(ZONE.channel(), &set_field(51, "level", b"\x07"));
    agent.cluster(ZONE.channel(), &changing(51, ELSEWHERE, ZONE));
    agent.expect_told(client, &[Client::EnterObjectRequired { object }, leaving(51)]);

    let object = ObjectState { class_id: UNKNOWN_CLASS, ..avatar(52, ZONE) };
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.expect_told(client, &[Client::EnterObjectRequiredOwner { object }]);
    agent.send(client, &client_sets(52, "data", b"\0\0"));
    agent.expect_ejected(client, EjectReason::MissingObject);
}

#[test]
fn owned_objects() {
    let mut agent = Agent::new();
    let client = agent.established();
    let do_id = DoId(50);
    agent.own(client, 50, ELSEWHERE);
    let object = avatar(50, ZONE);
    let message = StateServer::ObjectEnterOwnerWithRequiredOther { object };
    agent.cluster(client.channel, &message);
    agent.expect_told(client, &[Client::EnterObjectRequiredOtherOwner { object }]);
    // Its owner hears of it wherever it is, but has no other view of it.
    agent.cluster(client.channel, &set_field(50, "say", b"\x02\0hi"));
    agent.cluster(client.channel, &changing(50, NEXT, ZONE));
    agent.expect_told(client, &[client_sets(50, "say", b"\x02\0hi"), moved(50, NEXT)]);
    // That is how it becomes one.
    agent.open(client, 1, NEXT, &[50]);
    let owner = |new, old| StateServer::ObjectChangingOwner { do_id, new, old };
    agent.cluster(client.channel, &owner(client.channel, AI));
    agent.expect_told(client, &[]);
    agent.cluster(client.channel, &owner(AI, client.channel));
    agent.expect_told(client, &[Client::ObjectLeavingOwner { do_id }]);
    // It no longer owns it, but sees it still.
    agent.cluster(client.channel, &owner(AI, client.channel));
    agent.cluster(NEXT.channel(), &set_field(50, "level", b"\x07"));
    agent.expect_told(client, &[client_sets(50, "level", b"\x07")]);
}

#[test]
fn an_object_that_is_seen_and_owned_is_lost_twice() {
    let (mut agent, client) = watching();
    agent.own(client, 50, ZONE);
    agent.cluster(client.channel, &deleting(50));
    agent.expect_told(client, &[leaving(50), Client::ObjectLeavingOwner { do_id: DoId(50) }]);
    agent.send(client, &client_sets(50, "data", b"\0\0"));
    assert!(agent.is_open(client));
}

#[test]
fn an_object_out_of_sight_stays_owned() {
    let (mut agent, client) = watching();
    agent.own(client, 50, ZONE);
    agent.cluster(ZONE.channel(), &changing(50, ELSEWHERE, ZONE));
    agent.expect_told(client, &[leaving(50)]);
    agent.routed();
    agent.send(client, &client_sets(50, "say", b"\0\0"));
    assert_eq!(agent.routed().len(), 1);
}

#[test]
fn the_clients_own_avatar_has_no_second_view() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.own(client, 50, ZONE);
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(50) });
    agent.send(client, &add_interest(1, 1, ZONE));
    let query = agent.query(client.channel, ZONE.parent, &[2]);
    agent.answer_count(client, query, 1);
    agent.answer_object(client, query, avatar(50, ZONE));
    agent.expect_told(client, &[done(1, 1)]);
    agent.cluster(ZONE.channel(), &entering(50, ZONE));
    agent.expect_told(client, &[]);
}

#[test]
fn a_clients_own_relocation_is_not_told_but_noted() {
    let (mut agent, client) = watching();
    agent.own(client, 50, ZONE);
    // It walks from the first zone to the second by itself.
    agent.cluster_from(client.channel, &[ZONE.channel()], &changing(50, NEXT, ZONE));
    agent.cluster(NEXT.channel(), &entering(50, NEXT));
    agent.expect_told(client, &[]);
    // So the first can be closed without it, and the second not.
    agent.send(client, &remove_interest(5, 1));
    agent.expect_told(client, &[done(5, 1)]);
    agent.send(client, &remove_interest(6, 2));
    agent.expect_told(client, &[leaving(50), done(6, 2)]);
}
