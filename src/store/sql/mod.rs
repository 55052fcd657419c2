//! SQLite, PostgreSQL and MySQL: one schema, one way to apply a batch.
//!
//! | Table | Holds |
//! |---|---|
//! | `donet_schema` | the version of these tables |
//! | `donet_class` | the name of each class that was ever stored |
//! | `donet_field` | per class, the name of each stored field and the type its values have |
//! | `donet_object` | each object and its class |
//! | `donet_value` | each object's values, packed as on the wire, and as text for people |
//! | `donet_free` | ids of deleted objects, in the order of deletion |
//! | `donet_given` | the last id of each range that was given before the objects were moved here |
//! | `donet_unshown` | a row while there may be values without a text |
//! | `donet_import` | nothing; it is there while `donet db import` moves objects in |
//! | `donet_migration` | which [migrations](rewrite) were carried out; made by the first one |
//! | `donet_commit` | the last transaction of each writer, [to find out](commits) what was committed; not in SQLite |
//!
//! A batch is one transaction: lock and load the objects concerned, apply the operations in memory, write
//! what changed with a few statements of many rows each. The statements differ by database
//! ([`Session`]), nothing else does.
//!
//! An id is taken by inserting the object's row, so it cannot be given twice, by whichever process.
//! Ids that were never given are those above every object, every freed and every given id of the range; that is looked
//! up when the first object is created and counted in memory from there.

mod archive;
mod catalog;
mod commits;
mod copy;
mod faults;
mod ids;
mod look;
#[cfg(feature = "mysql")]
mod mysql;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod rewrite;
mod salvage;
mod server;
mod server_faults;
mod session;
mod shown;
mod sqlite;
mod sqlite_file;
mod statement;
mod tables;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{error, info, warn};

pub use self::archive::SqlArchive;
pub use self::copy::copy_sqlite;
pub use self::look::{LookedInto, connect as look_at_sqlite, tables_of_others};
#[cfg(feature = "mysql")]
pub use self::mysql::{MySqlOptions, MySqlSession};
#[cfg(feature = "postgres")]
pub use self::postgres::{PostgresOptions, PostgresSession};
pub use self::server::{NO_TABLES, NoTables, check_server, count_in_server};
pub use self::session::{Server, Session, in_words};
pub use self::sqlite::SqliteSession;
pub use self::sqlite_file::{EMPTY, SqliteFile};

use self::catalog::Catalog;
use self::commits::Commits;
use self::ids::{Allocator, Reservation};
use self::pool::Pool;
use self::session::{Changes, NO_BYTES};
use crate::config::DoIdRange;
use crate::hash::{Map, Seed};
use crate::ids::{DoId, FieldId};
use crate::store::apply::{Ids, Need, Object, Slot, Stored, WorkingSet, needs};
use crate::store::complaints::{Complaints, Misfit};
use crate::store::layout::is_renamed;
use crate::store::{
    Backend, BoxFuture, Commit, Error, Mark, OpenError, Operation, Outcome, Progress, Schema, hex,
};

/// A SQL database, over as many connections as it has lanes.
pub struct SqlBackend<S: Session> {
    schema: Schema,
    seed: Seed,
    lanes: usize,
    pool: Arc<Pool<S>>,
    commits: Commits,
    catalog: RwLock<Arc<Catalog>>,
    ids: Allocator,
    complaints: Complaints,
}

