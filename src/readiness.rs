//! Whether the daemon is to be given clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// How far a daemon has come in its life.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stage {
    /// Not everything has started yet.
    Starting,
    /// All of it runs.
    Ready,
    /// Those who are there may stay for a while; nobody else is to come.
    Draining,
    /// It ends.
    Stopping,
}

impl Stage {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Starting => "starting",
            Stage::Ready => "ready",
            Stage::Draining => "draining",
            Stage::Stopping => "stopping",
        }
    }
}

/// The stage that a daemon has reached: one sets it, others look.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<AtomicU8>);

impl Default for Readiness {
    fn default() -> Self {
        Readiness(Arc::new(AtomicU8::new(Stage::Starting as u8)))
    }
}

impl Readiness {
    /// Notes that a stage has been reached. There is no way back.
    pub fn reach(&self, stage: Stage) {
        self.0.fetch_max(stage as u8, Ordering::Relaxed);
    }

    /// The stage that has been reached.
    pub fn stage(&self) -> Stage {
        let stages = [Stage::Starting, Stage::Ready, Stage::Draining, Stage::Stopping];
        stages[usize::from(self.0.load(Ordering::Relaxed))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_way_back() {
        let readiness = Readiness::default();
        assert_eq!(readiness.stage(), Stage::Starting);
        for stage in [Stage::Ready, Stage::Draining, Stage::Stopping] {
            readiness.clone().reach(stage);
            readiness.reach(Stage::Ready);
            assert_eq!(readiness.stage(), stage);
        }
    }
}
