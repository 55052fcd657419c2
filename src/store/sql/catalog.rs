//! Which classes and fields a database knows, and whether they agree with the DC files.
//!
//! A database numbers classes and fields for itself, so that it does not care how the DC files number
//! theirs. A class is noted when its first object is stored, with the types of all its `db` fields.

use std::fmt;
use std::sync::Arc;

use dclass::{Class, Field};
use rustc_hash::FxHashMap;

use super::archive::no_class;
use super::session::{CatalogRow, Session};
use crate::ids::{ClassId, FieldId};
use crate::store::layout::{self, Change};
use crate::store::{OpenError, Refusal, Schema};

/// What is to be added to the database's knowledge of classes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Amendment {
    /// Names of classes that may be new.
    pub classes: Vec<String>,
    /// Fields that may be new: class, name, type.
    pub fields: Vec<(String, String, String)>,
    /// Fields whose type is written differently now, although the stored values fit.
    pub changed: Vec<TypeChange>,
}

impl Amendment {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.fields.is_empty() && self.changed.is_empty()
    }
}

/// A field whose type is not the one under which its values were stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeChange {
    /// The field's number in the database.
    pub field: i32,
    /// Its class.
    pub class_name: String,
    /// Its name.
    pub name: String,
    /// The type it was stored under.
    pub stored: String,
    /// Its type in the DC files.
    pub current: String,
}

impl fmt::Display for TypeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TypeChange { class_name, name, stored, current, .. } = self;
        f.write_str(&layout::in_words(class_name, name, stored, current))
    }
}

/// What is stored, beside the DC files.
#[derive(Debug, Default)]
pub struct Comparison {
    news: Amendment,
    misfits: Vec<TypeChange>,
}

impl Comparison {
    /// Whether something is to be noted.
    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Numbers of fields whose values would be misread, if there are any.
    pub fn misfits(&self) -> Vec<i32> {
        self.misfits.iter().map(|change| change.field).collect()
    }

    /// Which of them have any: the database is asked only about those.
    ///
    /// # Errors
    /// What the database says.
    pub async fn held(&self, session: &mut impl Session) -> sqlx::Result<Vec<i32>> {
        let mut held = Vec::new();
        for field in self.misfits() {
            if session.number(any_value_of(field)).await?.is_some() {
                held.push(field);
            }
        }
        Ok(held)
    }

    /// What is to be noted, if only the fields `held` have values.
    ///
    /// # Errors
    /// If values were stored under a type that means something else now.
    pub fn judge(self, held: &[i32]) -> Result<Amendment, OpenError> {
        let Comparison { mut news, misfits } = self;
        let (misread, unused): (Vec<_>, Vec<_>) =
            misfits.into_iter().partition(|change| held.contains(&change.field));
        news.changed.extend(unused);
        match misread.is_empty() {
            true => Ok(news),
            false => Err(layout::refuse(misread.iter().map(TypeChange::to_string).collect())),
        }
    }
}

/// A query for an object that has a value of the field with this number.
pub fn any_value_of(field: i32) -> String {
    format!("SELECT object_id FROM donet_value WHERE field_id = {field} LIMIT 1")
}

#[derive(Debug)]
struct StoredField {
    name: String,
    type_text: String,
    field: Option<FieldId>,
}

#[derive(Debug)]
struct StoredClass {
    name: Arc<str>,
    class: Option<ClassId>,
    fields: FxHashMap<i32, StoredField>,
}

/// The database's numbers of classes and fields, and what they are in the DC files.
#[derive(Debug, Default)]
pub struct Catalog {
    classes: FxHashMap<i32, StoredClass>,
    class_numbers: FxHashMap<ClassId, i32>,
    field_numbers: FxHashMap<(ClassId, FieldId), i32>,
}

