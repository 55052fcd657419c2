//! A copy of a SQLite database that a server may be using.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::faults::losses;
use super::look::HALF_IMPORTED;
use super::salvage::damaged;
use super::sqlite_file::{BUSY_TIMEOUT, EMPTY, SqliteFile};
use super::tables;
use crate::store::{OpenError, half_imported};

/// Writes the database as it is at one moment into `target`, an empty file; returns how many objects are in it. Whoever
/// writes into the database does not wait for it.
///
/// # Errors
/// If there is nothing in it to copy, it is damaged, or objects are missing since they were being moved in; what the database says.
pub async fn copy_sqlite(file: &SqliteFile, target: &Path) -> Result<u64, OpenError> {
    let nothing = |why: &str| OpenError::Refused(format!("nothing is copied: {file}{why}"));
    if file.is_empty() {
        return Err(nothing(&format!(": {EMPTY}")));
    }
    let failed = |error| OpenError::Sql {
        what: format!("cannot copy {file} to {}", target.display()),
        error,
    };
    let options =
        SqliteConnectOptions::new().busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let connection = options.clone().filename(file.path()).connect().await;
    let mut connection = connection.map_err(failed)?;
    let copied = async {
        if tables::version(&mut connection, &file.to_string(), false).await? == 0 {
            return Err(nothing(" has no tables of donet's"));
        }
        let losses = losses(&mut connection).await.map_err(failed)?;
        if !losses.is_empty() {
            // SQLite copies what it finds, and may find less than there was.
            return Err(damaged("nothing is copied", &file.to_string(), &losses));
        }
        let name = target.to_string_lossy().replace('\'', "''");
        let vacuum = AssertSqlSafe(format!("VACUUM INTO '{name}'"));
        sqlx::raw_sql(vacuum).execute(&mut connection).await.map(drop).map_err(failed)
    };
    let copied = copied.await;
    connection.close().await.map_err(failed)?;
    copied?;
    // Nobody else has it, and nothing is to be left beside it.
    let options = options.filename(target).immutable(true).read_only(true);
    match count(options).await.map_err(failed)? {
        Some(objects) => Ok(objects),
        // A copy of it would look whole to whoever does not start with it.
        None => Err(half_imported(&file.to_string())),
    }
}

/// How many objects a copy has, unless some are missing.
async fn count(options: SqliteConnectOptions) -> sqlx::Result<Option<u64>> {
    let mut copy = options.connect().await?;
    let counted = async {
        let half = sqlx::query_scalar::<_, i64>(HALF_IMPORTED).fetch_one(&mut copy).await?;
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM donet_object");
        let count = count.fetch_one(&mut copy).await?.unsigned_abs();
        Ok((half == 0).then_some(count))
    };
    let counted = counted.await;
    copy.close().await?;
    counted
}
