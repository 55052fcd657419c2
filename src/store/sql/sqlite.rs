//! SQLite: one file, in write-ahead mode, durable at every commit.

use std::path::PathBuf;
use std::time::Duration;

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, Row as _, SqlSafeStr};

use super::catalog::Amendment;
use super::faults::{alterations, faults, losses};
use super::look;
use super::salvage::{Salvaged, unlisted};
use super::session::{
    CatalogRow, Changes, Heads, NO_NUMBER, Session, SqlError, StoredValues, classify,
};
use super::sqlite_file::{Opened, SqliteFile, beside};
use super::statement::{Rows, chunks, pending, split_snapshot};
use super::tables;
use crate::store::OpenError;

/// Rows in one statement. The largest statement of four columns stays well below SQLite's limit of
/// parameters.
const ROWS_MAX: usize = 512;

pub(super) const SCHEMA: &[&str] = &[
    "
    CREATE TABLE donet_schema (version INTEGER NOT NULL);
    INSERT INTO donet_schema VALUES (0);
    CREATE TABLE donet_class (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );
    CREATE TABLE donet_field (
        id INTEGER PRIMARY KEY,
        class_id INTEGER NOT NULL REFERENCES donet_class (id),
        name TEXT NOT NULL,
        type TEXT NOT NULL,
        UNIQUE (class_id, name)
    );
    CREATE TABLE donet_object (
        id INTEGER PRIMARY KEY,
        class_id INTEGER NOT NULL
    );
    CREATE TABLE donet_value (
        object_id INTEGER NOT NULL,
        field_id INTEGER NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (object_id, field_id)
    ) WITHOUT ROWID;
    CREATE TABLE donet_free (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id INTEGER NOT NULL UNIQUE
    );
    CREATE VIEW donet_content AS
        SELECT o.id AS object, c.name AS class, f.name AS field, f.type AS type, v.value AS value
        FROM donet_object o
        JOIN donet_class c ON c.id = o.class_id
        LEFT JOIN donet_value v ON v.object_id = o.id
        LEFT JOIN donet_field f ON f.id = v.field_id;
",
    // The marker says that there may be values without a text.
    "
    CREATE TABLE donet_given (id INTEGER PRIMARY KEY);
    CREATE TABLE donet_unshown (id INTEGER PRIMARY KEY);
    INSERT INTO donet_unshown VALUES (1);
    ALTER TABLE donet_value ADD COLUMN text TEXT;
    DROP VIEW donet_content;
    CREATE VIEW donet_content AS
        SELECT o.id AS object, c.name AS class, f.name AS field, f.type AS type, v.text AS value
        FROM donet_object o
        JOIN donet_class c ON c.id = o.class_id
        LEFT JOIN donet_value v ON v.object_id = o.id
        LEFT JOIN donet_field f ON f.id = v.field_id;
",
];

/// A connection to a SQLite file.
pub struct SqliteSession {
    connection: SqliteConnection,
    files: Files,
}

/// The files of a connection.
enum Files {
    Opened(Opened),
    /// Only looked at, such as nobody keeps others from changing them.
    Unguarded(PathBuf),
    /// Only looked at.
    Guarded,
}

impl Files {
    fn check(&self) -> sqlx::Result<()> {
        match self {
            Files::Opened(opened) => opened.check(),
            // One without anything in it, as a start leaves it for which there is no room, changes nothing.
            Files::Unguarded(log) if std::fs::metadata(log).is_ok_and(|log| log.len() > 0) => {
                let why = "it was taken into use while it was read: give the command again";
                Err(sqlx::Error::Configuration(why.into()))
            }
            Files::Unguarded(_) | Files::Guarded => Ok(()),
        }
    }
}

