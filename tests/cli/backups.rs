//! Backups of databases that are in use, and what `donet db verify` says of a database that no daemon would take.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;

use crate::program::{Ended, Folder};
use crate::stores::Ai;

const DC: &str = "dclass Note {\n  text(blob) db;\n};\n";

fn config(backend: &str) -> String {
    format!(
        "
general: {{dc_files: [game.dc]}}
messagedirector: {{bind: '127.0.0.1:0'}}
roles: [{{type: database, control: 4003, generate: {{min: 5000, max: 900000}}, backend: {{{backend}}}}}]
"
    )
}

/// A folder with a configuration, and one for the database that a backup is.
fn folder(backend: &str, copy: &str) -> Folder {
    let (game, copy) = (config(backend), config(copy));
    Folder::with(&[("game.yml", &game), ("copy.yml", &copy), ("game.dc", DC)])
}

/// How many objects `donet db stats` finds.
fn count(ended: Ended) -> u32 {
    let ended = ended.code(0);
    let count = |line: &'_ str| {
        let number = line.strip_suffix(" objects").or_else(|| line.strip_suffix(" object"))?;
        number.trim().parse().ok()
    };
    ended.stdout.lines().find_map(count).unwrap_or_else(|| panic!("{ended:#?}"))
}

fn is_private(folder: &Folder, name: &str) -> bool {
    let metadata = fs::metadata(folder.path(name)).expect("there");
    metadata.permissions().mode() & 0o077 == 0
}

/// Each is synchronised, several times when it is copied.
const NOTES_MAX: u32 = 400;
const SQLITE: (&str, &str) = ("type: sqlite, file: o.sqlite", "type: sqlite, file: copy");
const YAML: (&str, &str) = ("type: yaml, directory: objects", "type: yaml, directory: copy");

/// Writes all the time, has backups made meanwhile, and looks at each as whoever restores it does.
fn back_up_while_it_is_written(backends: (&str, &str)) {
    let folder = folder(backends.0, backends.1);
    let mut running = folder.start(&["game.yml"]);
    let mut ai = Ai::connect(&mut running);
    for _ in 0..20 {
        ai.create();
    }
    let (created, is_over) = (AtomicU32::new(20), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(SeqCst) && created.load(SeqCst) < NOTES_MAX {
                let note = ai.create();
                assert_eq!(note, 5000 + created.fetch_add(1, SeqCst), "it goes on");
            }
        });
        for _ in 0..3 {
            let before = created.load(SeqCst);
            let made = folder.run(&["db", "backup", "game.yml", "copy"]).code(0);
            let after = created.load(SeqCst) + 1;
            assert!(is_private(&folder, "copy"), "{made:#?}");
            folder.run(&["db", "verify", "copy.yml"]).code(0);
            let objects = count(folder.run(&["db", "stats", "copy.yml"]));
            assert!((before..=after).contains(&objects), "{objects}, not {before} to {after}");
            made.complains(&[&format!("{objects} objects copied to copy")]);
            // What is there is not replaced.
            let again = folder.run(&["db", "backup", "game.yml", "copy"]).code(1);
            again.complains(&["copy is there already, and a backup replaces nothing"]);
            assert_eq!(count(folder.run(&["db", "stats", "copy.yml"])), objects);
            // A daemon runs on it, and gives no id that has been given.
            let mut restored = folder.start(&["copy.yml"]);
            let note = Ai::connect(&mut restored).create();
            assert!((5000 + objects..=5000 + after).contains(&note), "{note}, {objects}");
            restored.signal("TERM");
            restored.wait().code(0);
            for suffix in ["", "-wal", "-shm"] {
                let path = folder.path(&format!("copy{suffix}"));
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
        }
        is_over.store(true, SeqCst);
    });
    running.signal("TERM");
    running.wait().code(0);
}

#[test]
fn a_sqlite_database_is_backed_up_while_it_is_written() {
    back_up_while_it_is_written(SQLITE);
}

#[test]
fn a_yaml_directory_is_backed_up_while_it_is_written() {
    back_up_while_it_is_written(YAML);
}

