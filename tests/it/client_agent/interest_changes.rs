//! clientagent.md §6 and §7: interests that overlap, change and end, and those that the cluster opens.

use super::interests::Scene;
use super::*;

const THIRD: DoId = DoId(10_003);
const PARENT_TWO: DoId = DoId(20_000);

fn moved(do_id: DoId, new: Location, old: Location) -> StateServer<'static> {
    StateServer::ObjectChangingLocation { do_id, new, old }
}

#[test]
fn a_closed_interest_takes_its_objects_along() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE], &[(OBJECT, HERE)]);
    let context = scene.remove(5);
    scene.client.expect(&leaving(OBJECT));
    scene.expect_done(context, 5);
    // The location is no longer heard.
    scene.enter(OTHER, HERE);
    scene.expect_silence();
    scene.parent.expect_nothing_from(&mut scene.stage.server);
}

#[test]
fn an_interest_in_open_zones_is_done_at_once() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE, THERE.zone], &[(OBJECT, HERE)]);
    let context = scene.add(6, PARENT, &[ZONE]);
    scene.expect_done(context, 6);
    scene.parent.expect_nothing_from(&mut scene.stage.server);
    // What another interest covers stays in sight.
    let context = scene.remove(5);
    scene.expect_done(context, 5);
    scene.expect_open(OTHER, HERE);
    let context = scene.remove(6);
    scene.client.expect_any_order([leaving(OBJECT), leaving(OTHER)]);
    scene.expect_done(context, 6);
}

#[test]
fn only_zones_that_are_not_open_yet_are_asked_for() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE], &[(OBJECT, HERE)]);
    let context = scene.add(6, PARENT, &[ZONE, THERE.zone]);
    let request = scene.expect_asked(PARENT, &[THERE.zone]);
    scene.count(request, 1);
    scene.generate(request, OTHER, THERE);
    scene.expect_shown(OTHER, THERE);
    scene.expect_done(context, 6);
}

#[test]
fn an_altered_interest_drops_what_it_no_longer_covers() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE, THERE.zone], &[(OBJECT, HERE), (OTHER, THERE)]);
    let context = scene.add(5, PARENT, &[THERE.zone]);
    scene.client.expect(&leaving(OBJECT));
    scene.expect_done(context, 5);
    // And asks only for what is new.
    let context = scene.add(5, PARENT, &[THERE.zone, ZoneId(99)]);
    let request = scene.expect_asked(PARENT, &[ZoneId(99)]);
    scene.count(request, 0);
    scene.expect_done(context, 5);
    scene.enter(OBJECT, HERE);
    scene.expect_silence();
    scene.expect_open(THIRD, THERE);
}

#[test]
fn an_interest_may_go_to_another_parent() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE, THERE.zone], &[(OBJECT, HERE), (OTHER, THERE)]);
    let context = scene.add(5, PARENT_TWO, &[ZONE]);
    scene.client.expect_any_order([leaving(OBJECT), leaving(OTHER)]);
    let request = scene.expect_asked(PARENT_TWO, &[ZONE]);
    scene.count(request, 1);
    let new = Location::new(PARENT_TWO, ZONE);
    scene.generate(request, THIRD, new);
    scene.expect_shown(THIRD, new);
    scene.expect_done(context, 5);
}

#[test]
fn an_object_that_moves_within_an_interest_is_seen_to_move() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE, THERE.zone], &[(OBJECT, HERE)]);
    scene.stage.server.send(HERE, SERVER, &moved(OBJECT, THERE, HERE));
    let location = THERE;
    scene.client.expect(&ClientMessage::ObjectLocation { do_id: OBJECT, location });
    // Its entry there shows nothing new.
    scene.enter(OBJECT, THERE);
    scene.expect_silence();
    // It leaves with the zone in which it is now.
    let context = scene.add(5, PARENT, &[ZONE]);
    scene.client.expect(&leaving(OBJECT));
    scene.expect_done(context, 5);
}

#[test]
fn an_object_that_moves_between_interests_is_seen_to_move() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE], &[(OBJECT, HERE)]);
    scene.open(6, &[THERE.zone], &[]);
    scene.stage.server.send(HERE, SERVER, &moved(OBJECT, THERE, HERE));
    let location = THERE;
    scene.client.expect(&ClientMessage::ObjectLocation { do_id: OBJECT, location });
}

#[test]
fn the_same_zone_of_another_parent_is_another_zone() {
    let mut scene = Scene::start();
    scene.open(5, &[ZONE], &[(OBJECT, HERE)]);
    let elsewhere = Location::new(PARENT_TWO, ZONE);
    scene.stage.server.send(HERE, SERVER, &moved(OBJECT, elsewhere, HERE));
    scene.client.expect(&leaving(OBJECT));
    scene.expect_silence();
}

