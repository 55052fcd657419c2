//! What is in a store.

use std::collections::BTreeMap;

use super::copy::{Progress, Step};
use super::translate::{NOT_STORED, Problem, no_id, packed, translate, unknown_class};
use crate::ids::DoId;
use crate::store::archive::{Archive, Broken, Form, FreeIds, Raw, Record, id_of};
use crate::store::{OpenError, Schema, hex};

/// Objects that are read at a time.
const PAGE: usize = 500;

/// Objects that cannot be read for the same reason and are named; the others are counted.
const BROKEN_NAMED: u64 = 20;

/// Reasons that are remembered for that. What is wrong with each file of a directory may be something else.
const REASONS_MAX: usize = 1 << 10;

/// Objects of one class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClassStats {
    /// How many there are.
    pub objects: u64,
    /// How many values they have.
    pub values: u64,
    /// Bytes of the values, as they are stored.
    pub bytes: u64,
}

/// What is in a store.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// By name of the class; objects that cannot be read have an empty one.
    pub classes: BTreeMap<String, ClassStats>,
    /// The lowest and highest id of an object.
    pub ids: Option<(DoId, DoId)>,
    /// Which ids are free.
    pub free: FreeIds,
    /// What cannot even be listed, in words.
    pub lost: Vec<String>,
}

/// Counts.
///
/// # Errors
/// If the store cannot be read.
pub async fn stats(source: &mut dyn Archive, progress: Progress<'_>) -> Result<Stats, OpenError> {
    let mut stats = Stats { free: source.free_ids().await?, ..Stats::default() };
    let (total, mut done, mut after) = (source.count().await?, 0, None);
    loop {
        let page = source.page(after, PAGE).await?;
        if page.is_empty() {
            stats.lost = source.lost();
            return Ok(stats);
        }
        done += page.len() as u64;
        for entry in page {
            let (do_id, class, values) = match entry {
                Ok(record) => (record.do_id, record.class, record.values),
                Err(broken) => (broken.do_id, String::new(), Vec::new()),
            };
            let lowest = stats.ids.map_or(do_id, |(lowest, _)| lowest);
            stats.ids = Some((lowest, do_id));
            after = Some(do_id);
            let class = stats.classes.entry(class).or_default();
            class.objects += 1;
            class.values += values.len() as u64;
            class.bytes += values.iter().map(|(_, raw)| raw_bytes(raw)).sum::<u64>();
        }
        progress(Step::Checking, done, total);
    }
}

fn raw_bytes(raw: &Raw) -> u64 {
    let bytes = match raw {
        Raw::Packed { value, .. } => value.len(),
        Raw::Text { text, .. } => text.len(),
        Raw::Foreign { .. } => 0,
    };
    bytes as u64
}

/// Tells everything stored that does not agree with the DC files, or with itself, and for how many problems a line stands;
/// returns the number of objects.
///
/// # Errors
/// If the store cannot be read.
pub async fn verify(
    source: &mut dyn Archive,
    schema: &Schema,
    progress: Progress<'_>,
    tell: &mut (dyn FnMut(String, u64) + Send),
) -> Result<u64, OpenError> {
    source.oddities(&mut |odd| tell(odd, 1)).await?;
    let (total, mut done, mut after) = (source.count().await?, 0, None);
    let mut broken: BTreeMap<String, u64> = BTreeMap::new();
    loop {
        let page = source.page(after, PAGE).await?;
        if page.is_empty() {
            for (why, count) in broken {
                let more = count.saturating_sub(BROKEN_NAMED);
                if more > 0 {
                    tell(format!("… and {more} more objects: {why}"), more);
                }
            }
            // Asked for what turns out to be lost; an error of its own is one of the start, too.
            let _ = source.free_ids().await;
            source.lost().into_iter().for_each(|lost| tell(lost, 1));
            return Ok(done);
        }
        done += page.len() as u64;
        for entry in page {
            after = Some(id_of(&entry));
            if let Err(Broken { why, .. }) = &entry {
                // One damaged page may be in the way of all.
                if broken.len() < REASONS_MAX || broken.contains_key(why) {
                    let count = broken.entry(why.clone()).or_default();
                    *count += 1;
                    if *count > BROKEN_NAMED {
                        continue;
                    }
                }
            }
            let mut told = Vec::new();
            let problem = &mut |problem: Problem| {
                let problem = problem.to_string();
                // What has no name has no type either.
                if !told.contains(&problem) {
                    tell(problem.clone(), 1);
                    told.push(problem);
                }
            };
            if let Ok(record) = &entry {
                unknown_names(record, schema, problem);
            }
            translate(entry, schema, Form::Either, problem);
        }
        progress(Step::Checking, done, total);
    }
}

