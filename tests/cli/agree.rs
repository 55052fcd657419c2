//! What stops a start fails `donet check`, and nothing else does.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::program::Folder;

const DC: &str = "dclass Note {\n  text(string) db;\n};\n";

/// How a configuration must end in both.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Verdict {
    Starts,
    Fails,
}

use Verdict::{Fails, Starts};

/// Checks a configuration, starts it, and compares. `PORT` in it is a free port.
#[track_caller]
fn compare(folder: &Folder, text: &str, expected: Verdict) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|taken| taken.local_addr());
    let port = free.expect("a free port").port().to_string();
    folder.write("game.yml", &text.replace("PORT", &port));
    let checked = folder.run(&["check", "game.yml"]);
    let mut running = folder.start(&["game.yml"]);
    let runs = running.runs();
    if runs {
        running.signal("TERM");
    }
    let started = running.wait();
    let verdict = |is_good: bool| if is_good { Starts } else { Fails };
    let verdicts = (verdict(checked.code == Some(0)), verdict(runs));
    assert_eq!(
        verdicts,
        (expected, expected),
        "{text}\nchecked: {checked:#?}\nstarted: {started:#?}"
    );
    assert_eq!(started.code, Some(if runs { 0 } else { 1 }), "{started:#?}");
    // Whatever the one has to say of the file, the other says, too; of the machine it may be more.
    let headline = |line: &str| line.strip_prefix("warning: ").map(str::to_owned);
    for said in checked.stderr.lines().filter_map(headline) {
        let is_of_machine =
            ["cannot be written here", "this daemon itself", "there is no such file yet"]
                .iter()
                .any(|text| said.contains(text));
        assert!(is_of_machine || started.stdout.contains(&said), "{said}\n{started:#?}");
    }
}

fn check(text: &str, expected: Verdict) {
    compare(&Folder::with(&[("game.dc", DC)]), text, expected);
}

fn database(backend: &str) -> String {
    format!(
        "general: {{dc_files: [game.dc]}}\nroles:\n  - {{type: database, control: 4003, generate: {{min: 5000}}, \
         operation_timeout_ms: 500, backend: {{{backend}}}}}\n"
    )
}

#[test]
fn odd_files() {
    for (text, expected) in [
        ("", Fails),
        ("{}", Starts),
        ("- a", Fails),
        ("a: {", Fails),
        ("daemon: {name: a}\n---\nroles: 7", Starts),
        ("daemon: {name: a, name: b}", Starts),
        ("daemon: {nam: a}", Fails),
        ("daemon: {name: '${DONET_TEST_UNSET}'}", Fails),
        ("daemon: {name: '${DONET_TEST_UNSET:-a}', threads: 02}", Starts),
        ("web: {bind: '0.0.0.0:0'}", Fails),
        ("web: {bind: '0.0.0.0:0', console: false}", Starts),
        ("web: {bind: '127.0.0.1:0', path: a}", Fails),
        ("web: {bind: '127.0.0.1:7180a'}", Fails),
        ("web: {bind: '127.0.0.1:7987'}\nmessagedirector: {bind: '127.0.0.1:7987'}", Fails),
        ("message-director: {host: a}", Fails),
        ("general: {dc_files: [none.dc]}", Fails),
        ("general: {dc_files: [.]}", Fails),
        ("general: {dc_files: [game.dc, game.dc]}", Fails),
        ("general: {eventlogger: '127.0.0.1:1'}", Starts),
        ("general: {dc_files: [game.dc]}\nuberdogs: [{id: 1234, class: None}]", Fails),
        (
            "general: {dc_files: [game.dc]}\nuberdogs: [{id: 1234, class: Note}, {id: 1234, class: Note}]",
            Starts,
        ),
        (
            "general: {dc_files: [game.dc]}\nuberdogs: [{id: 1234, class: None}, {id: 1234, class: Note}]",
            Fails,
        ),
    ] {
        check(text, expected);
    }
}

