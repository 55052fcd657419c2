//! Many schedules: run, repeated, made shorter.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use donet::config::Config;
use parking_lot::Mutex;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use tokio::runtime::Builder;
use tracing_subscriber::layer::SubscriberExt;

use crate::cluster::{self, Shape};
use crate::judge::{self, Tally};
use crate::logs::Logs;
use crate::play::{self, Schedule};
use crate::run::Run;

/// How many steps a schedule has; of a failing one, there may be as few.
const STEPS: std::ops::Range<usize> = 1..70;
/// How often a failing schedule is run to make it shorter.
const SHRINKS_MAX: u32 = 500;

/// What came of a run.
pub struct Outcome {
    /// What did not hold.
    pub wrong: Vec<String>,
    /// The same for the same schedule.
    pub digest: u64,
    /// What could be judged.
    pub tally: Tally,
    /// What happened, for whoever reads of a failure.
    pub story: Vec<String>,
}

/// Runs a schedule from its beginning to its judgement.
pub fn run(schedule: &Schedule) -> Outcome {
    let logs = Logs::default();
    let subscriber = tracing_subscriber::registry().with(logs.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(play(schedule, logs))
}

async fn play(schedule: &Schedule, logs: Logs) -> Outcome {
    let mut run = Run::start(schedule, configs(schedule.shape), logs).await;
    let steps = schedule.steps.iter();
    for (op, pause) in steps.filter(|(op, _)| !(schedule.is_calm && op.disturbs_daemons())) {
        run.step(*op).await;
        run.pass(Duration::from_millis((*pause).into())).await;
    }
    run.heal().await;
    let (wrong, tally) = judge::all(&mut run).await;
    Outcome { wrong, digest: run.net.digest(), tally, story: run.story() }
}

/// The configurations of a shape, which are read once.
fn configs(shape: Shape) -> &'static [Config] {
    static CONFIGS: [OnceLock<Vec<Config>>; 4] = [const { OnceLock::new() }; 4];
    CONFIGS[shape.count() - 1].get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        cluster::configs(shape, folder.path())
    })
}

/// The schedule of a seed, and shorter ones.
pub fn of_seed(seed: u64) -> impl ValueTree<Value = Schedule> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), rng);
    play::schedules(STEPS).new_tree(&mut runner).expect("nothing is filtered")
}

/// A schedule that has failed.
pub struct Failure {
    pub seed: u64,
    /// The shortest that has been found.
    pub schedule: Schedule,
    pub outcome: Outcome,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, schedule, outcome } = self;
        writeln!(
            f,
            "seed {seed} fails; DONET_SEED={seed} repeats it. The shortest that was found:"
        )?;
        writeln!(
            f,
            "{:?}, network {}, AIs at {:?}",
            schedule.shape, schedule.seed, schedule.places
        )?;
        for (op, pause) in &schedule.steps {
            if schedule.is_calm && op.disturbs_daemons() {
                continue;
            }
            writeln!(f, "  {op:?}, then {pause} ms")?;
        }
        writeln!(f, "What happened:")?;
        outcome.story.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        writeln!(f, "What does not hold:")?;
        outcome.wrong.iter().try_for_each(|wrong| writeln!(f, "  {wrong}"))
    }
}

/// Runs the schedule of a seed. If it fails, it is made shorter.
pub fn check(seed: u64) -> Result<Tally, Box<Failure>> {
    let mut tree = of_seed(seed);
    let outcome = run(&tree.current());
    if outcome.wrong.is_empty() {
        return Ok(outcome.tally);
    }
    let mut shortest = Failure { seed, schedule: tree.current(), outcome };
    let mut runs = 0;
    let mut is_simpler = tree.simplify();
    while is_simpler && runs < SHRINKS_MAX {
        runs += 1;
        let schedule = tree.current();
        let outcome = run(&schedule);
        is_simpler = if outcome.wrong.is_empty() {
            tree.complicate()
        } else {
            shortest = Failure { seed, schedule, outcome };
            tree.simplify()
        };
    }
    Err(Box::new(shortest))
}

/// Runs the schedules of these seeds, on all cores; what could be judged in all of them. With the first that fails it ends,
/// unless `goes_on`: then each is named in a line.
///
/// # Errors
/// One that has failed, made shorter.
pub fn check_all(
    seeds: impl Iterator<Item = u64> + Send,
    goes_on: bool,
) -> Result<Tally, Box<Failure>> {
    let (seeds, total) = (Mutex::new(seeds), Mutex::new(Tally::default()));
    let failed = Mutex::new(None);
    let done = AtomicU64::new(0);
    let next = || {
        let has_ended = failed.lock().is_some() && !goes_on;
        if has_ended { None } else { seeds.lock().next() }
    };
    let work = || {
        while let Some(seed) = next() {
            let outcome = run(&of_seed(seed).current());
            match outcome.wrong.first() {
                None => total.lock().add(&outcome.tally),
                Some(wrong) => {
                    eprintln!("seed {seed}: {wrong}");
                    failed.lock().get_or_insert(seed);
                }
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done.is_multiple_of(10_000) {
                eprintln!("{done} schedules");
            }
        }
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (0..cores).for_each(|_| drop(scope.spawn(work)));
    });
    if let Some(seed) = failed.into_inner() {
        check(seed)?;
    }
    Ok(total.into_inner())
}
