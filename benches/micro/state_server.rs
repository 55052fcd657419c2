//! The state server's core.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::Criterion;
use dclass::{DcFile, Source};
use donet::config::StateServerConfig;
use donet::hash::Seed;
use donet::ids::{Channel, ClassId, Context, DoId, FieldId, Location, ZoneId};
use donet::message::{Message, ObjectState, Rest, StateServer as M};
use donet::role::state_server::StateServer;
use donet::router::{Alone, Effects};
use donet::wire::Writer;

use super::bench;

const CONTROL: Channel = Channel(4001);
const AI: Channel = Channel(4000);
/// Who sends: not the AI, which would not be told.
const ANYONE: Channel = Channel(4002);
const PARENT: DoId = DoId(100_000);
const OBJECTS: u32 = 10_000;
const IN_A_ZONE: u32 = 100;

const SCHEMA: &str = "
    dclass Zone { };
    dclass Avatar {
        setName(string) required broadcast ram;
        setXY(int16/10, int16/10) broadcast ram;
        setHp(uint16(0-1000)) required broadcast ram;
        emote(uint8) broadcast;
        work(uint8) airecv;
    };
";
const ZONE: ClassId = ClassId(0);
const AVATAR: ClassId = ClassId(1);

fn schema() -> Arc<DcFile> {
    Arc::new(dclass::parse(&[Source::new("bench.dc", SCHEMA)]).expect("a correct file"))
}

fn field(name: &str) -> FieldId {
    schema().class_by_name("Avatar").expect("a class").field_by_name(name).expect("a field").id()
}

fn datagram(recipient: Channel, message: &M<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_datagram(&mut Writer::new(&mut bytes), &[recipient], ANYONE);
    bytes
}

fn create(do_id: DoId, location: Location, class_id: ClassId, values: &[u8]) -> Vec<u8> {
    let object = ObjectState { do_id, location, class_id, values: Rest(values) };
    datagram(CONTROL, &M::CreateObjectWithRequired { object })
}

fn avatar(number: u32) -> Vec<u8> {
    let location = Location::new(PARENT, ZoneId(number / IN_A_ZONE));
    create(DoId(PARENT.0 + 1 + number), location, AVATAR, b"\x06\0a toon\x64\0")
}

/// A parent with [`OBJECTS`] children, [`IN_A_ZONE`] in each zone.
struct World {
    core: StateServer,
    alone: Alone,
    now: Instant,
    effects: Effects,
}

impl World {
    fn deliver(&mut self, datagram: &[u8]) {
        self.alone.deliver(&mut self.core, self.now, datagram, &mut self.effects);
    }

    fn clear(&mut self) {
        self.effects.clear();
        self.alone.cleared();
    }
}

fn world() -> World {
    let core = StateServer::new(&StateServerConfig { control: CONTROL }, schema(), Seed::fixed(0));
    let (alone, effects) = (Alone::default(), Effects::new());
    let mut world = World { core, alone, now: Instant::now(), effects };
    world.core.start(&mut world.effects);
    world.deliver(&create(PARENT, Location::NONE, ZONE, b""));
    world.deliver(&datagram(PARENT.channel(), &M::ObjectSetAi { ai: AI }));
    for number in 0..OBJECTS {
        world.deliver(&avatar(number));
        world.clear();
    }
    assert_eq!(world.core.objects().len(), OBJECTS as usize + 1);
    world
}

/// What the server does about datagrams, which is checked before it is measured.
fn handle(c: &mut Criterion, group: &str, name: &str, datagrams: &[Vec<u8>], effects_min: usize) {
    bench(c, group, name, || {
        let mut world = world();
        for datagram in datagrams {
            world.deliver(datagram);
        }
        assert!(world.effects.iter().count() >= effects_min);
        assert_eq!(world.core.objects().len(), OBJECTS as usize + 1);
        move || {
            world.clear();
            for datagram in datagrams {
                world.deliver(black_box(datagram));
            }
        }
    });
}

pub fn benches(c: &mut Criterion) {
    let do_id = DoId(PARENT.0 + 77);
    let updates = [
        ("broadcast, kept", "setXY", &b"\x01\0\x02\0"[..]),
        ("broadcast", "emote", b"\x01"),
        ("to the AI", "work", b"\x01"),
    ];
    for (name, field_name, value) in updates {
        let update = M::ObjectSetField { do_id, field: field(field_name), value: Rest(value) };
        handle(c, "set_field", name, &[datagram(do_id.channel(), &update)], 1);
    }

    let number = OBJECTS + 1;
    let id = DoId(PARENT.0 + 1 + number);
    let gone = datagram(id.channel(), &M::ObjectDeleteRam { do_id: id });
    handle(c, "object", "created and deleted", &[avatar(number), gone], 2);

    let location = Location::new(PARENT, ZoneId(7));
    let question = M::ObjectGetZoneObjects { context: Context(5), location };
    let question = datagram(PARENT.channel(), &question);
    handle(c, "zone", "100 objects asked for", &[question], IN_A_ZONE as usize);
}
