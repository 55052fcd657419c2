//! What becomes of clients that break a rule, as the configuration says.

use std::collections::BTreeMap;

use super::*;
use crate::banlist::Subject;
use crate::config::{Networks, Offence, Reaction};
use crate::metrics::{self, Figures, Value};
use crate::role::client_agent::dialect::Foreign;
use crate::wire::websocket::{Flaw, Parting};

const ZONE: Location = Location::new(DoId(5), ZoneId(6));

/// An agent in which this becomes of an offence; there is a ban list.
fn with(offence: Offence, reaction: Reaction) -> Agent {
    Agent::with(|config| {
        config.offences.set(offence, reaction);
        config.banlist = Some("bans.txt".into());
    })
}

impl Agent {
    /// What has been counted of offences, as `offence reaction`, without what has never happened.
    pub(super) fn offences(&self) -> BTreeMap<String, u64> {
        let mut figures = Figures::default();
        self.core.measure(Cursor::default(), 1, &mut figures);
        let counted = figures.of(&metrics::OFFENCES).into_iter().filter_map(|(labels, value)| {
            let Value::Count(count) = value else { panic!("{value:?}") };
            (count > 0).then(|| (labels.join(" "), count))
        });
        counted.collect()
    }

    /// Who is to be banned.
    fn offenders(&mut self) -> Vec<Offender> {
        self.core.drain_offenders().collect()
    }

    #[track_caller]
    fn expect_banned(&mut self, expected: &str) {
        let offenders = self.offenders();
        let banned: Vec<String> =
            offenders.iter().map(|offender| offender.subject.to_string()).collect();
        assert_eq!(banned, [expected]);
    }
}

fn bytes(message: &Client<'_>) -> Vec<u8> {
    encode(message)
}

/// Offences of an established client that owns object 50, after which it could play on.
fn sparable() -> Vec<(Offence, EjectReason, Vec<u8>)> {
    let sets = |name, value| bytes(&client_sets(50, name, value));
    let no_field =
        Client::ObjectSetField { do_id: DoId(50), field: FieldId(999), value: Rest(b"") };
    vec![
        (Offence::Permission, EjectReason::ForbiddenField, sets("level", b"\x05")),
        (Offence::Permission, EjectReason::ForbiddenField, bytes(&no_field)),
        (Offence::Object, EjectReason::MissingObject, bytes(&client_sets(51, "say", b"\0\0"))),
        (Offence::Object, EjectReason::MissingObject, bytes(&moved(51, ZONE))),
        (Offence::Value, EjectReason::FieldConstraint, sets("health", b"\x65")),
        (Offence::Value, EjectReason::TruncatedDatagram, sets("health", b"")),
        (Offence::Value, EjectReason::OversizedDatagram, sets("health", b"\x05!")),
        (Offence::Interest, EjectReason::Generic, bytes(&remove_interest(1, 9))),
        (Offence::Message, EjectReason::InvalidMsgtype, bytes(&Client::HelloResp {})),
        (Offence::Message, EjectReason::InvalidMsgtype, vec![0xff, 0xff, 1, 2, 3]),
    ]
}

/// A client that is established and owns object 50.
fn owner(agent: &mut Agent) -> TestClient {
    let client = agent.established();
    agent.own(client, 50, ZONE);
    agent.routed();
    client
}

