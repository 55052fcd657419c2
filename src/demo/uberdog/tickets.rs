//! Who has been let in, by what he can come back with.

use std::collections::{HashMap, VecDeque};

use crate::ids::{Channel, DoId};

/// So many may come back. More than that do not play at a time, either.
pub const TICKETS_MAX: usize = 5_000;

/// Somebody who has been let in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// What he is known by.
    pub number: u32,
    /// His account, if he has one.
    pub account: DoId,
    /// His name.
    pub name: String,
    /// His colour.
    pub colour: u8,
    /// By which client he plays, if he does.
    pub client: Option<Channel>,
}

/// All of them.
#[derive(Default)]
pub struct Tickets {
    holders: HashMap<String, Holder>,
    playing: HashMap<Channel, String>,
    /// By when they were given, the oldest first.
    order: VecDeque<String>,
}

impl Tickets {
    /// Who has this ticket.
    pub fn holder(&self, ticket: &str) -> Option<&Holder> {
        self.holders.get(ticket)
    }

    /// The ticket of whoever has this account.
    pub fn of_account(&self, account: DoId) -> Option<String> {
        let mut all = self.holders.iter();
        all.find(|(_, holder)| holder.account == account).map(|(ticket, _)| ticket.clone())
    }

    /// Whether this client plays already.
    pub fn plays(&self, client: Channel) -> bool {
        self.playing.contains_key(&client)
    }

    /// Whether one more may play.
    pub fn has_room(&self) -> bool {
        self.playing.len() < TICKETS_MAX
    }

    /// Gives a ticket. Whoever has had his for longest, and does not play, has none any more if there are too many.
    pub fn give(&mut self, ticket: String, holder: Holder) {
        self.holders.insert(ticket.clone(), holder);
        self.order.push_back(ticket);
        for _ in 0..self.order.len() {
            if self.holders.len() <= TICKETS_MAX {
                break;
            }
            let Some(oldest) = self.order.pop_front() else { break };
            match self.holders.get(&oldest).is_some_and(|holder| holder.client.is_some()) {
                true => self.order.push_back(oldest),
                false => drop(self.holders.remove(&oldest)),
            }
        }
    }

    /// Whoever has this ticket plays by this client now. Returns the one by which he has until now.
    pub fn begin(&mut self, ticket: &str, client: Channel) -> Option<Channel> {
        let before = self.holders.get_mut(ticket)?.client.replace(client);
        if let Some(before) = before {
            self.playing.remove(&before);
        }
        self.playing.insert(client, ticket.to_owned());
        before
    }

    /// A client has gone.
    pub fn end(&mut self, client: Channel) {
        let ticket = self.playing.remove(&client);
        if let Some(holder) = ticket.and_then(|ticket| self.holders.get_mut(&ticket)) {
            holder.client = None;
        }
    }
}
