//! What a floor hears of stock clients, and what it says to them. It keeps what objects are like, and so asks nobody for
//! theirs.

use anyhow::{Context, Result, bail, ensure};
use bytes::{Buf, BufMut};
use rustc_hash::FxHashMap;

use super::Conversation;
use super::outbox::{Outbox, Side};
use crate::panda3d::{PLACE, dc, msg};
use crate::wire::Batch;

/// How many doIds a client gets.
const RANGE: u32 = 100_000;

/// One connection.
#[derive(Default)]
struct Peer {
    /// The first of its doIds.
    base: u32,
    /// The zone that it looks at.
    sight: Option<u32>,
    avatar: Option<u32>,
}

struct Object {
    zone: u32,
    owner: usize,
    /// The frame that shows it to those who come to see it; its place stands at its end, and is kept there.
    entry: Vec<u8>,
}

#[derive(Default)]
struct Zone {
    objects: Vec<u32>,
    viewers: Vec<usize>,
}

/// Everything that a floor of stock clients knows.
#[derive(Default)]
pub(super) struct Panda3d {
    outbox: Outbox,
    /// By number of the connection.
    peers: Vec<Peer>,
    objects: FxHashMap<u32, Object>,
    zones: FxHashMap<u32, Zone>,
}

impl Conversation for Panda3d {
    fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    fn enter(&mut self, side: Side) -> usize {
        let who = self.outbox.add(side);
        let base = who as u32 * RANGE + 1;
        self.peers.push(Peer { base, ..Peer::default() });
        let mut range = Batch::default();
        range.client(msg::SET_DOID_RANGE, |b| {
            b.put_u32_le(base);
            b.put_u32_le(RANGE);
        });
        self.outbox.say(who, &range.bytes);
        who
    }

    fn leave(&mut self, who: usize) {
        if let Some(zone) = self.peers[who].sight.take().and_then(|zone| self.zones.get_mut(&zone))
        {
            zone.viewers.retain(|viewer| *viewer != who);
        }
        let Some(avatar) = self.peers[who].avatar.take() else { return };
        let Some(object) = self.objects.remove(&avatar) else { return };
        let Some(zone) = self.zones.get_mut(&object.zone) else { return };
        zone.objects.retain(|other| *other != avatar);
        let mut deleted = Batch::default();
        deleted.client(msg::OBJECT_DELETE, |b| b.put_u32_le(avatar));
        zone.viewers.iter().for_each(|viewer| self.outbox.say(*viewer, &deleted.bytes));
    }

    fn hear(&mut self, who: usize, frame: &[u8]) -> Result<()> {
        let mut rest = frame;
        match rest.try_get_u16_le()? {
            msg::CLIENT_SET_INTEREST => self.look_at(who, rest)?,
            msg::CLIENT_OBJECT_GENERATE => self.create(who, rest)?,
            msg::CLIENT_OBJECT_UPDATE_FIELD => self.update(who, rest)?,
            msg::CLIENT_DISCONNECT => self.leave(who),
            number => bail!("message {number} of a client"),
        }
        Ok(())
    }
}

impl Panda3d {
    /// A client comes to see a zone; what it leaves is not what scenarios have.
    fn look_at(&mut self, who: usize, mut zones: &[u8]) -> Result<()> {
        let zone = zones.try_get_u32_le()?;
        let sight = self.peers[who].sight.replace(zone);
        ensure!(sight.is_none() && zones.is_empty(), "more than one zone");
        self.outbox.say(who, &Batch::default().client(msg::OBJECT_DISABLE, |_| ()).bytes);
        let zone = self.zones.entry(zone).or_default();
        zone.viewers.push(who);
        for doid in &zone.objects {
            self.outbox.say(who, &self.objects[doid].entry);
        }
        Ok(())
    }

    /// `zone, class, doid` and fields, as those hear it who see the zone.
    fn create(&mut self, who: usize, content: &[u8]) -> Result<()> {
        let mut rest = content;
        let (zone, _class) = (rest.try_get_u32_le()?, rest.try_get_u16_le()?);
        let doid = rest.try_get_u32_le()?;
        let mut entry = Batch::default();
        entry.client(msg::OBJECT_GENERATE, |b| {
            b.put_u32_le(self.peers[who].base);
            b.put_slice(content);
        });
        self.peers[who].avatar = Some(doid);
        let place = self.zones.entry(zone).or_default();
        place.objects.push(doid);
        for viewer in place.viewers.iter().filter(|viewer| **viewer != who) {
            self.outbox.say(*viewer, &entry.bytes);
        }
        let object = Object { zone, owner: who, entry: entry.bytes };
        ensure!(self.objects.insert(doid, object).is_none(), "{doid} is made twice");
        Ok(())
    }

    /// Keeps a value and passes it on.
    fn update(&mut self, who: usize, content: &[u8]) -> Result<()> {
        let mut rest = content;
        let (doid, field) = (rest.try_get_u32_le()?, rest.try_get_u16_le()?);
        let object = self.objects.get_mut(&doid).context("an update of nothing")?;
        let is_place = field == dc::SET_PLACE && rest.len() == PLACE;
        ensure!(object.owner == who && is_place, "field {field} of {doid}");
        let place = object.entry.len() - PLACE;
        object.entry[place..].copy_from_slice(rest);
        let mut update = Batch::default();
        update.client(msg::OBJECT_UPDATE_FIELD, |b| {
            b.put_u32_le(self.peers[who].base);
            b.put_slice(content);
        });
        let Some(zone) = self.zones.get(&object.zone) else { return Ok(()) };
        for viewer in zone.viewers.iter().filter(|viewer| **viewer != who) {
            self.outbox.say(*viewer, &update.bytes);
        }
        Ok(())
    }
}
