//! `donet dc`.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::Folder;

const BASE: &str =
    "keyword secret;\ntypedef uint16 Metres;\nstruct Point {\n  int16/10 x;\n  int16/10 y;\n};\n";
const GAME: &str = "\
dclass Thing {
  setPoint(Point p) required broadcast ram;
  setName(string name) db secret;
};
dclass Hat : Thing {
  setSize(Metres size) clsend airecv;
  setAll : setPoint, setPoint;
};
";

fn folder() -> Folder {
    Folder::with(&[("base.dc", BASE), ("game.dc", GAME)])
}

#[test]
fn check_counts_what_is_there() {
    let ended = folder().run(&["dc", "check", "base.dc", "game.dc"]).code(0);
    ended.says(&["2 classes with 4 fields, 1 struct; hash 0x"]);
}

#[test]
fn mistakes_are_shown_with_their_line() {
    let shown = ["game.dc:2:12", "setPoint(Point p)"];
    folder().run(&["dc", "check", "game.dc"]).code(1).complains(&shown);
    folder().run(&["dc", "hash", "none.dc"]).code(1).complains(&["none.dc"]);
}

#[test]
fn what_is_declared_twice_is_shown_with_both_places() {
    let config = "general: {dc_files: [a.dc, b.dc]}\nroles: [{type: stateserver, control: 4002}]\n";
    let (a, b) = ("dclass A {};\n", "\n\ndclass B : A {};\ntypedef uint8 A;\n");
    let folder = Folder::with(&[("a.dc", a), ("b.dc", b), ("game.yml", config)]);
    let expected = "\
error: `A` is declared twice
 --> b.dc:4:15
  |
4 | typedef uint8 A;
  |               ^ classes, structs and typedefs share their names
  |
 ::: a.dc:1:8
  |
1 | dclass A {};
  |        - the first one is here
";
    folder.run(&["dc", "check", "a.dc", "b.dc"]).code(1).complains(&[expected]);
    folder.run(&["check", "game.yml"]).code(1).complains(&[expected]);
    folder.run(&["dc", "hash", "a.dc", "b.dc"]).complains(&[expected]);
}

#[test]
fn a_file_that_is_given_twice_is_one_mistake() {
    let folder = folder();
    std::fs::create_dir(folder.path("below")).expect("a folder");
    std::os::unix::fs::symlink("base.dc", folder.path("link.dc")).expect("a link");
    let why = "all of it would be declared twice";
    for (again, what) in [
        ("base.dc", "this file is given twice"),
        ("below/../base.dc", "this is the same file as base.dc"),
        ("link.dc", "this is the same file as base.dc"),
    ] {
        let expected = format!("error: {what}: {why}\n --> {again}\n");
        for command in ["check", "hash", "show", "fmt"] {
            let ended = folder.run(&["dc", command, "base.dc", "game.dc", again]).code(1);
            let count = if command == "check" { "\n1 error\n" } else { "" };
            assert_eq!(ended.stderr, format!("{expected}{count}"), "{command}");
        }
        let twice = format!("base.dc,{again},game.dc");
        assert_eq!(folder.run(&["dc", "diff", &twice, "base.dc"]).code(2).stderr, expected);
    }
    // Whatever else is wrong is said, too, once.
    folder.write("odd.dc", "dclass A { f(nothing x); };");
    let ended = folder.run(&["dc", "check", "odd.dc", "odd.dc", "none.dc", "none.dc"]).code(1);
    assert_eq!(ended.stderr.matches("given twice").count(), 2, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("cannot read").count(), 1, "{}", ended.stderr);
    // A file that declares nothing does no harm.
    folder.write("empty.dc", "// Nothing yet.\n");
    folder.run(&["dc", "check", "empty.dc", "base.dc", "empty.dc"]).code(0);
}

#[test]
fn the_hash_is_one_word() {
    // The value is Panda3D's, DCFile.getHash().
    let folder = Folder::with(&[("game.dc", "dclass A {\n  f(uint8 x) broadcast;\n};\n")]);
    let ended = folder.run(&["dc", "hash", "game.dc"]).code(0);
    assert_eq!(ended.stdout, "0x00000a91\n");
}

#[test]
fn both_hashes_are_shown_where_they_differ() {
    // The values are those of Panda3D, which has a type of this name, and of Astron's library.
    let text = "typedef uint8 uint8array[];\ndclass A { f(uint8array v); };\n";
    let folder = Folder::with(&[("game.dc", text)]);
    let ended = folder.run(&["dc", "hash", "game.dc"]).code(0);
    assert_eq!(ended.stdout, "0x00000bd2 (Panda3D)\n0x00000a3f (Astron)\n");
    let hashes = "hash 0x00000bd2 (3026), in Astron 0x00000a3f (2623)";
    folder.run(&["dc", "check", "game.dc"]).code(0).says(&[hashes]);
}

