//! Frames ↔ typed messages, one file a protocol family.
//!
//! A message is an enum variant with named fields, decoded by borrowing from the datagram. Its number,
//! its protocol name and the order and width of its arguments stand in one place: the family's
//! `messages!` block, from which decoder, encoder and table of names are made. Nobody else writes
//! a message number.
//!
//! | Family | Numbers | Between |
//! |---|---|---|
//! | [`Control`] | 9000–9999 | a participant and its message director |
//! | [`Client`] | 1–999 | a client and its client agent |
//! | [`Panda3d`] | 120, 9001–9011 | a client of Panda3D's own repository and its client agent |
//! | [`Otp`] | 4–120 | a client of the OTP era and its client agent |
//! | [`Toontown2003`] | 4–78 | one of 2003 and its client agent |
//! | [`ClientAgent`] | 1000–1999 | the cluster and a client's session |
//! | [`StateServer`] | 2000–2199 | anyone and an object or its state server |
//! | [`DbStateServer`] | 2200–2299 | anyone and a database-state server |
//! | [`Database`] | 3000–3999 | anyone and a database server |
//!
//! Packed values of DC fields are opaque here ([`Rest`], [`FieldValues`]): only a schema knows where
//! one ends.

mod client;
mod client_agent;
mod control;
mod database;
mod db_state_server;
mod families;
mod otp;
mod panda3d;
mod parts;
mod shape;
mod state_server;
mod table;

pub use client::{Client, EjectReason};
pub use client_agent::{ClientAgent, ClientState};
pub use control::{Control, Timing};
pub use database::Database;
pub use db_state_server::DbStateServer;
pub use families::ClientFamily;
pub use otp::{OTP_LOGINS, Otp, Toontown2003};
pub use panda3d::{Panda3d, TargetedUpdate};
pub use parts::{Blob, FieldValues, List, ListItem, Maybe, ObjectState, Part, Rest, Run, Secret};
pub use shape::{Argument, Other, Shape, Shown, Values};
pub use state_server::StateServer;
pub use table::{Family, Row, name_of, row, row_named, table, whole_table};

use crate::ids::Channel;
use crate::wire::{self, Envelope, Reader, Writer};

/// Why bytes are not a message of a family.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The arguments are cut short, or bytes are left after them.
    #[error(transparent)]
    Wire(#[from] wire::Error),
    /// The family has no message of this number.
    #[error("unknown message type {0}")]
    UnknownType(u16),
}

/// Whether a message of this number deletes whole objects: who misses it has ghosts.
pub const fn is_deletion(number: u16) -> bool {
    StateServer::is_deletion(number)
        || matches!(
            number,
            Database::DBSERVER_OBJECT_DELETE | DbStateServer::DBSS_OBJECT_DELETE_DISK
        )
}

/// What every message family can do.
pub trait Message {
    /// The message's number.
    fn number(&self) -> u16;

    /// The message's name in the protocol, for logs.
    fn name(&self) -> &'static str;

