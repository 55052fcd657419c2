//! stateserver.md §7: AIs, given and inherited.

use super::*;

const NEXT_AI: Channel = Channel(6_001);
const GRANDCHILD: DoId = DoId(10_003);

fn changing_ai(do_id: DoId, new: Channel, old: Channel) -> StateServer<'static> {
    StateServer::ObjectChangingAi { do_id, new, old }
}

fn enter_ai(object: ObjectState<'_>) -> StateServer<'_> {
    StateServer::ObjectEnterAiWithRequired { object }
}

fn child_of(parent: DoId) -> Location {
    Location::new(parent, ZONE)
}

/// `PARENT`, with an AI, its child `OBJECT`, and the child's child `GRANDCHILD`.
fn family() -> Stage {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.tell(PARENT, &set_ai(AI));
    stage.create(OBJECT, HERE);
    stage.create(GRANDCHILD, child_of(OBJECT));
    stage.settle();
    stage
}

#[track_caller]
fn expect_ai(stage: &mut Stage, do_id: DoId, ai: Channel) {
    let answer = StateServer::ObjectGetAiResp { context: Context(1), do_id, ai };
    stage.expect_answer(do_id, &get_ai(1), &answer);
}

#[test]
fn an_ai_is_shown_everything_of_its_object() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.settle();
    let mut hearer = stage.hearer([AI, HERE.channel()]);
    stage.tell(OBJECT, &set_ai(AI));
    hearer.expect(AI, OBJECT, &enter_ai(thing_at(OBJECT, HERE, &usual().all())));
    stage.expect_silence(&mut hearer);
    expect_ai(&mut stage, OBJECT, AI);
}

#[test]
fn an_ai_is_shown_all_other_fields_too() {
    let mut stage = Stage::start();
    let mut ai = stage.hearer(AI);
    let other = Values::new().field(thing::NOTE).string("n").field(thing::DIARY).string("d");
    stage.create_other(OBJECT, HERE, 2, &other);
    stage.tell(OBJECT, &set_ai(AI));
    let all = usual().all().u16(2).raw(other.bytes());
    let object = thing_at(OBJECT, HERE, &all);
    ai.expect(AI, OBJECT, &StateServer::ObjectEnterAiWithRequiredOther { object });
}

#[test]
fn an_ai_is_told_when_another_takes_its_place() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_ai(AI));
    stage.settle();
    let (mut old, mut new) = (stage.hearer(AI), stage.hearer(NEXT_AI));
    stage.tell(OBJECT, &set_ai(NEXT_AI));
    old.expect(AI, ACTOR, &changing_ai(OBJECT, NEXT_AI, AI));
    new.expect(NEXT_AI, OBJECT, &enter_ai(thing_at(OBJECT, HERE, &usual().all())));
    stage.expect_silence(&mut old);
    stage.expect_silence(&mut new);
}

#[test]
fn an_ai_set_again_hears_nothing() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_ai(AI));
    stage.settle();
    let mut ai = stage.hearer(AI);
    stage.tell(OBJECT, &set_ai(AI));
    stage.expect_silence(&mut ai);
}

#[test]
fn a_new_child_inherits_its_parents_ai() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.tell(PARENT, &set_ai(AI));
    stage.settle();
    let mut ai = stage.hearer(AI);
    stage.create(OBJECT, HERE);
    ai.expect(AI, OBJECT, &enter_ai(thing_at(OBJECT, HERE, &usual().all())));
    expect_ai(&mut stage, OBJECT, AI);
}

#[test]
fn an_object_without_ai_says_so() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    expect_ai(&mut stage, OBJECT, Channel::NONE);
}

#[test]
fn a_new_ai_is_inherited_all_the_way_down() {
    let mut stage = family();
    let mut new = stage.hearer(NEXT_AI);
    let mut old = stage.hearer([AI, PARENT.children(), OBJECT.children()]);
    stage.tell(PARENT, &set_ai(NEXT_AI));
    // The sender of the notices stays the one who began it, at every level.
    old.expect([AI, PARENT.children()], ACTOR, &changing_ai(PARENT, NEXT_AI, AI));
    old.expect([AI, OBJECT.children()], ACTOR, &changing_ai(OBJECT, NEXT_AI, AI));
    old.expect(AI, ACTOR, &changing_ai(GRANDCHILD, NEXT_AI, AI));
    let all = usual().all();
    let entry =
        |do_id, location| Expected::new(NEXT_AI, do_id, &enter_ai(thing_at(do_id, location, &all)));
    new.expect_any_order([
        entry(PARENT, Location::NONE),
        entry(OBJECT, HERE),
        entry(GRANDCHILD, child_of(OBJECT)),
    ]);
    stage.expect_silence(&mut old);
    stage.expect_silence(&mut new);
}

#[test]
fn an_ai_of_its_own_shields_an_object_and_its_children() {
    let mut stage = family();
    stage.tell(OBJECT, &set_ai(NEXT_AI));
    stage.settle();
    let mut ai = stage.hearer(NEXT_AI);
    stage.tell(PARENT, &set_ai(Channel(6_002)));
    stage.expect_silence(&mut ai);
    expect_ai(&mut stage, OBJECT, NEXT_AI);
    expect_ai(&mut stage, GRANDCHILD, NEXT_AI);
}

