//! Rules between keys.

use super::*;

#[test]
fn what_a_role_cannot_do_without() {
    for (role, key, what) in [
        ("type: stateserver", "control", "the channel of this role"),
        (
            "type: dbss, ranges: []",
            "database",
            "the control channel of the database with its objects",
        ),
        (
            "type: database, control: 1000",
            "generate",
            "`min` and `max` of the doIds of new objects",
        ),
        (
            "type: database, control: 1000, generate: {max: 2000}",
            "generate.min",
            "the first doId of the range",
        ),
        (
            "type: database, control: 1000, generate: {min: 1000}, backend: {}",
            "backend.type",
            "the type of the backend",
        ),
        (
            "type: clientagent, channels: {max: 2000}",
            "channels.min",
            "the first channel of a client",
        ),
        (
            "type: clientagent, channels: {min: 2000}",
            "channels.max",
            "the last channel of a client",
        ),
    ] {
        let expected = format!("roles[0].{key}: the key is missing; expected {what}");
        assert_eq!(value_error("roles: ", &format!("[{{{role}}}]")), expected);
    }
}

#[test]
fn what_an_uberdog_cannot_do_without() {
    for (uberdog, key, what) in [
        ("id: 1234", "class", "the name of its class in the DC files"),
        ("class: A", "id", "the doId of the UberDOG"),
    ] {
        let expected = format!("uberdogs[0].{key}: the key is missing; expected {what}");
        assert_eq!(value_error("uberdogs: ", &format!("[{{{uberdog}}}]")), expected);
    }
}

#[test]
fn two_uberdogs_cannot_have_one_id() {
    let message = value_error("uberdogs: ", "[{id: 1234, class: A}, {id: 1234, class: B}]");
    let expected = "uberdogs[1].id: this is the id of another UberDOG already";
    assert_eq!(message, expected);
}

#[test]
fn a_range_may_not_be_empty() {
    for (role, message) in [
        (
            "{type: clientagent, channels: {min: 2000, max: 1999}}",
            "roles[0].channels.max: found `1999`, expected no less than `min`, which is 2000",
        ),
        (
            "{type: database, control: 1000, generate: {min: 2000, max: 1999}}",
            "roles[0].generate.max: found `1999`, expected no less than `min`, which is 2000",
        ),
        (
            "{type: dbss, database: 1000, ranges: [{min: 2000, max: 1999}]}",
            "roles[0].ranges[0].max: found `1999`, expected no less than `min`, which is 2000",
        ),
    ] {
        assert_eq!(value_error("roles: ", &format!("[{role}]")), message);
    }
}

#[test]
fn a_backend_has_only_its_own_keys() {
    for (keys, expected) in [
        (
            "{type: yam}",
            "expected one of `sqlite`, `postgres`, `mysql`, `yaml`, `soci` and `mongodb`; did you mean `yaml`?",
        ),
        ("{type: sqlite, file_mode: 0}", "found `0`, expected the mode of a file in octal"),
        ("{type: sqlite, file_mode: 0o444}", "its owner can read and write it"),
        ("{type: yaml, file_mode: 0688}", "expected the mode of a file in octal"),
        ("{type: yaml, file_mode: 1777}", "the mode of a file in octal, `0600` to `0777`, with"),
        ("{type: postgres, database: d, file_mode: 0600}", "there is no such key"),
        ("{type: mysql, database: d, prepared_statements: true}", "there is no such key"),
        ("{type: yaml, file: x}", "roles[0].backend.file: there is no such key"),
        ("{type: soci, driver: oracle}", "expected one of `postgresql`, `mysql` and `sqlite3`"),
        ("{type: soci, server: a, address: b}", "this is another name of `address`"),
        ("{type: mongodb, server: 'baddb://h/test'}", "found no MongoDB URI"),
        ("{type: postgres}", "roles[0].backend.database: the key is missing"),
        ("{type: postgres, url: 'postgres://h/d', port: 1}", "give `url` or separate keys"),
        ("{type: postgres, url: 'mysql://h/d'}", "found the scheme `mysql`"),
        ("{type: mysql, database: d, host: 'a b'}", "expected a host name or an IP address"),
        ("{type: mysql, database: d, pool_max: 0}", "expected a whole number from 1 to 1000"),
    ] {
        let errors = errors(&backend(keys));
        assert!(errors.contains(expected), "{keys}: {errors}");
    }
}

#[test]
fn conflicts_between_parts_are_warnings_with_their_places() {
    let warnings = loaded(
        r#"messagedirector: {bind: "127.0.0.1:7000"}
uberdogs:
    - {id: 3500, class: A}
    - {id: 9000, class: B}
roles:
    - {type: clientagent, bind: "127.0.0.1:7000", channels: {min: 3000, max: 3999}}
    - {type: clientagent, channels: {min: 3999, max: 4999}}
    - {type: stateserver, control: 2000}
    - {type: database, control: 2000, generate: {min: 9000, max: 9999}}
    - {type: dbss, database: 2000, ranges: [{min: 9001, max: 9999}]}
    - {type: eventlogger, bind: "127.0.0.1:7000"}
    - {type: clientagent, channels: {min: 5000, max: 5999}}
"#,
    )
    .warnings;
    let expected = [
        "6:33: roles[0].bind: 127.0.0.1:7000 is taken by messagedirector too",
        "6:61: roles[0].channels: client channels 3000-3999 overlaps id 3500 of uberdogs[0] (A)",
        "7:37: roles[1].channels: client channels 3999-4999 overlaps \
            client channels 3000-3999 of roles[0] (clientagent)",
        "9:33: roles[3].control: control channel 2000 overlaps \
            control channel 2000 of roles[2] (stateserver)",
        "9:49: roles[3].generate: generated ids 9000-9999 overlaps id 9000 of uberdogs[1] (B)",
        // Neither says where it listens.
        "12:7: roles[6].bind: 0.0.0.0:7198 is taken by roles[1] (clientagent) too",
    ];
    let said: Vec<String> = warnings.iter().map(Diagnostic::to_string).collect();
    assert_eq!(said, expected.map(|line| format!("game.yml:{line}")));
}
