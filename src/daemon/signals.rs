//! What the process does when it is sent a signal.

use std::io;

use rustix::process::Signal as Known;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Takes the signals that must not end the process, as early as possible. Those that end it still do so at once: there
/// is nothing yet that has an order to end in. What comes before the daemon runs is remembered by what is returned.
///
/// # Errors
/// When the system has no resources for that.
pub fn survive_signals() -> io::Result<Survived> {
    // A handler stays for as long as the process, whatever becomes of the runtime that it was installed in; and who listens
    // hears by any other.
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    Harmless::new().map(Survived)
}

/// Has a file that has reached the size that the process may give it fail a write as on a full disk, instead of ending the
/// process without a word. For whatever the program does.
///
/// # Errors
/// When the system has no resources for that.
pub fn survive_full_files() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    file_size().map(drop)
}

fn file_size() -> io::Result<Signal> {
    signal(SignalKind::from_raw(Known::XFSZ.as_raw()))
}

/// Those signals, with what has been sent since they are taken.
pub struct Survived(Harmless);

/// What a signal asks for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Request {
    /// The end, in order; by which signal.
    End(&'static str),
    /// SIGHUP: that logs are opened anew, and the configuration is read again.
    Reopen,
}

/// The signals that would otherwise end the process.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    harmless: Harmless,
}

/// Those that do not end it.
struct Harmless {
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    /// A file has reached the size that the process may give it: the write fails as on a full disk.
    file_size: Signal,
}

impl Signals {
    /// Takes the others, too. What is sent from now on waits until it is asked for.
    pub fn new(Survived(harmless): Survived) -> io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            harmless,
        })
    }

    /// The next signal that asks for something.
    pub async fn next(&mut self) -> Request {
        let Harmless { hangup, user1, user2, file_size } = &mut self.harmless;
        loop {
            let ignored = tokio::select! {
                _ = self.interrupt.recv() => return Request::End("SIGINT"),
                _ = self.terminate.recv() => return Request::End("SIGTERM"),
                _ = hangup.recv() => return Request::Reopen,
                _ = user1.recv() => "SIGUSR1",
                _ = user2.recv() => "SIGUSR2",
                _ = file_size.recv() => "SIGXFSZ",
            };
            tracing::debug!(signal = ignored, "signal ignored");
        }
    }
}

impl Harmless {
    fn new() -> io::Result<Self> {
        Ok(Harmless {
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            file_size: file_size()?,
        })
    }
}