/// Object, class, and a field with its value, with numbers as SQLite has them.
type StoredRow = (i64, i64, Option<i64>, Option<Vec<u8>>);
/// Number and name of a class.
pub(super) type ClassRow = (i64, Vec<u8>);
/// A field: number, class, name, type.
pub(super) type FieldRow = (i64, Option<i64>, Vec<u8>, Vec<u8>);
type JoinedRow = (i64, Vec<u8>, Option<i64>, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);
type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl SqliteSession {
    /// Connects to read, and only that: nothing is made or changed. Where no tables are there are none with anything in
    /// them; and whether there are any.
    ///
    /// # Errors
    /// If it is not there, or is damaged; what the database says.
    pub async fn look(file: &SqliteFile) -> Result<(Self, bool), OpenError> {
        let failed = |error| unlisted(format!("cannot open {file}"), error);
        let (mut connection, is_unguarded) = look::connect(file.path()).await.map_err(failed)?;
        let version = tables::version(&mut connection, &file.to_string(), true).await?;
        let files = match is_unguarded {
            true => Files::Unguarded(beside(file.path(), "-wal")),
            false => Files::Guarded,
        };
        let mut session = SqliteSession { connection, files };
        let made = async {
            // What an earlier version has not is empty.
            match version {
                0 => {
                    let memory = SqliteConnectOptions::new().in_memory(true).connect().await?;
                    std::mem::replace(&mut session.connection, memory).close().await?;
                    session.migrate().await
                }
                1 => session.run("CREATE TEMP TABLE donet_given (id INTEGER PRIMARY KEY)").await,
                _ => Ok(()),
            }
        };
        made.await.map_err(failed)?;
        Ok((session, version > 0))
    }

    /// Runs a statement for all `items`, many at a time.
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
}

impl Session for SqliteSession {
    type Options = SqliteFile;

    /// A disk may be slow, but nobody else has the file: a new session would be no better.
    const ANSWER_LIMIT: Option<Duration> = None;
    /// To look whether the file is still there costs next to nothing.
    const TRUSTED_FOR: Duration = Duration::ZERO;
    const IS_REMOTE: bool = false;
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    /// A transaction has the whole file.
    const LOCK_OUT: &'static str = "SELECT 1";
    const OR_UPDATE: &'static str = "";

    fn describe(file: &SqliteFile) -> String {
        file.to_string()
    }

    async fn open(file: &SqliteFile) -> sqlx::Result<Self> {
        let (connection, opened) = file.connect().await?;
        Ok(SqliteSession { connection, files: Files::Opened(opened) })
    }

    async fn test(&mut self) -> sqlx::Result<()> {
        self.files.check()
    }

