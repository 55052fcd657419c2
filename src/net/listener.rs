//! Accepting connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::tcp;

/// After a failed accept (too many open files, say) the next try waits, so as not to spin.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket that listens. Connections that come before [`Listener::accept`] wait.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Listens on the first of `addresses` that can be bound.
    ///
    /// # Errors
    /// That of the last address; `AddrNotAvailable` if there are none.
    pub fn bind(addresses: &[SocketAddr]) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for &address in addresses {
            match tcp::bind(address) {
                Ok(socket) => return Ok(Listener { socket }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the socket returns.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection, whose options are set, and from where it comes. A failure is logged; `what` is what
    /// connects here.
    pub async fn accept(&self, what: &'static str) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => match tcp::set_options(&stream) {
                    Ok(()) => return (stream, peer),
                    Err(error) => {
                        tracing::debug!(%peer, %error, "a {what} was lost before it began")
                    }
                },
                Err(error) => {
                    tracing::error!(%error, "a {what} cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}