#[test]
fn the_cluster_may_open_an_interest_for_a_client() {
    let mut scene = Scene::with(", client: {add_interest: disabled}");
    let mut caller = scene.stage.hearer(SERVER);
    let (interest, session) = (INTEREST, scene.session);
    let add = ClientAgent::AddInterest { interest, location: HERE };
    scene.stage.tell(session, &add);
    let request = scene.expect_asked(PARENT, &[ZONE]);
    // The client is told of it before anything comes of it.
    let context = context_of(&scene.client.receive(), |context| ClientMessage::AddInterest {
        context,
        interest,
        location: HERE,
    });
    scene.count(request, 1);
    scene.generate(request, OBJECT, HERE);
    scene.expect_shown(OBJECT, HERE);
    scene.expect_done(context, INTEREST.0);
    let done = ClientAgent::DoneInterestResp { client: session, interest };
    caller.expect(SERVER, session, &done);
    // And closed by it.
    scene.stage.tell(session, &ClientAgent::RemoveInterest { interest });
    let context = context_of(&scene.client.receive(), |context| ClientMessage::RemoveInterest {
        context,
        interest,
    });
    scene.client.expect(&leaving(OBJECT));
    scene.expect_done(context, INTEREST.0);
    caller.expect(SERVER, session, &done);
}

#[test]
fn the_cluster_may_open_an_interest_in_several_zones() {
    let mut scene = Scene::start();
    let mut caller = scene.stage.hearer(SERVER);
    let (interest, session) = (INTEREST, scene.session);
    let both = [ZONE, THERE.zone];
    let zones = List::new(&both);
    let add = ClientAgent::AddInterestMultiple { interest, parent: PARENT, zones };
    scene.stage.tell(session, &add);
    let request = scene.expect_asked(PARENT, &both);
    // In whatever order the zones are named.
    let told = |context, zones| {
        let zones = List::new(zones);
        let told = ClientMessage::AddInterestMultiple { context, interest, parent: PARENT, zones };
        client_datagram_of(&told)
    };
    let came = scene.client.receive();
    let context = context_in(&came);
    let orders = [told(context, &both), told(context, &[THERE.zone, ZONE])];
    assert!(orders.contains(&came), "{}", came.escape_ascii());
    scene.count(request, 0);
    scene.expect_done(context, INTEREST.0);
    caller.expect(SERVER, session, &ClientAgent::DoneInterestResp { client: session, interest });
    // One zone, even if it is named twice, is told as one.
    let again = [ZONE, ZONE];
    let add = ClientAgent::AddInterestMultiple {
        interest: InterestId(6),
        parent: PARENT,
        zones: List::new(&again),
    };
    scene.stage.tell(session, &add);
    let context = context_of(&scene.client.receive(), |context| ClientMessage::AddInterest {
        context,
        interest: InterestId(6),
        location: HERE,
    });
    scene.expect_done(context, 6);
}

/// The context that follows a message's number.
fn context_in(came: &[u8]) -> Context {
    let bytes = came.get(2..6).and_then(|bytes| bytes.try_into().ok()).expect("a context");
    Context(u32::from_le_bytes(bytes))
}

/// The context of a message that the client got, which otherwise has to be what `expected` makes.
#[track_caller]
pub fn context_of<'a>(came: &[u8], expected: impl Fn(Context) -> ClientMessage<'a>) -> Context {
    let context = context_in(came);
    let expected = client_datagram_of(&expected(context));
    assert_eq!(came.escape_ascii().to_string(), expected.escape_ascii().to_string());
    context
}

#[test]
fn a_lost_client_closes_its_interests_and_its_callers_are_told() {
    let more = ", client: {add_interest: enabled}, tuning: {interest_timeout: 600000}";
    let mut scene = Scene::with(more);
    let mut caller = scene.stage.hearer(SERVER);
    let (interest, session) = (INTEREST, scene.session);
    scene.stage.tell(session, &ClientAgent::AddInterest { interest, location: HERE });
    scene.expect_asked(PARENT, &[ZONE]);
    scene.client.close();
    caller.expect(SERVER, session, &ClientAgent::DoneInterestResp { client: session, interest });
}

#[test]
fn a_client_may_have_many_interests() {
    let mut scene = Scene::start();
    for interest in 0..50 {
        let zone = ZoneId(1_000 + u32::from(interest));
        let object = (DoId(30_000 + u32::from(interest)), Location::new(PARENT, zone));
        scene.open(interest, &[zone], &[object]);
    }
    for interest in 0..50 {
        let context = scene.remove(interest);
        scene.client.expect(&leaving(DoId(30_000 + u32::from(interest))));
        scene.expect_done(context, interest);
    }
}
