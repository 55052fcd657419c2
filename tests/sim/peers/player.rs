//! A player: a client of Panda3D's own kind, what it has made, and what it sees.

use std::collections::{BTreeMap, BTreeSet};

use donet::ids::{DoId, FieldId, ZoneId};
use donet::message::{Message, Panda3d as Word, Rest, Run};
use donet::wire::{Reader, Writer};
use tokio::time::Instant;

use super::Port;
use super::world::{AVATAR, LOCATION, LOOK, MOOD, PER_PLAYER};
use crate::cluster::players_of;
use crate::net::{LinkId, Net};

/// So many objects a player has at most.
const OWN_MAX: usize = 4;

/// An object as those see it who have not made it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    pub zone: u32,
    pub look: u32,
    pub mood: Option<u32>,
}

/// An object as its maker has it.
#[derive(Clone, Debug)]
pub struct Own {
    pub shown: Shown,
    pub made_at: Instant,
    /// The state server's daemon did not run when it was made.
    pub was_early: bool,
    /// It has had it deleted, and was not told yet that it is.
    pub is_ending: bool,
}

/// A player of one connection.
pub struct Player {
    /// Nobody else's.
    pub serial: u32,
    pub daemon: usize,
    port: Option<Port>,
    /// Its connection, be it over; none if there has never been one.
    pub link: Option<LinkId>,
    /// The first of its doIds, if it has been told them.
    pub base: Option<DoId>,
    /// The zones that it has asked for.
    pub zones: BTreeSet<u32>,
    pub made: BTreeMap<DoId, Own>,
    /// When it has described each object for the last time, whatever has become of that.
    pub described: BTreeMap<DoId, Instant>,
    pub view: BTreeMap<DoId, Shown>,
    /// How often it was told of its own objects what it has not said itself.
    pub corrected: u32,
    /// Nothing was done to its connection: if that ends, the agent has ended it.
    pub is_spared: bool,
    /// What it was told that makes no sense.
    pub nonsense: Vec<String>,
    pub since: Instant,
    /// What it has said and been told, for whoever reads of a failure.
    pub told: Vec<(Instant, String)>,
}

impl Player {
    /// Connects; it is away if nobody listens.
    pub fn connect(net: &Net, serial: u32, daemon: usize, zones: BTreeSet<u32>) -> Self {
        let ip = std::net::IpAddr::from([10, 0, 2, (serial % 200) as u8]);
        let port = Port::connect(net, 4_000_000 + u64::from(serial), ip, players_of(daemon));
        Player {
            serial,
            daemon,
            link: port.as_ref().map(Port::link),
            port,
            base: None,
            zones,
            made: BTreeMap::new(),
            described: BTreeMap::new(),
            view: BTreeMap::new(),
            corrected: 0,
            is_spared: true,
            nonsense: Vec::new(),
            since: Instant::now(),
            told: Vec::new(),
        }
    }

    pub const fn port(&mut self) -> Option<&mut Port> {
        self.port.as_mut()
    }

    /// Whether it is connected, as far as it knows.
    pub const fn is_here(&self) -> bool {
        self.port.is_some()
    }

    /// Whether its connection still lasts, whether or not it knows.
    pub fn lives(&self) -> bool {
        self.port.as_ref().is_some_and(|port| !port.is_broken())
    }

    /// Whether it is one of its objects, be it or not.
    pub fn is_own(&self, do_id: DoId) -> bool {
        self.base.is_some_and(|base| (base.0..base.0 + PER_PLAYER).contains(&do_id.0))
    }

    /// The zones that it is to see: those that it has asked for, and those where it has something.
    pub fn all_zones(&self) -> BTreeSet<u32> {
        let own = self.made.values().map(|own| own.shown.zone);
        self.zones.iter().copied().chain(own).collect()
    }

    fn say(&mut self, word: &Word<'_>) {
        let mut bytes = Vec::new();
        word.write(&mut Writer::new(&mut bytes));
        if let Some(port) = &mut self.port {
            self.told.push((Instant::now(), format!("says {word:?}")));
            port.send(&bytes);
        }
    }

    /// Goes, in order.
    pub fn leave(&mut self) {
        self.is_spared = false;
        self.say(&Word::Disconnect {});
        self.port = None;
    }

    /// Asks for zones, in place of those before.
    pub fn see(&mut self, zones: BTreeSet<u32>) {
        self.zones = zones;
        if self.base.is_some() {
            let zones: Vec<ZoneId> = self.zones.iter().copied().map(ZoneId).collect();
            self.say(&Word::SetInterest { zones: Run::new(&zones) });
        }
    }

    /// Makes an object, with the first of its doIds that it does not use.
    pub fn make(&mut self, zone: u32, look: u32, was_early: bool) {
        let Some(base) = self.base.filter(|_| self.made.len() < OWN_MAX) else { return };
        let ids = (1..PER_PLAYER).map(|number| DoId(base.0 + number));
        let free = ids.into_iter().find(|do_id| !self.made.contains_key(do_id));
        let do_id = free.expect("it has fewer objects than doIds");
        let (shown, made_at) = (Shown { zone, look, mood: None }, Instant::now());
        let own = Own { shown, made_at, was_early, is_ending: false };
        self.made.insert(do_id, own);
        self.describe(do_id);
    }

    /// One of its objects that it has not deleted.
    fn pick(&mut self, object: usize) -> Option<(DoId, &mut Shown)> {
        let kept = self.made.iter_mut().filter(|(_, own)| !own.is_ending);
        let mut kept: Vec<_> = kept.collect();
        let place = object.checked_rem(kept.len())?;
        let (do_id, own) = kept.swap_remove(place);
        Some((*do_id, &mut own.shown))
    }

