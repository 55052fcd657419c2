//! Astron's YAML directory: one file an object, values as DC text.
//!
//! Files of either daemon can be read by the other. What Astron loses is kept here: fields that the DC
//! files do not have, values that cannot be read, all objects when the machine fails. Each object is one
//! file, so an operation is done completely or not at all; of a batch, some operations may fail alone.

mod archive;
mod backup;
mod files;
mod look;
mod notes;
mod rewrite;
mod staging;
mod text;
mod types;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dclass::{Class, Field};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::time::Instant;
use tracing::{Span, error, info, warn};

pub use self::archive::YamlArchive;
pub use self::backup::copy_directory;
use self::files::Directory;
pub use self::look::look_into_directory;
use self::text::{Document, Info, Written};
use self::types::Types;
use crate::config::DoIdRange;
use crate::hash::{Map, Seed, Set};
use crate::ids::{DoId, DoIdRepr, FieldId};
use crate::store::apply::{Ids, Object, Slot, Stored, WorkingSet, needs};
use crate::store::complaints::{Complaints, Misfit};
use crate::store::{
    Backend, BoxFuture, Error, Failure, OpenError, Operation, Outcome, Progress, Refusal, Schema,
};

/// Threads that write the files of a batch: the file system can make many durable at once.
const WRITERS_MAX: usize = 8;
/// What is wrong with a list or map that somebody has written for a field's value.
const NO_SCALAR: &str = "a list or map of YAML, and no text of a value: does it lack its quotes?";

/// A YAML directory that this process has to itself.
#[derive(Debug)]
pub struct YamlBackend {
    store: Arc<Mutex<Store>>,
}

#[derive(Debug)]
struct Store {
    directory: Directory,
    schema: Schema,
    seed: Seed,
    range: DoIdRange,
    /// The next id that was never given; beyond the range when there is none.
    next: u64,
    /// Ids of deleted objects, oldest first.
    free: VecDeque<DoId>,
    /// Whether `info.yaml` says something else, since it could not be written.
    is_info_old: bool,
    complaints: Complaints,
}

/// What a file says that is no value of a field: it goes back as it came.
#[derive(Debug, Default)]
struct Verbatim {
    unreadable: FxHashMap<FieldId, Written>,
    foreign: Vec<(String, Written)>,
    extra: Vec<(String, Written)>,
}

impl YamlBackend {
    /// Opens a directory, which is created if it is not there. New files get `file_mode`.
    ///
    /// # Errors
    /// If another process has it open, or it cannot be read, or `info.yaml` makes no sense.
    pub fn open(
        path: &Path,
        file_mode: u32,
        schema: Schema,
        range: DoIdRange,
        seed: Seed,
    ) -> Result<Self, OpenError> {
        let store = Store::open(path, file_mode, schema, range, seed)?;
        Ok(YamlBackend { store: Arc::new(Mutex::new(store)) })
    }
}

impl fmt::Display for YamlBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the YAML directory {}", self.store.lock().directory.path().display())
    }
}

