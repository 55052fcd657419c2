//! SQLite files with pages and cells that are damaged: what is found, what is left, and that nobody takes that for all.

use std::fs;
use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{EXPORT, MIGRATE, TEXT, alter, filled, folder};

#[test]
fn a_damaged_page_is_found() {
    let folder = filled();
    let file = folder.path("o.sqlite");
    // A row that its index does not have.
    alter(
        &file,
        "PRAGMA writable_schema = ON; \
         UPDATE sqlite_schema SET sql = NULL, type = 'x', name = 'y' WHERE type = 'index' AND tbl_name = 'donet_class'; \
         PRAGMA writable_schema = OFF",
    );
    folder.run(&["db", "verify", "game.yml"]).code(1);
    let folder = filled();
    let file = folder.path("o.sqlite");
    let mut bytes = fs::read(&file).expect("a database");
    // The entry of the class in the index of names: the table has another.
    let at = bytes.windows(6).rposition(|part| part == b"\x06Other" || part == b"Other\x02");
    let at = at.expect("an entry");
    bytes[at + 1] ^= 1;
    fs::write(&file, bytes).expect("written");
    let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
    verified.says(&["the file: ", "sqlite_autoindex_donet_class_1"]);
}

/// A cell that is not of its column's type, and a damaged page of values, cost the objects that have them.
#[test]
fn what_can_be_read_beside_damage_is_exported() {
    let export = ["db", "export", "game.yml", "saved.jsonl"];
    for (sql, row, why, left) in [
        (
            "UPDATE donet_value SET value = 7 WHERE object_id = 5000 AND field_id = 1",
            "table donet_value, object 5000: the value of field 1 is integer, and not blob",
            "object 5000: Note.n: what its table has there are no bytes",
            ["2 objects with 2 values written", "1 value left out"],
        ),
        (
            "UPDATE donet_value SET field_id = 'abc' WHERE object_id = 5000 AND field_id = 1",
            "table donet_value, object 5000: no field has the number 'abc'",
            "object 5000: Note.a field without a number: the DC files have no such field",
            ["2 objects with 2 values written", "1 value left out"],
        ),
        (
            "UPDATE donet_object SET class_id = 'abc' WHERE id = 5000",
            "no class has the number 'abc'",
            "object 5000: no class has a number like its class's",
            ["1 object with 1 value written", "1 object left out"],
        ),
    ] {
        let folder = filled();
        alter(&folder.path("o.sqlite"), sql);
        folder.run(&["db", "verify", "game.yml"]).code(1).says(&[why]);
        folder.run(&[&MIGRATE[..], &["--apply"]].concat()).code(1).complains(&[row]);
        folder.run(&["db", "show", "game.yml", "5001"]).code(0);
        folder.run(&["db", "show", "game.yml", "5000"]).code(1);
        folder.run(&export).code(1).complains(&[why, "nothing was written: 1 "]);
        folder.run(&[&export[..], &["--drop-unreadable"]].concat()).code(0).complains(&left);
    }
    // The content of a name is what it is, whatever its cell says.
    for (sql, row) in [
        (
            "UPDATE donet_class SET name = CAST(name AS BLOB)",
            "table donet_class, row 1 (Note): its name is blob, and not text",
        ),
        (
            "UPDATE donet_field SET name = CAST(name AS BLOB), type = CAST(type AS BLOB)",
            "table donet_field, row 1 (n): its name is blob, and not text",
        ),
        (
            "UPDATE donet_field SET type = CAST(type AS BLOB) WHERE id = 1",
            "table donet_field, row 1 (n): its type is blob, and not text",
        ),
    ] {
        let folder = filled();
        alter(&folder.path("o.sqlite"), sql);
        folder.run(&["db", "verify", "game.yml"]).code(1).says(&[row]);
        folder.run(&[&MIGRATE[..], &["--apply"]].concat()).code(1).complains(&[row]);
        folder.run(&export).code(0).complains(&["2 objects with 3 values written"]);
        folder.run(&["check", "game.yml"]).code(0);
        folder.start(&["game.yml"]).ready();
    }
    // What is no name at all is that of nothing.
    let folder = filled();
    let sql = "UPDATE donet_class SET name = x'ff0a00' WHERE name = 'Other'";
    alter(&folder.path("o.sqlite"), sql);
    let why = "object 5001: the DC files have no class `\u{fffd}\\n\\u{0}`";
    folder.run(&["db", "verify", "game.yml"]).code(1).says(&[why]);
    folder.run(&export).code(0).complains(&["2 objects with 3 values written"]);
    folder.start(&["game.yml"]).ready();
    let folder = self::folder();
    let text = "x".repeat(300);
    let note = |id: u32| {
        format!("{{\"id\":{id},\"class\":\"Note\",\"fields\":{{\"text\":\"(\\\"{text}\\\")\"}}}}\n")
    };
    let notes: String = (5000..5100).map(note).collect();
    let all = format!("{{\"donet\":\"export\",\"version\":1}}\n{notes}{{\"end\":100}}\n");
    folder.write("many.jsonl", &all);
    folder.run(&["db", "import", "game.yml", "many.jsonl"]).code(0);
    let mut bytes = fs::read(folder.path("o.sqlite")).expect("a database");
    // A leaf with values in it, whatever its number.
    let is_of_values = |page: &[u8]| {
        matches!(page[0], 10 | 13) && page.windows(300).any(|text| text.iter().all(|b| *b == b'x'))
    };
    let pages: Vec<_> = bytes.chunks_mut(4096).filter(|page| is_of_values(page)).collect();
    let count = pages.len();
    pages.into_iter().nth(count / 2).expect("one").fill(0xff);
    fs::write(folder.path("o.sqlite"), bytes).expect("written");
    folder.run(&export).code(1).complains(&["database disk image is malformed", "nothing was"]);
    let dropped = folder.run(&[&export[..], &["--drop-unreadable"]].concat()).code(0);
    dropped.complains(&[" left out; all that can be read compared"]);
    let saved = folder.read("saved.jsonl").lines().count() - 3;
    assert!((80..100).contains(&saved), "{saved} of 100");
}

