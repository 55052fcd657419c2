//! Starting and ending the daemon; what it says of configurations that it cannot run.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::program::Folder;

#[test]
fn signals_end_it_in_order() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::with(&[("game.yml", "messagedirector: {bind: '127.0.0.1:0'}")]);
        let running = folder.start(&["game.yml"]).ready();
        running.signal(signal);
        let line = format!("INFO: daemon: shutting down signal=SIG{signal}");
        running.wait().code(0).says(&[&line]);
    }
}

#[test]
fn the_last_line_says_that_it_has_stopped() {
    let text = "messagedirector: {bind: '127.0.0.1:0'}\n\
                roles: [{type: eventlogger, bind: '127.0.0.1:0', output: e}]";
    let folder = Folder::with(&[("game.yml", text)]);
    let mut running = folder.start(&["game.yml"]);
    let line = running.wait_for("event_logger: listening");
    let logger = line.rsplit_once("address=").expect("an address").1.to_owned();
    let running = running.ready();
    // Lines that are summed up at the end: what is no event.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    for _ in 0..100 {
        socket.send_to(b"x", &logger).expect("sent");
    }
    running.signal("TERM");
    let ended = running.wait().code(0).says(&["more like it"]);
    let last = ended.stdout.lines().last().expect("lines");
    assert!(last.ends_with("INFO: daemon: stopped"), "{ended:#?}");
}

#[test]
fn what_only_the_daemon_itself_has_left_is_no_loss_without_an_upstream() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|taken| taken.local_addr());
    let connect = closed.expect("a free port");
    let text = format!(
        "messagedirector: {{bind: '127.0.0.1:0', connect: '{connect}'}}\n\
         roles: [{{type: stateserver, control: 4002}}]"
    );
    let folder = Folder::with(&[("game.yml", &text)]);
    let mut running = folder.start(&["game.yml"]).ready();
    let line = running.wait_for("no connection to the upstream message director");
    assert!(line.contains("reason=\"connection refused\""), "{line}");
    running.signal("TERM");
    let ended = running.wait().code(0);
    assert!(!ended.stdout.contains("ERROR"), "{ended:#?}");
}

#[test]
fn every_mistake_of_a_file_is_said_at_once() {
    let text =
        "messagedirectr: {}\nroles:\n  - type: stateserver\n    control: 0\n  - type: none\n";
    let folder = Folder::with(&[("game.yml", text)]);
    folder.run(&["game.yml"]).code(1).says(&[
        "ERROR: config: game.yml:1:1: messagedirectr: there is no such key; did you mean `messagedirector`?",
        "ERROR: config:   |              ^",
        "ERROR: config: game.yml:4:14: roles[0].control: found `0`, expected a channel",
        "ERROR: config: game.yml:5:11: roles[1].type: found `none`, expected one of `clientagent`",
        "FATAL: main: the configuration has errors file=game.yml",
    ]);
}

#[test]
fn what_is_no_configuration_ends_it_with_1() {
    for (text, message) in [
        ("", "game.yml: the file is empty"),
        ("a: [", "game.yml:1:4: this `[` is not closed"),
        ("- a", "found a list, expected a map"),
        ("general: {dc_files: [none.dc]}", "none.dc"),
        ("uberdogs: [{id: 1234, class: Nobody, anonymous: true}]", "Nobody"),
    ] {
        let folder = Folder::with(&[("game.yml", text)]);
        folder.run(&["game.yml"]).code(1).says(&[message, "FATAL: main: "]);
    }
}

#[test]
fn a_mistake_in_a_dc_file_is_shown_with_its_line() {
    let folder = Folder::with(&[
        ("game.yml", "general: {dc_files: [game.dc]}"),
        ("game.dc", "dclass A {\n  setB(uint9 b);\n};\n"),
    ]);
    let shown = ["game.dc:2:8", "2 |   setB(uint9 b);", "^^^^^"];
    folder.run(&["game.yml"]).code(1).says(&shown);
}

#[test]
fn a_port_in_use_is_said_in_one_line() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("bound");
    let text = format!("messagedirector: {{bind: '{address}'}}");
    let folder = Folder::with(&[("game.yml", &text)]);
    let ended = folder.run(&["game.yml"]).code(1);
    let fatal: Vec<&str> = ended.stdout.lines().filter(|line| line.contains("FATAL")).collect();
    let [line] = fatal[..] else { panic!("{ended:#?}") };
    assert!(
        line.contains(&format!("cannot listen on {address}: Address already in use")),
        "{line}"
    );
}

#[test]
fn a_taken_udp_port_is_an_error_too() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("bound");
    let text = format!("roles: [{{type: eventlogger, bind: '{address}'}}]");
    let folder = Folder::with(&[("game.yml", &text)]);
    let message = format!("event logger: cannot listen on {address}: Address already in use");
    folder.run(&["game.yml"]).code(1).says(&[&message]);
}

