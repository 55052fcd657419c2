//! Objects that every client knows from the beginning.

use dclass::DcFile;
use rustc_hash::FxHashMap;

use crate::config::UberDogConfig;
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

impl UberDogs {
    /// The UberDOGs that a configuration names.
    ///
    /// # Errors
    /// The first one whose class the DC files do not have.
    pub fn resolve<'c>(
        configured: &'c [UberDogConfig],
        dc: &DcFile,
    ) -> Result<Self, &'c UberDogConfig> {
        configured
            .iter()
            .map(|config| {
                let class = dc.class_by_name(&config.class).ok_or(config)?;
                let uberdog = UberDog { class_id: class.id(), anonymous: config.anonymous };
                Ok((config.id, uberdog))
            })
            .collect()
    }
}

impl FromIterator<(DoId, UberDog)> for UberDogs {
    fn from_iter<I: IntoIterator<Item = (DoId, UberDog)>>(uberdogs: I) -> Self {
        UberDogs { by_id: uberdogs.into_iter().collect() }
    }
}
