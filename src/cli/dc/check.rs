//! `donet dc check`: what is wrong with DC files, for people or for programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Done, hash_text};
use crate::cli::out::{complain, counted, number_of, say};
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
            Format::Human => {
                let (errors, warnings) = found.counts();
                complain!("{found}\n\n{}", counted(errors, warnings));
            }
        }
        let Ok(dc) = &read else { return Ok(1) };
        if self.format == Format::Human {
            let fields: usize = dc.classes().map(|class| class.own_fields().len()).sum();
            say!(
                "{} with {}, {}; hash {}",
                number_of(dc.classes().count() as u64, "class", "classes"),
                number_of(fields as u64, "field", "fields"),
                number_of(dc.structs().count() as u64, "struct", "structs"),
                hash_text(dc)
            );
        }
        Ok(0)
    }
}
