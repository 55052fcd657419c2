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

impl Taken {
    /// Waits for the next one.
    pub async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
