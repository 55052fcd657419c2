//! What carries a connection's bytes.

use std::io;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BufMut;
use socket2::SockRef;
use tokio::io::Interest;
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

    /// Has the system take little that it cannot send yet, if it can be told so: what waits here can still be left out.
    fn keep_little_unsent(&self) {}
}

/// As much as is sent in a good moment: more would only wait.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LITTLE: u32 = 128 * 1024;

impl Stream for TcpStream {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            // Or a read would leave no room without having brought all that there is.
            buffer.reserve(limit);
            let mut read = None;
            let ended = self.try_io(Interest::READABLE, || {
                let count = self.try_read_buf(&mut (&mut *buffer).limit(limit))?;
                read = Some(count);
                // What leaves room has emptied the socket. The runtime is told so, and waits for more at once: the
                // next read would find nothing. It remembers an end by itself. (On Windows the system has to find
                // nothing before it tells of more.)
                if cfg!(unix) && 0 < count && count < limit {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            match (read, ended) {
                (Some(count), _) => return Poll::Ready(Ok(count)),
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                (None, _) => {}
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

    fn keep_little_unsent(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(self).set_tcp_notsent_lowat(LITTLE);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn read(stream: &TcpStream, buffer: &mut Vec<u8>, limit: usize) -> usize {
        std::future::poll_fn(|context| stream.poll_read(context, buffer, limit))
            .await
            .expect("it is open")
    }

    fn is_thought_to_have_more(stream: &TcpStream) -> bool {
        stream.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn a_read_that_leaves_room_is_not_followed_by_one_that_finds_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut peer = TcpStream::connect(address).await.expect("it listens");
        let (stream, _) = listener.accept().await.expect("it is there");
        let mut buffer = Vec::new();
        peer.write_all(b"abcdef").await.expect("there is room");
        assert_eq!(read(&stream, &mut buffer, 4).await, 4);
        // As far as is known.
        assert!(is_thought_to_have_more(&stream));
        assert_eq!(read(&stream, &mut buffer, 4).await, 2);
        #[cfg(unix)]
        assert!(!is_thought_to_have_more(&stream));
        // What comes then, and the end, are noticed all the same.
        peer.write_all(b"g").await.expect("there is room");
        assert_eq!(read(&stream, &mut buffer, 4).await, 1);
        peer.write_all(b"h").await.expect("there is room");
        drop(peer);
        while buffer.len() < 8 {
            read(&stream, &mut buffer, 4).await;
        }
        assert_eq!(read(&stream, &mut buffer, 4).await, 0);
        assert_eq!(buffer, b"abcdefgh");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn little_is_kept_of_what_cannot_be_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let mut taken = Vec::new();
        for keeps_little in [false, true] {
            let _peer = TcpStream::connect(address).await.expect("it listens");
            let (stream, _) = listener.accept().await.expect("it is there");
            if keeps_little {
                stream.keep_little_unsent();
            }
            stream.writable().await.expect("it is open");
            let mut bytes = 0;
            while let Ok(count) = Stream::try_write(&stream, &[0; 16 * 1024]) {
                bytes += count;
            }
            taken.push(bytes);
        }
        assert!(taken[1] + 256 * 1024 < taken[0], "{taken:?}");
    }
}
