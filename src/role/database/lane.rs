//! One batch on its way through a backend: retries, time limits, single operations that fail, and panics.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::core::Job;
use super::schedule::Ticket;
use crate::store::{Backend, Commit, Error, Failure, Operation, Outcome, Progress};

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
    /// Told when nothing has come of a transaction, so that time limits of its operations count again.
    in_vain: Arc<Notify>,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Finished {
    /// An outcome for each job.
    pub outcomes: Vec<(Ticket, Outcome)>,
    /// If that is all that was left to be done, because something has panicked: with what.
    pub panic: Option<Panic>,
}

/// What a panic was raised with.
pub type Panic = Box<dyn Any + Send>;

/// The jobs of a batch.
#[derive(Default)]
struct Work {
    done: Vec<(Ticket, Outcome)>,
    /// What the backend has.
    part: Vec<Job>,
    /// What it gets then, the last one first.
    parts: Vec<Vec<Job>>,
}

impl Work {
    fn finish(&mut self, outcomes: Vec<Outcome>) {
        let tickets = self.part.drain(..).map(|job| job.ticket);
        self.done.extend(tickets.zip(outcomes));
    }

    fn fail(&mut self, error: Error) {
        let failure = match error {
            Error::Unknown { why, .. } => Failure::Unknown(why),
            Error::Late => Failure::TimedOut,
            Error::Rejected(why)
            | Error::Unwritable(why)
            | Error::Unavailable(why)
            | Error::Conflict(why) => Failure::Store(why),
        };
        self.finish(vec![Outcome::Failed(failure); self.part.len()]);
    }

    fn take_expired(&mut self) {
        let now = Instant::now().into_std();
        let is_expired = |job: &mut Job| job.deadline.is_some_and(|deadline| deadline <= now);
        for job in self.part.extract_if(.., is_expired) {
            self.done.push((job.ticket, Outcome::Failed(Failure::TimedOut)));
        }
    }
}

