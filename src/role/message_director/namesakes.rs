//! Daemons that call themselves alike: one has been started twice, or with a copy of another's configuration, and whoever reads
//! the log takes them for one.
//!
//! A daemon that comes back is no second one. If it is the same process, by its epoch, its old link is none; if it is another,
//! the old link is asked whether it lives, since its machine may have gone without a word.

use std::net::SocketAddr;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What the peer of a link has said of itself.
#[derive(Default)]
pub(super) struct Who {
    said: Mutex<Said>,
    /// There is more of it.
    more: Notify,
}

#[derive(Default)]
struct Said {
    name: Option<String>,
    /// Only daemons have one.
    epoch: Option<u64>,
    /// Those that have its name, of which that has been said.
    namesakes: Vec<SocketAddr>,
}

impl Who {
    /// Takes its name, and says so, unless it is no other than before. What is logged of the peer from then on has it.
    pub fn is_named(&self, name: &str) {
        let old = self.said.lock().name.replace(name.to_owned());
        if old.as_deref() == Some(name) {
            return;
        }
        tracing::Span::current().record("name", name);
        match old {
            None => tracing::info!("link named"),
            Some(old_name) => tracing::info!(old_name, "link renamed"),
        }
        self.more.notify_one();
    }

    pub fn is_daemon(&self, epoch: u64) {
        self.said.lock().epoch = Some(epoch);
        self.more.notify_one();
    }

    /// Waits until there is something new: name and epoch, if it has both.
    pub async fn news(&self) -> Option<(String, u64)> {
        self.more.notified().await;
        let said = self.said.lock();
        said.name.clone().zip(said.epoch)
    }

    /// Whether it is another daemon of this name.
    pub fn is_namesake(&self, name: &str, epoch: u64) -> bool {
        let said = self.said.lock();
        said.name.as_deref() == Some(name) && said.epoch.is_some_and(|other| other != epoch)
    }

    /// Whether that has been said of the one at this address.
    pub fn has_met(&self, other: SocketAddr) -> bool {
        self.said.lock().namesakes.contains(&other)
    }

    /// Notes that it is said.
    pub fn meet(&self, other: SocketAddr) {
        self.said.lock().namesakes.push(other);
    }
}
