//! One batch on its way through a backend: retries, time limits, and single operations that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::core::Job;
use super::schedule::Ticket;
use crate::store::{Backend, Error, Failure, Operation, Outcome};

/// The first pause before a store that cannot be reached is tried again; each is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How often a batch that met with others' changes is tried again.
const CONFLICTS_MAX: u32 = 20;

/// A backend, and whether it was reached the last time.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    is_away: Arc<AtomicBool>,
}

impl Store {
    /// A store that can be reached, as far as is known.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Store { backend, is_away: Arc::default() }
    }

    /// The backend itself.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Runs a batch until each job has an outcome: done, refused, or out of time.
    ///
    /// A store that cannot be reached is tried again until the jobs' time is over. An operation
    /// that the store refuses does not spoil those that came with it: the batch is done in halves.
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
                    let failure = match error {
                        Error::Unknown(why) => Failure::Unknown(why),
                        Error::Rejected(why) | Error::Unavailable(why) | Error::Conflict(why) => {
                            Failure::Store(why)
                        }
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
        let mut pause = PAUSE_MIN;
        let mut conflicts = 0;
        loop {
            take_expired(jobs, done);
            if jobs.is_empty() {
                return Ok(Vec::new());
            }
            match self.attempt(jobs).await {
                Err(Error::Unavailable(why)) => {
                    if !self.is_away.swap(true, Ordering::Relaxed) {
                        error!(%why, "the store cannot be reached; trying again");
                    }
                    tokio::time::sleep(pause).await;
                    pause = PAUSE_MAX.min(pause * 2);
                }
                Err(Error::Conflict(why)) => {
                    conflicts += 1;
                    if conflicts > CONFLICTS_MAX {
                        return Err(Error::Rejected(why));
                    }
                    tokio::task::yield_now().await;
                }
                answered => {
                    if answered.is_ok() && self.is_away.swap(false, Ordering::Relaxed) {
                        info!("the store can be reached again");
                    }
                    return answered;
                }
            }
        }
    }

    async fn attempt(&self, jobs: &[Job]) -> Result<Vec<Outcome>, Error> {
        let operations: Vec<Arc<Operation>> =
            jobs.iter().map(|job| Arc::clone(&job.operation)).collect();
        let run = self.backend.run(&operations);
        let unlimited = jobs.iter().any(|job| job.deadline.is_none());
        let last = jobs.iter().filter_map(|job| job.deadline).max();
        match last.filter(|_| !unlimited) {
            None => run.await,
            Some(last) => match tokio::time::timeout_at(Instant::from_std(last), run).await {
                Ok(answered) => answered,
                Err(_) => Err(Error::Unknown("the store has not answered in time".into())),
            },
        }
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
