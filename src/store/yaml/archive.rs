//! A YAML directory, object by object.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::NO_SCALAR;
use super::files::Directory;
use super::notes;
use super::staging::{self, Staging};
use super::text::{self, Document, Info, Written};
use super::types::Types;
use crate::ids::{DoId, DoIdRepr};
use crate::store::archive::{
    Archive, ArchiveMut, Broken, Entry, Form, FreeIds, Raw, Record, ready,
};
use crate::store::layout::{self, is_read_alike};
use crate::store::rewrite::Command;
use crate::store::{BoxFuture, OpenError};

/// A YAML directory. What it does may block: it is for commands, not for a server.
#[derive(Debug)]
pub struct YamlArchive {
    pub(super) directory: Directory,
    /// Of what is stored.
    pub(super) types: Types,
    /// Of what will be, when all objects have been changed.
    pub(super) new_types: Types,
    /// Ascending; read when it is first needed.
    objects: Option<Vec<DoId>>,
    /// A change of all objects that is being prepared.
    pub(super) staging: Option<Staging>,
    /// Which change that is.
    pub(super) command: Option<Command>,
}

impl YamlArchive {
    /// Opens a directory to read it. A server may be using it.
    ///
    /// # Errors
    /// If it is not there or cannot be read.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        staging::refuse_unfinished(path)?;
        Self::opened(path, Directory::open_shared(path))
    }

    /// Opens a directory to write into it, for itself alone; creates it if it is not there. New files get
    /// `file_mode`.
    ///
    /// # Errors
    /// If a server is using it, or it cannot be read.
    pub fn open_mut(path: &Path, file_mode: u32) -> Result<Self, OpenError> {
        let mut archive = Self::opened(path, Directory::open(path, file_mode))?;
        staging::refuse_unfinished(path)?;
        archive.free_ids_now()?;
        Ok(archive)
    }

    /// As [`YamlArchive::open_mut`], and finishes a change of all objects that was interrupted, if it is that of `command`.
    ///
    /// # Errors
    /// As there, and if it cannot be finished.
    pub fn open_to_rewrite(
        path: &Path,
        file_mode: u32,
        command: &Command,
    ) -> Result<(Self, bool), OpenError> {
        staging::refuse_half_imported(path)?;
        let mut archive = Self::opened(path, Directory::open(path, file_mode))?;
        if staging::is_unfinished(path) {
            staging::refuse_another(path, command)?;
        }
        let was_unfinished = staging::go_on(&archive.directory)
            .map_err(archive.failed("cannot finish the migration that was interrupted in"))?;
        if was_unfinished {
            archive.types = Types::of(&archive.directory)?;
        }
        archive.command = Some(command.clone());
        Ok((archive, was_unfinished))
    }

    fn opened(path: &Path, directory: io::Result<Directory>) -> Result<Self, OpenError> {
        match directory {
            Ok(directory) => {
                let types = Types::of(&directory)?;
                notes::past(&directory)?;
                let (objects, staging, new_types) = (None, None, Types::default());
                Ok(YamlArchive { directory, types, new_types, objects, staging, command: None })
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(OpenError::InUse(path.display().to_string()))
            }
            Err(error) => {
                let what = format!("cannot open the YAML directory {}", path.display());
                Err(OpenError::Io { what, error })
            }
        }
    }

    pub(super) fn failed(&self, what: &str) -> impl FnOnce(io::Error) -> OpenError + use<> {
        let what = format!("{what} {}", self.directory.path().display());
        |error| OpenError::Io { what, error }
    }

    /// Has the directory listed again.
    pub(super) fn forget_listing(&mut self) {
        self.objects = None;
    }

    fn objects(&mut self) -> Result<&[DoId], OpenError> {
        if self.objects.is_none() {
            let listed = self.directory.objects().and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let mut objects = listed.map_err(self.failed("cannot list"))?;
            objects.sort_unstable();
            self.objects = Some(objects);
        }
        Ok(self.objects.as_deref().expect("it was just read"))
    }

    /// An object that was deleted since the directory was listed is left out.
    fn read(&self, do_id: DoId) -> Option<Entry> {
        let broken = |why: String| Some(Err(Broken { do_id, why }));
        match self.directory.read_object(do_id) {
            Err(error) => broken(error.to_string()),
            Ok(text) => match Document::read(&text?) {
                Err(error) => broken(error.to_string()),
                Ok(document) => {
                    let Document { class, fields, .. } = document;
                    let raw = |(name, written): (String, Written)| {
                        let type_text = self.types.get(&class, &name).cloned();
                        (name, raw(written, type_text))
                    };
                    let values = fields.into_iter().map(raw).collect();
                    Some(Ok(Record { do_id, class, values }))
                }
            },
        }
    }

    fn page_now(&mut self, after: Option<DoId>, limit: usize) -> Result<Vec<Entry>, OpenError> {
        let objects = self.objects()?;
        let start = objects.partition_point(|id| Some(*id) <= after);
        let page: Vec<DoId> = objects[start..].iter().take(limit).copied().collect();
        Ok(page.into_iter().filter_map(|id| self.read(id)).collect())
    }

    pub(super) fn free_ids_now(&mut self) -> Result<FreeIds, OpenError> {
        let has_objects = !self.objects()?.is_empty();
        let info = notes::info(&self.directory, has_objects)?;
        let free = info.free.iter().filter_map(|id| DoIdRepr::try_from(*id).ok());
        Ok(FreeIds { next: info.next, free: free.map(DoId).collect() })
    }

    fn oddities_now(&mut self, tell: &mut (dyn FnMut(String) + Send)) -> Result<(), OpenError> {
        for name in self.directory.strays().map_err(self.failed("cannot list"))? {
            tell(format!(
                "{name} is not read: the file of an object has its doId for a name, such as 1000.yaml"
            ));
        }
        let objects = self.objects()?.to_vec();
        // What is wrong with the file as a whole is told where it is read.
        if let Ok(Some(text)) = self.directory.read_info() {
            let highest = objects.last().copied();
            let is_there = |id: DoId| objects.binary_search(&id).is_ok();
            Info::read(&text)
                .iter()
                .flat_map(|info| info.oddities(highest, is_there))
                .for_each(&mut *tell);
        }
        for do_id in objects {
            // What cannot be read is told where it is read.
            if let Ok(Some(text)) = self.directory.read_object(do_id) {
                text::oddities(&text, do_id)
                    .into_iter()
                    .for_each(|why| tell(format!("object {do_id}: {why}")));
            }
        }
        Ok(())
    }

    /// Notes types that come for the first time.
    fn know(&mut self, records: &[Record]) -> Result<(), OpenError> {
        let is_empty = self.objects()?.is_empty();
        let mut types = if is_empty { Types::default() } else { self.types.clone() };
        for Record { class, values, .. } in records {
            for (name, raw) in values {
                let Raw::Text { type_text: Some(new), .. } = raw else { continue };
                match types.get(class, name) {
                    Some(stored) if !is_read_alike(stored, new) => {
                        let store = self.describe();
                        return Err(layout::refuse_mixture(&store, (class, name), stored, new));
                    }
                    // Those of the objects that are there.
                    Some(_) => {}
                    None => types.set(class, name, Arc::clone(new)),
                }
            }
        }
        if types != self.types {
            let written = self.directory.write_types(&types.write());
            written.map_err(self.failed("cannot write types.yaml in"))?;
            self.types = types;
        }
        Ok(())
    }

    fn put_now(&mut self, records: &[Record]) -> Result<(), OpenError> {
        self.know(records)?;
        let mut objects = Vec::with_capacity(records.len());
        for record in records {
            let text = |(name, raw): &(String, Raw)| match raw {
                Raw::Text { text, .. } => (name.clone(), Written::Scalar(text.clone())),
                Raw::Packed { .. } | Raw::Foreign { .. } => {
                    unreachable!("values are given as text")
                }
            };
            let document = Document {
                class: record.class.clone(),
                fields: record.values.iter().map(text).collect(),
                extra: Vec::new(),
            };
            objects.push((record.do_id, document.write(record.do_id)));
        }
        self.objects = None;
        let written = self.directory.write_objects(&objects);
        written.and_then(|()| self.directory.sync()).map_err(self.failed("cannot write into"))
    }

    /// What the directory says already stays true.
    fn set_free_ids_now(&mut self, ids: &FreeIds) -> Result<(), OpenError> {
        let known = self.free_ids_now()?;
        let mut free = known.free;
        free.extend(ids.free.iter().filter(|id| !free.contains(id)).copied().collect::<Vec<_>>());
        let objects = self.objects()?;
        free.retain(|id| objects.binary_search(id).is_err());
        let behind = |id: &DoId| u64::from(id.0) + 1;
        let highest = objects.last().into_iter().chain(&free).map(behind).max();
        let next = ids.next.max(known.next).max(highest).unwrap_or_default();
        if next == 0 {
            return Ok(());
        }
        let text = Info::write(next, free.iter().map(|id| u64::from(id.0)));
        let written = self.directory.write_info(&text).and_then(|()| self.directory.sync());
        written.map_err(self.failed("cannot write info.yaml in"))
    }

    fn clear_now(&mut self) -> Result<(), OpenError> {
        for do_id in self.objects()?.to_vec() {
            self.directory.remove_object(do_id).map_err(self.failed("cannot clear"))?;
        }
        self.objects = None;
        self.directory.remove_past().map_err(self.failed("cannot clear"))?;
        self.types = Types::default();
        self.directory.remove_info().map_err(self.failed("cannot clear"))
    }
}

