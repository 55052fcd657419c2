//! Section `websocket` of a client agent.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use super::address::{Address, Host};
use super::networks::Networks;
use super::section::{Found, Section, expected};
use super::tls::{self, TlsConfig};
use super::value;

/// The port of WebSocket.
const PORT: u16 = 7196;
/// Proxies and home routers forget connections on which nothing happens, some after half a minute.
const PING: Duration = Duration::from_secs(20);

/// Where and how clients connect over WebSocket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebSocketConfig {
    /// Where.
    pub bind: Address,
    /// The path of the requests.
    pub path: String,
    /// The pages that browsers may come from, as browsers write them, in small letters; any if there are none.
    pub allowed_origins: Vec<String>,
    /// Who is believed when he says for whom he connects.
    pub trusted_proxies: Networks,
    /// How connections are encrypted.
    pub tls: Option<TlsConfig>,
    /// How often each client is asked whether it is still there; `None` is never.
    pub ping: Option<Duration>,
}

/// Reads the section.
pub(super) fn websocket(mut section: Section<'_>, base_dir: &Path) -> Option<WebSocketConfig> {
    let bind = section.optional("bind", value::address(PORT));
    let path = section.optional("path", path);
    let allowed_origins = section.values("allowed_origins", origin);
    let trusted_proxies = section.values("trusted_proxies", value::network);
    let encrypts = section.has("tls");
    let tls = section.section("tls").and_then(|section| tls::served(section, base_dir));
    let ping = section.optional("ping_ms", value::time_limit);
    section.finish();
    let any_host = Address { host: Host::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port: PORT };
    Some(WebSocketConfig {
        bind: bind.unwrap_or(any_host),
        path: path.unwrap_or_else(|| "/".to_owned()),
        allowed_origins,
        trusted_proxies: Networks::new(trusted_proxies),
        // Nobody should believe to be encrypted.
        tls: if encrypts { Some(tls?) } else { None },
        ping: ping.unwrap_or(Some(PING)),
    })
}

/// A path as requests have it.
fn path(node: &Found<'_>) -> Result<String, String> {
    const WHAT: &str = "a path such as `/` or `/game`, as it stands in requests: printable ASCII without `?` and `#`";
    let is_usable = |text: &&str| {
        let is_usable = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
        text.starts_with('/') && text.bytes().all(is_usable)
    };
    let text = node.text().filter(is_usable).ok_or_else(|| expected(node, WHAT))?;
    Ok(text.to_owned())
}

/// An origin as browsers send it. They leave out the usual port.
fn origin(node: &Found<'_>) -> Result<String, String> {
    const WHAT: &str =
        "an origin as browsers send it: `https://game.example`, without a path, or `null`";
    let text = node.text().ok_or_else(|| expected(node, WHAT))?.to_ascii_lowercase();
    if text == "null" {
        return Ok(text);
    }
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[:]".contains(&byte);
    let (scheme, host) = text.split_once("://").unwrap_or_default();
    let is_usable = !scheme.is_empty()
        && !host.is_empty()
        && scheme.bytes().all(is_scheme)
        && host.bytes().all(is_host);
    if !is_usable {
        return Err(expected(node, WHAT));
    }
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    Ok(format!("{scheme}://{}", host.strip_suffix(usual).unwrap_or(host)))
}
