//! Reading files that somebody has named: whatever stands there, it takes neither for ever nor all memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long nothing may come from what is no regular file.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of it is taken at once.
const PIECE: usize = 64 * 1024;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// The system says so.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is a folder.
    #[error("it is a directory")]
    Directory,
    /// It is longer than such a file may be.
    #[error("it is larger than {0} bytes, which is the limit")]
    TooLarge(u64),
    /// It is a pipe, a device, or a file of the system, and nothing comes from it.
    #[error("it is no regular file, and nothing has come from it for {} s", PATIENCE.as_secs())]
    Silent,
    /// It is none of those that only a regular file is read for.
    #[error("it is no regular file")]
    Irregular,
    /// It is a symbolic link.
    #[error("it is a link to {}, which is not there", .0.display())]
    Dangling(PathBuf),
}

impl Unread {
    /// Whether there is nothing at the path, or where it leads to.
    pub fn is_absence(&self) -> bool {
        match self {
            Unread::Io(error) => error.kind() == io::ErrorKind::NotFound,
            Unread::Dangling(_) => true,
            _ => false,
        }
    }
}

/// What is wrong with a file that is stored as Windows' editors once did.
pub const UTF_16: &str = "is UTF-16: save it as UTF-8";

/// Whether the mark at its beginning says that a text is UTF-16.
pub fn is_utf_16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// A text without the mark at its beginning that says that it is UTF-8.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Where the first mark stands of a conflict between two versions of a text, as a version control system leaves it: before
/// how many bytes its line begins.
pub fn conflict(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if ["<<<<<<< ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark)) {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// What is said of such a mark.
pub const CONFLICT: &str =
    "this is the mark of a conflict between two versions of the file: keep one of them";

/// Reads a file of at most so many bytes. From a pipe, such as a shell makes for `<(command)`, something has to come in time.
///
/// # Errors
/// If it cannot be read, or is not read for what it is.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    read_within(path, limit, PATIENCE)
}

/// As [`read_file`], of a regular file only: nobody waits for a pipe.
///
/// # Errors
/// As there, and if it is something else.
pub fn read_regular_file(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    match std::fs::metadata(path) {
        Ok(kind) if !kind.is_file() && !kind.is_dir() => Err(Unread::Irregular),
        _ => read_file(path, limit),
    }
}

/// Opens a file that is read in pieces, here and there, and may be large.
///
/// # Errors
/// If it cannot be opened, or is no regular file.
pub fn open_file(path: &Path) -> io::Result<File> {
    // Not by opening it, for which a pipe would have one wait.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    File::open(path)
}

fn read_within(path: &Path, limit: u64, patience: Duration) -> Result<Vec<u8>, Unread> {
    let kind = std::fs::metadata(path).map_err(|error| match std::fs::read_link(path) {
        Ok(target) if error.kind() == io::ErrorKind::NotFound => Unread::Dangling(target),
        _ => error.into(),
    })?;
    if kind.is_dir() {
        return Err(Unread::Directory);
    }
    // Files of the system say that they are empty, and some of them have one wait.
    if !kind.is_file() || kind.len() == 0 {
        return read_slow(path, limit, patience);
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    File::open(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    within(bytes, limit)
}

fn within(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, Unread> {
    if bytes.len() as u64 > limit { Err(Unread::TooLarge(limit)) } else { Ok(bytes) }
}

/// Opening and reading may wait for ever, so a thread does it that is left to itself then.
fn read_slow(path: &Path, limit: u64, patience: Duration) -> Result<Vec<u8>, Unread> {
    let (pieces, heard) = mpsc::sync_channel::<io::Result<Vec<u8>>>(1);
    let path = path.to_owned();
    let read = move || {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) => return drop(pieces.send(Err(error))),
        };
        loop {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).map(|count| {
                piece.truncate(count);
                piece
            });
            let is_last = !matches!(&read, Ok(piece) if !piece.is_empty());
            if pieces.send(read).is_err() || is_last {
                return;
            }
        }
    };
    thread::Builder::new().name("reader".to_owned()).spawn(read)?;
    let mut bytes = Vec::new();
    loop {
        match heard.recv_timeout(patience) {
            Ok(Ok(piece)) if piece.is_empty() => return within(bytes, limit),
            Ok(Ok(piece)) => {
                bytes.extend(piece);
                if bytes.len() as u64 > limit {
                    return Err(Unread::TooLarge(limit));
                }
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error.into()),
            Err(RecvTimeoutError::Timeout) => return Err(Unread::Silent),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("it ended early").into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_a_conflict_are_found() {
        assert_eq!(conflict("a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n"), Some(2));
        assert_eq!(conflict("a\n <<<<<<< HEAD\n<<<<<<<\n"), None);
    }

    #[test]
    fn what_is_no_file_is_read_within_bounds() {
        let read = |path: &str| {
            let read = read_within(Path::new(path), 1000, Duration::from_millis(50));
            read.map(|bytes| bytes.len()).map_err(|error| error.to_string())
        };
        let expect = |path: &str, why: &str| {
            let error = read(path).expect_err(path);
            assert!(error.contains(why), "{path}: {error}");
        };
        expect("/dev/zero", "it is larger than 1000 bytes, which is the limit");
        expect("/", "it is a directory");
        expect("/nowhere", "No such file");
        assert_eq!(read("/dev/null"), Ok(0));
        let link = std::env::temp_dir().join(format!("donet-link-{}", std::process::id()));
        std::os::unix::fs::symlink("/nowhere", &link).expect("linked");
        expect(&link.display().to_string(), "it is a link to /nowhere, which is not there");
        std::fs::remove_file(&link).expect("removed");
        let regular = read_regular_file(Path::new("/dev/zero"), 1000).map(|_| ());
        assert!(matches!(regular, Err(Unread::Irregular)), "{regular:?}");
        assert!(read("/proc/self/stat").is_ok_and(|length| length > 0));
    }
}