/// Damage where the file says which objects, classes and free ids there are.
#[test]
fn what_can_be_read_beside_a_damaged_list_is_exported() {
    let notes = |ids: std::ops::Range<u32>| -> String {
        let note =
            |id| format!("{{\"id\":{id},\"class\":\"Note\",\"fields\":{{\"n\":\"(7)\"}}}}\n");
        ids.map(note).collect()
    };
    let many = format!(
        "{{\"donet\":\"export\",\"version\":1}}\n{}{}{{\"end\":1600,\"next\":2000000,\"free\":[4001,4002]}}\n",
        notes(5000..5800),
        notes(1_000_000..1_000_800),
    );
    let export = ["db", "export", "game.yml", "saved.jsonl"];
    let dropped = [&export[..], &["--drop-unreadable"]].concat();
    // Which page of which table or index, and what is left.
    for (name, page, why, left) in [
        ("donet_object", 1, "the table donet_object cannot be read as a whole", 1600..1601),
        ("donet_object", 0, "the table donet_object cannot be read as a whole", 1600..1601),
        ("sqlite_autoindex_donet_class_1", 0, "", 1600..1601),
        ("sqlite_autoindex_donet_field_1", 0, "", 1600..1601),
        ("donet_class", 0, "", 1600..1601),
        ("donet_field", 0, "the table donet_field cannot be read as a whole", 1600..1601),
        ("donet_free", 0, "", 1600..1601),
        ("donet_given", 0, "the table donet_given cannot be read as a whole", 1600..1601),
        ("donet_schema", 0, "", 1600..1601),
        ("donet_value", 0, "", 0..1),
        ("sqlite_autoindex_donet_free_1", 0, "", 1600..1601),
    ] {
        let folder = folder();
        folder.write("many.jsonl", &many);
        folder.run(&["db", "import", "game.yml", "many.jsonl"]).code(0);
        let file = folder.path("o.sqlite");
        let page = pages_of(&file, name)[page];
        let mut bytes = fs::read(&file).expect("a database");
        bytes[(page - 1) * 4096..][..4096].fill(0xff);
        fs::write(&file, bytes).expect("written");
        let verified = folder.run(&["db", "verify", "game.yml"]).code(1).says(&[why]);
        // However many are concerned, there is a line for the cause and a few for examples.
        assert!(verified.stdout.lines().count() < 30, "{verified:#?}");
        let whole = folder.run(&export);
        match why {
            "" if left == (0..1) => whole.code(1).complains(&["… and 1580 more"]),
            why => whole.code(1).complains(&[why, "nothing was written"]),
        };
        let _ = fs::remove_file(folder.path("saved.jsonl"));
        folder.run(&dropped).code(0).complains(&[why]);
        let saved = folder.read("saved.jsonl");
        let objects = saved.lines().count() - 3;
        assert!(left.contains(&objects), "{name}: {objects} of 1600");
        assert_eq!(saved.matches("\"class\":\"Note\",\"fields\":{\"n\":\"(7)\"}").count(), objects);
        folder.run(&["db", "stats", "game.yml"]).code(1).complains(&[why]);
        // What is said of the start is what comes of it.
        let checked = folder.run(&["check", "game.yml"]);
        let mut started = folder.start(&["game.yml"]);
        assert_eq!(started.runs(), checked.code == Some(0), "{name}: {checked:#?}");
    }
}

