//! PostgreSQL. Rows are sent as arrays, one for each column, so that a statement has one shape.

use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, Postgres};
use sqlx::query::{Query, QueryAs, QueryScalar};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _, SqlSafeStr};

use super::catalog::Amendment;
use super::session::{
    CATALOG, CatalogRow, Changes, Heads, Server, Session, SqlError, StoredValues, classify,
    refused_login, sessions,
};
use super::statement::{catalog_rows, pending, split_snapshot};
use super::{server, server_faults};
use crate::store::OpenError;

const SCHEMA: &[&str] = &[
    "
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
",
    "
    CREATE TABLE donet_commit (
        slot BIGINT PRIMARY KEY,
        sequence BIGINT NOT NULL,
        day BIGINT NOT NULL
    );
",
    // The marker says that there may be values without a text.
    "
    CREATE TABLE IF NOT EXISTS donet_given (id BIGINT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS donet_unshown (id INTEGER PRIMARY KEY);
    INSERT INTO donet_unshown VALUES (1) ON CONFLICT DO NOTHING;
    ALTER TABLE donet_value ADD COLUMN IF NOT EXISTS text TEXT;
    DROP VIEW IF EXISTS donet_content;
    CREATE VIEW donet_content AS
        SELECT o.id AS object, c.name AS class, f.name AS field, f.type AS type, v.text AS value
        FROM donet_object o
        JOIN donet_class c ON c.id = o.class_id
        LEFT JOIN donet_value v ON v.object_id = o.id
        LEFT JOIN donet_field f ON f.id = v.field_id;
",
];

/// Key of the lock that keeps two servers from migrating at once: `donet` in ASCII.
const MIGRATION_LOCK: i64 = 0x64_6f6e_6574;

/// A connection to a PostgreSQL server.
pub struct PostgresSession {
    connection: PgConnection,
    keeps_statements: bool,
    /// The server's number of the session, unless it may be another one for each transaction.
    id: Option<i64>,
}

/// Where a PostgreSQL server is.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// How to connect.
    pub connect: PgConnectOptions,
    /// Whether a session keeps statements that were prepared. If not, it may be another one for each transaction.
    pub keeps_statements: bool,
}

