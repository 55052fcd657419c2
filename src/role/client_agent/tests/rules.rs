//! Rules for what clients set fields to.

use super::*;
use crate::config::{Offence, Reaction};

mod model;

const HOME: Location = Location::new(DoId(5), ZoneId(6));

/// `client.fields` with these rules.
pub(super) fn fields(rules: &str) -> Vec<crate::config::FieldRule> {
    let text = format!(
        "roles: [{{type: clientagent, channels: {{min: 1000, max: 1000}}, client: {{fields: {{{rules}}}}}}}]"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("game.yml");
    std::fs::write(&file, text).expect("a file");
    let loaded = crate::config::load(&file).expect("valid");
    let crate::config::RoleConfig::ClientAgent(read) = &loaded.roles[0] else { panic!() };
    read.client.fields.clone()
}

/// An agent with these rules, whose objects have fields of these types.
fn with(rules: &str) -> Agent {
    let rules = fields(rules);
    let mut agent = Agent::with(|config| config.client.fields = rules);
    agent.now += Duration::from_secs(100);
    agent
}

/// A client that owns object 50, of this class, which has shown these values.
fn owner_of(agent: &mut Agent, class: &str, values: &[u8]) -> TestClient {
    let client = agent.established();
    let object = thing(50, class, values);
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    agent.routed();
    client
}

fn class(name: &str) -> ClassId {
    dc().class_by_name(name).expect("a class").id()
}

/// An object that shows this value first, where its class has others, too.
fn thing(do_id: u32, name: &str, value: &[u8]) -> ObjectState<'static> {
    let values = match name {
        "Avatar" | "Pushed" => value.to_vec(),
        "Skater" => [&[0; 4], value].concat(),
        _ => [value, &[0; 4]].concat(),
    };
    let (do_id, class_id, values) = (DoId(do_id), class(name), values.leak());
    ObjectState { do_id, location: HOME, class_id, values: Rest(values) }
}

/// A field of a class.
fn of(class: &str, name: &str) -> FieldId {
    let dc = dc();
    let class = dc.class_by_name(class).expect("a class");
    class.field_by_name(name).expect("a field").id()
}

/// Two numbers with one digit behind the point.
fn xy(x: i16, y: i16) -> Vec<u8> {
    [x.to_le_bytes(), y.to_le_bytes()].concat()
}

impl Agent {
    /// The client sets a field of object 50; whether that has come to the object.
    #[track_caller]
    fn sets(&mut self, client: TestClient, field: FieldId, value: &[u8]) -> bool {
        self.sets_of(client, 50, field, value)
    }

    #[track_caller]
    fn sets_of(&mut self, client: TestClient, do_id: u32, field: FieldId, value: &[u8]) -> bool {
        let (do_id, value) = (DoId(do_id), Rest(value));
        self.send(client, &Client::ObjectSetField { do_id, field, value });
        let routed = self.routed();
        let expected = encode(&StateServer::ObjectSetField { do_id, field, value });
        let is_it = |one: &Routed| one.0 == [do_id.channel()] && one.2 == expected;
        assert!(routed.len() <= 1 && routed.iter().all(is_it), "{routed:?}");
        !routed.is_empty()
    }

    /// The client moves object 50.
    #[track_caller]
    fn steps(&mut self, client: TestClient, x: i16, y: i16) -> bool {
        self.sets(client, of("Walker", "setXY"), &xy(x, y))
    }

    /// The AI sets a field of an object, and the client hears of it.
    fn ai_sets(&mut self, client: TestClient, do_id: u32, field: FieldId, value: &[u8]) {
        let (do_id, value) = (DoId(do_id), Rest(value));
        self.cluster(client.channel, &StateServer::ObjectSetField { do_id, field, value });
    }

    #[track_caller]
    fn expect_offences(&self, count: u64) {
        let expected = (count > 0).then(|| ("rule warn".to_owned(), count));
        assert_eq!(self.offences(), expected.into_iter().collect());
    }
}

fn set(do_id: u32, field: FieldId, value: &[u8]) -> Client<'_> {
    Client::ObjectSetField { do_id: DoId(do_id), field, value: Rest(value) }
}

const STEP: &str = "Walker.setXY: {max_step: 5}";

#[test]
fn a_step_is_measured_behind_the_divisor_from_the_last_accepted_value() {
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    assert!(agent.steps(client, 30, 40));
    // Two steps from where it began, one from where it is.
    assert!(agent.steps(client, 60, 80));
    assert!(!agent.steps(client, 60, 131));
    assert!(!agent.steps(client, 60, 132), "a refused one is not where it is now");
    assert!(agent.steps(client, 60, 130));
    assert!(agent.steps(client, 60, 130), "to stand still is a step");
    agent.expect_offences(2);
    agent.expect_told(client, &[]);
    assert!(agent.is_open(client));
}

