//! A connection to whichever database has Astron's tables, and rows as all of them have them.

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use crate::config::BackendConfig;
use crate::store::BoxFuture;
use crate::store::sql::look_at_sqlite;

/// A connection to one of the databases that Astron's SQL backend can use.
pub(super) trait Connection: Send {
    /// Whether the database folds names that are not quoted: Astron quotes none.
    fn folds_names(&self) -> bool {
        false
    }

    /// All rows that a query finds.
    fn rows(&mut self, sql: String) -> BoxFuture<'_, sqlx::Result<Vec<Row>>>;
}

/// A row of one of them.
pub(super) type Row = Box<dyn Cells + Send>;

/// What is in a row.
pub(super) trait Cells {
    /// The names of its columns.
    fn names(&self) -> Vec<&str>;

    /// The text in a column, if there is any.
    fn text(&self, column: usize) -> sqlx::Result<Option<String>>;

    /// The number in a column, whichever width the column has.
    fn integer(&self, column: usize) -> sqlx::Result<i64>;
}

/// Connects to the database of a backend of donet's own; `None` if that is no SQL database, or none of this build's.
pub(super) async fn open(config: &BackendConfig) -> sqlx::Result<Option<Box<dyn Connection>>> {
    Ok(Some(match config {
        BackendConfig::Sqlite { file, .. } => Box::new(look_at_sqlite(file).await?.0),
        #[cfg(feature = "postgres")]
        BackendConfig::Postgres { url, .. } => Box::new(postgres::connect(url).await?),
        #[cfg(feature = "mysql")]
        BackendConfig::MySql { url, .. } => Box::new(mysql::connect(url).await?),
        _ => return Ok(None),
    }))
}

fn boxed<R: Cells + Send + 'static>(rows: Vec<R>) -> Vec<Row> {
    rows.into_iter().map(|row| Box::new(row) as Row).collect()
}
