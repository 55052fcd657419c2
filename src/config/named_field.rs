//! Fields that a configuration names, as `Class.field`.

use dclass::{Class, DcFile, Field};

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
