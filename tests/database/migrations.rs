//! Stored objects from old DC files to new ones: random pairs of files and random objects, against rules that are
//! written down here once more, with fractions instead of bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dclass::diff::Renames;
use donet::ids::DoId;
use donet::store::archive::{Form, FreeIds, Raw, Record};
use donet::store::transfer::{Migrator, Permissions, Report, show};
use donet::store::{OpenError, Schema, open_archive, open_archive_mut, open_rewrite};

use crate::harness::{Cluster, Setup, parse_dc};

const ROUNDS: u64 = 25;
const OBJECTS: u32 = 12;
pub const NOTHING: Permissions = Permissions { drop: false, round: false };
pub const ALL: Permissions = Permissions { drop: true, round: true };

/// Numbers that are as random as they need to be, and the same for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// An integer type.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct Int {
    bits: u32,
    is_signed: bool,
    divisor: i128,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Kind {
    Int(Int),
    Text,
    Numbers(Int),
    /// A struct whose parts have names.
    Struct(Vec<(char, Int)>),
}

/// A field of the only class.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Model {
    name: String,
    kind: Kind,
    default: Option<u8>,
}

/// A value: packed numbers, or text.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Held {
    Number(i128),
    Text(String),
    Numbers(Vec<i128>),
    Struct(Vec<i128>),
}

impl Int {
    fn random(random: &mut Random) -> Int {
        let bits = [8, 16, 32, 64][random.below(4) as usize];
        let divisor = [1, 1, 10, 100][random.below(4) as usize];
        Int { bits, is_signed: random.one_in(2), divisor }
    }

    fn text(self) -> String {
        let Int { bits, is_signed, divisor } = self;
        let word = if is_signed { "int" } else { "uint" };
        if divisor == 1 { format!("{word}{bits}") } else { format!("{word}{bits}/{divisor}") }
    }

    fn bounds(self) -> (i128, i128) {
        match self.is_signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }

    fn value(self, random: &mut Random) -> i128 {
        let (min, max) = self.bounds();
        match random.below(4) {
            0 => min,
            1 => max,
            2 => i128::from(random.below(200)).min(max),
            _ => 100 * i128::from(random.below(2)),
        }
    }

    /// The value in another type, and whether it was rounded; nothing if it does not fit.
    fn carry(self, to: Int, value: i128) -> Option<(i128, bool)> {
        let product = value * to.divisor;
        let is_rounded = product % self.divisor != 0;
        let carried = (product * 2 + self.divisor).div_euclid(self.divisor * 2);
        let (min, max) = to.bounds();
        (min <= carried && carried <= max).then_some((carried, is_rounded))
    }
}

impl Model {
    fn random(random: &mut Random, name: String) -> Model {
        let kind = match random.below(6) {
            0 => Kind::Text,
            1 => Kind::Numbers(Int::random(random)),
            2 => Kind::Struct(vec![('x', Int::random(random)), ('y', Int::random(random))]),
            _ => Kind::Int(Int::random(random)),
        };
        let has_default = matches!(kind, Kind::Int(_)) && random.one_in(2);
        Model { name, kind, default: has_default.then_some(1) }
    }

    fn declaration(&self) -> (String, String) {
        let Model { name, kind, default } = self;
        let default = default.map_or(String::new(), |default| format!(" = {default}"));
        match kind {
            Kind::Int(int) => (String::new(), format!("{name}({} v{default}) db;", int.text())),
            Kind::Text => (String::new(), format!("string {name} db;")),
            Kind::Numbers(int) => (String::new(), format!("{} {name}[] db;", int.text())),
            Kind::Struct(parts) => {
                let mut fields = String::new();
                for (part, int) in parts {
                    write!(fields, "{} {part}; ", int.text()).expect("it takes everything");
                }
                (format!("struct S{name} {{ {fields}}};"), format!("S{name} {name} db;"))
            }
        }
    }

