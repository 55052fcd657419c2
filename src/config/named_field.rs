//! Fields that a configuration names, as `Class.field`.

pub(super) use dclass::Meant;
use dclass::{Class, DcFile, Field};

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

/// All fields that are meant by these names.
pub(super) fn meant<'d>(names: &[&NamedField], dc: &'d DcFile) -> Vec<Meant<'d>> {
    let names: Vec<_> = names.iter().map(|name| (&*name.class, &*name.field)).collect();
    dc.meant(&names)
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
