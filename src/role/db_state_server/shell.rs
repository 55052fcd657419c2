//! The database-state server in the router, and its timer.

use std::sync::Arc;
use std::time::Instant;

use dclass::DcFile;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::DbStateServer;
use crate::config::DbStateServerConfig;
use crate::hash::Seed;
use crate::router::{Effects, Role, RoleParticipant, Router, Sink};

/// The core, and whom to tell when it waits for a time that is nearer than before.
struct Shell {
    core: DbStateServer,
    armed: Option<Instant>,
    rearm: Arc<Notify>,
}

impl Role for Shell {
    fn handle(&mut self, now: Instant, datagram: &[u8], out: &mut Effects) {
        self.core.handle(now, datagram, out);
    }

    fn settle(&mut self, _now: Instant, _told: &mut Vec<Arc<dyn Sink>>) {
        let deadline = self.core.next_deadline();
        if deadline.is_some_and(|deadline| self.armed.is_none_or(|armed| deadline < armed)) {
            self.rearm.notify_one();
        }
    }
}

/// Starts a database-state server. It listens when this returns, and leaves with `shutdown`.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn start(
    config: &DbStateServerConfig,
    dc: Arc<DcFile>,
    router: &Router,
    shutdown: CancellationToken,
) -> JoinHandle<()> {
    let rearm = Arc::new(Notify::new());
    let core = DbStateServer::new(config, dc, Seed::random());
    let name = format!("DBSS(Database: {})", config.database);
    let role = router.join_role(name, Shell { core, armed: None, rearm: rearm.clone() });
    role.turn(|shell, out| shell.core.start(out));
    tokio::spawn(run(role, rearm, shutdown))
}

async fn run(role: RoleParticipant<Shell>, rearm: Arc<Notify>, shutdown: CancellationToken) {
    loop {
        let deadline = role.turn(|shell, out| {
            shell.core.handle_timeout(tokio::time::Instant::now().into_std(), out);
            shell.armed = shell.core.next_deadline();
            shell.armed
        });
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = rearm.notified() => {}
            () = until(deadline) => {}
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
