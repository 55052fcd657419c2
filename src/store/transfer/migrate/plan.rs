//! What becomes of each class and field, whatever the objects are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use dclass::diff::{Carrier, Renames, Stored, filled, unlimited};
use dclass::{Class, DcFile, Field};

use crate::store::archive::Form;
use crate::store::layout::{is_alike, is_compatible};
use crate::store::rewrite::{Noted, NotedField};

/// The way from old DC files to new ones.
pub struct Plan<'a> {
    pub carrier: Carrier<'a>,
    pub new: &'a DcFile,
    /// By the old names.
    pub classes: BTreeMap<&'a str, ClassPlan<'a>>,
}

/// What becomes of a class.
pub struct ClassPlan<'a> {
    /// None if it is gone.
    pub new: Option<&'a Class>,
    /// By the old names.
    pub fields: BTreeMap<&'a str, FieldPlan<'a>>,
    /// Stored fields of which objects get a value that have none, and did not get one before.
    pub filled: Vec<(&'a Field, &'a [u8])>,
}

/// What becomes of a field.
pub struct FieldPlan<'a> {
    pub old: &'a Field,
    /// None if it is gone, or stored no more.
    pub new: Option<&'a Field>,
    pub work: Work,
    /// The types before and after, with the names of parts.
    pub types: (String, Option<String>),
    /// Whether text of the old field means the same in the new one.
    pub is_read_alike: bool,
    /// It gets a name that no field of the old files has: whatever has it is not theirs.
    pub takes_new_name: bool,
    /// The old field without its limits, packed and as text; made when it is first needed.
    wide: [OnceLock<Field>; 2],
}

/// What a store has noted of fields: class, field, type.
pub type NotedTypes = [(String, String, String)];

/// What is to be done with a value.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Work {
    /// Nothing: it is the same value.
    Nothing,
    /// Its bytes stay, if they are within the new limits.
    Check,
    /// It becomes another one.
    Carry,
}

impl FieldPlan<'_> {
    /// Whether it is what this field of the new files was.
    pub fn becomes(&self, field: &Field) -> bool {
        self.new.is_some_and(|new| new.name() == field.name())
    }

    pub fn is_renamed(&self) -> bool {
        self.new.is_some_and(|new| new.name() != self.old.name())
    }

    /// The old field without its limits: other daemons may have had wider ones.
    pub fn wide(&self, form: Stored) -> &Field {
        let at = usize::from(form == Stored::Text);
        self.wide[at].get_or_init(|| unlimited(self.old, form))
    }
}

impl<'a> Plan<'a> {
    pub fn new(old: &'a DcFile, new: &'a DcFile, renames: &'a Renames) -> Self {
        let carrier = Carrier { old, renames };
        let classes = old.classes().map(|class| {
            let current = new.class_by_name(renames.new_class(class.name()));
            (class.name(), class_plan(carrier, class, current))
        });
        Plan { carrier, new, classes: classes.collect() }
    }

    /// What becomes of what a store knows of fields, by the types that it has noted. Fields that come are those that
    /// values are given for.
    pub fn noted(&self, stored: &NotedTypes, form: Form) -> Noted {
        let joined = self.joined(stored, form);
        let mut noted = Noted::default();
        for (name, plan) in &self.classes {
            let Some(new) = plan.new else { continue };
            let of_class = || stored.iter().filter(|(class, ..)| class == name);
            // A class without fields has objects, too.
            if new.name() != *name {
                noted.classes.push(((*name).to_owned(), new.name().to_owned()));
            }
            if of_class().next().is_none() {
                continue;
            }
            let mut is_there = Vec::new();
            for (_, field, type_text) in of_class() {
                match plan.noted_field(field, type_text, &|new| joined.contains(&(*name, new))) {
                    Some(fate) => {
                        if let NotedField::Renamed(new) | NotedField::Replaced(new, _) = &fate {
                            is_there.push(new.clone());
                        }
                        noted.fields.push(((*name).to_owned(), field.clone(), fate));
                    }
                    None => is_there.push(field.clone()),
                }
            }
            for (field, _) in plan
                .filled
                .iter()
                .filter(|(field, _)| !is_there.iter().any(|name| name == field.name()))
            {
                let (field, type_text) = (field.name().to_owned(), field.named_type_text());
                noted.added.push(((*name).to_owned(), field, type_text));
            }
        }
        noted
    }

