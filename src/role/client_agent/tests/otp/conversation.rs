//! Each message of the tables.

use super::*;

#[test]
fn objects_are_seen_with_their_place_before_their_class() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let here = at(100, 5);
    let context = agent.asks_for(client, 3, 100, &[5], &[5]);
    agent.answer_count(client, context, 2);
    agent.answer_object(client, context, avatar(1001, here));
    let values = [&b"\x03\0ann\x09\x01\0"[..], &field("level").0.to_le_bytes(), b"\x04"].concat();
    let object =
        ObjectState { do_id: DoId(1002), location: here, class_id: AVATAR, values: Rest(&values) };
    let message = StateServer::ObjectEnterInterestWithRequiredOther { context, object };
    agent.cluster(client.channel, &message);
    let other = dg(35).u32(100).u32(5).u16(2).u32(1002).text("ann").u8(9);
    let other = other.u16(1).u16(field("level").0).u8(4);
    agent.hears(client, &[create(1001, here), other, done(3, 73)]);
    // One comes, and goes.
    agent.cluster(here.channel(), &entering(1003, here));
    agent.cluster(here.channel(), &deleting(1003));
    agent.cluster(here.channel(), &changing(1002, at(100, 6), here));
    agent.hears(client, &[create(1003, here), disable(1003), disable(1002)]);
}

#[test]
fn fields_travel_both_ways_one_at_a_time() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let here = at(100, 5);
    agent.opens(client, 3, here, &[1001]);
    agent.cluster(here.channel(), &set_field(1001, "level", b"\x07"));
    let (level, say) = (field("level").0.to_le_bytes(), field("say").0.to_le_bytes());
    let values = [&level[..], b"\x08", &say, b"\x02\0hi"].concat();
    let fields = FieldValues { count: 2, bytes: &values };
    agent.cluster(here.channel(), &StateServer::ObjectSetFields { do_id: DoId(1001), fields });
    let expected = [
        update(1001, "level", b"\x07"),
        update(1001, "level", b"\x08"),
        update(1001, "say", b"\x02\0hi"),
    ];
    agent.hears(client, &expected);
    agent.routed();

    agent.says(client, update(1001, "data", b"\x01\0x"));
    agent.expect_routed(client.channel, &[(Channel(1001), &set_field(1001, "data", b"\x01\0x"))]);
    agent.hears(client, &[]);
}

#[test]
fn what_it_owns_moves_both_ways() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    agent.cluster(
        client.channel,
        &StateServer::ObjectEnterOwnerWithRequired { object: avatar(1001, at(100, 5)) },
    );
    agent.hears(client, &[dg(36).u16(2).u32(1001).u32(100).u32(5).text("ann").u8(9).u16(0)]);
    agent.routed();
    agent.says(client, location(1001, at(100, 6)));
    let moved = StateServer::ObjectSetLocation { location: at(100, 6) };
    agent.expect_routed(client.channel, &[(Channel(1001), &moved)]);
    // Also where it sees nothing.
    agent.cluster(client.channel, &changing(1001, at(200, 7), at(100, 6)));
    agent.hears(client, &[location(1001, at(200, 7))]);
    let changing = StateServer::ObjectChangingOwner {
        do_id: DoId(1001),
        new: Channel(5),
        old: client.channel,
    };
    agent.cluster(client.channel, &changing);
    agent.hears(client, &[dg(26).u32(1001)]);
}

#[test]
fn a_heartbeat_is_echoed_at_once_and_missed() {
    let mut agent = Agent::otp_with(
        Era::Otp,
        |_| {},
        |config| {
            config.client.heartbeat_timeout_ms = 1000;
        },
    );
    let client = agent.playing();
    for _ in 0..3 {
        agent.pass(900);
        agent.says(client, dg(52));
        agent.hears(client, &[dg(52)]);
    }
    // Whatever else it says is no heartbeat.
    agent.pass(900);
    agent.says(client, remove_interest(9, 1));
    agent.hears(client, &[done(9, 1)]);
    agent.pass(100);
    assert!(agent.gets_lost(client, 345).contains("heartbeat"));
}

