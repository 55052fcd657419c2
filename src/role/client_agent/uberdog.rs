//! Objects that every client knows from the beginning.

use rustc_hash::FxHashMap;

use crate::ids::{ClassId, DoId};

/// An object that exists because the configuration says so.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct UberDog {
    /// Its class.
    pub class_id: ClassId,
    /// Whether a client that has not logged in may send to it.
    pub anonymous: bool,
}

/// All UberDOGs by id.
#[derive(Clone, Debug, Default)]
pub struct UberDogs {
    by_id: FxHashMap<DoId, UberDog>,
}

impl UberDogs {
    /// The UberDOG with this id.
    #[inline]
    pub fn get(&self, do_id: DoId) -> Option<UberDog> {
        self.by_id.get(&do_id).copied()
    }
}

impl FromIterator<(DoId, UberDog)> for UberDogs {
    fn from_iter<I: IntoIterator<Item = (DoId, UberDog)>>(uberdogs: I) -> Self {
        UberDogs { by_id: uberdogs.into_iter().collect() }
    }
}
