//! Syntax tree → schema: names are looked up, ids are handed out, defaults are packed. Files are
//! added one after the other, as if they were one.

mod class;
mod member;
mod switch;
mod types;

use crate::ast::{self, Item, Name, Param, Simple};
use crate::diagnostic::{Diagnostics, Log, Note};
use crate::hash::{self, Renamings};
use crate::limits::{DEFAULT_BYTES_MAX, FIELDS_MAX, HASH_NUMBERS_MAX};
use crate::schema::types::{Bytes, Shape, Spelling, StringEncoding, Type};
use crate::schema::{Class, ClassId, DcFile, Field, FieldId, Import, Keywords};
use crate::source::Span;
use crate::visible::shown;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How DC files are read.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How the bytes of strings are checked when values are validated.
    pub string_encoding: StringEncoding,
}

/// A type and the packed default that comes with its name.
type TypedValue = (Arc<Type>, Option<Arc<[u8]>>);

/// What a name of a type stands for.
enum Named {
    Type(Arc<Type>, Option<Arc<[u8]>>),
    Class(Arc<Class>),
    /// Its declaration had errors; that a use of it cannot be read either is no news.
    Broken,
}

/// Collects what the files declare.
pub(crate) struct Resolver<'l> {
    options: Options,
    log: &'l mut Log,
    names: HashMap<String, Named>,
    /// Where they are declared.
    places: HashMap<String, Span>,
    /// Classes, structs and switches that are being read, from the outside in.
    open: Vec<String>,
    /// Declared keywords; standard ones are among them only if they were redeclared.
    keywords: HashSet<String>,
    imports: Vec<Import>,
    /// Classes and structs by id.
    types: Vec<Arc<Class>>,
    /// Ids of the classes and structs that have names.
    ids: HashMap<String, ClassId>,
    /// Fields by id. `None` stands for a field with errors.
    fields: Vec<Option<Arc<Field>>>,
    /// The types of classes that are used as types.
    class_types: HashMap<*const Class, Arc<Type>>,
    /// What typedefs do to Astron's hash.
    renamings: Renamings,
    /// Fields of all classes together, inherited ones counted in each heir.
    inherited: usize,
    /// Bytes of all defaults together.
    default_bytes: usize,
    /// Numbers that go into the hash.
    weight: u64,
    /// Something was refused for its size. Saying it once is enough.
    exhausted: bool,
}

