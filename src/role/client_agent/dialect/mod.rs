//! Client types: the protocols that clients can speak.
//!
//! The core knows what a client may do and see; a [`ClientType`] knows how that is said on the wire. It
//! turns a client's datagrams into [`Client`] messages and back, whatever numbers and layouts it uses
//! for them, and recognises connections that are not its own. Choosing one happens in [`of`], the
//! registry; to add one, write its module, name it in [`ClientKind`] and enter it there.
//!
//! A broadcast is translated once, not once a client, so calls through the trait cost nothing that could
//! be measured.

pub mod foreign;
mod lib_astron;

pub use foreign::Foreign;
pub use lib_astron::LibAstron;

use crate::config::ClientKind;
use crate::message::Client;
use crate::wire::{self, Reader};

/// What a client asks for, before its arguments are read: states and permissions depend on it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// To be let in.
    Hello,
    /// To go.
    Disconnect,
    /// Nothing; it is alive.
    Heartbeat,
    /// To update a field.
    SetField,
    /// To move an object.
    SetLocation,
    /// To open or alter an interest in one zone.
    AddInterest,
    /// To open or alter an interest in several zones.
    AddInterestMultiple,
    /// To close an interest.
    RemoveInterest,
    /// Something that clients of this type do not ask for.
    Other(u16),
}

/// One protocol that clients can speak.
pub trait ClientType: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Reads which request a client's datagram is; its arguments stay in `reader`.
    ///
    /// # Errors
    /// [`wire::Error::Truncated`] if the datagram is too short to say.
    fn request(&self, reader: &mut Reader<'_>) -> Result<Request, wire::Error>;

    /// Reads a request's arguments. Bytes after them stay in `reader`.
    ///
    /// # Errors
    /// What is wrong with them. [`Request::Other`] has none that could be read.
    fn arguments<'a>(
        &self,
        request: Request,
        reader: &mut Reader<'a>,
    ) -> Result<Client<'a>, crate::message::Error>;

    /// Appends a message for a client, as a frame.
    ///
    /// # Errors
    /// [`wire::Error::Oversize`] if it does not fit a frame; `buffer` is then as it was.
    fn write(&self, message: &Client<'_>, buffer: &mut Vec<u8>) -> Result<(), wire::Error>;

    /// What a connection speaks instead of this protocol, if its first bytes say so for certain.
    fn recognise(&self, first_bytes: &[u8]) -> Option<Foreign>;
}

/// The client type that the configuration names.
pub fn of(kind: ClientKind) -> Box<dyn ClientType> {
    match kind {
        ClientKind::LibAstron => Box::new(LibAstron),
    }
}
