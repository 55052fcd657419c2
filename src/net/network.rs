//! Where connections come from and what carries them: TCP, or something that stands for it.
//!
//! Listeners and whoever dials are given a [`Network`]. The machine's own is [`Tcp`]; a simulation has one in memory.

use std::fmt;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::tcp::{self, Line, Liveness, Question};
use super::tls::Tls;
use super::wide::WideLengths;
use super::{Passed, Signs, Stream, within};
use crate::config::Address;

/// What is waited for when somebody connects.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Socket>> + Send + 'a>>;

/// Makes connections, and takes them.
pub trait Network: Send + Sync + 'static {
    /// Listens on an address. The connections that come there have the options that connections need.
    ///
    /// # Errors
    /// If it cannot be bound.
    fn bind(&self, address: SocketAddr, liveness: Liveness) -> io::Result<Box<dyn Accept>>;

    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> Connecting<'_>;

    /// The socket for UDP packets to an address that somebody has bound already.
    fn bound_udp(&self, _address: SocketAddr) -> Option<UdpSocket> {
        None
    }
}

/// Somebody who listens.
pub trait Accept: Send + fmt::Debug {
    /// Where.
    ///
    /// # Errors
    /// What the system says.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Whether others have the socket, too: who connects waits there also when it is closed here.
    fn is_shared(&self) -> bool {
        false
    }

    /// The next connection, and from where it comes.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>>;
}

/// What carries a connection instead of TCP.
pub trait Wire: Stream + Line + fmt::Debug {
    /// This end.
    ///
    /// # Errors
    /// If there is none any more.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The other end.
    ///
    /// # Errors
    /// If there is none any more.
    fn peer_addr(&self) -> io::Result<SocketAddr>;

    /// When a peer that nothing comes from counts as gone.
    fn set_liveness(&self, liveness: Liveness);

    /// How many bytes of what was taken may not have arrived, at most.
    fn unacknowledged_bytes(&self) -> usize;
}

/// The network of the machine.
#[derive(Copy, Clone, Debug)]
pub struct Tcp;

impl Network for Tcp {
    fn bind(&self, address: SocketAddr, liveness: Liveness) -> io::Result<Box<dyn Accept>> {
        let listener = tcp::bind(address)?;
        Ok(Box::new(TcpAccept { listener, liveness, is_shared: false }.prepared()))
    }

    fn connect(&self, address: SocketAddr) -> Connecting<'_> {
        Box::pin(async move { Ok(TcpStream::connect(address).await?.into()) })
    }
}

/// The network of the machine, where a service manager has bound some sockets.
#[derive(Clone, Debug)]
pub struct Inherited(pub Arc<Passed>);

impl Network for Inherited {
    fn bind(&self, address: SocketAddr, liveness: Liveness) -> io::Result<Box<dyn Accept>> {
        let Some(listener) = self.0.take_tcp(address) else { return Tcp.bind(address, liveness) };
        tracing::debug!(%address, "the socket was passed on (LISTEN_FDS)");
        let listener = TcpListener::from_std(listener)?;
        Ok(Box::new(TcpAccept { listener, liveness, is_shared: true }.prepared()))
    }

    fn connect(&self, address: SocketAddr) -> Connecting<'_> {
        Box::pin(async move { Tcp.connect(address).await })
    }

    fn bound_udp(&self, address: SocketAddr) -> Option<UdpSocket> {
        self.0.take_udp(address)
    }
}

/// A listening socket of the machine.
#[derive(Debug)]
struct TcpAccept {
    listener: TcpListener,
    liveness: Liveness,
    is_shared: bool,
}

impl TcpAccept {
    /// On Linux connections get their options from the socket that listens: six system calls less for each.
    const HANDS_ON_OPTIONS: bool = cfg!(target_os = "linux");

    fn prepared(self) -> Self {
        if Self::HANDS_ON_OPTIONS {
            tcp::set_options(&self.listener, self.liveness);
        }
        self
    }
}

impl Accept for TcpAccept {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(Socket, SocketAddr)>> {
        self.listener.poll_accept(context).map_ok(|(stream, peer)| {
            if !Self::HANDS_ON_OPTIONS {
                tcp::set_options(&stream, self.liveness);
            }
            (stream.into(), peer)
        })
    }
}

