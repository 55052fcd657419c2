//! What the operator sees: log lines on stdout and in a file.
//!
//! Everything is logged with `tracing`. A line says when, how bad, which part, what, and the fields of
//! the event and of the spans around it. Besides tracing's levels there are two of Astron's, which are
//! targets of their own: [`FATAL`], above error, and [`SECURITY`], below it.
//!
//! Logs never hold up who logs. A line goes into a queue of bounded size at each output (`output.rs`), and lines of a kind
//! that there are too many of are counted instead of written (`limit.rs`).

mod format;
mod journal;
mod layer;
mod level;
mod limit;
mod output;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod text;
mod writable;

use std::hash::RandomState;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::{Condvar, Mutex};
use tracing::Metadata;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::metrics;
use crate::platform::process;
use crate::recent::Recent;
use format::{Fields, Line, Look, category};
use layer::Lines;
pub use level::Level;
use limit::{Limiter, Subject, Summary, Verdict};
use output::{Output, Target};
pub use writable::check_writable;

/// Target of errors that end the process. Log them with [`fatal!`](crate::fatal).
pub const FATAL: &str = "fatal";

/// Target of warnings about what somebody has done who means harm. Log them with [`security!`](crate::security).
pub const SECURITY: &str = "security";

/// Target of what operators have done by the console. It is logged at any level, and none of it is left out.
pub const AUDIT: &str = "audit";

/// Logs the error that is about to end the process. Arguments as of [`tracing::error!`].
#[macro_export]
macro_rules! fatal {
    ($($arguments:tt)+) => {
        ::tracing::error!(target: $crate::telemetry::FATAL, $($arguments)+)
    };
}

/// Logs what an honest peer cannot have done. Arguments as of [`tracing::warn!`].
#[macro_export]
macro_rules! security {
    ($($arguments:tt)+) => {
        ::tracing::warn!(target: $crate::telemetry::SECURITY, $($arguments)+)
    };
}

/// What is logged, where, and how it looks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// The least severe level that is logged.
    pub level: Level,
    /// How lines look.
    pub format: Format,
    /// Whether lines for a terminal have colours.
    pub color: bool,
    /// A file that gets the same lines; it is appended to.
    pub file: Option<PathBuf>,
}

/// How log lines look.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// For people: `[2024-01-31 12:00:00.000 +01:00] INFO: daemon: listening address=127.0.0.1:7199`
    #[default]
    Human,
    /// For programs: one JSON object a line.
    Json,
}

/// How long a panic waits for its own lines, since it may be about to abort the process.
const PANIC_PATIENCE: Duration = Duration::from_millis(200);

/// How long is waited for an output to which it is said at the end that another one takes nothing.
const LAST_PATIENCE: Duration = Duration::from_millis(200);

/// A line that has been written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// How severe it is.
    pub level: Level,
    /// What it says, as [`Format::Json`] has it.
    pub json: String,
}

impl LogLine {
    /// Whether it belongs to the line before: what is wrong in a file is shown with the place.
    pub fn goes_on(&self) -> bool {
        const OF_A_FILE: &str = r#""target":"config","message":""#;
        let message = self.json.split_once(OF_A_FILE).map(|(_, message)| message);
        message.is_some_and(|message| {
            let shown = message.trim_start_matches(|c: char| c.is_ascii_digit());
            message.starts_with(' ') || shown.starts_with(" |")
        })
    }
}

/// Where lines go, and how many have gone there.
#[derive(Debug)]
pub struct Log {
    outputs: Vec<Output>,
    /// The least severe [`Level`] that is written.
    level: AtomicU8,
    /// Held while a line is put into their queues: all have the same lines in the same order.
    order: Mutex<()>,
    /// Asked for once: to look it up may mean to read files.
    zone: Mutex<TimeZone>,
    limiter: Mutex<Limiter>,
    /// Where lines are kept for those who look at the daemon, if there is such a place.
    recent: OnceLock<Arc<Recent<LogLine>>>,
    /// There is a summary to be written, in its time.
    incomplete: Condvar,
    has_started: AtomicBool,
}

