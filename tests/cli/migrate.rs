//! `donet db migrate`.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Folder;

const OLD: &str = "\
dclass Account {
  setName(string name) required db;
  setPos(int16/10 x, int16/10 y) db;
  uint32 coins db;
};
";
const NEW: &str = "\
dclass Account {
  setName(string name) required db;
  setPos(int32/100 x, int32/100 y) db;
  uint8 money db;
  setGold(uint8 gold = 3) required db;
};
";
const MAP: &str = "Account.coins: money\n";

const YAML: &str = "{type: yaml, directory: objects}";
const SQLITE: &str = "{type: sqlite, file: objects.sqlite}";

/// A folder with a database of `count` accounts.
fn folder(backend: &str, count: u32) -> Folder {
    let config = |dc: &str| {
        format!(
            "general: {{dc_files: [{dc}]}}\nmessagedirector: {{bind: '127.0.0.1:0'}}\n\
             roles: [{{type: database, control: 4003, generate: {{min: 1000}}, backend: {backend}}}]\n"
        )
    };
    let mut export = "{\"donet\":\"export\",\"version\":1}\n".to_owned();
    for at in 0..count {
        let (id, coins) = (1000 + at, at % 200);
        export += &format!(
            "{{\"id\":{id},\"class\":\"Account\",\"fields\":{{\"setName\":\"(\\\"A{at}\\\")\",\"setPos\":\"(25, -1)\",\"coins\":\"{coins}\"}}}}\n"
        );
    }
    export += &format!("{{\"end\":{count},\"next\":{},\"free\":[]}}\n", 1000 + count);
    let folder = Folder::with(&[
        ("old.dc", OLD),
        ("new.dc", NEW),
        ("map.yml", MAP),
        ("old.yml", &config("old.dc")),
        ("new.yml", &config("new.dc")),
        ("objects.jsonl", &export),
    ]);
    folder.run(&["db", "import", "old.yml", "objects.jsonl"]).code(0);
    folder
}

const MIGRATE: [&str; 8] =
    ["db", "migrate", "new.yml", "--from", "old.dc", "--map", "map.yml", "--to"];

fn migrate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&MIGRATE[..], &["new.dc"], more].concat()
}

#[test]
fn a_dry_run_says_what_would_be_done_and_then_it_is() {
    for (backend, place) in [(YAML, "objects"), (SQLITE, "objects.sqlite")] {
        let folder = folder(backend, 3);
        let before = folder.run(&["db", "export", "old.yml"]).code(0).stdout;
        let dry = folder.run(&migrate(&[])).code(0);
        let texts = [
            ": 3 of 3 objects are to be changed\nAccount: 3 objects\n",
            "  coins → money: ",
            "  setGold: new, 3 objects get (3)\n",
            "  setPos: (int16/10, int16/10) → (int32/100, int32/100), 3 values\n      object 1000: (25, -1) → (250, -10)\n",
            "nothing is written: this was a dry run, --apply does it\n",
        ];
        dry.says(&texts);
        assert_eq!(folder.run(&["db", "export", "old.yml"]).code(0).stdout, before, "{backend}");
        folder
            .run(&migrate(&["--apply"]))
            .code(0)
            .says(&["the backup is ", "3 objects are changed\n"]);
        let shown = folder.run(&["db", "show", "new.yml", "1002"]).code(0).stdout;
        let fields = [
            "  setName = (\"A2\")\n",
            "  setPos = (250, -10)\n",
            "  money = 2\n",
            "  setGold = (3)\n",
        ];
        assert_eq!(shown, format!("1002: Account\n{}", fields.concat()), "{backend}");
        folder.run(&["db", "verify", "new.yml"]).code(0);
        let again = folder.run(&migrate(&["--apply"])).code(0);
        again.says(&["nothing is to be done, it was migrated from hash 0x"]);
        // The backup is as it was, and can be put in place.
        let backup = folder.files().into_iter().find(|name| name.contains(".before-migration-"));
        for file in ["objects", "objects.sqlite", "objects.sqlite-wal", "objects.sqlite-shm"] {
            let _ = fs::remove_dir_all(folder.path(file));
            let _ = fs::remove_file(folder.path(file));
        }
        fs::rename(folder.path(&backup.expect("a backup")), folder.path(place)).expect("moved");
        assert_eq!(folder.run(&["db", "export", "old.yml"]).code(0).stdout, before, "{backend}");
    }
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_written() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, 3);
        folder.write("new.dc", &NEW.replace("uint8 money", "uint8(0-1) money"));
        let before = folder.run(&["db", "export", "old.yml"]).code(0).stdout;
        let refused = folder.run(&migrate(&["--apply"])).code(1);
        refused.complains(&[
            "object 1002: Account.coins: money: value 2 is out of range, allowed: 0 to 1",
            "nothing is written: --drop leaves out what has no place",
        ]);
        assert_eq!(folder.run(&["db", "export", "old.yml"]).code(0).stdout, before, "{backend}");
        let done = folder.run(&migrate(&["--apply", "--drop", "--no-backup"])).code(0);
        assert!(done.stderr.contains("object 1002: Account.coins: "), "{done:?}");
        let shown = |id| folder.run(&["db", "show", "new.yml", id]).code(0).stdout;
        assert!(shown("1001").contains("money = 1\n") && !shown("1002").contains("money"));
    }
}

