//! How far a batch has come: what may be said about it when time is over.
//!
//! Two do not know of each other: a backend that is about to begin a transaction, and whoever answers an operation
//! with failure because its time is over. They agree by this: what was answered is not begun, and what has begun is
//! not answered before its outcome is known.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Commit, Error};

/// Shared by whoever runs a batch and whoever answers for its operations.
#[derive(Clone, Default, Debug)]
pub struct Progress(Arc<Mutex<Stage>>);

#[derive(Default, Debug)]
enum Stage {
    /// Nothing has begun that could be committed.
    #[default]
    Waiting,
    /// The same, and one of the operations was answered with failure: they may not be begun together.
    GivenUp,
    /// A transaction is under way.
    Begun,
    /// A commit was asked for. By this it can be looked up, if it can.
    Committing(Option<Commit>),
}

impl Progress {
    /// A transaction that writes is to begin.
    ///
    /// # Errors
    /// If one of the operations was answered meanwhile.
    pub fn begin(&self) -> Result<(), Error> {
        let mut stage = self.0.lock();
        match *stage {
            Stage::GivenUp => Err(Error::Late),
            Stage::Waiting | Stage::Begun | Stage::Committing(_) => {
                *stage = Stage::Begun;
                Ok(())
            }
        }
    }

    /// A commit is asked for.
    pub fn committing(&self, commit: Option<Commit>) {
        *self.0.lock() = Stage::Committing(commit);
    }

    /// Nothing came of it, and nothing will: it can be begun anew.
    pub fn start_over(&self) {
        *self.0.lock() = Stage::Waiting;
    }

    /// One of the operations is to be answered with failure, since its time is over. Whether that may be: not if
    /// it may be stored yet.
    pub fn give_up(&self) -> bool {
        let mut stage = self.0.lock();
        match *stage {
            Stage::Waiting | Stage::GivenUp => {
                *stage = Stage::GivenUp;
                true
            }
            Stage::Begun | Stage::Committing(_) => false,
        }
    }

    /// What has come of it if nobody runs it any more, for this reason.
    pub fn lost(&self, why: Arc<str>) -> Error {
        match &*self.0.lock() {
            Stage::Waiting | Stage::GivenUp | Stage::Begun => Error::Rejected(why),
            Stage::Committing(commit) => Error::Unknown { why, commit: commit.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_not_begun_and_what_has_begun_is_not_answered() {
        let progress = Progress::default();
        assert!(progress.give_up());
        assert_eq!(progress.begin(), Err(Error::Late));
        assert!(progress.give_up(), "others of the batch, too");
        progress.start_over();
        assert_eq!(progress.begin(), Ok(()));
        assert!(!progress.give_up());
        progress.committing(None);
        assert!(!progress.give_up());
        progress.start_over();
        assert!(progress.give_up(), "it was not stored");
    }

    #[test]
    fn only_what_was_asked_to_be_committed_can_have_been_stored() {
        let progress = Progress::default();
        let why: Arc<str> = "a panic".into();
        progress.begin().expect("nobody was answered");
        assert_eq!(progress.lost(why.clone()), Error::Rejected(why.clone()));
        progress.committing(None);
        assert_eq!(progress.lost(why.clone()), Error::Unknown { why, commit: None });
    }
}
