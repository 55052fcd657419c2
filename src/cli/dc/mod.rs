//! `donet dc …`: DC files without a daemon.

mod check;
mod diff;
mod show;
mod wireshark;

use std::path::{Path, PathBuf};

use crate::cli::out::{complain, say};
use clap::{Args, Subcommand};
use dclass::input::read_file;
use dclass::{DcFile, Source};

/// What to do with DC files.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Check DC files, read in this order, and say what is in them
    Check(check::Check),
    /// Say what changes from one set of DC files to the next, and who can stay; exit code 1 if anything does
    Diff(diff::Diff),
    /// Print the legacy hash by which clients and servers compare their DC files
    Hash(Files),
    /// Lay out DC files in one style; files that need others are given together with these
    Fmt(Fmt),
    /// Show classes, or the fields of one class, with their ids
    Show(show::Show),
    /// Print a dissector for Wireshark that knows these DC files
    Wireshark(Files),
}

/// DC files.
#[derive(Args, Debug)]
pub(super) struct Files {
    /// DC files, in the order in which the configuration names them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// How to lay out DC files.
#[derive(Args, Debug)]
pub(super) struct Fmt {
    /// Change nothing, name the files that would change, and exit with 1 if there are any
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    files: Files,
}

/// Carries out the command; returns the exit code.
pub(super) fn run(command: &Command) -> u8 {
    let done = match command {
        Command::Check(check) => check.run(),
        Command::Hash(files) => hash(&files.files),
        Command::Diff(diff) => return diff.run(),
        Command::Fmt(fmt) => fmt.run(),
        Command::Show(show) => show.run(),
        Command::Wireshark(files) => wireshark::run(files),
    };
    match done {
        Ok(code) => code,
        Err(message) => {
            complain!("{message}");
            1
        }
    }
}

/// An exit code, or what to print before exiting with 1.
type Done = Result<u8, String>;

fn read(files: &[PathBuf]) -> Result<DcFile, String> {
    dclass::read(files).map_err(|diagnostics| diagnostics.to_string())
}

/// The files that one argument names.
pub(super) fn files_of(argument: &str) -> Vec<PathBuf> {
    // A file may have a comma in its name.
    if Path::new(argument).exists() {
        return vec![argument.into()];
    }
    // What is empty, as a variable that is not set, is a file that is not there, and not none at all.
    argument.split(',').map(PathBuf::from).collect()
}

/// The hash as people look for it, and Astron's if that is another.
pub(super) fn hash_text(dc: &DcFile) -> String {
    let text = |hash: u32| format!("{hash:#010x} ({hash})");
    match dc.astron_hash() {
        Some(other) => format!("{}, in Astron {}", text(dc.hash()), text(other)),
        None => text(dc.hash()),
    }
}

fn hash(files: &[PathBuf]) -> Done {
    let dc = read(files)?;
    match dc.astron_hash() {
        Some(other) => say!("{:#010x} (Panda3D)\n{other:#010x} (Astron)", dc.hash()),
        None => say!("{:#010x}", dc.hash()),
    }
    Ok(0)
}

impl Fmt {
    fn run(&self) -> Done {
        let paths = &self.files.files;
        let twice = dclass::given_twice(paths);
        if !twice.is_empty() {
            return Err(twice.to_string());
        }
        let before = sources(paths)?;
        let hash = dclass::parse(&before).map_err(|found| found.to_string())?.hash();
        let layout = |source: &Source| {
            let text = dclass::format_source(source).map_err(|diagnostics| diagnostics.to_string());
            Ok(Source::new(source.name.clone(), text?))
        };
        let after: Vec<Source> = before.iter().map(layout).collect::<Result<_, String>>()?;
        // Whatever else is wrong with a layout, it must not be another schema.
        if dclass::parse(&after).map(|dc| dc.hash()).ok() != Some(hash) {
            return Err(
                "the layout would change what the files mean; nothing is written".to_owned()
            );
        }
        let mut code = 0;
        for (path, (before, after)) in paths.iter().zip(before.iter().zip(&after)) {
            if before.text == after.text {
                continue;
            }
            say!("{}", path.display());
            if self.check {
                code = 1;
            } else {
                std::fs::write(path, &after.text).map_err(|error| failed(path, "write", &error))?;
            }
        }
        Ok(code)
    }
}

fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, String> {
    let read = |path: &PathBuf| {
        let text = read_file(path, dclass::SOURCE_BYTES_MAX as u64)
            .map_err(|error| failed(path, "read", &error))?;
        match String::from_utf8(text) {
            Ok(text) => Ok(Source::new(path.display().to_string(), text)),
            Err(_) => Err(format!("{}: the file is not UTF-8 text", path.display())),
        }
    };
    paths.iter().map(read).collect()
}

fn failed(path: &Path, what: &str, error: &dyn std::fmt::Display) -> String {
    format!("{}: cannot {what} the file: {error}", path.display())
}
