//! `donet trace`, the flight recorder, and what Wireshark makes of both.

mod recorder;
mod replayed;
mod wireshark;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use crate::harness::world::avatar;
use crate::harness::*;

const AI: Channel = Channel(4500);
const CREATED: DoId = DoId(700);

/// A state server and a client agent.
fn setup() -> Setup {
    Setup::new().role("type: stateserver, control: 4002").role(
        "type: clientagent, bind: $CA, version: world 1, manual_dc_hash: 0x0123abcd, \
         channels: {min: 1000, max: 1000}",
    )
}

/// A command that runs, and has begun to look.
struct Trace {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Trace {
    fn begin(daemon: &Daemon, arguments: &[&str]) -> Self {
        let mut trace = Self::start(daemon.operate("trace", arguments));
        assert_eq!(trace.complaint(), "looking at what is routed; Ctrl-C ends it\n");
        trace
    }

    fn start(mut command: Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program is built");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let err = BufReader::new(child.stderr.take().expect("piped"));
        Trace { child, out, err }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("UTF-8");
        line
    }

    fn complaint(&mut self) -> String {
        let mut line = String::new();
        self.err.read_line(&mut line).expect("UTF-8");
        line
    }

    /// All that is left of what it says, and how it ends.
    fn end(mut self) -> (String, String, Option<i32>) {
        let (mut out, mut err) = (String::new(), String::new());
        self.out.read_to_string(&mut out).expect("UTF-8");
        self.err.read_to_string(&mut err).expect("UTF-8");
        (out, err, self.child.wait().expect("it is a child of this process").code())
    }

    fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill is there");
        assert!(sent.success());
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
fn run(daemon: &Daemon, command: &str, arguments: &[&str]) -> (String, String, Option<i32>) {
    let done = daemon.operate(command, arguments).output().expect("the program is built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(done.stdout), text(done.stderr), done.status.code())
}

fn json(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Has an object made, and moves it so often.
fn play(ai: &mut Link, moves: i16) {
    let values = Values::new().string("Bo").i16(1).i16(2);
    let object = ObjectState {
        do_id: CREATED,
        location: Location { parent: DoId(900), zone: ZoneId(2) },
        class_id: avatar::CLASS,
        values: Rest(values.bytes()),
    };
    ai.send(Channel(4002), AI, &StateServer::CreateObjectWithRequired { object });
    for x in 0..moves {
        set_position(ai, x);
    }
    ai.sync();
}

fn set_position(ai: &mut Link, x: i16) {
    let value = Values::new().i16(x).i16(-x);
    let value = Rest(value.bytes());
    let field = avatar::POSITION;
    ai.send(CREATED, AI, &StateServer::ObjectSetField { do_id: CREATED, field, value });
}

#[test]
fn what_is_routed_is_shown_with_names_and_values() {
    let daemon = setup().start();
    let mut ai = daemon.link();
    let mut trace = Trace::begin(&daemon, &["--message", "STATESERVER_OBJECT_SET_FIELD"]);
    play(&mut ai, 2);
    let line = trace.line();
    assert!(line.contains(" 4500 → 700 "), "{line}");
    assert!(line.contains(" STATESERVER_OBJECT_SET_FIELD "), "{line}");
    assert!(line.ends_with(" do_id=700 Avatar.setPosition(0, 0)\n"), "{line}");
    let line = trace.line();
    assert!(line.contains("StateServer(4002)"), "{line}");
    trace.line();
    assert!(trace.line().ends_with("Avatar.setPosition(1, -1)\n"));
    trace.interrupt();
    assert_eq!(trace.end(), (String::new(), "4 datagrams seen\n".to_owned(), Some(0)));
}

#[test]
fn a_json_object_a_line_has_all_of_a_datagram() {
    let daemon = setup().start();
    let mut ai = daemon.link();
    let mut trace = Trace::begin(&daemon, &["--json", "--count", "2", "--doid", "700"]);
    play(&mut ai, 0);
    let made = json(&trace.line());
    assert_eq!(made["message"], "STATESERVER_CREATE_OBJECT_WITH_REQUIRED");
    assert_eq!(made["class"], "Avatar");
    assert_eq!((&made["sender"], &made["recipients"][0]), (&"4500".into(), &"4002".into()));
    assert_eq!(made["arguments"]["object"]["required"][1]["value"], "(1, 2)");
    assert_eq!(made["way"], "routed");
    let next = json(&trace.line());
    assert_eq!(next["origin"], "StateServer(4002)");
    assert_eq!(trace.end(), (String::new(), "2 datagrams seen\n".to_owned(), Some(0)));
}

#[test]
fn filters_show_what_is_wanted_and_nothing_else() {
    let daemon = setup().start();
    let mut ai = daemon.link();
    for (arguments, message) in [
        (["--channel", "4002-4002"], "STATESERVER_CREATE_OBJECT_WITH_REQUIRED"),
        (["--doid", "701"], "STATESERVER_OBJECT_DELETE_RAM"),
        (["--class", "Thing"], "STATESERVER_OBJECT_GET_FIELD"),
        (["--field", "Thing.setNote"], "STATESERVER_OBJECT_GET_FIELD"),
        (["--message", "STATESERVER_GET_ACTIVE_ZONES"], "STATESERVER_GET_ACTIVE_ZONES"),
    ] {
        let [kind, value] = arguments;
        let mut trace = Trace::begin(&daemon, &[kind, value, "--json", "--count", "1"]);
        if message != "STATESERVER_CREATE_OBJECT_WITH_REQUIRED" {
            play(&mut ai, 1);
        }
        let (context, do_id) = (Context(1), DoId(701));
        ai.send(CREATED, AI, &StateServer::ObjectGetLocation { context });
        match message {
            "STATESERVER_OBJECT_DELETE_RAM" => {
                ai.send(do_id, AI, &StateServer::ObjectDeleteRam { do_id });
            }
            "STATESERVER_OBJECT_GET_FIELD" => {
                let field = world::thing::NOTE;
                ai.send(do_id, AI, &StateServer::ObjectGetField { context, do_id, field });
            }
            "STATESERVER_GET_ACTIVE_ZONES" => {
                ai.send(do_id, AI, &StateServer::GetActiveZones { context });
            }
            _ => play(&mut ai, 1),
        }
        assert_eq!(json(&trace.line())["message"], message, "{arguments:?}");
    }
}

#[test]
fn what_nobody_knows_is_refused_with_what_may_be_meant() {
    let daemon = setup().start();
    let check = |arguments: &[&str], expected: &str| {
        let (out, err, code) = run(&daemon, "trace", arguments);
        assert_eq!((out.as_str(), err.as_str(), code), ("", expected, Some(1)), "{arguments:?}");
    };
    check(&["--class", "Avater"], "there is no class `Avater`; did you mean `Avatar`?\n");
    check(
        &["--field", "Avatar.setPositon"],
        "class `Avatar` has no field `setPositon`; did you mean `setPosition`?\n",
    );
    check(
        &["--message", "STATESERVER_OBJECT_SETFIELD"],
        "there is no message `STATESERVER_OBJECT_SETFIELD`; did you mean `STATESERVER_OBJECT_SET_FIELD`?\n",
    );
    let other = daemon.path("other.dc");
    std::fs::write(&other, "dclass Other { setX(int8); };").expect("the folder is ours");
    let (_, err, code) = run(&daemon, "trace", &["--dc", &other.display().to_string()]);
    assert_eq!(code, Some(1));
    assert!(err.contains("the DC files have the hash 0x"), "{err}");
    assert!(err.contains("and the daemon has read 0x07ca9cbe"), "{err}");
}

#[test]
fn a_client_is_shown_in_its_own_protocol_too() {
    let daemon = setup().start();
    let mut trace = Trace::begin(&daemon, &["--client", "1000", "--json", "--count", "4"]);
    let mut client = daemon.client();
    client.hello();
    let mut ai = daemon.link();
    let text = Blob(b"go");
    ai.send(Channel(1000), AI, &ClientAgent::Eject { reason: 5, text });
    client.expect(&ClientMessage::Eject { reason: 5, text });
    let lines: Vec<_> = (0..4).map(|_| json(&trace.line())).collect();
    let seen = lines.iter().map(|line| format!("{} {}", line["way"], line["message"]));
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            "\"from_client\" \"CLIENT_HELLO\"",
            "\"to_client\" \"CLIENT_HELLO_RESP\"",
            "\"routed\" \"CLIENTAGENT_EJECT\"",
            "\"to_client\" \"CLIENT_EJECT\"",
        ]
    );
    assert_eq!(lines[3]["client"], "1000");
}

#[test]
fn what_a_slow_reader_misses_is_counted() {
    const MOVES: usize = 100_000;
    let daemon = setup().start();
    let mut ai = daemon.link();
    let mut trace = Trace::begin(&daemon, &["--json", "--message", "STATESERVER_OBJECT_SET_FIELD"]);
    // Nobody reads: the pipe is full, then the socket, then the queue.
    for _ in 0..MOVES / 1000 {
        for x in 0..1000 {
            set_position(&mut ai, x);
        }
        ai.sync();
    }
    daemon.link().send(CREATED, Channel(4999), &StateServer::ObjectDeleteRam { do_id: CREATED });
    let (mut seen, mut lost) = (0, 0);
    while seen + lost < MOVES as u64 {
        let line = json(&trace.line());
        match line["lost"].as_u64() {
            Some(count) => lost += count,
            None => seen += 1,
        }
    }
    assert!(seen > 0 && lost > 0, "{seen} seen, {lost} lost");
    assert_eq!(seen + lost, MOVES as u64);
}

#[test]
fn a_few_may_look_and_others_are_told() {
    let mut daemon = setup().start();
    let traces: Vec<_> = (0..4).map(|_| Trace::begin(&daemon, &[])).collect();
    let (_, err, code) = run(&daemon, "trace", &[]);
    assert_eq!(code, Some(1));
    assert!(err.starts_with("4 others look at this daemon's datagrams already"), "{err}");
    drop(traces);
    // Whose place is free is known when the daemon has seen that they have gone.
    wait_until("a place is free", || {
        let (_, err, _) = run(&daemon, "trace", &["--seconds", "1"]);
        (!err.starts_with("4 others")).then_some(())
    });
    let trace = Trace::begin(&daemon, &[]);
    daemon.kill();
    let (_, err, code) = trace.end();
    assert_eq!(code, Some(1));
    assert_eq!(err, "0 datagrams seen\nthe daemon has ended before it has answered\n");
}

#[test]
fn who_has_read_enough_ends_it_quietly() {
    let daemon = setup().start();
    let mut ai = daemon.link();
    let mut trace = Trace::begin(&daemon, &[]);
    play(&mut ai, 1);
    trace.line();
    let Trace { child, out, err } = &mut trace;
    drop(std::mem::replace(out, BufReader::new(closed_pipe())));
    let ended = wait_until("it has ended", || {
        play(&mut ai, 100);
        child.try_wait().expect("it is a child of this process")
    });
    assert_eq!(ended.code(), Some(0));
    let mut text = String::new();
    err.read_to_string(&mut text).expect("UTF-8");
    assert_eq!(text, "");
}

/// Something of the type of a pipe, that is at its end.
fn closed_pipe() -> ChildStdout {
    let mut child = Command::new("true").stdout(Stdio::piped()).spawn().expect("true is there");
    child.wait().expect("it is a child of this process");
    child.stdout.take().expect("piped")
}
