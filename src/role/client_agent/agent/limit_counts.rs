//! How often clients have come up against a limit.

use std::sync::atomic::{AtomicU64, Ordering};

/// The limits that are counted, by the last word of their keys in the configuration.
const NAMES: [&str; 14] = [
    "connections",
    "connections_per_address",
    "connects_per_second",
    "datagram_bytes",
    "visible_objects",
    "messages_per_second",
    "bytes_per_second",
    "entries_per_second",
    "interests",
    "zones_per_interest",
    "zones",
    "entry_bytes",
    "write_buffer_size",
    "write_timeout_ms",
];

/// How often a client has been refused, slowed down or put out for each limit, since the agent has begun.
#[derive(Default, Debug)]
pub struct LimitCounts([AtomicU64; NAMES.len()]);

impl LimitCounts {
    /// Counts one for the limit with this key, such as `limits.zones`.
    pub fn add(&self, key: &str) {
        let name = key.rsplit('.').next().unwrap_or(key);
        let place = NAMES.iter().position(|known| *known == name);
        debug_assert!(place.is_some(), "{key} is not counted");
        if let Some(place) = place {
            self.0[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each limit's name, and how often.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        NAMES.into_iter().zip(counts)
    }
}
