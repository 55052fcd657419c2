//! The flight recorder: the last datagrams, in memory, and in a file when somebody wants to know how it came.
//!
//! What is routed is copied into a [`Ring`], of so many bytes and so long a time. It is written to a file by a command, when something panics, and
//! when a link sends what is no datagram; by itself once a minute at most, and no more than so many files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::operator::answer;
use crate::config::{DaemonConfig, RecorderConfig};
use crate::control::{Answer, Replies};
use crate::platform::files;
use crate::router::{Overhear, Overhearing, Router};
use crate::trace::file::Head;
use crate::trace::record::{Path, Record};
use crate::trace::{Kept, Ring, Schema};

/// So many files a folder has, at most; the oldest are removed.
const FILES_MAX: usize = 16;
/// How long after a file that was written by itself the next one may be.
const PAUSE: Duration = Duration::from_secs(60);
/// How long a panic waits for somebody who is just copying a datagram.
const PATIENCE: Duration = Duration::from_millis(200);
const PREFIX: &str = "donet-";
const SUFFIX: &str = ".datagrams";

/// The last datagrams.
pub(super) struct Recorder {
    ring: Mutex<Ring>,
    folder: PathBuf,
    daemon: String,
    schema: Schema,
    /// The DC files' text, as it was at the start; empty if it could not be read.
    texts: Vec<String>,
    /// When a file was last written by itself.
    written: Mutex<Option<Instant>>,
    /// Held by whoever writes a file: one at a time does.
    writing: Mutex<()>,
    /// Who has sent what is no datagram.
    violations: mpsc::Sender<String>,
}

/// A recorder records until this is dropped.
pub(super) struct Recording {
    recorder: Arc<Recorder>,
    _overhearing: Overhearing,
}

impl Overhear for Recorder {
    fn hear(&self, path: Path, origin: &str, datagram: &[u8]) {
        self.ring.lock().push(&Record::Datagram {
            micros: micros(),
            path,
            origin,
            bytes: datagram,
        });
    }

    fn violated(&self, who: &str) {
        // One that waits is enough: it is one file for both.
        let _ = self.violations.try_send(who.to_owned());
    }
}

impl Recording {
    /// Begins, if the configuration says so.
    pub fn begin(config: &DaemonConfig, schema: Schema, router: &Router) -> Option<Self> {
        let RecorderConfig { bytes, time, folder } = config.recorder.as_ref()?;
        let micros_max = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (violations, mut noted) = mpsc::channel(1);
        let texts = schema.files.iter().map(fs::read_to_string);
        let texts = texts.collect::<Result<_, _>>().unwrap_or_default();
        let recorder = Arc::new(Recorder {
            ring: Mutex::new(Ring::new(*bytes, micros_max)),
            folder: folder.clone(),
            daemon: config.name.clone(),
            schema,
            texts,
            written: Mutex::new(None),
            writing: Mutex::default(),
            violations,
        });
        let of_links = Arc::downgrade(&recorder);
        tokio::spawn(async move {
            while let Some(who) = noted.recv().await {
                let Some(recorder) = of_links.upgrade() else { return };
                let reason = format!("what {who} has sent is no datagram");
                let write = move || recorder.write_by_itself(&reason);
                // A panic in there is logged.
                let _ = tokio::task::spawn_blocking(write).await;
            }
        });
        let _overhearing = router.overhear(recorder.clone());
        let of_panics = recorder.clone();
        let logged = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            logged(panic);
            of_panics.write_by_itself("something has panicked");
        }));
        Some(Recording { recorder, _overhearing })
    }

    /// Writes a file for a command.
    pub fn dump(&self, output: Option<PathBuf>, replies: Replies) {
        let recorder = self.recorder.clone();
        // It takes as long as the disk takes.
        tokio::task::spawn_blocking(move || {
            let written = recorder.write(output.as_deref(), "a command");
            let answers = match written {
                Ok(path) => [Answer::Say(path.display().to_string()), Answer::Exit(0)],
                Err(error) => [
                    Answer::Complain(format!("the datagrams cannot be written: {error}")),
                    Answer::Exit(1),
                ],
            };
            answer(Some(replies), answers);
        });
    }
}

impl Recorder {
    /// Writes a file, unless one was just written.
    fn write_by_itself(&self, reason: &str) {
        {
            let Some(mut written) = self.written.try_lock_for(PATIENCE) else { return };
            if written.is_some_and(|at| at.elapsed() < PAUSE) {
                return;
            }
            *written = Some(Instant::now());
        }
        match self.write(None, reason) {
            Ok(path) => {
                let path = path.display();
                tracing::warn!(%path, reason, "the last datagrams were written to a file");
            }
            Err(error) => tracing::warn!(%error, "the last datagrams cannot be written to a file"),
        }
    }

    /// Writes a file, and says where.
    fn write(&self, output: Option<&FilePath>, reason: &str) -> io::Result<PathBuf> {
        let micros = micros();
        let Some(_writing) = self.writing.try_lock() else {
            return Err(io::Error::other("they are being written already"));
        };
        let kept = match self.ring.try_lock_for(PATIENCE) {
            Some(mut ring) => ring.kept(micros),
            None => return Err(io::Error::other("they are being looked at")),
        };
        let head = Head {
            schema: self.schema.clone(),
            texts: self.texts.clone(),
            daemon: self.daemon.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reason: reason.to_owned(),
            micros,
        };
        if let Some(path) = output {
            write_whole(path, &head, &kept)?;
            return Ok(path.to_owned());
        }
        files::folders_of_mode(0o700).recursive(true).create(&self.folder)?;
        let path = self.folder.join(name_of(micros));
        // It has its name when it is whole, and only then others are removed: the disk may be full.
        let unfinished = path.with_extension("unfinished");
        write_whole(&unfinished, &head, &kept)?;
        fs::rename(&unfinished, &path)?;
        self.remove_oldest()?;
        Ok(path)
    }