#[test]
fn odd_roles() {
    for (text, expected) in [
        ("roles: [{type: stateserver, control: 04003}]", Starts),
        ("roles: [{type: stateserver, control: 4003}, {type: stateserver, control: 4003}]", Starts),
        ("roles: [{type: stateserver, control: 08003}]", Fails),
        ("roles: [{type: dbss, database: 4003}]", Starts),
        ("roles: [{type: dbss, database: 4003, ranges: [{max: 5000}]}]", Starts),
        ("roles: [{type: dbss, database: 4003, ranges: [{min: 5000, max: 4000}]}]", Fails),
        ("roles: [{type: eventlogger, bind: '127.0.0.1:0', output: nowhere/e.log}]", Starts),
        ("roles: [{type: eventlogger, bind: '127.0.0.1:0', output: 'e-%Q-%!'}]", Starts),
        ("roles: [{type: eventlogger, bind: '127.0.0.1:0', output: .}]", Starts),
        (
            "roles: [{type: clientagent, bind: '127.0.0.1:0', channels: {min: 2000, max: 2000}}]",
            Starts,
        ),
        ("messagedirector: {bind: '127.0.0.1:PORT', connect: '127.0.0.1:PORT'}", Starts),
    ] {
        check(text, expected);
    }
}

#[test]
fn one_address_for_two() {
    let agent = |bind: &str| {
        format!("{{type: clientagent, bind: '{bind}', channels: {{min: 2000, max: 2999}}}}")
    };
    for (director, bind, expected) in [
        ("127.0.0.1:PORT", "127.0.0.1:PORT", Fails),
        ("0.0.0.0:PORT", "127.0.0.1:PORT", Fails),
        ("127.0.0.1:PORT", "0.0.0.0:PORT", Fails),
        ("127.0.0.1:0", "127.0.0.1:0", Starts),
    ] {
        check(
            &format!("messagedirector: {{bind: '{director}'}}\nroles: [{}]", agent(bind)),
            expected,
        );
    }
    let logger = "{type: eventlogger, bind: '127.0.0.1:PORT', output: e}";
    check(&format!("roles: [{logger}, {logger}]"), Fails);
    check(&format!("messagedirector: {{bind: '127.0.0.1:PORT'}}\nroles: [{logger}]"), Starts);
}

#[test]
fn odd_stores() {
    for (backend, expected) in [
        ("type: sqlite, file: o.sqlite", Starts),
        ("type: sqlite, file: nowhere/o.sqlite", Fails),
        ("type: sqlite, file: .", Fails),
        ("type: sqlite, file: game.dc", Fails),
        ("type: sqlite, file: game.dc/o.sqlite", Fails),
        ("type: yaml, directory: db", Starts),
        ("type: yaml, directory: far/away/db", Starts),
        ("type: yaml, directory: game.dc", Fails),
        ("type: yaml, directory: game.dc/db", Fails),
        ("type: yaml, foldername: db", Starts),
        ("type: soci, driver: sqlite3, database: o.sqlite", Starts),
        ("type: soci, driver: sqlite3, database: game.dc", Fails),
        ("type: soci, driver: postgresql, address: 'a b'", Fails),
        ("type: postgres, url: 'postgres://u@127.0.0.1/d?sslmode=nonsense'", Fails),
        ("type: mysql, url: 'mysql://u@127.0.0.1/d?ssl-mode=nonsense'", Fails),
        ("type: postgres, database: d, password_file: none", Fails),
        ("type: mongodb, server: 'mongodb://127.0.0.1/d'", Fails),
        ("type: bdb", Fails),
    ] {
        check(&database(backend), expected);
    }
}

/// Whatever stands where a path leads to.
#[test]
fn odd_paths() {
    use Verdict::{Fails as F, Starts as S};
    let tls = "tls: {certificate: 'PATH', key_file: 'PATH'}";
    let agent = |keys: &str| {
        format!(
            "roles: [{{type: clientagent, bind: '127.0.0.1:0', channels: {{min: 2000, max: 2999}}, {keys}}}]"
        )
    };
    let kinds: [(String, [Verdict; 9]); 7] = [
        (database("type: yaml, directory: 'PATH'"), [S, F, S, F, F, F, F, F, S]),
        (database("type: sqlite, file: 'PATH'"), [F, F, F, F, F, F, F, F, F]),
        ("general: {dc_files: ['PATH']}".to_owned(), [F, F, F, F, F, F, F, F, F]),
        (agent(tls), [F, F, F, F, F, F, F, F, F]),
        (agent("banlist: 'PATH'"), [F, S, F, F, F, S, S, F, S]),
        ("daemon: {control: 'PATH'}".to_owned(), [S; 9]),
        ("roles: [{type: eventlogger, bind: '127.0.0.1:0', output: 'PATH'}]".to_owned(), [S; 9]),
    ];
    let paths = [
        "dir",
        "dangling",
        "link",
        "loop",
        "text/x",
        "/proc/x",
        "/sys/x",
        "/proc/self/fd",
        "far/x",
    ];
    for (text, verdicts) in kinds {
        for (path, expected) in paths.into_iter().zip(verdicts) {
            let folder = Folder::with(&[("game.dc", DC), ("text", "some")]);
            fs::create_dir(folder.path("dir")).expect("a folder");
            for (name, to) in [("dangling", "no/where"), ("link", "dir"), ("loop", "loop")] {
                symlink(to, folder.path(name)).expect("a link");
            }
            compare(&folder, &text.replace("PATH", path), expected);
        }
    }
}

