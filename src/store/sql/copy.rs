//! A copy of a SQLite database that a server may be using.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::look::HALF_IMPORTED;
use super::sqlite_file::BUSY_TIMEOUT;

/// Writes the database as it is at one moment into `target`, an empty file; returns how many objects are in it, or
/// nothing if some are missing since they were being moved in. Whoever writes into the database does not wait for it.
///
/// # Errors
/// What the database says.
pub async fn copy_sqlite(file: &Path, target: &Path) -> sqlx::Result<Option<u64>> {
    let options =
        SqliteConnectOptions::new().busy_timeout(BUSY_TIMEOUT).disable_statement_logging();
    let mut connection = options.clone().filename(file).connect().await?;
    let name = target.to_string_lossy().replace('\'', "''");
    let vacuum = AssertSqlSafe(format!("VACUUM INTO '{name}'"));
    let copied = sqlx::raw_sql(vacuum).execute(&mut connection).await;
    connection.close().await?;
    copied?;
    // Nobody else has it, and nothing is to be left beside it.
    let mut copy = options.filename(target).immutable(true).read_only(true).connect().await?;
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
