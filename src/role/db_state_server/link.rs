//! The way to the database: whom to ask, in which context, and until when an answer is waited for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::DbStateServerConfig;
use crate::ids::{Channel, Context, DoId};
use crate::message::{Database, Message};
use crate::object::Population;
use crate::role::Effects;

/// What all questions to the database have in common.
#[derive(Debug)]
pub(super) struct Link {
    pub database: Channel,
    wait: Option<Duration>,
    next_context: u32,
    /// Ascending, because all waits are equally long. Some may be for what has been answered.
    deadlines: VecDeque<(Instant, Awaited)>,
}

/// An answer of the database that has a deadline.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Awaited {
    Query(Context),
    Load(DoId),
}

/// What surrounds the parts of the server while one of them handles something.
pub(super) struct World<'a> {
    pub now: Instant,
    pub objects: &'a mut Population,
    pub link: &'a mut Link,
    pub out: &'a mut Effects,
}

impl Link {
    pub fn new(config: &DbStateServerConfig) -> Self {
        let wait = Duration::from_millis(config.load_timeout_ms);
        Link {
            database: config.database,
            wait: (!wait.is_zero()).then_some(wait),
            next_context: 0,
            deadlines: VecDeque::new(),
        }
    }

    /// Context for a question to the database.
    pub fn new_context(&mut self) -> Context {
        let context = Context(self.next_context);
        self.next_context = self.next_context.wrapping_add(1);
        context
    }

    /// Begins a wait for the database, and returns its end.
    pub fn await_answer(&mut self, now: Instant, awaited: Awaited) -> Option<Instant> {
        let deadline = now + self.wait?;
        self.deadlines.push_back((deadline, awaited));
        Some(deadline)
    }

    /// What is waited for, and has to be there next; `deadline_of` says until when it is waited for, if it
    /// still is.
    pub fn next_deadline(
        &mut self,
        deadline_of: impl Fn(Awaited) -> Option<Instant>,
    ) -> Option<(Instant, Awaited)> {
        while let Some(&(deadline, awaited)) = self.deadlines.front() {
            if deadline_of(awaited) == Some(deadline) {
                return Some((deadline, awaited));
            }
            self.deadlines.pop_front();
        }
        None
    }
}

impl World<'_> {
    /// Sends in the name of an object.
    pub fn send(&mut self, to: Channel, do_id: DoId, message: &impl Message) -> bool {
        self.objects.send(&[to], do_id.channel(), message, self.out)
    }

    /// Sends to the database in the name of an object, which is where the answer goes.
    pub fn ask_database(&mut self, do_id: DoId, message: &Database<'_>) {
        self.send(self.link.database, do_id, message);
    }
}
