//! What is tied to sessions, and what they say to an UberDOG.

use std::time::Duration;

use donet::message::{Blob, ClientAgent};
use tokio::time::Instant;

use super::Run;
use super::moves::CALM;
use crate::cluster::ip;
use crate::facts::{Bond, Note, Tied};
use crate::peers::world::{self, WITNESSES};
use crate::peers::{Client, Port, note};
use crate::play::{ALL_THINGS, GUESTS_THINGS, Op};

/// Somebody is let in, or something is made, by then.
const COME: Duration = Duration::from_millis(500);
/// It is known everywhere by then.
const KNOWN: Duration = Duration::from_millis(5500);
/// A loss has been noticed by then.
const NOTICED: Duration = Duration::from_millis(1200);

impl Run {
    /// An AI leaves a post-remove for the end of a client's session.
    pub fn bequeath(&mut self, ai: usize, client: usize) {
        let serial = self.number();
        let from = self.ais[ai].channel();
        let words = note(WITNESSES, from, serial, 0);
        let message = ClientAgent::AddPostRemove { datagram: Blob(&words) };
        let Some(client) = self.client(client) else { return };
        client.has_heir = true;
        let client = client.serial;
        self.bind(ai, client, Bond::PostRemove(serial), &message);
    }

    /// An AI ties a thing to the session of a client that owns it, or else sees it.
    pub fn tie(&mut self, ai: usize, client: usize) {
        let Some(client) = self.client(client) else { return };
        if client.port().is_none_or(|port| port.is_slow) {
            // What it sees by now it has not read: nobody would tell it of the end of what it does not.
            return;
        }
        let view = &client.view;
        let mut known = view.owned.keys().chain(view.objects.keys());
        let known = known.find(|do_id| (0..ALL_THINGS).any(|index| world::thing(index) == **do_id));
        let Some(do_id) = known.copied() else { return };
        client.tied.insert(do_id);
        let serial = client.serial;
        self.facts.deleted.insert(do_id);
        self.bind(ai, serial, Bond::Thing(do_id), &ClientAgent::AddSessionObject { do_id });
    }

    fn bind(&mut self, ai: usize, client: u32, what: Bond, message: &ClientAgent<'_>) {
        let Some(channel) = self.facts.channel_of(client) else { return };
        let Some(link) = self.ais[ai].port.as_ref().map(Port::link) else { return };
        self.ais[ai].send(channel, message);
        let (from, at) = (self.ais[ai].daemon, Instant::now());
        self.facts.tied.push(Tied { client, from, link, at, what });
    }

    /// A client says something to the UberDOG, wherever that is.
    pub fn tell(&mut self, client: usize) {
        let serial = self.number();
        let sent_at = Instant::now();
        let Some(client) = self.client(client) else { return };
        let Some(link) = client.tell(serial) else { return };
        let from = client.daemon;
        self.facts.notes.insert(
            serial,
            Note { from, to: 0, sent_at, is_clients: true, link, heard: Vec::new() },
        );
    }

    /// A client comes, has something tied to its session, and leaves while the game's daemon is away, or its own, or none.
    pub async fn leave_while_away(&mut self, agent: usize, daemon: usize, ms: u16) {
        let agent = self.agent(agent);
        let Some(Guest { index, serial, .. }) = self.invite(agent).await else { return };
        self.bequeath(0, index);
        self.pass(KNOWN).await;
        let game = self.shape.game();
        self.send_away([game, game, agent, 0][daemon % 4], ms).await;
        let all = self.clients.iter_mut();
        all.filter(|client| client.serial == serial).for_each(Client::leave);
    }

    /// A client comes, has something tied to its session, and loses that while its agent is away.
    pub async fn lose_while_away(&mut self, agent: usize, ms: u16) {
        let agent = self.agent(agent);
        let Some(Guest { thing, .. }) = self.invite(agent).await else { return };
        self.pass(KNOWN).await;
        self.send_away(agent, ms).await;
        self.play_object(Op::Delete { ai: 0, thing });
    }

    fn agent(&self, agent: usize) -> usize {
        let agents = self.shape.agents();
        agents[agent % agents.len()]
    }

    /// Lets in a client that owns a thing, which is tied to its session.
    async fn invite(&mut self, agent: usize) -> Option<Guest> {
        self.pass(CALM).await;
        let serial = self.number();
        self.clients.push(Client::connect(&self.net, serial, agent));
        self.pass(COME).await;
        let thing = GUESTS_THINGS[self.guests % GUESTS_THINGS.len()];
        self.guests += 1;
        self.play_object(Op::Create { ai: 0, thing, zone: 0, mark: serial });
        self.pass(COME).await;
        // Others may have gone meanwhile.
        let index = self.clients.iter().position(|client| client.serial == serial)?;
        self.play_object(Op::Give { ai: 0, thing, client: index });
        self.pass(COME).await;
        self.tie(0, index);
        Some(Guest { index, serial, thing })
    }

    /// A daemon loses the root for so long; both have noticed.
    async fn send_away(&mut self, daemon: usize, ms: u16) {
        if daemon > 0 {
            let links = self.net.links_between(ip(0), ip(daemon));
            links.into_iter().for_each(|link| self.net.cut(link));
            let until = Instant::now() + Duration::from_millis(ms.into());
            self.net.part(ip(0), ip(daemon), until);
        }
        self.pass(NOTICED).await;
    }
}

/// A client to whose session something is tied.
struct Guest {
    index: usize,
    serial: u32,
    thing: usize,
}
