//! Each section with its defaults and with every key.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::*;
use crate::ids::{Channel, ChannelRange, DoId};

#[test]
fn an_empty_map_has_all_defaults() {
    let config = valid("{}");
    assert_eq!(config.base_dir, Path::new("/srv/game"));
    assert_eq!(config.daemon.name, "<unnamed>");
    assert_eq!(config.daemon.url, "");
    assert_eq!(config.daemon.threads, 1);
    assert!(config.general.dc_files.is_empty());
    assert_eq!(config.general.event_logger, None);
    assert_eq!(config.general.string_encoding, StringEncoding::Utf8);
    assert!(config.uberdogs.is_empty());
    assert_eq!(config.message_director.bind, None);
    assert_eq!(config.message_director.connect, None);
    let expected = UpstreamLoss::Reconnect;
    assert_eq!(config.message_director.upstream_loss, expected);
    assert!(config.roles.is_empty());
}

#[test]
fn the_sections_besides_roles() {
    let config = valid(
        r#"
daemon: {name: Core, url: http://example.com/core, threads: 2, reserved_files: 7}
general:
    eventlogger: 127.0.0.1
    dc_files: [game.dc, "/etc/other.dc"]
    string_encoding: ascii
uberdogs:
    - {id: 0x4d2, class: Login, anonymous: TRUE}
    - {id: 1235, class: Chat}
messagedirector:
    bind: localhost
    connect: "[::1]:7100"
    threaded: yes
    upstream_loss: exit
    upstream_buffer_size: 0
    link_buffer_size: 65537
    link_write_timeout_ms: 0
    keepalive_ms: 5000
    settle_ms: 300
    connect_timeout_ms: 0
"#,
    );
    assert_eq!(config.daemon.name, "Core");
    assert_eq!(config.daemon.url, "http://example.com/core");
    assert_eq!(config.daemon.threads, 2);
    assert_eq!(config.daemon.reserved_files, 7);
    let dc_files = ["/srv/game/game.dc", "/etc/other.dc"].map(PathBuf::from);
    assert_eq!(config.general.dc_files, dc_files);
    let event_logger = SocketAddr::from((Ipv4Addr::LOCALHOST, 7197));
    assert_eq!(config.general.event_logger, Some(event_logger.into()));
    assert_eq!(config.general.string_encoding, StringEncoding::Ascii);
    let uberdog = |id, class: &str, anonymous| UberDogConfig {
        id: DoId(id),
        class: class.to_owned(),
        anonymous,
    };
    let uberdogs = [uberdog(1234, "Login", true), uberdog(1235, "Chat", false)];
    assert_eq!(config.uberdogs, uberdogs);
    let director = config.message_director;
    assert_eq!(director.bind.expect("given").to_string(), "localhost:7199");
    assert_eq!(director.connect.expect("given").to_string(), "[::1]:7100");
    assert_eq!(director.upstream_loss, UpstreamLoss::Exit);
    assert_eq!(director.upstream_buffer_bytes_max, 0);
    assert_eq!(director.link_buffer_bytes_max, 65537);
    assert_eq!(director.link_write_timeout, None);
    assert_eq!(director.keepalive, Some(Duration::from_secs(5)));
    assert_eq!(director.settle, Duration::from_millis(300));
    assert_eq!(director.connect_timeout, None);
}

#[test]
fn words_for_no_address() {
    let config = valid("general: {eventlogger: ''}\nmessagedirector: {bind: unspecified}");
    assert_eq!(config.general.event_logger, None);
    assert_eq!(config.message_director.bind, None);
}

#[test]
fn a_client_agent_with_defaults() {
    let config = valid("roles: [{type: clientagent, channels: {min: 1000, max: 1000}}]");
    let expected = ClientAgentConfig {
        bind: Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7198)).into()),
        versions: vec!["dev".to_owned()],
        haproxy: ProxyHeaders::None,
        tls: None,
        websocket: None,
        dc_hashes: vec![0],
        channels: ChannelRange::new(Channel(1000), Channel(1000)).expect("one channel"),
        channel_step: 1,
        client: ClientConfig {
            kind: ClientKind::LibAstron,
            are_lengths_wide: false,
            relocate: false,
            add_interest: InterestPermission::Visible,
            send_hash: true,
            send_version: true,
            write_buffer_bytes_max: 262_144,
            write_timeout_ms: 5_000,
            merge: Vec::new(),
            fields: Vec::new(),
            intercept: Vec::new(),
            script: None,
            heartbeat_timeout_ms: 0,
            keepalive: Some(Duration::from_secs(30)),
            resume_ms: 0,
        },
        parenting_rules: ParentingRules::Off,
        limits: ClientLimitsConfig {
            messages_per_second: 1_000,
            bytes_per_second: 131_072,
            entries_per_second: 2_000,
            interests: 250,
            zones_per_interest: 1_000,
            zones: 5_000,
            entry_bytes_max: 16_777_216,
            visible_objects: 50_000,
            datagram_bytes: 65_535,
            connections: 0,
            connections_per_address: 1_000,
            connects_per_second: 100,
            router_percent: 10,
            patience: Some(Duration::from_secs(60)),
        },
        interest_timeout_ms: 500,
        handshake_timeout_ms: 10_000,
        anonymous_timeout_ms: 0,
        historical_objects_max: 10_000,
        rights_grace_ms: 5_000,
        rights_grace_for: RightsGrace::Lost,
        offences: OffencesConfig::default(),
        banlist: None,
        channel_rest_ms: 30_000,
        flush: Duration::from_millis(5),
    };
    assert_eq!(config.roles, [RoleConfig::ClientAgent(expected)]);
}

