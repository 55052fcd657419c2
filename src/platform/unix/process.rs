//! What the system knows of this process, and lets it have.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// The number of the user as whom the process acts.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether he may do everything.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// How long the calling thread has been busy.
pub fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

/// The time of the system's clock that is never set, in microseconds.
pub fn monotonic_usec() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

/// How many files the process may have open; `None` if there is no limit.
pub fn files_max() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Has the system allow as many open files as it ever does.
///
/// # Errors
/// What the system says.
pub fn raise_files_max() -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Has the system's table of this process's files grow now, for so many.
pub fn make_file_table_large(files: usize) {
    let last = i32::try_from(files.saturating_sub(1)).unwrap_or(i32::MAX);
    // It grows for the number of a file, not for how many there are. Without this it grows later.
    drop(fcntl_dupfd_cloexec(io::stdin(), last));
}

/// Whether an error says that too many files are open, of this process or of all.
pub fn is_for_files(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// How many bytes of memory the process has in use, where the system tells.
pub fn memory_bytes() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size())
}

/// How many seconds of a processor the process has used, where the system tells.
pub fn processor_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may have spaces in it.
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || words.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / rustix::param::clock_ticks_per_second() as f64)
}

/// How many files the process has open, where the system tells.
pub fn open_files() -> Option<usize> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?;
    // The folder itself is one.
    Some(open.count().saturating_sub(1))
}

/// Standard output, without Rust's lock and buffer.
///
/// # Errors
/// If the process has none.
pub fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}
