//! Databases of servers: which kinds there are in this build, and what is done with each of them alike.

use std::sync::Arc;

use super::archive::{Archive, ArchiveMut};
#[cfg(feature = "mysql")]
use super::sql::{MySqlOptions, MySqlSession};
use super::sql::{
    NO_TABLES, NoTables, Server, SqlArchive, SqlBackend, check_server, count_in_server,
};
#[cfg(feature = "postgres")]
use super::sql::{PostgresOptions, PostgresSession};
use super::{Backend, OpenError, Rewrite, Schema};
use crate::config::{BackendConfig, DoIdRange};
use crate::hash::Seed;

/// What is done with a database of a server, whichever it is.
pub(super) trait Work: Send {
    /// What comes of it.
    type Done;

    /// Does it.
    fn on<S: Server>(
        self,
        options: S::Options,
    ) -> impl Future<Output = Result<Self::Done, OpenError>> + Send;
}

/// Does something with the server's database of a backend that is one.
///
/// # Errors
/// If its URL cannot be used, if this build has no such databases, or what the work says.
pub(super) async fn with_server<W: Work>(
    backend: &BackendConfig,
    work: W,
) -> Result<W::Done, OpenError> {
    match backend {
        #[cfg(feature = "postgres")]
        BackendConfig::Postgres { url, prepared_statements, .. } => {
            let connect = url.parse().map_err(bad_url)?;
            let options = PostgresOptions { connect, keeps_statements: *prepared_statements };
            work.on::<PostgresSession>(options).await
        }
        #[cfg(feature = "mysql")]
        BackendConfig::MySql { url, .. } => {
            let kind = if url.starts_with("mariadb:") { "MariaDB" } else { "MySQL" };
            let options = MySqlOptions { connect: url.parse().map_err(bad_url)?, kind };
            work.on::<MySqlSession>(options).await
        }
        other => match other.left_out() {
            Some(why) => Err(OpenError::Refused(why)),
            None => unreachable!("it is no server's"),
        },
    }
}

/// The URL itself is not repeated: it may hold a password.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn bad_url(error: sqlx::Error) -> OpenError {
    OpenError::Sql { what: "cannot use the URL of the database".to_owned(), error }
}

/// Starts on it.
pub(super) struct Start {
    pub pool_max: u32,
    pub schema: Schema,
    pub range: DoIdRange,
    pub seed: Seed,
}

impl Work for Start {
    type Done = Arc<dyn Backend>;

    async fn on<S: Server>(self, options: S::Options) -> Result<Self::Done, OpenError> {
        let Start { pool_max, schema, range, seed } = self;
        let lanes = usize::try_from(pool_max).unwrap_or(usize::MAX).max(1);
        Ok(Arc::new(SqlBackend::<S>::open(options, lanes, schema, range, seed).await?))
    }
}

/// Looks whether one would start on it.
pub(super) struct CheckStart<'s>(pub &'s Schema);

impl Work for CheckStart<'_> {
    type Done = ();

    async fn on<S: Server>(self, options: S::Options) -> Result<(), OpenError> {
        check_server::<S>(&options, self.0).await
    }
}

/// Looks whether its URL can be used, without a connection.
pub(super) struct CheckUrl;

impl Work for CheckUrl {
    type Done = ();

    async fn on<S: Server>(self, _: S::Options) -> Result<(), OpenError> {
        Ok(())
    }
}

/// Counts donet's own objects in it.
pub(super) struct Count;

impl Work for Count {
    type Done = u64;

    async fn on<S: Server>(self, options: S::Options) -> Result<u64, OpenError> {
        count_in_server::<S>(&options).await
    }
}

/// Opens it to be read.
pub(super) struct Look<'s>(pub &'s Schema);

impl Work for Look<'_> {
    type Done = Box<dyn Archive>;

    async fn on<S: Server>(self, options: S::Options) -> Result<Self::Done, OpenError> {
        Ok(match SqlArchive::<S>::look_at_server(&options, self.0).await? {
            Some(archive) => Box::new(archive),
            None => Box::new(NoTables { name: S::describe(&options) }),
        })
    }
}

/// Opens it to have objects moved into it.
pub(super) struct Fill<'s>(pub &'s Schema);

impl Work for Fill<'_> {
    type Done = Box<dyn ArchiveMut>;

    async fn on<S: Server>(self, options: S::Options) -> Result<Self::Done, OpenError> {
        Ok(Box::new(SqlArchive::<S>::open(&options, self.0).await?))
    }
}

/// Opens it to have all its objects changed, or to be looked at with that in mind.
pub(super) struct Change<'s> {
    pub schema: &'s Schema,
    pub is_to_change: bool,
}

impl Work for Change<'_> {
    type Done = Box<dyn Rewrite>;

    async fn on<S: Server>(self, options: S::Options) -> Result<Self::Done, OpenError> {
        let mut archive = if self.is_to_change {
            SqlArchive::<S>::open(&options, self.schema).await?
        } else {
            let looked_at = SqlArchive::<S>::look_at_server(&options, self.schema).await?;
            let refused = || format!("nothing to migrate: {} {NO_TABLES}", S::describe(&options));
            looked_at.ok_or_else(|| OpenError::Refused(refused()))?
        };
        archive.refuse_damaged().await?;
        Ok(Box::new(archive))
    }
}
