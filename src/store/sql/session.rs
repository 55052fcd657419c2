//! One connection to a SQL database: what differs between them.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sqlx::SqlSafeStr;
use sqlx::error::DatabaseError as _;
use sqlx::sqlite::SqliteError;

use super::catalog::Amendment;
use super::salvage::Salvaged;
use crate::store::{Error, Mark, OpenError};

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
    /// New values: object, stored field, packed value, and [what people see of it](super::shown). Those there were are
    /// replaced.
    pub values: Vec<(i64, i32, Bytes, String)>,
    /// Ids that are not free any more.
    pub taken: Vec<i64>,
    /// Ids that are free now, oldest first.
    pub freed: Vec<i64>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        let Changes { deleted, removed, objects, values, taken, freed } = self;
        deleted.is_empty()
            && removed.is_empty()
            && objects.is_empty()
            && values.is_empty()
            && taken.is_empty()
            && freed.is_empty()
    }
}

/// The type of a field of which no type is known.
pub const NO_TYPE: &str = "";

/// No class or field has this number.
pub const NO_NUMBER: i32 = i32::MIN;

/// What is wrong with a cell of a value that is of another type.
pub const NO_BYTES: &str = "what its table has there are no bytes";

/// Objects with their stored class.
pub type Heads = Vec<(i64, i32)>;
/// Values: object, stored field, packed value, or nothing if what is stored there are no bytes. In no order.
pub type StoredValues = Vec<(i64, i32, Option<Vec<u8>>)>;

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
    /// The database can be read, but not written to.
    Unwritable(Arc<str>),
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unavailable(why) => Error::Unavailable(why),
            SqlError::Conflict(why) => Error::Conflict(why),
            SqlError::Rejected(why) => Error::Rejected(why),
            SqlError::Unwritable(why) => Error::Unwritable(why),
        }
    }
}

