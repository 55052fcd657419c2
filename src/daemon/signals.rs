//! What the process does when it is sent a signal.

use std::io;

use tokio::runtime::Builder;

use crate::platform::Signal;
use crate::platform::signals::{Taken, ignores_hangup, take};

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
    let ignores_hangup = ignores_hangup();
    Harmless::new().map(|harmless| Survived { harmless, ignores_hangup, ends_with_terminal: false })
}

/// Has a file that has reached the size that the process may give it fail a write as on a full disk, instead of ending the
/// process without a word. For whatever the program does.
///
/// # Errors
/// When the system has no resources for that.
pub fn survive_full_files() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    take(Signal::FileSize).map(drop)
}

/// Those signals, with what has been sent since they are taken.
pub struct Survived {
    harmless: Harmless,
    ignores_hangup: bool,
    ends_with_terminal: bool,
}

impl Survived {
    /// Has SIGHUP end the process, as it does for what belongs to a terminal, unless it is not to mind that.
    pub const fn end_with_terminal(&mut self) {
        self.ends_with_terminal = !self.ignores_hangup;
    }
}

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
    interrupt: Taken,
    terminate: Taken,
    harmless: Harmless,
    ends_with_terminal: bool,
}

/// Those that do not end it.
struct Harmless {
    hangup: Taken,
    user1: Taken,
    user2: Taken,
    /// A file has reached the size that the process may give it: the write fails as on a full disk.
    file_size: Taken,
}

impl Signals {
    /// Takes the others, too. What is sent from now on waits until it is asked for.
    pub fn new(Survived { harmless, ends_with_terminal, .. }: Survived) -> io::Result<Self> {
        Ok(Signals {
            interrupt: take(Signal::Interrupt)?,
            terminate: take(Signal::Terminate)?,
            harmless,
            ends_with_terminal,
        })
    }

    /// The next signal that asks for something.
    pub async fn next(&mut self) -> Request {
        let Harmless { hangup, user1, user2, file_size } = &mut self.harmless;
        loop {
            let ignored = tokio::select! {
                () = self.interrupt.next() => return Request::End("SIGINT"),
                () = self.terminate.next() => return Request::End("SIGTERM"),
                () = hangup.next() => match self.ends_with_terminal {
                    true => return Request::End("SIGHUP"),
                    false => return Request::Reopen,
                },
                () = user1.next() => "SIGUSR1",
                () = user2.next() => "SIGUSR2",
                () = file_size.next() => "SIGXFSZ",
            };
            tracing::debug!(signal = ignored, "signal ignored");
        }
    }
}

impl Harmless {
    fn new() -> io::Result<Self> {
        Ok(Harmless {
            hangup: take(Signal::Hangup)?,
            user1: take(Signal::User1)?,
            user2: take(Signal::User2)?,
            file_size: take(Signal::FileSize)?,
        })
    }
}