    async fn run(&mut self, sql: impl SqlSafeStr + Send) -> sqlx::Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    async fn number(&mut self, sql: String) -> sqlx::Result<Option<i64>> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await?;
        rows.first().map(|row| row.try_get(0)).transpose()
    }

    async fn run_marked(&mut self, _sql: String) -> sqlx::Result<Option<i64>> {
        unreachable!("a file has no marks")
    }

    async fn end_other(&mut self, _holder: i64) -> sqlx::Result<()> {
        Ok(())
    }

    async fn rollback(&mut self) -> sqlx::Result<()> {
        match self.run("ROLLBACK").await {
            // SQLite has done it by itself.
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("1") => Ok(()),
            done => done,
        }
    }

    /// Moves what is in the log into the database, whose file may have room where the log's has none: a limit on the size
    /// of files is one for each.
    async fn make_room(&mut self) -> bool {
        let checkpoint = sqlx::raw_sql("PRAGMA wal_checkpoint(FULL)");
        let moved = checkpoint.fetch_one(&mut self.connection).await;
        // Whether somebody was in the way, and how many pages the log had.
        let moved =
            moved.and_then(|row| Ok((row.try_get::<i64, _>(0)?, row.try_get::<i64, _>(1)?)));
        let is_moved = matches!(moved, Ok((0, 1..)));
        is_moved && self.run("PRAGMA wal_checkpoint(TRUNCATE)").await.is_ok()
    }

    async fn check_tables(&mut self, name: &str) -> Result<(), OpenError> {
        tables::version(&mut self.connection, name, false).await.map(drop)
    }

    async fn faults(&mut self, meets: bool) -> sqlx::Result<Vec<String>> {
        faults(&mut self.connection, meets).await
    }

    async fn losses(&mut self) -> sqlx::Result<Vec<String>> {
        losses(&mut self.connection).await
    }

    async fn alterations(&mut self) -> sqlx::Result<Vec<String>> {
        alterations(&mut self.connection).await
    }

    async fn migrate(&mut self) -> sqlx::Result<()> {
        self.begin().await?;
        let count = "SELECT count(*) FROM sqlite_master WHERE name = 'donet_schema'";
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut self.connection).await?;
        let mut version = 0;
        if count > 0 {
            let sql = "SELECT version FROM donet_schema";
            version = sqlx::query_scalar(sql).fetch_one(&mut self.connection).await?;
        }
        for migration in pending(SCHEMA, version)? {
            self.run(*migration).await?;
        }
        sqlx::query("UPDATE donet_schema SET version = ?")
            .bind(SCHEMA.len() as i64)
            .execute(&mut self.connection)
            .await?;
        self.commit().await
    }

    async fn salvage(&mut self) -> sqlx::Result<Salvaged> {
        Salvaged::of(&mut self.connection).await
    }

    async fn catalog(&mut self) -> sqlx::Result<Vec<CatalogRow>> {
        catalog(&mut self.connection).await
    }

    async fn note(&mut self, amendment: &Amendment) -> sqlx::Result<()> {
        for class in &amendment.classes {
            sqlx::query("INSERT OR IGNORE INTO donet_class (name) VALUES (?)")
                .bind(class)
                .execute(&mut self.connection)
                .await?;
        }
        for (class, name, type_text) in &amendment.fields {
            let sql = "INSERT OR IGNORE INTO donet_field (class_id, name, type) \
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

    async fn others(&mut self, file: &SqliteFile) -> sqlx::Result<Option<String>> {
        let user = file.other_user()?;
        Ok(user.map(|pid| format!("process {pid}")))
    }

    async fn lock(&mut self, objects: &[i64]) -> sqlx::Result<Heads> {
        // The transaction has the whole file.
        let class = whole("class_id");
        let sql = AssertSqlSafe(format!(
            "SELECT id, {class} FROM donet_object WHERE id IN (SELECT value FROM json_each(?))"
        ));
        let query = sqlx::query_as(sql).bind(json(objects));
        let rows: Vec<(i64, i64)> = query.fetch_all(&mut self.connection).await?;
        Ok(rows.into_iter().map(|(id, class)| (id, number(class))).collect())
    }

    async fn values(&mut self, objects: &[i64]) -> sqlx::Result<StoredValues> {
        let field = whole("field_id");
        let sql = AssertSqlSafe(format!(
            "SELECT object_id, {field}, {BYTES} FROM donet_value \
             WHERE object_id IN (SELECT value FROM json_each(?))"
        ));
        let query = sqlx::query_as(sql).bind(json(objects));
        let rows: Vec<(i64, i64, Option<Vec<u8>>)> = query.fetch_all(&mut self.connection).await?;
        Ok(rows.into_iter().map(|(id, field, value)| (id, number(field), value)).collect())
    }

    async fn snapshot(&mut self, objects: &[i64]) -> sqlx::Result<(Heads, StoredValues)> {
        let (class, field) = (whole("class_id"), whole("field_id"));
        let sql = AssertSqlSafe(format!(
            "SELECT o.id, {class}, {field}, {BYTES} FROM donet_object o \
             LEFT JOIN donet_value v ON v.object_id = o.id \
             WHERE o.id IN (SELECT value FROM json_each(?))"
        ));
        let query = sqlx::query_as(sql).bind(json(objects));
        let rows: Vec<StoredRow> = query.fetch_all(&mut self.connection).await?;
        self.files.check()?;
        let row =
            |(id, class, field, value)| (id, number(class), Option::map(field, number), value);
        Ok(split_snapshot(rows.into_iter().map(row).collect()))
    }

    async fn write(&mut self, changes: &Changes) -> sqlx::Result<()> {
        if !changes.deleted.is_empty() {
            for sql in [
                "DELETE FROM donet_value WHERE object_id IN (SELECT value FROM json_each(?))",
                "DELETE FROM donet_object WHERE id IN (SELECT value FROM json_each(?))",
            ] {
                let ids = json(&changes.deleted);
                sqlx::query(sql).bind(ids).execute(&mut self.connection).await?;
            }
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
            "INSERT OR REPLACE INTO donet_value (object_id, field_id, value, text) VALUES",
            4,
            "",
        );
        self.for_rows(values, &changes.values, |query, (object, field, value, text)| {
            query.bind(object).bind(field).bind(&value[..]).bind(text)
        })
        .await?;
        if !changes.taken.is_empty() {
            sqlx::query("DELETE FROM donet_free WHERE id IN (SELECT value FROM json_each(?))")
                .bind(json(&changes.taken))
                .execute(&mut self.connection)
                .await?;
        }
        let freed = Rows::new("INSERT INTO donet_free (id) VALUES", 1, "");
        self.for_rows(freed, &changes.freed, |query, id| query.bind(id)).await?;
        // What would be committed into a file that nobody finds any more would be lost.
        self.files.check()
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
                   SELECT max(id) AS id FROM donet_object WHERE id BETWEEN ?1 AND ?2 UNION ALL \
                   SELECT max(id) AS id FROM donet_given WHERE id BETWEEN ?1 AND ?2 UNION ALL \
                   SELECT max(id) AS id FROM donet_free WHERE id BETWEEN ?1 AND ?2)";
        sqlx::query_scalar(sql).bind(min).bind(max).fetch_one(&mut self.connection).await
    }

    async fn free(
        &mut self,
        min: i64,
        max: i64,
        count: i64,
        _keeps: bool,
    ) -> sqlx::Result<Vec<i64>> {
        let sql = "SELECT id FROM donet_free WHERE id BETWEEN ? AND ? ORDER BY seq LIMIT ?";
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

    /// If the file is gone, this session is all that is left of it.
    async fn discard(mut self, file: &SqliteFile) {
        if self.rollback().await.is_ok() {
            let Files::Opened(opened) = &self.files else { return };
            file.keep_if_lost(self.connection, opened).await;
        }
    }

    async fn close(self) {
        // What was committed is durable whether or not this succeeds.
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "SQLite did not close in good order");
        }
    }

    fn classify(error: &sqlx::Error) -> SqlError {
        /// SQLITE_IOERR_WRITE: a limit on the size of files, say. Nothing of a transaction counts before its last
        /// bytes are written.
        const IOERR_WRITE: i32 = 778;
        classify(error, |code| match code.parse::<i32>() {
            Ok(IOERR_WRITE) => SqlError::Unwritable,
            Ok(code) => match code & 0xff {
                // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_CONSTRAINT
                5 | 6 | 19 => SqlError::Conflict,
                // SQLITE_READONLY, SQLITE_FULL
                8 | 13 => SqlError::Unwritable,
                // SQLITE_IOERR, SQLITE_CANTOPEN
                10 | 14 => SqlError::Unavailable,
                _ => SqlError::Rejected,
            },
            Err(_) => SqlError::Rejected,
        })
    }
}

