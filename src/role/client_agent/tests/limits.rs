//! What one client may ask for: it is slowed down, or it is put out.

use super::*;
use crate::config::ClientLimitsConfig;

const ZONE: Location = Location::new(DoId(5), ZoneId(6));
const NONE: ClientLimitsConfig = ClientLimitsConfig::NONE;
const PLAZA_ZONE: Location = Location::new(PLAZA_UBERDOG, ZoneId(1));

fn limited(limits: ClientLimitsConfig) -> (Agent, TestClient) {
    let mut agent = Agent::with(|config| {
        config.limits = limits;
        config.channels = ChannelRange::new(FIRST_CHANNEL, Channel(FIRST_CHANNEL.0 + 99)).unwrap();
    });
    let client = agent.established();
    (agent, client)
}

fn frames(messages: &[Client<'_>]) -> Vec<u8> {
    let mut frames = Vec::new();
    for message in messages {
        write_frame(&mut frames, |writer| message.write(writer)).expect("fits");
    }
    frames
}

/// Updates of the UberDOG with these numbers in them.
fn reports(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let mut frames = Vec::new();
    for number in numbers {
        let mut value = 4u16.to_le_bytes().to_vec();
        value.extend(format!("{number:04}").bytes());
        let (do_id, field) = (LOGIN_UBERDOG, field("request"));
        let message = Client::ObjectSetField { do_id, field, value: Rest(&value) };
        write_frame(&mut frames, |writer| message.write(writer)).expect("fits");
    }
    frames
}

impl Agent {
    fn input(&mut self, client: TestClient, frames: &[u8]) -> Heard {
        let heard = self.core.input(self.now, client.key, frames, &mut self.out);
        self.drain();
        heard
    }

    /// The numbers of the reports that have reached the UberDOG since the last look.
    fn reported(&mut self) -> Vec<u32> {
        let number = |message: &[u8]| {
            let digits = message.last_chunk::<4>().expect("a report");
            String::from_utf8_lossy(digits).parse().expect("a number")
        };
        self.routed().iter().map(|(_, _, message)| number(message)).collect()
    }
}

#[test]
fn one_read_of_many_messages_is_handled_in_turns() {
    let (mut agent, client) = limited(NONE);
    let frames = reports(0..1000);
    let mut rest = &frames[..];
    let (mut turns, mut reported) = (0, Vec::new());
    while !rest.is_empty() {
        let heard = agent.input(client, rest);
        assert_eq!(heard.held_until, None);
        let this_turn = agent.reported();
        assert!(this_turn.len() <= 64, "{} in one turn", this_turn.len());
        reported.extend(this_turn);
        rest = &rest[rest.len() - heard.rest..];
        turns += 1;
    }
    assert!(turns > 15, "{turns}");
    assert!(reported.into_iter().eq(0..1000));
}

/// Says `frames` as fast as the agent takes them; what was reported in a second each.
fn flood(agent: &mut Agent, client: TestClient, frames: &[u8]) -> Vec<u32> {
    let began = agent.now;
    let mut rest = frames;
    let mut reported = Vec::new();
    while !rest.is_empty() {
        let heard = agent.input(client, rest);
        reported.extend(agent.reported());
        rest = &rest[rest.len() - heard.rest..];
        if let Some(until) = heard.held_until {
            assert!(until > agent.now && until < agent.now + Duration::from_secs(11));
            agent.now = until;
        }
    }
    assert!(agent.now < began + Duration::from_secs(60));
    reported
}

#[test]
fn a_client_that_says_too_much_is_slowed_down_to_its_rate_and_loses_nothing() {
    let cases = [
        ClientLimitsConfig { messages_per_second: 20, ..NONE },
        // A report has 14 bytes.
        ClientLimitsConfig { bytes_per_second: 20 * 14, ..NONE },
    ];
    for limits in cases {
        let (mut agent, client) = limited(limits);
        agent.now += Duration::from_secs(100);
        let began = agent.now;
        let reported = flood(&mut agent, client, &reports(0..600));
        assert!(reported.into_iter().eq(0..600), "all, in order");
        // Ten seconds' worth comes at once.
        let took = agent.now.duration_since(began).as_secs_f64();
        assert!((19.0..22.0).contains(&took), "{took} s");
        // Others are not concerned.
        let other = agent.established();
        assert_eq!(agent.input(other, &reports(0..1)), Heard::default());
    }
}

#[test]
fn a_move_ends_a_turn_and_counts_for_many_messages() {
    let (mut agent, client) = limited(ClientLimitsConfig { messages_per_second: 20, ..NONE });
    agent.now += Duration::from_secs(100);
    agent.own(client, 50, ZONE);
    agent.routed();
    let moved = Client::ObjectLocation { do_id: DoId(50), location: PLAZA_ZONE };
    let frames = frames(&[moved]).repeat(30);
    let mut rest = &frames[..];
    // A burst is of 200 messages.
    for _ in 0..11 {
        let heard = agent.input(client, rest);
        assert_eq!(agent.routed().len(), 1);
        rest = &rest[rest.len() - heard.rest..];
    }
    assert!(agent.input(client, rest).held_until.is_some());
}

#[test]
fn a_turn_ends_behind_a_large_message() {
    let (mut agent, client) = limited(NONE);
    let value = [&6000u16.to_le_bytes()[..], &[b'a'; 6000]].concat();
    let (do_id, field, value) = (LOGIN_UBERDOG, field("request"), Rest(&value));
    let frames = frames(&[Client::ObjectSetField { do_id, field, value }]).repeat(4);
    let heard = agent.input(client, &frames);
    assert_eq!((heard.rest, agent.routed().len()), (frames.len() / 2, 2));
}

#[test]
fn a_client_that_floods_for_too_long_is_put_out() {
    let patience = Some(Duration::from_secs(60));
    let (mut agent, client) =
        limited(ClientLimitsConfig { messages_per_second: 20, patience, ..NONE });
    let began = agent.now;
    let frames = reports(0..9000);
    let mut rest = &frames[..];
    let mut reported = Vec::new();
    let text = loop {
        let heard = agent.input(client, rest);
        reported.extend(agent.reported());
        match heard.held_until {
            Some(until) => agent.now = until,
            None if heard.rest == 0 => break agent.expect_ejected(client, EjectReason::Generic),
            None => {}
        }
        rest = &rest[rest.len() - heard.rest..];
    };
    assert_eq!(text, "Client has been above limits.messages_per_second (20) for 60000 ms.");
    let took = agent.now.duration_since(began).as_secs();
    assert!((59..62).contains(&took), "{took} s");
    let count = reported.len() as u32;
    assert!(reported.into_iter().eq(0..count) && count > 1300, "{count}");
}

#[test]
fn a_client_that_catches_up_now_and_then_stays() {
    let patience = Some(Duration::from_secs(60));
    let (mut agent, client) =
        limited(ClientLimitsConfig { messages_per_second: 20, patience, ..NONE });
    for _ in 0..20 {
        let reported = flood(&mut agent, client, &reports(0..300));
        assert!(reported.into_iter().eq(0..300));
        // Half of what it may run ahead.
        agent.now += Duration::from_millis(5100);
    }
}

/// Opens a zone of 50 objects and closes it again.
fn look_around(agent: &mut Agent, client: TestClient) -> Heard {
    agent.routed();
    let heard = agent.input(client, &frames(&[add_interest(1, 1, ZONE)]));
    if heard.rest > 0 {
        return heard;
    }
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    agent.answer_count(client, query, 50);
    for do_id in 100..150 {
        agent.answer_object(client, query, avatar(do_id, ZONE));
    }
    agent.input(client, &frames(&[remove_interest(2, 1)]))
}

#[test]
fn who_is_shown_many_objects_waits_before_it_asks_for_more() {
    let (mut agent, client) =
        limited(ClientLimitsConfig { entries_per_second: 10, ..ClientLimitsConfig::default() });
    agent.now += Duration::from_secs(100);
    assert_eq!(look_around(&mut agent, client), Heard::default());
    assert_eq!(look_around(&mut agent, client), Heard::default());
    let held = look_around(&mut agent, client);
    assert!(held.rest > 0, "the third time it has been shown 150 in no time");
    let until = held.held_until.expect("a time");
    assert!(until >= agent.now + Duration::from_secs(5), "until 50 more would be due");
    // Nothing of it is handled before.
    agent.now = until - Duration::from_secs(1);
    let heartbeat = frames(&[Client::Heartbeat {}]);
    assert_eq!(agent.input(client, &heartbeat).rest, heartbeat.len());
    agent.now = until;
    assert_eq!(agent.input(client, &frames(&[remove_interest(2, 1)])), Heard::default());
}

#[test]
fn nobody_is_held_for_long_however_much_it_has_been_shown() {
    let (mut agent, client) =
        limited(ClientLimitsConfig { entries_per_second: 1, ..ClientLimitsConfig::default() });
    let held = look_around(&mut agent, client);
    let until = held.held_until.expect("50 are too many");
    assert!(until <= agent.now + Duration::from_secs(11), "not for forty seconds");
}

#[test]
fn what_the_cluster_opens_for_a_client_is_not_the_clients_to_pay() {
    let limits = ClientLimitsConfig { entries_per_second: 1, interests: 1, zones: 1, ..NONE };
    let (mut agent, client) = limited(limits);
    for id in 1..=3 {
        let zone = ZoneId(6 + u32::from(id));
        let location = Location::new(ZONE.parent, zone);
        let interest = InterestId(id);
        agent.cluster(client.channel, &ClientAgent::AddInterest { interest, location });
        let query = agent.query(client.channel, location.parent, &[zone.0]);
        agent.answer_count(client, query, 50);
        for do_id in 0..50 {
            agent.answer_object(client, query, avatar(1000 * u32::from(id) + do_id, location));
        }
        agent.routed();
    }
    agent.send(client, &Client::Heartbeat {});
    assert!(agent.is_open(client));
}

#[test]
fn what_a_message_asks_for_comes_before_the_next_message() {
    let (mut agent, client) = limited(NONE);
    let read = frames(&[add_interest(1, 1, ZONE), add_interest(2, 2, at(5, 7))]);
    let heard = agent.input(client, &read);
    assert_eq!((heard.rest, heard.held_until), (read.len() / 2, None));
    assert_eq!(agent.routed().len(), 1);
}

#[test]
fn a_client_to_which_many_answers_are_owed_asks_for_nothing_more() {
    let (mut agent, client) = limited(ClientLimitsConfig { interests: 3, ..NONE });
    let toggle = frames(&[add_interest(1, 1, PLAZA_ZONE), remove_interest(2, 1)]);
    let half = frames(&[remove_interest(2, 1)]).len();
    for _ in 0..3 {
        assert_eq!(agent.input(client, &toggle).rest, half);
        assert_eq!(agent.input(client, &toggle[toggle.len() - half..]), Heard::default());
    }
    assert_eq!(agent.input(client, &toggle).rest, half);
    let held = agent.input(client, &toggle[toggle.len() - half..]);
    assert!(held.rest > 0 && held.held_until.is_some(), "four are owed");
    agent.routed();
    // Nobody answers for an UberDOG: they are owed until their time is over.
    agent.pass(600);
    agent.pass(600);
    assert_eq!(agent.input(client, &toggle[toggle.len() - half..]), Heard::default());
    assert!(agent.is_open(client));
}

fn add_zones(id: u16, zones: &[ZoneId]) -> Client<'_> {
    let (interest, parent, zones) = (InterestId(id), DoId(5), List::new(zones));
    Client::AddInterestMultiple { context: Context(1), interest, parent, zones }
}