impl<'l> Resolver<'l> {
    pub(crate) fn new(options: Options, log: &'l mut Log) -> Resolver<'l> {
        Resolver {
            options,
            log,
            names: HashMap::new(),
            places: HashMap::new(),
            open: Vec::new(),
            keywords: HashSet::new(),
            imports: Vec::new(),
            types: Vec::new(),
            ids: HashMap::new(),
            fields: Vec::new(),
            class_types: HashMap::new(),
            renamings: Renamings::default(),
            inherited: 0,
            default_bytes: 0,
            weight: 0,
            exhausted: false,
        }
    }

    pub(crate) fn log(&mut self) -> &mut Log {
        self.log
    }

    /// Adds what a file declares.
    pub(crate) fn add(&mut self, items: &[Item<'_>]) {
        for item in items {
            if self.log.is_full() || self.exhausted {
                return;
            }
            match item {
                Item::Class(decl) => self.class(decl),
                Item::Switch(decl) => {
                    let ty = self.within(decl.name.as_ref(), |this| this.switch(decl));
                    if let Some(name) = &decl.name {
                        let named = ty.map_or(Named::Broken, |ty| Named::Type(Arc::new(ty), None));
                        self.declare(name, named);
                    }
                }
                Item::Typedef(param) => self.typedef(param),
                Item::Keywords(names) => {
                    self.keywords.extend(names.iter().map(|name| name.text.to_owned()));
                }
                Item::Import(import) => self.imports.push(import.to_schema()),
            }
        }
    }

    /// The schema, unless there were errors.
    pub(crate) fn finish(self) -> Option<DcFile> {
        if self.log.has_errors() {
            return None;
        }
        let fields = self.fields.into_iter().collect::<Option<Vec<_>>>()?;
        let hash = hash::panda3d(&self.types);
        let astron_hash = hash::astron(&self.types, self.renamings).filter(|other| *other != hash);
        Some(DcFile {
            hash,
            astron_hash,
            types: self.types,
            fields,
            by_name: self.ids,
            imports: self.imports,
            warnings: Diagnostics::default(),
        })
    }

    fn typedef(&mut self, param: &Param<'_>) {
        let Some(name) = &param.name else { return };
        let named = match self.param_type(param) {
            Some((ty, inherited)) => {
                let own = param.default.as_ref().map(|part| self.packed(&ty, name.text, part));
                let value = match own {
                    Some(packed) => packed.map(Arc::from),
                    None => inherited,
                };
                Named::Type(self.renamed(ty, name), value)
            }
            None => Named::Broken,
        };
        self.declare(name, named);
    }

    /// The type as the hashes see it by its new name.
    fn renamed(&mut self, mut ty: Arc<Type>, name: &Name<'_>) -> Arc<Type> {
        if let Some(simple) = Simple::from_word(name.text) {
            Arc::make_mut(&mut ty).word = Some(simple);
        }
        if let Shape::Bytes(Bytes { spelling, counts, .. }) = &ty.shape {
            match spelling {
                Spelling::String if counts.0.is_empty() => self.renamings.string = true,
                Spelling::Blob if counts.0.is_empty() => self.renamings.blob = true,
                Spelling::String | Spelling::Blob => {
                    if let Shape::Bytes(bytes) = &mut Arc::make_mut(&mut ty).shape {
                        bytes.renamed = true;
                    }
                }
                Spelling::Blob32 | Spelling::Array(_) => {}
            }
        }
        ty
    }

    /// Reads something in which its own name stands for nothing yet.
    fn within<T>(&mut self, name: Option<&Name<'_>>, read: impl FnOnce(&mut Self) -> T) -> T {
        let Some(name) = name else { return read(self) };
        self.open.push(name.text.to_owned());
        let out = read(self);
        self.open.pop();
        out
    }

    /// Gives a name to a type.
    fn declare(&mut self, name: &Name<'_>, named: Named) {
        if self.names.contains_key(name.text) {
            let message = format!("`{}` is declared twice", shown(name.text));
            let note = Note::error(name.span, message);
            let first = self.places.get(name.text).copied();
            self.log
                .push(note.label("classes, structs and typedefs share their names").first(first));
            return;
        }
        self.places.insert(name.text.to_owned(), name.span);
        self.names.insert(name.text.to_owned(), named);
    }

    /// The next field's id. Fields with errors get one, too, so that one error stays one.
    fn next_field(&mut self, at: Span) -> Option<FieldId> {
        let Ok(id) = u16::try_from(self.fields.len()) else {
            return self.exhaust(at, format!("there are more than {FIELDS_MAX} fields"));
        };
        self.fields.push(None);
        Some(FieldId(id))
    }

    /// Reports something that is too much, and stops.
    fn exhaust<T>(&mut self, at: Span, message: impl Into<String>) -> Option<T> {
        if !self.exhausted {
            self.log.push(Note::error(at, message));
        }
        self.exhausted = true;
        None
    }

    /// Counts bytes of a default value.
    fn count_default(&mut self, bytes: usize, at: Span) -> Option<()> {
        self.default_bytes += bytes;
        if self.default_bytes > DEFAULT_BYTES_MAX {
            let message =
                format!("default values have more than {DEFAULT_BYTES_MAX} bytes together");
            return self.exhaust(at, message);
        }
        Some(())
    }

    /// Counts numbers of the hash.
    fn count_weight(&mut self, weight: u64, at: Span) -> Option<()> {
        self.weight = self.weight.saturating_add(weight);
        if self.weight > HASH_NUMBERS_MAX {
            return self.exhaust(at, "the structs of this file, written out, are too large");
        }
        Some(())
    }

    /// Whether the hash takes this keyword by name.
    fn is_by_name(&self, word: &str) -> bool {
        Keywords::by_name(word).is_none() || self.keywords.contains(word)
    }
}

impl ast::Import<'_> {
    fn to_schema(&self) -> Import {
        let path = |words: &Vec<Name<'_>>| {
            words.iter().map(|word| word.text).collect::<Vec<_>>().join("/")
        };
        let module = self.module.iter().map(path).collect::<Vec<_>>().join(".");
        let symbols = match self.everything {
            true => vec!["*".to_owned()],
            false => self.symbols.iter().map(path).collect(),
        };
        Import { module, symbols }
    }
}
