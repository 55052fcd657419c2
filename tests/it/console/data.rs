//! What the console tells of the world, and what it does there.

use serde_json::{Value, json};

use super::{Answer, ROLES, TOKEN, by_token, get, post, users};
use crate::harness::world::{DC_HASH, VERSION};
use crate::harness::{Client, Daemon, Setup, wait_until};

const DATABASE: &str = "type: database, control: 4003, generate: {min: 5000, max: 5999}, backend: {type: sqlite, file: o.sqlite}";

fn start() -> Daemon {
    let setup = Setup::new().web_with(&users()).daemon("control: control.sock, name: shard-1");
    let agent = format!(
        "type: clientagent, bind: $CA, version: '{VERSION}', manual_dc_hash: {DC_HASH}, channels: {{min: 1000, max: 1999}}"
    );
    let setup = setup.role(agent).role(ROLES[1]).role(DATABASE);
    let setup = setup.general("eventlogger: $EL");
    setup.role("type: eventlogger, bind: $EL, output: events.log").start()
}

#[track_caller]
fn look(daemon: &Daemon, path: &str) -> Value {
    ask(daemon, path).is(200).json()
}

fn ask(daemon: &Daemon, path: &str) -> Answer {
    by_token(get(daemon, &format!("/api/v1/{path}"))).ask()
}

fn act(daemon: &Daemon, path: &str, body: &Value) -> Answer {
    by_token(post(daemon, &format!("/api/v1/{path}"), &body.to_string())).ask()
}