    fn value(&self, random: &mut Random) -> Held {
        match &self.kind {
            Kind::Int(int) => Held::Number(int.value(random)),
            Kind::Text => Held::Text(format!("t{}", random.below(1000))),
            Kind::Numbers(int) => {
                Held::Numbers((0..random.below(4)).map(|_| int.value(random)).collect())
            }
            Kind::Struct(parts) => {
                Held::Struct(parts.iter().map(|(_, int)| int.value(random)).collect())
            }
        }
    }

    /// The same field in later files.
    fn changed(&self, random: &mut Random) -> Model {
        let mut new = self.clone();
        let fresh = |random: &mut Random, int: &mut Int| {
            if random.one_in(2) {
                *int = Int::random(random);
            }
        };
        match &mut new.kind {
            Kind::Int(int) | Kind::Numbers(int) => fresh(random, int),
            Kind::Text => {}
            Kind::Struct(parts) => {
                parts.iter_mut().for_each(|(_, int)| fresh(random, int));
                if random.one_in(3) {
                    parts.reverse();
                }
                if random.one_in(4) {
                    parts.pop();
                }
                if random.one_in(3) {
                    parts.insert(0, ('z', Int::random(random)));
                }
            }
        }
        new
    }
}

/// What the rules say of a value: the new one, whether something was rounded, whether parts were left out. Nothing if it
/// does not fit.
fn expected(old: &Model, new: &Model, value: &Held) -> Option<(Held, bool, bool)> {
    match (&old.kind, &new.kind, value) {
        (Kind::Int(from), Kind::Int(to), Held::Number(value)) => {
            let (value, is_rounded) = from.carry(*to, *value)?;
            Some((Held::Number(value), is_rounded, false))
        }
        (Kind::Text, Kind::Text, value) => Some((value.clone(), false, false)),
        (Kind::Numbers(from), Kind::Numbers(to), Held::Numbers(values)) => {
            let carried: Option<Vec<_>> =
                values.iter().map(|value| from.carry(*to, *value)).collect();
            let (values, rounded): (Vec<_>, Vec<_>) = carried?.into_iter().unzip();
            Some((Held::Numbers(values), rounded.contains(&true), false))
        }
        (Kind::Struct(from), Kind::Struct(to), Held::Struct(values)) => {
            let (mut carried, mut is_rounded) = (Vec::new(), false);
            for (part, int) in to {
                let Some(at) = from.iter().position(|(other, _)| other == part) else {
                    carried.push(0);
                    continue;
                };
                let (value, rounded) = from[at].1.carry(*int, values[at])?;
                carried.push(value);
                is_rounded |= rounded;
            }
            let is_cut = from.iter().any(|(part, _)| !to.iter().any(|(other, _)| other == part));
            Some((Held::Struct(carried), is_rounded, is_cut))
        }
        _ => unreachable!("kinds stay"),
    }
}

fn text(model: &Model, value: &Held) -> String {
    let list = |values: &[i128]| values.iter().map(i128::to_string).collect::<Vec<_>>().join(", ");
    match value {
        Held::Number(value) if matches!(model.kind, Kind::Int(_)) => format!("({value})"),
        Held::Number(value) => value.to_string(),
        Held::Text(text) => format!("\"{text}\""),
        Held::Numbers(values) => format!("[{}]", list(values)),
        Held::Struct(values) => format!("{{{}}}", list(values)),
    }
}

fn schema(class: &str, fields: &[Model]) -> Schema {
    let (mut structs, mut members) = (String::new(), String::new());
    for (structure, member) in fields.iter().map(Model::declaration) {
        structs += &structure;
        members += &member;
    }
    Schema::new(parse_dc(&format!("{structs} dclass {class} {{ {members} }};")))
}

pub fn record(
    do_id: u32,
    schema: &Schema,
    form: Form,
    class: &str,
    values: &BTreeMap<String, String>,
) -> Record {
    let class_of = schema.class_by_name(class).expect("a class");
    let raw = |(name, text): (&String, &String)| {
        let field = class_of.field_by_name(name).expect("a field");
        let type_text = Some(field.named_type_text().into());
        let raw = match form {
            Form::Text | Form::Either => Raw::Text { text: text.clone(), type_text },
            Form::Packed => {
                Raw::Packed { value: field.parse(text).expect("a value").into(), type_text }
            }
        };
        (name.clone(), raw)
    };
    Record { do_id: DoId(do_id), class: class.to_owned(), values: values.iter().map(raw).collect() }
}

