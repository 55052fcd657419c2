//! What tests of roles with objects share: a schema, datagrams in, and what was sent.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use dclass::{DcFile, Source};

use crate::ids::{Channel, ClassId, DoId, FieldId, Location, ZoneId};
use crate::message::{Cluster, Message, ObjectState, Rest};
use crate::router::{Alone, Effect, Effects, Role};
use crate::wire::{Envelope, Reader, Writer};

/// The schema of the tests. Field names say who gets them.
const SCHEMA: &str = "
    dclass Empty { };
    struct Point { int16 x; int16 y; };
    dclass Thing {
        label(string text = \"?\") required broadcast;
        secret(uint16 code) required;
        mine(uint8 m) required ownrecv;
        colour(uint8(0-100) c) ram broadcast;
        note(string text) ram;
        hint(uint8 h) ram clrecv;
        pocket(uint8 p) ram ownrecv;
        wave(uint8 w) broadcast;
        poke(uint8 p) airecv;
        whisper(uint8 w) ownrecv;
        shout(uint8 s) broadcast airecv ownrecv;
    };
    dclass Placed {
        x(uint16 x = 3) required broadcast;
        y(uint16 y) required broadcast;
        xy : x, y;
        low(uint8 l) ram broadcast;
        high(uint8 h) ram broadcast;
        band : low, high;
        both(uint8 b) required broadcast ram;
    };
    dclass Mixed {
        p(uint8(0-99) p = 3) ram db broadcast;
        q(string q) ram db broadcast;
        mix : p, q;
        r(uint8 r = 5) required db;
        s(uint8 s) required db;
        rs : r, s;
    };
    dclass Account {
        name(string text = \"nobody\") required db;
        gold(uint32 g) required broadcast db;
        level(uint8 l = 1) required broadcast;
        mail(string text) ram db broadcast;
        mood(uint8 m = 5) ram;
        rank(uint8 r) ram;
        ledger(string text) db;
        hello(uint8 h) broadcast;
    };
";

pub(crate) fn schema() -> Arc<DcFile> {
    let source = Source::new("test.dc", SCHEMA);
    Arc::new(dclass::parse(&[source]).expect("the schema is right"))
}

pub(crate) fn class(name: &str) -> ClassId {
    schema().class_or_struct_by_name(name).expect("in the schema").id()
}

/// The id of a field by its name: `Thing.label`.
pub(crate) fn field(name: &str) -> FieldId {
    let (class, field) = name.split_once('.').expect("a class and a field");
    let schema = schema();
    let class = schema.class_by_name(class).expect("in the schema");
    class.field_by_name(field).expect("in the class").id()
}

/// `(u16 field, VALUE)` for each field.
pub(crate) fn pairs(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.extend(field(name).0.to_le_bytes());
        bytes.extend(*value);
    }
    bytes
}

/// OTHER: a count and that many fields.
pub(crate) fn other(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let count = u16::try_from(fields.len()).expect("few");
    [&count.to_le_bytes()[..], &pairs(fields)].concat()
}

/// A packed string.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short");
    [&length.to_le_bytes()[..], text.as_bytes()].concat()
}

pub(crate) const fn at(parent: u32, zone: u32) -> Location {
    Location::new(DoId(parent), ZoneId(zone))
}

pub(crate) fn state<'a>(
    do_id: u32,
    location: Location,
    class_name: &str,
    values: &'a [u8],
) -> ObjectState<'a> {
    let (do_id, class_id) = (DoId(do_id), class(class_name));
    ObjectState { do_id, location, class_id, values: Rest(values) }
}

pub(crate) fn channels(channels: &[u64]) -> Vec<Channel> {
    channels.iter().copied().map(Channel).collect()
}

pub(crate) fn datagram(recipients: &[u64], sender: u64, message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    let recipients = channels(recipients);
    message.write_datagram(&mut Writer::new(&mut bytes), &recipients, Channel(sender));
    bytes
}

/// A datagram that was sent; recipients compare as a set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sent {
    pub recipients: BTreeSet<u64>,
    pub sender: u64,
    /// Number and arguments.
    pub message: Vec<u8>,
}

impl Sent {
    pub fn decode<R>(&self, then: impl FnOnce(Cluster<'_>) -> R) -> R {
        let mut reader = Reader::new(&self.message);
        let number = reader.u16().expect("a message has a number");
        then(Cluster::decode(number, &mut reader).expect("a message of the cluster"))
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { recipients, sender, .. } = self;
        let recipients: Vec<String> = recipients.iter().map(|c| format!("{c:#x}")).collect();
        write!(f, "{sender:#x} -> {}: ", recipients.join(", "))?;
        self.decode(|message| write!(f, "{message:?}"))
    }
}

/// What should have been sent.
pub(crate) fn sent(recipients: &[u64], sender: u64, message: &impl Message) -> Sent {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    Sent { recipients: recipients.iter().copied().collect(), sender, message: bytes }
}

/// Keeps the subscriptions of a role as its effects change them, and collects what it sends.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    pub subscriptions: BTreeSet<u64>,
    /// What is kept for its end, with the sender.
    pub post_removes: Vec<(u64, Vec<u8>)>,
    pub effects: Effects,
    alone: Alone,
}

impl Outside {
    /// Gives a datagram to the role, and what comes back to it; returns what it sends.
    pub fn deliver(&mut self, role: &mut impl Role, now: Instant, datagram: &[u8]) -> Vec<Sent> {
        self.alone.deliver(role, now, datagram, &mut self.effects);
        self.apply()
    }

    /// As [`Outside::deliver`], after the role has appended to `effects`.
    pub fn give_back(&mut self, role: &mut impl Role, now: Instant) -> Vec<Sent> {
        self.alone.give_back(role, now, &mut self.effects);
        self.apply()
    }

    /// The role listens from the beginning to what it subscribes to in `start`; nothing is recorded of it.
    pub fn listens_to(&mut self, start: impl FnOnce(&mut Effects)) {
        let mut effects = Effects::new();
        start(&mut effects);
        self.alone.listens_to(&effects);
    }

    /// Applies what the role has appended to `effects`.
    pub fn apply(&mut self) -> Vec<Sent> {
        let mut all = Vec::new();
        for effect in self.effects.iter() {
            match effect {
                Effect::Route(frame) => {
                    let envelope = Envelope::read(frame.datagram()).expect("complete");
                    let head = envelope.message_type.to_le_bytes();
                    all.push(Sent {
                        recipients: envelope.recipients.iter().map(|c| c.0).collect(),
                        sender: envelope.sender.0,
                        message: [&head, envelope.body].concat(),
                    });
                }
                Effect::Subscribe(channel) => {
                    assert!(self.subscriptions.insert(channel.0), "subscribed twice: {channel}");
                }
                Effect::Unsubscribe(channel) => {
                    assert!(self.subscriptions.remove(&channel.0), "not subscribed: {channel}");
                }
                Effect::SubscribeRange(range) => {
                    self.subscriptions.extend(range.low().0..=range.high().0);
                }
                Effect::AddPostRemove(sender, frame) => {
                    self.post_removes.push((sender.0, frame.datagram().to_vec()));
                }
                Effect::ClearPostRemoves(sender) => {
                    self.post_removes.retain(|(kept, _)| *kept != sender.0);
                }
                other @ Effect::UnsubscribeRange(_) => panic!("unexpected effect {other:?}"),
            }
        }
        self.effects.clear();
        self.alone.cleared();
        all
    }
}