fn raw(written: Written, type_text: Option<Arc<str>>) -> Raw {
    match written {
        Written::Scalar(text) => Raw::Text { text, type_text },
        Written::Tree(tree) => Raw::Foreign { why: format!("`{tree}`: {NO_SCALAR}") },
    }
}

impl Archive for YamlArchive {
    fn half_imported(&mut self) -> BoxFuture<'_, Result<Option<OpenError>, OpenError>> {
        ready(Ok(staging::refuse_half_imported(self.directory.path()).err()))
    }

    fn describe(&self) -> String {
        format!("the YAML directory {}", self.directory.path().display())
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        ready(self.objects().map(|objects| objects.len() as u64))
    }

    fn page(
        &mut self,
        after: Option<DoId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        ready(self.page_now(after, limit))
    }

    fn find<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        ready(Ok(ids.iter().filter_map(|id| self.read(*id)).collect()))
    }

    fn oddities<'a>(
        &'a mut self,
        tell: &'a mut (dyn FnMut(String) + Send),
    ) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(self.oddities_now(tell))
    }

    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        ready(self.free_ids_now())
    }
}

impl ArchiveMut for YamlArchive {
    fn form(&self) -> Form {
        Form::Text
    }

    fn put<'a>(&'a mut self, records: &'a [Record]) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(self.put_now(records))
    }

    fn set_free_ids<'a>(&'a mut self, ids: &'a FreeIds) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(self.set_free_ids_now(ids))
    }

    fn set_unfinished(&mut self, is_unfinished: bool) -> BoxFuture<'_, Result<(), OpenError>> {
        let set = staging::set_half_imported(self.directory.path(), is_unfinished);
        ready(set.map_err(self.failed("cannot write into")))
    }

    fn clear(&mut self) -> BoxFuture<'_, Result<(), OpenError>> {
        ready(self.clear_now())
    }
}
