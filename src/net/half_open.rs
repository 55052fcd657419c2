//! Connections that have come and whose peers have yet to say who they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How many connections may wait for their peers, before the oldest gives way to new ones.
const HALF_OPEN_MAX: usize = 1024;
/// So long nobody has to give way: all may come at once.
const YOUTH: Duration = Duration::from_secs(1);

/// Very many wait for their peers, and this one has waited longest.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too many that are as slow wait")]
pub struct TooMany;

/// Connections of one listener whose handshakes are not done. There may be any number, but when very many wait for their
/// peers, the one that is oldest gives way.
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
#[derive(Debug)]
pub struct Entry<'h> {
    all: &'h HalfOpen,
    number: u64,
    since: Instant,
    gives_way: Arc<Notify>,
}

impl HalfOpen {
    /// One more.
    pub fn enter(&self) -> Entry<'_> {
        let mut waiting = self.waiting.lock();
        let number = waiting.begun;
        waiting.begun += 1;
        Entry { all: self, number, since: Instant::now(), gives_way: Arc::default() }
    }
}

impl Entry<'_> {
    /// Waits for the peer.
    ///
    /// # Errors
    /// It has to give way.
    pub async fn wait<T>(&self, peer: impl Future<Output = T>) -> Result<T, TooMany> {
        let _place = self.begin_to_wait();
        tokio::select! {
            biased;
            () = self.gives_way.notified() => Err(TooMany),
            came = peer => Ok(came),
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
