//! File descriptors: as many as there may be, and some that clients cannot take.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::console::open_files;
use crate::platform::process;

/// So many files can be opened before the system's table of them has to grow.
const READY: usize = 16 * 1024;

/// Has the system allow as many open files as it ever does, and returns how many that are. What limits a daemon by
/// default was chosen for programs that open few.
pub(super) fn raise_limit() -> usize {
    if let Err(error) = process::raise_files_max() {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
    let limit = process::files_max().and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(usize::MAX);
    // The system's table of this process's files doubles when it is full, and in a process with several threads everybody
    // waits some 20 ms for that, which clients would notice that log in just then.
    process::make_file_table_large(limit.min(READY));
    limit
}

/// The files that may be open, and how many of them clients may have.
pub(super) struct Files {
    limit: usize,
    /// For links, databases and logs.
    reserved: usize,
    places: Arc<Semaphore>,
    /// How many places there were at the beginning.
    at_first: usize,
}

impl Files {
    /// Raises the limit. As long as the daemon starts there are places for clients as if it had everything open already that
    /// it needs.
    pub fn new(reserved: usize) -> Self {
        Files::with(raise_limit(), open_files(), reserved)
    }

    fn with(limit: usize, open: Option<usize>, reserved: usize) -> Self {
        let at_first = for_clients(limit, open.unwrap_or_default(), reserved);
        Files { limit, reserved, places: Arc::new(Semaphore::new(at_first)), at_first }
    }

    /// Places for the connections of clients.
    pub fn places(&self) -> Arc<Semaphore> {
        self.places.clone()
    }

    /// Takes what the daemon has opened for itself at its start from the places, and returns how many these are.
    pub fn set_aside_open(&self) -> usize {
        self.set_aside(open_files())
    }

    fn set_aside(&self, open: Option<usize>) -> usize {
        // Where nobody can tell it stays as it is.
        let Some(open) = open else { return self.at_first };
        let clients = self.at_first - self.places.available_permits();
        let count = for_clients(self.limit, open.saturating_sub(clients), self.reserved);
        self.places.forget_permits(self.at_first.saturating_sub(count));
        count.min(self.at_first)
    }
}

/// How many of the files that are not open yet are for clients: at least half.
fn for_clients(limit: usize, open: usize, reserved: usize) -> usize {
    let left = limit.saturating_sub(open);
    left.saturating_sub(reserved).max(left / 2).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Resource, Rlimit, getrlimit};

    use super::*;

    #[test]
    fn clients_leave_what_is_reserved_but_no_more_than_half() {
        assert_eq!(for_clients(1024, 24, 128), 872);
        assert_eq!(for_clients(1024, 24, 0), 1000);
        assert_eq!(for_clients(124, 24, 128), 50);
        assert_eq!(for_clients(10, 24, 128), 0);
        assert_eq!(for_clients(usize::MAX, 24, 128), Semaphore::MAX_PERMITS);
    }

    #[test]
    fn what_is_opened_at_the_start_is_set_aside() {
        let files = Files::with(1_000, Some(10), 100);
        assert_eq!(files.places.available_permits(), 890);
        // A client that is there already has its place.
        let _client = files.places().try_acquire_owned().expect("there is room");
        assert_eq!(files.set_aside(Some(31)), 870);
        assert_eq!(files.places.available_permits(), 869);
        assert_eq!(Files::with(1_000, None, 100).set_aside(None), 900);
    }

    #[test]
    fn the_limit_is_raised_to_the_most_that_is_allowed() {
        let limit = raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
        assert_eq!(maximum.map_or(usize::MAX, |maximum| maximum as usize), limit);
        let status = std::fs::read_to_string("/proc/self/status").expect("it is text");
        let size = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        let size: usize = size.expect("Linux has it").trim().parse().expect("a number");
        assert!(size >= limit.min(READY), "{size}");
    }
}
