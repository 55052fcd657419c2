//! What established clients send, and what becomes of it.

use super::*;

#[test]
fn which_fields_a_client_may_send() {
    // An object that the client sees, owns, or has been declared.
    for (own, declared, name, value, allowed) in [
        (false, false, "data", &b"\0\0"[..], true),
        (false, false, "health", b"\x05", true),
        (false, false, "say", b"\0\0", false),
        (false, false, "level", b"\x05", false),
        (false, false, "hidden", b"\x05", false),
        (false, true, "data", b"\0\0", true),
        (false, true, "say", b"\0\0", false),
        (true, false, "say", b"\0\0", true),
        (true, false, "level", b"\x05", false),
        (true, false, "xy", b"\x01\0\x02\0", true),
    ] {
        let mut agent = Agent::new();
        let client = agent.established();
        if own {
            agent.own(client, 50, at(1, 2));
        } else if declared {
            let declare = ClientAgent::DeclareObject { do_id: DoId(50), class_id: AVATAR };
            agent.cluster(client.channel, &declare);
        } else {
            agent.open(client, 1, at(1, 2), &[50]);
        }
        agent.routed();
        let message =
            Client::ObjectSetField { do_id: DoId(50), field: field(name), value: Rest(value) };
        agent.send(client, &message);
        if allowed {
            let update = StateServer::ObjectSetField {
                do_id: DoId(50),
                field: field(name),
                value: Rest(value),
            };
            agent.expect_routed(client.channel, &[(Channel(50), &update)]);
            assert!(agent.is_open(client));
        } else {
            agent.expect_ejected(client, EjectReason::ForbiddenField);
            assert_eq!(agent.routed(), [], "{name}");
        }
    }
}

#[test]
fn fields_that_do_not_exist() {
    for field_id in [field("request"), FieldId(999)] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.own(client, 50, at(1, 2));
        let value = Rest(b"\0\0");
        agent.send(client, &Client::ObjectSetField { do_id: DoId(50), field: field_id, value });
        agent.expect_ejected(client, EjectReason::ForbiddenField);
    }
}

#[test]
fn fields_made_sendable() {
    let sendable = |do_id, fields| ClientAgent::SetFieldsSendable { do_id: DoId(do_id), fields };
    let fields = [field("hidden"), field("level")];
    // Objects that share the lower half of their id with it do not profit.
    for (do_id, name, allowed) in [
        (50, "hidden", true),
        (50, "level", true),
        (50, "say", false),
        (50 + 65536, "hidden", false),
    ] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.open(client, 1, at(1, 2), &[50, 50 + 65536]);
        agent.cluster(client.channel, &sendable(50, List::new(&fields)));
        agent.routed();
        let value = if name == "say" { &b"\0\0"[..] } else { b"\x01" };
        agent.send(client, &client_sets(do_id, name, value));
        assert_eq!(agent.is_open(client), allowed, "{do_id} {name}");
    }
    // A new list replaces the old one, and an empty one clears it.
    for (second, name, allowed) in
        [(&fields[1..], "hidden", false), (&fields[1..], "level", true), (&[], "level", false)]
    {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.open(client, 1, at(1, 2), &[50]);
        agent.cluster(client.channel, &sendable(50, List::new(&fields)));
        agent.cluster(client.channel, &sendable(50, List::new(second)));
        agent.send(client, &client_sets(50, name, b"\x01"));
        assert_eq!(agent.is_open(client), allowed, "{second:?} {name}");
    }
}

#[test]
fn values_are_checked() {
    for (name, value, reason) in [
        ("health", &b"\x64"[..], None),
        ("health", b"\x65", Some(EjectReason::FieldConstraint)),
        ("health", b"", Some(EjectReason::TruncatedDatagram)),
        ("health", b"\x01\x02", Some(EjectReason::OversizedDatagram)),
        ("say", b"\x02\0\xc3\xa9", None),
        ("say", b"\x02\0\xc3\x28", Some(EjectReason::FieldConstraint)),
        ("say", b"\x05\0hi", Some(EjectReason::TruncatedDatagram)),
        ("xy", b"\x01\0\x09\0", None),
        // Each part of a molecular field is checked.
        ("xy", b"\x01\0\x0a\0", Some(EjectReason::FieldConstraint)),
        ("xy", b"\x01\0", Some(EjectReason::TruncatedDatagram)),
    ] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.own(client, 50, at(1, 2));
        agent.routed();
        agent.send(client, &client_sets(50, name, value));
        match reason {
            None => assert_eq!(agent.routed().len(), 1),
            Some(reason) => {
                agent.expect_ejected(client, reason);
                assert_eq!(agent.routed(), [], "nothing of it is passed on");
            }
        }
    }
}

