//! What no honest client says.

use super::*;

/// Every message, each cut short everywhere, and with a byte too much.
#[test]
fn truncated_and_excess_datagrams_cost_their_sender_the_session() {
    let whole = [
        (update(1001, "data", b"\x01\0x"), true),
        (dg(37), true),
        (dg(52), true),
        (remove_interest(3, 9), false),
        (location(1001, at(100, 5)), true),
        (dg(97).u16(3).u32(9).u32(100).u32(5), false),
    ];
    let mut agent = Agent::otp_with(
        Era::Otp,
        |_| {},
        |config| {
            config.limits = ClientLimitsConfig::NONE;
        },
    );
    for (datagram, has_end) in whole {
        for length in 0..datagram.0.len() {
            // An interest may have no zones, and one may be closed without a context.
            let number = u16::from_le_bytes([datagram.0[0], datagram.0[1]]);
            if matches!((number, length), (97, 12) | (99, 4)) {
                continue;
            }
            let client = agent.playing();
            let object = avatar(1001, at(100, 5));
            agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
            agent.says(client, Bytes(datagram.0[..length].to_vec()));
            agent.gets_lost(client, 109);
            assert!(agent.routed().iter().all(|(_, sender, _)| *sender != client.channel));
        }
        if has_end {
            let client = agent.playing();
            let object = avatar(1001, at(100, 5));
            agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
            agent.says(client, datagram.clone().u8(0));
            agent.gets_lost(client, 106);
            assert!(agent.routed().is_empty());
        } else {
            let client = agent.playing();
            agent.says(client, datagram.clone().u8(0));
            let number = u16::from_le_bytes([datagram.0[0], datagram.0[1]]);
            // What is left is no zone.
            agent.gets_lost(client, if number == 97 { 109 } else { 106 });
        }
    }
}

#[test]
fn what_is_for_clients_to_hear_is_not_for_them_to_say() {
    let mut agent = Agent::otp_with(
        Era::Otp,
        |_| {},
        |config| {
            config.limits = ClientLimitsConfig::NONE;
        },
    );
    let numbers = [4, 15, 25, 26, 34, 35, 36, 48, 78, 120];
    for number in numbers {
        let client = agent.playing();
        agent.says(client, dg(number).raw(&[0; 18]));
        // Some have an end, some do not, and some say that they go on.
        let told = agent.told(client);
        let code = told.last().map(|last| u16::from_le_bytes([last[2], last[3]]));
        assert!(matches!(code, Some(106 | 108 | 109)), "{number}: {code:?}");
    }
    // Numbers of other protocols, and of no message.
    for number in [0, 1, 5, 27, 29, 31, 47, 140, 200, 9001, 65_535] {
        let client = agent.playing();
        agent.says(client, dg(number).raw(&[0; 18]));
        let text = agent.gets_lost(client, 108);
        assert_eq!(text, format!("Message type {number} not valid."));
    }
}

#[test]
fn who_is_only_warned_may_go_on() {
    let mut agent = Agent::otp_with(
        Era::Otp,
        |_| {},
        |config| {
            config.offences.set(crate::config::Offence::Message, crate::config::Reaction::Warn);
        },
    );
    let client = agent.connect();
    agent.says(client, dg(126));
    agent.says(client, dg(52));
    agent.hears(client, &[dg(52)]);
}

#[test]
fn ten_thousand_zones_are_too_many() {
    let zones: Vec<u32> = (10..10_010).collect();
    let mut agent = Agent::otp();
    let client = agent.playing();
    agent.says(client, add_interest(3, 9, 100, &zones));
    assert!(agent.gets_lost(client, 115).contains("more than 1000 zones in one interest"));
    assert!(agent.routed().is_empty());
    // Where there is no limit they are asked for.
    let mut agent = Agent::otp_with(
        Era::Otp,
        |_| {},
        |config| {
            config.limits = ClientLimitsConfig::NONE;
        },
    );
    let client = agent.playing();
    let context = agent.asks_for(client, 3, 100, &zones, &zones);
    agent.answer_count(client, context, 0);
    agent.hears(client, &[done(3, 73)]);
    agent.says(client, add_interest(3, 9, 100, &[]));
    agent.hears(client, &[done(3, 9)]);
}

#[test]
fn a_zone_ten_thousand_times_is_one() {
    let mut agent = Agent::otp();
    let client = agent.playing();
    agent.asks_for(client, 3, 100, &[5; 10_000], &[5]);
}

#[test]
fn interests_are_limited_in_number() {
    let mut agent = Agent::otp_with(Era::Otp, |_| {}, |config| config.limits.interests = 2);
    let client = agent.playing();
    for interest in [1, 2, 1, 2] {
        agent.says(client, add_interest(interest, 9, 100, &[]));
    }
    agent.says(client, remove_interest(1, 9));
    agent.says(client, add_interest(3, 9, 100, &[]));
    assert!(agent.is_open(client));
    agent.says(client, add_interest(4, 9, 100, &[]));
    assert!(agent.gets_lost(client, 115).contains("more than 2 interests"));
    // Zones of all of them together.
    let mut agent = Agent::otp_with(Era::Otp, |_| {}, |config| config.limits.zones = 3);
    let client = agent.playing();
    agent.says(client, add_interest(1, 9, 100, &[5, 6]));
    agent.says(client, add_interest(2, 9, 100, &[7, 8]));
    assert!(agent.gets_lost(client, 115).contains("more than 3 zones in all interests"));
}

/// An agent on which no client has an interest.
#[test]
fn interests_are_forbidden_where_they_are() {
    let mut agent = Agent::otp_with(
        Era::Otp,
        |_| {},
        |config| {
            config.client.add_interest = InterestPermission::Disabled;
            config.client.relocate = false;
        },
    );
    for datagram in [add_interest(3, 9, ROOT, &[5]), remove_interest(3, 9)] {
        let client = agent.playing();
        agent.says(client, datagram);
        agent.gets_lost(client, 115);
    }
    let client = agent.playing();
    agent.says(client, location(1001, at(100, 5)));
    agent.gets_lost(client, 119);
}
