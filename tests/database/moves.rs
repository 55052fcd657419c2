//! Moving objects between stores, files and Astron's formats.

use std::fs;
use std::path::Path;

use bson::{Bson, doc};
use donet::config::BackendConfig;
use donet::ids::DoId;
use donet::message::Database;
use donet::store::archive::Archive;
use donet::store::transfer::{
    self, CopyError, JsonLines, JsonStream, Mode, Moved, Options, show, stats, verify,
};
use donet::store::{Schema, open_archive, open_archive_mut};

use crate::harness::{Cluster, Setup, parse_dc};
use crate::stores::{execute_in, number_in};

const OPTIONS: Options =
    Options { mode: Mode::New, drop_unreadable: false, verify: true, range: None };

async fn import(
    source: &mut dyn Archive,
    target: &Setup,
    options: Options,
) -> Result<Moved, CopyError> {
    let schema = Schema::new(target.dc.clone());
    let mut target = open_archive_mut(&target.backend, &schema).await.expect("opens");
    transfer::copy(source, &mut *target, &schema, options, &mut |_, _, _| {}).await
}

async fn export(source: &Setup, file: &Path, options: Options) -> Result<Moved, CopyError> {
    let schema = Schema::new(source.dc.clone());
    let mut source = open_archive(&source.backend, &schema).await.expect("opens");
    let mut target = JsonLines::open_mut(file).expect("opens");
    transfer::copy(&mut *source, &mut target, &schema, options, &mut |_, _, _| {}).await
}

fn place(directory: &Path) -> [Setup; 2] {
    let yaml = BackendConfig::Yaml { directory: directory.join("yaml"), file_mode: 0o600 };
    let sqlite = BackendConfig::Sqlite { file: directory.join("moved.sqlite"), file_mode: 0o600 };
    [Setup::new(yaml), Setup::new(sqlite)]
}

const VALUES: [(&str, &str); 6] = [
    ("Thing.setLimit", "(100)"),
    ("Person.setName", "(\"Zoë \\\"x\\\" \\\\ \\x01: #\")"),
    ("Person.setAge", "(3)"),
    ("Person.setTitle", "(\"\")"),
    ("Person.coins", "7"),
    ("Person.photo", "<0400deadbeef>"),
];

pub async fn objects_move_to_a_file_and_from_there_anywhere(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let person = cluster.create("Person", &VALUES).await;
    let other = cluster.create("Other", &[]).await;
    let deleted = cluster.create("Thing", &[]).await;
    cluster.send(&Database::ObjectDelete { do_id: deleted });
    cluster.expect_broadcast(deleted, &Database::ObjectDelete { do_id: deleted }).await;
    cluster.stop().await;

    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("objects.jsonl");
    let moved = export(&setup, &file, OPTIONS).await.expect("exported");
    assert_eq!((moved.objects, moved.values), (2, 6));
    let again = export(&setup, &file, OPTIONS).await.expect_err("the file is there");
    assert!(matches!(again, CopyError::NotEmpty { objects: 2, .. }), "{again}");

    for target in place(directory.path()) {
        let mut source = JsonLines::open(&file).expect("an export");
        let moved = import(&mut source, &target, OPTIONS).await.expect("imported");
        assert_eq!((moved.objects, moved.values, moved.problem_count), (2, 6, 0));
        let range = (1_000_000, 1_000_003);
        let mut cluster = Cluster::start(&Setup { range, ..target.clone() }).await;
        cluster.expect_object(person, "Person", &VALUES).await;
        cluster.expect_object(other, "Other", &[]).await;
        // Ids go on where they were.
        assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_003));
        assert_eq!(cluster.create("Thing", &[]).await, deleted);
        assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
        cluster.stop().await;
        // What is there is not overwritten unless that is said.
        let refused = import(&mut source, &target, OPTIONS).await.expect_err("there are objects");
        assert!(matches!(refused, CopyError::NotEmpty { objects: 4, .. }), "{refused}");
        let resume = Options { mode: Mode::Resume, ..OPTIONS };
        let moved = import(&mut source, &target, resume).await.expect("nothing to do");
        assert_eq!((moved.objects, moved.skipped), (0, 2));
        let replace = Options { mode: Mode::Replace, ..OPTIONS };
        let moved = import(&mut source, &target, replace).await.expect("replaced");
        assert_eq!(moved.objects, 2);
        let schema = Schema::new(target.dc.clone());
        let mut archive = open_archive(&target.backend, &schema).await.expect("opens");
        assert_eq!(archive.count().await.expect("counted"), 2);
    }
}

