//! A game client, and what it sees.

use std::collections::{BTreeMap, BTreeSet};

use donet::ids::{Context, DoId, FieldId, InterestId, Location, ZoneId};
use donet::message::{Blob, Client as Word, EjectReason, List, Message, ObjectState, Rest};
use donet::wire::{Reader, Writer};
use tokio::time::Instant;

use super::Port;
use super::world::{self, LOGIN, LOGIN_FIELD, MARK, PLACE, SIGN, THING, VAULT, WISH};
use crate::cluster::clients_of;
use crate::net::{LinkId, Net};

/// How far a client has come.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stage {
    /// It is not connected, any more or yet.
    Away,
    /// It has said hello, or logs in.
    Connected,
    /// It may do what clients do.
    Established,
}

/// An object as a client sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    pub location: Location,
    pub fields: BTreeMap<u16, u32>,
}

/// What a client sees.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct View {
    pub objects: BTreeMap<DoId, Seen>,
    pub owned: BTreeMap<DoId, BTreeMap<u16, u32>>,
}

/// A client of one connection.
pub struct Client {
    /// Nobody else's.
    pub serial: u32,
    pub daemon: usize,
    port: Option<Port>,
    pub stage: Stage,
    pub view: View,
    /// The zones that it opens at once when it may.
    pub wish: BTreeSet<u32>,
    /// Zones of its interests.
    pub interests: BTreeMap<u16, BTreeSet<u32>>,
    /// Interests that have yet to be done.
    pub pending: u32,
    next_context: u32,
    /// Its connection, be it over; none if there has never been one.
    pub link: Option<LinkId>,
    /// When it has said something.
    pub sent: Vec<Instant>,
    /// Things that somebody wants tied to its session.
    pub tied: BTreeSet<DoId>,
    /// When it was told of each object for the last time that it is out of sight, or not its own any more.
    pub lost: BTreeMap<DoId, Instant>,
    /// Somebody has left a post-remove for the end of its session.
    pub has_heir: bool,
    /// Nothing was done to its connection: if that ends, the agent has ended it.
    pub is_spared: bool,
    /// Why it was put out.
    pub ejected: Option<u16>,
    /// What it was told that makes no sense.
    pub nonsense: Vec<String>,
    pub since: Instant,
    /// What it has been told, for whoever reads of a failure.
    pub told: Vec<String>,
}

impl Client {
    /// Connects and says hello; it is away if nobody listens.
    pub fn connect(net: &Net, serial: u32, daemon: usize) -> Self {
        let ip = std::net::IpAddr::from([10, 0, 1, (serial % 200) as u8]);
        let port = Port::connect(net, 2_000_000 + u64::from(serial), ip, clients_of(daemon));
        let link = port.as_ref().map(Port::link);
        let stage = if port.is_some() { Stage::Connected } else { Stage::Away };
        let mut client = Client {
            serial,
            daemon,
            port,
            stage,
            view: View::default(),
            wish: BTreeSet::new(),
            interests: BTreeMap::new(),
            pending: 0,
            next_context: 0,
            link,
            sent: Vec::new(),
            tied: BTreeSet::new(),
            lost: BTreeMap::new(),
            has_heir: false,
            is_spared: true,
            ejected: None,
            nonsense: Vec::new(),
            since: Instant::now(),
            told: Vec::new(),
        };
        client.say(&Word::Hello { dc_hash: 1, version: Blob(b"sim") });
        client
    }

    pub const fn port(&mut self) -> Option<&mut Port> {
        self.port.as_mut()
    }

    /// Whether its connection still lasts, whether or not it knows.
    pub fn lives(&self) -> bool {
        self.port.as_ref().is_some_and(|port| !port.is_broken())
    }

    fn say(&mut self, word: &Word<'_>) {
        let mut bytes = Vec::new();
        word.write(&mut Writer::new(&mut bytes));
        self.sent.push(Instant::now());
        if let Some(port) = &mut self.port {
            port.send(&bytes);
        }
    }

    /// Hangs up.
    pub fn leave(&mut self) {
        self.is_spared = false;
        self.go();
    }

    fn go(&mut self) {
        self.port = None;
        self.stage = Stage::Away;
    }

    /// Opens or alters an interest.
    pub fn open(&mut self, interest: u16, zones: &BTreeSet<u32>) {
        if self.stage != Stage::Established {
            return;
        }
        self.next_context += 1;
        self.pending += 1;
        self.interests.insert(interest, zones.clone());
        let zones: Vec<ZoneId> = zones.iter().copied().map(ZoneId).collect();
        let (context, interest) = (Context(self.next_context), InterestId(interest));
        let (parent, zones) = (PLACE, List::new(&zones));
        self.say(&Word::AddInterestMultiple { context, interest, parent, zones });
    }

    /// Closes an interest.
    pub fn close(&mut self, interest: u16) {
        if self.interests.remove(&interest).is_some() {
            self.next_context += 1;
            self.pending += 1;
            let (context, interest) = (Context(self.next_context), InterestId(interest));
            self.say(&Word::RemoveInterest { context, interest });
        }
    }

    /// Wants something of an object that it owns.
    pub fn want(&mut self, value: u32) {
        if self.stage != Stage::Established {
            return;
        }
        let Some(do_id) = self.view.owned.keys().next().copied() else { return };
        let value = value.to_le_bytes();
        self.say(&Word::ObjectSetField { do_id, field: world::WANT, value: Rest(&value) });
    }

