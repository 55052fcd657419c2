//! `donet db export` and `donet db import`, and what all commands say of databases that cannot be used.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::program::{Folder, make_fifo};

const DC: &str = "\
dclass Note {
  text(string) db;
};
dclass Gone {
  a(uint8) db;
  b(string) db;
};
";
const YAML: &str = "{type: yaml, directory: objects}";
const SQLITE: &str = "{type: sqlite, file: o.sqlite}";
const EXPORT: &str = "\
{\"donet\":\"export\",\"version\":1}
{\"id\":5000,\"class\":\"Note\",\"fields\":{\"text\":\"(\\\"x\\\")\"}}
{\"id\":5001,\"class\":\"Gone\",\"fields\":{\"a\":\"(1)\",\"b\":\"(\\\"y\\\")\"}}
{\"end\":2,\"next\":5002}
";

fn config(dc: &str, backend: &str) -> String {
    format!(
        "general: {{dc_files: [{dc}]}}\nmessagedirector: {{bind: '127.0.0.1:0'}}\n\
         roles: [{{type: database, control: 4003, generate: {{min: 5000}}, backend: {backend}}}]\n"
    )
}

/// An export without the line of its types.
fn objects(export: &str) -> String {
    let is_other = |line: &&str| !line.starts_with("{\"types\":");
    export.lines().filter(is_other).map(|line| format!("{line}\n")).collect()
}

/// A folder with a database, and one with DC files that lack a class.
fn folder(backend: &str) -> Folder {
    let (without, _) = DC.split_once("dclass Gone").expect("it is there");
    Folder::with(&[
        ("game.dc", DC),
        ("less.dc", without),
        ("game.yml", &config("game.dc", backend)),
        ("less.yml", &config("less.dc", backend)),
        ("objects.jsonl", EXPORT),
    ])
}

/// One object is one object.
#[test]
fn a_single_object_is_no_objects() {
    let folder = folder(YAML);
    let (head, rest) = EXPORT.split_once("{\"id\":5001").expect("it is there");
    let end = rest.split_once('\n').expect("a line").1.replace("\"end\":2", "\"end\":1");
    folder.write("objects.jsonl", &(head.to_owned() + &end));
    folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    let refused = folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(1);
    refused.complains(&["objects has 1 object: --replace"]);
    let stats = folder.run(&["db", "stats", "game.yml"]).code(0);
    stats.says(&["\n           1 object\n"]);
}

#[test]
fn an_object_of_an_unknown_class_is_one_problem_for_every_database() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend);
        let why = "object 5001: the DC files have no class `Gone`\n";
        let refused = folder.run(&["db", "import", "less.yml", "objects.jsonl"]).code(1);
        assert_eq!(refused.stderr.matches("object 5001").count(), 1, "{refused:#?}");
        let nothing = "nothing was moved: 1 object is not allowed by the DC files; --drop-unreadable leaves it out\n";
        refused.complains(&[why, nothing]);
        let import = ["db", "import", "less.yml", "objects.jsonl", "--drop-unreadable"];
        let moved = folder.run(&import).code(0);
        moved.complains(&[why, "1 object with 1 value moved from ", ", 1 object left out; "]);
        let left = folder.run(&["db", "export", "less.yml"]).code(0).stdout;
        assert!(left.contains("{\"end\":1,") && !left.contains("Gone"), "{backend}: {left}");

        // Values and objects are counted apart.
        folder.write("objects.jsonl", &EXPORT.replace("(\\\"x\\\")", "7"));
        let refused = folder.run(&["db", "import", "less.yml", "objects.jsonl", "--replace"]);
        refused.code(1).complains(&["nothing was moved: 1 object and 1 value are not allowed"]);
    }
}

