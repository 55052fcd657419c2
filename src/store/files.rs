//! Files that hold accounts: made with the mode that was asked for, and replaced without changing whose they
//! are.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// The mode of files that nobody has chosen one for: only the daemon's user reads and writes them.
pub const PRIVATE: u32 = 0o600;
/// The bits of a mode that say who may do what.
const MODE_BITS: u32 = 0o7777;

/// Which file a path leads to, as long as somebody has it open.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// The file that this is the metadata of.
    pub fn of(metadata: &Metadata) -> Self {
        Identity { device: metadata.dev(), inode: metadata.ino() }
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
    match options.clone().create_new(true).mode(mode).open(path) {
        Ok(file) => {
            file.set_permissions(Permissions::from_mode(mode))?;
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
    let mode = old.map_or(mode, |old| old.mode() & MODE_BITS);
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(true).mode(PRIVATE);
    let file = options.open(path)?;
    if let Some(old) = old {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            // One who may not give files away may still give them to a group of his.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()))
                .or_else(|_| fchown(&file, None, Some(old.gid())));
        }
    }
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").mode() & MODE_BITS
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
}
