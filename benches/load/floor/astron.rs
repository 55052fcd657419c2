//! What a floor hears of Astron's clients and AIs, and what it says to them.

use anyhow::{Context, Result, bail};
use bytes::{Buf, BufMut};
use rustc_hash::FxHashMap;

use super::Conversation;
use super::outbox::{Outbox, Side};
use crate::daemon::{GATE, WORLD};
use crate::wire::{Batch, dc, msg};

/// The first client's channel.
const CLIENTS: u64 = 1_000_000_000;
/// Bytes of a place, the last of an object's fields.
const PLACE: usize = 12;

/// What is known of one connection.
#[derive(Default)]
struct Peer {
    /// The zone that it looks at.
    sight: Option<u32>,
    /// What it owns.
    avatar: Option<u32>,
}

struct Object {
    parent: u32,
    zone: u32,
    /// The frame that shows it to those who come to see it; its place is kept there.
    entry: Vec<u8>,
    owner: Option<usize>,
}

#[derive(Default)]
struct Zone {
    objects: Vec<u32>,
    viewers: Vec<usize>,
}

/// Everything that a floor of Astron's clients and AIs knows.
#[derive(Default)]
pub(super) struct Astron {
    outbox: Outbox,
    /// By number of the connection.
    peers: Vec<Peer>,
    subscribers: FxHashMap<u64, Vec<usize>>,
    objects: FxHashMap<u32, Object>,
    zones: FxHashMap<u32, Zone>,
}

impl Conversation for Astron {
    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn enter(&mut self, side: Side) -> usize {
        self.peers.push(Peer::default());
        self.outbox.add(side)
    }

    fn leave(&mut self, who: usize) {
        self.look_away(who);
        self.subscribers.values_mut().for_each(|links| links.retain(|link| *link != who));
        let Some(avatar) = self.peers[who].avatar.take() else { return };
        if let Some(object) = self.objects.remove(&avatar) {
            self.take_out(avatar, object.zone);
        }
    }

    fn hear(&mut self, who: usize, frame: &[u8]) -> Result<()> {
        match self.outbox.side(who) {
            Side::Link => self.hear_link(who, frame),
            Side::Client => self.hear_client(who, frame),
        }
        .with_context(|| format!("a frame of {} bytes of connection {who}", frame.len()))
    }
}

impl Astron {
    fn hear_client(&mut self, who: usize, frame: &[u8]) -> Result<()> {
        let mut rest = frame;
        match rest.try_get_u16_le()? {
            msg::CLIENT_HELLO => {
                self.say(who, Batch::default().client(msg::CLIENT_HELLO_RESP, |_| ()));
            }
            msg::CLIENT_OBJECT_SET_FIELD => self.hear_update(who, frame, rest)?,
            msg::CLIENT_OBJECT_LOCATION => {
                let (doid, parent, zone) =
                    (rest.try_get_u32_le()?, rest.try_get_u32_le()?, rest.try_get_u32_le()?);
                self.move_to(doid, parent, zone)?;
            }
            msg::CLIENT_ADD_INTEREST => {
                let (context, interest) = (rest.try_get_u32_le()?, rest.try_get_u16_le()?);
                let (_parent, zone) = (rest.try_get_u32_le()?, rest.try_get_u32_le()?);
                self.look_at(who, zone);
                self.say(
                    who,
                    Batch::default().client(msg::CLIENT_DONE_INTEREST_RESP, |b| {
                        b.put_u32_le(context);
                        b.put_u16_le(interest);
                    }),
                );
            }
            msg::CLIENT_DISCONNECT => self.leave(who),
            number => bail!("message {number} of a client"),
        }
        Ok(())
    }

    /// A client's update goes to an AI or to those who see the object. To these it goes as it came.
    fn hear_update(&mut self, who: usize, frame: &[u8], mut rest: &[u8]) -> Result<()> {
        let update = rest;
        let (doid, field) = (rest.try_get_u32_le()?, rest.try_get_u16_le()?);
        if doid != GATE && field != dc::PING {
            return self.update(doid, field, frame, Some(who));
        }
        // The scenarios' AI listens to its UberDOG's channel and to its own by one link.
        let ai = u64::from(GATE);
        let mut batch = Batch::default();
        batch.to(ai, CLIENTS + who as u64, msg::OBJECT_SET_FIELD, |b| b.put_slice(update));
        self.route(ai, &batch.bytes);
        Ok(())
    }