    /// Says something to the UberDOG, if it may: on which connection.
    pub fn tell(&mut self, serial: u32) -> Option<LinkId> {
        if self.stage != Stage::Established || self.port.is_none() {
            return None;
        }
        let value = serial.to_le_bytes();
        let (do_id, field) = (LOGIN, world::TELL_FIELD);
        self.say(&Word::ObjectSetField { do_id, field, value: Rest(&value) });
        self.link
    }

    /// Takes what has come.
    pub fn pump(&mut self) {
        let Some(port) = &mut self.port else { return };
        let came = port.pump();
        let is_over = port.is_over();
        for datagram in came {
            self.hear(&datagram);
        }
        if is_over {
            self.go();
        }
    }

    fn hear(&mut self, datagram: &[u8]) {
        if datagram == b"hi" {
            self.stage = Stage::Established;
            let zones = std::mem::take(&mut self.wish);
            if !zones.is_empty() {
                self.open(1, &zones);
            }
            return;
        }
        let mut reader = Reader::new(datagram);
        let number = reader.u16().expect("agents send whole messages");
        let word = Word::decode(number, &mut reader).expect("agents send what clients know");
        self.told.push(format!("{word:?}"));
        if let Err(nonsense) = self.understand(&word) {
            self.nonsense.push(format!("client {} was told nonsense: {nonsense}", self.serial));
        }
    }

    fn understand(&mut self, word: &Word<'_>) -> Result<(), String> {
        match word {
            Word::HelloResp {} => {
                let value = self.serial.to_le_bytes();
                self.say(&Word::ObjectSetField {
                    do_id: LOGIN,
                    field: LOGIN_FIELD,
                    value: Rest(&value),
                });
            }
            Word::Eject { reason, .. } if self.may_be_ejected(*reason) => {
                self.ejected = Some(*reason);
            }
            Word::Eject { reason, text } => return Err(format!("ejected: {reason} {text:?}")),
            Word::DoneInterestResp { .. } => self.pending = self.pending.saturating_sub(1),
            Word::EnterObjectRequired { object } | Word::EnterObjectRequiredOther { object } => {
                let has_other = matches!(word, Word::EnterObjectRequiredOther { .. });
                let fields = fields_of(object, has_other);
                let seen = Seen { location: object.location, fields };
                if self.view.objects.insert(object.do_id, seen).is_some() {
                    return Err(format!("{} enters twice", object.do_id));
                }
            }
            Word::EnterObjectRequiredOwner { object }
            | Word::EnterObjectRequiredOtherOwner { object } => {
                let has_other = matches!(word, Word::EnterObjectRequiredOtherOwner { .. });
                let fields = fields_of(object, has_other);
                self.view.owned.insert(object.do_id, fields);
            }
            Word::ObjectLeaving { do_id } => {
                self.lost.insert(*do_id, Instant::now());
                if self.view.objects.remove(do_id).is_none() {
                    return Err(format!("{do_id} leaves and is not seen"));
                }
            }
            Word::ObjectLeavingOwner { do_id } => {
                self.lost.insert(*do_id, Instant::now());
                if self.view.owned.remove(do_id).is_none() {
                    return Err(format!("{do_id} leaves its owner and is not owned"));
                }
            }
            Word::ObjectLocation { do_id, location } => {
                // Owners are told, too.
                match self.view.objects.get_mut(do_id) {
                    Some(seen) => seen.location = *location,
                    None if self.view.owned.contains_key(do_id) => {}
                    None => return Err(format!("{do_id} moves and is not known")),
                }
            }
            Word::ObjectSetField { do_id, field, value } => {
                self.set(*do_id, *field, number_of(value.0))?;
            }
            other => return Err(format!("unexpected: {other:?}")),
        }
        Ok(())
    }

    /// Whether there is a reason to put it out.
    fn may_be_ejected(&self, reason: u16) -> bool {
        const IS_NOT_IN: u16 = EjectReason::InvalidMsgtype as u16;
        const IS_LOST: u16 = EjectReason::SessionObjectDeleted as u16;
        const IS_STOPPED: u16 = EjectReason::Restart as u16;
        const IS_SAID: u16 = EjectReason::Generic as u16;
        match reason {
            // What has let it in was lost, and that it may come in was not.
            IS_NOT_IN => true,
            // Daemons are told to end, too; who is of one that is not then has no reason to be, which nothing here can tell.
            IS_STOPPED => true,
            IS_LOST => !self.tied.is_empty(),
            IS_SAID => self.has_heir,
            _ => false,
        }
    }

    fn set(&mut self, do_id: DoId, field: FieldId, value: u32) -> Result<(), String> {
        let View { objects, owned } = &mut self.view;
        let (seen, owned) = (objects.get_mut(&do_id), owned.get_mut(&do_id));
        if seen.is_none() && owned.is_none() {
            return Err(format!("{do_id} changes and is not known"));
        }
        if let Some(seen) = seen.filter(|_| field != WISH) {
            seen.fields.insert(field.0, value);
        }
        if let Some(owned) = owned {
            owned.insert(field.0, value);
        }
        Ok(())
    }
}

fn number_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("a number"))
}

/// The values of an entry: those required, and the others.
fn fields_of(object: &ObjectState<'_>, has_other: bool) -> BTreeMap<u16, u32> {
    let required = match object.class_id {
        THING => &[MARK],
        VAULT => &[SIGN],
        _ => return BTreeMap::new(),
    };
    let mut reader = Reader::new(object.values.0);
    let mut fields = BTreeMap::new();
    for field in required {
        fields.insert(field.0, reader.u32().expect("required fields come first"));
    }
    if has_other {
        for _ in 0..reader.u16().expect("others are counted") {
            let field = reader.u16().expect("a field");
            fields.insert(field, reader.u32().expect("a value"));
        }
    }
    fields
}
