//! What whoever runs the process sends it: Ctrl-C, and the end of all.

use std::io;

#[cfg(windows)]
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use crate::platform::Signal;

/// Signals of one kind that have been sent since they are taken.
#[derive(Debug)]
pub enum Taken {
    /// Ctrl-C, and Ctrl-Break.
    #[cfg(windows)]
    Interrupt(CtrlC, CtrlBreak),
    /// The window is closed, or the system is shut down.
    #[cfg(windows)]
    Terminate(CtrlClose, CtrlShutdown),
    /// One that is never sent.
    Never,
}

/// Takes the signals of a kind from now on, for as long as the process lives.
///
/// # Errors
/// When the system has no resources for that.
pub fn take(kind: Signal) -> io::Result<Taken> {
    Ok(match kind {
        #[cfg(windows)]
        Signal::Interrupt => Taken::Interrupt(ctrl_c()?, ctrl_break()?),
        #[cfg(windows)]
        Signal::Terminate => Taken::Terminate(ctrl_close()?, ctrl_shutdown()?),
        _ => Taken::Never,
    })
}

/// Whether whoever has started the process wants it to mind no SIGHUP: there is none.
pub const fn ignores_hangup() -> bool {
    false
}

impl Taken {
    /// Waits for the next one.
    pub async fn next(&mut self) {
        match self {
            #[cfg(windows)]
            Taken::Interrupt(one, other) => tokio::select! {
                _ = one.recv() => {}
                _ = other.recv() => {}
            },
            #[cfg(windows)]
            Taken::Terminate(one, other) => tokio::select! {
                _ = one.recv() => {}
                _ = other.recv() => {}
            },
            Taken::Never => std::future::pending().await,
        }
    }
}