impl Backend for YamlBackend {
    fn run<'a>(
        &'a self,
        batch: &'a [Arc<Operation>],
        _deadline: Option<Instant>,
        progress: &'a Progress,
    ) -> BoxFuture<'a, Result<Vec<Outcome>, Error>> {
        let (store, batch) = (Arc::clone(&self.store), batch.to_vec());
        let progress = progress.clone();
        Box::pin(async move {
            let span = Span::current();
            let run = move || span.in_scope(|| store.lock().run(&batch, &progress));
            let run = tokio::task::spawn_blocking(run);
            run.await.expect("the store does not panic")
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Store {
    fn open(
        path: &Path,
        file_mode: u32,
        schema: Schema,
        range: DoIdRange,
        seed: Seed,
    ) -> Result<Self, OpenError> {
        let directory = Directory::open(path, file_mode).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse(path.display().to_string()),
            _ => cannot("open the directory", path, error),
        })?;
        look::check_writable(path)?;
        let (next, free) = read_ids(&directory, range, seed)?;
        note_types(&directory, &schema)?;
        let complaints = Complaints::new(seed);
        Ok(Store { directory, schema, seed, range, next, free, is_info_old: false, complaints })
    }

    fn run(
        &mut self,
        batch: &[Arc<Operation>],
        progress: &Progress,
    ) -> Result<Vec<Outcome>, Error> {
        self.directory.check().map_err(|error| {
            let path = self.directory.path().display();
            Error::Unavailable(format!("the directory {path} cannot be used: {error}").into())
        })?;
        let is_write = batch.iter().any(|operation| operation.is_write());
        if is_write {
            progress.begin()?;
        }
        let schema = self.schema.clone();
        let creations = batch.iter().filter(|operation| operation.do_id().is_none());
        let reserved = self.reserve(creations.count());
        let ids = Ids::new(self.range, reserved.iter().map(|(id, _)| *id));
        let mut set = WorkingSet::new(&schema, ids, self.seed);
        let mut verbatim = Map::with_hasher(self.seed);
        for do_id in needs(batch.iter().map(Arc::as_ref), self.seed).into_keys() {
            if let Some((object, rest)) = self.load(do_id) {
                set.load(do_id, object);
                verbatim.insert(do_id, rest);
            }
        }
        let mut outcomes: Vec<Outcome> =
            batch.iter().map(|operation| set.apply(operation)).collect();
        if is_write {
            // Each file counts from the moment when it is written.
            progress.committing(None);
        }
        let failed = self.store(&set, &verbatim);
        self.settle_ids(&set, &reserved, &failed);
        let changed = set.slots().any(|(_, slot)| is_changed(slot));
        if changed && let Err(error) = self.directory.sync() {
            return Err(Error::Unknown { why: error.to_string().into(), commit: None });
        }
        for (operation, outcome) in batch.iter().zip(&mut outcomes) {
            let created = match outcome {
                Outcome::Created(do_id) => Some(*do_id),
                _ => None,
            };
            if let Some(why) = created.or(operation.do_id()).and_then(|id| failed.get(&id)) {
                *outcome = match operation.is_write() {
                    true => Outcome::Failed(Failure::Store(Arc::clone(why))),
                    false => self.read(operation),
                };
            }
        }
        Ok(outcomes)
    }

    /// What an operation that only reads finds in the file: a change that it saw could not be written.
    fn read(&self, operation: &Operation) -> Outcome {
        let mut set = WorkingSet::new(&self.schema, Ids::new(self.range, []), self.seed);
        let object = operation.do_id().and_then(|do_id| Some((do_id, self.load(do_id)?)));
        if let Some((do_id, (object, _))) = object {
            set.load(do_id, object);
        }
        set.apply(operation)
    }

    /// Takes ids for new objects, and remembers which of them came from the counter.
    fn reserve(&mut self, count: usize) -> Vec<(DoId, bool)> {
        let mut reserved = Vec::new();
        while reserved.len() < count {
            let (do_id, is_new) = match DoIdRepr::try_from(self.next) {
                Ok(next) if self.range.contains(DoId(next)) => {
                    self.next += 1;
                    (DoId(next), true)
                }
                _ => match self.free.pop_front() {
                    Some(do_id) => (do_id, false),
                    None => break,
                },
            };
            match self.directory.has_object(do_id) {
                Ok(false) => reserved.push((do_id, is_new)),
                Ok(true) => {
                    warn!(doId = %do_id, "there is an object with an id that should be free")
                }
                Err(error) => {
                    error!(%error, "cannot look for an object");
                    break;
                }
            }
        }
        reserved
    }

    /// Gives back ids that were not used, and notes those of objects that are gone.
    fn settle_ids(
        &mut self,
        set: &WorkingSet<'_>,
        reserved: &[(DoId, bool)],
        failed: &Map<DoId, Arc<str>>,
    ) {
        let ids = set.ids();
        let used = reserved.len() - ids.unused().len();
        for (do_id, is_new) in reserved[used..].iter().rev() {
            match is_new {
                true => self.next = u64::from(do_id.0),
                false => self.free.push_front(*do_id),
            }
        }
        let is_free = |id: &&DoId| self.range.contains(**id) && !failed.contains_key(*id);
        let released = ids.released().iter().filter(is_free);
        let is_unchanged = used == 0 && released.clone().next().is_none();
        self.free.extend(released);
        if is_unchanged && !self.is_info_old {
            return;
        }
        let text = Info::write(self.next, self.free.iter().map(|id| u64::from(id.0)));
        // The objects themselves say which ids are taken; only the order of giving would be lost.
        match self.directory.write_info(&text) {
            Ok(()) if self.is_info_old => {
                self.is_info_old = false;
                info!("info.yaml is written again");
            }
            Ok(()) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.is_info_old, true) {
                    error!(%error, "cannot write info.yaml; it is tried again with each batch");
                }
            }
        }
    }

    fn load(&self, do_id: DoId) -> Option<(Object, Verbatim)> {
        let broken = |why: String| {
            let file = self.directory.object_path(do_id);
            error!(doId = %do_id, file = %file.display(), %why, "stored object cannot be read");
            let object = Object { class: Err(Refusal::Broken(why.into())), values: Vec::new() };
            Some((object, Verbatim::default()))
        };
        let text = match self.directory.read_object(do_id) {
            Ok(text) => text?,
            Err(error) => return broken(error.to_string()),
        };
        let document = match Document::read(&text) {
            Ok(document) => document,
            Err(error) => return broken(error.to_string()),
        };
        match self.schema.class_by_name(&document.class) {
            Some(class) => Some(self.read_values(class, do_id, document)),
            None => {
                let object = Object {
                    class: Err(Refusal::UnknownClass(document.class.into())),
                    values: Vec::new(),
                };
                Some((object, Verbatim::default()))
            }
        }
    }

    fn read_values(&self, class: &Class, do_id: DoId, document: Document) -> (Object, Verbatim) {
        let mut verbatim = Verbatim { extra: document.extra, ..Verbatim::default() };
        let mut values = Vec::with_capacity(document.fields.len());
        for (name, written) in document.fields {
            let Some(field) = class.field_by_name(&name) else {
                verbatim.foreign.push((name, written));
                continue;
            };
            match parse(field, &written) {
                Ok(value) if value.is_empty() => {}
                Ok(value) => values.push((field.id(), Stored::Packed(value.into()))),
                Err(why) => {
                    let (Written::Scalar(text) | Written::Tree(text)) = &written;
                    let file = self.directory.object_path(do_id);
                    let misfit = Misfit { do_id, class, field, place: &file.display() };
                    self.complaints.complain(misfit, text, text, &why);
                    values.push((field.id(), Stored::Unreadable));
                    verbatim.unreadable.insert(field.id(), written);
                }
            }
        }
        values.sort_unstable_by_key(|(field, _)| *field);
        let class = Ok(class.id());
        (Object { class, values }, verbatim)
    }

    /// Writes what changed, and says which objects could not be written and why.
    fn store(&self, set: &WorkingSet<'_>, verbatim: &Map<DoId, Verbatim>) -> Map<DoId, Arc<str>> {
        let changed: Vec<(DoId, &Slot)> =
            set.slots().filter(|(_, slot)| is_changed(slot)).collect();
        let write = |(do_id, slot): &(DoId, &Slot)| {
            let verbatim = verbatim.get(do_id).filter(|_| !slot.is_new);
            match self.write(*do_id, slot, verbatim) {
                Ok(()) => None,
                Err(error) => Some((*do_id, Arc::from(format!("cannot be written: {error}")))),
            }
        };
        let share = changed.len().div_ceil(WRITERS_MAX).max(1);
        std::thread::scope(|scope| {
            let mut shares = changed.chunks(share);
            let own = shares.next().unwrap_or_default();
            let others: Vec<_> = shares
                .map(|share| {
                    scope.spawn(move || share.iter().filter_map(write).collect::<Vec<_>>())
                })
                .collect();
            let mut failed = Map::with_hasher(self.seed);
            failed.extend(own.iter().filter_map(write));
            for other in others {
                failed.extend(other.join().expect("writing does not panic"));
            }
            failed
        })
    }

    fn write(&self, do_id: DoId, slot: &Slot, verbatim: Option<&Verbatim>) -> io::Result<()> {
        let Some(object) = &slot.object else {
            return self.directory.remove_object(do_id);
        };
        let class = object.class.as_ref().ok().and_then(|id| self.schema.class(*id));
        let class = class.expect("only objects of a known class change");
        let text = document(class, object, verbatim).write(do_id);
        self.directory.write_object(do_id, &text)
    }
}

