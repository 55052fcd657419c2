//! A SQL database, object by object.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHashSet};
use sqlx::AssertSqlSafe;

use super::catalog::Amendment;
use super::rewrite::Renumbered;
use super::salvage::{Salvaged, damaged, is_damage, unlisted};
use super::session::{Changes, NO_BYTES, NO_NUMBER, NO_TYPE, Session, in_words};
use super::shown::{self, shown};
use super::sqlite_file::EMPTY;
use super::{NO_TABLES, SqliteFile, SqliteSession};
use crate::ids::{DoId, DoIdRepr};
use crate::store::archive::{Archive, ArchiveMut, Broken, Entry, Form, FreeIds, Raw, Record};
use crate::store::layout::{self, is_compatible};
use crate::store::{BoxFuture, OpenError, Schema, half_imported};

/// A SQL database.
pub struct SqlArchive<S: Session> {
    pub(super) session: S,
    pub(super) options: S::Options,
    name: String,
    names: Names,
    pub(super) schema: Schema,
    /// What is odd about it as a whole.
    oddity: Option<String>,
    /// Whether nothing is to be written.
    pub(super) is_only_read: bool,
    /// What can be read of it, if there is damage where it says which objects there are.
    pub(super) salvaged: Option<Salvaged>,
    /// Whether there is a transaction in which all objects are changed.
    pub(super) is_changing: bool,
    /// The numbers of fields in it.
    pub(super) renumbered: Renumbered,
}

/// The database's numbers of classes and fields, by name.
#[derive(Default)]
struct Names {
    classes: FxHashMap<i32, Arc<str>>,
    class_numbers: FxHashMap<Arc<str>, i32>,
    fields: FxHashMap<i32, (Arc<str>, Arc<str>)>,
    field_numbers: FxHashMap<(i32, Arc<str>), i32>,
}

