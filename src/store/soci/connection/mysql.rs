//! MySQL and MariaDB.

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Column, Connection as _, MySqlConnection, Row as _};

use super::{Cells, Connection, Row, boxed};
use crate::store::BoxFuture;

pub(super) async fn connect(url: &str) -> sqlx::Result<MySqlConnection> {
    MySqlConnection::connect(url).await
}

impl Connection for MySqlConnection {
    fn rows(&mut self, sql: String) -> BoxFuture<'_, sqlx::Result<Vec<Row>>> {
        Box::pin(async { sqlx::query(AssertSqlSafe(sql)).fetch_all(self).await.map(boxed) })
    }
}

impl Cells for MySqlRow {
    fn names(&self) -> Vec<&str> {
        self.columns().iter().map(Column::name).collect()
    }

    fn text(&self, column: usize) -> sqlx::Result<Option<String>> {
        self.try_get(column)
    }

    fn integer(&self, column: usize) -> sqlx::Result<i64> {
        self.try_get(column).or_else(|_| {
            let number = self.try_get::<u64, _>(column)?;
            i64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
        })
    }
}
