//! A stream on which each datagram has a length of four bytes before it, where everybody here counts with two: that of peers whose
//! `tcp-header-size` is 4.
//!
//! Datagrams are no longer for that. What they hold is the same either way; a length that does not fit two bytes is an error.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;

use super::tcp::{Line, Liveness, Question};
use super::{Signs, Socket, Stream, Wire};
use crate::ids::{DATAGRAM_BYTES_MAX, LENGTH_TAG_BYTES, LengthTag};

/// The bytes of a length there.
const WIDE_BYTES: usize = size_of::<u32>();
/// The most that is taken at a time to be written. More would be kept back when the stream below is full.
const CHUNK_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    /// What has come lands here, so that connections that wait need no memory for it.
    static WIDE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The stream.
#[derive(Debug)]
pub struct WideLengths<S = Socket> {
    below: S,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

impl<S> WideLengths<S> {
    /// Over another one, from its beginning on.
    pub fn new(below: S) -> Self {
        WideLengths { below, incoming: Mutex::default(), outgoing: Mutex::default() }
    }
}

/// A length of which some bytes may still be to come.
#[derive(Default, Debug)]
struct Tag<const BYTES: usize> {
    bytes: Vec<u8>,
}

impl<const BYTES: usize> Tag<BYTES> {
    /// Takes what belongs to it from the front of `bytes`, and returns it when it is whole.
    fn take(&mut self, bytes: &mut &[u8]) -> Option<[u8; BYTES]> {
        let (own, rest) = bytes.split_at((BYTES - self.bytes.len()).min(bytes.len()));
        *bytes = rest;
        self.bytes.extend_from_slice(own);
        let whole = self.bytes[..].try_into().ok();
        if whole.is_some() {
            self.bytes.clear();
        }
        whole
    }
}

/// Moves what is left of a datagram.
fn pass(left: &mut usize, bytes: &mut &[u8], into: &mut Vec<u8>) {
    let (own, rest) = bytes.split_at((*left).min(bytes.len()));
    into.extend_from_slice(own);
    *left -= own.len();
    *bytes = rest;
}

/// What comes.
#[derive(Default, Debug)]
struct Incoming {
    tag: Tag<WIDE_BYTES>,
    /// How much of the datagram is still to come.
    left: usize,
    /// What has been read and did not fit what was asked for.
    ready: Vec<u8>,
    /// Of what length a datagram was that there cannot be.
    failed: Option<u32>,
}

impl Incoming {
    fn narrow(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) {
        while self.failed.is_none() && !bytes.is_empty() {
            if self.left > 0 {
                pass(&mut self.left, &mut bytes, into);
            } else if let Some(tag) = self.tag.take(&mut bytes) {
                let length = u32::from_le_bytes(tag);
                match LengthTag::try_from(length) {
                    Ok(tag) => {
                        into.extend(tag.to_le_bytes());
                        self.left = usize::from(tag);
                    }
                    Err(_) => self.failed = Some(length),
                }
            }
        }
    }

    /// Hands over what has been read already, or why nothing more can be.
    fn ready(&mut self, buffer: &mut Vec<u8>, limit: usize) -> Option<io::Result<usize>> {
        if !self.ready.is_empty() {
            let count = limit.min(self.ready.len());
            buffer.extend(self.ready.drain(..count));
            return Some(Ok(count));
        }
        self.failed.map(|length| {
            let why = format!(
                "a datagram of {length} bytes, and there are none of more than {DATAGRAM_BYTES_MAX}: its lengths may have 2 bytes \
                 instead of 4 (tcp_header_size)"
            );
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        })
    }
}

/// What goes.
#[derive(Default, Debug)]
struct Outgoing {
    tag: Tag<LENGTH_TAG_BYTES>,
    /// How much of the datagram is still to be said.
    left: usize,
    /// What the stream below has no room for, behind what it has taken of it.
    held: Vec<u8>,
    taken: usize,
}

impl Outgoing {
    fn widen(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.left > 0 {
                pass(&mut self.left, &mut bytes, &mut self.held);
            } else if let Some(tag) = self.tag.take(&mut bytes) {
                let length = LengthTag::from_le_bytes(tag);
                self.held.extend(u32::from(length).to_le_bytes());
                self.left = usize::from(length);
            }
        }
    }

