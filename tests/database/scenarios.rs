//! What every store must do, seen from the channel.

use donet::ids::{ClassId, DoId, FieldId};
use donet::message::{Database, FieldValues, List, Rest};

use crate::harness::{Cluster, DC, Setup, parse_dc};

/// A new Person as it is without anything given.
const DEFAULTS: [(&str, &str); 2] = [("Person.setAge", "(20)"), ("Person.setTitle", "(\"none\")")];

pub async fn create_gives_defaults_and_get_all_sorts(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let thing = cluster.create("Thing", &[]).await;
    cluster.expect_object(thing, "Thing", &[]).await;
    let person = cluster.create("Person", &[]).await;
    cluster.expect_object(person, "Person", &DEFAULTS).await;
    let given = [
        ("Person.coins", "7"),
        ("Person.setAge", "(3)"),
        ("Person.setName", "(\"\")"),
        ("Thing.setLimit", "(100)"),
    ];
    let other = cluster.create("Person", &given).await;
    let sorted = [
        ("Thing.setLimit", "(100)"),
        ("Person.setName", "(\"\")"),
        ("Person.setAge", "(3)"),
        ("Person.setTitle", "(\"none\")"),
        ("Person.coins", "7"),
    ];
    cluster.expect_object(other, "Person", &sorted).await;
    let plain = cluster.create("Plain", &[]).await;
    cluster.expect_object(plain, "Plain", &[]).await;
    cluster.expect_no_object(DoId(78_787)).await;
    cluster.stop().await;
}

pub async fn a_creation_that_is_wrong_creates_nothing(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let person = cluster.class("Person");
    let too_large = {
        let mut bytes = cluster.field("Thing.setLimit").0.to_le_bytes().to_vec();
        bytes.push(101);
        bytes
    };
    let foreign = cluster.entries(&[("Other.setElse", "(1)")]);
    let name = cluster.entries(&[("Person.setName", "(\"abc\")")]);
    let point = parse_dc(DC).class_or_struct_by_name("Point").expect("a struct").id();
    for (class, count, bytes) in [
        (ClassId(999), 0, &[][..]),
        (point, 0, &[]),
        (person, 1, &[0xff, 0xff, 0]),
        (person, 1, &foreign),
        (person, 1, &too_large),
        (person, 1, &name[..name.len() - 1]),
        (person, 2, &name),
    ] {
        assert_eq!(cluster.create_raw(class, count, bytes).await, DoId(0), "{class:?} {bytes:?}");
    }
    // A field that is not stored is passed over, and what follows it is not.
    let mixed = cluster.entries(&[("Thing.setHint", "(\"hint\")"), ("Person.setAge", "(9)")]);
    let do_id = cluster.create_raw(person, 2, &mixed).await;
    assert_eq!(do_id, DoId(1_000_000), "nothing was used up");
    cluster.expect_field(do_id, "Person.setAge", Some("(9)")).await;
    cluster.stop().await;
}

pub async fn requests_that_are_cut_short_are_answered(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let context = donet::ids::Context(77);
    for (number, answer) in [
        (3000, Database::CreateObjectResp { context, do_id: DoId(0) }),
        (3010, Database::ObjectGetFieldResp { context, value: None }),
        (3012, Database::ObjectGetFieldsResp { context, values: None }),
        (3014, Database::ObjectGetAllResp { context, object: None }),
        (3022, {
            let current = Rest(&[]);
            Database::ObjectSetFieldIfEqualsResp { context, done: false, current }
        }),
    ] {
        cluster.send_raw(number, &77_u32.to_le_bytes());
        cluster.expect_answer(&answer).await;
    }
    for (number, arguments) in [(3000, &[1, 2][..]), (3020, &[1, 0, 0, 0, 0]), (3999, &[0; 9])] {
        cluster.send_raw(number, arguments);
        cluster.expect_silence().await;
    }
    cluster.stop().await;
}