impl<S: Session> SqlBackend<S> {
    /// Connects, creates or migrates the tables, and checks that the stored classes agree with the DC
    /// files.
    ///
    /// # Errors
    /// If the database cannot be reached, or what it holds does not fit the DC files.
    pub async fn open(
        options: S::Options,
        lanes: usize,
        schema: Schema,
        range: DoIdRange,
        seed: Seed,
    ) -> Result<Self, OpenError> {
        let failed = |what: &str| {
            let what = format!("{what} {}", S::describe(&options));
            move |error: sqlx::Error| match S::IS_REMOTE {
                true => OpenError::Sql { what, error },
                false => salvage::unusable(what, error),
            }
        };
        let no_session = |error| {
            let what = format!("cannot open {}", S::describe(&options));
            match S::IS_REMOTE {
                true => OpenError::NoSession { what, error },
                false => OpenError::Sql { what, error },
            }
        };
        let mut session = open_session::<S>(&options).await.map_err(no_session)?;
        session.check_tables(&S::describe(&options)).await?;
        archive::refuse_half_imported(&mut session, &S::describe(&options)).await?;
        session.migrate().await.map_err(failed("cannot create or migrate the tables of"))?;
        if S::IS_REMOTE {
            commits::prune(&mut session).await.map_err(failed("cannot write to"))?;
        }
        let mut catalog = Catalog::load(&mut session, &schema)
            .await
            .map_err(failed("cannot read the classes of"))?;
        let found = catalog.compare(&schema);
        let held = found.held(&mut session).await.map_err(failed("cannot read the values of"))?;
        let news = found.judge(&held)?;
        shown::show_all(&mut session, &schema).await.map_err(failed("cannot write to"))?;
        if !news.is_empty() {
            for change in &news.changed {
                // Earlier versions have noted types without the names of their parts.
                if !is_renamed(&change.stored, &change.current) {
                    info!(%change, "the type of a stored field has changed, its values fit");
                }
            }
            session.amend(&news).await.map_err(failed("cannot note new fields in"))?;
            catalog = Catalog::load(&mut session, &schema)
                .await
                .map_err(failed("cannot read the classes of"))?;
        }
        for name in catalog.missing_classes() {
            warn!(
                class = name,
                "the database has objects of a class that the DC files do not have"
            );
        }
        Ok(SqlBackend {
            schema,
            seed,
            lanes,
            pool: Pool::new(options, session),
            commits: Commits::new(),
            catalog: RwLock::new(Arc::new(catalog)),
            ids: Allocator::new(range),
            complaints: Complaints::new(seed),
        })
    }

    async fn run_batch(
        &self,
        batch: &[Arc<Operation>],
        deadline: Option<Instant>,
        progress: &Progress,
    ) -> Result<Vec<Outcome>, Error> {
        let is_write = batch.iter().any(|operation| operation.is_write());
        let mut session = self.pool.take().await?;
        if is_write && let Err(late) = progress.begin() {
            self.pool.put(session);
            return Err(late);
        }
        let mut reservation = self.ids.reservation();
        let mut mark = (is_write && S::IS_REMOTE).then(|| self.commits.next());
        let applied = self.apply(&mut session, &mut reservation, is_write, mark.as_mut(), batch);
        let limit = answer_limit::<S>().into_iter().chain(deadline).min();
        let Applied { outcomes, unused, is_changed } = match answer_within(limit, applied).await {
            Ok(applied) => applied,
            Err(error) => {
                return Err(self.fail(session, mark, &mut reservation, error).await);
            }
        };
        if is_changed {
            let commit = mark.map(|mark| Commit { mark, outcomes: outcomes.clone() });
            progress.committing(commit);
            let commit = async { session.commit().await.map_err(failed::<S>) };
            match answer_within(answer_limit::<S>(), commit).await {
                Ok(()) => {}
                Err(Error::Unavailable(why)) => {
                    self.pool.discard(session).await;
                    // Ids are not given again, in case that they are taken.
                    reservation.settle(0);
                    let commit = mark.map(|mark| Commit { mark, outcomes });
                    return Err(Error::Unknown { why, commit });
                }
                Err(error) => {
                    return Err(self.fail(session, mark, &mut reservation, error).await);
                }
            }
        }
        if let Some(mark) = mark {
            self.commits.release(mark);
        }
        reservation.settle(unused);
        self.pool.put(session);
        Ok(outcomes)
    }

    /// Cleans up after a batch that was not applied; what is to be thought of it then.
    async fn fail(
        &self,
        session: S,
        mark: Option<Mark>,
        reservation: &mut Reservation<'_>,
        error: Error,
    ) -> Error {
        if matches!(error, Error::Conflict(_)) {
            reservation.forget();
        }
        let has_room = self.put_back(session, &error).await;
        if let Some(mark) = mark {
            self.commits.release(mark);
        }
        match error {
            // The same batch may succeed at once.
            Error::Unwritable(why) if has_room => Error::Conflict(why),
            error => error,
        }
    }

    /// Takes back a session that has met with an error. Whether there is room now, if there was none.
    async fn put_back(&self, mut session: S, error: &Error) -> bool {
        if matches!(error, Error::Unavailable(_)) {
            self.pool.discard(session).await;
            return false;
        }
        let undone = async {
            session.rollback().await.map_err(failed::<S>)?;
            Ok(matches!(error, Error::Unwritable(_)) && session.make_room().await)
        };
        match answer_within(answer_limit::<S>(), undone).await {
            Ok(has_room) => {
                self.pool.put(session);
                has_room
            }
            Err(_) => {
                self.pool.discard(session).await;
                false
            }
        }
    }

