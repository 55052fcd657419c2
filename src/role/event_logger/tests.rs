//! Packets in, lines out; and once over a real socket.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Zoned;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::core::{Core, Effect};
use super::json::PacketError;
use super::{BindError, EventLogger};
use crate::config::{Address, EventLoggerConfig};
use crate::event::{Courier, Event, EventSender};
use crate::net::Tcp;
use crate::recent::Recent;

const NOON: &str = "2024-01-31T12:00:00.25+01:00[Europe/Berlin]";
const NOON_START: &str = r#"{"_time": "2024-01-31 12:00:00+0100""#;
const OPENED: &str = r#", "type": "log-opened", "sender": "EventLogger", "msg": "#;

fn zoned(text: &str) -> Zoned {
    text.parse().expect("a time with its zone")
}

fn config(output: &str, rotate_interval: Option<Duration>) -> EventLoggerConfig {
    EventLoggerConfig {
        bind: Address::parse("127.0.0.1:0", 0).expect("an address"),
        output: output.to_owned(),
        rotate_interval,
    }
}

/// A core that has opened its file.
fn started(rotate_interval: Option<Duration>) -> Core {
    Core::new(&config("log", rotate_interval), &zoned(NOON), &mut Vec::new())
}

/// The line that `packet` becomes, without its newline.
fn line(packet: &[u8]) -> Result<String, PacketError> {
    let mut effects = Vec::new();
    started(None).packet(packet, &zoned(NOON), &mut effects)?;
    let [Effect::Write(line)] = &effects[..] else {
        panic!("{effects:?}");
    };
    let line = line.strip_suffix('\n').expect("a whole line");
    let value: Value = serde_json::from_str(line).expect("every line is JSON");
    assert!(value.is_object(), "{line}");
    Ok(line.to_owned())
}

/// Checks the text that MessagePack's `value` becomes as a value.
#[track_caller]
fn check_value(value: &[u8], expected: &str) {
    let line = line(&[b"\x81\xa1k", value].concat());
    assert_eq!(line, Ok(format!("{NOON_START}, \"k\": {expected}}}")), "{value:02x?}");
}

