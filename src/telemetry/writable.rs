//! Whether a file could be appended to, found without opening or making it.

use std::io;
use std::path::Path;

use crate::platform::files;

/// Says why nothing could be appended to the file at `path`, which is made if it is not there, by whoever asks.
///
/// # Errors
/// What opening it would probably fail with.
pub fn check_writable(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    match files::check_write(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => files::check_make_in(folder),
        checked => checked,
    }
}
