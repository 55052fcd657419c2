//! Who plays what, for the panel that shows a player's messages: the UberDOG and the AI write it, the pages' server reads it.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::ids::{Channel, DoId};

/// All who play.
#[derive(Default)]
pub struct Board(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    clients: HashMap<String, Channel>,
    avatars: HashMap<Channel, DoId>,
}

impl Board {
    /// Somebody with this ticket is in.
    pub fn came(&self, ticket: &str, client: Channel) {
        self.0.lock().clients.insert(ticket.to_owned(), client);
    }

    /// A client has an avatar.
    pub fn plays(&self, client: Channel, avatar: DoId) {
        self.0.lock().avatars.insert(client, avatar);
    }

    /// A client has gone.
    pub fn left(&self, client: Channel) {
        let Lists { clients, avatars } = &mut *self.0.lock();
        avatars.remove(&client);
        clients.retain(|_, other| *other != client);
    }

    /// The client and the avatar of whoever has this ticket.
    pub fn of(&self, ticket: &str) -> Option<(Channel, DoId)> {
        let lists = self.0.lock();
        let client = *lists.clients.get(ticket)?;
        Some((client, *lists.avatars.get(&client)?))
    }
}
