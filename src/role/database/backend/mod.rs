//! Where objects are kept: one trait, one module a store.
//!
//! A backend applies whole [`Operation`]s, many at a time, and returns when all of them are durable. That
//! is what makes the cost of one commit the cost of many operations. What an operation does to an object
//! is the same for all (`apply`); a backend loads, stores and gives out ids.

pub mod sql;
pub mod yaml;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use std::time::Duration;

use self::sql::{MySqlSession, PostgresSession, SqlBackend, SqliteSession};
use self::yaml::YamlBackend;
use super::operation::{Operation, Outcome};
use super::schema::Schema;
use crate::config::{BackendConfig, DatabaseConfig};

/// A future that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store of objects.
pub trait Backend: fmt::Display + Send + Sync {
    /// How many batches it can work on at the same time.
    fn lanes(&self) -> usize {
        1
    }

    /// Applies operations in their order and returns their outcomes, in the same order, when
    /// everything is durable. If the future is dropped, they may have been applied or not, each
    /// completely.
    ///
    /// # Errors
    /// See [`Error`]. Nothing is changed then, unless it is [`Error::Unknown`].
    fn run<'a>(&'a self, batch: &'a [Arc<Operation>])
    -> BoxFuture<'a, Result<Vec<Outcome>, Error>>;

    /// Ends the use of the store in good order.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Why a batch was not applied. Always the store's fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be reached, or not now; later it may.
    #[error("{0}")]
    Unavailable(Arc<str>),
    /// Others changed the same data; the same batch may succeed at once.
    #[error("{0}")]
    Conflict(Arc<str>),
    /// The store refuses something in the batch.
    #[error("{0}")]
    Rejected(Arc<str>),
    /// The connection was lost while the batch was being committed.
    #[error("{0}")]
    Unknown(Arc<str>),
}

/// Why a store cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// Somebody else uses it.
    #[error("{0} is in use by another process")]
    InUse(String),
    /// What it holds cannot be understood.
    #[error("{0}")]
    Damaged(String),
    /// The database reports an error.
    #[error("{what}: {source}")]
    Sql {
        /// What was tried.
        what: String,
        /// What the database says.
        source: sqlx::Error,
    },
    /// It holds something that must be moved or converted first.
    #[error("{0}")]
    Refused(String),
}

impl OpenError {
    /// Whether it may be different in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            OpenError::InUse(_) => true,
            OpenError::Sql { source, .. } => match source {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => true,
                // PostgreSQL: it is starting, stopping, or has no connection left.
                sqlx::Error::Database(error) => {
                    error.code().is_some_and(|code| ["57P03", "57P01", "53300"].contains(&&*code))
                }
                _ => false,
            },
            OpenError::Io { .. } | OpenError::Damaged(_) | OpenError::Refused(_) => false,
        }
    }
}

/// Opens the store of a database server. One that cannot be reached is tried again for a while, since
/// everything may have been started at once.
///
/// # Errors
/// If it cannot be used.
pub async fn open(
    config: &DatabaseConfig,
    schema: &Schema,
    patience: Option<Duration>,
) -> Result<Arc<dyn Backend>, OpenError> {
    let deadline = patience.map(|patience| tokio::time::Instant::now() + patience);
    let mut pause = OPEN_PAUSE_MIN;
    loop {
        let error = match open_once(config, schema).await {
            Ok(backend) => return Ok(backend),
            Err(error) => error,
        };
        let is_over =
            deadline.is_some_and(|deadline| tokio::time::Instant::now() + pause > deadline);
        if is_over || !error.is_passing() {
            return Err(error);
        }
        tracing::warn!(%error, "the store cannot be opened; trying again");
        tokio::time::sleep(pause).await;
        pause = OPEN_PAUSE_MAX.min(pause * 2);
    }
}

const OPEN_PAUSE_MIN: Duration = Duration::from_millis(250);
const OPEN_PAUSE_MAX: Duration = Duration::from_secs(2);

async fn open_once(
    config: &DatabaseConfig,
    schema: &Schema,
) -> Result<Arc<dyn Backend>, OpenError> {
    let (schema, range) = (schema.clone(), config.generate);
    Ok(match &config.backend {
        BackendConfig::Yaml { directory } => Arc::new(YamlBackend::open(directory, schema, range)?),
        BackendConfig::Sqlite { file } => {
            Arc::new(SqlBackend::<SqliteSession>::open(file.clone(), 1, schema, range).await?)
        }
        BackendConfig::Postgres { url, pool_max } => {
            let options = url.parse().map_err(bad_url)?;
            Arc::new(
                SqlBackend::<PostgresSession>::open(options, lanes(*pool_max), schema, range)
                    .await?,
            )
        }
        BackendConfig::MySql { url, pool_max } => {
            let options = url.parse().map_err(bad_url)?;
            Arc::new(
                SqlBackend::<MySqlSession>::open(options, lanes(*pool_max), schema, range).await?,
            )
        }
        other => return Err(OpenError::Refused(format!("{other:?} is not there yet"))),
    })
}

fn lanes(pool_max: u32) -> usize {
    usize::try_from(pool_max).unwrap_or(usize::MAX).max(1)
}

/// The URL itself is not repeated: it may hold a password.
fn bad_url(source: sqlx::Error) -> OpenError {
    OpenError::Sql { what: "cannot use the URL of the database".to_owned(), source }
}
