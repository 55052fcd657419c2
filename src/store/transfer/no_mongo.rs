//! What stands for dumps of Astron's MongoDB in a build without feature `mongodb`.

use std::path::{Path, PathBuf};

use crate::config::without;
use crate::store::{OpenError, Schema};

/// There is none.
pub enum MongoDump {}

impl MongoDump {
    /// The file of the objects in the folder of a dump, if it is one.
    pub fn in_directory(directory: &Path) -> Option<PathBuf> {
        Some(directory.join("astron.objects.bson")).filter(|path| path.is_file())
    }

    /// # Errors
    /// Always.
    pub fn open(path: &Path, _: &Schema) -> Result<super::YamlArchive, OpenError> {
        let why = without("dumps of MongoDB", "mongodb");
        Err(OpenError::Refused(format!("{}: {why}", path.display())))
    }
}
