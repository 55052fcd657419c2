//! Whatever arrives, the server lives, and what it sends is well formed.

use proptest::prelude::*;

use super::kit::*;
use crate::ids::Channel;
use crate::message::table;
use crate::object::testing::*;
use crate::wire::{Envelope, Writer};

fn body() -> impl Strategy<Value = Vec<u8>> {
    // Many messages begin with a context, or a doId, or both.
    let known = prop::sample::select(vec![ID, ID + 1, 0, 1, 2]);
    let head = prop::collection::vec(known, 0..4);
    let small = prop::collection::vec(0u8..30, 0..40);
    let tail = prop_oneof![small, prop::collection::vec(any::<u8>(), 0..40)];
    (head, tail).prop_map(|(head, tail)| {
        let head: Vec<u8> = head.into_iter().flat_map(u32::to_le_bytes).collect();
        [head, tail].concat()
    })
}

fn number() -> impl Strategy<Value = u16> {
    let known: Vec<u16> = table().map(|row| row.number).filter(|n| *n >= 2000).collect();
    prop_oneof![8 => prop::sample::select(known), 1 => any::<u16>()]
}

proptest! {
    #[test]
    fn any_message(
        messages in prop::collection::vec((0..3u32, number(), body(), any::<bool>()), 1..60),
    ) {
        let mut server = Server::new();
        server.load(at(9, 4), &other(&[]));
        for (offset, number, body, wait) in messages {
            let mut datagram = Vec::new();
            let mut writer = Writer::new(&mut datagram);
            let to = channels(&[u64::from(ID + offset)]);
            Envelope::write_head(&mut writer, &to, Channel(DATABASE));
            writer.u16(number);
            writer.raw(&body);
            for sent in server.tell_bytes(&datagram) {
                sent.decode(|_| ());
            }
            if wait {
                server.pass(WAIT / 3);
            }
        }
        server.pass(WAIT);
        prop_assert_eq!(server.core.next_deadline(), None, "nothing waits for ever");
        prop_assert_eq!(server.core.loading_count(), 0);
    }

    #[test]
    fn any_bytes(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20)) {
        let mut server = Server::new();
        for datagram in datagrams {
            server.tell_bytes(&datagram);
        }
    }
}