fn cannot(what: &str, path: &Path, error: io::Error) -> OpenError {
    OpenError::Io { what: format!("cannot {what} {}", path.display()), error }
}

/// Looks whether a server can start on a directory, which another one may be using.
///
/// # Errors
/// If it cannot.
pub fn check(path: &Path, range: DoIdRange, schema: &Schema) -> Result<(), OpenError> {
    let directory = Directory::open_shared(path);
    let directory = directory.map_err(|error| cannot("open the directory", path, error))?;
    directory.check_temporary().map_err(|error| cannot("open the directory", path, error))?;
    read_ids(&directory, range, Seed::random())?;
    types::check(&directory, schema).map(drop)
}

/// Notes by which types values are stored from now on.
fn note_types(directory: &Directory, schema: &Schema) -> Result<(), OpenError> {
    let types = types::check(directory, schema)?;
    if types == Types::of(directory)? {
        return Ok(());
    }
    let written = directory.write_types(&types.write());
    written.map_err(|error| cannot("write types.yaml in", directory.path(), error))
}

/// The next id of a range that was never given, and those of deleted objects.
fn read_ids(
    directory: &Directory,
    range: DoIdRange,
    seed: Seed,
) -> Result<(u64, VecDeque<DoId>), OpenError> {
    let path = directory.path();
    staging::refuse_unfinished(path)?;
    staging::refuse_half_imported(path)?;
    notes::past(directory)?;
    let mut highest = None;
    let mut objects = Set::with_hasher(seed);
    for do_id in directory.objects().map_err(|error| cannot("list", path, error))? {
        let do_id = do_id.map_err(|error| cannot("list", path, error))?;
        if range.contains(do_id) {
            highest = highest.max(Some(do_id));
        }
        objects.insert(do_id);
    }
    let info = notes::info(directory, !objects.is_empty())?;
    let behind = |do_id: DoId| u64::from(do_id.0) + 1;
    let next = info.next.unwrap_or(0);
    let next = next.max(u64::from(range.min.0)).max(highest.map_or(0, behind));
    let is_free = |do_id: &DoId| range.contains(*do_id) && !objects.contains(do_id);
    let free = info.free.iter().filter_map(|id| DoIdRepr::try_from(*id).ok());
    Ok((next, free.map(DoId).filter(is_free).collect()))
}