pub async fn get_field_and_get_fields(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.setName", "(\"Ada\")")]).await;
    cluster.expect_field(do_id, "Person.setName", Some("(\"Ada\")")).await;
    cluster.expect_field(do_id, "Person.coins", None).await;
    cluster.expect_field(do_id, "Other.setElse", None).await;
    cluster.expect_field(do_id, "Thing.setHint", None).await;
    cluster.expect_field(DoId(5), "Person.setName", None).await;
    let names =
        ["Person.setAge", "Person.coins", "Thing.setHint", "Other.setElse", "Person.setName"];
    let fields: Vec<FieldId> = names.iter().map(|name| cluster.field(name)).collect();
    let present = [("Person.setName", "(\"Ada\")"), ("Person.setAge", "(20)")];
    cluster.expect_fields(do_id, &fields, Some(&present)).await;
    let absent = cluster.field("Person.coins");
    cluster.expect_fields(do_id, &[absent], Some(&[])).await;
    cluster.expect_fields(do_id, &[absent, FieldId(999)], None).await;
    let hint = cluster.field("Thing.setHint");
    cluster.expect_fields(do_id, &[hint], None).await;
    cluster.expect_fields(DoId(5), &[absent], None).await;
    cluster.stop().await;
}

pub async fn set_is_announced_and_kept(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[]).await;
    cluster.set(do_id, "Person.setName", "(\"Bob\")");
    cluster.expect_set(do_id, "Person.setName", "(\"Bob\")").await;
    let values = [("Person.coins", "5"), ("Person.setPlace", "({1, -2})")];
    let sorted = [("Person.setPlace", "({1, -2})"), ("Person.coins", "5")];
    cluster.set_all(do_id, &values);
    cluster.expect_set_all(do_id, &sorted).await;
    // Of a field that comes twice, the last value counts.
    cluster.set_all(do_id, &[("Person.coins", "1"), ("Person.coins", "2")]);
    cluster.expect_set(do_id, "Person.coins", "2").await;
    // What is not stored is passed over.
    cluster.set_all(do_id, &[("Thing.setHint", "(\"x\")"), ("Person.coins", "3")]);
    cluster.expect_set(do_id, "Person.coins", "3").await;
    let expected = [
        ("Person.setName", "(\"Bob\")"),
        DEFAULTS[0],
        DEFAULTS[1],
        ("Person.setPlace", "({1, -2})"),
        ("Person.coins", "3"),
    ];
    cluster.expect_object(do_id, "Person", &expected).await;
    cluster.stop().await;
}

pub async fn a_change_that_is_wrong_changes_nothing(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    // Another class's field, an unknown one, nothing that is stored, an object that is not there.
    cluster.set_all(do_id, &[("Person.coins", "2"), ("Other.setElse", "(1)")]);
    cluster.expect_silence().await;
    let mut bytes = cluster.entries(&[("Person.coins", "3")]);
    bytes.extend([0xff, 0xff, 0]);
    cluster.send(&Database::ObjectSetFields {
        do_id,
        fields: FieldValues { count: 2, bytes: &bytes },
    });
    cluster.expect_silence().await;
    cluster.set(do_id, "Thing.setHint", "(\"x\")");
    cluster.expect_silence().await;
    cluster.set(DoId(5), "Person.coins", "4");
    cluster.expect_silence().await;
    let limit = cluster.field("Thing.setLimit");
    cluster.send(&Database::ObjectSetField { do_id, field: limit, value: Rest(&[101]) });
    cluster.expect_silence().await;
    let expected = [DEFAULTS[0], DEFAULTS[1], ("Person.coins", "1")];
    cluster.expect_object(do_id, "Person", &expected).await;
    cluster.stop().await;
}

