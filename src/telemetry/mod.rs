//! What the operator sees: log lines on stdout and in a file.
//!
//! Everything is logged with `tracing`. A line says when, how bad, which part, what, and the fields of
//! the event and of the spans around it. Besides tracing's levels there is one of Astron's, which is a
//! target of its own: [`FATAL`], above error.

mod format;
mod layer;
mod level;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use layer::{Lines, Output};
pub use level::Level;

/// Target of errors that end the process. Log them with [`fatal!`](crate::fatal).
pub const FATAL: &str = "fatal";

/// Logs the error that is about to end the process. Arguments as of [`tracing::error!`].
#[macro_export]
macro_rules! fatal {
    ($($arguments:tt)+) => {
        ::tracing::error!(target: $crate::telemetry::FATAL, $($arguments)+)
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
    /// For people: `[2024-01-31 12:00:00] INFO: daemon: listening address=127.0.0.1:7199`
    #[default]
    Human,
    /// For programs: one JSON object a line.
    Json,
}

/// Begins to log, and logs panics from now on.
///
/// Each line is written in one call, so that nothing is left to flush at the end.
///
/// # Errors
/// Fails when the log file cannot be opened.
///
/// # Panics
/// Panics when called twice in one process.
pub fn init(options: &Options) -> io::Result<()> {
    let color = options.color && io::stdout().is_terminal();
    let mut outputs = vec![Output::new(io::stdout(), color)];
    if let Some(path) = &options.file {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        outputs.push(Output::new(file, false));
    }
    let lines = Lines { level: options.level, format: options.format, outputs };
    tracing_subscriber::registry().with(lines).init();
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("(no message)");
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_default();
    let backtrace = std::backtrace::Backtrace::capture();
    fatal!(place, "panic: {message}");
    if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        fatal!("backtrace of the panic: {backtrace}");
    }
}
