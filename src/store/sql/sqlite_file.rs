//! The file of a SQLite database: made for its owner alone, and watched while it is open.
//!
//! On Unix a file that is deleted lives on for those who have it open. What is written into it then is lost when
//! they close it, so the daemon looks at the path before each commit. As long as it has the file open nothing is
//! lost yet: what was deleted is put back. A file that somebody has put in its place is left alone, and not used
//! before the next start, since the daemon knows of classes and ids from the old one.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::Mutex;
use tracing::{error, warn};

use crate::store::files::{self, Identity};

/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
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
    /// A connection to it, if it is not where it was.
    lost: Option<SqliteConnection>,
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

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl SqliteFile {
    /// A file that may be there or not. If not, it gets this mode.
    pub fn new(path: PathBuf, mode: u32) -> Self {
        SqliteFile { path, mode, used: Arc::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file. The first time it is made if it is not there, later it is the same file or none.
    ///
    /// # Errors
    /// What the database or the system says.
    pub async fn connect(&self) -> sqlx::Result<(SqliteConnection, Opened)> {
        let mut used = self.used.lock().await;
        let now = files::metadata_at(&self.path)?;
        match (&used.first, now) {
            (None, Some(_)) => {}
            (None, None) => drop(files::open_or_create(&self.path, self.mode)?),
            (Some(first), Some(now)) if Identity::of(first) == Identity::of(&now) => {
                if let Some(lost) = used.lost.take() {
                    used.lost = complete(lost).await;
                }
                if used.lost.is_some() {
                    let what = "cannot be used: what was written last is not in it";
                    return Err(gone(&self.path, what).into());
                }
            }
            (Some(_), Some(_)) => {
                let what = "was replaced while it was in use: put the old file back, or start donet again to \
                            use this one";
                return Err(gone(&self.path, what).into());
            }
            (Some(_), None) => self.put_back(&mut used).await?,
        }
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        // Only the first use of a file makes those beside it.
        sqlx::raw_sql("SELECT count(*) FROM sqlite_master").execute(&mut connection).await?;
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
        let written = sqlx::raw_sql(vacuum).execute(lost).await;
        let placed = written.and_then(|_| {
            file.sync_all()?;
            // They belong to what was deleted. SQLite would read the pages in the old log into the new file.
            for suffix in ["-wal", "-shm"] {
                files::remove_if_there(&beside(&self.path, suffix))?;
            }
            std::fs::rename(&temporary, &self.path)?;
            let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
            std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
            Ok(())
        });
        if let Err(error) = placed {
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
        used.first = Some(file.metadata()?);
        error!(
            file = %self.path.display(),
            "the file of the database was deleted while it is in use; it has been put back as it was"
        );
        Ok(())
    }

    /// Takes a connection that is not used any more, and keeps it if the file is not where it was.
    pub async fn keep_if_lost(&self, connection: SqliteConnection, opened: &Opened) {
        let mut used = self.used.lock().await;
        if opened.check().is_err() {
            used.lost = match Identity::at(&self.path) {
                Ok(Some(now)) if now == opened.files[0].1 => complete(connection).await,
                Ok(_) | Err(_) => Some(connection),
            };
        }
    }
}

/// Closes a connection whose log or index is not where it was, after moving everything into the file itself.
/// It is given back if that fails.
async fn complete(mut connection: SqliteConnection) -> Option<SqliteConnection> {
    let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
    let done = sqlx::raw_sql(checkpoint).execute(&mut connection).await;
    match done {
        Ok(_) => {
            // Nothing is left that could be lost.
            let _ = connection.close().await;
            None
        }
        Err(error) => {
            warn!(%error, "what was written last cannot be moved into the file of the database");
            Some(connection)
        }
    }
}
