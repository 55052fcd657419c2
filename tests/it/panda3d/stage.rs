//! What the tests of Panda3D's own clients are played on.

use donet::message::{Panda3d, Run};
use donet::wire::{Reader, Writer};

use crate::harness::*;

pub const DC: &str = include_str!("world.dc");
pub const CONTROL: Channel = Channel(402_000);
pub const ROOT: DoId = DoId(2_000_000_000);
pub const PER_CLIENT: u32 = 1_000;

pub const THING: ClassId = ClassId(1);
pub const TIME_MANAGER: ClassId = ClassId(2);
pub const LOCKED: ClassId = ClassId(3);
pub const PLAIN: ClassId = ClassId(4);

pub mod field {
    use super::FieldId;

    pub const LOCATION: FieldId = FieldId(0);
    pub const HP: FieldId = FieldId(3);
    pub const ASK: FieldId = FieldId(4);
    pub const WAVE: FieldId = FieldId(5);
    pub const SAY: FieldId = FieldId(6);
    pub const HUSH: FieldId = FieldId(7);
    pub const REPORT: FieldId = FieldId(8);
    pub const X: FieldId = FieldId(9);
    pub const Y: FieldId = FieldId(10);
    pub const XY: FieldId = FieldId(11);
    pub const FLASH: FieldId = FieldId(12);
    pub const REQUEST_SERVER_TIME: FieldId = FieldId(13);
    pub const SERVER_TIME: FieldId = FieldId(14);
    pub const NOTE: FieldId = FieldId(15);
}

/// A daemon with a state server and an agent of this type; `more` are keys of its `client`.
pub fn setup(more: &str) -> Setup {
    setup_with(more, "")
}

/// The same, with more keys of the agent.
pub fn setup_with(client: &str, agent: &str) -> Setup {
    let doids = format!("doids: {{min: 3000000001, max: 3000100000, per_client: {PER_CLIENT}}}");
    Setup::new().dc(DC).role(format!("type: stateserver, control: {CONTROL}")).role(format!(
        "type: clientagent, bind: $CA, client: {{type: panda3d, {doids}{client}}}{agent}"
    ))
}

/// A daemon whose root is there.
pub fn start(more: &str) -> Daemon {
    let daemon = setup(more).start();
    wait_for_root(&daemon);
    daemon
}

/// Waits until the root is there, which nobody else makes.
pub fn wait_for_root(daemon: &Daemon) {
    wait_until("the root is made", || daemon.log().contains("is made: nobody").then_some(()));
}

/// A stock client.
pub struct Stock {
    pub stream: FrameStream,
    pub base: DoId,
}

impl Stock {
    /// One that has been told its doIds.
    pub fn connect(daemon: &Daemon) -> Self {
        Self::connect_at(daemon, "CA")
    }

    pub fn connect_at(daemon: &Daemon, name: &str) -> Self {
        let stream = FrameStream::connect(daemon.address(name));
        let mut stock = Stock { stream, base: DoId(0) };
        let came = stock.receive();
        let Some(Panda3d::SetDoIdRange { base, count }) = decode(&came) else {
            panic!("{} is told first", show(&came));
        };
        assert_eq!(count, PER_CLIENT);
        stock.base = base;
        stock
    }

    /// One that sees zones.
    pub fn at(daemon: &Daemon, zones: &[u32]) -> Self {
        let mut stock = Self::connect(daemon);
        stock.see(zones);
        stock.expect(&disable(&[]));
        stock
    }

    pub fn see(&mut self, zones: &[u32]) {
        let zones: Vec<ZoneId> = zones.iter().copied().map(ZoneId).collect();
        self.send(&Panda3d::SetInterest { zones: Run::new(&zones) });
    }

    /// The channel as which it sends.
    pub const fn channel(&self) -> Channel {
        self.base.avatar()
    }

    /// One of its doIds.
    pub const fn id(&self, number: u32) -> DoId {
        DoId(self.base.0 + number)
    }

    pub fn send(&mut self, message: &Panda3d<'_>) {
        self.stream.send(&encode(message));
    }

    /// Makes a Thing, of which others see this.
    pub fn make(&mut self, number: u32, zone: u32, other: &Values) -> Seen {
        self.describe(number, zone, "n", 9, other);
        Seen { sender: self.base, zone, do_id: self.id(number), name: "n", other: other.clone() }
    }

    pub fn describe(&mut self, number: u32, zone: u32, name: &str, secret: u8, other: &Values) {
        let values = Values::new().string(name).u8(secret).raw(other.bytes());
        let (class_id, do_id) = (THING, self.id(number));
        let values = Rest(values.bytes());
        self.send(&Panda3d::ClientGenerate { zone: ZoneId(zone), class_id, do_id, values });
    }

