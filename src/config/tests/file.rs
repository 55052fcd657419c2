//! The file as a whole: syntax, places, paths.

use super::*;

#[test]
fn every_mistake_is_reported_with_its_place() {
    check_error(
        r#"messagedirector:
    bond: ::1
    threaded: pizza
rolls: []
roles:
    - type: clientagent
      client: {add_interest: visibel}
    - type: stateserver
      control: 100
      contrl: 1
    - type: dbss
      database: 1200
      ranges:
        - max: 3
    - type: databas
    - queque: pu-pu
    - foo
"#,
        "\
2:5: messagedirector.bond: there is no such key; did you mean `bind`?
3:15: messagedirector.threaded: found `pizza`, expected `true` or `false`
4:1: rolls: there is no such key; did you mean `roles`?
6:7: roles[0].channels: the key is missing; expected `min` and `max` of the channels that clients are given
7:30: roles[0].client.add_interest: found `visibel`, expected one of `visible`, `enabled` and `disabled`; did you mean `visible`?
9:16: roles[1].control: found `100`, expected a channel: a whole number from 1000 up; 0 to 999 and 4294967296 to 4290672328704 belong to the protocol
10:7: roles[1].contrl: there is no such key; did you mean `control`?
14:16: roles[2].ranges[0].max: found `3`, expected a doId: a whole number from 1000 to 4294967295; 0 to 999 belong to the protocol
15:13: roles[3].type: found `databas`, expected one of `clientagent`, `stateserver`, `database`, `dbss` and `eventlogger`; did you mean `database`?
16:7: roles[4].type: the key is missing; expected the type of the role: one of `clientagent`, `stateserver`, `database`, `dbss` and `eventlogger`
17:7: roles[5]: found `foo`, expected a map (lines of the form `key: value`)",
    );
}

#[test]
fn files_that_are_no_configuration() {
    let map = "expected a map (lines of the form `key: value`)";
    let list = "expected a list (lines that begin with `- `)";
    for (text, expected) in [
        ("", " the file is empty".to_owned()),
        ("# nothing\n", " the file has no keys: nothing but comments".to_owned()),
        ("- a", format!("1:1: found a list, {map}")),
        ("just text", format!("1:1: found `just text`, {map}")),
        ("general:", format!("1:8: general: found nothing, {map}")),
        ("general: [a: b]", format!("1:10: general: found a list, {map}")),
        ("roles:\n", format!("1:6: roles: found nothing, {list}")),
        ("uberdogs: {id: 1234}", format!("1:11: uberdogs: found a map, {list}")),
        (
            "general:\n  dc_files: game.dc",
            format!("2:13: general.dc_files: found `game.dc`, {list}"),
        ),
        ("general: &a\n  dc_files: *a", "2:13: an alias within its own anchor".to_owned()),
        ("[a]: b", "1:1: found a list, expected the name of a key".to_owned()),
    ] {
        check_error(text, &expected);
    }
    let too_deep = "[".repeat(33) + &"]".repeat(33);
    check_error(&too_deep, "1:33: lists and maps are nested too deeply");
}

#[test]
fn syntax_errors_have_a_line() {
    for (text, place) in [
        ("a: 1\n b: 2", "2:3: this is not YAML: "),
        ("a: \"x", "1:4: this is not YAML: "),
        ("a: [b: c: d]", "1:9: this is not YAML: "),
        ("a: *unknown", "1:4: this is not YAML: "),
    ] {
        let errors = errors(text);
        assert!(errors.starts_with(place), "{text}\n{errors}");
    }
    let errors = read_raw(b"daemon:\n  name: \xff").expect_err("not UTF-8");
    assert_eq!(errors.0[0].headline(), "game.yml:2:9: the file is not UTF-8 text");
}

#[test]
fn a_missing_file_is_named() {
    let errors = load(Path::new("no/such/game.yml")).expect_err("there is none");
    let text = errors.0[0].headline();
    let expected = "no/such/game.yml: the file cannot be read: ";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("game.yml");
    std::fs::write(&path, "general: {dc_files: [dc/game.dc]}").expect("a file");
    let config = load(&path).expect("valid");
    assert_eq!(config.base_dir, folder.path());
    assert_eq!(config.general.dc_files, [folder.path().join("dc/game.dc")]);
}

