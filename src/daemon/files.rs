//! File descriptors: as many as there may be, and some that clients cannot take.

use std::sync::Arc;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

/// So many files can be opened before the system's table of them has to grow.
const READY: usize = 16 * 1024;

/// Has the system allow as many open files as it ever does, and returns how many that are. What limits a daemon by
/// default was chosen for programs that open few.
pub(super) fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = match raised {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files");
            current
        }
    };
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    make_table_large(limit.min(READY));
    limit
}

/// Has the system's table of this process's files grow now. It doubles when it is full, and in a process with several
/// threads everybody waits some 20 ms for that, which clients would notice that log in just then.
fn make_table_large(files: usize) {
    let last = i32::try_from(files.saturating_sub(1)).unwrap_or(i32::MAX);
    // It grows for the number of a file, not for how many there are. Without this it grows later.
    drop(fcntl_dupfd_cloexec(std::io::stdin(), last));
}

/// Places for the connections of clients, if `limit` files may be open and `reserved` of them are for others: links,
/// databases, logs. At least half of all are for clients.
pub(super) fn places(limit: usize, reserved: usize) -> Arc<Semaphore> {
    let count = limit.saturating_sub(reserved).max(limit / 2);
    Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)))
}

/// Takes as many of the `places` as files are open: those that are reserved are for what comes. At least half are left.
pub(super) fn set_aside_open(places: &Semaphore) {
    // Where there is no such folder, nobody can tell.
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    places.forget_permits(open.min(places.available_permits() / 2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_what_is_reserved_but_no_more_than_half() {
        let for_clients = |limit, reserved| places(limit, reserved).available_permits();
        assert_eq!(for_clients(1024, 128), 896);
        assert_eq!(for_clients(1024, 0), 1024);
        assert_eq!(for_clients(100, 128), 50);
        assert_eq!(for_clients(usize::MAX, 128), Semaphore::MAX_PERMITS);
    }

    #[test]
    fn files_that_are_open_are_no_places() {
        let places = places(10_000, 0);
        set_aside_open(&places);
        assert!((5_000..10_000).contains(&places.available_permits()));
        let few = Semaphore::new(2);
        set_aside_open(&few);
        assert_eq!(few.available_permits(), 1);
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
