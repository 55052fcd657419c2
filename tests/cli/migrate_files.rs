//! `donet db migrate`, where not everything is stored by the files of `--from`: some by a daemon that had the new ones already,
//! or all by others.

use std::fs;

use crate::program::{Ended, Folder};

const YAML: &str = "{type: yaml, directory: objects}";
const SQLITE: &str = "{type: sqlite, file: objects.sqlite}";

/// A folder with DC files, each with a configuration of its own name: `old.dc` and `old.yml`.
fn folder(backend: &str, files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (name, dc) in files {
        let config = format!(
            "general: {{dc_files: [{name}.dc]}}\nmessagedirector: {{bind: '127.0.0.1:0'}}\n\
             roles: [{{type: database, control: 4003, generate: {{min: 5000}}, backend: {backend}}}]\n"
        );
        folder.write(&format!("{name}.dc"), dc);
        folder.write(&format!("{name}.yml"), &config);
    }
    folder
}

/// Stores objects of the class `P` as a daemon with these files does.
fn store(folder: &Folder, files: &str, objects: &[(u32, &str)]) {
    let mut export = "{\"donet\":\"export\",\"version\":1}\n".to_owned();
    for (id, fields) in objects {
        export += &format!("{{\"id\":{id},\"class\":\"P\",\"fields\":{{{fields}}}}}\n");
    }
    export += &format!("{{\"end\":{}}}\n", objects.len());
    folder.write("objects.jsonl", &export);
    folder.run(&["db", "import", &format!("{files}.yml"), "objects.jsonl", "--resume"]).code(0);
}

/// From some files to some.
fn migrate(folder: &Folder, from: &str, to: &str, more: &[&str]) -> Ended {
    let (from, to) = (format!("{from}.dc"), format!("{to}.dc"));
    let arguments = ["db", "migrate", "new.yml", "--from", &from, "--to", &to];
    folder.run(&[&arguments[..], more].concat())
}

fn export(folder: &Folder, files: &str) -> String {
    folder.run(&["db", "export", &format!("{files}.yml")]).code(0).stdout
}

fn shown(folder: &Folder, files: &str, id: &str) -> String {
    folder.run(&["db", "show", &format!("{files}.yml"), id]).code(0).stdout
}

/// No limit of the old files decides whether a value can be read: a daemon with the new ones may have stored it.
#[test]
fn what_the_new_files_can_hold_stays_whatever_the_old_ones_could() {
    let old = "dclass P { n(uint8(0-5) n) db; s(string(0-2) s) db; l(uint16[0-2] l) db; d(int16/10 d) db; };";
    let new = "dclass P { n(uint8 n) db; s(blob s) db; l(uint16[] l) db; d(int32/100 d) db; };";
    for backend in [YAML, SQLITE] {
        // Other numbers and lengths of text are limits in YAML, too.
        let new = if backend == YAML { new.replace("uint8 n", "int16 n") } else { new.to_owned() };
        let folder = folder(backend, &[("old", old), ("new", &new)]);
        store(&folder, "old", &[(5000, "\"n\":\"(5)\",\"l\":\"([1])\",\"d\":\"(25)\"")]);
        let large = if backend == YAML { "-300" } else { "200" };
        let fields = format!("\"n\":\"({large})\",\"s\":\"(<0300ff6162>)\",\"l\":\"([1, 2, 3])\"");
        store(&folder, "new", &[(5001, &fields)]);
        let before = shown(&folder, "new", "5001");
        assert!(
            before.contains(&format!("n = ({large})")) && before.contains("ff6162"),
            "{before}"
        );
        migrate(&folder, "old", "new", &["--apply", "--no-backup"]).code(0);
        assert_eq!(shown(&folder, "new", "5001"), before, "{backend}");
        let first = shown(&folder, "new", "5000");
        assert!(first.contains("n = (5)") && first.contains("d = (250)"), "{first}");
        folder.run(&["db", "verify", "new.yml"]).code(0);
    }
}

/// The bytes of what is carried are read without the old limits, too.
#[test]
fn a_value_that_is_carried_may_be_beyond_the_old_limits() {
    let old = "struct S { uint8(0-5) a; string(0-2) s; }; dclass P { S x db; };";
    let wide = "struct S { uint8 a; string s; }; dclass P { S x db; };";
    let new = "struct S { string s; uint16 a; }; dclass P { S x db; };";
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, &[("old", old), ("wide", wide), ("new", new)]);
        store(&folder, "wide", &[(5000, "\"x\":\"{200, \\\"abc\\\"}\"")]);
        migrate(&folder, "old", "new", &["--apply", "--no-backup"]).code(0);
        assert_eq!(shown(&folder, "new", "5000"), "5000: P\n  x = {\"abc\", 200}\n", "{backend}");
    }
}

