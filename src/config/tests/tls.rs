//! TLS, and from where somebody may connect.

use super::*;

fn agent(keys: &str) -> String {
    format!("roles: [{{type: clientagent, channels: {{min: 2000, max: 2999}}, {keys}}}]")
}

fn agent_of(text: &str) -> ClientAgentConfig {
    let RoleConfig::ClientAgent(agent) = valid(text).roles.remove(0) else { panic!("{text}") };
    agent
}

#[test]
fn the_block_that_astron_documents_is_read() {
    let text = agent(
        "tls: {certificate: a.pem, key_file: a.key, chain_file: /c.pem, cert_authority: ca.pem, max_verify_depth: 3}",
    );
    let tls = agent_of(&text).tls.expect("a section");
    assert_eq!(tls.bind, None);
    let first = IdentityFiles {
        section: "roles[0].tls".to_owned(),
        certificate: "/srv/game/a.pem".into(),
        key: "/srv/game/a.key".into(),
        chain: Some("/c.pem".into()),
    };
    let expected = TlsConfig {
        key: "roles[0].tls".to_owned(),
        identities: vec![first],
        authority: Some("/srv/game/ca.pem".into()),
        is_optional: false,
        min_version: TlsVersion::V1_2,
        allowed_names: Vec::new(),
        is_for_links: false,
    };
    assert_eq!(tls.tls, expected);
    let said = warnings(&text);
    assert!(said.contains("roles[0].tls.max_verify_depth: this has no effect"), "{said}");
}

#[test]
fn what_is_more_than_astrons() {
    let text = agent(
        "bind: '127.0.0.1:1', tls: {bind: '127.0.0.1:2', certificate: a, key_file: b, min_version: '1.3', \
         client_certificates: optional, cert_authority: c, certificates: [{certificate: d, key_file: e}]}",
    );
    let ClientTlsConfig { bind, tls } = *agent_of(&text).tls.expect("a section");
    assert_eq!(bind.expect("an address").to_string(), "127.0.0.1:2");
    assert_eq!((tls.min_version, tls.is_optional), (TlsVersion::V1_3, true));
    assert_eq!(tls.identities[1].section, "roles[0].tls.certificates[0]");
    assert_eq!(tls.identities[1].key, Path::new("/srv/game/e"));
}

#[test]
fn nobody_is_left_to_believe_that_he_is_encrypted() {
    for (keys, expected) in [
        ("tls: {}", "roles[0].tls.certificate: the key is missing"),
        ("tls: {certificate: a}", "roles[0].tls.key_file: the key is missing"),
        ("tls: {certificate: a, key_file: b, min_version: '1.1'}", "found `1.1`, expected one of"),
        (
            "tls: {certificate: a, key_file: b, client_certificates: optional}",
            "without `cert_authority`",
        ),
        (
            "tls: {certificate: a, key_file: b, certificates: [{certificate: c}]}",
            "[0].key_file: the key is",
        ),
        ("tls: {certificate: a, key_file: b, chian_file: c}", "did you mean `chain_file`?"),
        (
            "bind: '1.2.3.4:5', tls: {bind: '0.0.0.0:5', certificate: a, key_file: b}",
            "is taken by roles[0]",
        ),
    ] {
        let errors = errors(&agent(keys));
        assert!(errors.contains(expected), "{keys}: {errors}");
    }
    let errors = errors("messagedirector: {tls: {certificate: a, key_file: b}}");
    assert!(errors.contains("messagedirector.tls.cert_authority: the key is missing"), "{errors}");
}

#[test]
fn links_are_encrypted_upward_too_unless_that_is_said() {
    let links = |more: &str| {
        let text = format!(
            "messagedirector: {{tls: {{certificate: a, key_file: b, cert_authority: c{more}}}}}"
        );
        valid(&text).message_director.tls.expect("a section")
    };
    let all = links(", bind: '127.0.0.1', allowed_names: [game, ai], connect: false");
    assert_eq!(all.bind.expect("an address").to_string(), "127.0.0.1:7194");
    assert_eq!(all.tls.allowed_names, ["game", "ai"]);
    assert!(!all.connects && all.tls.is_for_links);
    assert!(links("").connects);
}

#[test]
fn proxies_may_be_named() {
    let haproxy = |keys: &str| agent_of(&agent(keys)).haproxy;
    assert_eq!(haproxy("haproxy: true"), ProxyHeaders::All);
    assert_eq!(haproxy("haproxy: no"), ProxyHeaders::None);
    assert_eq!(haproxy("version: a"), ProxyHeaders::None);
    let ProxyHeaders::From(networks) = haproxy("haproxy: {from: [10.0.0.0/24, '::1']}") else {
        panic!("no networks");
    };
    assert!(networks.contain([10, 0, 0, 7].into()) && !networks.contain([10, 0, 1, 7].into()));
    for (keys, expected) in [
        ("haproxy: {}", "roles[0].haproxy.from: the key is missing"),
        ("haproxy: {from: []}", "found an empty list"),
        ("haproxy: {from: [10.0.0.0/33]}", "found `10.0.0.0/33`, expected a network"),
        ("haproxy: maybe", "expected `true` or `false`"),
    ] {
        let errors = errors(&agent(keys));
        assert!(errors.contains(expected), "{keys}: {errors}");
    }
}

#[test]
fn a_message_director_that_is_open_to_all_is_warned_of() {
    let tls = "tls: {bind: '0.0.0.0', certificate: a, key_file: b, cert_authority: c}";
    for (keys, is_open) in [
        ("bind: 127.0.0.1".to_owned(), false),
        ("bind: '::1'".to_owned(), false),
        ("bind: localhost".to_owned(), false),
        ("bind: 0.0.0.0".to_owned(), true),
        ("bind: 10.0.0.1".to_owned(), true),
        ("bind: 10.0.0.1, allow: [10.0.0.0/24]".to_owned(), false),
        ("bind: 203.0.113.1, allow: [203.0.113.0/24]".to_owned(), true),
        ("bind: game.example".to_owned(), false),
        (format!("bind: 127.0.0.1, {tls}"), false),
        (format!("bind: 0.0.0.0, {tls}"), true),
        (tls.to_owned(), false),
    ] {
        let said = warnings(&format!("messagedirector: {{{keys}}}"));
        assert_eq!(said.contains("messagedirector.bind: "), is_open, "{keys}: {said}");
    }
    let said = warnings("messagedirector: {bind: 127.0.0.1, allow: [10.0.0.1/8]}");
    assert!(said.contains("allow[0]: this means the whole network 10.0.0.0/8"), "{said}");
}
