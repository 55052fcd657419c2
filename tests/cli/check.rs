//! `donet check`.

use crate::program::{Folder, make_fifo};

const DC: &str = "dclass Login {\n  login(string name) clsend;\n};\n";

#[test]
fn files_that_cannot_be_written_are_named() {
    let text = "general: {dc_files: [game.dc]}\nroles: [{type: eventlogger, output: nowhere/e-%Y.log},\n  {type: database, control: 4003, \
                generate: {min: 5000}, backend: {type: sqlite, file: nowhere/o.sqlite}}]";
    let ok = text.replace("nowhere/", "");
    let folder = Folder::with(&[("game.yml", text), ("ok.yml", &ok), ("game.dc", DC)]);
    let ended = folder.run(&["check", "game.yml"]).code(1);
    ended.complains(&[
        "warning: roles[0].output: ",
        "nowhere/e-%Y.log cannot be written here: No such file or directory",
        " --> game.yml:2:37",
        // Without this there is no start.
        "error: roles[1].backend.file: cannot open the SQLite database ",
        "nowhere/o.sqlite: No such file or directory",
        " --> game.yml:3:88",
        "1 error, 1 warning",
    ]);
    assert_eq!(folder.run(&["check", "ok.yml"]).code(0).stderr, "");
}

#[test]
fn a_good_configuration_is_summed_up() {
    let text = r#"
general: {dc_files: [game.dc]}
uberdogs: [{id: 1234, class: Login, anonymous: true}]
messagedirector: {bind: 127.0.0.1}
roles:
  - {type: clientagent, version: v1, channels: {min: 2000, max: 2999}}
  - {type: stateserver, control: 1001}
  - {type: database, control: 1002, generate: {min: 10000, max: 19999}, backend: {type: sqlite, file: db}}
  - {type: dbss, database: 1002, ranges: [{min: 10000, max: 19999}]}
  - {type: eventlogger}
"#;
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC)]);
    let ended = folder.run(&["check", "game.yml"]).code(0).says(&[
        "DC hash: 0x",
        "DC files: 1, with 1 class\n",
        "listens on 127.0.0.1:7199, has no upstream\n",
        "client agent: listens on 0.0.0.0:7198, version \"v1\", DC hash 0x",
        "state server: channel 1001",
        "database server: channel 1002, new objects 10000-19999, SQLite ",
        "database-state server: database 1002, objects 10000-19999",
        "event logger: listens on 0.0.0.0:7197, writes events-%Y%m%d-%H%M%S.log",
    ]);
    assert_eq!(ended.stderr, "");
    let hash = folder.run(&["dc", "hash", "game.dc"]).code(0).stdout;
    assert!(ended.stdout.contains(hash.trim()), "{ended:#?}");
    assert_eq!(folder.files(), ["game.dc", "game.yml"], "checking makes nothing");
}

#[test]
fn the_summary_says_who_is_let_in_and_where_objects_are_kept() {
    let text = r#"
general: {dc_files: [game.dc]}
roles:
  - {type: clientagent, version: [v1, v2], manual_dc_hash: [7, 0], channels: {min: 2000, max: 2999}}
  - {type: database, control: 1001, generate: {min: 1000, max: 1999}, backend: {type: postgres, url: "postgres://me:pss@db.example/world"}}
  - {type: database, control: 1002, generate: {min: 2000, max: 2999}, backend: {type: mysql, host: db.example, database: world, username: me, password: pss}}
  - {type: database, control: 1003, generate: {min: 3000, max: 3999}, backend: {type: soci, driver: sqlite3, database: world.sqlite}}
  - {type: database, control: 1004, generate: {min: 4000, max: 4999}, backend: {type: soci, driver: mysql, address: db.example, database: old, username: me, password: pss}}
"#;
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC)]);
    let hash = folder.run(&["dc", "hash", "game.dc"]).code(0).stdout;
    let accepted =
        format!("version \"v1\" or \"v2\", DC hash 0x00000007 or {}, channels", hash.trim());
    let ended = folder.run(&["check", "game.yml"]).code(0).says(&[
        "message director: takes no links, has no upstream\n",
        &accepted,
        "PostgreSQL world at db.example\n",
        "MySQL world at db.example",
        "/world.sqlite\n",
        "SOCI mysql old at db.example",
    ]);
    assert!(!ended.stdout.contains("pss"), "{ended:#?}");
}

