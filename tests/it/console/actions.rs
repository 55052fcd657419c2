//! What operators do, and that it is noted.

use super::*;
use crate::harness::wait_until;

fn audit(daemon: &Daemon) -> Vec<Value> {
    let list = by_token(get(daemon, "/api/v1/audit")).ask().is(200).json();
    list["items"].as_array().expect("a list").clone()
}

#[test]
fn bans_are_made_listed_and_lifted() {
    let daemon = start();
    wait_until("everything has started", || {
        let bans = by_token(get(&daemon, "/api/v1/bans")).ask().is(200).json();
        (bans["configured"] == true).then_some(())
    });
    let alice = log_in(&daemon, "alice");
    let body = "{\"subject\": \"192.0.2.0/24\", \"seconds\": 3600, \"reason\": \"a \\\"b\\\"\"}";
    let said = alice.acts(post(&daemon, "/api/v1/bans", body)).ask().is(200).json();
    assert!(
        said["said"][0].as_str().expect("a text").contains("192.0.2.0/24 is banned until"),
        "{said}"
    );
    by_token(post(&daemon, "/api/v1/bans", "{\"subject\": \"account 17\"}")).ask().is(200);
    let bans = || {
        wait_until("two are listed", || {
            let bans = by_token(get(&daemon, "/api/v1/bans")).ask().is(200).json();
            (bans["items"].as_array().expect("a list").len() == 2).then_some(bans)
        })
    };
    let items = bans()["items"].clone();
    assert_eq!(
        (&items[0]["subject"], &items[0]["reason"]),
        (&"192.0.2.0/24".into(), &"a \"b\"".into())
    );
    assert!(items[0]["until"].as_str().is_some_and(|until| until.ends_with('Z')), "{items}");
    assert_eq!((&items[1]["subject"], &items[1]["until"]), (&"account 17".into(), &Value::Null));
    // This machine is not to be banned by a slip.
    let here = "{\"subject\": \"127.0.0.1\"}";
    by_token(post(&daemon, "/api/v1/bans", here)).ask().says(409, "conflict");
    for (body, place) in [
        ("{\"subject\": \"nobody\"}", "no address"),
        ("{\"subject\": 5}", "line 1 column"),
        ("{\"subject\": \"192.0.2.1\", \"more\": 1}", "unknown field"),
        ("{", "EOF"),
        ("", "EOF"),
    ] {
        let answer = by_token(post(&daemon, "/api/v1/bans", body)).ask().says(400, "bad_request");
        assert!(answer.body.contains(place), "{answer:?}");
    }
    let unban = |subject: &str| {
        by_token(Question::new(&daemon, "DELETE", &format!("/api/v1/bans/{subject}"))).ask()
    };
    unban("192.0.2.0%2F24").is(200);
    unban("account%2017").is(200);
    unban("account%2017").says(409, "conflict");
    unban("nobody").says(400, "bad_request");
    let entries = audit(&daemon);
    let noted: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!("{} {} {} {}", entry["user"], entry["action"], entry["object"], entry["ok"])
        })
        .collect();
    assert_eq!(
        noted,
        [
            "\"ci\" \"unban\" \"account 17\" false",
            "\"ci\" \"unban\" \"account 17\" true",
            "\"ci\" \"unban\" \"192.0.2.0/24\" true",
            "\"ci\" \"ban\" \"127.0.0.1\" false",
            "\"ci\" \"ban\" \"account 17\" true",
            "\"alice\" \"ban\" \"192.0.2.0/24\" true",
            "\"alice\" \"log-in\" \"\" true",
        ]
    );
    assert_eq!(entries[0]["address"], "127.0.0.1");
    wait_until("all are logged, and none is left out", || {
        (daemon.log().matches("INFO: audit: ").count() == noted.len()).then_some(())
    });
}