/// What the DC files do not have is kept as it is, but nobody can ask for it.
fn unknown_names(record: &Record, schema: &Schema, problem: &mut (dyn FnMut(Problem) + Send)) {
    if let Some(why) = no_id(record.do_id) {
        let (do_id, class) = (record.do_id, record.class.clone());
        problem(Problem { do_id, class, field: None, why });
    }
    let Some(class) = schema.class_by_name(&record.class) else {
        return problem(unknown_class(record));
    };
    for (name, _) in &record.values {
        let why = match class.field_by_name(name) {
            None => "the DC files have no such field",
            Some(field) if !field.keywords().db() => NOT_STORED,
            Some(_) => continue,
        };
        let (do_id, class) = (record.do_id, record.class.clone());
        problem(Problem { do_id, class, field: Some(name.clone()), why: why.to_owned() });
    }
}

/// An object, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// Its class.
    pub class: String,
    /// Whether the DC files have the class. If not, fields are as they are stored.
    pub is_known: bool,
    /// Names and DC text of its fields, or what is wrong with them.
    pub fields: Vec<(String, Result<String, String>)>,
}

/// An object of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Its id.
    pub do_id: DoId,
    /// What it is, and has.
    pub shown: Shown,
}

/// Tells the objects of a class, or all, in the order of their ids; and those of which nobody can say what they are.
///
/// # Errors
/// If the store cannot be read.
pub async fn list(
    source: &mut dyn Archive,
    schema: &Schema,
    class: Option<&str>,
    tell: &mut (dyn FnMut(Result<Listed, Broken>) + Send),
) -> Result<(), OpenError> {
    let mut after = None;
    loop {
        let page = source.page(after, PAGE).await?;
        let Some(last) = page.last().map(id_of) else { return Ok(()) };
        after = Some(last);
        for entry in page {
            match entry {
                Ok(record) if class.is_some_and(|class| class != record.class) => {}
                Ok(record) => {
                    tell(Ok(Listed { do_id: record.do_id, shown: shown(record, schema) }));
                }
                Err(broken) => tell(Err(broken)),
            }
        }
    }
}

/// Looks up one object.
///
/// # Errors
/// If the store or the object cannot be read.
pub async fn show(
    source: &mut dyn Archive,
    schema: &Schema,
    do_id: DoId,
) -> Result<Option<Shown>, OpenError> {
    let Some(entry) = source.find(&[do_id]).await?.pop() else {
        return Ok(None);
    };
    let record = entry.map_err(|broken| {
        let (do_id, why) = (broken.do_id, broken.why);
        OpenError::Damaged(format!("object {do_id} in {} cannot be read: {why}", source.describe()))
    })?;
    Ok(Some(shown(record, schema)))
}

fn shown(record: Record, schema: &Schema) -> Shown {
    let class = schema.class_by_name(&record.class);
    let mut fields: Vec<_> = record
        .values
        .into_iter()
        .map(|(name, raw)| {
            let field = class.and_then(|class| class.field_by_name(&name));
            let text = match (field, &raw) {
                (Some(field), raw) => packed(field, raw)
                    .and_then(|value| field.format(&value).map_err(|error| error.to_string())),
                (None, raw) => stored(raw).and_then(|text| match class {
                    Some(_) => Err(format!("no such field in the DC files: {text}")),
                    None => Ok(text),
                }),
            };
            (field.map(dclass::Field::id), name, text)
        })
        .collect();
    fields.sort_by_key(|(id, ..)| (id.is_none(), *id));
    let fields = fields.into_iter().map(|(_, name, text)| (name, text)).collect();
    Shown { is_known: class.is_some(), class: record.class, fields }
}

/// A value as it is stored, whatever it means.
fn stored(raw: &Raw) -> Result<String, String> {
    match raw {
        Raw::Text { text, .. } => Ok(text.clone()),
        Raw::Packed { value, .. } => Ok(format!("<{}>", hex(value))),
        Raw::Foreign { why } => Err(why.clone()),
    }
}