#[test]
fn a_client_agent_with_every_key() {
    let config = valid(
        r#"
roles:
    - type: clientagent
      bind: 127.0.0.1:57128
      version: 1.0
      haproxy: on
      manual_dc_hash: 0xbeef
      channels: {min: 3100, max: 3999}
      client:
          type: libastron
          relocate: true
          add_interest: enabled
          send_hash: n
          send_version: off
          write_buffer_size: 0
          write_timeout_ms: 20
          heartbeat_timeout: 60000
          keepalive_ms: 0
          resume_ms: 90000
      limits:
          messages_per_second: 1
          bytes_per_second: 0
          entries_per_second: 3
          interests: 4
          zones_per_interest: 5
          zones: 6
          entry_bytes: 7
          visible_objects: 9
          datagram_bytes: 10
          connections: 11
          connections_per_address: 12
          connects_per_second: 13
          router_percent: 8
          patience_ms: 8
      tuning:
          interest_timeout: 700
          handshake_timeout: 0
          anonymous_timeout: 300000
          historical_objects: 5
          rights_grace: 2000
          rights_grace_for: all
          channel_rest: 1500
          flush_ms: 2
"#,
    );
    let expected = ClientAgentConfig {
        bind: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 57128)).into()),
        versions: vec!["1.0".to_owned()],
        haproxy: ProxyHeaders::All,
        tls: None,
        websocket: None,
        dc_hashes: vec![0xbeef],
        channels: ChannelRange::new(Channel(3100), Channel(3999)).expect("not empty"),
        channel_step: 1,
        client: ClientConfig {
            kind: ClientKind::LibAstron,
            are_lengths_wide: false,
            relocate: true,
            add_interest: InterestPermission::Enabled,
            send_hash: false,
            send_version: false,
            write_buffer_bytes_max: 0,
            write_timeout_ms: 20,
            merge: Vec::new(),
            fields: Vec::new(),
            intercept: Vec::new(),
            script: None,
            heartbeat_timeout_ms: 60_000,
            keepalive: None,
            resume_ms: 90_000,
        },
        parenting_rules: ParentingRules::Off,
        limits: ClientLimitsConfig {
            messages_per_second: 1,
            bytes_per_second: 0,
            entries_per_second: 3,
            interests: 4,
            zones_per_interest: 5,
            zones: 6,
            entry_bytes_max: 7,
            visible_objects: 9,
            datagram_bytes: 10,
            connections: 11,
            connections_per_address: 12,
            connects_per_second: 13,
            router_percent: 8,
            patience: Some(Duration::from_millis(8)),
        },
        interest_timeout_ms: 700,
        handshake_timeout_ms: 0,
        anonymous_timeout_ms: 300_000,
        historical_objects_max: 5,
        rights_grace_ms: 2_000,
        rights_grace_for: RightsGrace::All,
        offences: OffencesConfig::default(),
        banlist: None,
        channel_rest_ms: 1_500,
        flush: Duration::from_millis(2),
    };
    assert_eq!(config.roles, [RoleConfig::ClientAgent(expected)]);
}

#[test]
fn the_other_roles() {
    let config = valid(
        r#"
roles:
    - {type: stateserver, control: 4290672328705}
    - {type: dbss, database: 1200, load_timeout_ms: 5, ranges: [{min: 9000, max: 9999}, {min: 20000}]}
    - type: eventlogger
    - {type: eventlogger, bind: "[::]:9090", output: /var/log/el-%Y.log, rotate_interval: 12h}
"#,
    );
    let range = |min, max| DoIdRange::new(DoId(min), DoId(max)).expect("not empty");
    let expected = [
        RoleConfig::StateServer(StateServerConfig { control: Channel(4_290_672_328_705) }),
        RoleConfig::DbStateServer(DbStateServerConfig {
            database: Channel(1200),
            ranges: vec![range(9000, 9999), range(20_000, u32::MAX)],
            load_timeout_ms: 5,
        }),
        RoleConfig::EventLogger(EventLoggerConfig {
            bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 7197)).into(),
            output: "events-%Y%m%d-%H%M%S.log".to_owned(),
            rotate_interval: None,
        }),
        RoleConfig::EventLogger(EventLoggerConfig {
            bind: Address::parse("[::]:9090", 0).expect("an address"),
            output: "/var/log/el-%Y.log".to_owned(),
            rotate_interval: Some(Duration::from_secs(12 * 60 * 60)),
        }),
    ];
    assert_eq!(config.roles, expected);
}

