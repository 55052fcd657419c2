//! Accepting connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::Duration;

use super::{Accept, Liveness, Network, Socket};

/// After a failed accept (too many open files, say) the next try waits, so as not to spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Sockets that listen for the same. Connections that come before [`Listener::accept`] wait.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Box<dyn Accept>>,
    liveness: Liveness,
    /// The socket that is asked first, so that none waits for ever behind a busy one.
    first: usize,
    /// Accepts that have failed since one succeeded.
    failures: u64,
}

impl Listener {
    /// Listens on all of `addresses` that can be bound: those of a name with several. Port 0 is any one, the same
    /// for all.
    ///
    /// # Errors
    /// If none can be bound, that of the last; `AddrNotAvailable` if there are none.
    pub fn bind(
        network: &dyn Network,
        addresses: &[SocketAddr],
        liveness: Liveness,
    ) -> io::Result<Self> {
        let mut sockets: Vec<Box<dyn Accept>> = Vec::new();
        let mut failures = Vec::new();
        for &(mut address) in addresses {
            if let (0, Some(socket)) = (address.port(), sockets.first()) {
                address.set_port(socket.local_addr()?.port());
            }
            match network.bind(address) {
                Ok(socket) => sockets.push(socket),
                Err(error) => failures.push((address, error)),
            }
        }
        if sockets.is_empty() {
            let last = failures.pop().map(|(_, error)| error);
            return Err(last.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
        for (address, error) in failures {
            tracing::warn!(%address, %error, "cannot listen on one of the addresses of a name; goes on without it");
        }
        Ok(Listener { sockets, liveness, first: 0, failures: 0 })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// The next connection, whose options are set, and from where it comes. Failures are logged, not one by
    /// one; `what` is what connects here. Cancelling loses nothing.
    pub async fn accept(&mut self, what: &'static str) -> (Socket, SocketAddr) {
        loop {
            let accepted = poll_fn(|context| {
                let count = self.sockets.len();
                for place in 0..count {
                    let place = (self.first + place) % count;
                    if let Poll::Ready(accepted) = self.sockets[place].poll_accept(context) {
                        self.first = (place + 1) % count;
                        return Poll::Ready(accepted);
                    }
                }
                Poll::Pending
            });
            match accepted.await {
                Ok((stream, peer)) => {
                    self.has_succeeded(what);
                    stream.set_options(self.liveness);
                    return (stream, peer);
                }
                Err(error) => {
                    self.failures += 1;
                    if self.failures == 1 {
                        tracing::error!(%error, "no {what} can be accepted");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn has_succeeded(&mut self, what: &'static str) {
        let failures = std::mem::take(&mut self.failures);
        if failures > 0 {
            tracing::info!(failures, "a {what} can be accepted again");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::net::Tcp;

    #[tokio::test]
    async fn a_name_of_both_families_is_listened_on_in_both() {
        let addresses = ["127.0.0.1:0", "[::1]:0"].map(|text| text.parse().expect("an address"));
        let mut listener =
            Listener::bind(&Tcp, &addresses, Liveness::default()).expect("free ports");
        let bound = listener.addresses();
        assert!(bound.iter().all(|address| address.port() == bound[0].port()), "{bound:?}");
        for address in bound {
            let (connected, (_, peer)) =
                tokio::join!(TcpStream::connect(address), listener.accept("peer"));
            assert_eq!(connected.expect("accepted").local_addr().expect("connected"), peer);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_bound_is_left_out_if_something_can() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let taken = taken.local_addr().map(|address| (taken, address)).expect("bound");
        let free = "127.0.0.1:0".parse().expect("an address");
        let listener =
            Listener::bind(&Tcp, &[taken.1, free], Liveness::default()).expect("one is free");
        assert_eq!(listener.addresses().len(), 1);
        let error =
            Listener::bind(&Tcp, &[taken.1], Liveness::default()).expect_err("none is free");
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let error = Listener::bind(&Tcp, &[], Liveness::default()).expect_err("nothing to bind");
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