/// What several fields say of one object's class must agree; who has no values is not known.
#[test]
fn classes_are_those_of_fields_where_nothing_else_says_them() {
    let folder = folder();
    let more = EXPORT.replace(
        "{\"end\":2",
        "{\"id\":5002,\"class\":\"Note\",\"fields\":{}}\n{\"id\":5003,\"class\":\"Note\",\"fields\":{\"n\":\"(1)\"}}\n{\"end\":4",
    );
    folder.write("objects.jsonl", &more);
    folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    let file = folder.path("o.sqlite");
    // The field of another class.
    alter(
        &file,
        "INSERT INTO donet_value SELECT 5003, field_id, value, text FROM donet_value WHERE object_id = 5001",
    );
    let page = pages_of(&file, "donet_object")[0];
    let mut bytes = fs::read(&file).expect("a database");
    bytes[(page - 1) * 4096..][..4096].fill(0xff);
    fs::write(&file, bytes).expect("written");
    let shown = folder.run(&["db", "show", "game.yml", "5000"]).code(1);
    shown.says(&["5000: Note\n", "n = (7)\n"]);
    folder.run(&["db", "show", "game.yml", "5001"]).code(1).says(&["5001: Other\n"]);
    let why = "object 5003: database disk image is malformed";
    folder.run(&["db", "verify", "game.yml"]).code(1).says(&[why, "not known but by their values"]);
    let export = ["db", "export", "game.yml", "saved.jsonl", "--drop-unreadable"];
    folder
        .run(&export)
        .code(0)
        .complains(&["2 objects with 3 values written", "1 object left out"]);
}

/// The pages of a table or index: its root, and those below.
fn pages_of(file: &Path, name: &str) -> Vec<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let root: i64 = runtime.block_on(async {
        let mut connection =
            SqliteConnectOptions::new().filename(file).connect().await.expect("opened");
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?";
        let root = sqlx::query_scalar(sql).bind(name).fetch_one(&mut connection).await;
        connection.close().await.expect("closed");
        root.expect("there")
    });
    let root = usize::try_from(root).expect("a page");
    let bytes = fs::read(file).expect("a database");
    let page = &bytes[(root - 1) * 4096..][..4096];
    let number = |at: usize| usize::from(u16::from_be_bytes([page[at], page[at + 1]]));
    // One that has others below.
    let below = |at: usize| u32::from_be_bytes(page[at..at + 4].try_into().expect("four")) as usize;
    let cells = if matches!(page[0], 2 | 5) { number(3) } else { 0 };
    let below = (0..cells).map(|cell| below(number(12 + 2 * cell)));
    std::iter::once(root).chain(below).collect()
}

