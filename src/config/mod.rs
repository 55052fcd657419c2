//! The configuration: Astron's YAML format with additions, read into checked types.
//!
//! It knows the file's syntax and rules and has no behaviour: nothing that a configuration names is
//! looked up or bound here, and nothing but a file with a password is opened. Every mistake of a file is found in one pass
//! and reported with its line and key. [`load`] is the entry; [`Config`] is what comes out.

mod address;
mod complete;
mod conflict;
mod database_url;
mod diagnostic;
mod doubt;
mod environment;
mod foreign;
mod model;
mod password;
mod path;
mod read;
mod read_backend;
mod read_role;
mod report;
mod secret;
mod section;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use address::{Address, AddressError, Host};
pub use complete::{Complete, load_complete};
pub use conflict::{Conflict, conflicts};
pub use diagnostic::ConfigErrors;
pub use model::*;

use environment::Lookup;
use report::Report;

use crate::finding::{Finding, Severity};
use crate::yaml::Node;

/// A configuration and what is odd about its file.
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What does no harm but is hardly meant, in the order of the file.
    pub warnings: Vec<Finding>,
    report: Report,
    root: Rc<Node>,
}

impl Loaded {
    /// Something that is to be said about the value of a key, such as `roles[1].channels.min`.
    pub fn about(&self, severity: Severity, key: &str, message: impl Into<String>) -> Finding {
        self.report.about(severity, self.root.at(key), key, message)
    }
}

/// Leaves the text of the file out, in which there may be passwords.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("warnings", &self.warnings)
            .finish_non_exhaustive()
    }
}

/// The words that a role's `type` may be.
pub fn role_types() -> [&'static str; 5] {
    read_role::ROLE_TYPES.map(|(word, _)| word)
}

/// The words that a backend's `type` may be.
pub fn backend_types() -> [&'static str; 5] {
    read_backend::BACKEND_TYPES.map(|(word, _)| word)
}

/// Reads and checks the file at `path`.
///
/// # Errors
/// All that is wrong with the file.
pub fn load(path: &Path) -> Result<Config, ConfigErrors> {
    load_with_warnings(path).map(|loaded| loaded.config)
}

/// Reads and checks the file at `path`, and says what is odd about it.
///
/// # Errors
/// All that is wrong with the file.
pub fn load_with_warnings(path: &Path) -> Result<Loaded, ConfigErrors> {
    let report = Report::new(path::tidy(path).display().to_string());
    let environment = |name: &str| std::env::var_os(name);
    let read = read_file(path, &report, &environment);
    outcome(read, report)
}

fn outcome(read: Option<(Config, Rc<Node>)>, report: Report) -> Result<Loaded, ConfigErrors> {
    if let Some((config, root)) = &read
        && !report.has_errors()
    {
        report_doubts(config, root, &report);
    }
    let findings = report.take_findings();
    match read {
        Some((config, root)) if findings.iter().all(is_warning) => {
            Ok(Loaded { config, warnings: findings, report, root })
        }
        _ => Err(ConfigErrors(findings)),
    }
}

fn is_warning(finding: &Finding) -> bool {
    finding.severity == Severity::Warning
}

/// Reports parts that are right by themselves, and not together.
fn report_doubts(config: &Config, root: &Node, report: &Report) {
    for Conflict { severity, key, message, other, other_has } in conflicts(config) {
        let mut finding = report.about(severity, root.at(&key), &key, message);
        let other = report.mark(root.at(&other), &other_has);
        // Neither may be written, and what they would stand in be the same.
        if finding.position() != Some(other.position) {
            finding.marks.push(other);
        }
        report.push(finding);
    }
    for doubt::Doubt { key, message } in doubt::doubts(config) {
        report.warning(root.at(&key), &key, message);
    }
}

/// Reports why there is no result, if there is none.
fn read_file(path: &Path, report: &Report, environment: Lookup<'_>) -> Option<(Config, Rc<Node>)> {
    let whole_file = |message: String| report.error_at(Vec::new(), message);
    let base_dir = folder_of(path)
        .map_err(|error| whole_file(format!("the folder of the file is unknown: {error}")))
        .ok()?;
    let bytes = std::fs::read(path)
        .map_err(|error| whole_file(format!("the file cannot be read: {error}")))
        .ok()?;
    read_bytes(&bytes, &base_dir, report, environment)
}

fn read_bytes(
    bytes: &[u8],
    base_dir: &Path,
    report: &Report,
    environment: Lookup<'_>,
) -> Option<(Config, Rc<Node>)> {
    let root = syntax::parse(bytes, report)?;
    if let Some(finding) = foreign::recognise(&root, report) {
        report.push(finding);
        return None;
    }
    let root = environment::expand(report, &root, environment);
    read::config(report, &root, base_dir).map(|config| (config, root))
}

fn folder_of(path: &Path) -> std::io::Result<PathBuf> {
    let mut folder = std::path::absolute(path)?;
    folder.pop();
    Ok(path::tidy(&folder))
}
