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

#[test]
fn what_looks_like_a_reference_and_is_none_is_warned_of() {
    for (value, why) in [
        ("${A B}", "what stands between `${` and `}` is no name of a variable"),
        ("${}", "what stands between"),
        ("a${1}", "what stands between"),
        ("${A-hunter2}", "what stands between"),
        ("hunter2${", "a `${` is not closed"),
        ("${CONTROL} ${CONTROL", "a `${` is not closed"),
        ("$${ ${", "a `${` is not closed"),
    ] {
        let text = format!("messagedirector: {{bind: a}}\ndaemon:\n  name: \"{value}\"\n");
        let said = warnings(&text);
        assert!(said.starts_with(&format!("3:9: daemon.name: {why}")), "{value}: {said}");
        assert!(said.ends_with("`$${` stands for the characters themselves"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains('\n'), "{said}");
    }
    for value in ["$${A B}", "$${", "$A", "$ {A}", "${CONTROL}", "{}$"] {
        let text = format!("messagedirector: {{bind: a}}\ndaemon:\n  name: \"{value}\"\n");
        assert_eq!(warnings(&text), "", "{value}");
    }
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

/// The URL that the backend of these keys is opened with.
fn url_of(keys: &str) -> String {
    let config = valid(&backend(keys));
    let [RoleConfig::Database(database)] = &config.roles[..] else { panic!("{config:?}") };
    let (BackendConfig::Postgres { url, .. } | BackendConfig::MySql { url, .. }) =
        &database.backend
    else {
        panic!("{database:?}")
    };
    url.clone()
}

#[test]
fn a_url_that_would_be_misread_is_an_error() {
    for server in ["postgres", "mysql"] {
        // A password of digits would be a port, and the rest of it a path, parameters or nothing.
        for password in
            ["12#hunter", "12?hunter", "12/hunter", "12@hunter#x", "pass#hunter", "12\thunter"]
        {
            let keys = format!("{{type: {server}, url: \"{server}://user:{password}@h/db\"}}");
            let errors = read(&backend(&keys)).expect_err("invalid");
            let shown = format!("{errors}{errors:?}");
            assert!(!shown.contains("12") && !shown.contains("hunter"), "{keys}: {shown}");
            assert!(shown.contains("write `%"), "{keys}: {shown}");
        }
    }
    // What comes from the environment is judged likewise.
    let keys = "{type: postgres, url: 'postgres://user:1#${SECRET}@h/db'}";
    assert!(errors(&backend(keys)).contains("before the last `@`"));
    // A parameter that the driver does not know would be logged by it.
    let keys = "{type: postgres, url: 'postgres://h/db?pasword=hunter2&sslmode=require&x=hunter2'}";
    assert_eq!(url_of(keys), "postgres://h/db?sslmode=require");
    let said = warnings(&backend(keys));
    assert!(said.contains("left out; known are `sslmode`"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    for keys in [
        "{type: soci, address: 'user:hunter2@h'}",
        "{type: soci, driver: mysql, database: 'mysql://u:hunter2@h/d'}",
        "{type: postgres, host: h, database: 'postgres://u:hunter2@h/d'}",
        "{type: soci, server: 'host=h password=hunter2'}",
        "{type: 'postgres://user:hunter2@h/db'}",
        "{type: mongodb, server: 'mongodb://user:1/hunter2@h/db'}",
        "{type: postgres, database: d, port: 'password=hunter2'}",
        "{type: postgres, url: 'postgres://h/db?password=hunter2', port: 1}",
        "{type: postgres, url: 'postgres://user:x hunter2@h/db', port: 1}",
        "{type: 'postgres://user:hunter2-${CONTROL}@h/db'}",
    ] {
        let errors = read(&backend(keys)).expect_err("invalid");
        let shown = format!("{errors}{errors:?}");
        assert!(!shown.contains("hunter2"), "{keys}: {shown}");
    }
}

#[test]
fn a_password_is_taken_as_it_is() {
    for (keys, expected) in [
        // In a URL only what ends the host is ambiguous.
        ("{type: mysql, url: 'mysql://u:a@b:c@h/d'}", "mysql://u:a%40b%3Ac@h/d"),
        ("{type: mysql, url: 'mysql://u:a b@h/d'}", "mysql://u:a%20b@h/d"),
        ("{type: mysql, url: 'mysql://u:a%23b%2f@h/d'}", "mysql://u:a%23b%2f@h/d"),
        ("{type: mysql, url: 'mysql://u:a%b@h/d'}", "mysql://u:a%b@h/d"),
        // Elsewhere nothing is encoded.
        (
            "{type: mysql, database: d, username: 'a%41', password: '#/?@:%41 '}",
            "mysql://a%2541:%23%2F%3F%40%3A%2541%20@localhost:3306/d",
        ),
    ] {
        assert_eq!(url_of(keys), expected, "{keys}");
    }
    let folder = folder("a%41b", 0o600);
    let keys = "{type: mysql, url: 'mysql://u@h/d', password_file: db.password}";
    let loaded = read_in(folder.path(), backend(keys).as_bytes()).expect("valid");
    assert!(matches!(&loaded.config.roles[..], [RoleConfig::Database(database)]
        if matches!(&database.backend, BackendConfig::MySql { url, .. } if url == "mysql://u:a%2541b@h/d")));
}

#[test]
fn a_password_under_a_mistyped_key_is_not_shown_either() {
    for key in
        ["pasword", "passord", "paswrd", "pssword", "paswword", "pass", "Passwort", "pwd", "scret"]
    {
        for text in [
            backend(&format!("{{type: postgres, database: d, {key}: hunter2}}")),
            backend(&format!("{{type: postgres, url: 'postgres://h/d?{key}=hunter2', port: 1}}")),
            format!("general: {{{key}: hunter2}}\n"),
            // No YAML.
            format!("roles:\n  - {{{key}: hunter2\n"),
        ] {
            let errors = read(&text).expect_err("invalid");
            let shown = format!("{errors}{errors:?}");
            assert!(!shown.contains("hunter2"), "{key}: {shown}");
        }
    }
}

#[test]
fn a_mask_does_not_tell_how_long_a_password_is() {
    for text in [
        "{type: postgres, password: SECRET, port: x, database: d}",
        "{type: postgres, password: 'SECRET', port: x, database: d}",
        "{type: postgres, port: x, url: 'postgres://a:SECRET@h/db'}",
        "{type: postgres, password: SECRET, password_file: x, database: d}",
        "{type: postgres, password: SECRET, password: SECRET, port: x, database: d}",
        // No YAML.
        "{type: postgres, url: 'postgres://a:SECRET@h/db', ]",
        "{type: postgres, password: SECRET",
    ] {
        let shown = |password: &str| {
            let text = backend(&text.replace("SECRET", password));
            let mut errors = read(&text).expect_err("invalid").0;
            // What stands behind it in the line has its column all the same.
            errors
                .iter_mut()
                .flat_map(|error| &mut error.marks)
                .for_each(|mark| mark.position.column = 1);
            errors.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n")
        };
        let (short, long) = (shown("pw"), shown("muchlongerpw"));
        assert_eq!(short, long);
        assert!(short.contains("***") && !short.contains("pw"), "{short}");
    }
    let shown = read(&backend("{type: postgres, password: hunter2, port: x, database: d}"));
    let expected = "\
error: roles[0].backend.port: found `x`, expected a whole number from 1 to 65535
 --> game.yml:5:56
  |
5 |     backend: {type: postgres, password: ***, port: x, database: d}
  |                                                    ^";
    assert_eq!(shown.expect_err("invalid").to_string(), expected);
}

#[test]
fn what_cannot_be_a_password_is_refused_unseen() {
    const SECRET: &[u8] = b"hunter2";
    for (content, why) in [
        (&b"hunter2\nhunter3\n"[..], "the file has several lines"),
        (b"hunter2\n\n", "the file has several lines"),
        (b"hunter2\rhunter3", "the file has several lines"),
        (b"\xef\xbb\xbfhunter2\n", "the file begins with a byte order mark"),
        (b"hunter2\0\n", "there is a NUL character in the file"),
        (b"hunter2\xff\n", "the file is not UTF-8 text"),
        (&SECRET.repeat(10_000), "it is larger than 65536 bytes, which is the limit"),
    ] {
        let folder = folder("", 0o600);
        std::fs::write(folder.path().join("db.password"), content).expect("ours");
        let text = backend("{type: postgres, database: d, password_file: db.password}");
        let errors = read_in(folder.path(), text.as_bytes()).expect_err("invalid");
        let shown = format!("{errors}{errors:?}");
        assert!(shown.contains(why), "{why}: {shown}");
        assert!(!shown.contains("hunter"), "{shown}");
    }
}
