//! What clients of a type rely on in what the session does, and not only in how it is said.

use crate::ids::{Channel, DoId, InterestId};

/// What a dialect wants of the sessions of its clients. What is as by default is as with Astron.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Manners {
    /// What an interest has found is told in the order of the classes' numbers, and not as it came: what clients make of some
    /// objects needs others to be there.
    pub sorts_found: bool,
    /// What a client owns it knows by one view, its own, wherever it is. Otherwise it has another one besides, of what it sees.
    pub has_one_view: bool,
    /// A client is told where something goes that it owns, also if that leaves its sight.
    pub tells_own_moves: bool,
    /// A client may always close what is open, whoever has opened it.
    pub closes_freely: bool,
    /// The parent below which whoever has been let in may open interests, and which everybody knows.
    pub root: Option<DoId>,
    /// A parent below which all zones of clients are, and which is made if nobody has.
    pub made_root: Option<MadeRoot>,
    /// Whoever has made something is asked for its values when somebody comes who will see it.
    pub asks_makers: bool,
    /// Fields that are `p2p` may be set by whoever sees the object.
    pub has_p2p: bool,
    /// The bit by which interests that the cluster has opened are told from those of clients, which have numbers of their own.
    pub cluster_bit: u16,
    /// What is said of somebody who speaks something else.
    pub stranger: &'static str,
}

/// A parent that is made if nobody has.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct MadeRoot {
    /// Its id.
    pub do_id: DoId,
    /// Where it is made.
    pub state_server: Channel,
    /// That is in this daemon, and would have answered for it.
    pub is_here: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            sorts_found: false,
            has_one_view: false,
            tells_own_moves: false,
            closes_freely: false,
            root: None,
            made_root: None,
            asks_makers: false,
            has_p2p: false,
            cluster_bit: 0,
            stranger: "First packet is not CLIENT_HELLO",
        }
    }
}

impl Manners {
    /// How an interest is known here that the cluster knows by this number.
    pub const fn of_cluster(self, interest: InterestId) -> InterestId {
        InterestId(interest.0 | self.cluster_bit)
    }

    /// How the cluster knows an interest that it has opened.
    pub const fn to_cluster(self, interest: InterestId) -> InterestId {
        InterestId(interest.0 & !self.cluster_bit)
    }

    /// Whether everybody knows an object, and may open interests below it.
    pub fn is_root(self, do_id: DoId) -> bool {
        self.root == Some(do_id)
    }
}
