//! Files, whose they are, and what may be done with them.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{Access, OFlags, access, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType};

/// The bits of a mode that say who may do what.
const MODE_BITS: u32 = 0o7777;

/// Whether the file at `path` may be written.
///
/// # Errors
/// If not, and why.
pub fn check_write(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::WRITE_OK)?)
}

/// Whether the file at `path` may be read and written.
///
/// # Errors
/// If not, and why.
pub fn check_read_and_write(path: &Path) -> io::Result<()> {
    Ok(access(path, Access::READ_OK | Access::WRITE_OK)?)
}

/// Whether files may be made in `folder`.
///
/// # Errors
/// If not, and why.
pub fn check_make_in(folder: &Path) -> io::Result<()> {
    Ok(access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Refuses a folder of a file system in which nobody makes files, whatever its rights say.
///
/// # Errors
/// If it is one, or what the system says.
#[cfg(target_os = "linux")]
pub fn check_takes_files(folder: &Path) -> io::Result<()> {
    const SYSFS_MAGIC: rustix::fs::FsWord = 0x6265_6572;
    let kind = rustix::fs::statfs(folder)?.f_type;
    match [rustix::fs::PROC_SUPER_MAGIC, SYSFS_MAGIC].contains(&kind) {
        true => Err(io::Error::other(format!("no files can be made in {}", folder.display()))),
        false => Ok(()),
    }
}

/// Whatever there is of that kind is not known.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn check_takes_files(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Which file it is, as long as somebody has it open: its device and its number.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Has a file that `options` make get this mode, less what the umask takes away.
pub fn set_mode_of_new(options: &mut OpenOptions, mode: u32) -> &mut OpenOptions {
    options.mode(mode)
}

/// Makes folders of this mode, less what the umask takes away.
pub fn folders_of_mode(mode: u32) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(mode);
    builder
}

/// Gives a file a mode.
///
/// # Errors
/// What the system says.
pub fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

/// Who may do what with a file.
pub fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & MODE_BITS
}

/// Whether a file is of the user as whom the process runs.
pub fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == super::process::user()
}

/// Gives `file` the owner of an `old` one, as far as the system lets us.
pub fn keep_owner(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // One who may not give files away may still give them to a group of his.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(file, None, Some(old.gid())));
    }
    Ok(())
}

/// Opens a folder, for its lock, and to have what is in it made durable.
///
/// # Errors
/// What the system says.
pub fn open_folder(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Locks out whoever else locks the same file or folder, until `file` is closed.
///
/// # Errors
/// If somebody has it.
pub fn lock(file: &File) -> Result<(), TryLockError> {
    file.try_lock()
}

/// Makes durable which files there are in a folder.
///
/// # Errors
/// What the system says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// To be called of each of many files that is written, before [`sync_file_system`].
///
/// # Errors
/// What the system says.
pub fn sync_one_of_many(file: &File) -> io::Result<()> {
    if cfg!(target_os = "linux") { Ok(()) } else { file.sync_all() }
}

/// Makes durable whatever was written into the file system of `file`, which was opened before that: an error that was met
/// meanwhile is told then. One call for many files, since to wait for each of thousands takes minutes; where there is no such
/// call, [`sync_one_of_many`] has waited.
///
/// # Errors
/// What the system says.
pub fn sync_file_system(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    return Ok(rustix::fs::syncfs(file)?);
    #[cfg(not(target_os = "linux"))]
    file.sync_all()
}

/// How many bytes may still be written into a folder, where the system tells.
pub fn room_left(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Another process that has locked a part of a file against writers; `file` must not be closed as long as this process has
/// locks of its own on it.
///
/// # Errors
/// What the system says.
pub fn lock_holder(file: &File, start: u64, length: u64) -> io::Result<Option<i32>> {
    let mut lock = Flock::from(FlockType::WriteLock);
    (lock.start, lock.length) = (start, length);
    let found = rustix::process::fcntl_getlk(file, &lock)?;
    Ok(found.and_then(|lock| lock.pid).map(|pid| pid.as_raw_nonzero().get()))
}

/// Opens a file to append to it, or makes it.
///
/// # Errors
/// What the system says; a pipe that nobody reads is one.
pub fn open_to_append(path: &Path) -> io::Result<File> {
    // To open a pipe that nobody reads is not to wait for one who does: it fails at once, as a full disk does. What is
    // written into one that is read slowly waits as always.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.create(true).append(true).custom_flags(flags);
    let file = options.open(path).map_err(|error| match error.raw_os_error() {
        Some(number) if number == Errno::NXIO.raw_os_error() => {
            io::Error::other("it is a pipe that nobody reads")
        }
        _ => error,
    })?;
    fcntl_setfl(&file, OFlags::APPEND)?;
    Ok(file)
}
