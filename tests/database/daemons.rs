//! Migrations of what daemons with the old files and daemons with the new ones have stored, one after the other: random limits
//! and values, of which none is lost that the new files can hold.

use std::collections::BTreeMap;
use std::fs;

use dclass::diff::Renames;
use donet::config::BackendConfig;
use donet::ids::DoId;
use donet::store::archive::{Form, FreeIds, Record};
use donet::store::transfer::{Migrator, Permissions};
use donet::store::{Schema, open_archive, open_archive_mut, open_rewrite};

use crate::harness::{Cluster, Setup, parse_dc};
use crate::migrations::{ALL, NOTHING, Random, migrate, record, stored};

const ROUNDS: u64 = 20;
const OBJECTS: u32 = 10;
const FIRST: u32 = 1_000_000;

/// An integer with a range.
#[derive(Copy, Clone, Debug)]
struct Int {
    bits: u32,
    is_signed: bool,
    range: (i64, i64),
}

#[derive(Clone, Debug)]
enum Kind {
    Int(Int),
    /// So long at most.
    Text(u64),
    /// So many at most.
    Numbers(u64, Int),
    /// Of which a daemon with the new files has none: they mean something else by those.
    Scaled(u32),
}

impl Int {
    fn random(random: &mut Random, (bits, is_signed): (u32, bool)) -> Int {
        let low = if is_signed && random.one_in(2) { -(random.below(100) as i64) } else { 0 };
        let high = (random.below(400) as i64).min((1 << (bits - u32::from(is_signed))) - 1);
        Int { bits, is_signed, range: (low, high) }
    }

    fn text(self) -> String {
        let sign = if self.is_signed { "" } else { "u" };
        format!("{sign}int{}({} - {})", self.bits, self.range.0, self.range.1)
    }

    fn value(self, random: &mut Random) -> i64 {
        let (low, high) = self.range;
        match random.below(3) {
            0 => low,
            1 => high,
            _ => low + random.below((high - low + 1) as u64) as i64,
        }
    }

    fn has(self, value: i64) -> bool {
        (self.range.0..=self.range.1).contains(&value)
    }
}

#[derive(Clone, Debug)]
enum Value {
    Int(i64),
    Text(String),
    Numbers(Vec<i64>),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Value::Int(value) => value.to_string(),
            Value::Text(text) => format!("\"{text}\""),
            Value::Numbers(values) => {
                let texts: Vec<String> = values.iter().map(i64::to_string).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }
}

impl Kind {
    fn declaration(&self, name: &str) -> String {
        match self {
            Kind::Int(int) => format!("{} {name} db;", int.text()),
            Kind::Text(max) => format!("string(0-{max}) {name} db;"),
            Kind::Numbers(max, int) => format!("{} {name}[0-{max}] db;", int.text()),
            Kind::Scaled(divisor) => format!("int32/{divisor} {name} db;"),
        }
    }

    fn value(&self, random: &mut Random) -> Value {
        match self {
            Kind::Int(int) => Value::Int(int.value(random)),
            Kind::Text(max) => Value::Text("x".repeat(random.below(max + 1) as usize)),
            Kind::Numbers(max, int) => {
                Value::Numbers((0..random.below(max + 1)).map(|_| int.value(random)).collect())
            }
            Kind::Scaled(_) => Value::Int(random.below(1_000) as i64),
        }
    }

    fn has(&self, value: &Value) -> bool {
        match (self, value) {
            (Kind::Int(int), Value::Int(value)) => int.has(*value),
            (Kind::Text(max), Value::Text(text)) => text.len() as u64 <= *max,
            (Kind::Numbers(max, int), Value::Numbers(values)) => {
                values.len() as u64 <= *max && values.iter().all(|value| int.has(*value))
            }
            (Kind::Scaled(_), Value::Int(_)) => true,
            _ => unreachable!("kinds stay"),
        }
    }

