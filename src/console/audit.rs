//! What has been done by whom.

use std::collections::VecDeque;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::api::time_text;
use super::guard::Viewer;
use crate::telemetry::AUDIT;

/// How many actions are remembered. The log has all.
const ENTRIES_MAX: usize = 1000;
/// The longest text of an entry, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// An action.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Entry {
    /// Its number, from 1.
    pub seq: String,
    /// When.
    pub time: String,
    /// By whom.
    pub user: Option<String>,
    /// From where.
    pub address: String,
    /// What was done.
    pub action: String,
    /// To what.
    pub object: String,
    /// How, or what became of it.
    pub detail: String,
    /// Whether it was done.
    pub ok: bool,
}

/// What has been done of late.
#[derive(Debug)]
pub struct Audit {
    entries: Mutex<VecDeque<Entry>>,
    /// How many there were.
    count: watch::Sender<u64>,
}

impl Default for Audit {
    fn default() -> Self {
        Audit { entries: Mutex::default(), count: watch::Sender::new(0) }
    }
}

impl Audit {
    /// Notes an action, and logs it with the target `audit`.
    pub fn note(
        &self,
        viewer: &Viewer,
        action: &'static str,
        object: String,
        detail: String,
        ok: bool,
    ) {
        let (object, detail) = (shortened(object), shortened(detail));
        let (user, address) = (viewer.name.as_deref().unwrap_or("nobody"), viewer.address);
        tracing::info!(target: AUDIT, user, %address, action, object, detail, ok, "an action");
        let mut entries = self.entries.lock();
        let seq = *self.count.borrow() + 1;
        if entries.len() >= ENTRIES_MAX {
            entries.pop_front();
        }
        entries.push_back(Entry {
            seq: seq.to_string(),
            time: time_text(Timestamp::now()),
            user: viewer.name.clone(),
            address: address.to_string(),
            action: action.to_owned(),
            object,
            detail,
            ok,
        });
        // While nobody else can add one.
        self.count.send_replace(seq);
    }

    /// How many there were; it changes with each.
    pub fn count(&self) -> watch::Receiver<u64> {
        self.count.subscribe()
    }

    /// Those with numbers above `seq`, the oldest first, at most so many.
    pub fn after(&self, seq: u64, limit: usize) -> Vec<Entry> {
        let entries = self.entries.lock();
        let first = *self.count.borrow() - entries.len() as u64;
        let skipped = usize::try_from(seq.saturating_sub(first)).unwrap_or(usize::MAX);
        entries.iter().skip(skipped).take(limit).cloned().collect()
    }

    /// Those with numbers below `seq`, the newest first, at most so many.
    pub fn before(&self, seq: Option<u64>, limit: usize) -> Vec<Entry> {
        let entries = self.entries.lock();
        let count = *self.count.borrow();
        let skipped = seq.map_or(0, |seq| count.saturating_add(1).saturating_sub(seq));
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        entries.iter().rev().skip(skipped).take(limit).cloned().collect()
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_thousand_are_remembered() {
        let (audit, viewer) = (Audit::default(), Viewer::named("alice"));
        let mut count = audit.count();
        assert!(audit.before(None, 10).is_empty() && audit.after(0, 10).is_empty());
        for n in 1..=1_010 {
            audit.note(&viewer, "eject", format!("client {n}"), "ä".repeat(1_000), true);
        }
        assert_eq!(*count.borrow_and_update(), 1_010);
        let numbers = |entries: Vec<Entry>| -> Vec<u64> {
            entries.iter().map(|entry| entry.seq.parse().expect("a number")).collect()
        };
        assert_eq!(numbers(audit.before(None, 2)), [1_010, 1_009]);
        assert_eq!(numbers(audit.before(Some(1_009), 2)), [1_008, 1_007]);
        assert_eq!(numbers(audit.before(Some(12), 5)), [11]);
        assert_eq!(numbers(audit.before(Some(0), 5)), [0u64; 0]);
        assert_eq!(numbers(audit.after(1_008, 5)), [1_009, 1_010]);
        assert_eq!(numbers(audit.after(0, 2)), [11, 12], "what is forgotten is left out");
        assert_eq!(numbers(audit.after(u64::MAX, 2)), [0u64; 0]);
        let entry = &audit.before(None, 1)[0];
        assert_eq!((entry.user.as_deref(), &*entry.object), (Some("alice"), "client 1010"));
        assert_eq!(entry.detail.len(), TEXT_BYTES_MAX);
    }
}