#[test]
fn fields_that_it_may_send_are_told_by_number() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let here = at(100, 5);
    agent.opens(client, 3, here, &[1001]);
    agent.routed();
    let [hidden, level] = ["hidden", "level"].map(field);
    for fields in [&[hidden, level][..], &[]] {
        let sendable =
            ClientAgent::SetFieldsSendable { do_id: DoId(1001), fields: List::new(fields) };
        agent.cluster(client.channel, &sendable);
        let expected = fields.iter().fold(dg(120).u32(1001), |bytes, field| bytes.u16(field.0));
        agent.hears(client, &[expected]);
        if !fields.is_empty() {
            agent.says(client, update(1001, "hidden", b"\x01"));
            let set = set_field(1001, "hidden", b"\x01");
            agent.expect_routed(client.channel, &[(Channel(1001), &set)]);
        }
    }
    agent.says(client, update(1001, "hidden", b"\x01"));
    agent.gets_lost(client, 118);
}

#[test]
fn it_says_goodbye_or_is_told_to_go() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    agent.says(client, dg(37));
    agent.hears(client, &[]);
    assert!(!agent.is_open(client));
    assert!(agent.events.iter().any(|event| format!("{event:?}").contains("client-disconnected")));
    // Somebody else has logged in.
    let client = agent.playing();
    agent.cluster(client.channel, &ClientAgent::Eject { reason: 100, text: Blob(b"twice") });
    agent.hears(client, &[dg(4).u16(100).text("twice")]);
    assert!(!agent.is_open(client));
}

#[test]
fn the_loss_of_its_avatar_is_its_end() {
    let mut agent = Agent::otp_with(Era::Otp, |otp| otp.owner_view = OwnerView::Avatar, |_| {});
    let client = agent.playing();
    let object = avatar(1001, at(100, 5));
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.cluster(client.channel, &ClientAgent::AddSessionObject { do_id: DoId(1001) });
    agent.cluster(client.channel, &deleting(1001));
    agent.gets_lost(client, 153);
}

#[test]
fn the_cluster_says_anything_as_it_is() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let text = dg(78).text("hello");
    agent.cluster(client.channel, &ClientAgent::SendDatagram { datagram: Blob(&text.0) });
    agent.hears(client, &[text]);
}

/// What does not go by the type: all that the cluster can do to a session.
#[test]
fn the_cluster_has_all_that_it_has_with_other_clients() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    let channel = Channel(1001 << 32 | 5);
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel });
    agent.cluster(channel, &ClientAgent::OpenChannel { channel: Channel(77) });
    agent.cluster(channel, &ClientAgent::DeclareObject { do_id: DoId(1001), class_id: AVATAR });
    agent.routed();
    agent.says(client, update(1001, "data", b"\x01\0x"));
    agent.expect_routed(channel, &[(Channel(1001), &set_field(1001, "data", b"\x01\0x"))]);
    let datagram = dg(78).text("all");
    agent.cluster(Channel(77), &ClientAgent::SendDatagram { datagram: Blob(&datagram.0) });
    agent.hears(client, &[datagram]);
    agent.cluster(channel, &ClientAgent::GetNetworkAddress { context: Context(3) });
    let routed = agent.routed();
    assert!(matches!(&routed[..], [(to, from, _)] if (&to[..], *from) == (&[AI][..], channel)));
    agent.cluster(channel, &ClientAgent::AddSessionObject { do_id: DoId(1001) });
    agent.cluster(channel, &ClientAgent::Drop {});
    agent.hears(client, &[]);
    assert!(!agent.is_open(client));
    agent.expect_routed(channel, &[(Channel(1001), &deleting(1001))]);
}
