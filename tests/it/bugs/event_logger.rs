//! Lines that are no JSON, and logs that get lost.

use std::fs;

use crate::event_logger::log_file::Stage;
use crate::harness::wait_until;

#[test]
fn bug_75_every_line_is_json() {
    let stage = Stage::start();
    for (value, text) in [
        (&b"\xcc\xc8"[..], "200"),
        (b"\xd0\x80", "-128"),
        (b"\xcb\x3f\xf8\0\0\0\0\0\0", "1.5"),
        (b"\xca\x3f\xc0\0\0", "1.5"),
        (b"\xcb\x7f\xf0\0\0\0\0\0\0", "null"),
        (b"\xcb\x7f\xf8\0\0\0\0\0\0", "null"),
        (b"\xa6caf\xc3\xa9\x01", "\"caf\u{e9}\\u0001\""),
        (b"\xa2a\xff", "\"a\u{fffd}\""),
        (b"\xc4\x02\x00\xff", r#""\u0000\u00ff""#),
        // Numbers stay decimal behind an escaped byte.
        (b"\x92\xa1\x01\x10", r#"["\u0001", 16]"#),
        (b"\x81\x07\x08", r#"{"7": 8}"#),
    ] {
        let packet = [b"\x81\xa1v", value].concat();
        stage.expect_line(&packet, &format!(r#"{{"_time": "T", "v": {text}}}"#));
    }
    stage.expect_line(b"\x80", r#"{"_time": "T"}"#);
    stage.expect_line(b"\x82\xa5_time\xa3now\xa1v\x01", r#"{"_time": "T", "v": 1}"#);
}

#[test]
fn bug_12_a_packet_nested_without_end_is_dropped() {
    let mut stage = Stage::start();
    let mut packet = b"\x81\xa1v".to_vec();
    packet.resize(60_000, 0x91);
    packet.push(0x01);
    stage.send(&packet);
    stage.expect_line(b"\x81\xa1v\x01", r#"{"_time": "T", "v": 1}"#);
    stage.daemon.expect_alive();
}

#[test]
fn bug_75_a_log_that_is_there_already_is_continued() {
    let mut stage = Stage::start();
    stage.expect_line(b"\x81\xa1v\x01", r#"{"_time": "T", "v": 1}"#);
    stage.daemon.kill();
    stage.daemon.start_again();
    let lines = stage.lines(3);
    assert!(lines[0].contains("log-opened") && lines[1].contains(r#""v": 1"#), "{lines:?}");
    assert!(lines[2].contains("log-opened"), "{lines:?}");
}

#[test]
fn bug_75_logs_are_rotated() {
    let stage = Stage::with("output: 'events-%H%M%S.log', rotate_interval: 1s");
    let logs = wait_until("a second log", || {
        let names = fs::read_dir(stage.daemon.path("")).ok()?;
        let mut logs: Vec<_> = names
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .collect();
        logs.sort_unstable();
        (logs.len() >= 2).then_some(logs)
    });
    let second = wait_until("its first line", || {
        let text = fs::read_to_string(&logs[1]).ok()?;
        text.ends_with('\n').then_some(text)
    });
    assert!(second.contains(r#""type": "log-opened""#) && second.contains("cycled"), "{second}");
}
