//! Parts of a configuration that are right by themselves and wrong together.

use std::fmt;
use std::path::Path;

use super::address::{Address, Host};
use super::model::{BackendConfig, Config, RoleConfig};
use crate::finding::Severity;
use crate::ids::{Channel, DoId};

/// A part of a configuration that does not go together with one before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// Whether the daemon cannot start with it.
    pub severity: Severity,
    /// The key of the later one.
    pub key: String,
    /// What it has in common with which other.
    pub message: String,
    /// The key of the one before.
    pub other: String,
    /// What that one has.
    pub other_has: String,
}

/// Channels that something of the configuration takes for itself.
struct Claim {
    owner: String,
    /// The key that says which, from the owner on.
    key: String,
    kind: Kind,
    low: Channel,
    high: Channel,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Kind {
    /// The channel on which a role is spoken to.
    Control,
    /// The channels given to client sessions.
    Sessions,
    /// The doId of an UberDOG.
    UberDog,
    /// The doIds that a database gives to new objects.
    Generate,
    /// The doIds that a database-state server answers for.
    Loaded,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Control => "control channel",
            Kind::Sessions => "client channels",
            Kind::UberDog => "id",
            Kind::Generate => "generated ids",
            Kind::Loaded => "range",
        })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { kind, low, high, .. } = self;
        if low == high { write!(f, "{kind} {low}") } else { write!(f, "{kind} {low}-{high}") }
    }
}

/// Says which parts of `config` take the same channel, doId or network address.
///
/// A daemon whose parts share channels starts, as Astron does, but they get each other's messages. One that would
/// listen twice on one address does not.
pub fn conflicts(config: &Config) -> Vec<Conflict> {
    let claims = claims(config);
    let mut found = Vec::new();
    for (i, one) in claims.iter().enumerate() {
        for other in &claims[i + 1..] {
            let overlap = one.low <= other.high && other.low <= one.high;
            if overlap && !is_shared(one.kind, other.kind) {
                found.push(Conflict {
                    severity: Severity::Warning,
                    key: other.key.clone(),
                    message: format!("{other} overlaps {one} of {}", one.owner),
                    other: one.key.clone(),
                    other_has: one.to_string(),
                });
            }
        }
    }
    found.extend(second_uberdogs(config));
    found.extend(second_owners(config));
    found.extend(logs_in_databases(config));
    let listeners = listeners(config);
    for (i, listener) in listeners.iter().enumerate() {
        let before = listeners[..i].iter().find(|before| before.excludes(listener));
        if let Some(Listener { owner, key: other, address, .. }) = before {
            let taken = listener.address;
            let message = match taken == *address {
                true => format!("{taken} is taken by {owner} too"),
                false => format!("{taken} is taken by {owner} too, which listens on {address}"),
            };
            found.push(Conflict {
                severity: Severity::Error,
                key: listener.key.clone(),
                message,
                other: other.clone(),
                other_has: address.to_string(),
            });
        }
    }
    found
}

/// UberDOGs that take the place of an earlier one.
fn second_uberdogs(config: &Config) -> impl Iterator<Item = Conflict> {
    let uberdogs: Vec<_> = config.numbered_uberdogs().collect();
    (0..uberdogs.len()).filter_map(move |n| {
        let (i, uberdog) = uberdogs[n];
        let (j, before) = *uberdogs[..n].iter().rfind(|(_, before)| before.id == uberdog.id)?;
        let (id, class, before) = (uberdog.id, &uberdog.class, &before.class);
        Some(Conflict {
            severity: Severity::Warning,
            key: format!("uberdogs[{i}].id"),
            message: format!(
                "{id} is the id of uberdogs[{j}] ({before}) already; the last one holds: {class}"
            ),
            other: format!("uberdogs[{j}].id"),
            other_has: format!("{before} gives way"),
        })
    })
}

/// A database makes the objects that a database-state server then answers for.
fn is_shared(one: Kind, other: Kind) -> bool {
    matches!(
        (one, other),
        (Kind::Generate, Kind::Loaded)
            | (Kind::Loaded, Kind::Generate)
            // Of these only the last one is there.
            | (Kind::UberDog, Kind::UberDog)
    )
}

fn claims(config: &Config) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut claim = |owner: &str, key: String, kind, (low, high)| {
        claims.push(Claim { owner: owner.to_owned(), key, kind, low, high });
    };
    for (i, uberdog) in config.numbered_uberdogs() {
        let owner = format!("uberdogs[{i}] ({})", uberdog.class);
        let channel = uberdog.id.channel();
        claim(&owner, format!("uberdogs[{i}].id"), Kind::UberDog, (channel, channel));
    }
    let channels = |min: DoId, max: DoId| (min.channel(), max.channel());
    for (i, role) in config.numbered_roles() {
        let owner = role_name(i, role);
        let key = |name: &str| format!("roles[{i}].{name}");
        match role {
            RoleConfig::ClientAgent(role) => {
                let range = (role.channels.low(), role.channels.high());
                claim(&owner, key("channels"), Kind::Sessions, range);
            }
            RoleConfig::StateServer(role) => {
                claim(&owner, key("control"), Kind::Control, (role.control, role.control));
            }
            RoleConfig::Database(role) => {
                claim(&owner, key("control"), Kind::Control, (role.control, role.control));
                let range = channels(role.generate.min, role.generate.max);
                claim(&owner, key("generate"), Kind::Generate, range);
            }
            RoleConfig::DbStateServer(role) => {
                for (j, range) in role.ranges.iter().enumerate() {
                    let channels = channels(range.min, range.max);
                    claim(&owner, key(&format!("ranges[{j}]")), Kind::Loaded, channels);
                }
            }
            RoleConfig::EventLogger(_) => {}
        }
    }
    claims
}