/// SQLite takes a page that says to have fewer rows than it has for the end of them, and reports nothing.
#[test]
fn what_a_damaged_page_hides_is_missed() {
    let note = |id| format!("{{\"id\":{id},\"class\":\"Note\",\"fields\":{{\"n\":\"(7)\"}}}}\n");
    let notes: String = (5000..5800).map(note).collect();
    let many = format!("{{\"donet\":\"export\",\"version\":1}}\n{notes}{{\"end\":800}}\n");
    let malformed = "is damaged: objects or values may be missing from what is shown";
    for (name, is_named) in [("donet_object", true), ("donet_value", false)] {
        let folder = folder();
        folder.write("many.jsonl", &many);
        folder.run(&["db", "import", "game.yml", "many.jsonl"]).code(0);
        let file = folder.path("o.sqlite");
        let page = pages_of(&file, name)[1];
        let mut bytes = fs::read(&file).expect("a database");
        // How many rows the page has.
        let at = (page - 1) * 4096 + 3;
        let rows = u16::from_be_bytes([bytes[at], bytes[at + 1]]) - 3;
        bytes[at..at + 2].copy_from_slice(&rows.to_be_bytes());
        fs::write(&file, bytes).expect("written");
        let why = format!("page {page}");
        let verified = folder.run(&["db", "verify", "game.yml"]).code(1).says(&[&why]);
        let mut words: Vec<&str> =
            verified.stdout.lines().filter(|line| line.contains(&why)).collect();
        let lost = "table donet_value: values without an object: 1 of ";
        assert_eq!(verified.stdout.matches(lost).count(), if is_named { 3 } else { 0 });
        words.extend(is_named.then_some(lost));
        for command in [&["list"][..], &["stats"], &["show"]] {
            let which: &[&str] = if command == ["show"] { &["5000"] } else { &[] };
            let shown = folder.run(&[&["db"], command, &["game.yml"], which].concat()).code(1);
            shown.complains(&[malformed]).complains(&words);
        }
        let export = ["db", "export", "game.yml", "saved.jsonl"];
        folder.run(&export).code(1).complains(&["nothing was written"]).complains(&words);
        let dropped = folder.run(&[&export[..], &["--drop-unreadable"]].concat()).code(0);
        dropped.complains(&words).complains(&["; all that can be read compared"]);
        folder.write("other.yml", &TEXT.replace("o.sqlite", "other.sqlite"));
        let import = ["db", "import", "other.yml", "game.yml"];
        folder.run(&import).code(1).complains(&["nothing was moved"]).complains(&words);
        let backup = folder.run(&["db", "backup", "game.yml", "copy.sqlite"]).code(1);
        backup.complains(&["nothing is copied: the SQLite database "]).complains(&words);
        assert!(!folder.files().contains(&"copy.sqlite".to_owned()), "{:?}", folder.files());
        folder.run(&MIGRATE).code(1).complains(&words);
    }
}

/// Rows that hang on none are lost to whoever reads all objects, and nobody is to take the rest for all.
#[test]
fn values_without_objects_are_missed() {
    for (sql, why) in [
        (
            "DELETE FROM donet_object WHERE id = 5000",
            "table donet_value: values without an object: 2 of 5000",
        ),
        (
            "INSERT INTO donet_object VALUES (-5, 1)",
            "table donet_object, row -5: this is no id of an object",
        ),
    ] {
        let folder = filled();
        alter(&folder.path("o.sqlite"), sql);
        let export = ["db", "export", "game.yml", "saved.jsonl"];
        folder.run(&export).code(1).complains(&[why, "nothing was written"]);
        folder.run(&[&export[..], &["--drop-unreadable"]].concat()).code(0).complains(&[why]);
        folder.run(&["db", "backup", "game.yml", "copy.sqlite"]).code(1).complains(&[why]);
        for command in ["list", "stats"] {
            folder.run(&["db", command, "game.yml"]).code(1).complains(&[why, "is damaged"]);
        }
    }
}