#[test]
fn the_first_of_two_equal_keys_holds() {
    let loaded = loaded("messagedirector: {bind: a}\ndaemon:\n  name: one\n  name: two\n");
    assert_eq!(loaded.config.daemon.name, "one");
    let shown = loaded.warnings.iter().map(Finding::to_string).find(|text| text.contains("second"));
    let expected = "\
warning: daemon.name: the key stands here for the second time; its value in line 3 holds
 --> game.yml:4:3
  |
3 |   name: one
  |   ---- this one holds
4 |   name: two
  |   ^^^^";
    assert_eq!(shown.as_deref(), Some(expected));
}

#[test]
fn an_anchor_can_be_used_again() {
    let config = valid("daemon: {name: &n Core, url: *n}");
    assert_eq!(config.daemon.url, "Core");
}

#[test]
fn what_is_wrong_is_shown_with_its_line() {
    let errors = read("roles:\n  - type: stateserver\n    contrl: 7\n").expect_err("invalid");
    let expected = "\
error: roles[0].control: the key is missing; expected the channel of this role
 --> game.yml:2:5
  |
2 |   - type: stateserver
  |     ^^^^

error: roles[0].contrl: there is no such key; did you mean `control`?
 --> game.yml:3:5
  |
3 |     contrl: 7
  |     ^^^^^^";
    assert_eq!(errors.to_string(), expected);
}