#[test]
fn a_class_that_no_dc_file_has_is_an_error() {
    let text = r#"
general: {dc_files: [game.dc]}
uberdogs: [{id: 1234, class: Logout}]
"#;
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC)]);
    let ended = folder.run(&["check", "game.yml"]).code(1);
    let expected = "\
warning: roles: without roles and `messagedirector.bind` the daemon does nothing
 --> game.yml:2:1
  |
2 | general: {dc_files: [game.dc]}
  | ^^^^^^^

error: uberdogs[0].class: the DC files have no class `Logout`
 --> game.yml:3:30
  |
3 | uberdogs: [{id: 1234, class: Logout}]
  |                              ^^^^^^

1 error, 1 warning
";
    assert_eq!((&*ended.stdout, &*ended.stderr), ("", expected));
}

#[test]
fn what_the_daemon_starts_with_is_a_warning() {
    let text = r#"general: {dc_files: [game.dc]}
roles:
  - {type: clientagent, channels: {min: 2000, max: 2999}, bind: '127.0.0.1:0'}
  - {type: clientagent, channels: {min: 2999, max: 3999}, bind: '127.0.0.1:0'}
"#;
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC)]);
    let ended = folder.run(&["check", "game.yml"]).code(0);
    let expected = "\
warning: roles[1].channels: client channels 2999-3999 overlaps client channels 2000-2999 of roles[0] (clientagent)
 --> game.yml:4:35
  |
3 |   - {type: clientagent, channels: {min: 2000, max: 2999}, bind: '127.0.0.1:0'}
  |                                   ---------------------- client channels 2000-2999
4 |   - {type: clientagent, channels: {min: 2999, max: 3999}, bind: '127.0.0.1:0'}
  |                                   ^^^^^^^^^^^^^^^^^^^^^^

1 warning
";
    assert_eq!(ended.stderr, expected);
    let daemon = folder.start(&["game.yml"]).ready();
    daemon.signal("TERM");
    let ended = daemon.wait();
    let line = "roles[1].channels: client channels 2999-3999 overlaps ";
    ended.code(0).says(&["WARNING: config: game.yml:4:35: ", line]);
}

#[test]
fn mistakes_of_both_kinds_of_file_are_shown() {
    let folder = Folder::with(&[
        ("game.yml", "general: {dc_files: [game.dc]}"),
        ("game.dc", "dclass A {\n  f(uint9 x);\n};\n"),
        ("bad.yml", "rolls: []"),
    ]);
    folder.run(&["check", "game.yml"]).code(1).complains(&["game.dc:2:5", "f(uint9 x);"]);
    folder.run(&["check", "bad.yml"]).code(1).complains(&[
        " --> bad.yml:1:1",
        "rolls: ",
        "`roles`",
    ]);
    folder
        .run(&["check", "none.yml"])
        .code(1)
        .complains(&["the file cannot be read", "--> none.yml"]);
}

#[test]
fn a_dc_file_that_is_named_twice_is_one_error() {
    let text =
        "general:\n  dc_files: [game.dc, ./game.dc]\nroles: [{type: stateserver, control: 1001}]";
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC)]);
    let ended = folder.run(&["check", "game.yml"]).code(1);
    let expected = "\
error: general.dc_files[1]: this is the same file as general.dc_files[0]: all of it would be declared twice
 --> game.yml:2:23
  |
2 |   dc_files: [game.dc, ./game.dc]
  |              -------  ^^^^^^^^^
  |              |
  |              named here already

1 error
";
    assert_eq!(ended.stderr, expected);
    // What nobody minds is none.
    let folder = Folder::with(&[("game.yml", text), ("game.dc", "keyword fast;\n")]);
    folder.run(&["check", "game.yml"]).code(0);
}

#[test]
fn both_kinds_of_file_are_called_as_the_configuration_is() {
    let text = "general: {dc_files: [game.dc], foo: 1}";
    let folder = Folder::with(&[("game.yml", text), ("game.dc", "dclass A { f(uint9 x); };\n")]);
    let absolute = folder.path("game.yml").display().to_string();
    for (config, dc) in [
        ("game.yml", "game.dc".to_owned()),
        ("./game.yml", "game.dc".to_owned()),
        (&absolute, folder.path("game.dc").display().to_string()),
    ] {
        let ended = folder.run(&["check", "--format", "json", config]).code(1);
        let named = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            line["file"].as_str().map(str::to_owned)
        };
        let files: Vec<_> = ended.stdout.lines().filter_map(named).collect();
        assert!(files.contains(&config.trim_start_matches("./").to_owned()), "{ended:#?}");
        assert!(files.contains(&dc), "{ended:#?}");
    }
}