#[test]
fn unknown_hosts_end_it() {
    for text in [
        "messagedirector: {bind: 'no-such-host.invalid:1'}",
        "messagedirector: {connect: 'no-such-host.invalid:1'}",
        "general: {eventlogger: 'no-such-host.invalid:1'}",
        "roles: [{type: eventlogger, bind: 'no-such-host.invalid:1'}]",
    ] {
        let folder = Folder::with(&[("game.yml", text)]);
        folder.run(&["game.yml"]).code(1).says(&["FATAL: main: ", "no-such-host.invalid:1"]);
    }
}

const LOGGER: &str = "roles: [{type: eventlogger, bind: '127.0.0.1:0', output: events.log}]";

#[test]
fn paths_are_relative_to_the_configuration_and_the_log_to_the_start() {
    let folder = Folder::with(&[("sub/game.yml", LOGGER)]);
    let running = folder.start(&["-L", "own.log", "sub/game.yml"]).ready();
    running.signal("TERM");
    let ended = running.wait().code(0);
    assert_eq!(folder.files(), ["own.log", "sub"]);
    assert_eq!(folder.read("own.log"), ended.stdout);
    assert!(folder.read("sub/events.log").contains("\"type\": \"log-opened\""));
}

#[test]
fn events_are_written_before_it_ends() {
    let folder = Folder::with(&[("game.yml", LOGGER)]);
    let mut running = folder.start(&["game.yml"]);
    let line = running.wait_for("event_logger: listening");
    let (_, address) = line.split_once("address=").expect("an address");
    let running = running.ready();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    for packet in [&b"\x82\xa3bar\xa3baz\xa4type\xa3foo"[..], b"{", b"123", b"\x81\xa1n\xcc\xff"] {
        socket.send_to(packet, address).expect("loopback");
    }
    running.signal("TERM");
    running.wait().code(0);
    let log = folder.read("events.log");
    let without_time = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(value["_time"].is_string(), "{line}");
        line.split_once("\", ").expect("more than the time").1.to_owned()
    };
    let lines: Vec<String> = log.lines().skip(1).map(without_time).collect();
    assert_eq!(lines, [r#""bar": "baz", "type": "foo"}"#, r#""n": 255}"#]);
}

#[test]
fn an_event_log_in_a_missing_folder_is_no_reason_to_end() {
    let text = LOGGER.replace("events.log", "missing/events.log");
    let folder = Folder::with(&[("game.yml", &text)]);
    let mut running = folder.start(&["game.yml"]);
    running.wait_for("ERROR: event_logger: the event log cannot be written");
    running.signal("TERM");
    running.wait().code(0);
}

fn with_database(backend: &str) -> String {
    format!(
        "roles: [{{type: database, control: 4003, generate: {{min: 5000}}, operation_timeout_ms: 2000, backend: {{{backend}}}}}]"
    )
}

#[test]
fn why_a_database_cannot_be_opened_is_said_once() {
    let missing = with_database("type: sqlite, file: missing/o.sqlite");
    // Somebody has the port who takes no connections.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    let away = with_database(&format!("type: mysql, url: 'mariadb://u@127.0.0.1:{port}/world'"));
    let folder = Folder::with(&[("missing.yml", &missing), ("away.yml", &away)]);

    let ended = folder.run(&["missing.yml"]).code(1);
    let text = "FATAL: main: database 4003: cannot open the SQLite database ";
    let line = ended.stdout.lines().find(|line| line.contains(text)).expect("a last line");
    assert_eq!(line.matches("No such file or directory").count(), 1, "{line}");
    assert!(!line.contains("communicating"), "{line}");

    let ended = folder.run(&["away.yml"]).code(1);
    let again = "the store cannot be opened; trying again";
    let lines: Vec<_> = ended.stdout.lines().filter(|line| line.contains(again)).collect();
    let [line] = lines[..] else { panic!("{ended:#?}") };
    let store = format!("the MariaDB database world at 127.0.0.1:{port}: Connection refused");
    assert!(line.contains(&store) && line.contains("database=4003"), "{line}");
    // All of its time has been used.
    let last = ended.stdout.lines().last().expect("lines");
    let (said, tried) = last.split_once("; tried for ").expect("how long");
    assert!(
        said.contains("FATAL: main: database 4003: cannot open the MariaDB database"),
        "{last}"
    );
    let seconds = tried.strip_suffix(" s (operation_timeout_ms)").expect("the key");
    assert!(seconds.parse::<f32>().is_ok_and(|seconds| seconds >= 2.0), "{last}");
}

#[test]
fn levels_are_as_named() {
    // The second name is a warning, starting is information, the missing file is the end.
    let text = "daemon: {name: a, name: b}\ngeneral: {dc_files: [none.dc]}";
    let folder = Folder::with(&[("game.yml", text)]);
    for (level, warns, informs) in [
        ("packet", true, true),
        ("trace", true, true),
        ("debug", true, true),
        ("info", true, true),
        ("warning", true, false),
        ("security", false, false),
        ("error", false, false),
        ("fatal", false, false),
    ] {
        let ended = folder.run(&["--loglevel", level, "game.yml"]).code(1).says(&["FATAL: "]);
        assert_eq!(ended.stdout.contains("WARNING: "), warns, "{level}: {ended:#?}");
        assert_eq!(ended.stdout.contains("INFO: "), informs, "{level}: {ended:#?}");
    }
}

#[test]
fn json_logs_are_one_object_a_line() {
    let folder = Folder::new();
    let ended = folder.run(&["--log-format", "json", "none.yml"]).code(1);
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let levels: Vec<_> = ended.stdout.lines().map(|line| parse(line)["level"].clone()).collect();
    assert_eq!(levels, ["info", "error", "fatal"]);
    // A finding is one of them, whatever people are shown.
    let text = "general: {dc_files: [game.dc]}\ndaemon:\n  name: a\n  name: b\n\
                messagedirector: {bind: '127.0.0.1:0'}\n";
    let files = [("game.yml", text), ("game.dc", "dclass A {\n  f(uint9 x);\n};\n")];
    let ended = Folder::with(&files).run(&["--log-format", "json", "game.yml"]).code(1);
    let records: Vec<_> = ended.stdout.lines().map(parse).collect();
    let [_, warning, error, _] = &records[..] else { panic!("{records:#?}") };
    assert_eq!((&warning["level"], &warning["file"]), (&"warning".into(), &"game.yml".into()));
    assert_eq!((&warning["line"], &warning["column"]), (&4.into(), &3.into()));
    assert_eq!(warning["key"], "daemon.name");
    assert!(error["file"].as_str().is_some_and(|file| file.ends_with("game.dc")), "{error}");
    assert_eq!((&error["line"], &error["column"]), (&2.into(), &5.into()));
}

/// A record for each mistake, with its place; people get the lines in question.
#[test]
fn mistakes_in_dc_files_are_one_record_each() {
    let text = "dclass A { f(uint8 x) brodcast; };\ndclass B { g(Nothing n); };\n";
    let config = "general: {dc_files: [game.dc]}\nmessagedirector: {bind: '127.0.0.1:0'}\n";
    let folder = Folder::with(&[("game.yml", config), ("game.dc", text)]);
    let ended = folder.run(&["--log-format", "json", "game.yml"]).code(1);
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let records = ended.stdout.lines().map(parse);
    let errors: Vec<_> = records.filter(|record| record["level"] == "error").collect();
    let [first, second] = &errors[..] else { panic!("{ended:#?}") };
    assert_eq!(first["message"], "unknown keyword `brodcast`");
    assert_eq!((&first["line"], &first["column"]), (&1.into(), &23.into()));
    assert_eq!(first["help"], "did you mean `broadcast`?");
    let label = "types must be declared before they are used";
    assert_eq!((&second["line"], &second["label"]), (&2.into(), &label.into()));
    folder.run(&["game.yml"]).code(1).says(&["2 | dclass B { g(Nothing n); };"]);
}

#[test]
fn who_runs_as_root_is_told_so() {
    let folder = Folder::with(&[("game.yml", "messagedirector: {bind: '127.0.0.1:0'}")]);
    let running = folder.start(&["game.yml"]).ready();
    running.signal("TERM");
    let said = running.wait().code(0).stdout.contains("WARNING: daemon: running as root");
    assert_eq!(said, rustix::process::geteuid().is_root());
}

#[test]
fn warnings_about_dc_files_are_logged() {
    let text = "dclass A { blob b = <00ff10>; switch S (uint8 k) { case 1: }; };\n";
    let config = "general: {dc_files: [game.dc]}\nmessagedirector: {bind: '127.0.0.1:0'}\n";
    let folder = Folder::with(&[("game.yml", config), ("game.dc", text)]);
    let mut running = folder.start(&["--log-format", "json", "game.yml"]);
    running.wait_for("\"ready\"");
    running.signal("TERM");
    let ended = running.wait().code(0);
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    let records = ended.stdout.lines().map(parse);
    let warnings = records.filter(|record| record["level"] == "warning");
    // Others are about the machine.
    let warnings: Vec<_> = warnings.filter(|record| !record["line"].is_null()).collect();
    let [default, switch] = &warnings[..] else { panic!("{ended:#?}") };
    assert_eq!((&default["line"], &default["column"]), (&1.into(), &21.into()));
    let label = "so it is called `S`, and Panda3D refuses the class";
    assert_eq!(switch["label"], label);
}

#[test]
fn a_log_that_cannot_be_opened_ends_it() {
    let folder = Folder::with(&[("game.yml", "{}")]);
    folder.run(&["-L", "none/own.log", "game.yml"]).code(1).complains(&["none/own.log"]);
}
