//! Figures about the daemon, as a monitoring system asks for them.
//!
//! All that there is stands in `table.rs`, a line for each metric. A figure comes from one of two places:
//!
//! - What is to be known of what is there now, and what somebody counts anyway, is *measured* when somebody asks
//!   ([`Figures`]; see `Router::measure`): that costs nothing meanwhile.
//! - What happens seldom, or once for many messages, is counted where it happens: [`Metric::add`], [`Metric::time`]. The
//!   counts are the process's, and nothing but the answer to whoever asks ever depends on them; so even what must not know
//!   the outside may count.
//!
//! Whoever has another metric adds a line to the table, and counts.

mod figures;
mod table;
mod times;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use figures::{Figures, Value};
pub use table::*;
pub use times::Times;

/// There are no more than so many combinations of labels of what is counted: whoever chooses them may be a peer.
const SERIES_MAX: usize = 128;
/// What further ones are called.
pub const OTHER: &str = "other";

/// What is counted by: a value for each label of the metric.
pub type Labels = Vec<Cow<'static, str>>;

/// How a metric behaves.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How long things take: how many took at most so long.
    Histogram,
}

/// A metric: what it is called, what it means, and what has been counted of it.
#[derive(Debug)]
pub struct Metric {
    /// As whoever asks knows it; its end says what its unit is.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// By what it is told apart.
    pub labels: &'static [&'static str],
    /// The values of each label that are told from the beginning; none where they are not known.
    known: &'static [&'static [&'static str]],
    /// What it means.
    pub help: &'static str,
    counted: Mutex<Vec<(Labels, Value)>>,
}

impl Metric {
    const fn new(
        name: &'static str,
        kind: Kind,
        labels: &'static [&'static str],
        known: &'static [&'static [&'static str]],
        help: &'static str,
    ) -> Self {
        Metric { name, kind, labels, known, help, counted: Mutex::new(Vec::new()) }
    }

    /// What is told, whatever has happened: all combinations of labels, if the values of all are known.
    fn known_labels(&self) -> Vec<Labels> {
        self.known.iter().fold(vec![Labels::new()], |all, values| {
            let with = |labels: &Labels, value: &'static str| {
                labels.iter().cloned().chain([Cow::Borrowed(value)]).collect()
            };
            all.iter()
                .flat_map(|labels| values.iter().map(move |value| with(labels, value)))
                .collect()
        })
    }

    /// Counts so many.
    ///
    /// # Panics
    /// If this is no counter, or these are not its labels.
    pub fn add(&self, labels: &[&str], count: u64) {
        debug_assert_eq!(self.kind, Kind::Counter, "{}", self.name);
        self.change(labels, |value| value.add(count), || Value::Count(0));
    }

    /// Counts one.
    pub fn one(&self, labels: &[&str]) {
        self.add(labels, 1);
    }

    /// It is so much now. For what cannot be asked when somebody wants to know.
    pub fn is_now(&self, labels: &[&str], number: u64) {
        debug_assert_eq!(self.kind, Kind::Gauge, "{}", self.name);
        self.change(labels, |value| *value = Value::Count(number), || Value::Count(0));
    }

    /// What it was by these labels is nothing any more.
    pub fn forget(&self, is_gone: impl Fn(&Labels) -> bool) {
        self.counted.lock().retain(|(labels, _)| !is_gone(labels));
    }

    /// Notes how long something has taken.
    pub fn time(&self, labels: &[&str], took: std::time::Duration) {
        let mut times = Times::default();
        times.note(took);
        self.times(labels, &times);
    }

    /// Notes how long several have taken.
    pub fn times(&self, labels: &[&str], times: &Times) {
        debug_assert_eq!(self.kind, Kind::Histogram, "{}", self.name);
        self.change(labels, |value| value.add_times(times), || Value::Times(Box::default()));
    }

    fn change(
        &self,
        labels: &[&str],
        change: impl FnOnce(&mut Value),
        beginning: impl FnOnce() -> Value,
    ) {
        assert_eq!(labels.len(), self.labels.len(), "labels of {}", self.name);
        let mut counted = self.counted.lock();
        let is_it = |(its, _): &(Labels, Value), labels: &[&str]| its.iter().eq(labels);
        let others = vec![OTHER; labels.len()];
        let found = counted.iter().position(|entry| is_it(entry, labels));
        let is_full = found.is_none() && counted.len() >= SERIES_MAX;
        let labels = if is_full { &others } else { labels };
        let found = found.or_else(|| counted.iter().position(|entry| is_it(entry, labels)));
        let index = found.unwrap_or_else(|| {
            let labels = labels.iter().map(|label| Cow::Owned((*label).to_owned())).collect();
            counted.push((labels, beginning()));
            counted.len() - 1
        });
        change(&mut counted[index].1);
    }

    /// What has been counted so far.
    pub fn counted(&self) -> Vec<(Labels, Value)> {
        self.counted.lock().clone()
    }
}

/// What is counted at each system call, of clients and of links.
static RECEIVED: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
static SENT: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Counts what has been read from a client or a link.
#[inline]
pub fn count_received(is_link: bool, bytes: u64) {
    RECEIVED[usize::from(is_link)].fetch_add(bytes, Ordering::Relaxed);
}

/// Counts what has been written to a client or a link.
#[inline]
pub fn count_sent(is_link: bool, bytes: u64) {
    SENT[usize::from(is_link)].fetch_add(bytes, Ordering::Relaxed);
}

/// Tells what has been read and written.
pub fn measure_bytes(figures: &mut Figures) {
    for (metric, counts) in [(&RECEIVED_BYTES, &RECEIVED), (&SENT_BYTES, &SENT)] {
        for (peer, count) in ["client", "link"].iter().zip(counts) {
            figures.add(metric, &[peer], count.load(Ordering::Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_kept_by_their_labels_and_there_are_not_any_number_of_those() {
        let metric =
            Metric::new("donet_tests_total", Kind::Counter, &["a", "b"], &[&[], &[]], "Tests.");
        metric.add(&["x", "y"], 2);
        metric.add(&["x", "y"], 3);
        metric.one(&["x", "z"]);
        for number in 0..1_000 {
            metric.one(&[&number.to_string(), ""]);
        }
        metric.one(&["x", "z"]);
        let counted = metric.counted();
        assert_eq!(counted.len(), SERIES_MAX + 1);
        let of = |labels: [&str; 2]| {
            let found = counted.iter().find(|(its, _)| its.iter().eq(&labels));
            found.map(|(_, value)| value.clone())
        };
        assert_eq!(of(["x", "y"]), Some(Value::Count(5)));
        assert_eq!(of(["x", "z"]), Some(Value::Count(2)));
        let others = 1_000 - (SERIES_MAX as u64 - 2);
        assert_eq!(of([OTHER, OTHER]), Some(Value::Count(others)));
    }

    #[test]
    fn names_say_what_they_are_and_are_told_once() {
        let mut names = std::collections::BTreeSet::new();
        for metric in ALL {
            let Metric { name, kind, help, .. } = metric;
            assert!(names.insert(name), "{name} is there twice");
            assert!(name.starts_with("donet_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(*kind != Kind::Histogram || name.ends_with("_seconds"), "{name}");
            // The encoder puts a full stop after it.
            assert!(!help.is_empty() && !help.ends_with('.'), "{name}: {help}");
        }
    }
}
