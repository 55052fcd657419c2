//! The folder in which a demo has its files. It is the user's alone, and goes with the demo.
//!
//! Whose demo runs holds a lock on a file in it, which the system lets go of however the process ends. So a folder whose lock is free
//! is one that a demo has left behind which was killed; the next one removes it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::credentials;
use crate::platform::files;

/// How the name of such a folder begins.
const PREFIX: &str = "donet-demo-";
/// The file that is locked.
const LOCK: &str = "lock";
/// How many digits of what nobody can guess follow.
const DIGITS: usize = 12;
/// How often another name is tried: another demo may take the folder for one that was left behind before it is locked.
const TRIES: usize = 16;

/// The folder. It is removed when this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl Folder {
    /// Makes one below another, and removes what was left behind there.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(below: &Path) -> io::Result<Self> {
        sweep(below);
        let mut tried = Ok(None);
        for _ in 0..TRIES {
            tried = Self::try_new(below);
            if let Ok(Some(folder)) = tried {
                return Ok(folder);
            }
        }
        Err(tried.err().unwrap_or_else(|| io::Error::other("others remove it again and again")))
    }

    fn try_new(below: &Path) -> io::Result<Option<Self>> {
        let path = below.join(format!("{PREFIX}{}", &credentials::secret()[..DIGITS]));
        files::folders_of_mode(0o700).create(&path)?;
        // Whatever the umask is.
        files::set_mode(&files::open_folder(&path)?, 0o700)?;
        let lock = match File::create_new(path.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            lock => lock?,
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Somebody may have had it for a moment, and removed it.
        match fs::metadata(path.join(LOCK)) {
            Ok(there) if files::identity(&there) == files::identity(&lock.metadata()?) => {
                Ok(Some(Folder { path, _lock: lock }))
            }
            _ => Ok(None),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes the folders of demos that have been killed.
fn sweep(below: &Path) {
    let Ok(entries) = fs::read_dir(below) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let is_own = || {
            let known = fs::symlink_metadata(entry.path());
            known.is_ok_and(|known| known.is_dir() && files::is_own(&known))
        };
        if !is_one || !is_own() {
            continue;
        }
        let lock = entry.path().join(LOCK);
        // Whatever else somebody has put there may not let itself be opened.
        if fs::symlink_metadata(&lock).is_ok_and(|known| !known.is_file()) {
            continue;
        }
        match File::open(lock) {
            Ok(lock) => {
                if lock.try_lock().is_ok() {
                    remove(&entry.path());
                }
            }
            // It is just being made, or was never more than that: it goes only if there is nothing in it.
            Err(_) => drop(fs::remove_dir(entry.path())),
        }
    }
}

/// Removes a folder, the lock last: if that is broken off, the next one goes on with it.
fn remove(path: &Path) {
    // Without its lock nobody would know it for one that was left behind.
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.filter_map(Result::ok).filter(|entry| entry.file_name() != LOCK) {
        let _ = match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
    }
    let _ = fs::remove_file(path.join(LOCK)).and_then(|()| fs::remove_dir(path));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(below: &Path) -> Vec<String> {
        let entries = fs::read_dir(below).expect("a folder").map(|entry| entry.expect("an entry"));
        entries.map(|entry| entry.file_name().into_string().expect("text")).collect()
    }

    #[test]
    fn it_is_private_and_goes() {
        let below = tempfile::tempdir().expect("a folder");
        let folder = Folder::new(below.path()).expect("a folder");
        let mode = files::mode(&fs::metadata(folder.path()).expect("it is there"));
        assert_eq!(mode & 0o777, if cfg!(unix) { 0o700 } else { mode & 0o777 });
        folder.write("demo.yml", "a").expect("a file");
        fs::create_dir(folder.path().join("more")).expect("a folder");
        drop(folder);
        assert!(names(below.path()).is_empty());
    }

    #[test]
    fn what_was_left_behind_goes_and_what_is_used_stays() {
        let below = tempfile::tempdir().expect("a folder");
        let used = Folder::new(below.path()).expect("a folder");
        let left = |name: &str, files: &[&str]| {
            let path = below.path().join(name);
            fs::create_dir(&path).expect("a folder");
            files.iter().for_each(|file| fs::write(path.join(file), "").expect("a file"));
        };
        left("donet-demo-killed", &[LOCK, "demo.yml"]);
        left("donet-demo-empty", &[]);
        left("donet-demo-without-lock", &["somebody's"]);
        left("others", &[LOCK]);
        let new = Folder::new(below.path()).expect("a folder");
        let mut names = names(below.path());
        names.sort();
        let name = |folder: &Folder| folder.path().file_name().expect("it has one").to_owned();
        let mut expected =
            ["donet-demo-without-lock".into(), "others".into(), name(&used), name(&new)];
        expected.sort();
        assert_eq!(names, expected.map(|name| name.into_string().expect("text")));
    }
}
