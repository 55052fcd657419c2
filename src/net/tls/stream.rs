//! A stream whose bytes are encrypted on their way through another one.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, Read as _, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;
use socket2::SockRef;

use super::words::words;
use crate::net::tcp::{Line, Liveness, Question};
use crate::net::{Signs, Socket, Stream, Wire};

/// The most that is taken at a time to be encrypted: one record. More would be kept back when the stream below is full.
const RECORD_BYTES_MAX: usize = 16 * 1024;
/// One read from below brings at least room for a record's worth of small ones, and at most this.
const READ_BYTES: std::ops::RangeInclusive<usize> = 4 * 1024..=128 * 1024;
/// How often somebody who only asks looks for the end of a record that comes in pieces.
const LOOKS_MAX: usize = 16;

thread_local! {
    /// What has come lands here to be decrypted, so that connections that wait need no memory for it.
    static ENCRYPTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What can be under TLS.
pub trait Below: Stream {
    /// As [`Stream::poll_read`], but asks the system at once, and leaves the task that waits alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing has come, or that cannot be asked here.
    fn take_unread(&self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize>;
}

impl Below for Socket {
    fn take_unread(&self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let Socket::Tcp(stream) = self else { return Err(io::ErrorKind::WouldBlock.into()) };
        let start = buffer.len();
        buffer.resize(start + limit, 0);
        let read = (&*SockRef::from(stream)).read(&mut buffer[start..]);
        buffer.truncate(start + read.as_ref().map_or(0, |count| *count));
        read
    }
}

/// One end of TLS, without what carries it.
pub(super) struct Session {
    pub tls: rustls::Connection,
    /// What has been decrypted and not been read yet.
    plain: Vec<u8>,
    end: Option<End>,
    /// The task that waits for something to read.
    reader: Option<Waker>,
    /// Nothing more is to be said.
    has_ended: bool,
}

/// Why nothing more comes.
enum End {
    /// The peer has ended its side, whether it has said so or not.
    Peer,
    /// What has come is no TLS, or not what was sent.
    Wrong(String),
    /// What is below has failed.
    Below(io::Error),
}

impl Session {
    pub fn new(tls: rustls::Connection) -> Self {
        Session { tls, plain: Vec::new(), end: None, reader: None, has_ended: false }
    }

    /// Decrypts bytes that have come, and appends what is in them to `into`.
    pub fn decrypt(&mut self, mut bytes: &[u8], into: &mut Vec<u8>) -> Result<(), rustls::Error> {
        loop {
            // It takes all, bit by bit, until the peer has said that this is the end.
            let taken = self.tls.read_tls(&mut bytes).unwrap_or_default();
            let state = self.tls.process_new_packets();
            take_all(self.tls.reader(), into);
            if state?.peer_has_closed() {
                self.end = Some(End::Peer);
            }
            if taken == 0 || bytes.is_empty() {
                return Ok(());
            }
        }
    }

    /// As [`Session::decrypt`], for what is to be read later.
    pub fn decrypt_for_later(&mut self, bytes: &[u8]) -> Result<(), rustls::Error> {
        let mut plain = std::mem::take(&mut self.plain);
        let decrypted = self.decrypt(bytes, &mut plain);
        self.plain = plain;
        decrypted
    }

    /// Notes how a read from below has come out.
    fn hear(&mut self, read: io::Result<usize>, bytes: &[u8], into: &mut Vec<u8>) {
        match read {
            // A peer that only vanishes has ended, too: what it sent counts.
            Ok(0) => self.end = Some(End::Peer),
            Ok(_) => {
                if let Err(error) = self.decrypt(bytes, into) {
                    self.end = Some(End::Wrong(words(&error)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.end = Some(End::Below(error)),
        }
    }

    /// Hands on what has been encrypted; whether all of it is gone.
    pub fn flush(&mut self, below: &impl Stream) -> io::Result<bool> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut Handing(below)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Tells the peer that this is all, as far as there is room.
    fn say_end(&mut self, below: &impl Stream) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.tls.send_close_notify();
            // Who has gone need not know.
            let _ = self.flush(below);
        }
    }
}

/// Moves everything that has been decrypted.
fn take_all(mut reader: rustls::Reader<'_>, into: &mut Vec<u8>) {
    // It has an error where there is nothing yet, or nothing more.
    while let Ok(chunk @ [_, ..]) = reader.fill_buf() {
        let count = chunk.len();
        into.extend_from_slice(chunk);
        reader.consume(count);
    }
}

/// What rustls writes to.
struct Handing<'s, S>(&'s S);

impl<S: Stream> Write for Handing<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// TLS over another stream, from the end of the handshake on.
///
/// Reading may be in one task and writing in others: each takes the lock, for no longer than a system call and a record's
/// decryption or encryption take.
pub struct TlsStream<S: Below = Socket> {
    below: S,
    session: Mutex<Session>,
    /// The peer is to be told that something was wrong, and not that this was all.
    aborts: AtomicBool,
}

impl<S: Below> TlsStream<S> {
    pub(super) fn new(below: S, session: Session) -> Self {
        TlsStream { below, session: Mutex::new(session), aborts: false.into() }
    }

    #[cfg(test)]
    pub(super) const fn below(&self) -> &S {
        &self.below
    }

    /// What rustls knows of the connection.
    #[cfg(test)]
    pub(super) fn with<T>(&self, ask: impl FnOnce(&mut rustls::Connection) -> T) -> T {
        ask(&mut self.session.lock().tls)
    }
}

impl<S: Below> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream").finish_non_exhaustive()
    }
}

impl<S: Below> Stream for TlsStream<S> {
    fn poll_read(
        &self,
        context: &mut Context<'_>,
        buffer: &mut Vec<u8>,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        let mut session = self.session.lock();
        let start = buffer.len();
        loop {
            if !session.plain.is_empty() {
                let count = limit.min(session.plain.len());
                buffer.extend(session.plain.drain(..count));
                if session.plain.is_empty() {
                    session.plain = Vec::new();
                }
                return Poll::Ready(Ok(count));
            }
            if let Some(end) = &session.end {
                return Poll::Ready(end.outcome());
            }
            let polled = ENCRYPTED.with_borrow_mut(|bytes| {
                bytes.clear();
                let limit = limit.clamp(*READ_BYTES.start(), *READ_BYTES.end());
                let read = self.below.poll_read(context, bytes, limit);
                read.map(|read| session.hear(read, bytes, buffer))
            });
            if polled.is_pending() {
                if !session.reader.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
                    session.reader = Some(context.waker().clone());
                }
                return Poll::Pending;
            }
            // What it asks for is answered, such as for new keys; if there is no room, before the next that is written.
            let _ = session.flush(&self.below);
            if buffer.len() > start {
                let count = limit.min(buffer.len() - start);
                session.plain = buffer.split_off(start + count);
                return Poll::Ready(Ok(count));
            }
        }
    }

    /// Whether anything can be read: what has come and is part of a record, or concerns nobody but TLS, cannot.
    fn has_unread(&self) -> bool {
        let mut session = self.session.lock();
        for _ in 0..LOOKS_MAX {
            if !session.plain.is_empty() || session.end.is_some() {
                break;
            }
            let read = ENCRYPTED.with_borrow_mut(|bytes| {
                bytes.clear();
                let read = self.below.take_unread(bytes, *READ_BYTES.start());
                if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                    return false;
                }
                let mut plain = std::mem::take(&mut session.plain);
                session.hear(read, bytes, &mut plain);
                session.plain = plain;
                true
            });
            if !read {
                return self.below.has_unread();
            }
            let _ = session.flush(&self.below);
        }
        // Nothing may lie below any more that would wake it.
        session.reader.take().into_iter().for_each(Waker::wake);
        true
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut session = self.session.lock();
        if let Some(End::Wrong(_) | End::Below(_)) = session.end {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !session.flush(&self.below)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = session.tls.writer().write(&bytes[..bytes.len().min(RECORD_BYTES_MAX)])?;
        session.flush(&self.below)?;
        Ok(count)
    }

    fn holds_back(&self) -> bool {
        self.session.lock().tls.wants_write()
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.below.poll_room(context))?;
            if self.session.lock().flush(&self.below)? {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn end(&self) -> io::Result<()> {
        self.session.lock().say_end(&self.below);
        self.below.end()
    }

    fn abort_on_close(&self) {
        self.aborts.store(true, Ordering::Relaxed);
        self.below.abort_on_close();
    }

    fn keep_little_unsent(&self) {
        self.below.keep_little_unsent();
    }
}

impl End {
    fn outcome(&self) -> io::Result<usize> {
        match self {
            End::Peer => Ok(0),
            End::Wrong(why) => {
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("TLS: {why}")))
            }
            End::Below(error) => Err(match error.raw_os_error() {
                Some(number) => io::Error::from_raw_os_error(number),
                None => error.kind().into(),
            }),
        }
    }
}

/// Whoever only lets go of it has said all, unless something was wrong.
impl<S: Below> Drop for TlsStream<S> {
    fn drop(&mut self) {
        if !*self.aborts.get_mut() {
            self.session.get_mut().say_end(&self.below);
        }
    }
}

impl Line for TlsStream {
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

impl Wire for TlsStream {
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
