//! What is logged, for tests of those who log.

use std::hash::RandomState;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use parking_lot::Mutex;
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Dispatch, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::format::Look;
use super::layer::Lines;
use super::output::{Output, Target};
use super::{Level, Log};

/// Long enough for anything; only a failing test waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What has been written, to be read back.
#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).expect("UTF-8")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A place in the code that logs is remembered as wanted by nobody if nobody wants it when it is first met, also if a
/// thread begins to want it at that very moment. Of every place this keeps it open: it is asked each time, and wants nothing.
struct Undecided;

impl<S: Subscriber> Layer<S> for Undecided {
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _metadata: &Metadata<'_>, _context: Context<'_, S>) -> bool {
        false
    }
}

static UNDECIDED: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(tracing_subscriber::registry().with(Undecided)));

/// Catches what this thread logs, as long as it is there.
pub struct Caught {
    paper: Paper,
    log: Arc<Log>,
    _guard: DefaultGuard,
}

impl Caught {
    /// Catches lines from a level on.
    pub fn from(level: Level) -> Self {
        LazyLock::force(&UNDECIDED);
        let paper = Paper::default();
        let look = Look::default();
        let output = Output::start(Target::new(paper.clone()), look).expect("a thread");
        let log = Arc::new(Log::new(vec![output]));
        log.has_started();
        log.set_level(level);
        let lines = Lines { log: log.clone(), hash: RandomState::new() };
        let subscriber = tracing_subscriber::registry().with(lines);
        let _guard = tracing::subscriber::set_default(subscriber);
        Caught { paper, log, _guard }
    }

    /// The log that they go to.
    pub fn log(&self) -> Arc<Log> {
        self.log.clone()
    }

    /// All lines so far, without their time.
    pub fn lines(&self) -> Vec<String> {
        self.log.flush(PATIENCE);
        self.paper.text().lines().map(without_time).collect()
    }
}

/// A line without its time.
pub(super) fn without_time(line: &str) -> String {
    let (time, rest) = line.split_once("] ").expect("a time");
    assert_eq!(time.len(), "[2024-01-31 12:00:00.000 +00:00".len(), "{line}");
    rest.to_owned()
}
