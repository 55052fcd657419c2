//! What commands say, on standard output and standard error.
//!
//! Whoever reads may have read enough, as `head` has: then a command goes on silently, and ends with the exit code that it
//! would have had. `println!` panics there.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

/// Writes a line to standard output, as `println!` does.
macro_rules! say {
    ($($arguments:tt)*) => { $crate::cli::out::write(format_args!("{}\n", format_args!($($arguments)*))) };
}

/// Writes a line to standard error, as `eprintln!` does.
macro_rules! complain {
    ($($arguments:tt)*) => { $crate::cli::out::lament(format_args!("{}\n", format_args!($($arguments)*))) };
}

pub(super) use {complain, say};

/// Writes to standard output. If that takes nothing, the command ends: what it says would be lost.
pub(super) fn write(text: Arguments<'_>) {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            lament(format_args!("cannot write to standard output: {error}\n"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Writes to standard error.
pub(super) fn lament(text: Arguments<'_>) {
    // There is nowhere else to say that it cannot be said.
    let _ = io::stderr().lock().write_fmt(text);
}

/// "1 class", "2 classes"
pub(super) fn number_of(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// "2 errors, 1 warning"; nothing of what there is none of.
pub(super) fn counted(errors: usize, warnings: usize) -> String {
    let errors = (errors > 0).then(|| number_of(errors, "error", "errors"));
    let warnings = (warnings > 0).then(|| number_of(warnings, "warning", "warnings"));
    errors.into_iter().chain(warnings).collect::<Vec<_>>().join(", ")
}
