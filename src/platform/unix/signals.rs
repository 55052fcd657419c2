//! What whoever runs the process sends it.

use std::io;

use rustix::process::Signal as Known;
use tokio::signal::unix::{SignalKind, signal};

use crate::platform::Signal;

/// Signals of one kind that have been sent since they are taken.
#[derive(Debug)]
pub struct Taken(tokio::signal::unix::Signal);

/// Takes the signals of a kind from now on, for as long as the process lives. Needs a runtime.
///
/// # Errors
/// When the system has no resources for that.
pub fn take(kind: Signal) -> io::Result<Taken> {
    signal(match kind {
        Signal::Interrupt => SignalKind::interrupt(),
        Signal::Terminate => SignalKind::terminate(),
        Signal::Hangup => SignalKind::hangup(),
        Signal::User1 => SignalKind::user_defined1(),
        Signal::User2 => SignalKind::user_defined2(),
        Signal::FileSize => SignalKind::from_raw(Known::XFSZ.as_raw()),
    })
    .map(Taken)
}

/// Whether whoever has started the process wants it to mind no SIGHUP, as `nohup` does. Only before that is [taken](take), and as far as
/// the system tells.
pub fn ignores_hangup() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & (1 << (Known::HUP.as_raw() - 1)) != 0)
}

impl Taken {
    /// Waits for the next one.
    pub async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
