//! WebSocket on a client agent.

use std::time::Duration;

use super::*;

fn agent(keys: &str) -> String {
    format!("roles: [{{type: clientagent, channels: {{min: 2000, max: 2999}}, {keys}}}]")
}

fn agent_of(keys: &str) -> ClientAgentConfig {
    let RoleConfig::ClientAgent(agent) = valid(&agent(keys)).roles.remove(0) else {
        panic!("{keys}")
    };
    agent
}

fn websocket(keys: &str) -> WebSocketConfig {
    *agent_of(&format!("websocket: {{{keys}}}")).websocket.expect("a section")
}

#[test]
fn what_is_not_said_is_as_documented() {
    let expected = WebSocketConfig {
        bind: Address::parse("0.0.0.0:7196", 0).expect("an address"),
        path: "/".to_owned(),
        allowed_origins: Vec::new(),
        trusted_proxies: Networks::default(),
        tls: None,
        ping: Some(Duration::from_secs(20)),
    };
    assert_eq!(websocket(""), expected);
    assert_eq!(agent_of("version: a").websocket, None);
}

#[test]
fn all_keys_are_read() {
    let read = websocket(
        "bind: '127.0.0.1', path: /game, allowed_origins: ['https://Game.example:443', 'http://a.example:8080', \
         'null', 'capacitor://localhost'], trusted_proxies: [10.0.0.0/24, '::1'], ping_ms: 0, \
         tls: {certificate: a.pem, key_file: a.key, min_version: '1.3'}",
    );
    assert_eq!((read.bind.to_string(), &*read.path), ("127.0.0.1:7196".to_owned(), "/game"));
    let origins =
        ["https://game.example", "http://a.example:8080", "null", "capacitor://localhost"];
    assert_eq!(read.allowed_origins, origins);
    assert!(read.trusted_proxies.contain([10, 0, 0, 9].into()));
    assert_eq!(read.ping, None);
    let tls = read.tls.expect("a section");
    assert_eq!((&*tls.key, tls.min_version), ("roles[0].websocket.tls", TlsVersion::V1_3));
    let text = agent(
        "websocket: {tls: {certificate: a.pem, key_file: a.key}}, tls: {certificate: b, key_file: c}",
    );
    let keys: Vec<String> =
        valid(&text).tls_sections().map(|section| section.key.clone()).collect();
    assert_eq!(keys, ["roles[0].tls", "roles[0].websocket.tls"], "their files are looked at");
}

#[test]
fn what_would_never_be_matched_or_believed_is_an_error() {
    for (keys, expected) in [
        ("path: game", "roles[0].websocket.path: found `game`, expected a path"),
        ("path: '/game?x'", "expected a path"),
        ("path: '/a b'", "expected a path"),
        ("allowed_origins: ['https://game.example/']", "without a path"),
        ("allowed_origins: [game.example]", "roles[0].websocket.allowed_origins[0]: found"),
        ("allowed_origins: ['*']", "an origin as browsers send it"),
        ("allowed_origins: 'https://game.example'", "roles[0].websocket.allowed_origins: "),
        ("trusted_proxies: [proxy.example]", "expected a network"),
        ("tls: {}", "roles[0].websocket.tls.certificate: the key is missing"),
        ("tls: {bind: '0.0.0.0:1', certificate: a, key_file: b}", "roles[0].websocket.tls.bind: "),
        ("pin_ms: 5", "did you mean `ping_ms`?"),
        ("ping_ms: 20s", "without a unit, `20s` is `20000`"),
        ("bind: '0.0.0.0:7198'", "is taken by roles[0] (clientagent) too"),
    ] {
        let errors = errors(&agent(&format!("websocket: {{{keys}}}")));
        assert!(errors.contains(expected), "{keys}: {errors}");
    }
    let twice = agent(
        "tls: {bind: '127.0.0.1:5', certificate: a, key_file: b}, websocket: {bind: '127.0.0.1:5'}",
    );
    assert!(errors(&twice).contains("roles[0].websocket.bind: 127.0.0.1:5 is taken"));
}

#[test]
fn tcp_may_be_left_out_where_something_else_is() {
    let agent = |keys: &str| agent_of(&format!("bind: none, {keys}"));
    assert_eq!(agent("websocket: {bind: '127.0.0.1:1'}").bind, None);
    let addresses = agent("tls: {bind: '127.0.0.1:2', certificate: a, key_file: b}");
    let addresses: Vec<String> =
        addresses.addresses().map(|(key, address)| format!("{key} {address}")).collect();
    assert_eq!(addresses, ["tls.bind 127.0.0.1:2"]);
    for (keys, expected) in [
        ("version: a", "roles[0].bind: with `none` nobody can connect"),
        (
            "tls: {certificate: a, key_file: b}",
            "roles[0].tls: with `bind: none` this is for nobody",
        ),
        (
            "tls: {certificate: a, key_file: b}, websocket: {bind: '127.0.0.1'}",
            "roles[0].tls: with `bind: none` this is for nobody",
        ),
    ] {
        let errors = errors(&self::agent(&format!("bind: none, {keys}")));
        assert!(errors.contains(expected), "{keys}: {errors}");
    }
}

#[test]
fn a_websocket_that_browsers_will_hardly_open_is_warned_of() {
    for (keys, is_odd) in [
        ("", true),
        ("bind: 203.0.113.5", true),
        ("bind: '::'", true),
        ("bind: 127.0.0.1", false),
        ("bind: 10.0.0.1", false),
        ("bind: game.example", false),
        ("trusted_proxies: [10.0.0.1]", false),
        ("tls: {certificate: a, key_file: b}", false),
    ] {
        let said = warnings(&agent(&format!("websocket: {{{keys}}}")));
        assert_eq!(said.contains("roles[0].websocket.bind: "), is_odd, "{keys}: {said}");
    }
}
