//! One batch on its way through a backend: retries, time limits, and single operations that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::core::Job;
use super::schedule::Ticket;
use crate::store::{Backend, Commit, Error, Failure, Operation, Outcome};

/// The first pause before a store that cannot be reached is tried again; each is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often a batch that met with others' changes is tried again.
const CONFLICTS_MAX: u32 = 20;

/// A backend, and what all of its lanes know of it.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    reach: Arc<Reach>,
}

/// Whether a store can be reached. While it cannot, one lane tries, and the others wait for what it finds.
#[derive(Debug)]
struct Reach {
    is_away: AtomicBool,
    /// Of the lane that tries.
    turn: Mutex<Turn>,
}

#[derive(Debug)]
struct Turn {
    /// How long to wait after the next failure.
    pause: Duration,
    /// Why it could not be reached, as it was said the last time.
    said: Arc<str>,
}

impl Store {
    /// A store that can be reached, as far as is known.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        let turn = Turn { pause: PAUSE_MIN, said: "".into() };
        let reach = Reach { is_away: AtomicBool::new(false), turn: Mutex::new(turn) };
        Store { backend, reach: Arc::new(reach) }
    }

    /// The backend itself.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Runs a batch until each job has an outcome: done, refused, or out of time.
    ///
    /// A store that cannot be reached is tried again until the jobs' time is over. An operation
    /// that the store refuses does not spoil those that came with it: the batch is done in halves. Where
    /// nothing can be written, reading goes on.
    pub async fn run(self, jobs: Vec<Job>) -> Vec<(Ticket, Outcome)> {
        let mut done = Vec::with_capacity(jobs.len());
        let mut parts = vec![jobs];
        while let Some(mut jobs) = parts.pop() {
            match self.run_part(&mut jobs, &mut done).await {
                Ok(outcomes) => {
                    done.extend(jobs.into_iter().map(|job| job.ticket).zip(outcomes));
                }
                Err(Error::Rejected(why)) if jobs.len() > 1 => {
                    warn!(operations = jobs.len(), %why, "batch refused; trying its halves");
                    let second = jobs.split_off(jobs.len() / 2);
                    parts.push(second);
                    parts.push(jobs);
                }
                Err(error) => {
                    if matches!(error, Error::Unwritable(_)) {
                        let reads = jobs.extract_if(.., |job| !job.operation.is_write()).collect();
                        parts.push(reads);
                    }
                    let failure = match error {
                        Error::Unknown { why, .. } => Failure::Unknown(why),
                        Error::Rejected(why)
                        | Error::Unwritable(why)
                        | Error::Unavailable(why)
                        | Error::Conflict(why) => Failure::Store(why),
                    };
                    let outcome = Outcome::Failed(failure);
                    done.extend(jobs.into_iter().map(|job| (job.ticket, outcome.clone())));
                }
            }
        }
        done
    }

    /// Tries until the store has answered. Jobs whose time is over leave `jobs` for `done`.
    async fn run_part(
        &self,
        jobs: &mut Vec<Job>,
        done: &mut Vec<(Ticket, Outcome)>,
    ) -> Result<Vec<Outcome>, Error> {
        let mut patience = Patience::default();
        loop {
            take_expired(jobs, done);
            if jobs.is_empty() {
                return Ok(Vec::new());
            }
            let deadline = last_deadline(jobs);
            let sent = jobs[0].sent.clone();
            let operations: Vec<Arc<Operation>> =
                jobs.iter().map(|job| Arc::clone(&job.operation)).collect();
            let is_write = operations.iter().any(|operation| operation.is_write());
            let run = async {
                let run = self.backend.run(&operations, deadline, &sent).await;
                run.map_err(|error| if is_write { error } else { to_a_reader(error) })
            };
            match self.reach(&mut patience, deadline, run).await? {
                Reached::Answer(outcomes) => return Ok(outcomes),
                Reached::Unknown(commit) => {
                    if self.find_out(&commit).await? {
                        return Ok(commit.outcomes);
                    }
                }
                Reached::Not => {}
            }
        }
    }

    /// Asks what became of a commit until the store has answered: whoever waits longer than that is told by
    /// the core that nobody knows.
    async fn find_out(&self, commit: &Commit) -> Result<bool, Error> {
        let mut patience = Patience::default();
        loop {
            let ask = async { self.backend.find_out(commit).await.map_err(to_a_reader) };
            match self.reach(&mut patience, None, ask).await {
                Ok(Reached::Answer(is_done)) => {
                    let found = if is_done { "it was stored" } else { "it was not stored" };
                    info!(
                        found,
                        operations = commit.outcomes.len(),
                        "found out about a lost commit"
                    );
                    return Ok(is_done);
                }
                Ok(Reached::Unknown(_) | Reached::Not) => {}
                Err(error) => {
                    return Err(Error::Unknown { why: error.to_string().into(), commit: None });
                }
            }
        }
    }

    /// Tries once to get an answer, when it is this lane's turn.
    async fn reach<T>(
        &self,
        patience: &mut Patience,
        deadline: Option<Instant>,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<Reached<T>, Error> {
        let Ok(turn) = until(deadline, self.turn()).await else {
            return Ok(Reached::Not);
        };
        match answer.await {
            Err(Error::Unavailable(why)) => {
                match turn {
                    // What failed may have been an old session. A new one is made at once.
                    None if !std::mem::replace(&mut patience.is_over, true) => {}
                    turn => self.wait(why, turn).await,
                }
                Ok(Reached::Not)
            }
            Err(Error::Conflict(why)) => {
                patience.conflicts += 1;
                if patience.conflicts > CONFLICTS_MAX {
                    return Err(Error::Rejected(why));
                }
                tokio::task::yield_now().await;
                Ok(Reached::Not)
            }
            Err(Error::Unknown { why, commit: Some(commit) }) => {
                warn!(store = %self.backend, %why, "connection lost during a commit; finding out whether it was stored");
                Ok(Reached::Unknown(commit))
            }
            answered => {
                if let Some(mut turn) = turn
                    && answered.is_ok()
                {
                    turn.pause = PAUSE_MIN;
                    turn.said = "".into();
                    self.reach.is_away.store(false, Ordering::Relaxed);
                    info!(store = %self.backend, "the store can be reached again");
                }
                answered.map(Reached::Answer)
            }
        }
    }

    /// Waits until it is this lane's turn to try, if the store is away.
    async fn turn(&self) -> Option<MutexGuard<'_, Turn>> {
        let is_away = || self.reach.is_away.load(Ordering::Relaxed);
        if !is_away() {
            return None;
        }
        let turn = self.reach.turn.lock().await;
        is_away().then_some(turn)
    }

    /// Notes that the store cannot be reached, and waits if it is this lane's turn to try.
    async fn wait(&self, why: Arc<str>, turn: Option<MutexGuard<'_, Turn>>) {
        self.reach.is_away.store(true, Ordering::Relaxed);
        let is_trying = turn.is_some();
        let mut turn = match turn {
            Some(turn) => turn,
            None => self.reach.turn.lock().await,
        };
        if turn.said != why {
            error!(store = %self.backend, %why, "the store cannot be reached; trying again");
            turn.said = why;
        }
        if is_trying {
            tokio::time::sleep(turn.pause).await;
            turn.pause = PAUSE_MAX.min(turn.pause * 2);
        }
    }
}

