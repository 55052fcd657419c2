//! `donet check`.

use crate::program::Folder;

const DC: &str = "dclass Login {\n  login(string name) clsend;\n};\n";

#[test]
fn files_that_cannot_be_written_are_named() {
    let text = "roles: [{type: eventlogger, output: nowhere/e-%Y.log},\n  {type: database, control: 4003, \
                generate: {min: 5000}, backend: {type: sqlite, file: nowhere/o.sqlite}}]";
    let folder = Folder::with(&[("game.yml", text), ("ok.yml", &text.replace("nowhere/", ""))]);
    let event_log = "warning: game.yml:1:37: roles[0].output: ";
    let store = "warning: game.yml:2:88: roles[1].backend.file: ";
    let why = "nowhere/o.sqlite cannot be written here: No such file or directory";
    folder.run(&["check", "game.yml"]).code(0).complains(&[event_log, store, why]);
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
        "listens on 127.0.0.1:7199, upstream is none",
        "client agent: listens on 0.0.0.0:7198, version \"v1\", channels 2000-2999",
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
fn a_class_that_no_dc_file_has_is_an_error() {
    let text = r#"
general: {dc_files: [game.dc]}
uberdogs: [{id: 1234, class: Logout}]
"#;
    let folder = Folder::with(&[("game.yml", text), ("game.dc", DC)]);
    let error = "game.yml:3:30: uberdogs[0].class: the DC files have no class `Logout`\n";
    let ended = folder.run(&["check", "game.yml"]).code(1);
    assert_eq!((&*ended.stdout, &*ended.stderr), ("", error));
}

#[test]
fn what_the_daemon_starts_with_is_a_warning() {
    let text = r#"
roles:
  - {type: clientagent, channels: {min: 2000, max: 2999}}
  - {type: clientagent, channels: {min: 2999, max: 3999}, bind: '127.0.0.1:0'}
"#;
    let folder = Folder::with(&[("game.yml", text)]);
    let overlap = "game.yml:4:35: roles[1].channels: client channels 2999-3999 overlaps \
                   client channels 2000-2999 of roles[0] (clientagent)";
    let ended = folder.run(&["check", "game.yml"]).code(0);
    assert_eq!(ended.stderr, format!("warning: {overlap}\n"));
    let bound = "bind: '127.0.0.1:0', channels: {min: 2000";
    folder.write("game.yml", &text.replace("channels: {min: 2000", bound));
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
    folder.run(&["check", "bad.yml"]).code(1).complains(&["bad.yml:1:1: rolls: ", "`roles`"]);
    folder.run(&["check", "none.yml"]).code(1).complains(&["none.yml: the file cannot be read"]);
}

#[test]
fn a_warning_is_no_error() {
    let folder = Folder::with(&[("astrond.yml", "daemon: {name: a, name: b}")]);
    let warning = "warning: astrond.yml:1:19: daemon.name: ";
    folder.run(&["check"]).code(0).complains(&[warning]);
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
