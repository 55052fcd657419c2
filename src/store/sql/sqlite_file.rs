//! The file of a SQLite database: made for its owner alone, and watched while it is open.
//!
//! On Unix a file that is deleted lives on for those who have it open. What is written into it then is lost when
//! they close it, so the daemon looks at the path before each commit. As long as it has the file open nothing is
//! lost yet: what was deleted is put back. A file that somebody has put in its place is left alone, and not used
//! before the next start, since the daemon knows of classes and ids from the old one.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};
use tokio::sync::Mutex;
use tracing::{debug, error, info, warn};

use super::in_words;
use crate::platform;
use crate::store::files::{self, Identity};

/// How long to wait for another process that is writing.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// The same, in milliseconds, for moving a log that is lost. That is tried again and again.
const MOVING_PATIENCE_MS: u32 = 200;
/// What is said of a file of no bytes, as a disk that was full may leave one: everybody says the same.
pub const EMPTY: &str = "the file of the database is there, but empty: it is taken for a new one; if it had objects, end donet, \
                         and put a backup in its place";
/// Behind the name of a file that is being put back.
const TEMPORARY: &str = ".donet-new";

/// Where a SQLite database is.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    path: PathBuf,
    /// The mode of a new file. SQLite gives those beside it the same.
    mode: u32,
    used: Arc<Mutex<Used>>,
}

/// What has become of the file since the start.
#[derive(Debug, Default)]
struct Used {
    /// The file that was opened at the start.
    first: Option<Metadata>,
    /// A connection to it, if it is not where it was, or one of those beside it is not.
    lost: Option<Lost>,
}

/// A connection that sees more than whoever opens the file anew.
#[derive(Debug)]
struct Lost {
    connection: SqliteConnection,
    /// What has become of which file.
    why: String,
    /// Whether it was one of those beside the database, which itself was where it should be.
    is_beside: bool,
}

/// The files of a connection, by which those who use it know them again.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The database itself, the log of what is yet to be written into it, and its index.
    files: [(PathBuf, Identity); 3],
}

impl Opened {
    /// # Errors
    /// If one of them is not there.
    fn at(path: &Path) -> io::Result<Self> {
        let file = |suffix| {
            let path = beside(path, suffix);
            let identity = Identity::at(&path)?.ok_or_else(|| gone(&path, "is not there"))?;
            io::Result::Ok((path, identity))
        };
        Ok(Opened { files: [file("")?, file("-wal")?, file("-shm")?] })
    }

    /// Looks whether the files are where they were.
    ///
    /// # Errors
    /// If one of them is not.
    pub fn check(&self) -> sqlx::Result<()> {
        for (path, opened) in &self.files {
            match Identity::at(path)? {
                Some(identity) if identity == *opened => {}
                Some(_) => return Err(gone(path, "was replaced while it is in use").into()),
                None => return Err(gone(path, "was deleted while it is in use").into()),
            }
        }
        Ok(())
    }
}

fn gone(path: &Path, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("{} {what}", path.display()))
}

/// One of the files that SQLite has beside that of a database.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What SQLite says of a file that it cannot open. It has no words for a disk without room for the files beside it.
pub fn not_opened(path: &Path, error: sqlx::Error) -> sqlx::Error {
    /// What the smallest of those needs.
    const ROOM: u64 = 32 << 10;
    let sqlx::Error::Database(found) = &error else { return error };
    if !is_io(found.code().as_deref()) {
        return error;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if platform::files::room_left(folder).is_none_or(|left| left >= ROOM) {
        return error;
    }
    let why = format!("{}: no room is left in {}", in_words(&error), folder.display());
    io::Error::new(io::ErrorKind::StorageFull, why).into()
}

/// Whether this is a SQLITE_IOERR, but for that of a file that ends too early, which is damaged.
fn is_io(code: Option<&str>) -> bool {
    const IO: i32 = 10;
    const SHORT_READ: i32 = 522;
    let code = code.and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == IO && code != SHORT_READ)
}

impl fmt::Display for SqliteFile {
    /// What it is called in messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the SQLite database {}", self.path.display())
    }
}

