//! The flight recorder: what it keeps, when it writes, and what is read of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

fn recording() -> Setup {
    setup().daemon("recorder: {seconds: 600, bytes: 1048576}")
}

fn files(daemon: &Daemon) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(daemon.path("recorded")) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn dump(daemon: &Daemon, arguments: &[&str]) -> String {
    let (out, err, code) = run(daemon, "dump", arguments);
    assert_eq!((err.as_str(), code), ("", Some(0)));
    out.trim_end().to_owned()
}

fn shown(file: &str, arguments: &[&str], daemon: &Daemon) -> (String, String, Option<i32>) {
    let mut command = daemon.operate("trace", &[]);
    command = {
        let mut plain = Command::new(command.get_program());
        plain.args(["trace", "--file", file]).args(arguments);
        plain
    };
    let done = command.output().expect("the program is built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(done.stdout), text(done.stderr), done.status.code())
}

#[test]
fn a_dump_is_read_with_the_same_filters() {
    let daemon = recording().start();
    play(&mut daemon.link(), 3);
    let path = dump(&daemon, &[]);
    assert_eq!(files(&daemon), [PathBuf::from(&path)]);
    let mode = fs::metadata(&path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // It is read by what it says itself, whatever has become of the DC files.
    fs::write(daemon.path("world.dc"), "dclass Other { setX(int8); };").expect("ours");
    let filter = ["--json", "--field", "Avatar.setPosition", "--channel", "700"];
    let (out, err, code) = shown(&path, &filter, &daemon);
    let lines: Vec<_> = out.lines().map(json).collect();
    let values = lines.iter().filter(|line| line["field"] == "Avatar.setPosition");
    let values: Vec<_> = values.map(|line| line["arguments"]["value"].clone()).collect();
    assert_eq!(values, ["(0, 0)", "(1, -1)", "(2, -2)"]);
    assert!(err.ends_with(" datagrams seen\n"), "{err}");
    assert_eq!(code, Some(0));
    let output = daemon.path("mine").display().to_string();
    assert_eq!(dump(&daemon, &["--output", &output]), output);
    let (_, err, code) = run(&daemon, "dump", &["--output", &output]);
    assert_eq!(code, Some(1));
    assert!(err.contains("File exists"), "{err}");
    let whole = fs::read(&output).expect("a file");
    fs::write(&output, &whole[..whole.len() - 1]).expect("ours");
    let (_, err, code) = shown(&output, &[], &daemon);
    assert!(err.contains("the file is cut short"), "{err}");
    assert_eq!(code, Some(1));
}

#[test]
fn only_the_last_datagrams_are_kept() {
    let daemon = recording().start();
    let mut ai = daemon.link();
    for _ in 0..20 {
        for x in 0..1000 {
            set_position(&mut ai, x);
        }
        ai.sync();
    }
    set_position(&mut ai, 1234);
    ai.sync();
    let path = dump(&daemon, &[]);
    let bytes = fs::metadata(&path).expect("a file").len();
    assert!((700_000..1_200_000).contains(&bytes), "{bytes}");
    let (out, _, _) = shown(&path, &["--json", "--field", "Avatar.setPosition"], &daemon);
    let last = out.lines().last().map(json).expect("datagrams");
    assert_eq!(last["arguments"]["value"], "(1234, -1234)");
}

#[test]
fn a_link_that_sends_what_is_no_datagram_leaves_a_file() {
    let daemon = recording().start();
    play(&mut daemon.link(), 1);
    let spoil = || {
        let mut link = daemon.link();
        // Five recipients, and not one of them.
        link.stream().send(&[5, 1, 2]);
        link.sync();
    };
    spoil();
    // Before that it is being written.
    wait_until("the log has it", || {
        daemon.log().contains("the last datagrams were written").then_some(())
    });
    let found = wait_until("a file", || files(&daemon).first().cloned());
    let (out, _, _) = shown(&found.display().to_string(), &[], &daemon);
    assert!(out.contains("truncated"), "{out}");
    // Not more than one a minute.
    spoil();
    spoil();
    daemon.link().sync();
    assert_eq!(files(&daemon).len(), 1);
}

#[test]
fn who_keeps_nothing_says_so() {
    let daemon = setup().start();
    let (_, err, code) = run(&daemon, "dump", &[]);
    assert_eq!(err, "this daemon keeps no datagrams: see `daemon.recorder`\n");
    assert_eq!(code, Some(1));
}

#[test]
fn a_recording_can_be_made_a_test() {
    let daemon = recording().start();
    play(&mut daemon.link(), 1);
    let (out, _, code) = shown(&dump(&daemon, &[]), &["--test", "--doid", "700"], &daemon);
    assert_eq!(code, Some(0));
    assert!(out.contains("let mut link_1 = daemon.link();"), "{out}");
    assert!(
        out.contains("link_1.stream().send(datagram);\n    expect(&mut all, datagram);"),
        "{out}"
    );
    assert!(
        out.contains(" StateServer(4002): STATESERVER_OBJECT_ENTER_LOCATION_WITH_REQUIRED 700 → "),
        "{out}"
    );
    // All but the datagrams is as in one that is compiled and run.
    let head = |text: &str| {
        let (_, text) = text.split_once("\n\n").expect("what it is");
        let (text, _) = text.split_once("fn what_was_recorded").expect("a test");
        text.to_owned()
    };
    assert_eq!(head(&out), head(include_str!("replayed.rs")));
}