pub async fn delete_field_resets_to_the_default(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let given = [("Person.setAge", "(3)"), ("Person.coins", "1"), ("Person.setName", "(\"x\")")];
    let do_id = cluster.create("Person", &given).await;
    let (age, coins, name) = (
        cluster.field("Person.setAge"),
        cluster.field("Person.coins"),
        cluster.field("Person.setName"),
    );
    cluster.send(&Database::ObjectDeleteField { do_id, field: age });
    cluster.expect_set(do_id, "Person.setAge", "(20)").await;
    cluster.send(&Database::ObjectDeleteField { do_id, field: coins });
    cluster.expect_broadcast(do_id, &Database::ObjectDeleteField { do_id, field: coins }).await;
    // It is announced again although nothing changes.
    cluster.send(&Database::ObjectDeleteField { do_id, field: coins });
    cluster.expect_broadcast(do_id, &Database::ObjectDeleteField { do_id, field: coins }).await;
    let hint = cluster.field("Thing.setHint");
    cluster.send(&Database::ObjectDeleteFields {
        do_id,
        fields: List::new(&[coins, hint, age, name]),
    });
    let gone = [name, coins];
    let gone = Database::ObjectDeleteFields { do_id, fields: List::new(&gone) };
    cluster.expect_broadcast(do_id, &gone).await;
    cluster.expect_set(do_id, "Person.setAge", "(20)").await;
    cluster.expect_object(do_id, "Person", &DEFAULTS).await;
    cluster.stop().await;
}

pub async fn a_value_without_bytes_is_none(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.setMark", "()")]).await;
    cluster.expect_object(do_id, "Person", &DEFAULTS).await;
    let field = cluster.field("Person.setMark");
    cluster.set(do_id, "Person.setMark", "()");
    cluster.expect_broadcast(do_id, &Database::ObjectDeleteField { do_id, field }).await;
    cluster.expect_field(do_id, "Person.setMark", None).await;
    cluster.stop().await;
}

pub async fn set_if_equals(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    let field = cluster.field("Person.coins");
    let values = |old: u32, new: u32| [old.to_le_bytes(), new.to_le_bytes()].concat();
    for (do_id, old, new, done, current) in
        [(do_id, 1, 2, true, None), (do_id, 1, 3, false, Some(2_u32)), (DoId(5), 1, 3, false, None)]
    {
        let context = cluster.context();
        let bytes = values(old, new);
        let values = Rest(&bytes);
        cluster.send(&Database::ObjectSetFieldIfEquals { context, do_id, field, values });
        if done {
            cluster.expect_set(do_id, "Person.coins", "2").await;
        }
        let current = current.map_or(Vec::new(), |value| {
            [&field.0.to_le_bytes()[..], &value.to_le_bytes()].concat()
        });
        let current = Rest(&current);
        cluster
            .expect_answer(&Database::ObjectSetFieldIfEqualsResp { context, done, current })
            .await;
    }
    // A field without a value equals nothing, and there is nothing to show.
    let context = cluster.context();
    let name = cluster.field("Person.setName");
    let empty = cluster.pack("Person.setName", "(\"\")").repeat(2);
    let request =
        Database::ObjectSetFieldIfEquals { context, do_id, field: name, values: Rest(&empty) };
    cluster.send(&request);
    let answer = Database::ObjectSetFieldIfEqualsResp { context, done: false, current: Rest(&[]) };
    cluster.expect_answer(&answer).await;
    cluster.expect_field(do_id, "Person.coins", Some("2")).await;
    cluster.stop().await;
}