#[test]
fn findings_as_json_are_one_object_a_line() {
    let text = "dclass A { f(uint8 x) brodcast; /* /* */\nblob b = <00ff10>; };\nB;\n";
    let folder = Folder::with(&[("game.dc", text), ("fine.dc", "dclass A {};")]);
    let check =
        |files: &[&str]| folder.run(&[&["dc", "check", "--format", "json"][..], files].concat());
    let ended = check(&["game.dc"]).code(1);
    assert_eq!(ended.stderr, "");
    let found: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let places: Vec<_> = found.iter().map(|found| (&found["line"], &found["severity"])).collect();
    assert_eq!(
        places,
        [
            (&json!(1), &json!("error")),
            (&json!(1), &json!("warning")),
            (&json!(2), &json!("warning")),
            (&json!(3), &json!("error")),
        ]
    );
    let expected = json!({
        "file": "game.dc", "line": 1, "column": 23, "severity": "error",
        "message": "unknown keyword `brodcast`", "label": null, "key": null,
        "help": ["did you mean `broadcast`?"],
        "related": null,
    });
    assert_eq!(found[0], expected);
    assert_eq!(check(&["fine.dc"]).code(0).stdout, "");
    let ended = check(&["none.dc"]).code(1);
    let found: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&found["file"], &found["line"]), (&json!("none.dc"), &Value::Null));
}

#[test]
fn show_lists_classes() {
    let ended = folder().run(&["dc", "show", "base.dc", "game.dc"]).code(0);
    let expected = "\
id  kind    name   parents  own fields  all fields
0   struct  Point           2           2
1   dclass  Thing           2           2
2   dclass  Hat    Thing    2           4
";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn show_lists_the_fields_of_a_class() {
    let ended = folder().run(&["dc", "show", "base.dc", "game.dc", "Hat"]).code(0);
    let expected = "\
id  field                        keywords                declared by
2   setPoint(Point p)            required ram broadcast  Thing
3   setName(string name)         db secret               Thing
4   setSize(uint16 size)         clsend airecv           Hat
5   setAll : setPoint, setPoint  required ram broadcast  Hat
";
    assert_eq!(ended.stdout, expected);
    let hint = ["neither a file nor a class has the name `Hut`; did you mean `Hat`?"];
    folder().run(&["dc", "show", "base.dc", "game.dc", "Hut"]).code(1).complains(&hint);
}

#[test]
fn show_exports_everything_as_json() {
    let folder = Folder::with(&[("game.dc", EXPORTED)]);
    let ended = folder.run(&["dc", "show", "--format", "json", "game.dc"]).code(0);
    let shown: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let hash = folder.run(&["dc", "hash", "game.dc"]).code(0).stdout;
    assert_eq!(format!("{:#010x}\n", shown["hash"].as_u64().expect("a number")), hash);
    assert_eq!(shown["format"], 1);
    let classes = json!([
        {"id": 0, "name": "Point", "struct": true, "parents": [], "fields": [0, 1]},
        {"id": 1, "name": "Thing", "struct": false, "parents": [], "constructor": 2, "fields": [3, 4]},
        {"id": 2, "name": "Hat", "struct": false, "parents": [1], "fields": [3, 4, 5, 6]},
    ]);
    assert_eq!(shown["classes"], classes);
    let int16 = json!({"kind": "int16", "divisor": 10, "limits": [[-50, 50]]});
    let point = json!({"kind": "struct", "struct": 0});
    let wide = json!({"kind": "uint64", "modulus": 360, "limits": [["0", "18446744073709551615"]]});
    let switch = json!({
        "kind": "switch", "key": {"name": "k", "type": {"kind": "uint8"}},
        "fields": [{"name": "s", "type": {"kind": "string", "tag": 0, "counts": [[3, 3]]}}],
        "cases": [["01", 0, 1], ["02", 0, 1]], "default": [1, 1],
    });
    let fields = json!([
        {"id": 0, "class": 0, "name": "x", "keywords": [], "type": int16},
        {"id": 1, "class": 0, "name": "", "keywords": [], "type": {"kind": "float64", "limits": [[0.0, 0.5]]}},
        {"id": 2, "class": 1, "name": "Thing", "keywords": [], "params": []},
        {"id": 3, "class": 1, "name": "setP", "keywords": ["ram", "secret"], "params": [
            {"name": "p", "type": {"kind": "array", "tag": 2, "counts": [[0, 3]], "element": point}},
        ]},
        {"id": 4, "class": 1, "name": "n", "keywords": ["required", "db"], "default": "05",
            "type": {"kind": "uint8"}},
        {"id": 5, "class": 2, "name": "setQ", "keywords": [], "params": [
            {"name": "", "type": wide}, {"name": "b", "type": {"kind": "blob", "tag": 4}},
            {"name": "s", "type": switch},
        ]},
        {"id": 6, "class": 2, "name": "setR", "keywords": ["ram", "secret"], "parts": [3]},
    ]);
    assert_eq!(shown["fields"], fields);
    let with_class = ["dc", "show", "--format", "json", "game.dc", "Hat"];
    folder.run(&with_class).code(1).complains(&["there is no file `Hat`"]);
}

