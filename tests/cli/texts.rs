//! Files as editors, version control systems and full disks leave them.

use std::fs;
use std::os::unix::fs::symlink;

use crate::program::{Folder, make_fifo};
use crate::tls::write_certificate;

const TEXT: &str = "
general: {dc_files: [game.dc]}
messagedirector: {bind: '127.0.0.1:0'}
roles: [{type: database, control: 4003, generate: {min: 5000}, backend: {type: yaml, directory: db}}]
";
const DC: &str = "dclass Note {\n  n(uint8) db;\n};\n";
const CONFLICT: &str =
    "this is the mark of a conflict between two versions of the file: keep one of them";

fn folder() -> Folder {
    Folder::with(&[("game.yml", TEXT), ("game.dc", DC), ("db/info.yaml", "next: 5000\n")])
}

/// A text with another version of its second line.
fn in_conflict(text: &str) -> String {
    let (first, rest) = text.split_once('\n').expect("lines");
    let (second, rest) = rest.split_once('\n').expect("lines");
    format!("{first}\n<<<<<<< HEAD\n{second}\n=======\n{second} \n>>>>>>> other\n{rest}")
}

fn utf_16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn marks_of_a_conflict_are_called_so() {
    let folder = folder();
    folder.write("game.dc", &in_conflict(DC));
    let checked = folder.run(&["check", "game.yml"]).code(1);
    let checked =
        checked.complains(&[&format!("error: {CONFLICT}\n --> game.dc:2:1\n"), "1 error\n"]);
    assert!(!checked.stderr.contains("game.dc:1"), "{checked:#?}");
    let checked = folder.run(&["dc", "check", "--format", "json", "game.dc"]).code(1);
    assert_eq!(checked.stdout.lines().count(), 1, "{checked:#?}");
    folder.write("game.dc", DC);
    folder.write("game.yml", &in_conflict(TEXT));
    let place = format!("error: {CONFLICT}\n --> game.yml:2:1\n");
    folder.run(&["check", "game.yml"]).code(1).complains(&[&place]);
    folder.write("game.yml", TEXT);
    let why =
        "line 2 has the mark of a conflict between two versions of the file: keep one of them";
    folder.write("db/types.yaml", &in_conflict("Note:\n  n: uint8\n"));
    folder.run(&["check", "game.yml"]).code(1).complains(&["types.yaml in ", why]);
}

#[test]
fn a_mark_of_utf_8_is_read_and_utf_16_named() {
    let folder = folder();
    folder.write("game.dc", &format!("\u{feff}{DC}"));
    folder.write("game.yml", &format!("\u{feff}{}", TEXT.trim_start()));
    folder.write("db/5000.yaml", "\u{feff}class: Note\nfields: {n: (7)}\n");
    write_certificate(&folder);
    folder.run(&["check", "game.yml"]).code(0);
    folder.run(&["db", "show", "game.yml", "5000"]).code(0).says(&["n = (7)"]);
    let pem = folder.read("game.pem");
    folder.write("game.pem", &format!("\u{feff}{pem}"));
    let tls = TEXT.replace(
        "roles: [",
        "roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 2000, max: 2999}, \
         tls: {certificate: game.pem, key_file: game.key}}, ",
    );
    folder.write("game.yml", &tls);
    folder.run(&["check", "game.yml"]).code(0);

    let why = "is UTF-16: save it as UTF-8";
    for (name, text) in
        [("game.pem", &*pem), ("db/info.yaml", "next: 5000\n"), ("game.dc", DC), ("game.yml", &tls)]
    {
        fs::write(folder.path(name), utf_16(text)).expect("written");
        let checked = folder.run(&["check", "game.yml"]).code(1).complains(&[why]);
        assert!(checked.stderr.contains("\n1 error"), "{name}: {checked:#?}");
        folder.write(name, text);
    }
}

#[test]
fn a_link_to_nothing_is_called_one() {
    let folder = folder();
    fs::remove_file(folder.path("game.dc")).expect("removed");
    symlink("nowhere.dc", folder.path("game.dc")).expect("linked");
    let why = "cannot read the file: it is a link to nowhere.dc, which is not there";
    folder.run(&["check", "game.yml"]).code(1).complains(&[why]);
    folder.run(&["dc", "check", "game.dc"]).code(1).complains(&[why]);
}

/// Whoever waits for a pipe, or for the next line of the kernel, keeps others waiting.
#[test]
fn what_is_no_regular_file_is_no_certificate() {
    let folder = folder();
    write_certificate(&folder);
    fs::remove_file(folder.path("game.pem")).expect("removed");
    make_fifo(&folder.path("game.pem"));
    let text = "roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 2000, max: 2999}, \
                tls: {certificate: game.pem, key_file: game.key}}]";
    folder.write("game.yml", text);
    let why = "the file cannot be read: it is no regular file";
    let checked = folder.run(&["check", "game.yml"]).code(1).complains(&[why]);
    assert!(!checked.stderr.contains("nothing has come"), "{checked:#?}");
    folder.run(&["game.yml"]).code(1).says(&[why]);
}

#[test]
fn where_an_export_ends_is_said() {
    let folder = folder();
    let whole = "{\"donet\":\"export\",\"version\":1}\n{\"id\":5000,\"class\":\"Note\",\"fields\":{}}\n{\"end\":1}\n";
    for (text, why) in [
        ("", "o.jsonl: the file is empty, and an export has a first and a last line at least"),
        (&whole[..60], "o.jsonl is cut short: it ends in the middle of line 2"),
        (
            &whole[..whole.len() - 10],
            "o.jsonl is cut short: it ends after line 2, without the one that says how many objects there are",
        ),
    ] {
        folder.write("o.jsonl", text);
        folder.run(&["db", "import", "game.yml", "o.jsonl"]).code(1).complains(&[why]);
    }
}

/// Programs see both places of what is declared twice, as people do.
#[test]
fn the_second_place_is_there_for_programs() {
    let folder = folder();
    folder.write("more.dc", DC);
    let found = folder.run(&["dc", "check", "--format", "json", "game.dc", "more.dc"]).code(1);
    let found: serde_json::Value = serde_json::from_str(found.stdout.trim()).expect("one record");
    let related = serde_json::json!([
        {"file": "game.dc", "line": 1, "column": 8, "message": "the first one is here"}
    ]);
    assert_eq!((&found["file"], &found["related"]), (&"more.dc".into(), &related), "{found}");
    let twice = TEXT.replace("roles: [", "roles: [{type: stateserver, control: 4003}, ");
    folder.write("game.yml", &twice);
    let found = folder.run(&["check", "--format", "json", "game.yml"]).code(0);
    let found: serde_json::Value = serde_json::from_str(found.stdout.trim()).expect("one record");
    assert_eq!(found["related"][0]["file"], "game.yml", "{found}");
    assert_eq!(found["related"][0]["line"], 4, "{found}");
}
