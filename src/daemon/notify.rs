//! What a service manager is told: the protocol of sd_notify(3), without its library.

use std::time::Duration;

use crate::platform::process::monotonic_usec;
use crate::platform::sockets::Messenger;

/// By how much more time is asked for while the daemon drains. The next time that is said comes long before.
const EXTENSION: Duration = Duration::from_secs(60);

/// The service manager, if there is one that listens.
#[derive(Debug, Default)]
pub(super) struct Manager {
    socket: Option<Messenger>,
    /// How often it wants to hear that the daemon lives.
    watchdog: Option<Duration>,
}

impl Manager {
    /// That of the environment.
    pub fn of_environment() -> Self {
        let Some(path) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else {
            return Manager::default();
        };
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_for_us =
            number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_for_us && *usec > 0);
        match Messenger::to(&path) {
            Ok(socket) => {
                Manager { socket: Some(socket), watchdog: watchdog.map(Duration::from_micros) }
            }
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "the service manager cannot be told anything (NOTIFY_SOCKET)");
                Manager::default()
            }
        }
    }

    /// Says that everything has started.
    pub fn is_ready(&self) {
        self.say("READY=1\nSTATUS=ready");
    }

    /// Says that the configuration is being read again.
    pub fn is_reloading(&self) {
        let usec = monotonic_usec();
        self.say(&format!(
            "RELOADING=1\nMONOTONIC_USEC={usec}\nSTATUS=reading the configuration again"
        ));
    }

    /// Says that clients are waited for, which takes longer than a stop usually does.
    pub fn is_draining(&self, clients: usize) {
        let usec = EXTENSION.as_micros();
        let left = if clients == 1 { "client is left" } else { "clients are left" };
        self.say(&format!("EXTEND_TIMEOUT_USEC={usec}\nSTATUS=draining: {clients} {left}"));
    }

    /// Says that the daemon stops.
    pub fn is_stopping(&self) {
        self.say("STOPPING=1\nSTATUS=stopping");
    }

    /// Says twice in the time that the manager gives that the daemon lives, without end. It has to be a part of what is
    /// watched: who never waits, or waits for ever, is to be noticed.
    pub async fn watch(&self) -> std::convert::Infallible {
        let Some(period) = self.watchdog.filter(|_| self.socket.is_some()) else {
            return std::future::pending().await;
        };
        loop {
            self.say("WATCHDOG=1");
            tokio::time::sleep(period / 2).await;
        }
    }

    /// A manager that does not take it in time is not waited for.
    fn say(&self, text: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.say(text)
        {
            tracing::debug!(%error, "the service manager cannot be told");
        }
    }
}
