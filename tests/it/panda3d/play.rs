//! What clients of Panda3D's own kind say to one another.

use super::stage::*;
use super::*;

/// Two that see zone 5, of which the first has made a Thing that the second sees.
fn two(daemon: &Daemon) -> (Stock, Stock, Seen) {
    let mut ann = Stock::at(daemon, &[5]);
    let seen = ann.make(1, 5, &nothing());
    // What is said to itself comes back when the object is there.
    ann.expect_silence(seen.do_id);
    let mut bob = Stock::at(daemon, &[5]);
    bob.expect_seen(&seen);
    (ann, bob, seen)
}

#[test]
fn the_first_that_a_client_hears_are_its_doids_and_nobody_has_the_same() {
    let daemon = start("");
    let (one, other) = (Stock::connect(&daemon), Stock::connect(&daemon));
    assert_ne!(one.base, other.base);
    assert_eq!((one.base.0 - 1) % PER_CLIENT, 0);
}

#[test]
fn who_comes_later_sees_what_is_there_and_hears_what_happens() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob, seen) = two(&daemon);
    ann.update(seen.do_id, field::HP, &Values::new().u16(9));
    bob.expect_update(ann.base, seen.do_id, field::HP, &Values::new().u16(9));
    ann.expect_silence(seen.do_id);
    let mut cid = Stock::at(&daemon, &[4, 5]);
    cid.expect_seen(&Seen { other: hp(9), ..seen });
}

#[test]
fn what_is_made_is_seen_by_who_is_there_with_its_other_fields() {
    let daemon = start("");
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let other = Values::new().u16(3);
    // A client says once more where its object is, and something that nobody keeps.
    let other = other.field(field::LOCATION).u32(0).u32(5).field(field::HP).u16(7);
    let seen = ann.make(1, 5, &other.field(field::FLASH).u8(3));
    bob.expect_seen(&Seen { other: hp(7), ..seen.clone() });
    bob.expect_update(ann.base, seen.do_id, field::FLASH, &Values::new().u8(3));
    ann.expect_silence(seen.do_id);
}

#[test]
fn a_field_travels_by_its_first_keyword() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob, seen) = two(&daemon);
    let thing = seen.do_id;
    // p2p: to the owner, from whoever says it.
    let question = Values::new().u16(3).string("who?");
    bob.update(thing, field::ASK, &question);
    ann.expect_update(bob.base, thing, field::ASK, &question);
    ann.update(thing, field::ASK, &question);
    ann.expect_update(ann.base, thing, field::ASK, &question);
    // broadcast: to all others.
    bob.update(thing, field::SAY, &Values::new().string("hello"));
    ann.expect_update(bob.base, thing, field::SAY, &Values::new().string("hello"));
    ann.update(thing, field::XY, &Values::new().i16(-3).i16(4));
    bob.expect_update(ann.base, thing, field::XY, &Values::new().i16(-3).i16(4));
    // reflect: also back.
    ann.update(thing, field::WAVE, &Values::new().u8(1));
    for one in [&mut ann, &mut bob] {
        one.expect_update(seen.sender, thing, field::WAVE, &Values::new().u8(1));
    }
    // Nothing lets a bare clsend travel, and only who owns it may wave with it.
    bob.update(thing, field::HUSH, &Values::new().u8(1));
    bob.update(thing, field::WAVE, &Values::new().u8(1));
    bob.update(thing, field::HP, &Values::new().u16(1));
    bob.update(thing, field::SAY, &Values::new().string("still here"));
    ann.expect_update(bob.base, thing, field::SAY, &Values::new().string("still here"));
}

#[test]
fn one_client_speaks_to_one_other() {
    let daemon = start("");
    let (mut ann, mut bob, seen) = two(&daemon);
    ann.expect(&want(5));
    let mut cid = Stock::at(&daemon, &[5]);
    cid.expect_seen(&seen);
    ann.target(bob.base, seen.do_id, field::HUSH, &Values::new().u8(4));
    bob.expect_update(ann.base, seen.do_id, field::HUSH, &Values::new().u8(4));
    let question = Values::new().u16(3).string("you?");
    bob.target(cid.base, seen.do_id, field::ASK, &question);
    cid.expect_update(bob.base, seen.do_id, field::ASK, &question);
    // To one that has left nothing comes, and nothing of it.
    let left = cid.base;
    cid.send(&Panda3d::Disconnect {});
    cid.expect_closed();
    ann.target(left, seen.do_id, field::HUSH, &Values::new().u8(4));
    ann.target(bob.base, seen.do_id, field::HUSH, &Values::new().u8(5));
    bob.expect_update(ann.base, seen.do_id, field::HUSH, &Values::new().u8(5));
}

