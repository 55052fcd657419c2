//! Fields that go to an UberDOG before anybody hears of them, as `client.intercept` says.

use dclass::DcFile;

use super::{ByField, UberDogs};
use crate::config::{Diversion, Intercept, diversions};
use crate::ids::{ClassId, DoId, FieldId};

/// All of them, molecular ones with such a part among them.
#[derive(Debug)]
pub struct Diversions(ByField<Diverted>);

/// Where a field goes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Diverted {
    /// To this UberDOG.
    pub uberdog: DoId,
    /// As this field of it.
    pub by: FieldId,
}

impl Diversions {
    /// `None` if nothing is intercepted.
    pub fn new(config: &[Intercept], uberdogs: &UberDogs, dc: &DcFile) -> Option<Box<Self>> {
        let class_of = |uberdog| uberdogs.get(uberdog).map(|uberdog| uberdog.class_id);
        let all = diversions(config, class_of, dc);
        if all.is_empty() {
            return None;
        }
        let mut table = ByField::default();
        for class in dc.classes() {
            let of = |field: FieldId| {
                let is_it = |one: &&Diversion| one.class == class.id() && one.field == field;
                let found = all.iter().find(is_it);
                found.map(|&Diversion { uberdog, by, .. }| Diverted { uberdog, by })
            };
            for field in class.fields() {
                let by_part = || field.parts().iter().find_map(|part| of(part.id()));
                if let Some(diverted) = of(field.id()).or_else(by_part) {
                    table.add(class.id(), field.id(), diverted);
                }
            }
        }
        Some(Box::new(Diversions(table)))
    }

    /// Where a field of a class goes, if not to its object.
    #[inline]
    pub fn of(&self, class: ClassId, field: FieldId) -> Option<Diverted> {
        self.0.of(class, field).copied()
    }
}
