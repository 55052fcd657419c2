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
            "expected one of `sqlite`, `postgres`, `mysql`, `yaml` and `soci`; did you mean `yaml`?",
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
        ("{type: postgres}", "roles[0].backend.database: the key is missing"),
        ("{type: postgres, url: 'postgres://h/d', port: 1}", "give `url` or separate keys"),
        ("{type: postgres, url: 'mysql://h/d'}", "found the scheme `mysql`"),
        ("{type: mysql, database: d, host: 'a b'}", "found no host name or IP address"),
        ("{type: mysql, database: d, pool_max: 0}", "expected a whole number from 1 to 1000"),
    ] {
        let errors = errors(&backend(keys));
        assert!(errors.contains(expected), "{keys}: {errors}");
    }
}

#[test]
fn parts_that_take_each_other_s_channels_are_warned_of() {
    let said = warnings(
        r#"general: {dc_files: [a.dc]}
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
    - {type: clientagent, bind: "127.0.0.1:7001", channels: {min: 5000, max: 5999}}
"#,
    );
    let expected = [
        "6:61: roles[0].channels: client channels 3000-3999 overlaps id 3500 of uberdogs[0] (A)",
        "7:37: roles[1].channels: client channels 3999-4999 overlaps \
            client channels 3000-3999 of roles[0] (clientagent)",
        "9:33: roles[3].control: control channel 2000 overlaps \
            control channel 2000 of roles[2] (stateserver)",
        "9:49: roles[3].generate: generated ids 9000-9999 overlaps id 9000 of uberdogs[1] (B)",
    ];
    assert_eq!(said, expected.join("\n"));
}

#[test]
fn of_many_others_the_first_is_named_and_the_rest_counted() {
    let said = warnings(
        "general: {dc_files: [a.dc]}\nuberdogs: [{id: 3500, class: A}, {id: 3600, class: B}, {id: 9000, class: C}]\n\
         roles:\n  - {type: clientagent, channels: {min: 3000, max: 3999}}\n",
    );
    let expected = "4:35: roles[0].channels: client channels 3000-3999 overlaps id 3500 of uberdogs[0] (A), and 1 more";
    assert_eq!(said, expected);
}

/// What is said of so many items of a list, in all, and how often something is said.
fn counted(list: &str, item: &str) -> (usize, usize) {
    const COUNT: usize = 10_000;
    let text = format!(
        "general: {{dc_files: [a.dc]}}\n{list}:\n{}",
        format!("  - {{{item}}}\n").repeat(COUNT)
    );
    let findings = match read(&text) {
        Ok(loaded) => loaded.warnings,
        Err(errors) => errors.0,
    };
    (findings.iter().map(|finding| finding.stands_for).sum(), findings.len())
}

/// Pair by pair, each of these takes minutes and all memory.
#[test]
fn so_many_that_want_the_same_are_counted() {
    for (list, item, count) in [
        ("roles", "type: stateserver, control: 2000", 9_999),
        ("roles", "type: eventlogger, bind: '127.0.0.1:7000', output: a", 9_999),
        // And that nothing is done.
        ("uberdogs", "id: 2000, class: A", 10_000),
    ] {
        assert_eq!(counted(list, item), (count, 101), "{item}");
    }
    // Its channel, its ids and its directory.
    let database = "type: database, control: 4003, generate: {min: 5000}, backend: {type: yaml, directory: db}";
    assert_eq!(counted("roles", database), (3 * 9_999, 202));
    // No database is theirs.
    let (all, shown) = counted("roles", "type: dbss, database: 4003, ranges: [{min: 5000}]");
    assert_eq!((all, shown), (19_999, 101));
}

#[test]
fn a_conflict_is_shown_with_both_lines() {
    let text = "general: {dc_files: [a.dc]}\nroles:\n  - {type: stateserver, control: 2000}\n  \
                - {type: stateserver, control: 2000}\n";
    let expected = "\
warning: roles[1].control: control channel 2000 overlaps control channel 2000 of roles[0] (stateserver)
 --> game.yml:4:34
  |
3 |   - {type: stateserver, control: 2000}
  |                                  ---- control channel 2000
4 |   - {type: stateserver, control: 2000}
  |                                  ^^^^";
    assert_eq!(loaded(text).warnings[0].to_string(), expected);
}

