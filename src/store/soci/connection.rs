//! A connection to whichever database has Astron's tables, and rows as all of them have them.

use sqlx::mysql::MySqlRow;
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::sqlite::SqliteRow;
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Connection as _, MySqlConnection, PgConnection,
    Row as _, SqliteConnection,
};

use crate::config::BackendConfig;
use crate::store::sql::look_at_sqlite;

/// A connection to one of the databases that Astron's SQL backend can use.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

/// A row of one of them.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
    MySql(MySqlRow),
}

impl Connection {
    /// Connects to the database of a backend of donet's own; `None` if that is no SQL database.
    pub async fn open(config: &BackendConfig) -> sqlx::Result<Option<Self>> {
        Ok(Some(match config {
            BackendConfig::Sqlite { file, .. } => Connection::Sqlite(look_at_sqlite(file).await?.0),
            BackendConfig::Postgres { url, .. } => {
                // PgBouncer does not know the option for the digits of floats.
                let options = url.parse::<PgConnectOptions>()?.extra_float_digits(None);
                Connection::Postgres(options.connect().await?)
            }
            BackendConfig::MySql { url, .. } => {
                Connection::MySql(MySqlConnection::connect(url).await?)
            }
            BackendConfig::Yaml { .. } | BackendConfig::Soci { .. } => return Ok(None),
        }))
    }

    /// PostgreSQL folds names that are not quoted, and Astron quotes none.
    pub const fn folds_names(&self) -> bool {
        matches!(self, Connection::Postgres(_))
    }

    /// All rows that a query finds.
    pub async fn rows(&mut self, sql: String) -> sqlx::Result<Vec<Row>> {
        let query = AssertSqlSafe(sql);
        Ok(match self {
            Connection::Sqlite(connection) => {
                let rows = sqlx::query(query).fetch_all(connection).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Connection::Postgres(connection) => {
                let rows = sqlx::query(query).fetch_all(connection).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
            Connection::MySql(connection) => {
                let rows = sqlx::query(query).fetch_all(connection).await?;
                rows.into_iter().map(Row::MySql).collect()
            }
        })
    }
}

impl Row {
    /// The names of its columns.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Row::Sqlite(row) => row.columns().iter().map(Column::name).collect(),
            Row::Postgres(row) => row.columns().iter().map(Column::name).collect(),
            Row::MySql(row) => row.columns().iter().map(Column::name).collect(),
        }
    }

    /// The text in a column, if there is any.
    pub fn text(&self, column: usize) -> sqlx::Result<Option<String>> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
            Row::MySql(row) => row.try_get(column),
        }
    }

    /// The number in a column, whichever width the column has.
    pub fn integer(&self, column: usize) -> sqlx::Result<i64> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row
                .try_get(column)
                .or_else(|_| row.try_get::<i32, _>(column).map(i64::from))
                .or_else(|_| row.try_get::<i16, _>(column).map(i64::from)),
            Row::MySql(row) => row.try_get(column).or_else(|_| {
                let number = row.try_get::<u64, _>(column)?;
                i64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
            }),
        }
    }
}