impl<S: Session> SqlArchive<S> {
    /// Connects, and creates or migrates the tables.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(options: &S::Options, schema: &Schema) -> Result<Self, OpenError> {
        let name = S::describe(options);
        let failed = |error| OpenError::Sql { what: format!("cannot open {name}"), error };
        let mut session = S::open(options).await.map_err(failed)?;
        session.check_tables(&name).await?;
        session.migrate().await.map_err(failed)?;
        shown::show_all(&mut session, schema).await.map_err(failed)?;
        Self::of(session, options, schema, false).await
    }

    /// What a session has to do with.
    pub(super) async fn of(
        session: S,
        options: &S::Options,
        schema: &Schema,
        is_only_read: bool,
    ) -> Result<Self, OpenError> {
        let name = S::describe(options);
        let failed = |error| OpenError::Sql { what: format!("cannot open {name}"), error };
        let mut archive = SqlArchive {
            session,
            options: options.clone(),
            name: name.clone(),
            names: Names::default(),
            schema: schema.clone(),
            oddity: None,
            is_only_read,
            salvaged: None,
            is_changing: false,
            renumbered: Renumbered::default(),
        };
        archive.read_names().await.map_err(failed)?;
        Ok(archive)
    }

    /// Refuses to change what is damaged.
    ///
    /// # Errors
    /// If it is.
    pub async fn refuse_damaged(&mut self) -> Result<(), OpenError> {
        refuse_half_imported(&mut self.session, &self.name).await?;
        let found = self.session.faults(false).await;
        let faults = found.map_err(self.failed("cannot read"))?;
        if faults.is_empty() {
            return Ok(());
        }
        Err(damaged("nothing is written", &self.name, &faults))
    }

    pub(super) fn failed(&self, what: &'static str) -> impl Fn(sqlx::Error) -> OpenError + use<S> {
        let name = self.name.clone();
        move |error| match S::IS_REMOTE {
            true => OpenError::Sql { what: format!("{what} {name}"), error },
            false => unlisted(format!("{what} {name}"), error),
        }
    }

    /// The number of a class.
    pub(super) fn class_number(&self, class: &str) -> Option<i32> {
        self.names.class_numbers.get(class).copied()
    }

    /// The name of a class.
    pub(super) fn class_name(&self, number: i32) -> Option<Arc<str>> {
        self.names.classes.get(&number).cloned()
    }

    /// The number of a class's field.
    pub(super) fn number_of(&self, class: &str, field: &str) -> Option<i32> {
        let class = self.class_number(class)?;
        self.names.field_numbers.get(&(class, Arc::from(field))).copied()
    }

    /// Classes, fields and the types of their values.
    pub(super) fn noted_types(&self) -> Vec<(String, String, String)> {
        let fields = self.names.field_numbers.iter();
        let noted = fields.filter_map(|((class, name), number)| {
            let class = self.names.classes.get(class)?;
            let (_, type_text) = self.names.fields.get(number)?;
            Some((class.to_string(), name.to_string(), type_text.to_string()))
        });
        noted.collect()
    }

    async fn read_names(&mut self) -> sqlx::Result<()> {
        let mut names = Names::default();
        let catalog = match self.session.catalog().await {
            Err(error) => self.salvage(error).await?.catalog.clone(),
            read => read?,
        };
        for row in catalog {
            let class: Arc<str> = row.class_name.into();
            names.class_numbers.insert(Arc::clone(&class), row.class);
            names.classes.insert(row.class, class);
            if let Some((number, name, type_text)) = row.field {
                let name: Arc<str> = name.into();
                names.field_numbers.insert((row.class, Arc::clone(&name)), number);
                names.fields.insert(number, (name, type_text.into()));
            }
        }
        self.names = names;
        Ok(())
    }

    async fn read(&mut self, ids: &[i64]) -> Result<Vec<Entry>, OpenError> {
        let error = match self.read_together(ids).await {
            Ok(read) => return Ok(read),
            Err(error) => error,
        };
        if self.is_changing || S::IS_REMOTE || !is_damage(&error) {
            return Err(self.failed("cannot read")(error));
        }
        if self.is_only_read {
            let failed = self.failed("cannot read");
            self.salvage(error).await.map_err(failed)?;
        }
        let is_listed = |id: &i64| !self.derived().contains_key(id);
        let (listed, derived): (Vec<i64>, Vec<i64>) = ids.iter().copied().partition(is_listed);
        let mut entries = self.read_apart(&listed).await?;
        entries.extend(self.read_apart(&derived).await?);
        Ok(entries)
    }

    /// The classes of objects that no table lists.
    fn derived(&self) -> &BTreeMap<i64, i32> {
        static NONE: BTreeMap<i64, i32> = BTreeMap::new();
        self.salvaged.as_ref().map_or(&NONE, |salvaged| &salvaged.derived)
    }

    /// What is damaged takes nothing with it that is not: of what cannot be read, each half is tried.
    async fn read_apart(&mut self, ids: &[i64]) -> Result<Vec<Entry>, OpenError> {
        let (mut parts, mut entries) = (vec![ids], Vec::new());
        while let Some(part) = parts.pop() {
            match (self.read_together(part).await, part) {
                (Ok(read), _) => entries.extend(read),
                (Err(error), _) if !is_damage(&error) => {
                    return Err(self.failed("cannot read")(error));
                }
                (Err(error), [id]) => {
                    let do_id = DoIdRepr::try_from(*id).ok().map(DoId);
                    let why = in_words(&error);
                    entries.extend(do_id.map(|do_id| Err(Broken { do_id, why })));
                }
                (Err(_), part) => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([right, left]);
                }
            }
        }
        Ok(entries)
    }

    async fn read_together(&mut self, ids: &[i64]) -> sqlx::Result<Vec<Entry>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let read = async {
            if self.is_changing {
                // A transaction of its own is not to be had within one.
                return Ok((self.session.lock(ids).await?, self.session.values(ids).await?));
            }
            let derived = ids.iter().map(|id| Some((*id, *self.derived().get(id)?)));
            if let Some(heads) = derived.collect::<Option<Vec<_>>>() {
                return Ok((heads, self.session.values(ids).await?));
            }
            self.session.snapshot(ids).await
        };
        let (mut heads, values) = read.await?;
        // Without its key, a table may say the same twice: each object is one, and has a field once.
        heads.sort_by_key(|(id, _)| *id);
        heads.dedup_by_key(|(id, _)| *id);
        let unknown = |class: &i32| !self.names.classes.contains_key(class);
        if !self.is_changing && heads.iter().any(|(_, class)| unknown(class)) {
            self.read_names().await?;
        }
        let mut by_object: FxHashMap<i64, Vec<(String, Raw)>> = FxHashMap::default();
        for (id, field, value) in values {
            let (name, type_text) = match self.names.fields.get(&field) {
                Some((name, type_text)) => {
                    let type_text = Some(Arc::clone(type_text)).filter(|text| **text != *NO_TYPE);
                    (name.to_string(), type_text)
                }
                None if self.salvaged.as_mut().is_some_and(|salvaged| salvaged.miss(field)) => {
                    continue;
                }
                None if field == NO_NUMBER => ("a field without a number".to_owned(), None),
                None => (format!("field {field}"), None),
            };
            let raw = match value {
                Some(value) => Raw::Packed { value: Bytes::from(value), type_text },
                None => Raw::Foreign { why: NO_BYTES.to_owned() },
            };
            by_object.entry(id).or_default().push((name, raw));
        }
        let record = |(id, class): (i64, i32)| {
            let do_id = DoId(DoIdRepr::try_from(id).ok()?);
            let mut values = by_object.remove(&id).unwrap_or_default();
            values.sort_by(|(left, _), (right, _)| left.cmp(right));
            values.dedup_by(|(left, _), (right, _)| left == right);
            Some(match self.names.classes.get(&class) {
                Some(class) => Ok(Record { do_id, class: class.to_string(), values }),
                None => Err(Broken { do_id, why: no_class(class) }),
            })
        };
        Ok(heads.into_iter().filter_map(record).collect())
    }

    /// Notes classes and fields that come for the first time.
    async fn know(&mut self, records: &[Record]) -> Result<(), OpenError> {
        let mut amendment = Amendment::default();
        for record in records {
            let class = self.names.class_numbers.get(&*record.class);
            if class.is_none() {
                amendment.classes.push(record.class.clone());
            }
            for (name, raw) in &record.values {
                let Raw::Packed { type_text: Some(type_text), .. } = raw else {
                    unreachable!("values are given packed, with their types");
                };
                let key = class.map(|class| (*class, Arc::from(name.as_str())));
                match key.and_then(|key| self.names.field_numbers.get(&key)) {
                    None => amendment.fields.push((
                        record.class.clone(),
                        name.clone(),
                        type_text.to_string(),
                    )),
                    Some(number) => {
                        let stored = &self.names.fields[number].1;
                        if !is_compatible(stored, type_text) {
                            return Err(layout::refuse_mixture(
                                &self.name,
                                (&record.class, name),
                                stored,
                                type_text,
                            ));
                        }
                    }
                }
            }
        }
        if amendment.is_empty() {
            return Ok(());
        }
        amendment.classes.sort_unstable();
        amendment.classes.dedup();
        amendment.fields.sort_unstable();
        amendment.fields.dedup_by(|left, right| (&left.0, &left.1) == (&right.0, &right.1));
        let failed = self.failed("cannot note classes in");
        self.session.amend(&amendment).await.map_err(&failed)?;
        self.read_names().await.map_err(failed)
    }

    /// Notes that ids up to this one have been given, in whichever range it lies.
    async fn note_given(&mut self, last: i64) -> Result<(), OpenError> {
        let failed = self.failed("cannot write into");
        self.session.begin().await.map_err(&failed)?;
        let sql = format!(
            "DELETE FROM donet_given WHERE id = {last}; INSERT INTO donet_given VALUES ({last})"
        );
        self.session.run(AssertSqlSafe(sql)).await.map_err(&failed)?;
        self.session.commit().await.map_err(failed)
    }

    async fn write(&mut self, changes: &Changes) -> Result<(), OpenError> {
        let failed = self.failed("cannot write into");
        self.session.begin().await.map_err(&failed)?;
        self.session.write(changes).await.map_err(&failed)?;
        self.session.commit().await.map_err(failed)
    }
}