/// Whatever stands where a YAML directory has a file.
#[test]
fn odd_files_in_a_yaml_directory() {
    for name in ["5000.yaml", "info.yaml", "types.yaml", ".5000.yaml.donet-new"] {
        for kind in ["dangling", "dir", "link", "loop"] {
            let folder = Folder::with(&[("game.dc", DC)]);
            fs::create_dir_all(folder.path("db/dir")).expect("a folder");
            let path = folder.path("db").join(name);
            let made = match kind {
                "dangling" => symlink("no/where", path),
                "link" => symlink("dir", path),
                "loop" => symlink(name, path),
                _ => fs::create_dir(path),
            };
            made.expect("something odd");
            let expected = match (name, kind) {
                // It is told when somebody wants the object.
                ("5000.yaml", _) => Starts,
                (".5000.yaml.donet-new", "dangling" | "link" | "loop") => Starts,
                _ => Fails,
            };
            compare(&folder, &database("type: yaml, directory: db"), expected);
        }
    }
}

/// Whoever may write everywhere, as root, starts.
#[test]
fn directories_that_cannot_be_written() {
    let folder = Folder::with(&[("game.dc", DC), ("db/info.yaml", "next: 7\n")]);
    let mode = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path("db"), mode).expect("changed");
    };
    mode(0o555);
    let may_write = fs::write(folder.path("db/tried"), "").is_ok();
    let expected = if may_write { Starts } else { Fails };
    compare(&folder, &database("type: yaml, directory: db"), expected);
    mode(0o755);
}

#[test]
fn event_logs_in_databases() {
    for (backend, output, expected) in [
        ("type: sqlite, file: o.sqlite", "./o.sqlite", Fails),
        ("type: sqlite, file: o.sqlite", "o.sqlite-wal", Fails),
        ("type: sqlite, file: o.sqlite", "o.log", Starts),
        ("type: soci, driver: sqlite3, database: o.sqlite", "o.sqlite", Fails),
        ("type: yaml, directory: db/", "db/info.yaml", Fails),
        ("type: yaml, directory: db", "db/5000.yaml", Fails),
        ("type: yaml, directory: db", "info.yaml", Starts),
    ] {
        let logger = format!("  - {{type: eventlogger, bind: '127.0.0.1:0', output: {output}}}\n");
        check(&(database(backend) + &logger), expected);
    }
    let logger = "  - {type: eventlogger, bind: '127.0.0.1:0', output: o.sqlite}\n";
    let text = database("type: sqlite, file: o.sqlite") + logger;
    let folder = Folder::with(&[("game.yml", &text), ("game.dc", DC)]);
    let whose = "o.sqlite is a file of roles[0] (database)";
    folder.run(&["check", "game.yml"]).code(1).complains(&["error: roles[1].output: ", whose]);
}

#[test]
fn stores_with_something_in_them() {
    let yaml = database("type: yaml, directory: db");
    for (info, expected) in
        [("next: 7\n", Starts), ("<<<<<<< HEAD\nnext: 7\n", Fails), ("", Starts)]
    {
        let folder = Folder::with(&[("game.dc", DC), ("db/info.yaml", info)]);
        compare(&folder, &yaml, expected);
    }
    // Each of two database servers would have it for itself.
    let two = yaml.clone() + yaml.lines().last().expect("a role").replace("4003", "4004").as_str();
    check(&two, Fails);
    let sqlite = database("type: sqlite, file: o.sqlite");
    let folder = Folder::with(&[("game.dc", DC)]);
    compare(&folder, &sqlite, Starts);
    compare(&folder, &sqlite, Starts);
    let listed = folder.files();
    assert!(listed.contains(&"o.sqlite".to_owned()), "{listed:?}");
    let before = fs::read(folder.path("o.sqlite")).expect("a database");
    folder.run(&["check", "game.yml"]).code(0);
    assert_eq!(folder.files(), listed);
    assert_eq!(fs::read(folder.path("o.sqlite")).expect("a database"), before);
}

