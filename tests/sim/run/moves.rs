//! AIs that come again elsewhere.

use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use crate::cluster::ip;
use crate::play::{Op, SUCCESSORS_THINGS, ZONES};

/// What has happened before does not matter any more.
pub const CALM: Duration = Duration::from_secs(12);
/// A loss has been noticed by then.
const NOTICED: Duration = Duration::from_millis(300);
/// The daemons have been told by then what an AI has said at its beginning.
const TOLD: Duration = Duration::from_millis(2500);

impl Run {
    /// Has an AI come again elsewhere, and make some things there. It is at a client agent's daemon before that, if there is one
    /// below the game's, and that loses the root: then its old self may live on, and ends later.
    pub async fn succeed(&mut self, op: Op) {
        let (Op::Succeed { ai, daemon, ms } | Op::Replace { ai, daemon, ms }) = op else {
            unreachable!("{op:?}")
        };
        let (agent, count) = (self.shape.agents()[0], self.shape.count());
        if count == 1 {
            return;
        }
        self.pass(CALM).await;
        let new = if daemon % count == agent { (daemon + 1) % count } else { daemon % count };
        if self.ais[ai].daemon != agent {
            self.go_to(ai, agent, false);
            self.pass(TOLD).await;
        }
        let uplinks = self.net.links_between(ip(0), ip(agent));
        let lives = matches!(op, Op::Replace { .. }) && !uplinks.is_empty();
        uplinks.into_iter().for_each(|link| self.net.cut(link));
        self.net.part(ip(0), ip(agent), Instant::now() + Duration::from_millis(ms.into()));
        self.pass(NOTICED).await;
        self.go_to(ai, new, lives);
        self.pass(TOLD).await;
        for thing in SUCCESSORS_THINGS {
            let number = self.number();
            let zone = number as usize % ZONES;
            self.play_object(Op::Create { ai, thing, zone, mark: number });
        }
    }

    /// Has an AI go on at another daemon; its old self lives, or ends.
    fn go_to(&mut self, ai: usize, daemon: usize, lives: bool) {
        if !lives && let Some(port) = &self.ais[ai].port {
            self.net.cut(port.link());
        }
        // Nobody comes beside himself.
        self.ais[ai].former.retain(|port| port.host() != ip(daemon));
        self.ais[ai].go_to(daemon);
    }
}