impl Catalog {
    /// Reads what the database knows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn load(session: &mut impl Session, schema: &Schema) -> sqlx::Result<Self> {
        Ok(Catalog::of(session.catalog().await?, schema))
    }

    /// What these rows of the database say.
    pub fn of(rows: Vec<CatalogRow>, schema: &Schema) -> Self {
        let mut catalog = Catalog::default();
        for row in rows {
            catalog.add(row, schema);
        }
        catalog
    }

    fn add(&mut self, row: CatalogRow, schema: &Schema) {
        let class = schema.class_by_name(&row.class_name);
        let stored = self.classes.entry(row.class).or_insert_with(|| StoredClass {
            name: row.class_name.into(),
            class: class.map(Class::id),
            fields: FxHashMap::default(),
        });
        if let Some(class) = class {
            self.class_numbers.insert(class.id(), row.class);
        }
        let Some((number, name, type_text)) = row.field else {
            return;
        };
        let field = class.and_then(|class| class.field_by_name(&name)).map(Field::id);
        if let (Some(class), Some(field)) = (class, field) {
            self.field_numbers.insert((class.id(), field), number);
        }
        let field = StoredField { name, type_text, field };
        stored.fields.insert(number, field);
    }

    /// What must be noted before objects of `class` can be stored.
    pub fn additions(class: &Class) -> Amendment {
        let field = |field: &Arc<Field>| {
            (class.name().to_owned(), field.name().to_owned(), field.named_type_text())
        };
        let stored = class.fields().iter().filter(|field| field.keywords().db());
        Amendment {
            classes: vec![class.name().to_owned()],
            fields: stored.map(field).collect(),
            changed: Vec::new(),
        }
    }

    /// Compares what is stored with the DC files.
    pub fn compare(&self, schema: &Schema) -> Comparison {
        let mut found = Comparison::default();
        for stored in self.classes.values() {
            let Some(class) = stored.class.and_then(|id| schema.class(id)) else {
                continue;
            };
            let known = |name: &str| self.field_numbers.contains_key(&field_key(class, name));
            let additions = Catalog::additions(class).fields.into_iter();
            found.news.fields.extend(additions.filter(|(_, name, _)| !known(name)));
            for (number, field) in &stored.fields {
                let Some(current) = field.field.and_then(|id| class.field(id)) else {
                    continue;
                };
                let change = TypeChange {
                    field: *number,
                    class_name: class.name().to_owned(),
                    name: field.name.clone(),
                    stored: field.type_text.clone(),
                    current: current.named_type_text(),
                };
                match layout::compare(&change.stored, &change.current) {
                    Change::None => {}
                    Change::Compatible => found.news.changed.push(change),
                    Change::Incompatible => found.misfits.push(change),
                }
            }
        }
        found
    }

    /// Classes that the DC files do not have.
    pub fn missing_classes(&self) -> impl Iterator<Item = &str> {
        let missing = self.classes.values().filter(|stored| stored.class.is_none());
        missing.map(|stored| &*stored.name)
    }

    /// Whether objects of `class` can be stored.
    pub fn knows(&self, class: ClassId) -> bool {
        self.class_numbers.contains_key(&class)
    }

    /// Whether the database's number of a class is known.
    pub fn has(&self, number: i32) -> bool {
        self.classes.contains_key(&number)
    }

    /// The class of an object.
    pub fn class(&self, number: i32) -> Result<ClassId, Refusal> {
        match self.classes.get(&number) {
            Some(stored) => {
                stored.class.ok_or_else(|| Refusal::UnknownClass(Arc::clone(&stored.name)))
            }
            None => Err(Refusal::Broken(no_class(number).into())),
        }
    }

    /// The field of a value, if the DC files have it.
    pub fn field(&self, class: i32, number: i32) -> Option<FieldId> {
        self.classes.get(&class)?.fields.get(&number)?.field
    }

    /// The database's number of a class that it knows.
    pub fn stored_class(&self, class: ClassId) -> i32 {
        self.class_numbers[&class]
    }

    /// The database's number of a field that it knows.
    pub fn stored_field(&self, class: ClassId, field: FieldId) -> i32 {
        self.field_numbers[&(class, field)]
    }
}

fn field_key(class: &Class, name: &str) -> (ClassId, FieldId) {
    let field = class.field_by_name(name).map(Field::id);
    (class.id(), field.expect("a name of the class's own field"))
}
