//! By what interests are known.

use crate::ids::{DoId, InterestId};

/// By what an interest of a session is known.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum InterestKey {
    /// The number that the client or the cluster has given it.
    Numbered(InterestId),
    /// The agent has opened it around an object that the client owns. The client knows nothing of it, and nor does anybody
    /// else: nobody waits for it.
    Around(DoId),
    /// The same, beside one with a number.
    Beside(InterestId),
}

impl InterestKey {
    /// Its number, if it has one.
    pub const fn number(self) -> Option<InterestId> {
        match self {
            InterestKey::Numbered(id) => Some(id),
            InterestKey::Around(_) | InterestKey::Beside(_) => None,
        }
    }
}

impl From<InterestId> for InterestKey {
    fn from(id: InterestId) -> Self {
        InterestKey::Numbered(id)
    }
}