#[test]
fn a_removed_field_with_values_is_refused() {
    let folder = folder(SQLITE, 2);
    folder.write("map.yml", "");
    let refused = folder.run(&migrate(&["--apply"])).code(1);
    let why = "object 1001: Account.coins: the new files do not store such a field: 1\n";
    refused.complains(&[why, "--drop leaves out the 2 values or objects"]);
}

#[test]
fn what_is_left_out_is_named_by_field_or_all_of_it() {
    let folder = folder(SQLITE, 30);
    folder.write("map.yml", "");
    folder.write("new.dc", &NEW.replace("setName(string", "setName(string(2)"));
    let short = folder.run(&migrate(&["--drop"])).code(0);
    let short = short.says(&["coins: 30 values have no place\n"]);
    let why = "object 1000: Account.coins: the new files do not store such a field: 0\n";
    let more = ["  … and 29 more of Account.coins\n", "  … and 19 more of Account.setName\n"];
    short.complains(&[
        why,
        more[0],
        "object 1010: Account.setName: ",
        more[1],
        "--all names every one",
    ]);
    let all = folder.run(&migrate(&["--drop", "--apply", "--all"])).code(0);
    let all = all.says(&[
        "coins: 30 values are left out\n",
        "30 objects are changed, 50 values or objects left out\n",
    ]);
    assert_eq!(all.stderr.matches("object 10").count(), 50, "{all:#?}");
    assert!(!all.stderr.contains(" more"), "{all:#?}");
}

#[test]
fn old_files_that_are_not_those_of_the_objects_are_refused_whatever_may_be_dropped() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, 2);
        let before = folder.run(&["db", "export", "old.yml"]).code(0).stdout;
        refuse_as_stale(&folder, "new.dc");
        assert_eq!(folder.run(&["db", "export", "old.yml"]).code(0).stdout, before);
    }
}

#[test]
fn a_name_that_is_empty_does_not_stand_for_no_files() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, 2);
        let before = folder.run(&["db", "export", "old.yml"]).code(0).stdout;
        for files in [
            ["--from", "", "--to", "new.dc"],
            ["--from", "old.dc", "--to", ""],
            ["--from", ",", "--to", "new.dc"],
        ] {
            let more = ["--drop", "--apply", "--no-backup"];
            let arguments = [&["db", "migrate", "old.yml"], &files[..], &more].concat();
            folder.run(&arguments).code(1).complains(&["could not read the DC files"]);
        }
        assert_eq!(folder.run(&["db", "export", "old.yml"]).code(0).stdout, before);
    }
    let folder = folder(YAML, 0);
    folder.run(&["dc", "diff", "", "new.dc"]).code(2).complains(&["cannot read the file"]);
}

#[track_caller]
fn refuse_as_stale(folder: &Folder, from: &str) {
    for more in [&["--apply"][..], &["--apply", "--drop"]] {
        let arguments = [&["db", "migrate", "new.yml", "--from", from], more].concat();
        let refused = folder.run(&arguments).code(1);
        assert!(!refused.stderr.contains("--drop leaves out"), "{refused:#?}");
        refused.complains(&["nothing is written: 2 values are not stored by the files of --from"]);
    }
}

