//! Interests, and who waits for them.

use std::time::Instant;

use super::Group;
use crate::ids::{Channel, Context, DoId, ZoneId};

/// What a client wants to see.
#[derive(Debug)]
pub struct Interest {
    /// The parent whose zones they are.
    pub parent: DoId,
    /// The client itself has opened it, or altered it last, and not the cluster.
    pub is_of_client: bool,
    /// Each once.
    pub zones: Box<[ZoneId]>,
    /// Who waits for it, until everything in its zones has been told. Boxed: seldom does anybody.
    pub operation: Option<Box<Operation>>,
}

/// An interest that somebody waits for.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Tells it from others of the same interest.
    pub serial: u32,
    /// How many queries it waits for.
    pub queries_open: u32,
    /// Which these were when it began.
    pub waits_for: Group,
    /// Who is told when it is done.
    pub asked: Asked,
    /// Since when.
    pub since: Instant,
}

/// Who asked for an interest to be opened, altered or closed, and is told when that is done.
#[derive(Copy, Clone, Debug)]
pub struct Asked {
    /// By which the client knows it.
    pub context: Context,
    /// Who asked for it, beside the client; [`Channel::NONE`] if the client did itself.
    pub caller: Channel,
}
