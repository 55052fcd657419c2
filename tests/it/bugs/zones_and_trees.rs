//! Parents, children, and what is sent to how many.

use crate::harness::world::thing;
use crate::harness::*;
use crate::state_server::*;

fn get_zones(zones: &[ZoneId]) -> StateServer<'_> {
    let (context, parent) = (Context(1), PARENT);
    StateServer::ObjectGetZonesObjects { context, parent, zones: List::new(zones) }
}

const fn count(count: u32) -> StateServer<'static> {
    StateServer::ObjectGetZonesCountResp { context: Context(1), count: DoId(count) }
}

#[test]
fn bug_41_asking_for_a_zone_does_not_make_it() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.expect_answer(PARENT, &get_zones(&[THERE.zone]), &count(0));
    stage.expect_answer(
        PARENT,
        &StateServer::GetActiveZones { context: Context(2) },
        &StateServer::GetActiveZonesResp { context: Context(2), zones: List::new(&[ZONE]) },
    );
}

#[test]
fn bug_42_deleted_children_are_not_counted() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.tell(PARENT, &StateServer::ObjectDeleteChildren { parent: PARENT });
    stage.settle();
    stage.expect_answer(PARENT, &get_zones(&[ZONE]), &count(0));
}

#[test]
fn bug_43_any_number_of_objects_can_be_told_at_once() {
    let mut stage = Stage::start();
    let ids = || (0..300).map(|n| DoId(30_000 + n));
    for do_id in ids() {
        stage.create(do_id, HERE);
        stage.tell(do_id, &set_ai(AI));
    }
    stage.settle();
    let mut hearer = stage.hearer(HERE);
    stage.tell(CONTROL, &StateServer::DeleteAiObjects { ai: AI });
    let deleted = |do_id| Expected::new([HERE.channel(), AI], ACTOR, &delete_ram(do_id));
    hearer.expect_any_order(ids().map(deleted));
}

#[test]
fn bug_44_what_is_for_nobody_is_not_sent() {
    let mut upstream = Upstream::listen();
    let daemon = Setup::new()
        .director(format!("connect: {}", upstream.address()))
        .role("type: stateserver, control: 4000")
        .start();
    upstream.accept();
    let mut actor = daemon.link();
    let all = usual().all();
    // An object without location, AI and owner: nobody hears of its AI or its end.
    let messages = [
        (CONTROL, create(thing_at(OBJECT, Location::NONE, &all))),
        (OBJECT.channel(), set_ai(AI)),
        (OBJECT.channel(), set_ai(Channel::NONE)),
        (OBJECT.channel(), delete_ram(OBJECT)),
    ];
    for (to, message) in &messages {
        actor.send(*to, ACTOR, message);
    }
    let mark = Channel(9_876);
    actor.send(mark, ACTOR, &get_ai(0));
    loop {
        let came = upstream.receive();
        let recipients = came.envelope().recipients;
        assert!(!recipients.is_empty(), "{came:?}");
        if recipients.iter().any(|channel| channel == mark) {
            break;
        }
    }
}

#[test]
fn bug_45_an_object_without_parent_is_nowhere() {
    let mut stage = Stage::start();
    let mut hearer = stage.hearer([Channel::NONE, Channel(ZONE.0.into()), Channel(88)]);
    stage.create(OBJECT, Location::new(DoId::NONE, ZONE));
    stage.tell(OBJECT, &set_field(OBJECT, thing::SIZE, &Values::new().u8(42)));
    stage.tell(OBJECT, &set_location(Location::new(DoId::NONE, ZoneId(88))));
    stage.expect_silence(&mut hearer);
    stage.expect_field(OBJECT, thing::SIZE, Some(Values::new().u8(42)));
}

#[test]
fn bug_81_objects_cannot_be_each_others_parents() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.create(OTHER, Location::new(OBJECT, ZONE));
    stage.tell(PARENT, &set_ai(AI));
    stage.tell(PARENT, &set_location(Location::new(OTHER, ZONE)));
    stage.expect_location(PARENT, Location::NONE);
    stage.tell(PARENT, &set_ai(Channel(6_001)));
    stage.settle();
    let context = Context(1);
    stage.expect_answer(
        OTHER,
        &get_ai(1),
        &StateServer::ObjectGetAiResp { context, do_id: OTHER, ai: Channel(6_001) },
    );
}

#[test]
fn bug_81_a_circle_over_two_daemons_comes_to_rest() {
    // Two state servers, each with one of two objects that are each other's parent.
    let root = Setup::new().role("type: stateserver, control: 4000").start();
    let leaf = Setup::new()
        .director(format!("connect: {}", root.address("MD")))
        .role("type: stateserver, control: 4001")
        .start();
    let (mut actor, mut asker) = (leaf.link(), leaf.link());
    asker.subscribe([ACTOR, PARENT.children(), OBJECT.children()]);
    asker.sync_up_to(&root);
    let all = usual().all();
    let wake = StateServer::ObjectGetLocation { context: Context(1001) };
    actor.send(CONTROL, ACTOR, &create(thing_at(PARENT, Location::NONE, &all)));
    asker.expect(PARENT.children(), PARENT, &wake);
    actor.send(Channel(4_001), ACTOR, &create(thing_at(OBJECT, Location::NONE, &all)));
    asker.expect(OBJECT.children(), OBJECT, &wake);
    actor.send(PARENT, ACTOR, &set_ai(Channel(6_001)));
    actor.send(OBJECT, ACTOR, &set_location(HERE));
    actor.send(PARENT, ACTOR, &set_location(Location::new(OBJECT, ZONE)));
    actor.send(OBJECT, ACTOR, &set_ai(Channel::NONE));
    // Both still answer, and soon.
    for (do_id, context) in [(PARENT, 7), (OBJECT, 8)] {
        let context = Context(context);
        actor.send(do_id, ACTOR, &StateServer::ObjectGetLocation { context });
        let answered = |came: &Datagram| {
            came.envelope().sender == do_id.channel()
                && came.envelope().body.starts_with(&context.0.to_le_bytes())
        };
        while !answered(&asker.receive()) {}
    }
}