/// As Astron writes it: nobody has noted types, and only the new files can read it.
#[test]
fn text_that_is_none_of_the_old_files_is_refused_if_the_new_ones_can_read_it() {
    let folder = folder(YAML, 2);
    let read = folder.read("objects/types.yaml");
    assert!(read.contains("setPos: (int16/10 x, int16/10 y)"), "{read}");
    fs::remove_file(folder.path("objects/types.yaml")).expect("removed");
    folder.write("wrong.dc", &OLD.replace("int16/10", "uint8"));
    refuse_as_stale(&folder, "wrong.dc");
    // What neither can read is no value of either.
    let object = folder.read("objects/1000.yaml").replace("(25, -1)", "(nowhere)");
    folder.write("objects/1000.yaml", &object);
    let refused = folder.run(&migrate(&["--apply"])).code(1);
    refused.complains(&["object 1000: Account.setPos: `(nowhere)`: ", "--drop leaves out"]);
    folder.run(&migrate(&["--apply", "--drop"])).code(0);
    let shown = folder.run(&["db", "show", "new.yml", "1001"]).code(0);
    assert!(shown.stdout.contains("setPos = (250, -10)"), "{shown:#?}");
}

/// The daemon goes on with what has become of it, and not with the old files.
#[test]
fn types_are_noted_along_with_the_objects() {
    let folder = folder(YAML, 2);
    folder.run(&migrate(&["--apply", "--no-backup"])).code(0);
    let read = folder.read("objects/types.yaml");
    let expected = "Account:\n  money: uint8\n  setGold: (uint8 gold)\n  setName: (string name)\n  setPos: (int32/100 x, int32/100 y)\n";
    assert!(read.ends_with(expected), "{read}");
    let why =
        "Account.setPos: stored as `(int32/100 x, int32/100 y)`, now `(int16/10 x, int16/10 y)`";
    folder.run(&["check", "old.yml"]).code(1).complains(&[why]);
    folder.run(&["old.yml"]).code(1).says(&[why]);
    folder.run(&["check", "new.yml"]).code(0);
}

#[test]
fn digits_are_lost_only_if_that_is_said() {
    let folder = folder(YAML, 1);
    folder.write("new.dc", &OLD.replace("int16/10", "int16"));
    folder.write("map.yml", "");
    let refused = folder.run(&migrate(&["--apply"])).code(1);
    refused.complains(&[
        "Account.setPos: (25, -1) has digits that the new type cannot hold",
        "--round rounds",
    ]);
    folder.run(&migrate(&["--apply", "--round"])).code(0);
    folder.run(&["db", "show", "new.yml", "1000"]).code(0).says(&["setPos = (3, 0)"]);
}

#[test]
fn a_database_in_use_is_refused() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, 2);
        let running = folder.start(&["old.yml"]).ready();
        folder.run(&migrate(&[])).code(0).says(&["this was a dry run"]);
        folder.run(&migrate(&["--apply"])).code(1).complains(&["is in use by"]);
        running.signal("TERM");
        running.wait().code(0);
        assert!(!folder.files().iter().any(|name| name.contains("before-migration")), "{backend}");
        folder.run(&migrate(&["--apply"])).code(0);
        // A daemon starts with what has become of it.
        let running = folder.start(&["new.yml"]).ready();
        running.signal("TERM");
        running.wait().code(0);
    }
}

/// Whoever has to begin again anyway does not have to read the report for that.
#[test]
fn what_can_be_refused_at_once_is_refused_at_once() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, 2);
        folder.write("taken", "");
        let refused = |more: &[&str], why: &str| {
            let refused = folder.run(&migrate(more)).code(1);
            assert_eq!(refused.stdout, "", "{backend}: {more:?}");
            refused.complains(&[why]);
        };
        let is_there = "taken is there already, and a backup replaces nothing";
        refused(&["--apply", "--backup", "taken"], is_there);
        refused(&["--backup", "taken"], is_there);
        refused(
            &["--apply", "--backup", "nowhere/copy"],
            "cannot write nowhere/copy: No such file",
        );
        let running = folder.start(&["old.yml"]).ready();
        refused(&["--apply"], "is in use by");
        running.signal("TERM");
        running.wait().code(0);
        // What has been done is said all the same, and a backup of it is not in its way.
        folder.run(&migrate(&["--apply", "--backup", "copy"])).code(0).says(&["2 objects are"]);
        let again = folder.run(&migrate(&["--apply", "--backup", "copy"])).code(0);
        again.says(&["nothing is to be done, it was migrated"]);
    }
}

