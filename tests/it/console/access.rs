//! Who gets in, and by which way.

use super::*;
use crate::harness::secure::Authority;
use crate::harness::wait_until;

#[test]
fn without_users_everybody_here_may_look_and_nobody_may_act() {
    let daemon = start_with("");
    let session = get(&daemon, "/api/v1/session").ask().is(200).json();
    let expected = serde_json::json!({"name": null, "role": "view", "csrf": null, "login": false, "plain": false});
    assert_eq!(session, expected);
    get(&daemon, "/api/v1/audit").ask().is(200);
    for path in ["/api/v1/drain", "/api/v1/reload", "/api/v1/bans", "/api/v1/nothing"] {
        post(&daemon, path, "{}").ask().says(403, "forbidden");
    }
    try_to_log_in(&daemon, "alice", "alice").says(401, "unauthorized");
}

#[test]
fn with_users_nobody_hears_anything_before_he_has_logged_in() {
    let daemon = start();
    for path in ["overview", "audit", "bans", "openapi.json", "log/level", "nothing"] {
        let answer = get(&daemon, &format!("/api/v1/{path}")).ask().says(401, "unauthorized");
        assert_eq!(answer.header("connection"), Some("close"));
    }
    // Monitoring, and the page by which somebody logs in.
    for path in ["/metrics", "/livez", "/readyz", "/"] {
        get(&daemon, path).ask().is(200);
    }
    let bob = log_in(&daemon, "bob");
    let session = bob.on(get(&daemon, "/api/v1/session")).ask().is(200).json();
    let said = ["name", "role", "csrf"].map(|key| session[key].as_str().unwrap_or_default());
    assert_eq!(said, ["bob", "view", &bob.csrf]);
    bob.on(get(&daemon, "/api/v1/audit")).ask().is(200);
    bob.on(get(&daemon, "/api/v1/nothing")).ask().says(404, "not_found");
    bob.acts(post(&daemon, "/api/v1/reload", "")).ask().says(403, "forbidden");
    Question::new(&daemon, "DELETE", "/api/v1/session")
        .header("cookie", &bob.cookie)
        .ask()
        .says(403, "forbidden");
    let gone = bob.acts(Question::new(&daemon, "DELETE", "/api/v1/session")).ask().is(204);
    assert!(
        gone.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0")),
        "{gone:?}"
    );
    bob.on(get(&daemon, "/api/v1/audit")).ask().says(401, "unauthorized");
    let nobody = bob.on(get(&daemon, "/api/v1/session")).ask().is(200).json();
    assert_eq!((&nobody["role"], &nobody["login"]), (&serde_json::Value::Null, &true.into()));
}

#[test]
fn a_cookie_is_for_the_browser_alone() {
    let daemon = start();
    let answer = try_to_log_in(&daemon, "alice", "alice").is(200);
    assert_eq!(answer.json()["role"], "operate");
    let cookie = answer.header("set-cookie").expect("a cookie");
    let port = daemon.address("WEB").port();
    assert!(cookie.starts_with(&format!("donet_session_{port}=")), "{cookie}");
    let value = cookie.split(['=', ';']).nth(1).expect("a value");
    assert!(
        value.len() == 64 && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn encrypted_it_is_the_same_and_the_cookie_is_for_encrypted_connections_alone() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let authority = Authority::new("authority");
    let files = authority.write(folder.path(), "console", &["localhost"]);
    let daemon = start_with(&format!("{}, tls: {{{files}}}", users()));
    let stream = || {
        let connected = authority.believer().connect(daemon.address("WEB"), "localhost");
        connected.expect("encrypted").into_stream()
    };
    let own = format!("localhost:{}", daemon.address("WEB").port());
    let body = "{\"name\": \"alice\", \"password\": \"alice\"}";
    let log_in = || post(&daemon, "/api/v1/session", body).host(&own);
    let answer = log_in().header("origin", &format!("https://{own}")).ask_on(stream()).is(200);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-donet_session_") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    log_in().header("origin", &format!("http://{own}")).ask_on(stream()).says(403, "forbidden");
    let value = cookie.split(';').next().expect("its value");
    let session = get(&daemon, "/api/v1/session").host(&own).header("cookie", value);
    session.ask_on(stream()).is(200);
    let figures = get(&daemon, "/metrics").ask_on(stream()).is(200);
    assert!(figures.body.contains("donet_certificate"), "{}", figures.body);
    // Whoever does not encrypt hears nothing.
    let mut plain = connect(&daemon);
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").expect("it is taken");
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP/"), "{bytes:?}");
}

#[test]
fn ten_wrong_passwords_a_minute_and_who_is_in_stays_in() {
    let daemon = start();
    let alice = log_in(&daemon, "alice");
    for _ in 0..10 {
        try_to_log_in(&daemon, "alice", "wrong").says(401, "unauthorized");
    }
    let refused = try_to_log_in(&daemon, "alice", "alice").says(429, "too_many");
    let wait: u64 =
        refused.header("retry-after").and_then(|text| text.parse().ok()).expect("a number");
    assert!((1..=60).contains(&wait), "{wait}");
    alice.on(get(&daemon, "/api/v1/session")).ask().is(200);
    log_in(&daemon, "bob");
    // Names that there are none of are no different.
    for _ in 0..10 {
        try_to_log_in(&daemon, "carol", "wrong").says(401, "unauthorized");
    }
    try_to_log_in(&daemon, "carol", "wrong").says(429, "too_many");
    assert!(daemon.log().contains("log-in to the console refused"), "{}", daemon.log());
}

#[test]
fn an_action_needs_what_only_the_page_knows() {
    let daemon = start();
    let alice = log_in(&daemon, "alice");
    let reload = || Question::new(&daemon, "POST", "/api/v1/reload");
    alice.on(reload()).ask().says(403, "forbidden");
    alice
        .on(reload())
        .header("x-csrf-token", &log_in(&daemon, "alice").csrf)
        .ask()
        .says(403, "forbidden");
    alice.acts(reload()).ask().is(200);
    let own = format!("http://{}", daemon.address("WEB"));
    alice
        .acts(reload())
        .header("origin", &own)
        .header("sec-fetch-site", "same-origin")
        .ask()
        .is(200);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        alice.acts(reload()).header(name, value).ask().says(403, "forbidden");
    }
    let log_in = post(&daemon, "/api/v1/session", "{\"name\": \"alice\", \"password\": \"alice\"}");
    log_in.header("origin", "http://evil.example").ask().says(403, "forbidden");
    alice
        .on(get(&daemon, "/api/v1/audit"))
        .header("sec-fetch-site", "cross-site")
        .ask()
        .says(403, "forbidden");
    // A form of another page.
    let form = alice.acts(Question::new(&daemon, "POST", "/api/v1/drain"));
    form.header("content-type", "text/plain").ask().says(415, "unsupported_media_type");
}

