//! Parts of a configuration that are right by themselves and wrong together.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::address::{Address, Host};
use super::model::{BackendConfig, Config, RoleConfig};
use super::overlap::{Interval, overlaps};
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

#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The doIds with which clients make objects.
    Made,
    /// The parent of all zones of such clients.
    Root,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Control => "control channel",
            Kind::Sessions => "client channels",
            Kind::UberDog => "id",
            Kind::Generate => "generated ids",
            Kind::Loaded => "range",
            Kind::Made => "clients' doIds",
            Kind::Root => "root",
        })
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Claim { kind, low, high, .. } = self;
        if low == high { write!(f, "{kind} {low}") } else { write!(f, "{kind} {low}-{high}") }
    }
}

/// Says which parts of `config` take the same channel, doId or network address: each at most once, with the first one
/// before it.
///
/// A daemon whose parts share channels starts, as Astron does, but they get each other's messages. One that would
/// listen twice on one address does not.
pub fn conflicts(config: &Config) -> Vec<Conflict> {
    conflicts_without(config, |_| false)
}

/// The same, without channels of keys that are `left_out`.
pub(super) fn conflicts_without(config: &Config, left_out: impl Fn(&str) -> bool) -> Vec<Conflict> {
    let mut claims = claims(config);
    claims.retain(|claim| !left_out(&claim.key));
    let mut found = shared_channels(&claims);
    found.extend(second_uberdogs(config));
    found.extend(second_owners(config));
    found.extend(logs_in_databases(config));
    found.extend(taken_addresses(config));
    found
}

fn shared_channels(claims: &[Claim]) -> Vec<Conflict> {
    let interval =
        |Claim { kind, low, high, .. }: &Claim| Interval { kind: *kind, low: low.0, high: high.0 };
    let intervals: Vec<_> = claims.iter().map(interval).collect();
    let conflict = |(claim, found): (&Claim, Option<(usize, usize)>)| {
        let (first, more) = found?;
        let one = &claims[first];
        let more = if more == 0 { String::new() } else { format!(", and {more} more") };
        Some(Conflict {
            severity: Severity::Warning,
            key: claim.key.clone(),
            message: format!("{claim} overlaps {one} of {}{more}", one.owner),
            other: one.key.clone(),
            other_has: one.to_string(),
        })
    };
    claims.iter().zip(overlaps(&intervals, is_shared)).filter_map(conflict).collect()
}

/// UberDOGs that take the place of an earlier one.
fn second_uberdogs(config: &Config) -> impl Iterator<Item = Conflict> {
    let mut known = HashMap::new();
    config.numbered_uberdogs().filter_map(move |(i, uberdog)| {
        let (j, before) = known.insert(uberdog.id, (i, &uberdog.class))?;
        let (id, class) = (uberdog.id, &uberdog.class);
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
            // Agents of one world have the same; it may be an UberDOG, or stored in a database.
            | (Kind::Root, Kind::Root | Kind::UberDog | Kind::Generate | Kind::Loaded)
            | (Kind::UberDog | Kind::Generate | Kind::Loaded, Kind::Root)
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
                match role.client.kind.panda3d() {
                    None => claim(&owner, key("channels"), Kind::Sessions, range),
                    // Their channels follow from these.
                    Some(panda3d) => {
                        let range = channels(panda3d.do_ids.min, panda3d.do_ids.max);
                        claim(&owner, key("client.doids"), Kind::Made, range);
                        let range = channels(panda3d.root, panda3d.root);
                        claim(&owner, key("client.root"), Kind::Root, range);
                    }
                }
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
    let mut known = HashMap::new();
    config.numbered_roles().filter_map(move |(i, role)| {
        let RoleConfig::Database(database) = role else { return None };
        let BackendConfig::Yaml { directory, .. } = &database.backend else { return None };
        // A directory has many names: with a slash at its end, or by a link.
        let ways = ways_to(&config.base_dir.join(directory));
        let before = ways.iter().find_map(|way| known.get(way)).copied();
        let (j, before) = before.unwrap_or((i, role));
        known.extend(ways.into_iter().map(|way| (way, (j, before))));
        (i != j).then(|| Conflict {
            severity: Severity::Error,
            key: format!("roles[{i}].backend.directory"),
            message: format!(
                "{} is the directory of {} already, which has it for itself",
                directory.display(),
                role_name(j, before)
            ),
            other: format!("roles[{j}].backend.directory"),
            other_has: "the other one".to_owned(),
        })
    })
}

/// Event logs that would be written into files of a database: its objects would be lost.
fn logs_in_databases(config: &Config) -> Vec<Conflict> {
    let logs = config.numbered_roles().filter_map(|(i, role)| match role {
        RoleConfig::EventLogger(logger) => Some((i, config.base_dir.join(&logger.output))),
        _ => None,
    });
    let mut logs = logs.peekable();
    if logs.peek().is_none() {
        // Paths need not be looked up.
        return Vec::new();
    }
    let stores = Stores::of(config);
    let conflict = |(i, output): (usize, PathBuf)| {
        let (j, role, key) = stores.at(&output)?;
        Some(Conflict {
            severity: Severity::Error,
            key: format!("roles[{i}].output"),
            message: format!("{} is a file of {}", output.display(), role_name(j, role)),
            other: format!("roles[{j}].backend.{key}"),
            other_has: "the database".to_owned(),
        })
    };
    logs.filter_map(conflict).collect()
}

/// A role with its number and the key that says where its database is.
type Store<'a> = (usize, &'a RoleConfig, &'static str);

/// Where databases are: of two at one place the first.
#[derive(Default)]
struct Stores<'a> {
    files: HashMap<PathBuf, Store<'a>>,
    /// All that ends like a file of theirs is taken for one.
    directories: HashMap<PathBuf, Store<'a>>,
}

impl<'a> Stores<'a> {
    fn of(config: &'a Config) -> Self {
        /// Behind the name of a SQLite database.
        const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];
        let mut stores = Stores::default();
        for (i, role) in config.numbered_roles() {
            let RoleConfig::Database(database) = role else { continue };
            let (file, key) = match &database.backend {
                BackendConfig::Sqlite { file, .. } => (file.as_path(), "file"),
                BackendConfig::Soci { driver, database, .. } if driver == "sqlite3" => {
                    (Path::new(database), "database")
                }
                BackendConfig::Yaml { directory, .. } => {
                    let path = config.base_dir.join(directory);
                    note(&mut stores.directories, path, (i, role, "directory"));
                    continue;
                }
                _ => continue,
            };
            for suffix in BESIDE {
                let mut name = config.base_dir.join(file).into_os_string();
                name.push(suffix);
                note(&mut stores.files, name.into(), (i, role, key));
            }
        }
        stores
    }

    /// The one that a file belongs to.
    fn at(&self, file: &Path) -> Option<Store<'a>> {
        let is_yaml = file.extension().is_some_and(|end| end == "yaml");
        let folder = file.parent().filter(|_| is_yaml);
        let among = |stores: &HashMap<PathBuf, Store<'a>>, path: &Path| {
            let found = ways_to(path).into_iter().filter_map(|way| stores.get(&way).copied());
            found.min_by_key(|(i, ..)| *i)
        };
        let found =
            [among(&self.files, file), folder.and_then(|folder| among(&self.directories, folder))];
        found.into_iter().flatten().min_by_key(|(i, ..)| *i)
    }
}

