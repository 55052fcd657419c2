//! What is said of stored values that cannot be read: each once, since an object may be read very often.

use std::fmt::Display;
use std::hash::{BuildHasher, Hash};

use dclass::{Class, Field};
use parking_lot::Mutex;
use tracing::error;

use crate::hash::{Seed, Set};
use crate::ids::{DoId, FieldId};

/// So many are remembered. If there are more, all are said again.
const SAID_MAX: usize = 10_000;

/// The values that have been complained about.
#[derive(Debug)]
pub struct Complaints {
    seed: Seed,
    /// Object, field, and a hash of what is stored, so that it is said again when that is something else.
    said: Mutex<Set<(DoId, FieldId, u64)>>,
}

/// A stored value that is no value of its field.
#[derive(Copy, Clone)]
pub struct Misfit<'a> {
    /// The object.
    pub do_id: DoId,
    /// Its class.
    pub class: &'a Class,
    /// The field.
    pub field: &'a Field,
    /// Where it is stored.
    pub place: &'a dyn Display,
}

impl Complaints {
    /// Nothing has been said.
    pub fn new(seed: Seed) -> Self {
        Complaints { seed, said: Mutex::new(Set::with_hasher(seed)) }
    }

    /// Says that a value cannot be read, unless it has been said of the same value.
    pub fn complain(&self, misfit: Misfit<'_>, stored: impl Hash, text: &str, why: &dyn Display) {
        let Misfit { do_id, class, field, place } = misfit;
        {
            let mut said = self.said.lock();
            if said.len() >= SAID_MAX {
                said.clear();
            }
            if !said.insert((do_id, field.id(), self.seed.hash_one(stored))) {
                return;
            }
        }
        let (class, field) = (class.name(), field.name());
        error!(
            doId = %do_id, class, field, stored = text, %why, file = %place,
            "stored value cannot be read: it is left out, and stays as it is until it is set anew"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Level;
    use crate::telemetry::testing::Caught;

    #[test]
    fn a_value_is_complained_about_once_and_again_when_it_is_another() {
        let text = "dclass Person { setAge(uint8 age) db; };";
        let dc = dclass::parse(&[dclass::Source::new("test.dc", text)]).expect("right");
        let class = dc.class_by_name("Person").expect("there");
        let field = class.field_by_name("setAge").expect("there");
        let complaints = Complaints::new(Seed::fixed(0));
        let log = Caught::from(Level::Warning);
        for (do_id, text) in [(7, "(300)"), (7, "(300)"), (8, "(300)"), (7, "(400)"), (8, "(300)")]
        {
            let misfit = Misfit { do_id: DoId(do_id), class, field, place: &"yaml_db/7.yaml" };
            complaints.complain(misfit, text, text, &"too large");
        }
        let lines = log.lines();
        assert_eq!(lines.len(), 3, "{lines:?}");
        let expected = "ERROR: database: stored value cannot be read: it is left out, and stays as it is until it is \
                        set anew doId=7 class=Person field=setAge stored=(300) why=\"too large\" file=yaml_db/7.yaml";
        assert_eq!(lines[0], expected);
    }
}
