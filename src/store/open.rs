//! From a configuration to a store.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::archive::{Archive, ArchiveMut};
use super::files::PRIVATE;
use super::servers::{Change, CheckStart, Count, Fill, Look, Start, with_server};
use super::soci::{SociArchive, own_backend};
use super::sql::{LookedInto, SqlArchive, SqlBackend, SqliteFile, SqliteSession};
use super::yaml::{YamlArchive, YamlBackend};
use super::{Backend, BoxFuture, Command, OpenError, Rewrite, Schema};
use crate::config::{BackendConfig, DatabaseConfig};
use crate::hash::Seed;

const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The time between two lines of the log about the same reason.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Opens stores.
pub trait Stores: Send + Sync {
    /// As [`open`].
    fn open<'a>(
        &'a self,
        config: &'a DatabaseConfig,
        schema: &'a Schema,
        seed: Seed,
        patience: Option<Duration>,
    ) -> BoxFuture<'a, Result<Arc<dyn Backend>, OpenError>>;
}

/// The stores that configurations name.
#[derive(Copy, Clone, Debug)]
pub struct Configured;

impl Stores for Configured {
    fn open<'a>(
        &'a self,
        config: &'a DatabaseConfig,
        schema: &'a Schema,
        seed: Seed,
        patience: Option<Duration>,
    ) -> BoxFuture<'a, Result<Arc<dyn Backend>, OpenError>> {
        Box::pin(open(config, schema, seed, patience))
    }
}

/// Opens the store of a database server. One that cannot be reached is tried again for a while, since
/// everything may have been started at once. Tables by the ids that peers ask for are hashed with `seed`.
///
/// # Errors
/// If it cannot be used.
pub async fn open(
    config: &DatabaseConfig,
    schema: &Schema,
    seed: Seed,
    patience: Option<Duration>,
) -> Result<Arc<dyn Backend>, OpenError> {
    let begun = Instant::now();
    let mut pause = PAUSE_MIN;
    let mut said = Said::default();
    loop {
        let error = match open_once(config, schema, seed).await {
            Ok(backend) => return Ok(backend),
            Err(error) => error,
        };
        if !is_passing(&error) {
            return Err(error);
        }
        let tried = begun.elapsed();
        let left = patience.map(|patience| patience.saturating_sub(tried));
        if left == Some(Duration::ZERO) {
            return Err(OpenError::InVain { error: Box::new(error), tried });
        }
        said.failed(&error.to_string());
        // The last attempt is made when the time is over.
        tokio::time::sleep(left.map_or(pause, |left| pause.min(left))).await;
        pause = PAUSE_MAX.min(pause * 2);
    }
}

/// What has been said of a store that cannot be opened: one line for each reason, and then one a minute.
#[derive(Default)]
struct Said {
    attempts: u64,
    last: Option<(Instant, String)>,
}

impl Said {
    fn failed(&mut self, error: &str) {
        self.attempts += 1;
        let is_said = self
            .last
            .as_ref()
            .is_some_and(|(when, said)| said == error && when.elapsed() < SAID_AGAIN_AFTER);
        if !is_said {
            let attempts = self.attempts;
            tracing::warn!(error, attempts, "the store cannot be opened; trying again");
            self.last = Some((Instant::now(), error.to_owned()));
        }
    }
}

/// Whether it may be different in a moment.
fn is_passing(error: &OpenError) -> bool {
    // PostgreSQL is starting, stopping, or has no connection left.
    const PASSING: [&str; 3] = ["57P03", "57P01", "53300"];
    match error {
        OpenError::InUse(_) => true,
        // As for a server that runs: a log-in that is refused may be set right in the database.
        OpenError::NoSession { error, .. } => matches!(
            error,
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Database(_)
        ),
        OpenError::Sql { error, .. } => match error {
            sqlx::Error::Io(error) => is_of_the_network(error),
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(error) => {
                error.code().is_some_and(|code| PASSING.contains(&&*code))
            }
            _ => false,
        },
        OpenError::Io { .. }
        | OpenError::Damaged(_)
        | OpenError::Refused(_)
        | OpenError::InVain { .. } => false,
    }
}