    /// Fields, by the old names of their classes and their own new ones, that are called otherwise in the old files, and of
    /// which the store has values of the new ones already: old values join them.
    pub fn joined(&self, stored: &NotedTypes, form: Form) -> BTreeSet<(&'a str, &'a str)> {
        let form = stored_form(form);
        let mut joined = BTreeSet::new();
        for (class, plan) in &self.classes {
            for field in plan.fields.values().filter(|field| field.takes_new_name) {
                let (Some(new), Some(current)) = (field.new, &field.types.1) else { continue };
                let is_there = |(of, name, text): &(String, String, String)| {
                    of == class && name == new.name() && is_alike(form, text, current)
                };
                if stored.iter().any(is_there) {
                    joined.insert((*class, new.name()));
                }
            }
        }
        joined
    }
}

/// How text that is a value's form is stored.
pub fn stored_form(form: Form) -> Stored {
    match form {
        Form::Packed => Stored::Packed,
        Form::Text | Form::Either => Stored::Text,
    }
}

impl ClassPlan<'_> {
    /// Whether a field that the old files call otherwise gets this name.
    pub fn is_taken(&self, name: &str) -> bool {
        self.fields
            .values()
            .any(|plan| plan.is_renamed() && plan.new.is_some_and(|new| new.name() == name))
    }

    /// What becomes of a field that a store knows with this type; nothing if it stays.
    fn noted_field(
        &self,
        name: &str,
        stored: &str,
        is_joined: &dyn Fn(&str) -> bool,
    ) -> Option<NotedField> {
        let Some(field) = self.fields.get(name) else {
            // The old files do not have it. If it is in the way, it goes.
            let returns = self.new.and_then(|class| class.field_by_name(name));
            let fits = returns.is_none_or(|field| is_compatible(stored, &field.named_type_text()));
            let stays = if self.is_taken(name) { is_joined(name) } else { fits };
            return (!stays).then_some(NotedField::Dropped);
        };
        let Some(new) = field.new else {
            return field.old.keywords().db().then_some(NotedField::Dropped);
        };
        if field.takes_new_name && is_joined(new.name()) {
            return Some(NotedField::Dropped);
        }
        let current = new.named_type_text();
        let is_old = is_compatible(stored, &field.types.0);
        let is_carried = match (is_old, is_compatible(stored, &current)) {
            (true, _) => field.work == Work::Carry,
            // It was carried already.
            (false, true) => false,
            (false, false) => true,
        };
        match (is_carried, field.is_renamed()) {
            (true, _) => Some(NotedField::Replaced(new.name().to_owned(), current)),
            (false, true) => Some(NotedField::Renamed(new.name().to_owned())),
            (false, false) => None,
        }
    }
}

fn class_plan<'a>(carrier: Carrier<'a>, old: &'a Class, new: Option<&'a Class>) -> ClassPlan<'a> {
    let is_db = |field: &Field| field.keywords().db();
    let plan = |field: &'a Field| {
        let name = carrier.renames.new_field(carrier.old, old.name(), field);
        let current = new.and_then(|class| class.field_by_name(name));
        // What is not stored any more is as good as gone.
        let current = current.filter(|current| is_db(current) || !is_db(field));
        let work = current.map_or(Work::Nothing, |current| work(carrier, field, current));
        let types = (field.named_type_text(), current.map(Field::named_type_text));
        let takes_new_name = current.is_some_and(|current| {
            current.name() != field.name() && old.field_by_name(current.name()).is_none()
        });
        let is_alike = |new: &String| is_alike(Stored::Text, &types.0, new);
        let is_read_alike = types.1.as_ref().is_some_and(is_alike);
        let wide = [const { OnceLock::new() }; 2];
        FieldPlan { old: field, new: current, work, types, is_read_alike, takes_new_name, wide }
    };
    let fields = old.fields().iter().map(|field| (field.name(), plan(field)));
    let fields: BTreeMap<&str, FieldPlan<'a>> = fields.collect();
    let before =
        |field: &Field| fields.values().find(|plan| plan.becomes(field)).map(|plan| plan.old);
    let stored = new.map_or(&[][..], Class::db_fields).iter().map(|field| &**field);
    let filled = stored.filter_map(|field| Some((field, filled(before(field), field)?))).collect();
    ClassPlan { new, fields, filled }
}

fn work(carrier: Carrier<'_>, old: &Field, new: &Field) -> Work {
    let (before, after) = (old.named_type_text(), new.named_type_text());
    match carrier.is_same(old, new) {
        true if before == after => Work::Nothing,
        true if is_compatible(&before, &after) => Work::Check,
        _ => Work::Carry,
    }
}