/// One directory has as many names as links lead to it.
#[test]
fn two_databases_in_one_directory() {
    let first = database("type: yaml, directory: db");
    let role = first.lines().last().expect("a role").replace("4003", "4004") + "\n";
    for name in ["db", "db/", "./db", "link", "link/", "nowhere/../db"] {
        let folder = Folder::with(&[("game.dc", DC), ("db/info.yaml", "next: 7\n")]);
        symlink("db", folder.path("link")).expect("linked");
        fs::create_dir(folder.path("nowhere")).expect("a folder");
        let second = role.replace("directory: db", &format!("directory: {name}"));
        compare(&folder, &(first.clone() + &second), Fails);
        let why = " is the directory of roles[0] (database) already";
        folder.run(&["check", "game.yml"]).code(1).complains(&["roles[1].backend.directory", why]);
    }
}

/// Text means the same under another width, and bytes do not.
#[test]
fn stores_with_values_of_other_types() {
    let dc = |ty: &str, more: &str| format!("dclass Note {{ n({ty}) db; {more} }};\n");
    let export = "{\"donet\":\"export\",\"version\":1}\n\
                  {\"id\":5000,\"class\":\"Note\",\"fields\":{\"n\":\"(25)\"}}\n{\"end\":1}\n";
    for (backend, widened) in
        [("type: yaml, directory: db", Starts), ("type: sqlite, file: o.sqlite", Fails)]
    {
        let text = database(backend);
        let folder = Folder::with(&[("game.yml", &text), ("o.jsonl", export)]);
        folder.write("game.dc", &dc("int16/10", ""));
        folder.run(&["db", "import", "game.yml", "o.jsonl"]).code(0);
        compare(&folder, &text, Starts);
        for changed in ["int16/100", "string"] {
            folder.write("game.dc", &dc(changed, ""));
            compare(&folder, &text, Fails);
            let why = "the database holds values of types that the DC files have changed";
            let which = format!("Note.n: stored as `(int16/10)`, now `({changed})`");
            folder.run(&["check", "game.yml"]).code(1).complains(&[why, &which]);
            folder.run(&["game.yml"]).code(1).says(&[why, &which, "donet db migrate"]);
            let verified = folder.run(&["db", "verify", "game.yml"]).code(1);
            verified.says(&[why, "object 5000: Note.n: stored as `(int16/10)`, now "]);
            // Nothing takes one for the other meanwhile.
            folder.run(&["db", "export", "game.yml"]).code(1).complains(&["object 5000: Note.n: "]);
            folder.run(&["db", "show", "game.yml", "5000"]).code(1).says(&["n: stored as "]);
        }
        folder.write("game.dc", &dc("int32/10", ""));
        compare(&folder, &text, widened);
        // Of a type that nothing is stored of, nothing is misread.
        folder.write("game.dc", &dc("int16/10", "m(uint8) db;"));
        compare(&folder, &text, Starts);
        let other = dc("int16/10", "m(string) db;");
        folder.write("game.dc", &other);
        compare(&folder, &text, Starts);
        // What is stored since then is of the new type.
        let export = export.replace("(25)\"", "(25)\",\"m\":\"(\\\"x\\\")\"");
        folder.write("o.jsonl", &export);
        folder.run(&["db", "import", "game.yml", "o.jsonl", "--replace"]).code(0);
        compare(&folder, &text, Starts);
        folder.write("game.dc", &dc("int16/10", "m(uint8) db;"));
        compare(&folder, &text, Fails);
    }
}

/// Parts of the same types that have changed places are other values, and so are others at the same place.
#[test]
fn stores_with_values_of_other_parts() {
    let dc = |parts: &str| format!("struct Q {{ {parts} }};\ndclass Note {{ n(Q[] list) db; }};\n");
    let export = "{\"donet\":\"export\",\"version\":1}\n\
                  {\"id\":5000,\"class\":\"Note\",\"fields\":{\"n\":\"([{1, 5}])\"}}\n{\"end\":1}\n";
    let (old, yaml) = (dc("uint32 a; uint32 b;"), "type: yaml, directory: db");
    for backend in [yaml, "type: sqlite, file: o.sqlite"] {
        let text = database(backend);
        let folder = Folder::with(&[("game.yml", &text), ("o.jsonl", export), ("old.dc", &old)]);
        for (parts, expected, value) in [
            ("uint32 b; uint32 a;", Fails, "([{5, 1}])"),
            ("uint32 a; uint8 tier = 3;", Fails, "([{1, 3}])"),
            ("uint32 a; uint32 other;", Fails, "([{1, 0}])"),
            ("uint32(0-9) a; uint32 b;", Starts, "([{1, 5}])"),
        ] {
            folder.write("game.dc", &old);
            folder.run(&["db", "import", "game.yml", "o.jsonl", "--replace"]).code(0);
            folder.write("game.dc", &dc(parts));
            let stays = folder.run(&["dc", "diff", "old.dc", "game.dc"]).code(1);
            let whose = if backend == yaml { "values in YAML" } else { "values in SQL" };
            let is_said = |line: &str| line.contains(whose) && line.contains("no");
            assert_eq!(stays.stdout.lines().any(is_said), expected == Fails, "{stays:#?}");
            compare(&folder, &text, expected);
            let migrate = ["db", "migrate", "game.yml", "--from", "old.dc", "--apply", "--drop"];
            folder.run(&[&migrate[..], &["--no-backup"]].concat()).code(0);
            compare(&folder, &text, Starts);
            folder.run(&["db", "show", "game.yml", "5000"]).code(0).says(&[value]);
        }
    }
}

