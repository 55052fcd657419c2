//! Configurations that are right, and hardly meant as they are.

use std::collections::HashSet;
use std::net::IpAddr;

use super::address::Host;
use super::model::{Config, RoleConfig};
use super::websocket::WebSocketConfig;
use crate::ids::Channel;

/// Something that is hardly meant: the key, and what is odd.
pub(super) struct Doubt {
    pub key: String,
    pub message: String,
}

/// What is odd in a configuration as a whole. A daemon with it starts.
pub(super) fn doubts(config: &Config) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let mut doubt = |key: &str, message: String| {
        doubts.push(Doubt { key: key.to_owned(), message });
    };
    let tls = config.message_director.tls.as_ref();
    let listens =
        config.message_director.bind.is_some() || tls.is_some_and(|tls| tls.bind.is_some());
    if config.roles.is_empty() && !listens {
        let message = "without roles and `messagedirector.bind` the daemon does nothing";
        doubt("roles", message.to_owned());
    }
    let needs_dc = config.roles.iter().any(|role| !matches!(role, RoleConfig::EventLogger(_)));
    if needs_dc && config.general.dc_files.is_empty() {
        let message = "without DC files there are no classes, so that no object can be made";
        doubt("general.dc_files", message.to_owned());
    }
    if let Some(open) = open_director(config) {
        doubt("messagedirector.bind", open);
    }
    if let Some(open) = open_web(config) {
        doubt("web.bind", open);
    }
    for (i, agent) in config.numbered_roles() {
        let RoleConfig::ClientAgent(agent) = agent else { continue };
        if let Some(plain) = agent.websocket.as_deref().and_then(plain_websocket) {
            doubt(&format!("roles[{i}].websocket.bind"), plain);
        }
    }
    for (i, database) in databases_of_nobody(config) {
        doubt(&format!("roles[{i}].database"), database);
    }
    doubts
}

/// Whether nobody from elsewhere comes to an address, and whether only those of a private network do; nothing is known of
/// what a name leads to.
const fn reach(host: &Host) -> Option<(bool, bool)> {
    match host {
        Host::Ip(IpAddr::V4(ip)) => Some((ip.is_loopback(), ip.is_private() || ip.is_link_local())),
        Host::Ip(IpAddr::V6(ip)) => Some((ip.is_loopback(), ip.is_unique_local())),
        // Where it leads to is found at the start.
        Host::Name(_) => None,
    }
}

/// What to say of a WebSocket that players' browsers will hardly open.
fn plain_websocket(websocket: &WebSocketConfig) -> Option<String> {
    let (is_here, is_private) = reach(&websocket.bind.host)?;
    if is_here || is_private || websocket.tls.is_some() || !websocket.trusted_proxies.is_empty() {
        return None;
    }
    Some(format!(
        "{} is not encrypted, and browsers let a page that came by https connect to wss only: use `websocket.tls`, or \
         have a proxy encrypt, and name it in `websocket.trusted_proxies`",
        websocket.bind
    ))
}

/// What to say of figures that anybody could read. They need no user.
fn open_web(config: &Config) -> Option<String> {
    let web = config.web.as_ref()?;
    // What is to be said of passwords is said of them.
    if web.has_console || web.tls.is_some() || web.is_public() != Some(true) {
        return None;
    }
    Some(format!(
        "{} is open, unencrypted, to whoever reaches it, and asks for no password; use a loopback address, and a \
         proxy before it where others are to see it",
        web.bind
    ))
}

/// What to say of a message director to which anybody could connect. Whoever is linked can do everything.
fn open_director(config: &Config) -> Option<String> {
    let director = &config.message_director;
    let bind = director.bind.as_ref()?;
    let (is_here, is_private) = reach(&bind.host)?;
    if is_here || is_private && !director.allow.is_empty() {
        return None;
    }
    Some(format!(
        "{bind} is open, unencrypted, to whoever reaches it, and who does can do everything; \
         use `messagedirector.tls`, or a private address with `messagedirector.allow`"
    ))
}

/// Database-state servers whose database is not in this file although it should be. In a cluster it may be another
/// daemon's: then this one has no database at all, and is linked to others.
fn databases_of_nobody(config: &Config) -> impl Iterator<Item = (usize, String)> {
    /// So many others are named.
    const SHOWN: usize = 3;
    let served = config.roles.iter().filter_map(|role| match role {
        RoleConfig::Database(database) => Some(database.control),
        _ => None,
    });
    let served: Vec<Channel> = served.collect();
    let known: HashSet<Channel> = served.iter().copied().collect();
    let shown: Vec<String> = served.iter().take(SHOWN).map(Channel::to_string).collect();
    let shown = shown.join(", ");
    let others = match served.len() {
        0 => "this file has none".to_owned(),
        1 => format!("this file's is {shown}"),
        2..=SHOWN => format!("this file's are {shown}"),
        count => format!("this file's are {shown} and {} more", count - SHOWN),
    };
    let is_upstream_possible = config.message_director.connect.is_some() && served.is_empty();
    config.numbered_roles().filter_map(move |(i, role)| {
        let RoleConfig::DbStateServer(server) = role else { return None };
        let control = server.database;
        if is_upstream_possible || known.contains(&control) {
            return None;
        }
        Some((i, format!("no database of this file has the channel {control}: {others}")))
    })
}