#[test]
fn an_update_that_fits_the_client_but_not_the_cluster() {
    for (bytes, fits) in [(65508, true), (65509, false)] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.own(client, 50, at(1, 2));
        agent.routed();
        // 1 + 8 + 8 + 2 of envelope, 4 + 2 before the value, 2 of the value's own.
        let mut datagram = encode(&client_sets(50, "data", b""));
        datagram.extend((bytes as u16).to_le_bytes());
        datagram.resize(datagram.len() + bytes, 7);
        agent.send_datagram(client, &datagram);
        if fits {
            assert_eq!(agent.routed().len(), 1);
        } else {
            agent.expect_ejected(client, EjectReason::OversizedDatagram);
        }
    }
}

#[test]
fn objects_that_a_client_has_known_and_those_that_it_never_knew() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.open(client, 1, at(1, 2), &[50, 51]);
    agent.cluster(at(1, 2).channel(), &deleting(50));
    agent.cluster(at(1, 2).channel(), &changing(51, at(1, 9), at(1, 2)));
    agent.expect_told(client, &[leaving(50), leaving(51)]);
    for do_id in [50, 51] {
        // Not even the field is looked at.
        agent.send_datagram(client, &[&[0x78, 0, do_id, 0, 0, 0, 9, 9][..], b"rubbish"].concat());
        agent.send(client, &moved(do_id.into(), at(1, 2)));
    }
    assert!(agent.is_open(client));
    assert_eq!(agent.routed(), []);
    agent.send(client, &client_sets(52, "data", b"\0\0"));
    agent.expect_ejected(client, EjectReason::MissingObject);
}

#[test]
fn only_so_many_objects_are_remembered() {
    let mut agent = Agent::with(|config| config.historical_objects_max = 2);
    let client = agent.established();
    agent.open(client, 1, at(1, 2), &[50, 51, 52]);
    for do_id in 50..=52 {
        agent.cluster(at(1, 2).channel(), &deleting(do_id));
    }
    agent.expect_told(client, &[leaving(50), leaving(51), leaving(52)]);
    agent.send(client, &client_sets(51, "data", b"\0\0"));
    assert!(agent.is_open(client));
    agent.send(client, &client_sets(50, "data", b"\0\0"));
    agent.expect_ejected(client, EjectReason::MissingObject);
}

#[test]
fn an_owner_relocates_its_object() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.own(client, 50, at(1, 2));
    agent.routed();
    agent.send(client, &moved(50, at(3, 4)));
    let set_location = StateServer::ObjectSetLocation { location: at(3, 4) };
    agent.expect_routed(client.channel, &[(Channel(50), &set_location)]);
    agent.expect_told(client, &[]);
}

#[test]
fn others_do_not() {
    let whole = encode(&moved(50, at(3, 4)));
    let (truncated, bare) = (&whole[..9], &whole[..5]);
    for (relocate, visible, datagram, reason) in [
        (true, true, whole.clone(), EjectReason::ForbiddenRelocate),
        (true, false, whole.clone(), EjectReason::MissingObject),
        // Whose object it is is judged first.
        (true, true, truncated.to_vec(), EjectReason::ForbiddenRelocate),
        (true, false, truncated.to_vec(), EjectReason::MissingObject),
        (true, false, [&whole[..], b"!"].concat(), EjectReason::MissingObject),
        (true, true, bare.to_vec(), EjectReason::TruncatedDatagram),
        // Where nobody may, the arguments are not even read.
        (false, true, truncated.to_vec(), EjectReason::ForbiddenRelocate),
    ] {
        let mut agent = Agent::with(|config| config.client.relocate = relocate);
        let client = agent.established();
        if visible {
            agent.open(client, 1, at(1, 2), &[50]);
        }
        agent.send_datagram(client, &datagram);
        agent.expect_ejected(client, reason);
        assert_eq!(agent.routed(), []);
    }
}

