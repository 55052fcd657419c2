//! Stored values: of every type, of molecular fields, and those that cannot be read any more.

use std::sync::Arc;

use dclass::{DcFile, Field};
use donet::config::BackendConfig;
use donet::ids::{DoId, FieldId};
use donet::message::{Database, FieldValues, Rest};
use donet::store::transfer::{self, JsonLines, Mode, Options};
use donet::store::{Schema, open_archive, open_archive_mut};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::harness::{Cluster, Setup, parse_dc};
use crate::types::{Chance, Type, any_type};

const MOLECULAR: &str = "
    dclass Person {
        setP(uint8 p) required ram db;
        setQ(string q = \"none\") required ram db;
        uint16 r db;
        mixDb : setP, setQ;
        lone : r;
    };
";

/// It is a field like any other: its parts have their own values.
pub async fn a_molecular_value_is_a_value(setup: Setup) {
    let setup = Setup { dc: parse_dc(MOLECULAR), ..setup };
    let mut cluster = Cluster::start(&setup).await;
    let plain = cluster.create("Person", &[]).await;
    cluster.expect_object(plain, "Person", &[("Person.setQ", "(\"none\")")]).await;
    let parts = [("Person.setP", "(1)"), ("Person.setQ", "(\"one\")")];
    let do_id = cluster.create("Person", &parts).await;
    let mix = ("Person.mixDb", "{(7), (\"seven\")}");
    cluster.set(do_id, mix.0, mix.1);
    cluster.expect_set(do_id, mix.0, mix.1).await;
    let all = [parts[0], parts[1], mix];
    cluster.expect_object(do_id, "Person", &all).await;
    cluster.stop().await;

    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_object(do_id, "Person", &all).await;
    let asked = [cluster.field(mix.0), cluster.field("Person.lone")];
    cluster.expect_fields(do_id, &asked, Some(&[mix])).await;
    // Conditions are on what is stored under its own name.
    let context = cluster.context();
    let entry = |name: &str, old: &str, new: &str| {
        let field = cluster.field(name).0.to_le_bytes();
        [&field[..], &cluster.pack(name, old), &cluster.pack(name, new)].concat()
    };
    let bytes =
        [entry(mix.0, mix.1, "{(8), (\"eight\")}"), entry("Person.setP", "(1)", "(2)")].concat();
    let fields = FieldValues { count: 2, bytes: &bytes };
    cluster.send(&Database::ObjectSetFieldsIfEquals { context, do_id, fields });
    let set = [("Person.setP", "(2)"), (mix.0, "{(8), (\"eight\")}")];
    cluster.expect_set_all(do_id, &set).await;
    let current = Rest(&[]);
    let done = Database::ObjectSetFieldsIfEqualsResp { context, done: true, current };
    cluster.expect_answer(&done).await;
    // Deleted alone, too, and created with.
    let field = cluster.field(mix.0);
    cluster.send(&Database::ObjectDeleteField { do_id, field });
    cluster.expect_broadcast(do_id, &Database::ObjectDeleteField { do_id, field }).await;
    cluster.expect_object(do_id, "Person", &[set[0], parts[1]]).await;
    let whole = [mix, ("Person.lone", "{513}")];
    let other = cluster.create("Person", &whole).await;
    let expected = [("Person.setQ", "(\"none\")"), whole[0], whole[1]];
    cluster.expect_object(other, "Person", &expected).await;
    cluster.stop().await;
    comes_back_from_anywhere(&setup, other).await;
    comes_from_mongodb(&setup).await;
}

/// Astron keeps it there as a document of its parts.
async fn comes_from_mongodb(setup: &Setup) {
    const OPTIONS: Options =
        Options { mode: Mode::Replace, drop_unreadable: false, verify: true, range: None };
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("astron.objects.json");
    let dump = "{\"_id\": 1000003, \"dclass\": \"Person\", \"fields\": {\"setP\": {\"p\": 1}, \
                \"mixDb\": {\"setQ\": {\"q\": \"seven\"}, \"setP\": {\"p\": 7}}, \"lone\": {\"r\": 513}}}\n";
    std::fs::write(&file, dump).expect("written");
    let schema = Schema::new(Arc::clone(&setup.dc));
    let mut source = transfer::open_path(&file, &schema).expect("opens");
    let mut target = open_archive_mut(&setup.backend, &schema).await.expect("opens");
    let nobody = &mut |_, _, _| {};
    let moved = transfer::copy(&mut *source, &mut *target, &schema, OPTIONS, nobody).await;
    moved.expect("imported");
    drop(target);
    let mut cluster = Cluster::start(setup).await;
    let values =
        [("Person.setP", "(1)"), ("Person.mixDb", "{(7), (\"seven\")}"), ("Person.lone", "{513}")];
    cluster.expect_object(DoId(1_000_003), "Person", &values).await;
    cluster.stop().await;
}

/// Moves everything into a file and from there into other stores, and compares an object.
async fn comes_back_from_anywhere(setup: &Setup, do_id: DoId) {
    const OPTIONS: Options =
        Options { mode: Mode::New, drop_unreadable: false, verify: true, range: None };
    let schema = Schema::new(Arc::clone(&setup.dc));
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("objects.jsonl");
    let mut source = open_archive(&setup.backend, &schema).await.expect("opens");
    let mut export = JsonLines::open_mut(&file).expect("opens");
    let nobody = &mut |_, _, _| {};
    transfer::copy(&mut *source, &mut export, &schema, OPTIONS, nobody).await.expect("exported");
    let expected = get_all(setup, do_id).await;
    for backend in [
        BackendConfig::Yaml { directory: directory.path().join("yaml"), file_mode: 0o600 },
        BackendConfig::Sqlite { file: directory.path().join("sqlite"), file_mode: 0o600 },
    ] {
        let mut export = JsonLines::open(&file).expect("opens");
        let mut target = open_archive_mut(&backend, &schema).await.expect("opens");
        let nobody = &mut |_, _, _| {};
        let moved = transfer::copy(&mut export, &mut *target, &schema, OPTIONS, nobody).await;
        moved.expect("imported");
        drop(target);
        let moved = Setup { backend, ..setup.clone() };
        assert_eq!(get_all(&moved, do_id).await, expected);
    }
}

/// The answer of a server that was just started.
async fn get_all(setup: &Setup, do_id: DoId) -> Vec<u8> {
    let mut cluster = Cluster::start(setup).await;
    let context = cluster.context();
    cluster.send(&Database::ObjectGetAll { context, do_id });
    let answer = cluster.receive().await;
    cluster.stop().await;
    answer
}

/// A value that the DC files do not allow any more takes nothing with it.
pub async fn a_value_that_cannot_be_read_is_left_out_and_kept(mut setup: Setup) {
    let dc = |age: &str| {
        parse_dc(&format!(
            "dclass Person {{ setName(string n) db; setAge({age} age) db; uint32 coins db; \
             setPair : setName, setAge; }};"
        ))
    };
    setup.dc = dc("uint8");
    let mut cluster = Cluster::start(&setup).await;
    let name = ("Person.setName", "(\"Ada\")");
    let given = [name, ("Person.setAge", "(200)"), ("Person.setPair", "{(\"Ada\"), (200)}")];
    let do_id = cluster.create("Person", &given).await;
    cluster.stop().await;

    setup.dc = dc("uint8(0-150)");
    let mut cluster = Cluster::start(&setup).await;
    cluster.expect_object(do_id, "Person", &[name]).await;
    let (age, coins) = (cluster.field("Person.setAge"), cluster.field("Person.coins"));
    cluster.expect_fields(do_id, &[age, cluster.field(name.0)], Some(&[name])).await;
    cluster.expect_field(do_id, "Person.setAge", None).await;
    // It is not absent, and is like nothing, so that no condition holds; and nobody is shown it.
    let context = cluster.context();
    let value = Rest(&[5]);
    cluster.send(&Database::ObjectSetFieldIfEmpty { context, do_id, field: age, value });
    let (done, current) = (false, Rest(&[]));
    let answer = Database::ObjectSetFieldIfEmptyResp { context, done, current };
    cluster.expect_answer(&answer).await;
    let context = cluster.context();
    let bytes = [
        cluster.entries(&[name]),
        cluster.pack(name.0, "(\"Eve\")"),
        age.0.to_le_bytes().to_vec(),
        vec![5, 6],
    ]
    .concat();
    let fields = FieldValues { count: 2, bytes: &bytes };
    cluster.send(&Database::ObjectSetFieldsIfEquals { context, do_id, fields });
    let current = [&1_u16.to_le_bytes()[..], &cluster.entries(&[name])].concat();
    let current = Rest(&current);
    let answer = Database::ObjectSetFieldsIfEqualsResp { context, done: false, current };
    cluster.expect_answer(&answer).await;
    // What is written beside it leaves it alone.
    let value = Rest(&[9, 0, 0, 0]);
    cluster.send(&Database::ObjectSetField { do_id, field: coins, value });
    cluster.expect_set(do_id, "Person.coins", "9").await;
    cluster.expect_object(do_id, "Person", &[name, ("Person.coins", "9")]).await;
    cluster.stop().await;
    let problems = problems(&setup).await;
    for part in ["Person.setAge: ", "Person.setPair: "] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
    assert_eq!(problems.len(), 2, "{problems:?}");

    let strict = setup.dc;
    setup.dc = dc("uint8");
    let mut cluster = Cluster::start(&setup).await;
    let all = [given[0], given[1], ("Person.coins", "9"), given[2]];
    cluster.expect_object(do_id, "Person", &all).await;
    cluster.stop().await;

    // It is set anew like any other.
    setup.dc = strict;
    let mut cluster = Cluster::start(&setup).await;
    cluster.set(do_id, "Person.setAge", "(150)");
    cluster.expect_set(do_id, "Person.setAge", "(150)").await;
    let all = [name, ("Person.setAge", "(150)"), ("Person.coins", "9")];
    cluster.expect_object(do_id, "Person", &all).await;
    cluster.stop().await;
}

/// What `donet db verify` says.
async fn problems(setup: &Setup) -> Vec<String> {
    let schema = Schema::new(Arc::clone(&setup.dc));
    let mut archive = open_archive(&setup.backend, &schema).await.expect("opens");
    let mut problems = Vec::new();
    let mut note = |problem: String, _| problems.push(problem);
    transfer::verify(&mut *archive, &schema, &mut |_, _, _| {}, &mut note).await.expect("read");
    problems
}

/// Random types of all kinds, with random values.
pub async fn values_of_every_type_come_back(setup: Setup) {
    const FIELDS: usize = 60;
    const OBJECTS: usize = 4;
    let seed = std::env::var("DONET_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut chance = Chance(seed.unwrap_or_else(donet::hash::random));
    println!("DONET_TEST_SEED={}", chance.0);
    let types = random_types(&mut chance, FIELDS);
    let dc = declare(&types, &mut chance);
    let setup = Setup { dc: Arc::clone(&dc), ..setup };
    let mut cluster = Cluster::start(&setup).await;
    let mut objects: Vec<(DoId, Vec<Packed>)> = Vec::new();
    for _ in 0..OBJECTS {
        let do_id = cluster.create("Any", &[]).await;
        let mut values = Vec::new();
        for field in dc.class_by_name("Any").expect("there").fields() {
            let value = random_value(field, &types, &mut chance);
            if value.is_empty() {
                continue;
            }
            let (field, rest) = (field.id(), Rest(&value));
            let message = Database::ObjectSetField { do_id, field, value: rest };
            cluster.send(&message);
            cluster.expect_broadcast(do_id, &message).await;
            values.push((field, value));
        }
        objects.push((do_id, values));
    }
    for _ in 0..2 {
        for (do_id, values) in &objects {
            expect_all(&mut cluster, *do_id, values).await;
        }
        // The second time from what was stored.
        cluster.stop().await;
        cluster = Cluster::start(&setup).await;
    }
    cluster.stop().await;
    assert_eq!(problems(&setup).await, [] as [String; 0]);
    comes_back_from_anywhere(&setup, objects[0].0).await;
}

/// A field with its value.
type Packed = (FieldId, Vec<u8>);

async fn expect_all(cluster: &mut Cluster, do_id: DoId, values: &[Packed]) {
    let context = cluster.context();
    cluster.send(&Database::ObjectGetAll { context, do_id });
    let entries = values.iter().flat_map(|(id, value)| [&id.0.to_le_bytes()[..], value].concat());
    let bytes: Vec<u8> = entries.collect();
    let count = values.len().try_into().expect("few fields");
    let object = Some((cluster.class("Any"), FieldValues { count, bytes: &bytes }));
    cluster.expect_answer(&Database::ObjectGetAllResp { context, object }).await;
}

fn random_types(chance: &mut Chance, count: usize) -> Vec<Type> {
    let seed: [u8; 32] = std::array::from_fn(|_| chance.below(256) as u8);
    let rng = proptest::test_runner::TestRng::from_seed(
        proptest::test_runner::RngAlgorithm::ChaCha,
        &seed,
    );
    let mut runner = TestRunner::new_with_rng(Default::default(), rng);
    let any = any_type();
    (0..count).map(|_| any.new_tree(&mut runner).expect("a type").current()).collect()
}

/// A class with a parameter field or a method for each type, by turns, and molecular fields of some of them.
fn declare(types: &[Type], chance: &mut Chance) -> Arc<DcFile> {
    let (mut structs, mut fields) = (Vec::new(), Vec::new());
    for (at, ty) in types.iter().enumerate() {
        fields.push(match at % 2 {
            0 => format!("{} db;", ty.declare(&format!("f{at}"), &mut structs)),
            _ => format!("f{at}({}, uint8 last) db;", ty.declare("x", &mut structs)),
        });
    }
    for at in 0..types.len() / 4 {
        let parts = (0..=chance.below(3)).map(|_| format!("f{}", chance.below(types.len())));
        fields.push(format!("m{at} : {};", parts.collect::<Vec<_>>().join(", ")));
    }
    parse_dc(&format!("{}\ndclass Any {{ {} }};", structs.join("\n"), fields.join("\n")))
}

fn random_value(field: &Field, types: &[Type], chance: &mut Chance) -> Vec<u8> {
    let parts = if field.parts().is_empty() { vec![field] } else { Vec::new() };
    let parts = parts.into_iter().chain(field.parts().iter().map(|part| &**part));
    let mut value = Vec::new();
    for part in parts {
        let at: usize = part.name()[1..].parse().expect("a number");
        types[at].pack(chance, &mut value);
        if at % 2 == 1 {
            value.push(chance.below(256) as u8);
        }
    }
    field.validate_all(&value).unwrap_or_else(|error| panic!("{}: {error}", field.type_text()));
    value
}