#[test]
fn a_warning_is_no_error() {
    let folder = Folder::with(&[("astrond.yml", "daemon: {name: a, name: b}")]);
    let warning = ["warning: daemon.name: ", " --> astrond.yml:1:19"];
    folder.run(&["check"]).code(0).complains(&warning);
}

#[test]
fn a_daemon_that_leads_to_itself_is_warned_of() {
    let text = |bind: &str, connect: &str| {
        format!("messagedirector: {{bind: \"{bind}\", connect: \"{connect}\"}}")
    };
    let warning = "messagedirector.connect: leads to messagedirector.bind, this daemon itself";
    for (bind, connect, is_itself) in [
        ("127.0.0.1:7199", "127.0.0.1:7199", true),
        ("0.0.0.0:7199", "localhost:7199", true),
        ("game.example:7199", "game.example:7199", true),
        ("0.0.0.0:7199", "hub.example:7199", false),
        ("127.0.0.1:7198", "127.0.0.1:7199", false),
    ] {
        let folder = Folder::with(&[("astrond.yml", &text(bind, connect))]);
        let ended = folder.run(&["check"]).code(0);
        assert_eq!(ended.stderr.contains(warning), is_itself, "{bind} {connect}: {}", ended.stderr);
    }
}

#[test]
fn programs_get_an_object_a_line() {
    let text = "general: {dc_files: [game.dc]}\nroles: [{type: stateserver, control: 04003}]\n";
    let dc = "dclass A {\n  f(uint9 x);\n};\n";
    let folder = Folder::with(&[("game.yml", text), ("game.dc", dc), ("ok.dc", DC)]);
    let ended = folder.run(&["check", "--format", "json", "game.yml"]).code(1);
    assert_eq!(ended.stderr, "");
    let records: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [octal, unknown] = &records[..] else { panic!("{records:#?}") };
    assert_eq!(
        (&octal["file"], &octal["line"], &octal["column"]),
        (&"game.yml".into(), &2.into(), &38.into())
    );
    assert_eq!(
        (&octal["key"], &octal["severity"]),
        (&"roles[0].control".into(), &"warning".into())
    );
    assert!(octal["message"].as_str().expect("a text").contains("octal"), "{octal}");
    assert!(unknown["file"].as_str().expect("a text").ends_with("game.dc"), "{unknown}");
    assert_eq!((&unknown["line"], &unknown["key"]), (&2.into(), &serde_json::Value::Null));
    // All have the same keys, of these and of DC files alone.
    let alone = folder.run(&["dc", "check", "--format", "json", "game.dc"]).code(1).stdout;
    let alone: serde_json::Value = serde_json::from_str(alone.trim()).expect("JSON");
    assert_eq!((&alone["help"], &octal["help"]), (&unknown["help"], &serde_json::Value::Null));
    assert!(alone["help"].is_array() && octal["label"].is_null(), "{alone} {octal}");
    let keys = |record: &serde_json::Value| -> Vec<String> {
        record.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!((keys(octal).len(), keys(octal), keys(octal)), (9, keys(unknown), keys(&alone)));
    assert_eq!(unknown["severity"], "error");
    // A file as a whole.
    let ended = folder.run(&["check", "--format", "json", "none.yml"]).code(1);
    let record: serde_json::Value = serde_json::from_str(ended.stdout.trim()).expect("JSON");
    assert_eq!((&record["file"], &record["line"]), (&"none.yml".into(), &serde_json::Value::Null));
    folder.write("game.yml", &text.replace("game.dc", "ok.dc").replace("04003", "4003"));
    assert_eq!(folder.run(&["check", "--format", "json", "game.yml"]).code(0).stdout, "");
}

#[test]
fn paths_are_said_as_people_write_them() {
    let folder = Folder::with(&[("b.yml", "rolls: []"), ("a/c.yml", "{}")]);
    folder.run(&["check", "./a/../b.yml"]).code(1).complains(&[" --> b.yml:1:1"]);
    let text = "general: {dc_files: [../a/../none.dc]}";
    folder.write("a/c.yml", text);
    let shown = format!("{}: cannot read the file", folder.path("none.dc").display());
    folder.run(&["check", "a/c.yml"]).code(1).complains(&[" --> a/c.yml:1:22", &shown]);
}

#[test]
fn mistakes_of_all_stages_are_shown_at_once() {
    let text = r#"
general: {dc_files: [bad.dc, none.dc, game.dc]}
uberdogs: [{id: 1234, class: Logout}]
roles:
  - {type: stateserver}
  - {type: eventlogger, output: nowhere/e.log}
  - {type: database, control: 4003, generate: {min: 5000}, backend: {type: sqlite, file: nowhere/o.sqlite}}
  - {type: clientagent, bind: '0.0.0.0:7198', channels: {min: 2000, max: 2999}}
  - {type: clientagent, channels: {min: 4000, max: 4999}}
"#;
    let bad = "dclass A {\n  f(uint9 x);\n  g(uint8 x)\n};\n";
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC), ("bad.dc", bad)]);
    let of_yaml = [
        "error: roles[0].control: the key is missing",
        "error: roles[4].bind: 0.0.0.0:7198 is taken by roles[3] (clientagent) too",
        "warning: roles[4].channels: client channels 4000-4999 overlaps control channel 4003 of roles[2] (database)",
        "warning: roles[1].output: ",
    ];
    // With a file missing, only the grammar of the others can be judged.
    let ended = folder.run(&["check", "game.yml"]).code(1).complains(&of_yaml);
    let ended = ended.complains(&[
        "error: general.dc_files[1]: ",
        "error: expected `;`",
        " --> game.yml:2:30",
        "not looked at before that is mended: roles[0] together with the rest, the classes of UberDOGs, what databases hold\n",
    ]);
    assert!(!ended.stderr.contains("uint9"), "{}", ended.stderr);
    folder.write("game.yml", &text.replace("none.dc, ", ""));
    let ended = folder.run(&["check", "game.yml"]).code(1).complains(&of_yaml);
    let ended = ended.complains(&["error: unknown type `uint9`", "error: expected `;`"]);
    assert!(!ended.stderr.contains("nowhere/o.sqlite: "), "{}", ended.stderr);
    folder.write("game.yml", &text.replace("bad.dc, none.dc, ", ""));
    let ended = folder.run(&["check", "game.yml"]).code(1).complains(&of_yaml).complains(&[
        "error: uberdogs[0].class: the DC files have no class `Logout`",
        "error: roles[2].backend.file: ",
        "not looked at before that is mended: roles[0] together with the rest\n",
    ]);
    assert_eq!(ended.stdout, "");
    // The daemon says the same, but for what it finds out when it opens things.
    let said = [
        "ERROR: config: game.yml:3:30: uberdogs[0].class: ",
        "ERROR: config: not looked at before ",
    ];
    folder.run(&["game.yml"]).code(1).says(&said);
    // Nothing is said of it if it was looked at.
    folder.write("game.yml", "general: {dc_files: [bad.dc]}");
    let ended = folder.run(&["check", "game.yml"]).code(1);
    assert!(!ended.stderr.contains("not looked at"), "{}", ended.stderr);
    folder.write("game.yml", "a: [b");
    let unseen = "not looked at before that is mended: all that the configuration says, ";
    folder.run(&["check", "game.yml"]).code(1).complains(&[unseen]);
}

