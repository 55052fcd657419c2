//! `donet db migrate`, interrupted or given again: by the same command or by another.

use std::fs;

use dclass::diff::{Renames, fnv};

use crate::program::Folder;

const OLD: &str = "dclass P { uint8 coins db; int16/10 pos db; };";
const NEW: &str = "dclass P { uint8 money db; int32/100 pos db; };";
/// Another one, to which the same old files could go.
const OTHER: &str = "dclass P { uint8 money db; int32/1000 pos db; };";
const BACKENDS: [&str; 2] =
    ["{type: yaml, directory: objects}", "{type: sqlite, file: objects.sqlite}"];

fn folder(backend: &str) -> Folder {
    let folder = Folder::with(&[
        ("old.dc", OLD),
        ("new.dc", NEW),
        ("other.dc", OTHER),
        ("map.yml", "P.coins: money\n"),
        ("empty.yml", ""),
    ]);
    for name in ["old", "new", "other"] {
        let config = format!(
            "general: {{dc_files: [{name}.dc]}}\nmessagedirector: {{bind: '127.0.0.1:0'}}\n\
             roles: [{{type: database, control: 4003, generate: {{min: 5000}}, backend: {backend}}}]\n"
        );
        folder.write(&format!("{name}.yml"), &config);
    }
    let values = "\"coins\":\"7\",\"pos\":\"25\"";
    store(&folder, "old.yml", &[(5000, values), (5001, values), (5002, values)]);
    folder
}

fn store(folder: &Folder, config: &str, objects: &[(u32, &str)]) {
    let mut export = "{\"donet\":\"export\",\"version\":1}\n".to_owned();
    for (id, values) in objects {
        export += &format!("{{\"id\":{id},\"class\":\"P\",\"fields\":{{{values}}}}}\n");
    }
    export += &format!("{{\"end\":{}}}\n", objects.len());
    folder.write("o.jsonl", &export);
    folder.run(&["db", "import", config, "o.jsonl", "--resume"]).code(0);
}

const RIGHT: [&str; 8] =
    ["db", "migrate", "new.yml", "--from", "old.dc", "--map", "map.yml", "--apply"];

fn right() -> Vec<&'static str> {
    [&RIGHT[..], &["--no-backup"]].concat()
}

/// A directory of which one object has been moved, when the migration was killed; and the object as all are to be.
fn interrupted() -> (Folder, String) {
    let folder = folder(BACKENDS[0]);
    let names = ["5000.yaml", "5001.yaml", "5002.yaml", "types.yaml", "migrations.yaml"];
    let at = |name: &str| format!("objects/{name}");
    let before: Vec<String> = names[1..4].iter().map(|name| folder.read(&at(name))).collect();
    folder.run(&right()).code(0);
    let after = names.map(|name| folder.read(&at(name)));
    // `- {old: …, new: …, done: …}`
    let number = |key: &str| {
        let (_, number) = after[4].split_once(key).expect("a number");
        number[..16].to_owned()
    };
    let mut renames = Renames::default();
    renames.field("P", "coins", "money");
    let (old, new, map) = (number("old: "), number("new: "), renames.fingerprint());
    let words = "new.yml --from old.dc --map map.yml";
    let mut list = format!("donet-migration 1 {old} {new} {map:016x} {words}\n");
    fs::create_dir(folder.path("objects/.donet-migration")).expect("made");
    for (name, text) in names.iter().zip(&after) {
        list += &format!("move {name} {} {:016x}\n", text.len(), fnv(text.as_bytes()));
        if *name != names[0] {
            folder.write(&at(&format!(".donet-migration/{name}")), text);
        }
    }
    list += &format!("end {}\n", names.len());
    folder.write(&at(".donet-migration/complete"), &list);
    for (name, text) in names[1..4].iter().zip(&before) {
        folder.write(&at(name), text);
    }
    folder.write(&at("migrations.yaml"), "# Written by `donet db migrate`.\n- unfinished\n");
    (folder, after[0].replace("id: 5000", ""))
}

/// What was interrupted is done when it has been finished, and that is what is said last.
#[test]
fn a_migration_that_was_interrupted_is_finished_by_the_same_command() {
    let (folder, expected) = interrupted();
    let finished = folder.run(&right()).code(0);
    let finished = finished.says(&["the migration that was interrupted has been finished\n"]);
    let last = finished.stdout.lines().last().expect("a line");
    assert!(last.ends_with("objects: all its objects go with the new files now"), "{last}");
    for id in 5000..5003 {
        let text = folder.read(&format!("objects/{id}.yaml"));
        assert_eq!(text.replace(&format!("id: {id}"), ""), expected);
    }
    folder.run(&["db", "verify", "new.yml"]).code(0);
    folder.run(&right()).code(0).says(&["nothing is to be done, it was migrated"]);
}