#[test]
fn a_database_with_defaults() {
    let expected = DatabaseConfig {
        control: Channel(75757),
        broadcast: true,
        generate: DoIdRange::new(DoId(1000), DoId(u32::MAX)).expect("not empty"),
        backend: BackendConfig::Yaml { directory: "/srv/game/yaml_db".into(), file_mode: 0o600 },
        operation_timeout_ms: 30_000,
    };
    assert_eq!(valid(&database("")).roles, [RoleConfig::Database(expected)]);
}

#[test]
fn backends() {
    let soci = |driver: &str, address: &str, username: &str| BackendConfig::Soci {
        driver: driver.to_owned(),
        database: "astron".to_owned(),
        address: address.to_owned(),
        username: username.to_owned(),
        password: String::new(),
    };
    let postgres = |url: &str| BackendConfig::Postgres {
        url: url.to_owned(),
        pool_max: 8,
        prepared_statements: !url.contains("pooled"),
    };
    let mysql = |url: &str| BackendConfig::MySql { url: url.to_owned(), pool_max: 3 };
    let sqlite = |file: &str, file_mode| BackendConfig::Sqlite { file: file.into(), file_mode };
    let yaml =
        |directory: &str, file_mode| BackendConfig::Yaml { directory: directory.into(), file_mode };
    for (keys, expected) in [
        ("{type: yaml, directory: ../db}", yaml("/srv/db", 0o600)),
        ("{type: yaml, file_mode: 0o664}", yaml("/srv/game/yaml_db", 0o664)),
        ("{type: sqlite}", sqlite("/srv/game/donet.sqlite", 0o600)),
        ("{type: sqlite, file: /var/db, file_mode: 0640}", sqlite("/var/db", 0o640)),
        ("{type: sqlite, file: /var/db, file_mode: '660'}", sqlite("/var/db", 0o660)),
        (
            "{type: postgres, url: 'postgres://pooled/db', prepared_statements: false}",
            postgres("postgres://pooled/db"),
        ),
        (
            "{type: postgres, url: 'postgresql://a:b@h/db?sslmode=require'}",
            postgres("postgresql://a:b@h/db?sslmode=require"),
        ),
        (
            "{type: postgres, host: h, port: 1, database: d/b, username: 'u:', password: '@'}",
            postgres("postgres://u%3A:%40@h:1/d%2Fb"),
        ),
        ("{type: postgres, database: game}", postgres("postgres://localhost:5432/game")),
        (
            "{type: mysql, database: game, host: '::1', pool_max: 3}",
            mysql("mysql://[::1]:3306/game"),
        ),
        (
            "{type: soci, driver: postgresql, server: h:57023, username: u, database: astron}",
            soci("postgresql", "h:57023", "u"),
        ),
        ("{type: soci, address: h, database: astron}", soci("mysql", "h", "")),
    ] {
        let config = valid(&backend(keys));
        let [RoleConfig::Database(database)] = &config.roles[..] else {
            panic!("{keys}: {config:?}");
        };
        assert_eq!(database.backend, expected, "{keys}");
    }
}

#[test]
fn passwords_are_not_shown() {
    for keys in [
        "{type: postgres, url: 'postgres://a:secret@h/db'}",
        "{type: mysql, database: d, username: u, password: secret}",
        "{type: soci, password: secret}",
    ] {
        let shown = format!("{:?}", valid(&backend(keys)));
        assert!(!shown.contains("secret"), "{shown}");
    }
    for keys in [
        "{type: postgres, url: 'mysql://a:secret@h/db'}",
        "{type: postgres, url: 'a:secret@h/db'}",
        "{type: mongodb, server: 'mongodb://u:secret@h/db'}",
        "{type: postgres, passwd: secret, database: d}",
        "{type: postgres, password: secret, database: d, pool_max: 0}",
        "{type: postgres, password: [secret], database: d}",
        "{type: postgres, password: 'secret', password: secret, port: x, database: d}",
        // No YAML.
        "{type: postgres, password: secret, database: d",
        "{type: postgres, url: 'postgres://a:secret@h/db'",
    ] {
        let shown = read(&backend(keys)).expect_err("invalid").to_string();
        assert!(!shown.contains("secret"), "{shown}");
        let shown = format!("{:?}", read(&backend(keys)).expect_err("invalid"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
