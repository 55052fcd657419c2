//! `donet dc show`: classes and fields, as tables for people or as JSON for programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dclass::{Class, DcFile};

use super::{Done, read};
use crate::cli::out::write;
use crate::finding::near;

/// What to show.
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    /// DC files, in the order in which the configuration names them, and at the end the name of a
    /// class if its fields are to be shown
    #[arg(value_name = "FILE|CLASS", required = true)]
    arguments: Vec<String>,

    /// How to show it: as tables, or everything that the files declare as one JSON object
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    Human,
    Json,
}

impl Show {
    pub fn run(&self) -> Done {
        let (files, class) = self.split();
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let dc = read(&files)?;
        let text = match class {
            None if self.format == Format::Json => dc.to_json(),
            None => dc.show(),
            Some(name) if self.format == Format::Json => {
                return Err(format!(
                    "there is no file `{name}`; --format json takes files only, and shows all classes"
                ));
            }
            Some(name) => {
                let found = dc.class_or_struct_by_name(name);
                dc.show_fields(found.ok_or_else(|| unknown(&dc, name))?)
            }
        };
        write(format_args!("{text}"));
        Ok(0)
    }

    /// The files, and the class: the last argument, if it is the name of one rather than of a file.
    fn split(&self) -> (&[String], Option<&str>) {
        match self.arguments.split_last() {
            Some((last, files)) if !files.is_empty() && !PathBuf::from(last).exists() => {
                (files, Some(last))
            }
            _ => (&self.arguments, None),
        }
    }
}

fn unknown(dc: &DcFile, name: &str) -> String {
    let hint = near(name, dc.classes().chain(dc.structs()).map(Class::name));
    let hint = hint.map(|near| format!("; did you mean `{near}`?"));
    format!("neither a file nor a class has the name `{name}`{}", hint.unwrap_or_default())
}