async fn fill(setup: &Setup, schema: &Schema, records: impl Fn(Form) -> Vec<Record>) {
    let mut archive = open_archive_mut(&setup.backend, schema).await.expect("opens");
    archive.clear().await.expect("cleared");
    let records = records(archive.form());
    archive.put(&records).await.expect("stored");
    archive.set_free_ids(&FreeIds::default()).await.expect("noted");
}

pub async fn migrate(
    setup: &Setup,
    [old, new]: [&Schema; 2],
    renames: &Renames,
    permissions: Permissions,
) -> Result<(Report, bool), OpenError> {
    let migrator = Migrator::new(old, new, renames, permissions);
    let command = migrator.command(String::new());
    let (mut store, _) = open_rewrite(&setup.backend, old, Some(&command)).await?;
    let report = migrator.look(&mut *store, &mut |_, _, _| {}).await?;
    if report.done_before.is_some() || !permissions.allow(&report) {
        return Ok((report, false));
    }
    let done = migrator.apply(&mut *store, 1, &mut |_, _, _| {}).await?;
    assert_eq!((done.changed, done.lost.count), (report.changed, report.lost.count));
    Ok((done, true))
}

pub async fn stored(
    setup: &Setup,
    schema: &Schema,
    do_id: u32,
) -> Option<(String, BTreeMap<String, String>)> {
    let mut archive = open_archive(&setup.backend, schema).await.expect("opens");
    let shown = show(&mut *archive, schema, DoId(do_id)).await.expect("read")?;
    let value = |(name, text): (String, Result<String, String>)| {
        (name.clone(), text.unwrap_or_else(|why| panic!("{name}: {why}")))
    };
    Some((shown.class, shown.fields.into_iter().map(value).collect()))
}

