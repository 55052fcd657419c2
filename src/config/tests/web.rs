//! What is answered over HTTP.

use super::*;
use crate::credentials::{PasswordProof, TokenProof};

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$\
                    Y2hlY2tjaGVja2NoZWNrY2hlY2tjaGVja2NoZWNrY2hl";

fn user(role: &str) -> String {
    format!("{{password: '{HASH}', role: {role}}}")
}

#[test]
fn it_is_answered_where_it_is_said() {
    let bind = |text: &str| valid(text).web.map(|web| web.bind.to_string());
    assert_eq!(bind("{}"), None);
    assert_eq!(bind("web: {}").as_deref(), Some("127.0.0.1:7180"));
    assert_eq!(bind("web: {bind: '[::1]'}").as_deref(), Some("[::1]:7180"));
    for here in ["127.0.0.2:80", "game.example"] {
        assert!(!warnings(&format!("web: {{bind: '{here}'}}")).contains("web.bind"), "{here}");
    }
    let taken = errors(
        "web: {bind: '127.0.0.1:80'}\nroles: [{type: clientagent, bind: '0.0.0.0:80', \
                        channels: {min: 1001, max: 1002}}]",
    );
    assert!(taken.contains("roles[0].bind: 0.0.0.0:80 is taken by web too"), "{taken}");
}

#[test]
fn all_keys_are_read() {
    let token = "ab".repeat(32);
    let web = valid(&format!(
        "web: {{bind: '0.0.0.0:8443', users: {{alice: {}, 'b.o': {}}}, tokens: {{ci: {{hash: {token}, role: view}}}}, \
         url: 'HTTPS://Console.Game.example:443/', trusted_proxies: [10.0.0.0/8], \
         tls: {{certificate: a.pem, key_file: a.key}}}}",
        user("operate"),
        user("view")
    ));
    let key = web.tls_sections().next().expect("its files are looked at").key.clone();
    let web = web.web.expect("a section");
    assert_eq!((&*key, web.has_console), ("web.tls", true));
    let AccessConfig { users, tokens, url, trusted_proxies } = web.access.clone();
    let roles: Vec<(&str, WebRole)> =
        users.iter().map(|(name, user)| (&**name, user.role)).collect();
    assert_eq!(roles, [("alice", WebRole::Operate), ("b.o", WebRole::View)]);
    assert_eq!(users["alice"].password, HASH.parse::<PasswordProof>().expect("a hash"));
    assert_eq!(tokens["ci"].hash, token.parse::<TokenProof>().expect("a hash"));
    assert_eq!(url.as_deref(), Some("https://console.game.example"));
    assert!(trusted_proxies.contain([10, 1, 2, 3].into()));
    assert_eq!(web.console_url().as_deref(), Some("https://console.game.example/"));
}

#[test]
fn others_learn_where_the_console_is() {
    let url = |keys: &str| {
        let text = format!("web: {{users: {{a: {}}}, {keys}}}", user("view"));
        let config = valid(&text);
        let url = config.web.and_then(|web| web.console_url());
        assert_eq!(config.daemon.url, url.clone().unwrap_or_default());
        let named = valid(&format!("daemon: {{url: 'http://other'}}\n{text}"));
        assert_eq!(named.daemon.url, "http://other");
        url
    };
    assert_eq!(url("bind: '10.0.0.2:7180'").as_deref(), Some("http://10.0.0.2:7180/"));
    assert_eq!(url("bind: '[::1]:7180'").as_deref(), Some("http://[::1]:7180/"));
    assert_eq!(url("bind: 'game.example'").as_deref(), Some("http://game.example:7180/"));
    let tls = "bind: '10.0.0.2', tls: {certificate: a, key_file: b}";
    assert_eq!(url(tls).as_deref(), Some("https://10.0.0.2:7180/"));
    assert_eq!(url("bind: '0.0.0.0'"), None);
    assert_eq!(
        url("bind: '0.0.0.0', url: 'https://a.example'").as_deref(),
        Some("https://a.example/")
    );
    assert_eq!(url("bind: '127.0.0.1:0'"), None);
    assert_eq!(url("console: false"), None);
}

