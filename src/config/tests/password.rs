//! What need not stand in the file: variables of the environment, passwords in files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn any_value_can_come_from_the_environment() {
    let text = "roles:\n  - type: database\n    control: ${CONTROL}\n    broadcast: ${UNSET:-false}\n    \
                generate: {min: '${UNSET:-5000}'}\n    backend:\n      type: ${UNSET:-postgres}\n      \
                host: db-${CONTROL}\n      database: '$${SECRET}'\n      password: ${SECRET}\n";
    let config = valid(text);
    let [RoleConfig::Database(database)] = &config.roles[..] else { panic!("{config:?}") };
    assert_eq!(database.control.0, 4003);
    assert!(!database.broadcast);
    let BackendConfig::Postgres { url, .. } = &database.backend else { panic!("{database:?}") };
    assert_eq!(url, "postgres://:hunter2@db-4003:5432/$%7BSECRET%7D");
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_key() {
    let text = "roles:\n  - type: stateserver\n    control: ${UNSET}";
    let errors = read(text).expect_err("invalid").0;
    let [error] = &errors[..] else { panic!("{errors:#?}") };
    let expected = "game.yml:3:14: roles[0].control: the environment variable `UNSET` is not set";
    assert_eq!(error.headline(), expected);
    assert!(error.help[0].contains("`$${UNSET}`"), "{error}");
    // YAML ends a value before a bracket.
    let errors = read("roles: [{type: stateserver, control: ${CONTROL}}]").expect_err("invalid");
    assert_eq!(errors.0[0].help, ["in brackets a value with `${…}` needs quotes"]);
}

#[test]
fn what_the_environment_has_is_not_shown() {
    let errors = read("roles: [{type: stateserver, control: '${SECRET}'}]").expect_err("invalid");
    let shown = format!("{errors}{errors:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("found what `${SECRET}` stands for, expected a channel"), "{shown}");
}

#[test]
fn a_dollar_is_a_dollar() {
    let config = valid("daemon: {name: 'a$b $HOME ${ $$', url: '$${HOME}'}");
    assert_eq!((&*config.daemon.name, &*config.daemon.url), ("a$b $HOME ${ $$", "${HOME}"));
}

/// A folder with a file that has this text and mode.
fn folder(text: &str, mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("db.password");
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
    folder
}

#[test]
fn a_password_can_be_in_a_file() {
    for (text, mode) in [("hunter2", 0o600), ("hunter2\n", 0o640), ("hunter2\r\n", 0o644)] {
        let folder = folder(text, mode);
        for (keys, expected) in [
            (
                "{type: postgres, database: d, password_file: ./db.password}",
                "postgres://:hunter2@localhost:5432/d",
            ),
            (
                "{type: mysql, url: 'mysql://u@h/d', password_file: db.password}",
                "mysql://u:hunter2@h/d",
            ),
            ("{type: soci, username: u, password_file: db.password}", "hunter2"),
        ] {
            let loaded = read_in(folder.path(), backend(keys).as_bytes()).expect("valid");
            let [RoleConfig::Database(database)] = &loaded.config.roles[..] else { panic!() };
            let found = match &database.backend {
                BackendConfig::Postgres { url, .. } | BackendConfig::MySql { url, .. } => url,
                BackendConfig::Soci { password, .. } => password,
                backend => panic!("{backend:?}"),
            };
            assert_eq!(found, expected);
            let is_open = mode & 0o004 != 0;
            let said = headlines(loaded.warnings.iter());
            assert_eq!(said.contains("can be read by everybody"), is_open, "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

#[test]
fn a_password_has_one_place() {
    let folder = folder("\n", 0o600);
    for (keys, expected) in [
        (
            "{type: postgres, database: d, password_file: none}",
            "none: the file cannot be read: No such",
        ),
        (
            "{type: postgres, database: d, password_file: db.password}",
            "db.password: the file is empty",
        ),
        ("{type: mysql, database: d, password: a, password_file: b}", "there is a `password`, too"),
        ("{type: soci, password: a, password_file: b}", "there is a `password`, too"),
        ("{type: sqlite, password_file: b}", "there is no such key"),
    ] {
        let errors = read_in(folder.path(), backend(keys).as_bytes()).expect_err("invalid");
        assert!(errors.to_string().contains(expected), "{keys}: {errors}");
    }
    let twice = "{type: mysql, url: 'mysql://u:secret@h/d', password_file: db.password}";
    fs::write(folder.path().join("db.password"), "hunter2").expect("a file");
    let errors =
        read_in(folder.path(), backend(twice).as_bytes()).expect_err("invalid").to_string();
    assert!(errors.contains("the URL has a password already"), "{errors}");
    assert!(!errors.contains("secret") && !errors.contains("hunter2"), "{errors}");
}