pub async fn set_fields_if_equals(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let given = [("Person.coins", "1"), ("Person.setAge", "(2)")];
    let do_id = cluster.create("Person", &given).await;
    let entry = |cluster: &Cluster, name: &str, old: &str, new: &str| {
        let field = cluster.field(name).0.to_le_bytes();
        [&field[..], &cluster.pack(name, old), &cluster.pack(name, new)].concat()
    };
    let request = |cluster: &mut Cluster, entries: &[Vec<u8>]| {
        let context = cluster.context();
        let count = entries.len().try_into().expect("few");
        let bytes = entries.concat();
        let fields = FieldValues { count, bytes: &bytes };
        cluster.send(&Database::ObjectSetFieldsIfEquals { context, do_id, fields });
        context
    };
    let entries = [
        entry(&cluster, "Person.coins", "1", "10"),
        entry(&cluster, "Person.setAge", "(2)", "(20)"),
    ];
    let context = request(&mut cluster, &entries);
    let changed = [("Person.setAge", "(20)"), ("Person.coins", "10")];
    cluster.expect_set_all(do_id, &changed).await;
    let done = Database::ObjectSetFieldsIfEqualsResp { context, done: true, current: Rest(&[]) };
    cluster.expect_answer(&done).await;
    // One that matches, one that does not, one that is absent: all that have a value are shown.
    let entries = [
        entry(&cluster, "Person.setName", "(\"a\")", "(\"b\")"),
        entry(&cluster, "Person.coins", "11", "12"),
        entry(&cluster, "Person.setAge", "(20)", "(21)"),
    ];
    let context = request(&mut cluster, &entries);
    let current = [&2_u16.to_le_bytes()[..], &cluster.entries(&changed)].concat();
    let answer =
        Database::ObjectSetFieldsIfEqualsResp { context, done: false, current: Rest(&current) };
    cluster.expect_answer(&answer).await;
    cluster.expect_field(do_id, "Person.setAge", Some("(20)")).await;
    // Criteria on what is not stored make no sense; failure without a count.
    let entries = [
        entry(&cluster, "Person.coins", "10", "12"),
        entry(&cluster, "Thing.setHint", "(\"\")", "(\"\")"),
    ];
    let context = request(&mut cluster, &entries);
    let answer = Database::ObjectSetFieldsIfEqualsResp { context, done: false, current: Rest(&[]) };
    cluster.expect_answer(&answer).await;
    cluster.expect_field(do_id, "Person.coins", Some("10")).await;
    cluster.stop().await;
}

pub async fn set_if_empty(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[]).await;
    let field = cluster.field("Person.coins");
    for (coins, done) in [(1_u32, true), (2, false)] {
        let context = cluster.context();
        let value = coins.to_le_bytes();
        let value = Rest(&value);
        cluster.send(&Database::ObjectSetFieldIfEmpty { context, do_id, field, value });
        if done {
            cluster.expect_set(do_id, "Person.coins", "1").await;
        }
        let current = match done {
            true => Vec::new(),
            false => cluster.entries(&[("Person.coins", "1")]),
        };
        let current = Rest(&current);
        cluster
            .expect_answer(&Database::ObjectSetFieldIfEmptyResp { context, done, current })
            .await;
    }
    let context = cluster.context();
    let bytes = cluster.entries(&[("Person.setName", "(\"n\")"), ("Person.coins", "3")]);
    let fields = FieldValues { count: 2, bytes: &bytes };
    cluster.send(&Database::ObjectSetFieldsIfEmpty { context, do_id, fields });
    let current = [&1_u16.to_le_bytes()[..], &cluster.entries(&[("Person.coins", "1")])].concat();
    let answer =
        Database::ObjectSetFieldsIfEmptyResp { context, done: false, current: Rest(&current) };
    cluster.expect_answer(&answer).await;
    cluster.expect_field(do_id, "Person.setName", None).await;
    cluster.stop().await;
}

pub async fn delete_is_announced_if_there_was_something(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    cluster.send(&Database::ObjectDelete { do_id: DoId(1_000_005) });
    cluster.expect_silence().await;
    cluster.send(&Database::ObjectDelete { do_id });
    cluster.expect_broadcast(do_id, &Database::ObjectDelete { do_id }).await;
    cluster.expect_no_object(do_id).await;
    cluster.expect_field(do_id, "Person.coins", None).await;
    cluster.send(&Database::ObjectDelete { do_id });
    cluster.expect_silence().await;
    cluster.stop().await;
}

