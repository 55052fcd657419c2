//! What a set of DC files declares: classes, fields and their types.

mod class;
mod field;
mod keyword;
mod layout;
mod print;
pub(crate) mod types;
mod view;

pub use class::Class;
pub(crate) use class::Parts;
pub(crate) use field::{Body, Param};
pub use field::{Field, FieldKind};
pub use keyword::Keywords;
pub use layout::Layout;
pub(crate) use print::Text;
pub use types::StringEncoding;
pub use view::TypeView;

use crate::diagnostic::Diagnostics;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Position of a dclass or struct in the DC files.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct ClassId(pub u16);

/// Position of a field in the DC files.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct FieldId(pub u16);

/// A Python module that a DC file names: `import a.b/AI`, `from a.b/AI import c/UD, d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module's path as written: `a.b/AI`.
    pub module: String,
    /// The symbols as written, `c/UD`; `*` for all; none for a plain `import`.
    pub symbols: Vec<String>,
}

/// Everything that a set of DC files declares. It never changes; share it in an `Arc`.
#[derive(Debug)]
pub struct DcFile {
    pub(crate) hash: u32,
    pub(crate) astron_hash: Option<u32>,
    /// Classes and structs by id.
    pub(crate) types: Vec<Arc<Class>>,
    pub(crate) fields: Vec<Arc<Field>>,
    pub(crate) by_name: HashMap<String, ClassId>,
    pub(crate) imports: Vec<Import>,
    pub(crate) warnings: Diagnostics,
}

impl DcFile {
    /// The legacy hash, by which clients and servers see that they have the same DC files, as Panda3D
    /// computes it.
    pub fn hash(&self) -> u32 {
        self.hash
    }

    /// The hash that Astron computes of these files, if it can and comes to another one than
    /// [`hash`](DcFile::hash).
    pub fn astron_hash(&self) -> Option<u32> {
        self.astron_hash
    }

    /// The class with this id. `None` for ids of structs and for unknown ids.
    pub fn class(&self, id: ClassId) -> Option<&Class> {
        self.class_or_struct(id).filter(|class| !class.is_struct)
    }

    /// The class with this name. `None` for structs.
    pub fn class_by_name(&self, name: &str) -> Option<&Class> {
        self.by_name.get(name).and_then(|id| self.class(*id))
    }

    /// The classes by ascending id, without structs.
    pub fn classes(&self) -> impl Iterator<Item = &Class> {
        self.types.iter().map(|class| &**class).filter(|class| !class.is_struct)
    }

    /// The structs by ascending id.
    pub fn structs(&self) -> impl Iterator<Item = &Class> {
        self.types.iter().map(|class| &**class).filter(|class| class.is_struct)
    }

    /// The class or struct with this id.
    pub fn class_or_struct(&self, id: ClassId) -> Option<&Class> {
        self.types.get(usize::from(id.0)).map(|class| &**class)
    }

    /// The class or struct with this name.
    pub fn class_or_struct_by_name(&self, name: &str) -> Option<&Class> {
        self.by_name.get(name).and_then(|id| self.class_or_struct(*id))
    }

    /// The field with this id, of whichever class or struct.
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.fields.get(usize::from(id.0)).map(|field| &**field)
    }

    /// All fields of a class in the order in which it has inherited them, which is Panda3D's: those of its first parent, then those of
    /// the next, then its own. A field takes the place of an inherited one of its name.
    pub fn fields_as_inherited(&self, class: &Class) -> Vec<Arc<Field>> {
        let mut fields: Vec<Arc<Field>> = Vec::new();
        let mut names: HashSet<String> = HashSet::new();
        for parent in class.parents().iter().filter_map(|parent| self.class(*parent)) {
            for field in self.fields_as_inherited(parent) {
                if field.name().is_empty() || names.insert(field.name().to_owned()) {
                    fields.push(field);
                }
            }
        }
        for own in class.own_fields() {
            if !own.name().is_empty() && !names.insert(own.name().to_owned()) {
                fields.retain(|field| field.name() != own.name());
            }
            fields.push(own.clone());
        }
        fields.retain(|field| class.has_field(field.id()));
        fields
    }

    /// The Python modules that the files name, in their order.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// What is odd about the files without keeping them from use.
    pub fn warnings(&self) -> &Diagnostics {
        &self.warnings
    }
}
