//! What the tests are written with: a daemon of their own, and peers that talk to it.
//!
//! | | plays |
//! |---|---|
//! | [`Daemon`] | the process under test, on free ports, in a folder of its own |
//! | [`Link`] | a participant of the message director: an AI, an UberDOG, a database |
//! | [`Client`] | a game client at a client agent |
//! | [`WebSocket`](websocket::WebSocket) | one that comes by WebSocket |
//! | [`Upstream`] | the message director that a daemon under test connects to |
//! | [`Line`] | a line between two daemons, which can be cut |
//! | [`Cable`] | what connects two daemons, and can be cut |
//! | [`EventSink`] | the event logger that a daemon under test sends to |
//!
//! Nothing here waits for time to pass. That something happens is waited for with a [`LIMIT`]; that
//! something does *not* happen is shown by a later message, which would have come after it, coming
//! first.

mod cable;
mod client;
mod daemon;
mod datagram;
mod event_sink;
mod line;
mod link;
mod probe;
mod recording;
pub mod secure;
mod stream;
mod upstream;
mod values;
pub mod websocket;
pub mod world;

use std::time::{Duration, Instant};

pub use cable::Cable;
pub use client::Client;
pub use daemon::{Daemon, Setup, free_address};
pub use datagram::{
    At, Datagram, Expected, To, client_datagram as client_datagram_of, control_datagram,
    server_datagram as datagram_of,
};
pub use event_sink::EventSink;
pub use line::Line;
pub use link::Link;
pub use stream::{FrameStream, Received};
pub use upstream::Upstream;
pub use values::Values;

pub use donet::ids::{Channel, ClassId, Context, DoId, FieldId, InterestId, Location, ZoneId};
pub use donet::message::{
    Blob, Client as ClientMessage, ClientAgent, Cluster, Control, Database, DbStateServer,
    EjectReason, FieldValues, List, Message, ObjectState, Rest, StateServer, Timing,
};

/// How long anything may take before a test gives up. Only a failing test waits this long.
pub const LIMIT: Duration = Duration::from_secs(120);

/// Waits until `condition` gives something.
///
/// # Panics
/// When it has not within [`LIMIT`]; `what` says what was waited for.
pub fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        // Between two looks at a condition, not instead of one.
        std::thread::sleep(Duration::from_millis(5));
    }
}