pub async fn ids_are_given_in_order_until_there_is_none(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let delete = async |cluster: &mut Cluster, id: u32| {
        let do_id = DoId(id);
        cluster.send(&Database::ObjectDelete { do_id });
        cluster.expect_broadcast(do_id, &Database::ObjectDelete { do_id }).await;
    };
    for id in 1_000_000..=1_000_005 {
        assert_eq!(cluster.create("Thing", &[]).await, DoId(id));
    }
    // A freed id is not given while there are some that never were.
    delete(&mut cluster, 1_000_004).await;
    delete(&mut cluster, 1_000_001).await;
    for id in 1_000_006..=1_000_010 {
        assert_eq!(cluster.create("Thing", &[]).await, DoId(id));
    }
    // Then the oldest freed one comes first.
    assert_eq!(cluster.create("Person", &[]).await, DoId(1_000_004));
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_001));
    assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
    // What was not there frees nothing.
    cluster.send(&Database::ObjectDelete { do_id: DoId(999) });
    assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
    delete(&mut cluster, 1_000_010).await;
    cluster.send(&Database::ObjectDelete { do_id: DoId(1_000_010) });
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_010));
    assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
    // The object under a used id is the new one only.
    cluster.expect_object(DoId(1_000_004), "Person", &DEFAULTS).await;
    cluster.stop().await;
}

pub async fn an_id_can_be_given_again_at_once(mut setup: Setup) {
    setup.range = (1_000_000, 1_000_000);
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "1")]).await;
    // Both may be part of one commit.
    cluster.send(&Database::ObjectDelete { do_id });
    let again = cluster.class("Other");
    let context = cluster.context();
    let fields = FieldValues::default();
    cluster.send(&Database::CreateObject { context, class_id: again, fields });
    cluster.expect_broadcast(do_id, &Database::ObjectDelete { do_id }).await;
    cluster.expect_answer(&Database::CreateObjectResp { context, do_id }).await;
    cluster.expect_object(do_id, "Other", &[]).await;
    cluster.stop().await;
}

pub async fn everything_survives_a_restart(mut setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let values = [("Person.setName", "(\"Zoë \\x01\")"), ("Person.photo", "<04000001fffe>")];
    let kept = cluster.create("Person", &values).await;
    let deleted = cluster.create("Thing", &[]).await;
    cluster.send(&Database::ObjectDelete { do_id: deleted });
    cluster.expect_broadcast(deleted, &Database::ObjectDelete { do_id: deleted }).await;
    cluster.stop().await;

    let mut cluster = Cluster::start(&setup).await;
    let expected = [values[0], DEFAULTS[0], DEFAULTS[1], values[1]];
    cluster.expect_object(kept, "Person", &expected).await;
    cluster.expect_no_object(deleted).await;
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_002));
    cluster.stop().await;

    // The last id of the range is the freed one.
    setup.range = (1_000_000, 1_000_002);
    let mut cluster = Cluster::start(&setup).await;
    assert_eq!(cluster.create("Thing", &[]).await, deleted);
    assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
    cluster.stop().await;
}

pub async fn operations_on_one_object_keep_their_order(mut setup: Setup) {
    const COUNT: u32 = 500;
    setup.range = (1_000_000, 1_100_000);
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[("Person.coins", "0")]).await;
    let field = cluster.field("Person.coins");
    for coins in 1..=COUNT {
        cluster.set(do_id, "Person.coins", &coins.to_string());
        let context = cluster.context();
        cluster.send(&Database::ObjectGetField { context, do_id, field });
    }
    let first = 1;
    for coins in 1..=COUNT {
        let text = coins.to_string();
        cluster.expect_set(do_id, "Person.coins", &text).await;
        let context = donet::ids::Context(first + coins);
        let value = coins.to_le_bytes();
        let value = Some((field, Rest(&value)));
        cluster.expect_answer(&Database::ObjectGetFieldResp { context, value }).await;
    }
    cluster.stop().await;
}