#[test]
fn excess_bytes_are_noticed_before_anything_is_done() {
    let zones = [ZoneId(2)];
    let messages = [
        client_sets(50, "data", b"\0\0"),
        moved(50, at(3, 4)),
        add_interest(1, 2, at(1, 7)),
        Client::AddInterestMultiple {
            context: Context(1),
            interest: InterestId(2),
            parent: DoId(1),
            zones: List::new(&zones),
        },
        remove_interest(1, 1),
        Client::Heartbeat {},
        Client::Disconnect {},
    ];
    for message in messages {
        let whole = encode(&message);
        let mut agent = Agent::new();
        let client = agent.established();
        agent.open(client, 1, at(1, 2), &[]);
        agent.own(client, 50, at(1, 2));
        agent.routed();
        agent.send_datagram(client, &[&whole[..], b"\0"].concat());
        agent.expect_ejected(client, EjectReason::OversizedDatagram);
        assert_eq!(agent.routed(), [], "{message:?}");
        for cut in 2..whole.len() {
            let mut agent = Agent::new();
            let client = agent.established();
            agent.open(client, 1, at(1, 2), &[]);
            agent.own(client, 50, at(1, 2));
            agent.routed();
            agent.send_datagram(client, &whole[..cut]);
            agent.expect_ejected(client, EjectReason::TruncatedDatagram);
        }
    }
}

#[test]
fn what_no_client_may_send() {
    let object = avatar(50, at(1, 2));
    for datagram in [
        encode(&Client::Hello { dc_hash: 0, version: Blob(b"") }),
        encode(&Client::HelloResp {}),
        encode(&Client::EnterObjectRequired { object }),
        encode(&done(1, 1)),
        encode(&Client::ObjectSetFields { do_id: DoId(50), fields: FieldValues::default() }),
        vec![0x37, 0x13, 1, 2, 3],
    ] {
        let mut agent = Agent::new();
        let client = agent.established();
        agent.send_datagram(client, &datagram);
        agent.expect_ejected(client, EjectReason::InvalidMsgtype);
    }
}

#[test]
fn who_may_open_and_close_interests() {
    use InterestPermission::{Disabled, Enabled, Visible};
    let uberdog = PLAZA_UBERDOG.0;
    for (permission, parent, reason) in [
        (Enabled, 9000, None),
        (Visible, uberdog, None),
        (Visible, 50, None),
        (Visible, 9000, Some(EjectReason::ForbiddenInterest)),
        (Disabled, uberdog, Some(EjectReason::ForbiddenInterest)),
    ] {
        let mut agent = Agent::with(|config| config.client.add_interest = permission.clone());
        let client = agent.established();
        agent.own(client, 50, at(1, 2));
        agent.routed();
        agent.send(client, &add_interest(7, 8, at(parent, 9)));
        match reason {
            None => drop(agent.query(client.channel, DoId(parent), &[9])),
            Some(reason) => drop(agent.expect_ejected(client, reason)),
        }

        // The same for closing one that the cluster opened.
        let mut agent = Agent::with(|config| config.client.add_interest = permission.clone());
        let client = agent.established();
        agent.own(client, 50, at(1, 2));
        let (interest, location) = (InterestId(8), at(parent, 9));
        agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
        agent.told(client);
        agent.send(client, &remove_interest(7, 8));
        match reason {
            None => agent.expect_told(client, &[done(1, 8), done(7, 8)]),
            Some(reason) => drop(agent.expect_ejected(client, reason)),
        }
    }
}

#[test]
fn closing_an_interest_that_is_not_open() {
    let mut agent = Agent::new();
    let client = agent.established();
    agent.send(client, &remove_interest(1, 1));
    agent.expect_ejected(client, EjectReason::Generic);
}
