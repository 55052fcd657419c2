//! Who has been silent for too long, and who only has not been read.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;

use super::Shared;
use super::serve::Silent;

/// Clients that are asked before others get their turn.
const BATCH: usize = 64;

/// Asks the connections of clients whose time is over whether anything lies unread, and has the core judge by
/// that. After a stall of the whole process, all clients' heartbeats do.
pub async fn judge(mut silent: UnboundedReceiver<Silent>, shared: Arc<Shared>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            () = shared.shutdown.cancelled() => return,
            count = silent.recv_many(&mut batch, BATCH) => if count == 0 { return },
        }
        // The system is asked before the router is taken.
        let judged: Vec<_> = batch
            .drain(..)
            .map(|Silent { who, connection }| (who, connection.has_unread()))
            .collect();
        let _ = shared.role.turn(|server, now, out| {
            for (who, has_unread) in judged {
                server.judge(now, who, has_unread, out);
            }
        });
        tokio::task::yield_now().await;
    }
}
