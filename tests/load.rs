//! The load bench, played small: a bench that nobody runs is soon none. It starts relays and floors as processes of
//! itself, which is why this has a `main` of its own.

#[path = "../benches/load/main.rs"]
mod load;

// The bench is a program, whose modules find each other from its root.
use load::*;

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--listen") {
        return load::main();
    }
    // Words choose parts, as they choose tests elsewhere; options are for other programs.
    let words: Vec<String> =
        arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    small::main(env!("CARGO_BIN_EXE_donet"), &words)
}