impl SqlArchive<SqliteSession> {
    /// As [`SqlArchive::open`], but to read only: nothing is made or changed.
    ///
    /// # Errors
    /// If it is not there, or is damaged; what the database says.
    pub async fn look(file: &SqliteFile, schema: &Schema) -> Result<Self, OpenError> {
        let is_empty = file.is_empty();
        let (session, has_tables) = SqliteSession::look(file).await?;
        let oddity = match (is_empty, has_tables) {
            (true, _) => Some(format!("{file}: {EMPTY}")),
            (false, false) => Some(format!("{file} {NO_TABLES}")),
            (false, true) => None,
        };
        let archive = Self::of(session, file, schema, true).await?;
        Ok(SqlArchive { oddity, ..archive })
    }
}

impl<S: Session> Archive for SqlArchive<S> {
    fn oddities<'a>(
        &'a mut self,
        tell: &'a mut (dyn FnMut(String) + Send),
    ) -> BoxFuture<'a, Result<(), OpenError>> {
        let failed = self.failed("cannot read");
        Box::pin(async {
            let faults = self.session.faults(true).await.map_err(&failed)?;
            let altered = self.session.alterations().await.map_err(failed)?;
            faults.into_iter().chain(altered).for_each(tell);
            Ok(())
        })
    }

    fn oddity(&self) -> Option<String> {
        self.oddity.clone()
    }

    fn lost(&self) -> Vec<String> {
        self.salvaged.iter().flat_map(Salvaged::lost).collect()
    }

    fn damage(&mut self) -> BoxFuture<'_, Result<Vec<String>, OpenError>> {
        let failed = self.failed("cannot read");
        Box::pin(async { self.session.losses().await.map_err(failed) })
    }

    fn half_imported(&mut self) -> BoxFuture<'_, Result<Option<OpenError>, OpenError>> {
        let failed = self.failed("cannot read");
        Box::pin(async {
            let is_half = is_half_imported(&mut self.session).await.map_err(failed)?;
            Ok(is_half.then(|| half_imported(&self.name)))
        })
    }

    fn others(&mut self) -> BoxFuture<'_, Result<Option<String>, OpenError>> {
        let failed = self.failed("cannot look who uses");
        Box::pin(async { self.session.others(&self.options).await.map_err(failed) })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(self.session.close())
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        let failed = self.failed("cannot count the objects of");
        Box::pin(async {
            match self.session.count().await {
                Ok(count) => Ok(count.unsigned_abs()),
                Err(error) => Ok(self.salvage(error).await.map_err(failed)?.count()),
            }
        })
    }

    fn page(
        &mut self,
        after: Option<DoId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        let failed = self.failed("cannot read");
        let after = after.map_or(-1, |id| i64::from(id.0));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Box::pin(async move {
            let ids = match &self.salvaged {
                Some(salvaged) => salvaged.ids_after(after, limit),
                None => match self.session.object_ids(after, limit).await {
                    Ok(ids) => ids,
                    Err(error) => {
                        self.salvage(error).await.map_err(failed)?.ids_after(after, limit)
                    }
                },
            };
            let mut page = self.read(&ids).await?;
            page.sort_unstable_by_key(id_of);
            Ok(page)
        })
    }

    fn find<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        Box::pin(async {
            let ids: Vec<i64> = ids.iter().map(|id| i64::from(id.0)).collect();
            self.read(&ids).await
        })
    }

    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        let failed = self.failed("cannot read the free ids of");
        Box::pin(async move {
            let read = async {
                let highest = self.session.highest(0, i64::from(DoIdRepr::MAX)).await?;
                Ok((highest, self.session.free(0, i64::MAX, i64::MAX, !self.is_only_read).await?))
            };
            let (highest, free) = match read.await {
                Ok(read) => read,
                Err(error) => {
                    let salvaged = self.salvage(error).await.map_err(failed)?;
                    (salvaged.highest, salvaged.free.clone())
                }
            };
            let next = highest.map(|highest| highest.unsigned_abs() + 1);
            let free = free.into_iter().filter_map(|id| DoIdRepr::try_from(id).ok());
            Ok(FreeIds { next, free: free.map(DoId).collect() })
        })
    }
}

