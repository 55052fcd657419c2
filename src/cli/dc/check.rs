//! `donet dc check`: what is wrong with DC files, for people or for programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Done, hash_text};
use crate::cli::out::{complain, say};
use crate::finding::Finding;

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
            Format::Json => found.iter().for_each(|it| say!("{}", Finding::from(it).json())),
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