pub async fn random_objects_keep_what_they_mean(setup: Setup) {
    let seed = std::env::var("DONET_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) * 0x9e37_79b9 + 1);
    println!("DONET_TEST_SEED={seed}");
    let mut random = Random(seed);
    for round in 0..ROUNDS {
        one_round(&setup, &mut random, round).await;
    }
}

async fn one_round(setup: &Setup, random: &mut Random, round: u64) {
    let count = 1 + random.below(6);
    let old: Vec<Model> = (0..count).map(|at| Model::random(random, format!("f{at}"))).collect();
    let (mut new, mut renames) = (Vec::new(), Renames::default());
    // For each old field, the new one.
    let mut fates = Vec::new();
    let new_class = if random.one_in(3) { "B" } else { "A" };
    if new_class == "B" {
        renames.class("A", "B");
    }
    for model in &old {
        let mut changed = model.changed(random);
        match random.below(6) {
            0 => {
                fates.push(None);
                continue;
            }
            1 if !matches!(model.kind, Kind::Struct(_)) => {
                changed.name = format!("{}renamed", model.name);
                renames.field("A", &*model.name, &*changed.name);
            }
            _ => {}
        }
        fates.push(Some(changed.clone()));
        new.insert(random.below(new.len() as u64 + 1) as usize, changed);
    }
    let added = Model {
        default: Some(1),
        kind: Kind::Int(Int { bits: 8, is_signed: false, divisor: 1 }),
        name: "added".into(),
    };
    new.push(added);
    let (old_schema, new_schema) = (schema("A", &old), schema(new_class, &new));
    let mut objects = Vec::new();
    for _ in 0..OBJECTS {
        let mut values = BTreeMap::new();
        for (at, model) in old.iter().enumerate() {
            if !random.one_in(4) {
                values.insert(at, model.value(random));
            }
        }
        objects.push(values);
    }
    let texts = |values: &BTreeMap<usize, Held>| {
        values.iter().map(|(at, value)| (old[*at].name.clone(), text(&old[*at], value))).collect()
    };
    fill(setup, &old_schema, |form| {
        let objects = (1_000_000..).zip(&objects);
        objects.map(|(id, values)| record(id, &old_schema, form, "A", &texts(values))).collect()
    })
    .await;

    let (mut lost, mut rounded) = (0, 0);
    let mut results: Vec<BTreeMap<String, String>> = Vec::new();
    for values in &objects {
        let mut result = BTreeMap::from([("added".to_owned(), "(1)".to_owned())]);
        for (at, value) in values {
            let carried =
                fates[*at].as_ref().and_then(|new| Some((new, expected(&old[*at], new, value)?)));
            let Some((new, (value, is_rounded, is_cut))) = carried else {
                lost += 1;
                continue;
            };
            lost += u64::from(is_cut);
            rounded += u64::from(is_rounded);
            result.insert(new.name.clone(), text(new, &value));
        }
        results.push(result);
    }
    let place = format!("round {round}: {old:?} → {new:?}");
    let schemas = [&old_schema, &new_schema];
    let (report, is_done) = migrate(setup, schemas, &renames, NOTHING).await.expect("it runs");
    assert_eq!((report.lost.count, report.rounded.count), (lost, rounded), "{place}");
    assert_eq!(is_done, lost == 0 && rounded == 0, "{place}");
    if !is_done {
        // Nothing has changed.
        for (id, values) in (1_000_000..).zip(&objects) {
            let is = stored(setup, &old_schema, id).await;
            assert_eq!(is, Some(("A".to_owned(), texts(values))), "{place}");
        }
        let (_, is_done) = migrate(setup, schemas, &renames, ALL).await.expect("it runs");
        assert!(is_done, "{place}");
    }
    for (id, result) in (1_000_000..).zip(&results) {
        let is = stored(setup, &new_schema, id).await;
        assert_eq!(is.as_ref(), Some(&(new_class.to_owned(), result.clone())), "{place}");
    }
    let (again, _) = migrate(setup, schemas, &renames, ALL).await.expect("it runs");
    assert_eq!(again.done_before, Some(1), "{place}");
    // A server finds all of it in order.
    let mut cluster =
        Cluster::start(&Setup { dc: parse_dc(&dc_text(new_class, &new)), ..setup.clone() }).await;
    // In the order of the new files.
    let fields = new.iter().filter_map(|model| {
        Some((format!("{new_class}.{}", model.name), results[0].get(&model.name)?))
    });
    let fields: Vec<(String, &String)> = fields.collect();
    let fields: Vec<(&str, &str)> =
        fields.iter().map(|(name, text)| (&**name, text.as_str())).collect();
    cluster.expect_object(DoId(1_000_000), new_class, &fields).await;
    cluster.stop().await;
}

fn dc_text(class: &str, fields: &[Model]) -> String {
    let (structs, members): (Vec<String>, Vec<String>) =
        fields.iter().map(Model::declaration).unzip();
    format!("{} dclass {class} {{ {} }};", structs.join(" "), members.join(" "))
}

/// One object of class `A` with these values.
async fn fill_one(setup: &Setup, schema: &Schema, values: &[(&str, &str)]) {
    let values =
        values.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    fill(setup, schema, |form| vec![record(1_000_000, schema, form, "A", &values)]).await;
}

fn of(text: &str) -> Schema {
    Schema::new(parse_dc(text))
}

pub async fn names_that_change_places_do_so_once(setup: Setup) {
    let old = of("dclass A { uint8 a db; uint8 b db; uint8 c db; };");
    let new = of("dclass A { uint8 a db; uint8 b db; uint8 d db; };");
    fill_one(&setup, &old, &[("a", "1"), ("b", "2"), ("c", "3")]).await;
    let mut renames = Renames::default();
    for (from, to) in [("a", "b"), ("b", "d"), ("c", "a")] {
        renames.field("A", from, to);
    }
    for _ in 0..2 {
        migrate(&setup, [&old, &new], &renames, NOTHING).await.expect("it runs");
        let (_, values) = stored(&setup, &new, 1_000_000).await.expect("there");
        let expected = [("a", "3"), ("b", "1"), ("d", "2")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(values, BTreeMap::from(expected));
    }
}

pub async fn a_way_back_and_forth_can_be_gone_again(setup: Setup) {
    let (old, new) = (of("dclass A { int16/10 a db; };"), of("dclass A { int32/100 a db; };"));
    let third = of("dclass A { int32/1000 a db; };");
    fill_one(&setup, &old, &[("a", "25")]).await;
    let none = Renames::default();
    let value = async |schema: &Schema| {
        stored(&setup, schema, 1_000_000).await.expect("there").1["a"].clone()
    };
    for _ in 0..2 {
        migrate(&setup, [&old, &new], &none, NOTHING).await.expect("it runs");
        assert_eq!(value(&new).await, "250");
        let wrong = migrate(&setup, [&old, &third], &none, NOTHING)
            .await
            .expect_err("it is not old any more");
        assert!(wrong.to_string().contains("to others than these new ones"), "{wrong}");
        migrate(&setup, [&new, &old], &none, NOTHING).await.expect("it runs");
        assert_eq!(value(&old).await, "25");
    }
}

pub async fn a_class_that_is_gone_takes_its_objects_with_it(setup: Setup) {
    let old = of("dclass A { uint8 a db; }; dclass B { uint8 b db; };");
    let new = of("dclass B { uint8 b db; };");
    fill_one(&setup, &old, &[("a", "1")]).await;
    let none = Renames::default();
    let (report, is_done) = migrate(&setup, [&old, &new], &none, NOTHING).await.expect("it runs");
    assert_eq!((report.lost.count, is_done), (1, false));
    assert_eq!(report.lost.lines()[0], "object 1000000: A: the new files have no such class");
    let (_, is_done) = migrate(&setup, [&old, &new], &none, ALL).await.expect("it runs");
    assert!(is_done);
    assert_eq!(stored(&setup, &new, 1_000_000).await, None);
    let mut archive = open_archive(&setup.backend, &new).await.expect("opens");
    assert_eq!(archive.free_ids().await.expect("read").free, [DoId(1_000_000)]);
}

pub async fn what_the_old_files_do_not_know_stays(setup: Setup) {
    let more = of("dclass A { uint8 a db; uint8 kept db; }; dclass C { uint8 c db; };");
    let (old, new) = (of("dclass A { uint8 a db; };"), of("dclass A { uint16 a db; };"));
    fill_one(&setup, &more, &[("a", "1"), ("kept", "7")]).await;
    let (report, is_done) =
        migrate(&setup, [&old, &new], &Renames::default(), NOTHING).await.expect("it runs");
    assert_eq!((report.lost.count, is_done), (0, true));
    let later = of("dclass A { uint16 a db; uint8 kept db; };");
    let (_, values) = stored(&setup, &later, 1_000_000).await.expect("there");
    assert_eq!((&*values["a"], &*values["kept"]), ("1", "7"));
}

pub async fn a_molecular_value_goes_along_with_its_parts(setup: Setup) {
    let class = |parts: &str| format!("dclass A {{ {parts} mix : setA, setB; }};");
    let old = of(&class("setA(uint8/10 a) db; setB(string b) db;"));
    let new = of(&class("setB(string b) db; setA(uint16/100 a) db;"));
    let values = [("setA", "(7)"), ("setB", "(\"x\")"), ("mix", "{(7), (\"x\")}")];
    fill_one(&setup, &old, &values).await;
    let (report, is_done) =
        migrate(&setup, [&old, &new], &Renames::default(), NOTHING).await.expect("it runs");
    assert!(is_done, "{report:?}");
    let (_, values) = stored(&setup, &new, 1_000_000).await.expect("there");
    let expected = [("setA", "(70)"), ("setB", "(\"x\")"), ("mix", "{(70), (\"x\")}")];
    let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(values, BTreeMap::from(expected));
}