#[test]
fn who_is_spared_plays_on_and_nothing_comes_of_his_message() {
    for reaction in [Reaction::Ignore, Reaction::Warn] {
        for (offence, _, message) in sparable() {
            let mut agent = with(offence, reaction);
            let client = owner(&mut agent);
            agent.events.clear();
            // In one read with what is right, before and behind it.
            let mut frames = Vec::new();
            for datagram in [&bytes(&client_sets(50, "health", b"\x01")), &message] {
                write_frame(&mut frames, |writer| writer.raw(datagram)).expect("fits");
            }
            let right = bytes(&client_sets(50, "health", b"\x02"));
            write_frame(&mut frames, |writer| writer.raw(&right)).expect("fits");
            let heard = agent.core.input(agent.now, client.key, &frames, &mut agent.out);
            assert_eq!(heard, Heard::default());
            agent.drain();
            assert!(agent.is_open(client), "{offence:?}");
            let [one, two] = [set_field(50, "health", b"\x01"), set_field(50, "health", b"\x02")];
            agent.expect_routed(client.channel, &[(Channel(50), &one), (Channel(50), &two)]);
            agent.expect_told(client, &[]);
            let name = format!("{} {}", offence.name(), reaction.name());
            assert_eq!(agent.offences(), [(name, 1)].into());
            assert_eq!(agent.events.len(), usize::from(reaction == Reaction::Warn));
            assert_eq!(agent.offenders(), []);
        }
    }
}

#[test]
fn all_others_are_put_out_as_in_astron() {
    for (offence, reason, message) in sparable() {
        // Another one is ignored.
        let other = Offence::ALL.into_iter().take(5).find(|other| *other != offence);
        let mut agent = with(other.expect("there are several"), Reaction::Ignore);
        let client = owner(&mut agent);
        agent.send_datagram(client, &message);
        agent.expect_ejected(client, reason);
        assert_eq!(agent.offences(), [(format!("{} eject", offence.name()), 1)].into());
        assert_eq!(agent.offenders(), []);
    }
}

#[test]
fn who_may_not_move_or_send_yet_or_open_interests_is_spared_too() {
    let mut agent = Agent::with(|config| {
        config.client.relocate = false;
        config.client.add_interest = InterestPermission::Disabled;
        config.offences.set(Offence::Permission, Reaction::Ignore);
        config.offences.set(Offence::Interest, Reaction::Ignore);
    });
    let early = agent.anonymous();
    agent.send(early, &client_sets(PLAZA_UBERDOG.0, "say", b"\0\0"));
    let client = owner(&mut agent);
    agent.send(client, &moved(50, ZONE));
    agent.send(client, &add_interest(1, 1, ZONE));
    agent.send(client, &remove_interest(1, 1));
    assert!(agent.is_open(early) && agent.is_open(client));
    assert_eq!(agent.routed(), []);
    // Nobody is told that an interest is done that he may not open.
    agent.expect_told(client, &[]);
    let expected = [("permission ignore".to_owned(), 2), ("interest ignore".to_owned(), 2)];
    assert_eq!(agent.offences(), expected.into());
}

#[test]
fn of_a_warning_the_event_logger_is_told_but_not_without_end() {
    let mut agent = with(Offence::Permission, Reaction::Warn);
    let client = owner(&mut agent);
    agent.events.clear();
    let message = client_sets(50, "level", b"\x05");
    agent.send(client, &message);
    let expected = Event::new("client-offence", format!("Client:{}", client.channel))
        .with("offence", "permission")
        .with("reason_code", "118")
        .with("reason_msg", "Client tried to send update for non-sendable field: Avatar(50).level");
    assert_eq!(agent.events, [expected]);
    (0..100).for_each(|_| agent.send(client, &message));
    assert_eq!(agent.events.len(), 20);
    agent.pass(1_000);
    agent.send(client, &message);
    assert_eq!(agent.events.len(), 21);
    assert_eq!(agent.offences(), [("permission warn".to_owned(), 102)].into());
}

#[test]
fn what_is_dropped_is_paid_for_all_the_same() {
    let mut agent = Agent::with(|config| {
        config.offences.set(Offence::Permission, Reaction::Ignore);
        config.limits = ClientLimitsConfig { messages_per_second: 5, ..ClientLimitsConfig::NONE };
    });
    let client = owner(&mut agent);
    let mut frames = Vec::new();
    for _ in 0..200 {
        let message = client_sets(50, "level", b"\x05");
        write_frame(&mut frames, |writer| message.write(writer)).expect("fits");
    }
    let heard = agent.core.input(agent.now, client.key, &frames, &mut agent.out);
    assert!(heard.held_until.is_some() || heard.rest > 0, "{heard:?}");
    let rest = &frames[frames.len() - heard.rest..];
    let heard = agent.core.input(agent.now, client.key, rest, &mut agent.out);
    assert!(heard.held_until.is_some(), "{heard:?}");
}