/// Whether an error is one of connections. Those of files are there until somebody does something about them.
fn is_of_the_network(error: &io::Error) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        NetworkDown, NetworkUnreachable, NotConnected, TimedOut, UnexpectedEof,
    };
    matches!(
        error.kind(),
        BrokenPipe
            | ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
            | NotConnected
            | TimedOut
            | UnexpectedEof
    )
}

async fn open_once(
    config: &DatabaseConfig,
    schema: &Schema,
    seed: Seed,
) -> Result<Arc<dyn Backend>, OpenError> {
    let (schema, range) = (schema.clone(), config.generate);
    if matches!(config.backend, BackendConfig::Soci { .. }) {
        refuse_unmoved(&config.backend, &schema).await?;
    }
    Ok(match own_backend(&config.backend)? {
        BackendConfig::Yaml { directory, file_mode } => {
            Arc::new(YamlBackend::open(&directory, file_mode, schema, range, seed)?)
        }
        BackendConfig::Sqlite { file, file_mode } => {
            let file = SqliteFile::new(file, file_mode);
            // SQLite has one writer at a time anyway.
            Arc::new(SqlBackend::<SqliteSession>::open(file, 1, schema, range, seed).await?)
        }
        ref server @ (BackendConfig::Postgres { pool_max, .. }
        | BackendConfig::MySql { pool_max, .. }) => {
            with_server(server, Start { pool_max, schema, range, seed }).await?
        }
        BackendConfig::Soci { .. } => unreachable!("it was replaced by a backend of our own"),
    })
}

/// Objects in Astron's own tables would seem to be lost.
async fn refuse_unmoved(config: &BackendConfig, schema: &Schema) -> Result<(), OpenError> {
    let backend = own_backend(config)?;
    if let BackendConfig::Sqlite { file, .. } = &backend
        && !file.exists()
    {
        return Ok(());
    }
    let Some(mut astron) = SociArchive::open(&backend, schema).await? else {
        return Ok(());
    };
    let unmoved = astron.count().await?;
    let own = match &backend {
        server @ (BackendConfig::Postgres { .. } | BackendConfig::MySql { .. }) => {
            with_server(server, Count).await?
        }
        own => open_archive(own, schema).await?.count().await?,
    };
    if unmoved == 0 || own > 0 {
        return Ok(());
    }
    Err(self::unmoved(unmoved))
}

/// Astron's tables have so many objects, and donet's none.
pub(super) fn unmoved(objects: u64) -> OpenError {
    let plural = if objects == 1 { "" } else { "s" };
    OpenError::Refused(format!(
        "the database has {objects} object{plural} in Astron's tables, and none in donet's own\n\
         to move them: `donet db import CONFIG CONFIG`, with the name of this configuration twice; \
         Astron's tables stay as they are"
    ))
}

/// Opens a store to read its objects. A server may be using it.
///
/// # Errors
/// If it cannot be read.
pub async fn open_archive(
    config: &BackendConfig,
    schema: &Schema,
) -> Result<Box<dyn Archive>, OpenError> {
    match config {
        BackendConfig::Yaml { directory, .. } => Ok(Box::new(YamlArchive::open(directory)?)),
        BackendConfig::Sqlite { file, .. } => look_at_sqlite(file, schema).await,
        BackendConfig::Soci { .. } => {
            let own = own_backend(config)?;
            let astron = SociArchive::open(&own, schema).await?;
            let mut own = Box::pin(open_archive(&own, schema)).await?;
            // Until they have all been moved, Astron's tables are those that are whole.
            let is_unmoved = own.count().await? == 0 || own.half_imported().await?.is_some();
            match astron {
                Some(astron) if is_unmoved => Ok(Box::new(astron)),
                Some(_) | None => Ok(own),
            }
        }
        server @ (BackendConfig::Postgres { .. } | BackendConfig::MySql { .. }) => {
            with_server(server, Look(schema)).await
        }
    }
}

async fn look_at_sqlite(file: &Path, schema: &Schema) -> Result<Box<dyn Archive>, OpenError> {
    check_there("the SQLite database", file)?;
    let file = SqliteFile::new(file.to_owned(), PRIVATE);
    Ok(Box::new(SqlArchive::look(&file, schema).await?))
}

