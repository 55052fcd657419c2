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
    /// By field id: the explicit default, if there is one, it has bytes, and it can be read back.
    defaults: Arc<[Option<Bytes>]>,
}

impl Schema {
    /// Looks everything up once.
    pub fn new(dc: Arc<DcFile>) -> Self {
        let fields = (0..=u16::MAX).map_while(|id| dc.field(FieldId(id)));
        let default = |field: &Field| {
            let is_stored = |bytes: &&[u8]| !bytes.is_empty() && field.validate_all(bytes).is_ok();
            let default = field.default_value().filter(is_stored);
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

#[cfg(test)]
mod tests {
    use dclass::{Source, parse};

    use super::*;

    /// A DC file may give `<…>` as a default that is no value; what is stored must be read back.
    #[test]
    fn defaults_that_nobody_can_read_are_not_stored() {
        let text = "dclass A { blob b = <00ff10> db; blob c = <0100ff> db; };";
        let dc = parse(&[Source::new("game.dc", text)]).expect("valid");
        let schema = Schema::new(Arc::new(dc));
        assert_eq!(schema.default(FieldId(0)), None);
        assert_eq!(schema.default(FieldId(1)), Some(Bytes::from_static(&[1, 0, 0xff])));
    }
}
