//! What clients say that an UberDOG hears first.

use super::*;
use crate::config::{Intercept, NamedField, Offence, Reaction};

const HOME: Location = Location::new(DoId(5), ZoneId(6));

fn with(names: &[(&str, &str)]) -> Agent {
    let intercept = |(class, field): &(&str, &str)| {
        let name = NamedField { class: (*class).to_owned(), field: (*field).to_owned() };
        Intercept { name, uberdog: FILTER_UBERDOG }
    };
    Agent::with(|config| config.client.intercept = names.iter().map(intercept).collect())
}

/// That the filter is told of a value.
fn told(do_id: u32, name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = do_id.to_le_bytes().to_vec();
    bytes.extend(field(name).0.to_le_bytes());
    bytes.extend((value.len() as u16).to_le_bytes());
    bytes.extend(value);
    let (do_id, field) = (FILTER_UBERDOG, field("intercepted"));
    encode(&StateServer::ObjectSetField { do_id, field, value: Rest(&bytes) })
}

#[track_caller]
fn expect_diverted(agent: &mut Agent, client: Channel, message: Vec<u8>) {
    let expected = [(vec![FILTER_UBERDOG.channel()], client, message)];
    assert_eq!(agent.routed(), expected);
}

#[test]
fn what_is_right_goes_to_the_uberdog_from_the_client_and_nobody_else_hears_of_it() {
    let mut agent = with(&[("Avatar", "say")]);
    let client = agent.established();
    agent.own(client, 50, HOME);
    agent.routed();
    agent.send(client, &client_sets(50, "say", b"\x02\0hi"));
    expect_diverted(&mut agent, client.channel, told(50, "say", b"\x02\0hi"));
    // As whom it is known: by that the UberDOG knows the account.
    let channel = Channel(42 << 32 | 7);
    agent.cluster(client.channel, &ClientAgent::SetClientId { channel });
    agent.send(client, &client_sets(50, "say", b"\0\0"));
    expect_diverted(&mut agent, channel, told(50, "say", b"\0\0"));
    // Others go where they have always gone.
    agent.send(client, &client_sets(50, "health", b"\x05"));
    agent.expect_routed(channel, &[(Channel(50), &set_field(50, "health", b"\x05"))]);
    agent.told(client);
    // What the UberDOG lets through, its sender hears, too.
    let update = set_field(50, "say", b"\x02\0**");
    agent.cluster_from(Channel(4242), &[channel], &update);
    agent.expect_told(client, &[client_sets(50, "say", b"\x02\0**")]);
}

#[test]
fn what_is_wrong_is_refused_as_ever() {
    let cases: [(u32, &str, &'static [u8], EjectReason); 3] = [
        (51, "say", b"\0\0", EjectReason::MissingObject),
        (50, "say", b"\x05\0", EjectReason::TruncatedDatagram),
        (60, "say", b"\0\0", EjectReason::ForbiddenField),
    ];
    for (do_id, name, value, reason) in cases {
        let mut agent = with(&[("Avatar", "say")]);
        let client = agent.established();
        agent.open(client, 1, HOME, &[60]);
        agent.own(client, 50, HOME);
        agent.routed();
        agent.send(client, &client_sets(do_id, name, value));
        agent.expect_ejected(client, reason);
        let to_filter = |one: &Routed| one.0.contains(&FILTER_UBERDOG.channel());
        assert!(!agent.routed().iter().any(to_filter));
    }
}

#[test]
fn a_rule_is_asked_first() {
    let mut agent = with(&[("Login", "request")]);
    let mut newer = agent.core.config().clone();
    newer.client.fields = super::rules::fields("Login.request: {per_second: 1}");
    newer.offences.set(Offence::Rule, Reaction::Ignore);
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    let client = agent.anonymous();
    for _ in 0..3 {
        agent.send(client, &client_sets(LOGIN_UBERDOG.0, "request", b"\x01\0a"));
    }
    let said = told(LOGIN_UBERDOG.0, "request", b"\x01\0a");
    expect_diverted(&mut agent, client.channel, said);
}

#[test]
fn who_inherits_a_field_is_meant_and_so_is_a_molecular_field_with_it() {
    let mut agent = with(&[("Avatar", "say"), ("Avatar", "x")]);
    let client = agent.established();
    let (do_id, class_id) = (DoId(50), dc().class_by_name("Hero").expect("a class").id());
    let object = ObjectState { do_id, class_id, ..avatar(50, HOME) };
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    agent.routed();
    agent.send(client, &client_sets(50, "say", b"\0\0"));
    expect_diverted(&mut agent, client.channel, told(50, "say", b"\0\0"));
    agent.send(client, &client_sets(50, "xy", &[1, 0, 2, 0]));
    expect_diverted(&mut agent, client.channel, told(50, "xy", &[1, 0, 2, 0]));
    agent.send(client, &client_sets(50, "y", &[2, 0]));
    agent.expect_routed(client.channel, &[(Channel(50), &set_field(50, "y", &[2, 0]))]);
}

#[test]
fn only_the_class_that_is_named_is_meant() {
    let mut agent = with(&[("Hero", "say")]);
    let client = agent.established();
    agent.own(client, 50, HOME);
    agent.routed();
    agent.send(client, &client_sets(50, "say", b"\0\0"));
    agent.expect_routed(client.channel, &[(Channel(50), &set_field(50, "say", b"\0\0"))]);
}

#[test]
fn a_client_cannot_speak_to_the_uberdog_as_if_it_was_the_agent() {
    let mut agent = with(&[("Avatar", "say")]);
    let client = agent.established();
    let message = Client::ObjectSetField {
        do_id: FILTER_UBERDOG,
        field: field("intercepted"),
        value: Rest(b"\x32\0\0\0\x02\0\x02\0\0\0"),
    };
    agent.send(client, &message);
    agent.expect_ejected(client, EjectReason::ForbiddenField);
}

#[test]
fn what_does_not_fit_with_what_is_said_of_it_is_too_large() {
    let mut agent = with(&[("Avatar", "data")]);
    let client = agent.established();
    agent.own(client, 50, HOME);
    agent.routed();
    // A blob that just fits a datagram for its object.
    for (length, fits) in [(65_500, true), (65_501, false)] {
        let mut value = (length as u16).to_le_bytes().to_vec();
        value.resize(2 + length, 7);
        let (do_id, field) = (DoId(50), field("data"));
        agent.send(client, &Client::ObjectSetField { do_id, field, value: Rest(&value) });
        assert_eq!(agent.routed().len(), usize::from(fits), "{length}");
        assert_eq!(agent.is_open(client), fits);
    }
}
