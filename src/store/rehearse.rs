//! What would keep a store from being opened, as far as that can be known without a server and without changing
//! anything.

use std::io;
use std::path::Path;

use super::archive::Archive as _;
use super::files::{metadata_at, refuse_dangling};
use super::open::unmoved;
use super::servers::{CheckUrl, with_server};
use super::soci::{SociArchive, own_backend};
use super::sql::{EMPTY, LookedInto, SqliteFile};
use super::yaml::look_into_directory;
use super::{OpenError, Schema};
use crate::config::{BackendConfig, DatabaseConfig};
use crate::platform::files::{check_make_in, check_read_and_write, check_takes_files};

/// Says why [`open`](super::open) will fail, if it will and that can be seen from here; or else what it will warn of.
///
/// # Errors
/// What it will fail with.
pub async fn rehearse(
    config: &DatabaseConfig,
    schema: &Schema,
) -> Result<Option<String>, OpenError> {
    let own = own_backend(&config.backend)?;
    match &own {
        BackendConfig::Sqlite { file, file_mode } => {
            check_usable(file).map_err(|error| OpenError::Io {
                what: format!("cannot open the SQLite database {}", file.display()),
                error,
            })?;
            if !file.exists() {
                return Ok(None);
            }
            let database = SqliteFile::new(file.clone(), *file_mode);
            let found = LookedInto::sqlite(&database, schema).await?;
            if matches!(config.backend, BackendConfig::Soci { .. })
                && found.objects(&database).await? == 0
                && let Some(mut astron) = SociArchive::open(&own, schema).await?
            {
                match astron.count().await? {
                    0 => {}
                    objects => return Err(unmoved(objects)),
                }
            }
            Ok(database.is_empty().then(|| format!("{database}: {EMPTY}")))
        }
        BackendConfig::Yaml { directory, .. } => {
            look_into_directory(directory, config.generate, schema).map(|()| None)
        }
        server @ (BackendConfig::Postgres { .. } | BackendConfig::MySql { .. }) => {
            with_server(server, CheckUrl).await.map(|()| None)
        }
        BackendConfig::Soci { .. } => unreachable!("it was replaced by a backend of our own"),
    }
}

/// Whether a file can be read and written, and others be made beside it; or made itself.
fn check_usable(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = metadata_at(file)?;
    if found.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = folder.unwrap_or(Path::new("."));
    check_make_in(folder)?;
    match found {
        Some(_) => check_read_and_write(file),
        None => {
            refuse_dangling(file)?;
            check_takes_files(folder)
        }
    }
}
