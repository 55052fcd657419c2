//! One place that lines go to: a queue, and a thread that empties it.
//!
//! Who logs only puts a line into the queue (a copy, and a wake-up if the thread sleeps), so that an output that takes nothing (a pipe that nobody reads, a frozen
//! file system, a full disk) holds nobody up: not who routes, not the other output, not the end of the process.
//!
//! Queue: filled by whoever logs, emptied by the thread, [`QUEUE_BYTES_MAX`] long. When it is full, lines are dropped and
//! counted until the output has taken at least half of it; the count stands where they are missing.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Zoned;
use parking_lot::{Condvar, Mutex};

use super::Level;
use super::format::{Fields, Line, Look};
use crate::metrics;

/// What waits for an output at most.
pub(super) const QUEUE_BYTES_MAX: usize = 1 << 20;
/// After this long an output that has refused a line is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// The part of the program that lines about logging itself are from.
pub(super) const PART: &str = "telemetry";

/// A queue and its thread, which ends with it.
#[derive(Debug)]
pub(super) struct Output {
    pub look: Look,
    name: String,
    queue: Arc<Queue>,
}

/// What the thread writes to.
pub(super) struct Target {
    writer: Box<dyn Write + Send>,
    /// Of a file, which can be opened anew.
    path: Option<PathBuf>,
    /// Whether it has refused what it was given last.
    refuses: bool,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    /// There is something to do for the thread.
    work: Condvar,
    /// The thread has done something.
    progress: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// Bytes that the thread has taken and not written yet, and how many lines that is.
    in_flight: usize,
    lines_in_flight: u64,
    /// Lines that found no room. While there are any, no line is taken.
    dropped: u64,
    /// Why the output has refused something since lines were taken last.
    refusal: Option<String>,
    /// Whether the file is to be opened anew.
    reopen: bool,
    /// Why it could not be the last time.
    not_reopened: Option<String>,
    closed: bool,
}

impl Target {
    /// Something that cannot be opened anew.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Target { writer: Box::new(writer), path: None, refuses: false }
    }

    /// The file at `path`, which is made if it is not there.
    pub fn file(path: &Path) -> io::Result<Self> {
        let writer = Box::new(append_to(path)?);
        Ok(Target { writer, path: Some(path.to_owned()), refuses: false })
    }

    /// What it is called in messages.
    fn name(&self) -> Cow<'_, str> {
        self.path.as_deref().map_or("standard output".into(), Path::to_string_lossy)
    }

    /// Says, on the other outputs, that this one takes nothing. It gets the line, too, when it takes lines again.
    fn refuses(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.refuses, true) {
            tracing::error!(output = %self.name(), %error, "the log cannot be written there; what has no room to wait is lost");
        }
    }

    fn has_taken(&mut self) {
        if std::mem::replace(&mut self.refuses, false) {
            tracing::warn!(output = %self.name(), "the log can be written there again");
        }
    }

    /// Goes on with whatever file is at the path now, or makes it. Returns whether it is another.
    ///
    /// # Errors
    /// When it cannot be opened.
    fn reopen(&mut self) -> io::Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        match append_to(path) {
            Ok(file) => {
                self.writer = Box::new(file);
                tracing::info!(path = %path.display(), "log file opened again");
                Ok(true)
            }
            Err(error) => {
                let path = path.display();
                tracing::error!(%path, %error, "the log file cannot be opened again; the old one stays");
                Err(error)
            }
        }
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

