//! MySQL and MariaDB.

use std::time::Duration;

use sqlx::mysql::{MySql, MySqlArguments, MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row as _, SqlSafeStr};

use super::catalog::Amendment;
use super::session::{
    CATALOG, CatalogRow, Changes, Heads, Server, Session, SqlError, StoredValues, classify,
    refused_login, sessions,
};
use super::statement::{Rows, catalog_rows, chunks, pending, placeholders, split_snapshot};
use super::{server, server_faults};
use crate::store::OpenError;

/// Rows in one statement.
const ROWS_MAX: usize = 256;

/// MySQL ends a transaction at each of these statements, so each can be repeated.
const SCHEMA: &[&str] = &[
    "
    CREATE TABLE IF NOT EXISTS donet_class (
        id INTEGER AUTO_INCREMENT PRIMARY KEY,
        name VARCHAR(255) NOT NULL UNIQUE
    ) ENGINE InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
    CREATE TABLE IF NOT EXISTS donet_field (
        id INTEGER AUTO_INCREMENT PRIMARY KEY,
        class_id INTEGER NOT NULL,
        name VARCHAR(255) NOT NULL,
        type TEXT NOT NULL,
        UNIQUE (class_id, name),
        FOREIGN KEY (class_id) REFERENCES donet_class (id)
    ) ENGINE InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
    CREATE TABLE IF NOT EXISTS donet_object (
        id BIGINT PRIMARY KEY,
        class_id INTEGER NOT NULL
    ) ENGINE InnoDB;
    CREATE TABLE IF NOT EXISTS donet_value (
        object_id BIGINT NOT NULL,
        field_id INTEGER NOT NULL,
        value MEDIUMBLOB NOT NULL,
        PRIMARY KEY (object_id, field_id)
    ) ENGINE InnoDB;
    CREATE TABLE IF NOT EXISTS donet_free (
        seq BIGINT AUTO_INCREMENT PRIMARY KEY,
        id BIGINT NOT NULL UNIQUE
    ) ENGINE InnoDB;
    CREATE OR REPLACE VIEW donet_content AS
        SELECT o.id AS object, c.name AS class, f.name AS field, f.type AS type, v.value AS value
        FROM donet_object o
        JOIN donet_class c ON c.id = o.class_id
        LEFT JOIN donet_value v ON v.object_id = o.id
        LEFT JOIN donet_field f ON f.id = v.field_id;
",
    "
    CREATE TABLE IF NOT EXISTS donet_commit (
        slot BIGINT PRIMARY KEY,
        sequence BIGINT NOT NULL,
        day BIGINT NOT NULL
    ) ENGINE InnoDB;
",
    // The marker says that there may be values without a text. MySQL cannot add a column only if it is not there.
    "
    CREATE TABLE IF NOT EXISTS donet_given (id BIGINT PRIMARY KEY) ENGINE InnoDB;
    CREATE TABLE IF NOT EXISTS donet_unshown (id INTEGER PRIMARY KEY) ENGINE InnoDB;
    INSERT IGNORE INTO donet_unshown VALUES (1);
    SET @donet_sql = (
        SELECT IF(count(*) > 0, 'DO 0',
            'ALTER TABLE donet_value ADD COLUMN text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')
        FROM information_schema.columns
        WHERE table_schema = database() AND table_name = 'donet_value' AND column_name = 'text');
    PREPARE donet_statement FROM @donet_sql;
    EXECUTE donet_statement;
    DEALLOCATE PREPARE donet_statement;
    CREATE OR REPLACE VIEW donet_content AS
        SELECT o.id AS object, c.name AS class, f.name AS field, f.type AS type, v.text AS value
        FROM donet_object o
        JOIN donet_class c ON c.id = o.class_id
        LEFT JOIN donet_value v ON v.object_id = o.id
        LEFT JOIN donet_field f ON f.id = v.field_id;
",
];

/// Where a MySQL or MariaDB server is.
#[derive(Clone, Debug)]
pub struct MySqlOptions {
    /// How to connect.
    pub connect: MySqlConnectOptions,
    /// Which of the two it is, as far as the configuration tells.
    pub kind: &'static str,
}

/// A connection to a MySQL or MariaDB server.
pub struct MySqlSession {
    connection: MySqlConnection,
    /// The server's number of the connection.
    id: Option<i64>,
}

type Query<'q> = sqlx::query::Query<'q, MySql, MySqlArguments>;

