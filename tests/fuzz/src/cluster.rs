//! What surrounds a role's core: datagrams for it, and its place in the router.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use dclass::{DcFile, Source};
use donet::ids::{Channel, DoId, Location, ZoneId};
use donet::message::{Cluster, table};
use donet::router::{Alone, Effect, Effects, Role};
use donet::wire::{Envelope, Reader, Writer};

use super::input::Input;

const SCHEMA: &str = "
    struct Point { int16 x; int16(-9-9) y; };
    dclass Empty { };
    dclass Thing {
        label(string text = \"?\") required broadcast db;
        secret(uint16 code) required db;
        mine(uint8 m) required ownrecv ownsend;
        colour(uint8(0-100) c = 7) ram broadcast clsend;
        path(Point[] points) ram db airecv ownsend;
        hue(uint8 h) ram broadcast clsend;
        where : colour, hue;
        wave(uint8 w) broadcast clsend;
        blob(1-3) tail db;
    };
    dclass Named : Thing {
        uint8 rank required clrecv db;
        char letters[] ram clsend;
    };
";

pub fn schema() -> Arc<DcFile> {
    Arc::new(dclass::parse(&[Source::new("fuzz.dc", SCHEMA)]).expect("a correct file"))
}

/// A datagram, by the next bytes: how many recipients, which, the sender, the message's place in the
/// table, its arguments. Only channels of `channels` occur, so that messages meet. Now and then it is
/// arbitrary bytes.
pub fn datagram(input: &mut Input<'_>, channels: &[Channel]) -> Option<Vec<u8>> {
    const RAW: u8 = 255;
    let shape = input.byte()?;
    if shape == RAW {
        return Some(input.piece().to_vec());
    }
    let mut recipients = Vec::new();
    for _ in 0..shape % 4 {
        recipients.push(input.one_of(channels)?);
    }
    let sender = input.one_of(channels)?;
    let numbers: Vec<u16> =
        table().map(|row| row.number).filter(|number| (1000..9000).contains(number)).collect();
    let number = input.one_of(&numbers)?;
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    Envelope::write_head(&mut writer, &recipients, sender);
    writer.u16(number);
    writer.raw(input.piece());
    Some(bytes)
}

/// The channels of some small worlds: objects 1 to 5, their children and zones, roles, strangers.
pub fn channels(more: &[Channel]) -> Vec<Channel> {
    let objects = (1..=5).map(DoId);
    let mut channels: Vec<Channel> = objects
        .flat_map(|id| [id.channel(), id.children(), Location::new(id, ZoneId(1)).channel()])
        .collect();
    channels.extend([Channel::NONE, Channel::CLIENTS, Channel(600), Channel(601)]);
    channels.extend(more);
    channels
}

/// What a core's effects have left behind in the router.
#[derive(Default)]
pub struct Outside {
    pub effects: Effects,
    pub subscriptions: BTreeSet<Channel>,
    /// Whether the role also routes datagrams that others wrote, whatever is in them.
    pub is_courier: bool,
    /// The senders under which something is kept.
    pub post_removes: BTreeSet<Channel>,
    pub alone: Alone,
}

impl Outside {
    /// Gives a datagram to a role, and what comes back to it.
    pub fn deliver(&mut self, role: &mut impl Role, now: Instant, datagram: &[u8]) {
        self.alone.deliver(role, now, datagram, &mut self.effects);
        self.apply(|_, _| {});
    }

    /// Gives a role what it has sent to itself.
    pub fn give_back(&mut self, role: &mut impl Role, now: Instant) {
        self.alone.give_back(role, now, &mut self.effects);
        self.apply(|_, _| {});
    }

    /// Applies the effects, hands what is routed to `sent`, and checks that all of it makes sense.
    pub fn apply(&mut self, mut sent: impl FnMut(&Envelope<'_>, &Cluster<'_>)) {
        for effect in self.effects.iter() {
            match effect {
                Effect::Route(_) if self.is_courier => {}
                Effect::Route(frame) => {
                    let envelope = Envelope::read(frame.datagram()).expect("complete");
                    assert!(!envelope.recipients.is_empty(), "for nobody");
                    let mut reader = Reader::new(envelope.body);
                    let message = Cluster::decode(envelope.message_type, &mut reader);
                    sent(&envelope, &message.expect("a message of the cluster"));
                    assert!(reader.is_empty(), "{} excess bytes", reader.remaining().len());
                }
                Effect::Subscribe(channel) => {
                    assert!(self.subscriptions.insert(channel), "subscribed twice: {channel}");
                }
                Effect::Unsubscribe(channel) => {
                    assert!(self.subscriptions.remove(&channel), "not subscribed: {channel}");
                }
                Effect::SubscribeRange(_) => {}
                Effect::UnsubscribeRange(_) => panic!("no role does this: {effect:?}"),
                Effect::AddPostRemove(sender, _) => {
                    self.post_removes.insert(sender);
                }
                Effect::ClearPostRemoves(sender) => {
                    self.post_removes.remove(&sender);
                }
            }
        }
        self.effects.clear();
        self.alone.cleared();
    }
}
