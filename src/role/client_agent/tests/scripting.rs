//! Where a script is asked, and what comes of it.

mod fields;

use super::*;
use crate::message::Database;
use crate::metrics::{self, Figures, Value};
use crate::script::Source as Text;

const HOME: Location = Location::new(DoId(5), ZoneId(6));
/// A script's clock begins when the agent does.
const STORE: Channel = Channel(4003);

/// An agent with a script.
fn scripted(lua: &str) -> Agent {
    with_script(lua, |_| {})
}

fn with_script(lua: &str, change: impl FnOnce(&mut ClientAgentConfig)) -> Agent {
    let mut agent = Agent::with(|config| {
        config.client.script = script(lua);
        change(config);
    });
    agent.core.start(agent.now, &mut agent.out);
    agent.routed();
    agent
}

fn script(lua: &str) -> Option<Arc<Text>> {
    Some(Arc::new(Text::new("game.lua", lua)))
}

impl Agent {
    /// Goes on with another script.
    fn reload(&mut self, lua: Option<&str>) {
        let mut newer = self.core.config().clone();
        newer.client.script = lua.and_then(script);
        self.core.reconfigure(self.now, &newer, &mut self.out);
        self.drain();
    }

    /// The values of this key in events of this type, in order.
    fn said(&mut self, kind: &str, key: &str) -> Vec<String> {
        let events = std::mem::take(&mut self.events);
        let of_kind = events.iter().filter(|event| event.get("type") == Some(kind));
        of_kind.filter_map(|event| event.get(key).map(str::to_owned)).collect()
    }

    /// The last datagram that was routed: from whom, to whom, and what.
    fn sent(&mut self) -> Routed {
        self.routed().pop().expect("something was routed")
    }
}

#[test]
fn a_life_is_told_from_its_beginning_to_its_end() {
    let mut agent = scripted(
        r#"
        local function note(client, what)
          donet.event("note", {what = what .. " " .. client.state .. " " .. client.address})
        end
        donet.on_connect(function(client) note(client, "connect") end)
        donet.on_hello(function(client, version, hash) note(client, "hello " .. version .. " " .. hash) end)
        donet.on_state(function(client, old, new) note(client, old .. " to " .. new) end)
        donet.on_disconnect(function(client, reason) note(client, reason) end)
        "#,
    );
    let client = agent.established();
    agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
    agent.lose(client);
    let ip = "203.0.113.5";
    let hash = dc().hash();
    let expected = [
        format!("connect new {ip}"),
        format!("hello {VERSION} {hash} anonymous {ip}"),
        format!("anonymous to established established {ip}"),
        format!("end of file established {ip}"),
    ];
    assert_eq!(agent.said("note", "what"), expected);
}

#[test]
fn what_it_does_for_the_client_in_hand_holds_for_what_that_says_next() {
    let mut agent = scripted(
        r#"
        donet.on_hello(function(client)
          client:set_state("established")
          client:set_id(4294967296 * 7 + 9)
          client:declare_object(50, "Avatar")
          client:set_fields_sendable(50, {"Avatar.level"})
        end)
        "#,
    );
    let client = agent.connect();
    // Hello and an update in one read.
    let hello = Client::Hello { dc_hash: dc().hash(), version: Blob(VERSION.as_bytes()) };
    let mut frames = Vec::new();
    for message in [hello, client_sets(50, "level", b"\x07")] {
        write_frame(&mut frames, |writer| message.write(writer)).expect("fits");
    }
    let heard = agent.core.input(agent.now, client.key, &frames, &mut agent.out);
    assert_eq!(heard, Heard::default());
    agent.drain();
    assert!(agent.is_open(client));
    let update = set_field(50, "level", b"\x07");
    agent.expect_routed(Channel(7 << 32 | 9), &[(Channel(50), &update)]);
}

