//! Files that hold accounts: made with the mode that was asked for, and replaced without changing whose they
//! are.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::platform;

/// The mode of files that nobody has chosen one for: only the daemon's user reads and writes them.
pub const PRIVATE: u32 = 0o600;
/// The same of a directory.
const PRIVATE_DIRECTORY: u32 = 0o700;
/// Behind the name of what is not complete yet.
const UNFINISHED: &str = ".donet-new";

/// Which file a path leads to, as long as somebody has it open.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The file that this is the metadata of.
    pub fn of(metadata: &Metadata) -> Self {
        let (device, inode) = platform::files::identity(metadata);
        Identity { device, inode }
    }

    /// The file at `path`, if there is one.
    ///
    /// # Errors
    /// What the system says.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        Ok(metadata_at(path)?.as_ref().map(Identity::of))
    }
}

/// What is known of the file at `path`, if there is one.
///
/// # Errors
/// What the system says.
pub fn metadata_at(path: &Path) -> io::Result<Option<Metadata>> {
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses a symbolic link that leads to nothing: nothing can be made in its place.
///
/// # Errors
/// If it is one.
pub fn refuse_dangling(path: &Path) -> io::Result<()> {
    match path.is_symlink() {
        true => Err(io::Error::other("it is a symbolic link that leads to nothing")),
        false => Ok(()),
    }
}

/// Deletes the file at `path`, if there is one.
///
/// # Errors
/// What the system says.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Opens a file to read and write it. If it has to be made, it has exactly this `mode` from its first moment on or,
/// where the umask takes something away, from before anything is written.
///
/// # Errors
/// What the system says.
pub fn open_or_create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let mut new = options.clone();
    match platform::files::set_mode_of_new(new.create_new(true), mode).open(path) {
        Ok(file) => {
            platform::files::set_mode(&file, mode)?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
        Err(error) => Err(error),
    }
}

/// Makes the file at `path` empty and ready to take the place of `old`: with its mode and owner, or with `mode` if
/// there is none. An owner who cannot be kept, since only root may give files away, stays the daemon's user.
///
/// # Errors
/// What the system says.
pub fn create_in_place_of(old: Option<&Metadata>, path: &Path, mode: u32) -> io::Result<File> {
    let mode = old.map_or(mode, platform::files::mode);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    let file = platform::files::set_mode_of_new(&mut options, PRIVATE).open(path)?;
    if let Some(old) = old {
        platform::files::keep_owner(&file, old)?;
    }
    platform::files::set_mode(&file, mode)?;
    Ok(file)
}

/// Something that gets its name when it is complete. Whatever happens before, nothing of that name is there; what a
/// killed process has left behind is used by the next one.
#[derive(Debug)]
pub struct Unfinished {
    target: PathBuf,
    path: PathBuf,
    /// Open for its lock.
    handle: File,
    is_finished: bool,
}

impl Unfinished {
    /// An empty file, for its owner alone.
    ///
    /// # Errors
    /// If there is something at `target`, somebody else is making it, or what the system says.
    pub fn file(target: &Path) -> io::Result<Self> {
        Unfinished::begin(target, |path| {
            let file = open_or_create(path, PRIVATE)?;
            Ok((file, |file: &File| file.set_len(0)))
        })
    }

    /// An empty directory, for its owner alone.
    ///
    /// # Errors
    /// As [`Unfinished::file`].
    pub fn directory(target: &Path) -> io::Result<Self> {
        Unfinished::begin(target, |path| {
            match platform::files::folders_of_mode(PRIVATE_DIRECTORY).create(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            let owned = path.to_owned();
            let empty = move |_: &File| {
                for entry in std::fs::read_dir(&owned)? {
                    std::fs::remove_file(entry?.path())?;
                }
                Ok(())
            };
            Ok((platform::files::open_folder(path)?, empty))
        })
    }

    fn begin<E: FnOnce(&File) -> io::Result<()>>(
        target: &Path,
        open: impl Fn(&Path) -> io::Result<(File, E)>,
    ) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
        name.push(UNFINISHED);
        let path = target.with_file_name(name);
        loop {
            if target.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let (handle, empty) = open(&path)?;
            platform::files::lock(&handle).map_err(|error| match error {
                TryLockError::WouldBlock => io::Error::other("another process is making it"),
                TryLockError::Error(error) => error,
            })?;
            // Whoever had it may have finished it meanwhile.
            if Identity::at(&path)? == Some(Identity::of(&handle.metadata()?)) {
                empty(&handle)?;
                return Ok(Unfinished {
                    target: target.to_owned(),
                    path,
                    handle,
                    is_finished: false,
                });
            }
        }
    }

    /// Where it is until it is complete.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, when all of it is durable.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> io::Result<()> {
        match self.path.is_dir() {
            true => platform::files::sync_file_system(&self.handle)?,
            false => self.handle.sync_all()?,
        }
        if self.target.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        std::fs::rename(&self.path, &self.target)?;
        self.is_finished = true;
        let directory = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
        platform::files::sync_folder(directory.unwrap_or(Path::new(".")))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // Nobody needs it; the next one removes what is left.
        let _ = match self.path.is_dir() {
            true => std::fs::remove_dir_all(&self.path),
            false => std::fs::remove_file(&self.path),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, fchown};

    use super::*;

    fn mode(path: &Path) -> u32 {
        platform::files::mode(&std::fs::metadata(path).expect("there"))
    }

    #[test]
    fn a_new_file_has_the_mode_and_one_that_is_there_keeps_its_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        open_or_create(&path, 0o660).expect("made");
        assert_eq!(mode(&path), 0o660, "whatever the umask is");
        open_or_create(&path, 0o600).expect("opened");
        assert_eq!(mode(&path), 0o660);
    }

    #[test]
    fn what_takes_the_place_of_a_file_has_its_mode_and_owner() {
        let directory = tempfile::tempdir().expect("a directory");
        let (old, new) = (directory.path().join("old"), directory.path().join("new"));
        let file = open_or_create(&old, 0o644).expect("made");
        // Only root can see the second half of this.
        let (uid, gid) = match fchown(&file, Some(12_345), Some(23_456)) {
            Ok(()) => (12_345, 23_456),
            Err(_) => {
                (file.metadata().expect("there").uid(), file.metadata().expect("there").gid())
            }
        };
        let metadata = file.metadata().expect("there");
        create_in_place_of(Some(&metadata), &new, PRIVATE).expect("made");
        let made = std::fs::metadata(&new).expect("there");
        assert_eq!((mode(&new), made.uid(), made.gid()), (0o644, uid, gid));
        std::fs::remove_file(&new).expect("removed");
        create_in_place_of(None, &new, 0o640).expect("made");
        assert_eq!(mode(&new), 0o640);
    }

    #[test]
    fn what_is_not_finished_is_not_there() {
        let directory = tempfile::tempdir().expect("a directory");
        let names = || {
            let entries = std::fs::read_dir(directory.path()).expect("listed");
            entries.map(|entry| entry.expect("an entry").file_name()).collect::<Vec<_>>()
        };
        let target = directory.path().join("copy");
        for begin in [Unfinished::file, Unfinished::directory] {
            drop(begin(&target).expect("begun"));
            assert_eq!(names(), [] as [&str; 0]);
            let unfinished = begin(&target).expect("begun");
            let second = begin(&target).expect_err("it is under way").to_string();
            assert_eq!(second, "another process is making it");
            assert_eq!(names(), [".copy.donet-new"]);
            unfinished.finish().expect("finished");
            assert_eq!(names(), ["copy"]);
            let again = begin(&target).expect_err("it is there");
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(mode(&target) & 0o077, 0);
            let _ = std::fs::remove_file(&target).or_else(|_| std::fs::remove_dir(&target));
        }
        // A killed process removes nothing.
        std::fs::write(directory.path().join(".copy.donet-new"), "half").expect("written");
        Unfinished::file(&target).expect("begun").finish().expect("finished");
        assert_eq!(std::fs::read(&target).expect("read"), b"");
        std::fs::create_dir(directory.path().join(".other.donet-new")).expect("made");
        std::fs::write(directory.path().join(".other.donet-new/5.yaml"), "half").expect("written");
        let other = directory.path().join("other");
        Unfinished::directory(&other).expect("begun").finish().expect("finished");
        assert_eq!(std::fs::read_dir(&other).expect("listed").count(), 0);
    }
}