    /// Writes number and arguments.
    fn write(&self, writer: &mut Writer<'_>);

    /// Writes a whole server datagram: recipients, sender, number and arguments.
    ///
    /// # Panics
    /// With more than [`crate::ids::RECIPIENTS_MAX`] recipients.
    fn write_datagram(&self, writer: &mut Writer<'_>, recipients: &[Channel], sender: Channel)
    where
        Self: Sized,
    {
        Envelope::write_head(writer, recipients, sender);
        self.write(writer);
    }
}

/// A message that can be sent to a role, of whichever family its number belongs to.
#[derive(Clone, PartialEq, Debug)]
pub enum Cluster<'a> {
    /// To a client's session.
    ClientAgent(ClientAgent<'a>),
    /// To an object or a state server.
    StateServer(StateServer<'a>),
    /// To a database-state server.
    DbStateServer(DbStateServer<'a>),
    /// To a database server.
    Database(Database<'a>),
}

impl<'a> Cluster<'a> {
    /// Decodes a datagram's message. Bytes after its arguments are left in `reader`: most
    /// receivers ignore them.
    ///
    /// # Errors
    /// See [`Error`].
    #[inline]
    pub fn decode(number: u16, reader: &mut Reader<'a>) -> Result<Self, Error> {
        match Family::of(number) {
            Some(Family::ClientAgent) => {
                ClientAgent::decode(number, reader).map(Cluster::ClientAgent)
            }
            Some(Family::StateServer) => {
                StateServer::decode(number, reader).map(Cluster::StateServer)
            }
            Some(Family::DbStateServer) => {
                DbStateServer::decode(number, reader).map(Cluster::DbStateServer)
            }
            Some(Family::Database) => Database::decode(number, reader).map(Cluster::Database),
            Some(
                Family::Client
                | Family::Panda3d
                | Family::Otp
                | Family::Toontown2003
                | Family::Control,
            )
            | None => Err(Error::UnknownType(number)),
        }
    }
}

/// Makes one message family: the enum, its decoder, its encoder and its rows of the table.
macro_rules! messages {
    (
        $(#[$family_doc:meta])*
        pub enum $family:ident<$life:lifetime> {
            $(
                $(#[$doc:meta])*
                $number:literal $wire_name:ident => $variant:ident { $($field:ident: $ty:ty $(as $shape:expr)?),* $(,)? }
            )*
        }
    ) => {
        $(#[$family_doc])*
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs, reason = "a field's name and type say all there is to say")]
        pub enum $family<$life> {
            $(
                $(#[$doc])*
                ///
                #[doc = concat!("Number ", stringify!($number), ", `", stringify!($wire_name), "`.")]
                $variant { $($field: $ty),* },
            )*
        }

        impl<$life> $family<$life> {
            $(
                #[doc = concat!("The number of [`", stringify!($family), "::", stringify!($variant), "`].")]
                pub const $wire_name: u16 = $number;
            )*

            /// Numbers and protocol names of the family, ascending.
            pub const TABLE: &'static [$crate::message::Row] = &[
                $($crate::message::Row {
                    number: $number,
                    name: stringify!($wire_name),
                    family: $crate::message::Family::$family,
                    arguments: &[$($crate::message::Argument {
                        name: stringify!($field),
                        shape: $crate::message::shape_of!($ty $(as $shape)?),
                    }),*],
                },)*
            ];

            /// Decodes the arguments of message `number`; bytes after them stay in `reader`.
            ///
            /// # Errors
            /// See [`crate::message::Error`].
            #[inline]
            pub fn decode(
                number: u16,
                reader: &mut $crate::wire::Reader<$life>,
            ) -> Result<Self, $crate::message::Error> {
                match number {
                    $($number => Ok(Self::$variant {
                        $($field: <$ty as $crate::message::Part<$life>>::read(reader)?),*
                    }),)*
                    other => Err($crate::message::Error::UnknownType(other)),
                }
            }
        }

        impl<$life> $crate::message::Message for $family<$life> {
            #[inline]
            fn number(&self) -> u16 {
                match self { $(Self::$variant { .. } => $number,)* }
            }

            fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => stringify!($wire_name),)* }
            }

            #[inline]
            fn write(&self, writer: &mut $crate::wire::Writer<'_>) {
                writer.u16(self.number());
                match self {
                    // Each in a function of its own: an arm among dozens is taken for one that is hardly ever
                    // run, and the compiler would make a call of every number that it writes.
                    $(Self::$variant { $($field),* } => {
                        #[allow(clippy::extra_unused_lifetimes, reason = "not all fields borrow")]
                        fn put<$life>(writer: &mut $crate::wire::Writer<'_>, $($field: &$ty),*) {
                            let _ = &writer;
                            $($crate::message::Part::write($field, writer);)*
                        }
                        put(writer, $($field),*);
                    })*
                }
            }
        }
    };
}
use messages;

/// The shape of an argument: what a message says of it, else what its type says.
macro_rules! shape_of {
    ($ty:ty) => {
        <$ty as $crate::message::Part<'_>>::SHAPE
    };
    ($ty:ty as $shape:expr) => {
        $shape
    };
}
use shape_of;

#[cfg(test)]
mod tests;
