//! Reading frames from a socket.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::net::TcpStream;

use crate::ids::{DATAGRAM_BYTES_MAX, LENGTH_TAG_BYTES};
use crate::wire::Frames;

/// Read buffer of a connection that says little.
const SMALL_BYTES: usize = 4 * 1024;
/// Read buffer of a connection that says much; holds at least one whole frame.
const LARGE_BYTES: usize = 2 * (DATAGRAM_BYTES_MAX + LENGTH_TAG_BYTES);

/// The incoming side of a connection whose outgoing side is used elsewhere at the same time.
///
/// Tokio's own halves end the stream when the writing one is dropped; a connection that is to be
/// reset must not be ended first.
#[derive(Debug, Clone)]
pub struct Incoming(pub Arc<TcpStream>);

impl AsyncRead for Incoming {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read.map(|_| ())),
            }
        }
    }
}

/// Reads in large chunks and hands out whole frames without copying them.
///
/// The buffer is small until a read fills it.
#[derive(Debug, Default)]
pub struct FrameReader {
    buffer: Vec<u8>,
    /// Bytes of whole frames at the front of `buffer`, handed out by the last read.
    whole: usize,
    /// The last read took all the room that there was: there may be more.
    filled: bool,
}

impl FrameReader {
    /// A reader for one connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits until at least one whole frame is there, and returns all that are; `None` at the
    /// end of the stream. Frames of the call before are forgotten.
    ///
    /// Cancelling loses nothing.
    ///
    /// # Errors
    /// What the socket returns; `UnexpectedEof` if the stream ends inside a frame.
    pub async fn read(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<Frames<'_>>> {
        self.buffer.drain(..self.whole);
        self.whole = 0;
        loop {
            self.make_room();
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return match self.buffer.len() {
                    0 => Ok(None),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            self.filled = self.buffer.len() == self.buffer.capacity();
            self.whole = Frames::whole_bytes(&self.buffer);
            if self.whole > 0 {
                return Ok(Some(Frames::new(&self.buffer[..self.whole])));
            }
        }
    }

    /// Bytes of the frames that the last read returned.
    pub const fn batch_bytes(&self) -> usize {
        self.whole
    }

    fn make_room(&mut self) {
        let wanted = match self.buffer.capacity() {
            0 => SMALL_BYTES,
            _ if self.filled => LARGE_BYTES,
            capacity => capacity,
        };
        self.buffer.reserve_exact(wanted.saturating_sub(self.buffer.len()));
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::wire::write_frame;

    async fn read_all(bytes: &[u8], pipe: usize) -> (Vec<Vec<u8>>, io::Result<()>) {
        let (mut ours, mut theirs) = tokio::io::duplex(pipe);
        let bytes = bytes.to_vec();
        let writer = tokio::spawn(async move {
            // The reader may have given up already.
            let _ = theirs.write_all(&bytes).await;
        });
        let mut reader = FrameReader::new();
        let mut datagrams = Vec::new();
        let end = loop {
            match reader.read(&mut ours).await {
                Ok(Some(frames)) => datagrams.extend(frames.map(|f| f.datagram().to_vec())),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        writer.await.expect("no panic");
        (datagrams, end)
    }

    #[tokio::test]
    async fn frames_of_all_sizes_arrive_whole_however_they_are_cut() {
        let sizes = [0, 1, 5, 4094, 4095, 0, 70, DATAGRAM_BYTES_MAX, 3, DATAGRAM_BYTES_MAX];
        let datagrams: Vec<Vec<u8>> =
            sizes.iter().enumerate().map(|(i, &size)| vec![i as u8; size]).collect();
        let mut bytes = Vec::new();
        for datagram in &datagrams {
            write_frame(&mut bytes, |w| w.raw(datagram)).expect("fits");
        }
        for pipe in [1, 7, 4096, 1 << 20] {
            let (read, end) = read_all(&bytes, pipe).await;
            assert!(read == datagrams, "pipe of {pipe} bytes");
            end.expect("a clean end");
        }
        let (read, end) = read_all(&bytes[..bytes.len() - 1], 4096).await;
        assert!(read == datagrams[..datagrams.len() - 1]);
        assert_eq!(end.expect_err("torn").kind(), io::ErrorKind::UnexpectedEof);
    }
}
