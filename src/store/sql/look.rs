//! A SQLite file as it is, without making or migrating anything: no table, no file beside it.

use std::io::{self, Read as _};
use std::path::Path;

use dclass::input::open_file;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::catalog::{Catalog, Comparison, any_value_of};
use super::salvage::{unlisted, unusable};
use super::sqlite::catalog;
use super::sqlite_file::{BUSY_TIMEOUT, SqliteFile, beside, not_opened};
use super::tables;
use crate::store::{OpenError, Schema, half_imported};

/// More than none if objects are missing, since they were being moved in.
pub const HALF_IMPORTED: &str = "SELECT count(*) FROM sqlite_master WHERE name = 'donet_import'";

/// What is in a database that can be used.
pub struct LookedInto {
    /// The version of its tables; 0 if it has none.
    version: i64,
}

impl LookedInto {
    /// Looks into a file, which is there.
    ///
    /// # Errors
    /// If it is no database, or not one for this program and these DC files.
    pub async fn sqlite(file: &SqliteFile, schema: &Schema) -> Result<Self, OpenError> {
        let failed = |error| unusable(format!("cannot open {file}"), error);
        let connection = connect(file.path()).await;
        let (mut connection, _) =
            connection.map_err(|error| unlisted(format!("cannot open {file}"), error))?;
        let looked = async {
            let version = tables::version(&mut connection, &file.to_string(), false).await?;
            let unfinished = sqlx::query_scalar(HALF_IMPORTED).fetch_one(&mut connection);
            let unfinished: i64 = unfinished.await.map_err(failed)?;
            if unfinished > 0 {
                return Err(half_imported(&file.to_string()));
            }
            match version {
                0 => Ok((0, Comparison::default(), Vec::new())),
                _ => {
                    let read = read(&mut connection, schema, version).await.map_err(failed);
                    read.map(|(found, held)| (version, found, held))
                }
            }
        };
        let looked = looked.await;
        // It was only read.
        let _ = connection.close().await;
        let (version, found, held) = looked?;
        found.judge(&held)?;
        Ok(LookedInto { version })
    }

    /// How many objects a file has that has been looked into. Whoever starts does not count them: it costs a walk.
    ///
    /// # Errors
    /// What the database says.
    pub async fn objects(&self, file: &SqliteFile) -> Result<i64, OpenError> {
        if self.version == 0 {
            return Ok(0);
        }
        let count = async {
            let (mut connection, _) = connect(file.path()).await?;
            let objects = sqlx::query_scalar("SELECT count(*) FROM donet_object");
            let objects = objects.fetch_one(&mut connection).await;
            // It was only read.
            let _ = connection.close().await;
            objects
        };
        count.await.map_err(|error| unusable(format!("cannot read {file}"), error))
    }
}

async fn read(
    connection: &mut SqliteConnection,
    schema: &Schema,
    version: i64,
) -> sqlx::Result<(Comparison, Vec<i32>)> {
    let found = Catalog::of(catalog(connection).await?, schema).compare(schema);
    let mut held = Vec::new();
    for field in found.misfits() {
        let value = sqlx::query_scalar::<_, i64>(AssertSqlSafe(any_value_of(field)));
        if value.fetch_optional(&mut *connection).await?.is_some() {
            held.push(field);
        }
    }
    if found.has_news() {
        // By their names the start looks for the classes of new fields.
        let by_name = sqlx::query("SELECT name FROM donet_class ORDER BY name");
        by_name.fetch_all(&mut *connection).await?;
    }
    if version > 1 {
        // The start asks for it, too.
        let unshown = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM donet_unshown");
        unshown.fetch_one(&mut *connection).await?;
    }
    Ok((found, held))
}

/// The tables of a file that is another program's: none of them is donet's.
///
/// # Errors
/// It is no database, or cannot be read.
pub async fn tables_of_others(path: &Path) -> sqlx::Result<Vec<String>> {
    let (mut connection, _) = connect(path).await?;
    let sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*'";
    let there: sqlx::Result<Vec<String>> = sqlx::query_scalar(sql).fetch_all(&mut connection).await;
    let _ = connection.close().await;
    let mut there = there?;
    if there.iter().any(|table| table.starts_with("donet_")) {
        there.clear();
    }
    Ok(there)
}

/// Connects to a file to read it, and only that. Whether nothing keeps others from changing it meanwhile.
///
/// # Errors
/// What the database or the system says.
pub async fn connect(path: &Path) -> sqlx::Result<(SqliteConnection, bool)> {
    let log = beside(path, "-wal");
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let options = options.busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    // Somebody who uses it has a log beside it. Otherwise SQLite would make one, and leave it there.
    let is_unused = writes_ahead(path)? && !log.exists();
    let error = match begin(options.clone().immutable(is_unused)).await {
        Ok(connection) => return Ok((connection, is_unused)),
        Err(error) => not_opened(path, error),
    };
    match std::fs::metadata(&log).map(|log| log.len()) {
        // There is nothing in it that would be missed.
        Ok(0) => Ok((begin(options.immutable(true)).await?, true)),
        Ok(_) if !beside(path, "-shm").exists() => {
            let why = format!(
                "what is in its log {} cannot be read where nothing can be written ({}): copy both to a folder of which that is not so",
                log.display(),
                super::in_words(&error)
            );
            Err(sqlx::Error::Configuration(why.into()))
        }
        _ => Err(error),
    }
}

async fn begin(options: SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut connection = options.connect().await?;
    // Only the first use of a file opens those beside it.
    sqlx::raw_sql("SELECT count(*) FROM sqlite_master").execute(&mut connection).await?;
    Ok(connection)
}

/// Whether those who use the file have a log beside it, as its head says.
fn writes_ahead(path: &Path) -> io::Result<bool> {
    const HEAD: usize = 20;
    const READ_BY: usize = 19;
    let mut head = Vec::with_capacity(HEAD);
    open_file(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head.get(READ_BY) == Some(&2))
}