/// Whichever way it takes.
#[test]
fn what_one_client_says_comes_in_its_order() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob, seen) = two(&daemon);
    let thing = seen.do_id;
    for number in 0..100 {
        let value = |field| (field, Values::new().u8(number));
        let said = [
            (field::SAY, Values::new().string("one")),
            value(field::WAVE),
            (field::SAY, Values::new().string("two")),
            value(field::HUSH),
            value(field::WAVE),
            (field::HP, Values::new().u16(number.into())),
        ];
        let mut datagrams = vec![];
        for (field, value) in &said {
            let (do_id, field, value) = (thing, *field, Rest(value.bytes()));
            let update = match field {
                field::HUSH => {
                    let head = Values::new().u32(bob.base.0).u32(do_id.0).field(field);
                    let update = head.raw(value.0);
                    encode(&Panda3d::Targeted { update: Rest(update.bytes()) })
                }
                _ => encode(&Panda3d::UpdateField { do_id, field, value }),
            };
            datagrams.push(update);
        }
        // All in one piece.
        ann.stream.send_raw(&datagrams.concat_frames());
        for (field, value) in &said {
            bob.expect_update(seen.sender, thing, *field, value);
        }
        for (field, value) in said.iter().filter(|(field, _)| *field == field::WAVE) {
            ann.expect_update(seen.sender, thing, *field, value);
        }
    }
}

/// Who is about to be shown an object hears that it is deleted, and not that it is out of sight.
#[test]
fn what_is_made_and_deleted_at_once_is_seen_and_deleted() {
    let daemon = setup(", regenerate: server").start();
    let mut bob = Stock::at(&daemon, &[5]);
    let mut ann = Stock::connect(&daemon);
    let values = Values::new().string("n").u8(9).u16(0);
    let (class_id, do_id) = (THING, ann.id(1));
    let values = Rest(values.bytes());
    let create = Panda3d::ClientGenerate { zone: ZoneId(5), class_id, do_id, values };
    let both = [encode(&create), encode(&Panda3d::Delete { do_id })];
    ann.stream.send_raw(&both.concat_frames());
    let other = nothing();
    bob.expect_seen(&Seen { sender: ann.base, zone: 5, do_id, name: "n", other });
    bob.expect(&Panda3d::Delete { do_id });
}

/// Stock clients wait until a deletion has come back; who does not is understood all the same.
#[test]
fn a_doid_can_be_used_again_at_once() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob, seen) = two(&daemon);
    let do_id = seen.do_id;
    for points in 0..20 {
        let (class_id, other) = (THING, hp(points));
        let values = Values::new().string("n").u8(9).raw(other.bytes());
        let values = Rest(values.bytes());
        let create = Panda3d::ClientGenerate { zone: ZoneId(5), class_id, do_id, values };
        let frames = [encode(&Panda3d::Delete { do_id }), encode(&create)].concat_frames();
        ann.stream.send_raw(&frames);
        for one in [&mut ann, &mut bob] {
            one.expect(&Panda3d::Delete { do_id });
        }
        bob.expect_seen(&Seen { other, ..seen.clone() });
    }
}

/// The parent of all zones is there as soon as it is needed.
#[test]
fn the_first_who_comes_does_not_wait() {
    let daemon = setup("").start();
    let mut ann = Stock::at(&daemon, &[5]);
    let mut bob = Stock::at(&daemon, &[5]);
    let seen = ann.make(1, 5, &nothing());
    bob.expect_seen(&seen);
    assert!(!daemon.log().contains("not answered in time"), "{}", daemon.log());
}

#[test]
fn a_client_moves_what_it_has_made() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob, seen) = two(&daemon);
    let mut both = Stock::at(&daemon, &[5, 6]);
    both.expect_seen(&seen);
    let mut later = Stock::at(&daemon, &[6]);
    ann.send(&Panda3d::SetZone { do_id: seen.do_id, zone: ZoneId(6) });
    // Ann still wants to see zone 5, and sees zone 6 now.
    ann.expect(&disable(&[]));
    bob.expect(&disable(&[seen.do_id]));
    both.expect_update(seen.sender, seen.do_id, field::LOCATION, &Values::new().u32(0).u32(6));
    later.expect_seen(&Seen { zone: 6, ..seen.clone() });
    // It says again what it is like, as clients do then; nothing is new.
    let again = Values::new().u16(1).field(field::LOCATION).u32(0).u32(6);
    ann.describe(1, 6, "n", 9, &again);
    ann.update(seen.do_id, field::HP, &Values::new().u16(2));
    for one in [&mut both, &mut later] {
        one.expect_update(seen.sender, seen.do_id, field::HP, &Values::new().u16(2));
    }
    ann.see(&[]);
    ann.expect(&disable(&[]));
    bob.see(&[]);
    bob.expect(&disable(&[]));
    // What is said to be in another zone has moved.
    ann.describe(1, 5, "n", 9, &hp(2));
    ann.expect(&disable(&[]));
    later.expect(&disable(&[seen.do_id]));
}

#[test]
fn a_deletion_comes_back_to_who_asks_for_it() {
    let daemon = start("");
    let (mut ann, mut bob, seen) = two(&daemon);
    ann.expect(&want(5));
    ann.describe(1, 5, "n", 9, &nothing());
    bob.send(&Panda3d::Delete { do_id: seen.do_id });
    bob.expect_silence(seen.do_id);
    ann.see(&[]);
    ann.send(&Panda3d::Delete { do_id: seen.do_id });
    for one in [&mut ann, &mut bob] {
        one.expect(&Panda3d::Delete { do_id: seen.do_id });
    }
    // It was all that kept it in the zone.
    ann.expect(&disable(&[]));
    // The doId can be used again.
    let seen = ann.make(1, 5, &hp(1));
    bob.expect_seen(&seen);
}

