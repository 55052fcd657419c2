//! The types by which the text in an export is to be read: its second line.
//!
//! Text does not say by which type it was written, and parts of a struct that have changed places may be read by the new
//! one, too, as what they are not.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::store::Schema;

/// By class and field, those of the DC files that an export was written with.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ExportTypes {
    types: BTreeMap<String, BTreeMap<String, String>>,
}

impl ExportTypes {
    /// Those of all fields that are stored.
    pub fn of(schema: &Schema) -> Self {
        let mut types = BTreeMap::new();
        for class in schema.dc().classes() {
            let stored = class.fields().iter().filter(|field| field.keywords().db());
            let stored: BTreeMap<_, _> =
                stored.map(|field| (field.name().to_owned(), field.named_type_text())).collect();
            if !stored.is_empty() {
                types.insert(class.name().to_owned(), stored);
            }
        }
        ExportTypes { types }
    }

    /// Whether it says nothing, as with an export of an earlier version.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The type of a field.
    pub fn get(&self, class: &str, field: &str) -> Option<Arc<str>> {
        self.types.get(class)?.get(field).map(|type_text| type_text.as_str().into())
    }
}
