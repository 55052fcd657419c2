//! The state server in the router.

use std::sync::Arc;

use dclass::DcFile;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::StateServer;
use crate::config::StateServerConfig;
use crate::hash::Seed;
use crate::router::Router;

/// Starts a state server. It listens when this returns, and leaves with `shutdown`.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start(
    config: &StateServerConfig,
    dc: Arc<DcFile>,
    seed: Seed,
    router: &Router,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let name = format!("StateServer({})", config.control);
    let role = router.join_role(name, StateServer::new(config, dc, seed));
    role.turn(|core, _, out| core.start(out)).expect("a new role has not panicked");
    tracing::info!(control = %config.control, "state server ready");
    tokio::spawn(async move { role.drive(&shutdown).await })
}