    /// By the old and by the new files. Where text is stored, other widths and signs are limits, too.
    fn pair(random: &mut Random, is_text: bool) -> [Kind; 2] {
        let width = |random: &mut Random| ([8, 16, 32][random.below(3) as usize], random.one_in(2));
        match random.below(5) {
            0 => [(); 2].map(|()| Kind::Text(random.below(8) + 1)),
            1 => {
                let same = (16, random.one_in(2));
                [(); 2].map(|()| Kind::Numbers(random.below(4) + 1, Int::random(random, same)))
            }
            2 => [Kind::Scaled(10), Kind::Scaled(100)],
            _ => {
                let same = width(random);
                [(); 2].map(|()| {
                    let own = if is_text { width(random) } else { same };
                    Kind::Int(Int::random(random, own))
                })
            }
        }
    }
}

/// One object: its values, and those of `coins` and `money`, which that is called now.
#[derive(Clone, Debug, Default)]
struct Object {
    is_new: bool,
    values: BTreeMap<usize, Value>,
    coins: Option<u32>,
    money: Option<u32>,
}

impl Object {
    fn random(random: &mut Random, at: u32, kinds: &[[Kind; 2]]) -> Object {
        // The first one is of the old files, which are the right ones.
        let is_new = at > 0 && random.one_in(2);
        let mut object = Object { is_new, ..Object::default() };
        for (at, [old, new]) in kinds.iter().enumerate() {
            match (is_new, new) {
                _ if random.one_in(4) => {}
                (true, Kind::Scaled(_)) => {}
                (true, new) => drop(object.values.insert(at, new.value(random))),
                (false, _) => drop(object.values.insert(at, old.value(random))),
            }
        }
        object.coins = (at == 0 || random.one_in(2)).then(|| random.below(200) as u32);
        object.money = (is_new && random.one_in(2)).then(|| random.below(200) as u32);
        object
    }

    fn record(&self, do_id: u32, [old, new]: [&Schema; 2], form: Form) -> Record {
        let values = self.values.iter().map(|(at, value)| (format!("f{at}"), value.text()));
        let schema = if self.is_new { new } else { old };
        let mut all = record(do_id, schema, form, "A", &values.collect());
        for (name, value, schema) in [("coins", self.coins, old), ("money", self.money, new)] {
            let value = value.map(|value| (name.to_owned(), value.to_string()));
            all.values
                .extend(record(do_id, schema, form, "A", &value.into_iter().collect()).values);
        }
        all
    }

    /// What the object has by the new files, and how many values have no place in them.
    fn expected(&self, kinds: &[[Kind; 2]]) -> (BTreeMap<String, String>, u64) {
        let (mut values, mut lost) = (BTreeMap::new(), 0);
        for (at, value) in &self.values {
            match (&kinds[*at][1], value) {
                (Kind::Scaled(_), Value::Int(value)) => {
                    values.insert(format!("f{at}"), (10 * value).to_string());
                }
                (new, value) if new.has(value) => {
                    values.insert(format!("f{at}"), value.text());
                }
                _ => lost += 1,
            }
        }
        lost += u64::from(self.coins.is_some() && self.money.is_some());
        // It is required, and 5 if nobody says otherwise.
        let money = self.money.or(self.coins).unwrap_or(5);
        values.insert("money".to_owned(), money.to_string());
        (values, lost)
    }
}

fn schema(kinds: &[[Kind; 2]], at: usize) -> Schema {
    let fields =
        kinds.iter().enumerate().map(|(number, pair)| pair[at].declaration(&format!("f{number}")));
    let money = ["uint32 coins", "uint8 money"][at];
    Schema::new(parse_dc(&format!(
        "dclass A {{ {} {money} = 5 db required; }};",
        fields.collect::<String>()
    )))
}