#[test]
fn who_has_shown_nothing_begins_anywhere() {
    let mut agent = with("Avatar.x: {max_step: 5}");
    let client = owner_of(&mut agent, "Avatar", b"\x03\0ann\x09");
    let field = of("Avatar", "x");
    assert!(agent.sets(client, field, &1000i16.to_le_bytes()));
    assert!(!agent.sets(client, field, &1006i16.to_le_bytes()));
    assert!(agent.sets(client, field, &1005i16.to_le_bytes()));
}

#[test]
fn an_offence_is_said_as_others_are() {
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    agent.events.clear();
    assert!(!agent.steps(client, 100, 0));
    let expected = Event::new("client-offence", format!("Client:{}", client.channel))
        .with("offence", "rule")
        .with("reason_code", (EjectReason::FieldConstraint as u16).to_string())
        .with(
            "reason_msg",
            "Client broke a rule for field Walker(50).setXY: a step of 10.000 from the last value, at most 5",
        );
    assert_eq!(agent.events, [expected]);
    let mut newer = agent.core.config().clone();
    newer.offences.set(Offence::Rule, Reaction::Eject);
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    agent.send(client, &set(50, of("Walker", "setXY"), &xy(100, 0)));
    agent.expect_ejected(client, EjectReason::FieldConstraint);
}

#[test]
fn ranges_are_for_each_argument_in_turn() {
    let mut agent = with("Walker.setXY: {ranges: [[-10, 10], ~]}, Avatar.y: {ranges: [[2, 5]]}");
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    for (x, is_right) in [(-101, false), (-100, true), (100, true), (101, false)] {
        assert_eq!(agent.steps(client, x, 30_000), is_right, "{x}");
    }
    agent.expect_offences(2);
}

#[test]
fn what_is_no_number_is_in_no_range_and_no_place() {
    let mut agent =
        with("Walker.fly: {max_step: 5, ranges: [[-10, 10]]}, Walker.turn: {max_step: 9}");
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    for (field, first) in [("fly", 1.0f32), ("turn", 5.0)] {
        let field = of("Walker", field);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!agent.sets(client, field, &bad.to_le_bytes()), "{bad}");
        }
        assert!(agent.sets(client, field, &first.to_le_bytes()));
        for bad in [f32::NAN, f32::INFINITY, f32::MAX] {
            assert!(!agent.sets(client, field, &bad.to_le_bytes()), "{bad}");
        }
        // Nobody is caught where an AI has put him.
        agent.ai_sets(client, 50, field, &f32::NAN.to_le_bytes());
        assert!(agent.sets(client, field, &7.0f32.to_le_bytes()));
    }
}

#[test]
fn so_many_a_second_and_so_many_at_once() {
    let mut agent = with("Walker.setXY: {per_second: 10, burst: 3}");
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let count = |agent: &mut Agent| (0..10).filter(|_| agent.steps(client, 1, 1)).count();
    assert_eq!(count(&mut agent), 3);
    agent.pass(99);
    assert_eq!(count(&mut agent), 0);
    agent.pass(1);
    assert_eq!(count(&mut agent), 1);
    agent.pass(10_000);
    assert_eq!(count(&mut agent), 3);
    // Each object has its own, and so has each client.
    let object = thing(51, "Walker", &xy(0, 0));
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    assert!(agent.sets_of(client, 51, of("Walker", "setXY"), &xy(9, 9)));
    let other = owner_of(&mut agent, "Walker", &xy(0, 0));
    assert!(agent.steps(other, 1, 1));
}

#[test]
fn who_is_refused_is_told_the_last_value_if_that_is_wanted() {
    let mut agent = with(
        "Walker.setXY: {max_step: 5, per_second: 2, burst: 3, ranges: [[-10, 10]], correct: true}",
    );
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let field = of("Walker", "setXY");
    assert!(!agent.steps(client, 90, 0));
    agent.expect_told(client, &[set(50, field, &xy(0, 0))]);
    assert!(agent.steps(client, 40, 0) && agent.steps(client, 80, 0) && agent.steps(client, 80, 1));
    agent.expect_told(client, &[]);
    // Too often, and too far out.
    assert!(!agent.steps(client, 80, 2));
    agent.expect_told(client, &[set(50, field, &xy(80, 1))]);
    agent.pass(500);
    assert!(!agent.steps(client, 101, 1));
    agent.expect_told(client, &[set(50, field, &xy(80, 1))]);
    // Nobody who is put out needs it.
    let mut newer = agent.core.config().clone();
    newer.offences.set(Offence::Rule, Reaction::Eject);
    agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    agent.send(client, &set(50, field, &xy(101, 1)));
    let told = agent.told(client);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][..2], [4, 0], "an eject");
}

