//! TCP: listening and connecting with the options that all our sockets have.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

/// After this long without traffic the kernel asks whether the peer still lives.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Connections that may wait to be accepted: a whole player base can come back at once.
const BACKLOG: i32 = 4096;

/// Listens on an address.
///
/// # Errors
/// What the system says.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    // A daemon that restarts must not wait for its own old connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Connects to the first of `addresses` that accepts.
///
/// # Errors
/// That of the last address; `AddrNotAvailable` if there are none.
pub async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addresses).await?;
    set_options(&stream)?;
    Ok(stream)
}

/// Sets what every connection needs: no delay, since writes are coalesced already, and keep-alive.
///
/// # Errors
/// What the socket returns; a connection that is closed already.
pub(super) fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}