/// Kills the migration at another moment each time. Then all objects are as before, or all as afterwards, or nobody is let
/// at them before it is finished; and the same command finishes it.
#[test]
fn a_migration_that_is_killed_has_done_all_or_nothing() {
    const KILLS: u32 = 8;
    const OBJECTS: u32 = 200;
    for backend in [YAML, SQLITE] {
        let begun = Instant::now();
        let whole = folder(backend, OBJECTS);
        let before = whole.run(&["db", "export", "old.yml"]).code(0).stdout;
        let prepared = begun.elapsed();
        whole.run(&migrate(&["--apply", "--no-backup"])).code(0);
        let length = begun.elapsed() - prepared;
        let after = whole.run(&["db", "export", "new.yml"]).code(0).stdout;
        let (mut untouched, mut done) = (0, 0);
        for kill in 0..KILLS {
            let folder = folder(backend, OBJECTS);
            let running = folder.start(&migrate(&["--apply", "--no-backup"]));
            thread::sleep(Duration::from_secs_f64(
                length.as_secs_f64() * f64::from(kill) / f64::from(KILLS),
            ));
            running.signal("KILL");
            running.wait();
            let old = folder.run(&["db", "export", "old.yml"]);
            if old.code == Some(0) && old.stdout == before {
                untouched += 1;
            } else {
                // It counts: the old files do not describe the objects any more, or an interruption is told.
                let new = folder.run(&["db", "export", "new.yml"]);
                let is_told = new.stderr.contains("was interrupted") && new.code == Some(1);
                assert!(is_told || new.stdout == after, "{backend}: {new:#?}");
                done += 1;
            }
            folder.run(&migrate(&["--apply", "--no-backup"])).code(0);
            assert_eq!(folder.run(&["db", "export", "new.yml"]).code(0).stdout, after, "{backend}");
        }
        println!("{backend}: {untouched} untouched, {done} done");
    }
}

/// An object keeps what it has to have, and gets what `donet dc diff` says.
#[test]
fn objects_get_what_is_required_in_place_of_what_has_no_place() {
    let old = "dclass P { a(uint16 x) db required; list(uint8[] l) db; g(uint8 a) db; };";
    let new = "dclass P { a(uint8(5-200) x) db required; list(uint8[2-4] l) db required; \
               g(uint8 a = 3) db; n(uint8 a) db required; };";
    let objects = "{\"donet\":\"export\",\"version\":1}\n\
         {\"id\":5000,\"class\":\"P\",\"fields\":{\"a\":\"(700)\",\"list\":\"([1, 2, 3])\"}}\n\
         {\"id\":5001,\"class\":\"P\",\"fields\":{\"a\":\"(70)\",\"list\":\"([])\"}}\n\
         {\"id\":5002,\"class\":\"P\",\"fields\":{\"a\":\"(70)\",\"g\":\"(9)\"}}\n{\"end\":3}\n";
    for backend in ["type: sqlite, file: o.sqlite", "type: yaml, directory: objects"] {
        let config = format!(
            "general: {{dc_files: [old.dc]}}\nroles: [{{type: database, control: 4003, generate: {{min: 5000}}, backend: {{{backend}}}}}]\n"
        );
        let folder = Folder::with(&[
            ("old.dc", old),
            ("new.dc", new),
            ("objects.jsonl", objects),
            ("old.yml", &config),
            ("new.yml", &config.replace("old.dc", "new.dc")),
        ]);
        folder.run(&["db", "import", "old.yml", "objects.jsonl"]).code(0);
        folder.run(&["dc", "diff", "old.dc", "new.dc"]).code(1).says(&[
            "stored objects without a value get ([0, 0])\n",
            "stored objects without a value get (3)\n",
            "stored objects without a value get (0)\n",
        ]);
        let from = ["db", "migrate", "new.yml", "--from", "old.dc"];
        let migrate = [&from[..], &["--drop", "--apply", "--no-backup"]].concat();
        folder.run(&migrate).code(0).says(&[
            "1 value is left out; 1 object gets (5) in its place, as the field is required\n",
            "  g: 2 objects get (3) for want of a value\n",
            "  list: 1 object gets ([0, 0]) for want of a value; 1 value is left out; 1 object gets ([0, 0]) in its place",
            "  n: new, 3 objects get (0)\n",
        ]);
        folder.run(&["db", "verify", "new.yml"]).code(0);
        folder.run(&["db", "export", "new.yml"]).code(0).says(&[
            "\"a\":\"(5)\",\"list\":\"([1, 2, 3])\",\"g\":\"(3)\",\"n\":\"(0)\"",
            "\"a\":\"(70)\",\"list\":\"([0, 0])\",\"g\":\"(3)\",\"n\":\"(0)\"",
            "\"a\":\"(70)\",\"list\":\"([0, 0])\",\"g\":\"(9)\",\"n\":\"(0)\"",
        ]);
    }
}