#[test]
fn who_is_taken_somewhere_goes_on_from_there_and_what_he_has_said_before_is_no_offence() {
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let field = of("Walker", "setXY");
    assert!(agent.steps(client, 40, 0));
    agent.ai_sets(client, 50, field, &xy(1000, 1000));
    agent.expect_told(client, &[set(50, field, &xy(1000, 1000))]);
    // It has not heard of that yet, and goes on where it was.
    assert!(!agent.steps(client, 80, 0));
    assert!(!agent.steps(client, 120, 0));
    agent.expect_offences(0);
    assert!(!agent.steps(client, 300, 0));
    agent.expect_offences(1);
    assert!(agent.steps(client, 1040, 1000));
    // It has heard of it.
    assert!(!agent.steps(client, 120, 0));
    agent.expect_offences(2);
    // Nobody is forgiven for ever.
    agent.ai_sets(client, 50, field, &xy(-1000, 0));
    agent.pass(4_999);
    assert!(!agent.steps(client, 1040, 1000));
    agent.expect_offences(2);
    agent.pass(1);
    assert!(!agent.steps(client, 1040, 1000));
    agent.expect_offences(3);
}

#[test]
fn several_fields_that_an_ai_sets_at_once_are_looked_at_each() {
    let mut agent = with("Walker.setXY: {max_step: 5}, Walker.turn: {max_step: 1}");
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let [turn, place] = ["turn", "setXY"].map(|name| of("Walker", name));
    let mut bytes = Vec::new();
    for (field, value) in [(turn, 90f32.to_le_bytes().to_vec()), (place, xy(700, 0))] {
        bytes.extend(field.0.to_le_bytes());
        bytes.extend(value);
    }
    let fields = FieldValues { count: 2, bytes: &bytes };
    agent.cluster(client.channel, &StateServer::ObjectSetFields { do_id: DoId(50), fields });
    assert!(agent.steps(client, 740, 0));
    assert!(agent.sets(client, turn, &91f32.to_le_bytes()));
    assert!(!agent.sets(client, turn, &1f32.to_le_bytes()));
}

#[test]
fn a_client_cannot_set_several_fields_at_once() {
    // No client of Astron's sends it, and its agent refuses it: it is a way round no rule.
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let fields = FieldValues { count: 0, bytes: b"" };
    agent.send(client, &Client::ObjectSetFields { do_id: DoId(50), fields });
    agent.expect_ejected(client, EjectReason::InvalidMsgtype);
}

#[test]
fn a_rule_holds_in_a_molecular_field_and_nothing_comes_of_it_if_one_part_is_wrong() {
    let mut agent = with(
        "Walker.setXY: {max_step: 5, correct: true}, Walker.turn: {max_step: 10, per_second: 1, burst: 2}",
    );
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let [all, turn, place] = ["setAll", "turn", "setXY"].map(|name| of("Walker", name));
    let value = |turn: f32, x: i16| [&turn.to_le_bytes()[..], &xy(x, 0)].concat();
    assert!(agent.sets(client, all, &value(5.0, 40)));
    assert!(!agent.sets(client, all, &value(6.0, 100)));
    agent.expect_told(client, &[set(50, place, &xy(40, 0))]);
    // The turn was not taken, nor paid for.
    assert!(!agent.sets(client, turn, &16f32.to_le_bytes()));
    assert!(agent.sets(client, turn, &15f32.to_le_bytes()));
    assert!(!agent.sets(client, all, &value(15.0, 50)), "the turn has been set twice");
    assert!(agent.steps(client, 90, 0), "from where it was");
    // One part may be there twice.
    agent.pass(10_000);
    let twice = of("Walker", "setTwice");
    let value = |one: i16, other: i16| [xy(one, 0), xy(other, 0)].concat();
    assert!(!agent.sets(client, twice, &value(90, 150)));
    assert!(agent.sets(client, twice, &value(140, 190)));
    assert!(agent.steps(client, 240, 0));
}

#[test]
fn an_ai_may_set_a_molecular_field() {
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let value = [&0f32.to_le_bytes()[..], &xy(500, 0)].concat();
    agent.ai_sets(client, 50, of("Walker", "setAll"), &value);
    assert!(agent.steps(client, 550, 0));
}

