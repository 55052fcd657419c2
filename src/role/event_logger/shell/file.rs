//! The file that is written, and what stands in the way of it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::platform;
use crate::role::event_logger::core::Effect;

/// The log as it is on the disk. Every event begins a line of its own, whatever became of the one before.
#[derive(Debug)]
pub(super) struct Log {
    base_dir: PathBuf,
    path: PathBuf,
    file: Option<File>,
    /// Whether the file was not there before.
    is_new: bool,
    /// Lines that could not be written since the file was last in order.
    lines_lost: u64,
    /// The same since the start.
    lines_lost_in_all: u64,
}

impl Log {
    pub fn new(base_dir: PathBuf) -> Self {
        let (path, file) = (PathBuf::new(), None);
        Log { base_dir, path, file, is_new: false, lines_lost: 0, lines_lost_in_all: 0 }
    }

    /// Does what `effects` say, on a thread that may wait for the disk.
    pub async fn apply(mut self, effects: &mut Vec<Effect>) -> Self {
        if effects.is_empty() {
            return self;
        }
        let effects = std::mem::take(effects);
        let work = tokio::task::spawn_blocking(move || {
            for effect in effects {
                match effect {
                    Effect::Open(name) => self.open(&name),
                    Effect::Reopen(first_line) => self.reopen(&first_line),
                    Effect::Write(lines) => self.write(lines.as_bytes()),
                }
            }
            self
        });
        work.await.expect("writing to a file does not panic")
    }

    /// Says what could not be written to the end.
    pub fn close(self) {
        if self.lines_lost > 0 {
            let path = self.path.display();
            tracing::error!(%path, events_lost = self.lines_lost, "the event log stayed unwritable");
        }
    }

    fn open(&mut self, name: &str) {
        self.path = self.base_dir.join(name);
        self.file = None;
    }

    /// Goes on with whatever file is at the path now; it may have been renamed. The old one stays if there can be no
    /// other. `first_line` is for a file that is begun.
    fn reopen(&mut self, first_line: &str) {
        let path = self.path.display();
        match open_to_append(&self.path) {
            Ok(file) => {
                let is_begun = file.metadata().is_ok_and(|metadata| metadata.len() == 0);
                self.file = Some(file);
                tracing::info!(%path, "event log opened again");
                if is_begun {
                    self.write(first_line.as_bytes());
                }
            }
            Err(error) => {
                tracing::error!(%path, %error, "the event log cannot be opened again; the old file stays");
            }
        }
    }

    fn write(&mut self, lines: &[u8]) {
        let (written, outcome) = match self.file() {
            Ok(file) => append(file, lines),
            Err(error) => (0, Err(error)),
        };
        let path = self.path.display();
        match outcome {
            Ok(()) if self.lines_lost > 0 => {
                let (lost, in_all) = (self.lines_lost, self.lines_lost_in_all);
                tracing::warn!(%path, events_lost = lost, in_all, "the event log can be written again");
                self.lines_lost = 0;
            }
            Ok(()) => {}
            Err(error) => {
                if self.lines_lost == 0 {
                    tracing::error!(%path, %error, "the event log cannot be written, events are lost");
                }
                let lost = lines[written..].iter().filter(|&&byte| byte == b'\n').count() as u64;
                self.lines_lost += lost;
                self.lines_lost_in_all += lost;
                // The next try looks at what is there then.
                if self.file.take().is_some_and(|file| self.is_new && is_empty(&file)) {
                    // One that was made for nothing.
                    let _ = std::fs::remove_file(&self.path);
                }
            }
        }
    }

    fn file(&mut self) -> io::Result<&mut File> {
        match &mut self.file {
            Some(file) => Ok(file),
            none => {
                self.is_new = !self.path.exists();
                let file = open_to_append(&self.path)?;
                // Tried again with every event while something is wrong, which has been said.
                if self.lines_lost == 0 {
                    tracing::info!(path = %self.path.display(), "event log opened");
                }
                Ok(none.insert(file))
            }
        }
    }
}

