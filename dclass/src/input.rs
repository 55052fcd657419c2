//! Reading files that somebody has named: whatever stands there, it takes neither for ever nor all memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
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
    /// It is a pipe or a device, and nothing comes from it.
    #[error("it is no regular file, and nothing has come from it for {} s", PATIENCE.as_secs())]
    Silent,
}

/// Reads a file of at most so many bytes. From a pipe, such as a shell makes for `<(command)`, something has to come in time.
///
/// # Errors
/// If it cannot be read, or is not read for what it is.
pub fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, Unread> {
    read_within(path, limit, PATIENCE)
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
    let kind = std::fs::metadata(path)?;
    if kind.is_dir() {
        return Err(Unread::Directory);
    }
    if !kind.is_file() {
        return read_slow(path, limit, patience);
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile, and files of the system say that they are empty.
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
        assert!(read("/proc/self/stat").is_ok_and(|length| length > 0));
    }
}
