//! Checks passwords, one after the other, on a thread of its own.
//!
//! Each takes some 20 MiB for a while. What is given back stays with the allocator, several times over, and with each thread that
//! has had some: so there is one thread, and it keeps the memory for the next one.

use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::thread;

use tokio::sync::oneshot;

use crate::credentials::{Memory, PasswordProof};

/// A password, and where to say whether it is right.
type Question = (PasswordProof, String, oneshot::Sender<bool>);

/// Whoever checks. The thread begins with the first password, and ends with this.
#[derive(Debug, Default)]
pub struct Checker {
    questions: OnceLock<Option<Sender<Question>>>,
}

impl Checker {
    /// Whether it is that password. How many wait is limited by whoever asks.
    pub async fn is_right(&self, proof: PasswordProof, password: String) -> bool {
        let Some(questions) = self.questions.get_or_init(begin) else { return false };
        let (says, said) = oneshot::channel();
        // Without the thread nobody is right.
        let _ = questions.send((proof, password, says));
        said.await.unwrap_or(false)
    }
}

fn begin() -> Option<Sender<Question>> {
    let (sender, questions) = mpsc::channel::<Question>();
    let begun = thread::Builder::new().name("passwords".to_owned()).spawn(move || {
        let mut memory = Memory::default();
        for (proof, password, says) in questions {
            // Whoever has gone needs no answer.
            if !says.is_closed() {
                let _ = says.send(proof.is_of_in(&password, &mut memory));
            }
        }
    });
    match begun {
        Ok(_) => Some(sender),
        Err(error) => {
            tracing::error!(%error, "no password can be checked: there is no thread for it");
            None
        }
    }
}
