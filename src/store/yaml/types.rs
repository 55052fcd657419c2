//! `types.yaml`: the types under which values of fields were stored, which their text does not say.
//!
//! A server notes those of its DC files when it starts, an import and a migration those of what they write. Text means the
//! same under another width, so only a type whose text would be misread stops a start, and only if there are such values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dclass::Class;

use super::files::Directory;
use super::notes;
use super::text::{Document, quoted};
use crate::store::layout::{self, is_read_alike};
use crate::store::rewrite::{Noted, NotedField};
use crate::store::{OpenError, Schema};
use crate::yaml::{self, Node, Rules, Value};

/// The file's name.
pub const TYPES: &str = "types.yaml";

const RULES: Rules = Rules { depth_max: 4, aliases: false, other_documents: true };
const HEAD: &str = "# Written by donet: the types of what is stored in this directory.\n";

/// Types by class and field.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Types(BTreeMap<String, BTreeMap<String, Arc<str>>>);

impl Types {
    /// What a directory has noted.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn of(directory: &Directory) -> Result<Types, OpenError> {
        let text = directory.read_types();
        let text = text.map_err(|error| notes::cannot_read(directory, TYPES, error))?;
        let Some(text) = text else { return Ok(Types::default()) };
        notes::judge(directory, TYPES, &text, parse(&text)).map_err(|why| notes::lost_types(&why))
    }

    /// The type of a field's values, if it is known.
    pub fn get(&self, class: &str, field: &str) -> Option<&Arc<str>> {
        self.0.get(class)?.get(field)
    }

    /// All of them: class, field, type.
    pub fn list(&self) -> Vec<(String, String, String)> {
        let fields = |(class, fields): (&String, &BTreeMap<String, Arc<str>>)| {
            let one = |(field, text): (&String, &Arc<str>)| {
                (class.clone(), field.clone(), text.to_string())
            };
            fields.iter().map(one).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(fields).collect()
    }

    /// Notes a type, whatever was known.
    pub fn set(&mut self, class: &str, field: &str, text: Arc<str>) {
        if self.get(class, field) == Some(&text) {
            return;
        }
        self.0.entry(class.to_owned()).or_default().insert(field.to_owned(), text);
    }

    /// Notes the types of all that `schema` stores, but where values are known that it would misread.
    pub fn learn(&mut self, schema: &Schema) {
        for (class, field) in stored_fields(schema) {
            let text: Arc<str> = field.named_type_text().into();
            let known = self.get(class.name(), field.name());
            if known.is_none_or(|known| is_read_alike(known, &text)) {
                self.set(class.name(), field.name(), text);
            }
        }
    }

    /// Notes what a change of all objects has made of them.
    pub fn change(&mut self, noted: &Noted) {
        let mut come = Vec::new();
        // Names may change places, so all of them go before any comes.
        for (class, field, fate) in &noted.fields {
            let fields = self.0.get_mut(class);
            let Some(text) = fields.and_then(|fields| fields.remove(field)) else { continue };
            match fate {
                NotedField::Dropped => {}
                NotedField::Renamed(new) => come.push((class, new, text)),
                NotedField::Replaced(new, text) => come.push((class, new, text.as_str().into())),
            }
        }
        for (class, field, text) in come {
            self.set(class, field, text);
        }
        for (class, field, text) in &noted.added {
            self.set(class, field, text.as_str().into());
        }
        let renamed: Vec<_> =
            noted.classes.iter().map(|(old, new)| (new, self.0.remove(old))).collect();
        for (new, fields) in renamed {
            self.0.extend(fields.map(|fields| (new.clone(), fields)));
        }
    }

    /// The text of the file.
    pub fn write(&self) -> String {
        let mut text = HEAD.to_owned();
        for (class, fields) in self.0.iter().filter(|(_, fields)| !fields.is_empty()) {
            text += &format!("{}:\n", quoted(class));
            for (field, type_text) in fields {
                text += &format!("  {}: {}\n", quoted(field), quoted(type_text));
            }
        }
        text
    }
}

