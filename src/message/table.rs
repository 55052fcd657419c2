//! All message numbers and names, by family.

use super::{
    Argument, Client, ClientAgent, Control, Database, DbStateServer, Otp, Panda3d, StateServer,
    Toontown2003,
};

/// One message of the protocol.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its number on the wire.
    pub number: u16,
    /// Its name in the protocol.
    pub name: &'static str,
    /// Who it is for.
    pub family: Family,
    /// Its arguments, in the order in which they are written.
    pub arguments: &'static [Argument],
}

/// Who a message is for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Family {
    /// Between a client and its client agent.
    Client,
    /// Between a client of Panda3D's own repository and its client agent. Its numbers are also those of others.
    Panda3d,
    /// Between a client of the OTP era and its client agent. Its numbers are also those of others.
    Otp,
    /// The same, in 2003.
    Toontown2003,
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
    /// Those whose numbers are also those of others: what is meant is known by whose client it is.
    pub const SHARING: [Family; 3] = [Family::Panda3d, Family::Otp, Family::Toontown2003];

    /// The family that a number belongs to, whether or not it has such a message. Never one that
    /// [shares its numbers](Family::SHARING).
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

    /// All its messages, ascending.
    pub const fn rows(self) -> &'static [Row] {
        match self {
            Family::Client => Client::TABLE,
            Family::Panda3d => Panda3d::TABLE,
            Family::Otp => Otp::TABLE,
            Family::Toontown2003 => Toontown2003::TABLE,
            Family::ClientAgent => ClientAgent::TABLE,
            Family::StateServer => StateServer::TABLE,
            Family::DbStateServer => DbStateServer::TABLE,
            Family::Database => Database::TABLE,
            Family::Control => Control::TABLE,
        }
    }

    /// Its message of this number.
    pub fn row(self, number: u16) -> Option<&'static Row> {
        let rows = self.rows();
        rows.binary_search_by_key(&number, |row| row.number).ok().map(|index| &rows[index])
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Client => "client",
            Family::Panda3d => "panda3d",
            Family::Otp => "otp",
            Family::Toontown2003 => "toontown2003",
            Family::ClientAgent => "client_agent",
            Family::StateServer => "state_server",
            Family::DbStateServer => "db_state_server",
            Family::Database => "database",
            Family::Control => "control",
        }
    }
}

/// All families, those first whose numbers [`Family::of`] knows, each family's numbers above those of the one before.
const FAMILIES: [Family; 9] = {
    use Family as F;
    [
        F::Client,
        F::ClientAgent,
        F::StateServer,
        F::DbStateServer,
        F::Database,
        F::Control,
        F::Panda3d,
        F::Otp,
        F::Toontown2003,
    ]
};

/// Every message of the protocol, family by family, each ascending. Without those of families that
/// [share their numbers](Family::SHARING).
pub fn table() -> impl Iterator<Item = Row> {
    let families = FAMILIES.into_iter().filter(|family| !Family::SHARING.contains(family));
    families.flat_map(|family| family.rows().iter().copied())
}

/// Every message of whichever family.
pub fn whole_table() -> impl Iterator<Item = Row> {
    let sharing = Family::SHARING.into_iter().flat_map(|family| family.rows());
    table().chain(sharing.copied())
}

/// The message of a number, as it is among servers and for Astron's clients.
pub fn row(number: u16) -> Option<&'static Row> {
    Family::of(number)?.row(number)
}

/// The message of a name, of whichever family.
pub fn row_named(name: &str) -> Option<&'static Row> {
    FAMILIES.iter().flat_map(|family| family.rows()).find(|row| row.name == name)
}

/// The protocol name of a message number, for logs.
pub fn name_of(number: u16) -> &'static str {
    row(number).map_or("unknown message", |row| row.name)
}
