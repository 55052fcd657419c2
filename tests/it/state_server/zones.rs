//! stateserver.md §10: what is in a zone.

use super::*;

const CONTEXT: Context = Context(77_777);
const ASKER: Channel = Channel(8_100);

fn get_zones(zones: &[ZoneId]) -> StateServer<'_> {
    let zones = List::new(zones);
    StateServer::ObjectGetZonesObjects { context: CONTEXT, parent: PARENT, zones }
}

const fn count(count: u32) -> StateServer<'static> {
    StateServer::ObjectGetZonesCountResp { context: CONTEXT, count: DoId(count) }
}

fn enter_interest(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::ObjectEnterInterestWithRequired { context: CONTEXT, object }
}

/// A parent with an object in each of two zones, and a third in a third.
fn family() -> Stage {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.create(OTHER, THERE);
    stage.create(DoId(10_003), Location::new(PARENT, ZoneId(99)));
    stage.settle();
    stage
}

#[test]
fn a_zone_is_counted_first_and_then_its_objects_come() {
    let mut stage = family();
    let mut asker = stage.hearer(ASKER);
    let question = StateServer::ObjectGetZoneObjects { context: CONTEXT, location: HERE };
    stage.actor.send(PARENT, ASKER, &question);
    asker.expect(ASKER, PARENT, &count(1));
    let seen = usual().seen();
    asker.expect(ASKER, OBJECT, &enter_interest(thing_at(OBJECT, HERE, &seen)));
    stage.expect_silence(&mut asker);
}

#[test]
fn several_zones_are_counted_together() {
    let mut stage = family();
    let mut asker = stage.hearer(ASKER);
    stage.actor.send(PARENT, ASKER, &get_zones(&[ZONE, THERE.zone, ZoneId(1)]));
    asker.expect(ASKER, PARENT, &count(2));
    let seen = usual().seen();
    asker.expect_any_order([
        Expected::new(ASKER, OBJECT, &enter_interest(thing_at(OBJECT, HERE, &seen))),
        Expected::new(ASKER, OTHER, &enter_interest(thing_at(OTHER, THERE, &seen))),
    ]);
    stage.expect_silence(&mut asker);
}

#[test]
fn an_object_with_other_fields_comes_with_those_that_are_seen() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    let other = Values::new().field(thing::NOTE).string("n").field(thing::WISH).u16(1);
    stage.create_other(OBJECT, HERE, 2, &other);
    stage.settle();
    let mut asker = stage.hearer(ASKER);
    stage.actor.send(PARENT, ASKER, &get_zones(&[ZONE]));
    asker.expect(ASKER, PARENT, &count(1));
    let seen = usual().seen().u16(1).field(thing::NOTE).string("n");
    let object = thing_at(OBJECT, HERE, &seen);
    let entry = StateServer::ObjectEnterInterestWithRequiredOther { context: CONTEXT, object };
    asker.expect(ASKER, OBJECT, &entry);
}

#[test]
fn an_empty_zone_has_a_count_too() {
    let mut stage = family();
    let mut hearer = stage.hearer([ASKER, PARENT.children()]);
    stage.actor.send(PARENT, ASKER, &get_zones(&[ZoneId(1)]));
    hearer.expect(ASKER, PARENT, &count(0));
    stage.expect_silence(&mut hearer);
}

#[test]
fn objects_that_left_or_were_deleted_are_not_counted() {
    let mut stage = family();
    stage.tell(OBJECT, &set_location(THERE));
    stage.tell(OTHER, &delete_ram(OTHER));
    stage.settle();
    let mut asker = stage.hearer(ASKER);
    stage.actor.send(PARENT, ASKER, &get_zones(&[ZONE, THERE.zone]));
    asker.expect(ASKER, PARENT, &count(1));
    let seen = usual().seen();
    asker.expect(ASKER, OBJECT, &enter_interest(thing_at(OBJECT, THERE, &seen)));
}

#[test]
fn children_elsewhere_are_asked_in_the_name_of_the_asker() {
    // The test plays a child that lives on another state server.
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.settle();
    let mut child = stage.hearer([OBJECT.channel(), PARENT.children(), ASKER]);
    stage.tell(PARENT, &changing_location(OBJECT, HERE, Location::NONE));
    child.expect(OBJECT, PARENT, &StateServer::ObjectLocationAck { location: HERE });
    stage.actor.send(PARENT, ASKER, &get_zones(&[ZONE]));
    child.expect(ASKER, PARENT, &count(1));
    child.expect(PARENT.children(), ASKER, &get_zones(&[ZONE]));
}

#[test]
fn a_child_that_its_parent_has_not_counted_yet_comes_as_a_newcomer() {
    // The parent lives on another state server; the test speaks for it.
    let mut stage = Stage::start();
    stage.create(OBJECT, Location::NONE);
    stage.create(OTHER, Location::NONE);
    stage.tell(OBJECT, &set_location(HERE));
    stage.tell(OTHER, &set_location(HERE));
    stage.tell(OBJECT, &StateServer::ObjectLocationAck { location: HERE });
    stage.tell(OTHER, &StateServer::ObjectLocationAck { location: THERE });
    stage.settle();
    let mut asker = stage.hearer(ASKER);
    stage.actor.send(PARENT.children(), ASKER, &get_zones(&[ZONE]));
    let seen = usual().seen();
    asker.expect_any_order([
        Expected::new(ASKER, OBJECT, &enter_interest(thing_at(OBJECT, HERE, &seen))),
        Expected::new(ASKER, OTHER, &enter_location(thing_at(OTHER, HERE, &seen))),
    ]);
    stage.expect_silence(&mut asker);
}

#[test]
fn a_question_for_another_parent_is_not_answered() {
    let mut stage = family();
    let mut asker = stage.hearer(ASKER);
    let elsewhere = StateServer::ObjectGetZonesObjects {
        context: CONTEXT,
        parent: DoId(20_000),
        zones: List::new(&[ZONE]),
    };
    stage.actor.send(PARENT, ASKER, &elsewhere);
    stage.expect_silence(&mut asker);
}

#[test]
fn active_zones_are_those_with_children() {
    let mut stage = family();
    stage.tell(OTHER, &set_location(HERE));
    stage.settle();
    stage.expect_answer(
        PARENT,
        &StateServer::GetActiveZones { context: CONTEXT },
        &StateServer::GetActiveZonesResp {
            context: CONTEXT,
            zones: List::new(&[ZONE, ZoneId(99)]),
        },
    );
}