pub async fn an_import_does_not_replace_another_object(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let person = cluster.create("Person", &VALUES).await;
    cluster.stop().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("objects.jsonl");
    export(&setup, &file, OPTIONS).await.expect("exported");
    let mut cluster = Cluster::start(&setup).await;
    cluster.set(person, "Person.coins", "8");
    cluster.expect_set(person, "Person.coins", "8").await;
    cluster.stop().await;
    let mut source = JsonLines::open(&file).expect("an export");
    let resume = Options { mode: Mode::Resume, ..OPTIONS };
    let refused = import(&mut source, &setup, resume).await.expect_err("it is another object");
    assert!(matches!(refused, CopyError::Different { do_id, .. } if do_id == person), "{refused}");
}

pub async fn an_export_that_was_cut_short_is_refused_and_goes_on(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    for coins in 0..10 {
        cluster.create("Person", &[("Person.coins", &coins.to_string())]).await;
    }
    cluster.stop().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("objects.jsonl");
    export(&setup, &file, OPTIONS).await.expect("exported");
    let whole = fs::read(&file).expect("read");
    for length in [whole.len() - 1, whole.len() / 2, 40, 10, 0] {
        fs::write(&file, &whole[..length]).expect("written");
        let error = JsonLines::open(&file).expect_err("it is not complete");
        assert!(error.to_string().contains("cut short"), "{error}");
        let resume = Options { mode: Mode::Resume, ..OPTIONS };
        let moved = export(&setup, &file, resume).await.expect("completed");
        assert_eq!(moved.objects + moved.skipped, 10, "at {length}");
        assert_eq!(fs::read(&file).expect("read"), whole, "at {length}");
    }
}

pub async fn what_cannot_be_moved_is_named(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let person = cluster.create("Person", &VALUES).await;
    cluster.create("Other", &[("Other.setElse", "(7)")]).await;
    cluster.stop().await;
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("objects.jsonl");
    export(&setup, &file, OPTIONS).await.expect("exported");
    // Another DC file: a type that does not hold the value, and one class is gone.
    let text = "dclass Thing { setLimit(uint8(0-99) limit) db; };
        dclass Person : Thing { setName(string name) db; setAge(uint8 age) db;
            setTitle(string title) db; uint64 coins db; blob photo db; };";
    for mut target in place(directory.path()) {
        target.dc = parse_dc(text);
        let mut source = JsonLines::open(&file).expect("an export");
        let refused = import(&mut source, &target, OPTIONS).await.expect_err("not all fits");
        let CopyError::Unreadable(moved) = refused else { panic!("{refused}") };
        let problems: Vec<String> = moved.problems.iter().map(ToString::to_string).collect();
        assert!(problems[0].contains("object 1000000: Person.setLimit: `(100)`"), "{problems:?}");
        let drop = Options { drop_unreadable: true, ..OPTIONS };
        import(&mut source, &target, drop).await.expect("imported");
        let schema = Schema::new(target.dc.clone());
        let mut archive = open_archive(&target.backend, &schema).await.expect("opens");
        let shown = show(&mut *archive, &schema, person).await.expect("read").expect("there");
        let coins = shown.fields.iter().find(|(name, _)| name == "coins").expect("there");
        // The text fits the wider type, the bytes would not have.
        assert_eq!(coins.1, Ok("7".to_owned()));
        assert!(shown.fields.iter().all(|(name, _)| name != "setLimit"));
    }
}

