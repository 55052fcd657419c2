//! What commands say, on standard output and standard error.
//!
//! Whoever reads may have read enough, as `head` has: then a command goes on silently, and ends with the exit code that it
//! would have had. `println!` panics there.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use dclass::visible;

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
    // What somebody else reads is data, and stays as it is.
    let written = match out.is_terminal() {
        true => out.write_all(harmless(text).as_bytes()),
        false => out.write_fmt(text),
    };
    expect_taken(written);
}

/// Ends the command if standard output has not taken what was to be said. Whoever has read enough misses nothing.
pub(super) fn expect_taken(written: io::Result<()>) {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            lament(format_args!("error: cannot write to standard output: {error}\n"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Writes to standard error.
pub(super) fn lament(text: Arguments<'_>) {
    // There is nowhere else to say that it cannot be said.
    let _ = io::stderr().lock().write_all(harmless(text).as_bytes());
}

/// What commands say has names, values and lines of files in it that may be anybody's: none of that steers a terminal.
fn harmless(text: Arguments<'_>) -> String {
    visible(&text.to_string(), &mut []).into_owned()
}

/// What is anybody's, such as a stored name or value, in a line of its own: without line breaks, and with nothing that steers
/// a terminal, wherever it goes.
pub(super) fn one_line(text: &str) -> String {
    visible(text, &mut []).replace('\n', "\\n")
}

/// "1 class", "2 classes"
pub(super) fn number_of(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// "2 errors, 1 warning"; nothing of what there is none of.
pub(super) fn counted(errors: usize, warnings: usize) -> String {
    let errors = (errors > 0).then(|| number_of(errors as u64, "error", "errors"));
    let warnings = (warnings > 0).then(|| number_of(warnings as u64, "warning", "warnings"));
    errors.into_iter().chain(warnings).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_steers_a_terminal() {
        let name = "a\u{1b}[2Jb\u{7}\0\u{202e}\u{9b}é\r";
        let shown = harmless(format_args!("\t{name}: 1\n"));
        assert_eq!(shown, "\ta\\u{1b}[2Jb\\u{7}\\u{0}\\u{202e}\\u{9b}é\\r: 1\n");
        assert_eq!(harmless(format_args!("tür → {}\n", 1)), "tür → 1\n");
        assert_eq!(one_line("a\nb\u{1b}[2J\u{2028}c"), "a\\nb\\u{1b}[2J\\u{2028}c");
    }
}