    fn hear_link(&mut self, who: usize, frame: &[u8]) -> Result<()> {
        let mut rest = frame;
        let recipients = rest.try_get_u8()?;
        let recipient = rest.try_get_u64_le()?;
        anyhow::ensure!(recipients == 1, "{recipients} recipients");
        if recipient == 1 {
            let number = rest.try_get_u16_le()?;
            anyhow::ensure!(number == msg::ADD_CHANNEL, "control message {number}");
            self.subscribers.entry(rest.try_get_u64_le()?).or_default().push(who);
            return Ok(());
        }
        let (sender, number) = (rest.try_get_u64_le()?, rest.try_get_u16_le()?);
        match number {
            msg::CREATE_OBJECT_WITH_REQUIRED => self.create(rest)?,
            msg::OBJECT_SET_FIELD if recipient < CLIENTS => {
                let mut update = Batch::default();
                update.client(msg::CLIENT_OBJECT_SET_FIELD, |b| b.put_slice(rest));
                let (doid, field) = (rest.try_get_u32_le()?, rest.try_get_u16_le()?);
                self.update(doid, field, &update.bytes[2..], None)?;
            }
            msg::OBJECT_SET_OWNER => self.give(recipient as u32, rest.try_get_u64_le()?)?,
            msg::OBJECT_GET_LOCATION => self.locate(recipient as u32, sender, rest)?,
            msg::CLIENTAGENT_SEND_DATAGRAM => {
                // A string with its length tag is a frame.
                self.outbox.say((recipient - CLIENTS) as usize, rest);
            }
            // An AI says this as a daemon wants it; nothing here depends on it.
            msg::CLIENTAGENT_SET_STATE
            | msg::CLIENTAGENT_ADD_SESSION_OBJECT
            | msg::OBJECT_SET_AI => {}
            _ => {
                let mut whole = Batch::default();
                whole.frame(|b| b.put_slice(frame));
                self.route(recipient, &whole.bytes);
            }
        }
        Ok(())
    }

    /// Keeps a value and passes it on: `frame` is what clients are told.
    fn update(&mut self, doid: u32, field: u16, frame: &[u8], from: Option<usize>) -> Result<()> {
        // Who is answered may have gone meanwhile, and his avatar with him.
        let Some(object) = self.objects.get_mut(&doid) else { return Ok(()) };
        let length = (frame.len() as u16).to_le_bytes();
        match field {
            dc::PONG => {
                let owner = object.owner.context("a pong for nobody")?;
                self.outbox.say(owner, &length);
                self.outbox.say(owner, frame);
                return Ok(());
            }
            dc::SET_PLACE => {
                let (place, value) = (object.entry.len() - PLACE, frame.len() - PLACE);
                object.entry[place..].copy_from_slice(&frame[value..]);
            }
            _ => {}
        }
        let Some(zone) = self.zones.get(&object.zone) else { return Ok(()) };
        for viewer in &zone.viewers {
            if Some(*viewer) != from {
                self.outbox.say(*viewer, &length);
                self.outbox.say(*viewer, frame);
            }
        }
        Ok(())
    }

    /// `doid, parent, zone, class` and fields are what an entry holds, too.
    fn create(&mut self, content: &[u8]) -> Result<()> {
        let mut rest = content;
        let (doid, parent, zone) =
            (rest.try_get_u32_le()?, rest.try_get_u32_le()?, rest.try_get_u32_le()?);
        let mut entry = Batch::default();
        entry.client(msg::CLIENT_ENTER_OBJECT_REQUIRED, |b| b.put_slice(content));
        self.objects.insert(doid, Object { parent, zone, entry: entry.bytes, owner: None });
        if parent == WORLD {
            self.put_in(doid, zone);
        }
        Ok(())
    }

