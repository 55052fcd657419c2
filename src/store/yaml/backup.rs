//! A copy of a YAML directory that a server may be using.
//!
//! The server replaces each file as a whole, so each that is read is one object at one moment. What `info.yaml` says
//! of ids is made to fit the objects that were copied, since the server may have written either first.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use super::files::{Directory, INFO, object_name};
use super::notes;
use super::staging::{self, PAST};
use super::text::Info;
use super::types::{TYPES, Types};
use crate::config::DoIdRange;
use crate::ids::DoId;
use crate::platform;
use crate::store::OpenError;
use crate::store::files::{PRIVATE, Unfinished};

/// Copies all objects of `source` into `target`, which is there when all are in it, or not at all. Returns how many.
///
/// # Errors
/// If there is something in the place of `target` already, or not everything can be read and written.
pub fn copy_directory(
    source: &Path,
    range: DoIdRange,
    target: &Path,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<u64, OpenError> {
    let reading = |error| cannot("read the YAML directory", source, error);
    let writing = |error| cannot("write", target, error);
    let directory = Directory::open_shared(source).map_err(reading)?;
    staging::refuse_unfinished(source)?;
    staging::refuse_half_imported(source)?;
    let copy = Unfinished::directory(target).map_err(writing)?;
    let mut ids = directory
        .objects()
        .and_then(Iterator::collect::<io::Result<Vec<DoId>>>)
        .map_err(reading)?;
    ids.sort_unstable();
    let mut copied = Vec::with_capacity(ids.len());
    for (done, do_id) in ids.iter().enumerate() {
        // One that was deleted since is not there.
        if let Some(bytes) = directory.object_bytes(*do_id).map_err(reading)? {
            write(&copy.path().join(object_name(*do_id)), &bytes).map_err(writing)?;
            copied.push(*do_id);
        }
        progress(done as u64 + 1, ids.len() as u64);
    }
    if let Some(text) = info(&directory, range, &copied)? {
        write(&copy.path().join(INFO), text.as_bytes()).map_err(writing)?;
    }
    // What was migrated must not be migrated again when the copy is put in place.
    notes::past(&directory)?;
    if let Some(past) = directory.read_past().map_err(reading)? {
        write(&copy.path().join(PAST), past.as_bytes()).map_err(writing)?;
    }
    Types::of(&directory)?;
    if let Some(types) = directory.read_types().map_err(reading)? {
        write(&copy.path().join(TYPES), types.as_bytes()).map_err(writing)?;
    }
    // Otherwise objects may be missing that were moved away with it.
    directory.check().map_err(reading)?;
    // Nobody has kept an import from beginning meanwhile.
    staging::refuse_half_imported(source)?;
    copy.finish().map_err(writing)?;
    Ok(copied.len() as u64)
}

fn cannot(what: &str, path: &Path, error: io::Error) -> OpenError {
    OpenError::Io { what: format!("cannot {what} {}", path.display()), error }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    let mut file = platform::files::set_mode_of_new(&mut options, PRIVATE).open(path)?;
    file.write_all(bytes)?;
    platform::files::sync_one_of_many(&file)
}

/// What `info.yaml` has to say beside these objects; nothing if there is nothing to say.
fn info(
    directory: &Directory,
    range: DoIdRange,
    objects: &[DoId],
) -> Result<Option<String>, OpenError> {
    let info = notes::info(directory, !objects.is_empty())?;
    let highest = objects.iter().rev().find(|do_id| range.contains(**do_id));
    let next = info.next.max(highest.map(|do_id| u64::from(do_id.0) + 1));
    let is_object = |id: u64| objects.binary_search_by_key(&id, |do_id| do_id.0.into()).is_ok();
    let free: Vec<u64> = info.free.into_iter().filter(|id| !is_object(*id)).collect();
    Ok(next.map(|next| Info::write(next, free.into_iter())))
}