/// However far it has come, nothing half is there under the name, and the next one is not in its way.
fn kill_backups(backends: (&str, &str)) {
    let folder = folder(backends.0, backends.1);
    let mut running = folder.start(&["game.yml"]);
    let mut ai = Ai::connect(&mut running);
    for _ in 0..200 {
        ai.create();
    }
    for attempt in 0..20_u32 {
        let backup = folder.start(&["db", "backup", "game.yml", "copy"]);
        // Some come further than others.
        for step in 0..attempt * 20_000 {
            std::hint::black_box(step);
        }
        backup.signal("KILL");
        backup.wait();
        if folder.path("copy").exists() {
            assert_eq!(count(folder.run(&["db", "stats", "copy.yml"])), 200, "{attempt}");
            break;
        }
    }
    let _ =
        fs::remove_file(folder.path("copy")).or_else(|_| fs::remove_dir_all(folder.path("copy")));
    folder.run(&["db", "backup", "game.yml", "copy"]).code(0).complains(&["200 objects"]);
    folder.run(&["db", "verify", "copy.yml"]).code(0);
    let left = folder.files().into_iter().filter(|name| name.contains("donet-new"));
    assert_eq!(left.collect::<Vec<_>>(), [] as [String; 0]);
    // The daemon has not noticed, and may be killed itself.
    assert_eq!(ai.create(), 5200);
    running.signal("KILL");
    running.wait();
    let _ =
        fs::remove_file(folder.path("copy")).or_else(|_| fs::remove_dir_all(folder.path("copy")));
    folder.run(&["db", "backup", "game.yml", "copy"]).code(0).complains(&["201 objects"]);
}

#[test]
fn a_killed_backup_of_sqlite_leaves_nothing_behind() {
    kill_backups(SQLITE);
}

#[test]
fn a_killed_backup_of_yaml_leaves_nothing_behind() {
    kill_backups(YAML);
}

#[test]
fn a_database_server_has_means_of_its_own() {
    for (backend, tool) in [
        ("type: postgres, url: 'postgres://me:secret@nowhere/game'", "pg_dump --format=custom"),
        ("type: mysql, url: 'mysql://me:secret@nowhere/game'", "mysqldump --single-transaction"),
    ] {
        let folder = folder(backend, SQLITE.1);
        let ended = folder.run(&["db", "backup", "game.yml", "copy"]).code(1);
        assert!(!ended.stderr.contains("secret"), "{ended:#?}");
        ended.complains(&[tool]);
    }
}

#[test]
fn a_backup_of_nothing_is_none() {
    for (game, copy) in [SQLITE, YAML] {
        let folder = folder(game, copy);
        folder.run(&["db", "backup", "game.yml", "copy"]).code(1);
        folder.run(&["db", "backup", "game.yml", "nowhere/copy"]).code(1);
        assert_eq!(folder.files(), ["copy.yml", "game.dc", "game.yml"]);
    }
}

#[test]
fn a_database_is_not_moved_to_itself() {
    for (backends, place) in [(YAML, "objects"), (SQLITE, "o.sqlite")] {
        let folder = folder(backends.0, backends.1);
        folder.write("given/5000.yaml", "class: Note\nfields: {text: <0100ff>}\n");
        folder.run(&["db", "import", "game.yml", "given"]).code(0);
        folder.write("same.yml", &config(backends.0));
        std::os::unix::fs::symlink(folder.path(place), folder.path("link")).expect("made");
        for source in ["game.yml", "same.yml", place, "link"] {
            for mode in ["--resume", "--replace"] {
                let refused = folder.run(&["db", "import", "game.yml", source, mode]).code(1);
                refused.complains(&["nothing was moved: the source is the database itself"]);
            }
        }
        assert_eq!(count(folder.run(&["db", "stats", "game.yml"])), 1, "{place}");
    }
}

#[test]
fn a_backup_is_not_put_into_the_database() {
    let folder = folder(YAML.0, YAML.1);
    folder.write("given/5000.yaml", "class: Note\nfields: {text: <0100ff>}\n");
    folder.run(&["db", "import", "game.yml", "given"]).code(0);
    std::os::unix::fs::symlink(folder.path("objects"), folder.path("link")).expect("made");
    let before = folder.files();
    for target in ["objects/.donet-migration", "objects/5001.yaml", "link/copy"] {
        let backup = ["db", "backup", "game.yml", target];
        folder.run(&backup).code(1).complains(&[target, "is in the database itself"]);
        let migration =
            ["db", "migrate", "game.yml", "--from", "game.dc", "--apply", "--backup", target];
        folder.run(&migration).code(1).complains(&[target, "is in the database itself"]);
    }
    assert_eq!(folder.files(), before);
}

