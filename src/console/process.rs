//! What the system knows of this process.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use crate::metrics::{self, Figures};
pub use crate::platform::process::{
    files_max as open_files_max, memory_bytes, open_files, processor_time,
};

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

/// When the process was started.
pub fn began() -> SystemTime {
    *BEGAN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_counted() {
        assert!(open_files().is_none_or(|open| open >= 3), "{:?}", open_files());
    }
}