const STORE: &str = "roles: [{type: database, control: 4003, generate: {min: 1000, max: 2000}, \
                     backend: {type: yaml, directory: objects}}]";

/// Whatever stands where a file should be.
#[test]
fn what_is_no_file_is_named_and_neither_hangs_nor_fills_the_memory() {
    let text = |dc: &str, more: &str| format!("general: {{dc_files: [{dc}]}}\n{more}");
    let tls = "roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 2000, max: 2999}, \
               tls: {certificate: /dev/zero, key_file: .}}]";
    let password = "roles: [{type: database, control: 4003, generate: {min: 1000, max: 2000}, \
                    backend: {type: postgres, host: h, database: d, password_file: /dev/zero}}]";
    let folder = Folder::with(&[
        ("dc.yml", &text("/dev/zero", "")),
        ("folder.yml", &text(".", "")),
        ("tls.yml", &text("game.dc", tls)),
        ("password.yml", &text("game.dc", password)),
        ("game.dc", "dclass A { f(uint8 x); };"),
    ]);
    let limit = "which is the limit";
    for (arguments, said) in [
        (
            &["check", "/dev/zero"][..],
            &["--> /dev/zero", "it is larger than 16777216 bytes", limit][..],
        ),
        (&["check", "."], &["the file cannot be read: it is a directory"]),
        (&["check", "dc.yml"], &["/dev/zero", "larger than 8388608 bytes"]),
        (&["check", "folder.yml"], &["cannot read the file: it is a directory"]),
        (
            &["check", "tls.yml"],
            &["/dev/zero: the file cannot be read: it is no regular file", "it is a directory"],
        ),
        (
            &["check", "password.yml"],
            &["/dev/zero: the file cannot be read: it is larger than 65536 bytes"],
        ),
        (
            &["dc", "fmt", "--check", "/dev/zero"],
            &["/dev/zero: cannot read the file: it is larger than 8388608 bytes"],
        ),
    ] {
        folder.run(arguments).code(1).complains(said);
    }
    let said = &["/dev/zero: the map cannot be read: it is larger than 16777216 bytes"];
    folder.run(&["dc", "diff", "game.dc", "game.dc", "--map", "/dev/zero"]).code(2).complains(said);
    // Nobody writes to the one, and somebody to the other.
    make_fifo(&folder.path("silent"));
    folder.write("store.yml", &text("game.dc", STORE));
    for (source, why) in [("silent", "it is no regular file"), ("/dev/zero", "is the limit")] {
        let said = &[source, why];
        folder.run(&["db", "import", source, "store.yml"]).code(1).complains(said);
    }
    let said =
        &["silent: cannot read the file: it is no regular file, and nothing has come from it for"];
    folder.run(&["dc", "fmt", "--check", "silent"]).code(1).complains(said);
    make_fifo(&folder.path("pipe.yml"));
    let path = folder.path("pipe.yml");
    std::thread::spawn(move || std::fs::write(path, "messagedirector: {bind: '127.0.0.1:0'}"));
    folder.run(&["check", "pipe.yml"]).code(0);
}

