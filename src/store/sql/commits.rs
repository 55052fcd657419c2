//! What became of commits that were not answered.
//!
//! A transaction that writes begins by writing its number into a row of `donet_commit` that belongs to nobody
//! else. If the answer to COMMIT is lost, whoever reads the number afterwards knows whether it was done. The row
//! is locked while the transaction is under way, so whoever has got the lock knows that nothing comes after.
//!
//! A server that has not noticed that the connection is gone keeps the lock, and the rows of the objects with
//! it. Then its session is ended there, which is done only if the lock was waited for in vain: nobody else can
//! have it.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use parking_lot::Mutex;
use tracing::{info, warn};

use super::session::{Session, SqlError, in_words, today};
use crate::store::Mark;

/// Rows of daemons that ended without order are removed after so many days.
const DAYS_KEPT: i64 = 7;

/// The rows of this process that no transaction has.
#[derive(Debug)]
pub struct Commits {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Numbers of rows: a random one, and those behind it.
    first_slot: i64,
    slots: i64,
    /// Each in its turn, so that one whose last transaction was lost is not left for long.
    free: VecDeque<Mark>,
}

impl Commits {
    /// No transaction was begun yet.
    pub fn new() -> Self {
        let random = std::hash::RandomState::new().build_hasher().finish();
        // Positive, with room for as many rows as there can be.
        let first_slot = i64::try_from(random >> 2).expect("62 bits");
        Commits { state: Mutex::new(State { first_slot, slots: 0, free: VecDeque::new() }) }
    }

    /// The mark of a new transaction.
    pub fn next(&self) -> Mark {
        let mut state = self.state.lock();
        let mut mark = match state.free.pop_front() {
            Some(mark) => mark,
            None => {
                state.slots += 1;
                Mark {
                    slot: state.first_slot + state.slots,
                    sequence: 0,
                    holder: None,
                    is_lost: false,
                }
            }
        };
        mark.sequence += 1;
        mark
    }

    /// The transaction has ended, or can be ended: the row may have another one.
    pub fn release(&self, mark: Mark) {
        if !mark.is_lost {
            self.state.lock().free.push_back(mark);
        }
    }

    /// The rows that there are.
    pub fn slots(&self) -> (i64, i64) {
        let state = self.state.lock();
        (state.first_slot, state.first_slot + state.slots)
    }
}

/// Begins a transaction and notes in `mark` who holds its row. If the row's last transaction is still there, it is
/// ended, and this one may be tried again.
///
/// # Errors
/// What the database says.
pub async fn begin<S: Session>(session: &mut S, mark: &mut Mark) -> Result<(), SqlError> {
    // It may not come to an end, too.
    mark.is_lost = true;
    let begun = session.begin_marked(mark).await;
    let begun = ended_other(session, *mark, begun).await;
    mark.is_lost = matches!(begun, Err(SqlError::Unavailable(_)));
    begun
}

/// Whether the transaction of a mark was committed. From now on it cannot be any more.
///
/// # Errors
/// What the database says.
pub async fn is_done<S: Session>(session: &mut S, mark: Mark) -> Result<bool, SqlError> {
    let found = session.begin_finding(mark).await;
    let sequence = ended_other(session, mark, found).await?;
    session.commit().await.map_err(|error| S::classify(&error))?;
    Ok(sequence == mark.sequence)
}

/// If a transaction could not begin because somebody has the row of its mark: that can only be the one before.
async fn ended_other<S: Session, T>(
    session: &mut S,
    mark: Mark,
    begun: sqlx::Result<T>,
) -> Result<T, SqlError> {
    let error = match begun {
        Ok(begun) => return Ok(begun),
        Err(error) => S::classify(&error),
    };
    if let (SqlError::Conflict(_), Some(holder)) = (&error, mark.holder) {
        warn!(
            session = holder,
            "ending a session of ours that the database keeps, though it is lost"
        );
        session.rollback().await.map_err(|error| S::classify(&error))?;
        session.end_other(holder).await.map_err(|error| S::classify(&error))?;
    }
    Err(error)
}

/// Removes rows that belong to nobody any more.
///
/// # Errors
/// What the database says.
pub async fn prune<S: Session>(session: &mut S) -> sqlx::Result<()> {
    let last = today() - DAYS_KEPT;
    remove(session, format!("DELETE FROM donet_commit WHERE day < {last}")).await
}

/// Removes the rows of this process, which ends.
pub async fn forget<S: Session>(session: &mut S, commits: &Commits) {
    let (after, last) = commits.slots();
    let sql = format!("DELETE FROM donet_commit WHERE slot > {after} AND slot <= {last}");
    if let Err(error) = remove(session, sql).await {
        let error = in_words(&error);
        info!(error, "the rows of this process stay in donet_commit for a week");
    }
}

async fn remove<S: Session>(session: &mut S, sql: String) -> sqlx::Result<()> {
    session.run(sqlx::AssertSqlSafe(sql)).await
}
