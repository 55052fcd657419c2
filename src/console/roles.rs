//! The roles of the daemon, as the configuration names them and as the router knows them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::config::{Config, RoleConfig};
use crate::router::{Key, Router};

/// What a role is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleKind {
    /// Clients connect to it.
    ClientAgent,
    /// It has objects in memory.
    StateServer,
    /// It has stored objects in memory.
    DbStateServer,
    /// It stores objects.
    Database,
    /// It writes events.
    EventLogger,
}

/// A role, as the configuration has it.
#[derive(Clone, Debug)]
pub struct RoleSeen {
    /// Its place in the configuration.
    pub id: usize,
    /// What it is.
    pub kind: RoleKind,
    /// Where it listens, if it does.
    pub address: Option<String>,
    /// The channel by which it is spoken to, if it has one.
    pub channel: Option<crate::ids::Channel>,
    /// The type of its clients, if it is a client agent.
    pub client_type: Option<&'static str>,
}

impl RoleSeen {
    fn new(id: usize, role: &RoleConfig) -> Self {
        let (kind, address, channel, client_type) = match role {
            RoleConfig::ClientAgent(agent) => {
                let address = agent.addresses().next().map(|(_, address)| address.to_string());
                let client_type = agent.client.kind.name();
                (RoleKind::ClientAgent, address, None, Some(client_type))
            }
            RoleConfig::StateServer(server) => {
                (RoleKind::StateServer, None, Some(server.control), None)
            }
            RoleConfig::DbStateServer(server) => {
                (RoleKind::DbStateServer, None, Some(server.database), None)
            }
            RoleConfig::Database(database) => {
                (RoleKind::Database, None, Some(database.control), None)
            }
            RoleConfig::EventLogger(logger) => {
                (RoleKind::EventLogger, Some(logger.bind.to_string()), None, None)
            }
        };
        RoleSeen { id, kind, address, channel, client_type }
    }

    /// What people call it.
    pub fn name(&self) -> String {
        let words = match self.kind {
            RoleKind::ClientAgent => "client agent",
            RoleKind::StateServer => "state server",
            RoleKind::DbStateServer => "database-state server",
            RoleKind::Database => "database",
            RoleKind::EventLogger => "event logger",
        };
        match (&self.address, self.channel) {
            (Some(address), _) => format!("{words} {address}"),
            (None, Some(channel)) => format!("{words} {channel}"),
            (None, None) => words.to_owned(),
        }
    }

    /// Whether it is asked through the router what it holds.
    const fn is_resident(&self) -> bool {
        matches!(self.kind, RoleKind::ClientAgent | RoleKind::StateServer | RoleKind::DbStateServer)
    }
}

/// The roles of a configuration.
pub fn of_config(config: &Config) -> Vec<RoleSeen> {
    config.roles.iter().enumerate().map(|(id, role)| RoleSeen::new(id, role)).collect()
}

/// Those that can be asked what they hold, each with its place in the router. Roles come to it in the order of the configuration; while the
/// daemon starts, the last are missing.
pub fn residents<'r>(router: &Router, roles: &'r [RoleSeen]) -> Vec<(Key, &'r RoleSeen)> {
    let keys = router.roles().into_iter().map(|(key, _)| key);
    keys.zip(roles.iter().filter(|role| role.is_resident())).collect()
}