pub async fn many_creations_at_once_get_different_ids(mut setup: Setup) {
    const COUNT: usize = 600;
    setup.range = (1_000_000, 1_100_000);
    let mut cluster = Cluster::start(&setup).await;
    let class_id = cluster.class("Person");
    let bytes = cluster.entries(&[("Person.coins", "1")]);
    for _ in 0..COUNT {
        let context = cluster.context();
        let fields = FieldValues { count: 1, bytes: &bytes };
        cluster.send(&Database::CreateObject { context, class_id, fields });
    }
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..COUNT {
        let answer = cluster.receive().await;
        let id = u32::from_le_bytes(*answer.last_chunk().expect("a doId"));
        assert!((1_000_000..=1_100_000).contains(&id));
        assert!(ids.insert(id), "{id} was given twice");
    }
    let last = DoId(*ids.last().expect("many"));
    cluster.expect_object(last, "Person", &[DEFAULTS[0], DEFAULTS[1], ("Person.coins", "1")]).await;
    cluster.stop().await;
}

pub async fn nothing_is_announced_if_so_configured(mut setup: Setup) {
    setup.broadcast = false;
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[]).await;
    cluster.set(do_id, "Person.coins", "1");
    cluster.expect_field(do_id, "Person.coins", Some("1")).await;
    cluster.send(&Database::ObjectDelete { do_id });
    cluster.expect_no_object(do_id).await;
    cluster.stop().await;
}

pub async fn an_object_larger_than_a_datagram_fails_alone(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &[]).await;
    let large = [&40_000_u16.to_le_bytes()[..], &[b'x'; 40_000]].concat();
    for name in ["Person.photo", "Person.setName"] {
        let field = cluster.field(name);
        cluster.send(&Database::ObjectSetField { do_id, field, value: Rest(&large) });
        let message = Database::ObjectSetField { do_id, field, value: Rest(&large) };
        cluster.expect_broadcast(do_id, &message).await;
    }
    cluster.expect_no_object(do_id).await;
    cluster.expect_field(do_id, "Person.setAge", Some("(20)")).await;
    cluster.stop().await;
}

pub async fn the_dc_files_may_be_reordered_and_extended(mut setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let given = [("Person.setName", "(\"Eve\")"), ("Person.coins", "5")];
    let person = cluster.create("Person", &given).await;
    let other = cluster.create("Other", &[("Other.setElse", "(7)")]).await;
    cluster.stop().await;

    // Ids differ, one class and one field are gone, limits differ, one field is new.
    setup.dc = parse_dc(
        "dclass New { setNew(uint8 n = 1) db; };
         dclass Person {
             uint32(0-4) coins db;
             setName(string(0-50) n) db;
             setWealth(uint8 w = 3) db;
         };",
    );
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(person, "Person.setName", Some("(\"Eve\")")).await;
    // 5 coins are not allowed any more: they are left out, nothing is misread.
    cluster.expect_object(person, "Person", &[("Person.setName", "(\"Eve\")")]).await;
    let coins = cluster.field("Person.coins");
    cluster.expect_fields(person, &[coins], Some(&[])).await;
    cluster.expect_field(person, "Person.coins", None).await;
    cluster.set(person, "Person.coins", "4");
    cluster.expect_set(person, "Person.coins", "4").await;
    let expected = [("Person.coins", "4"), ("Person.setName", "(\"Eve\")")];
    cluster.expect_object(person, "Person", &expected).await;
    cluster.expect_no_object(other).await;
    cluster.set(person, "Person.setWealth", "(9)");
    cluster.expect_set(person, "Person.setWealth", "(9)").await;
    cluster.stop().await;

    // What the new files do not have is there still.
    setup.dc = parse_dc(DC);
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_field(person, "Person.setAge", Some("(20)")).await;
    cluster.expect_object(other, "Other", &[("Other.setElse", "(7)")]).await;
    cluster.stop().await;
}