#[test]
fn the_audit_tells_no_secrets() {
    let dc = "keyword secret;\ndclass Account { setName(string); setPassword(string) secret; };\n";
    let setup =
        super::Setup::new().dc(dc).web_with(&super::users()).daemon("control: control.sock");
    let daemon = super::ROLES.iter().fold(setup, |setup, role| setup.role(*role)).start();
    let send = |field: &str, value: &str| {
        let body = serde_json::json!({
            "channels": ["77"], "message": "STATESERVER_OBJECT_SET_FIELD",
            "arguments": {"do_id": 77, "field": format!("Account.{field}"), "value": value},
        });
        by_token(post(&daemon, "/api/v1/datagrams", &body.to_string())).ask()
    };
    send("setName", "(\"Ann\")").is(202);
    send("setPassword", "(\"hunter2\")").is(202);
    send("setPassword", "(hunter2)").says(400, "bad_request");
    let path = "/api/v1/objects/77/fields/setPassword";
    let body = "{\"value\": \"(hunter2)\"}";
    by_token(Question::new(&daemon, "PUT", path).json(body)).ask().says(404, "not_found");
    let details: Vec<Value> =
        audit(&daemon).into_iter().map(|mut entry| entry["detail"].take()).collect();
    assert_eq!(
        details,
        [
            "setPassword = (secret)",
            "STATESERVER_OBJECT_SET_FIELD",
            r#"STATESERVER_OBJECT_SET_FIELD {"do_id":77,"field":"Account.setPassword","value":{"secret":9}}"#,
            r#"STATESERVER_OBJECT_SET_FIELD {"do_id":77,"field":"Account.setName","value":"(\"Ann\")"}"#,
        ]
    );
    wait_until("all are logged", || {
        (daemon.log().matches("INFO: audit: ").count() == details.len()).then_some(())
    });
    assert!(!daemon.log().contains("hunter2"), "{}", daemon.log());
}

#[test]
fn the_log_s_level_is_changed_and_the_audit_has_it_at_any() {
    let daemon = start();
    let put =
        |body: &str| by_token(Question::new(&daemon, "PUT", "/api/v1/log/level").json(body)).ask();
    assert_eq!(
        put("{\"level\": \"error\"}").is(200).json(),
        serde_json::json!({"level": "error", "before": "info"})
    );
    let level = by_token(get(&daemon, "/api/v1/log/level")).ask().is(200).json();
    assert_eq!(level["level"], "error");
    put("{\"level\": \"warning\"}").is(200);
    put("{\"level\": \"loud\"}").says(400, "bad_request");
    wait_until("both are logged", || {
        (daemon.log().matches("action=log-level").count() == 2).then_some(())
    });
}

#[test]
fn the_audit_is_told_in_pages() {
    let daemon = start();
    for _ in 0..5 {
        by_token(Question::new(&daemon, "POST", "/api/v1/reload")).ask().is(200);
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/audit?limit=2".to_owned();
    loop {
        let page = by_token(get(&daemon, &path)).ask().is(200).json();
        seen.extend(
            page["items"].as_array().expect("a list").iter().map(|item| item["seq"].clone()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/audit?limit=2&after={next}");
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    for query in ["limit=0", "limit=501", "limit=x", "after=x", "more=1"] {
        by_token(get(&daemon, &format!("/api/v1/audit?{query}"))).ask().says(400, "bad_request");
    }
}

#[test]
fn a_drain_ends_the_daemon() {
    let mut daemon = start();
    let body = "{\"grace_seconds\": 1}";
    let said = by_token(post(&daemon, "/api/v1/drain", body)).ask().is(202).json();
    assert!(said["said"][0].is_string(), "{said}");
    wait_until("it ends", || daemon.exited());
    assert!(daemon.log().contains("action=drain object=daemon"), "{}", daemon.log());
}

#[test]
fn what_there_is_is_described_and_nothing_else_is_done() {
    let daemon = start();
    let described = by_token(get(&daemon, "/api/v1/openapi.json")).ask().is(200).json();
    assert_eq!(described["openapi"], "3.1.0");
    let paths = described["paths"].as_object().expect("a map");
    for (path, methods) in paths {
        let path = path.replace("{subject}", "192.0.2.1");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let is_described = methods.get(method.to_lowercase()).is_some();
            // Those that end the daemon, or the session, are not to be done; as is what needs a name or a number.
            let has_no_end = path.ends_with("/events");
            if is_described && (method != "GET" || has_no_end) || path.contains('{') {
                continue;
            }
            let answer = by_token(Question::new(&daemon, method, &path)).ask();
            match is_described {
                true if path.ends_with("/eventlog") => drop(answer.says(404, "no_event_logger")),
                true => assert_ne!(answer.status, 404, "{method} {path}: {answer:?}"),
                false => drop(answer.says(405, "method_not_allowed")),
            }
        }
    }
}
