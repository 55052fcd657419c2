//! Events in, lines out.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::layer::SubscriberExt;

use super::output::QUEUE_BYTES_MAX;
use super::testing::{PATIENCE, Paper, without_time};
use super::*;

/// What the log gets while `speak` runs.
fn logged(level: Level, format: Format, color: bool, speak: impl FnOnce()) -> String {
    let paper = Paper::default();
    let output = Output::start(Target::new(paper.clone()), Look { format, color, priority: false });
    let log = Arc::new(Log::new(vec![output.expect("a thread")]));
    log.has_started();
    log.set_level(level);
    let lines = Lines { log: log.clone(), hash: RandomState::new() };
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(subscriber, speak);
    log.flush(PATIENCE);
    paper.text()
}

/// The lines without their time.
fn human(level: Level, speak: impl FnOnce()) -> Vec<String> {
    let text = logged(level, Format::Human, false, speak);
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
    crate::security!("s");
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
        (Level::Security, "SECURITY: telemetry: s"),
        (Level::Error, "ERROR: telemetry: e"),
        (Level::Fatal, "FATAL: telemetry: f"),
    ];
    for (i, (level, _)) in all.iter().enumerate() {
        let expected: Vec<&str> = all[i..].iter().map(|(_, line)| *line).collect();
        assert_eq!(human(*level, speak_at_every_level), expected, "{level:?}");
    }
    let of_packets = human(Level::Packet, speak_at_every_level);
    assert_eq!(of_packets, human(Level::Trace, speak_at_every_level));
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
fn the_journal_is_told_how_severe_a_line_is() {
    let time = "2024-01-31T12:00:00.1256+01:00[Europe/Berlin]".parse().expect("a time");
    let fields = Fields::of_message("text");
    let text = |level, format| {
        let line = Line { time: &time, level, part: "daemon", fields: &fields };
        line.text(Look { format, priority: true, ..Look::default() })
    };
    assert_eq!(
        text(Level::Info, Format::Human),
        "<6>[2024-01-31 12:00:00.125 +01:00] INFO: daemon: text\n"
    );
    let expected = r#"<2>{"time":"2024-01-31T12:00:00.125600+01:00","level":"fatal","target":"daemon","message":"text"}"#;
    assert_eq!(text(Level::Fatal, Format::Json).trim_end(), expected);
    let priorities = [
        (Level::Debug, "<7>"),
        (Level::Warning, "<4>"),
        (Level::Security, "<4>"),
        (Level::Error, "<3>"),
    ];
    for (level, priority) in priorities {
        assert!(text(level, Format::Human).starts_with(priority), "{level:?}");
    }
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

#[test]
fn numbers_are_numbers_and_names_are_text() {
    let text = logged(Level::Info, Format::Json, false, || {
        let (id, name) = (format_args!("{}", 1000), format_args!("{}", 7));
        tracing::info!(doId = %id, client = %id, %name, doId_2 = None::<u32>, "text");
    });
    let line: serde_json::Value = serde_json::from_str(&text).expect("one object");
    assert_eq!((&line["doId"], &line["client"]), (&1000.into(), &1000.into()));
    assert_eq!(line["name"], "7");
    assert!(line.get("doId_2").is_none());
}

#[test]
fn causes_of_several_peers_stand_in_what_sums_them_up() {
    let lines = human(Level::Info, || {
        for sender in 0..20 {
            for failure in ["timed out", "disk full"] {
                (0..5).for_each(|_| tracing::error!(failure, sender, "operation failed"));
            }
        }
    });
    let more: Vec<_> = lines.iter().filter(|line| line.contains("more like it")).collect();
    assert_eq!(more.len(), 2, "{more:?}");
    for failure in ["timed out", "disk full"] {
        let end =
            format!("of several peers, the first: operation failed more=50 failure=\"{failure}\"");
        assert!(more.iter().any(|line| line.ends_with(&end)), "{more:?}");
    }
}

#[test]
fn whoever_has_no_session_is_one_from_whatever_port() {
    let lines = human(Level::Info, || {
        for port in 0..60 {
            tracing::warn!(remote = %format!("192.0.2.1:{port}"), "refused");
            tracing::warn!(remote = %format!("2001:db8::1:{port}"), "refused");
            tracing::warn!(client = 7, remote = %format!("192.0.2.1:{port}"), "of a session");
        }
    });
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    // Five, and the one that sums the others up.
    assert_eq!(
        (count("refused remote=192.0.2.1:"), count("refused remote=2001:")),
        (5, 5),
        "{lines:#?}"
    );
    // As many as all peers have together, and what sums the others up.
    assert_eq!(count("of a session"), 51);
}

#[test]
fn text_of_a_peer_is_cut() {
    let lines = human(Level::Info, || {
        tracing::info!(name = "\x1b".repeat(60_000), "{}", "\n".repeat(60_000));
    });
    assert_eq!(lines.len(), 1);
    assert!(lines[0].len() < 900, "{}", lines[0].len());
    assert!(lines[0].ends_with("and 59936 bytes\""), "{}", lines[0]);
}

#[test]
fn what_ends_the_process_is_neither_cut_nor_left_out() {
    let lines = human(Level::Info, || {
        for _ in 0..100 {
            crate::fatal!("{}", "x".repeat(2_000));
        }
    });
    assert_eq!(lines.len(), 100);
    assert!(lines.iter().all(|line| line.len() > 2_000));
}

#[test]
fn lines_of_a_kind_are_counted_instead_of_written() {
    let of_peer = |peer: &str| tracing::warn!(%peer, n = 1, "text");
    let lines = human(Level::Info, || {
        let span = tracing::info_span!("link", peer = "c");
        for _ in 0..100 {
            of_peer("a");
            of_peer("b");
            span.in_scope(|| tracing::error!("in a span"));
            // Details are not counted.
            tracing::debug!("none");
        }
        tracing::error!("another kind");
    });
    let count = |of: &str| lines.iter().filter(|line| line.contains(of)).count();
    let summary =
        "WARNING: telemetry: … and 95 more like it in 1 s, the first: text more=95 peer=a n=1";
    assert!(lines.contains(&summary.to_owned()), "{lines:#?}");
    let of_span =
        "ERROR: telemetry: … and 95 more like it in 1 s, the first: in a span more=95 peer=c";
    assert!(lines.contains(&of_span.to_owned()), "{lines:#?}");
    assert_eq!((count("peer=a"), count("peer=b"), count("peer=c")), (6, 6, 6));
    assert_eq!(count("another kind"), 1);
}

#[test]
fn what_is_found_at_the_start_is_not_left_out() {
    let log = Arc::new(Log::new(Vec::new()));
    let lines = Lines { log: log.clone(), hash: RandomState::new() };
    let subscriber = tracing_subscriber::registry().with(lines);
    let left_out = || {
        (0..10).for_each(|class| tracing::warn!(class, "without a peer"));
        let ended = log.limiter.lock().take_ended(Instant::now(), true);
        ended.iter().map(|ended| ended.count).sum::<u64>()
    };
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(left_out(), 0);
        log.has_started();
        assert_eq!(left_out(), 5);
    });
}

