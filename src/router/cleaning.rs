//! What is done bit by bit, between the batches of others, whoever has asked for it.

use std::sync::Arc;

use super::{Batch, Brake, Router};

/// What is left to be done.
#[derive(Debug)]
pub(super) enum Undone {
    /// Nothing, or nothing yet.
    Nothing,
    /// Something.
    More,
    /// Something, when this queue has less in it.
    Braked(Arc<Brake>),
}

impl Router {
    /// Cleans up, bit by bit, after participants that had much when they left, and tells the upstream again what others have kept
    /// beside what they have cleared, for as long as this runs. Every daemon runs it.
    pub async fn clean(&self) {
        loop {
            match self.clean_some() {
                Undone::More => tokio::task::yield_now().await,
                Undone::Nothing => self.shared.dirty.notified().await,
                Undone::Braked(brake) => tokio::select! {
                    biased;
                    () = self.shared.dirty.notified() => {}
                    () = brake.eased() => {}
                },
            }
        }
    }

    /// Cleans up as much as a hold of the router allows.
    pub(super) fn clean_some(&self) -> Undone {
        Batch::of_cleaning(&self.shared)
            .work(|world| if world.clean() { Undone::More } else { world.retell() })
    }
}
