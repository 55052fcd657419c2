//! SQLite files that somebody has altered, files and folders that only can be looked at, and files that may not grow.

mod pages;

use std::fs;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::program::Folder;

const DC: &str =
    "dclass Note {\n  text(string) db;\n  n(uint8) db;\n};\ndclass Other {\n  a(uint8) db;\n};\n";
const TEXT: &str = "
general: {dc_files: [game.dc]}
messagedirector: {bind: '127.0.0.1:0'}
roles: [{type: database, control: 4003, generate: {min: 5000}, operation_timeout_ms: 500, backend: {type: sqlite, file: o.sqlite}}]
";
const EXPORT: &str = "\
{\"donet\":\"export\",\"version\":1}
{\"id\":5000,\"class\":\"Note\",\"fields\":{\"text\":\"(\\\"x\\\")\",\"n\":\"(7)\"}}
{\"id\":5001,\"class\":\"Other\",\"fields\":{\"a\":\"(1)\"}}
{\"end\":2,\"next\":5009,\"free\":[5004]}
";
const MIGRATE: [&str; 7] = ["db", "migrate", "game.yml", "--from", "game.dc", "--to", "new.dc"];

fn folder() -> Folder {
    let new = DC.replace("uint8", "uint16");
    let files = [("game.dc", DC), ("new.dc", &new), ("game.yml", TEXT), ("objects.jsonl", EXPORT)];
    Folder::with(&files)
}

fn filled() -> Folder {
    let folder = folder();
    folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    folder
}

/// Does what nobody should.
pub fn alter(file: &Path, sql: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(file).foreign_keys(false);
        let mut connection = options.create_if_missing(true).connect().await.expect("opened");
        let sql = AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("altered");
        connection.close().await.expect("closed");
    });
}

#[test]
fn what_is_wrong_with_a_file_is_found_and_not_migrated() {
    let no_class = "donet_object, row 5000: no class has the number 5000000009";
    for (sql, why) in [
        (
            "UPDATE donet_field SET class_id = 99 WHERE name = 'n'",
            "donet_field, row 1 (n): no class has the number 99",
        ),
        (
            "UPDATE donet_field SET class_id = 2 WHERE name = 'n'",
            "donet_value, object 5000: field 1 (n) is one of class 2, and the object is of class 1",
        ),
        (
            "DELETE FROM donet_field WHERE name = 'n'",
            "donet_value, object 5000: no field has the number 1",
        ),
        ("DELETE FROM donet_class", "donet_field, row 2 (text): no class has the number 1"),
        (
            "UPDATE donet_object SET id = -5 WHERE id = 5000",
            "donet_object, row -5: this is no id of an object",
        ),
        (
            "UPDATE donet_object SET id = 5000000000 WHERE id = 5000",
            "donet_object, row 5000000000: this is no id of an object",
        ),
        (
            "DELETE FROM donet_object WHERE id = 5000",
            "donet_value: values without an object: 2 of 5000",
        ),
        ("INSERT INTO donet_free (id) VALUES (-3)", "donet_free: -3 is no id of an object"),
        (
            "INSERT INTO donet_free (id) VALUES (5001)",
            "donet_free: 5001 is the id of an object that is there",
        ),
        (
            "INSERT INTO donet_given (id) VALUES (5000000000)",
            "donet_given: 5000000000 is no id of an object",
        ),
        ("UPDATE donet_object SET class_id = 5000000009 WHERE id = 5000", no_class),
    ] {
        let folder = filled();
        alter(&folder.path("o.sqlite"), sql);
        let before = (folder.files(), fs::read(folder.path("o.sqlite")).expect("a database"));
        let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
        if why != no_class {
            verified.says(&[why]);
        }
        let migrated = folder.run(&[&MIGRATE[..], &["--apply", "--no-backup"]].concat()).code(1);
        let ways = "put a backup in its place; or write what can be read of it with";
        migrated.complains(&[
            "nothing is written: the SQLite database ",
            " is damaged\n",
            why,
            ways,
        ]);
        folder.run(&MIGRATE).code(1).complains(&[why]);
        assert_eq!(folder.files(), before.0, "{sql}");
        assert!(fs::read(folder.path("o.sqlite")).expect("a database") == before.1, "{sql}");
        // The way out that is named.
        let export = ["db", "export", "game.yml", "saved.jsonl", "--drop-unreadable"];
        folder.run(&export).code(0);
        fs::remove_file(folder.path("o.sqlite")).expect("removed");
        folder.run(&["db", "import", "game.yml", "saved.jsonl"]).code(0);
        folder.run(&["db", "verify", "game.yml"]).code(0);
    }
    let folder = filled();
    folder.run(&[&MIGRATE[..], &["--apply", "--no-backup"]].concat()).code(0);
    assert!(!folder.files().contains(&"o.sqlite-wal".to_owned()), "{:?}", folder.files());
}

#[test]
fn much_damage_is_counted() {
    let folder = filled();
    let rows = "WITH RECURSIVE n(i) AS (SELECT -1 UNION ALL SELECT i - 1 FROM n LIMIT 500) \
                INSERT INTO donet_object SELECT i, 1 FROM n";
    alter(&folder.path("o.sqlite"), rows);
    let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
    assert_eq!(verified.stdout.matches("donet_object, row").count(), 20, "{verified:#?}");
    verified.says(&["… and 480 more objects with ids that are none\n"]);
}

/// What is missing is no reason to make an empty one.
#[test]
fn a_table_that_is_missing_is_damage() {
    for (sql, why) in [
        ("DROP TABLE donet_free", "its table donet_free is missing"),
        (
            "DROP TABLE donet_object; DROP TABLE donet_value",
            "its tables donet_object, donet_value are missing",
        ),
        ("DROP TABLE donet_schema", "the table donet_schema is missing, but donet_class is there"),
        (
            "UPDATE donet_schema SET version = 0",
            "the table donet_schema says version 0, which no tables have",
        ),
        (
            "UPDATE donet_schema SET version = 1",
            "the table donet_schema says version 1, but donet_given is of a later one",
        ),
        ("UPDATE donet_schema SET version = 9", "its tables have version 9"),
        ("DELETE FROM donet_schema", "the table donet_schema is empty"),
    ] {
        let folder = filled();
        alter(&folder.path("o.sqlite"), sql);
        let before = fs::read(folder.path("o.sqlite")).expect("a database");
        let whole =
            format!("o.sqlite{} {why}", if sql.contains("= 9") { ":" } else { " is damaged:" });
        folder.run(&["check", "game.yml"]).code(1).complains(&[&whole]);
        folder.run(&["game.yml"]).code(1).says(&[&whole]);
        for command in ["verify", "stats", "export"] {
            folder.run(&["db", command, "game.yml"]).code(1).complains(&[&whole]);
        }
        let import = ["db", "import", "game.yml", "objects.jsonl", "--replace"];
        folder.run(&import).code(1).complains(&[&whole]);
        folder.run(&MIGRATE).code(1).complains(&[&whole]);
        assert!(fs::read(folder.path("o.sqlite")).expect("a database") == before, "{sql}");
    }
}

#[test]
fn who_looks_makes_nothing() {
    let foreign = folder();
    alter(&foreign.path("o.sqlite"), "CREATE TABLE objects_of_mine (a)");
    let empty = folder();
    empty.write("o.sqlite", "");
    for (folder, objects) in [(filled(), 2), (foreign, 0), (empty, 0)] {
        let before = (folder.files(), fs::read(folder.path("o.sqlite")).expect("a file"));
        let verified = folder.run(&["db", "verify", "game.yml"]).code(0);
        verified.complains(&[&format!("{objects} objects in the SQLite database ")]);
        folder.run(&["db", "stats", "game.yml"]).code(0).says(&[&format!("{objects} objects\n")]);
        let end = format!("{{\"end\":{objects}");
        folder.run(&["db", "export", "game.yml"]).code(0).says(&[&end]);
        let shown = folder.run(&["db", "show", "game.yml", "5000"]);
        shown.code(if objects == 0 { 1 } else { 0 });
        folder.run(&MIGRATE).code(0);
        folder.run(&["check", "game.yml"]).code(0);
        assert_eq!(folder.files(), before.0);
        assert!(fs::read(folder.path("o.sqlite")).expect("a file") == before.1);
    }
}

/// What is in the log of a daemon that runs, or was killed, is seen.
#[test]
fn who_looks_sees_what_is_in_the_log() {
    let folder = filled();
    let running = folder.start(&["game.yml"]).ready();
    alter(&folder.path("o.sqlite"), "INSERT INTO donet_object VALUES (5005, 1)");
    folder.run(&["db", "verify", "game.yml"]).code(0).complains(&["3 objects in"]);
    running.signal("KILL");
    running.wait();
    let listed = folder.files();
    assert!(listed.contains(&"o.sqlite-wal".to_owned()), "{listed:?}");
    folder.run(&["db", "stats", "game.yml"]).code(0).says(&["3 objects\n"]);
    assert_eq!(folder.files(), listed);
}

/// A limit on the size of files is an error as a full disk is, and not the end without a word.
#[test]
fn files_that_may_not_grow() {
    let folder = folder();
    let note = |id: u32| {
        let text = "x".repeat(900);
        format!("{{\"id\":{id},\"class\":\"Note\",\"fields\":{{\"text\":\"(\\\"{text}\\\")\"}}}}\n")
    };
    let notes: String = (5000..5500).map(note).collect();
    let export = format!("{{\"donet\":\"export\",\"version\":1}}\n{notes}{{\"end\":500}}\n");
    folder.write("many.jsonl", &export);
    let yaml = TEXT.replace("type: sqlite, file: o.sqlite", "type: yaml, directory: objects");
    folder.write("yaml.yml", &yaml);
    let limited =
        |blocks, arguments: &[&str]| folder.start_with_file_limit(blocks, arguments).wait().code(1);
    let import = ["db", "import", "game.yml", "many.jsonl"];
    limited(200, &import).complains(&["cannot write into the SQLite database ", "disk I/O error"]);
    limited(1, &["db", "import", "yaml.yml", "many.jsonl"]).complains(&["File too large"]);
    folder.run(&[&import[..], &["--replace"]].concat()).code(0);
    let export = ["db", "export", "game.yml", "o.jsonl"];
    limited(200, &export).complains(&["cannot write o.jsonl: File too large"]);
    let backup = ["db", "backup", "game.yml", "backup.sqlite"];
    limited(200, &backup).complains(&["backup.sqlite"]);
    assert!(!folder.files().iter().any(|name| name.starts_with("backup")), "{:?}", folder.files());
}

/// What a killed import leaves is no database that anybody starts with.
#[test]
fn an_import_that_was_killed() {
    let yaml = TEXT.replace("type: sqlite, file: o.sqlite", "type: yaml, directory: objects");
    for (text, is_yaml) in [(TEXT, false), (&*yaml, true)] {
        let folder = folder();
        folder.write("game.yml", text);
        folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
        folder.run(&["db", "verify", "game.yml"]).code(0);
        // It is there from before the first object is moved to after the last one.
        match is_yaml {
            true => folder.write("objects/.donet-import", ""),
            false => {
                alter(&folder.path("o.sqlite"), "CREATE TABLE donet_import (id BIGINT PRIMARY KEY)")
            }
        }
        let why = "a `donet db import` into the ";
        let way = "to finish it, give it again with --resume, or with --replace to begin anew";
        folder.run(&["check", "game.yml"]).code(1).complains(&[why, way]);
        folder.run(&["game.yml"]).code(1).says(&[why, way]);
        folder.run(&["db", "verify", "game.yml"]).code(1).says(&[why, way]);
        folder.run(&[&MIGRATE[..], &["--apply"]].concat()).code(1).complains(&[why, way]);
        let export = ["db", "export", "game.yml", "saved.jsonl"];
        folder.run(&export).code(1).complains(&[why, way, "--drop-unreadable takes what is there"]);
        folder.run(&["db", "backup", "game.yml", "copy"]).code(1).complains(&[why, way]);
        assert!(!folder.files().iter().any(|name| name.contains("copy") || name == "saved.jsonl"));
        folder.run(&["db", "stats", "game.yml"]).code(0).complains(&[why, way]);
        folder.run(&["db", "show", "game.yml", "5000"]).code(0).complains(&[why, way]);
        folder.write("other.yml", &TEXT.replace("o.sqlite", "other.sqlite"));
        let other = ["db", "import", "other.yml", "game.yml"];
        folder.run(&other).code(1).complains(&[why, way]);
        let all = [&export[..], &["--drop-unreadable"]].concat();
        folder.run(&all).code(0).complains(&[why, "2 objects with 3 values written"]);
        folder
            .run(&["db", "import", "game.yml", "objects.jsonl"])
            .code(1)
            .complains(&["--resume adds"]);
        folder.run(&["db", "verify", "game.yml"]).code(1);
        for more in ["--resume", "--replace"] {
            folder.run(&["db", "import", "game.yml", "objects.jsonl", more]).code(0);
            folder.run(&["db", "verify", "game.yml"]).code(0);
            folder.run(&["check", "game.yml"]).code(0);
        }
        // One that ends in the middle.
        let text = "x".repeat(900);
        let note = |id: u32| {
            format!(
                "{{\"id\":{id},\"class\":\"Note\",\"fields\":{{\"text\":\"(\\\"{text}\\\")\"}}}}\n"
            )
        };
        let notes: String = (5000..6500).map(note).collect();
        let export = format!("{{\"donet\":\"export\",\"version\":1}}\n{notes}{{\"end\":1500}}\n");
        folder.write("many.jsonl", &export);
        let import = ["db", "import", "game.yml", "many.jsonl", "--replace"];
        let blocks = if is_yaml { 1 } else { 900 };
        folder.start_with_file_limit(blocks, &import).wait().code(1);
        folder.run(&["check", "game.yml"]).code(1).complains(&[why, way]);
        folder.run(&[&import[..4], &["--resume"]].concat()).code(0);
        folder.run(&["check", "game.yml"]).code(0);
    }
}

/// Until all have been moved, Astron's tables are the whole, and what is beside them a part of it.
#[test]
fn an_import_of_astrons_tables_that_was_killed() {
    let folder = folder();
    folder.write(
        "game.yml",
        &TEXT.replace("type: sqlite, file:", "type: soci, driver: sqlite3, database:"),
    );
    let file = folder.path("o.sqlite");
    alter(
        &file,
        "CREATE TABLE objects (id INT NOT NULL PRIMARY KEY, class_id INT NOT NULL);
         CREATE TABLE classes (id INT NOT NULL PRIMARY KEY, name VARCHAR(32), storable BOOLEAN);
         CREATE TABLE fields_Note (object_id INT NOT NULL PRIMARY KEY, text TEXT, n TEXT);
         INSERT INTO classes VALUES (0, 'Note', true);
         INSERT INTO objects VALUES (5000, 0), (5001, 0);
         INSERT INTO fields_Note VALUES (5000, '(\"x\")', '(7)'), (5001, '(\"y\")', '(8)');",
    );
    let import = ["db", "import", "game.yml", "game.yml"];
    folder.run(&import).code(0).complains(&["2 objects with 4 values moved"]);
    alter(
        &file,
        "DELETE FROM donet_value WHERE object_id = 5001; DELETE FROM donet_object WHERE id = 5001;
         CREATE TABLE donet_import (id BIGINT PRIMARY KEY)",
    );
    folder.run(&["check", "game.yml"]).code(1).complains(&["was interrupted"]);
    let resumed = folder.run(&[&import[..], &["--resume"]].concat()).code(0);
    resumed.complains(&["1 object with 2 values moved", "1 was there already"]);
    folder.run(&["check", "game.yml"]).code(0);
}

/// A file of 0 bytes may be what a full disk has left: whoever meets it says so, in the same words.
#[test]
fn an_empty_file_is_spoken_of_by_all() {
    let said = "the file of the database is there, but empty: it is taken for a new one; if it had objects, end donet, and \
                put a backup in its place";
    let folder = folder();
    folder.write("o.sqlite", "");
    folder
        .run(&["check", "game.yml"])
        .code(0)
        .complains(&["warning: roles[0].backend.file: ", said]);
    for (command, code) in [("verify", 0), ("export", 0), ("stats", 0)] {
        let ended = folder.run(&["db", command, "game.yml"]).code(code);
        ended.complains(&["warning: the SQLite database ", said]);
    }
    folder.run(&["db", "show", "game.yml", "5000"]).code(1).complains(&["warning: ", said]);
    folder.run(&MIGRATE).code(0).complains(&["warning: ", said]);
    let backup = ["db", "backup", "game.yml", "copy.sqlite"];
    folder.run(&backup).code(1).complains(&["nothing is copied: the SQLite database ", said]);
    fs::remove_file(folder.path("o.sqlite")).expect("removed");
    alter(&folder.path("o.sqlite"), "CREATE TABLE objects_of_mine (a)");
    let ended = folder.run(&backup).code(1);
    ended.complains(&["nothing is copied: the SQLite database ", " has no tables of donet's"]);
    assert_eq!(folder.files().len(), 5, "{:?}", folder.files());
}

/// What an operator would otherwise learn of too late.
#[test]
fn what_is_odd_at_the_start_or_in_an_import_is_said_at_once() {
    let folder = folder();
    folder.write("o.sqlite", "");
    let running = folder.start(&["game.yml"]).ready();
    running.signal("TERM");
    let empty = "WARNING: database: the file of the database is there, but empty: it is taken for a new one";
    running.wait().code(0).says(&[empty]);
    // No time makes a folder, so none is spent.
    let nowhere = TEXT.replace("o.sqlite", "nowhere/o.sqlite").replace("500,", "600000,");
    folder.write("nowhere.yml", &nowhere);
    let ended = folder.run(&["nowhere.yml"]).code(1).says(&["No such file or directory"]);
    assert!(!ended.stdout.contains("trying again"), "{ended:#?}");
    folder.write("game.yml", &TEXT.replace("min: 5000", "min: 5001"));
    let imported = folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    imported.complains(&["warning: 1 object has an id outside of `generate`, 5001-4294967295: "]);
}