#[test]
fn a_cause_is_said_once() {
    let text = database("type: postgres, url: 'postgres://u:hunter2@127.0.0.1/d?sslmode=nonsense'");
    let folder = Folder::with(&[("game.yml", &text), ("game.dc", DC)]);
    let cause = "cannot use the URL of the database: unknown value \"nonsense\" for `ssl_mode`";
    folder.run(&["check", "game.yml"]).code(1).complains(&[cause, "postgres://u:***@127"]);
    folder.run(&["game.yml"]).code(1).says(&[cause]);
}

/// What is wrong stands in the headline, and what to do beside it, wherever it is said.
#[test]
fn values_of_other_types_are_one_finding_and_one_record() {
    let fields = |ty: &str| (1..=5).map(|n| format!("  f{n}({ty}) db;\n")).collect::<String>();
    let dc = |ty: &str| format!("dclass Note {{\n{}}};\n", fields(ty));
    let values: Vec<String> = (1..=5).map(|n| format!("\"f{n}\":\"(25)\"")).collect();
    let export = format!(
        "{{\"donet\":\"export\",\"version\":1}}\n\
         {{\"id\":5000,\"class\":\"Note\",\"fields\":{{{}}}}}\n{{\"end\":1}}\n",
        values.join(",")
    );
    let misread = |n: u32| format!("Note.f{n}: stored as `(int16/10)`, now `(string)`");
    let headline = format!(
        "the database holds values of types that the DC files have changed: {}; {}; {}; and 2 more",
        misread(1),
        misread(2),
        misread(3)
    );
    let help = "they would be misread; `donet db migrate CONFIG --from OLD.dc`, with the old DC files, carries them over";
    for backend in ["type: yaml, directory: db", "type: sqlite, file: o.sqlite"] {
        let text = format!(
            "general: {{dc_files: [game.dc]}}\nmessagedirector: {{bind: \"127.0.0.1:0\"}}\n\
             roles: [{{type: database, control: 4003, generate: {{min: 1000, max: 9999}}, backend: {{{backend}}}}}]\n"
        );
        let folder = Folder::with(&[
            ("game.yml", &text),
            ("o.jsonl", &export),
            ("game.dc", &dc("int16/10")),
        ]);
        folder.run(&["db", "import", "game.yml", "o.jsonl"]).code(0);
        folder.write("game.dc", &dc("string"));
        let ended = folder.run(&["check", "game.yml", "--format", "json"]).code(1);
        let records: Vec<serde_json::Value> = ended
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|record: &serde_json::Value| record["severity"] == "error")
            .collect();
        let [record] = &records[..] else { panic!("{ended:#?}") };
        let message = record["message"].as_str().expect("a text");
        assert!(message.ends_with(&headline), "{message}");
        assert_eq!(record["help"], serde_json::json!([help]));
        let ended = folder.run(&["--log-format", "json", "game.yml"]).code(1);
        let fatal: Vec<serde_json::Value> = ended
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|record: &serde_json::Value| record["level"] == "fatal")
            .collect();
        let [record] = &fatal[..] else { panic!("{ended:#?}") };
        let message = record["message"].as_str().expect("a text");
        assert!(message.ends_with(&headline), "{message}");
        assert_eq!(record["help"], help);
        let ended = folder.run(&["game.yml"]).code(1);
        let fatal = ended.stdout.lines().filter(|line| line.contains("FATAL"));
        assert_eq!(fatal.count(), 1, "{ended:#?}");
        // All of them are told by whoever looks at the objects.
        folder
            .run(&["db", "verify", "game.yml"])
            .code(1)
            .says(&[&misread(4)[..20], &misread(5)[..20]]);
    }
}
