//! What Astron takes although it is hardly meant, or has taken once.

use super::*;
use crate::ids::{Channel, DoId};

#[test]
fn a_leading_zero_makes_a_number_octal() {
    let text = "general: {dc_files: [a.dc]}\nroles: [{type: stateserver, control: 04003}]";
    let config = valid(text);
    assert_eq!(
        config.roles,
        [RoleConfig::StateServer(StateServerConfig { control: Channel(2051) })]
    );
    let expected = "2:38: roles[0].control: the leading zero makes this an octal number, as in Astron: \
                    it is 2051; write `2051`, or `4003` if that is meant";
    assert_eq!(warnings(text), expected);
    for (number, hint) in [
        ("08000", "leave out the leading zero: a number that begins with one is octal"),
        ("0o7643", "`0o` is not known here"),
    ] {
        let message = value_error("roles:\n  - type: stateserver\n    control: ", number);
        assert!(message.ends_with(hint), "{message}");
    }
}

#[test]
fn any_whole_number_may_be_octal() {
    let text = "
messagedirector: {bind: a, upstream_buffer_size: 0100}
general: {dc_files: [a.dc]}
uberdogs: [{id: 02000, class: A}]
roles:
  - {type: clientagent, manual_dc_hash: 010, channels: {min: 05000, max: 06000}}
";
    let config = valid(text);
    assert_eq!(config.message_director.upstream_buffer_bytes_max, 64);
    assert_eq!(config.uberdogs[0].id, DoId(1024));
    let [RoleConfig::ClientAgent(agent)] = &config.roles[..] else { panic!("{config:?}") };
    assert_eq!((agent.channels.low(), agent.channels.high()), (Channel(2560), Channel(3072)));
    assert_eq!(warnings(text).matches("octal").count(), 5);
}

#[test]
fn a_range_of_stored_objects_without_a_beginning_has_all_up_to_its_end() {
    let text = "general: {dc_files: [a.dc]}\nmessagedirector: {connect: hub}\n\
                roles: [{type: dbss, database: 4003, ranges: [{max: 5000}]}]";
    let config = valid(text);
    let [RoleConfig::DbStateServer(server)] = &config.roles[..] else { panic!("{config:?}") };
    assert_eq!(server.ranges, [DoIdRange::new(DoId(1000), DoId(5000)).expect("not empty")]);
    let expected = "3:47: roles[0].ranges[0].min: without `min` a range is all doIds up to its `max`, as in Astron; \
                    a range with both is one item of the list, `{min: …, max: …}`";
    assert_eq!(warnings(text), expected);
    // A slip that is seen often: two items instead of one.
    let text = text.replace("{max: 5000}", "{min: 2000}, {max: 5000}");
    assert!(warnings(&text).contains("without `min`"));
}

#[test]
fn of_two_uberdogs_with_one_id_the_last_holds() {
    let text = "messagedirector: {bind: a}\ngeneral: {dc_files: [a.dc]}\n\
                uberdogs:\n  - {id: 1234, class: A}\n  - {id: 1234, class: B, anonymous: true}";
    let classes: Vec<String> = valid(text).uberdogs.into_iter().map(|it| it.class).collect();
    assert_eq!(classes, ["A", "B"]);
    let said = warnings(text);
    let expected =
        "5:10: uberdogs[1].id: 1234 is the id of uberdogs[0] (A) already; the last one holds: B";
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn old_names_are_read() {
    let text = "general: {dc_files: [a.dc]}\nroles:\n  \
                - {type: database, control: 4003, generate: {min: 5000}, engine: {type: yaml, foldername: db}}\n  \
                - {type: clientagent, server_version: v1, client: libastron, channels: {min: 2000, max: 2999}}\n";
    let config = valid(text);
    let [RoleConfig::Database(database), RoleConfig::ClientAgent(agent)] = &config.roles[..] else {
        panic!("{config:?}")
    };
    let yaml = BackendConfig::Yaml { directory: "/srv/game/db".into(), file_mode: 0o600 };
    assert_eq!(database.backend, yaml);
    assert_eq!(agent.versions, ["v1"]);
    let expected = "\
3:60: roles[0].engine: this is an old name; read as `backend`
3:81: roles[0].backend.foldername: this is an old name; read as `directory`
4:25: roles[1].server_version: this is an old name; read as `version`
4:53: roles[1].client: this is an old form of `client: {type: …}`";
    assert_eq!(warnings(text), expected);
    let both = backend("{type: yaml, directory: a, foldername: b}");
    let expected =
        "roles[0].backend.foldername: this is an old name of `directory`; give one of them";
    assert!(errors(&both).ends_with(expected), "{}", errors(&both));
}

#[test]
fn sections_of_former_times_are_named() {
    for (text, expected) in [
        ("globals: {}", "this section is called `general`, and `uberdogs` stands beside it"),
        ("components: []", "this section is called `roles`"),
        ("networkclient: {}", "these are `write_buffer_size` and `write_timeout_ms`"),
    ] {
        let errors = errors(text);
        assert!(errors.contains(expected), "{text}: {errors}");
    }
    let said = warnings("daemon: {id: 3}\nmessagedirector: {bind: a}");
    let expected = "1:10: daemon.id: a daemon has no id, as in Astron; leave it out";
    assert_eq!(said, expected);
}

#[test]
fn backends_that_are_none_say_what_to_write() {
    for (keys, message, help) in [
        ("{type: bdb, filename: a.db}", "BerkeleyDB", "{type: sqlite, file: objects.sqlite}"),
        (
            "{type: postgresql, host: h}",
            "a type of Astron's once",
            "{type: soci, driver: postgresql, …}",
        ),
        ("{type: sqlite3, database: a}", "a type of Astron's once", "`{type: sqlite, …}`"),
        ("{type: mongodb}", "donet does not run on MongoDB", "donet db import CONFIG dump/test`"),
        (
            "{type: mongodb, server: 'mongodb://u:p@h:1/db?a=b', workers: 4}",
            "donet does not run on MongoDB",
            "donet db import CONFIG dump/db`",
        ),
        (
            "{type: mongodb, server: localhost, port: 27017, database: game, username: u, password: p}",
            "donet does not run on MongoDB",
            "donet db import CONFIG dump/game`",
        ),
    ] {
        let errors = read(&backend(keys)).expect_err("invalid").0;
        let [error] = &errors[..] else { panic!("{keys}: {errors:#?}") };
        assert_eq!(error.key, "roles[0].backend.type");
        assert!(error.message.contains(message), "{keys}: {error}");
        assert!(error.help.join("\n").contains(help), "{keys}: {error}");
    }
}