#[test]
fn numbers() {
    check_value(b"\x00", "0");
    check_value(b"\x7f", "127");
    check_value(b"\xe0", "-32");
    check_value(b"\xff", "-1");
    check_value(b"\xcc\x41", "65");
    check_value(b"\xcc\xff", "255");
    check_value(b"\xcd\xff\xfe", "65534");
    check_value(b"\xce\xff\xff\xff\xff", "4294967295");
    check_value(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    check_value(b"\xd0\x80", "-128");
    check_value(b"\xd1\x80\x00", "-32768");
    check_value(b"\xd2\x80\x00\x00\x00", "-2147483648");
    check_value(b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    check_value(b"\xca\x3f\xc0\x00\x00", "1.5");
    check_value(b"\xca\x3d\xcc\xcc\xcd", "0.1");
    check_value(b"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1");
    check_value(b"\xcb\x44\x15\xaf\x1d\x78\xb5\x8c\x40", "1e20");
    check_value(b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "null");
    check_value(b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "null");
    check_value(b"\xca\xff\x80\x00\x00", "null");
}

#[test]
fn words() {
    check_value(b"\xc0", "null");
    check_value(b"\xc2", "false");
    check_value(b"\xc3", "true");
}

#[test]
fn strings() {
    check_value(b"\xa0", r#""""#);
    check_value(b"\xa3foo", r#""foo""#);
    check_value(b"\xd9\x03foo", r#""foo""#);
    check_value(b"\xda\x00\x03foo", r#""foo""#);
    check_value(b"\xdb\x00\x00\x00\x03foo", r#""foo""#);
    check_value(b"\xa5Zo\xc3\xab!", "\"Zoë!\"");
    check_value(b"\xa7\x08\t\n\x0c\r\"\\", r#""\b\t\n\f\r\"\\""#);
    check_value(b"\xa3\x00\x1f\x7f", r#""\u0000\u001f\u007f""#);
    check_value(b"\xa3a\xffb", "\"a\u{fffd}b\"");
}

#[test]
fn bytes_are_characters_of_the_same_number() {
    check_value(b"\xc4\x04a \x00\xff", r#""a \u0000\u00ff""#);
    check_value(b"\xc5\x00\x02\"\\", r#""\u0022\u005c""#);
    check_value(b"\xc6\x00\x00\x00\x01\n", r#""\u000a""#);
}

#[test]
fn lists_and_maps() {
    check_value(b"\x90", "[]");
    check_value(b"\x93\x01\xa1a\x90", r#"[1, "a", []]"#);
    check_value(b"\xdc\x00\x02\x01\x02", "[1, 2]");
    check_value(b"\xdd\x00\x00\x00\x01\x01", "[1]");
    check_value(b"\x80", "{}");
    check_value(b"\x82\xa1a\x01\xa1b\x81\xa1c\xc0", r#"{"a": 1, "b": {"c": null}}"#);
    check_value(b"\xde\x00\x01\xa1a\x01", r#"{"a": 1}"#);
    check_value(b"\xdf\x00\x00\x00\x01\xa1a\x01", r#"{"a": 1}"#);
}

#[test]
fn keys_become_strings() {
    check_value(b"\x82\x01\x02\xc0\x03", r#"{"1": 2, "null": 3}"#);
    check_value(b"\x81\x92\xa1a\x02\x01", r#"{"[\"a\", 2]": 1}"#);
    check_value(b"\x81\xc4\x01\xff\x01", r#"{"\u00ff": 1}"#);
}

#[test]
fn extensions() {
    for (packed, length) in [
        (&b"\xd4\x05"[..], 1),
        (b"\xd5\x05", 2),
        (b"\xd6\x05", 4),
        (b"\xd7\x05", 8),
        (b"\xd8\x05", 16),
        (b"\xc7\x03\x05", 3),
        (b"\xc8\x00\x03\x05", 3),
        (b"\xc9\x00\x00\x00\x03\x05", 3),
    ] {
        let data = "x".repeat(length);
        let expected = format!(r#"{{"ext": 5, "data": "{data}"}}"#);
        check_value(&[packed, data.as_bytes()].concat(), &expected);
    }
    check_value(b"\xd4\xff\x00", r#"{"ext": -1, "data": "\u0000"}"#);
}

#[test]
fn maps_of_every_size_are_events() {
    let empty = Ok(format!("{NOON_START}}}"));
    assert_eq!(line(b"\x80"), empty);
    assert_eq!(line(b"\xde\x00\x00"), empty);
    assert_eq!(line(b"\xdf\x00\x00\x00\x00"), empty);
    let one = Ok(format!("{NOON_START}, \"a\": 1}}"));
    assert_eq!(line(b"\x81\xa1a\x01"), one);
    assert_eq!(line(b"\xde\x00\x01\xa1a\x01"), one);
    assert_eq!(line(b"\xdf\x00\x00\x00\x01\xa1a\x01"), one);
}

#[test]
fn the_order_of_keys_is_kept_and_the_time_is_the_loggers() {
    let packet = b"\x84\xa3bar\xa3baz\xa5_time\xa1x\xa6_times\x01\xa4type\xa3foo";
    let expected = format!(r#"{NOON_START}, "bar": "baz", "_times": 1, "type": "foo"}}"#);
    assert_eq!(line(packet), Ok(expected));
}

#[test]
fn packets_that_are_no_event() {
    for (packet, error) in [
        (&b""[..], PacketError::Truncated),
        // Texts that someone may take for an event.
        (b"{", PacketError::NotAMap),
        (b"123", PacketError::Extraneous),
        (b"\xa3foo", PacketError::NotAMap),
        (b"\x91\x01", PacketError::NotAMap),
        (b"\xa3fo", PacketError::Truncated),
        (b"\x81\xa1a\x01\x00", PacketError::Extraneous),
        (b"\x80\x80", PacketError::Extraneous),
        (b"\x81\xa1a\xc1", PacketError::Reserved),
        (b"\xc1", PacketError::Reserved),
        (b"\xdf\xff\xff\xff\xff", PacketError::Truncated),
        (b"\x81\xa1a\xdd\xff\xff\xff\xff", PacketError::Truncated),
        (b"\x81\xa1a\xdb\xff\xff\xff\xff", PacketError::Truncated),
    ] {
        assert_eq!(line(packet), Err(error), "{packet:02x?}");
    }
}

#[test]
fn an_event_that_is_cut_anywhere_is_truncated() {
    let whole = b"\x83\xa1a\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a\xa1b\x92\xd5\x01xy\xcd\x01\x02\xa1c\x81\xa1d\xda\x00\x02ef";
    line(whole).expect("an event");
    for end in 0..whole.len() {
        assert_eq!(line(&whole[..end]), Err(PacketError::Truncated), "{end}");
    }
}

/// Each level of keys in keys doubles the escapes: a packet of 70 bytes would take all memory.
#[test]
fn keys_in_keys_have_a_limit() {
    let nested = |depth: usize| [b"\x81".repeat(depth), b"\xc0".repeat(depth + 1)].concat();
    let deepest = line(&nested(4)).expect("few levels are taken");
    assert!(deepest.len() < 200, "{deepest}");
    for depth in [5, 64] {
        assert_eq!(line(&nested(depth)), Err(PacketError::TooDeep));
    }
}

#[test]
fn nesting_has_a_limit() {
    let nested = |depth: usize| [b"\x81\xa1a", &b"\x91".repeat(depth)[..], b"\xc0"].concat();
    assert!(line(&nested(63)).is_ok());
    assert_eq!(line(&nested(64)), Err(PacketError::TooDeep));
    assert_eq!(line(&nested(60_000)), Err(PacketError::TooDeep));
}

#[test]
fn a_bad_packet_leaves_the_log_alone() {
    let mut effects = Vec::new();
    let rejected = started(None).packet(b"\x82\xa1a\x01", &zoned(NOON), &mut effects);
    assert_eq!(rejected, Err(PacketError::Truncated));
    assert_eq!(effects, []);
}

#[test]
fn the_first_line_says_that_the_log_was_opened() {
    let mut effects = Vec::new();
    let core = Core::new(&config("%Y.log", None), &zoned(NOON), &mut effects);
    let first = format!("{NOON_START}{OPENED}\"Log opened upon Event Logger startup.\"}}\n");
    let expected = [Effect::Open("2024.log".to_owned()), Effect::Write(first)];
    assert_eq!(effects, expected);
    assert_eq!(core.next_deadline(), None);
}

#[test]
fn a_new_file_is_begun_when_it_is_time() {
    let hour = Duration::from_secs(60 * 60);
    let mut effects = Vec::new();
    let mut core = Core::new(&config("%H.log", Some(hour)), &zoned(NOON), &mut effects);
    let one = zoned("2024-01-31T13:00:00+01:00[Europe/Berlin]");
    assert_eq!(core.next_deadline(), Some(one.timestamp()));

    effects.clear();
    core.tick(&zoned("2024-01-31T12:59:59.9+01:00[Europe/Berlin]"), &mut effects);
    assert_eq!(effects, []);
    core.packet(b"\x80", &one, &mut effects).expect("an event");
    let start = r#"{"_time": "2024-01-31 13:00:00+0100""#;
    let lines = format!("{start}{OPENED}\"Log cycled.\"}}\n{start}}}\n");
    let expected = [Effect::Open("13.log".to_owned()), Effect::Write(lines)];
    assert_eq!(effects, expected);

    let two = zoned("2024-01-31T14:00:00+01:00[Europe/Berlin]");
    assert_eq!(core.next_deadline(), Some(two.timestamp()));
    effects.clear();
    core.tick(&two, &mut effects);
    assert_eq!(effects.first(), Some(&Effect::Open("14.log".to_owned())));
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_rotation() {
    let hour = Duration::from_secs(60 * 60);
    let at = |time: &str| zoned(&format!("2024-01-31T{time}+01:00[Europe/Berlin]"));
    let mut core = started(Some(hour));
    let mut effects = Vec::new();
    core.tick(&at("12:30:00"), &mut effects);
    core.tick(&at("07:40:00"), &mut effects);
    assert_eq!(core.next_deadline(), Some(at("08:00:00").timestamp()));
    core.tick(&at("08:00:00"), &mut effects);
    assert_eq!(effects.first(), Some(&Effect::Open("log".to_owned())));

    // One that is adjusted does not begin the same file twice.
    effects.clear();
    core.tick(&at("07:59:59.9"), &mut effects);
    core.tick(&at("08:00:00"), &mut effects);
    assert_eq!(effects, []);
}

/// Runs a logger while `send` sends to it, and returns its log's lines without their time.
async fn logged(folder: &Path, send: impl AsyncFnOnce(Address)) -> Vec<Value> {
    let config = config("events.log", None);
    let logger = EventLogger::bind(&config, folder, &Tcp).await.expect("a free port");
    let address = logger.local_addr().into();
    let shutdown = CancellationToken::new();
    let (_reopen, reopen) = watch::channel(());
    let running = tokio::spawn(logger.run(reopen, Arc::new(Recent::new(0)), shutdown.clone()));
    // Loopback hands packets over before sending returns, and the logger reads what it has been
    // handed before it ends.
    send(address).await;
    shutdown.cancel();
    running.await.expect("no panic");
    let text = std::fs::read_to_string(folder.join("events.log")).expect("a log");
    let without_time = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let entries = line.as_object_mut().expect("a map");
        entries.remove("_time").expect("a time");
        line
    };
    text.lines().map(without_time).collect()
}

/// Sends what a sender has been given.
async fn send_all(courier: Courier) {
    let stop = CancellationToken::new();
    stop.cancel();
    courier.run(stop).await;
}

fn opened() -> Value {
    json!({
        "type": "log-opened",
        "sender": "EventLogger",
        "msg": "Log opened upon Event Logger startup.",
    })
}

#[tokio::test]
async fn events_over_udp_become_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = logged(folder.path(), async |address| {
        let (sender, courier) = EventSender::open(&address).await.expect("loopback");
        sender.send_raw(b"{");
        sender.send(&Event::new("client-lost", "Client:3100").with("reason", "end of file"));
        sender.send_raw(b"123");
        sender.send_raw(b"\x81\xa1a\x01");
        send_all(courier).await;
    })
    .await;
    let lost = json!({"type": "client-lost", "sender": "Client:3100", "reason": "end of file"});
    assert_eq!(lines, [opened(), lost, json!({"a": 1})]);
}

#[tokio::test]
async fn a_log_that_exists_is_continued() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = "{\"_time\": \"2024-01-31 12:00:00+0100\", \"old\": true}\n";
    std::fs::write(folder.path().join("events.log"), old).expect("a file");
    let lines = logged(folder.path(), async |_| {}).await;
    assert_eq!(lines, [json!({"old": true}), opened()]);
}

#[tokio::test]
async fn a_log_in_a_missing_folder_is_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing");
    let lines = logged(&missing, async |address| {
        std::fs::create_dir(&missing).expect("a folder");
        let (sender, courier) = EventSender::open(&address).await.expect("loopback");
        sender.send_raw(b"\x81\xa1a\x01");
        send_all(courier).await;
    })
    .await;
    assert_eq!(lines.last(), Some(&json!({"a": 1})));
}

#[tokio::test]
async fn an_address_in_use_is_an_error() {
    let taken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let mut config = config("events.log", None);
    config.bind = taken.local_addr().expect("bound").into();
    let error = EventLogger::bind(&config, Path::new(""), &Tcp).await.expect_err("taken");
    assert!(matches!(error, BindError::Bind(..)), "{error:?}");
}

#[tokio::test]
async fn an_unknown_host_is_an_error() {
    let mut config = config("events.log", None);
    config.bind = Address::parse("no-such-host.invalid:1", 0).expect("well-formed");
    let error = EventLogger::bind(&config, Path::new(""), &Tcp).await.expect_err("unknown");
    assert!(matches!(error, BindError::Resolve(..)), "{error:?}");
}