#[test]
fn the_inherited_ai_set_once_more_stays_inherited() {
    let mut stage = family();
    stage.tell(OBJECT, &set_ai(AI));
    stage.tell(PARENT, &set_ai(NEXT_AI));
    stage.settle();
    expect_ai(&mut stage, OBJECT, NEXT_AI);
}

#[test]
fn no_ai_can_be_set_explicitly() {
    let mut stage = family();
    let mut ai = stage.hearer(AI);
    stage.tell(OBJECT, &set_ai(Channel::NONE));
    ai.expect_any_order([
        Expected::new([AI, OBJECT.children()], ACTOR, &changing_ai(OBJECT, Channel::NONE, AI)),
        Expected::new(AI, ACTOR, &changing_ai(GRANDCHILD, Channel::NONE, AI)),
    ]);
    stage.tell(PARENT, &set_ai(NEXT_AI));
    stage.settle();
    expect_ai(&mut stage, OBJECT, Channel::NONE);
    expect_ai(&mut stage, GRANDCHILD, Channel::NONE);
}

#[test]
fn a_child_that_moves_inherits_from_its_new_parent() {
    let mut stage = family();
    stage.create(OTHER, Location::NONE);
    stage.tell(OTHER, &set_ai(NEXT_AI));
    stage.settle();
    let mut hearer = stage.hearer([AI, NEXT_AI]);
    stage.tell(OBJECT, &set_location(child_of(OTHER)));
    let to = [AI, PARENT.channel(), OTHER.channel(), HERE.channel()];
    hearer.expect(to, ACTOR, &changing_location(OBJECT, child_of(OTHER), HERE));
    // The new parent's answer changes the AI, so the parent is the sender.
    let all = usual().all();
    hearer.expect_any_order([
        Expected::new([AI, OBJECT.children()], OTHER, &changing_ai(OBJECT, NEXT_AI, AI)),
        Expected::new(NEXT_AI, OBJECT, &enter_ai(thing_at(OBJECT, child_of(OTHER), &all))),
        Expected::new(AI, OTHER, &changing_ai(GRANDCHILD, NEXT_AI, AI)),
        Expected::new(NEXT_AI, GRANDCHILD, &enter_ai(thing_at(GRANDCHILD, child_of(OBJECT), &all))),
    ]);
    expect_ai(&mut stage, GRANDCHILD, NEXT_AI);
}

#[test]
fn an_object_taken_out_of_the_world_loses_its_inherited_ai_silently() {
    let mut stage = family();
    let mut ai = stage.hearer(AI);
    stage.tell(GRANDCHILD, &set_location(Location::NONE));
    let to = [AI, OBJECT.channel(), child_of(OBJECT).channel()];
    ai.expect(to, ACTOR, &changing_location(GRANDCHILD, Location::NONE, child_of(OBJECT)));
    stage.expect_silence(&mut ai);
    expect_ai(&mut stage, GRANDCHILD, Channel::NONE);
}

#[test]
fn news_of_an_ai_from_anyone_but_the_parent_is_ignored() {
    let mut stage = family();
    let mut ai = stage.hearer(NEXT_AI);
    stage.tell(OBJECT, &changing_ai(OTHER, NEXT_AI, AI));
    let answer = StateServer::ObjectGetAiResp { context: Context(0), do_id: OTHER, ai: NEXT_AI };
    stage.tell(OBJECT, &answer);
    stage.expect_silence(&mut ai);
    expect_ai(&mut stage, OBJECT, AI);
}

#[test]
fn the_objects_of_an_ai_are_deleted_together() {
    let mut stage = family();
    stage.create(OTHER, HERE);
    stage.tell(OTHER, &set_ai(NEXT_AI));
    stage.settle();
    let mut hearer = stage.hearer([PARENT.channel(), HERE.channel(), NEXT_AI]);
    stage.tell(CONTROL, &StateServer::DeleteAiObjects { ai: AI });
    // Only those that the AI was set for are told; their children go with them.
    hearer.expect(PARENT, ACTOR, &StateServer::DeleteAiObjects { ai: AI });
    hearer.expect_any_order([
        Expected::new([HERE.channel(), AI], ACTOR, &delete_ram(OBJECT)),
        Expected::new([HERE.channel(), NEXT_AI], ACTOR, &delete_ram(OTHER)),
    ]);
    for do_id in [PARENT, OBJECT, OTHER, GRANDCHILD] {
        stage.expect_absent(do_id);
    }
}

#[test]
fn an_object_of_another_ai_is_not_deleted_with_it() {
    let mut stage = family();
    stage.tell(PARENT, &StateServer::DeleteAiObjects { ai: NEXT_AI });
    stage.tell(CONTROL, &StateServer::DeleteAiObjects { ai: NEXT_AI });
    stage.settle();
    expect_ai(&mut stage, PARENT, AI);
}
