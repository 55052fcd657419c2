//! Fields that somebody names once, for a class and for all that inherit it.

use std::collections::{BTreeMap, HashMap};

use crate::schema::{Class, ClassId, DcFile, Field};

/// A field of a class that is meant by a name.
#[derive(Copy, Clone, Debug)]
pub struct Meant<'d> {
    /// The class that is named, or one that inherits from it.
    pub class: &'d Class,
    /// The field that it has by that name.
    pub of: &'d Field,
    /// The same, or one of an ancestor that a molecular field of it still has.
    pub field: &'d Field,
    /// Which of the names it is.
    pub number: usize,
}

impl DcFile {
    /// All fields that are meant by these names of classes and their fields: those of the classes, and of all that inherit
    /// them, or declare them anew, and are not named themselves.
    pub fn meant<'d>(&'d self, names: &[(&str, &str)]) -> Vec<Meant<'d>> {
        let mut all = Vec::new();
        let mut known: HashMap<ClassId, BTreeMap<&str, usize>> = HashMap::new();
        // Parents are declared before those who inherit from them.
        for class in self.classes() {
            let here = meant_in(class, names, self, &known);
            for (&name, &number) in &here {
                let Some(of) = class.field_by_name(name) else { continue };
                let fields = fields_called(class, of);
                all.extend(fields.into_iter().map(|field| Meant { class, of, field, number }));
            }
            if !here.is_empty() {
                known.insert(class.id(), here);
            }
        }
        all
    }
}

/// Which names are about the fields of a class: its own, and those of whoever it has a field from.
fn meant_in<'n>(
    class: &Class,
    names: &[(&str, &'n str)],
    dc: &DcFile,
    known: &HashMap<ClassId, BTreeMap<&'n str, usize>>,
) -> BTreeMap<&'n str, usize> {
    let mut here = BTreeMap::new();
    for (number, &(of, name)) in names.iter().enumerate() {
        if of == class.name() && class.field_by_name(name).is_some() {
            here.insert(name, number);
        }
    }
    for parent in class.parents().iter().filter_map(|parent| dc.class(*parent)) {
        let of_parent = known.get(&parent.id());
        for (&name, &number) in of_parent.into_iter().flatten() {
            let [here_it_is, there] = [class, parent].map(|class| class.field_by_name(name));
            let (Some(field), Some(of_parent)) = (here_it_is, there) else { continue };
            if field.class_id() == class.id() || field.id() == of_parent.id() {
                here.entry(name).or_insert(number);
            }
        }
    }
    here
}

/// A field of a class, and those of the same name that molecular fields of it have from before it was declared anew.
fn fields_called<'c>(class: &'c Class, field: &'c Field) -> Vec<&'c Field> {
    let mut fields = vec![field];
    let parts = class.fields().iter().flat_map(|field| field.parts());
    for part in parts.filter(|part| part.name() == field.name()) {
        if fields.iter().all(|known| known.id() != part.id()) {
            fields.push(part);
        }
    }
    fields
}
