//! A store in memory: a plain model of what a database server works with, which takes its time and fails when told to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use donet::config::{DatabaseConfig, DoIdRange};
use donet::hash::Seed;
use donet::ids::{ClassId, DoId, FieldId};
use donet::store::{
    Backend, BoxFuture, Commit, Error, Mark, OpenError, Operation, Outcome, Progress, Schema,
    Selection, Stores,
};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::chance::Chance;

/// What a store holds, whoever has it open.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<Inner>>);

struct Inner {
    chance: Chance,
    objects: BTreeMap<DoId, (ClassId, BTreeMap<FieldId, Bytes>)>,
    next: u32,
    /// The number of whoever has it open; others have crashed.
    holder: u64,
    /// It cannot be reached before.
    away_until: Instant,
    /// So many commits come to nothing that can be told at once.
    to_be_lost: u32,
    commits: BTreeMap<i64, bool>,
    next_commit: i64,
}

impl Disk {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Disk(Arc::new(Mutex::new(Inner {
            chance: Chance::new(seed),
            objects: BTreeMap::new(),
            next: 0,
            holder: 0,
            away_until: Instant::now(),
            to_be_lost: 0,
            commits: BTreeMap::new(),
            next_commit: 0,
        })))
    }

    /// It cannot be reached for so long.
    pub fn go_away(&self, time: Duration) {
        self.0.lock().away_until = Instant::now() + time;
    }

    /// The connection is lost during so many commits.
    pub fn lose_commits(&self, count: u32) {
        self.0.lock().to_be_lost += count;
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut inner = self.0.lock();
        inner.away_until = Instant::now();
        inner.to_be_lost = 0;
    }

    /// Whoever has it open has crashed.
    pub fn crash(&self) {
        self.0.lock().holder += 1;
    }

    /// The value of a field; `None` if there is no such object.
    pub fn value(&self, do_id: DoId, field: FieldId) -> Option<Option<Bytes>> {
        self.0.lock().objects.get(&do_id).map(|(_, values)| values.get(&field).cloned())
    }
}

impl Stores for Disk {
    fn open<'a>(
        &'a self,
        config: &'a DatabaseConfig,
        _schema: &'a Schema,
        _seed: Seed,
        _patience: Option<Duration>,
    ) -> BoxFuture<'a, Result<Arc<dyn Backend>, OpenError>> {
        let mut inner = self.0.lock();
        inner.holder += 1;
        let model = Model { disk: self.clone(), range: config.generate, holder: inner.holder };
        Box::pin(std::future::ready(Ok(Arc::new(model) as Arc<dyn Backend>)))
    }
}

struct Model {
    disk: Disk,
    range: DoIdRange,
    holder: u64,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("model")
    }
}

impl Backend for Model {
    fn lanes(&self) -> usize {
        2
    }

    fn run<'a>(
        &'a self,
        batch: &'a [Arc<Operation>],
        _deadline: Option<Instant>,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        Box::pin(async move {
            self.take_time().await;
            let is_write = batch.iter().any(|operation| operation.is_write());
            if is_write {
                progress.begin()?;
            }
            self.take_time().await;
            let lost = {
                let mut inner = self.disk.0.lock();
                self.check(&inner)?;
                if !is_write || inner.to_be_lost == 0 {
                    let outcomes = batch.iter().map(|operation| inner.apply(self.range, operation));
                    return Ok(outcomes.collect());
                }
                inner.lose(self.range, batch)
            };
            progress.committing(Some(lost.clone()));
            Err(Error::Unknown { why: "cut".into(), commit: Some(lost) })
        })
    }

    fn find_out<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            self.take_time().await;
            let inner = self.disk.0.lock();
            self.check(&inner)?;
            Ok(inner.commits[&commit.mark.slot])
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Model {
    async fn take_time(&self) {
        let ms = self.disk.0.lock().chance.below(8);
        tokio::time::sleep(Duration::from_millis(ms as u64)).await;
    }

    fn check(&self, inner: &Inner) -> Result<(), Error> {
        if inner.holder != self.holder || Instant::now() < inner.away_until {
            return Err(Error::Unavailable("out of reach".into()));
        }
        Ok(())
    }
}

impl Inner {
    /// Commits a batch or not, without saying which.
    fn lose(&mut self, range: DoIdRange, batch: &[Arc<Operation>]) -> Commit {
        self.to_be_lost -= 1;
        let before = (self.objects.clone(), self.next);
        let outcomes = batch.iter().map(|operation| self.apply(range, operation)).collect();
        let is_done = self.chance.one_in(2);
        if !is_done {
            (self.objects, self.next) = before;
        }
        let slot = self.next_commit;
        self.next_commit += 1;
        self.commits.insert(slot, is_done);
        Commit { mark: Mark { slot, sequence: 0, holder: None, is_lost: false }, outcomes }
    }

    fn apply(&mut self, range: DoIdRange, operation: &Operation) -> Outcome {
        match operation {
            Operation::Create { class, values } => {
                let do_id = DoId(range.min.0 + self.next);
                if !range.contains(do_id) {
                    return Outcome::Exhausted;
                }
                self.next += 1;
                self.objects.insert(do_id, (*class, values.iter().cloned().collect()));
                Outcome::Created(do_id)
            }
            Operation::Get { do_id, selection } => {
                let Some((class, values)) = self.objects.get(do_id) else { return Outcome::Absent };
                let is_wanted = |field: &FieldId| match selection {
                    Selection::All => true,
                    Selection::Fields(fields) => fields.contains(field),
                };
                let values = values.iter().filter(|(field, _)| is_wanted(field));
                let values = values.map(|(field, value)| (*field, value.clone())).collect();
                Outcome::Object { class: *class, values }
            }
            Operation::Update { do_id, criteria, changes } => {
                let Some((_, values)) = self.objects.get_mut(do_id) else { return Outcome::Absent };
                if criteria.iter().any(|(field, value)| values.get(field) != value.as_ref()) {
                    let current = criteria.iter().filter_map(|(field, _)| {
                        values.get(field).map(|value| (*field, value.clone()))
                    });
                    return Outcome::Mismatch(current.collect());
                }
                for (field, value) in changes {
                    match value {
                        Some(value) => values.insert(*field, value.clone()),
                        None => values.remove(field),
                    };
                }
                Outcome::Updated
            }
            Operation::Delete { do_id } => match self.objects.remove(do_id) {
                Some(_) => Outcome::Deleted,
                None => Outcome::Absent,
            },
        }
    }
}