#[test]
fn it_may_put_a_client_out_wherever_it_is_asked() {
    let hello = r#"donet.on_hello(function(client) client:eject(900, "no") end)"#;
    let state = r#"donet.on_state(function(client) client:eject(900, "no") end)"#;
    let field = r#"donet.on_field("Login.request", function(client) client:eject(900, "no") end)"#;
    for lua in [hello, state, field] {
        let mut agent = scripted(lua);
        let client = agent.connect();
        let hello = Client::Hello { dc_hash: dc().hash(), version: Blob(VERSION.as_bytes()) };
        agent.send(client, &hello);
        if lua == state {
            agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
        }
        if lua == field {
            let login = client_sets(LOGIN_UBERDOG.0, "request", b"\x01\0a");
            agent.send(client, &login);
        }
        let told = agent.told(client);
        let eject = encode(&Client::Eject { reason: 900, text: Blob(b"no") });
        assert_eq!(told.last(), Some(&eject), "{lua}");
        assert!(!agent.is_open(client), "{lua}");
        let to_login = |one: &Routed| one.0.contains(&LOGIN_UBERDOG.channel());
        assert!(!agent.routed().iter().any(to_login), "{lua}");
    }
}

#[test]
fn it_may_put_a_client_out_that_has_said_nothing() {
    let lua = r#"donet.on_connect(function(client) client:eject(900, client.address) end)"#;
    let mut agent = scripted(lua);
    let key = agent.core.connect(agent.now, Agent::peer(), &mut agent.out).expect("a channel");
    agent.drain();
    let told = agent.told(TestClient { key, channel: FIRST_CHANNEL });
    let eject = encode(&Client::Eject { reason: 900, text: Blob(b"203.0.113.5") });
    assert_eq!(told, [eject]);
    assert_eq!(agent.closed.get(&key), Some(&CloseKind::Flushed));
}