    /// Hands on what is held; whether all of it is gone.
    fn flush(&mut self, below: &impl Stream) -> io::Result<bool> {
        while self.taken < self.held.len() {
            match below.try_write(&self.held[self.taken..]) {
                Ok(count) => self.taken += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.held.clear();
        self.taken = 0;
        Ok(true)
    }
}

impl<S: Stream> Stream for WideLengths<S> {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let mut incoming = self.incoming.lock();
        let start = buffer.len();
        loop {
            if let Some(ready) = incoming.ready(buffer, limit) {
                return Poll::Ready(ready);
            }
            let read = WIDE.with_borrow_mut(|bytes| {
                bytes.clear();
                let read = self.below.poll_read(context, bytes, limit);
                incoming.narrow(bytes, buffer);
                read
            });
            // The end is one also if it comes within a datagram: whoever puts them together finds that out.
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(0));
            }
            let count = buffer.len() - start;
            if count > 0 {
                // A length of which the beginning had come before is longer than the rest of it.
                incoming.ready.extend(buffer.drain(start + limit.min(count)..));
                return Poll::Ready(Ok(limit.min(count)));
            }
        }
    }

    fn has_unread(&self) -> bool {
        let incoming = self.incoming.lock();
        !incoming.ready.is_empty() || incoming.failed.is_some() || self.below.has_unread()
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut outgoing = self.outgoing.lock();
        if !outgoing.flush(&self.below)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let chunk = &bytes[..bytes.len().min(CHUNK_BYTES_MAX)];
        outgoing.widen(chunk);
        outgoing.flush(&self.below)?;
        Ok(chunk.len())
    }

    fn holds_back(&self) -> bool {
        !self.outgoing.lock().held.is_empty() || self.below.holds_back()
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.below.poll_room(context))?;
            if self.outgoing.lock().flush(&self.below)? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn end(&self) -> io::Result<()> {
        self.below.end()
    }

    fn abort_on_close(&self) {
        self.below.abort_on_close();
    }

    fn keep_little_unsent(&self) {
        self.below.keep_little_unsent();
    }
}

impl Line for WideLengths {
    fn is_here(&self) -> bool {
        self.below.is_here()
    }

    fn signs(&self) -> Signs {
        self.below.signs()
    }

    fn ask(&self, liveness: Liveness) -> Question<'_> {
        self.below.ask(liveness)
    }
}

