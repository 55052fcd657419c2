//! An object that a client knows, and by what.

use crate::ids::ClassId;

/// Stands for a class that the DC files do not have. They never have as many as would give one this id.
const UNKNOWN: ClassId = ClassId(u16::MAX);

/// An object that a client sees or owns. There is one for each client that sees the object, so it is as small as can be.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Known {
    class_id: ClassId,
    /// By what the client knows it.
    pub tie: Tie,
    /// What of that it has yet to be told on the connection with which it is back.
    pub untold: Option<Tie>,
}

impl Known {
    /// One of a class that a client knows by this, and has been told so. The class is `None` if the DC files do not have it.
    #[inline]
    pub fn new(class_id: Option<ClassId>, tie: Tie) -> Self {
        Known { class_id: class_id.unwrap_or(UNKNOWN), tie, untold: None }
    }

    /// Its class; `None` if the DC files do not have it: updates cannot be understood by anyone then.
    #[inline]
    pub fn class_id(self) -> Option<ClassId> {
        (self.class_id != UNKNOWN).then_some(self.class_id)
    }

    /// By what the client knows it that has been told so on this connection.
    #[inline]
    pub fn told(self) -> Option<Tie> {
        match self.untold {
            None => Some(self.tie),
            Some(untold) => self.tie.without(untold),
        }
    }

    /// The client sees it, and has been told so.
    pub fn is_seen(&mut self) {
        self.tie = self.tie.with_sight();
        self.untold = self.untold.and_then(Tie::without_sight);
    }

    /// The client owns it, and has been told so.
    pub fn is_owned(&mut self) {
        self.tie = self.tie.with_ownership();
        self.untold = self.untold.and_then(Tie::without_ownership);
    }
}

/// What ties a client to an object that it knows. One that nothing ties it to is not known.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Tie {
    /// It was told of it by an entrance.
    Seen,
    /// It owns it. Where it is may be out of sight.
    Owned,
    /// Both.
    SeenAndOwned,
}

impl Tie {
    /// Whether the client was told of the object by an entrance.
    #[inline]
    pub const fn is_seen(self) -> bool {
        matches!(self, Tie::Seen | Tie::SeenAndOwned)
    }

    /// Whether the client owns the object.
    #[inline]
    pub const fn is_owned(self) -> bool {
        matches!(self, Tie::Owned | Tie::SeenAndOwned)
    }

    /// What is left of the tie without what another one is made of.
    pub const fn without(self, other: Tie) -> Option<Tie> {
        match (self, other) {
            (_, Tie::SeenAndOwned) | (Tie::Seen, Tie::Seen) | (Tie::Owned, Tie::Owned) => None,
            (tie, Tie::Seen) => tie.without_sight(),
            (tie, Tie::Owned) => tie.without_ownership(),
        }
    }

    /// The tie once the object is seen.
    pub const fn with_sight(self) -> Tie {
        match self {
            Tie::Seen => Tie::Seen,
            Tie::Owned | Tie::SeenAndOwned => Tie::SeenAndOwned,
        }
    }

    /// The tie once the object is owned.
    pub const fn with_ownership(self) -> Tie {
        match self {
            Tie::Owned => Tie::Owned,
            Tie::Seen | Tie::SeenAndOwned => Tie::SeenAndOwned,
        }
    }

    /// What is left when the object is no longer seen.
    pub const fn without_sight(self) -> Option<Tie> {
        match self {
            Tie::Seen => None,
            Tie::Owned | Tie::SeenAndOwned => Some(Tie::Owned),
        }
    }

    /// What is left when the object is no longer owned.
    pub const fn without_ownership(self) -> Option<Tie> {
        match self {
            Tie::Owned => None,
            Tie::Seen | Tie::SeenAndOwned => Some(Tie::Seen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tie_is_made_of_sight_and_ownership() {
        for tie in [Tie::Seen, Tie::Owned, Tie::SeenAndOwned] {
            let parts =
                |tie: Option<Tie>| (tie.is_some_and(Tie::is_seen), tie.is_some_and(Tie::is_owned));
            let (seen, owned) = parts(Some(tie));
            assert!(seen || owned);
            assert_eq!(parts(Some(tie.with_sight())), (true, owned));
            assert_eq!(parts(Some(tie.with_ownership())), (seen, true));
            assert_eq!(parts(tie.without_sight()), (false, owned));
            assert_eq!(parts(tie.without_ownership()), (seen, false));
            for other in [Tie::Seen, Tie::Owned, Tie::SeenAndOwned] {
                let (other_seen, other_owned) = parts(Some(other));
                let left = (seen && !other_seen, owned && !other_owned);
                assert_eq!(parts(tie.without(other)), left);
            }
        }
    }
}