#[test]
fn a_migration_that_was_interrupted_is_finished_by_no_other_command() {
    let (folder, _) = interrupted();
    let before = folder.read("objects/5001.yaml");
    let why = "give the same command again: `donet db migrate new.yml --from old.dc --map map.yml --apply`";
    for other in [
        &["db", "migrate", "new.yml", "--from", "old.dc", "--map", "empty.yml", "--apply"][..],
        &["db", "migrate", "new.yml", "--from", "old.dc", "--apply", "--drop"],
        &["db", "migrate", "other.yml", "--from", "old.dc", "--map", "map.yml", "--apply"],
        &["db", "migrate", "old.yml", "--from", "new.dc", "--apply", "--drop"],
        &RIGHT[..7],
        &["db", "verify", "new.yml"],
        &["db", "export", "new.yml"],
        &["check", "new.yml"],
    ] {
        folder.run(other).code(1).complains(&[why]);
        assert_eq!(folder.read("objects/5001.yaml"), before, "{other:?}");
    }
    // However it is given.
    let words = ["db", "migrate", "old.yml", "--from", "old.dc", "--to", "new.dc"];
    folder.run(&[&words[..], &["--map", "map.yml", "--apply"]].concat()).code(0);
}

#[test]
fn of_a_migration_that_was_interrupted_nothing_is_moved_unless_all_is_there() {
    for damage in ["gone", "empty", "changed", "list", "list gone", "folder gone"] {
        let (folder, _) = interrupted();
        let staged = folder.path("objects/.donet-migration/5002.yaml");
        let list = folder.path("objects/.donet-migration/complete");
        let text = folder.read("objects/.donet-migration/complete");
        let (done, why) = match damage {
            "gone" => (fs::remove_file(&staged), "5002.yaml is missing"),
            "empty" => (fs::write(&staged, ""), "5002.yaml was changed"),
            "changed" => (fs::write(&staged, "class: P\nfields: {}\n"), "5002.yaml was changed"),
            "list" => (fs::write(&list, &text[..text.len() - 3]), "was cut or changed"),
            "list gone" => (fs::remove_file(&list), "is gone: put the folder back"),
            _ => (fs::remove_dir_all(folder.path("objects/.donet-migration")), "is gone"),
        };
        done.expect("damaged");
        let before = folder.read("objects/5001.yaml");
        folder.run(&right()).code(1).complains(&[why]);
        assert_eq!(folder.read("objects/5001.yaml"), before, "{damage}");
        for config in ["old.yml", "new.yml"] {
            folder.run(&["check", config]).code(1);
            folder.run(&["db", "export", config]).code(1);
            folder.run(&[config]).code(1);
        }
    }
}

#[test]
fn what_the_old_files_have_stored_since_a_migration_is_said() {
    for backend in BACKENDS {
        let folder = folder(backend);
        folder.run(&right()).code(0);
        let quiet = folder.run(&right()).code(0);
        quiet.says(&["nothing is to be done, it was", "what --map says is not looked at again\n"]);
        store(&folder, "old.yml", &[(5003, "\"coins\":\"9\"")]);
        for more in [&right()[..], &RIGHT[..7]] {
            let refused = folder.run(more).code(1);
            refused.complains(&[
                "object 5003: P.coins: only the old files store such a field\n",
                "the old files have stored 1 value or object since",
            ]);
        }
    }
}

/// Nobody can tell by such names who has stored a value.
#[test]
fn names_that_are_handed_on_are_warned_of() {
    for backend in BACKENDS {
        let folder = folder(backend);
        folder.write("swap.dc", "dclass P { int16/10 coins db; uint8 pos db; };");
        folder.write("swap.yml", "P.coins: pos\nP.pos: coins\n");
        let swap = ["db", "migrate", "new.yml", "--from", "old.dc", "--to", "swap.dc", "--map"];
        let dry = folder.run(&[&swap[..], &["swap.yml"]].concat()).code(0);
        dry.complains(&[
            "swap.yml: names that are handed on to others (P.coins: pos, P.pos: coins)",
        ]);
        let plain = folder.run(&RIGHT[..7]).code(0);
        assert!(!plain.stderr.contains("handed on"), "{plain:#?}");
    }
}
