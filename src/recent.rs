//! What has happened of late, for whoever looks at the daemon: the last of it is kept, and told to those who follow it.
//!
//! Whoever notes something never waits: for readers it is a copy of a pointer, and what has no room is the oldest, which goes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::ids::Channel;

/// How many entries one who follows may be behind before he misses some.
const BEHIND_MAX: usize = 1024;

/// Something that has happened.
#[derive(Debug)]
pub struct Entry<T> {
    /// Its number: the first is 1.
    pub seq: u64,
    /// When it was noted.
    pub time: SystemTime,
    /// What.
    pub what: T,
}

/// A connection that has ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Closed {
    /// Whether it was a client's, and not a link.
    pub is_client: bool,
    /// Its other end.
    pub address: String,
    /// What a link's peer has called itself.
    pub name: String,
    /// The channel that a client's session was given.
    pub channel: Option<Channel>,
    /// Why it has ended.
    pub reason: String,
    /// The code that an ejected client was told.
    pub code: Option<u16>,
    /// How long it was there.
    pub age: Duration,
}

/// The last things of a kind.
#[derive(Debug)]
pub struct Recent<T> {
    kept_max: usize,
    inner: Mutex<Inner<T>>,
    news: broadcast::Sender<Arc<Entry<T>>>,
}

#[derive(Debug)]
struct Inner<T> {
    last: u64,
    kept: VecDeque<Arc<Entry<T>>>,
}

impl<T> Recent<T> {
    /// Nothing yet; of what comes the last `kept_max` are kept. With 0 nothing is, nor told.
    pub fn new(kept_max: usize) -> Self {
        Recent {
            kept_max,
            inner: Mutex::new(Inner { last: 0, kept: VecDeque::new() }),
            news: broadcast::Sender::new(BEHIND_MAX),
        }
    }

    /// Whether anything is kept at all.
    pub const fn is_kept(&self) -> bool {
        self.kept_max > 0
    }

    /// Notes something that has just happened.
    pub fn note(&self, what: T) {
        if !self.is_kept() {
            return;
        }
        let mut inner = self.inner.lock();
        inner.last += 1;
        let entry = Arc::new(Entry { seq: inner.last, time: SystemTime::now(), what });
        if inner.kept.len() >= self.kept_max {
            inner.kept.pop_front();
        }
        inner.kept.push_back(entry.clone());
        // In the order of the numbers. Without anybody who follows it is nothing.
        let _ = self.news.send(entry);
    }

    /// Those that `is_asked_for`, the newest first, at most `most`, from the one before `before` on; and from where to go on, if there may
    /// be others.
    pub fn page(
        &self,
        before: Option<u64>,
        most: usize,
        is_asked_for: impl Fn(&T) -> bool,
    ) -> (Vec<Arc<Entry<T>>>, Option<u64>) {
        // It is judged without the lock.
        let kept: Vec<_> = self.inner.lock().kept.iter().rev().cloned().collect();
        let is_before = |entry: &Arc<Entry<T>>| before.is_none_or(|before| entry.seq < before);
        let mut found = Vec::new();
        for entry in kept.into_iter().filter(is_before) {
            if found.len() == most {
                return (found, Some(entry.seq + 1));
            }
            if is_asked_for(&entry.what) {
                found.push(entry);
            }
        }
        (found, None)
    }

    /// What is noted from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Entry<T>>> {
        self.news.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seqs(page: &(Vec<Arc<Entry<u32>>>, Option<u64>)) -> Vec<u64> {
        page.0.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn the_newest_come_first_page_by_page() {
        let recent = Recent::new(4);
        (0..6).for_each(|n| recent.note(n));
        let all = recent.page(None, 10, |_| true);
        assert_eq!((seqs(&all), all.1), (vec![6, 5, 4, 3], None), "the oldest have gone");
        let first = recent.page(None, 2, |_| true);
        assert_eq!((seqs(&first), first.1), (vec![6, 5], Some(5)));
        let second = recent.page(first.1, 2, |_| true);
        assert_eq!((seqs(&second), second.1), (vec![4, 3], None));
        let even = recent.page(None, 1, |n| n % 2 == 0);
        assert_eq!((seqs(&even), even.1), (vec![5], Some(5)));
        let even = recent.page(even.1, 1, |n| n % 2 == 0);
        assert_eq!((seqs(&even), even.1), (vec![3], None));
    }

    #[tokio::test]
    async fn who_follows_is_told_in_order() {
        let recent = Recent::new(4);
        recent.note(0);
        let mut following = recent.follow();
        (1..4).for_each(|n| recent.note(n));
        for n in 1..4u32 {
            let entry = following.recv().await.expect("there are others");
            assert_eq!((entry.seq, entry.what), (u64::from(n) + 1, n));
        }
    }
}
