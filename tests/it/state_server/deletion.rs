//! stateserver.md §9: how objects end.

use super::*;

fn delete_children(parent: DoId) -> StateServer<'static> {
    StateServer::ObjectDeleteChildren { parent }
}

#[test]
fn a_deleted_object_is_told_to_all_who_know_it() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_ai(AI));
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.settle();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel(), AI, OWNER]);
    stage.tell(OBJECT, &delete_ram(OBJECT));
    hearer.expect(PARENT, ACTOR, &changing_location(OBJECT, Location::NONE, HERE));
    hearer.expect([HERE.channel(), AI, OWNER], ACTOR, &delete_ram(OBJECT));
    stage.expect_silence(&mut hearer);
    stage.expect_absent(OBJECT);
}

#[test]
fn the_id_of_a_deleted_object_is_free() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &delete_ram(OBJECT));
    stage.create(OBJECT, THERE);
    stage.expect_location(OBJECT, THERE);
}

#[test]
fn the_deletion_of_another_object_is_ignored() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &delete_ram(OTHER));
    stage.expect_location(OBJECT, HERE);
}

#[test]
fn children_are_deleted_with_their_parent_at_every_level() {
    let mut stage = Stage::start();
    let below = Location::new(OBJECT, ZONE);
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.create(OTHER, below);
    stage.settle();
    let mut hearer = stage.hearer([HERE.channel(), below.channel(), PARENT.channel()]);
    let mut children = stage.hearer([PARENT.children(), OBJECT.children()]);
    stage.tell(PARENT, &delete_ram(PARENT));
    hearer.expect(PARENT, ACTOR, &delete_ram(PARENT));
    hearer.expect(HERE, ACTOR, &delete_ram(OBJECT));
    hearer.expect(below, ACTOR, &delete_ram(OTHER));
    children.expect(PARENT.children(), ACTOR, &delete_children(PARENT));
    children.expect(OBJECT.children(), ACTOR, &delete_children(OBJECT));
    stage.expect_silence(&mut hearer);
    stage.expect_silence(&mut children);
    for do_id in [PARENT, OBJECT, OTHER] {
        stage.expect_absent(do_id);
    }
}

#[test]
fn children_can_be_deleted_without_their_parent() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.create(OTHER, THERE);
    stage.settle();
    let mut hearer = stage.hearer([HERE.channel(), THERE.channel()]);
    stage.tell(PARENT, &delete_children(PARENT));
    hearer.expect_any_order([
        Expected::new(HERE, ACTOR, &delete_ram(OBJECT)),
        Expected::new(THERE, ACTOR, &delete_ram(OTHER)),
    ]);
    stage.expect_location(PARENT, Location::NONE);
    stage.expect_absent(OBJECT);
    stage.expect_absent(OTHER);
}

#[test]
fn a_child_is_deleted_by_its_parents_word_only() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.settle();
    let mut hearer = stage.hearer([HERE.channel(), PARENT.channel()]);
    stage.tell(OBJECT, &delete_children(OTHER));
    stage.expect_silence(&mut hearer);
    stage.tell(PARENT.children(), &delete_children(PARENT));
    // The parent is not told: it knows.
    hearer.expect(HERE, ACTOR, &delete_ram(OBJECT));
    stage.expect_silence(&mut hearer);
}

#[test]
fn a_deleted_child_is_forgotten_by_its_parent() {
    let mut stage = Stage::start();
    stage.create(PARENT, Location::NONE);
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &delete_ram(OBJECT));
    stage.settle();
    stage.expect_answer(
        PARENT,
        &StateServer::GetActiveZones { context: Context(1) },
        &StateServer::GetActiveZonesResp { context: Context(1), zones: List::new(&[]) },
    );
}
