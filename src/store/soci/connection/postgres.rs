//! PostgreSQL.

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions as _, PgConnection, Row as _};

use super::{Cells, Connection, Row, boxed};
use crate::store::BoxFuture;

pub(super) async fn connect(url: &str) -> sqlx::Result<PgConnection> {
    // PgBouncer does not know the option for the digits of floats.
    url.parse::<PgConnectOptions>()?.extra_float_digits(None).connect().await
}

impl Connection for PgConnection {
    fn folds_names(&self) -> bool {
        true
    }

    fn rows(&mut self, sql: String) -> BoxFuture<'_, sqlx::Result<Vec<Row>>> {
        Box::pin(async { sqlx::query(AssertSqlSafe(sql)).fetch_all(self).await.map(boxed) })
    }
}

impl Cells for PgRow {
    fn names(&self) -> Vec<&str> {
        self.columns().iter().map(Column::name).collect()
    }

    fn text(&self, column: usize) -> sqlx::Result<Option<String>> {
        self.try_get(column)
    }

    fn integer(&self, column: usize) -> sqlx::Result<i64> {
        self.try_get(column)
            .or_else(|_| self.try_get::<i32, _>(column).map(i64::from))
            .or_else(|_| self.try_get::<i16, _>(column).map(i64::from))
    }
}
