//! Whom a batch has left something for.

use std::sync::Arc;
use std::time::Instant;

use super::{Sink, Uplink, Writers};

/// Who has to be told that there is something.
#[derive(Default)]
pub(super) struct Told {
    pub(super) sinks: Vec<Arc<dyn Sink>>,
    pub(super) uplink: Option<Arc<dyn Uplink>>,
    /// Some of them are of roles: how long they take is measured.
    pub(super) are_of_roles: bool,
    /// When those of roles were written to, from when to when.
    writing: Option<(Instant, Instant)>,
}

impl Told {
    /// Tells them. The memory can be used again.
    pub(super) fn announce(&mut self) {
        self.sinks.drain(..).for_each(|sink| sink.announce());
        self.announce_up();
    }

    /// As [`Told::announce`], with the help of other threads, if there are some, it is needed, and there is much to do.
    pub(super) fn announce_with(&mut self, writers: &Writers, needs_help: bool) {
        let began = std::mem::take(&mut self.are_of_roles).then(clock);
        writers.tell(&mut self.sinks, needs_help);
        self.writing = began.map(|began| (began, clock()));
        self.announce_up();
    }

    fn announce_up(&mut self) {
        if let Some(uplink) = self.uplink.take() {
            uplink.announce();
        }
    }

    /// When those of roles have been written to, if some were.
    pub(super) const fn take_writing(&mut self) -> Option<(Instant, Instant)> {
        self.writing.take()
    }
}

/// Tokio's clock, which tests can stop.
pub(super) fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}
