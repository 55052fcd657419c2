//! Accepting connections.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{Accept, Liveness, Network, Socket, words};
use crate::platform::process;

/// After a failed accept (too many open files, say) the next try waits, so as not to spin.
const PAUSE: Duration = Duration::from_millis(50);

/// Sockets that listen for the same. Connections that come before [`Listener::accept`] wait.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Box<dyn Accept>>,
    /// The socket that is asked first, so that none waits for ever behind a busy one.
    first: usize,
    /// Accepts that have failed since one succeeded.
    failures: u64,
    spare: Spare,
}

/// A file that is kept open, to be closed when no other may be opened: so that whoever connects can be accepted, and told
/// that there is no room.
#[derive(Debug)]
enum Spare {
    /// Whoever connects waits until there is room.
    No,
    There {
        _file: File,
    },
    Given,
}

impl Spare {
    fn open() -> Self {
        File::open("/dev/null").map_or(Spare::Given, |file| Spare::There { _file: file })
    }

    /// Closes it; whether it was there.
    fn give_up(&mut self) -> bool {
        let was_there = matches!(self, Spare::There { .. });
        if was_there {
            *self = Spare::Given;
        }
        was_there
    }

    fn take_back(&mut self) {
        if self.is_given() {
            *self = Spare::open();
        }
    }

    const fn is_given(&self) -> bool {
        matches!(self, Spare::Given)
    }
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
            match network.bind(address, liveness) {
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
        Ok(Listener { sockets, first: 0, failures: 0, spare: Spare::No })
    }

    /// Whether others have one of its sockets, too: see [`Accept::is_shared`].
    pub fn is_shared(&self) -> bool {
        self.sockets.iter().any(|socket| socket.is_shared())
    }

    /// Where it listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Keeps a file, so that somebody can be accepted when too many are open: [`Listener::is_full`].
    pub fn keep_spare(&mut self) {
        self.spare = Spare::open();
    }

    /// Whether the last connection took the last file: it is to be closed at once.
    pub const fn is_full(&self) -> bool {
        self.spare.is_given()
    }

    /// The next connection, and from where it comes. Failures are logged, not one by
    /// one; `what` is what connects here. Cancelling loses nothing.
    pub async fn accept(&mut self, what: &'static str) -> (Socket, SocketAddr) {
        self.spare.take_back();
        loop {
            match poll_fn(|context| self.poll_accept(what, context)).await {
                Ok((stream, peer)) => {
                    if !self.is_full() {
                        self.has_succeeded(what);
                    }
                    return (stream, peer);
                }
                Err(error) => {
                    self.has_failed(what, &error);
                    tokio::time::sleep(PAUSE).await;
                    self.spare.take_back();
                }
            }
        }
    }

    fn poll_accept(
        &mut self,
        what: &'static str,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let accepted = self.poll_sockets(context);
        let Poll::Ready(Err(error)) = &accepted else { return accepted };
        if !(process::is_for_files(error) && self.spare.give_up()) {
            return accepted;
        }
        let with_spare = self.poll_sockets(context);
        match &with_spare {
            // The system says that there is no file before it looks whether anybody is there.
            Poll::Pending => self.spare.take_back(),
            Poll::Ready(_) => self.has_failed(what, error),
        }
        with_spare
    }

    fn poll_sockets(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<(Socket, SocketAddr)>> {
        let count = self.sockets.len();
        for place in 0..count {
            let place = (self.first + place) % count;
            if let Poll::Ready(accepted) = self.sockets[place].poll_accept(context) {
                self.first = (place + 1) % count;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }

    fn has_failed(&mut self, what: &'static str, error: &io::Error) {
        self.failures += 1;
        if self.failures > 1 {
            return;
        }
        let address = self.address();
        let advice =
            if process::is_for_files(error) { "; raise the limit (LimitNOFILE)" } else { "" };
        tracing::error!(address, error = words(error), "no {what} can be accepted{advice}");
    }

    fn has_succeeded(&mut self, what: &'static str) {
        let failures = std::mem::take(&mut self.failures);
        if failures > 0 {
            tracing::info!(address = self.address(), failures, "a {what} can be accepted again");
        }
    }

    /// All of its addresses.
    fn address(&self) -> String {
        let addresses: Vec<String> = self.addresses().iter().map(SocketAddr::to_string).collect();
        addresses.join(", ")
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn who_is_accepted_has_the_options_of_a_connection() {
        let address = "127.0.0.1:0".parse().expect("an address");
        let seconds = |count| Some(Duration::from_secs(count));
        let liveness = Liveness::new(seconds(30), seconds(90));
        let mut listener = Listener::bind(&Tcp, &[address], liveness).expect("a free port");
        let bound = listener.addresses()[0];
        let (peer, (accepted, _)) =
            tokio::join!(TcpStream::connect(bound), listener.accept("peer"));
        peer.expect("accepted");
        let Socket::Tcp(stream) = accepted else { panic!("{accepted:?}") };
        let socket = socket2::SockRef::from(&stream);
        assert!(socket.tcp_nodelay().expect("an option"));
        assert!(socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), Duration::from_secs(30));
        assert_eq!(socket.tcp_keepalive_interval().expect("an option"), Duration::from_secs(10));
        assert_eq!(socket.tcp_keepalive_retries().expect("an option"), 3);
        assert_eq!(socket.tcp_user_timeout().expect("an option"), seconds(90));
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
