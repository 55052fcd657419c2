//! What the system knows of this process.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};

use crate::metrics::{self, Figures};

/// When this was looked at first, which is at the start.
static BEGAN: LazyLock<SystemTime> = LazyLock::new(SystemTime::now);

/// Notes the time of the start.
pub fn begin() {
    LazyLock::force(&BEGAN);
}

/// Tells what there is to be known; where the system does not tell, there is no such figure.
pub fn measure(figures: &mut Figures) {
    figures.set(&metrics::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0);
    let began = BEGAN.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    figures.set(&metrics::START_TIME, &[], began.as_secs_f64());
    if let Some(open) = open_files() {
        figures.set(&metrics::OPEN_FILES, &[], open as f64);
    }
    if let Some(limit) = open_files_max() {
        figures.set(&metrics::OPEN_FILES_MAX, &[], limit as f64);
    }
    if let Some(bytes) = memory_bytes() {
        figures.set(&metrics::MEMORY, &[], bytes as f64);
    }
    if let Some(seconds) = processor_time() {
        figures.set(&metrics::CPU, &[], seconds);
    }
}

/// How much memory the process has in use.
pub fn memory_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

/// How many files it may have open.
pub fn open_files_max() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// When the process was started.
pub fn began() -> SystemTime {
    *BEGAN
}

/// How many seconds of a processor the process has used.
pub fn processor_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may have spaces in it.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / rustix::param::clock_ticks_per_second() as f64)
}

/// How many files this process has open, where the system tells.
pub fn open_files() -> Option<usize> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?;
    // The folder itself is one.
    Some(open.count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_counted() {
        assert!(open_files().is_none_or(|open| open >= 3), "{:?}", open_files());
    }
}
