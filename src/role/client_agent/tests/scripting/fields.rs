//! Fields that a script is asked about.

use super::*;
use crate::config::{Intercept, NamedField, Offence, Reaction};

/// An agent with this script and a client that owns a Walker, 50.
fn walking(lua: &str) -> (Agent, TestClient) {
    of_class(lua, "Walker", |_| {})
}

fn of_class(
    lua: &str,
    class: &str,
    change: impl FnOnce(&mut ClientAgentConfig),
) -> (Agent, TestClient) {
    let mut agent = with_script(lua, change);
    let client = agent.established();
    let class_id = dc().class_by_name(class).expect("a class").id();
    let values = Rest(b"\0\0\0\0\0\0\0\0");
    let object = ObjectState { do_id: DoId(50), location: HOME, class_id, values };
    agent.cluster(client.channel, &StateServer::ObjectEnterOwnerWithRequired { object });
    agent.told(client);
    agent.routed();
    (agent, client)
}

fn of_walker(name: &str) -> FieldId {
    dc().class_by_name("Walker")
        .and_then(|it| it.field_by_name(name).map(|it| it.id()))
        .expect("it")
}

fn walks(name: &str, value: &[u8]) -> Vec<u8> {
    let field = of_walker(name);
    encode(&Client::ObjectSetField { do_id: DoId(50), field, value: Rest(value) })
}

#[track_caller]
fn expect_set(agent: &mut Agent, client: TestClient, name: &str, value: &[u8]) {
    let field = of_walker(name);
    let update = StateServer::ObjectSetField { do_id: DoId(50), field, value: Rest(value) };
    agent.expect_routed(client.channel, &[(Channel(50), &update)]);
}

/// Tenths.
fn xy(x: i16, y: i16) -> Vec<u8> {
    [x.to_le_bytes(), y.to_le_bytes()].concat()
}

const CLAMP: &str = r#"
    donet.on_field("Walker.setXY", function(client, object, x, y)
      if x < 0 then return donet.DROP end
      if y > 100 then return donet.change(x, 100) end
    end)
"#;

#[test]
fn a_value_passes_or_is_dropped_or_is_another() {
    for class in ["Walker", "Stroller", "Sprinter"] {
        let (mut agent, client) = of_class(CLAMP, class, |_| {});
        agent.send_datagram(client, &walks("setXY", &xy(15, 20)));
        expect_set(&mut agent, client, "setXY", &xy(15, 20));
        agent.send_datagram(client, &walks("setXY", &xy(-1, 20)));
        assert_eq!(agent.routed(), []);
        agent.send_datagram(client, &walks("setXY", &xy(15, 1001)));
        expect_set(&mut agent, client, "setXY", &xy(15, 1000));
        // Nobody has asked for this one.
        agent.send_datagram(client, &walks("fly", &[0; 4]));
        expect_set(&mut agent, client, "fly", &[0; 4]);
        assert!(agent.is_open(client));
    }
}

#[test]
fn a_molecular_field_is_asked_about_by_its_parts() {
    let (mut agent, client) = walking(CLAMP);
    let all = |x, y| [vec![0; 4], xy(x, y)].concat();
    agent.send_datagram(client, &walks("setAll", &all(1, 1001)));
    expect_set(&mut agent, client, "setAll", &all(1, 1000));
    agent.send_datagram(client, &walks("setAll", &all(-1, 5)));
    assert_eq!(agent.routed(), []);
    let twice = |a, b| [xy(1, a), xy(2, b)].concat();
    agent.send_datagram(client, &walks("setTwice", &twice(1001, 1002)));
    expect_set(&mut agent, client, "setTwice", &twice(1000, 1000));
}

#[test]
fn rules_hold_for_what_the_script_makes_of_it() {
    let rules = |config: &mut ClientAgentConfig| {
        config.client.fields =
            super::super::rules::fields("Walker.setXY: {ranges: [[0, 50], [0, 50]]}");
        config.offences.set(Offence::Rule, Reaction::Ignore);
    };
    let (mut agent, client) = of_class(CLAMP, "Walker", rules);
    // 100 is too much.
    agent.send_datagram(client, &walks("setXY", &xy(15, 2000)));
    assert_eq!(agent.routed(), []);
    agent.send_datagram(client, &walks("setXY", &xy(15, 500)));
    expect_set(&mut agent, client, "setXY", &xy(15, 500));
}

#[test]
fn what_an_uberdog_hears_first_is_what_the_script_makes_of_it() {
    let name = NamedField { class: "Walker".to_owned(), field: "setXY".to_owned() };
    let intercept = |config: &mut ClientAgentConfig| {
        config.client.intercept = vec![Intercept { name, uberdog: FILTER_UBERDOG }];
    };
    let (mut agent, client) = of_class(CLAMP, "Walker", intercept);
    agent.send_datagram(client, &walks("setXY", &xy(15, 2000)));
    let (to, _, message) = agent.sent();
    assert_eq!(to, [FILTER_UBERDOG.channel()]);
    assert!(message.ends_with(&xy(15, 1000)), "{message:?}");
}

#[test]
fn what_is_wrong_otherwise_is_not_shown_to_the_script() {
    let lua = r#"donet.on_field("Avatar.y", function() donet.event("note", {what = "asked"}) end)"#;
    for (name, value) in
        [("y", &b"\x0a\0"[..]), ("y", b"\x01"), ("y", b"\x01\0\0"), ("level", b"\x01")]
    {
        let mut agent = scripted(lua);
        let client = agent.established();
        agent.own(client, 50, HOME);
        let (do_id, field, value) = (DoId(50), field(name), Rest(value));
        agent.send(client, &Client::ObjectSetField { do_id, field, value });
        assert!(!agent.is_open(client), "{name} {value:?}");
        assert_eq!(agent.said("note", "what"), [""; 0]);
    }
    // Nor is what comes just after it could be said.
    let mut agent = scripted(lua);
    let client = agent.established();
    agent.own(client, 50, HOME);
    agent.cluster(client.channel, &deleting(50));
    agent.send(client, &client_sets(50, "y", b"\x01\0"));
    assert_eq!(agent.said("note", "what"), [""; 0]);
    assert!(agent.is_open(client));
}