/// An output that takes nothing until it is let go.
#[derive(Clone, Default)]
struct Stuck {
    paper: Paper,
    free: Arc<(Mutex<bool>, parking_lot::Condvar)>,
}

impl Stuck {
    fn let_go(&self) {
        *self.free.0.lock() = true;
        self.free.1.notify_all();
    }

    fn text(&self) -> String {
        self.paper.text()
    }
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut free = self.free.0.lock();
        while !*free {
            self.free.1.wait(&mut free);
        }
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const HUMAN: Look = Look { format: Format::Human, color: false, priority: false };

#[test]
fn an_output_that_takes_nothing_loses_lines_and_says_how_many() {
    let (stuck, free) = (Stuck::default(), Paper::default());
    let outputs = [Target::new(stuck.clone()), Target::new(free.clone())];
    let outputs = outputs.map(|target| Output::start(target, HUMAN).expect("a thread"));
    let line = format!("{}\n", "x".repeat(999));
    let total = 3 * QUEUE_BYTES_MAX / line.len();
    for _ in 0..total {
        outputs[0].push(&line);
        outputs[1].push(&line);
        outputs[1].flush(Instant::now() + PATIENCE);
    }
    // The other output has them all.
    assert_eq!(free.text().len(), total * line.len());
    // Nobody waits for this one for longer than he wants to.
    outputs[0].flush(Instant::now());
    assert_eq!(stuck.text(), "");

    stuck.let_go();
    outputs[0].flush(Instant::now() + PATIENCE);
    outputs[0].push("after\n");
    outputs[0].flush(Instant::now() + PATIENCE);
    let text = stuck.text();
    let written = text.lines().filter(|text| text.starts_with('x')).count();
    let mut last = text.lines().skip(written);
    let notice = last.next().expect("a line after those that had room");
    let dropped = total - written;
    let said = format!(": telemetry: {dropped} lines dropped: ");
    assert!(notice.contains(&format!(" dropped={dropped}")), "{notice}");
    assert!(notice.contains(&said), "{notice}: {said}");
    assert_eq!(last.next(), Some("after"));
    assert!(written * line.len() <= QUEUE_BYTES_MAX);
}

/// Of lines that are written without an event.
static CALLSITE: tracing::callsite::DefaultCallsite =
    tracing::callsite::DefaultCallsite::new(&META);
static META: Metadata<'static> = tracing::metadata! {
    name: "a line",
    target: "donet",
    level: tracing::Level::INFO,
    fields: &[],
    callsite: &CALLSITE,
    kind: tracing::metadata::Kind::EVENT,
};

