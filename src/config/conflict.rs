//! Parts of a configuration that are right by themselves and wrong together.

use std::fmt;

use super::address::Address;
use super::model::{Config, RoleConfig};
use crate::ids::{Channel, DoId};

/// A part of a configuration that does not go together with one before it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The key of the later one.
    pub key: String,
    /// What it has in common with which other.
    pub message: String,
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

/// Says which parts of `config` take the same channel, doId or TCP address.
///
/// A daemon with such a configuration starts, as Astron does, but its parts get each other's
/// messages.
pub fn conflicts(config: &Config) -> Vec<Conflict> {
    let claims = claims(config);
    let mut found = Vec::new();
    for (i, one) in claims.iter().enumerate() {
        for other in &claims[i + 1..] {
            let overlap = one.low <= other.high && other.low <= one.high;
            if overlap && !is_shared(one.kind, other.kind) {
                let key = other.key.clone();
                let message = format!("{other} overlaps {one} of {}", one.owner);
                found.push(Conflict { key, message });
            }
        }
    }
    let listeners = listeners(config);
    for (i, (_, key, address)) in listeners.iter().enumerate() {
        let before = listeners[..i].iter().find(|(.., before)| before == address);
        if let Some((owner, ..)) = before {
            let message = format!("{address} is taken by {owner} too");
            found.push(Conflict { key: key.clone(), message });
        }
    }
    found
}

/// A database makes the objects that a database-state server then answers for.
fn is_shared(one: Kind, other: Kind) -> bool {
    matches!((one, other), (Kind::Generate, Kind::Loaded) | (Kind::Loaded, Kind::Generate))
}

fn claims(config: &Config) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut claim = |owner: &str, key: String, kind, (low, high)| {
        claims.push(Claim { owner: owner.to_owned(), key, kind, low, high });
    };
    for (i, uberdog) in config.uberdogs.iter().enumerate() {
        let owner = format!("uberdogs[{i}] ({})", uberdog.class);
        let channel = uberdog.id.channel();
        claim(&owner, format!("uberdogs[{i}].id"), Kind::UberDog, (channel, channel));
    }
    let channels = |min: DoId, max: DoId| (min.channel(), max.channel());
    for (i, role) in config.roles.iter().enumerate() {
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

/// The parts that listen on TCP, with the keys of their addresses.
fn listeners(config: &Config) -> Vec<(String, String, &Address)> {
    let director = config.message_director.bind.iter();
    let director = director
        .map(|bind| ("messagedirector".to_owned(), "messagedirector.bind".to_owned(), bind));
    let agents = config.roles.iter().enumerate().filter_map(|(i, role)| match role {
        RoleConfig::ClientAgent(agent) => {
            Some((role_name(i, role), format!("roles[{i}].bind"), &agent.bind))
        }
        _ => None,
    });
    director.chain(agents).collect()
}

fn role_name(index: usize, role: &RoleConfig) -> String {
    let role_type = match role {
        RoleConfig::ClientAgent(_) => "clientagent",
        RoleConfig::StateServer(_) => "stateserver",
        RoleConfig::Database(_) => "database",
        RoleConfig::DbStateServer(_) => "dbss",
        RoleConfig::EventLogger(_) => "eventlogger",
    };
    format!("roles[{index}] ({role_type})")
}
