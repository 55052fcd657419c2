//! From one store into another, and then a look at whether everything arrived.

use rustc_hash::{FxHashMap, FxHashSet};

use super::translate::{Problem, translate};
use crate::config::DoIdRange;
use crate::ids::DoId;
use crate::store::archive::{Archive, ArchiveMut, Entry, Form, Raw, Record, id_of};
use crate::store::{OpenError, Schema};

/// Objects that are moved at a time.
const PAGE: usize = 500;
/// Problems that are remembered; others are counted.
const PROBLEMS_MAX: usize = 100;

/// What to do with objects that the target has already.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Refuse if there are any.
    #[default]
    New,
    /// Remove them all first.
    Replace,
    /// Leave those alone that are the same, and refuse if one is not.
    Resume,
}

/// How to move.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// What to do with objects that the target has.
    pub mode: Mode,
    /// Leave out what cannot be moved, instead of moving nothing.
    pub drop_unreadable: bool,
    /// Whether everything is compared at the end.
    pub verify: bool,
    /// The ids that the target gives, if it gives any.
    pub range: Option<DoIdRange>,
}

/// What is being done.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The source is read to see whether everything can be moved.
    Checking,
    /// Objects are moved.
    Moving,
    /// Source and target are compared.
    Comparing,
    /// Files are copied.
    Copying,
}

/// Hears how many objects of how many are done.
pub type Progress<'a> = &'a mut (dyn FnMut(Step, u64, u64) + Send);

/// What was moved.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Moved {
    /// Objects that are in the target now.
    pub objects: u64,
    /// Their values.
    pub values: u64,
    /// Objects that were there already.
    pub skipped: u64,
    /// What was left out, or a part of it.
    pub problems: Vec<Problem>,
    /// How many problems there were.
    pub problem_count: u64,
    /// How many of them were whole objects.
    pub problem_objects: u64,
    /// How many of the objects have ids that the target gives to nobody.
    pub outside: u64,
    /// What of the source cannot even be listed, and why there may be more than is known.
    pub lost: Vec<String>,
}

impl Moved {
    fn note(&mut self, problem: Problem) {
        self.problem_count += 1;
        self.problem_objects += u64::from(problem.field.is_none());
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// Why objects were not moved.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A store cannot be used.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The target has objects, and nobody said what to do with them.
    #[error("{target} has {objects} object{}", if *objects == 1 { "" } else { "s" })]
    NotEmpty {
        /// The target.
        target: String,
        /// How many objects it has.
        objects: u64,
    },
    /// The target has another object under an id that is to be moved.
    #[error("{target} has an object {do_id} that is not the same")]
    Different {
        /// The target.
        target: String,
        /// The object.
        do_id: DoId,
    },
    /// Not everything can be moved; nothing was.
    #[error("{} things cannot be moved", .0.problem_count + .0.lost.len() as u64)]
    Unreadable(Moved),
    /// The target does not have what was written into it.
    #[error("object {do_id} is not in {target} as it was written")]
    Lost {
        /// The target.
        target: String,
        /// The object.
        do_id: DoId,
    },
}

/// Moves all objects of `source` into `target`.
///
/// # Errors
/// See [`CopyError`]. After most of them, [`Mode::Resume`] goes on where this stopped.
pub async fn copy(
    source: &mut dyn Archive,
    target: &mut dyn ArchiveMut,
    schema: &Schema,
    options: Options,
    progress: Progress<'_>,
) -> Result<Moved, CopyError> {
    let objects = target.count().await?;
    if objects > 0 && options.mode == Mode::New {
        return Err(CopyError::NotEmpty { target: target.describe(), objects });
    }
    let damage = source.damage().await?;
    let mut mover = Mover { schema, options, progress, total: source.count().await? };
    if !options.drop_unreadable {
        mover.check(source, target.form(), &damage).await?;
    }
    if options.mode == Mode::Replace {
        target.set_unfinished(true).await?;
        target.clear().await?;
    }
    let mut moved = mover.write(source, target).await?;
    let mut ids = source.free_ids().await?;
    moved.lost = [damage, source.lost()].concat();
    let mut known = FxHashSet::default();
    // An id that is free twice would be given twice, and 0 is none.
    ids.free.retain(|id| id.0 != 0 && known.insert(*id));
    target.set_free_ids(&ids).await?;
    target.set_unfinished(false).await?;
    if options.verify {
        mover.compare(source, target).await?;
    }
    Ok(moved)
}

struct Mover<'a> {
    schema: &'a Schema,
    options: Options,
    progress: Progress<'a>,
    total: u64,
}