/// The ends of a connection, as one of them sees it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Ends {
    local: SocketAddr,
    peer: SocketAddr,
}

impl Ends {
    fn new(local: SocketAddr, peer: SocketAddr) -> Self {
        // One end may be of either family, and the other of both.
        let canonical = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
        Ends { local: canonical(local), peer: canonical(peer) }
    }

    /// The same, as the other end sees it.
    pub const fn reversed(self) -> Self {
        Ends { local: self.peer, peer: self.local }
    }
}

/// What carries a connection. It takes no more memory than a TCP connection alone.
#[derive(Debug)]
pub enum Socket {
    /// A connection of the machine.
    Tcp(TcpStream),
    /// Anything else.
    Other(Box<dyn Wire>),
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Socket::Tcp(stream)
    }
}

impl Socket {
    /// This end.
    ///
    /// # Errors
    /// If there is none any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Socket::Tcp(stream) => stream.local_addr(),
            Socket::Other(wire) => wire.local_addr(),
        }
    }

    /// Both ends, this one first.
    ///
    /// # Errors
    /// If there are none any more.
    pub fn ends(&self) -> io::Result<Ends> {
        Ok(Ends::new(self.local_addr()?, self.peer_addr()?))
    }

    /// The other end.
    ///
    /// # Errors
    /// If there is none any more.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Socket::Tcp(stream) => stream.peer_addr(),
            Socket::Other(wire) => wire.peer_addr(),
        }
    }

    /// How many bytes of what was taken may not have arrived, at most. This asks the system.
    pub fn unacknowledged_bytes(&self) -> usize {
        match self {
            Socket::Tcp(stream) => tcp::unacknowledged_bytes(stream),
            Socket::Other(wire) => wire.unacknowledged_bytes(),
        }
    }

    /// The same, where the lengths of datagrams have four bytes, if they do.
    pub fn with_wide_lengths(self, are_wide: bool) -> Self {
        if are_wide { Socket::Other(Box::new(WideLengths::new(self))) } else { self }
    }

    /// Sets what every connection needs.
    pub(super) fn set_options(&self, liveness: Liveness) {
        match self {
            Socket::Tcp(stream) => tcp::set_options(stream, liveness),
            Socket::Other(wire) => wire.set_liveness(liveness),
        }
    }
}

impl Stream for Socket {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        match self {
            Socket::Tcp(stream) => Stream::poll_read(stream, context, buffer, limit),
            Socket::Other(wire) => wire.poll_read(context, buffer, limit),
        }
    }

    fn has_unread(&self) -> bool {
        match self {
            Socket::Tcp(stream) => stream.has_unread(),
            Socket::Other(wire) => wire.has_unread(),
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => Stream::try_write(stream, bytes),
            Socket::Other(wire) => wire.try_write(bytes),
        }
    }

    fn holds_back(&self) -> bool {
        match self {
            Socket::Tcp(_) => false,
            Socket::Other(wire) => wire.holds_back(),
        }
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(stream) => stream.poll_room(context),
            Socket::Other(wire) => wire.poll_room(context),
        }
    }

    fn end(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.end(),
            Socket::Other(wire) => wire.end(),
        }
    }

    fn abort_on_close(&self) {
        match self {
            Socket::Tcp(stream) => stream.abort_on_close(),
            Socket::Other(wire) => wire.abort_on_close(),
        }
    }

    fn keep_little_unsent(&self) {
        match self {
            Socket::Tcp(stream) => stream.keep_little_unsent(),
            Socket::Other(wire) => wire.keep_little_unsent(),
        }
    }
}

impl Line for Socket {
    fn is_here(&self) -> bool {
        match self {
            Socket::Tcp(stream) => stream.is_here(),
            Socket::Other(wire) => wire.is_here(),
        }
    }

    fn signs(&self) -> Signs {
        match self {
            Socket::Tcp(stream) => stream.signs(),
            Socket::Other(wire) => wire.signs(),
        }
    }