fn is_changed(slot: &Slot) -> bool {
    match &slot.object {
        Some(_) => slot.is_new || !slot.changed.is_empty(),
        None => slot.is_stored,
    }
}

fn parse(field: &Field, written: &Written) -> Result<Vec<u8>, String> {
    match written {
        Written::Scalar(text) => field.parse(text).map_err(|error| error.to_string()),
        Written::Tree(_) => Err(NO_SCALAR.to_owned()),
    }
}

fn document(class: &Class, object: &Object, verbatim: Option<&Verbatim>) -> Document {
    let text = |(id, stored): &(FieldId, Stored)| {
        let field = class.field(*id).expect("an object has fields of its class");
        let text = match stored {
            Stored::Packed(value) => {
                let text = field.format(value).expect("values are checked before they are stored");
                Some(Written::Scalar(text))
            }
            Stored::Unreadable => {
                verbatim.and_then(|verbatim| verbatim.unreadable.get(id).cloned())
            }
        };
        Some((field.name().to_owned(), text?))
    };
    let mut fields: Vec<_> = object.values.iter().filter_map(text).collect();
    fields.extend(verbatim.iter().flat_map(|verbatim| verbatim.foreign.iter().cloned()));
    Document {
        class: class.name().to_owned(),
        fields,
        extra: verbatim.map(|verbatim| verbatim.extra.clone()).unwrap_or_default(),
    }
}
