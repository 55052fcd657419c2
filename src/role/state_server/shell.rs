//! The state server in the router.

use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StateServer;
use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::router::{Effects, Role, Router};

impl Role for StateServer {
    fn handle(&mut self, _now: Instant, datagram: &[u8], out: &mut Effects) {
        StateServer::handle(self, datagram, out);
    }
}

/// Starts a state server. It listens when this returns, and leaves with `shutdown`.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start(
    config: &StateServerConfig,
    dc: Arc<DcFile>,
    router: &Router,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let name = format!("StateServer({})", config.control);
    let role = router.join_role(name, StateServer::new(config, dc, Seed::random()));
    role.turn(|core, out| core.start(out));
    tokio::spawn(async move {
        shutdown.cancelled().await;
        drop(role);
    })
}
