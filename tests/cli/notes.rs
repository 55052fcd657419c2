//! What is noted beside the objects of a YAML directory, emptied, cut or damaged: nobody takes it for what is not there.

use std::fs;

use crate::program::{Folder, make_fifo};

const CONFIG: &str = "general: {dc_files: [old.dc]}\nmessagedirector: {bind: '127.0.0.1:0'}\n\
     roles: [{type: database, control: 4003, generate: {min: 5000}, backend: {type: yaml, directory: objects}}]\n";
const OLD: &str = "dclass P { int16/10 a db; uint8 b db; };";
const NEW: &str = "dclass P { int16/100 a db; uint8 b db; };";
const EXPORT: &str = "{\"donet\":\"export\",\"version\":1}\n\
     {\"id\":5000,\"class\":\"P\",\"fields\":{\"a\":\"25\",\"b\":\"1\"}}\n{\"end\":1}\n";

/// A directory with an object that was migrated.
fn migrated() -> Folder {
    let folder = Folder::with(&[
        ("old.yml", CONFIG),
        ("new.yml", &CONFIG.replace("old.dc", "new.dc")),
        ("old.dc", OLD),
        ("new.dc", NEW),
        ("o.jsonl", EXPORT),
    ]);
    folder.run(&["db", "import", "old.yml", "o.jsonl"]).code(0);
    folder.run(&migrate("--no-backup")).code(0);
    folder.run(&["db", "verify", "new.yml"]).code(0);
    folder
}

fn migrate(more: &'static str) -> [&'static str; 7] {
    ["db", "migrate", "new.yml", "--from", "old.dc", "--apply", more]
}

/// Whatever looks at the directory says what is wrong with a file in it.
#[track_caller]
fn refuse(folder: &Folder, name: &str, why: &str) {
    let in_words = [&format!("{name} in ") as &str, why];
    folder.run(&["check", "new.yml"]).code(1).complains(&in_words);
    folder.run(&["new.yml"]).code(1).says(&in_words);
    folder.run(&migrate("--no-backup")).code(1).complains(&in_words);
    folder.run(&["db", "backup", "new.yml", "copy"]).code(1).complains(&in_words);
    let verified = folder.run(&["db", "verify", "new.yml"]).code(1);
    let told = verified.stdout + &verified.stderr;
    assert!(in_words.iter().all(|words| told.contains(words)), "{told}");
}

#[test]
fn a_note_that_was_emptied_or_cut_is_not_one_that_is_missing() {
    let folder = migrated();
    for name in ["types.yaml", "migrations.yaml"] {
        let path = format!("objects/{name}");
        let whole = folder.read(&path);
        let head = whole.lines().next().expect("a line").to_owned() + "\n";
        let nul = "\0".repeat(whole.len());
        for (text, why) in [
            ("", "it is empty: put back"),
            ("\n", "it is empty: put back"),
            (&nul, "it has NUL bytes in it: put back"),
            (&whole[..whole.len() - 3], "its last line has no end, as if it was cut: put back"),
        ] {
            folder.write(&path, text);
            refuse(&folder, name, why);
        }
        if name == "migrations.yaml" {
            folder.write(&path, &head);
            refuse(&folder, name, "expected lines that donet has written: put back");
        }
        folder.write(&path, &whole);
        folder.run(&["check", "new.yml"]).code(0);
        folder.run(&["db", "verify", "new.yml"]).code(0);
        // One that is missing says nothing, as in a directory of Astron's.
        fs::remove_file(folder.path(&path)).expect("removed");
        folder.run(&["check", "new.yml"]).code(0);
        folder.write(&path, &whole);
    }
}

#[test]
fn free_ids_that_were_emptied_or_cut_are_not_none() {
    let folder = migrated();
    let lost = "it does not say which id is `next`";
    for text in ["", "\n", "next:", "free:\n  - 5001", "next: ", "# next"] {
        folder.write("objects/info.yaml", text);
        let verified = folder.run(&["db", "verify", "new.yml"]).code(1);
        verified.says(&["the daemon would not start: info.yaml in ", lost]);
        folder.run(&["check", "new.yml"]).code(1).complains(&["info.yaml in ", lost]);
        folder.run(&["new.yml"]).code(1).says(&["info.yaml in ", lost]);
        folder.run(&["db", "backup", "new.yml", "copy"]).code(1).complains(&[lost]);
        folder.run(&migrate("--no-backup")).code(1).complains(&[lost]);
        folder.run(&migrate("--no-backup")[..5]).code(1).complains(&[lost]);
        let import = ["db", "import", "new.yml", "o.jsonl", "--resume"];
        folder.run(&import).code(1).complains(&[lost]);
        assert!(!folder.path("objects/.donet-import").exists());
    }
    for text in ["\0\0\0\0", "nex", "next: 50\nfr"] {
        folder.write("objects/info.yaml", text);
        folder.run(&["check", "new.yml"]).code(1).complains(&["info.yaml in "]);
    }
    // Of a number that was cut, nothing but the objects tells.
    folder.write("objects/info.yaml", "next: 50");
    folder.run(&["check", "new.yml"]).code(0);
    let verified = folder.run(&["db", "verify", "new.yml"]).code(1);
    verified.says(&["info.yaml: 50 is not `next`, as there is the object 5000\n"]);
    // As Astron writes it, without an end of its last line.
    for text in ["next: 5001", "next: 5004\nfree:\n  - 5001\n  - 5003"] {
        folder.write("objects/info.yaml", text);
        folder.run(&["check", "new.yml"]).code(0);
        folder.run(&["db", "verify", "new.yml"]).code(0);
    }
    fs::remove_file(folder.path("objects/info.yaml")).expect("removed");
    folder.run(&["db", "verify", "new.yml"]).code(0);
}

/// Nobody waits for what never begins.
#[test]
fn a_pipe_in_the_place_of_a_note_is_not_waited_for() {
    for name in ["types.yaml", "migrations.yaml"] {
        let folder = migrated();
        let path = folder.path(&format!("objects/{name}"));
        fs::remove_file(&path).expect("removed");
        make_fifo(&path);
        refuse(&folder, name, "it is no regular file");
    }
}