#[test]
fn a_place_without_objects_replaces_nothing() {
    for backends in [YAML, SQLITE] {
        let folder = folder(backends.0, backends.1);
        folder.write("given/5000.yaml", "class: Note\nfields: {text: <0100ff>}\n");
        folder.run(&["db", "import", "game.yml", "given"]).code(0);
        folder.write("zero.jsonl", "");
        folder.write("line.jsonl", "\n");
        fs::create_dir(folder.path("empty")).expect("made");
        let refused =
            |source| folder.run(&["db", "import", "game.yml", source, "--replace"]).code(1);
        refused("zero.jsonl").complains(&["zero.jsonl: the file is empty, and an export has "]);
        for source in ["line.jsonl", "empty"] {
            refused(source).complains(&["nothing was moved: there are no objects in ", source]);
        }
        refused("/dev/null").complains(&["/dev/null: it is no regular file"]);
        assert_eq!(count(folder.run(&["db", "stats", "game.yml"])), 1);
        // An export says so itself.
        let nothing = "{\"donet\":\"export\",\"version\":1}\n{\"end\":0}\n";
        folder.write("nothing.jsonl", nothing);
        folder.run(&["db", "import", "game.yml", "nothing.jsonl", "--replace"]).code(0);
        assert_eq!(count(folder.run(&["db", "stats", "game.yml"])), 0);
    }
}

#[test]
fn a_database_file_may_be_a_link() {
    let folder = folder(SQLITE.0, SQLITE.1);
    folder.write("given/5000.yaml", "class: Note\nfields: {text: <0100ff>}\n");
    folder.run(&["db", "import", "game.yml", "given"]).code(0);
    fs::create_dir(folder.path("elsewhere")).expect("made");
    fs::rename(folder.path("o.sqlite"), folder.path("elsewhere/real.sqlite")).expect("moved");
    std::os::unix::fs::symlink("elsewhere/real.sqlite", folder.path("o.sqlite")).expect("made");
    folder.run(&["check", "game.yml"]).code(0);
    let mut running = folder.start(&["game.yml"]);
    let mut ai = Ai::connect(&mut running);
    let note = ai.create();
    assert_eq!(note, 5001);
    running.signal("TERM");
    running.wait().code(0);
    assert_eq!(count(folder.run(&["db", "stats", "game.yml"])), 2);
    assert!(!folder.files().iter().any(|name| name.starts_with("o.sqlite-")));
}

/// The daemon goes by the names of files, and so does Astron.
#[test]
fn what_a_file_says_in_vain_fails_the_check_of_the_database() {
    let folder = folder(YAML.0, YAML.1);
    let note = |id: u32| format!("id: {id}\nclass: Note\nfields: {{text: <0100ff>}}\n");
    folder.write("objects/5000.yaml", &note(5000));
    folder.write("objects/notes.yaml", "of somebody's");
    folder.run(&["db", "verify", "game.yml"]).code(0);
    folder.write("objects/5001.yaml", &note(5000));
    folder.write("objects/05002.yaml", &note(5002));
    folder.write("objects/5003.yml", &note(5003));
    folder.write("objects/5004.yaml", "class: Note\nfields:\n  text: <0100ff>\n  text: <0100fe>\n");
    let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
    assert_eq!(verified.stdout.lines().count(), 4, "{verified:#?}");
    let told = [
        "05002.yaml is not read: ",
        "5003.yml is not read: ",
        "object 5001: its file says `id: 5000`",
        "object 5004: the field `text` stands in its file more than once",
    ];
    verified.says(&told).complains(&["3 objects in ", ", 4 problems"]);
}

#[test]
fn what_stops_the_start_fails_the_check_of_the_database() {
    let conflict = "<<<<<<< HEAD\nnext: 5002\n=======\nnext: 5003\n>>>>>>> other\n";
    let folder = folder(YAML.0, YAML.1);
    folder.write("objects/5000.yaml", "class: Note\nfields: {text: <0100ff>}\n");
    folder.run(&["db", "verify", "game.yml"]).code(0);
    for (info, why) in [
        (conflict, "line 1 has the mark of a conflict"),
        ("next: seven\n", "`seven` is no doId"),
        ("next: [5002]\n", "malformed"),
        ("free: [-1]\n", "`-1` is no doId"),
    ] {
        folder.write("objects/info.yaml", info);
        let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
        verified.says(&["the daemon would not start: info.yaml in ", why]);
        let started = folder.run(&["game.yml"]).code(1);
        assert!(started.stdout.contains(why) || started.stderr.contains(why), "{started:#?}");
        folder.run(&["db", "backup", "game.yml", "copy"]).code(1).complains(&[why]);
    }
    // A type that has changed: the start says so, and each value.
    folder.write("objects/info.yaml", "next: 5001\n");
    folder.write("game.yml", &config(SQLITE.0));
    folder.run(&["db", "import", "game.yml", "objects"]).code(0);
    folder.run(&["db", "verify", "game.yml"]).code(0);
    folder.write("game.dc", &DC.replace("blob", "uint16"));
    let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
    verified.says(&["object 5000: Note.text: stored as `(blob)`", "the daemon would not start: "]);
    folder.run(&["game.yml"]).code(1);
}
