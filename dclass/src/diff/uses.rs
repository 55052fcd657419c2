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
                let mut within = HashSet::new();
                field.params().iter().for_each(|param| note(&param.ty, &mut within));
                within.remove(&class.id());
                for id in within {
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

fn note(ty: &Type, within: &mut HashSet<ClassId>) {
    step();
    match &ty.shape {
        Shape::Number(_) | Shape::Bytes(_) => {}
        Shape::Array(array) => note(&array.element, within),
        Shape::Struct(parts) => {
            if within.insert(parts.class.id()) {
                note_fields(&parts.fields, within);
            }
        }
        Shape::Switch(switch) => note_fields(&switch.fields, within),
    }
}

fn note_fields(fields: &[Arc<Field>], within: &mut HashSet<ClassId>) {
    fields.iter().flat_map(|field| field.params()).for_each(|param| note(&param.ty, within));
}
