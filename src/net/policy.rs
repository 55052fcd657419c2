//! In what connections differ, by whom they are with.

use std::sync::Arc;
use std::time::Duration;

use super::{Merging, Spares};

/// The most that one read brings.
pub(super) const READ_BYTES_MAX: usize = 128 * 1024;
/// Bytes that may wait for a link before the sockets that feed it are braked.
const LINK_MARK: usize = 1 << 20;

/// What kind of connection it is.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How many bytes may wait; `usize::MAX` is any number.
    pub bytes_max: usize,
    /// How many bytes of the initial objects of interests may wait beyond those.
    pub entry_bytes_max: usize,
    /// For how long the peer may take nothing, although there is something to take.
    pub stall_max: Option<Duration>,
    /// Above this, the sockets that feed the connection are braked; `None` brakes nobody.
    pub mark: Option<usize>,
    /// The most that one read brings.
    pub read_bytes_max: usize,
    /// Memory that an emptied queue keeps.
    pub kept_bytes_max: usize,
    /// Where emptied buffers go that are not kept.
    pub spares: Option<Arc<Spares>>,
    /// What is unsent when the connection is given up, and what is pushed from then on, waits to be taken back
    /// ([`super::Connection::take_back`]).
    pub keeps_unsent: bool,
    /// What may be left out for a peer that does not read; `None` is nothing.
    pub merging: Option<Merging>,
}

/// What may wait for a client to read it.
#[derive(Copy, Clone, Debug)]
pub struct ClientLimits {
    /// How many bytes may wait; `usize::MAX` is any number.
    pub bytes_max: usize,
    /// How many bytes of the initial objects of interests may wait beyond those.
    pub entry_bytes_max: usize,
    /// For how long the client may take nothing, although there is something to take.
    pub stall_max: Option<Duration>,
}

impl Policy {
    /// That of a link to another daemon or an AI.
    pub const fn link(bytes_max: usize, stall_max: Option<Duration>) -> Self {
        Policy {
            bytes_max,
            // What a link is told at its beginning is as much as it is.
            entry_bytes_max: usize::MAX,
            stall_max,
            mark: Some(LINK_MARK),
            read_bytes_max: READ_BYTES_MAX,
            kept_bytes_max: 64 * 1024,
            spares: None,
            keeps_unsent: false,
            merging: None,
        }
    }

    /// That of the link to the message director upstream: what does not go out on one connection goes out on the
    /// next.
    pub fn upstream(bytes_max: usize, stall_max: Option<Duration>) -> Self {
        Policy { keeps_unsent: true, ..Self::link(bytes_max, stall_max) }
    }

    /// Whether it is that of a link.
    pub(super) const fn is_link(&self) -> bool {
        self.mark.is_some()
    }

    /// That of a client. Clients say little at a time.
    pub const fn client(spares: Arc<Spares>, limits: ClientLimits) -> Self {
        let ClientLimits { bytes_max, entry_bytes_max, stall_max } = limits;
        Policy {
            bytes_max,
            entry_bytes_max,
            stall_max,
            mark: None,
            read_bytes_max: 16 * 1024,
            kept_bytes_max: 0,
            spares: Some(spares),
            keeps_unsent: false,
            merging: None,
        }
    }

    /// The same, for peers to which not everything needs to be said that waits while they do not read.
    #[must_use]
    pub fn with_merging(self, merging: Option<Merging>) -> Self {
        Policy { merging, ..self }
    }
}