#[test]
fn a_bracket_that_is_not_closed_is_shown_where_it_is_open() {
    for (text, expected) in [
        (
            "messagedirector: {bind: 127.0.0.1:7000\nroles:\n  - type: eventlogger\n",
            "error: this `{` is not closed
 --> game.yml:1:18
  |
1 | messagedirector: {bind: 127.0.0.1:7000
  |                  ^
2 | roles:
  |      - what follows here does not belong into it",
        ),
        (
            "a:\n  - [b",
            "error: this `[` is not closed\n --> game.yml:2:5\n  |\n2 |   - [b\n  |     ^",
        ),
    ] {
        let errors = read(text).expect_err("invalid");
        assert_eq!(errors.to_string(), expected, "{text}");
    }
}

#[test]
fn a_second_document_is_not_read() {
    for more in ["roles: 7", "[", "", "daemon: {name: other}"] {
        let text = format!("messagedirector: {{bind: a}}\ndaemon: {{name: one}}\n---\n{more}");
        let loaded = loaded(&text);
        assert_eq!(loaded.config.daemon.name, "one");
        let said = warnings(&text);
        let expected = "3:1: a second document begins here, and is not read, as in Astron";
        assert!(said.contains(expected), "{more}: {said}");
    }
}

#[test]
fn parts_with_mistakes_are_left_out() {
    let text = r#"
general: {dc_files: [a.dc], eventlogger: [x]}
uberdogs:
  - {id: 1234}
  - {id: 1235, class: Chat}
messagedirector: {bind: 127.0.0.1, threaded: pizza}
roles:
  - {type: stateserver}
  - {type: stateserver, control: 1235}
  - {type: clientagent, bind: '127.0.0.1:7199', channels: {min: 2000, max: 2999}}
  - {type: dbss, database: 1200, ranges: [{min: 5000, max: 3}, {min: 2000, max: 2001}]}
  - {type: eventlogger, bind: 127.0.0.1, output: a}
  - {type: eventlogger, bind: 127.0.0.1, output: b}
"#;
    let report = Report::new("game.yml".to_owned());
    let read = read_bytes(text.as_bytes(), Path::new("/srv/game"), &report, &environment);
    let (loaded, findings) = outcome(read, report);
    let config = loaded.expect("what is right of it").config;
    let roles: Vec<usize> = config.numbered_roles().map(|(i, _)| i).collect();
    let uberdogs: Vec<usize> = config.numbered_uberdogs().map(|(i, _)| i).collect();
    assert_eq!((&roles[..], &uberdogs[..]), (&[1, 2, 4, 5][..], &[1][..]));
    assert!(config.places.knows_dc_files);
    let said = headlines(findings.iter());
    let clashes: Vec<&str> =
        said.lines().filter(|line| line.contains("overlaps") || line.contains("taken")).collect();
    // What is said of whole items has their numbers in the file.
    assert_eq!(
        clashes,
        [
            "9:34: roles[1].control: control channel 1235 overlaps id 1235 of uberdogs[1] (Chat)",
            "13:31: roles[5].bind: 127.0.0.1:7197 is taken by roles[4] (eventlogger) too",
        ]
    );
    for (text, knows) in [
        ("general: {dc_files: [a.dc, [b]]}", false),
        ("general: {dc_file: [a.dc]}", false),
        ("general: {string_encoding: utf7}", false),
        ("genral: {dc_files: [a.dc]}", false),
        ("general: 7", false),
        ("general: {eventlogger: ':'}", true),
        ("rolls: []\ngeneral: {}", true),
        ("daemon: {threads: 0}", true),
    ] {
        let report = Report::new("game.yml".to_owned());
        let read = read_bytes(text.as_bytes(), Path::new("/srv/game"), &report, &environment);
        let config = outcome(read, report).0.expect("a map").config;
        assert_eq!(config.places.knows_dc_files, knows, "{text}");
    }
}

#[test]
fn a_slip_in_yaml_is_shown_where_it_is() {
    for (text, place, help) in [
        (
            "roles:\n  - type: stateserver\n    control:4002\n    daemon: a\n",
            "game.yml:3:12: this is not YAML: no blank behind the `:`",
            "a value has a blank before it: `control: …`",
        ),
        (
            "roles:\n  - type: stateserver\n    control:4002\n",
            "game.yml:3:12: this is not YAML: no blank behind the `:`",
            "a value has a blank before it: `control: …`",
        ),
        (
            "roles:\n  - type: stateserver\n\tcontrol: 4002\n",
            "game.yml:3:1: this is not YAML: a tab in the indentation",
            "indent with blanks",
        ),
        (
            "roles:\n  - type: eventlogger\n  -type: stateserver\n    control: 4002\n",
            "game.yml:3:3: this is not YAML: no blank behind the `-`",
            "an item of a list has a blank behind its dash: `- type: …`",
        ),
        (
            "roles:\n  - type: stateserver\n   control: 4002\n",
            "game.yml:3:4: this is not YAML: ",
            "the keys of one map begin in the same column, and so do the `-` of one list",
        ),
        (
            "roles:\n  - type: eventlogger\n  control: 4002\n",
            "game.yml:3:3: this is not YAML: ",
            "the keys of one map begin in the same column, and so do the `-` of one list",
        ),
    ] {
        let errors = read(text).expect_err("invalid");
        let headline = errors.0[0].headline();
        assert!(headline.starts_with(place), "{text}\n{headline}");
        assert_eq!(errors.0[0].help, [help], "{text}\n{headline}");
    }
}

#[test]
fn a_type_that_is_a_key_is_told_from_none() {
    for role in ["stateserver: {control: 4002}", "stateserver:\n      control: 4002"] {
        let errors = errors(&format!("roles:\n  - {role}"));
        let expected = "2:5: roles[0].type: the key is missing; expected the type of the role: one of `clientagent`, \
                        `stateserver`, `database`, `dbss` and `eventlogger`; write `type: stateserver`, and the other keys below it";
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn a_hash_without_its_0x_is_known() {
    let errors = errors(
        "roles: [{type: clientagent, channels: {min: 5000, max: 6000}, manual_dc_hash: [0, 00a5ac7b]}]",
    );
    let expected = "manual_dc_hash[1]: found `00a5ac7b`, expected a whole number from 0 to 4294967295; in hexadecimal it is `0x00a5ac7b`";
    assert!(errors.contains(expected), "{errors}");
}