#[test]
fn a_token_needs_neither_cookie_nor_origin() {
    let daemon = start();
    let session = by_token(get(&daemon, "/api/v1/session")).ask().is(200).json();
    assert_eq!((&session["name"], &session["role"]), (&"ci".into(), &"operate".into()));
    let reload = Question::new(&daemon, "POST", "/api/v1/reload");
    by_token(reload).header("origin", "http://evil.example").ask().is(200);
    for value in ["Bearer wrong", "Bearer", "Basic YTpi", ""] {
        get(&daemon, "/api/v1/audit")
            .header("authorization", value)
            .ask()
            .says(401, "unauthorized");
    }
    // It is not fallen back on.
    let alice = log_in(&daemon, "alice");
    let both = alice.on(get(&daemon, "/api/v1/audit")).header("authorization", "Bearer wrong");
    both.ask().says(401, "unauthorized");
}

#[test]
fn other_names_lead_nowhere_but_to_figures() {
    let daemon = start_with("");
    let port = daemon.address("WEB").port();
    for path in ["/", "/page/app.js", "/api/v1/session", "/nothing"] {
        for host in ["evil.example", "192.0.2.1", "localhost.evil.example"] {
            get(&daemon, path).host(&format!("{host}:{port}")).ask().says(421, "wrong_host");
        }
    }
    for path in ["/metrics", "/livez", "/readyz"] {
        get(&daemon, path).host("evil.example").ask().is(200);
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "console.localhost"] {
        get(&daemon, "/api/v1/session").host(&format!("{host}:{port}")).ask().is(200);
    }
    let daemon = start_with("url: 'https://console.example'");
    get(&daemon, "/api/v1/session").host("console.example").ask().is(200);
}

#[test]
fn all_answers_have_what_keeps_browsers_safe() {
    let daemon = start();
    for path in
        ["/", "/page/index.html", "/page/nothing", "/api/v1/session", "/metrics", "/nothing"]
    {
        let answer = get(&daemon, path).ask();
        let policy =
            answer.header("content-security-policy").unwrap_or_else(|| panic!("{answer:?}"));
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("server"), None);
    }
    let page = get(&daemon, "/").ask().is(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let tag = page.header("etag").expect("a tag");
    let same = get(&daemon, "/").header("if-none-match", tag).ask().is(304);
    assert_eq!(same.body, "");
    let packed = get(&daemon, "/").header("accept-encoding", "gzip, br").ask().is(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    for path in ["/page/../mod.rs", "/page/%2e%2e/mod.rs", "/page//etc/passwd", "/page/"] {
        assert_eq!(get(&daemon, path).ask().status, 404, "{path}");
    }
}

#[test]
fn who_is_no_user_any_more_is_out_at_once() {
    let daemon = start();
    let (alice, bob) = (log_in(&daemon, "alice"), log_in(&daemon, "bob"));
    let file = daemon.path("donet.yml");
    let text = std::fs::read_to_string(&file).expect("it is there");
    let newer =
        text.replace("bob: {", "carol: {").replace("role: operate}, carol", "role: view}, carol");
    assert_ne!(newer, text);
    std::fs::write(&file, newer).expect("it is ours");
    let said = alice.acts(Question::new(&daemon, "POST", "/api/v1/reload")).ask().is(200).json();
    let said = said["said"][0].as_str().expect("a text").to_owned();
    assert!(said.contains("applied: web.users.alice.role, web.users.bob.password"), "{said}");
    bob.on(get(&daemon, "/api/v1/audit")).ask().says(401, "unauthorized");
    let nobody = bob.on(get(&daemon, "/api/v1/session")).ask().is(200).json();
    assert_eq!((&nobody["role"], &nobody["login"]), (&serde_json::Value::Null, &true.into()));
    let session = alice.on(get(&daemon, "/api/v1/session")).ask().is(200).json();
    assert_eq!(session["role"], "view");
    try_to_log_in(&daemon, "carol", "bob").is(200);
    // A file with mistakes changes nothing.
    std::fs::write(&file, "web: {users: {alice: {password: alice, role: view}}}")
        .expect("it is ours");
    by_token(Question::new(&daemon, "POST", "/api/v1/reload")).ask().says(409, "conflict");
    wait_until("it is said", || daemon.log().contains("this is no hash").then_some(()));
    alice.on(get(&daemon, "/api/v1/session")).ask().is(200);
}
