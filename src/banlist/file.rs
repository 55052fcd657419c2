//! The file, as long as the daemon runs: it is read again when it changes, and written for whoever asks.
//!
//! Several agents of a process share what is read of one file, and several processes may share the file: whoever changes it
//! holds a lock on its folder, and changes what is in it by then.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Weak};
use std::thread;
use std::time::{Duration, Instant};

use dclass::input::Unread;
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::offenders::{self, Entered};
use super::{Ban, Flaw, List, Subject, with, without};
use crate::platform;
use crate::store::files;

/// How often the file is looked at. What has changed is read when it has stayed so for as long again.
const LOOK: Duration = Duration::from_secs(3);
/// The longest file: there is room for a million bans.
const BYTES_MAX: u64 = 64 << 20;
/// The mode of a file that is made.
const MODE: u32 = 0o640;
/// How many flaws of a file are told one by one.
const FLAWS_MAX: usize = 20;
/// For how long a change waits for that of another process.
const LOCK_MAX: Duration = Duration::from_secs(10);
/// How often it is tried meanwhile.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// What a file says; `None` if there is none.
type Text = Option<Arc<str>>;

/// A ban list that is watched.
#[derive(Debug)]
pub struct Banlist {
    path: PathBuf,
    list: RwLock<Arc<List>>,
    /// What has been read, and held while the file is read or written.
    text: Mutex<Text>,
    changed: watch::Sender<()>,
    /// Held while the file is changed.
    editing: Mutex<()>,
    /// Held by whoever looks at the file.
    keeper: tokio::sync::Mutex<()>,
}

/// Those of this process, by their files.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Banlist>>>> = LazyLock::new(Mutex::default);

/// The text of a file; `None` if there is none.
///
/// # Errors
/// What the system says.
pub fn read_file(path: &Path) -> io::Result<Option<Arc<str>>> {
    match dclass::input::read_file(path, BYTES_MAX) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into())),
        Err(error) if error.is_absence() => Ok(None),
        Err(Unread::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// What is wrong with the text of a file, for whoever has asked for it to be read. A line that is wrong bans nobody, and no daemon
/// stays down for it.
pub fn tell_flaws(path: &Path, text: &str) -> Vec<String> {
    let (file, (_, flaws)) = (path.display(), List::read(text));
    let more = flaws.len().saturating_sub(FLAWS_MAX);
    let named = flaws.into_iter().take(FLAWS_MAX);
    let mut told: Vec<String> = named
        .map(|flaw| format!("{file}:{}: the line is ignored: {}", flaw.line, flaw.message))
        .collect();
    told.extend((more > 0).then(|| format!("{file}: {more} more lines are ignored")));
    told
}

impl Banlist {
    /// Reads the file. One that is not there yet has nobody in it; `donet ban` makes it.
    ///
    /// # Errors
    /// If there is one and it cannot be read: who is banned must not come in for that.
    pub fn open(path: &Path) -> io::Result<Arc<Self>> {
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut open = OPEN.lock();
        open.retain(|_, banlist| banlist.strong_count() > 0);
        if let Some(banlist) = open.get(&place).and_then(Weak::upgrade) {
            return Ok(banlist);
        }
        let text = read_file(path)?;
        if text.is_none() {
            tracing::warn!(file = %path.display(), "there is no such ban list yet; `donet ban` makes it");
        }
        let banlist = Arc::new(Banlist {
            path: path.to_owned(),
            list: RwLock::default(),
            text: Mutex::new(None),
            changed: watch::Sender::default(),
            editing: Mutex::default(),
            keeper: tokio::sync::Mutex::default(),
        });
        banlist.take(&mut banlist.text.lock(), text);
        open.insert(place, Arc::downgrade(&banlist));
        Ok(banlist)
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

    /// Reads the file again whenever it has changed, and at once if `reload` says so. Of several who keep it one does.
    pub async fn keep(self: Arc<Self>, mut reload: watch::Receiver<()>) {
        let _keeper = self.keeper.lock().await;
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
    fn look(&self, seen: &Text, is_asked: bool) -> Text {
        let mut text = self.text.lock();
        let now = match read_file(&self.path) {
            Ok(now) => now,
            Err(error) => {
                let file = self.path.display();
                tracing::error!(%file, %error, "the ban list cannot be read; what it said before stays in force");
                return seen.clone();
            }
        };
        if now == *text {
            // There is no need to have it twice.
            return text.clone();
        }
        if now.is_none() {
            if seen.is_some() {
                let file = self.path.display();
                tracing::error!(%file, "the ban list is gone; what it said before stays in force");
            }
        } else if is_asked || now == *seen {
            self.take_of_others(&mut text, now.clone());
        }
        now
    }

    /// Takes a text that somebody else has written.
    fn take_of_others(&self, old: &mut Text, text: Text) {
        let bans = self.list().len();
        self.take(old, text);
        if bans > 0 && self.list().is_empty() {
            let file = self.path.display();
            tracing::warn!(%file, bans, "the ban list names nobody any more: all bans are lifted");
        }
    }

    /// Takes a text, which is in the file.
    fn take(&self, old: &mut Text, text: Text) {
        let (list, flaws) = List::read(text.as_deref().unwrap_or_default());
        let file = self.path.display();
        for Flaw { line, message } in flaws.iter().take(FLAWS_MAX) {
            tracing::warn!(%file, line, "a line of the ban list is ignored: {message}");
        }
        if let Some(more) = flaws.len().checked_sub(FLAWS_MAX).filter(|more| *more > 0) {
            tracing::warn!(%file, more, "more lines of the ban list are ignored");
        }
        *old = text;
        let before = self.list();
        if list != *before {
            let bans = list.len();
            tracing::info!(%file, bans, "the ban list has been read");
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
        let _editing = self.editing.lock();
        // Where a link stands, what it leads to is replaced.
        let path = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let _lock = lock_folder_of(&path)?;
        let mut text = self.text.lock();
        let old = match read_file(&path)? {
            None if text.is_some() => {
                let file = path.display();
                tracing::warn!(%file, "the ban list was gone: what it said before is written again");
                text.clone()
            }
            old => old,
        };
        if old != *text {
            self.take_of_others(&mut text, old.clone());
        }
        let Some(new) = change(old.as_deref().unwrap_or_default()) else { return Ok(false) };
        replace(&path, &new)?;
        self.take(&mut text, Some(new.into()));
        Ok(true)
    }
}

/// Waits until no other process changes a file in the same folder.
fn lock_folder_of(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| *folder != "").unwrap_or(Path::new("."));
    let folder = platform::files::open_folder(folder)?;
    let deadline = Instant::now() + LOCK_MAX;
    loop {
        match platform::files::lock(&folder) {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another process has its folder locked for too long"));
            }
            // Some file systems know no locks of folders. Then only processes that change it at the same moment are a danger.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(folder),
        }
    }
}

/// Replaces a file at once; its mode and owner stay.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let old = files::metadata_at(path)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    // Where there are no locks, others may do the same.
    name.push(format!(".{}.new", std::process::id()));
    let unfinished = path.with_file_name(name);
    let written =
        files::create_in_place_of(old.as_ref(), &unfinished, MODE).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
    let replaced = written.and_then(|()| fs::rename(&unfinished, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    replaced
}