impl Output {
    /// Starts the thread.
    ///
    /// # Errors
    /// When there can be no thread.
    pub fn start(target: Target, look: Look) -> io::Result<Self> {
        let name = target.name().into_owned();
        let queue = Arc::<Queue>::default();
        let emptied = queue.clone();
        let thread = thread::Builder::new().name("log".to_owned());
        thread.spawn(move || emptied.empty(target, look))?;
        Ok(Output { look, name, queue })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts a line into the queue, or drops it. Never waits for the output. Whether it is the first that is dropped because
    /// the output takes nothing, without saying why.
    pub fn push(&self, line: &str) -> bool {
        let mut state = self.queue.state.lock();
        let is_full = state.bytes() + line.len() > QUEUE_BYTES_MAX;
        if is_full || state.dropped > 0 {
            state.dropped += 1;
            metrics::LOG_DROPPED.one(&["full"]);
            let is_stuck = state.dropped == 1 && state.refusal.is_none() && state.in_flight > 0;
            // A line that is too long for an empty queue is missing, too.
            if state.bytes() == 0 {
                self.queue.work.notify_one();
            }
            return is_stuck;
        }
        let was_idle = state.bytes() == 0;
        state.lines.extend_from_slice(line.as_bytes());
        drop(state);
        if was_idle {
            self.queue.work.notify_one();
        }
        false
    }

    /// Waits until everything has been written, but no longer than to `deadline`. How many lines are left.
    pub fn flush(&self, deadline: Instant) -> u64 {
        let mut state = self.queue.state.lock();
        // One that waits to try again tries now.
        self.queue.work.notify_one();
        while state.bytes() > 0 || state.dropped > 0 || state.reopen {
            if self.queue.progress.wait_until(&mut state, deadline).timed_out() {
                return state.lines_in_flight + lines_in(&state.lines) + state.dropped;
            }
        }
        0
    }

    /// Waits until the file has been opened anew, but no longer than to `deadline`; why it has not been.
    pub fn not_reopened(&self, deadline: Instant) -> Option<String> {
        let mut state = self.queue.state.lock();
        while state.reopen {
            if self.queue.progress.wait_until(&mut state, deadline).timed_out() {
                return Some("the output takes nothing".to_owned());
            }
        }
        state.not_reopened.clone()
    }

    /// Has the file opened anew before the next line is written.
    pub fn reopen(&self) {
        self.queue.state.lock().reopen = true;
        self.queue.work.notify_one();
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.queue.state.lock().closed = true;
        self.queue.work.notify_one();
    }
}

impl State {
    fn bytes(&self) -> usize {
        self.lines.len() + self.in_flight
    }
}

impl Queue {
    /// Writes what comes until the output is dropped.
    fn empty(&self, mut target: Target, look: Look) {
        while let Some(lines) = self.take(look) {
            self.reopen_if_asked(&mut target);
            if !self.write(&lines, &mut target) {
                return;
            }
            let mut state = self.state.lock();
            (state.in_flight, state.lines_in_flight) = (0, 0);
            let has_all = state.lines.is_empty() && state.dropped == 0;
            drop(state);
            // Not before: a disk with a little room takes some of what waits, and is full again.
            if has_all {
                target.has_taken();
            }
            self.progress.notify_all();
        }
    }

    /// Waits until there is something to do and returns what is to be written, which may be nothing. `None` at the end.
    fn take(&self, look: Look) -> Option<Vec<u8>> {
        let mut state = self.state.lock();
        loop {
            if state.dropped > 0 && state.lines.len() <= QUEUE_BYTES_MAX / 2 {
                let notice = notice(state.dropped, state.refusal.take().as_deref(), look);
                state.lines.extend_from_slice(notice.as_bytes());
                state.dropped = 0;
            }
            if !state.lines.is_empty() || state.reopen {
                state.in_flight = state.lines.len();
                state.lines_in_flight = lines_in(&state.lines);
                state.refusal = None;
                return Some(std::mem::take(&mut state.lines));
            }
            if state.closed {
                return None;
            }
            self.work.wait(&mut state);
        }
    }

    /// Writes `lines`, however long it takes. Returns false if the output is dropped before.
    fn write(&self, lines: &[u8], target: &mut Target) -> bool {
        let mut written = 0;
        while written < lines.len() {
            match target.writer.write(piece(&lines[written..])) {
                Ok(count @ 1..) => {
                    written += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                refused => {
                    let error = refused.err().unwrap_or(io::ErrorKind::WriteZero.into());
                    target.refuses(&error);
                    self.state.lock().refusal = Some(error.to_string());
                    if !self.pause() {
                        return false;
                    }
                }
            }
            if self.reopen_if_asked(target) {
                // The other file gets whole lines.
                written = lines[..written].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            }
        }
        true
    }

    /// Waits before an output that has refused a line is tried again. Returns false if there is nobody to try for.
    fn pause(&self) -> bool {
        let mut state = self.state.lock();
        if !state.reopen && !state.closed {
            self.work.wait_for(&mut state, PAUSE);
        }
        !state.closed
    }

    fn reopen_if_asked(&self, target: &mut Target) -> bool {
        if !self.state.lock().reopen {
            return false;
        }
        let reopened = target.reopen();
        let mut state = self.state.lock();
        state.reopen = false;
        state.not_reopened = reopened.as_ref().err().map(io::Error::to_string);
        drop(state);
        self.progress.notify_all();
        reopened.unwrap_or(false)
    }
}

fn lines_in(text: &[u8]) -> u64 {
    text.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// As many whole lines as a pipe takes in one piece: it may be somebody else's, too.
fn piece(lines: &[u8]) -> &[u8] {
    const PIPE_BUF: usize = 4096;
    let within = &lines[..lines.len().min(PIPE_BUF)];
    let end = within.iter().rposition(|&byte| byte == b'\n').map_or(within.len(), |at| at + 1);
    &lines[..end]
}

/// What is said of lines that are missing.
fn notice(dropped: u64, why: Option<&str>, look: Look) -> String {
    let mut fields = Fields::of_message(format_args!(
        "{dropped} lines dropped: this output has taken nothing for too long"
    ));
    fields.add_number("dropped", dropped);
    if let Some(why) = why {
        fields.add_text("error", format_args!("{why}"));
    }
    Line { time: &Zoned::now(), level: Level::Warning, part: PART, fields: &fields }.text(look)
}