    pub fn update(&mut self, do_id: DoId, field: FieldId, value: &Values) {
        self.send(&Panda3d::UpdateField { do_id, field, value: Rest(value.bytes()) });
    }

    pub fn target(&mut self, target: DoId, do_id: DoId, field: FieldId, value: &Values) {
        let update = Values::new().u32(target.0).u32(do_id.0).field(field).raw(value.bytes());
        self.send(&Panda3d::Targeted { update: Rest(update.bytes()) });
    }

    #[track_caller]
    pub fn receive(&mut self) -> Vec<u8> {
        match self.stream.receive() {
            Received::Datagram(datagram) => datagram,
            other => panic!("{other:?} where a datagram should come"),
        }
    }

    #[track_caller]
    pub fn expect(&mut self, expected: &Panda3d<'_>) {
        let came = self.receive();
        assert!(came == encode(expected), "{} came instead of {expected:?}", show(&came));
    }

    #[track_caller]
    pub fn expect_seen(&mut self, seen: &Seen) {
        self.expect(&seen.told().message());
    }

    /// Expects these, in any order.
    #[track_caller]
    pub fn expect_all_seen(&mut self, seen: &[Seen]) {
        let told: Vec<Generated> = seen.iter().map(Seen::told).collect();
        let mut missing: Vec<Vec<u8>> = told.iter().map(|one| encode(&one.message())).collect();
        while !missing.is_empty() {
            let came = self.receive();
            match missing.iter().position(|one| *one == came) {
                Some(at) => drop(missing.swap_remove(at)),
                None => panic!("{} came, and {} were missing", show(&came), missing.len()),
            }
        }
    }

    #[track_caller]
    pub fn expect_update(&mut self, sender: DoId, do_id: DoId, field: FieldId, value: &Values) {
        let value = Rest(value.bytes());
        self.expect(&Panda3d::FieldUpdated { sender, do_id, field, value });
    }

    /// Expects that nothing has come for it: what it says to itself comes first.
    #[track_caller]
    pub fn expect_silence(&mut self, witness: DoId) {
        let (base, word) = (self.base, Values::new().u16(77).string("me"));
        self.target(base, witness, field::ASK, &word);
        self.expect_update(base, witness, field::ASK, &word);
    }

    #[track_caller]
    pub fn expect_closed(&mut self) {
        match self.stream.receive() {
            Received::Closed => {}
            Received::Datagram(came) => panic!("{} came before the end", show(&came)),
            Received::Nothing => panic!("still open"),
        }
    }
}

/// A Thing as others see it.
#[derive(Clone)]
pub struct Seen {
    pub sender: DoId,
    pub zone: u32,
    pub do_id: DoId,
    pub name: &'static str,
    pub other: Values,
}

/// With its values.
pub struct Generated(Seen, Values);

impl Seen {
    pub fn told(&self) -> Generated {
        Generated(self.clone(), Values::new().string(self.name).raw(self.other.bytes()))
    }
}

impl Generated {
    pub fn message(&self) -> Panda3d<'_> {
        let &Seen { sender, zone, do_id, .. } = &self.0;
        let (zone, class_id, values) = (ZoneId(zone), THING, Rest(self.1.bytes()));
        Panda3d::Generate { sender, zone, class_id, do_id, values }
    }
}

/// OTHER without a field.
pub fn nothing() -> Values {
    Values::new().u16(0)
}

/// OTHER with its points.
pub fn hp(points: u16) -> Values {
    Values::new().u16(1).field(field::HP).u16(points)
}

pub const fn disable<'a>(do_ids: &'a [DoId]) -> Panda3d<'a> {
    Panda3d::Disable { do_ids: Run::new(do_ids) }
}

pub const fn want(zone: u32) -> Panda3d<'static> {
    Panda3d::RequestGenerates { zone: ZoneId(zone) }
}

pub fn encode(message: &Panda3d<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut Writer::new(&mut bytes));
    bytes
}

/// Datagrams in one piece, each with its length.
pub trait ConcatFrames {
    fn concat_frames(&self) -> Vec<u8>;
}

impl<T: AsRef<[Vec<u8>]>> ConcatFrames for T {
    fn concat_frames(&self) -> Vec<u8> {
        let frames = self.as_ref().iter().flat_map(|datagram| {
            let length = (datagram.len() as u16).to_le_bytes();
            length.into_iter().chain(datagram.iter().copied())
        });
        frames.collect()
    }
}

pub fn decode(datagram: &[u8]) -> Option<Panda3d<'_>> {
    let mut reader = Reader::new(datagram);
    let number = reader.u16().ok()?;
    Panda3d::decode(number, &mut reader).ok()
}

pub fn show(datagram: &[u8]) -> String {
    match decode(datagram) {
        Some(message) => format!("{message:?}"),
        None => format!("bytes \"{}\"", datagram.escape_ascii()),
    }
}
