//! `donet check FILE`: everything that can be known to be wrong before the daemon runs.

mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use dclass::DcFile;

use crate::cli::out::{complain, counted, say};
use crate::config::{self, BackendConfig, Config, Host, Loaded, RoleConfig, Survey};
use crate::finding::{Finding, Severity, parts_of_error};
use crate::net::tls::check_certificates;
use crate::store::{Schema, rehearse};
use crate::telemetry::check_writable;

/// What to check.
#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = super::DEFAULT_CONFIG)]
    file: PathBuf,

    /// The same, as other commands have it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,

    /// How findings look
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// How findings look.
#[derive(Copy, Clone, PartialEq, Eq, Debug, ValueEnum)]
enum Format {
    /// With the lines in question, and at the end what the configuration means
    Human,
    /// One JSON object a line for each finding, and nothing else
    Json,
}

/// Checks and prints; returns the exit code.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let mut survey = config::survey(arguments.config.as_ref().unwrap_or(&arguments.file));
    look_around(&mut survey);
    let findings = &survey.findings;
    let count = |severity: Severity| -> usize {
        let found = findings.iter().filter(|finding| finding.severity == severity);
        found.map(|finding| finding.stands_for).sum()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match arguments.format {
        Format::Json => findings.iter().for_each(|finding| say!("{}", finding.json())),
        Format::Human => {
            for finding in findings {
                finding.print();
                complain!("");
            }
            if !findings.is_empty() {
                complain!("{}", counted(errors, warnings));
            }
        }
    }
    if let Some(unseen) = survey.unseen() {
        complain!("{unseen}");
    }
    if let (Survey { loaded: Some(loaded), dc: Some(dc), .. }, 0, Format::Human) =
        (&survey, errors, arguments.format)
    {
        say!("{}", summary::summary(&loaded.config, dc));
    }
    u8::from(errors > 0)
}

/// Adds what this machine has to say of what could be read of a configuration.
fn look_around(survey: &mut Survey) {
    let Survey { loaded: Some(loaded), dc, findings, .. } = survey else { return };
    findings.extend(check_certificates(loaded));
    findings.extend(super::bans::check_banlists(loaded));
    findings.extend(unwritable_logs(loaded));
    if leads_to_itself(&loaded.config) {
        let message = "leads to messagedirector.bind, this daemon itself";
        findings.push(loaded.about(Severity::Warning, "messagedirector.connect", message));
    }
    if let Some(dc) = dc {
        findings.extend(odd_stores(loaded, Arc::clone(dc)));
    }
    // Those of the DC files follow in their order.
    let place = |finding: &Finding| match loaded.is_about(finding) {
        // What counts the rest comes last.
        true if finding.stands_for > 1 => (1, None),
        true => (0, finding.position()),
        false => (2, None),
    };
    findings.sort_by_key(place);
}

/// Stores on this machine's disks with which the daemon does not start, or of which it will warn.
fn odd_stores(loaded: &Loaded, dc: Arc<DcFile>) -> Vec<Finding> {
    let schema = Schema::new(dc);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        // Without threads nothing can be looked into, and nothing started.
        return Vec::new();
    };
    let roles = loaded.config.numbered_roles();
    let odd = roles.filter_map(|(i, role)| {
        let RoleConfig::Database(database) = role else { return None };
        let (severity, text) = match runtime.block_on(rehearse(database, &schema)) {
            Ok(odd) => (Severity::Warning, odd?),
            Err(error) => (Severity::Error, error.to_string()),
        };
        let key = match &database.backend {
            BackendConfig::Sqlite { .. } => "file",
            BackendConfig::Yaml { .. } => "directory",
            BackendConfig::Soci { driver, .. } if driver == "sqlite3" => "database",
            BackendConfig::Soci { .. } => "address",
            BackendConfig::Postgres { .. } | BackendConfig::MySql { .. } => "url",
        };
        let key = format!("roles[{i}].backend.{key}");
        let (message, help) = parts_of_error(&text);
        Some(Finding { help, ..loaded.about(severity, &key, message) })
    });
    odd.collect()
}

/// Whether the upstream is the message director itself, as far as their addresses tell.
fn leads_to_itself(config: &Config) -> bool {
    let director = &config.message_director;
    let (Some(bind), Some(connect)) = (&director.bind, &director.connect) else { return false };
    let is_here = |host: &Host| match host {
        Host::Ip(ip) => ip.is_loopback() || ip.is_unspecified(),
        Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
    };
    bind.port == connect.port
        && (bind.host == connect.host || is_here(&bind.host) && is_here(&connect.host))
}

/// Event logs that could not be written, if the daemon ran here and by whoever runs this: a configuration may be for
/// another machine. The daemon starts without.
fn unwritable_logs(loaded: &Loaded) -> impl Iterator<Item = Finding> {
    let config = &loaded.config;
    config.numbered_roles().filter_map(move |(i, role)| {
        let RoleConfig::EventLogger(logger) = role else { return None };
        let path = config.base_dir.join(&logger.output);
        // Where it depends on the time, others will be there.
        if path.parent().is_some_and(is_pattern) {
            return None;
        }
        let error = check_writable(&path).err()?;
        let message = format!("{} cannot be written here: {error}", path.display());
        Some(loaded.about(Severity::Warning, &format!("roles[{i}].output"), message))
    })
}

/// Whether the path depends on the time.
fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b'%')
}