impl PostgresSession {
    fn query(&self, sql: &'static str) -> Query<'static, Postgres, PgArguments> {
        sqlx::query(sql).persistent(self.keeps_statements)
    }

    fn query_as<T>(&self, sql: &'static str) -> QueryAs<'static, Postgres, T, PgArguments>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_as(sql).persistent(self.keeps_statements)
    }

    fn scalar<T>(&self, sql: &'static str) -> QueryScalar<'static, Postgres, T, PgArguments>
    where
        (T,): for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        sqlx::query_scalar(sql).persistent(self.keeps_statements)
    }

    async fn delete(&mut self, sql: &'static str, ids: &[i64]) -> sqlx::Result<()> {
        if !ids.is_empty() {
            self.query(sql).bind(ids).execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Begins to read outside of a transaction. Where statements are not kept, preparing and executing one would be
    /// two transactions, in two sessions perhaps.
    async fn begin_reading(&mut self) -> sqlx::Result<()> {
        if self.keeps_statements { Ok(()) } else { self.begin().await }
    }

    async fn end_reading(&mut self) -> sqlx::Result<()> {
        if self.keeps_statements { Ok(()) } else { self.commit().await }
    }
}

impl Session for PostgresSession {
    type Options = PostgresOptions;

    const ANSWER_LIMIT: Option<Duration> = Some(Duration::from_secs(10));
    const TRUSTED_FOR: Duration = Duration::from_secs(1);
    const IS_REMOTE: bool = true;
    const BEGIN: &'static str = "BEGIN";
    const LOCK_OUT: &'static str = "SET LOCAL lock_timeout = '10s'; \
         LOCK TABLE donet_class, donet_field, donet_object, donet_value IN SHARE ROW EXCLUSIVE MODE";
    const OR_UPDATE: &'static str = "ON CONFLICT (slot) DO UPDATE SET";

    fn describe(options: &PostgresOptions) -> String {
        let connect = &options.connect;
        let database = connect.get_database().unwrap_or_default();
        let (host, port) = (connect.get_host(), connect.get_port());
        format!("the PostgreSQL database {database} at {host}:{port}")
    }

    async fn open(options: &PostgresOptions) -> sqlx::Result<Self> {
        // No value is a float, and PgBouncer does not know the option for their digits.
        let connect = options.connect.clone().application_name("donet").extra_float_digits(None);
        let connection = connect.disable_statement_logging().connect().await?;
        let keeps_statements = options.keeps_statements;
        let mut session = PostgresSession { connection, keeps_statements, id: None };
        if keeps_statements {
            // What somebody has locked, who may be lost, is not waited for too long.
            session.run("SET lock_timeout = '2s'").await?;
            session.id = session.number("SELECT pg_backend_pid()::bigint".to_owned()).await?;
        }
        Ok(session)
    }

    async fn test(&mut self) -> sqlx::Result<()> {
        self.connection.ping().await
    }

    async fn run(&mut self, sql: impl SqlSafeStr + Send) -> sqlx::Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn number(&mut self, sql: String) -> sqlx::Result<Option<i64>> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        rows.first().map(|row| row.try_get(0)).transpose()
    }

    async fn run_marked(&mut self, sql: String) -> sqlx::Result<Option<i64>> {
        if self.id.is_some() {
            self.run(AssertSqlSafe(sql)).await?;
            return Ok(self.id);
        }
        let sql = sql.replacen("BEGIN;", "BEGIN; SET LOCAL lock_timeout = '2s';", 1);
        self.number(sql + " RETURNING pg_backend_pid()::bigint").await
    }

    async fn end_other(&mut self, holder: i64) -> sqlx::Result<()> {
        let sql = format!("SELECT pg_terminate_backend({holder})::int::bigint");
        self.number(sql).await.map(drop)
    }

    async fn migrate(&mut self) -> sqlx::Result<()> {
        self.run("BEGIN; SET LOCAL lock_timeout = 0").await?;
        self.query("SELECT pg_advisory_xact_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut self.connection)
            .await?;
        let exists = "SELECT to_regclass('donet_schema') IS NOT NULL";
        let exists: bool = self.scalar(exists).fetch_one(&mut self.connection).await?;
        let mut version: i32 = 0;
        if exists {
            let sql = "SELECT version FROM donet_schema";
            version = self.scalar(sql).fetch_one(&mut self.connection).await?;
        }
        for migration in pending(SCHEMA, version.into())? {
            self.run(*migration).await?;
        }
        self.query("UPDATE donet_schema SET version = $1 WHERE version <> $1")
            .bind(i32::try_from(SCHEMA.len()).expect("few versions"))
            .execute(&mut self.connection)
            .await?;
        self.commit().await
    }

    async fn check_tables(&mut self, name: &str) -> Result<(), OpenError> {
        server::check_version(self, name).await.map(drop)
    }

    async fn faults(&mut self, meets: bool) -> sqlx::Result<Vec<String>> {
        Ok(server_faults::faults(self, meets).await)
    }

    async fn losses(&mut self) -> sqlx::Result<Vec<String>> {
        Ok(server_faults::losses(self).await)
    }

    async fn alterations(&mut self) -> sqlx::Result<Vec<String>> {
        server_faults::alterations(self).await
    }

    async fn catalog(&mut self) -> sqlx::Result<Vec<CatalogRow>> {
        self.begin_reading().await?;
        let rows = self.query_as(CATALOG).fetch_all(&mut self.connection).await?;
        self.end_reading().await?;
        Ok(catalog_rows(rows))
    }

    async fn note(&mut self, amendment: &Amendment) -> sqlx::Result<()> {
        let sql = "INSERT INTO donet_class (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
        self.query(sql).bind(&amendment.classes).execute(&mut self.connection).await?;
        for (class, name, type_text) in &amendment.fields {
            let sql = "INSERT INTO donet_field (class_id, name, type) \
                       SELECT id, $1, $2 FROM donet_class WHERE name = $3 ON CONFLICT DO NOTHING";
            self.query(sql)
                .bind(name)
                .bind(type_text)
                .bind(class)
                .execute(&mut self.connection)
                .await?;
        }
        for change in &amendment.changed {
            self.query("UPDATE donet_field SET type = $1 WHERE id = $2")
                .bind(&change.current)
                .bind(change.field)
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
    }

    async fn rename(&mut self, table: &'static str, number: i32, name: &str) -> sqlx::Result<()> {
        let sql = match table {
            "donet_class" => "UPDATE donet_class SET name = $1 WHERE id = $2",
            _ => "UPDATE donet_field SET name = $1 WHERE id = $2",
        };
        self.query(sql).bind(name).bind(number).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn others(&mut self, _options: &PostgresOptions) -> sqlx::Result<Option<String>> {
        let sql = "SELECT COUNT(*) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid() \
                   AND backend_type = 'client backend'";
        Ok(sessions(self.number(sql.to_owned()).await?))
    }

    async fn lock(&mut self, objects: &[i64]) -> sqlx::Result<Heads> {
        let sql = "SELECT id, coalesce(class_id, '-2147483648'::int) FROM donet_object WHERE id = ANY($1) \
                   ORDER BY id FOR NO KEY UPDATE";
        self.query_as(sql).bind(objects).fetch_all(&mut self.connection).await
    }

    async fn values(&mut self, objects: &[i64]) -> sqlx::Result<StoredValues> {
        let sql = "SELECT object_id, field_id, value FROM donet_value WHERE object_id = ANY($1)";
        self.query_as(sql).bind(objects).fetch_all(&mut self.connection).await
    }

    async fn snapshot(&mut self, objects: &[i64]) -> sqlx::Result<(Heads, StoredValues)> {
        let sql = "SELECT o.id, coalesce(o.class_id, '-2147483648'::int), v.field_id, v.value FROM donet_object o \
                   LEFT JOIN donet_value v ON v.object_id = o.id WHERE o.id = ANY($1)";
        self.begin_reading().await?;
        let rows = self.query_as(sql).bind(objects).fetch_all(&mut self.connection).await?;
        self.end_reading().await?;
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
            self.query(sql).bind(objects).bind(fields).execute(&mut self.connection).await?;
        }
        if !changes.objects.is_empty() {
            let (ids, classes): (Vec<i64>, Vec<i32>) = changes.objects.iter().copied().unzip();
            let sql = "INSERT INTO donet_object (id, class_id) \
                       SELECT * FROM unnest($1::bigint[], $2::int[])";
            self.query(sql).bind(ids).bind(classes).execute(&mut self.connection).await?;
        }
        if !changes.values.is_empty() {
            let objects: Vec<i64> = changes.values.iter().map(|(object, ..)| *object).collect();
            let fields: Vec<i32> = changes.values.iter().map(|(_, field, ..)| *field).collect();
            let values: Vec<&[u8]> =
                changes.values.iter().map(|(_, _, value, _)| &value[..]).collect();
            let texts: Vec<&str> = changes.values.iter().map(|(.., text)| &text[..]).collect();
            let sql = "INSERT INTO donet_value (object_id, field_id, value, text) \
                       SELECT * FROM unnest($1::bigint[], $2::int[], $3::bytea[], $4::text[]) \
                       ON CONFLICT (object_id, field_id) \
                       DO UPDATE SET value = EXCLUDED.value, text = EXCLUDED.text";
            self.query(sql)
                .bind(objects)
                .bind(fields)
                .bind(values)
                .bind(texts)
                .execute(&mut self.connection)
                .await?;
        }
        self.delete("DELETE FROM donet_free WHERE id = ANY($1)", &changes.taken).await?;
        let sql = "INSERT INTO donet_free (id) SELECT unnest($1::bigint[])";
        self.delete(sql, &changes.freed).await
    }

    async fn show(&mut self, texts: &[(i64, i32, String)]) -> sqlx::Result<()> {
        let objects: Vec<i64> = texts.iter().map(|(object, ..)| *object).collect();
        let fields: Vec<i32> = texts.iter().map(|(_, field, _)| *field).collect();
        let texts: Vec<&str> = texts.iter().map(|(.., text)| &text[..]).collect();
        let sql = "UPDATE donet_value SET text = r.t \
                   FROM unnest($1::bigint[], $2::int[], $3::text[]) AS r (o, f, t) \
                   WHERE object_id = r.o AND field_id = r.f AND text IS NULL";
        let query = self.query(sql).bind(objects).bind(fields).bind(texts);
        query.execute(&mut self.connection).await?;
        Ok(())
    }

    async fn highest(&mut self, min: i64, max: i64) -> sqlx::Result<Option<i64>> {
        let sql = "SELECT greatest(\
                   (SELECT max(id) FROM donet_object WHERE id BETWEEN $1 AND $2), \
                   (SELECT max(id) FROM donet_given WHERE id BETWEEN $1 AND $2), \
                   (SELECT max(id) FROM donet_free WHERE id BETWEEN $1 AND $2))";
        self.scalar(sql).bind(min).bind(max).fetch_one(&mut self.connection).await
    }

    async fn free(
        &mut self,
        min: i64,
        max: i64,
        count: i64,
        keeps: bool,
    ) -> sqlx::Result<Vec<i64>> {
        if !keeps {
            self.begin_reading().await?;
        }
        let sql = match keeps {
            true => {
                "SELECT id FROM donet_free WHERE id BETWEEN $1 AND $2 ORDER BY seq LIMIT $3 FOR UPDATE"
            }
            false => "SELECT id FROM donet_free WHERE id BETWEEN $1 AND $2 ORDER BY seq LIMIT $3",
        };
        let query = self.scalar(sql).bind(min).bind(max).bind(count);
        let ids = query.fetch_all(&mut self.connection).await?;
        if !keeps {
            self.end_reading().await?;
        }
        Ok(ids)
    }

    async fn count(&mut self) -> sqlx::Result<i64> {
        self.begin_reading().await?;
        let count = self.scalar("SELECT count(*) FROM donet_object");
        let count = count.fetch_one(&mut self.connection).await?;
        self.end_reading().await?;
        Ok(count)
    }

    async fn object_ids(&mut self, after: i64, limit: i64) -> sqlx::Result<Vec<i64>> {
        let sql = "SELECT id FROM donet_object WHERE id > $1 ORDER BY id LIMIT $2";
        self.begin_reading().await?;
        let query = self.scalar(sql).bind(after).bind(limit);
        let ids = query.fetch_all(&mut self.connection).await?;
        self.end_reading().await?;
        Ok(ids)
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "PostgreSQL connection did not close in good order");
        }
    }

    fn classify(error: &sqlx::Error) -> SqlError {
        classify(error, |code| match code {
            // unique_violation, serialization_failure, deadlock_detected, lock_not_available
            "23505" | "40001" | "40P01" | "55P03" => SqlError::Conflict,
            // invalid_authorization_specification, invalid_password, invalid_catalog_name
            "28000" | "28P01" | "3D000" => |why| refused_login(&why),
            // disk_full
            "53100" => SqlError::Unwritable,
            // read-only: another server may have become the one to write to
            "25006" => SqlError::Unavailable,
            // insufficient resources, operator intervention, connection exceptions
            _ if ["53", "57", "08"].contains(&code.get(..2).unwrap_or_default()) => {
                SqlError::Unavailable
            }
            _ => SqlError::Rejected,
        })
    }
}

impl Server for PostgresSession {
    const VERSION: i64 = SCHEMA.len() as i64;
    const CURRENT_SCHEMA: &'static str = "current_schema()";
    const KEYS: &'static str = "\
        SELECT t.relname || ' (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ')' \
        FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey) \
        WHERE n.nspname = current_schema() AND t.relname LIKE 'donet%' \
        AND i.indisunique AND i.indisvalid AND i.indpred IS NULL \
        GROUP BY t.relname, i.indexrelid";

    async fn version(&mut self) -> sqlx::Result<i64> {
        let is_there = "SELECT (to_regclass('donet_schema') IS NOT NULL)::int::bigint".to_owned();
        if self.number(is_there).await? != Some(1) {
            return Ok(0);
        }
        let version = "SELECT coalesce(max(version), 0)::bigint FROM donet_schema".to_owned();
        Ok(self.number(version).await?.unwrap_or_default())
    }

    async fn only_read(&mut self) -> sqlx::Result<()> {
        if !self.keeps_statements {
            // What is set may be another's the next moment.
            return Ok(());
        }
        self.run("SET default_transaction_read_only = on").await
    }

    async fn texts(&mut self, sql: String) -> sqlx::Result<Vec<String>> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }
}
