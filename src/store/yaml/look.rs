//! A YAML directory as it is, without making or locking anything.

use std::io;
use std::path::Path;

use rustix::fs::{Access, access};

use super::files::Directory;
use super::text::Info;
use crate::store::OpenError;
use crate::store::files::metadata_at;

/// Says why the directory at `path` could not be opened, or made, if that can be seen from here.
///
/// # Errors
/// What opening it will fail with.
pub fn look_into_directory(path: &Path) -> Result<(), OpenError> {
    let failed = |what: &str| {
        let what = format!("{what} {}", path.display());
        move |error: io::Error| OpenError::Io { what, error }
    };
    let Some(directory) = open_if_there(path).map_err(failed("cannot open the directory"))? else {
        return Ok(());
    };
    let info = directory.read_info().map_err(failed("cannot read info.yaml in"))?;
    Info::read(&info.unwrap_or_default())
        .map_err(|error| OpenError::Damaged(format!("info.yaml in {}: {error}", path.display())))?;
    let objects = directory.objects().map_err(failed("cannot list"))?;
    for object in objects {
        object.map_err(failed("cannot list"))?;
    }
    Ok(())
}

/// `None` if it is not there and can be made.
fn open_if_there(path: &Path) -> io::Result<Option<Directory>> {
    if metadata_at(path)?.is_some() {
        return Directory::open_shared(path).map(Some);
    }
    for above in path.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match metadata_at(above)? {
            None => {}
            Some(found) if found.is_dir() => {
                access(above, Access::WRITE_OK | Access::EXEC_OK)?;
                break;
            }
            Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
        }
    }
    Ok(None)
}
