//! `donet dc diff`: what changes from one set of DC files to the next.

mod json;
mod text;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dclass::DcFile;
use dclass::diff::{Comparison, Renames, compare};

use super::{files_of, read};
use crate::cli::out::{complain, write};
use crate::store::is_stored_alike;
use crate::store::transfer::read_map;

/// The exit codes of diff(1).
const NOTHING_CHANGED: u8 = 0;
const CHANGED: u8 = 1;
const TROUBLE: u8 = 2;

/// What to compare.
#[derive(Args, Debug)]
pub(in crate::cli) struct Diff {
    /// The old DC file; several with commas
    #[arg(value_name = "OLD", required_unless_present = "old", requires = "second")]
    first: Option<String>,

    /// The new DC file; several with commas
    #[arg(value_name = "NEW")]
    second: Option<String>,

    /// The old DC files, in their order
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "new", conflicts_with = "first")]
    old: Vec<PathBuf>,

    /// The new DC files, in their order
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "old", conflicts_with = "first")]
    new: Vec<PathBuf>,

    /// What is called otherwise now: the map of `donet db migrate`
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,

    /// How to say it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Two schemas, their names, and what is between them.
struct Compared {
    sides: [Side; 2],
    comparison: Comparison,
}

struct Side {
    files: Vec<String>,
    dc: DcFile,
}

impl Diff {
    /// Carries out the command; returns the exit code.
    pub fn run(&self) -> u8 {
        match self.compared() {
            Ok(compared) => {
                let page = match self.format {
                    Format::Text => text::page(&compared),
                    Format::Json => format!("{:#}\n", json::document(&compared)),
                };
                write(format_args!("{page}"));
                if compared.comparison.is_empty() { NOTHING_CHANGED } else { CHANGED }
            }
            Err(message) => {
                complain!("{message}");
                TROUBLE
            }
        }
    }

    fn compared(&self) -> Result<Compared, String> {
        let (old, new) = match (&self.first, &self.second) {
            (Some(old), Some(new)) => (files_of(old), files_of(new)),
            _ => (self.old.clone(), self.new.clone()),
        };
        let side = |files: &[PathBuf]| {
            let dc = read(files)?;
            let files = files.iter().map(|file| file.display().to_string()).collect();
            Ok::<_, String>(Side { files, dc })
        };
        // What is wrong with either is said at once.
        let (old, new) = match (side(&old), side(&new)) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(old), Err(new)) => return Err(format!("{old}\n\n{new}")),
            (Err(why), _) | (_, Err(why)) => return Err(why),
        };
        let renames = match &self.map {
            Some(map) => read_map(map, &old.dc, &new.dc)?,
            None => Renames::default(),
        };
        let comparison = compare(&old.dc, &new.dc, &renames, is_stored_alike);
        Ok(Compared { sides: [old, new], comparison })
    }
}
