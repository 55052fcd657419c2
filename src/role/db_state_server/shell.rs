//! The database-state server in the router.

use std::sync::Arc;

use dclass::DcFile;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::DbStateServer;
use crate::config::DbStateServerConfig;
use crate::hash::Seed;
use crate::router::Router;

/// Starts a database-state server. It listens when this returns, and leaves with `shutdown`.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start(
    config: &DbStateServerConfig,
    dc: Arc<DcFile>,
    seed: Seed,
    router: &Router,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let name = format!("DBSS(Database: {})", config.database);
    let role = router.join_role(name, DbStateServer::new(config, dc, seed));
    role.turn(|core, _, out| core.start(out)).expect("a new role has not panicked");
    let ranges: Vec<String> = config.ranges.iter().map(ToString::to_string).collect();
    let ranges = ranges.join(", ");
    tracing::info!(database = %config.database, ranges, "database-state server ready");
    tokio::spawn(async move { role.drive(&shutdown).await })
}
