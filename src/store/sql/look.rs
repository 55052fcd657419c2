//! A SQLite file as it is, without making or migrating anything: no table, no file beside it.

use std::io::{self, Read as _};
use std::path::Path;

use dclass::input::open_file;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::catalog::{Catalog, Comparison, any_value_of};
use super::sqlite::catalog;
use super::sqlite_file::{BUSY_TIMEOUT, SqliteFile, beside};
use super::tables;
use crate::store::{OpenError, Schema, half_imported};

/// More than none if objects are missing, since they were being moved in.
pub const HALF_IMPORTED: &str = "SELECT count(*) FROM sqlite_master WHERE name = 'donet_import'";

/// What is in a database that can be used.
pub struct LookedInto {
    /// How many objects it has.
    pub objects: i64,
}

impl LookedInto {
    /// Looks into a file, which is there.
    ///
    /// # Errors
    /// If it is no database, or not one for this program and these DC files.
    pub async fn sqlite(file: &SqliteFile, schema: &Schema) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Sql { what: format!("cannot open {file}"), error };
        let (mut connection, _) = connect(file.path()).await.map_err(failed)?;
        let looked = async {
            let version = tables::version(&mut connection, &file.to_string()).await?;
            let unfinished = sqlx::query_scalar(HALF_IMPORTED).fetch_one(&mut connection);
            let unfinished: i64 = unfinished.await.map_err(failed)?;
            if unfinished > 0 {
                return Err(half_imported(&file.to_string()));
            }
            match version {
                0 => Ok((Comparison::default(), Vec::new(), 0)),
                _ => read(&mut connection, schema).await.map_err(failed),
            }
        };
        let looked = looked.await;
        // It was only read.
        let _ = connection.close().await;
        let (found, held, objects) = looked?;
        found.judge(&held)?;
        Ok(LookedInto { objects })
    }
}

async fn read(
    connection: &mut SqliteConnection,
    schema: &Schema,
) -> sqlx::Result<(Comparison, Vec<i32>, i64)> {
    let found = Catalog::of(catalog(connection).await?, schema).compare(schema);
    let mut held = Vec::new();
    for field in found.misfits() {
        let value = sqlx::query_scalar::<_, i64>(AssertSqlSafe(any_value_of(field)));
        if value.fetch_optional(&mut *connection).await?.is_some() {
            held.push(field);
        }
    }
    let objects = "SELECT count(*) FROM donet_object";
    Ok((found, held, sqlx::query_scalar(objects).fetch_one(&mut *connection).await?))
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
        Err(error) => error,
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
