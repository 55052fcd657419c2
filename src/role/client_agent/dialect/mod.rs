//! Dialects: the protocols that clients speak.
//!
//! The session engine knows what a client may do and see; a [`Dialect`] knows how that is said on the wire, and
//! how a conversation begins. It has two sides:
//!
//! - **What the client says** comes to [`Dialect::handle`], a datagram at a time. A dialect is the state machine
//!   of the client's input: whether there is a hello and what it must hold, which message may come when, in what
//!   order things are checked. What it has understood it asks of the session, in terms of the world; the session
//!   checks rights and rules, and does it.
//! - **What the client is told** goes through its [`voice`](Dialect::voice), which puts `News` into bytes. A
//!   broadcast is put into bytes once, not once a client; so a voice knows no session.
//!
//! What a dialect must remember of one client beyond the session's `Life` it keeps itself, by the session's key.
//!
//! Choosing one happens in [`of`], the registry, by `client.type`; to add one, write its module, name it in
//! [`ClientKind`] and enter it there.

pub mod foreign;
mod lib_astron;
mod otp;
mod panda3d;

use std::sync::Arc;

use dclass::DcFile;

pub use foreign::Foreign;
pub use lib_astron::LibAstron;
pub use otp::Otp;
pub use panda3d::Panda3d;

use super::agent::{Clock, Context, Manners, TimeManager, Voice};
use super::session::{Flow, Session};
use crate::config::ClientKind;
use crate::ids::{DoId, FieldId};
use crate::trace::Speech;

/// What a client is told, as far as it tells whether something older need not be said any more.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Gist {
    /// One field of an object has been set.
    FieldChanges(DoId, FieldId),
    /// What the client knows of an object begins or ends: it enters, leaves, is gained or lost.
    Turns(DoId),
    /// Something else.
    Other,
}

/// From which part of the time on, that writing to clients takes, what is for them waits for more of it.
#[derive(Copy, Clone, PartialEq, Debug)]
pub struct Share {
    /// Up to this part nothing waits.
    pub idle: f32,
    /// From this part on it waits as long as it may.
    pub busy: f32,
}

/// One protocol that clients can speak.
pub trait Dialect: Send + Sync {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// How its messages are named for whoever looks at them.
    fn speech(&self) -> Speech;

    /// How its clients are told things.
    fn voice(&self) -> Box<dyn Voice>;

    /// What its clients rely on in what becomes of them.
    fn manners(&self) -> Manners {
        Manners::default()
    }

    /// The object that tells its clients the time, if the agent does so itself.
    fn time_manager(&self, _clock: Clock) -> Option<Arc<TimeManager>> {
        None
    }

    /// When what is for its clients waits for more of it: most want it at once as long as there is time for that.
    fn waits_from(&self) -> Share {
        Share { idle: 0.15, busy: 0.4 }
    }

    /// A client has just connected: what is said to it before it has said anything.
    fn begin(&self, _session: &mut Session, _cx: &mut Context<'_>) {}

    /// Handles a datagram from a client.
    ///
    /// # Errors
    /// How the session ends, if it does.
    fn handle(&mut self, session: &mut Session, cx: &mut Context<'_>, datagram: &[u8]) -> Flow;

    /// What a datagram says that its voice has put into bytes.
    fn gist(&self, datagram: &[u8]) -> Gist;

    /// What a connection speaks instead of this protocol, if its first bytes say so for certain.
    fn recognise(&self, first_bytes: &[u8]) -> Option<Foreign>;
}

/// The dialect that the configuration names.
pub fn of(kind: &ClientKind, dc: &Arc<DcFile>) -> Box<dyn Dialect> {
    match kind {
        ClientKind::LibAstron => Box::new(LibAstron),
        ClientKind::Panda3d(config) => Box::new(Panda3d::new(config.clone(), dc.clone())),
        ClientKind::Otp(config) => Box::new(Otp::new(config.clone(), dc.clone())),
    }
}
