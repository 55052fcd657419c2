//! The beginning of TLS: until both ends have the same keys.
//!
//! What costs in it, a signature above all, is reckoned by threads beside those that serve sockets, for few connections
//! at a time; the others wait for their turn. Whoever has to wait for its peer takes no turn. There may be any number of
//! those, but beyond [`HalfOpen`]'s the one that is oldest gives way.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use super::stream::{Below, Session, TlsStream};
use super::words::words;
use crate::net::Stranger;

/// For how many connections handshakes are reckoned at the same time.
static WORKPLACES: Semaphore = Semaphore::const_new(2);
/// How many connections may wait for their peers, before the oldest gives way to new ones.
const HALF_OPEN_MAX: usize = 1024;
/// So long nobody has to give way: all may come at once.
const YOUTH: Duration = Duration::from_secs(1);
/// What is read at a time.
const READ_BYTES: usize = 16 * 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The peer has gone, or cannot be reached any more.
    #[error("{}", of_io(.0))]
    Io(#[from] io::Error),
    /// What it speaks is something else: its first bytes.
    #[error("it does not speak TLS{}", of_first(.0))]
    NotTls(Vec<u8>),
    /// They cannot agree.
    #[error("{}", words(.0))]
    Tls(#[from] rustls::Error),
    /// Very many wait for their peers, and this one has waited longest.
    #[error("too many that are as slow wait")]
    TooMany,
}

fn of_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it hung up in the middle of the handshake".into(),
        _ => crate::net::words(error),
    }
}

fn of_first(bytes: &[u8]) -> String {
    match Stranger::recognise(bytes) {
        Some(Stranger::Http) => ", but HTTP".into(),
        Some(Stranger::Ssh) => ", but SSH".into(),
        Some(Stranger::ProxyHeader) => ", but begins with a PROXY header".into(),
        Some(Stranger::Tls) | None => {
            let first = &bytes[..bytes.len().min(12)];
            format!("; its first bytes are {}", first.escape_ascii())
        }
    }
}

/// Connections of one listener whose handshakes are not done.
#[derive(Debug, Default)]
pub struct HalfOpen {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// How many have begun so far, which is the number of the next.
    begun: u64,
    /// Those that wait for their peers, the oldest first.
    by_age: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// One of those.
struct Entry<'h> {
    all: &'h HalfOpen,
    number: u64,
    since: Instant,
    gives_way: Arc<Notify>,
}

impl HalfOpen {
    fn enter(&self) -> Entry<'_> {
        let mut waiting = self.waiting.lock();
        let number = waiting.begun;
        waiting.begun += 1;
        Entry { all: self, number, since: Instant::now(), gives_way: Arc::default() }
    }
}

impl Entry<'_> {
    /// Waits for the peer.
    async fn wait<T>(&self, peer: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
        let _place = self.begin_to_wait();
        tokio::select! {
            biased;
            () = self.gives_way.notified() => Err(Failure::TooMany),
            came = peer => Ok(came?),
        }
    }

    fn begin_to_wait(&self) -> impl Drop {
        let mut waiting = self.all.waiting.lock();
        if waiting.by_age.len() >= HALF_OPEN_MAX
            && let Some(oldest) = waiting.by_age.first_entry()
            && oldest.get().0.elapsed() >= YOUTH
        {
            let (_, gives_way) = oldest.remove();
            gives_way.notify_one();
        }
        waiting.by_age.insert(self.number, (self.since, self.gives_way.clone()));
        Leaving(self)
    }
}

/// Ends the waiting of one of those.
struct Leaving<'h>(&'h Entry<'h>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.all.waiting.lock().by_age.remove(&self.0.number);
    }
}

/// Does the handshake over `below`, of which `first` has been read already.
///
/// # Errors
/// Why it failed; the peer has been told, as far as it can be.
pub(super) async fn shake<S: Below>(
    below: S,
    tls: rustls::Connection,
    first: Vec<u8>,
    half_open: &HalfOpen,
) -> Result<TlsStream<S>, Failure> {
    let entry = half_open.enter();
    let is_server = matches!(tls, rustls::Connection::Server(_));
    let (mut session, mut bytes) = (Session::new(tls), first);
    let mut is_first = true;
    loop {
        while !session.flush(&below)? {
            entry.wait(poll_fn(|context| below.poll_room(context))).await?;
        }
        if !session.tls.is_handshaking() {
            return Ok(TlsStream::new(below, session));
        }
        if bytes.is_empty() {
            let read = poll_fn(|context| below.poll_read(context, &mut bytes, READ_BYTES));
            if entry.wait(read).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        // Otherwise rustls would wait for a record that is as long as these bytes happen to say.
        if std::mem::take(&mut is_first) && is_server && !begins_like_tls(&bytes) {
            return Err(Failure::NotTls(bytes));
        }
        let outcome;
        (session, outcome) = reckon(session, std::mem::take(&mut bytes)).await?;
        if let Err(error) = outcome {
            // It is told why, if there is room for that.
            let _ = session.flush(&below);
            return Err(error.into());
        }
    }
}

/// `22 | version 3.x`: a record of a handshake.
const fn begins_like_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [] | [22] | [22, 3, ..])
}

/// Takes what has come, when it is its turn.
async fn reckon(
    mut session: Session,
    bytes: Vec<u8>,
) -> io::Result<(Session, Result<(), rustls::Error>)> {
    let _workplace = WORKPLACES.acquire().await.map_err(io::Error::other)?;
    let work = tokio::task::spawn_blocking(move || {
        let outcome = session.decrypt_for_later(&bytes);
        (session, outcome)
    });
    work.await.map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_all(all: &HalfOpen, age: Duration) -> Vec<Entry<'_>> {
        let entry = |_| {
            let mut entry = all.enter();
            entry.since -= age;
            entry
        };
        (0..HALF_OPEN_MAX).map(entry).collect()
    }

    #[tokio::test]
    async fn where_very_many_wait_the_oldest_gives_way_unless_all_have_just_come() {
        for (age, gives_way) in [(YOUTH, true), (Duration::ZERO, false)] {
            let all = HalfOpen::default();
            let entries = wait_all(&all, age);
            let places: Vec<_> = entries.iter().map(Entry::begin_to_wait).collect();
            let new = all.enter();
            let place = new.begin_to_wait();
            let told = entries[0].gives_way.notified();
            let told = tokio::time::timeout(Duration::ZERO, told).await.is_ok();
            assert_eq!(told, gives_way);
            let waiting = all.waiting.lock().by_age.len();
            assert_eq!(waiting, HALF_OPEN_MAX + usize::from(!gives_way));
            drop((place, places));
            assert_eq!(all.waiting.lock().by_age.len(), 0);
        }
    }
}
