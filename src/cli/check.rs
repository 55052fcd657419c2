//! `donet check FILE`: everything that can be known to be wrong before the daemon runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use dclass::DcFile;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::cli::out::{complain, say};
use crate::config::{
    self, Address, BackendConfig, ClientTlsConfig, Config, DoIdRange, Host, LinkTlsConfig, Loaded,
    RoleConfig, Survey,
};
use crate::finding::{Finding, Severity};
use crate::store::{Schema, rehearse};

/// What to check.
#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = super::DEFAULT_CONFIG)]
    file: PathBuf,

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
    let mut survey = config::survey(&arguments.file);
    look_around(&mut survey);
    let findings = &survey.findings;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match arguments.format {
        Format::Json => findings.iter().for_each(|finding| say!("{}", finding.json())),
        Format::Human => {
            for finding in findings {
                finding.print();
                complain!("");
            }
            if !findings.is_empty() {
                complain!("{}", count(errors, findings.len() - errors));
            }
        }
    }
    if let Some(unseen) = survey.unseen() {
        complain!("{unseen}");
    }
    if let (Survey { loaded: Some(loaded), dc: Some(dc), .. }, 0, Format::Human) =
        (&survey, errors, arguments.format)
    {
        say!("{}", summary(&loaded.config, dc));
    }
    u8::from(errors > 0)
}

/// "2 errors, 1 warning"
fn count(errors: usize, warnings: usize) -> String {
    let of = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let counts = [of(errors, "error"), of(warnings, "warning")];
    counts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Adds what this machine has to say of what could be read of a configuration.
fn look_around(survey: &mut Survey) {
    let Survey { loaded: Some(loaded), dc, findings, .. } = survey else { return };
    findings.extend(super::check_certificates(loaded));
    findings.extend(unwritable_logs(loaded));
    if leads_to_itself(&loaded.config) {
        let message = "leads to messagedirector.bind, this daemon itself";
        findings.push(loaded.about(Severity::Warning, "messagedirector.connect", message));
    }
    if let Some(dc) = dc {
        findings.extend(unusable_stores(loaded, Arc::clone(dc)));
    }
    // Those of the DC files follow in their order.
    let place = |finding: &Finding| match loaded.is_about(finding) {
        true => (0, finding.position()),
        false => (1, None),
    };
    findings.sort_by_key(place);
}

/// Stores on this machine's disks with which the daemon does not start.
fn unusable_stores(loaded: &Loaded, dc: Arc<DcFile>) -> Vec<Finding> {
    let schema = Schema::new(dc);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else {
        // Without threads nothing can be looked into, and nothing started.
        return Vec::new();
    };
    let roles = loaded.config.numbered_roles();
    let unusable = roles.filter_map(|(i, role)| {
        let RoleConfig::Database(database) = role else { return None };
        let error = runtime.block_on(rehearse(database, &schema)).err()?;
        let key = match &database.backend {
            BackendConfig::Sqlite { .. } => "file",
            BackendConfig::Yaml { .. } => "directory",
            BackendConfig::Soci { driver, .. } if driver == "sqlite3" => "database",
            BackendConfig::Soci { .. } => "address",
            BackendConfig::Postgres { .. } | BackendConfig::MySql { .. } => "url",
        };
        let key = format!("roles[{i}].backend.{key}");
        // What is to be done is in lines of its own.
        let text = error.to_string();
        let (message, help) = text.split_once('\n').unwrap_or((&text, ""));
        let finding = loaded.about(Severity::Error, &key, message);
        let help = Some(help.to_owned()).filter(|help| !help.is_empty());
        Some(Finding { help: help.into_iter().collect(), ..finding })
    });
    unusable.collect()
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
        let error = check_writable(&path).err()?;
        let message = format!("{} cannot be written here: {error}", path.display());
        Some(loaded.about(Severity::Warning, &format!("roles[{i}].output"), message))
    })
}

fn check_writable(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if is_pattern(folder) {
        return Ok(());
    }
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    match access(path, Access::WRITE_OK) {
        // It will be made, as one with a pattern is.
        Err(Errno::NOENT) => Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?),
        checked => Ok(checked?),
    }
}

/// Whether the path depends on the time.
fn is_pattern(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b'%')
}

fn summary(config: &Config, dc: &DcFile) -> String {
    let director = &config.message_director;
    let or_none = |address: &Option<Address>| match address {
        Some(address) => address.to_string(),
        None => "none".to_owned(),
    };
    let tls = director.tls.as_ref();
    let and_tls = |address: &LinkTlsConfig| match &address.bind {
        Some(address) => format!(" and with TLS on {address}"),
        None => String::new(),
    };
    let upstream_tls = match tls {
        Some(tls) if tls.connects && director.connect.is_some() => " with TLS",
        _ => "",
    };
    let mut lines = vec![
        format!("DC hash: {}", super::dc::hash_text(dc)),
        format!(
            "DC files: {}, with {} classes",
            config.general.dc_files.len(),
            dc.classes().count()
        ),
        format!("UberDOGs: {}", config.uberdogs.len()),
        format!("event logger: {}", or_none(&config.general.event_logger)),
        format!(
            "message director: listens on {}{}, upstream is {}{upstream_tls}",
            or_none(&director.bind),
            tls.map(and_tls).unwrap_or_default(),
            or_none(&director.connect)
        ),
    ];
    lines.extend(config.roles.iter().map(describe));
    lines.join("\n")
}

fn describe(role: &RoleConfig) -> String {
    match role {
        RoleConfig::ClientAgent(role) => {
            let versions: Vec<String> =
                role.versions.iter().map(|one| format!("{one:?}")).collect();
            let binds = match role.tls.as_deref() {
                None => role.bind.to_string(),
                Some(ClientTlsConfig { bind: None, .. }) => format!("{} with TLS", role.bind),
                Some(ClientTlsConfig { bind: Some(tls), .. }) => {
                    format!("{} and with TLS on {tls}", role.bind)
                }
            };
            format!(
                "client agent: listens on {binds}, version {}, channels {}",
                versions.join(" or "),
                role.channels
            )
        }
        RoleConfig::StateServer(role) => format!("state server: channel {}", role.control),
        RoleConfig::Database(role) => {
            let (control, generate) = (role.control, role.generate);
            let backend = match &role.backend {
                BackendConfig::Sqlite { file, .. } => format!("SQLite {}", file.display()),
                BackendConfig::Postgres { .. } => "PostgreSQL".to_owned(),
                BackendConfig::MySql { .. } => "MySQL".to_owned(),
                BackendConfig::Yaml { directory, .. } => format!("YAML {}", directory.display()),
                BackendConfig::Soci { driver, .. } => format!("SOCI {driver}"),
            };
            format!("database server: channel {control}, new objects {generate}, {backend}")
        }
        RoleConfig::DbStateServer(role) => {
            let ranges: Vec<String> = role.ranges.iter().map(DoIdRange::to_string).collect();
            let (database, ranges) = (role.database, ranges.join(", "));
            format!("database-state server: database {database}, objects {ranges}")
        }
        RoleConfig::EventLogger(role) => {
            format!("event logger: listens on {}, writes {}", role.bind, role.output)
        }
    }
}