/// What tests/client checks clients with is what this side packs.
#[test]
fn the_clients_vectors_are_ours() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    let dc = dclass::read(&[folder.join("vectors.dc")]).expect("valid");
    let text = std::fs::read_to_string(folder.join("vectors.json")).expect("vectors");
    let vectors: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert!(vectors.len() > 40);
    for vector in vectors {
        let text = |key: &str| vector[key].as_str().expect("a text");
        let (class, field) = text("field").split_once('.').expect("a class and a field");
        let field = dc.class_by_name(class).and_then(|class| class.field_by_name(field));
        let packed = field.expect("a field").parse(text("text")).expect("a value");
        let hex: String = packed.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, text("hex"), "{vector}");
    }
}

const EXPORTED: &str = "\
keyword secret;
struct Point { int16/10(-5-5) x; float64(0-0.5); };
dclass Thing { Thing(); setP(Point p[0-3]) ram secret; uint8 n = 5 required db; };
dclass Hat : Thing {
  setQ(uint64%360(0-18446744073709551615), blob32 b,
       switch (uint8 k) { case 1: case 2: string(3) s; break; default: break; } s);
  setR : setP;
};
";

#[test]
fn fmt_lays_out_in_place() {
    let folder = Folder::with(&[("base.dc", BASE), ("game.dc", &GAME.replace("  ", "\t"))]);
    let files = ["base.dc", "game.dc"];
    let fmt = [&["dc", "fmt"][..], &files].concat();
    let check = [&["dc", "fmt", "--check"][..], &files].concat();
    assert_eq!(folder.run(&check).code(1).stdout, "game.dc\n");
    assert_ne!(folder.read("game.dc"), GAME, "checking changes nothing");
    assert_eq!(folder.run(&fmt).code(0).stdout, "game.dc\n");
    assert_eq!(folder.read("game.dc"), GAME);
    assert_eq!(folder.run(&check).code(0).stdout, "");
}

#[test]
fn fmt_leaves_a_broken_file_alone() {
    let broken = "dclass A{\n";
    let folder = Folder::with(&[("game.dc", broken)]);
    folder.run(&["dc", "fmt", "game.dc"]).code(1).complains(&["game.dc"]);
    assert_eq!(folder.read("game.dc"), broken);
}

#[test]
fn a_file_that_is_no_text_is_one_error() {
    let bytes: Vec<u8> = (0..=255u8).cycle().take(5000).collect();
    let folder = folder();
    std::fs::write(folder.path("binary.dc"), bytes).expect("a file");
    let utf16: Vec<u8> = GAME.encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path("utf16.dc"), utf16).expect("a file");
    for file in ["binary.dc", "utf16.dc"] {
        let expected =
            format!("error: this is no DC file: it has bytes that no text has\n --> {file}\n");
        let help = " = help: without it, only the grammar of the others can be checked\n";
        for command in ["check", "hash", "show"] {
            let ended = folder.run(&["dc", command, file, "game.dc"]).code(1);
            // What the other one needs of it is not asked for.
            let count = if command == "check" { "\n1 error\n" } else { "" };
            assert_eq!(ended.stderr, format!("{expected}{help}{count}"));
        }
        assert_eq!(folder.run(&["dc", "diff", file, "base.dc"]).code(2).stderr, expected);
    }
}

#[test]
fn of_many_errors_twenty_are_shown() {
    let lines = |name: &str, count: usize| -> String {
        (0..count).map(|i| format!("dclass {name}{i} {{ f(nothing x); }};\n")).collect()
    };
    let files = [("a.dc", &*lines("A", 30)), ("b.dc", &lines("B", 21)), ("c.dc", &lines("C", 99))];
    let folder = Folder::with(&files);
    let shown = |files: &[&str]| folder.run(&[&["dc", "check"][..], files].concat()).code(1).stderr;
    let text = shown(&["a.dc", "b.dc"]);
    assert_eq!(text.matches("error: unknown type").count(), 40, "{text}");
    assert!(
        text.contains("error: 10 more errors of this file are not shown\n --> a.dc\n"),
        "{text}"
    );
    assert!(
        text.ends_with("error: one more error of this file is not shown\n --> b.dc\n\n51 errors\n"),
        "{text}"
    );
    let text = shown(&["a.dc", "c.dc"]);
    assert!(text.contains("50 more errors of this file are not shown\n --> c.dc\n"), "{text}");
    let end = "error: reading has ended after 100 errors\n\n100 errors\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn a_name_of_any_length_is_shown() {
    let folder = Folder::new();
    let name = "A".repeat(70_000);
    folder.write("long.dc", &format!("dclass {name} {{ f{name}(uint8); }};\n"));
    for class in [&[][..], &[&*name]] {
        let arguments = [&["dc", "show", "long.dc"], class].concat();
        assert!(folder.run(&arguments).code(0).stdout.contains(&name));
    }
}
