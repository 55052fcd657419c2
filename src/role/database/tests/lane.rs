//! Batches on their way through a backend that is away, refuses, or panics.

use std::fmt;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::super::lane::Store;
use super::super::schedule::Ticket;
use super::super::shell;
use super::*;
use crate::config::{BackendConfig, DatabaseConfig, DoIdRange};
use crate::router::{Inbox, Participant, Router};
use crate::store::{Backend, BoxFuture, Commit, Mark, Progress, Selection};
use crate::telemetry::Level;
use crate::telemetry::testing::Caught;
use crate::wire::Frames;

/// A backend that answers as it is told.
struct Scripted {
    answers: Mutex<Vec<Answer>>,
    /// How many operations each batch had.
    batches: Mutex<Vec<usize>>,
    /// What is found out about commits.
    findings: Mutex<Vec<Result<bool, Error>>>,
}

#[derive(Clone)]
enum Answer {
    Done,
    Error(Error),
    Nothing,
    /// Refuses batches that have an operation on this object.
    Refuse(DoId),
    /// The answer to a commit is lost.
    Lost,
    /// Takes nothing, and can be read.
    Full,
    /// Panics before anything is committed.
    Panic,
    /// Panics when a commit was asked for, which may be looked up by this.
    PanicInCommit(Option<Mark>),
    /// Is done, when the test says so.
    DoneThen(Arc<Notify>),
    /// Waits for the test, and begins then.
    BeginThen(Arc<Notify>),
}

impl Scripted {
    fn new(answers: &[Answer], findings: &[Result<bool, Error>]) -> Arc<Self> {
        Arc::new(Scripted {
            answers: Mutex::new(answers.to_vec()),
            batches: Mutex::default(),
            findings: Mutex::new(findings.to_vec()),
        })
    }
}

impl fmt::Display for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a script")
    }
}

impl Backend for Scripted {
    fn lanes(&self) -> usize {
        2
    }