/// Begins to log, and logs panics from now on. What is logged last needs [`Log::flush`].
///
/// # Errors
/// Fails when the log file cannot be opened, or there can be no threads.
///
/// # Panics
/// Panics when called twice in one process.
pub fn init(options: &Options) -> io::Result<Arc<Log>> {
    let mut outputs = Vec::new();
    // Not Rust's own handle: it has a lock and a buffer, for which the end of the process would wait.
    let stdout = process::stdout()?;
    let color = options.color && stdout.is_terminal();
    let format = options.format;
    let priority = journal::is_journal(&stdout, std::env::var_os("JOURNAL_STREAM").as_deref());
    outputs.push(Output::start(Target::new(stdout), Look { format, color, priority })?);
    if let Some(path) = &options.file {
        outputs.push(Output::start(Target::file(path)?, Look { format, ..Look::default() })?);
    }
    let log = Arc::new(Log::new(outputs));
    let summing_up = log.clone();
    thread::Builder::new()
        .name("log-sums".to_owned())
        .spawn(move || summing_up.sum_up_in_time())?;
    log.level.store(options.level as u8, Ordering::Relaxed);
    let lines = Lines { log: log.clone(), hash: RandomState::new() };
    tracing_subscriber::registry().with(lines).init();
    let of_panics = log.clone();
    std::panic::set_hook(Box::new(move |panic| log_panic(panic, &of_panics)));
    Ok(log)
}

impl Log {
    fn new(outputs: Vec<Output>) -> Self {
        Log {
            outputs,
            level: AtomicU8::new(Level::default() as u8),
            order: Mutex::new(()),
            zone: Mutex::new(TimeZone::system()),
            limiter: Mutex::default(),
            recent: OnceLock::new(),
            incomplete: Condvar::new(),
            has_started: AtomicBool::new(false),
        }
    }

    /// From now on, lines that concern no peer are limited, too. Before, they say what has been found at the start: of each
    /// class, of each field.
    pub fn has_started(&self) {
        self.has_started.store(true, Ordering::Relaxed);
    }

    /// Keeps lines from now on for those who look at the daemon. The first place holds.
    pub fn keep_lines(&self, recent: Arc<Recent<LogLine>>) {
        let _ = self.recent.set(recent);
    }

    /// What is written is at least this severe.
    pub fn level(&self) -> Level {
        Level::from_number(self.level.load(Ordering::Relaxed))
    }

    /// From now on, what is at least this severe is written.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
        // Each place in the code has kept whether it is asked at all.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Says what has been left out so far.
    pub fn sum_up(&self) {
        let ended = self.limiter.lock().take_ended(Instant::now(), true);
        self.write_summaries(&ended);
    }

