//! Parts of a configuration that are right by themselves and wrong together.

use std::fmt;

use super::address::Address;
use super::model::{Config, RoleConfig};
use crate::ids::{Channel, DoId};

/// Channels that something of the configuration takes for itself.
struct Claim {
    owner: String,
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
        let Claim { owner, kind, low, high } = self;
        if low == high {
            write!(f, "{owner}: {kind} {low}")
        } else {
            write!(f, "{owner}: {kind} {low}-{high}")
        }
    }
}

/// Says which parts of `config` take the same channel, doId or TCP address, one line each.
///
/// A daemon with such a configuration starts, as Astron does, but its parts get each other's
/// messages.
pub fn conflicts(config: &Config) -> Vec<String> {
    let claims = claims(config);
    let mut found = Vec::new();
    for (i, one) in claims.iter().enumerate() {
        for other in &claims[i + 1..] {
            let overlap = one.low <= other.high && other.low <= one.high;
            if overlap && !is_shared(one.kind, other.kind) {
                found.push(format!("{one} overlaps {other}"));
            }
        }
    }
    let listeners = listeners(config);
    for (i, (owner, address)) in listeners.iter().enumerate() {
        for (other, other_address) in &listeners[i + 1..] {
            if address == other_address {
                found.push(format!("{owner}: bind {address} is taken by {other} too"));
            }
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
    let mut claim = |owner: &str, kind, low, high| {
        claims.push(Claim { owner: owner.to_owned(), kind, low, high });
    };
    for (i, uberdog) in config.uberdogs.iter().enumerate() {
        let owner = format!("uberdogs[{i}] ({})", uberdog.class);
        let channel = uberdog.id.channel();
        claim(&owner, Kind::UberDog, channel, channel);
    }
    let channels = |min: DoId, max: DoId| (min.channel(), max.channel());
    for (i, role) in config.roles.iter().enumerate() {
        let owner = role_name(i, role);
        match role {
            RoleConfig::ClientAgent(role) => {
                let (low, high) = (role.channels.low(), role.channels.high());
                claim(&owner, Kind::Sessions, low, high);
            }
            RoleConfig::StateServer(role) => {
                claim(&owner, Kind::Control, role.control, role.control);
            }
            RoleConfig::Database(role) => {
                claim(&owner, Kind::Control, role.control, role.control);
                let (low, high) = channels(role.generate.min, role.generate.max);
                claim(&owner, Kind::Generate, low, high);
            }
            RoleConfig::DbStateServer(role) => {
                for range in &role.ranges {
                    let (low, high) = channels(range.min, range.max);
                    claim(&owner, Kind::Loaded, low, high);
                }
            }
            RoleConfig::EventLogger(_) => {}
        }
    }
    claims
}

/// The parts that listen on TCP.
fn listeners(config: &Config) -> Vec<(String, &Address)> {
    let director = config.message_director.bind.iter();
    let director = director.map(|bind| ("messagedirector".to_owned(), bind));
    let agents = config.roles.iter().enumerate().filter_map(|(i, role)| match role {
        RoleConfig::ClientAgent(agent) => Some((role_name(i, role), &agent.bind)),
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