#[test]
fn an_address_is_listened_on_once() {
    let agent =
        |bind: &str| format!("{{type: clientagent, {bind} channels: {{min: 2000, max: 2999}}}}");
    let config = |director: &str, bind: &str| {
        format!("messagedirector: {{bind: \"{director}\"}}\nroles: [{}]", agent(bind))
    };
    for (director, bind, is_taken) in [
        ("127.0.0.1:7000", "bind: '127.0.0.1:7000',", true),
        ("0.0.0.0:7000", "bind: '127.0.0.1:7000',", true),
        ("127.0.0.1:7000", "bind: '0.0.0.0:7000',", true),
        ("[::]:7000", "bind: '[::1]:7000',", true),
        ("game.example:7000", "bind: 'game.example:7000',", true),
        // Its default.
        ("127.0.0.1:7198", "", true),
        ("127.0.0.1:7000", "bind: '127.0.0.2:7000',", false),
        ("127.0.0.1:7000", "bind: '127.0.0.1:7001',", false),
        ("127.0.0.1:0", "bind: '127.0.0.1:0',", false),
        ("127.0.0.1:7000", "bind: '[::1]:7000',", false),
    ] {
        let text = config(director, bind);
        let message = match read(&text) {
            Ok(_) => None,
            Err(errors) => errors.0.iter().find(|it| !is_warning(it)).map(Finding::headline),
        };
        let taken =
            message.as_ref().is_some_and(|it| it.contains("is taken by messagedirector too"));
        assert_eq!(taken, is_taken, "{text}: {message:?}");
    }
    // Neither says where it listens, and one is for UDP.
    let two = format!(
        "roles: [{}, {}, {{type: eventlogger, bind: '0.0.0.0:7198'}}]",
        agent(""),
        agent("")
    );
    let expected = "1:65: roles[1]: 0.0.0.0:7198 is taken by roles[0] (clientagent) too";
    assert_eq!(errors(&two).replace("roles[1].bind", "roles[1]"), expected);
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let dc = "general: {dc_files: [a.dc]}\n";
    let database = "{type: database, control: 4003, generate: {min: 5000}}";
    let dbss =
        |database: &str| format!("{{type: dbss, database: {database}, ranges: [{{min: 5000}}]}}");
    let link = "messagedirector: {connect: hub}\n";
    let nothing = "without roles and `messagedirector.bind` the daemon does nothing";
    let no_classes = "without DC files there are no classes, so that no object can be made";
    for (text, expected) in [
        ("{}".to_owned(), format!("1:1: roles: {nothing}")),
        ("messagedirector: {connect: hub}".to_owned(), format!("1:1: roles: {nothing}")),
        ("messagedirector: {bind: hub}".to_owned(), String::new()),
        ("roles: [{type: eventlogger}]".to_owned(), String::new()),
        (
            "roles: [{type: stateserver, control: 4002}]".to_owned(),
            format!("1:1: general.dc_files: {no_classes}"),
        ),
        (format!("{dc}roles: [{database}, {}]", dbss("4003")), String::new()),
        (
            format!("{dc}roles: [{database}, {}]", dbss("4004")),
            "2:88: roles[1].database: no database of this file has the channel 4004: this file's is 4003"
                .to_owned(),
        ),
        (
            format!("{dc}roles: [{}]", dbss("4003")),
            "2:32: roles[0].database: no database of this file has the channel 4003: this file has none"
                .to_owned(),
        ),
        // Another daemon has it.
        (format!("{dc}{link}roles: [{}]", dbss("4003")), String::new()),
        (
            format!("{dc}{link}roles: [{database}, {}]", dbss("4004")),
            "3:88: roles[1].database: no database of this file has the channel 4004: this file's is 4003"
                .to_owned(),
        ),
    ] {
        assert_eq!(warnings(&text), expected, "{text}");
    }
}

#[test]
fn a_range_that_is_split_is_one_warning() {
    let text = |ranges: &str| {
        format!(
            "general: {{dc_files: [a.dc]}}\nroles:\n  - {{type: database, control: 4003, generate: {{min: 1000000}}}}\n  \
             - {{type: dbss, database: 4003, {ranges}}}\n"
        )
    };
    let half = "without `min` a range is all doIds up to its `max`, as in Astron; a range with both is one item of the \
                list, `{min: …, max: …}`";
    for (ranges, expected) in [
        ("ranges: [{min: 1000000}, {max: 2000000}]", format!("roles[1].ranges[1].min: {half}")),
        (
            "ranges: [{min: 1000000}, {max: 2000000}, {min: 3000000}, {max: 4000000}]",
            format!("roles[1].ranges[1].min: {half}"),
        ),
        ("ranges: [{}, {}]", format!("roles[1].ranges[0].min: {half}")),
        ("ranges: [{max: 2000000}]", format!("roles[1].ranges[0].min: {half}")),
        ("ranges: []", "roles[1].ranges: without a range the role serves no object".to_owned()),
        (
            "load_timeout_ms: 7",
            "roles[1].ranges: without this key the role serves no object".to_owned(),
        ),
        ("ranges: [{min: 1000000}]", String::new()),
    ] {
        let said = warnings(&text(ranges));
        let said = said.split_once(": ").map_or("", |(_, message)| message);
        assert_eq!(said, expected, "{ranges}");
    }
    // Those that are split are marked, and what is an error is not warned of, too.
    let all = loaded(&text("ranges: [{min: 1000000}, {max: 2000000}, {max: 4000000}]")).warnings;
    assert_eq!(all[0].marks.len(), 2, "{}", all[0]);
    for ranges in ["ranges: [{low: 1000000, high: 2000000}]", "range: {min: 1000000}"] {
        let errors = read(&text(ranges)).expect_err("invalid").0;
        assert!(errors.iter().all(|finding| !is_warning(finding)), "{errors:#?}");
    }
}