fn note<'a>(stores: &mut HashMap<PathBuf, Store<'a>>, path: PathBuf, store: Store<'a>) {
    for way in ways_to(&path) {
        stores.entry(way).or_insert(store);
    }
}

/// A path as it is written, and where it leads to.
fn ways_to(path: &Path) -> Vec<PathBuf> {
    [Some(path.to_owned()), path.canonicalize().ok()].into_iter().flatten().collect()
}

/// A part that listens.
struct Listener<'a> {
    owner: String,
    /// The key of its address.
    key: String,
    transport: Transport,
    address: &'a Address,
}

#[derive(Copy, Clone, PartialEq, Eq, Hash)]
enum Transport {
    Tcp,
    Udp,
}

/// Listeners on an address that an earlier one has: the system gives it to nobody else then. What names lead to is not
/// known here.
fn taken_addresses(config: &Config) -> Vec<Conflict> {
    /// An address, any of IPv4 (`true`) or IPv6, or all of one of them.
    #[derive(PartialEq, Eq, Hash)]
    enum Place<'a> {
        One(&'a Host),
        Any(bool),
        All(bool),
    }
    let listeners = listeners(config);
    let mut known: HashMap<(Transport, u16, Place<'_>), usize> = HashMap::new();
    let mut found = Vec::new();
    for (i, listener) in listeners.iter().enumerate() {
        let Listener { transport, address: Address { host, port }, .. } = listener;
        if *port == 0 {
            continue;
        }
        let (takes, minds) = match host {
            Host::Name(_) => (vec![Place::One(host)], vec![Place::One(host)]),
            Host::Ip(ip) if ip.is_unspecified() => {
                let family = ip.is_ipv4();
                (vec![Place::Any(family), Place::All(family)], vec![Place::Any(family)])
            }
            Host::Ip(ip) => {
                let family = ip.is_ipv4();
                let takes = vec![Place::One(host), Place::Any(family)];
                (takes, vec![Place::One(host), Place::All(family)])
            }
        };
        let before = minds.into_iter().filter_map(|place| known.get(&(*transport, *port, place)));
        found.extend(before.min().map(|before| taken(listener, &listeners[*before])));
        for place in takes {
            known.entry((*transport, *port, place)).or_insert(i);
        }
    }
    found
}

fn taken(listener: &Listener<'_>, before: &Listener<'_>) -> Conflict {
    let Listener { owner, key: other, address, .. } = before;
    let taken = listener.address;
    let message = match taken == *address {
        true => format!("{taken} is taken by {owner} too"),
        false => format!("{taken} is taken by {owner} too, which listens on {address}"),
    };
    Conflict {
        severity: Severity::Error,
        key: listener.key.clone(),
        message,
        other: other.clone(),
        other_has: address.to_string(),
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
    let web = config.web.iter().map(|web| Listener {
        owner: "web".to_owned(),
        key: "web.bind".to_owned(),
        transport: Transport::Tcp,
        address: &web.bind,
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
