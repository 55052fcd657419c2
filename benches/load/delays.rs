//! How long movements are on their way: too many to keep each.

use std::sync::OnceLock;
use std::time::Instant;

use crate::scenario::Latency;

/// Buckets for each doubling: a percentile is right to 4 %.
const PER_DOUBLING: f64 = 16.0;

/// The time as a movement carries it, in nanoseconds since the first of them.
pub fn stamp() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// Counts by the logarithm of the delay in microseconds.
#[derive(Default)]
pub struct Delays {
    counts: Vec<u64>,
}

impl Delays {
    /// Something that was sent at this time has arrived now. What the AI moves has no time, and does not count.
    pub fn note(&mut self, sent: u64) {
        if sent == 0 {
            return;
        }
        let micros = stamp().saturating_sub(sent) as f64 / 1e3;
        let bucket = (micros.max(1.0).log2() * PER_DOUBLING) as usize;
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
    }

    /// `None` if there are none.
    pub fn latency(&self) -> Option<Latency> {
        let at = |share| self.percentile(share) * 1e3;
        let latency = Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
        (!self.counts.is_empty()).then_some(latency)
    }

    /// What this share of all did not exceed, in milliseconds; 0 if there are none.
    pub fn percentile(&self, share: f64) -> f64 {
        let all: u64 = self.counts.iter().sum();
        let mut left = (all as f64 * share).ceil() as u64;
        for (bucket, count) in self.counts.iter().enumerate() {
            left = left.saturating_sub(*count);
            if left == 0 && all > 0 {
                return ((bucket + 1) as f64 / PER_DOUBLING).exp2() / 1e3;
            }
        }
        0.0
    }
}