#[test]
fn an_interest_is_the_zones_that_are_asked_for_and_those_of_own_objects() {
    let daemon = start(", regenerate: server");
    let (mut ann, mut bob, seen) = two(&daemon);
    let mut fives: Vec<Seen> = vec![seen];
    fives.push(ann.make(2, 5, &nothing()));
    bob.expect_seen(&fives[1]);
    let six = ann.make(3, 6, &nothing());
    ann.expect(&disable(&[]));
    bob.see(&[6]);
    bob.expect(&disable(&[fives[0].do_id, fives[1].do_id]));
    bob.expect_seen(&six);
    // Nothing is said of what is as it was.
    bob.see(&[6]);
    bob.see(&[5, 6]);
    bob.expect(&disable(&[]));
    bob.expect_all_seen(&fives);
    // Own objects are never said to be gone.
    ann.see(&[]);
    ann.expect_silence(six.do_id);
}

#[test]
fn who_leaves_takes_everything_along_and_its_doids_come_back() {
    let ids = ", doids: {min: 3000000001, max: 3000003000, per_client: 1000}";
    let daemon = Setup::new()
        .dc(DC)
        .role(format!("type: stateserver, control: {CONTROL}"))
        .role(format!("type: clientagent, bind: $CA, client: {{type: panda3d{ids}}}"))
        .start();
    wait_for_root(&daemon);
    let mut bob = Stock::at(&daemon, &[5]);
    let mut known = vec![];
    for _ in 0..5 {
        let mut ann = Stock::at(&daemon, &[5]);
        let seen = ann.make(1, 5, &nothing());
        bob.expect_seen(&seen);
        known.push(ann.base);
        drop(ann);
        bob.expect(&Panda3d::Delete { do_id: seen.do_id });
    }
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), 2, "of three blocks bob has one");
}

#[test]
fn owners_are_asked_what_their_objects_are_like_now() {
    let daemon = start("");
    let (mut ann, mut bob, seen) = two(&daemon);
    ann.expect(&want(5));
    // What has changed since is told to all, and kept.
    ann.describe(1, 5, "n", 9, &hp(40));
    bob.expect_update(ann.base, seen.do_id, field::HP, &Values::new().u16(40));
    let mut cid = Stock::at(&daemon, &[5]);
    cid.expect_seen(&Seen { other: hp(40), ..seen.clone() });
    ann.expect(&want(5));
    // Nobody is told what is as it was.
    ann.describe(1, 5, "n", 9, &hp(40));
    ann.update(seen.do_id, field::SAY, &Values::new().string("same"));
    for one in [&mut bob, &mut cid] {
        one.expect_update(ann.base, seen.do_id, field::SAY, &Values::new().string("same"));
    }
}

#[test]
fn the_agent_tells_the_time() {
    let daemon = start(", time_manager: {zone: 1}");
    let mut ann = Stock::connect(&daemon);
    let manager = DoId(3_000_100_000);
    ann.see(&[1]);
    ann.expect(&disable(&[]));
    let (zone, values) = (ZoneId(1), Values::new().u16(0));
    ann.expect(&Panda3d::Generate {
        sender: DoId(0),
        zone,
        class_id: TIME_MANAGER,
        do_id: manager,
        values: Rest(values.bytes()),
    });
    let mut ticks = vec![];
    for context in [3, 200] {
        ann.update(manager, field::REQUEST_SERVER_TIME, &Values::new().u8(context));
        let came = ann.receive();
        let Some(Panda3d::FieldUpdated { sender: DoId(0), do_id, field, value }) = decode(&came)
        else {
            panic!("{}", show(&came));
        };
        assert_eq!((do_id, field, value.0[0]), (manager, field::SERVER_TIME, context));
        ticks.push(i32::from_le_bytes(value.0[1..].try_into().expect("four bytes")));
    }
    // It is a hundred ticks a second.
    let passed = ticks[1].wrapping_sub(ticks[0]);
    assert!((0..100 * 120).contains(&passed), "{ticks:?}");
    // It is asked that, and nothing else.
    ann.update(manager, field::SERVER_TIME, &Values::new().u8(1).u32(2));
    ann.see(&[]);
    ann.expect(&disable(&[]));
    ann.expect(&disable(&[manager]));
    ann.update(manager, field::REQUEST_SERVER_TIME, &Values::new().u8(1));
    let text = "to the TimeManager";
    wait_until("both are refused", || (daemon.log().matches(text).count() == 2).then_some(()));
    let mut bob = Stock::at(&daemon, &[1]);
    bob.receive();
    bob.update(manager, field::REQUEST_SERVER_TIME, &Values::new().u8(1).u8(2));
    bob.expect_closed();
}
