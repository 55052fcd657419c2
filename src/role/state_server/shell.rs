//! The state server's task.

use std::sync::Arc;

use dclass::DcFile;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StateServer;
use crate::config::StateServerConfig;
use crate::role::Effects;
use crate::router::{Inbox, Participant, Router};
use crate::wire::Frames;

/// Bytes in the inbox above which the sockets that fill it are read more slowly.
const INBOX_BYTES_HIGH: usize = 8 << 20;

/// Bytes of handled or produced messages after which what was produced is routed, and others get a
/// turn.
const BATCH_BYTES: usize = 64 << 10;

/// Starts a state server. It listens when this returns, and ends with `shutdown`.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start(
    config: &StateServerConfig,
    dc: Arc<DcFile>,
    router: &Router,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let core = StateServer::new(config, dc);
    let inbox = router.new_inbox(INBOX_BYTES_HIGH);
    let participant = router.join(format!("StateServer({})", config.control), inbox.clone());
    let mut effects = Effects::new();
    core.start(&mut effects);
    apply(&participant, &mut effects);
    tokio::spawn(run(core, participant, inbox, effects, shutdown))
}

async fn run(
    mut core: StateServer,
    participant: Participant,
    inbox: Arc<Inbox>,
    mut effects: Effects,
    shutdown: CancellationToken,
) {
    let mut frames = Vec::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = inbox.recv(&mut frames) => {}
        }
        let mut bytes = 0;
        for frame in Frames::new(&frames) {
            core.handle(frame.datagram(), &mut effects);
            bytes += frame.bytes().len();
            if bytes.max(effects.bytes()) >= BATCH_BYTES {
                bytes = 0;
                apply(&participant, &mut effects);
                tokio::task::yield_now().await;
            }
        }
        apply(&participant, &mut effects);
    }
}

fn apply(participant: &Participant, effects: &mut Effects) {
    participant.batch().apply(effects);
    effects.clear();
}