#[test]
fn what_no_database_can_have_is_not_imported() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend);
        folder.write("game.dc", &DC.replace("b(string) db", "b(string) ram"));
        let export = EXPORT.replace("5000", "0");
        folder.write("objects.jsonl", &export);
        let import = ["db", "import", "game.yml", "objects.jsonl"];
        let refused = folder.run(&import).code(1);
        let whys = [
            "object 0: no object has the id 0",
            "object 5001: Gone.b: the field has no keyword `db`",
        ];
        refused
            .complains(&whys)
            .complains(&["nothing was moved: 1 object and 1 value are not allowed"]);
        folder.run(&[&import[..], &["--drop-unreadable"]].concat()).code(0).complains(&whys);
        folder.run(&["db", "verify", "game.yml"]).code(0);
        let left = folder.run(&["db", "export", "game.yml"]).code(0).stdout;
        assert!(left.contains("{\"a\":\"(1)\"}") && left.contains("{\"end\":1,"), "{left}");
        // An id that is free twice is free once.
        folder.write(
            "objects.jsonl",
            &EXPORT
                .replace(",\"b\":\"(\\\"y\\\")\"", "")
                .replace("5002}", "5009,\"free\":[5003,5003,0]}"),
        );
        folder.run(&[&import[..], &["--replace"]].concat()).code(0);
        let left = folder.run(&["db", "export", "game.yml"]).code(0).stdout;
        assert!(left.contains("\"free\":[5003]"), "{backend}: {left}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_the_line() {
    let folder = folder(SQLITE);
    let (_, rest) = EXPORT.split_once('\n').expect("lines");
    folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    let database = fs::read(folder.path("o.sqlite")).expect("a database");
    let twice = EXPORT.replace("{\"a\":\"(1)\",\"b\"", "{\"a\":\"(1)\",\"a\"");
    for (content, why) in [
        (EXPORT.replace("\"end\":2", "\"end\":3"), "o.jsonl, line 4: 1 object is missing of 3\n"),
        (
            EXPORT.replace("\"end\":2", "\"end\":0"),
            "o.jsonl, line 4: 2 objects are before this line, which counts 0\n",
        ),
        (EXPORT.repeat(2), "o.jsonl, line 5: the line before says that it was the last\n"),
        (twice, "o.jsonl, line 3: the field `a` stands there twice, at column "),
        (
            EXPORT.replace("\"fields\"", "\"field\""),
            "o.jsonl, line 2: missing field `fields`, at column 53\n",
        ),
        (
            rest.to_owned(),
            "o.jsonl: the first line of donet's export is missing: {\"donet\":\"export\",\"version\":1}\n",
        ),
        (format!("\u{feff}{EXPORT}"), "o.jsonl: there is a byte order mark at its beginning"),
        (
            "{\"_id\":1}\n{\"_id\"\n".to_owned(),
            "o.jsonl: line 2: EOF while parsing an object, at column 0\n",
        ),
    ] {
        folder.write("o.jsonl", &content);
        let import = ["db", "import", "game.yml", "o.jsonl", "--replace"];
        folder.run(&import).code(1).complains(&[why]);
    }
    fs::write(folder.path("copy"), database).expect("written");
    let refused = folder.run(&["db", "import", "game.yml", "copy", "--replace"]).code(1);
    refused.complains(&["copy: this is a SQLite database: SOURCE is to be the configuration"]);
    // The bytes of a value that is text are nothing to look at.
    folder.write("o.jsonl", &EXPORT.replace("\"(1)\"", "\"(300)\""));
    let refused = folder.run(&["db", "import", "game.yml", "o.jsonl", "--replace"]).code(1);
    assert!(refused.stderr.matches("at offset").count() <= 1, "{refused:#?}");
}

#[test]
fn an_export_keeps_objects_of_an_unknown_class() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend);
        folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
        folder.run(&["db", "export", "less.yml", "less.jsonl"]).code(0);
        folder.run(&["db", "import", "game.yml", "less.jsonl", "--replace"]).code(0);
        let back = folder.run(&["db", "export", "game.yml"]).code(0).stdout;
        assert_eq!(objects(&back), EXPORT, "{backend}");
        let shown = folder.run(&["db", "show", "less.yml", "5001"]).code(1);
        assert_eq!(shown.stdout.matches("the DC files have no such").count(), 1, "{shown:#?}");
    }
}