/// What came of trying to reach a store.
enum Reached<T> {
    /// It has answered.
    Answer(T),
    /// It was lost during a commit.
    Unknown(Commit),
    /// Not yet; it may be tried again.
    Not,
}

/// How often one batch is tried again.
#[derive(Default)]
struct Patience {
    conflicts: u32,
    /// Whether a session was lost already.
    is_over: bool,
}

/// When the last job is not wanted any more; never, if one is wanted for ever.
fn last_deadline(jobs: &[Job]) -> Option<Instant> {
    let mut last = None;
    for job in jobs {
        last = last.max(Some(Instant::from_std(job.deadline?)));
    }
    last
}

/// What an error means where nothing is to be written: a store that cannot even be read without writing, since
/// its files cannot be opened, say, is away.
fn to_a_reader(error: Error) -> Error {
    match error {
        Error::Unwritable(why) => Error::Unavailable(why),
        error => error,
    }
}

async fn until<T>(
    deadline: Option<Instant>,
    future: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, future).await,
        None => Ok(future.await),
    }
}

fn take_expired(jobs: &mut Vec<Job>, done: &mut Vec<(Ticket, Outcome)>) {
    let now = Instant::now().into_std();
    jobs.retain(|job| {
        let expired = job.deadline.is_some_and(|deadline| deadline <= now);
        if expired {
            done.push((job.ticket, Outcome::Failed(Failure::TimedOut)));
        }
        !expired
    });
}
