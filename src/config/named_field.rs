//! Fields that a configuration names, as `Class.field`.

use std::collections::{BTreeMap, HashMap};

use dclass::{Class, ClassId, DcFile, Field};

use super::model::{ClientAgentConfig, ClientKind};
use super::section::did_you_mean;

/// A field of a class.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NamedField {
    /// The class.
    pub class: String,
    /// The field, its own or inherited.
    pub field: String,
}

impl NamedField {
    /// What is expected where one is to be named.
    pub(super) const WHAT: &str = "a field of a class, such as `DistributedAvatar.setPos`";

    /// Reads `Class.field`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (class, field) = text.split_once('.')?;
        let is_one = !class.is_empty() && !field.is_empty();
        is_one.then(|| NamedField { class: class.to_owned(), field: field.to_owned() })
    }

    /// Checks that a text is one.
    pub(super) fn check(text: &str) -> Result<(), String> {
        match NamedField::read(text) {
            Some(_) => Ok(()),
            None => Err(format!("found `{}`, expected {}", text.escape_debug(), NamedField::WHAT)),
        }
    }

    /// As it is written.
    pub fn shown(&self) -> String {
        format!("{}.{}", self.class, self.field)
    }

    /// The class and the field that are meant.
    ///
    /// # Errors
    /// Which of them the DC files do not have.
    pub fn find<'d>(&self, dc: &'d DcFile) -> Result<(&'d Class, &'d Field), String> {
        let NamedField { class, field } = self;
        let Some(its_class) = dc.class_by_name(class) else {
            let hint = did_you_mean(class, dc.classes().map(Class::name)).unwrap_or_default();
            return Err(format!("the DC files have no class `{class}`{hint}"));
        };
        let Some(its_field) = its_class.field_by_name(field) else {
            let known = its_class.fields().iter().map(|field| field.name());
            let hint = did_you_mean(field, known).unwrap_or_default();
            return Err(format!("class `{class}` has no field `{field}`{hint}"));
        };
        Ok((its_class, its_field))
    }
}

/// A field of a class that is meant by a name.
#[derive(Copy, Clone, Debug)]
pub(super) struct Meant<'d> {
    /// The class that is named, or one that inherits from it.
    pub class: &'d Class,
    /// The field that it has by that name.
    pub of: &'d Field,
    /// The same, or one of an ancestor that a molecular field of it still has.
    pub field: &'d Field,
    /// Which of the names it is.
    pub number: usize,
}

/// All fields that are meant by these names: those of the classes, and of all that inherit them, or declare them anew, and are
/// not named themselves.
pub(super) fn meant<'d>(names: &[&NamedField], dc: &'d DcFile) -> Vec<Meant<'d>> {
    let mut all = Vec::new();
    let mut known: HashMap<ClassId, BTreeMap<&str, usize>> = HashMap::new();
    // Parents are declared before those who inherit from them.
    for class in dc.classes() {
        let here = meant_in(class, names, dc, &known);
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

/// Which names are about the fields of a class: its own, and those of whoever it has a field from.
fn meant_in<'n>(
    class: &Class,
    names: &[&'n NamedField],
    dc: &DcFile,
    known: &HashMap<ClassId, BTreeMap<&'n str, usize>>,
) -> BTreeMap<&'n str, usize> {
    let mut here = BTreeMap::new();
    for (number, name) in names.iter().enumerate() {
        if name.class == class.name() && class.field_by_name(&name.field).is_some() {
            here.insert(&*name.field, number);
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

/// What to say of a field that no client of an agent may set by its keywords.
pub(super) fn nobody_sends(
    agent: &ClientAgentConfig,
    name: &NamedField,
    dc: &DcFile,
) -> Option<String> {
    let (_, field) = name.find(dc).ok()?;
    let keywords = field.keywords();
    // There an owner may set all fields.
    let is_any = matches!(agent.client.kind, ClientKind::Panda3d(_));
    (!is_any && !keywords.clsend() && !keywords.ownsend()).then(|| {
        format!(
            "`{}` is neither clsend nor ownsend: clients may not set it at all, unless an AI allows them to with SET_FIELDS_SENDABLE",
            name.shown()
        )
    })
}
