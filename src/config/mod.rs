//! The configuration: Astron's YAML format with additions, read into checked types.
//!
//! It knows the file's syntax and rules and has no behaviour: nothing that a configuration names is
//! looked up or bound here, and nothing but a file with a password is opened. Every mistake of a file is found in one pass
//! and reported with its line and key. [`load`] is the entry; [`Config`] is what comes out.

mod address;
mod changes;
mod complete;
mod conflict;
mod database_url;
mod diagnostic;
mod doubt;
mod duration;
mod environment;
mod field_rules;
mod foreign;
mod intercepts;
mod interest_rules;
mod left_out;
mod merge;
mod model;
mod named_field;
mod networks;
mod offences;
mod otp;
mod overlap;
mod panda3d;
mod parenting;
mod password;
mod path;
mod read;
mod read_backend;
mod read_role;
mod recorder;
mod report;
mod script;
mod secret;
mod section;
mod slips;
mod syntax;
mod tls;
mod value;
mod visible_zones;
mod web;
mod websocket;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use address::{Address, AddressError, Host};
pub use changes::{Reading, is_of_access};
pub use complete::{Complete, Survey, survey};
pub use conflict::{Conflict, conflicts};
pub(crate) use database_url::literal as url_literal;
pub use diagnostic::ConfigErrors;
pub use duration::{parse_duration, show_duration};
pub use field_rules::{FieldRule, Place, Rate, Real, Step, places};
pub use intercepts::{Diversion, Intercept, diversions};
pub use interest_rules::{InterestPermission, InterestRules};
pub use left_out::{features, without};
pub use merge::MergedField;
pub use model::*;
pub use named_field::NamedField;
pub use networks::{Networks, ProxyHeaders, parse_network};
pub use offences::{Offence, OffencesConfig, Reaction};
pub use otp::{Era, LoginTo, OtpConfig, OwnerView, login_field};
pub use panda3d::{
    Creation, Panda3dConfig, Regenerate, TIME_MANAGER, time_manager as time_manager_of,
};
pub use parenting::{FollowedClass, PARENTING_FIELD, ParentingRules};
pub use recorder::RecorderConfig;
pub use tls::{ClientTlsConfig, IdentityFiles, LinkTlsConfig, TlsConfig, TlsVersion};
pub use visible_zones::VisibleZones;
pub use web::{AccessConfig, TokenConfig, UserConfig, WebConfig, WebRole};
pub use websocket::WebSocketConfig;

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

    /// Whether a finding is about the file of the configuration, and not about one that it names.
    pub fn is_about(&self, finding: &Finding) -> bool {
        self.report.is_about(finding)
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
pub fn backend_types() -> impl Iterator<Item = &'static str> {
    read_backend::BACKEND_TYPES.iter().map(|(word, _)| *word)
}

/// Those of them that this build can use.
pub fn usable_backend_types() -> impl Iterator<Item = &'static str> {
    backend_types().filter(|word| !left_out::lacks_backend(word))
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
    let (read, findings) = read_path(path);
    match read {
        Some(loaded) if findings.iter().all(is_warning) => {
            Ok(Loaded { warnings: findings, ..loaded })
        }
        _ => Err(ConfigErrors(findings)),
    }
}

/// What can be read of the file at `path`, and what is to be said of it.
fn read_path(path: &Path) -> (Option<Loaded>, Vec<Finding>) {
    let report = Report::new(path::tidy(path).display().to_string());
    let environment = |name: &str| std::env::var_os(name);
    let read = read_file(path, &report, &environment);
    outcome(read, report)
}

fn outcome(read: Option<(Config, Rc<Node>)>, report: Report) -> (Option<Loaded>, Vec<Finding>) {
    if let Some((config, root)) = &read {
        let is_whole = config.places.left_out.is_empty() && config.places.knows_dc_files;
        report_conflicts(config, root, &report);
        // What seems to be absent may stand in a part with mistakes.
        let doubts = if is_whole { doubt::doubts(config) } else { Vec::new() };
        for doubt::Doubt { key, message } in doubts {
            report.warning(root.at(&key), &key, message);
        }
    }
    let findings = report.take_findings();
    let loaded = read.map(|(config, root)| Loaded { config, warnings: Vec::new(), report, root });
    (loaded, findings)
}

fn is_warning(finding: &Finding) -> bool {
    finding.severity == Severity::Warning
}

/// Reports parts that are right by themselves, and not together.
fn report_conflicts(config: &Config, root: &Node, report: &Report) {
    // A range that is hardly meant as it is written overlaps this and that.
    let is_doubtful = |key: &str| {
        key.split_once(".ranges[")
            .is_some_and(|(role, _)| report.has_about(&format!("{role}.ranges[")))
    };
    for Conflict { severity, key, message, other, other_has } in
        conflict::conflicts_without(config, is_doubtful)
    {
        let mut finding = report.about(severity, root.at(&key), &key, message);
        let other = report.mark(root.at(&other), &other_has);
        // Neither may be written, and what they would stand in be the same.
        if finding.position() != Some(other.position) {
            finding.marks.push(other);
        }
        report.push(finding);
    }
}

/// No configuration is that long.
const BYTES_MAX: u64 = 16 << 20;

/// Reports why there is no result, if there is none.
fn read_file(path: &Path, report: &Report, environment: Lookup<'_>) -> Option<(Config, Rc<Node>)> {
    let whole_file = |message: String| report.error_at(Vec::new(), message);
    let base_dir = folder_of(path)
        .map_err(|error| whole_file(format!("the folder of the file is unknown: {error}")))
        .ok()?;
    let bytes = dclass::input::read_file(path, BYTES_MAX)
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
