//! Configurations that are right, and hardly meant as they are.

use super::model::{Config, RoleConfig};

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
    if config.roles.is_empty() && config.message_director.bind.is_none() {
        let message = "without roles and `messagedirector.bind` the daemon does nothing";
        doubt("roles", message.to_owned());
    }
    let needs_dc = config.roles.iter().any(|role| !matches!(role, RoleConfig::EventLogger(_)));
    if needs_dc && config.general.dc_files.is_empty() {
        let message = "without DC files there are no classes, so that no object can be made";
        doubt("general.dc_files", message.to_owned());
    }
    for (i, database) in databases_of_nobody(config) {
        doubt(&format!("roles[{i}].database"), database);
    }
    doubts
}

/// Database-state servers whose database is not in this file although it should be. In a cluster it may be another
/// daemon's: then this one has no database at all, and is linked to others.
fn databases_of_nobody(config: &Config) -> impl Iterator<Item = (usize, String)> {
    let served = || {
        config.roles.iter().filter_map(|role| match role {
            RoleConfig::Database(database) => Some(database.control),
            _ => None,
        })
    };
    let is_upstream_possible =
        config.message_director.connect.is_some() && served().next().is_none();
    config.numbered_roles().filter_map(move |(i, role)| {
        let RoleConfig::DbStateServer(server) = role else { return None };
        let control = server.database;
        if is_upstream_possible || served().any(|served| served == control) {
            return None;
        }
        let others: Vec<String> = served().map(|served| served.to_string()).collect();
        let others = match &others[..] {
            [] => "this file has none".to_owned(),
            others => format!("this file's is {}", others.join(", ")),
        };
        Some((i, format!("no database of this file has the channel {control}: {others}")))
    })
}
