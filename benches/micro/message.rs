//! Bytes ↔ messages.

use std::hint::black_box;

use criterion::Criterion;
use donet::ids::{Channel, ClassId, DoId, FieldId, Location, ZoneId};
use donet::message::{Cluster, ObjectState, Rest, StateServer};
use donet::router::Effects;
use donet::wire::{Envelope, Frame, Reader};

use super::{bench, frame};

const LOCATION: Location = Location::new(DoId(1000), ZoneId(5));

pub fn benches(c: &mut Criterion) {
    let update = StateServer::ObjectSetField {
        do_id: DoId(100_000),
        field: FieldId(7),
        value: Rest(b"\x01\0\x02\0"),
    };
    let object = ObjectState {
        do_id: DoId(100_000),
        location: LOCATION,
        class_id: ClassId(3),
        values: Rest(&[7; 64]),
    };
    let entry = StateServer::ObjectEnterLocationWithRequired { object };
    for (name, message) in [("field update", &update), ("object entering", &entry)] {
        bench(c, "decode", name, || {
            let bytes = frame(&[LOCATION.channel()], Channel(100_000), message);
            move || {
                let frame = Frame::new(black_box(&bytes)).expect("one frame");
                let envelope = Envelope::read(frame.datagram()).expect("complete");
                let mut reader = Reader::new(envelope.body);
                black_box(Cluster::decode(envelope.message_type, &mut reader).expect("a message"));
            }
        });
        bench(c, "encode", name, || {
            let mut effects = Effects::new();
            move || {
                effects.clear();
                let recipients = black_box([LOCATION.channel()]);
                effects.route(&recipients, Channel(100_000), black_box(message)).expect("small");
            }
        });
    }
}
