//! What a single value may be.

use std::time::Duration;

use super::*;

#[test]
fn channels() {
    let control = "roles:\n  - type: stateserver\n    control: ";
    for text in ["1000", "+1000", "4294967295", "4290672328705", "0xFFFFFFFFFFFFFFFF", "'1000'"] {
        assert_eq!(valid(&format!("{control}{text}")).roles.len(), 1, "{text}");
    }
    for text in [
        "0",
        "1",
        "100",
        "777",
        "999",
        "4294967296",
        "4290672328704",
        "18446744073709551616",
        "-1",
        "1e4",
        "+",
        "0o17",
        "08000",
        "1000.0",
        "abc",
        "0x",
        "0xg",
        "[]",
        "{}",
        "''",
        "~",
        "01000",
        "0",
    ] {
        let message = value_error(control, text);
        let expected = "expected a channel: a whole number from 1000 up";
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn object_ids() {
    let uberdog = "uberdogs:\n  - class: A\n    id: ";
    for text in ["1000", "0x3e8", "4294967295"] {
        assert_eq!(valid(&format!("{uberdog}{text}")).uberdogs.len(), 1, "{text}");
    }
    for text in ["0", "165", "999", "4294967296", "-5", "abc"] {
        let message = value_error(uberdog, text);
        let expected = "uberdogs[0].id: found `";
        assert!(message.starts_with(expected), "{text}: {message}");
    }
}

#[test]
fn booleans() {
    let strict =
        "roles:\n  - type: database\n    control: 1000\n    generate: {min: 1000}\n    broadcast: ";
    for text in ["true", "True", "TRUE", "false", "False", "FALSE"] {
        let config = valid(&format!("{strict}{text}"));
        let [RoleConfig::Database(database)] = &config.roles[..] else {
            panic!("{config:?}");
        };
        assert_eq!(database.broadcast, text.eq_ignore_ascii_case("true"), "{text}");
    }
    for text in ["yes", "on", "pizza", "15012", "fAlSe", "1", "0"] {
        let message = value_error(strict, text);
        let expected = format!("roles[0].broadcast: found `{text}`, expected `true` or `false`");
        assert_eq!(message, expected);
    }
    let loose = "messagedirector:\n  threaded: ";
    for text in ["y", "Yes", "on", "OFF", "n", "no", "true", "FALSE"] {
        valid(&format!("{loose}{text}"));
    }
    for text in ["pizza", "1", "yEs", "''"] {
        value_error(loose, text);
    }
}

#[test]
fn intervals() {
    let key = "roles:\n  - type: eventlogger\n    rotate_interval: ";
    for (text, seconds) in
        [("0", None), ("90s", Some(90)), ("30m", Some(1_800)), ("1d", Some(86_400))]
    {
        let config = valid(&format!("{key}{text}"));
        let [RoleConfig::EventLogger(logger)] = &config.roles[..] else {
            panic!("{config:?}");
        };
        assert_eq!(logger.rotate_interval, seconds.map(Duration::from_secs), "{text}");
    }
    for text in ["1", "d", "-1d", "1 d", "1w", "0d", "1.5h", "99999999999d", "1ä", "''"] {
        let message = value_error(key, text);
        assert!(message.contains("expected `0` (never) or an interval"), "{text}: {message}");
    }
}

#[test]
fn a_key_of_which_only_the_beginning_is_written_is_recognised() {
    let text = backend("{type: postgres, host: h, database: d, user: u, us: u}");
    let known = "known are `type`";
    let found = errors(&text);
    assert!(
        found.contains("backend.user: there is no such key; did you mean `username`?"),
        "{found}"
    );
    assert!(found.contains(&format!("backend.us: there is no such key; {known}")), "{found}");
}

#[test]
fn one_or_a_list_of_versions_and_hashes() {
    let agent = "general: {dc_files: [game.dc]}\nroles:\n  - type: clientagent\n    channels: {min: 1000, max: 1000}\n    ";
    let read = |keys: &str| {
        let text = format!("{agent}{keys}");
        let config = valid(&text);
        let [RoleConfig::ClientAgent(agent)] = &config.roles[..] else { panic!("{config:?}") };
        (agent.versions.clone(), agent.dc_hashes.clone(), warnings(&text))
    };
    let (versions, hashes, warnings) = read("version: [1.0, '1.1']\n    manual_dc_hash: [0xAB, 0]");
    assert_eq!((versions, hashes), (vec!["1.0".to_owned(), "1.1".to_owned()], vec![0xab, 0]));
    assert_eq!(warnings, "");
    let (versions, hashes, warnings) = read("version: [a, b, a]\n    manual_dc_hash: [0xab, 171]");
    assert_eq!((versions.len(), hashes), (2, vec![0xab]));
    let expected = "\
5:21: roles[0].version[2]: `a` stands in this list already
6:28: roles[0].manual_dc_hash[1]: `171` stands in this list already";
    assert_eq!(warnings, expected);
    let (versions, _, warnings) = read("version: v1, v2");
    assert_eq!(versions, ["v1, v2"]);
    let expected = "5:14: roles[0].version: this is one version with a comma in its name; a list is written `[v1, v2]`";
    assert_eq!(warnings, expected);
    let check = |keys: &str, expected: &str| check_error(&format!("{agent}{keys}"), expected);
    let expected = "expected milliseconds: a whole number from 0 to 4294967295";
    for (text, hint) in [
        ("5s", "; without a unit, `5s` is `5000`"),
        ("2 min", "; without a unit, `2 min` is `120000`"),
        ("soon", ""),
    ] {
        check(
            &format!("client: {{heartbeat_timeout: {text}}}"),
            &format!("5:33: roles[0].client.heartbeat_timeout: found `{text}`, {expected}{hint}"),
        );
    }
    check(
        "version: []",
        "5:14: roles[0].version: found an empty list, expected at least one value",
    );
    check(
        "manual_dc_hash: []",
        "5:21: roles[0].manual_dc_hash: found an empty list, expected at least one value",
    );
    check(
        "manual_dc_hash: [1, 4294967296, {}]",
        "5:25: roles[0].manual_dc_hash[1]: found `4294967296`, expected a whole number from 0 to 4294967295\n\
         5:37: roles[0].manual_dc_hash[2]: found a map, expected a whole number from 0 to 4294967295",
    );
    check("version: {a: b}", "5:14: roles[0].version: found a map, expected a text");
}