    /// Removes the oldest files, if there are more than there may be.
    fn remove_oldest(&self) -> io::Result<()> {
        let files = fs::read_dir(&self.folder)?.filter_map(Result::ok);
        let files = files.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
        let files = files.map(|entry| entry.file_name());
        let is_ours = |name: &String| name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        let mut names: Vec<_> =
            files.filter_map(|name| name.into_string().ok()).filter(is_ours).collect();
        // Their names are in the order of time.
        names.sort();
        for name in names.iter().take(names.len().saturating_sub(FILES_MAX)) {
            fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }
}

/// Writes a file that is not there yet. One that cannot be written whole is removed.
fn write_whole(path: &FilePath, head: &Head, kept: &Kept) -> io::Result<()> {
    // Nobody's file is written over, nor written to through a link.
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = files::set_mode_of_new(&mut options, 0o600).open(path)?;
    let written = file.write_all(&head.to_bytes());
    let written =
        kept.parts().fold(written, |written, part| written.and_then(|()| file.write_all(part)));
    written.inspect_err(|_| drop(fs::remove_file(path)))
}

/// The name of a file of then.
fn name_of(micros: u64) -> String {
    let time = i64::try_from(micros)
        .ok()
        .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    let time = time.unwrap_or_default().strftime("%Y%m%dT%H%M%S.%6fZ").to_string();
    format!("{PREFIX}{time}{SUFFIX}")
}

fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(folder: &FilePath) -> Recorder {
        Recorder {
            ring: Mutex::new(Ring::new(1 << 20, u64::MAX)),
            folder: folder.join("recorded"),
            daemon: "one".to_owned(),
            schema: Schema { hash: 7, files: vec![folder.join("there is none.dc")] },
            texts: Vec::new(),
            written: Mutex::new(None),
            writing: Mutex::default(),
            violations: mpsc::channel(1).0,
        }
    }

    fn names(folder: &FilePath) -> Vec<String> {
        let entries = fs::read_dir(folder.join("recorded")).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_has_so_many_files_and_loses_the_oldest() {
        let folder = tempfile::tempdir().expect("a folder");
        let recorder = recorder(folder.path());
        recorder.hear(Path::Routed, "ai", b"abc");
        let first = recorder.write(None, "a test").expect("it is written");
        let others = folder.path().join("recorded/notes.txt");
        fs::write(&others, "mine").expect("a file");
        let mut last = PathBuf::new();
        for _ in 0..FILES_MAX {
            last = recorder.write(None, "a test").expect("it is written");
        }
        assert!(!first.exists() && last.exists() && others.exists());
        assert_eq!(names(folder.path()).len(), FILES_MAX + 1);
        let bytes = fs::read(last).expect("a file");
        let (head, records) = Head::of_file(&bytes).expect("it is one");
        assert_eq!((head.reason.as_str(), head.schema.hash, head.texts), ("a test", 7, vec![]));
        let Some(Record::Datagram { origin: "ai", bytes: b"abc", .. }) =
            crate::trace::record::next(&mut &*records)
        else {
            panic!("{records:?}");
        };
    }

    #[test]
    fn by_itself_it_writes_once_in_a_while() {
        let folder = tempfile::tempdir().expect("a folder");
        let recorder = recorder(folder.path());
        recorder.write_by_itself("one");
        recorder.write_by_itself("two");
        assert_eq!(names(folder.path()).len(), 1);
        // A command is not refused for that.
        recorder.write(None, "three").expect("it is written");
        assert_eq!(names(folder.path()).len(), 2);
    }

    /// Says in which folder the process under test records.
    const FOLDER: &str = "DONET_TEST_RECORDER";

    #[tokio::test]
    async fn a_panic_leaves_a_file() {
        const NAME: &str = "daemon::recorder::tests::a_panic_leaves_a_file";
        if let Some(folder) = std::env::var_os(FOLDER) {
            let config = DaemonConfig {
                name: "one".to_owned(),
                url: String::new(),
                threads: 1,
                reserved_files: 0,
                control: None,
                log_level: None,
                drain: None,
                drain_wave: 1,
                recorder: Some(RecorderConfig {
                    bytes: 1 << 20,
                    time: Duration::from_secs(60),
                    folder: folder.into(),
                }),
            };
            let _recording = Recording::begin(&config, Schema::default(), &Router::new());
            let panicked = std::thread::spawn(|| panic!("as it was told")).join();
            assert!(panicked.is_err());
            return;
        }
        // What a process does when it panics is the same for all of its tests, so this one has a process of its own.
        let folder = tempfile::tempdir().expect("a folder");
        let itself = std::env::current_exe().expect("it runs");
        let mut child = std::process::Command::new(itself);
        child.args(["--exact", NAME]).env(FOLDER, folder.path().join("recorded"));
        let done = child.output().expect("it runs again");
        assert!(done.status.success(), "{done:?}");
        let files = names(folder.path());
        assert_eq!(files.len(), 1, "{done:?}");
        let bytes = fs::read(folder.path().join("recorded").join(&files[0])).expect("a file");
        let (head, _) = Head::of_file(&bytes).expect("it is one");
        assert_eq!(head.reason, "something has panicked");
    }

    #[test]
    fn a_panic_in_the_middle_of_a_datagram_waits_for_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let recorder = recorder(folder.path());
        let _held = recorder.ring.lock();
        recorder.write_by_itself("a panic");
        assert!(!folder.path().join("recorded").exists());
    }
}
