//! Files. There are no modes and owners that a program like this one could set: rights come from the folder.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
#[cfg(windows)]
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Who may do what, where nobody can tell: its owner alone.
const PRIVATE: u32 = 0o600;

/// Whether the file at `path` may be written, as far as its attributes tell.
///
/// # Errors
/// If not, and why.
pub fn check_write(path: &Path) -> io::Result<()> {
    match std::fs::metadata(path)?.permissions().readonly() {
        true => Err(io::ErrorKind::PermissionDenied.into()),
        false => Ok(()),
    }
}

/// Whether the file at `path` may be read and written, as far as its attributes tell.
///
/// # Errors
/// If not, and why.
pub fn check_read_and_write(path: &Path) -> io::Result<()> {
    check_write(path)
}

/// Whether files may be made in `folder`. A folder has no attribute against that.
///
/// # Errors
/// If it is not there.
pub fn check_make_in(folder: &Path) -> io::Result<()> {
    std::fs::metadata(folder).map(drop)
}

/// Refuses a folder of a file system in which nobody makes files; there is none.
///
/// # Errors
/// None.
pub fn check_takes_files(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Which file it is: when it was made. Its number is not told. A file that somebody has open as SQLite has its own cannot be
/// replaced anyway.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    #[cfg(windows)]
    return (metadata.creation_time(), 0);
    #[cfg(not(windows))]
    (metadata.len(), 0)
}

/// There are no modes.
pub const fn set_mode_of_new(options: &mut OpenOptions, _mode: u32) -> &mut OpenOptions {
    options
}

/// Makes folders. There are no modes.
pub fn folders_of_mode(_mode: u32) -> DirBuilder {
    DirBuilder::new()
}

/// There are no modes.
///
/// # Errors
/// None.
pub const fn set_mode(_: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

/// What nobody has to be warned of.
pub const fn mode(_: &Metadata) -> u32 {
    PRIVATE
}

/// The owner is whoever makes a file.
///
/// # Errors
/// None.
pub const fn keep_owner(_: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Nothing is known of owners: in a user's folder for temporary files there are his.
pub const fn is_own(_: &Metadata) -> bool {
    true
}

/// Opens a folder, to know it again.
///
/// # Errors
/// What the system says.
pub fn open_folder(path: &Path) -> io::Result<File> {
    /// Without this only files are opened.
    #[cfg(windows)]
    const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(windows)]
    options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    options.open(path)
}

/// Folders cannot be locked here, and what is locked cannot be written by anybody else, such as SQLite in the same process: so nothing
/// is, and two processes that use one folder are not noticed.
///
/// # Errors
/// None.
pub const fn lock(_: &File) -> Result<(), TryLockError> {
    Ok(())
}

/// The system writes by itself which files there are in a folder.
///
/// # Errors
/// None.
pub fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// To be called of each of many files that is written, before [`sync_file_system`].
///
/// # Errors
/// What the system says.
pub fn sync_one_of_many(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Nothing is left to be done when each file has been synced.
///
/// # Errors
/// None.
pub const fn sync_file_system(_: &File) -> io::Result<()> {
    Ok(())
}

/// The system is not asked.
pub const fn room_left(_: &Path) -> Option<u64> {
    None
}

/// The system does not tell who has locked a part of a file.
///
/// # Errors
/// None.
pub const fn lock_holder(_: &File, _start: u64, _length: u64) -> io::Result<Option<i32>> {
    Ok(None)
}

/// Opens a file to append to it, or makes it.
///
/// # Errors
/// What the system says.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
