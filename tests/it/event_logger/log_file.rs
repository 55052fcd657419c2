//! eventlogger.md §1 and §2: packets become lines.

use std::fs;
use std::net::UdpSocket;

use serde_json::Value;

use crate::harness::{Daemon, Setup, wait_until};

/// A daemon with an event logger, and a socket to send to it.
pub struct Stage {
    pub daemon: Daemon,
    socket: UdpSocket,
}

impl Stage {
    pub fn start() -> Self {
        let stage = Self::with("output: events.log");
        stage.lines(1);
        stage
    }

    pub fn with(keys: &str) -> Self {
        let daemon = Setup::new().role(format!("type: eventlogger, bind: $EL, {keys}")).start();
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.connect(daemon.address("EL")).expect("UDP connects to anything");
        Stage { daemon, socket }
    }

    pub fn send(&self, packet: &[u8]) {
        self.socket.send(packet).expect("the logger's socket is open");
    }

    /// The log's lines, once there are this many.
    pub fn lines(&self, count: usize) -> Vec<String> {
        wait_until(&format!("{count} lines in the log"), || {
            let text = fs::read_to_string(self.daemon.path("events.log")).ok()?;
            let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
            let whole = lines.iter().all(|line| line.ends_with('\n'));
            (whole && lines.len() >= count).then_some(lines)
        })
    }

    /// Sends a packet and expects it as the next line, apart from the time in it.
    #[track_caller]
    pub fn expect_line(&self, packet: &[u8], expected: &str) {
        let before = self.lines(1).len();
        self.send(packet);
        let lines = self.lines(before + 1);
        assert_eq!(lines.len(), before + 1);
        let line = lines[before].trim_end();
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let time = value["_time"].as_str().expect("every line has its time");
        assert_eq!(line.replace(time, "T"), expected);
    }
}

#[test]
fn the_log_begins_with_its_own_opening() {
    let stage = Stage::start();
    let line: Value = serde_json::from_str(&stage.lines(1)[0]).expect("JSON");
    assert_eq!(line["type"], "log-opened");
    assert_eq!(line["sender"], "EventLogger");
    assert_eq!(line["msg"], "Log opened upon Event Logger startup.");
}

#[test]
fn the_time_is_local_and_says_which() {
    let stage = Stage::start();
    let line: Value = serde_json::from_str(&stage.lines(1)[0]).expect("JSON");
    let time = line["_time"].as_str().expect("a time");
    let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let east_and_west = ["0000-00-00 00:00:00+0000", "0000-00-00 00:00:00-0000"];
    assert!(east_and_west.contains(&&*shape), "{time}");
}

#[test]
fn an_event_becomes_a_line_with_its_keys_in_order() {
    let stage = Stage::start();
    stage.expect_line(
        b"\x83\xa4type\xa4test\xa6sender\xa2it\xa5count\x07",
        r#"{"_time": "T", "type": "test", "sender": "it", "count": 7}"#,
    );
}

#[test]
fn values_of_every_kind_are_written_as_json() {
    let stage = Stage::start();
    for (value, text) in [
        (&b"\xe0"[..], "-32"),
        (b"\xcd\x01\x00", "256"),
        (b"\xce\xff\xff\xff\xff", "4294967295"),
        (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
        (b"\xd1\xff\x00", "-256"),
        (b"\xd3\x80\0\0\0\0\0\0\0", "-9223372036854775808"),
        (b"\xc0", "null"),
        (b"\xc2", "false"),
        (b"\xc3", "true"),
        (b"\x93\x01\x02\x03", "[1, 2, 3]"),
        (b"\x90", "[]"),
        (b"\x81\xa1k\x91\xa1v", r#"{"k": ["v"]}"#),
        (b"\xd9\x03abc", r#""abc""#),
        (b"\xda\x00\x03abc", r#""abc""#),
        (b"\xa4\"\\\n\t", r#""\"\\\n\t""#),
    ] {
        let packet = [b"\x81\xa1v", value].concat();
        stage.expect_line(&packet, &format!(r#"{{"_time": "T", "v": {text}}}"#));
    }
}

#[test]
fn what_is_no_event_is_dropped() {
    let stage = Stage::start();
    // A map cut short, a number, two values, a string, nothing at all.
    for packet in [&b"\x81\xa1v"[..], b"{", b"123", b"\x07", b"\x80\x80", b"\xa3abc", b""] {
        stage.send(packet);
    }
    stage.expect_line(b"\x81\xa1v\x01", r#"{"_time": "T", "v": 1}"#);
    assert_eq!(stage.lines(2).len(), 2);
}

#[test]
fn the_name_of_the_log_may_hold_the_date() {
    let role = "type: eventlogger, bind: $EL, output: 'log-%Y.txt'";
    let daemon = Setup::new().role(role).start();
    wait_until("a log of this year", || {
        let names = fs::read_dir(daemon.path("")).ok()?;
        names.flatten().find(|entry| {
            let name = entry.file_name().into_string().unwrap_or_default();
            name.strip_prefix("log-20").is_some_and(|rest| rest.len() == 6)
        })
    });
}
