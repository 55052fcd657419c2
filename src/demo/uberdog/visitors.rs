//! Clients that are known to be there, since they have been asked, and have not said their end yet.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::ids::Channel;

/// One of them. The next client that has the channel is another one.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Visitor {
    /// Its channel.
    pub client: Channel,
    /// From where it comes.
    pub address: IpAddr,
    /// Which one it is of those with this channel.
    stay: u64,
}

impl Visitor {
    /// One of which it is not known whether it is there.
    pub const fn unknown(client: Channel) -> Self {
        Visitor { client, address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), stay: 0 }
    }
}

/// All of them.
#[derive(Default)]
pub struct Visitors {
    there: HashMap<Channel, Visitor>,
    last_stay: u64,
}

impl Visitors {
    /// A client is there.
    pub fn came(&mut self, client: Channel, address: IpAddr) -> Visitor {
        self.last_stay += 1;
        let visitor = Visitor { client, address, stay: self.last_stay };
        self.there.insert(client, visitor);
        visitor
    }

    /// Who has this channel.
    pub fn with(&self, client: Channel) -> Option<Visitor> {
        self.there.get(&client).copied()
    }

    /// A client has gone.
    pub fn left(&mut self, client: Channel) {
        self.there.remove(&client);
    }
}