/// What the target has under the id is no object that could be compared, and it stays.
#[test]
fn an_object_of_an_unknown_class_is_not_overwritten() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend);
        folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
        let other = EXPORT.replace("Gone", "Note").replace("\"a\":\"(1)\",\"b\"", "\"text\"");
        folder.write("other.jsonl", &other);
        let resumed = folder.run(&["db", "import", "less.yml", "other.jsonl", "--resume"]).code(1);
        resumed.complains(&["has an object 5001 that is not the same"]);
        // Nothing has been written, so it is as whole as it was.
        let exported = folder.run(&["db", "export", "game.yml"]).code(0).stdout;
        assert_eq!(objects(&exported), EXPORT, "{backend}");
    }
}

#[test]
fn nothing_is_imported_into_a_database_in_use() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend);
        folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
        let running = folder.start(&["game.yml"]).ready();
        for more in [&[][..], &["--replace"], &["--resume"]] {
            let import = [&["db", "import", "game.yml", "objects.jsonl"], more].concat();
            folder.run(&import).code(1).complains(&["is in use by", "process"]);
        }
        let exported = folder.run(&["db", "export", "game.yml"]).code(0).stdout;
        assert_eq!(objects(&exported), EXPORT, "{backend}");
        running.signal("TERM");
        running.wait().code(0);
        folder.run(&["db", "import", "game.yml", "objects.jsonl", "--replace"]).code(0);
    }
}

#[test]
fn an_export_goes_to_standard_output() {
    let folder = folder(SQLITE);
    folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    for to in [&["db", "export", "game.yml"][..], &["db", "export", "game.yml", "-"]] {
        let exported = folder.run(to).code(0);
        assert_eq!(objects(&exported.stdout), EXPORT);
        exported.complains(&["2 objects with 3 values written from the SQLite database "]);
        let nonsense = folder.run(&[to, &["--replace"]].concat()).code(1);
        nonsense.complains(&["--replace and --resume are about a FILE"]);
    }
    assert!(!folder.path("-").exists());
    folder.run(&["db", "export", "game.yml", "game.jsonl"]).code(0);
    let again = folder.run(&["db", "export", "game.yml", "game.jsonl"]).code(1);
    again.complains(&["the export game.jsonl has 2 objects: --replace begins it anew, "]);
    let help = folder.run(&["db", "export", "--help"]).code(0).stdout;
    assert!(!help.contains("moved") && !help.contains("target"), "{help}");
}

/// More than fits a pipe.
fn many_notes() -> String {
    let note = |id| {
        format!(
            "{{\"id\":{id},\"class\":\"Note\",\"fields\":{{\"text\":\"(\\\"{}\\\")\"}}}}\n",
            "x".repeat(200)
        )
    };
    let notes: String = (5000..7000).map(note).collect();
    format!("{{\"donet\":\"export\",\"version\":1}}\n{notes}{{\"end\":2000,\"next\":7000}}\n")
}

