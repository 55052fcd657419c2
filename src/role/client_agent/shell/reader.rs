//! Reading from clients.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

use crate::ids::{DATAGRAM_BYTES_MAX, LENGTH_TAG_BYTES};
use crate::wire::Frames;

/// Bytes read at once. Clients say little at a time.
const READ_BYTES: usize = 16 * 1024;
/// Memory that a connection keeps while it waits for the rest of a frame.
const KEPT_BYTES: usize = 1024;

thread_local! {
    /// What is read lands here first, so that connections that wait need no memory for it.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Waits for bytes, hands them to `take`, and returns how many there were; 0 is the end.
///
/// # Errors
/// What the socket returns.
pub async fn read(incoming: &mut OwnedReadHalf, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
    poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *incoming).poll_read(cx, &mut buffer))?;
            take(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

/// Reads and forgets until the other side ends or fails.
pub async fn discard(incoming: &mut OwnedReadHalf) {
    while read(incoming, |_| {}).await.is_ok_and(|count| count > 0) {}
}

/// Puts whole frames together.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The beginning of a frame whose other bytes have not come yet.
    partial: Vec<u8>,
}

impl Assembler {
    /// Takes bytes and hands on all frames that are whole now.
    pub fn take(&mut self, mut bytes: &[u8], mut frames: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            bytes = self.complete(bytes, &mut frames);
        }
        let whole = Frames::whole_bytes(bytes);
        if whole > 0 {
            frames(&bytes[..whole]);
        }
        self.partial.extend_from_slice(&bytes[whole..]);
    }

    /// Completes the frame that has begun, if `bytes` does; returns what is left of them.
    fn complete<'b>(&mut self, bytes: &'b [u8], frames: &mut impl FnMut(&[u8])) -> &'b [u8] {
        let mut bytes = bytes;
        while let [first, rest @ ..] = bytes {
            if self.partial.len() >= LENGTH_TAG_BYTES {
                break;
            }
            self.partial.push(*first);
            bytes = rest;
        }
        let Some(tag) = self.partial.first_chunk::<LENGTH_TAG_BYTES>() else {
            return bytes;
        };
        let length = LENGTH_TAG_BYTES + usize::from(u16::from_le_bytes(*tag));
        debug_assert!(length <= LENGTH_TAG_BYTES + DATAGRAM_BYTES_MAX);
        let missing = (length - self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..missing]);
        if self.partial.len() == length {
            frames(&self.partial);
            self.partial.clear();
            if self.partial.capacity() > KEPT_BYTES {
                self.partial = Vec::new();
            }
        }
        &bytes[missing..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::write_frame;

    proptest! {
        #[test]
        fn frames_come_out_whole_however_they_are_cut(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
            cuts in prop::collection::vec(1usize..30, 1..8),
        ) {
            let mut bytes = Vec::new();
            for datagram in &datagrams {
                write_frame(&mut bytes, |w| w.raw(datagram)).expect("small");
            }
            let mut assembler = Assembler::default();
            let mut found = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                assembler.take(piece, |frames| {
                    assert_eq!(Frames::whole_bytes(frames), frames.len());
                    found.extend(Frames::new(frames).map(|f| f.datagram().to_vec()));
                });
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(found, datagrams);
            prop_assert!(assembler.partial.is_empty());
        }
    }
}
