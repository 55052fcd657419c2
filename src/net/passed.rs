//! Sockets that a service manager has bound and passes on (`LISTEN_FDS`): whoever connects while the daemon is started again
//! waits in them, and is not refused.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use parking_lot::Mutex;

use crate::platform::{PassedSocket as Kind, sockets};

/// More than this nobody passes on, and each is looked at.
const SOCKETS_MAX: u64 = 1024;

/// Those that nobody has taken yet.
#[derive(Default)]
pub struct Passed(Mutex<Vec<Socket>>);

struct Socket {
    /// The number of its file, and its `FileDescriptorName`.
    what: String,
    kind: Kind,
}

impl Passed {
    /// Takes those that the environment speaks of, if they are for this process. To be called before there are threads: the
    /// variables are removed.
    ///
    /// # Errors
    /// When there would be more than anybody passes on: the variable says something else than it should.
    pub fn of_environment() -> Result<Self, String> {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names: Vec<&str> = names.split(':').collect();
        // Without a process they may be for anybody.
        let pid = std::env::var("LISTEN_PID").ok().and_then(|pid| pid.parse().ok());
        if pid != Some(std::process::id()) {
            return Ok(Passed::default());
        }
        let said = std::env::var("LISTEN_FDS").unwrap_or_default();
        if said.parse().is_ok_and(|count: u64| count > SOCKETS_MAX) {
            return Err(format!("LISTEN_FDS={said}: so many sockets cannot have been passed on"));
        }
        let passed = sockets::passed().into_iter().enumerate().map(|(index, (number, kind))| {
            let name = names.get(index).map_or("", |name| name);
            Socket { what: format!("{number} ({name})").replace(" ()", ""), kind }
        });
        Ok(Passed(Mutex::new(passed.collect())))
    }

    /// Passes one on that this process has bound itself, so that nobody else can come before.
    ///
    /// # Errors
    /// What the system says.
    pub fn pass(&self, listener: TcpListener, what: &str) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let kind = Kind::Tcp(listener.local_addr()?, listener);
        self.0.lock().push(Socket { what: what.to_owned(), kind });
        Ok(())
    }

    /// Takes the socket that listens on an address.
    pub fn take_tcp(&self, address: SocketAddr) -> Option<TcpListener> {
        let is_it = |kind: &Kind| matches!(kind, Kind::Tcp(bound, _) if *bound == address);
        match self.take(is_it)?.kind {
            Kind::Tcp(_, listener) => Some(listener),
            _ => None,
        }
    }

    /// Takes the socket that UDP packets to an address come to.
    pub fn take_udp(&self, address: SocketAddr) -> Option<UdpSocket> {
        let is_it = |kind: &Kind| matches!(kind, Kind::Udp(bound, _) if *bound == address);
        match self.take(is_it)?.kind {
            Kind::Udp(_, socket) => Some(socket),
            _ => None,
        }
    }

    fn take(&self, is_it: impl Fn(&Kind) -> bool) -> Option<Socket> {
        let mut sockets = self.0.lock();
        let place = sockets.iter().position(|socket| is_it(&socket.kind))?;
        Some(sockets.remove(place))
    }

    /// Closes those that nobody has taken, with a warning of each.
    pub fn dismiss(&self) {
        for Socket { what: file, kind } in std::mem::take(&mut *self.0.lock()) {
            tracing::warn!(
                file,
                socket = %kind,
                "a socket that was passed on (LISTEN_FDS) fits no address of the configuration, and is closed"
            );
        }
    }
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.lock().iter().map(|socket| &socket.what)).finish()
    }
}
