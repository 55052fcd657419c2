//! Bytes that nobody should send.

use proptest::prelude::*;

use super::*;

fn message_types() -> impl Strategy<Value = u16> {
    let numbers: Vec<u16> = crate::message::table().map(|row| row.number).collect();
    prop_oneof![prop::sample::select(numbers), any::<u16>()]
}

/// Bytes that are small numbers more often than not, so that ids meet.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![3 => 0u8..8, 1 => any::<u8>()], 0..48)
}

proptest! {
    #[test]
    fn no_bytes_of_a_client_or_the_cluster_bring_the_agent_down(
        input in prop::collection::vec((any::<bool>(), message_types(), bytes()), 1..40),
    ) {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.own(client, 1, at(1, 2));
        let witness = agent.established();
        for (from_client, number, body) in input {
            let message = [&number.to_le_bytes()[..], &body].concat();
            if from_client {
                agent.send_datagram(client, &message);
            } else {
                let mut datagram = Vec::new();
                let channels = [client.channel, at(1, 2).channel()];
                Envelope::write_head(&mut Writer::new(&mut datagram), &channels, AI);
                datagram.extend(message);
                agent.core.datagram(agent.now, &datagram, &mut agent.out);
                agent.core.datagram(agent.now, &body, &mut agent.out);
                agent.drain();
            }
            agent.pass(100);
            agent.told(client);
        }
        // Whatever became of the client, others are served.
        agent.routed();
        agent.send(witness, &client_sets(1234, "request", b"\0\0"));
        prop_assert_eq!(agent.routed().len(), 1);
    }
}