pub async fn a_store_is_checked_counted_and_shown(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    let person = cluster.create("Person", &VALUES).await;
    cluster.create("Other", &[("Other.setElse", "(7)")]).await;
    cluster.stop().await;
    let mut changed = setup.clone();
    changed.dc = parse_dc("dclass Person { setAge(uint8(0-2) age) db; setName(string n) db; };");
    let schema = Schema::new(changed.dc.clone());
    let mut archive = open_archive(&changed.backend, &schema).await.expect("opens");
    let mut problems = Vec::new();
    let mut note = |problem: String, _| problems.push(problem);
    let objects = verify(&mut *archive, &schema, &mut |_, _, _| {}, &mut note).await;
    assert_eq!(objects.expect("read"), 2);
    for part in ["Person.setAge", "Person.coins", "no class `Other`"] {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
    let stats = stats(&mut *archive, &mut |_, _, _| {}).await.expect("read");
    assert_eq!(stats.classes["Person"].objects, 1);
    assert_eq!(stats.classes["Person"].values, 6);
    assert_eq!(stats.ids, Some((DoId(1_000_000), DoId(1_000_001))));
    let shown = show(&mut *archive, &schema, person).await.expect("read").expect("there");
    assert_eq!(shown.class, "Person");
    let name = shown.fields.iter().find(|(name, _)| name == "setName").expect("there");
    // Bytes beyond ASCII are escaped in DC text.
    assert!(name.1.as_ref().is_ok_and(|text| text.starts_with("(\"Zo\\xc3\\xab")), "{name:?}");
    assert!(show(&mut *archive, &schema, DoId(5)).await.expect("read").is_none());
}

pub async fn an_export_can_go_into_a_pipe(setup: Setup) {
    let mut cluster = Cluster::start(&setup).await;
    cluster.create("Person", &VALUES).await;
    cluster.stop().await;
    let schema = Schema::new(setup.dc.clone());
    let mut source = open_archive(&setup.backend, &schema).await.expect("opens");
    let mut written = Vec::new();
    let mut target = JsonStream::new(&mut written, "standard output".to_owned());
    let options = Options { verify: false, ..OPTIONS };
    transfer::copy(&mut *source, &mut target, &schema, options, &mut |_, _, _| {})
        .await
        .expect("exported");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("objects.jsonl");
    export(&setup, &file, OPTIONS).await.expect("exported");
    assert_eq!(written, fs::read(&file).expect("read"));
}

pub async fn a_dump_of_mongodb_is_moved(setup: Setup) {
    let objects = [
        doc! { "_id": 1_000_004_i64, "dclass": "Other", "fields": {} },
        doc! { "_id": 1_000_001_i64, "dclass": "Person", "fields": {
            "setName": { "name": "Zoë" },
            "setAge": { "age": 3.0 },
            "setTitle": { "title": "" },
            // Names decide, not the order.
            "setPlace": { "place": { "y": -2, "x": 1 } },
            "coins": 7_i64,
            "photo": Bson::Binary(bson::Binary {
                subtype: bson::spec::BinarySubtype::Generic,
                bytes: vec![0xde, 0xad],
            }),
        } },
    ];
    let globals =
        doc! { "_id": "GLOBALS", "doid": { "monotonic": 1_000_006_i64, "free": [1_000_005_i64] } };
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, documents: &[bson::Document], as_bson: bool| {
        let bytes: Vec<Vec<u8>> = documents
            .iter()
            .map(|document| match as_bson {
                true => document.to_vec().expect("BSON"),
                false => {
                    let json = Bson::Document(document.clone()).into_relaxed_extjson();
                    format!("{json}\n").into_bytes()
                }
            })
            .collect();
        fs::write(directory.path().join(name), bytes.concat()).expect("written");
    };
    for as_bson in [true, false] {
        let extension = if as_bson { "bson" } else { "json" };
        write(&format!("astron.objects.{extension}"), &objects, as_bson);
        write(&format!("astron.globals.{extension}"), std::slice::from_ref(&globals), as_bson);
        let schema = Schema::new(setup.dc.clone());
        let file = directory.path().join(format!("astron.objects.{extension}"));
        let mut source = transfer::open_path(&file, &schema).expect("opens");
        let replace = Options { mode: Mode::Replace, ..OPTIONS };
        let moved = import(&mut *source, &setup, replace).await.expect("imported");
        assert_eq!((moved.objects, moved.values), (2, 6));
        let range = (1_000_000, 1_000_005);
        let mut cluster = Cluster::start(&Setup { range, ..setup.clone() }).await;
        let values = [
            ("Person.setName", "(\"Zoë\")"),
            ("Person.setAge", "(3)"),
            ("Person.setTitle", "(\"\")"),
            ("Person.setPlace", "({1, -2})"),
            ("Person.coins", "7"),
            ("Person.photo", "<0200dead>"),
        ];
        cluster.expect_object(DoId(1_000_001), "Person", &values).await;
        cluster.expect_object(DoId(1_000_004), "Other", &[]).await;
        assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_005));
        assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
        cluster.stop().await;
        // The folder of a dump does as well.
        let folder = transfer::open_path(directory.path(), &schema).expect("opens");
        assert!(folder.describe().contains("astron.objects"), "{}", folder.describe());
    }
}