/// Whether a store can be reached. While it cannot, one lane tries, and the others wait for what it finds.
#[derive(Debug)]
struct Reach {
    is_away: AtomicBool,
    /// Whether the last change was refused for want of room, or of the right to write.
    is_unwritable: AtomicBool,
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
        let reach = Reach {
            is_away: AtomicBool::new(false),
            is_unwritable: AtomicBool::new(false),
            turn: Mutex::new(turn),
        };
        Store { backend, reach: Arc::new(reach), in_vain: Arc::default() }
    }

    /// Waits until nothing has come of a transaction.
    pub async fn in_vain(&self) {
        self.in_vain.notified().await;
    }

    /// The backend itself.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Runs a batch until each job has an outcome: done, refused, or out of time.
    ///
    /// A store that cannot be reached is tried again until the jobs' time is over. An operation
    /// that the store refuses does not spoil those that came with it: the batch is done in halves. Where
    /// nothing can be written, reading goes on. After a panic nothing of it is begun any more, and
    /// what has begun is told truly.
    pub async fn run(self, jobs: Vec<Job>) -> Finished {
        let mut work = Work { parts: vec![jobs], ..Work::default() };
        let panic = caught(self.work(&mut work)).await.err();
        if panic.is_some() {
            self.fail_rest(&mut work).await;
        }
        Finished { outcomes: work.done, panic }
    }

    async fn work(&self, work: &mut Work) {
        while let Some(part) = work.parts.pop() {
            work.part = part;
            #[cfg(test)]
            crate::fault::happens("lane");
            match self.run_part(work).await {
                Ok(outcomes) => work.finish(outcomes),
                Err(Error::Rejected(why)) if work.part.len() > 1 => {
                    warn!(operations = work.part.len(), %why, "batch refused; trying its halves");
                    let second = work.part.split_off(work.part.len() / 2);
                    work.parts.push(second);
                    work.parts.push(std::mem::take(&mut work.part));
                }
                Err(error) => {
                    if let Error::Unwritable(why) = &error {
                        self.note_unwritable(why);
                        let reads = |job: &mut Job| !job.operation.is_write();
                        work.parts.push(work.part.extract_if(.., reads).collect());
                    }
                    work.fail(error);
                }
            }
        }
    }

    /// Finishes what is left after a panic. What was asked to be committed may have been.
    async fn fail_rest(&self, work: &mut Work) {
        const WHY: &str = "the database server has panicked";
        let operations = work.part.len() + work.parts.iter().map(Vec::len).sum::<usize>();
        error!(store = %self.backend, operations, "a batch has panicked; what was not stored fails");
        let lost = work.part.first().map(|job| job.progress.lost(WHY.into()));
        match lost {
            Some(Error::Unknown { commit: Some(commit), .. }) => {
                match caught(self.find_out(&commit)).await {
                    Ok(Ok(true)) => work.finish(commit.outcomes),
                    Ok(Ok(false)) => work.fail(Error::Rejected(WHY.into())),
                    Ok(Err(error)) => work.fail(error),
                    Err(_) => work.fail(Error::Unknown { why: WHY.into(), commit: None }),
                }
            }
            Some(error) => work.fail(error),
            None => {}
        }
        while let Some(part) = work.parts.pop() {
            work.part = part;
            work.fail(Error::Rejected(WHY.into()));
        }
    }

    /// Tries until the store has answered. Jobs whose time is over leave the part.
    async fn run_part(&self, work: &mut Work) -> Result<Vec<Outcome>, Error> {
        let mut patience = Patience::default();
        loop {
            // Before looking for those whose time is over: who is answered from now on keeps the part from
            // being begun.
            if let Some(job) = work.part.first() {
                job.progress.start_over();
            }
            work.take_expired();
            let jobs = &work.part;
            if jobs.is_empty() {
                return Ok(Vec::new());
            }
            let deadline = last_deadline(jobs);
            let progress = jobs[0].progress.clone();
            let operations: Vec<Arc<Operation>> =
                jobs.iter().map(|job| Arc::clone(&job.operation)).collect();
            let is_write = operations.iter().any(|operation| operation.is_write());
            let run = async {
                let run = self.backend.run(&operations, deadline, &progress).await;
                if !matches!(run, Ok(_) | Err(Error::Unknown { .. })) {
                    self.start_over(&progress);
                }
                run.map_err(|error| if is_write { error } else { to_a_reader(error) })
            };
            match self.reach(&mut patience, deadline, run).await? {
                Reached::Answer(outcomes) => {
                    if is_write {
                        self.note_written();
                    }
                    return Ok(outcomes);
                }
                Reached::Unknown(commit) => {
                    if self.find_out(&commit).await? {
                        return Ok(commit.outcomes);
                    }
                    self.start_over(&progress);
                }
                Reached::Not => {}
            }
        }
    }

    fn note_unwritable(&self, why: &str) {
        if !self.reach.is_unwritable.swap(true, Ordering::Relaxed) {
            error!(store = %self.backend, why, "the store cannot be written; what only reads goes on");
        }
    }

    fn note_written(&self) {
        let was_unwritable = self.reach.is_unwritable.load(Ordering::Relaxed);
        if was_unwritable && self.reach.is_unwritable.swap(false, Ordering::Relaxed) {
            info!(store = %self.backend, "the store can be written again");
        }
    }

    /// Nothing has come of a transaction: its operations may be answered when their time is over.
    fn start_over(&self, progress: &Progress) {
        progress.start_over();
        self.in_vain.notify_one();
    }

    /// Asks what became of a commit until the store has answered. Nobody is told anything before, however long
    /// it takes.
    async fn find_out(&self, commit: &Commit) -> Result<bool, Error> {
        // All sessions that were there have gone with the one that was lost.
        let mut patience = Patience { is_over: true, ..Patience::default() };
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
                let is_late = deadline.is_some_and(|deadline| deadline <= Instant::now());
                match turn {
                    // What failed may have been an old session. A new one is made at once, if there is time for it:
                    // if not, nobody would ever say that there are no answers.
                    None if !is_late && !std::mem::replace(&mut patience.is_over, true) => {}
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
            Err(Error::Late) => Ok(Reached::Not),
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

/// Runs a future, or what is left of it when it panics.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Panic> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // What it has changed is looked at all the same: it says itself how far it has come.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}