impl Mover<'_> {
    async fn check(
        &mut self,
        source: &mut dyn Archive,
        form: Form,
        damage: &[String],
    ) -> Result<(), CopyError> {
        let (mut moved, mut after, mut done) = (Moved::default(), None, 0);
        loop {
            let page = source.page(after, PAGE).await?;
            let Some(last) = page.last().map(id_of) else {
                break;
            };
            after = Some(last);
            done += page.len() as u64;
            for entry in page {
                translate(entry, self.schema, form, |problem| moved.note(problem));
            }
            (self.progress)(Step::Checking, done, self.total);
        }
        source.free_ids().await?;
        moved.lost = [damage, &source.lost()].concat();
        match moved.problem_count == 0 && moved.lost.is_empty() {
            true => Ok(()),
            false => Err(CopyError::Unreadable(moved)),
        }
    }

    async fn write(
        &mut self,
        source: &mut dyn Archive,
        target: &mut dyn ArchiveMut,
    ) -> Result<Moved, CopyError> {
        let (mut moved, mut after, mut done) = (Moved::default(), None, 0);
        loop {
            let page = source.page(after, PAGE).await?;
            let Some(last) = page.last().map(id_of) else {
                return Ok(moved);
            };
            after = Some(last);
            done += page.len() as u64;
            let mut records = translate_all(page, self.schema, target.form(), &mut moved);
            if self.options.mode == Mode::Resume {
                let before = records.len();
                records = self.missing(records, target).await?;
                moved.skipped += (before - records.len()) as u64;
            }
            // Not before something is written: what is refused then has left the target as it was.
            if moved.objects == 0 && !records.is_empty() {
                target.set_unfinished(true).await?;
            }
            target.put(&records).await?;
            moved.objects += records.len() as u64;
            let is_outside = |record: &&Record| {
                self.options.range.is_some_and(|range| !range.contains(record.do_id))
            };
            moved.outside += records.iter().filter(is_outside).count() as u64;
            moved.values += records.iter().map(|record| record.values.len() as u64).sum::<u64>();
            (self.progress)(Step::Moving, done, self.total);
        }
    }

    /// Those of the objects that the target does not have.
    async fn missing(
        &mut self,
        records: Vec<Record>,
        target: &mut dyn ArchiveMut,
    ) -> Result<Vec<Record>, CopyError> {
        let there = self.stored(&records, target).await?;
        let mut missing = Vec::new();
        for record in records {
            match there.get(&record.do_id) {
                None => missing.push(record),
                Some(Some(other)) if is_same(other, &record) => {}
                Some(_) => {
                    let (target, do_id) = (target.describe(), record.do_id);
                    return Err(CopyError::Different { target, do_id });
                }
            }
        }
        Ok(missing)
    }

    /// What the target has of these objects, in its own form; nothing of one that cannot be read.
    async fn stored(
        &mut self,
        records: &[Record],
        target: &mut dyn ArchiveMut,
    ) -> Result<FxHashMap<DoId, Option<Record>>, CopyError> {
        let ids: Vec<DoId> = records.iter().map(|record| record.do_id).collect();
        let found = target.find(&ids).await?.into_iter();
        let found = found
            .map(|entry| (id_of(&entry), translate(entry, self.schema, target.form(), |_| {})));
        Ok(found.collect())
    }

    async fn compare(
        &mut self,
        source: &mut dyn Archive,
        target: &mut dyn ArchiveMut,
    ) -> Result<(), CopyError> {
        let (mut after, mut done) = (None, 0);
        loop {
            let page = source.page(after, PAGE).await?;
            let Some(last) = page.last().map(id_of) else {
                return Ok(());
            };
            after = Some(last);
            done += page.len() as u64;
            let records = translate_all(page, self.schema, target.form(), &mut Moved::default());
            let stored = self.stored(&records, target).await?;
            for record in &records {
                let stored = stored.get(&record.do_id).and_then(Option::as_ref);
                if !stored.is_some_and(|stored| is_same(stored, record)) {
                    let (target, do_id) = (target.describe(), record.do_id);
                    return Err(CopyError::Lost { target, do_id });
                }
            }
            (self.progress)(Step::Comparing, done, self.total);
        }
    }
}

fn translate_all(page: Vec<Entry>, schema: &Schema, form: Form, moved: &mut Moved) -> Vec<Record> {
    let translated = page
        .into_iter()
        .filter_map(|entry| translate(entry, schema, form, |problem| moved.note(problem)));
    translated.collect()
}

/// Whether two records in the same form say the same.
fn is_same(left: &Record, right: &Record) -> bool {
    // How a type is written does not matter once the value has been checked against the DC files.
    let value = |(name, raw): &(String, Raw)| match raw {
        Raw::Packed { value, .. } => (name.clone(), value.to_vec()),
        Raw::Text { text, .. } => (name.clone(), text.clone().into_bytes()),
        Raw::Foreign { why } => (name.clone(), why.clone().into_bytes()),
    };
    let sorted = |record: &Record| {
        let mut values: Vec<_> = record.values.iter().map(value).collect();
        values.sort_unstable();
        values
    };
    left.class == right.class && sorted(left) == sorted(right)
}