/// The types of a directory whose values `schema` can read, to be noted before anything is written.
///
/// # Errors
/// If there are values that it would misread, or the directory cannot be read.
pub fn check(directory: &Directory, schema: &Schema) -> Result<Types, OpenError> {
    let mut types = Types::of(directory)?;
    let is_misread = |(class, field): &(&Class, &dclass::Field)| {
        let known = types.get(class.name(), field.name());
        known.is_some_and(|known| !is_read_alike(known, &field.named_type_text()))
    };
    let misread: Vec<_> = stored_fields(schema).filter(is_misread).collect();
    if !misread.is_empty() {
        let names = misread.iter().map(|(class, field)| (class.name(), field.name()));
        let held = held(directory, names.collect())?;
        let misfit = |(class, field): &(&Class, &dclass::Field)| {
            let key = (class.name(), field.name());
            let stored = types.get(key.0, key.1).filter(|_| held.contains(&key))?;
            Some(layout::in_words(key.0, key.1, stored, &field.named_type_text()))
        };
        let misfits: Vec<String> = misread.iter().filter_map(misfit).collect();
        if !misfits.is_empty() {
            return Err(layout::refuse(misfits));
        }
        // There is nothing of these types.
        for (class, field) in misread {
            types.set(class.name(), field.name(), field.named_type_text().into());
        }
    }
    types.learn(schema);
    Ok(types)
}

fn stored_fields(schema: &Schema) -> impl Iterator<Item = (&Class, &dclass::Field)> {
    schema.dc().classes().flat_map(|class| {
        let stored = class.fields().iter().filter(|field| field.keywords().db());
        stored.map(move |field| (class, &**field))
    })
}

/// Of which of these fields any object has a value.
fn held<'n>(
    directory: &Directory,
    mut sought: BTreeSet<(&'n str, &'n str)>,
) -> Result<BTreeSet<(&'n str, &'n str)>, OpenError> {
    let failed = |error| OpenError::Io {
        what: format!("cannot list {}", directory.path().display()),
        error,
    };
    let mut held = BTreeSet::new();
    for do_id in directory.objects().map_err(failed)? {
        if sought.is_empty() {
            break;
        }
        // What cannot be read is told when somebody wants it.
        let text = directory.read_object(do_id.map_err(failed)?).ok().flatten();
        let Some(document) = text.and_then(|text| Document::read(&text).ok()) else { continue };
        let has = |(class, field): &(&str, &str)| {
            document.class == *class && document.fields.iter().any(|(name, _)| name == field)
        };
        held.extend(sought.extract_if(.., |key| has(key)));
    }
    Ok(held)
}

fn parse(text: &str) -> Option<Types> {
    let content = yaml::parse(text, RULES).ok()?;
    let Some(root) = content.root.filter(|root| !root.is_null()) else {
        // Nothing was stored yet.
        return (text == HEAD).then(Types::default);
    };
    let mut types = Types::default();
    for (class, fields) in entries(&root)? {
        for (field, text) in entries(fields)? {
            types.set(class.text()?, field.text()?, text.text()?.into());
        }
    }
    Some(types)
}

type Entries = [(std::rc::Rc<Node>, std::rc::Rc<Node>)];

fn entries(node: &Node) -> Option<&Entries> {
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(fields: &[(&str, &str, &str)]) -> Types {
        let mut types = Types::default();
        for (class, field, text) in fields {
            types.set(class, field, (*text).into());
        }
        types
    }

    #[test]
    fn what_is_noted_is_read_as_it_was_written() {
        let noted = types(&[
            ("A", "a", "{uint8, string(0-5)}[]"),
            ("A", "b", "switch (uint8) {case 05: {int8}; default: {}}"),
            ("B", "null", "(uint8, string)"),
        ]);
        assert_eq!(parse(&noted.write()), Some(noted));
        assert_eq!(parse(&Types::default().write()), Some(Types::default()));
        assert_eq!(parse(""), None);
        assert_eq!(parse("A: [a]"), None);
    }

    #[test]
    fn names_and_types_change_with_the_objects() {
        let mut noted = types(&[
            ("A", "a", "uint8"),
            ("A", "b", "string"),
            ("A", "c", "int8"),
            ("A", "kept", "int8"),
        ]);
        let field = |name: &str, fate| ("A".to_owned(), name.to_owned(), fate);
        noted.change(&Noted {
            classes: vec![("A".to_owned(), "N".to_owned())],
            fields: vec![
                field("a", NotedField::Renamed("b".to_owned())),
                field("b", NotedField::Replaced("a".to_owned(), "blob32".to_owned())),
                field("c", NotedField::Dropped),
            ],
            added: vec![("A".to_owned(), "d".to_owned(), "char".to_owned())],
        });
        let expected =
            [("N", "a", "blob32"), ("N", "b", "uint8"), ("N", "d", "char"), ("N", "kept", "int8")];
        assert_eq!(noted, types(&expected));
    }
}
