//! Where objects are kept: one trait, one module a store. It knows no role, router or message.
//!
//! A [`Backend`] applies whole [`Operation`]s, many at a time, and returns when all of them are durable.
//! That is what makes the cost of one commit the cost of many operations. What an operation does to an
//! object is the same for all (`apply`); a backend loads, stores and gives out ids. The database server
//! works with this.
//!
//! An [`Archive`](archive::Archive) is a store that is looked at object by object, whether a server can run
//! on it or not. [`transfer`] moves and checks whole ones, which is what `donet db …` does.

mod apply;
pub mod archive;
mod backup;
mod complaints;
pub(crate) mod files;
mod layout;
mod open;
mod operation;
mod parts;
mod progress;
mod rehearse;
mod rewrite;
mod schema;
mod servers;
mod soci;
mod sql;
pub mod transfer;
mod yaml;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use self::backup::{backup, check_backup};
pub use self::layout::is_alike as is_stored_alike;
pub use self::open::{
    Configured, Stores, check_start, open, open_archive, open_archive_mut, open_rewrite,
};
pub use self::operation::{Failure, Operation, Outcome, Refusal, Selection, Values};
pub use self::progress::Progress;
pub use self::rehearse::rehearse;
pub use self::rewrite::{Command, Migration, Noted, NotedField, Rewrite};
pub use self::schema::Schema;
pub use self::sql::{in_words, tables_of_others};

/// A future that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A store of objects.
pub trait Backend: fmt::Display + Send + Sync {
    /// How many batches it can work on at the same time.
    fn lanes(&self) -> usize {
        1
    }

    /// Applies operations in their order and returns their outcomes, in the same order, when
    /// everything is durable. After `deadline` it begins no commit. A batch that writes notes in `progress` when it
    /// begins and when it commits. If the future is dropped, they may have been applied or not, each completely.
    ///
    /// # Errors
    /// See [`Error`]. Nothing is changed then, unless it is [`Error::Unknown`].
    fn run<'a>(
        &'a self,
        batch: &'a [Arc<Operation>],
        deadline: Option<Instant>,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<Vec<Outcome>, Error>>;

    /// Finds out whether a commit that was not answered has been done. From then on it cannot be any more.
    ///
    /// # Errors
    /// See [`Error`]. It may be tried again, unless it is [`Error::Rejected`].
    fn find_out<'a>(&'a self, _commit: &'a Commit) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(std::future::ready(Err(Error::Rejected("nothing tells".into()))))
    }

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
    /// The store can be read, but takes nothing: it is full, say.
    #[error("{0}")]
    Unwritable(Arc<str>),
    /// One of the operations was answered before the batch was begun; without it, the same batch may succeed at once.
    #[error("timed out")]
    Late,
    /// The connection was lost while the batch was being committed.
    #[error("{why}")]
    Unknown {
        /// What happened.
        why: Arc<str>,
        /// What to [find out](Backend::find_out) by, if anything can be.
        commit: Option<Commit>,
    },
}

/// A commit that was asked for and not answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// What the transaction has written of itself.
    pub mark: Mark,
    /// What came of the operations, if it was done.
    pub outcomes: Vec<Outcome>,
}

/// What a transaction writes of itself, so that it can be told afterwards whether it was committed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The row that it changes. One transaction at a time has it.
    pub slot: i64,
    /// The number of the transaction among all that had this row.
    pub sequence: i64,
    /// Who has locked the row, or had it the last time, by the server's number.
    pub holder: Option<i64>,
    /// Whether somebody may have the row locked whose number is not known.
    pub is_lost: bool,
}

/// Why a store cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system says. Not a source, since it is said already.
        error: std::io::Error,
    },
    /// Somebody else uses it.
    #[error(
        "{0} is in use by another process: stop the daemon that has it first; \
         `donet db backup` makes a copy while it runs"
    )]
    InUse(String),
    /// What it holds cannot be understood.
    #[error("{0}")]
    Damaged(String),
    /// The database gives no session: it is not there, or refuses the log-in.
    #[error("{what}: {}", sql::in_words(.error))]
    NoSession {
        /// What was tried.
        what: String,
        /// What the database says.
        error: sqlx::Error,
    },
    /// It has been tried for as long as it may take.
    #[error("{error}; tried for {:.1} s (operation_timeout_ms)", .tried.as_secs_f32())]
    InVain {
        /// Why it failed the last time.
        error: Box<OpenError>,
        /// For how long.
        tried: Duration,
    },
    /// The database reports an error.
    #[error("{what}: {}", sql::in_words(.error))]
    Sql {
        /// What was tried.
        what: String,
        /// What the database says.
        error: sqlx::Error,
    },
    /// It holds something that must be moved or converted first.
    #[error("{0}")]
    Refused(String),
}

/// Objects were being moved into a store, called `name`, when whoever did it ended.
fn half_imported(name: &str) -> OpenError {
    OpenError::Refused(format!(
        "a `donet db import` into {name} was interrupted, and objects are missing\n\
         to finish it, give it again with --resume, or with --replace to begin anew"
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
