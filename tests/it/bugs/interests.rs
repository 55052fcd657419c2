//! Interests that Astron loses, confuses or dies of.

use std::time::Duration;

use crate::client_agent::interests::Scene;
use crate::client_agent::*;
use crate::harness::world::{login, room};
use crate::harness::*;

const PATIENT: &str = ", client: {add_interest: enabled}, tuning: {interest_timeout: 600000}";

#[test]
fn bug_29_nobody_is_told_of_an_interest_that_nobody_asked_for() {
    let mut scene = Scene::start();
    let mut hearer = scene.stage.hearer([Channel::NONE, LOGIN.channel()]);
    scene.open(5, &[ZONE], &[]);
    let value = Values::new().string("nothing").u8(0);
    scene.client.send(&update(LOGIN, login::LOGIN, &value));
    hearer.expect(LOGIN, scene.session, &routed(LOGIN, login::LOGIN, &value));
}

#[test]
fn bug_31_closing_an_unknown_interest_for_a_client_is_answered_and_changes_nothing() {
    let mut scene = Scene::start();
    let mut caller = scene.stage.hearer(SERVER);
    let (session, interest) = (scene.session, InterestId(9));
    scene.stage.tell(session, &ClientAgent::RemoveInterest { interest });
    caller.expect(SERVER, session, &ClientAgent::DoneInterestResp { client: session, interest });
    let told = scene.client.receive();
    let context = Context(u32::from_le_bytes(told[2..6].try_into().expect("a context")));
    let removed = ClientMessage::RemoveInterest { context, interest };
    assert_eq!(told, client_datagram_of(&removed));
    scene.expect_done(context, 9);
    scene.client.send(&ClientMessage::RemoveInterest { context, interest });
    scene.client.expect_eject(EjectReason::Generic);
}

#[test]
fn bug_32_an_object_that_its_owner_moved_leaves_with_the_zone_that_it_is_in() {
    let mut scene = Scene::with(", client: {add_interest: enabled, relocate: true}");
    scene.open(5, &[ZONE], &[]);
    scene.open(6, &[THERE.zone], &[]);
    scene.stage.give(&mut scene.client, scene.session, OBJECT);
    scene.expect_open(OBJECT, HERE);
    let (do_id, location) = (OBJECT, THERE);
    scene.client.send(&ClientMessage::ObjectLocation { do_id, location });
    let moved = StateServer::ObjectChangingLocation { do_id, new: THERE, old: HERE };
    scene.stage.server.send([HERE.channel(), scene.session], scene.session, &moved);
    scene.expect_silence();
    // It is no longer in the zone that is closed now.
    let context = scene.remove(5);
    scene.expect_done(context, 5);
    let context = scene.remove(6);
    scene.client.expect(&leaving(OBJECT));
    scene.expect_done(context, 6);
}

#[test]
fn bug_33_an_interest_in_a_zone_that_is_still_opening_is_done_with_it() {
    let mut scene = Scene::with(PATIENT);
    let first = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    let second = scene.add(6, PARENT, &[ZONE]);
    scene.expect_silence();
    scene.count(request, 1);
    scene.generate(request, OBJECT, HERE);
    scene.expect_shown(OBJECT, HERE);
    let done = |context, interest| ClientMessage::DoneInterestResp { context, interest };
    scene.client.expect_any_order([done(first, InterestId(5)), done(second, InterestId(6))]);
}

#[test]
fn bug_34_an_interest_that_is_altered_while_it_opens_is_done_then() {
    let mut scene = Scene::with(PATIENT);
    let first = scene.add(5, PARENT, &[ZONE]);
    let old = scene.expect_asked(PARENT, &[ZONE]);
    scene.generate(old, OBJECT, HERE);
    let second = scene.add(5, PARENT, &[THERE.zone]);
    scene.expect_done(first, 5);
    let new = scene.expect_asked(PARENT, &[THERE.zone]);
    // What the old zone still answers is not shown.
    scene.generate(old, OBJECT, HERE);
    scene.count(old, 1);
    scene.count(new, 1);
    scene.generate(new, OTHER, THERE);
    scene.expect_shown(OTHER, THERE);
    scene.expect_done(second, 5);
    scene.expect_silence();
}

#[test]
fn bug_34_an_interest_that_is_closed_while_it_opens_is_done_then() {
    let mut scene = Scene::with(PATIENT);
    let first = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.generate(request, OBJECT, HERE);
    let second = scene.remove(5);
    scene.expect_done(first, 5);
    scene.expect_done(second, 5);
    scene.count(request, 1);
    scene.enter(OTHER, HERE);
    scene.expect_silence();
}

