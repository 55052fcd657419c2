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
    /// Nothing yet. Unless somebody `looks`, only the links are noted.
    pub fn new(looks: bool) -> Self {
        let kept = |most| if looks { most } else { 0 };
        Seen {
            roll: Arc::default(),
            closed: Arc::new(Recent::new(kept(CLOSED_MAX))),
            events: Arc::new(Recent::new(kept(EVENTS_MAX))),
        }
    }

    /// Who is told of links.
    pub fn witness(&self) -> Witness {
        Witness { roll: self.roll.clone(), closed: self.closed.clone() }
    }
}
