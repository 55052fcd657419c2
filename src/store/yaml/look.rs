//! A YAML directory as it is, without making or locking anything.

use std::io;
use std::path::Path;

use super::check;
use crate::config::DoIdRange;
use crate::platform::files::{check_make_in, check_takes_files};
use crate::store::files::{metadata_at, refuse_dangling};
use crate::store::{OpenError, Schema};

/// Says why the directory at `path` could not be opened, or made, if that can be seen from here.
///
/// # Errors
/// What opening it will fail with.
pub fn look_into_directory(
    path: &Path,
    range: DoIdRange,
    schema: &Schema,
) -> Result<(), OpenError> {
    let is_there = is_there(path).map_err(|error| OpenError::Io {
        what: format!("cannot open the directory {}", path.display()),
        error,
    })?;
    if !is_there {
        return Ok(());
    }
    check_writable(path)?;
    check(path, range, schema)
}

/// Looks whether files can be made in the directory at `path`, since everything that is stored takes that.
///
/// # Errors
/// If they cannot.
pub fn check_writable(path: &Path) -> Result<(), OpenError> {
    check_make_in(path).and_then(|()| check_takes_files(path)).map_err(|error| OpenError::Io {
        what: format!("cannot write into the directory {}", path.display()),
        error,
    })
}

/// Whether it is there.
///
/// # Errors
/// If it is not, and cannot be made.
fn is_there(path: &Path) -> io::Result<bool> {
    match metadata_at(path)? {
        Some(found) if found.is_dir() => return Ok(true),
        Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
        None => refuse_dangling(path)?,
    }
    for above in path.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match metadata_at(above)? {
            None => refuse_dangling(above)?,
            Some(found) if found.is_dir() => {
                check_make_in(above)?;
                check_takes_files(above)?;
                break;
            }
            Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
        }
    }
    Ok(false)
}
