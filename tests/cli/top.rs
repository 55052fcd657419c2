//! `donet top` where there is no terminal, with somebody at the socket who plays the daemon.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;

use serde_json::{Value, json};

use crate::program::Folder;

/// Answers one command with these lines, and says what it was asked for.
fn serve(path: &Path, answers: Vec<Value>) -> thread::JoinHandle<Value> {
    let listener = UnixListener::bind(path).expect("a socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).expect("a request");
        let answers = answers.iter().map(|answer| format!("{answer}\n")).collect::<String>();
        stream.write_all(answers.as_bytes()).expect("it listens");
        serde_json::from_str(&line).expect("JSON")
    })
}

/// Runs `donet top` with `words` where `answers` are given.
fn top(words: &[&str], answers: Vec<Value>) -> (crate::program::Ended, Value) {
    let folder = Folder::new();
    let socket = folder.path("control.sock");
    let served = serve(&socket, answers);
    let socket = socket.to_str().expect("a plain name");
    let ended = folder.run(&[&["top", "--control", socket], words].concat());
    (ended, served.join().expect("it has been asked"))
}

#[test]
fn what_is_there_is_printed_once() {
    let said = json!({"overview": {"daemon": {"name": "a\u{1b}[2Jb", "version": "0.1.0", "stage": "ready", "uptime_seconds": 61.0},
            "roles": [{"id": 0, "kind": "state_server", "name": "state server", "objects": 12}],
            "warnings": [{"severity": "critical", "title": "it burns", "detail": "a lot", "action": "run"}]},
        "novel": {}});
    for words in [&[][..], &["--once"]] {
        let (ended, request) =
            top(words, vec![json!({"say": said.to_string()}), json!({"exit": 0})]);
        let ended = ended.code(0);
        assert_eq!(request, json!({"command": "top"}));
        let text = &ended.stdout;
        let first = "daemon   a\\u{1b}[2Jb, donet 0.1.0, ready, up 1m 01s, pid -\n";
        assert!(text.starts_with(first), "{text}");
        assert!(text.contains("\ncritical: it burns: a lot\n  → run\n"), "{text}");
        assert!(text.contains("\nRoles: 1\n  id  role "), "{text}");
        assert!(text.contains("\nLinks: no links"), "{text}");
    }
    let (ended, _) = top(&["--json"], vec![json!({"say": said.to_string()}), json!({"exit": 0})]);
    let printed: Value = serde_json::from_str(&ended.code(0).stdout).expect("JSON");
    assert_eq!(printed, said);
}

#[test]
fn a_daemon_that_cannot_tell_is_complained_of() {
    let unknown = "the daemon does not understand this command: unknown variant `top`";
    let (ended, _) = top(&[], vec![json!({"complain": unknown}), json!({"exit": 1})]);
    ended.code(1).complains(&["the daemon that runs is older than `donet top`"]);
    let (ended, _) = top(&["--json"], vec![json!({"complain": "busy"}), json!({"exit": 1})]);
    ended.code(1).complains(&["busy"]);
    let (ended, _) = top(&[], vec![json!({"say": "[1"}), json!({"exit": 0})]);
    ended.code(1).complains(&["what the daemon says is not understood"]);
    let (ended, _) = top(&[], vec![]);
    ended.code(1).complains(&["the daemon has ended before it has answered"]);
    let folder = Folder::new();
    let ended = folder.run(&["top", "--control", "nowhere.sock"]).code(1);
    ended.complains(&["nobody listens at nowhere.sock"]);
}