#[test]
fn all_outputs_have_the_same_lines_in_the_same_order() {
    let papers = [Paper::default(), Paper::default()];
    let start = |paper: &Paper| Output::start(Target::new(paper.clone()), HUMAN).expect("a thread");
    let log = Log::new(papers.each_ref().map(start).into());
    std::thread::scope(|scope| {
        for who in 0..4 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..1000 {
                    log.write(&META, &Fields::of_message(format_args!("{who} {number}")));
                }
            });
        }
    });
    log.flush(PATIENCE);
    let [one, other] = papers.map(|paper| paper.text());
    assert_eq!(one.lines().count(), 4000);
    assert!(one == other);
}

#[test]
fn the_others_are_told_of_an_output_that_takes_nothing_at_once_and_at_the_end() {
    let (stuck, free) = (Stuck::default(), Paper::default());
    let targets = [Target::new(stuck.clone()), Target::new(free.clone())];
    let log = Log::new(targets.map(|t| Output::start(t, HUMAN).expect("a thread")).into());
    let fields = || Fields::of_message(format_args!("{}", "x".repeat(300)));
    let told = |log: &Log| {
        log.flush(Duration::from_millis(50));
        let text = free.text();
        text.lines().filter(|line| line.contains("takes nothing")).map(str::to_owned).collect()
    };
    log.write(&META, &fields());
    let lines: Vec<String> = told(&log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("1 lines of the log have not been written"), "{lines:?}");
    assert!(lines[0].contains("output=\"standard output\" lines=1"), "{lines:?}");
    for _ in 0..QUEUE_BYTES_MAX / 200 {
        log.write(&META, &fields());
        log.outputs[1].flush(Instant::now() + PATIENCE);
    }
    let lines: Vec<String> = told(&log);
    let at_once = lines.iter().filter(|line| line.contains("what has no room to wait is lost"));
    assert_eq!(at_once.count(), 1, "{lines:?}");
    stuck.let_go();
}

/// Notes how it is written to.
#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().push(bytes.to_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_are_not_torn_by_whoever_else_writes_to_a_pipe() {
    let pieces = Pieces::default();
    let output = Output::start(Target::new(pieces.clone()), HUMAN).expect("a thread");
    // As long as this is held, lines queue up.
    let held = pieces.0.lock();
    for length in (1..2_000).step_by(7) {
        output.push(&format!("{}\n", "x".repeat(length)));
    }
    drop(held);
    output.flush(Instant::now() + PATIENCE);
    for piece in &*pieces.0.lock() {
        assert!(piece.ends_with(b"\n") && piece.len() <= 4_096, "{}", piece.len());
    }
}

/// A disk with room for so many bytes.
#[derive(Clone, Default)]
struct Disk {
    paper: Paper,
    room: Arc<Mutex<usize>>,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.lock();
        let count = bytes.len().min(*room);
        if count == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        *room -= count;
        self.paper.write(&bytes[..count])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_tears_no_line() {
    let disk = Disk::default();
    *disk.room.lock() = 7;
    let output = Output::start(Target::new(disk.clone()), HUMAN).expect("a thread");
    output.push("one\n");
    output.push("two\n");
    output.flush(Instant::now() + Duration::from_millis(1));
    output.push("three\n");
    *disk.room.lock() = 100;
    output.flush(Instant::now() + PATIENCE);
    assert_eq!(disk.paper.text(), "one\ntwo\nthree\n");
}

#[test]
fn a_file_is_opened_again_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let output = Output::start(Target::file(&path).expect("a file"), HUMAN).expect("a thread");
    let write = |line| {
        output.push(line);
        output.flush(Instant::now() + PATIENCE);
    };
    write("one\n");
    std::fs::rename(&path, &old).expect("there is a file");
    write("two\n");
    output.reopen();
    write("three\n");
    assert_eq!((read(&old), read(&path)), ("one\ntwo\n".to_owned(), "three\n".to_owned()));

    // One that cannot be opened again goes on as it is.
    let gone = folder.path().join("gone");
    std::fs::create_dir(&gone).expect("a new folder");
    let moved = folder.path().join("moved");
    let output = Output::start(Target::file(&gone.join("log")).expect("a file"), HUMAN);
    let output = output.expect("a thread");
    std::fs::rename(&gone, &moved).expect("there is a folder");
    output.reopen();
    output.push("four\n");
    output.flush(Instant::now() + PATIENCE);
    assert_eq!(read(&moved.join("log")), "four\n");
}
