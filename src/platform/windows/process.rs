//! What the system knows of this process, as far as it can be asked without unsafe code.

use std::fs::File;
use std::io;
#[cfg(windows)]
use std::os::windows::io::AsHandle;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Users have no numbers.
pub const fn user() -> u32 {
    0
}

/// It is not known.
pub const fn is_root() -> bool {
    false
}

/// It is not told: no thread seems ever to have been busy.
pub const fn thread_time() -> Duration {
    Duration::ZERO
}

/// How long ago this was asked first, in microseconds.
pub fn monotonic_usec() -> i64 {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    FIRST.elapsed().as_micros().try_into().unwrap_or(i64::MAX)
}

/// There is no limit but memory.
pub const fn files_max() -> Option<u64> {
    None
}

/// There is no limit to be raised.
///
/// # Errors
/// None.
pub const fn raise_files_max() -> io::Result<()> {
    Ok(())
}

/// There is no such table.
pub const fn make_file_table_large(_files: usize) {}

/// Whether an error says that too many sockets are open.
pub fn is_for_files(error: &io::Error) -> bool {
    const WSAEMFILE: i32 = 10_024;
    error.raw_os_error() == Some(WSAEMFILE)
}

/// It is not asked for.
pub const fn memory_bytes() -> Option<usize> {
    None
}

/// It is not asked for.
pub const fn processor_time() -> Option<f64> {
    None
}

/// It is not asked for.
pub const fn open_files() -> Option<usize> {
    None
}

/// Standard output, without Rust's lock and buffer.
///
/// # Errors
/// If the process has none.
pub fn stdout() -> io::Result<File> {
    #[cfg(windows)]
    return Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?));
    #[cfg(not(windows))]
    Err(super::unsupported("standard output as a file"))
}