/// A column of SQLite's takes more than the number of a class or field can be; what is none is that of nothing then, and
/// costs only the object or value that has it.
fn number(stored: i64) -> i32 {
    i32::try_from(stored).unwrap_or(NO_NUMBER)
}

/// The bytes of a value; nothing if its cell is of another type.
const BYTES: &str = "CASE typeof(value) WHEN 'blob' THEN value END";

/// A column that should be a whole number: one that is none costs only what has it.
fn whole(column: &str) -> String {
    format!("CASE WHEN typeof({column}) IN ('integer', 'null') THEN {column} ELSE {NO_NUMBER} END")
}

/// All that a file knows of classes. A name whose cell is of another type than text counts as its text.
///
/// # Errors
/// What the database says.
pub(super) async fn catalog(connection: &mut SqliteConnection) -> sqlx::Result<Vec<CatalogRow>> {
    let sql = "SELECT c.id, CAST(c.name AS BLOB), f.id, f.class_id, CAST(f.name AS BLOB), CAST(f.type AS BLOB) \
               FROM donet_class c LEFT JOIN donet_field f ON f.class_id = c.id";
    let rows: Vec<JoinedRow> = sqlx::query_as(sql).fetch_all(connection).await?;
    let (mut classes, mut fields) = (Vec::new(), Vec::new());
    for (class, class_name, field, of, name, type_text) in rows {
        classes.push((class, class_name));
        if let (Some(field), Some(name), Some(type_text)) = (field, name, type_text) {
            fields.push((field, of, name, type_text));
        }
    }
    Ok(catalog_of(classes, fields))
}

/// What rows of classes and fields say. A number that is none is that of nothing.
pub(super) fn catalog_of(mut classes: Vec<ClassRow>, fields: Vec<FieldRow>) -> Vec<CatalogRow> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    classes.sort();
    classes.dedup_by_key(|(number, _)| *number);
    let mut rows = Vec::new();
    for (class, class_name) in classes {
        let Ok(number) = i32::try_from(class) else { continue };
        let class_name = text(&class_name);
        let own = fields.iter().filter(|(_, of, ..)| *of == Some(class));
        let own = own.filter_map(|(field, _, name, type_text)| {
            Some((i32::try_from(*field).ok()?, text(name), text(type_text)))
        });
        // A class without fields is one, too.
        rows.push(CatalogRow { class: number, class_name: class_name.clone(), field: None });
        rows.extend(own.map(|field| {
            let class_name = class_name.clone();
            CatalogRow { class: number, class_name, field: Some(field) }
        }));
    }
    rows
}

/// Ids as one parameter: a statement of one shape serves any number of them.
fn json(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    format!("[{}]", ids.join(","))
}