#[test]
fn who_inherits_a_field_inherits_its_rule_unless_it_has_its_own() {
    let mut agent = with("Walker.setXY: {max_step: 5}, Runner.setXY: {max_step: 20}");
    for (class, far) in [("Walker", 50), ("Stroller", 50), ("Runner", 200), ("Sprinter", 200)] {
        let client = owner_of(&mut agent, class, &xy(0, 0));
        assert!(!agent.steps(client, far + 1, 0), "{class}");
        assert!(agent.steps(client, far, 0), "{class}");
        agent.lose(client);
        agent.routed();
    }
    // Declared anew, and as it was in what is made of both.
    let client = owner_of(&mut agent, "Skater", &xy(0, 0));
    let field = of("Skater", "setXY");
    assert_ne!(field, of("Walker", "setXY"));
    assert!(!agent.sets(client, field, &xy(51, 0)));
    assert!(agent.sets(client, field, &xy(50, 0)));
    let value = |x| [&0f32.to_le_bytes()[..], &xy(x, 0)].concat();
    let all = of("Skater", "setAll");
    assert!(!agent.sets(client, all, &value(101)));
    assert!(agent.sets(client, all, &value(100)));
    assert!(!agent.sets(client, field, &xy(0, 0)));
}

#[test]
fn others_without_rules_are_as_they_were() {
    let mut agent = with("Runner.setXY: {max_step: 1, per_second: 1}");
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    for far in [0, 30_000, -30_000, 5] {
        assert!(agent.steps(client, far, 0));
    }
    assert!(agent.sets(client, of("Walker", "setAll"), &[0; 8]));
    agent.expect_offences(0);
    assert_eq!(agent.remembered(client), 0);
}

impl Agent {
    /// Of how many objects something is remembered for a client.
    fn remembered(&mut self, client: TestClient) -> usize {
        self.core.remembered(client.key)
    }
}

#[test]
fn what_is_remembered_goes_with_the_object() {
    let mut agent = with("Walker.setXY: {max_step: 5}, Walker.push: {max_step: 5}");
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    assert_eq!(agent.remembered(client), 1);
    agent.cluster(client.channel, &deleting(50));
    assert_eq!(agent.remembered(client), 0);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let (do_id, new, old) = (DoId(50), AI, client.channel);
    agent.cluster(client.channel, &StateServer::ObjectChangingOwner { do_id, new, old });
    assert_eq!(agent.remembered(client), 0);
    // With another owner in between it begins where it is then.
    let object = thing(50, "Walker", &xy(900, 0));
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    agent.routed();
    assert!(agent.steps(client, 940, 0) && !agent.steps(client, 0, 0));
}

/// The client opens an interest in which there is object 60.
fn sees(agent: &mut Agent, client: TestClient, values: &[u8]) {
    agent.send(client, &add_interest(1, 1, HOME));
    let query = agent.query(client.channel, HOME.parent, &[HOME.zone.0]);
    agent.answer_count(client, query, 1);
    agent.answer_object(client, query, thing(60, "Walker", values));
    agent.told(client);
    agent.routed();
}

#[test]
fn what_all_may_push_is_remembered_while_it_is_in_sight() {
    let mut agent = with("Walker.push: {max_step: 5}, Walker.setXY: {max_step: 5}");
    let client = agent.established();
    sees(&mut agent, client, &xy(0, 0));
    let field = of("Walker", "push");
    // It shows nothing of that.
    assert!(agent.sets_of(client, 60, field, &xy(1000, 0)));
    assert_eq!(agent.remembered(client), 1);
    // Another client pushes it further.
    let (do_id, moved) = (DoId(60), xy(1400, 0));
    let update = StateServer::ObjectSetField { do_id, field, value: Rest(&moved) };
    agent.cluster_from(Channel(4242), &[HOME.channel()], &update);
    assert!(agent.sets_of(client, 60, field, &xy(1450, 0)));
    agent.send(client, &remove_interest(2, 1));
    agent.told(client);
    agent.routed();
    assert_eq!(agent.remembered(client), 0);
}

