//! A socket as hyper reads and writes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};

use crate::net::{Socket, Stream};

/// The most that is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// A socket, encrypted or not.
#[derive(Debug)]
pub struct HttpStream {
    socket: Socket,
    /// What has been read and not been handed on: nothing between two reads.
    read: Vec<u8>,
}

impl HttpStream {
    /// Over a socket.
    pub const fn new(socket: Socket) -> Self {
        HttpStream { socket, read: Vec::new() }
    }
}

impl Read for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let HttpStream { socket, read } = &mut *self;
        let limit = buffer.remaining().min(READ_BYTES);
        if limit == 0 {
            return Poll::Ready(Ok(()));
        }
        read.clear();
        ready!(socket.poll_read(context, read, limit))?;
        buffer.put_slice(read);
        Poll::Ready(Ok(()))
    }
}

impl Write for HttpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_room(context))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.socket.holds_back() {
            ready!(self.socket.poll_room(context))?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Poll::Ready(self.socket.end())
    }
}