/// All items of a list, of which a page has so many at most.
#[track_caller]
fn all(daemon: &Daemon, path: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    let sign = if path.contains('?') { '&' } else { '?' };
    loop {
        let page = look(daemon, &format!("{path}{sign}limit={limit}{after}"));
        let found = page["items"].as_array().expect("a list");
        assert!(found.len() <= limit, "{page}");
        items.extend(found.iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        after = format!("&after={next}");
    }
}

#[track_caller]
fn send(daemon: &Daemon, channel: u64, message: &str, arguments: &Value) {
    let body = json!({
        "channels": [channel.to_string()], "sender": "7000", "message": message, "arguments": arguments,
    });
    act(daemon, "datagrams", &body).is(202);
}

/// An avatar in a zone of parent 9000.
fn create(daemon: &Daemon, do_id: u32, zone: u32) {
    let required = json!([
        {"field": "Item.setName", "value": format!("(\"avatar {do_id}\")")},
        {"field": "Avatar.setPosition", "value": "(1, 2)"},
    ]);
    if do_id != 9000 && ask(daemon, "objects/9000").status == 404 {
        create(daemon, 9000, 0);
    }
    let parent = if do_id == 9000 { 0 } else { 9000 };
    let object = json!({"do_id": do_id, "parent": parent, "zone": zone, "class": "Avatar", "required": required});
    let message = "STATESERVER_CREATE_OBJECT_WITH_REQUIRED";
    send(daemon, 4002, message, &json!({ "object": object }));
    wait_until("the object is there", || {
        (ask(daemon, &format!("objects/{do_id}")).status == 200).then_some(())
    });
}

/// A client that may do everything and sees a zone of parent 9000, with its channel.
fn watcher(daemon: &Daemon, zone: u32) -> (Client, u64) {
    let mut client = daemon.client();
    client.hello();
    let address = client.address().to_string();
    let found = look(daemon, &format!("clients?address={address}"));
    let channel = found["items"][0]["allocated"].as_str().expect("a text").parse().expect("one");
    send(daemon, channel, "CLIENTAGENT_SET_STATE", &json!({"state": 2}));
    let location = json!({"parent": 9000, "zone": zone});
    send(
        daemon,
        channel,
        "CLIENTAGENT_ADD_INTEREST",
        &json!({"interest": 3, "location": location}),
    );
    (client, channel)
}

#[test]
fn the_overview_says_what_there_is() {
    let daemon = start();
    create(&daemon, 9001, 5);
    let _watcher = watcher(&daemon, 5);
    let overview = look(&daemon, "overview");
    assert_eq!(overview["daemon"]["name"], "shard-1");
    assert_eq!(overview["daemon"]["stage"], "ready");
    let kinds: Vec<&str> = overview["roles"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|role| role["kind"].as_str())
        .collect();
    assert_eq!(kinds, ["client_agent", "state_server", "database", "event_logger"]);
    let counts = &overview["counts"];
    assert_eq!(
        (&counts["clients"], &counts["objects"], &counts["links"]),
        (&1.into(), &2.into(), &1.into())
    );
    assert!(overview["totals"]["routed"].as_str().is_some_and(|text| text != "0"), "{overview}");
    let samples = wait_until("there is a sample", || {
        let history = look(&daemon, "history");
        let sample = history["samples"].as_array().and_then(|samples| samples.last()).cloned();
        sample.filter(|sample| sample["objects"] == 2)
    });
    assert!(samples["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{samples}");
    let lines = all(&daemon, "log?q=ready", 1);
    assert!(
        lines.iter().any(|line| line["part"] == "daemon" && line["message"] == "ready"),
        "{lines:?}"
    );
}

#[test]
fn objects_are_told_page_by_page_with_their_values() {
    let daemon = start();
    for n in 0..5 {
        create(&daemon, 9001 + n, 5 + n % 2);
    }
    let ids = |path: &str, limit| -> Vec<u64> {
        all(&daemon, path, limit).iter().filter_map(|item| item["do_id"].as_u64()).collect()
    };
    for limit in [1, 2, 500] {
        assert_eq!(ids("objects", limit), [9000, 9001, 9002, 9003, 9004, 9005]);
        assert_eq!(ids("objects?parent=9000&zone=6&class=Avatar", limit), [9002, 9004]);
        assert_eq!(ids("objects?class=Thing", limit), [0u64; 0]);
    }
    ask(&daemon, "objects?class=Nothing").says(400, "bad_request");
    ask(&daemon, "objects?after=x").says(400, "bad_request");
    for list in ["objects", "places", "links", "clients", "log", "closed", "audit"] {
        // As a form says that there is nothing.
        ask(&daemon, &format!("{list}?after=")).is(200);
        ask(&daemon, &format!("{list}?after=x")).says(400, "bad_request");
        ask(&daemon, &format!("{list}?nonsense=1")).says(400, "bad_request");
    }
    ask(&daemon, "objects?limit=501").says(400, "bad_request");
    let places = all(&daemon, "places", 1);
    assert_eq!(places, [json!({"parent": 0, "objects": 1}), json!({"parent": 9000, "objects": 5})]);
    let zones = all(&daemon, "places?parent=9000", 1);
    assert_eq!(
        zones,
        [
            json!({"parent": 9000, "zone": 5, "objects": 3}),
            json!({"parent": 9000, "zone": 6, "objects": 2})
        ]
    );
    let classes = look(&daemon, "classes");
    let avatar = classes["classes"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|class| class["name"] == "Avatar");
    let avatar = avatar.expect("a class");
    assert_eq!((&avatar["objects"], &avatar["parents"]), (&6.into(), &json!(["Item"])));
    assert!(
        avatar["fields"].as_array().expect("a list").iter().any(|field| field["name"] == "setName")
    );
    let object = look(&daemon, "objects/9002");
    assert_eq!(
        (&object["where"], &object["zone"], &object["ai"]),
        (&"here".into(), &6.into(), &Value::Null)
    );
    let value = |object: &Value, name: &str| {
        let fields = object["fields"].as_array().expect("a list");
        fields.iter().find(|field| field["name"] == name).map(|field| field["value"].clone())
    };
    assert_eq!(value(&object, "setName"), Some("(\"avatar 9002\")".into()));
    let set = |name: &str, text: &str| {
        let path = format!("/api/v1/objects/9002/fields/{name}");
        let body = json!({ "value": text }).to_string();
        by_token(super::Question::new(&daemon, "PUT", &path).json(&body)).ask()
    };
    set("setPosition", "(-7, 8)").is(202);
    assert_eq!(value(&look(&daemon, "objects/9002"), "setPosition"), Some("(-7, 8)".into()));
    set("setPosition", "(1").says(400, "bad_request");
    set("setPosition", "").says(400, "bad_request");
    set("setPosition", "(1, 99999)").says(400, "bad_request");
    set("setNothing", "(1)").says(404, "not_found");
    ask(&daemon, "objects/77").says(404, "not_found");
    ask(&daemon, "objects/x").says(400, "bad_request");
}

#[test]
fn clients_are_told_with_what_they_see_and_ejected() {
    let daemon = start();
    create(&daemon, 9001, 5);
    let ((mut first, channel), (second, other)) = (watcher(&daemon, 5), watcher(&daemon, 6));
    let seen = wait_until("it sees the object", || {
        let client = look(&daemon, &format!("clients/{channel}"));
        (client["sees"][0]["do_id"] == 9001).then_some(client)
    });
    assert_eq!(seen["open_interests"], json!([{"id": 3, "parent": 9000, "zones": [5]}]));
    assert_eq!(
        (&seen["state"], &seen["transport"], &seen["type"]),
        (&"established".into(), &"tcp".into(), &"libastron".into())
    );
    assert!(
        seen["channels"].as_array().expect("a list").contains(&channel.to_string().into()),
        "{seen}"
    );
    assert_eq!(all(&daemon, "clients", 1).len(), 2);
    assert_eq!(all(&daemon, "clients?state=new", 10).len(), 0);
    let by_port = second.address().port();
    assert_eq!(all(&daemon, &format!("clients?q=:{by_port}"), 10)[0]["channel"], other.to_string());
    let watchers = look(&daemon, "objects/9001");
    let watchers = watchers["watchers"].as_array().expect("a list");
    assert_eq!(watchers.len(), 1, "{watchers:?}");
    assert_eq!(watchers[0]["channel"], channel.to_string());
    let everybody = look(&daemon, "channels/10");
    assert_eq!(everybody["listeners"].as_array().map(Vec::len), Some(2), "{everybody}");
    let own = look(&daemon, "channels/4002");
    assert_eq!(own["listeners"][0]["name"], "state server 4002");

    let eject = |channel: u64| {
        act(&daemon, &format!("clients/{channel}/eject"), &json!({"code": 155, "reason": "enough"}))
    };
    eject(channel).is(204);
    let text = wait_until("it is told", || {
        // What it was shown before comes first.
        let datagram = first.receive();
        (datagram[..2] == 4u16.to_le_bytes()).then_some(datagram)
    });
    assert_eq!(text[2..4], 155u16.to_le_bytes());
    let closed = wait_until("its end is told", || {
        let closed = look(&daemon, "closed");
        (closed["items"][0]["code"] == 155).then(|| closed["items"][0].clone())
    });
    assert_eq!((&closed["kind"], &closed["reason"]), (&"client".into(), &"enough".into()));
    eject(channel).says(404, "not_found");
    let audit = look(&daemon, "audit");
    let eject = audit["items"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|entry| entry["action"] == "eject" && entry["ok"] == true);
    assert_eq!(eject.expect("an entry")["object"], format!("client {channel}"));
    wait_until("the event logger has it", || {
        let events = look(&daemon, "eventlog");
        let mut events = events["items"]
            .as_array()?
            .iter()
            .map(|event| event["type"].clone())
            .collect::<Vec<_>>()
            .into_iter();
        events.any(|kind| kind == "client-ejected").then_some(())
    });
}

#[test]
fn of_many_who_listen_some_are_told_and_the_number_of_the_others() {
    let daemon = start();
    create(&daemon, 9001, 5);
    let watchers: Vec<_> = (0..203).map(|_| watcher(&daemon, 5)).collect();
    for (path, key) in [("channels/10", "listeners"), ("objects/9001", "watchers")] {
        let more = format!("{key}_more");
        let seen = wait_until("all of them listen", || {
            let seen = look(&daemon, path);
            (seen[&more] == 3).then_some(seen)
        });
        assert_eq!(seen[key].as_array().map(Vec::len), Some(200));
    }
    drop(watchers);
}

#[test]
fn links_are_told_and_closed() {
    let daemon = start();
    let mut link = daemon.link();
    link.control(&crate::harness::Control::SetConName { name: crate::harness::Blob(b"an AI") });
    link.subscribe([crate::harness::Channel(70), crate::harness::Channel(71)]);
    link.sync();
    // The tests have one of their own.
    let links = || all(&daemon, "links", 1);
    let seen = links().into_iter().find(|link| link["name"] == "an AI").expect("it is there");
    assert_eq!(
        (&seen["name"], &seen["kind"], &seen["direction"]),
        (&"an AI".into(), &"participant".into(), &"in".into())
    );
    assert!(seen["channels"].as_u64().is_some_and(|count| count >= 2), "{seen}");
    let listener = look(&daemon, "channels/71");
    assert_eq!(
        (&listener["listeners"][0]["kind"], &listener["listeners"][0]["link"]),
        (&"link".into(), &seen["id"])
    );
    let id = seen["id"].as_str().expect("a text");
    act(&daemon, &format!("links/{id}/close"), &json!({"reason": "a test"})).is(204);
    link.expect_closed();
    let is_gone = || links().iter().all(|link| link["name"] != "an AI");
    wait_until("it is gone", || is_gone().then_some(()));
    let closed = look(&daemon, "closed");
    assert_eq!(
        (&closed["items"][0]["kind"], &closed["items"][0]["name"]),
        (&"link".into(), &"an AI".into())
    );
    act(&daemon, &format!("links/{id}/close"), &json!({"reason": ""})).says(404, "not_found");
}

#[test]
fn stored_objects_are_told() {
    let daemon = start();
    let values = json!([{"field": "Vault.setGold", "value": "(7)"}]);
    send(
        &daemon,
        4003,
        "DBSERVER_CREATE_OBJECT",
        &json!({"context": 1, "class_id": "Vault", "fields": values}),
    );
    let stored = wait_until("it is stored", || {
        let answer = ask(&daemon, "database/5000");
        (answer.status == 200).then(|| answer.json())
    });
    assert_eq!((&stored["class"], &stored["database"]), (&"Vault".into(), &"4003".into()));
    let fields = stored["fields"].as_array().expect("a list");
    assert!(
        fields.iter().any(|field| field["name"] == "setGold" && field["value"] == "(7)"),
        "{fields:?}"
    );
    ask(&daemon, "database/5001").says(404, "not_found");
    ask(&daemon, "database/5000?database=10").says(400, "bad_request");
    for nobody in ["objects/10", "objects/1001", "objects/4002", "objects/4003", "objects/70000"] {
        ask(&daemon, nobody).says(404, "not_found");
    }
    let complained = all(&daemon, "log?level=warning", 100);
    assert!(complained.is_empty(), "whoever looks is heard by nobody: {complained:?}");
}

#[test]
fn what_cannot_be_a_datagram_is_refused_with_its_place() {
    let daemon = start();
    let message = "STATESERVER_OBJECT_SET_FIELD";
    let good = json!({"do_id": 9001, "field": "Avatar.setPosition", "value": "(1, 2)"});
    for (channels, sender, message, arguments, place) in [
        (json!([]), "1", message, good.clone(), "channels"),
        (json!(["x"]), "1", message, good.clone(), "channels"),
        (json!(["9001"]), "-1", message, good.clone(), "sender"),
        (json!(["1"]), "1", "CONTROL_ADD_CHANNEL", json!({"channel": "5"}), "message"),
        (json!(["77"]), "1", "9001", json!({"channel": "5"}), "message"),
        (json!(["9001"]), "1", "STATESERVER_NOTHING", good.clone(), "message"),
        (
            json!(["9001"]),
            "1",
            message,
            json!({"do_id": 1, "field": "Avatar.nothing", "value": ""}),
            "field",
        ),
        (
            json!(["9001"]),
            "1",
            message,
            json!({"do_id": 1, "field": "Avatar.setPosition", "value": "(1)"}),
            "value",
        ),
        (
            json!(["9001"]),
            "1",
            message,
            json!({"field": "Avatar.setPosition", "value": "(1, 2)"}),
            "do_id",
        ),
    ] {
        let body = json!({"channels": channels, "sender": sender, "message": message, "arguments": arguments});
        let answer = act(&daemon, "datagrams", &body).says(400, "bad_request");
        let said = answer.json()["error"]["message"].as_str().expect("a text").to_owned();
        assert!(said.contains(place), "{place}: {said}");
    }
    let messages = look(&daemon, "messages");
    let messages = messages["messages"].as_array().expect("a list");
    let set = messages.iter().find(|row| row["name"] == message).expect("it is there");
    assert_eq!(set["arguments"][0], json!({"name": "do_id", "type": "doid"}));
}

#[test]
fn what_happens_is_told_as_it_happens() {
    use std::io::{BufRead, BufReader, Write};
    let daemon = start();
    let mut stream = super::connect(&daemon);
    let host = daemon.address("WEB");
    write!(
        stream,
        "GET /api/v1/events?topics=closed,audit,overview HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {TOKEN}\r\n\r\n"
    )
    .expect("it is taken");
    let (_client, channel) = watcher(&daemon, 5);
    act(&daemon, &format!("clients/{channel}/eject"), &json!({"reason": "live"})).is(204);
    let mut wanted =
        vec!["event: overview", "event: audit", "event: closed", "\"reason\":\"live\""];
    for line in BufReader::new(stream).lines() {
        let line = line.expect("it goes on");
        wanted.retain(|part| !line.contains(part));
        if wanted.is_empty() {
            return;
        }
    }
    panic!("it has ended: {wanted:?} is missing");
}

#[test]
fn only_operators_act() {
    let daemon = start();
    create(&daemon, 9001, 5);
    let (_client, channel) = watcher(&daemon, 5);
    let bob = super::log_in(&daemon, "bob");
    let actions = [
        ("POST", format!("clients/{channel}/eject"), json!({"reason": ""})),
        ("POST", "links/1/close".to_owned(), json!({"reason": ""})),
        ("PUT", "objects/9001/fields/setPosition".to_owned(), json!({"value": "(1, 2)"})),
        (
            "POST",
            "datagrams".to_owned(),
            json!({"channels": ["10"], "message": "CLIENTAGENT_DROP"}),
        ),
        ("PUT", "log/level".to_owned(), json!({"level": "debug"})),
    ];
    for (method, path, body) in actions {
        let question = super::Question::new(&daemon, method, &format!("/api/v1/{path}"));
        bob.acts(question.json(&body.to_string())).ask().says(403, "forbidden");
    }
    assert_eq!(look(&daemon, &format!("clients/{channel}"))["state"], "established");
}