#[test]
fn a_value_that_is_shown_with_an_object_counts_however_it_is_shown() {
    let rules = "Pushed.push: {max_step: 5}";
    let field = of("Pushed", "push");
    let values = xy(700, 0);
    let is_known = |agent: &mut Agent, client, do_id| {
        assert!(!agent.sets_of(client, do_id, field, &xy(0, 0)));
        assert!(agent.sets_of(client, do_id, field, &xy(750, 0)));
    };
    // By an answer, alone and together with others, and by itself.
    let mut agent = with(rules);
    let clients = [agent.established(), agent.established(), agent.established()];
    agent.turn_goes_on = true;
    for client in clients {
        agent.send(client, &add_interest(1, 1, HOME));
    }
    agent.turn_goes_on = false;
    agent.drain();
    let asked = agent.routed();
    let contexts =
        asked.iter().filter(|(_, _, message)| message.len() > 6).map(|(_, sender, message)| {
            (*sender, Context(u32::from_le_bytes(message[2..6].try_into().expect("four bytes"))))
        });
    let contexts: Vec<_> = contexts.collect();
    assert_eq!(contexts.len(), 2, "one for itself, and one for the others");
    for (asker, context) in contexts {
        let count = DoId(1);
        agent.cluster(asker, &StateServer::ObjectGetZonesCountResp { context, count });
        let object = thing(60, "Pushed", &values);
        agent.cluster(asker, &StateServer::ObjectEnterInterestWithRequired { context, object });
    }
    agent.routed();
    for client in clients {
        is_known(&mut agent, client, 60);
    }
    let object = thing(61, "Pushed", &values);
    let entering = StateServer::ObjectEnterLocationWithRequired { object };
    agent.cluster_from(AI, &[HOME.channel()], &entering);
    for client in clients {
        is_known(&mut agent, client, 61);
    }
}

#[test]
fn an_older_value_that_is_shown_catches_nobody() {
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    assert!(agent.steps(client, 50, 0) && agent.steps(client, 100, 0));
    // An entrance has crossed with what the client has said.
    let object = thing(50, "Walker", &xy(0, 0));
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    assert!(agent.steps(client, 150, 0));
    assert!(!agent.steps(client, 0, 0), "it has gone on");
    // Or it has been somewhere else while the agent was away from the cluster.
    let object = thing(50, "Walker", &xy(-900, 0));
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    assert!(agent.steps(client, -950, 0));
    assert!(!agent.steps(client, 150, 0));
}

#[test]
fn what_is_shown_and_never_seen_does_not_stay_for_ever() {
    let mut agent = with("Pushed.push: {max_step: 5}");
    let client = agent.established();
    agent.send(client, &add_interest(1, 1, HOME));
    agent.send(client, &remove_interest(2, 1));
    let values = xy(0, 0);
    for do_id in 2000..3000 {
        // Of a zone that it has closed: it is not shown.
        let object = thing(do_id, "Pushed", &values);
        let entering = StateServer::ObjectEnterLocationWithRequired { object };
        agent.cluster_from(DoId(do_id).channel(), &[client.channel], &entering);
        assert!(agent.remembered(client) <= 66);
    }
}

#[test]
fn uberdogs_can_have_rules_and_who_only_tries_is_refused_for_that() {
    let mut agent = with("Login.request: {per_second: 1, burst: 2}");
    let client = agent.anonymous();
    let field = of("Login", "request");
    let sets = |agent: &mut Agent| agent.sets_of(client, LOGIN_UBERDOG.0, field, b"\x01\0a");
    assert!(sets(&mut agent) && sets(&mut agent) && !sets(&mut agent));
    agent.pass(1_000);
    assert!(sets(&mut agent));
    agent.expect_offences(1);
    // What is wrong otherwise is an offence of its own kind.
    let other = owner_of(&mut agent, "Walker", &xy(0, 0));
    agent.send(other, &set(50, of("Walker", "setXY"), b"\x01"));
    agent.expect_ejected(other, EjectReason::TruncatedDatagram);
}

#[test]
fn a_reload_changes_the_rules_and_what_is_known_goes_on() {
    let mut agent = with(STEP);
    let client = owner_of(&mut agent, "Walker", &xy(0, 0));
    let take = |agent: &mut Agent, rules: &str| {
        let mut newer = agent.core.config().clone();
        newer.client.fields = fields(rules);
        agent.core.reconfigure(agent.now, &newer, &mut agent.out);
    };
    take(&mut agent, "Walker.setXY: {max_step: 10}");
    assert!(!agent.steps(client, 101, 0), "from where it was");
    assert!(agent.steps(client, 100, 0));
    take(&mut agent, "Walker.setXY: {per_second: 1}");
    assert!(agent.steps(client, 900, 0) && !agent.steps(client, 900, 0));
    take(&mut agent, "");
    assert!(agent.steps(client, -900, 0) && agent.steps(client, 900, 0));
    take(&mut agent, "Walker.setXY: {max_step: 1, per_second: 1}");
    assert!(agent.steps(client, 2000, 0), "nobody knows where it is");
    agent.pass(1_000);
    assert!(agent.steps(client, 2001, 0));
    take(&mut agent, STEP);
    assert!(!agent.steps(client, 0, 0));
    assert!(agent.steps(client, 2040, 0));
}
