//! Passwords take tens of milliseconds to hash, which is what makes them hard to find. So that is done beside everything else, one after the
//! other: whoever wants many hashed keeps those waiting who do, and nobody else.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::AbortHandle;

use crate::credentials::{Memory, PasswordProof};
use crate::ids::Context;

/// What is to be done with a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// To hash it.
    Make(String),
    /// To find out whether it is the one of a hash.
    Check {
        /// The password.
        password: String,
        /// The hash; without one there is no such account, and that takes as long.
        hash: Option<String>,
    },
}

/// What has come of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The hash.
    Made(String),
    /// Whether it is the one.
    Checked(bool),
}

/// Whoever does it. What waits is limited by the Gate, which asks for no more than so much at a time.
pub struct Passwords {
    works: UnboundedSender<(Context, Work)>,
    outcomes: UnboundedReceiver<(Context, Outcome)>,
    task: AbortHandle,
}

impl Passwords {
    /// Begins to wait for work.
    pub fn start() -> Self {
        let (works, mut taken) = unbounded_channel();
        let (done, outcomes) = unbounded_channel();
        let task = tokio::spawn(async move {
            let mut memory = Memory::default();
            while let Some((context, work)) = taken.recv().await {
                let hashing =
                    tokio::task::spawn_blocking(move || (outcome(work, &mut memory), memory));
                // If it panics, nobody is let in for it.
                let (outcome, memory_again) =
                    hashing.await.unwrap_or((Outcome::Checked(false), Memory::default()));
                memory = memory_again;
                if done.send((context, outcome)).is_err() {
                    return;
                }
            }
        });
        Passwords { works, outcomes, task: task.abort_handle() }
    }

    /// Takes work.
    pub fn take(&self, context: Context, work: Work) {
        // It is there as long as this is.
        let _ = self.works.send((context, work));
    }

    /// What has been done next.
    pub async fn next(&mut self) -> (Context, Outcome) {
        match self.outcomes.recv().await {
            Some(outcome) => outcome,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Passwords {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn outcome(work: Work, memory: &mut Memory) -> Outcome {
    match work {
        Work::Make(password) => Outcome::Made(PasswordProof::of_in(&password, memory).to_string()),
        Work::Check { password, hash: None } => {
            let _ = PasswordProof::of_in(&password, memory);
            Outcome::Checked(false)
        }
        Work::Check { password, hash: Some(hash) } => {
            let proof = hash.parse::<PasswordProof>();
            Outcome::Checked(proof.is_ok_and(|proof| proof.is_of_in(&password, memory)))
        }
    }
}