    /// A client gets an object, and is shown it as its own.
    fn give(&mut self, doid: u32, client: u64) -> Result<()> {
        let owner = (client - CLIENTS) as usize;
        let object = self.objects.get_mut(&doid).context("nothing to own")?;
        object.owner = Some(owner);
        let mut entry = object.entry.clone();
        entry[2..4].copy_from_slice(&msg::CLIENT_ENTER_OBJECT_REQUIRED_OWNER.to_le_bytes());
        self.peers[owner].avatar = Some(doid);
        self.outbox.say(owner, &entry);
        Ok(())
    }

    fn locate(&mut self, doid: u32, sender: u64, mut rest: &[u8]) -> Result<()> {
        let context = rest.try_get_u32_le()?;
        let object = self.objects.get(&doid).context("nothing to find")?;
        let mut answer = Batch::default();
        answer.to(sender, doid.into(), msg::OBJECT_GET_LOCATION_RESP, |b| {
            for number in [context, doid, object.parent, object.zone] {
                b.put_u32_le(number);
            }
        });
        self.route(sender, &answer.bytes);
        Ok(())
    }

    fn move_to(&mut self, doid: u32, parent: u32, zone: u32) -> Result<()> {
        let object = self.objects.get_mut(&doid).context("nothing to move")?;
        let from = object.zone;
        (object.parent, object.zone) = (parent, zone);
        // Behind length, number and doId.
        object.entry[8..12].copy_from_slice(&parent.to_le_bytes());
        object.entry[12..16].copy_from_slice(&zone.to_le_bytes());
        self.take_out(doid, from);
        self.put_in(doid, zone);
        Ok(())
    }

    /// An object comes into a zone. Its owner sees it anyway.
    fn put_in(&mut self, doid: u32, zone: u32) {
        let object = &self.objects[&doid];
        let zone = self.zones.entry(zone).or_default();
        zone.objects.push(doid);
        for viewer in &zone.viewers {
            if object.owner != Some(*viewer) {
                self.outbox.say(*viewer, &object.entry);
            }
        }
    }

    fn take_out(&mut self, doid: u32, zone: u32) {
        let Some(zone) = self.zones.get_mut(&zone) else { return };
        zone.objects.retain(|other| *other != doid);
        let leaving = leaving(doid);
        for viewer in &zone.viewers {
            if self.peers[*viewer].avatar != Some(doid) {
                self.outbox.say(*viewer, &leaving.bytes);
            }
        }
    }

    /// A client sees another zone instead of the one that it saw.
    fn look_at(&mut self, who: usize, zone: u32) {
        if self.peers[who].sight == Some(zone) {
            return;
        }
        for doid in self.look_away(who) {
            if self.peers[who].avatar != Some(doid) {
                self.say(who, &leaving(doid));
            }
        }
        let peer = &mut self.peers[who];
        peer.sight = Some(zone);
        let zone = self.zones.entry(zone).or_default();
        zone.viewers.push(who);
        for doid in zone.objects.iter().filter(|doid| peer.avatar != Some(**doid)) {
            self.outbox.say(who, &self.objects[doid].entry);
        }
    }

    /// A client sees nothing any more; returns what it saw.
    fn look_away(&mut self, who: usize) -> Vec<u32> {
        let zone = self.peers[who].sight.take().and_then(|zone| self.zones.get_mut(&zone));
        let Some(zone) = zone else { return Vec::new() };
        zone.viewers.retain(|viewer| *viewer != who);
        zone.objects.clone()
    }

    /// Passes a frame on to the links that have subscribed to a channel.
    fn route(&mut self, channel: u64, bytes: &[u8]) {
        for link in self.subscribers.get(&channel).into_iter().flatten() {
            self.outbox.say(*link, bytes);
        }
    }

    fn say(&mut self, who: usize, batch: &Batch) {
        self.outbox.say(who, &batch.bytes);
    }
}

fn leaving(doid: u32) -> Batch {
    let mut batch = Batch::default();
    batch.client(msg::CLIENT_OBJECT_LEAVING, |b| b.put_u32_le(doid));
    batch
}