#[test]
fn a_client_with_too_many_interests_or_zones_is_put_out_and_told_why() {
    let zones: Vec<ZoneId> = (0..20).map(ZoneId).collect();
    let two = ClientLimitsConfig { interests: 2, ..NONE };
    let wide = ClientLimitsConfig { zones_per_interest: 5, ..NONE };
    let all = ClientLimitsConfig { zones: 8, ..NONE };
    // What is within the limits, altering an interest included, and what no longer is.
    let (z, x) = (&zones, |n: usize| &zones[..n]);
    let cases: [(_, &[Client<'_>], Client<'_>, &str); 3] = [
        (
            two,
            &[add_zones(1, x(9)), add_zones(2, x(9)), add_zones(2, x(3))],
            add_zones(3, x(1)),
            "2 interests",
        ),
        (
            wide,
            &[add_zones(1, x(5)), add_zones(2, &z[5..10])],
            add_zones(3, x(6)),
            "5 zones in one",
        ),
        (
            all,
            &[add_zones(1, x(8)), add_zones(1, x(4)), add_zones(2, x(4))],
            add_zones(1, x(5)),
            "8 zones in all",
        ),
    ];
    for (limits, within, beyond, text) in cases {
        let (mut agent, client) = limited(limits);
        for message in within {
            agent.send(client, message);
            assert!(agent.is_open(client), "{message:?}");
        }
        agent.send(client, &beyond);
        let told = agent.expect_ejected(client, EjectReason::ForbiddenInterest);
        assert!(told.contains(text), "{told}");
    }
}

#[test]
fn closed_interests_and_zones_named_twice_do_not_count() {
    let (mut agent, client) = limited(ClientLimitsConfig { interests: 1, zones: 1, ..NONE });
    agent.send(client, &add_zones(1, &[ZoneId(1); 9]));
    for id in 1..9 {
        agent.send(client, &remove_interest(1, id));
        agent.answer_all(client);
        agent.send(client, &add_zones(id + 1, &[ZoneId(u32::from(id))]));
    }
    assert!(agent.is_open(client));
}

impl Agent {
    /// Answers all queries that have been routed: there is nothing.
    fn answer_all(&mut self, client: TestClient) {
        for (_, _, message) in self.routed() {
            let context = message[2..6].try_into().map(u32::from_le_bytes).expect("a context");
            self.answer_count(client, Context(context), 0);
        }
    }
}

#[test]
fn a_client_that_is_held_is_alive_until_it_is_heard_again() {
    let mut agent = Agent::with(|config| {
        config.client.heartbeat_timeout_ms = 3_000;
        config.limits = ClientLimitsConfig { messages_per_second: 1, ..NONE };
    });
    let client = agent.established();
    let read = frames(&vec![Client::Heartbeat {}; 30]);
    let held = agent.input(client, &read);
    let until = held.held_until.expect("a burst has ten");
    // Should the shell come late, that is not the client's fault either.
    for _ in 0..10 {
        agent.pass(3_000);
        assert!(agent.is_open(client));
    }
    assert!(until < agent.now);
    let _ = agent.input(client, &frames(&[Client::Heartbeat {}]));
    agent.pass(2_900);
    assert!(agent.is_open(client));
    agent.pass(200);
    agent.pass(3_000);
    agent.expect_ejected(client, EjectReason::NoHeartbeat);
}

#[test]
fn a_client_that_has_said_too_much_and_then_nothing_is_silent() {
    let mut agent = Agent::with(|config| {
        config.client.heartbeat_timeout_ms = 3_000;
        config.limits = ClientLimitsConfig { bytes_per_second: 50, ..NONE };
    });
    let client = agent.established();
    // The last one is more than the account has, ten seconds' worth.
    let count = 500 / (reports(0..1).len() as u32 - 2) + 1;
    assert_eq!(agent.input(client, &reports(0..count)), Heard::default());
    agent.pass(3_100);
    agent.pass(3_100);
    agent.expect_ejected(client, EjectReason::NoHeartbeat);
}

#[test]
fn deadlines_of_what_is_over_do_not_pile_up() {
    let mut agent = Agent::with(|config| {
        config.limits = NONE;
        // Nothing of this is due while the test runs.
        config.interest_timeout_ms = 100_000_000;
        config.client.heartbeat_timeout_ms = 100_000_000;
    });
    let client = agent.established();
    for _ in 0..3_000 {
        agent.send(client, &add_interest(1, 1, ZONE));
        agent.answer_all(client);
        agent.send(client, &remove_interest(2, 1));
        let other = agent.connect();
        agent.lose(other);
        agent.told(client);
        agent.routed();
    }
    let waiting = agent.core.deadline_count();
    assert!(waiting < 1100, "{waiting} deadlines for one session");
    // What stands is still due.
    agent.send(client, &add_interest(1, 1, ZONE));
    agent.routed();
    agent.told(client);
    agent.pass(100_000_001);
    assert!(agent.closed.contains_key(&client.key), "no heartbeat");
}

#[test]
fn a_heartbeat_behind_many_messages_of_one_read_counts() {
    let mut agent = Agent::with(|config| {
        config.client.heartbeat_timeout_ms = 3_000;
        config.limits = NONE;
    });
    let client = agent.established();
    // The whole process has stood still, and has read what came meanwhile.
    agent.now += Duration::from_secs(6);
    let read = [reports(0..100), frames(&[Client::Heartbeat {}])].concat();
    let heard = agent.input(client, &read);
    assert!(heard.rest > 0 && heard.held_until.is_none());
    agent.pass(0);
    assert!(agent.is_open(client));
    assert_eq!(agent.input(client, &read[read.len() - heard.rest..]), Heard::default());
    agent.pass(2_900);
    assert!(agent.is_open(client));
    agent.pass(200);
    agent.pass(3_000);
    agent.expect_ejected(client, EjectReason::NoHeartbeat);
}

#[test]
fn a_client_that_opens_zones_with_too_much_in_them_is_put_out_before_all_of_it_is_held() {
    let (mut agent, client) = limited(ClientLimitsConfig { entry_bytes_max: 6000, ..NONE });
    // What has been told is no longer held.
    for _ in 0..5 {
        assert_eq!(look_around(&mut agent, client), Heard::default());
        assert!(agent.is_open(client));
    }
    agent.routed();
    agent.send(client, &add_interest(1, 1, ZONE));
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    agent.answer_count(client, query, 10_000);
    let mut shown = 0;
    while agent.is_open(client) {
        shown += 1;
        assert!(shown < 1000, "it goes on for ever");
        agent.answer_object(client, query, avatar(1000 + shown, ZONE));
    }
    let told = agent.expect_ejected(client, EjectReason::ForbiddenInterest);
    assert!(told.contains("6000 bytes"), "{told}");
}

#[test]
fn a_large_object_counts_for_several() {
    let (mut agent, client) = limited(ClientLimitsConfig { entries_per_second: 10, ..NONE });
    agent.send(client, &add_interest(1, 1, ZONE));
    let query = agent.query(client.channel, ZONE.parent, &[ZONE.zone.0]);
    agent.answer_count(client, query, 3);
    let values = vec![7; 60_000];
    for do_id in 1..4 {
        let large = ObjectState { values: Rest(&values), ..avatar(1000 + do_id, ZONE) };
        agent.answer_object(client, query, large);
    }
    // As many as 177 of the usual ones.
    let heartbeat = frames(&[Client::Heartbeat {}]);
    assert!(agent.input(client, &heartbeat).held_until.is_some());
}
