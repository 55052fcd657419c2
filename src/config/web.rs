//! Section `web`: what is answered over HTTP, where, and to whom.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use url::Url;

use super::address::{Address, Host};
use super::networks::Networks;
use super::section::{Found, Section, expected};
use super::tls::{self, TlsConfig};
use super::value;
use crate::credentials::{NoHash, PasswordProof, TokenProof};

/// The port of HTTP.
const PORT: u16 = 7180;
/// The longest name of a user or a token: it stands in logs.
const NAME_BYTES_MAX: usize = 64;

/// What is answered over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebConfig {
    /// Where.
    pub bind: Address,
    /// Whether there is a console; otherwise only figures are told, and whether the daemon lives and is ready.
    pub has_console: bool,
    /// Who may see it, and how others know of it.
    pub access: AccessConfig,
    /// How connections are encrypted.
    pub tls: Option<TlsConfig>,
}

/// Who may see the console, and as what it is known: what a daemon that runs takes over from a newer configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccessConfig {
    /// People, by their names.
    pub users: BTreeMap<String, UserConfig>,
    /// Programs, by their names.
    pub tokens: BTreeMap<String, TokenConfig>,
    /// Where people find the console, without a slash at its end, if that is not where it listens.
    pub url: Option<String>,
    /// Who is believed when he says for whom he asks.
    pub trusted_proxies: Networks,
}

/// What somebody may do. Whoever may operate may view, too.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum WebRole {
    /// Look at everything.
    View,
    /// Do everything.
    Operate,
}

impl WebRole {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            WebRole::View => "view",
            WebRole::Operate => "operate",
        }
    }
}

/// Somebody who logs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserConfig {
    /// The hash of the password.
    pub password: PasswordProof,
    /// What may be done.
    pub role: WebRole,
}

/// Some program that has a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenConfig {
    /// The hash of the token.
    pub hash: TokenProof,
    /// What may be done.
    pub role: WebRole,
}

impl AccessConfig {
    /// Whether there is nobody who could be known.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty()
    }
}

impl WebConfig {
    /// Whether others than those on this machine reach it; nothing is known of what a name leads to.
    pub const fn is_public(&self) -> Option<bool> {
        match &self.bind.host {
            Host::Ip(ip) => Some(!ip.is_loopback()),
            Host::Name(_) => None,
        }
    }

    /// What to say if the console is at an address where everybody could see it.
    pub fn unguarded(address: impl std::fmt::Display) -> String {
        format!(
            "others reach {address}, and there is nobody who may see the console: give `web.users` (`donet console password` \
             makes the hash of a password), or listen on a loopback address, or have only /metrics, /livez and /readyz \
             answered by `console: false`"
        )
    }

    /// Where people find the console, if that can be said.
    pub fn console_url(&self) -> Option<String> {
        if !self.has_console {
            return None;
        }
        if let Some(url) = &self.access.url {
            return Some(format!("{url}/"));
        }
        let is_wild = matches!(self.bind.host, Host::Ip(ip) if ip.is_unspecified());
        let is_wild = is_wild || self.bind.port == 0;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        (!is_wild).then(|| format!("{scheme}://{}/", self.bind))
    }
}

/// Reads the section.
pub(super) fn web(mut section: Section<'_>, base_dir: &Path) -> WebConfig {
    let bind = section.optional("bind", value::address(PORT));
    let has_console = section.optional("console", value::strict_boolean).unwrap_or(true);
    let before = section.errors();
    let users = section.named("users", name_of("a user"), user);
    let tokens = section.named("tokens", name_of("a token"), token);
    let are_read = section.errors() == before;
    let url = section.optional("url", url);
    let trusted_proxies = Networks::new(section.values("trusted_proxies", value::network));
    let is_encrypted = section.has("tls");
    let tls = section.section("tls").and_then(|section| tls::served(section, base_dir));
    // Whoever is to be asked from elsewhere is told so.
    let here = || Address { host: Host::Ip(Ipv4Addr::LOCALHOST.into()), port: PORT };
    let access = AccessConfig { users, tokens, url, trusted_proxies };
    let web = WebConfig { bind: bind.unwrap_or_else(here), has_console, access, tls };
    check(&section, &web, is_encrypted, are_read);
    section.finish();
    web
}