impl MySqlSession {
    async fn for_rows<'i, T>(
        &mut self,
        rows: Rows,
        items: &'i [T],
        bind: impl Fn(Query<'i>, &'i T) -> Query<'i>,
    ) -> sqlx::Result<()> {
        for chunk in chunks(items, ROWS_MAX) {
            let sql = AssertSqlSafe(rows.statement(chunk.len()));
            let query = chunk.iter().fold(sqlx::query(sql), &bind);
            query.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Runs a statement that ends in `IN `, for all `ids`, many at a time.
    async fn for_ids(&mut self, sql: &str, ids: &[i64]) -> sqlx::Result<()> {
        for chunk in chunks(ids, ROWS_MAX) {
            let sql = AssertSqlSafe(format!("{sql} ({})", placeholders(chunk.len())));
            let query = chunk.iter().fold(sqlx::query(sql), |query, id| query.bind(id));
            query.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    /// Collects the rows of a query that has a list of ids between two texts.
    async fn select<T>(&mut self, before: &str, ids: &[i64], after: &str) -> sqlx::Result<Vec<T>>
    where
        T: for<'r> sqlx::FromRow<'r, sqlx::mysql::MySqlRow> + Send + Unpin,
    {
        let mut rows = Vec::new();
        for chunk in chunks(ids, ROWS_MAX) {
            let sql = format!("{before} ({}) {after}", placeholders(chunk.len()));
            let query = sqlx::query_as(AssertSqlSafe(sql));
            let query = chunk.iter().fold(query, |query, id| query.bind(id));
            rows.extend(query.fetch_all(&mut self.connection).await?);
        }
        Ok(rows)
    }

    async fn migrate_locked(&mut self) -> sqlx::Result<()> {
        self.run(
            "CREATE TABLE IF NOT EXISTS donet_schema (version INTEGER NOT NULL) ENGINE InnoDB",
        )
        .await?;
        let sql = "SELECT CAST(coalesce(max(version), 0) AS SIGNED) FROM donet_schema";
        let version: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        for (index, migration) in (version + 1..).zip(pending(SCHEMA, version)?) {
            self.run(*migration).await?;
            sqlx::query("INSERT INTO donet_schema VALUES (?)")
                .bind(index)
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
    }
}

impl Session for MySqlSession {
    type Options = MySqlOptions;

    const ANSWER_LIMIT: Option<Duration> = Some(Duration::from_secs(10));
    const TRUSTED_FOR: Duration = Duration::from_secs(1);
    const IS_REMOTE: bool = true;
    const BEGIN: &'static str = "START TRANSACTION";
    /// What is read is locked.
    const LOCK_OUT: &'static str = "DO 0";
    const OR_UPDATE: &'static str = "ON DUPLICATE KEY UPDATE";

    fn describe(options: &MySqlOptions) -> String {
        let MySqlOptions { connect, kind } = options;
        let database = connect.get_database().unwrap_or_default();
        format!("the {kind} database {database} at {}:{}", connect.get_host(), connect.get_port())
    }

    async fn open(options: &MySqlOptions) -> sqlx::Result<Self> {
        let connection = options.connect.clone().disable_statement_logging().connect().await?;
        let mut session = MySqlSession { connection, id: None };
        // Others' commits are seen between statements, and gaps between ids are not locked. What somebody has
        // locked, who may be lost, is not waited for too long.
        session
            .run(
                "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
                 SET SESSION innodb_lock_wait_timeout = 2",
            )
            .await?;
        session.id = session.number("SELECT CAST(connection_id() AS SIGNED)".to_owned()).await?;
        Ok(session)
    }

    async fn test(&mut self) -> sqlx::Result<()> {
        self.connection.ping().await
    }

    async fn run(&mut self, sql: impl SqlSafeStr + Send) -> sqlx::Result<()> {
        self.connection.execute(sqlx::raw_sql(sql)).await?;
        Ok(())
    }

    async fn number(&mut self, sql: String) -> sqlx::Result<Option<i64>> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        rows.first().map(|row| row.try_get(0)).transpose()
    }

    async fn run_marked(&mut self, sql: String) -> sqlx::Result<Option<i64>> {
        self.run(AssertSqlSafe(sql)).await?;
        Ok(self.id)
    }

    async fn end_other(&mut self, holder: i64) -> sqlx::Result<()> {
        self.run(AssertSqlSafe(format!("KILL {holder}"))).await
    }

    async fn migrate(&mut self) -> sqlx::Result<()> {
        let sql = "SELECT CAST(coalesce(get_lock('donet_schema', 60), 0) AS SIGNED)";
        let locked: i64 = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        if locked != 1 {
            return Err(sqlx::Error::PoolTimedOut);
        }
        self.migrate_locked().await?;
        self.run("DO release_lock('donet_schema')").await
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
        let rows = sqlx::query_as(CATALOG).fetch_all(&mut self.connection).await?;
        Ok(catalog_rows(rows))
    }

    async fn note(&mut self, amendment: &Amendment) -> sqlx::Result<()> {
        for class in &amendment.classes {
            sqlx::query("INSERT IGNORE INTO donet_class (name) VALUES (?)")
                .bind(class)
                .execute(&mut self.connection)
                .await?;
        }
        for (class, name, type_text) in &amendment.fields {
            let sql = "INSERT IGNORE INTO donet_field (class_id, name, type) \
                       SELECT id, ?, ? FROM donet_class WHERE name = ?";
            sqlx::query(sql)
                .bind(name)
                .bind(type_text)
                .bind(class)
                .execute(&mut self.connection)
                .await?;
        }
        for change in &amendment.changed {
            sqlx::query("UPDATE donet_field SET type = ? WHERE id = ?")
                .bind(&change.current)
                .bind(change.field)
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
    }

    async fn rename(&mut self, table: &'static str, number: i32, name: &str) -> sqlx::Result<()> {
        let sql = AssertSqlSafe(format!("UPDATE {table} SET name = ? WHERE id = ?"));
        sqlx::query(sql).bind(name).bind(number).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn others(&mut self, _options: &MySqlOptions) -> sqlx::Result<Option<String>> {
        let sql = "SELECT CAST(COUNT(*) AS SIGNED) FROM information_schema.processlist \
                   WHERE db = DATABASE() AND id <> CONNECTION_ID()";
        Ok(sessions(self.number(sql.to_owned()).await?))
    }

    async fn lock(&mut self, objects: &[i64]) -> sqlx::Result<Heads> {
        let sql = "SELECT id, coalesce(class_id, -2147483648) FROM donet_object WHERE id IN";
        self.select(sql, objects, "ORDER BY id FOR UPDATE").await
    }

    async fn values(&mut self, objects: &[i64]) -> sqlx::Result<StoredValues> {
        let sql = "SELECT object_id, field_id, value FROM donet_value WHERE object_id IN";
        self.select(sql, objects, "").await
    }

    async fn snapshot(&mut self, objects: &[i64]) -> sqlx::Result<(Heads, StoredValues)> {
        let sql = "SELECT o.id, coalesce(o.class_id, -2147483648), v.field_id, v.value FROM donet_object o \
                   LEFT JOIN donet_value v ON v.object_id = o.id WHERE o.id IN";
        Ok(split_snapshot(self.select(sql, objects, "").await?))
    }

    async fn write(&mut self, changes: &Changes) -> sqlx::Result<()> {
        for sql in
            ["DELETE FROM donet_value WHERE object_id IN", "DELETE FROM donet_object WHERE id IN"]
        {
            self.for_ids(sql, &changes.deleted).await?;
        }
        for (object, field) in &changes.removed {
            sqlx::query("DELETE FROM donet_value WHERE object_id = ? AND field_id = ?")
                .bind(object)
                .bind(field)
                .execute(&mut self.connection)
                .await?;
        }
        let objects = Rows::new("INSERT INTO donet_object (id, class_id) VALUES", 2, "");
        self.for_rows(objects, &changes.objects, |query, (id, class)| query.bind(id).bind(class))
            .await?;
        let values = Rows::new(
            "INSERT INTO donet_value (object_id, field_id, value, text) VALUES",
            4,
            " ON DUPLICATE KEY UPDATE value = VALUES(value), text = VALUES(text)",
        );
        self.for_rows(values, &changes.values, |query, (object, field, value, text)| {
            query.bind(object).bind(field).bind(&value[..]).bind(text)
        })
        .await?;
        self.for_ids("DELETE FROM donet_free WHERE id IN", &changes.taken).await?;
        let freed = Rows::new("INSERT INTO donet_free (id) VALUES", 1, "");
        self.for_rows(freed, &changes.freed, |query, id| query.bind(id)).await
    }

    async fn show(&mut self, texts: &[(i64, i32, String)]) -> sqlx::Result<()> {
        let sql = "UPDATE donet_value SET text = ? \
                   WHERE object_id = ? AND field_id = ? AND text IS NULL";
        for (object, field, text) in texts {
            let query = sqlx::query(sql).bind(text).bind(object).bind(field);
            query.execute(&mut self.connection).await?;
        }
        Ok(())
    }

    async fn highest(&mut self, min: i64, max: i64) -> sqlx::Result<Option<i64>> {
        let sql = "SELECT max(id) FROM (\
                   SELECT max(id) AS id FROM donet_object WHERE id BETWEEN ? AND ? UNION ALL \
                   SELECT max(id) AS id FROM donet_given WHERE id BETWEEN ? AND ? UNION ALL \
                   SELECT max(id) AS id FROM donet_free WHERE id BETWEEN ? AND ?) AS all_tables";
        let bounds = [min, max, min, max, min, max];
        let query = bounds.iter().fold(sqlx::query_scalar(sql), |query, bound| query.bind(bound));
        query.fetch_one(&mut self.connection).await
    }

    async fn free(
        &mut self,
        min: i64,
        max: i64,
        count: i64,
        keeps: bool,
    ) -> sqlx::Result<Vec<i64>> {
        let sql = match keeps {
            true => {
                "SELECT id FROM donet_free WHERE id BETWEEN ? AND ? ORDER BY seq LIMIT ? FOR UPDATE"
            }
            false => "SELECT id FROM donet_free WHERE id BETWEEN ? AND ? ORDER BY seq LIMIT ?",
        };
        let query = sqlx::query_scalar(sql).bind(min).bind(max).bind(count);
        query.fetch_all(&mut self.connection).await
    }

    async fn count(&mut self) -> sqlx::Result<i64> {
        let sql = "SELECT count(*) FROM donet_object";
        sqlx::query_scalar(sql).fetch_one(&mut self.connection).await
    }

    async fn object_ids(&mut self, after: i64, limit: i64) -> sqlx::Result<Vec<i64>> {
        let sql = "SELECT id FROM donet_object WHERE id > ? ORDER BY id LIMIT ?";
        let query = sqlx::query_scalar(sql).bind(after).bind(limit);
        query.fetch_all(&mut self.connection).await
    }

    async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "MySQL connection did not close in good order");
        }
    }

    fn classify(error: &sqlx::Error) -> SqlError {
        if let sqlx::Error::Database(database) = error
            && let Some(error) = database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        {
            let why = error.to_string().into();
            return match error.number() {
                // lock wait timeout, deadlock, duplicate key
                1205 | 1213 | 1062 => SqlError::Conflict(why),
                // no access to the database, access denied, unknown database
                1044 | 1045 | 1049 => refused_login(error.message()),
                // table or disk full
                1114 | 1021 => SqlError::Unwritable(why),
                // too many connections, shutdown, killed; read-only: another server may have become the one to
                // write to
                1040 | 1053 | 1317 | 1927 | 1290 | 1792 => SqlError::Unavailable(why),
                _ => SqlError::Rejected(why),
            };
        }
        classify(error, |_| SqlError::Rejected)
    }
}

impl Server for MySqlSession {
    const VERSION: i64 = SCHEMA.len() as i64;
    const CURRENT_SCHEMA: &'static str = "database()";
    const KEYS: &'static str = "\
        SELECT CONCAT(table_name, ' (', GROUP_CONCAT(column_name ORDER BY column_name SEPARATOR ', '), ')') \
        FROM information_schema.statistics \
        WHERE table_schema = database() AND table_name LIKE 'donet%' AND non_unique = 0 \
        GROUP BY table_name, index_name";

    async fn version(&mut self) -> sqlx::Result<i64> {
        let is_there = "SELECT CAST(count(*) AS SIGNED) FROM information_schema.tables \
                        WHERE table_schema = database() AND table_name = 'donet_schema'";
        if self.number(is_there.to_owned()).await? != Some(1) {
            return Ok(0);
        }
        let version = "SELECT CAST(coalesce(max(version), 0) AS SIGNED) FROM donet_schema";
        Ok(self.number(version.to_owned()).await?.unwrap_or_default())
    }

    async fn only_read(&mut self) -> sqlx::Result<()> {
        self.run("SET SESSION TRANSACTION READ ONLY").await
    }

    async fn texts(&mut self, sql: String) -> sqlx::Result<Vec<String>> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    }
}
