//! Who plays what, for the panel that shows a player's messages: the UberDOG and the AI write it, the pages' server reads it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::ids::{Channel, DoId};

/// How many may look at a player's messages at a time: a tab that is loaded again may come before its panel has gone.
const LOOKERS_MAX: usize = 2;

/// All who play.
#[derive(Default)]
pub struct Board(Mutex<Lists>);

#[derive(Default)]
struct Lists {
    clients: HashMap<String, Entry>,
    avatars: HashMap<Channel, DoId>,
}

/// Who plays with a ticket.
struct Entry {
    client: Channel,
    lookers: Arc<Semaphore>,
    stay: watch::Sender<()>,
}

/// Somebody who plays.
pub struct Playing {
    /// By which client.
    pub client: Channel,
    /// With which avatar.
    pub avatar: DoId,
    /// How many more may look at his messages.
    pub lookers: Arc<Semaphore>,
    /// Changes no more, and says so, as soon as he has gone: the next one with his channel is somebody else.
    pub stay: watch::Receiver<()>,
}

impl Board {
    /// Somebody with this ticket is in.
    pub fn came(&self, ticket: &str, client: Channel) {
        let lookers = Arc::new(Semaphore::new(LOOKERS_MAX));
        let entry = Entry { client, lookers, stay: watch::Sender::new(()) };
        self.0.lock().clients.insert(ticket.to_owned(), entry);
    }

    /// A client has an avatar.
    pub fn plays(&self, client: Channel, avatar: DoId) {
        self.0.lock().avatars.insert(client, avatar);
    }

    /// A client has gone.
    pub fn left(&self, client: Channel) {
        let Lists { clients, avatars } = &mut *self.0.lock();
        avatars.remove(&client);
        clients.retain(|_, entry| entry.client != client);
    }

    /// Whoever has this ticket and an avatar.
    pub fn of(&self, ticket: &str) -> Option<Playing> {
        let lists = self.0.lock();
        let Entry { client, lookers, stay } = lists.clients.get(ticket)?;
        let avatar = *lists.avatars.get(client)?;
        Some(Playing { client: *client, avatar, lookers: lookers.clone(), stay: stay.subscribe() })
    }
}
