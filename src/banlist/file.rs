//! The file, as long as the daemon runs: it is read again when it changes, and written for whoever asks.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use dclass::input::Unread;
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::offenders::{self, Entered};
use super::{Ban, Flaw, List, Subject, with, without};
use crate::store::files;

/// How often the file is looked at. What has changed is read when it has stayed so for as long again.
const LOOK: Duration = Duration::from_secs(3);
/// The longest file: there is room for a million bans.
const BYTES_MAX: u64 = 64 << 20;
/// The mode of a file that is made.
const MODE: u32 = 0o640;
/// How many flaws of a file are logged one by one.
const FLAWS_MAX: usize = 20;

/// Held while a file is changed: the lists of several agents may be one file.
static CHANGING: Mutex<()> = Mutex::new(());

/// A ban list that is watched.
#[derive(Debug)]
pub struct Banlist {
    path: PathBuf,
    list: RwLock<Arc<List>>,
    /// What has been read, and held while the file is read or written. `None` if there was none.
    text: Mutex<Option<String>>,
    changed: watch::Sender<()>,
}

/// The text of a file; `None` if there is none.
///
/// # Errors
/// What the system says.
pub fn read_file(path: &Path) -> io::Result<Option<String>> {
    match dclass::input::read_file(path, BYTES_MAX) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Unread::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(Unread::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    }
}

impl Banlist {
    /// Reads the file. One that is not there yet has nobody in it; `donet ban` makes it.
    ///
    /// # Errors
    /// If there is one and it cannot be read: who is banned must not come in for that.
    pub fn open(path: &Path) -> io::Result<Arc<Self>> {
        let text = read_file(path)?;
        if text.is_none() {
            tracing::warn!(file = %path.display(), "there is no such ban list yet; `donet ban` makes it");
        }
        let banlist = Banlist {
            path: path.to_owned(),
            list: RwLock::default(),
            text: Mutex::new(None),
            changed: watch::Sender::default(),
        };
        banlist.take(&mut banlist.text.lock(), text);
        Ok(Arc::new(banlist))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says now.
    pub fn list(&self) -> Arc<List> {
        self.list.read().clone()
    }

    /// Changes whenever the list does.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Reads the file again whenever it has changed, and at once if `reload` says so.
    pub async fn keep(self: Arc<Self>, mut reload: watch::Receiver<()>) {
        let mut seen = self.text.lock().clone();
        loop {
            let is_asked = tokio::select! {
                biased;
                Ok(()) = reload.changed() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let this = self.clone();
            // A disk may be slow.
            let looked = tokio::task::spawn_blocking(move || this.look(&seen, is_asked)).await;
            seen = looked.unwrap_or_default();
        }
    }

    /// Takes what the file says if it is something else than before, and has been the last time, too.
    fn look(&self, seen: &Option<String>, is_asked: bool) -> Option<String> {
        let mut text = self.text.lock();
        let now = match read_file(&self.path) {
            Ok(now) => now,
            Err(error) => {
                let file = self.path.display();
                tracing::error!(%file, %error, "the ban list cannot be read; what it said before stays in force");
                return seen.clone();
            }
        };
        if now.is_none() && text.is_some() {
            if seen.is_none() {
                return now;
            }
            let file = self.path.display();
            tracing::error!(%file, "the ban list is gone; what it said before stays in force");
        } else if now != *text && (is_asked || now == *seen) {
            self.take(&mut text, now.clone());
        }
        now
    }

    /// Reads the file again now: somebody has written it.
    pub fn refresh(&self) {
        let _ = self.look(&None, true);
    }

    fn take(&self, old: &mut Option<String>, text: Option<String>) {
        let (list, flaws) = List::read(text.as_deref().unwrap_or_default());
        let file = self.path.display();
        for Flaw { line, message } in flaws.iter().take(FLAWS_MAX) {
            tracing::warn!(%file, line, "a line of the ban list is ignored: {message}");
        }
        if let Some(more) = flaws.len().checked_sub(FLAWS_MAX).filter(|more| *more > 0) {
            tracing::warn!(%file, more, "more lines of the ban list are ignored");
        }
        *old = text;
        if list != **self.list.read() {
            tracing::info!(%file, bans = list.bans.len(), "the ban list has been read");
            *self.list.write() = Arc::new(list);
            self.changed.send_replace(());
        }
    }

    /// Bans somebody, for this and for all later runs.
    ///
    /// # Errors
    /// When the file cannot be written: nothing has changed then.
    pub fn ban(&self, subject: Subject, ban: &Ban) -> io::Result<()> {
        self.edit(|text| Some(with(text, subject, ban))).map(drop)
    }

    /// Ends the ban of somebody; whether there was one.
    ///
    /// # Errors
    /// When the file cannot be written: nothing has changed then.
    pub fn unban(&self, subject: Subject) -> io::Result<bool> {
        self.edit(|text| without(text, subject))
    }

    /// Enters those whom the daemon itself bans, all at once.
    ///
    /// # Errors
    /// When the file cannot be written: nothing has changed then.
    pub fn ban_offenders(&self, bans: &[(Subject, Ban)], now: Timestamp) -> io::Result<Entered> {
        let mut entered = Entered::default();
        self.edit(|text| {
            let new;
            (new, entered) = offenders::with(text, bans, now);
            (new != text).then_some(new)
        })?;
        Ok(entered)
    }

    /// Changes what is in the file now, which may be newer than what has been read.
    fn edit(&self, change: impl FnOnce(&str) -> Option<String>) -> io::Result<bool> {
        let mut text = self.text.lock();
        let _changing = CHANGING.lock();
        let old = read_file(&self.path)?;
        let Some(new) = change(old.as_deref().unwrap_or_default()) else { return Ok(false) };
        replace(&self.path, &new)?;
        self.take(&mut text, Some(new));
        Ok(true)
    }
}

/// Replaces a file at once; its mode and owner stay. Where a link stands, what it leads to is replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let old = files::metadata_at(&path)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let unfinished = path.with_file_name(name);
    let written =
        files::create_in_place_of(old.as_ref(), &unfinished, MODE).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    let replaced = written.and_then(|()| fs::rename(&unfinished, &path));
    if replaced.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    replaced
}
