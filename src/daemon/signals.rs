//! What the process does when it is sent a signal.

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that would otherwise end the process, all of them taken.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    ignored: [Signal; 3],
}

/// What a signal asks for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// SIGINT or SIGTERM: the end, in order.
    End,
    /// SIGHUP: that logs are opened anew.
    Reopen,
}

impl Signals {
    /// Takes the signals, which from now on wait until they are asked for. The process may have no runtime yet.
    ///
    /// # Errors
    /// When the system has no resources for that.
    pub fn new() -> std::io::Result<Self> {
        // A handler stays for as long as the process, whatever becomes of the runtime that it was installed in.
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let _inside = runtime.enter();
        // A file has reached the size that the process may give it: the write fails as on a full disk.
        let file_size = SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw());
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            ignored: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
                signal(file_size)?,
            ],
        })
    }

    /// The next signal that asks for something.
    pub async fn next(&mut self) -> Request {
        let [user1, user2, file_size] = &mut self.ignored;
        loop {
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return Request::End,
                _ = self.terminate.recv() => return Request::End,
                _ = self.hangup.recv() => return Request::Reopen,
                _ = user1.recv() => "SIGUSR1",
                _ = user2.recv() => "SIGUSR2",
                _ = file_size.recv() => "SIGXFSZ",
            };
            tracing::debug!(signal = ignored, "signal ignored");
        }
    }
}