    async fn is_done(&self, commit: &Commit) -> Result<bool, Error> {
        let mut session = self.pool.take().await?;
        let is_done = async { Ok(commits::is_done(&mut session, commit.mark).await?) };
        match answer_within(answer_limit::<S>(), is_done).await {
            Ok(is_done) => {
                self.pool.put(session);
                self.commits.release(commit.mark);
                Ok(is_done)
            }
            Err(error) => {
                self.put_back(session, &error).await;
                Err(error)
            }
        }
    }

    /// Does everything in one transaction but the commit.
    async fn apply(
        &self,
        session: &mut S,
        reservation: &mut Reservation<'_>,
        is_write: bool,
        mark: Option<&mut Mark>,
        batch: &[Arc<Operation>],
    ) -> Result<Applied, Error> {
        let creations = batch.iter().filter(|operation| operation.do_id().is_none());
        let creations = creations.count();
        self.know_classes(session, batch).await?;
        let needs = needs(batch.iter().map(Arc::as_ref), self.seed);
        match mark {
            Some(mark) => commits::begin(session, mark).await?,
            None if is_write => session.begin().await.map_err(failed::<S>)?,
            None => {}
        }
        reservation.fill(session, creations).await.map_err(failed::<S>)?;
        let ids = Ids::new(self.ids.range(), reservation.ids());
        let mut set = WorkingSet::new(&self.schema, ids, self.seed);
        self.load(session, &mut set, &needs, is_write).await?;
        let outcomes = batch.iter().map(|operation| set.apply(operation)).collect();
        let mut is_changed = false;
        if is_write {
            let changes = self.changes(&set, reservation);
            is_changed = !changes.is_empty();
            if is_changed {
                session.write(&changes).await.map_err(failed::<S>)?;
            } else {
                // The mark alone is not worth a commit.
                session.rollback().await.map_err(failed::<S>)?;
            }
        }
        Ok(Applied { outcomes, unused: set.ids().unused().len(), is_changed })
    }

    /// Notes the classes of new objects, if one comes for the first time.
    async fn know_classes(&self, session: &mut S, batch: &[Arc<Operation>]) -> Result<(), Error> {
        for operation in batch {
            let Operation::Create { class, .. } = &**operation else {
                continue;
            };
            if self.catalog.read().knows(*class) {
                continue;
            }
            let class = self.schema.class(*class).expect("requests name classes of the schema");
            session.amend(&Catalog::additions(class)).await.map_err(failed::<S>)?;
            self.reload_catalog(session).await?;
        }
        Ok(())
    }

    async fn reload_catalog(&self, session: &mut S) -> Result<(), Error> {
        let catalog = Catalog::load(session, &self.schema).await;
        let catalog = catalog.map_err(failed::<S>)?;
        *self.catalog.write() = Arc::new(catalog);
        Ok(())
    }

    async fn load(
        &self,
        session: &mut S,
        set: &mut WorkingSet<'_>,
        needs: &Map<DoId, Need>,
        lock: bool,
    ) -> Result<(), Error> {
        let mut all: Vec<i64> = needs.keys().map(|id| i64::from(id.0)).collect();
        all.sort_unstable();
        if all.is_empty() {
            return Ok(());
        }
        let with_values = needs.iter().filter(|(_, need)| **need == Need::Values);
        let with_values: Vec<i64> = with_values.map(|(id, _)| i64::from(id.0)).collect();
        let (heads, values) = if lock {
            let heads = session.lock(&all).await.map_err(failed::<S>)?;
            let values = match with_values.is_empty() {
                true => Vec::new(),
                false => session.values(&with_values).await.map_err(failed::<S>)?,
            };
            (heads, values)
        } else {
            session.snapshot(&all).await.map_err(failed::<S>)?
        };
        if heads.iter().any(|(_, class)| !self.catalog.read().has(*class)) {
            self.reload_catalog(session).await?;
        }
        let catalog = Arc::clone(&self.catalog.read());
        let mut objects: Map<i64, (i32, Object)> = Map::with_hasher(self.seed);
        objects.extend(heads.into_iter().map(|(id, class)| {
            let object = Object { class: catalog.class(class), values: Vec::new() };
            (id, (class, object))
        }));
        for (id, field, value) in values {
            if let Some((class, object)) = objects.get_mut(&id)
                && let Some(field) = catalog.field(*class, field)
            {
                object.values.push((field, self.checked(id, object, field, value)));
            }
        }
        for (id, (_, mut object)) in objects {
            object.values.sort_unstable_by_key(|(field, _)| *field);
            set.load(do_id(id), object);
        }
        Ok(())
    }

