//! Classes, with what the daemon asks of them at run time looked up beforehand.

use super::{ClassId, Field, FieldId, FieldKind};
use std::sync::Arc;

/// A dclass or a struct.
#[derive(Debug)]
pub struct Class {
    pub(crate) id: ClassId,
    pub(crate) name: String,
    pub(crate) is_struct: bool,
    pub(crate) parents: Box<[ClassId]>,
    pub(crate) constructor: Option<Arc<Field>>,
    /// Constructors, own and inherited.
    constructors: Box<[Arc<Field>]>,
    /// The fields that this class declares, without the constructor.
    pub(crate) own: Box<[Arc<Field>]>,
    fields: Arc<[Arc<Field>]>,
    /// Ids of `found`: the search for an id touches nothing else.
    ids: Box<[FieldId]>,
    /// `fields` and the constructors, by ascending id.
    found: Arc<[Arc<Field>]>,
    /// Indices into `found`, by name.
    by_name: Box<[u32]>,
    required: Box<[Arc<Field>]>,
    ram: Box<[Arc<Field>]>,
    db: Box<[Arc<Field>]>,
}

/// What makes up a class.
pub(crate) struct Parts {
    pub id: ClassId,
    pub name: String,
    pub is_struct: bool,
    pub parents: Vec<ClassId>,
    pub constructor: Option<Arc<Field>>,
    pub own: Vec<Arc<Field>>,
    /// Fields of parents that no own field shadows.
    pub inherited: Vec<Arc<Field>>,
    /// Constructors of parents that no own field shadows.
    pub constructors: Vec<Arc<Field>>,
}

impl Class {
    pub(crate) fn new(parts: Parts) -> Class {
        let mut fields = parts.inherited;
        fields.extend(parts.own.iter().cloned());
        fields.sort_by_key(|field| field.id);
        let fields: Arc<[Arc<Field>]> = fields.into();
        let mut constructors = parts.constructors;
        constructors.extend(parts.constructor.clone());
        let mut found = Arc::clone(&fields);
        if !constructors.is_empty() {
            let mut all: Vec<Arc<Field>> = fields.iter().chain(&constructors).cloned().collect();
            all.sort_by_key(|field| field.id);
            found = all.into();
        }
        let mut by_name: Vec<u32> = (0..found.len() as u32).collect();
        by_name.sort_by_key(|at| &found[*at as usize].name);
        let table = |keyword: fn(&Field) -> bool| -> Box<[Arc<Field>]> {
            let chosen =
                |field: &&Arc<Field>| field.kind() != FieldKind::Molecular && keyword(field);
            fields.iter().filter(chosen).cloned().collect()
        };
        Class {
            id: parts.id,
            name: parts.name,
            is_struct: parts.is_struct,
            parents: parts.parents.into(),
            constructor: parts.constructor,
            constructors: constructors.into(),
            own: parts.own.into(),
            ids: found.iter().map(|field| field.id).collect(),
            by_name: by_name.into(),
            required: table(|field| field.keywords.required()),
            ram: table(|field| field.keywords.ram()),
            db: table(|field| field.keywords.db()),
            fields,
            found,
        }
    }

    /// The class's number in the DC files. Structs are counted along.
    pub fn id(&self) -> ClassId {
        self.id
    }

    /// The class's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a struct, which has no objects.
    pub fn is_struct(&self) -> bool {
        self.is_struct
    }

    /// The classes that it inherits from directly, in the order of the declaration.
    pub fn parents(&self) -> &[ClassId] {
        &self.parents
    }

    /// The field with this id, own or inherited, constructors included.
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        let at = self.ids.binary_search(&id).ok()?;
        self.found.get(at).map(|field| &**field)
    }

    /// The field with this name, own or inherited, constructors included.
    pub fn field_by_name(&self, name: &str) -> Option<&Field> {
        let named = |at: &u32| self.found[*at as usize].name.as_str();
        let at = self.by_name.binary_search_by(|at| named(at).cmp(name)).ok()?;
        self.found.get(self.by_name[at] as usize).map(|field| &**field)
    }

    /// Whether the class has this field, own or inherited, constructors included.
    pub fn has_field(&self, id: FieldId) -> bool {
        self.ids.binary_search(&id).is_ok()
    }

    /// The fields by ascending id, inherited and own. Constructors are not among them.
    pub fn fields(&self) -> &[Arc<Field>] {
        &self.fields
    }

    /// The fields that this class itself declares, in their order, without the constructor.
    pub fn own_fields(&self) -> &[Arc<Field>] {
        &self.own
    }

    /// The constructor that this class itself declares.
    pub fn constructor(&self) -> Option<&Field> {
        self.constructor.as_deref()
    }

    /// The `required` fields by ascending id, without molecular ones.
    pub fn required(&self) -> &[Arc<Field>] {
        &self.required
    }

    /// The `ram` fields by ascending id, without molecular ones.
    pub fn ram_fields(&self) -> &[Arc<Field>] {
        &self.ram
    }

    /// The `db` fields by ascending id, without molecular ones.
    pub fn db_fields(&self) -> &[Arc<Field>] {
        &self.db
    }

    /// Where in [`required`](Class::required) the field stands.
    pub fn required_index(&self, id: FieldId) -> Option<usize> {
        self.required.binary_search_by_key(&id, |field| field.id).ok()
    }

    /// Constructors, own and inherited.
    pub(crate) fn constructors(&self) -> &[Arc<Field>] {
        &self.constructors
    }
}
