//! Whole pictures, in terminals of two sizes. With `DONET_DRAW=1` they are written anew, to be looked at before they are kept.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};
use serde_json::{Value, json};

use super::plain;
use super::snapshot::Snapshot;
use super::state::{Key, Outcome, State};
use super::view;

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (140, 40);

/// When everything happens: 2026-01-02 03:04:05.
const NOW: i64 = 1_767_323_045;

fn moment(seconds_ago: i64) -> String {
    Timestamp::from_second(NOW - seconds_ago).expect("a moment").to_string()
}

fn sample(ago: i64) -> Value {
    let wave = (ago % 20 - 10).abs() as f64;
    json!({"time": moment(ago), "routed": 500.0 + 90.0 * wave, "delivered": 2_400.0 + 400.0 * wave, "clients": 300 - ago / 8,
        "objects": 4_120, "links": 6, "hold_p50_us": if ago % 7 == 0 { json!(null) } else { json!(9.0 + wave) },
        "hold_p99_us": 100.0 + 30.0 * wave, "hold_max_us": 1_900.0, "cpu": 0.2 + wave / 30.0, "memory_bytes": 184_000_000,
        "queued_bytes": if wave > 8.0 { 41_230 } else { 0 }})
}

/// A daemon with something of everything.
fn busy() -> Value {
    let roles = json!([
        {"id": 0, "kind": "client_agent", "name": "client agent 0.0.0.0:7198", "address": "0.0.0.0:7198", "channel": "4000", "type": "libastron", "clients": 212, "objects": 0},
        {"id": 1, "kind": "state_server", "name": "state server", "address": null, "channel": "4001", "type": null, "clients": 0, "objects": 4_120},
        {"id": 2, "kind": "database", "name": "database", "address": null, "channel": "4003", "type": null, "clients": 0, "objects": 0},
    ]);
    let links = json!([
        {"id": "3", "name": "uberdog", "address": "10.0.0.12:40312", "direction": "in", "kind": "participant", "tls": false, "since": moment(273_849),
            "channels": 12, "ranges": 1, "queue_bytes": 0, "received_bytes": "12345678", "sent_bytes": "37037034", "console": null},
        {"id": "4", "name": "ai town", "address": "10.0.0.13:40313", "direction": "in", "kind": "participant", "tls": false, "since": moment(754),
            "channels": 1_840, "ranges": 1, "queue_bytes": 41_230, "received_bytes": "998877665", "sent_bytes": "2996632995", "console": null},
        {"id": "5", "name": "gateway-2", "address": "[2001:db8::12]:7199", "direction": "out", "kind": "daemon", "tls": true, "since": moment(12),
            "channels": 5_120, "ranges": 4, "queue_bytes": 1_200, "received_bytes": "8877665544", "sent_bytes": "18446744073709551615", "console": null},
    ]);
    let closed: Vec<Value> = (0..30)
        .map(|i| {
            let (code, reason) = [(json!(null), "the peer has closed the connection"), (json!(113), "too many messages in a second")][i % 2].clone();
            json!({"seq": "9", "time": moment(i as i64 * 3_600), "kind": "client", "address": format!("203.0.113.{i}:50{i:03}"), "name": "client",
                "channel": (1_000_000_100 + i).to_string(), "reason": reason, "code": code, "seconds": i * i * 40})
        })
        .collect();
    let history: Vec<Value> = (0..600).rev().map(sample).collect();
    json!({"overview": {
        "daemon": {"name": "shard-1", "version": "0.1.0", "pid": 4_711, "uptime_seconds": 273_849.2, "stage": "ready", "threads": 2,
            "config": "/etc/donet/cluster.yml", "log_level": "info"},
        "dc": {"hash": "0x0a1b2c3d", "classes": 412, "fields": 3_140},
        "roles": roles, "counts": {"clients": 212, "objects": 4_120, "links": 3}, "now": sample(0),
        "warnings": [], "daemons": []},
    "history": history, "links": links, "closed": closed,
    "queues": [
        {"kind": "link", "id": "4", "name": "ai town", "address": "10.0.0.13:40313", "queue_bytes": 41_230},
        {"kind": "client", "channel": "1000000017", "name": "client", "address": "203.0.113.77:52110", "queue_bytes": 420},
    ]})
}