impl<S: Session> ArchiveMut for SqlArchive<S> {
    fn form(&self) -> Form {
        Form::Packed
    }

    fn put<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), OpenError>> {
        Box::pin(async move {
            self.know(records).await?;
            let mut changes = Changes::default();
            for record in records {
                let id = i64::from(record.do_id.0);
                let class = self.names.class_numbers[&*record.class];
                changes.deleted.push(id);
                changes.objects.push((id, class));
                let dc_class = self.schema.class_by_name(&record.class);
                for (name, raw) in &record.values {
                    let Raw::Packed { value, .. } = raw else {
                        unreachable!("values are given packed");
                    };
                    let field = self.names.field_numbers[&(class, Arc::from(name.as_str()))];
                    let text = shown(dc_class.and_then(|class| class.field_by_name(name)), value);
                    changes.values.push((id, field, value.clone(), text));
                }
            }
            changes.taken.clone_from(&changes.deleted);
            self.write(&changes).await
        })
    }

    fn set_free_ids<'a>(&'a mut self, ids: &'a FreeIds) -> BoxFuture<'a, Result<(), OpenError>> {
        Box::pin(async move {
            let known: FxHashSet<DoId> = self.free_ids().await?.free.into_iter().collect();
            let mut freed = Vec::new();
            for chunk in ids.free.chunks(PAGE) {
                let taken = self.find(chunk).await?;
                let taken: Vec<DoId> = taken.iter().map(id_of).collect();
                let is_new = |id: &&DoId| !taken.contains(id) && !known.contains(*id);
                freed.extend(chunk.iter().filter(is_new).map(|id| i64::from(id.0)));
            }
            self.write(&Changes { freed, ..Changes::default() }).await?;
            let last = ids.next.and_then(|next| i64::try_from(next).ok()).unwrap_or_default() - 1;
            if last > 0 {
                self.note_given(last).await?;
            }
            Ok(())
        })
    }

    fn set_unfinished(&mut self, is_unfinished: bool) -> BoxFuture<'_, Result<(), OpenError>> {
        let failed = self.failed("cannot write into");
        let sql = if is_unfinished { BEGIN_IMPORT } else { END_IMPORT };
        Box::pin(async move { self.session.run(sql).await.map_err(failed) })
    }

    fn clear(&mut self) -> BoxFuture<'_, Result<(), OpenError>> {
        let failed = self.failed("cannot clear");
        Box::pin(async {
            self.session.clear().await.map_err(&failed)?;
            // What comes next has its own past.
            self.session.run(FORGET_PAST).await.map_err(&failed)?;
            self.read_names().await.map_err(failed)
        })
    }
}