    fn ask(&self, liveness: Liveness) -> Question<'_> {
        match self {
            Socket::Tcp(stream) => stream.ask(liveness),
            Socket::Other(wire) => wire.ask(liveness),
        }
    }
}

/// Connects to one address again and again.
pub struct Dialler {
    network: Arc<dyn Network>,
    address: Address,
    /// How long an attempt may take; `None` is up to the network.
    limit: Option<Duration>,
    liveness: Liveness,
    /// How connections are encrypted.
    tls: Option<Arc<Tls>>,
    /// Whether lengths have four bytes at the other end.
    are_lengths_wide: bool,
}

impl Dialler {
    /// For connections to `address` that are made within `limit`.
    pub fn new(
        network: Arc<dyn Network>,
        address: Address,
        limit: Option<Duration>,
        liveness: Liveness,
    ) -> Self {
        Dialler { network, address, limit, liveness, tls: None, are_lengths_wide: false }
    }

    /// Encrypts connections.
    pub fn with_tls(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// Whether lengths have four bytes at the other end.
    pub const fn with_wide_lengths(mut self, are_wide: bool) -> Self {
        self.are_lengths_wide = are_wide;
        self
    }

    /// Whether it encrypts connections.
    pub const fn encrypts(&self) -> bool {
        self.tls.is_some()
    }

    /// Where it connects to.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Connects to the first address of the host that accepts; none of them may take longer than the limit, nor may
    /// looking them up, nor the handshake of TLS.
    ///
    /// # Errors
    /// That of the last address; `AddrNotAvailable` if there are none.
    pub async fn dial(&self) -> io::Result<Socket> {
        let addresses = within(self.limit, self.address.resolve()).await?;
        let socket = connect(&*self.network, &addresses, self.limit, self.liveness).await?;
        let socket = match &self.tls {
            None => socket,
            Some(tls) => {
                let shake = async {
                    let shaken = tls.connect(socket, &self.address.host).await;
                    shaken.map_err(|failure| io::Error::other(format!("TLS: {failure}")))
                };
                within(self.limit, shake).await?
            }
        };
        Ok(socket.with_wide_lengths(self.are_lengths_wide))
    }
}

async fn connect(
    network: &dyn Network,
    addresses: &[SocketAddr],
    limit: Option<Duration>,
    liveness: Liveness,
) -> io::Result<Socket> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for &address in addresses {
        match within(limit, network.connect(address)).await {
            Ok(socket) => {
                socket.set_options(liveness);
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn a_socket_takes_no_more_memory_than_a_tcp_connection() {
        assert_eq!(size_of::<Socket>(), size_of::<TcpStream>());
    }

    #[test]
    fn both_ends_see_the_same_connection_whatever_family_they_are_of() {
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let ends = Ends::new(at("10.0.0.1:4000"), at("10.0.0.1:7199"));
        assert_eq!(
            Ends::new(at("[::ffff:10.0.0.1]:7199"), at("[::ffff:10.0.0.1]:4000")),
            ends.reversed()
        );
        assert_ne!(Ends::new(at("10.0.0.1:7200"), at("10.0.0.1:4000")), ends.reversed());
    }

    #[tokio::test]
    async fn connecting_to_who_does_not_answer_has_an_end() {
        // Nobody accepts, and no more connections than these may wait: the next question is left unanswered.
        let deaf = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        deaf.bind(&any.into()).expect("a free port");
        deaf.listen(0).expect("it can listen");
        let address = deaf.local_addr().expect("bound").as_socket().expect("an IP address");
        let limit = Duration::from_millis(200);
        let mut waiting = Vec::new();
        let error = loop {
            assert!(waiting.len() < 10, "the kernel takes any number");
            match connect(&Tcp, &[address], Some(limit), Liveness::default()).await {
                Ok(stream) => waiting.push(stream),
                Err(error) => break error,
            }
        };
        let said = "no answer within 0.2 s (messagedirector.connect_timeout_ms)";
        assert_eq!(error.to_string(), said);
        let living = tcp::bind(any).expect("a free port");
        let addresses = [address, living.local_addr().expect("bound")];
        let second = connect(&Tcp, &addresses, Some(limit), Liveness::default()).await;
        second.expect("it answers");
    }
}
