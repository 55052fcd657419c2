//! What a database needs from the DC files.

use std::sync::Arc;

use bytes::Bytes;
use dclass::{Class, DcFile, Field};

use super::operation::Values;
use crate::ids::{ClassId, FieldId};

/// The DC files, with the defaults of their fields ready to be stored.
#[derive(Clone, Debug)]
pub struct Schema {
    dc: Arc<DcFile>,
    /// By field id: the explicit default, if there is one and it has bytes.
    defaults: Arc<[Option<Bytes>]>,
}

impl Schema {
    /// Looks everything up once.
    pub fn new(dc: Arc<DcFile>) -> Self {
        let fields = (0..=u16::MAX).map_while(|id| dc.field(FieldId(id)));
        let default = |field: &Field| {
            let default = field.default_value().filter(|bytes| !bytes.is_empty());
            default.map(Bytes::copy_from_slice)
        };
        let defaults = fields.map(default).collect();
        Schema { dc, defaults }
    }

    /// The DC files themselves.
    pub fn dc(&self) -> &DcFile {
        &self.dc
    }

    /// The dclass of this id; structs have no objects.
    pub fn class(&self, id: ClassId) -> Option<&Class> {
        self.dc.class(id)
    }

    /// The dclass of this name.
    pub fn class_by_name(&self, name: &str) -> Option<&Class> {
        self.dc.class_by_name(name)
    }

    /// The field of this id, of whichever class.
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.dc.field(id)
    }

    /// A field's name, for logs.
    pub fn field_name(&self, id: FieldId) -> &str {
        self.field(id).map_or("?", Field::name)
    }

    /// The explicit default of a field.
    pub fn default(&self, id: FieldId) -> Option<Bytes> {
        self.defaults.get(usize::from(id.0)).cloned().flatten()
    }

    /// What a new object of `class` has if nothing is given: the explicit defaults of its `db` fields.
    pub fn creation_defaults(&self, class: &Class) -> Values {
        let with_default = |field: &Arc<Field>| Some((field.id(), self.default(field.id())?));
        class.db_fields().iter().filter_map(with_default).collect()
    }
}