    /// Sets a field of an object that it has made.
    pub fn paint(&mut self, object: usize, field: FieldId, value: u32) {
        let Some((do_id, shown)) = self.pick(object) else { return };
        match field {
            LOOK => shown.look = value,
            _ => shown.mood = Some(value),
        }
        let value = value.to_le_bytes();
        self.say(&Word::UpdateField { do_id, field, value: Rest(&value) });
    }

    /// Moves an object that it has made.
    pub fn carry(&mut self, object: usize, zone: u32) {
        let Some((do_id, shown)) = self.pick(object) else { return };
        shown.zone = zone;
        self.say(&Word::SetZone { do_id, zone: ZoneId(zone) });
    }

    /// Deletes an object that it has made: it has it until it is told that it is deleted.
    pub fn drop_one(&mut self, object: usize) {
        let Some((do_id, _)) = self.pick(object) else { return };
        self.made.get_mut(&do_id).expect("just found").is_ending = true;
        self.say(&Word::Delete { do_id });
    }

    /// Says all of an object, as `ClientRepository` does when it makes one and whenever it is asked.
    fn describe(&mut self, do_id: DoId) {
        let Shown { zone, look, mood } = self.made[&do_id].shown;
        self.described.insert(do_id, Instant::now());
        let mut values = Vec::new();
        let mut writer = Writer::new(&mut values);
        [look, do_id.0].into_iter().for_each(|value| writer.u32(value));
        writer.u16(1 + u16::from(mood.is_some()));
        writer.u16(LOCATION.0);
        [0, zone].into_iter().for_each(|value| writer.u32(value));
        if let Some(mood) = mood {
            writer.u16(MOOD.0);
            writer.u32(mood);
        }
        let (zone, class_id, values) = (ZoneId(zone), AVATAR, Rest(&values));
        self.say(&Word::ClientGenerate { zone, class_id, do_id, values });
    }

    /// Takes what has come.
    pub fn pump(&mut self) {
        let Some(port) = &mut self.port else { return };
        let came = port.pump();
        let is_over = port.is_over();
        for datagram in came {
            let mut reader = Reader::new(&datagram);
            let number = reader.u16().expect("agents send whole messages");
            let word = Word::decode(number, &mut reader).expect("agents send what players know");
            self.told.push((Instant::now(), format!("hears {word:?}")));
            if let Err(nonsense) = self.understand(&word) {
                self.nonsense.push(format!("player {} was told nonsense: {nonsense}", self.serial));
            }
        }
        if is_over {
            self.port = None;
        }
    }

    fn understand(&mut self, word: &Word<'_>) -> Result<(), String> {
        match *word {
            Word::SetDoIdRange { base, count } => {
                if self.base.replace(base).is_some() || count != PER_PLAYER {
                    return Err(format!("{count} doIds from {base}"));
                }
                self.see(self.zones.clone());
                Ok(())
            }
            Word::Generate { zone, class_id: AVATAR, do_id, values, .. } => {
                self.shown(do_id, zone.0, values.0)
            }
            Word::FieldUpdated { do_id, field, value, .. } => self.updated(do_id, field, value.0),
            Word::Disable { do_ids } => {
                do_ids.iter().try_for_each(|do_id| match self.view.remove(&do_id) {
                    Some(_) => Ok(()),
                    None => Err(format!("{do_id} leaves and is not seen")),
                })
            }
            Word::Delete { do_id } => self.deleted(do_id),
            Word::RequestGenerates { zone } => {
                let there = self.made.iter().filter(|(_, own)| own.shown.zone == zone.0);
                let there: Vec<DoId> = there.map(|(do_id, _)| *do_id).collect();
                there.into_iter().for_each(|do_id| self.describe(do_id));
                Ok(())
            }
            ref other => Err(format!("unexpected: {other:?}")),
        }
    }

    fn shown(&mut self, do_id: DoId, zone: u32, values: &[u8]) -> Result<(), String> {
        if self.is_own(do_id) {
            return Err(format!("its own {do_id} is generated"));
        }
        let mut reader = Reader::new(values);
        let mut shown = Shown { zone, look: reader.u32().expect("its look"), mood: None };
        for _ in 0..reader.u16().expect("others are counted") {
            let field = FieldId(reader.u16().expect("a field"));
            let value = reader.u32().expect("a value");
            match field {
                MOOD => shown.mood = Some(value),
                _ => return Err(format!("{do_id} has a field {field:?}")),
            }
        }
        match self.view.insert(do_id, shown) {
            None => Ok(()),
            Some(_) => Err(format!("{do_id} is generated twice")),
        }
    }

    fn updated(&mut self, do_id: DoId, field: FieldId, value: &[u8]) -> Result<(), String> {
        let own = self.made.get_mut(&do_id).map(|own| &mut own.shown);
        let is_own = own.is_some();
        let shown = own.or_else(|| self.view.get_mut(&do_id));
        let Some(shown) = shown else {
            return Err(format!("{do_id} changes and is not known"));
        };
        let before = shown.clone();
        let mut reader = Reader::new(value);
        let mut number = || reader.u32().expect("a number");
        match field {
            LOOK => shown.look = number(),
            MOOD => shown.mood = Some(number()),
            LOCATION if number() == 0 => shown.zone = number(),
            _ => return Err(format!("{do_id} has {field:?} changed")),
        }
        self.corrected += u32::from(is_own && *shown != before);
        Ok(())
    }

    fn deleted(&mut self, do_id: DoId) -> Result<(), String> {
        match self.made.remove(&do_id) {
            Some(own) if own.is_ending => Ok(()),
            Some(_) => Err(format!("its own {do_id} is deleted")),
            None if self.view.remove(&do_id).is_some() => Ok(()),
            None => Err(format!("{do_id} is deleted and is not known")),
        }
    }
}