    /// What was stored may have become invalid since: the DC files change.
    fn checked(&self, id: i64, object: &Object, field: FieldId, value: Option<Vec<u8>>) -> Stored {
        let class = object.class.as_ref().ok().and_then(|class| self.schema.class(*class));
        let Some((class, field)) = class.and_then(|class| Some((class, class.field(field)?)))
        else {
            return Stored::Unreadable;
        };
        let complain = |text: &str, why: &dyn fmt::Display| {
            let place = S::describe(self.pool.options());
            let misfit = Misfit { do_id: do_id(id), class, field, place: &place };
            self.complaints.complain(misfit, &value, text, why);
            Stored::Unreadable
        };
        let Some(bytes) = &value else {
            return complain("", &NO_BYTES);
        };
        match field.validate_all(bytes) {
            Ok(()) => Stored::Packed(Bytes::from(value.unwrap_or_default())),
            Err(why) => complain(&field.format(bytes).unwrap_or_else(|_| hex(bytes)), &why),
        }
    }

    fn changes(&self, set: &WorkingSet<'_>, reservation: &Reservation<'_>) -> Changes {
        let catalog = Arc::clone(&self.catalog.read());
        let mut changes = Changes::default();
        for (do_id, slot) in set.slots() {
            self.collect_changes(&catalog, i64::from(do_id.0), slot, &mut changes);
        }
        let unused = set.ids().unused().len();
        changes.taken = reservation.taken_from_free(unused);
        changes.freed = set.ids().released().iter().map(|id| i64::from(id.0)).collect();
        changes
    }

    fn collect_changes(&self, catalog: &Catalog, id: i64, slot: &Slot, changes: &mut Changes) {
        if slot.is_deleted() {
            changes.deleted.push(id);
        }
        let Some(object) = &slot.object else {
            return;
        };
        let Ok(class) = object.class else {
            return;
        };
        let stored = |field: FieldId| catalog.stored_field(class, field);
        let new = |field: FieldId, value: &Bytes| {
            (id, stored(field), value.clone(), shown::shown(self.schema.field(field), value))
        };
        if slot.is_new {
            changes.objects.push((id, catalog.stored_class(class)));
            for (field, value) in &object.values {
                if let Stored::Packed(value) = value {
                    changes.values.push(new(*field, value));
                }
            }
            return;
        }
        let mut changed = slot.changed.clone();
        changed.sort_unstable();
        changed.dedup();
        for field in changed {
            match slot.value(field) {
                Some(value) => changes.values.push(new(field, value)),
                None => changes.removed.push((id, stored(field))),
            }
        }
    }
}

/// What a batch comes to, before it is committed.
struct Applied {
    outcomes: Vec<Outcome>,
    /// Ids that were reserved and not given.
    unused: usize,
    /// Whether anything was written, so that there is something to commit.
    is_changed: bool,
}

/// The id of an object that was asked for.
fn do_id(id: i64) -> DoId {
    DoId(id.try_into().expect("ids that were asked for are doIds"))
}

/// When a session that is asked now is given up.
fn answer_limit<S: Session>() -> Option<Instant> {
    S::ANSWER_LIMIT.map(|limit| Instant::now() + limit)
}

fn failed<S: Session>(error: sqlx::Error) -> Error {
    S::classify(&error).into()
}

async fn open_session<S: Session>(options: &S::Options) -> sqlx::Result<S> {
    match timeout(pool::CONNECT_LIMIT, S::open(options)).await {
        Ok(opened) => opened,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// Waits for a database until `limit`.
async fn answer_within<T>(
    limit: Option<Instant>,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = limit else {
        return answer.await;
    };
    match timeout_at(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Error::Unavailable("the database has not answered in time".into())),
    }
}

impl<S: Session> fmt::Display for SqlBackend<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&S::describe(self.pool.options()))
    }
}

impl<S: Session> Backend for SqlBackend<S> {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn run<'a>(
        &'a self,
        batch: &'a [Arc<Operation>],
        deadline: Option<Instant>,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        Box::pin(self.run_batch(batch, deadline, progress))
    }

    fn find_out<'a>(&'a self, commit: &'a Commit) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(self.is_done(commit))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            if !S::IS_REMOTE {
                // A file that was deleted since it was used last is put back.
                match self.pool.take().await {
                    Ok(session) => self.pool.put(session),
                    Err(error) => {
                        let error = Error::from(error);
                        error!(%error, "the database ends, and is not where it was");
                    }
                }
            } else if let Some(mut session) = self.pool.take_idle() {
                let forgotten = async {
                    commits::forget(&mut session, &self.commits).await;
                    Ok(())
                };
                if answer_within(answer_limit::<S>(), forgotten).await.is_ok() {
                    self.pool.put(session);
                }
            }
            self.pool.close().await;
        })
    }
}
