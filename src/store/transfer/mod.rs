//! Moving, checking and looking at whole stores: what `donet db …` does.
//!
//! Everything is an [`Archive`]: the stores, an export file
//! (`json_lines`), a dump of Astron's MongoDB (`mongo`). `translate` brings values into the form that the
//! target takes, `copy` moves and compares, `inspect` counts and shows.

mod copy;
mod export_types;
mod index;
mod inspect;
mod json_lines;
mod json_stream;
mod migrate;
#[cfg(feature = "mongodb")]
mod mongo;
#[cfg(not(feature = "mongodb"))]
#[path = "no_mongo.rs"]
mod mongo;
mod translate;

use std::path::Path;

pub use self::copy::{CopyError, Mode, Moved, Options, Progress, Step, copy};
pub use self::inspect::{ClassStats, Listed, Shown, Stats, list, show, stats, verify};
pub use self::json_lines::JsonLines;
pub use self::json_stream::JsonStream;
pub use self::migrate::{
    ClassReport, FieldReport, Migrator, Permissions, Problems, Report, read_map, refuse_others,
};
pub use self::mongo::MongoDump;
pub use self::translate::Problem;
use super::archive::Archive;
use super::yaml::YamlArchive;
use super::{OpenError, Schema};

/// Opens a file or folder that objects can be taken from, whatever it is: an export of donet's, Astron's
/// YAML directory, a file of `mongodump` or `mongoexport`, or the folder of a dump.
///
/// # Errors
/// If it is nothing of the kind.
pub fn open_path(path: &Path, schema: &Schema) -> Result<Box<dyn Archive>, OpenError> {
    if path.is_dir() {
        return match MongoDump::in_directory(path) {
            Some(objects) => Ok(Box::new(MongoDump::open(&objects, schema)?)),
            None => Ok(Box::new(YamlArchive::open(path)?)),
        };
    }
    if json_lines::is_export(path)? {
        return Ok(Box::new(JsonLines::open(path)?));
    }
    Ok(Box::new(MongoDump::open(path, schema)?))
}
