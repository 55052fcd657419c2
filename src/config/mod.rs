//! The configuration: Astron's YAML format with additions, read into checked types.
//!
//! It knows the file's syntax and rules and has no behaviour: nothing that a configuration names is
//! opened, looked up or bound here. Every mistake of a file is found in one pass and reported with
//! its line and key. [`load`] is the entry; [`Config`] is what comes out.

mod address;
mod conflict;
mod diagnostic;
mod model;
mod read;
mod read_backend;
mod read_role;
mod section;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use address::{Address, AddressError, Host};
pub use conflict::{Conflict, conflicts};
pub use diagnostic::{ConfigErrors, Diagnostic, Position};
pub use model::*;

use section::Report;

use crate::yaml::{self, Node};

/// A configuration and what is odd about its file.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What does no harm but is hardly meant, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    file: PathBuf,
    root: Rc<Node>,
}

impl Loaded {
    /// Something that is to be said about the value of a key, such as `roles[1].channels.min`.
    pub fn diagnostic(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            file: self.file.clone(),
            position: Some(self.root.position_of(key)),
            key: key.to_owned(),
            message: message.into(),
        }
    }
}

/// The words that a role's `type` may be.
pub fn role_types() -> [&'static str; 5] {
    read_role::ROLE_TYPES.map(|(word, _)| word)
}

/// The words that a backend's `type` may be.
pub fn backend_types() -> [&'static str; 6] {
    read_backend::BACKEND_TYPES.map(|(word, _)| word)
}

/// Reads and checks the file at `path`, and logs what is odd about it.
///
/// # Errors
/// All that is wrong with the file.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    let loaded = load_with_warnings(path)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    Ok(loaded.config)
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// All that is wrong with the file.
pub fn load_with_warnings(path: &Path) -> Result<Loaded, ConfigErrors> {
    let report = Report::new(path);
    let read = read_file(path, &report);
    outcome(path, read, report)
}

fn outcome(
    path: &Path,
    read: Option<(Config, Rc<Node>)>,
    report: Report,
) -> Result<Loaded, ConfigErrors> {
    let (errors, warnings) = report.into_parts();
    match read {
        Some((config, root)) if errors.is_empty() => {
            let mut loaded = Loaded { config, warnings, file: path.to_owned(), root };
            for Conflict { key, message } in conflicts(&loaded.config) {
                loaded.warnings.push(loaded.diagnostic(&key, message));
            }
            loaded.warnings.sort_by_key(|warning| warning.position);
            Ok(loaded)
        }
        _ => Err(ConfigErrors(errors)),
    }
}

/// Reports why there is no result, if there is none.
fn read_file(path: &Path, report: &Report) -> Option<(Config, Rc<Node>)> {
    let whole_file = |message: String| report.error(None, "", message);
    let base_dir = folder_of(path)
        .map_err(|error| whole_file(format!("the folder of the file is unknown: {error}")))
        .ok()?;
    let bytes = std::fs::read(path)
        .map_err(|error| whole_file(format!("the file cannot be read: {error}")))
        .ok()?;
    read_bytes(&bytes, &base_dir, report)
}

fn read_bytes(bytes: &[u8], base_dir: &Path, report: &Report) -> Option<(Config, Rc<Node>)> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| report.error(Some(place(bytes, error.valid_up_to())), "", NOT_UTF8))
        .ok()?;
    match yaml::parse(text, RULES) {
        Ok(Some(root)) if !root.is_null() => {
            read::config(report, &root, base_dir).map(|config| (config, root))
        }
        Ok(_) => {
            report.error(None, "", "the file is empty");
            None
        }
        Err(error) => {
            let (position, message) = describe(&error);
            report.error(Some(position), "", message);
            None
        }
    }
}

/// A configuration needs six levels of lists and maps.
const RULES: yaml::Rules = yaml::Rules { depth_max: 32, aliases: true, other_documents: false };

fn describe(error: &yaml::Error) -> (Position, String) {
    let (position, message) = match error {
        yaml::Error::Syntax(error) => {
            let message = format!("this is not YAML: {}", error.info());
            return (yaml::position(error.marker()), message);
        }
        yaml::Error::TooDeep(at) => (at, "lists and maps are nested too deeply"),
        yaml::Error::Alias(at) => (at, "an alias within its own anchor"),
        yaml::Error::SecondDocument(at) => {
            (at, "a second document begins here; a configuration is one document")
        }
    };
    (*position, message.to_owned())
}

const NOT_UTF8: &str = "the file is not UTF-8 text";

fn folder_of(path: &Path) -> std::io::Result<PathBuf> {
    let mut folder = std::path::absolute(path)?;
    folder.pop();
    Ok(folder)
}

/// Line and column of a byte.
fn place(bytes: &[u8], index: usize) -> Position {
    let before = String::from_utf8_lossy(&bytes[..index]);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}
