//! Events in, lines out.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

/// A log that can be read back.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the log gets while `speak` runs.
fn logged(level: Level, format: Format, color: bool, speak: impl FnOnce()) -> String {
    let log = Log::default();
    let lines = Lines { level, format, outputs: vec![Output::new(log.clone(), color)] };
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(subscriber, speak);
    let bytes = log.0.lock().clone();
    String::from_utf8(bytes).expect("UTF-8")
}

/// The lines without their time.
fn human(level: Level, speak: impl FnOnce()) -> Vec<String> {
    let text = logged(level, Format::Human, false, speak);
    let without_time = |line: &str| {
        let (time, rest) = line.split_once("] ").expect("a time");
        assert_eq!(time.len(), "[2024-01-31 12:00:00".len(), "{line}");
        rest.to_owned()
    };
    text.lines().map(without_time).collect()
}

#[test]
fn a_line_has_level_part_text_and_fields() {
    let lines = human(Level::Info, || {
        tracing::info!(count = 3, name = "a b", peer = %"127.0.0.1:1", empty = "", "hello {}", "you");
        tracing::warn!(answer = ?Some("x"), ok = true, half = 0.5);
    });
    assert_eq!(
        lines,
        [
            r#"INFO: telemetry: hello you count=3 name="a b" peer=127.0.0.1:1 empty="""#,
            r#"WARNING: telemetry:  answer="Some(\"x\")" ok=true half=0.5"#,
        ]
    );
}

#[test]
fn spans_add_their_fields() {
    let lines = human(Level::Info, || {
        let outer =
            tracing::info_span!("outer", role = "ss", who = 1, late = tracing::field::Empty);
        let _outer = outer.enter();
        let inner = tracing::trace_span!("inner", who = 2);
        let _inner = inner.enter();
        outer.record("late", 7);
        tracing::info!(what = 3, "text");
    });
    assert_eq!(lines, ["INFO: telemetry: text what=3 who=2 late=7 role=ss"]);
}

#[test]
fn text_of_a_peer_stays_in_its_line() {
    let lines = human(Level::Info, || {
        tracing::info!(name = "a\n[x] ERROR: b\x1b[31m", "c\nd\r\x1b[2J");
    });
    let expected = r#"INFO: telemetry: c\nd\r\u{1b}[2J name="a\n[x] ERROR: b\u001b[31m""#;
    assert_eq!(lines, [expected]);
}

/// One event of each level.
fn speak_at_every_level() {
    tracing::trace!("t");
    tracing::debug!("d");
    tracing::info!("i");
    tracing::warn!("w");
    tracing::error!("e");
    crate::fatal!("f");
}

#[test]
fn a_level_lets_through_what_is_no_less_severe() {
    let all = [
        (Level::Trace, "TRACE: telemetry: t"),
        (Level::Debug, "DEBUG: telemetry: d"),
        (Level::Info, "INFO: telemetry: i"),
        (Level::Warning, "WARNING: telemetry: w"),
        (Level::Error, "ERROR: telemetry: e"),
        (Level::Fatal, "FATAL: telemetry: f"),
    ];
    for (i, (level, _)) in all.iter().enumerate() {
        let expected: Vec<&str> = all[i..].iter().map(|(_, line)| *line).collect();
        assert_eq!(human(*level, speak_at_every_level), expected, "{level:?}");
    }
    let beside = [(Level::Packet, Level::Trace), (Level::Security, Level::Error)];
    for (unused, next) in beside {
        assert_eq!(human(unused, speak_at_every_level), human(next, speak_at_every_level));
    }
}

#[test]
fn a_store_speaks_for_the_database_server() {
    let lines = human(Level::Info, || {
        tracing::info!(target: "donet::store::sql", "a");
        tracing::info!(target: "donet::role::database::shell", "b");
    });
    assert_eq!(lines, ["INFO: database: a", "INFO: database: b"]);
}

#[test]
fn colours_mark_the_level_only() {
    let text = logged(Level::Info, Format::Human, true, || tracing::warn!("text"));
    let (_, line) = text.split_once("] ").expect("a time");
    assert_eq!(line, "\x1b[33mWARNING\x1b[0m: telemetry: text\n");
}

#[test]
fn json_lines_are_flat_objects() {
    let text = logged(Level::Info, Format::Json, false, || {
        let span = tracing::info_span!("session", channel = 7);
        let _span = span.enter();
        crate::fatal!(level = "x", name = "a\n", "said {}", "it");
    });
    assert!(text.starts_with("{\"time\":"), "{text}");
    let line: serde_json::Value = serde_json::from_str(&text).expect("one object");
    let time = line["time"].as_str().expect("a time");
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
    assert_eq!(line["level"], "fatal");
    assert_eq!(line["target"], "telemetry");
    assert_eq!(line["message"], "said it");
    assert_eq!(line["field.level"], "x");
    assert_eq!(line["name"], "a\n");
    assert_eq!(line["channel"], 7);
}
