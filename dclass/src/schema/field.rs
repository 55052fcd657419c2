//! Fields: what a class's objects have and do.

use super::types::{Size, Type};
use super::{ClassId, FieldId, Keywords};
use std::sync::Arc;

/// What a field consists of.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A method with parameters: `f(uint8 x)`.
    Atomic,
    /// Several atomic fields at once: `xyz : x, y, z`.
    Molecular,
    /// A value: `uint8 x`.
    Parameter,
}

/// A field of a class or struct.
///
/// Values are packed: [`validate`](Field::validate) checks them, [`format`](Field::format) and
/// [`parse`](Field::parse) turn them into text and back.
#[derive(Debug)]
pub struct Field {
    pub(crate) id: FieldId,
    pub(crate) class: ClassId,
    pub(crate) name: String,
    pub(crate) keywords: Keywords,
    pub(crate) custom: Box<[String]>,
    /// The legacy hash takes the keywords by name: some are not, or no longer, standard ones.
    pub(crate) hash_by_name: bool,
    pub(crate) body: Body,
    pub(crate) size: Size,
    /// A value of the right length may still be wrong.
    pub(crate) checked: bool,
    /// Some part has an explicit default.
    pub(crate) explicit: bool,
    /// The value that the field has when nobody gave one.
    pub(crate) implicit: Box<[u8]>,
    /// The default as it is written, if it is no value of the type. Then the bytes do not tell where its parts end.
    pub(crate) unreadable: Option<Box<str>>,
}

/// What a field is made of.
#[derive(Debug)]
pub(crate) enum Body {
    Method(Box<[Param]>),
    Param(Param),
    Molecular(Box<[Arc<Field>]>),
}

/// A parameter, or the value of a parameter field.
#[derive(Debug)]
pub(crate) struct Param {
    /// Empty if it has none.
    pub name: String,
    pub ty: Arc<Type>,
    /// How many bytes its default has. Of a method's they stand in a row, and not all of them can be read.
    pub implicit_bytes: usize,
}

impl Field {
    /// The field's number in the DC files.
    pub fn id(&self) -> FieldId {
        self.id
    }

    /// The class or struct that declares the field.
    pub fn class_id(&self) -> ClassId {
        self.class
    }

    /// The field's name. A field of a struct may have none; then it is empty.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The standard keywords. A molecular field has those of its parts.
    pub fn keywords(&self) -> Keywords {
        self.keywords
    }

    /// The keywords that are not standard ones, sorted, each once.
    pub fn custom_keywords(&self) -> &[String] {
        &self.custom
    }

    /// What the field consists of.
    pub fn kind(&self) -> FieldKind {
        match self.body {
            Body::Method(_) => FieldKind::Atomic,
            Body::Molecular(_) => FieldKind::Molecular,
            Body::Param(_) => FieldKind::Parameter,
        }
    }

    /// A molecular field's parts, in its own order; empty for other fields.
    pub fn parts(&self) -> &[Arc<Field>] {
        match &self.body {
            Body::Molecular(parts) => parts,
            _ => &[],
        }
    }

    /// The number of bytes of a value, if all values have the same.
    pub fn fixed_size(&self) -> Option<usize> {
        self.size.fixed.then_some(self.size.min as usize)
    }

    /// The packed default value if the declaration gives one, at least for a part. Molecular
    /// fields have none.
    pub fn default_value(&self) -> Option<&[u8]> {
        self.explicit.then_some(&*self.implicit)
    }

    /// The packed default value if there is one, else the value that comes closest to nothing:
    /// zeros, and as few elements as the type allows. Empty for molecular fields.
    pub fn implicit_value(&self) -> &[u8] {
        &self.implicit
    }

    /// The value that the field has when nobody gave one, as DC text; a default that nobody can read as it is written.
    pub fn implicit_text(&self) -> String {
        match &self.unreadable {
            Some(written) => written.clone().into_string(),
            None => self
                .format(&self.implicit)
                .unwrap_or_else(|_| crate::value::written::hex(&self.implicit)),
        }
    }

    /// A method's parameters, or a parameter field's only one.
    pub(crate) fn params(&self) -> &[Param] {
        match &self.body {
            Body::Method(params) => params,
            Body::Param(param) => std::slice::from_ref(param),
            Body::Molecular(_) => &[],
        }
    }

    pub(crate) fn depth(&self) -> u16 {
        self.params().iter().map(|param| param.ty.depth).max().unwrap_or(0)
    }

    pub(crate) fn parts_written(&self) -> u32 {
        self.params().iter().fold(1, |sum: u32, param| sum.saturating_add(param.ty.parts))
    }

    /// How many numbers the field adds to the hash.
    pub(crate) fn weight(&self) -> u64 {
        let types = self.params().iter().map(|param| param.ty.weight);
        let parts = self.parts().iter().map(|part| part.weight());
        let custom: usize = self.custom.iter().map(|word| word.len() + 1).sum();
        let own = 70 + self.name.len() as u64 + custom as u64;
        types.chain(parts).fold(own, u64::saturating_add)
    }
}
