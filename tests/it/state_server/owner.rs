//! stateserver.md §8: owners.

use super::*;

const NEXT_OWNER: Channel = Channel(7_001);

fn changing_owner(new: Channel, old: Channel) -> StateServer<'static> {
    StateServer::ObjectChangingOwner { do_id: OBJECT, new, old }
}

#[test]
fn an_owner_is_shown_what_it_owns() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.settle();
    let mut hearer = stage.hearer([OWNER, HERE.channel()]);
    stage.tell(OBJECT, &set_owner(OWNER));
    let owned = usual().owned();
    let object = thing_at(OBJECT, HERE, &owned);
    hearer.expect(OWNER, OBJECT, &StateServer::ObjectEnterOwnerWithRequired { object });
    stage.expect_silence(&mut hearer);
}

#[test]
fn an_owner_is_shown_the_other_fields_too() {
    let mut stage = Stage::start();
    let mut owner = stage.hearer(OWNER);
    let other = Values::new().field(thing::NOTE).string("n").field(thing::DIARY).string("d");
    let other = other.field(thing::MOOD).u8(1).field(thing::WISH).u16(2);
    stage.create_other(OBJECT, HERE, 4, &other);
    stage.tell(OBJECT, &set_owner(OWNER));
    let owned = usual().owned().u16(3).field(thing::NOTE).string("n");
    let owned = owned.field(thing::MOOD).u8(1).field(thing::WISH).u16(2);
    let object = thing_at(OBJECT, HERE, &owned);
    owner.expect(OWNER, OBJECT, &StateServer::ObjectEnterOwnerWithRequiredOther { object });
}

#[test]
fn an_owner_is_told_when_another_takes_its_place() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.settle();
    let (mut old, mut new) = (stage.hearer(OWNER), stage.hearer(NEXT_OWNER));
    stage.tell(OBJECT, &set_owner(NEXT_OWNER));
    old.expect(OWNER, ACTOR, &changing_owner(NEXT_OWNER, OWNER));
    let owned = usual().owned();
    let object = thing_at(OBJECT, HERE, &owned);
    new.expect(NEXT_OWNER, OBJECT, &StateServer::ObjectEnterOwnerWithRequired { object });
    stage.expect_silence(&mut old);
    stage.expect_silence(&mut new);
}

#[test]
fn an_owner_set_again_hears_nothing() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.settle();
    let mut owner = stage.hearer(OWNER);
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.expect_silence(&mut owner);
}

#[test]
fn an_object_may_lose_its_owner() {
    let mut stage = Stage::start();
    stage.create(OBJECT, HERE);
    stage.tell(OBJECT, &set_owner(OWNER));
    stage.settle();
    let mut hearer = stage.hearer([OWNER, Channel::NONE]);
    stage.tell(OBJECT, &set_owner(Channel::NONE));
    hearer.expect(OWNER, ACTOR, &changing_owner(Channel::NONE, OWNER));
    stage.expect_silence(&mut hearer);
    stage.tell(OBJECT, &set_field(OBJECT, thing::WHISPER, &Values::new().string("psst")));
    stage.expect_silence(&mut hearer);
}