/// A connection to a SQL database. Dropping it undoes what is not committed.
pub trait Session: Send + Sized + 'static {
    /// Where and how to connect.
    type Options: Clone + Send + Sync + 'static;

    /// After how long without an answer a session is given up; `None` is never.
    const ANSWER_LIMIT: Option<Duration>;
    /// How long a session may have been idle before it has to be tested.
    const TRUSTED_FOR: Duration;
    /// Whether the answer to a commit may be lost, so that transactions have marks.
    const IS_REMOTE: bool;
    /// Begins a transaction that does not wait for ever for what others have locked.
    const BEGIN: &'static str;
    /// Keeps others from writing until the transaction ends, if it does not do so by itself.
    const LOCK_OUT: &'static str;
    /// How an insertion of a row ends that only changes the one there is, if there is one: up to its first
    /// change.
    const OR_UPDATE: &'static str;

    /// What the database is called in messages, without passwords.
    fn describe(options: &Self::Options) -> String;

    /// Connects.
    fn open(options: &Self::Options) -> impl Future<Output = sqlx::Result<Self>> + Send;

    /// Whether it can still be used. May wait for as long as nobody answers.
    fn test(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Runs statements that have no parameters.
    fn run(&mut self, sql: impl SqlSafeStr + Send)
    -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Runs a query for one number.
    fn number(&mut self, sql: String) -> impl Future<Output = sqlx::Result<Option<i64>>> + Send;

    /// Refuses a database, called `name`, whose tables cannot be as they are.
    fn check_tables(&mut self, name: &str) -> impl Future<Output = Result<(), OpenError>> + Send;

    /// What is wrong with the database whatever the DC files say, one line each; if whoever asks `meets` with what is
    /// wrong with single objects, without that.
    fn faults(&mut self, _meets: bool) -> impl Future<Output = sqlx::Result<Vec<String>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Why whoever reads all objects may not have read all, one line each.
    fn losses(&mut self) -> impl Future<Output = sqlx::Result<Vec<String>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// What of the database is not as donet has made it, although nothing is damaged by that, one line each.
    fn alterations(&mut self) -> impl Future<Output = sqlx::Result<Vec<String>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// What can be read of a file with damage where it says which objects and classes there are.
    fn salvage(&mut self) -> impl Future<Output = sqlx::Result<Salvaged>> + Send {
        async { Ok(Salvaged::default()) }
    }

    /// Creates the tables or brings them up to date, alone if several do it at once.
    fn migrate(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Reads all classes and fields.
    fn catalog(&mut self) -> impl Future<Output = sqlx::Result<Vec<CatalogRow>>> + Send;

    /// Adds classes and fields that are not there, and notes new types, within a transaction.
    fn note(&mut self, amendment: &Amendment) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// As [`Session::note`], in a transaction of its own.
    fn amend(&mut self, amendment: &Amendment) -> impl Future<Output = sqlx::Result<()>> + Send {
        async {
            self.begin().await?;
            self.note(amendment).await?;
            self.commit().await
        }
    }

    /// Gives a row of `donet_class` or `donet_field` another name.
    fn rename(
        &mut self,
        table: &'static str,
        number: i32,
        name: &str,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Who else uses the database, as far as that can be seen.
    fn others(
        &mut self,
        options: &Self::Options,
    ) -> impl Future<Output = sqlx::Result<Option<String>>> + Send;

    /// Begins a transaction.
    fn begin(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send {
        self.run(Self::BEGIN)
    }

    /// Begins a transaction that writes the mark first, in one go. Its row stays locked until the end.
    fn begin_marked(&mut self, mark: &mut Mark) -> impl Future<Output = sqlx::Result<()>> + Send {
        async {
            mark.holder = self.run_marked(marked::<Self>(*mark, "sequence")).await?;
            Ok(())
        }
    }

    /// Runs what begins a transaction and ends in the insertion of a mark; returns the server's number of the
    /// session that does it.
    fn run_marked(&mut self, sql: String)
    -> impl Future<Output = sqlx::Result<Option<i64>>> + Send;

    /// Begins a transaction that keeps the row of a mark from changing, and returns what it says.
    fn begin_finding(&mut self, mark: Mark) -> impl Future<Output = sqlx::Result<i64>> + Send {
        async move {
            // A transaction that was lost before its first row was there leaves none.
            let absent = Mark { sequence: 0, ..mark };
            self.run_marked(marked::<Self>(absent, "day")).await?;
            let sql = format!("SELECT sequence FROM donet_commit WHERE slot = {}", mark.slot);
            Ok(self.number(sql).await?.unwrap_or_default())
        }
    }

    /// Ends another session, by the server's number, that has something locked.
    fn end_other(&mut self, holder: i64) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// Undoes what a transaction has done, if one was begun.
    fn rollback(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send {
        self.run("ROLLBACK")
    }

    /// Gives back what room can be had without losing anything, when there was none for a transaction that has been
    /// undone. Whether there was any, so that the same may succeed now.
    fn make_room(&mut self) -> impl Future<Output = bool> + Send {
        async { false }
    }

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

    /// Writes what people see of values for which nothing has been written: object, stored field, text. Within a
    /// transaction.
    fn show(
        &mut self,
        texts: &[(i64, i32, String)],
    ) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// The highest id of a range that an object has or had.
    fn highest(
        &mut self,
        min: i64,
        max: i64,
    ) -> impl Future<Output = sqlx::Result<Option<i64>>> + Send;

    /// Up to `count` free ids of a range, oldest first; `keeps` others from taking them, if they are to be taken.
    fn free(
        &mut self,
        min: i64,
        max: i64,
        count: i64,
        keeps: bool,
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

    /// Makes an end of a session that is of no use any more.
    fn discard(self, _options: &Self::Options) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// What an error means.
    fn classify(error: &sqlx::Error) -> SqlError;
}

/// A connection to a server whose tables can be looked at as they are.
pub trait Server: Session {
    /// The version of the tables that this donet makes.
    const VERSION: i64;
    /// An expression for where its tables are.
    const CURRENT_SCHEMA: &'static str;
    /// A query for what no two rows of a table can have in common: `table (column, column)`, columns in the order of their
    /// names.
    const KEYS: &'static str;

    /// The version of the tables that are there; 0 if there are none.
    fn version(&mut self) -> impl Future<Output = sqlx::Result<i64>> + Send;

    /// Has the server refuse whatever would change something.
    fn only_read(&mut self) -> impl Future<Output = sqlx::Result<()>> + Send;

    /// The first column of what a query finds, which is text.
    fn texts(&mut self, sql: String) -> impl Future<Output = sqlx::Result<Vec<String>>> + Send;
}

/// Statements that begin a transaction and write a mark, of which only `column` changes if its row is there.
fn marked<S: Session>(mark: Mark, column: &str) -> String {
    let Mark { slot, sequence, .. } = mark;
    let (begin, or_update, day) = (S::BEGIN, S::OR_UPDATE, today());
    format!(
        "{begin}; INSERT INTO donet_commit (slot, sequence, day) \
         VALUES ({slot}, {sequence}, {day}) {or_update} {column} = {}",
        if column == "day" { day } else { sequence }
    )
}

/// How many others there are, in words.
pub fn sessions(count: Option<i64>) -> Option<String> {
    match count.unwrap_or_default() {
        0 => None,
        1 => Some("another session".to_owned()),
        count => Some(format!("{count} other sessions")),
    }
}

/// Days since 1970: rows of `donet_commit` that are old belong to nobody.
pub fn today() -> i64 {
    const DAY: u64 = 24 * 60 * 60;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let days = since.unwrap_or_default().as_secs() / DAY;
    i64::try_from(days).expect("fewer days")
}

/// What an error means, if `code` says what a code of the database means.
pub fn classify(
    error: &sqlx::Error,
    code: impl FnOnce(&str) -> fn(Arc<str>) -> SqlError,
) -> SqlError {
    let why: Arc<str> = in_words(error).into();
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

/// What an error says, and nothing of who has passed it on: most are neither about communication nor anywhere else
/// than in the configuration, or in a file.
pub fn in_words(error: &sqlx::Error) -> String {
    match error {
        // Those who encrypt say more of it, and mean the same.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection was closed".to_owned()
        }
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Database(error) => {
            // Not the line of its own source in which the server has found it.
            #[cfg(feature = "postgres")]
            if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                return error.message().to_owned();
            }
            match error.try_downcast_ref::<SqliteError>() {
                Some(error) => in_words_of_sqlite(error),
                None => error.to_string(),
            }
        }
        // It says so itself, and so does what is in it.
        error @ sqlx::Error::Configuration(_) => {
            error.to_string().trim_start_matches("error with configuration: ").to_owned()
        }
        // Which type of this program's it is not says nothing to anybody.
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
            "a value is not of the type that its column has".to_owned()
        }
        error => error.to_string(),
    }
}

/// SQLite's numbers say nothing to anybody, and some of them more than its words.
fn in_words_of_sqlite(error: &SqliteError) -> String {
    /// SQLITE_IOERR_WRITE, and not SQLITE_FULL, which is a full disk.
    const NOT_WRITTEN: &str = "778";
    /// SQLITE_IOERR_SHORT_READ
    const TOO_SHORT: &str = "522";
    let message = error.message();
    match error.code().as_deref() {
        Some(NOT_WRITTEN) => format!(
            "{message}: a file cannot be written, or may not grow any further (is there a limit on the size of files?)"
        ),
        Some(TOO_SHORT) => format!("{message}: the file ends too early"),
        _ => message.to_owned(),
    }
}

/// All that the database knows of classes, as [`catalog_rows`](super::statement::catalog_rows) takes it.
pub const CATALOG: &str = "SELECT c.id, c.name, f.id, f.name, f.type FROM donet_class c \
                           LEFT JOIN donet_field f ON f.class_id = c.id";

/// Empties the tables. A field refers to its class, so it goes first.
const CLEAR: &str = "DELETE FROM donet_value; DELETE FROM donet_object; \
                         DELETE FROM donet_field; DELETE FROM donet_class; DELETE FROM donet_free; \
                         DELETE FROM donet_given";

/// What a refused log-in means to whoever reads the log.
pub fn refused_login(why: &str) -> SqlError {
    SqlError::Unavailable(
        format!(
            "{why}; the log-in of the configuration is not accepted any more: \
             set it right in the database, or change the configuration and start donet again"
        )
        .into(),
    )
}