/// Looks whether a server would start on a store: what [`open`] refuses, this does, but that one may be running on it.
///
/// # Errors
/// What the server would say.
pub async fn check_start(config: &DatabaseConfig, schema: &Schema) -> Result<(), OpenError> {
    if matches!(config.backend, BackendConfig::Soci { .. }) {
        refuse_unmoved(&config.backend, schema).await?;
    }
    match own_backend(&config.backend)? {
        BackendConfig::Yaml { directory, .. } => {
            super::yaml::check(&directory, config.generate, schema)
        }
        BackendConfig::Sqlite { file, file_mode } => {
            LookedInto::sqlite(&SqliteFile::new(file, file_mode), schema).await.map(drop)
        }
        server @ (BackendConfig::Postgres { .. } | BackendConfig::MySql { .. }) => {
            with_server(&server, CheckStart(schema)).await
        }
        BackendConfig::Soci { .. } => unreachable!("it was replaced by a backend of our own"),
    }
}

/// Opens a store to move objects into it; creates it if it is not there.
///
/// # Errors
/// If it cannot be used, or a server is using it and would not see what changes.
pub async fn open_archive_mut(
    config: &BackendConfig,
    schema: &Schema,
) -> Result<Box<dyn ArchiveMut>, OpenError> {
    Ok(match own_backend(config)? {
        BackendConfig::Yaml { directory, file_mode } => {
            Box::new(YamlArchive::open_mut(&directory, file_mode)?)
        }
        BackendConfig::Sqlite { file, file_mode } => {
            let file = SqliteFile::new(file, file_mode);
            Box::new(SqlArchive::<SqliteSession>::open(&file, schema).await?)
        }
        server @ (BackendConfig::Postgres { .. } | BackendConfig::MySql { .. }) => {
            with_server(&server, Fill(schema)).await?
        }
        BackendConfig::Soci { .. } => unreachable!("it was replaced by a backend of our own"),
    })
}

/// Opens a store of objects of `schema` that are all to be changed by a command, or looked at with that in mind. Whether a change
/// that was interrupted has been finished.
///
/// # Errors
/// If it is not there or cannot be used, or a server is using it and it is to be changed.
pub async fn open_rewrite(
    config: &BackendConfig,
    schema: &Schema,
    command: Option<&Command>,
) -> Result<(Box<dyn Rewrite>, bool), OpenError> {
    let is_to_change = command.is_some();
    let mut archive: Box<dyn Rewrite> = match own_backend(config)? {
        BackendConfig::Yaml { directory, file_mode } => match command {
            None => Box::new(YamlArchive::open(&directory)?),
            Some(command) => {
                check_there("the YAML directory", &directory)?;
                let (archive, was_unfinished) =
                    YamlArchive::open_to_rewrite(&directory, file_mode, command)?;
                return Ok((Box::new(archive), was_unfinished));
            }
        },
        BackendConfig::Sqlite { file, file_mode } => {
            check_there("the SQLite database", &file)?;
            let file = SqliteFile::new(file, file_mode);
            let mut looked_at = SqlArchive::look(&file, schema).await?;
            looked_at.refuse_damaged().await?;
            match is_to_change {
                false => Box::new(looked_at),
                true => {
                    Box::new(looked_at).close().await;
                    Box::new(SqlArchive::<SqliteSession>::open(&file, schema).await?)
                }
            }
        }
        server @ (BackendConfig::Postgres { .. } | BackendConfig::MySql { .. }) => {
            with_server(&server, Change { schema, is_to_change }).await?
        }
        BackendConfig::Soci { .. } => unreachable!("it was replaced by a backend of our own"),
    };
    // Whether it is to be changed or only looked at, and wherever it is: objects are missing.
    match archive.half_imported().await? {
        Some(half_imported) => Err(half_imported),
        None => Ok((archive, false)),
    }
}

/// Refuses a store that is not there, where it would otherwise be made.
pub(super) fn check_there(kind: &str, path: &Path) -> Result<(), OpenError> {
    std::fs::metadata(path).map(drop).map_err(|error| OpenError::Io {
        what: format!("cannot open {kind} {}", path.display()),
        error,
    })
}