impl Wire for WideLengths {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.below.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.below.peer_addr()
    }

    fn set_liveness(&self, liveness: Liveness) {
        self.below.set_options(liveness);
    }

    fn unacknowledged_bytes(&self) -> usize {
        self.below.unacknowledged_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    /// A stream that takes and brings as much at a time as it likes.
    #[derive(Default)]
    struct Fitful(Mutex<Inner>);

    #[derive(Default)]
    struct Inner {
        unread: VecDeque<u8>,
        written: Vec<u8>,
        portions: VecDeque<usize>,
    }

    impl Inner {
        /// How much it does now; nothing at all every now and then.
        fn portion(&mut self) -> usize {
            let portion = self.portions.pop_front().unwrap_or(1000);
            self.portions.push_back(portion);
            portion
        }
    }

    impl Stream for Fitful {
        fn poll_read(
            &self,
            _: &mut Context<'_>,
            buffer: &mut Vec<u8>,
            limit: usize,
        ) -> Poll<io::Result<usize>> {
            let mut inner = self.0.lock();
            let portion = inner.portion();
            if portion == 0 {
                return Poll::Pending;
            }
            let count = limit.min(portion).min(inner.unread.len());
            buffer.extend(inner.unread.drain(..count));
            Poll::Ready(Ok(count))
        }

        fn has_unread(&self) -> bool {
            !self.0.lock().unread.is_empty()
        }

        fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
            let mut inner = self.0.lock();
            let portion = inner.portion();
            if portion == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = portion.min(bytes.len());
            inner.written.extend(&bytes[..count]);
            Ok(count)
        }

        fn poll_room(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn end(&self) -> io::Result<()> {
            Ok(())
        }

        fn abort_on_close(&self) {}
    }

    fn stream(portions: &[usize], unread: Vec<u8>) -> WideLengths<Fitful> {
        let portions = portions.iter().copied().collect();
        let inner = Inner { unread: unread.into(), portions, ..Inner::default() };
        WideLengths::new(Fitful(Mutex::new(inner)))
    }

    fn framed<const BYTES: usize>(datagrams: &[Vec<u8>]) -> Vec<u8> {
        let frames = datagrams.iter().flat_map(|datagram| {
            let tag = (datagram.len() as u32).to_le_bytes();
            [&tag[..BYTES], datagram].concat()
        });
        frames.collect()
    }

    /// All that can be read, in reads of this limit, or why not.
    fn read_all(stream: &WideLengths<Fitful>, limit: usize) -> Result<Vec<u8>, (Vec<u8>, String)> {
        let mut all = Vec::new();
        loop {
            let before = all.len();
            let mut context = Context::from_waker(Waker::noop());
            match stream.poll_read(&mut context, &mut all, limit) {
                Poll::Pending => assert_eq!(all.len(), before),
                Poll::Ready(Ok(0)) => return Ok(all),
                Poll::Ready(Ok(count)) => {
                    assert_eq!(all.len(), before + count);
                    assert!(count <= limit);
                }
                Poll::Ready(Err(error)) => return Err((all, error.to_string())),
            }
        }
    }

    fn datagrams() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..20)
    }

    /// With one that does something, or nothing would ever happen.
    fn portions() -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(0usize..9, 0..6).prop_map(|mut portions| {
            portions.push(3);
            portions
        })
    }

    proptest! {
        #[test]
        fn what_comes_is_the_same_with_other_lengths(datagrams in datagrams(), portions in portions(), limit in 1usize..50) {
            let stream = stream(&portions, framed::<WIDE_BYTES>(&datagrams));
            prop_assert_eq!(read_all(&stream, limit), Ok(framed::<LENGTH_TAG_BYTES>(&datagrams)));
        }

        #[test]
        fn so_is_what_goes(datagrams in datagrams(), portions in portions(), pieces in prop::collection::vec(1usize..30, 1..8)) {
            let stream = stream(&portions, Vec::new());
            let bytes = framed::<LENGTH_TAG_BYTES>(&datagrams);
            let (mut said, mut pieces) = (0, pieces.into_iter().cycle());
            while said < bytes.len() {
                let end = bytes.len().min(said + pieces.next().expect("some"));
                match stream.try_write(&bytes[said..end]) {
                    Ok(count) => said += count,
                    Err(error) => prop_assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            }
            while stream.holds_back() {
                let mut context = Context::from_waker(Waker::noop());
                prop_assert!(stream.poll_room(&mut context).is_ready());
            }
            prop_assert_eq!(&stream.below.0.lock().written, &framed::<WIDE_BYTES>(&datagrams));
        }
    }

    #[test]
    fn a_length_that_there_cannot_be_is_an_error_behind_what_was_right() {
        let right = vec![b"right".to_vec()];
        for wrong in [0x0001_0000u32, u32::MAX] {
            let bytes = [framed::<WIDE_BYTES>(&right), wrong.to_le_bytes().to_vec()].concat();
            let stream = stream(&[], bytes);
            let (read, why) = read_all(&stream, 100).expect_err("it is none");
            assert_eq!(read, framed::<LENGTH_TAG_BYTES>(&right));
            assert!(why.starts_with(&format!("a datagram of {wrong} bytes")), "{why}");
            assert!(stream.has_unread());
        }
    }
}