    fn run<'a>(
        &'a self,
        batch: &'a [Arc<Operation>],
        deadline: Option<tokio::time::Instant>,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        self.batches.lock().push(batch.len());
        let mut answers = self.answers.lock();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        let done = Ok(vec![Outcome::Updated; batch.len()]);
        Box::pin(async move {
            // Others are at it meanwhile.
            tokio::task::yield_now().await;
            match answer {
                Answer::Done => done,
                Answer::DoneThen(then) => {
                    progress.begin()?;
                    then.notified().await;
                    done
                }
                Answer::BeginThen(then) => {
                    then.notified().await;
                    progress.begin()?;
                    done
                }
                Answer::Panic => {
                    progress.begin()?;
                    panic!("as it was told");
                }
                Answer::PanicInCommit(mark) => {
                    progress.begin()?;
                    let outcomes = done?;
                    progress.committing(mark.map(|mark| Commit { mark, outcomes }));
                    panic!("as it was told");
                }
                Answer::Error(error) => Err(error),
                Answer::Nothing => {
                    tokio::time::sleep_until(deadline.expect("it has one")).await;
                    Err(Error::Unavailable("no answer".into()))
                }
                Answer::Refuse(bad) if batch.iter().any(|one| one.do_id() == Some(bad)) => {
                    Err(Error::Rejected("bad value".into()))
                }
                Answer::Refuse(_) => done,
                Answer::Lost => {
                    progress.begin()?;
                    let commit = Some(Commit { mark: MARK, outcomes: done? });
                    Err(Error::Unknown { why: "connection reset".into(), commit })
                }
                Answer::Full if batch.iter().any(|one| one.is_write()) => {
                    Err(Error::Unwritable("disk full".into()))
                }
                Answer::Full => done,
            }
        })
    }

    fn find_out<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<bool, Error>> {
        assert_eq!(commit.mark, MARK);
        let mut findings = self.findings.lock();
        let found = if findings.len() > 1 { findings.remove(0) } else { findings[0].clone() };
        Box::pin(std::future::ready(found))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

const MARK: Mark = Mark { slot: 7, sequence: 3, holder: None, is_lost: false };

/// Runs a batch of gets of the objects 0, 1, … and returns the outcomes in that order, and the sizes of
/// the batches that the backend was given.
async fn run(answers: &[Answer], count: u32) -> (Vec<Outcome>, Vec<usize>) {
    let backend = Scripted::new(answers, &[]);
    let deadline = Some((tokio::time::Instant::now() + TIMEOUT).into_std());
    let job = |id| Job {
        ticket: Ticket(id),
        operation: Arc::new(Operation::Get {
            do_id: DoId(u32::try_from(id).expect("few")),
            selection: Selection::All,
        }),
        deadline,
        progress: Progress::default(),
    };
    let jobs = (0..u64::from(count)).map(job).collect();
    let mut outcomes = Store::new(backend.clone()).run(jobs).await.outcomes;
    outcomes.sort_by_key(|(ticket, _)| *ticket);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    (outcomes, backend.batches.lock().clone())
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_tried_again() {
    let away = Answer::Error(Error::Unavailable("connection refused".into()));
    let (outcomes, batches) = run(&[away.clone(), away.clone(), away, Answer::Done], 3).await;
    assert_eq!(outcomes, vec![Outcome::Updated; 3]);
    assert_eq!(batches, [3; 4]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_fails_its_operations_in_time() {
    let begun = tokio::time::Instant::now();
    let away = Answer::Error(Error::Unavailable("connection refused".into()));
    let (outcomes, batches) = run(&[away], 2).await;
    assert_eq!(outcomes, vec![Outcome::Failed(Failure::TimedOut); 2]);
    assert!(batches.len() < 40, "it is not tried all the time: {}", batches.len());
    assert!(begun.elapsed() < TIMEOUT * 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_nobody_in_time_is_named_once_and_when_it_is_back() {
    let log = Caught::from(Level::Info);
    let store = Store::new(Scripted::new(&[Answer::Nothing, Answer::Nothing, Answer::Done], &[]));
    for id in 0..4 {
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        store.clone().run(vec![Job { deadline: Some(deadline.into_std()), ..set_job(id) }]).await;
    }
    let lines = log.lines();
    let [away, back] = &lines[..] else { panic!("{lines:?}") };
    assert!(away.contains("the store cannot be reached"), "{away}");
    assert!(back.contains("the store can be reached again"), "{back}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_nothing_is_named_once_and_when_it_takes_something() {
    let log = Caught::from(Level::Info);
    let store = Store::new(Scripted::new(&[Answer::Full, Answer::Full, Answer::Done], &[]));
    for id in 0..4 {
        store.clone().run(vec![set_job(id)]).await;
    }
    let lines = log.lines();
    let [full, again] = &lines[..] else { panic!("{lines:?}") };
    assert!(full.contains("cannot be written") && full.contains("disk full"), "{full}");
    assert!(again.contains("the store can be written again"), "{again}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_before_the_commit_has_stored_nothing() {
    let (outcomes, batches) = run(&[Answer::Nothing], 1).await;
    assert_eq!(outcomes, [Outcome::Failed(Failure::TimedOut)]);
    assert_eq!(batches, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_which_nothing_is_known_is_not_repeated() {
    let unknown = Error::Unknown { why: "connection reset".into(), commit: None };
    let unknown = Answer::Error(unknown);
    let (outcomes, batches) = run(&[unknown, Answer::Done], 2).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed(Failure::Unknown(_)))));
    assert_eq!(batches, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_operation_does_not_spoil_the_others() {
    let (outcomes, _) = run(&[Answer::Refuse(DoId(5))], 8).await;
    for (id, outcome) in outcomes.iter().enumerate() {
        let refused = Outcome::Failed(Failure::Store("bad value".into()));
        assert_eq!(*outcome, if id == 5 { refused } else { Outcome::Updated }, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn others_changes_are_met_by_trying_again_but_not_for_ever() {
    let conflict = Answer::Error(Error::Conflict("deadlock".into()));
    let (outcomes, batches) = run(&[conflict.clone(), Answer::Done], 1).await;
    assert_eq!((outcomes, batches), (vec![Outcome::Updated], vec![1, 1]));
    let (outcomes, _) = run(&[conflict], 1).await;
    assert_eq!(outcomes, [Outcome::Failed(Failure::Store("deadlock".into()))]);
}

fn set_job(id: u64) -> Job {
    let changes = vec![(COINS, None)];
    let operation = Operation::Update { do_id: DO_ID, criteria: Vec::new(), changes };
    let deadline = Some((tokio::time::Instant::now() + TIMEOUT).into_std());
    Job {
        ticket: Ticket(id),
        operation: Arc::new(operation),
        deadline,
        progress: Progress::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_commit_that_was_done_is_success_and_not_repeated() {
    let away = Err(Error::Unavailable("connection refused".into()));
    let findings = [away.clone(), away.clone(), away, Ok(true)];
    let backend = Scripted::new(&[Answer::Lost, Answer::Done], &findings);
    let outcomes = Store::new(backend.clone()).run(vec![set_job(1)]).await.outcomes;
    assert_eq!(outcomes, [(Ticket(1), Outcome::Updated)]);
    assert_eq!(*backend.batches.lock(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_commit_that_was_not_done_is_done_then() {
    let backend = Scripted::new(&[Answer::Lost, Answer::Done], &[Ok(false)]);
    let outcomes = Store::new(backend.clone()).run(vec![set_job(1)]).await.outcomes;
    assert_eq!(outcomes, [(Ticket(1), Outcome::Updated)]);
    assert_eq!(*backend.batches.lock(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_commit_that_was_not_done_is_not_done_when_its_time_is_over() {
    let away = Err(Error::Unavailable("connection refused".into()));
    let mut findings = vec![away; 40];
    findings.push(Ok(false));
    let begun = tokio::time::Instant::now();
    let backend = Scripted::new(&[Answer::Lost, Answer::Done], &findings);
    let outcomes = Store::new(backend.clone()).run(vec![set_job(1)]).await.outcomes;
    assert!(begun.elapsed() > TIMEOUT, "it took too long");
    assert_eq!(outcomes, [(Ticket(1), Outcome::Failed(Failure::TimedOut))]);
    assert_eq!(*backend.batches.lock(), [1]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_be_written_reading_goes_on() {
    let backend = Scripted::new(&[Answer::Full], &[]);
    let read = Operation::Get { do_id: DO_ID, selection: Selection::All };
    let jobs = vec![set_job(1), Job { operation: Arc::new(read), ..set_job(2) }, set_job(3)];
    let mut outcomes = Store::new(backend).run(jobs).await.outcomes;
    outcomes.sort_by_key(|(ticket, _)| *ticket);
    let full = Outcome::Failed(Failure::Store("disk full".into()));
    let expected = [(Ticket(1), full.clone()), (Ticket(2), Outcome::Updated), (Ticket(3), full)];
    assert_eq!(outcomes, expected);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_unless_it_is_written_to_is_away() {
    let full = Answer::Error(Error::Unwritable("disk full".into()));
    let (outcomes, batches) =
        run(&[full.clone(), full.clone(), full.clone(), Answer::Done], 2).await;
    assert_eq!((outcomes, batches), (vec![Outcome::Updated; 2], vec![2; 4]));
    // It is not tried all the time.
    let begun = tokio::time::Instant::now();
    let mut answers = vec![full; 100];
    answers.push(Answer::Done);
    let (outcomes, batches) = run(&answers, 2).await;
    assert_eq!(outcomes, vec![Outcome::Failed(Failure::TimedOut); 2]);
    assert!(batches.len() < 40, "tried {} times", batches.len());
    assert!(begun.elapsed() < TIMEOUT * 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_tried_by_one_lane_for_all() {
    let begun = tokio::time::Instant::now();
    let away = Answer::Error(Error::Unavailable("connection refused".into()));
    let mut answers = vec![away; 64 + 4];
    answers.push(Answer::Done);
    let backend = Scripted::new(&answers, &[]);
    let store = Store::new(backend.clone());
    let lanes: Vec<_> =
        (0..32).map(|id| tokio::spawn(store.clone().run(vec![set_job(id)]))).collect();
    for lane in lanes {
        let outcomes = lane.await.expect("no panic").outcomes;
        assert!(matches!(outcomes[..], [(_, Outcome::Updated)]), "{outcomes:?}");
    }
    // Each lane has lost its session and could not make another, and then one has tried four times.
    assert_eq!(backend.batches.lock().len(), 2 * 32 + 4 + 32);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn sessions_that_were_cut_are_replaced_without_a_pause() {
    let begun = tokio::time::Instant::now();
    let cut = Answer::Error(Error::Unavailable("connection reset".into()));
    let mut answers = vec![cut; 32];
    answers.push(Answer::Done);
    let store = Store::new(Scripted::new(&answers, &[]));
    let lanes: Vec<_> =
        (0..32).map(|id| tokio::spawn(store.clone().run(vec![set_job(id)]))).collect();
    for lane in lanes {
        lane.await.expect("no panic");
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_was_answered_before_a_batch_was_begun_is_left_out_of_it() {
    let then = Arc::new(Notify::new());
    let backend = Scripted::new(&[Answer::BeginThen(Arc::clone(&then)), Answer::Done], &[]);
    let (early, late) = (set_job(1), set_job(2));
    let progress = early.progress.clone();
    let early = Job { deadline: early.deadline.map(|deadline| deadline - TIMEOUT / 2), ..early };
    let late = Job { progress: progress.clone(), ..late };
    let lane = tokio::spawn(Store::new(backend.clone()).run(vec![early, late]));
    tokio::time::sleep(TIMEOUT / 2).await;
    assert!(progress.give_up(), "nothing has begun");
    then.notify_one();
    let outcomes = lane.await.expect("no panic").outcomes;
    let failed = Outcome::Failed(Failure::TimedOut);
    assert_eq!(outcomes, [(Ticket(1), failed), (Ticket(2), Outcome::Updated)]);
    assert_eq!(*backend.batches.lock(), [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_stored_may_be_answered_again() {
    let never = Answer::BeginThen(Arc::default());
    let store = Store::new(Scripted::new(&[Answer::Lost, never], &[Ok(false)]));
    let job = set_job(1);
    let progress = job.progress.clone();
    let lane = tokio::spawn(store.clone().run(vec![job]));
    tokio::time::timeout(TIMEOUT, store.in_vain()).await.expect("the core is told");
    assert!(progress.give_up());
    lane.abort();
}

const PANIC: &str = "the database server has panicked";

#[tokio::test(start_paused = true)]
async fn a_panic_is_answered_with_what_is_known() {
    let store = || Outcome::Failed(Failure::Store(PANIC.into()));
    let unknown = || Outcome::Failed(Failure::Unknown(PANIC.into()));
    let away = Err(Error::Unavailable("connection refused".into()));
    let in_commit = Answer::PanicInCommit(Some(MARK));
    let cases = [
        (Answer::Panic, vec![Ok(true)], store()),
        (in_commit.clone(), vec![away.clone(), Ok(true)], Outcome::Updated),
        (in_commit, vec![away, Ok(false)], store()),
        (Answer::PanicInCommit(None), vec![Ok(true)], unknown()),
    ];
    for (answer, findings, expected) in cases {
        let backend = Scripted::new(&[answer, Answer::Done], &findings);
        let finished = Store::new(backend.clone()).run(vec![set_job(1), set_job(2)]).await;
        assert!(finished.panic.is_some());
        assert_eq!(finished.outcomes, [1, 2].map(|id| (Ticket(id), expected.clone())));
        assert_eq!(*backend.batches.lock(), [2], "it is not tried again");
    }
}

/// A server, and who asks it.
struct Served {
    server: JoinHandle<()>,
    shutdown: CancellationToken,
    peer: Participant,
    inbox: Arc<Inbox>,
}

impl Served {
    fn by(backend: Arc<Scripted>) -> Self {
        let config = DatabaseConfig {
            control: CONTROL,
            broadcast: true,
            generate: DoIdRange::new(DoId(1000), DoId(1999)).expect("a range"),
            backend: BackendConfig::Sqlite { file: "none".into(), file_mode: 0o600 },
            operation_timeout_ms: 0,
        };
        let router = Router::new();
        let shutdown = CancellationToken::new();
        let (schema, seed) = (Schema::new(dc()), Seed::fixed(0));
        let server = shell::serve(&config, backend, schema, seed, &router, shutdown.clone());
        let inbox = Inbox::new("test", 1 << 20, usize::MAX);
        let peer = router.join("peer", inbox.clone());
        peer.batch().subscribe(SENDER);
        Served { server, shutdown, peer, inbox }
    }

    fn send(&self, context: u32) {
        let mut effects = Effects::new();
        let (field, values) = (COINS, [0; 8]);
        let message = Database::ObjectSetFieldIfEquals {
            context: Context(context),
            do_id: DoId(context),
            field,
            values: Rest(&values),
        };
        effects.route(&[CONTROL], SENDER, &message).expect("it fits");
        self.peer.batch().apply(&effects);
    }

    /// Who is answered next, and whether it was done.
    async fn answer(&self) -> (u32, bool) {
        let mut frames = Vec::new();
        self.inbox.recv(&mut frames).await;
        let frame = Frames::new(&frames).next().expect("a frame");
        let envelope = Envelope::read(frame.datagram()).expect("complete");
        let mut reader = Reader::new(envelope.body);
        match Database::decode(envelope.message_type, &mut reader) {
            Ok(Database::ObjectSetFieldIfEqualsResp { context, done, .. }) => (context.0, done),
            other => panic!("{other:?}"),
        }
    }
}

async fn begun(backend: &Scripted) {
    while backend.batches.lock().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_while_a_server_that_ends_has_work_is_done_but_not_for_ever() {
    let (first, second) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let answers = [&first, &second].map(|then| Answer::DoneThen(Arc::clone(then)));
    let backend = Scripted::new(&answers, &[]);
    let served = Served::by(backend.clone());
    served.send(1);
    begun(&backend).await;
    served.shutdown.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    served.send(2);
    tokio::time::sleep(Duration::from_secs(5)).await;
    served.send(3);
    first.notify_one();
    assert_eq!(served.answer().await, (1, true));
    second.notify_one();
    assert_eq!(served.answer().await, (2, true));
    served.server.await.expect("it ends in order");
    assert!(!served.inbox.try_recv(&mut Vec::new()), "the last came too late");
}

/// A server with two batches under way, of which the second one panics and the first one may be done then.
async fn expect_end_after_a_panic(is_done_then: bool) {
    let then = Arc::new(Notify::new());
    let backend = Scripted::new(&[Answer::DoneThen(Arc::clone(&then)), Answer::Panic], &[]);
    let served = Served::by(backend.clone());
    served.send(1);
    begun(&backend).await;
    served.send(2);
    assert_eq!(served.answer().await, (2, false), "the one that has panicked fails");
    if is_done_then {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(!served.server.is_finished());
        then.notify_one();
        assert_eq!(served.answer().await, (1, true), "the other one is done");
    }
    assert!(served.server.await.expect_err("it has failed").is_panic());
    assert!(!served.shutdown.is_cancelled(), "that is for the daemon to decide");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_panics_ends_the_server_when_the_others_are_answered() {
    expect_end_after_a_panic(true).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_has_failed_does_not_wait_for_ever() {
    let begun = tokio::time::Instant::now();
    expect_end_after_a_panic(false).await;
    assert!(begun.elapsed() < TIMEOUT);
}
