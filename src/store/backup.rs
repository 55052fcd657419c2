//! Copies of stores that a server may be using.

use std::path::Path;

use super::OpenError;
use super::files::{PRIVATE, Unfinished};
use super::open::check_there;
use super::soci::own_backend;
use super::sql::{self, SqliteFile};
use super::yaml::copy_directory;
use crate::config::{BackendConfig, DatabaseConfig};
use crate::platform::files::check_make_in;

/// Copies a store to `target`, which is a file for SQLite and a directory for YAML. It is there when it is complete and
/// durable, or not at all. Returns how many objects are in it.
///
/// # Errors
/// If there is something at `target`, the store cannot be read or the copy not written, or it is a store that is copied
/// with the database's own means.
pub async fn backup(
    config: &DatabaseConfig,
    target: &Path,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<u64, OpenError> {
    check_backup(config, target)?;
    match own_backend(&config.backend)? {
        BackendConfig::Sqlite { file, .. } => copy_sqlite(&file, target).await,
        BackendConfig::Yaml { directory, .. } => {
            copy_directory(&directory, config.generate, target, progress)
        }
        _ => unreachable!("no other is copied"),
    }
}

/// Looks whether a backup of a store can be made at `target`, as far as that can be known before.
///
/// # Errors
/// What [`backup`] would say.
pub fn check_backup(config: &DatabaseConfig, target: &Path) -> Result<(), OpenError> {
    if target.symlink_metadata().is_ok() {
        return Err(OpenError::Refused(format!(
            "{} is there already, and a backup replaces nothing: choose another name",
            target.display()
        )));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    match own_backend(&config.backend)? {
        BackendConfig::Yaml { directory, .. } if is_within(folder, &directory) => {
            Err(OpenError::Refused(format!(
                "{} is in the database itself, where donet would take it for something else: choose another place",
                target.display()
            )))
        }
        BackendConfig::Sqlite { .. } | BackendConfig::Yaml { .. } => {
            check_make_in(folder).map_err(|error| OpenError::Io {
                what: format!("cannot write {}", target.display()),
                error,
            })
        }
        BackendConfig::Postgres { .. } => Err(with_own_means(
            "PostgreSQL",
            "pg_dump --format=custom --file=FILE URL",
            "pg_restore --clean --dbname=URL FILE",
        )),
        BackendConfig::MySql { .. } => Err(with_own_means(
            "MySQL or MariaDB",
            "mysqldump --single-transaction DATABASE > FILE",
            "mysql DATABASE < FILE",
        )),
        BackendConfig::Soci { .. } => unreachable!("it was replaced by a backend of our own"),
    }
}

/// Whether a folder is another one, or in it, also by links.
fn is_within(folder: &Path, directory: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(folder).is_some_and(|folder| real(directory).is_some_and(|all| folder.starts_with(all)))
}

fn with_own_means(kind: &str, backup: &str, restore: &str) -> OpenError {
    OpenError::Refused(format!(
        "a {kind} database is backed up with its own tool, while the daemon runs:\n  \
         {backup}\nand brought back, while it does not:\n  {restore}"
    ))
}

async fn copy_sqlite(file: &Path, target: &Path) -> Result<u64, OpenError> {
    check_there("the SQLite database", file)?;
    let writing =
        |error| OpenError::Io { what: format!("cannot write {}", target.display()), error };
    let copy = Unfinished::file(target).map_err(writing)?;
    let copied = sql::copy_sqlite(&SqliteFile::new(file.to_owned(), PRIVATE), copy.path()).await?;
    copy.finish().map_err(writing)?;
    Ok(copied)
}