#[test]
fn who_is_logged_in_is_banned_by_his_account_and_others_by_their_address() {
    for (offence, reason, message) in sparable() {
        let mut agent = with(offence, Reaction::Ban);
        let client = owner(&mut agent);
        agent.send_datagram(client, &message);
        agent.expect_ejected(client, reason);
        let ban_for = Some(Duration::from_secs(3600));
        let subject = Subject::of([203, 0, 113, 5].into());
        assert_eq!(agent.offenders(), [Offender { subject, offence, ban_for }]);
        assert_eq!(agent.offences(), [(format!("{} ban", offence.name()), 1)].into());
        let client = owner(&mut agent);
        let channel = Channel(42 << 32 | 7);
        agent.cluster(client.channel, &ClientAgent::SetClientId { channel });
        agent.events.clear();
        agent.send_datagram(client, &message);
        let expected = Event::new("client-banned", format!("Client:{}", client.channel))
            .with("offence", offence.name())
            .with("banned", "account 42");
        assert!(agent.events.contains(&expected), "{:?}", agent.events);
        agent.expect_banned("account 42");
    }
}

#[test]
fn what_ends_a_session_whatever_is_said_can_be_banned() {
    type Offend = fn(&mut Agent, TestClient);
    let cases: [(Offence, Offend); 7] = [
        (Offence::Hello, |agent, client| agent.send(client, &Client::Heartbeat {})),
        (Offence::Hello, |agent, client| {
            let foreign = Foreign::MessageDirectorLink;
            agent.core.foreign(agent.now, client.key, foreign, &mut agent.out);
        }),
        (Offence::Version, |agent, client| {
            let dc_hash = dc().hash();
            agent.send(client, &Client::Hello { dc_hash, version: Blob(b"another") });
        }),
        (Offence::Version, |agent, client| {
            let version = Blob(VERSION.as_bytes());
            agent.send(client, &Client::Hello { dc_hash: 1, version });
        }),
        (Offence::Malformed, |agent, client| agent.send_datagram(client, b"!")),
        (Offence::Malformed, |agent, client| {
            let parting = Parting::Flaw(Flaw::Unmasked);
            agent.core.parted(agent.now, client.key, parting, &mut agent.out);
        }),
        (Offence::Limit, |agent, client| agent.send_datagram(client, &[1; 101])),
    ];
    for (offence, offend) in cases {
        let mut agent = with(offence, Reaction::Ban);
        let mut newer = config();
        newer.limits.datagram_bytes = 100;
        newer.offences.set(offence, Reaction::Ban);
        agent.core.reconfigure(agent.now, &newer, &mut agent.out);
        let client = agent.connect();
        offend(&mut agent, client);
        agent.drain();
        assert!(!agent.is_open(client), "{offence:?}");
        agent.expect_banned("203.0.113.5");
        assert_eq!(agent.offences(), [(format!("{} ban", offence.name()), 1)].into());
    }
}