    /// Says what has been left out so far, and waits until everything has been written, but no longer than `patience`:
    /// an output that takes nothing loses its last lines.
    pub fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        self.sum_up();
        let left: Vec<u64> = self.outputs.iter().map(|output| output.flush(deadline)).collect();
        let all = || self.outputs.iter().zip(&left);
        for (stuck, lines) in all().filter(|(_, left)| **left > 0) {
            let mut fields = Fields::of_message(format_args!(
                "{lines} lines of the log have not been written: the output takes nothing"
            ));
            fields.add_text("output", format_args!("{}", stuck.name()));
            fields.add_number("lines", *lines);
            self.say_to_others(stuck, &fields);
            for (other, _) in all().filter(|(_, left)| **left == 0) {
                other.flush(Instant::now() + LAST_PATIENCE);
            }
        }
    }

    /// Says something of an output to the others.
    fn say_to_others(&self, about: &Output, fields: &Fields) {
        let time = Timestamp::now().to_zoned(self.zone.lock().clone());
        let line = Line { time: &time, level: Level::Error, part: output::PART, fields };
        for other in self.outputs.iter().filter(|other| !std::ptr::eq(*other, about)) {
            other.push(&line.text(other.look));
        }
    }

    /// Opens the log file anew: it may have been renamed. The new one is used from the next line on; if there can be
    /// none, the old one stays.
    pub fn reopen(&self) {
        *self.zone.lock() = TimeZone::system();
        for output in &self.outputs {
            output.reopen();
        }
    }

    /// Waits until they have been, but no longer than `patience`, and says of which files it is not so.
    pub fn not_reopened(&self, patience: Duration) -> Vec<String> {
        let deadline = Instant::now() + patience;
        let failure = |output: &Output| {
            let (name, error) = (output.name(), output.not_reopened(deadline)?);
            Some(format!("the log file {name} cannot be opened again: {error}; the old one stays"))
        };
        self.outputs.iter().filter_map(failure).collect()
    }

    /// Writes a line, in one piece: it is never torn or mixed with another.
    fn write(&self, metadata: &Metadata<'static>, fields: &Fields) {
        let _order = self.order.lock();
        let time = Timestamp::now().to_zoned(self.zone.lock().clone());
        let (level, part) = (Level::of(metadata), category(metadata));
        let line = Line { time: &time, level, part, fields };
        let mut last: Option<(Look, String)> = None;
        for output in &self.outputs {
            let text = match last {
                Some((look, text)) if look == output.look => text,
                _ => line.text(output.look),
            };
            if output.push(&text) {
                let mut fields = Fields::of_message(format_args!(
                    "the log cannot be written there: the output takes nothing; what has no room to wait is lost"
                ));
                fields.add_text("output", format_args!("{}", output.name()));
                self.say_to_others(output, &fields);
            }
            last = Some((output.look, text));
        }
        if let Some(recent) = self.recent.get() {
            let json = line.text(Look { format: Format::Json, ..Look::default() });
            recent.note(LogLine { level, json });
        }
    }

    /// Whether a line of a kind, and about somebody, is not one too many. If it is, it is counted.
    fn lets_through(
        &self,
        metadata: &'static Metadata<'static>,
        subject: Subject,
        fields: impl FnOnce() -> Fields,
    ) -> bool {
        if subject.peer.is_none() && !self.has_started.load(Ordering::Relaxed) {
            return true;
        }
        let mut ended = Vec::new();
        let now = Instant::now();
        let verdict = self.limiter.lock().judge(now, metadata, subject, fields, &mut ended);
        self.write_summaries(&ended);
        if verdict == Verdict::LeaveOutFirst {
            self.incomplete.notify_one();
        }
        if verdict != Verdict::Write {
            metrics::LOG_DROPPED.one(&["limit"]);
        }
        verdict == Verdict::Write
    }

    fn write_summaries(&self, summaries: &[Summary]) {
        for summary in summaries {
            self.write(summary.metadata, &summary.fields());
        }
    }

    /// Writes summaries when they are due, also if nothing more is logged. Has no end.
    fn sum_up_in_time(&self) {
        let mut limiter = self.limiter.lock();
        loop {
            match limiter.next_end() {
                Some(end) => drop(self.incomplete.wait_until(&mut limiter, end)),
                None => self.incomplete.wait(&mut limiter),
            }
            let ended = limiter.take_ended(Instant::now(), false);
            parking_lot::MutexGuard::unlocked(&mut limiter, || self.write_summaries(&ended));
        }
    }
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>, log: &Log) {
    metrics::PANICS.one(&[]);
    let message = panic.payload_as_str().unwrap_or("(no message)");
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_default();
    let backtrace = std::backtrace::Backtrace::capture();
    fatal!(place, "panic: {message}");
    if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        fatal!("backtrace of the panic: {backtrace}");
    }
    for output in &log.outputs {
        output.flush(Instant::now() + PANIC_PATIENCE);
    }
}