#[test]
fn bug_35_an_interest_in_no_zone_is_told_as_such() {
    let mut scene = Scene::start();
    let mut caller = scene.stage.hearer(SERVER);
    let (interest, session) = (INTEREST, scene.session);
    let zones = List::new(&[]);
    let add = ClientAgent::AddInterestMultiple { interest, parent: PARENT, zones };
    scene.stage.tell(session, &add);
    let told = scene.client.receive();
    let context = Context(u32::from_le_bytes(told[2..6].try_into().expect("a context")));
    let added = ClientMessage::AddInterestMultiple { context, interest, parent: PARENT, zones };
    assert_eq!(told, client_datagram_of(&added));
    scene.expect_done(context, interest.0);
    caller.expect(SERVER, session, &ClientAgent::DoneInterestResp { client: session, interest });
}

/// A daemon with a client agent, a state server, and `PARENT`.
fn stage_with_world(more: &str) -> Stage {
    let mut stage = Stage::of(setup(more).role("type: stateserver, control: 4000"));
    let mut hearer = stage.hearer(PARENT.children());
    let values = Values::new().string("hall");
    create_room(&mut stage, PARENT, Location::NONE, &values, false);
    let wake = StateServer::ObjectGetLocation { context: Context(1001) };
    hearer.expect(PARENT.children(), PARENT, &wake);
    stage
}

fn create_room(stage: &mut Stage, do_id: DoId, location: Location, values: &Values, other: bool) {
    let values = Rest(values.bytes());
    let object = ObjectState { do_id, location, class_id: room::CLASS, values };
    let creation = match other {
        false => StateServer::CreateObjectWithRequired { object },
        true => StateServer::CreateObjectWithRequiredOther { object },
    };
    stage.tell(Channel(4_000), &creation);
}

#[test]
fn bug_77_two_hundred_clients_may_be_given_an_interest_at_once() {
    let mut stage = stage_with_world("");
    let (mut clients, sessions): (Vec<Client>, Vec<Channel>) =
        (0..200).map(|_| stage.established()).unzip();
    for round in 0..3 {
        let (interest, location) = (InterestId(round), Location::new(PARENT, ZoneId(1)));
        for &session in &sessions {
            stage.tell(session, &ClientAgent::AddInterest { interest, location });
        }
        for client in &mut clients {
            let told = client.receive();
            let context = Context(u32::from_le_bytes(told[2..6].try_into().expect("a context")));
            let added = ClientMessage::AddInterest { context, interest, location };
            assert_eq!(told, client_datagram_of(&added));
            client.expect(&ClientMessage::DoneInterestResp { context, interest });
        }
        for &session in &sessions {
            stage.tell(session, &ClientAgent::RemoveInterest { interest });
        }
        for client in &mut clients {
            let told = client.receive();
            let context = Context(u32::from_le_bytes(told[2..6].try_into().expect("a context")));
            client.expect(&ClientMessage::DoneInterestResp { context, interest });
        }
    }
    stage.daemon.expect_alive();
}

#[test]
fn bug_79_an_interest_is_not_given_up_while_its_objects_keep_coming() {
    let more = ", client: {add_interest: enabled}, tuning: {interest_timeout: 4000}";
    let mut scene = Scene::with(more);
    let context = scene.add(5, PARENT, &[ZONE]);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    scene.count(request, 6);
    for n in 0..6 {
        // Slower than the time-out altogether, but never as slow from one to the next.
        let waited = scene.client.stream().receive_within(Duration::from_millis(700));
        assert_eq!(waited, Received::Nothing);
        scene.generate(request, DoId(30_000 + n), HERE);
    }
    for n in 0..6 {
        scene.expect_shown(DoId(30_000 + n), HERE);
    }
    scene.expect_done(context, 5);
}

#[test]
fn bug_79_a_zone_may_hold_more_than_a_client_s_write_buffer() {
    let more = ", client: {add_interest: enabled, write_buffer_size: 100000}";
    let mut stage = stage_with_world(more);
    let map = vec![7; 30_000];
    let values = Values::new().string("room").u16(1).field(room::MAP).blob(&map);
    // Ten megabytes, more than the kernel keeps for a client that has not read yet.
    const ROOMS: u32 = 350;
    let mut hearer = stage.hearer(HERE);
    for n in 0..ROOMS {
        create_room(&mut stage, DoId(30_000 + n), HERE, &values, true);
    }
    for _ in 0..ROOMS {
        hearer.receive();
    }
    let (mut client, _) = stage.established();
    let (context, interest, location) = (Context(1), INTEREST, HERE);
    client.send(&ClientMessage::AddInterest { context, interest, location });
    for _ in 0..ROOMS {
        assert!(client.receive().len() > map.len());
    }
    client.expect(&ClientMessage::DoneInterestResp { context, interest });
}
