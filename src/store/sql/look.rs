//! A SQLite file as it is, without making or migrating anything.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::catalog::{Catalog, Comparison, any_value_of};
use super::session::CATALOG;
use super::sqlite::SCHEMA;
use super::statement::{catalog_rows, pending};
use crate::store::{OpenError, Schema};

/// What is in a database that can be used.
pub struct LookedInto {
    /// How many objects it has.
    pub objects: i64,
}

impl LookedInto {
    /// Looks into the file at `path`, which is there.
    ///
    /// # Errors
    /// If it is no database, or not one for this program and these DC files.
    pub async fn sqlite(path: &Path, schema: &Schema) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Sql {
            what: format!("cannot open the SQLite database {}", path.display()),
            error,
        };
        // Somebody who uses it has a log beside it. Otherwise SQLite would make one, and leave it there.
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let is_used = Path::new(&log).exists();
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let options = options.immutable(!is_used).disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        let looked = read(&mut connection, schema).await.map_err(failed);
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
    let count = "SELECT count(*) FROM sqlite_master WHERE name = 'donet_schema'";
    let count: i64 = sqlx::query_scalar(count).fetch_one(&mut *connection).await?;
    if count == 0 {
        return Ok((Comparison::default(), Vec::new(), 0));
    }
    let version = "SELECT version FROM donet_schema";
    let version: i64 = sqlx::query_scalar(version).fetch_one(&mut *connection).await?;
    pending(SCHEMA, version)?;
    let rows = sqlx::query_as(CATALOG).fetch_all(&mut *connection).await?;
    let found = Catalog::of(catalog_rows(rows), schema).compare(schema);
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