/// The configuration of Astron's SQL backend for a store.
fn soci(backend: &BackendConfig) -> BackendConfig {
    let (driver, url) = match backend {
        BackendConfig::Sqlite { file, .. } => {
            let database = file.display().to_string();
            let (driver, address, username, password) = Default::default();
            let _: String = driver;
            let driver = "sqlite3".to_owned();
            return BackendConfig::Soci { driver, database, address, username, password };
        }
        BackendConfig::Postgres { url, .. } => ("postgresql", url),
        BackendConfig::MySql { url, .. } => ("mysql", url),
        other => panic!("{other:?} is not one of Astron's"),
    };
    let url = url::Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    BackendConfig::Soci {
        driver: driver.to_owned(),
        database: url.path().trim_start_matches('/').to_owned(),
        address: format!("{host}:{}", url.port_or_known_default().unwrap_or(5432)),
        username: url.username().to_owned(),
        password: url.password().unwrap_or_default().to_owned(),
    }
}

pub async fn astrons_tables_are_not_overlooked(setup: Setup) {
    let tables = "
        CREATE TABLE objects (id INT NOT NULL PRIMARY KEY, class_id INT NOT NULL);
        CREATE TABLE classes (id INT NOT NULL PRIMARY KEY, name VARCHAR(32) NOT NULL,
            storable BOOLEAN NOT NULL);
        CREATE TABLE fields_Person (object_id INT NOT NULL PRIMARY KEY, setName TEXT,
            setAge TEXT, setPlace TEXT, coins TEXT);
        INSERT INTO classes VALUES (2, 'Person', true);
        INSERT INTO classes VALUES (4, 'Plain', false);
        INSERT INTO objects VALUES (1000000, 2);
        INSERT INTO objects VALUES (1000002, 4);
        INSERT INTO fields_Person VALUES (1000000, '(\"O''Hara\")', '(3)', NULL, '7');";
    if let BackendConfig::Sqlite { file, .. } = &setup.backend {
        fs::write(file, []).expect("created");
    }
    execute_in(&setup.backend, tables).await;
    let setup = Setup { backend: soci(&setup.backend), ..setup };
    let refused = Cluster::try_start(&setup).await.err().map(|error| format!("{error:#}"));
    let refused = refused.expect("the objects would seem to be lost");
    assert!(refused.contains("2 objects") && refused.contains("donet db import"), "{refused}");

    let schema = Schema::new(setup.dc.clone());
    let mut source = open_archive(&setup.backend, &schema).await.expect("opens");
    let moved = import(&mut *source, &setup, OPTIONS).await.expect("imported");
    assert_eq!((moved.objects, moved.values), (2, 3));
    drop(source);
    let mut cluster = Cluster::start(&setup).await;
    let values =
        [("Person.setName", "(\"O'Hara\")"), ("Person.setAge", "(3)"), ("Person.coins", "7")];
    cluster.expect_object(DoId(1_000_000), "Person", &values).await;
    cluster.expect_object(DoId(1_000_002), "Plain", &[]).await;
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_003));
    cluster.stop().await;
}

/// `next` says more than the objects and the free ids do: here, somebody has emptied the list of the free ones.
pub async fn ids_that_were_given_are_not_given_again(setup: Setup) {
    let directory = tempfile::tempdir().expect("a directory");
    let yaml = directory.path().join("astron");
    fs::create_dir(&yaml).expect("made");
    fs::write(yaml.join("info.yaml"), "next: 1000005\n").expect("written");
    fs::write(yaml.join("1000001.yaml"), "class: Thing\nfields: {}\n").expect("written");
    let schema = Schema::new(setup.dc.clone());
    let mut source = transfer::open_path(&yaml, &schema).expect("opens");
    import(&mut *source, &setup, OPTIONS).await.expect("imported");
    let mut cluster = Cluster::start(&setup).await;
    assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_005));
    let do_id = cluster.create("Thing", &[]).await;
    cluster.send(&Database::ObjectDelete { do_id });
    cluster.expect_broadcast(do_id, &Database::ObjectDelete { do_id }).await;
    cluster.stop().await;

    // From here into a file, and into each kind of files again.
    let file = directory.path().join("objects.jsonl");
    export(&setup, &file, OPTIONS).await.expect("exported");
    for target in place(directory.path()) {
        let mut source = JsonLines::open(&file).expect("an export");
        import(&mut source, &target, OPTIONS).await.expect("imported");
        // What the target knows of ids is not forgotten either, if it has more.
        let behind = directory.path().join("behind");
        let _ = fs::remove_dir_all(&behind);
        fs::create_dir(&behind).expect("made");
        fs::write(behind.join("info.yaml"), "next: 1000002\n").expect("written");
        let mut source = transfer::open_path(&behind, &schema).expect("opens");
        let resume = Options { mode: Mode::Resume, ..OPTIONS };
        import(&mut *source, &target, resume).await.expect("nothing to do");
        let range = (1_000_000, 1_000_007);
        let mut cluster = Cluster::start(&Setup { range, ..target.clone() }).await;
        assert_eq!(cluster.create("Thing", &[]).await, DoId(1_000_007), "{:?}", target.backend);
        assert_eq!(cluster.create("Thing", &[]).await, do_id);
        assert_eq!(cluster.create("Thing", &[]).await, DoId(0));
        cluster.stop().await;
    }
}