/// What is wrong with an object of such a class.
pub(super) fn no_class(number: i32) -> String {
    match number {
        NO_NUMBER => "no class has a number like its class's".to_owned(),
        number => format!("no class has the number {number}"),
    }
}

/// Ids looked up at a time.
const PAGE: usize = 256;

/// The table is there while objects are moved in.
const BEGIN_IMPORT: &str = "CREATE TABLE IF NOT EXISTS donet_import (id BIGINT PRIMARY KEY)";
const END_IMPORT: &str = "DROP TABLE IF EXISTS donet_import";

/// Refuses a database, called `name`, of which objects are missing, since they were being moved in.
///
/// # Errors
/// If it is one; if the database cannot be reached.
pub(super) async fn refuse_half_imported<S: Session>(
    session: &mut S,
    name: &str,
) -> Result<(), OpenError> {
    let is_half = is_half_imported(session).await;
    match is_half.map_err(|error| OpenError::Sql { what: format!("cannot read {name}"), error })? {
        true => Err(half_imported(name)),
        false => Ok(()),
    }
}

async fn is_half_imported<S: Session>(session: &mut S) -> sqlx::Result<bool> {
    match session.number("SELECT COUNT(*) FROM donet_import".to_owned()).await {
        Ok(_) => Ok(true),
        // There is no such table.
        Err(sqlx::Error::Database(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// See [`Rewrite`](crate::store::rewrite::Rewrite).
const FORGET_PAST: &str = "DROP TABLE IF EXISTS donet_migration";

fn id_of(entry: &Entry) -> DoId {
    match entry {
        Ok(record) => record.do_id,
        Err(broken) => broken.do_id,
    }
}