/// Database servers that would have a YAML directory which an earlier one has for itself.
fn second_owners(config: &Config) -> impl Iterator<Item = Conflict> {
    let directories = config.numbered_roles().filter_map(|(i, role)| match role {
        RoleConfig::Database(database) => match &database.backend {
            BackendConfig::Yaml { directory, .. } => Some((i, role, directory)),
            _ => None,
        },
        _ => None,
    });
    let directories: Vec<_> = directories.collect();
    directories.clone().into_iter().enumerate().filter_map(move |(n, (i, _, path))| {
        let (j, before, _) = directories[..n].iter().find(|(.., before)| *before == path)?;
        Some(Conflict {
            severity: Severity::Error,
            key: format!("roles[{i}].backend.directory"),
            message: format!(
                "{} is the directory of {} already, which has it for itself",
                path.display(),
                role_name(*j, before)
            ),
            other: format!("roles[{j}].backend.directory"),
            other_has: "the other one".to_owned(),
        })
    })
}

/// Event logs that would be written into files of a database: its objects would be lost.
fn logs_in_databases(config: &Config) -> impl Iterator<Item = Conflict> {
    let logs = config.numbered_roles().filter_map(|(i, role)| match role {
        RoleConfig::EventLogger(logger) => Some((i, config.base_dir.join(&logger.output))),
        _ => None,
    });
    logs.filter_map(|(i, output)| {
        let (j, role, key) = config.numbered_roles().find_map(|(j, role)| match role {
            RoleConfig::Database(database) => {
                Some((j, role, key_of_file(config, &database.backend, &output)?))
            }
            _ => None,
        })?;
        Some(Conflict {
            severity: Severity::Error,
            key: format!("roles[{i}].output"),
            message: format!("{} is a file of {}", output.display(), role_name(j, role)),
            other: format!("roles[{j}].backend.{key}"),
            other_has: "the database".to_owned(),
        })
    })
}

/// The key that says where a database is, if a file is one of it.
fn key_of_file(config: &Config, backend: &BackendConfig, file: &Path) -> Option<&'static str> {
    /// Behind the name of a SQLite database.
    const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];
    let is_sqlite = |database: &Path| {
        BESIDE.iter().any(|suffix| {
            let mut name = database.as_os_str().to_owned();
            name.push(suffix);
            is_same(&config.base_dir.join(name), file)
        })
    };
    match backend {
        BackendConfig::Sqlite { file, .. } => is_sqlite(file).then_some("file"),
        BackendConfig::Soci { driver, database, .. } if driver == "sqlite3" => {
            is_sqlite(Path::new(database)).then_some("database")
        }
        // All that ends so is taken for one of its own.
        BackendConfig::Yaml { directory, .. } => {
            let is_in = file
                .parent()
                .is_some_and(|folder| is_same(&config.base_dir.join(directory), folder));
            (is_in && file.extension().is_some_and(|end| end == "yaml")).then_some("directory")
        }
        _ => None,
    }
}

/// Whether two paths are the same, however they are written, or lead to the same.
fn is_same(left: &Path, right: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    left.components().eq(right.components())
        || matches!((real(left), real(right)), (Some(left), Some(right)) if left == right)
}

/// A part that listens.
struct Listener<'a> {
    owner: String,
    /// The key of its address.
    key: String,
    transport: Transport,
    address: &'a Address,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

impl Listener<'_> {
    /// Whether the system gives the address of `other` to nobody as long as this one listens. What names lead to is not
    /// known here.
    fn excludes(&self, other: &Listener<'_>) -> bool {
        let (one, two) = (self.address, other.address);
        if self.transport != other.transport || one.port != two.port || one.port == 0 {
            return false;
        }
        match (&one.host, &two.host) {
            (Host::Ip(one), Host::Ip(two)) => {
                let is_any = one.is_unspecified() || two.is_unspecified();
                one == two || is_any && one.is_ipv4() == two.is_ipv4()
            }
            (Host::Name(one), Host::Name(two)) => one == two,
            _ => false,
        }
    }
}

fn listeners(config: &Config) -> Vec<Listener<'_>> {
    let director = &config.message_director;
    let tls = director.tls.as_ref().and_then(|tls| tls.bind.as_ref());
    let director = [("bind", director.bind.as_ref()), ("tls.bind", tls)];
    let director = director.into_iter().filter_map(|(key, address)| {
        Some(Listener {
            owner: "messagedirector".to_owned(),
            key: format!("messagedirector.{key}"),
            transport: Transport::Tcp,
            address: address?,
        })
    });
    let roles = config.numbered_roles().flat_map(|(i, role)| {
        let (transport, addresses) = match role {
            RoleConfig::ClientAgent(role) => (Transport::Tcp, role.addresses().collect()),
            RoleConfig::EventLogger(role) => (Transport::Udp, vec![("bind", &role.bind)]),
            _ => (Transport::Tcp, Vec::new()),
        };
        addresses.into_iter().map(move |(key, address)| Listener {
            owner: role_name(i, role),
            key: format!("roles[{i}].{key}"),
            transport,
            address,
        })
    });
    let web = config.web.iter().map(|address| Listener {
        owner: "web".to_owned(),
        key: "web.bind".to_owned(),
        transport: Transport::Tcp,
        address,
    });
    director.chain(web).chain(roles).collect()
}

pub(super) fn role_name(index: usize, role: &RoleConfig) -> String {
    let role_type = match role {
        RoleConfig::ClientAgent(_) => "clientagent",
        RoleConfig::StateServer(_) => "stateserver",
        RoleConfig::Database(_) => "database",
        RoleConfig::DbStateServer(_) => "dbss",
        RoleConfig::EventLogger(_) => "eventlogger",
    };
    format!("roles[{index}] ({role_type})")
}