#[test]
fn where_others_reach_it_somebody_has_to_log_in() {
    for open in ["0.0.0.0:80", "192.168.0.1:80", "[::]:80"] {
        let bind = format!("bind: '{open}'");
        let said = errors(&format!("web: {{{bind}}}"));
        let expected = format!(
            "1:13: web.bind: others reach {open}, and there is nobody who may see the console"
        );
        assert!(said.contains(&expected) && said.contains("`console: false`"), "{said}");
        let empty = errors(&format!("web: {{{bind}, users: {{}}}}"));
        assert!(empty.contains("others reach"), "{empty}");
        let figures = warnings(&format!("web: {{{bind}, console: false}}"));
        assert!(
            figures.contains("web.bind: ") && figures.contains("is open, unencrypted"),
            "{figures}"
        );
        let plain = format!("web: {{{bind}, users: {{a: {}}}", user("view"));
        let said = warnings(&format!("{plain}}}"));
        assert!(said.contains("web.bind: passwords and tokens come to"), "{said}");
        for more in ["tls: {certificate: a, key_file: b}", "trusted_proxies: [10.0.0.0/8]"] {
            let said = warnings(&format!("{plain}, {more}}}"));
            assert!(!said.contains("web.bind"), "{said}");
        }
    }
    let token = format!(
        "web: {{bind: '0.0.0.0', tokens: {{a: {{hash: {}, role: view}}}}}}",
        "0".repeat(64)
    );
    assert!(warnings(&token).contains("web.bind: passwords and tokens come to"), "it is as good");
    let idle = warnings(&format!("web: {{console: false, users: {{a: {}}}}}", user("view")));
    assert!(idle.contains("web.users: this has no effect without a console"), "{idle}");
}

#[test]
fn mistakes_are_reported_where_they_are() {
    for (keys, expected) in [
        (
            "users: {a: {password: hunter2, role: view}}",
            "web.users.a.password: this is no hash: a password does not",
        ),
        (
            "users: {a: {password: '$argon2id$x', role: view}}",
            "web.users.a.password: this is an Argon2 hash that is not whole",
        ),
        ("users: {a: {role: view}}", "web.users.a.password: the key is missing; expected the hash"),
        ("users: {a: {password: [], role: view}}", "web.users.a.password: found no text"),
        ("users: {a: b}", "web.users.a: found"),
        ("users: [a]", "web.users: found"),
        (
            "users: {'a b': {password: a, role: view}}",
            "web.users.a b: the name of a user has 1 to 64 bytes, and no spaces",
        ),
        (
            "tokens: {a: {hash: hunter2, role: view}}",
            "web.tokens.a.hash: this is no hash of a token",
        ),
        ("tokens: {a: {role: view}}", "web.tokens.a.hash: the key is missing"),
        ("url: 'https://a.example/b'", "web.url: found"),
        ("url: 'a.example'", "web.url: found"),
        ("console: maybe", "web.console: found"),
        ("user: {}", "web.user: there is no such key; did you mean `users`?"),
        ("tls: {}", "web.tls.certificate: the key is missing"),
    ] {
        let said = errors(&format!("web: {{{keys}}}"));
        assert!(said.contains(expected), "{keys}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let role = errors(&format!("web: {{users: {{a: {}}}}}", user("operator")));
    assert!(role.contains("web.users.a.role: found `operator`, expected one of `view` and `operate`; did you mean `operate`?"), "{role}");
    let none = errors(&format!("web: {{users: {{a: {{password: '{HASH}'}}}}}}"));
    assert!(
        none.contains("web.users.a.role: the key is missing; expected what may be done"),
        "{none}"
    );
}
