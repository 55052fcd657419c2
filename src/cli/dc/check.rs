//! `donet dc check`: what is wrong with DC files, for people or for programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dclass::{Diagnostic, Diagnostics, Severity};
use serde::Serialize;

use super::{Done, hash_text};
use crate::cli::out::{complain, say};

/// What to check.
#[derive(Args, Debug)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    files: super::Files,

    /// How to say what is found: with the lines in question, or one JSON object a line and nothing else
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    Human,
    Json,
}

impl Check {
    pub fn run(&self) -> Done {
        let files: &[PathBuf] = &self.files.files;
        let read = dclass::read(files);
        let found = read.as_ref().map_or_else(|errors| errors, |dc| dc.warnings());
        match self.format {
            Format::Json => print_json(found)?,
            Format::Human if found.is_empty() => {}
            Format::Human => complain!("{found}"),
        }
        let Ok(dc) = &read else { return Ok(1) };
        if self.format == Format::Human {
            let fields: usize = dc.classes().map(|class| class.own_fields().len()).sum();
            say!(
                "{} classes with {fields} fields, {} structs; hash {}",
                dc.classes().count(),
                dc.structs().count(),
                hash_text(dc)
            );
        }
        Ok(0)
    }
}

/// A finding; what does not apply is null.
#[derive(Serialize)]
struct Finding<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    severity: &'static str,
    message: &'a str,
    label: Option<&'a str>,
    help: Option<&'a str>,
}

impl<'a> Finding<'a> {
    fn new(found: &'a Diagnostic) -> Self {
        let text = |text: &'a str| (!text.is_empty()).then_some(text);
        // 0 stands for the file as a whole.
        let place = |number: u32| (number > 0).then_some(number);
        Finding {
            file: text(&found.file),
            line: place(found.line),
            column: place(found.column),
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            message: &found.message,
            label: text(&found.label),
            help: found.help.as_deref(),
        }
    }
}

fn print_json(found: &Diagnostics) -> Result<(), String> {
    for found in found {
        let line = serde_json::to_string(&Finding::new(found));
        say!("{}", line.map_err(|error| error.to_string())?);
    }
    Ok(())
}
