//! `daemon.recorder`: the last datagrams, kept in memory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::path::tidy;
use super::section::Section;
use super::value;

/// How much is kept if nobody says so.
const BYTES: usize = 16 << 20;
const TIME: Duration = Duration::from_secs(60);
/// Less holds no datagram, and more is what a machine has.
const BYTES_MIN: usize = 1 << 20;
const BYTES_MAX: usize = 1 << 36;
const SECONDS_MAX: u64 = 24 * 60 * 60;
/// Beside the configuration.
const FOLDER: &str = "recorded";

/// Section `daemon.recorder`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecorderConfig {
    /// How many bytes of datagrams are kept.
    pub bytes: usize,
    /// How old they may be.
    pub time: Duration,
    /// Where files with them are written, absolute.
    pub folder: PathBuf,
}

/// Reads the section.
pub(super) fn recorder(mut section: Section<'_>, base_dir: &Path) -> RecorderConfig {
    let bytes = section.optional("bytes", value::number(BYTES_MIN..=BYTES_MAX));
    let seconds = section.optional("seconds", value::number(1..=SECONDS_MAX));
    let folder = section.optional("folder", value::name("the path of a folder"));
    section.finish();
    RecorderConfig {
        bytes: bytes.unwrap_or(BYTES),
        time: seconds.map_or(TIME, Duration::from_secs),
        folder: tidy(&base_dir.join(folder.unwrap_or_else(|| FOLDER.to_owned()))),
    }
}
