//! stateserver.md §3 and §4: where objects are.

use super::*;

const ELSEWHERE: Location = Location { parent: DoId(20_000), zone: ZONE };

fn enter(do_id: DoId, location: Location, seen: &Values) -> StateServer<'_> {
    enter_location(thing_at(do_id, location, seen))
}

/// An object at `HERE`, whose parent is on no state server.
fn stage_with_object() -> Stage {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.settle();
    stage
}

#[test]
fn a_move_under_another_parent_is_told_to_old_and_new() {
    let mut stage = stage_with_object();
    stage.tell(OBJECT, &set_ai(AI));
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.settle();
    let channels = [HERE.channel(), ELSEWHERE.channel(), PARENT.channel(), AI, OWNER];
    let mut hearer = stage.hearer(channels);
    let mut new_parent = stage.hearer(ELSEWHERE.parent);
    stage.tell(OBJECT, &set_location(ELSEWHERE));
    let to = [PARENT.channel(), ELSEWHERE.parent.channel(), HERE.channel(), AI, OWNER];
    let moved = changing_location(OBJECT, ELSEWHERE, HERE);
    hearer.expect(to, ACTOR, &moved);
    hearer.expect(ELSEWHERE, OBJECT, &enter(OBJECT, ELSEWHERE, &usual().seen()));
    stage.expect_silence(&mut hearer);
    // The AI was set explicitly, so the new parent is not asked for its own.
    new_parent.expect(to, ACTOR, &moved);
    stage.expect_silence(&mut new_parent);
}

#[test]
fn a_move_asks_the_new_parent_for_its_ai_first() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([ELSEWHERE.parent.channel(), ELSEWHERE.channel()]);
    stage.tell(OBJECT, &set_location(ELSEWHERE));
    hearer.expect(ELSEWHERE.parent, OBJECT, &get_ai(1));
    let to = [PARENT.channel(), ELSEWHERE.parent.channel(), HERE.channel()];
    hearer.expect(to, ACTOR, &changing_location(OBJECT, ELSEWHERE, HERE));
    hearer.expect(ELSEWHERE, OBJECT, &enter(OBJECT, ELSEWHERE, &usual().seen()));
}

#[test]
fn a_move_within_a_parent_is_told_to_it_and_to_both_zones() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), THERE.channel(), PARENT.channel()]);
    stage.tell(OBJECT, &set_location(THERE));
    let to = [PARENT.channel(), HERE.channel()];
    hearer.expect(to, ACTOR, &changing_location(OBJECT, THERE, HERE));
    hearer.expect(THERE, OBJECT, &enter(OBJECT, THERE, &usual().seen()));
    stage.expect_silence(&mut hearer);
}

#[test]
fn a_move_to_where_it_is_already_is_none() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel()]);
    stage.tell(OBJECT, &set_location(HERE));
    stage.expect_silence(&mut hearer);
}

#[test]
fn an_object_cannot_be_its_own_parent() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel()]);
    stage.tell(OBJECT, &set_location(Location::new(OBJECT, ZONE)));
    stage.expect_silence(&mut hearer);
    stage.expect_location(OBJECT, HERE);
}

#[test]
fn an_object_may_be_taken_out_of_the_world() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel(), Channel::NONE]);
    stage.tell(OBJECT, &set_location(Location::NONE));
    let to = [PARENT.channel(), HERE.channel()];
    hearer.expect(to, ACTOR, &changing_location(OBJECT, Location::NONE, HERE));
    stage.expect_silence(&mut hearer);
    stage.expect_location(OBJECT, Location::NONE);
}

#[test]
fn an_update_goes_to_where_the_object_is_now() {
    let mut stage = stage_with_object();
    stage.tell(OBJECT, &set_location(THERE));
    stage.settle();
    let mut hearer = stage.hearer([HERE.channel(), THERE.channel()]);
    let poke = Values::new().u8(1);
    stage.tell(OBJECT, &set_field(OBJECT, thing::POKE, &poke));
    hearer.expect(THERE, ACTOR, &set_field(OBJECT, thing::POKE, &poke));
    stage.expect_silence(&mut hearer);
}

#[test]
fn what_has_changed_meanwhile_is_seen_at_the_new_location() {
    let mut stage = stage_with_object();
    let mut hearer = stage.hearer(THERE);
    stage.tell(OBJECT, &set_field(OBJECT, thing::SIZE, &Values::new().u8(42)));
    stage.tell(OBJECT, &set_field(OBJECT, thing::NOTE, &Values::new().string("n")));
    stage.tell(OBJECT, &set_location(THERE));
    let seen = Thing { size: 42, ..usual() }.seen();
    let seen = seen.u16(1).field(thing::NOTE).string("n");
    hearer.expect(THERE, OBJECT, &enter_location_other(thing_at(OBJECT, THERE, &seen)));
}

#[test]
fn a_parent_acknowledges_a_child_that_arrives() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.settle();
    // The test plays the child.
    let mut child = stage.hearer(OBJECT);
    let arrival = changing_location(OBJECT, HERE, ELSEWHERE);
    stage.tell(PARENT, &arrival);
    child.expect(OBJECT, PARENT, &StateServer::ObjectLocationAck { location: HERE });
    stage.tell(PARENT, &changing_location(OBJECT, THERE, HERE));
    child.expect(OBJECT, PARENT, &StateServer::ObjectLocationAck { location: THERE });
    // It stays where it is, or goes where this parent is not concerned: nothing to acknowledge.
    stage.tell(PARENT, &changing_location(OBJECT, THERE, THERE));
    stage.tell(PARENT, &changing_location(OBJECT, ELSEWHERE, THERE));
    stage.tell(PARENT, &changing_location(OBJECT, ELSEWHERE, Location::NONE));
    stage.expect_silence(&mut child);
}

#[test]
fn children_hear_nothing_when_their_parent_moves() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.settle();
    let mut hearer = stage.hearer([OBJECT.channel(), PARENT.children(), HERE.channel()]);
    stage.tell(PARENT, &set_location(ELSEWHERE));
    stage.expect_silence(&mut hearer);
    stage.expect_location(OBJECT, HERE);
}
