//! One connection to a SQL database: what differs between them.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use super::catalog::Amendment;
use crate::store::Error;

/// What a transaction writes, each kind with few statements. Deletions come first, since a new object may
/// take the place of one that is gone.
#[derive(Debug, Default)]
pub struct Changes {
    /// Objects that are gone, with all their values.
    pub deleted: Vec<i64>,
    /// Values that are gone: object, stored field.
    pub removed: Vec<(i64, i32)>,
    /// New objects: id, stored class.
    pub objects: Vec<(i64, i32)>,
    /// New values: object, stored field, packed value. Those there were are replaced.
    pub values: Vec<(i64, i32, Bytes)>,
    /// Ids that are not free any more.
    pub taken: Vec<i64>,
    /// Ids that are free now, oldest first.
    pub freed: Vec<i64>,
}

/// Objects with their stored class.
pub type Heads = Vec<(i64, i32)>;
/// Values: object, stored field, packed value. In no order.
pub type StoredValues = Vec<(i64, i32, Vec<u8>)>;

/// One row of what the database knows of classes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogRow {
    /// Number of the class in the database.
    pub class: i32,
    /// Name of the class.
    pub class_name: String,
    /// Number, name and type of a field, unless the class has none.
    pub field: Option<(i32, String, String)>,
}

/// What an error of the database means for a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SqlError {
    /// The connection is of no use, or the server of none at present.
    Unavailable(Arc<str>),
    /// Someone else was there first.
    Conflict(Arc<str>),
    /// The database refuses.
    Rejected(Arc<str>),
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unavailable(why) => Error::Unavailable(why),
            SqlError::Conflict(why) => Error::Conflict(why),
            SqlError::Rejected(why) => Error::Rejected(why),
        }
    }
}

/// A connection to a SQL database. Dropping it undoes what is not committed.
pub trait Session: Send + Sized + 'static {
    /// Where and how to connect.
    type Options: Clone + Send + Sync;

    /// What the database is called in messages, without passwords.
    fn describe(options: &Self::Options) -> String;

    /// Connects.
    fn open(options: &Self::Options) -> impl Future<Output = sqlx::Result<Self>> + Send;

    /// Runs statements that have no parameters.
    fn run(&mut self, sql: &'static str) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Creates the tables or brings them up to date, alone if several do it at once.
    fn migrate(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Reads all classes and fields.
    fn catalog(&mut self) -> impl Future<Output = sqlx::Result<Vec<CatalogRow>>> + Send;

    /// Adds classes and fields that are not there, and notes new types, in a transaction of its own.
    fn amend(&mut self, amendment: &Amendment) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Begins a transaction.
    fn begin(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Makes a transaction durable.
    fn commit(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send {
        self.run("COMMIT")
    }

    /// Finds those of the objects (ascending ids) that are there, and keeps others from changing them
    /// until the transaction ends.
    fn lock(&mut self, objects: &[i64]) -> impl Future<Output = sqlx::Result<Heads>> + Send;

    /// All values of these objects.
    fn values(
        &mut self,
        objects: &[i64],
    ) -> impl Future<Output = sqlx::Result<StoredValues>> + Send;

    /// Objects and values as they are at one moment, without a transaction.
    fn snapshot(
        &mut self,
        objects: &[i64],
    ) -> impl Future<Output = sqlx::Result<(Heads, StoredValues)>> + Send;

    /// Writes within a transaction.
    fn write(&mut self, changes: &Changes) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// The highest id of a range that an object has or had.
    fn highest(
        &mut self,
        min: i64,
        max: i64,
    ) -> impl Future<Output = sqlx::Result<Option<i64>>> + Send;

    /// Up to `count` free ids of a range, oldest first, and keeps others from taking them.
    fn free(
        &mut self,
        min: i64,
        max: i64,
        count: i64,
    ) -> impl Future<Output = sqlx::Result<Vec<i64>>> + Send;

    /// How many objects there are.
    fn count(&mut self) -> impl Future<Output = sqlx::Result<i64>> + Send;

    /// Up to `limit` ids of objects above `after`, ascending.
    fn object_ids(
        &mut self,
        after: i64,
        limit: i64,
    ) -> impl Future<Output = sqlx::Result<Vec<i64>>> + Send;

    /// Removes everything from the tables.
    fn clear(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send {
        async {
            self.begin().await?;
            self.run(CLEAR).await?;
            self.commit().await
        }
    }

    /// Disconnects in good order.
    fn close(self) -> impl Future<Output = ()> + Send;

    /// What an error means.
    fn classify(error: &sqlx::Error) -> SqlError;
}

/// What an error means, if `code` says what a code of the database means.
pub fn classify(
    error: &sqlx::Error,
    code: impl FnOnce(&str) -> fn(Arc<str>) -> SqlError,
) -> SqlError {
    let why: Arc<str> = error.to_string().into();
    match error {
        sqlx::Error::Database(error) => code(&error.code().unwrap_or_default())(why),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => SqlError::Unavailable(why),
        _ => SqlError::Rejected(why),
    }
}

/// All that the database knows of classes, as [`catalog_rows`](super::statement::catalog_rows) takes it.
pub const CATALOG: &str = "SELECT c.id, c.name, f.id, f.name, f.type FROM donet_class c \
                           LEFT JOIN donet_field f ON f.class_id = c.id";

/// Empties the tables. A field refers to its class, so it goes first.
const CLEAR: &str = "DELETE FROM donet_value; DELETE FROM donet_object; \
                         DELETE FROM donet_field; DELETE FROM donet_class; DELETE FROM donet_free";
