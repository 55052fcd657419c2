//! PostgreSQL. Rows are sent as arrays, one for each column, so that a statement has one shape.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use super::catalog::Amendment;
use super::session::{
    CATALOG, CatalogRow, Changes, Heads, Session, SqlError, StoredValues, classify,
};
use super::statement::{catalog_rows, pending, split_snapshot};

const SCHEMA: &[&str] = &["
    CREATE TABLE donet_schema (version INTEGER NOT NULL);
    INSERT INTO donet_schema VALUES (0);
    CREATE TABLE donet_class (
        id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE donet_field (
        id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        class_id INTEGER NOT NULL REFERENCES donet_class (id),
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        UNIQUE (class_id, name)
    );
    CREATE TABLE donet_object (
        id BIGINT PRIMARY KEY,
        class_id INTEGER NOT NULL
    );
    CREATE TABLE donet_value (
        object_id BIGINT NOT NULL,
        field_id INTEGER NOT NULL,
        value BYTEA NOT NULL,
        PRIMARY KEY (object_id, field_id)
    );
    CREATE TABLE donet_free (
        seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id BIGINT NOT NULL UNIQUE
    );
    CREATE VIEW donet_content AS
        SELECT o.id AS object, c.name AS class, f.name AS field, f.type AS type, v.value AS value
        FROM donet_object o
        JOIN donet_class c ON c.id = o.class_id
        LEFT JOIN donet_value v ON v.object_id = o.id
        LEFT JOIN donet_field f ON f.id = v.field_id;
"];

/// Key of the lock that keeps two servers from migrating at once: `donet` in ASCII.
const MIGRATION_LOCK: i64 = 0x64_6f6e_6574;

/// A connection to a PostgreSQL server.
pub struct PostgresSession {
    connection: PgConnection,
}

impl PostgresSession {
    async fn delete(&mut self, sql: &'static str, ids: &[i64]) -> sqlx::Result<()> {
        if !ids.is_empty() {
            sqlx::query(sql).bind(ids).execute(&mut self.connection).await?;
        }
        Ok(())
    }
}

impl Session for PostgresSession {
    type Options = PgConnectOptions;

    fn describe(options: &PgConnectOptions) -> String {
        let database = options.get_database().unwrap_or_default();
        format!("the PostgreSQL database {database} at {}", options.get_host())
    }

    async fn open(options: &PgConnectOptions) -> sqlx::Result<Self> {
        let options = options.clone().application_name("donet").disable_statement_logging();
        let connection = options.connect().await?;
        Ok(PostgresSession { connection })
    }

    async fn run(&mut self, sql: &'static str) -> sqlx::Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn migrate(&mut self) -> sqlx::Result<()> {
        self.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut self.connection)
            .await?;
        let exists = "SELECT to_regclass('donet_schema') IS NOT NULL";
        let exists: bool = sqlx::query_scalar(exists).fetch_one(&mut self.connection).await?;
        let mut version: i32 = 0;
        if exists {
            let sql = "SELECT version FROM donet_schema";
            version = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        }
        for migration in pending(SCHEMA, version.into())? {
            self.run(migration).await?;
        }
        sqlx::query("UPDATE donet_schema SET version = $1 WHERE version <> $1")
            .bind(i32::try_from(SCHEMA.len()).expect("few versions"))
            .execute(&mut self.connection)
            .await?;
        self.commit().await
    }

    async fn catalog(&mut self) -> sqlx::Result<Vec<CatalogRow>> {
        let rows = sqlx::query_as(CATALOG).fetch_all(&mut self.connection).await?;
        Ok(catalog_rows(rows))
    }

    async fn amend(&mut self, amendment: &Amendment) -> sqlx::Result<()> {
        self.begin().await?;
        let sql = "INSERT INTO donet_class (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
        sqlx::query(sql).bind(&amendment.classes).execute(&mut self.connection).await?;
        for (class, name, type_text) in &amendment.fields {
            let sql = "INSERT INTO donet_field (class_id, name, type) \
                       SELECT id, $1, $2 FROM donet_class WHERE name = $3 ON CONFLICT DO NOTHING";
            sqlx::query(sql)
                .bind(name)
                .bind(type_text)
                .bind(class)
                .execute(&mut self.connection)
                .await?;
        }
        for change in &amendment.changed {
            sqlx::query("UPDATE donet_field SET type = $1 WHERE id = $2")
                .bind(&change.current)
                .bind(change.field)
                .execute(&mut self.connection)
                .await?;
        }
        self.commit().await
    }

    async fn begin(&mut self) -> sqlx::Result<()> {
        self.run("BEGIN").await
    }

    async fn lock(&mut self, objects: &[i64]) -> sqlx::Result<Heads> {
        let sql = "SELECT id, class_id FROM donet_object WHERE id = ANY($1) \
                   ORDER BY id FOR NO KEY UPDATE";
        sqlx::query_as(sql).bind(objects).fetch_all(&mut self.connection).await
    }

    async fn values(&mut self, objects: &[i64]) -> sqlx::Result<StoredValues> {
        let sql = "SELECT object_id, field_id, value FROM donet_value WHERE object_id = ANY($1)";
        sqlx::query_as(sql).bind(objects).fetch_all(&mut self.connection).await
    }

    async fn snapshot(&mut self, objects: &[i64]) -> sqlx::Result<(Heads, StoredValues)> {
        let sql = "SELECT o.id, o.class_id, v.field_id, v.value FROM donet_object o \
                   LEFT JOIN donet_value v ON v.object_id = o.id WHERE o.id = ANY($1)";
        let rows = sqlx::query_as(sql).bind(objects).fetch_all(&mut self.connection).await?;
        Ok(split_snapshot(rows))
    }

    async fn write(&mut self, changes: &Changes) -> sqlx::Result<()> {
        for sql in [
            "DELETE FROM donet_value WHERE object_id = ANY($1)",
            "DELETE FROM donet_object WHERE id = ANY($1)",
        ] {
            self.delete(sql, &changes.deleted).await?;
        }
        if !changes.removed.is_empty() {
            let (objects, fields): (Vec<i64>, Vec<i32>) = changes.removed.iter().copied().unzip();
            let sql = "DELETE FROM donet_value USING unnest($1::bigint[], $2::int[]) AS r (o, f) \
                       WHERE object_id = r.o AND field_id = r.f";
            sqlx::query(sql).bind(objects).bind(fields).execute(&mut self.connection).await?;
        }
        if !changes.objects.is_empty() {
            let (ids, classes): (Vec<i64>, Vec<i32>) = changes.objects.iter().copied().unzip();
            let sql = "INSERT INTO donet_object (id, class_id) \
                       SELECT * FROM unnest($1::bigint[], $2::int[])";
            sqlx::query(sql).bind(ids).bind(classes).execute(&mut self.connection).await?;
        }
        if !changes.values.is_empty() {
            let objects: Vec<i64> = changes.values.iter().map(|(object, ..)| *object).collect();
            let fields: Vec<i32> = changes.values.iter().map(|(_, field, _)| *field).collect();
            let values: Vec<&[u8]> = changes.values.iter().map(|(.., value)| &value[..]).collect();
            let sql = "INSERT INTO donet_value (object_id, field_id, value) \
                       SELECT * FROM unnest($1::bigint[], $2::int[], $3::bytea[]) \
                       ON CONFLICT (object_id, field_id) DO UPDATE SET value = EXCLUDED.value";
            sqlx::query(sql)
                .bind(objects)
                .bind(fields)
                .bind(values)
                .execute(&mut self.connection)
                .await?;
        }
        self.delete("DELETE FROM donet_free WHERE id = ANY($1)", &changes.taken).await?;
        let sql = "INSERT INTO donet_free (id) SELECT unnest($1::bigint[])";
        self.delete(sql, &changes.freed).await
    }

    async fn highest(&mut self, min: i64, max: i64) -> sqlx::Result<Option<i64>> {
        let sql = "SELECT greatest(\
                   (SELECT max(id) FROM donet_object WHERE id BETWEEN $1 AND $2), \
                   (SELECT max(id) FROM donet_free WHERE id BETWEEN $1 AND $2))";
        sqlx::query_scalar(sql).bind(min).bind(max).fetch_one(&mut self.connection).await
    }

    async fn free(&mut self, min: i64, max: i64, count: i64) -> sqlx::Result<Vec<i64>> {
        let sql = "SELECT id FROM donet_free WHERE id BETWEEN $1 AND $2 \
                   ORDER BY seq LIMIT $3 FOR UPDATE";
        let query = sqlx::query_scalar(sql).bind(min).bind(max).bind(count);
        query.fetch_all(&mut self.connection).await
    }

    async fn count(&mut self) -> sqlx::Result<i64> {
        let sql = "SELECT count(*) FROM donet_object";
        sqlx::query_scalar(sql).fetch_one(&mut self.connection).await
    }

    async fn object_ids(&mut self, after: i64, limit: i64) -> sqlx::Result<Vec<i64>> {
        let sql = "SELECT id FROM donet_object WHERE id > $1 ORDER BY id LIMIT $2";
        let query = sqlx::query_scalar(sql).bind(after).bind(limit);
        query.fetch_all(&mut self.connection).await
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "PostgreSQL connection did not close in good order");
        }
    }

    fn classify(error: &sqlx::Error) -> SqlError {
        classify(error, |code| match code {
            // unique_violation, serialization_failure, deadlock_detected
            "23505" | "40001" | "40P01" => SqlError::Conflict,
            // insufficient resources, operator intervention, connection exceptions, read-only
            "25006" => SqlError::Unavailable,
            _ if ["53", "57", "08"].contains(&code.get(..2).unwrap_or_default()) => {
                SqlError::Unavailable
            }
            _ => SqlError::Rejected,
        })
    }
}
