//! All message numbers and names, by family.

use super::{Client, ClientAgent, Control, Database, DbStateServer, StateServer};

/// One message of the protocol.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its number on the wire.
    pub number: u16,
    /// Its name in the protocol.
    pub name: &'static str,
}

/// Who a message is for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Family {
    /// Between a client and its client agent.
    Client,
    /// To a client's session.
    ClientAgent,
    /// To an object or a state server.
    StateServer,
    /// To a database-state server.
    DbStateServer,
    /// To a database server.
    Database,
    /// To a message director.
    Control,
}

impl Family {
    /// The family that a number belongs to, whether or not it has such a message.
    #[inline]
    pub const fn of(number: u16) -> Option<Family> {
        match number {
            1..=999 => Some(Family::Client),
            1000..=1999 => Some(Family::ClientAgent),
            2000..=2199 => Some(Family::StateServer),
            2200..=2299 => Some(Family::DbStateServer),
            3000..=3999 => Some(Family::Database),
            9000..=9999 => Some(Family::Control),
            _ => None,
        }
    }

    const fn rows(self) -> &'static [Row] {
        match self {
            Family::Client => Client::TABLE,
            Family::ClientAgent => ClientAgent::TABLE,
            Family::StateServer => StateServer::TABLE,
            Family::DbStateServer => DbStateServer::TABLE,
            Family::Database => Database::TABLE,
            Family::Control => Control::TABLE,
        }
    }
}

/// Every message of the protocol, family by family, each ascending.
pub fn table() -> impl Iterator<Item = Row> {
    use Family as F;
    [F::Client, F::ClientAgent, F::StateServer, F::DbStateServer, F::Database, F::Control]
        .into_iter()
        .flat_map(|family| family.rows().iter().copied())
}

/// The protocol name of a message number, for logs.
pub fn name_of(number: u16) -> &'static str {
    let rows = Family::of(number).map_or(&[][..], Family::rows);
    match rows.binary_search_by_key(&number, |row| row.number) {
        Ok(index) => rows[index].name,
        Err(_) => "unknown message",
    }
}