#[test]
fn more_mistakes_than_anybody_reads_are_counted() {
    let keys = |count: usize| -> String { (0..count).map(|at| format!("key{at}: 1\n")).collect() };
    let text = format!("{}general: {{dc_files: [game.dc]}}\n", keys(2_000));
    let folder = Folder::with(&[("game.yml", &text), ("game.dc", "")]);
    let ended = folder.run(&["check", "game.yml"]).code(1);
    let ended = ended.complains(&["error: … and 1900 more errors\n", "2000 errors"]);
    assert!(ended.stderr.len() < 50_000, "{}", ended.stderr.len());
    // Those of DC files that are not shown are counted, too.
    let classes: String = (0..40).map(|at| format!("dclass A{at} {{ f(none x); }};\n")).collect();
    folder.write("game.dc", &classes);
    folder.write("game.yml", "general: {dc_files: [game.dc]}\n");
    folder.run(&["check", "game.yml"]).code(1).complains(&["20 more errors", "40 errors"]);
}

/// Values that are not what is expected, each from the environment.
const FOREIGN: &str = r#"
general: {dc_files: ["${M}"], string_encoding: "${M}"}
daemon: {name: a, threads: "${M}", loglevel: "${M}", control: "${M}/x", reserved_files: "${M}"}
messagedirector: {bind: "${M}", connect: "${M}:1", settle_ms: "${M}", keepalive_ms: "${M}"}
eventlogger: "${M}"
uberdogs: [{id: "${M}", class: "${M}", anonymous: "${M}"}]
roles:
  - {type: "${M}"}
  - {type: clientagent, bind: "${M}", version: 1, channels: {min: "${M}", max: "${M}"}, client: {type: "${M}", heartbeat_timeout: "${M}", relocate: "${M}"}, manual_dc_hash: ["${M}"], tls: {certificate: "${M}", key: "${M}"}}
  - {type: stateserver, control: "${M}"}
  - {type: database, control: 4003, generate: {min: 1000, max: 2000}, backend: {type: postgresql, url: "${M}://h/x"}}
  - {type: database, control: 4004, generate: {min: 1000, max: 2000}, backend: {type: yaml, directory: "/nowhere/${M}"}}
  - {type: database, control: 4005, generate: {min: "${M}", max: 2000}, backend: {type: "${M}"}}
  - {type: dbss, database: "${M}", ranges: [{min: "${M}", max: 5}, "${M}"]}
  - {type: eventlogger, bind: "${M}", output: "${M}", rotate_interval: "${M}"}
"#;

#[test]
fn what_a_variable_holds_is_not_shown_if_it_is_not_what_is_expected() {
    let folder = Folder::with(&[("game.yml", FOREIGN)]);
    for arguments in [
        &["check", "game.yml"][..],
        &["check", "--format", "json", "game.yml"],
        &["game.yml"],
        &["--log-format", "json", "game.yml"],
    ] {
        let ended = folder.command(arguments).env("M", "marker3fd1").output().expect("it runs");
        let said = [ended.stdout, ended.stderr].concat();
        let said = String::from_utf8(said).expect("UTF-8");
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.matches("what `${M}` stands for").count() > 15, "{said}");
        let shown: Vec<&str> = said.lines().filter(|line| line.contains("marker3fd1")).collect();
        assert!(shown.is_empty(), "{arguments:?}: {shown:#?}");
    }
}
