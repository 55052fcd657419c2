//! Whatever arrives, the server lives, and what it sends is well formed.

use proptest::prelude::*;

use super::kit::*;
use crate::ids::{Channel, Location};
use crate::message::{StateServer as M, table};
use crate::object::testing::*;
use crate::wire::{Envelope, Writer};

/// A small world in which small numbers mean something.
fn world() -> Server {
    let mut server = Server::new();
    server.create(1, Location::NONE);
    server.create(2, at(1, 0));
    server.create_of(3, at(1, 1), "Thing", &[&text("a")[..], &[1, 0, 2]].concat());
    server.create_of(4, at(3, 1), "Placed", &[1, 0, 2, 0, 3]);
    server.set_ai(1, 3);
    server.set_owner(3, 4);
    server
}

fn recipients() -> impl Strategy<Value = Vec<u64>> {
    let channel =
        prop_oneof![0..6u64, (0..6u32).prop_map(children), Just(CONTROL), Just(12), any::<u64>(),];
    prop::collection::vec(channel, 0..4)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let small = prop::collection::vec(0u8..6, 0..60);
    prop_oneof![small, prop::collection::vec(any::<u8>(), 0..60)]
}

fn number() -> impl Strategy<Value = u16> {
    let known: Vec<u16> = table().map(|row| row.number).collect();
    prop_oneof![4 => prop::sample::select(known), 1 => any::<u16>()]
}

proptest! {
    #[test]
    fn any_bytes(datagrams in prop::collection::vec(body(), 1..20)) {
        let mut server = world();
        for datagram in datagrams {
            server.tell_bytes(&datagram);
        }
    }

    #[test]
    fn any_message(
        messages in prop::collection::vec((recipients(), 0..6u64, number(), body()), 1..40),
    ) {
        let mut server = world();
        for (recipients, sender, number, body) in messages {
            let mut datagram = Vec::new();
            let mut writer = Writer::new(&mut datagram);
            Envelope::write_head(&mut writer, &channels(&recipients), Channel(sender));
            writer.u16(number);
            writer.raw(&body);
            for sent in server.tell_bytes(&datagram) {
                sent.decode(|_| ());
            }
        }
    }
}

#[test]
fn messages_cut_short_do_nothing() {
    let whole = [&text("a")[..], &[1, 0, 2]].concat();
    let object = state(9, at(1, 1), "Thing", &whole);
    let bytes = datagram(&[CONTROL, 3], ANYONE, &M::CreateObjectWithRequired { object });
    for end in 0..bytes.len() {
        let mut server = world();
        assert_eq!(server.tell_bytes(&bytes[..end]), [], "{end} of {} bytes", bytes.len());
        assert_eq!(server.core.objects().len(), 4);
    }
}