/// How many rows of `donet_content` show a value so.
async fn rows(setup: &Setup, class: &str, field: &str, value: &str) -> i64 {
    let value = value.replace('\'', "''");
    let sql = format!(
        "SELECT count(*) FROM donet_content \
         WHERE class = '{class}' AND field = '{field}' AND value = '{value}'"
    );
    number_in(&setup.backend, &sql).await
}

pub async fn people_can_read_what_is_stored(setup: Setup) {
    const SHOWN: [(&str, &str); 3] =
        [("setName", "(\"O'Hara\")"), ("coins", "7"), ("setPlace", "({1, -2})")];
    let given = SHOWN.map(|(name, value)| (format!("Person.{name}"), value));
    let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (&**name, *value)).collect();
    let mut cluster = Cluster::start(&setup).await;
    let do_id = cluster.create("Person", &given).await;
    let large = format!("\"{}\"", "x".repeat(2_000));
    cluster.set(do_id, "Person.photo", &large);
    cluster.expect_set(do_id, "Person.photo", &large).await;
    cluster.set(do_id, "Person.coins", "8");
    cluster.expect_set(do_id, "Person.coins", "8").await;
    assert_eq!(rows(&setup, "Person", "coins", "7").await, 0);
    cluster.set(do_id, "Person.coins", "7");
    cluster.expect_set(do_id, "Person.coins", "7").await;
    cluster.stop().await;
    let expect_shown = async |setup: &Setup| {
        for (name, value) in SHOWN {
            assert_eq!(rows(setup, "Person", name, value).await, 1, "{name}");
        }
        assert_eq!(rows(setup, "Person", "photo", "(2002 bytes)").await, 1);
    };
    expect_shown(&setup).await;

    // The tables as an earlier version has made them.
    let back = match &setup.backend {
        BackendConfig::MySql { .. } => "DELETE FROM donet_schema WHERE version > 2",
        BackendConfig::Sqlite { .. } => "UPDATE donet_schema SET version = 1",
        _ => "UPDATE donet_schema SET version = 2",
    };
    let earlier = format!(
        "DROP VIEW donet_content; ALTER TABLE donet_value DROP COLUMN text; \
         CREATE VIEW donet_content AS SELECT object_id AS object, value AS value FROM donet_value; \
         DROP TABLE donet_given; DROP TABLE donet_unshown; {back}"
    );
    execute_in(&setup.backend, &earlier).await;
    Cluster::start(&setup).await.stop().await;
    expect_shown(&setup).await;
    // Those who only read leave tables as they are. Into those of a server that are of an earlier version they do not look.
    execute_in(&setup.backend, &earlier).await;
    let schema = Schema::new(setup.dc.clone());
    if !matches!(setup.backend, BackendConfig::Sqlite { .. }) {
        assert!(open_archive(&setup.backend, &schema).await.is_err());
        Cluster::start(&setup).await.stop().await;
    }
    let mut archive = open_archive(&setup.backend, &schema).await.expect("opens");
    if let BackendConfig::Sqlite { .. } = &setup.backend {
        let version = number_in(&setup.backend, "SELECT version FROM donet_schema").await;
        assert_eq!(version, 1);
    }

    let directory = tempfile::tempdir().expect("a directory");
    let [_, moved] = place(directory.path());
    import(&mut *archive, &moved, OPTIONS).await.expect("imported");
    expect_shown(&moved).await;
}