impl SqliteFile {
    /// A file that may be there or not. If not, it gets this mode. If it is a link, it is what that leads to: SQLite has
    /// its other files beside that.
    pub fn new(path: PathBuf, mode: u32) -> Self {
        let path = path.canonicalize().unwrap_or(path);
        SqliteFile { path, mode, used: Arc::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is there, but without anything in it or in its log.
    pub fn is_empty(&self) -> bool {
        let found = files::metadata_at(&self.path);
        let is_empty = found.is_ok_and(|found| found.is_some_and(|file| file.len() == 0));
        is_empty && !beside(&self.path, "-wal").exists()
    }

    /// Another process that has the file open. SQLite keeps a lock on a part of it for as long as it reads and writes
    /// ahead.
    ///
    /// # Errors
    /// What the system says.
    pub fn other_user(&self) -> io::Result<Option<i32>> {
        /// Bytes that everybody locks who has the file open, far behind what may be in it.
        const SHARED: (u64, u64) = (0x4000_0002, 510);
        let file = std::fs::File::open(&self.path)?;
        let found = platform::files::lock_holder(&file, SHARED.0, SHARED.1)?;
        // To close any descriptor of a file gives up all locks that the process has on it, SQLite's as well.
        std::mem::forget(file);
        Ok(found)
    }

    /// Opens the file. The first time it is made if it is not there, later it is the same file or none.
    ///
    /// # Errors
    /// What the database or the system says.
    pub async fn connect(&self) -> sqlx::Result<(SqliteConnection, Opened)> {
        let mut used = self.used.lock().await;
        let now = files::metadata_at(&self.path)?;
        match (&used.first, now) {
            // SQLite would wait for a pipe. It is not opened for that: to close it again gives up locks.
            (None, Some(now)) if !now.is_file() => {
                // Nor does it become one when it is tried again.
                return Err(sqlx::Error::Configuration("it is no regular file".into()));
            }
            (None, Some(_)) if self.is_empty() => warn!(store = %self, "{EMPTY}"),
            (None, Some(_)) => {}
            (None, None) => drop(files::open_or_create(&self.path, self.mode)?),
            (Some(first), Some(now)) if Identity::of(first) == Identity::of(&now) => {
                self.complete(&mut used).await?;
            }
            (Some(_), Some(_)) => {
                let what = "was replaced while it was in use: put the old file back, which alone has all that was \
                            acknowledged, or start donet again to use this one";
                return Err(gone(&self.path, what).into());
            }
            (Some(_), None) => {
                self.put_back(&mut used).await.map_err(|error| self.not_put_back(error))?;
            }
        }
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let connected = async {
            let mut connection = options.connect().await?;
            // Only the first use of a file makes those beside it.
            sqlx::raw_sql("SELECT count(*) FROM sqlite_master").execute(&mut connection).await?;
            Ok(connection)
        };
        let connection = connected.await.map_err(|error| not_opened(&self.path, error))?;
        let opened = Opened::at(&self.path)?;
        used.first = Some(std::fs::metadata(&self.path)?);
        // All that it saw is in the file that took its place.
        used.lost = None;
        Ok((connection, opened))
    }

    /// Writes what the last connection to a deleted file sees into a new one at the same place.
    async fn put_back(&self, used: &mut Used) -> sqlx::Result<()> {
        let (Some(first), Some(lost)) = (&used.first, &mut used.lost) else {
            return Err(gone(&self.path, "was deleted, and nobody has it open").into());
        };
        let temporary = beside(&self.path, TEMPORARY);
        // SQLite writes into an empty file, which has the right owner already.
        let file = files::create_in_place_of(Some(first), &temporary, self.mode)?;
        let name = temporary.to_string_lossy().replace('\'', "''");
        let vacuum = AssertSqlSafe(format!("VACUUM INTO '{name}'"));
        let written = sqlx::raw_sql(vacuum).execute(&mut lost.connection).await;
        let placed = written.and_then(|_| {
            file.sync_all()?;
            // They belong to what was deleted. SQLite would read the pages in the old log into the new file.
            for suffix in ["-wal", "-shm"] {
                files::remove_if_there(&beside(&self.path, suffix))?;
            }
            std::fs::rename(&temporary, &self.path)?;
            let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
            platform::files::sync_folder(directory.unwrap_or(Path::new(".")))?;
            Ok(())
        });
        if let Err(error) = placed {
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
        used.first = Some(file.metadata()?);
        error!(
            store = %self,
            "the file of the database was deleted while it is in use; it has been put back with all that was acknowledged"
        );
        Ok(())
    }

    /// Says which file it is that the system speaks of.
    fn not_put_back(&self, error: sqlx::Error) -> sqlx::Error {
        match error {
            sqlx::Error::Io(error) if error.raw_os_error().is_some() => {
                let what =
                    format!("was deleted while it is in use, and cannot be put back: {error}");
                gone(&self.path, &what).into()
            }
            error => error,
        }
    }

    /// Takes a connection that is not used any more, and keeps it if the file is not where it was.
    pub async fn keep_if_lost(&self, connection: SqliteConnection, opened: &Opened) {
        let mut used = self.used.lock().await;
        let Err(why) = opened.check() else {
            return;
        };
        let is_there = Identity::at(&self.path).is_ok_and(|now| now == Some(opened.files[0].1));
        used.lost = Some(Lost { connection, why: in_words(&why), is_beside: is_there });
        if is_there && let Err(error) = self.complete(&mut used).await {
            // Whoever connects tries again.
            debug!(%error, "not yet");
        }
    }

    /// Closes a connection whose log or index is not where it was, after moving everything into the file itself.
    ///
    /// # Errors
    /// If not everything could be moved. The connection is kept then.
    async fn complete(&self, used: &mut Used) -> sqlx::Result<()> {
        let Some(lost) = &mut used.lost else {
            return Ok(());
        };
        let patience = format!("PRAGMA busy_timeout = {MOVING_PATIENCE_MS}");
        sqlx::raw_sql(AssertSqlSafe(patience)).execute(&mut lost.connection).await?;
        let checkpoint = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)");
        let done = checkpoint.fetch_one(&mut lost.connection).await;
        // Somebody who reads may keep it from going all the way, which is not an error.
        let is_busy = done.and_then(|row| row.try_get::<i64, _>(0));
        let not_moved = match is_busy {
            Ok(0) => None,
            Ok(_) => Some("another process uses it".to_owned()),
            Err(error) => Some(in_words(&error)),
        };
        if let Some(error) = not_moved {
            let why = &lost.why;
            let what =
                format!("has not all that was acknowledged, since {why}; moving it: {error}");
            return Err(gone(&self.path, &what).into());
        }
        if let Some(Lost { connection, why, is_beside }) = used.lost.take() {
            if is_beside {
                error!(
                    store = %self,
                    why,
                    "a file beside the database is gone; all that was acknowledged has been moved into the database itself"
                );
            } else {
                info!(
                    store = %self,
                    "the database is where it was again; nothing that was acknowledged is missing"
                );
            }
            // Nothing is left that could be lost.
            let _ = connection.close().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Level;
    use crate::telemetry::testing::Caught;

    #[tokio::test]
    async fn a_database_that_was_put_back_is_no_file_that_is_gone() {
        let log = Caught::from(Level::Info);
        let directory = tempfile::tempdir().expect("a directory");
        let file = SqliteFile::new(directory.path().join("objects.sqlite"), 0o600);
        let (connection, opened) = file.connect().await.expect("opened");
        let away = beside(&file.path, ".away");
        std::fs::rename(&file.path, &away).expect("moved");
        std::fs::write(&file.path, "").expect("written");
        file.keep_if_lost(connection, &opened).await;
        file.connect().await.expect_err("it is another");
        std::fs::rename(&away, &file.path).expect("moved");
        file.connect().await.expect("it is back");
        let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
        assert!(line.starts_with("INFO: ") && line.contains("is where it was again"), "{line}");
        assert!(line.ends_with(&format!(" store=\"{file}\"")), "{line}");
    }

    #[tokio::test]
    async fn a_database_whose_folder_is_gone_is_named_with_its_path() {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path().join("world");
        std::fs::create_dir(&folder).expect("made");
        let file = SqliteFile::new(folder.join("objects.sqlite"), 0o600);
        let (connection, opened) = file.connect().await.expect("opened");
        std::fs::remove_dir_all(&folder).expect("deleted");
        file.keep_if_lost(connection, &opened).await;
        let error = in_words(&file.connect().await.expect_err("there is no place for it"));
        let path = file.path.display();
        let expected =
            format!("{path} was deleted while it is in use, and cannot be put back: No such file");
        assert!(error.starts_with(&expected), "{error}");
    }

    #[tokio::test]
    async fn a_deleted_log_that_somebody_reads_is_kept_until_it_can_be_moved() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = SqliteFile::new(directory.path().join("objects.sqlite"), 0o600);
        let (mut connection, opened) = file.connect().await.expect("opened");
        let (mut reader, _) = file.connect().await.expect("opened");
        let run = async |connection: &mut SqliteConnection, sql: &'static str| {
            sqlx::raw_sql(sql).execute(connection).await.expect("done");
        };
        run(&mut connection, "CREATE TABLE test (a); INSERT INTO test VALUES (7)").await;
        run(&mut reader, "BEGIN; SELECT a FROM test").await;
        run(&mut connection, "UPDATE test SET a = 8").await;
        std::fs::remove_file(beside(&file.path, "-wal")).expect("deleted");
        file.keep_if_lost(connection, &opened).await;
        let refused = file.connect().await.expect_err("not all is in the file").to_string();
        assert!(refused.contains("another process uses it"), "{refused}");
        run(&mut reader, "COMMIT").await;
        let (mut connection, _) = file.connect().await.expect("it is moved");
        let value = sqlx::query_scalar::<_, i64>("SELECT a FROM test").fetch_one(&mut connection);
        assert_eq!(value.await.expect("it can be read"), 8);
    }
}
