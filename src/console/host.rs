//! Whether a question is for this console, and comes from its own page.
//!
//! A browser can be made to ask for anything by any page. Two ways in matter. A page may have the name of its own site lead to a
//! loopback address (DNS rebinding): then the browser believes to talk to that site, and the question names it as its host.
//! And it may send a question to the console's own name, which then says where the page is from (`Origin`, `Sec-Fetch-Site`).

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Uri};
use url::{Host, Url};

use super::api::ApiError;
use super::serve::Place;
use crate::config::AccessConfig;

/// The host that a question is for, as it names it.
fn host_of<'h>(headers: &'h HeaderMap, uri: &'h Uri) -> Option<&'h str> {
    let mut named = headers.get_all(HOST).iter();
    let (host, other) = (named.next(), named.next());
    match (uri.authority(), host, other) {
        (Some(authority), ..) => Some(authority.as_str()),
        (None, Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// Checks that a question is for this console. At an address that others reach any name may lead to it, unless the
/// configuration says which one does: a session is of one name, so that another one is of no use to anybody.
///
/// # Errors
/// It is for somebody else.
pub fn check_host(
    headers: &HeaderMap,
    uri: &Uri,
    place: &Place,
    access: &AccessConfig,
) -> Result<(), ApiError> {
    if place.is_public && access.url.is_none() {
        return Ok(());
    }
    let host = host_of(headers, uri).and_then(|host| Url::parse(&format!("http://{host}/")).ok());
    let is_own = host.is_some_and(|host| is_own(&host, place, access));
    is_own.then_some(()).ok_or_else(ApiError::wrong_host)
}

/// Which port a question is for cannot be chosen by whoever has a name lead elsewhere, and may be another one than the console's,
/// since a tunnel (`ssh -L`) or a container's port may be before it.
fn is_own(host: &Url, place: &Place, access: &AccessConfig) -> bool {
    if host.path() != "/" || !host.username().is_empty() || host.password().is_some() {
        return false;
    }
    let public = access.url.as_deref().and_then(|url| Url::parse(url).ok());
    if public.is_some_and(|public| public.host() == host.host()) {
        return true;
    }
    match host.host() {
        // An address leads nowhere else.
        Some(Host::Ipv4(ip)) => place.is_public || ip.is_loopback(),
        Some(Host::Ipv6(ip)) => place.is_public || ip.is_loopback(),
        // Names below it never lead to another machine (RFC 6761).
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost"
                || name.ends_with(".localhost")
                || place.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
        }
        None => false,
    }
}

/// Checks that a question of a browser comes from the console's own page, or from nowhere: its user has asked for it.
///
/// # Errors
/// It comes from another page.
pub fn check_origin(
    headers: &HeaderMap,
    uri: &Uri,
    method: &Method,
    place: &Place,
    access: &AccessConfig,
) -> Result<(), ApiError> {
    // Browsers say it in all questions by now, and no page can change it.
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| ![&b"same-origin"[..], b"none"].contains(&site)) {
        return Err(ApiError::foreign_origin());
    }
    if [Method::GET, Method::HEAD].contains(method) {
        return Ok(());
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().ok().filter(|_| headers.get_all(ORIGIN).iter().count() == 1);
    let host = host_of(headers, uri);
    let is_own = origin.is_some_and(|origin| is_own_origin(origin, host, place, access));
    is_own.then_some(()).ok_or_else(ApiError::foreign_origin)
}

fn is_own_origin(origin: &str, host: Option<&str>, place: &Place, access: &AccessConfig) -> bool {
    if access.url.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    // Without TLS of its own there may be a proxy before it that has.
    let is_possible = scheme == "https" || scheme == "http" && !place.is_encrypted;
    let url = |authority: &str| Url::parse(&format!("{scheme}://{authority}/")).ok();
    is_possible
        && matches!((url(authority), host.and_then(url)), (Some(one), Some(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(is_public: bool) -> Place {
        Place { is_public, ..Place::for_tests() }
    }

    fn access(url: Option<&str>) -> AccessConfig {
        AccessConfig { url: url.map(str::to_owned), ..AccessConfig::default() }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a value"));
        }
        headers
    }

    #[test]
    fn a_loopback_console_is_only_asked_by_names_of_this_machine() {
        let is_ok = |host: &str, url: Option<&str>| {
            let headers = headers(&[("host", host)]);
            check_host(&headers, &Uri::from_static("/"), &place(false), &access(url)).is_ok()
        };
        for host in [
            "localhost",
            "localhost:7180",
            "LOCALHOST:7180",
            "localhost.:1",
            "a.localhost",
            "127.0.0.1:7180",
            "127.1.2.3",
            "[::1]:7180",
            "console.example:7180",
        ] {
            assert!(is_ok(host, None), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:7180",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.1",
            "[::2]",
            "evil.example@localhost",
            "localhost/a",
            "localhost:99999",
            "notlocalhost",
            "a b",
        ] {
            assert!(!is_ok(host, None), "{host}");
        }
        assert!(
            !is_ok("game.example", None) && is_ok("game.example", Some("https://game.example"))
        );
        assert!(!is_ok("evil.example", Some("https://game.example")));
        let check = |headers: &HeaderMap| {
            check_host(headers, &Uri::from_static("/"), &place(false), &access(None)).is_ok()
        };
        assert!(!check(&headers(&[])), "a question has to say whom it is for");
        assert!(!check(&headers(&[("host", "localhost"), ("host", "evil.example")])));
        let uri = Uri::from_static("http://evil.example/");
        let named = headers(&[("host", "localhost")]);
        assert!(check_host(&named, &uri, &place(false), &access(None)).is_err(), "that one counts");
    }

    #[test]
    fn a_public_console_has_any_name_but_one_that_is_configured() {
        let is_ok = |host: &str, url: Option<&str>| {
            let headers = headers(&[("host", host)]);
            check_host(&headers, &Uri::from_static("/"), &place(true), &access(url)).is_ok()
        };
        assert!(is_ok("any.example", None));
        let url = Some("https://game.example");
        for host in
            ["game.example", "game.example:8443", "192.0.2.1:7180", "[2001:db8::1]", "localhost"]
        {
            assert!(is_ok(host, url), "{host}");
        }
        assert!(!is_ok("any.example", url));
    }

    #[test]
    fn other_pages_are_not_heard() {
        let check = |method: Method, pairs: &[(&'static str, &str)], url: Option<&str>| {
            let uri = Uri::from_static("/api/v1/bans");
            check_origin(&headers(pairs), &uri, &method, &place(false), &access(url)).is_ok()
        };
        let post = |origin: &str, host: &str, url: Option<&str>| {
            check(Method::POST, &[("host", host), ("origin", origin)], url)
        };
        assert!(post("http://localhost:7180", "localhost:7180", None));
        assert!(post("http://LOCALHOST:7180", "localhost:7180", None));
        assert!(post("https://game.example", "game.example", None), "a proxy encrypts");
        assert!(post("https://game.example", "127.0.0.1:7180", Some("https://game.example")));
        for origin in [
            "null",
            "",
            "http://localhost",
            "http://localhost:7181",
            "http://127.0.0.1:7180",
            "http://evil.example",
            "ftp://localhost:7180",
            "http://localhost:7180/a",
            "http://a@localhost:7180",
        ] {
            assert!(!post(origin, "localhost:7180", None), "{origin}");
        }
        assert!(check(Method::POST, &[("host", "localhost")], None), "it is no browser");
        assert!(!check(Method::POST, &[("origin", "http://localhost:7180")], None));
        for (site, is_ok) in
            [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false)]
        {
            assert_eq!(check(Method::GET, &[("sec-fetch-site", site)], None), is_ok, "{site}");
        }
        let encrypted = Place { is_encrypted: true, ..place(true) };
        let plain = headers(&[("host", "game.example"), ("origin", "http://game.example")]);
        let uri = Uri::from_static("/");
        assert!(check_origin(&plain, &uri, &Method::POST, &encrypted, &access(None)).is_err());
    }
}