/// As Astron writes it, which notes no types.
#[test]
fn text_that_only_the_new_files_can_read_is_theirs() {
    let old = "dclass P { uint8 n db; string(0-9) s db; };";
    let new = "dclass P { float32 n db; string(0-9) s db; };";
    for is_told in [true, false] {
        let folder = folder(YAML, &[("old", old), ("new", new)]);
        store(&folder, "old", &[(5000, "\"n\":\"5\""), (5001, "\"n\":\"6\"")]);
        let astrons = folder.read("objects/5001.yaml").replace('6', "2.5");
        folder.write("objects/5001.yaml", &astrons);
        if !is_told {
            fs::remove_file(folder.path("objects/types.yaml")).expect("removed");
        }
        let done = migrate(&folder, "old", "new", &["--drop", "--apply", "--no-backup"]).code(0);
        done.says(&["  n: 1 value was stored by the new files already: it stays\n"]);
        let values = ["5000", "5001"].map(|id| shown(&folder, "new", id));
        assert_eq!(values, ["5000: P\n  n = 5\n", "5001: P\n  n = 2.5\n"], "{is_told}");
    }
}

/// Where some text is of the new files, the rest may be of either, and is not guessed at.
#[test]
fn text_of_which_nobody_can_tell_the_files_is_not_guessed_at() {
    let old = "dclass P { int8/10 n db; };";
    let new = "dclass P { int16/100 n db; };";
    let folder = folder(YAML, &[("old", old), ("new", new)]);
    store(&folder, "new", &[(5000, "\"n\":\"50\""), (5001, "\"n\":\"500\"")]);
    fs::remove_file(folder.path("objects/types.yaml")).expect("removed");
    let before = export(&folder, "new");
    let refused = migrate(&folder, "old", "new", &["--drop", "--round", "--apply"]).code(1);
    refused.complains(&[
        "object 5000: P.n: `50`: it is another value by the old files than by the new ones",
        "object 5001: P.n: `500`: in the old files, not in the new ones: ",
        "nothing is written: 2 values are not stored by the files of --from",
    ]);
    assert_eq!(export(&folder, "new"), before);
    // Whoever knows it can say so.
    folder.write("objects/types.yaml", "P:\n  n: int16/100\n");
    migrate(&folder, "old", "new", &["--apply"]).code(1).complains(&["2 values are not stored"]);
    folder.write("objects/types.yaml", "P:\n  n: int8/10\n");
    migrate(&folder, "old", "new", &["--apply", "--no-backup"]).code(0).says(&["1 value was"]);
    assert_eq!(shown(&folder, "new", "5000"), "5000: P\n  n = 500\n");
}

const OLD: &str = "dclass P { uint32 coins db; int16/10 pos db; string mark db; };";
const NEW: &str = "dclass P { uint32 money db; int32/100 pos db; string mark db; };";

/// Whichever of them, and whatever may be lost: nothing is written.
#[track_caller]
fn refuse_all(folder: &Folder, ways: &[(&str, &str, &str)]) {
    let before = export(folder, "old");
    for (from, to, why) in ways {
        for more in [&[][..], &["--drop", "--round", "--apply", "--no-backup"]] {
            let refused = migrate(folder, from, to, more).code(1);
            assert_eq!(refused.stdout, "", "{from} → {to}");
            refused.complains(&[why, "the files of --from"]);
        }
        assert_eq!(export(folder, "old"), before, "{from} → {to}");
    }
}

#[test]
fn old_files_that_are_the_wrong_ones_are_refused_in_whichever_way_they_are_wrong() {
    // Those before the old ones, without a field that has another type since.
    let older = "dclass P { uint32 coins db; string mark db; };";
    let third = "dclass P { uint32 coins db; float64 pos db; string mark db; };";
    let foreign = "dclass Q { uint8 a db; };";
    let later = "dclass P { uint32 coins db; string mark db; }; dclass Q { uint8 pos db; };";
    for backend in [YAML, SQLITE] {
        let files = [
            ("old", OLD),
            ("new", NEW),
            ("older", older),
            ("third", third),
            ("foreign", foreign),
            ("later", later),
        ];
        let folder = folder(backend, &files);
        let fields = "\"coins\":\"7\",\"pos\":\"25\",\"mark\":\"\\\"x\\\"\"";
        store(&folder, "old", &[(5000, fields), (5001, fields)]);
        let none = "2 values are not stored by";
        let no_object = "no object is of a class of";
        refuse_all(
            &folder,
            &[
                ("new", "old", none),
                ("new", "new", none),
                ("older", "new", none),
                ("third", "new", none),
                ("third", "old", none),
                ("foreign", "new", none),
                ("foreign", "old", no_object),
            ],
        );
        folder.write("map.yml", "P.coins: money\n");
        let right = ["--map", "map.yml", "--apply", "--no-backup"];
        migrate(&folder, "old", "new", &right).code(0);
        let expected = "5000: P\n  money = 7\n  pos = 250\n  mark = \"x\"\n";
        assert_eq!(shown(&folder, "new", "5000"), expected, "{backend}");
        migrate(&folder, "old", "new", &right).code(0).says(&["nothing is to be done, it was"]);
        // Now they are those of the new files, whatever others are named.
        let before = export(&folder, "new");
        let drop = ["--drop", "--round", "--apply", "--no-backup"];
        migrate(&folder, "third", "new", &drop).code(1).complains(&[none]);
        assert_eq!(export(&folder, "new"), before, "{backend}");
    }
}

