//! `donet check FILE`: everything that can be known to be wrong before the daemon runs.

use std::io;
use std::path::{Path, PathBuf};

use dclass::DcFile;
use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::config::{
    self, Address, BackendConfig, Config, Diagnostic, DoIdRange, Host, Loaded, RoleConfig,
};

/// What to check.
#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The configuration file
    #[arg(value_name = "FILE", default_value = super::DEFAULT_CONFIG)]
    file: PathBuf,
}

/// Checks and prints; returns the exit code.
pub(super) fn run(arguments: &Arguments) -> u8 {
    let loaded = match config::load_with_warnings(&arguments.file) {
        Ok(loaded) => loaded,
        Err(errors) => {
            eprintln!("{errors}");
            return 1;
        }
    };
    let config = &loaded.config;
    let mut warnings = loaded.warnings.clone();
    warnings.extend(unwritable_files(&loaded));
    if leads_to_itself(config) {
        let message = "leads to messagedirector.bind, this daemon itself";
        warnings.push(loaded.diagnostic("messagedirector.connect", message));
    }
    warnings.sort_by_key(|warning| warning.position);
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    let options = dclass::Options { string_encoding: config.general.string_encoding };
    let dc = match dclass::read_with(&config.general.dc_files, options) {
        Ok(dc) => dc,
        Err(diagnostics) => {
            eprintln!("{diagnostics}");
            return 1;
        }
    };
    for warning in dc.warnings() {
        eprintln!("{warning}");
    }
    let errors = unknown_classes(&loaded, &dc);
    for error in &errors {
        eprintln!("{error}");
    }
    if !errors.is_empty() {
        return 1;
    }
    println!("{}", summary(config, &dc));
    0
}

/// UberDOGs of classes that no DC file has: with these the daemon does not start.
fn unknown_classes(loaded: &Loaded, dc: &DcFile) -> Vec<Diagnostic> {
    let unknown = loaded.config.uberdogs.iter().enumerate().filter_map(|(i, uberdog)| {
        let class = &uberdog.class;
        if dc.class_by_name(class).is_some() {
            return None;
        }
        let key = format!("uberdogs[{i}].class");
        Some(loaded.diagnostic(&key, format!("the DC files have no class `{class}`")))
    });
    unknown.collect()
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

/// Files that the daemon could not write, if it ran here and by whoever runs this: a configuration may be for another
/// machine.
fn unwritable_files(loaded: &Loaded) -> impl Iterator<Item = Diagnostic> {
    let config = &loaded.config;
    config.roles.iter().enumerate().filter_map(move |(i, role)| {
        let (key, path) = match role {
            RoleConfig::EventLogger(role) => ("output", config.base_dir.join(&role.output)),
            RoleConfig::Database(role) => match &role.backend {
                BackendConfig::Sqlite { file, .. } => ("backend.file", file.clone()),
                _ => return None,
            },
            _ => return None,
        };
        let error = check_writable(&path).err()?;
        let message = format!("{} cannot be written here: {error}", path.display());
        Some(loaded.diagnostic(&format!("roles[{i}].{key}"), message))
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
            "message director: listens on {}, upstream is {}",
            or_none(&director.bind),
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
            format!(
                "client agent: listens on {}, version {}, channels {}",
                role.bind,
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
                BackendConfig::MongoDb { .. } => "MongoDB".to_owned(),
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