#[test]
fn clients_that_are_not_in_hand_are_told_by_their_channels() {
    let mut agent = scripted(
        r#"
        local others = {}
        donet.on_hello(function(client)
          for _, other in ipairs(others) do other:send("hello") end
          others[#others + 1] = client
        end)
        "#,
    );
    let first = agent.anonymous();
    agent.routed();
    let second = agent.anonymous();
    assert_eq!(agent.told(first), [b"hello".to_vec()]);
    assert_eq!(agent.told(second), Vec::<Vec<u8>>::new());
    // Who has gone is told nothing, and nobody in whose place another is.
    agent.lose(first);
    agent.now += Duration::from_secs(60);
    let third = agent.anonymous();
    let fourth = agent.anonymous();
    assert_eq!(agent.told(third), [b"hello".to_vec()]);
    assert_eq!(agent.told(fourth), Vec::<Vec<u8>>::new());
}

#[test]
fn two_states_that_each_change_the_other_end_all_the_same() {
    let mut agent = scripted(
        r#"
        local all = {}
        donet.on_hello(function(client) all[#all + 1] = client end)
        donet.on_state(function(client, old, new)
          for _, other in ipairs(all) do
            if other ~= client then other:set_state(old) end
          end
          client:set_state(old)
          donet.event("note", {what = new})
        end)
        "#,
    );
    let [first, _second] = [agent.anonymous(), agent.anonymous()];
    agent.cluster(first.channel, &ClientAgent::SetState { state: 2 });
    agent.routed();
    assert_eq!(agent.said("note", "what"), ["established"]);
}

/// As from the script of another agent, which answers each state of this one's.
#[test]
fn states_that_come_without_end_are_told_so_many_times_at_a_moment() {
    let mut agent = scripted(
        r#"
        donet.on_state(function(client) donet.event("note", {what = "told"}) end)
        "#,
    );
    let client = agent.anonymous();
    let set = |agent: &mut Agent, times: u16| {
        for time in 0..times {
            let state = if time % 2 == 0 { 2 } else { 1 };
            agent.cluster(client.channel, &ClientAgent::SetState { state });
        }
        agent.said("note", "what").len()
    };
    assert_eq!(set(&mut agent, 4_098), 4_096);
    agent.pass(1);
    assert_eq!(set(&mut agent, 2), 2);
}

#[test]
fn a_state_that_a_script_sends_as_somebody_else_calls_nothing_either() {
    let mut agent = scripted(
        r#"
        donet.on_state(function(client, old, new)
          donet.event("note", {what = new})
          local other = new == "established" and 1 or 2
          donet.send(client.channel, "CLIENTAGENT_SET_STATE", {state = other}, 4242)
        end)
        "#,
    );
    let client = agent.anonymous();
    agent.cluster(client.channel, &ClientAgent::SetState { state: 2 });
    assert_eq!(agent.said("note", "what"), ["established"]);
}

#[test]
fn variables_are_a_session_s_own_and_go_with_it() {
    let mut agent = scripted(
        r#"
        donet.on_hello(function(client)
          client.vars.count = (client.vars.count or 0) + 1
        end)
        donet.on_field("Login.request", function(client)
          client.vars.count = client.vars.count + 1
          donet.event("note", {count = tostring(client.vars.count)})
          return donet.DROP
        end)
        "#,
    );
    let [first, second] = [agent.anonymous(), agent.anonymous()];
    let login = client_sets(LOGIN_UBERDOG.0, "request", b"\x01\0a");
    agent.send(first, &login);
    agent.send(first, &login);
    agent.send(second, &login);
    assert_eq!(agent.said("note", "count"), ["2", "3", "2"]);
}

#[test]
fn an_error_costs_what_the_call_was_about_and_nobody_else_anything() {
    let mut agent = scripted(
        r#"
        donet.on_hello(function(client) local nothing; nothing.x = 1 end)
        donet.on_field("Login.request", function(client, object, text)
          donet.event("note", {what = text})
          if text == "bad" then error("no") end
        end)
        donet.on_disconnect(function() error("no") end)
        "#,
    );
    let client = agent.anonymous();
    agent.routed();
    agent.send(client, &client_sets(LOGIN_UBERDOG.0, "request", b"\x03\0bad"));
    // Nothing of that call counts.
    assert_eq!(agent.said("note", "what"), [""; 0]);
    assert_eq!(agent.routed(), []);
    agent.send(client, &client_sets(LOGIN_UBERDOG.0, "request", b"\x04\0good"));
    assert_eq!(agent.said("note", "what"), ["good"]);
    let update = set_field(LOGIN_UBERDOG.0, "request", b"\x04\0good");
    agent.expect_routed(client.channel, &[(LOGIN_UBERDOG.channel(), &update)]);
    agent.lose(client);
    assert!(!agent.is_open(client));
}

#[test]
fn timers_are_called_at_their_times_and_not_when_they_are_cancelled() {
    let mut agent = scripted(
        r#"
        local function note(what) return function() donet.event("note", {what = what .. donet.now()}) end end
        donet.on_hello(function(client)
          donet.after(1000, note("one "))
          donet.cancel(donet.after(1500, note("never ")))
          local id, count = nil, 0
          id = donet.every(2000, function()
            count = count + 1
            note("every ")()
            if count == 2 then donet.cancel(id) end
          end)
        end)
        "#,
    );
    agent.anonymous();
    agent.pass(999);
    assert_eq!(agent.said("note", "what"), [""; 0]);
    agent.pass(1);
    assert_eq!(agent.said("note", "what"), ["one 1000"]);
    agent.pass(1000);
    agent.pass(2000);
    agent.pass(60_000);
    assert_eq!(agent.said("note", "what"), ["every 2000", "every 4000"]);
    assert_eq!(agent.core.script_deadline_count(), 0);
}

#[test]
fn a_database_is_asked_and_its_answer_goes_to_who_has_asked() {
    let mut agent = scripted(
        r#"
        donet.on_hello(function(client)
          donet.db_get(4003, 1000, {"Avatar.health"}, function(fields)
            client:send(fields and tostring(fields.health) or "nothing")
          end)
        end)
        "#,
    );
    let client = agent.anonymous();
    let (recipients, asker, message) = agent.sent();
    assert_eq!(recipients, [STORE]);
    let mut reader = crate::wire::Reader::new(&message);
    let number = reader.u16().expect("a number");
    let asked = Database::decode(number, &mut reader).expect("a question of a database");
    let context = match asked {
        Database::ObjectGetFields { context, do_id: DoId(1000), .. }
        | Database::ObjectGetField { context, do_id: DoId(1000), .. } => context,
        other => panic!("{other:?}"),
    };
    let mut value = field("health").0.to_le_bytes().to_vec();
    value.push(42);
    let answer = |context| match number {
        Database::DBSERVER_OBJECT_GET_FIELDS => Database::ObjectGetFieldsResp {
            context,
            values: Some(crate::message::FieldValues { count: 1, bytes: &value }),
        },
        _ => panic!("asked for one field"),
    };
    // Others' answers are nothing to it.
    agent.cluster_from(STORE, &[asker], &answer(Context(context.0 + 1)));
    assert_eq!(agent.told(client), Vec::<Vec<u8>>::new());
    agent.cluster_from(STORE, &[asker], &answer(context));
    assert_eq!(agent.told(client), [b"42".to_vec()]);
    agent.cluster_from(STORE, &[asker], &answer(context));
    assert_eq!(agent.told(client), Vec::<Vec<u8>>::new());
    // Nobody answers.
    let other = agent.anonymous();
    agent.pass(60_000);
    assert_eq!(agent.told(other), [b"nothing".to_vec()]);
}

#[test]
fn another_script_takes_the_place_of_one_with_all_that_it_has_asked_for() {
    let lua = |name: &str| {
        format!(
            r#"
            donet.on_field("Login.request", function(client)
              client.vars.seen = (client.vars.seen or 0) + 1
              donet.event("note", {{what = "{name} " .. client.vars.seen}})
              donet.after(1000, function() donet.event("note", {{what = "{name} after"}}) end)
              donet.db_get(4003, 1000, nil, function() client:send("{name}") end)
              return donet.DROP
            end)
            "#
        )
    };
    let mut agent = scripted(&lua("old"));
    let client = agent.anonymous();
    let login = client_sets(LOGIN_UBERDOG.0, "request", b"\x01\0a");
    agent.send(client, &login);
    let (_, asker, _) = agent.sent();
    agent.reload(Some(&lua("new")));
    agent.send(client, &login);
    let (_, newer, _) = agent.sent();
    assert_ne!(asker, newer);
    agent.pass(1000);
    assert_eq!(agent.said("note", "what"), ["old 1", "new 1", "new after"]);
    agent.reload(None);
    agent.send(client, &login);
    agent.pass(60_000);
    assert_eq!(agent.said("note", "what"), [""; 0]);
    let update = set_field(LOGIN_UBERDOG.0, "request", b"\x01\0a");
    agent.expect_routed(client.channel, &[(LOGIN_UBERDOG.channel(), &update)]);
    assert_eq!(agent.told(client), Vec::<Vec<u8>>::new());
    assert_eq!(agent.core.script_deadline_count(), 0);
    // One that comes after none is not told what the first has asked for either.
    agent.reload(Some(&lua("last")));
    agent.send(client, &login);
    let (_, last, _) = agent.sent();
    assert!(![asker, newer].contains(&last));
    let mut figures = Figures::default();
    agent.core.measure(Cursor::default(), 1, &mut figures);
    let calls = figures.of(&metrics::SCRIPT_CALLS);
    let of = |hook: &str| calls.get(&[hook.into()][..]).cloned();
    assert_eq!(of("field"), Some(Value::Count(3)));
    assert_eq!(of("timer"), Some(Value::Count(1)));
}

#[test]
fn many_timers_at_one_time_let_others_have_their_turn_in_between() {
    let mut agent = scripted(
        r#"
        for i = 1, 10 do donet.after(1000, function() donet.event("note", {what = i}) end) end
        "#,
    );
    agent.now += Duration::from_secs(1);
    let mut counts = Vec::new();
    while agent.core.next_deadline().is_some_and(|due| due <= agent.now) {
        agent.core.on_deadline(agent.now, &mut agent.out);
        counts.push(agent.core.drain_events().count());
    }
    assert_eq!(counts, [4, 4, 2]);
}

#[test]
fn what_a_client_moves_stays_where_it_is_if_the_script_says_so() {
    let mut agent = scripted(
        r#"
        donet.on_move(function(client, object, parent, zone)
          donet.event("note", {what = object.class .. " " .. object.doid .. " " .. parent .. " " .. zone})
          if zone == 13 then return donet.DROP end
        end)
        "#,
    );
    let client = agent.established();
    agent.own(client, 50, HOME);
    agent.routed();
    agent.send(client, &moved(50, at(5, 13)));
    assert_eq!(agent.routed(), []);
    agent.send(client, &moved(50, at(5, 14)));
    let location = at(5, 14);
    agent.expect_routed(
        client.channel,
        &[(Channel(50), &StateServer::ObjectSetLocation { location })],
    );
    assert_eq!(agent.said("note", "what"), ["Avatar 50 5 13", "Avatar 50 5 14"]);
}