#[test]
fn who_is_above_a_rate_for_too_long_is_banned_but_not_who_is_shown_too_much() {
    let limits = ClientLimitsConfig {
        messages_per_second: 1,
        visible_objects: 1,
        patience: Some(Duration::from_secs(1)),
        ..ClientLimitsConfig::NONE
    };
    let mut agent = Agent::with(|config| {
        config.limits = limits;
        config.offences.set(Offence::Limit, Reaction::Ban);
        config.banlist = Some("bans.txt".into());
    });
    let client = agent.established();
    let mut frames = Vec::new();
    for _ in 0..50 {
        write_frame(&mut frames, |writer| Client::Heartbeat {}.write(writer)).expect("fits");
    }
    for _ in 0..5 {
        let _ = agent.core.input(agent.now, client.key, &frames, &mut agent.out);
        agent.now += Duration::from_secs(1);
    }
    agent.drain();
    agent.expect_ejected(client, EjectReason::Generic);
    agent.expect_banned("203.0.113.5");
    let second = agent.established();
    for do_id in [60, 61] {
        let object = avatar(do_id, ZONE);
        agent.cluster(second.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    }
    agent.expect_ejected(second, EjectReason::ForbiddenInterest);
    assert_eq!(agent.offenders(), []);
    assert_eq!(agent.offences(), [("limit ban".to_owned(), 1)].into());
}

#[test]
fn who_may_be_everybody_is_put_out_and_not_banned() {
    let cases = [
        ("203.0.113.5", Some("203.0.113.5")),
        ("::ffff:203.0.113.5", Some("203.0.113.5")),
        // A host has a whole /64 to come back from.
        ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64")),
        ("127.0.0.1", None),
        ("::1", None),
        ("0.0.0.0", None),
        // The same network on every cable.
        ("fe80::1", None),
        ("10.0.0.1", None),
        ("::ffff:10.0.0.1", None),
        ("10.0.1.1", Some("10.0.1.1")),
        ("a name", None),
    ];
    for (ip, expected) in cases {
        let mut agent = Agent::with(|config| {
            let network = "10.0.0.0/24".parse().expect("a network");
            config.haproxy = ProxyHeaders::From(Networks::new(vec![network]));
            config.offences.set(Offence::Permission, Reaction::Ban);
            config.banlist = Some("bans.txt".into());
        });
        for is_local in [false, true] {
            let remote = Endpoint { ip: ip.into(), port: 1 };
            let peer = Peer { remote, is_local, ..Agent::peer() };
            let key = agent.core.connect(agent.now, peer, &mut agent.out).expect("a channel");
            let client = agent.client(key);
            agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
            agent.own(client, 50, ZONE);
            agent.send(client, &client_sets(50, "level", b"\x05"));
            agent.expect_ejected(client, EjectReason::ForbiddenField);
            match expected.filter(|_| !is_local) {
                Some(expected) => agent.expect_banned(expected),
                None => assert_eq!(agent.offenders(), [], "{ip}"),
            }
        }
        assert_eq!(agent.offences(), [("permission ban".to_owned(), 2)].into());
    }
}

#[test]
fn a_reload_changes_what_becomes_of_whom_and_counts_go_on() {
    let mut agent = Agent::new();
    let client = owner(&mut agent);
    let message = client_sets(50, "level", b"\x05");
    let mut newer = config();
    newer.offences.set(Offence::Permission, Reaction::Ignore);
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    agent.send(client, &message);
    assert!(agent.is_open(client));
    // A list of bans needs a restart.
    newer.offences.set(Offence::Permission, Reaction::Ban);
    newer.banlist = Some("bans.txt".into());
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    agent.send(client, &message);
    agent.expect_ejected(client, EjectReason::ForbiddenField);
    assert_eq!(agent.offenders(), []);
    let expected = [("permission ignore".to_owned(), 1), ("permission ban".to_owned(), 1)];
    assert_eq!(agent.offences(), expected.into());
}

#[test]
fn what_would_happen_now_is_counted_from_the_beginning() {
    let agent = with(Offence::Hello, Reaction::Ban);
    let mut figures = Figures::default();
    agent.core.measure(Cursor::default(), 1, &mut figures);
    let told = figures.of(&metrics::OFFENCES);
    assert_eq!(told.len(), Offence::ALL.len());
    assert_eq!(told.get(&["hello".into(), "ban".into()][..]), Some(&Value::Count(0)));
}
