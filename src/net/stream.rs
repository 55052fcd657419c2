//! What carries a connection's bytes.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BufMut;
use socket2::SockRef;
use tokio::net::TcpStream;

/// Bytes in and out, without ever waiting: a socket, or something between a [`Connection`](super::Connection)
/// and a socket, which may have to write in order to read, and to read in order to write.
///
/// At most one task waits for it to become readable, and one for room.
pub trait Stream: Send + Sync + 'static {
    /// Appends what has come to `buffer`, at most `limit` bytes; how many, where 0 is the end. If nothing
    /// has come, the task is woken when something does.
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>>;

    /// Whether something has come that has not been read yet, be it the end. This asks the system.
    fn has_unread(&self) -> bool;

    /// Takes some of `bytes`, and how many.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there is no room for any.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Whether bytes that were taken have not been handed on, since whatever is below had no room for them. Then
    /// [`Stream::poll_room`] is called until it has.
    fn holds_back(&self) -> bool {
        false
    }

    /// Waits until there may be room, and hands on what is held back first.
    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the outgoing side: the peer reads what was sent, and then the end.
    ///
    /// # Errors
    /// If the connection has ended already.
    fn end(&self) -> io::Result<()>;

    /// Has the connection reset when it is dropped, instead of ended: the peer learns that something was
    /// wrong, and nothing that it sent in the meantime keeps the socket alive.
    fn abort_on_close(&self);
}

impl Stream for TcpStream {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            match self.try_read_buf(&mut buffer.limit(limit)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }

    fn has_unread(&self) -> bool {
        let peeked = SockRef::from(self).peek(&mut [MaybeUninit::uninit()]);
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::try_write(self, bytes)
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(context)
    }

    fn end(&self) -> io::Result<()> {
        SockRef::from(self).shutdown(Shutdown::Write)
    }

    fn abort_on_close(&self) {
        // A socket that takes no options is lost already.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}
