//! What systems have in different ways. Everything else is the same on all of them.
//!
//! `unix` and `windows` have the same names, so that nobody who uses them asks where he is. Windows has less: what it lacks is told in
//! `docs/platforms.md`, and by an error of kind [`Unsupported`](std::io::ErrorKind::Unsupported) to whoever asks for it.

#[cfg(unix)]
mod unix;
#[cfg(not(unix))]
mod windows;

use std::fmt;
use std::net::{SocketAddr, TcpListener, UdpSocket};

#[cfg(unix)]
pub use unix::{files, process, signals, sockets, terminal};
#[cfg(not(unix))]
pub use windows::{files, process, signals, sockets, terminal};

/// A socket that a service manager has passed on.
#[derive(Debug)]
pub enum PassedSocket {
    /// One that listens.
    Tcp(SocketAddr, TcpListener),
    /// One that packets come to.
    Udp(SocketAddr, UdpSocket),
    /// Nothing that is listened on here, and why.
    Useless(String),
}

impl fmt::Display for PassedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PassedSocket::Tcp(address, _) => write!(f, "TCP {address}"),
            PassedSocket::Udp(address, _) => write!(f, "UDP {address}"),
            PassedSocket::Useless(reason) => f.write_str(reason),
        }
    }
}

/// What can be sent to the process by whoever runs it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM; on Windows the end of the console, of the session, or of the system.
    Terminate,
    /// SIGHUP.
    Hangup,
    /// SIGUSR1.
    User1,
    /// SIGUSR2.
    User2,
    /// SIGXFSZ: a file has reached the size that the process may give it.
    FileSize,
}
