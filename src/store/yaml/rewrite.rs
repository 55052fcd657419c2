//! All objects of a YAML directory, changed at once.

use super::archive::YamlArchive;
use super::files::INFO;
use super::notes;
use super::staging::{PAST, Staging};
use super::text::{Document, Written};
use super::types::TYPES;
use crate::ids::DoId;
use crate::store::archive::{Archive, Form, FreeIds, Raw, ready};
use crate::store::rewrite::{Change, Edit, Migration, Noted, Rewrite};
use crate::store::{BoxFuture, OpenError, Schema};

impl YamlArchive {
    fn stage(&mut self) -> Result<&mut Staging, OpenError> {
        Ok(self.staging.as_mut().expect("the change was begun"))
    }

    fn change_now(&mut self, changes: &[Change]) -> Result<(), OpenError> {
        for change in changes {
            let do_id = change.do_id;
            let text =
                self.directory.read_object(do_id).map_err(self.failed("cannot read from"))?;
            let damaged = |why: String| OpenError::Damaged(format!("object {do_id}: {why}"));
            let text = text.ok_or_else(|| damaged("it is gone".to_owned()))?;
            let mut document = Document::read(&text).map_err(|error| damaged(error.to_string()))?;
            document.class.clone_from(&change.class.1);
            edit(&mut document, &change.edits);
            let text = document.write(do_id);
            let failed = self.failed("cannot write into");
            self.stage()?.write_object(do_id, &text).map_err(failed)?;
        }
        Ok(())
    }

    fn finish_now(&mut self, migration: Migration, free: &FreeIds) -> Result<(), OpenError> {
        let mut past = notes::past(&self.directory)?;
        past.done.push(migration);
        let failed = self.failed("cannot write into");
        let mut staging = self.staging.take().expect("the change was begun");
        let finish = || {
            staging.write(TYPES, &self.new_types.write())?;
            if !staging.removed().is_empty() {
                let ids = free.free.iter().chain(staging.removed());
                let ids: Vec<u64> = ids.map(|id| u64::from(id.0)).collect();
                // A directory without a file of its own goes on behind its highest object.
                let next = free.next.max(ids.iter().map(|id| id + 1).max()).unwrap_or_default();
                staging.write(INFO, &super::text::Info::write(next, ids.into_iter()))?;
            }
            // Moved last: what is noted here is done.
            staging.write(PAST, &past.write())?;
            staging.finish(&self.directory)
        };
        finish().map_err(failed)?;
        self.types = std::mem::take(&mut self.new_types);
        self.forget_listing();
        Ok(())
    }
}

/// Changes a file's values. Names may change places, so all old ones go before any new one comes; what has the same name
/// stays where it was.
fn edit(document: &mut Document, edits: &[Edit]) {
    let before = document.fields.clone();
    let mut renamed = Vec::new();
    for edit in edits {
        match edit {
            Edit::Drop { old } => document.fields.retain(|(name, _)| name != old),
            Edit::Rename { old, new } => {
                let value = before.iter().find(|(name, _)| name == old);
                renamed.extend(value.map(|(_, value)| (old, new, value.clone())));
            }
            Edit::Set { old: Some(old), new, .. } if old != new => {
                document.fields.retain(|(name, _)| name != old);
            }
            Edit::Set { .. } => {}
        }
    }
    for (old, _, _) in &renamed {
        document.fields.retain(|(name, _)| name != *old);
    }
    for (_, new, value) in renamed {
        document.fields.push((new.clone(), value));
    }
    for edit in edits {
        let Edit::Set { new, value, .. } = edit else { continue };
        let Raw::Text { text, .. } = value else { unreachable!("values are given as text") };
        match document.fields.iter_mut().find(|(name, _)| name == new) {
            Some((_, value)) => *value = Written::Scalar(text.clone()),
            None => document.fields.push((new.clone(), Written::Scalar(text.clone()))),
        }
    }
}

impl Rewrite for YamlArchive {
    fn form(&self) -> Form {
        Form::Text
    }

    fn past(&mut self) -> BoxFuture<'_, Result<Vec<Migration>, OpenError>> {
        // Free ids are written at the end, and nobody is to wait until then to hear that they are damaged.
        let ids = self.free_ids_now();
        ready(ids.and_then(|_| notes::past(&self.directory)).map(|past| past.done))
    }

    fn noted(&self) -> Vec<(String, String, String)> {
        self.types.list()
    }

    fn begin<'a>(
        &'a mut self,
        noted: &'a Noted,
        schema: &'a Schema,
    ) -> BoxFuture<'a, Result<(), OpenError>> {
        let mut types = self.types.clone();
        types.change(noted);
        types.learn(schema);
        self.new_types = types;
        let command = self.command.as_ref().expect("it was opened to be changed");
        let staging = Staging::begin(&self.directory, command);
        let staging = staging.map_err(self.failed("cannot write into"));
        ready(staging.map(|staging| self.staging = Some(staging)))
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> BoxFuture<'a, Result<(), OpenError>> {
        ready(self.change_now(changes))
    }

    fn remove<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<(), OpenError>> {
        let staging = self.stage();
        ready(staging.map(|staging| ids.iter().for_each(|id| staging.remove_object(*id))))
    }

    fn finish(&mut self, migration: Migration) -> BoxFuture<'_, Result<(), OpenError>> {
        Box::pin(async move {
            let free = self.free_ids().await?;
            self.finish_now(migration, &free)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_change_places() {
        let fields = [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")];
        let fields = fields.map(|(name, text)| (name.to_owned(), Written::Scalar(text.to_owned())));
        let mut document =
            Document { class: "T".to_owned(), fields: fields.into(), extra: Vec::new() };
        let rename =
            |old: &str, new: &str| Edit::Rename { old: old.to_owned(), new: new.to_owned() };
        let set = |old: Option<&str>, new: &str, text: &str| Edit::Set {
            old: old.map(str::to_owned),
            new: new.to_owned(),
            value: Raw::text(text),
        };
        let edits = [
            rename("a", "b"),
            rename("b", "a"),
            set(Some("c"), "c", "30"),
            Edit::Drop { old: "d".to_owned() },
            set(None, "e", "5"),
        ];
        edit(&mut document, &edits);
        let mut values = document.fields;
        values.sort_by(|left, right| left.0.cmp(&right.0));
        let expected = [("a", "2"), ("b", "1"), ("c", "30"), ("e", "5")];
        let written =
            |(name, text): (&str, &str)| (name.to_owned(), Written::Scalar(text.to_owned()));
        assert_eq!(values, expected.map(written));
    }
}
