//! Which fields are made of which structs.

use super::matching::{all, own};
use super::work::step;
use crate::schema::types::{Shape, Type};
use crate::schema::{Class, ClassId, DcFile, Field};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// For each struct, the fields of others that have one in them, at whatever depth.
pub(super) struct Uses<'a>(HashMap<ClassId, Vec<(&'a Class, &'a Field)>>);

impl<'a> Uses<'a> {
    pub fn new(dc: &'a DcFile) -> Uses<'a> {
        let mut uses: HashMap<ClassId, Vec<(&Class, &Field)>> = HashMap::new();
        for class in all(dc) {
            for field in own(class) {
                let mut within = Within::default();
                within.note_params(field);
                within.structs.remove(&class.id());
                for id in within.structs {
                    uses.entry(id).or_default().push((class, field));
                }
            }
        }
        Uses(uses)
    }

    pub fn of(&self, structure: &Class) -> &[(&'a Class, &'a Field)] {
        self.0.get(&structure.id()).map_or(&[], Vec::as_slice)
    }
}

/// What a field is made of.
#[derive(Default)]
struct Within {
    structs: HashSet<ClassId>,
    /// By their keys.
    switches: HashSet<*const Field>,
}

impl Within {
    fn note(&mut self, ty: &Type) {
        step();
        match &ty.shape {
            Shape::Number(_) | Shape::Bytes(_) => {}
            Shape::Array(array) => self.note(&array.element),
            Shape::Struct(parts) => {
                if self.structs.insert(parts.class.id()) {
                    parts.fields.iter().for_each(|field| self.note_params(field));
                }
            }
            Shape::Switch(switch) => {
                if self.switches.insert(Arc::as_ptr(&switch.key)) {
                    switch.fields.iter().for_each(|field| self.note_params(field));
                }
            }
        }
    }

    fn note_params(&mut self, field: &Field) {
        field.params().iter().for_each(|param| self.note(&param.ty));
    }
}