/// Opens the file at `path`, or makes it. If its last line has no end, because the disk was full or the power gone, it
/// is given one.
fn open_to_append(path: &Path) -> io::Result<File> {
    let mut file = platform::files::open_to_append(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > 0 {
        let mut last = [b'\n'];
        // What may not be read is taken to be in order.
        if let Ok(mut readable) = File::open(path) {
            readable.seek(SeekFrom::Start(metadata.len() - 1))?;
            readable.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n")?;
            tracing::warn!(path = %path.display(), "the last line of the event log had no end");
        }
    }
    Ok(file)
}

fn is_empty(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

/// Appends whole lines as far as there is room. Returns how many bytes those have that are in the file now.
fn append(file: &mut File, lines: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < lines.len() {
        let error = match file.write(&lines[written..]) {
            Ok(count @ 1..) => {
                written += count;
                continue;
            }
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        let whole = lines[..written].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        take_back(file, written - whole);
        return (whole, Err(error));
    }
    (written, Ok(()))
}

/// Cuts a fragment of a line off the end of a file. Where that is not possible, the line gets an end when the file is
/// opened next.
fn take_back(file: &File, bytes: usize) {
    let cut = file.metadata().and_then(|metadata| match metadata.is_file() && bytes > 0 {
        true => file.set_len(metadata.len().saturating_sub(bytes as u64)),
        false => Ok(()),
    });
    if let Err(error) = cut {
        tracing::debug!(%error, "a fragment of an event stays in the event log");
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    fn log(folder: &Path) -> Log {
        let mut log = Log::new(folder.to_owned());
        log.open("events.log");
        log
    }

    fn text(folder: &Path) -> String {
        std::fs::read_to_string(folder.join("events.log")).expect("a log")
    }

    #[test]
    fn an_event_after_a_torn_line_has_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let torn = "{\"a\": 1}\n{\"b\": ";
        std::fs::write(folder.path().join("events.log"), torn).expect("a file");
        log(folder.path()).write(b"{}\n");
        assert_eq!(text(folder.path()), format!("{torn}\n{{}}\n"));
    }

    #[test]
    fn a_fragment_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.log");
        std::fs::write(&path, "{\"a\": 1}\n{\"b\": ").expect("a file");
        let file = OpenOptions::new().append(true).open(&path).expect("a file");
        take_back(&file, "{\"b\": ".len());
        assert_eq!(text(folder.path()), "{\"a\": 1}\n");
        take_back(&file, 0);
        assert_eq!(text(folder.path()), "{\"a\": 1}\n");
    }

    #[test]
    fn what_a_full_disk_takes_no_more_is_counted() {
        // A device that is full whatever is done.
        let mut log = Log::new("/dev".into());
        log.open("full");
        log.write(b"{}\n{}\n");
        log.write(b"{}\n");
        assert_eq!((log.lines_lost, log.lines_lost_in_all), (3, 3));
        let folder = tempfile::tempdir().expect("a folder");
        log.base_dir = folder.path().to_owned();
        log.open("events.log");
        log.write(b"{}\n");
        assert_eq!((log.lines_lost, log.lines_lost_in_all), (0, 3));
        assert_eq!(text(folder.path()), "{}\n");
    }

    #[test]
    fn a_renamed_log_is_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut log = log(folder.path());
        log.write(b"1\n");
        std::fs::rename(folder.path().join("events.log"), folder.path().join("old")).expect("one");
        log.write(b"2\n");
        log.reopen("new\n");
        log.write(b"3\n");
        assert_eq!(text(folder.path()), "new\n3\n");
        log.reopen("new\n");
        assert_eq!(text(folder.path()), "new\n3\n");
        let old = std::fs::read_to_string(folder.path().join("old"));
        assert_eq!(old.expect("a log"), "1\n2\n");
    }

    #[test]
    fn a_log_that_cannot_be_begun_anew_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        std::fs::create_dir(&here).expect("a folder");
        let mut log = log(&here);
        log.write(b"1\n");
        std::fs::rename(&here, &there).expect("a folder");
        log.reopen("new\n");
        log.write(b"2\n");
        assert_eq!(text(&there), "1\n2\n");
        assert_eq!(log.lines_lost, 0);
    }
}