#[test]
fn whoever_has_read_enough_of_an_export_ends_it_silently() {
    let folder = folder(SQLITE);
    folder.write("many.jsonl", &many_notes());
    folder.run(&["db", "import", "game.yml", "many.jsonl"]).code(0);
    let mut command = folder.command(&["db", "export", "game.yml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    reader.read_line(&mut first).expect("read");
    drop(reader);
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(first, "{\"donet\":\"export\",\"version\":1}\n");
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    assert_eq!(ended.status.code(), Some(141));
    assert!(!folder.files().iter().any(|name| name.starts_with("o.sqlite-")));
}

/// What is no file is written to as standard output is: reading it first would never end.
#[test]
fn an_export_into_a_pipe_or_a_device_is_a_stream() {
    let folder = folder(SQLITE);
    folder.write("many.jsonl", &many_notes());
    folder.run(&["db", "import", "game.yml", "many.jsonl"]).code(0);
    let export = |to| ["db", "export", "game.yml", to];
    folder.run(&export("/dev/null")).code(0).complains(&["2000 objects", " to /dev/null"]);
    for more in ["--resume", "--replace"] {
        let again = folder.run(&[&export("/dev/null")[..], &[more]].concat()).code(1);
        again.complains(&["--replace and --resume are about a FILE, and /dev/null is none"]);
    }
    folder.run(&export("/dev/full")).code(1).complains(&["cannot write to /dev/full: No space"]);
    folder.run(&export(".")).code(1).complains(&["cannot open .: "]);
    make_fifo(&folder.path("pipe"));
    let running = folder.start(&export("pipe"));
    let read = std::fs::read_to_string(folder.path("pipe")).expect("read");
    running.wait().code(0).complains(&["2000 objects with 2000 values written from "]);
    assert!(read.ends_with("{\"end\":2000,\"next\":7000}\n"), "{read}");
    let running = folder.start(&export("pipe"));
    let mut first = String::new();
    let reader = File::open(folder.path("pipe")).expect("opened");
    BufReader::new(reader).read_line(&mut first).expect("read");
    assert_eq!(first, "{\"donet\":\"export\",\"version\":1}\n");
    running.wait().code(141);
}

#[test]
fn nobody_has_to_read_what_a_command_says() {
    let folder = folder(SQLITE);
    folder.run(&["db", "import", "game.yml", "objects.jsonl"]).code(0);
    for (arguments, code) in [
        (&["db", "stats", "game.yml"][..], 0),
        (&["db", "show", "game.yml", "5000"], 0),
        (&["db", "verify", "less.yml"], 1),
        (&["db", "migrate", "less.yml", "--from", "game.dc"], 1),
        (&["dc", "show", "game.dc"], 0),
        (&["dc", "hash", "game.dc"], 0),
        (&["dc", "diff", "game.dc", "less.dc"], 1),
        (&["check", "game.yml"], 0),
        (&["check", "nowhere.yml"], 1),
        (&["version"], 0),
        (&["--help"], 0),
        (&["help", "init"], 0),
        (&["man"], 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let errors = writer.try_clone().expect("another end");
        let status = folder.command(arguments).stdout(writer).stderr(errors).status();
        let status = status.expect("it ends");
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
    // A full disk is another matter.
    if let Ok(full) = File::options().write(true).open("/dev/full") {
        for arguments in [
            &["db", "stats", "game.yml"][..],
            &["--help"],
            &["--version"],
            &["help"],
            &["init", "--help"],
            &["help", "db", "export"],
            &["man"],
            &["completions", "bash"],
        ] {
            let full = full.try_clone().expect("another end");
            let mut command = folder.command(arguments);
            let ended = command.stdout(full).stderr(Stdio::piped()).output().expect("it ends");
            let stderr = String::from_utf8_lossy(&ended.stderr);
            assert!(stderr.starts_with("error: cannot write to standard output: "), "{stderr}");
            assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        }
    }
}

#[test]
fn a_database_that_cannot_be_used_is_named() {
    let folder = folder(SQLITE);
    let nowhere = "{type: sqlite, file: nowhere.sqlite}";
    folder.write("nowhere.yml", &config("game.dc", nowhere));
    folder.write("away.yml", &config("game.dc", "{type: yaml, directory: away}"));
    folder.write("none.yml", "general: {dc_files: [game.dc]}\n");
    let two = config("game.dc", YAML).replace("roles: [", "roles: [{type: database, control: 4004, generate: {min: 9000}, backend: {type: sqlite, file: p.sqlite}}, ");
    folder.write("two.yml", &two);
    folder.write("no.sqlite", "this is no database, whatever its name says");
    folder.write("no.yml", &config("game.dc", "{type: sqlite, file: no.sqlite}"));
    let commands: [&[&str]; 6] = [
        &["stats"],
        &["verify"],
        &["export"],
        &["show", "5"],
        &["backup", "copy"],
        &["migrate", "--from", "game.dc"],
    ];
    for command in commands {
        let run = |config: &str, more: &[&str]| {
            let arguments = [&["db", command[0], config], &command[1..], more].concat();
            folder.run(&arguments).code(1)
        };
        let is_absent = "No such file or directory";
        run("missing.yml", &[]).complains(&["missing.yml", "cannot be read", is_absent]);
        run("none.yml", &[]).complains(&["none.yml: it has no database: none of its roles"]);
        run("nowhere.yml", &[]).complains(&["the SQLite database ", "nowhere.sqlite: ", is_absent]);
        run("away.yml", &[]).complains(&["the YAML directory ", "away: ", is_absent]);
        run("two.yml", &[]).complains(&["choose one with --control 4004 or --control 4003"]);
        let other = "two.yml: it has no database with the control channel 5, but --control 4004 or";
        run("two.yml", &["--control", "5"]).complains(&[other]);
        run("no.yml", &[]).complains(&["the SQLite database ", "no.sqlite"]);
    }
    let files = folder.files();
    assert!(
        !files.iter().any(|name| name.contains("nowhere.sqlite") || name == "away"),
        "{files:?}"
    );
    fs::remove_file(folder.path("no.sqlite")).expect("removed");
}

/// Text says nothing of the type by which it was written; the export does.
#[test]
fn an_export_is_read_by_the_types_that_it_was_written_with() {
    let dc = |parts: &str| format!("struct Q {{ {parts} }};\ndclass Note {{ q(Q) db; }};\n");
    let old = "{\"donet\":\"export\",\"version\":1}\n\
               {\"id\":5000,\"class\":\"Note\",\"fields\":{\"q\":\"({1, 5})\"}}\n{\"end\":1}\n";
    let types = "{\"types\":{\"Note\":{\"q\":\"({uint8 a, uint8 b})\"}}}";
    for backend in [YAML, SQLITE] {
        let folder = Folder::with(&[
            ("game.dc", &dc("uint8 a; uint8 b;")),
            ("game.yml", &config("game.dc", backend)),
            ("old.jsonl", old),
        ]);
        // One without types is read as ever.
        folder.run(&["db", "import", "game.yml", "old.jsonl"]).code(0);
        folder.run(&["db", "export", "game.yml", "new.jsonl"]).code(0);
        let written = folder.read("new.jsonl");
        assert_eq!(written.lines().nth(1), Some(types), "{written}");
        let streamed = folder.run(&["db", "export", "game.yml"]).code(0).stdout;
        assert_eq!(streamed, written);
        folder.run(&["db", "import", "game.yml", "new.jsonl", "--replace"]).code(0);
        folder.run(&["db", "export", "game.yml", "new.jsonl", "--resume"]).code(0);

        folder.write("game.dc", &dc("uint8 b; uint8 a;"));
        let import = ["db", "import", "game.yml", "new.jsonl", "--replace"];
        folder.run(&import).code(1).complains(&[
            "object 5000: Note.q: stored as `({uint8 a, uint8 b})`, now `({uint8 b, uint8 a})`",
            "nothing was moved: 1 value is not allowed by the DC files; --drop-unreadable leaves it out\n\
             to keep what is stored of another type: take the DC files by which it was stored, and then",
        ]);
        folder.run(&[&import[..], &["--drop-unreadable"]].concat()).code(0);
        // What goes on is of one type.
        folder.write("old.jsonl", &old.replace("5000", "5001"));
        folder.run(&["db", "import", "game.yml", "old.jsonl", "--replace"]).code(0);
        let resumed = folder.run(&["db", "export", "game.yml", "new.jsonl", "--resume"]).code(1);
        resumed.complains(&["new.jsonl was begun with other DC files", "--replace begins it anew"]);
        folder.run(&["db", "export", "game.yml", "new.jsonl", "--replace"]).code(0);
        assert!(folder.read("new.jsonl").contains("({uint8 b, uint8 a})"));
    }
}
