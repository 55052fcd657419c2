//! SQLite.

use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column, Row as _, SqliteConnection};

use super::{Cells, Connection, Row, boxed};
use crate::store::BoxFuture;

impl Connection for SqliteConnection {
    fn rows(&mut self, sql: String) -> BoxFuture<'_, sqlx::Result<Vec<Row>>> {
        Box::pin(async { sqlx::query(AssertSqlSafe(sql)).fetch_all(self).await.map(boxed) })
    }
}

impl Cells for SqliteRow {
    fn names(&self) -> Vec<&str> {
        self.columns().iter().map(Column::name).collect()
    }

    fn text(&self, column: usize) -> sqlx::Result<Option<String>> {
        self.try_get(column)
    }

    fn integer(&self, column: usize) -> sqlx::Result<i64> {
        self.try_get(column)
    }
}
