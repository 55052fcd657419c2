//! What numbers are called.

use std::collections::HashMap;
use std::sync::Arc;

use dclass::{Class, ClassId, DcFile, Field, FieldId, FieldKind};

use crate::message::{Other, Shown, Values};

/// A DC file, and what has to be known of it to read objects.
#[derive(Clone, Debug)]
pub struct Names {
    dc: Arc<DcFile>,
    /// Required fields in Panda3D's order, of classes of which that is another than the ids'.
    panda: HashMap<ClassId, Vec<FieldId>>,
}

impl Names {
    /// The names of a DC file.
    pub fn new(dc: Arc<DcFile>) -> Self {
        let mut panda = HashMap::new();
        for class in dc.classes() {
            let is_told = |field: &&Arc<Field>| {
                field.kind() != FieldKind::Molecular && field.keywords().required()
            };
            let inherited = dc.fields_as_inherited(class);
            let order: Vec<FieldId> = inherited.iter().filter(is_told).map(|f| f.id()).collect();
            if !order.iter().copied().eq(class.required().iter().map(|field| field.id())) {
                panda.insert(class.id(), order);
            }
        }
        Names { dc, panda }
    }

    /// The DC file.
    pub fn dc(&self) -> &DcFile {
        &self.dc
    }

    /// `Class.field`, by the class that declares it.
    pub fn field(&self, id: FieldId) -> Option<String> {
        let field = self.dc.field(id)?;
        let class = self.dc.class_or_struct(field.class_id())?;
        Some(match field.name() {
            // A molecular or unnamed parameter.
            "" => format!("{}.#{}", class.name(), id.0),
            name => format!("{}.{name}", class.name()),
        })
    }

    /// The field that is called so; why there is none.
    ///
    /// # Errors
    /// A text that says which part is unknown, and what may have been meant.
    pub fn field_named(&self, name: &str) -> Result<&Field, String> {
        let Some((class, field)) = name.split_once('.') else {
            let classes = self.dc.classes();
            let having =
                classes.filter(|class| class.own_fields().iter().any(|f| f.name() == name));
            let names: Vec<_> =
                having.take(3).map(|class| format!("`{}.{name}`", class.name())).collect();
            let hint = if names.is_empty() {
                String::new()
            } else {
                format!("; did you mean {}?", names.join(" or "))
            };
            return Err(format!(
                "`{name}` does not name a class and a field, as Class.field does{hint}"
            ));
        };
        let class = self.class_named(class)?;
        let by_number = || field.strip_prefix('#')?.parse().ok().map(FieldId);
        let found = class.field_by_name(field).or_else(|| class.field(by_number()?));
        found.ok_or_else(|| {
            let known = class.fields().iter().map(|field| field.name());
            let hint = hint(field, known.filter(|name| !name.is_empty()));
            format!("class `{}` has no field `{field}`{hint}", class.name())
        })
    }

    /// The class or struct that is called so; why there is none.
    ///
    /// # Errors
    /// A text that says what may have been meant.
    pub fn class_named(&self, name: &str) -> Result<&Class, String> {
        self.dc.class_or_struct_by_name(name).ok_or_else(|| {
            let known = self.dc.classes().chain(self.dc.structs()).map(Class::name);
            format!("there is no class `{name}`{}", hint(name, known))
        })
    }

    /// The required fields of a class that somebody is told, in their order.
    pub(super) fn required<'s>(&'s self, class: &'s Class, shown: Shown) -> Vec<&'s Field> {
        let is_shown = |field: &&Field| {
            let keywords = field.keywords();
            let client = keywords.broadcast() || keywords.clrecv();
            match shown {
                Shown::Nothing => false,
                Shown::All | Shown::PandaAll => true,
                Shown::Clients => client,
                Shown::Owner => client || keywords.ownrecv(),
                Shown::PandaBroadcast => keywords.broadcast(),
            }
        };
        let panda = match shown {
            Shown::PandaAll | Shown::PandaBroadcast => self.panda.get(&class.id()),
            _ => None,
        };
        match panda {
            Some(order) => {
                order.iter().filter_map(|id| self.dc.field(*id)).filter(is_shown).collect()
            }
            None => class.required().iter().map(|field| &**field).filter(is_shown).collect(),
        }
    }
}

/// Whether other fields follow the required ones, if the last flag of the message was this.
pub(super) fn has_other(values: Values, said: bool) -> bool {
    match values.other {
        Other::No => false,
        Other::Yes => true,
        Other::Said => said,
    }
}

/// What may have been meant, as the end of a sentence.
pub(super) fn hint<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> String {
    crate::finding::near(found, known)
        .map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}
