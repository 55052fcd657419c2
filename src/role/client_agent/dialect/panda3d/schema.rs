//! In which order Panda3D sends required fields.
//!
//! Panda3D goes by the order in which a class has inherited its fields: those of its first parent, then those of the next, then
//! its own. With several parents that need not be the order of their ids, which is ours.

use std::sync::Arc;

use dclass::{Class, ClassId, DcFile, Field, FieldId, FieldKind};
use rustc_hash::FxHashMap;

/// The field in which Panda3D's clients say once more where an object is.
pub const LOCATION: &str = "setLocation";
const LOCATION_BYTES: usize = 8;

/// Of the classes of which the order is another than that of the ids.
#[derive(Debug, Default)]
pub struct Schema {
    required: FxHashMap<ClassId, Box<[Arc<Field>]>>,
    location: Option<FieldId>,
}

impl Schema {
    /// The orders of all classes.
    pub fn new(dc: &DcFile) -> Self {
        let mut required = FxHashMap::default();
        for class in dc.classes() {
            let order: Box<[Arc<Field>]> = dc
                .fields_as_inherited(class)
                .into_iter()
                .filter(|field| field.kind() != FieldKind::Molecular && field.keywords().required())
                .collect();
            if !order.iter().map(|field| field.id()).eq(class.required().iter().map(|f| f.id())) {
                required.insert(class.id(), order);
            }
        }
        Schema { required, location: location(dc) }
    }

    /// The field in which clients are told where an object has moved to, if all that have one have the same.
    pub const fn location(&self) -> Option<FieldId> {
        self.location
    }

    /// The required fields of a class, as Panda3D sends them.
    pub fn required_as_sent<'s>(&'s self, class: &'s Class) -> &'s [Arc<Field>] {
        self.required.get(&class.id()).map_or(class.required(), |order| order)
    }
}

/// Panda3D's `setLocation(uint32 parentId, uint32 zoneId)`.
fn location(dc: &DcFile) -> Option<FieldId> {
    let declared = dc.classes().flat_map(|class| class.own_fields());
    let mut named = declared.filter(|field| field.name() == LOCATION);
    let (field, None) = (named.next()?, named.next()) else { return None };
    (field.fixed_size() == Some(LOCATION_BYTES)).then(|| field.id())
}

#[cfg(test)]
mod tests {
    use dclass::Source;

    use super::*;

    fn sent(text: &str, class: &str) -> Vec<String> {
        let dc = dclass::parse(&[Source::new("test.dc", text)]).expect("a right file");
        let class = dc.class_by_name(class).expect("a class");
        let schema = Schema::new(&dc);
        let order = schema.required_as_sent(class);
        order.iter().map(|field| field.name().to_owned()).collect()
    }

    const PARENTS: &str = "dclass A { setA(uint8) required; setBoth(uint8) required; };\n\
                           dclass B { setB(uint8) required; setBoth(uint8) required; };\n";

    #[test]
    fn fields_are_sent_as_they_have_been_inherited() {
        let with = |class: &str| format!("{PARENTS}{class}");
        let one = with("dclass C : A { setC(uint8) required; setOther(uint8) ram; };");
        assert_eq!(sent(&one, "C"), ["setA", "setBoth", "setC"]);
        let other_way = with("dclass C : B, A { setC(uint8) required; };");
        assert_eq!(sent(&other_way, "C"), ["setB", "setBoth", "setA", "setC"]);
        let shadowed = with("dclass C : A { setA(uint16) required; };");
        assert_eq!(sent(&shadowed, "C"), ["setBoth", "setA"]);
    }
}