pub async fn what_daemons_with_either_files_have_stored_is_not_lost(setup: Setup) {
    let seed = std::env::var("DONET_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9 + 1);
    println!("DONET_TEST_SEED={seed}");
    let mut random = Random(seed);
    for _ in 0..ROUNDS {
        one_round(&setup, &mut random).await;
    }
}

async fn one_round(setup: &Setup, random: &mut Random) {
    let directory = match &setup.backend {
        BackendConfig::Yaml { directory, .. } => Some(directory),
        _ => None,
    };
    let count = 1 + random.below(5);
    let kinds: Vec<_> = (0..count).map(|_| Kind::pair(random, directory.is_some())).collect();
    let (old, new) = (schema(&kinds, 0), schema(&kinds, 1));
    let objects: Vec<_> = (0..OBJECTS).map(|at| Object::random(random, at, &kinds)).collect();
    let mut archive = open_archive_mut(&setup.backend, &old).await.expect("opens");
    archive.clear().await.expect("cleared");
    let form = archive.form();
    let all = objects.iter().zip(FIRST..).map(|(object, id)| object.record(id, [&old, &new], form));
    let (ours, theirs): (Vec<_>, Vec<_>) = all.zip(&objects).partition(|(_, object)| object.is_new);
    // Types are those of whoever came first.
    let parts = if random.one_in(2) { [ours, theirs] } else { [theirs, ours] };
    for part in parts {
        let records: Vec<Record> = part.into_iter().map(|(record, _)| record).collect();
        archive.put(&records).await.expect("stored");
    }
    archive.set_free_ids(&FreeIds::default()).await.expect("noted");
    archive.close().await;
    // As Astron leaves it. Then nobody could tell what is scaled by which files, but that all of it is of the old ones.
    let types = directory.filter(|_| random.one_in(2)).map(|path| path.join("types.yaml"));
    if let Some(types) = types {
        fs::remove_file(types).expect("removed");
    }
    let place = format!("{kinds:?}: {objects:#?}");
    let mut renames = Renames::default();
    renames.field("A", "coins", "money");
    let expected: Vec<_> = objects.iter().map(|object| object.expected(&kinds)).collect();
    let lost: u64 = expected.iter().map(|(_, lost)| lost).sum();
    let schemas = [&old, &new];
    let (report, is_done) = migrate(setup, schemas, &renames, NOTHING).await.expect("it runs");
    assert!(report.is_from_right_files(), "{:?} {place}", report.stale);
    assert_eq!((report.lost.count, report.rounded.count), (lost, 0), "{:?} {place}", report.lost);
    if !is_done {
        assert!(migrate(setup, schemas, &renames, ALL).await.expect("it runs").1, "{place}");
    }
    for ((expected, _), id) in expected.into_iter().zip(FIRST..) {
        let is = stored(setup, &new, id).await;
        assert_eq!(is, Some(("A".to_owned(), expected)), "object {id} {place}");
    }
}

/// Whichever files are named as the old ones: nothing is written, or nothing that could be read is lost.
pub async fn files_that_are_the_wrong_way_round_change_nothing(setup: Setup) {
    let of = |text: &str| Schema::new(parse_dc(text));
    let old = of("dclass A { uint8/10 a db; uint16 b db; string gone db; };");
    let new = of("dclass A { uint16/100 a db; uint16(0-5) b db; string come db; };");
    let texts = [("a", "25"), ("b", "700"), ("gone", "\"x\"")];
    let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut archive = open_archive_mut(&setup.backend, &old).await.expect("opens");
    let records = [record(FIRST, &old, archive.form(), "A", &texts.into())];
    archive.put(&records).await.expect("stored");
    archive.close().await;
    let before = stored(&setup, &old, FIRST).await;
    let none = Renames::default();
    for (from, to) in [(&new, &old), (&new, &new)] {
        let (report, is_done) = migrate(&setup, [from, to], &none, ALL).await.expect("it runs");
        assert!(!is_done && report.stale.count == 1, "{report:?}");
        assert_eq!(stored(&setup, &old, FIRST).await, before);
    }
    let (mut store, _) = open_rewrite(&setup.backend, &old, None).await.expect("opens");
    let migrator = Migrator::new(&old, &new, &none, Permissions { drop: true, round: true });
    let report = migrator.look(&mut *store, &mut |_, _, _| {}).await.expect("it runs");
    store.close().await;
    assert!(report.is_from_right_files(), "{report:?}");
    let mut archive = open_archive(&setup.backend, &old).await.expect("opens");
    assert_eq!(archive.find(&[DoId(FIRST)]).await.expect("read").len(), 1);
}

/// A daemon with the new files has made objects of a class that is called otherwise in the old ones.
pub async fn objects_of_a_class_join_those_of_its_new_name(setup: Setup) {
    let of = |text: &str| Schema::new(parse_dc(text));
    let class = |name: &str, rest: &str| {
        format!("dclass {name} {{ uint8 same db; uint8(0-5) b db; {rest} }};")
    };
    let old = class("P", "int16/10 pos db; uint32 coins db; uint8 later db; uint8 gone db;");
    let old = of(&format!("{old} dclass E {{ ping(); }}; dclass Z {{ uint8 z db; }};"));
    let new = class("Q", "int32/100 pos db; uint32 money db; uint16 later db; uint8 come = 3 db;");
    let new_text = format!("{new} dclass F {{ ping(); }}; dclass P {{ uint8 z db; }};");
    let new = of(&new_text);
    let mut archive = open_archive_mut(&setup.backend, &old).await.expect("opens");
    let form = archive.form();
    let record = |at: u32, schema: &Schema, class: &str, values: &[(&str, &str)]| {
        let values = values.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        record(FIRST + at, schema, form, class, &values.collect())
    };
    let before = [
        record(0, &old, "P", &[("same", "1"), ("pos", "25"), ("coins", "7"), ("later", "4")]),
        record(1, &old, "P", &[("same", "2"), ("b", "3"), ("gone", "9")]),
        record(2, &old, "E", &[]),
        record(3, &old, "Z", &[("z", "6")]),
        record(4, &new, "Q", &[("same", "5"), ("b", "2"), ("money", "8"), ("come", "1")]),
    ];
    archive.put(&before).await.expect("stored");
    archive.close().await;
    let mut renames = Renames::default();
    renames.class("P", "Q");
    renames.class("E", "F");
    renames.class("Z", "P");
    renames.field("P", "coins", "money");
    let schemas = [&old, &new];
    let (report, is_done) = migrate(&setup, schemas, &renames, ALL).await.expect("it runs");
    assert!(is_done && report.lost.count == 1, "{report:?}");
    for (at, class, values) in [
        (0, "Q", "same 1, pos 250, money 7, later 4, come 3"),
        (1, "Q", "same 2, b 3, come 3"),
        (2, "F", ""),
        (3, "P", "z 6"),
        (4, "Q", "same 5, b 2, money 8, come 1"),
    ] {
        let values = values.split(", ").filter_map(|value| value.split_once(' '));
        let values = values.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let is = stored(&setup, &new, FIRST + at).await;
        assert_eq!(is, Some((class.to_owned(), values)), "object {at}");
    }
    let again = migrate(&setup, schemas, &renames, ALL).await.expect("it runs").0;
    assert_eq!(again.done_before, Some(1));
    // A server takes it as it is.
    let mut cluster = Cluster::start(&Setup { dc: parse_dc(&new_text), ..setup.clone() }).await;
    let values =
        [("Q.same", "1"), ("Q.pos", "250"), ("Q.money", "7"), ("Q.later", "4"), ("Q.come", "3")];
    cluster.expect_object(DoId(FIRST), "Q", &values).await;
    cluster.expect_object(DoId(FIRST + 3), "P", &[("P.z", "6")]).await;
    cluster.stop().await;
}