/// What is not stored by the old files is named by field, or all of it.
#[test]
fn what_speaks_against_the_old_files_is_named_by_field_or_all_of_it() {
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, &[("old", OLD), ("new", NEW)]);
        let objects: Vec<(u32, &str)> = (5000..5025).map(|id| (id, "\"pos\":\"25\"")).collect();
        store(&folder, "old", &objects);
        let short = migrate(&folder, "new", "old", &[]).code(1);
        assert_eq!(short.stderr.matches("object 50").count(), 1, "{short:#?}");
        short.complains(&["  … and 24 more of P.pos\n", "--all names every one\n"]);
        let all = migrate(&folder, "new", "old", &["--all"]).code(1);
        assert_eq!(all.stderr.matches("object 50").count(), 25, "{all:#?}");
    }
}

/// An object of a class that the old files do not have is not theirs, if the new ones have it otherwise.
#[test]
fn old_files_from_before_a_class_are_refused_if_it_has_changed() {
    let older = "dclass Q { uint8 a db; };";
    let old = "dclass P { int16/10 pos db; }; dclass Q { uint8 a db; };";
    let new = "dclass P { int32/100 pos db; }; dclass Q { uint8 a db; };";
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, &[("older", older), ("old", old), ("new", new)]);
        store(&folder, "old", &[(5000, "\"pos\":\"25\"")]);
        let objects = folder.read("objects.jsonl").replace("5000", "5001");
        let objects = objects.replace("\"P\"", "\"Q\"").replace("\"pos\":\"25\"", "\"a\":\"1\"");
        folder.write("objects.jsonl", &objects);
        folder.run(&["db", "import", "old.yml", "objects.jsonl", "--resume"]).code(0);
        refuse_all(&folder, &[("older", "new", "1 value is not stored by")]);
        migrate(&folder, "old", "new", &["--apply", "--no-backup"]).code(0);
    }
}

/// A directory that nobody has noted types in: names and values have to do.
#[test]
fn without_types_names_and_values_speak_against_the_wrong_files() {
    let third = "dclass P { uint32 coins db; uint8 pos db; string mark db; };";
    let numbers = "dclass P { uint32 coins db; int16 mark db; };";
    let more = "dclass P { uint32 coins db; float32 mark db; };";
    let folder = folder(
        YAML,
        &[("old", OLD), ("new", NEW), ("third", third), ("numbers", numbers), ("more", more)],
    );
    let fields = "\"coins\":\"7\",\"pos\":\"-25\",\"mark\":\"\\\"x\\\"\"";
    store(&folder, "old", &[(5000, fields), (5001, fields)]);
    fs::remove_file(folder.path("objects/types.yaml")).expect("removed");
    let none = "2 values are not stored by";
    refuse_all(
        &folder,
        &[
            // `coins` is a name of the new ones only.
            ("new", "old", none),
            // -25 is a value of the new ones only.
            ("third", "new", none),
            // "x" is a value of neither.
            ("numbers", "more", none),
        ],
    );
}

/// What the daemon has done that had the new files first is no reason to refuse the right ones.
#[test]
fn the_right_files_are_right_after_the_new_daemon_has_run() {
    let old = "dclass P { uint8 a db; uint8 b db; uint32 coins db; };";
    let new = "dclass P { uint8 a db; uint16 b db; uint32 money db; uint8 c = 3 db required; };";
    for backend in [YAML, SQLITE] {
        let folder = folder(backend, &[("old", old), ("new", new)]);
        store(&folder, "old", &[(5000, "\"a\":\"1\",\"coins\":\"7\"")]);
        store(&folder, "new", &[(5001, "\"a\":\"2\",\"b\":\"300\",\"money\":\"8\",\"c\":\"4\"")]);
        folder.write("map.yml", "P.coins: money\n");
        let more = ["--map", "map.yml", "--apply", "--no-backup"];
        migrate(&folder, "old", "new", &more).code(0);
        let values = ["5000", "5001"].map(|id| shown(&folder, "new", id));
        let first = "5000: P\n  a = 1\n  money = 7\n  c = 3\n";
        let second = "5001: P\n  a = 2\n  b = 300\n  money = 8\n  c = 4\n";
        assert_eq!(values, [first, second], "{backend}");
        folder.run(&["db", "verify", "new.yml"]).code(0);
    }
}

/// An import that was interrupted is named before anybody looks at objects, whether something is to be written or not.
#[test]
fn a_dry_run_refuses_what_is_half_imported() {
    let folder = folder(YAML, &[("old", OLD), ("new", NEW)]);
    store(&folder, "old", &[(5000, "\"pos\":\"25\"")]);
    folder.write("objects/.donet-import", "");
    for more in [&[][..], &["--apply", "--no-backup"]] {
        let refused = migrate(&folder, "old", "new", more).code(1);
        assert_eq!(refused.stdout, "");
        refused.complains(&["was interrupted"]);
    }
}