fn warning(severity: &str, title: &str) -> Value {
    json!({"id": title, "severity": severity, "title": title, "detail": "game.pem of the client agent is valid until 2026-01-09",
        "action": "renew it, then `donet reload`"})
}

fn state() -> State {
    State::new(Timestamp::from_second(NOW).expect("a moment"), TimeZone::UTC, true)
}

fn state_of(snapshot: Value) -> State {
    let mut state = state();
    let snapshot: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
    state.has_heard(Outcome::Snapshot(Box::new(snapshot)));
    state
}

fn drawn(state: &mut State, (width, height): (u16, u16)) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| view::draw(frame, state)).expect("it is drawn");
    terminal
}

fn text_of(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let line = |y| {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            // What is behind a wide character belongs to it.
            x += super::words::width(symbol).max(1) as u16;
        }
        line.trim_end().to_owned() + "\n"
    };
    (0..buffer.area.height).map(line).collect()
}

/// Compares with what was kept.
fn is_as_kept(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/top/tests").join(name);
    if std::env::var_os("DONET_DRAW").is_some() {
        fs::write(&path, text).expect("it can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{name} is another one:\n{text}\nand was:\n{kept}");
}

fn looks_as_kept(name: &str, state: &mut State) {
    for (size, (width, _)) in [SMALL, LARGE].map(|size| (size, size)) {
        let text = text_of(&drawn(state, size));
        let is_whole = text.lines().all(|line| super::words::width(line) <= width.into());
        assert!(is_whole, "{text}");
        is_as_kept(&format!("{name}-{width}.txt"), &text);
    }
}

#[test]
fn a_busy_daemon() {
    let mut state = state_of(busy());
    looks_as_kept("roles", &mut state);
    for (place, name) in ["links", "queues", "closed"].into_iter().enumerate() {
        state.press(Key::Tab(place + 1));
        looks_as_kept(name, &mut state);
    }
    is_as_kept(
        "once.txt",
        &(plain::text(state.snapshot.as_ref().expect("one"), &TimeZone::UTC) + "\n"),
    );
}

#[test]
fn a_daemon_with_nothing() {
    let sample = json!({"time": moment(0), "routed": 0.0, "delivered": 0.0, "clients": 0, "objects": 0, "links": 0, "hold_p50_us": null,
        "hold_p99_us": null, "hold_max_us": null, "cpu": 0.0, "memory_bytes": 9_000_000, "queued_bytes": 0});
    let daemon = json!({"name": null, "version": "0.1.0", "pid": 7, "uptime_seconds": 1.5, "stage": "starting", "threads": 1, "config": "a.yml", "log_level": "info"});
    let dc = json!({"files": [], "hash": "0x00000000", "classes": 0, "fields": 1});
    let counts = json!({"clients": 0, "objects": 0, "links": 0});
    let mut state = state_of(
        json!({"overview": {"daemon": daemon, "dc": dc, "roles": [], "counts": counts, "now": sample, "warnings": []}, "history": [sample]}),
    );
    looks_as_kept("empty", &mut state);
    is_as_kept(
        "empty-once.txt",
        &(plain::text(state.snapshot.as_ref().expect("one"), &TimeZone::UTC) + "\n"),
    );
}

#[test]
fn many_roles_are_scrolled() {
    let mut snapshot = busy();
    let roles = (0..60).map(|id| {
        let kind = ["client_agent", "state_server", "db_state_server"][id % 3];
        json!({"id": id, "kind": kind, "name": format!("{} 127.0.0.1:{}", kind.replace('_', " "), 7_000 + id), "address": format!("127.0.0.1:{}", 7_000 + id),
            "channel": (4_000 + id).to_string(), "type": if id % 3 == 0 { json!("panda3d") } else { json!(null) }, "clients": id * 7 % 50, "objects": id * 1_000})
    });
    snapshot["overview"]["roles"] = roles.collect();
    let mut state = state_of(snapshot);
    state.press(Key::Sort);
    looks_as_kept("many", &mut state);
    state.press(Key::Last);
    let text = text_of(&drawn(&mut state, SMALL));
    assert!(text.contains("48-60 of 60, by clients"), "{text}");
    // It has not been scrolled beyond the end.
    state.press(Key::Scroll(-1));
    let text = text_of(&drawn(&mut state, SMALL));
    assert!(text.contains("47-59 of 60, by clients"), "{text}");
}

#[test]
fn names_steer_nothing_and_are_cut() {
    let mut snapshot = busy();
    let wide = "日本語の名前".repeat(20);
    snapshot["overview"]["daemon"]["name"] = json!(format!("\u{1b}[2J{wide}"));
    snapshot["overview"]["daemon"]["config"] = json!("/srv/".repeat(50));
    snapshot["links"][0]["name"] = json!(wide);
    snapshot["links"][1]["name"] = json!("ai\u{1b}]0;x\u{7}\r\n\tb\u{202e}c\u{0301}");
    snapshot["links"][2]["address"] = json!("x".repeat(100_000));
    snapshot["overview"]["warnings"] =
        json!([warning("critical", &"\u{9b}31m very long ".repeat(30))]);
    let mut state = state_of(snapshot);
    state.press(Key::Tab(1));
    for size in [SMALL, LARGE] {
        let terminal = drawn(&mut state, size);
        let cells = &terminal.backend().buffer().content;
        let has_control = cells.iter().any(|cell| cell.symbol().chars().any(char::is_control));
        assert!(!has_control);
    }
    looks_as_kept("long", &mut state);
}

#[test]
fn warnings_stand_above_the_tables_and_the_most_severe_first() {
    let mut snapshot = busy();
    snapshot["overview"]["daemon"]["stage"] = json!("draining");
    let warnings = ["a certificate ends soon", "a disk is nearly full", "a link is slow"]
        .map(|title| warning("warning", title));
    snapshot["overview"]["warnings"] = json!(warnings);
    let more = warning("critical", "the database does not answer");
    snapshot["overview"]["warnings"].as_array_mut().expect("a list").push(more);
    let mut state = state_of(snapshot);
    looks_as_kept("warnings", &mut state);
    state.press(Key::Warnings);
    looks_as_kept("all-warnings", &mut state);
    state.press(Key::Help);
    looks_as_kept("help", &mut state);
}

#[test]
fn a_daemon_that_has_gone_stays_on_the_screen() {
    let mut state = state_of(busy());
    state.has_heard(Outcome::Unheard(
        "no daemon with this configuration runs: nobody listens at /run/donet/x.sock".to_owned(),
    ));
    state.now = Timestamp::from_second(NOW + 15).expect("a moment");
    looks_as_kept("gone", &mut state);
    let mut state = self::state();
    looks_as_kept("asking", &mut state);
    state.has_heard(Outcome::TooOld);
    looks_as_kept("old", &mut state);
}

#[test]
fn a_terminal_that_is_too_small_is_told_so() {
    let mut state = state_of(busy());
    for size in [(79, 24), (80, 23), (20, 4), (1, 1), (0, 0)] {
        let text = text_of(&drawn(&mut state, size));
        assert!(size.0 < 20 || text.contains("80x24"), "{text}");
    }
    // And all larger ones are drawn.
    for size in [(80, 24), (81, 25), (120, 31), (200, 36), (300, 100)] {
        assert!(text_of(&drawn(&mut state, size)).contains("shard-1"));
    }
}

#[test]
fn colours_are_the_terminals_own_and_nothing_needs_them() {
    let mut snapshot = busy();
    snapshot["overview"]["warnings"] = json!([warning("critical", "x"), warning("warning", "y")]);
    for has_colour in [true, false] {
        let mut state = state_of(snapshot.clone());
        state.has_colour = has_colour;
        let terminal = drawn(&mut state, LARGE);
        let cells = &terminal.backend().buffer().content;
        let own = [Color::Reset, Color::Red, Color::Yellow, Color::Green, Color::Cyan];
        assert!(cells.iter().all(|cell| own.contains(&cell.fg) && cell.bg == Color::Reset));
        assert_eq!(cells.iter().any(|cell| cell.fg != Color::Reset), has_colour);
        assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    }
}