/// Checks what is right by itself and not together. Users and tokens that have mistakes are there, and not in `web`.
fn check(section: &Section<'_>, web: &WebConfig, is_encrypted: bool, are_read: bool) {
    if !web.has_console {
        for key in ["users", "tokens", "url"].into_iter().filter(|key| section.has(key)) {
            section.warning(key, "this has no effect without a console (`console: false`)");
        }
        return;
    }
    if web.is_public() != Some(true) {
        return;
    }
    if web.access.is_empty() {
        if are_read {
            section.error("bind", WebConfig::unguarded(&web.bind));
        }
    } else if !is_encrypted && web.access.trusted_proxies.is_empty() {
        let message = format!(
            "passwords and tokens come to {} without encryption, for whoever is on their way to read; use `web.tls`, or a loopback \
             address with a proxy before it that encrypts",
            web.bind
        );
        section.warning("bind", message);
    }
}

fn user(mut section: Section<'_>) -> Option<UserConfig> {
    let what = "the hash of the password, which `donet console password` makes";
    let password = section.required("password", what, password);
    let role = role(&mut section);
    section.finish();
    Some(UserConfig { password: password?, role: role? })
}

fn token(mut section: Section<'_>) -> Option<TokenConfig> {
    let what = "the hash of the token, which `donet console token` makes with it";
    let hash = section.required("hash", what, hash);
    let role = role(&mut section);
    section.finish();
    Some(TokenConfig { hash: hash?, role: role? })
}

fn role(section: &mut Section<'_>) -> Option<WebRole> {
    let roles = value::choice(&[("view", WebRole::View), ("operate", WebRole::Operate)]);
    section.required("role", "what may be done, `view` or `operate`", roles)
}

/// The hash of a password. What is written instead is not shown: it may be the password.
fn password(node: &Found<'_>) -> Result<PasswordProof, String> {
    let text = node.text().ok_or("found no text, expected the hash of a password")?;
    text.parse().map_err(|why| match why {
        NoHash::Other => "this is no hash: a password does not stand here itself; `donet console password` makes its hash, \
                          which begins with `$argon2id$`"
            .to_owned(),
        why => format!("this is {why}; `donet console password` makes one"),
    })
}

/// The hash of a token. What is written instead is not shown: it may be the token.
fn hash(node: &Found<'_>) -> Result<TokenProof, String> {
    let text = node.text().ok_or("found no text, expected the hash of a token")?;
    text.parse().map_err(|()| {
        "this is no hash of a token, which is 64 hexadecimal digits; `donet console token` makes a token and its hash"
            .to_owned()
    })
}

/// A name that can stand in a line.
fn name_of(what: &'static str) -> impl Fn(&str) -> Result<(), String> {
    move |name| {
        let is_usable = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.chars().all(|c| !c.is_control() && !c.is_whitespace());
        is_usable.then_some(()).ok_or_else(|| {
            format!("the name of {what} has 1 to {NAME_BYTES_MAX} bytes, and no spaces")
        })
    }
}

/// Where browsers go: no more than a scheme and a host.
fn url(node: &Found<'_>) -> Result<String, String> {
    const WHAT: &str =
        "where browsers find the console: `https://console.game.example`, without a path";
    let text = node.text().ok_or_else(|| expected(node, WHAT))?;
    let url = Url::parse(text).map_err(|_| expected(node, WHAT))?;
    let is_usable = ["http", "https"].contains(&url.scheme())
        && url.has_host()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    // As browsers write it in an Origin: in small letters, and without the usual port.
    is_usable.then(|| url.origin().ascii_serialization()).ok_or_else(|| expected(node, WHAT))
}
