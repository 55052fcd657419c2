//! What the parts of the daemon note for whoever looks at it: its links, and what has happened of late.

use std::sync::Arc;

use crate::recent::{Closed, Recent};
use crate::role::message_director::{Roll, Witness};

/// How many connections that have ended are kept.
const CLOSED_MAX: usize = 1000;
/// How many events are kept.
const EVENTS_MAX: usize = 1000;

/// What is noted.
#[derive(Clone)]
pub struct Seen {
    /// The links that there are.
    pub roll: Arc<Roll>,
    /// Connections that have ended.
    pub closed: Arc<Recent<Closed>>,
    /// Lines of the event logger.
    pub events: Arc<Recent<String>>,
}

impl Seen {
    /// Nothing yet. Unless there is a console that `looks`, events are not noted, of which there may be many.
    pub fn new(looks: bool) -> Self {
        Seen {
            roll: Arc::default(),
            closed: Arc::new(Recent::new(CLOSED_MAX)),
            events: Arc::new(Recent::new(if looks { EVENTS_MAX } else { 0 })),
        }
    }

    /// Who is told of links.
    pub fn witness(&self) -> Witness {
        Witness { roll: self.roll.clone(), closed: self.closed.clone() }
    }
}
