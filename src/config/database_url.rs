//! The URL of a database server, as it is written or put together from its parts.
//!
//! No message repeats any of it but its scheme: what is misread as a host or a parameter may be half of a password.

use url::Url;

use super::section::{Found, list_of};
use super::value;

/// A kind of SQL server: what its URLs look like.
pub(super) struct SqlServer {
    /// Schemes that are accepted, the first of which is written.
    schemes: &'static [&'static str],
    port: u16,
    /// What may stand behind the `?`. The driver logs what else stands there.
    parameters: &'static [&'static str],
}

pub(super) const POSTGRES: SqlServer = SqlServer {
    schemes: &["postgres", "postgresql"],
    port: 5432,
    parameters: &[
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "ssl-mode",
        "ssl-root-cert",
        "ssl-ca",
        "ssl-cert",
        "ssl-key",
        "statement-cache-capacity",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
        "options",
    ],
};

pub(super) const MYSQL: SqlServer = SqlServer {
    schemes: &["mysql", "mariadb"],
    port: 3306,
    parameters: &[
        "sslmode",
        "sslca",
        "sslcert",
        "sslkey",
        "ssl-mode",
        "ssl-ca",
        "ssl-cert",
        "ssl-key",
        "charset",
        "collation",
        "statement-cache-capacity",
        "socket",
        "timezone",
        "time-zone",
    ],
};

/// Host, port, database, user and password, each as it is.
pub(super) struct Parts<'a> {
    pub host: &'a str,
    pub port: Option<u16>,
    pub database: &'a str,
    pub username: &'a str,
    pub password: Option<&'a str>,
}

/// The value of `url`.
pub(super) fn read(node: &Found<'_>, server: &SqlServer) -> Result<Url, String> {
    let text = value::name("the URL of the database")(node)?;
    let what = format!(
        "expected a URL such as `{}://user:password@host:{}/database`",
        server.schemes[0], server.port
    );
    if let Some(why) = misread(&text) {
        return Err(why.to_owned());
    }
    let mut url = Url::parse(&text).map_err(|error| format!("found no URL ({error}), {what}"))?;
    if !server.schemes.contains(&url.scheme()) {
        let schemes = list_of(server.schemes);
        // Without slashes it is no scheme, but whatever stands before the first colon.
        let found = match text.contains("://") {
            true => format!("the scheme `{}`", url.scheme()),
            false => "no URL".to_owned(),
        };
        return Err(format!("found {found}, {what}; schemes are {schemes}"));
    }
    leave_out_unknown(&mut url, server, node);
    Ok(url)
}

/// Why a URL would be understood as another one than its author means.
pub(super) fn misread(text: &str) -> Option<&'static str> {
    // Whoever reads URLs leaves them out.
    if text.chars().any(char::is_control) {
        return Some(
            "found a tab or another control character in the URL; within a password write `%09` for a tab",
        );
    }
    let (_, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#'])?;
    if rest[end..].contains('@') {
        return Some(
            "found a `/`, `?` or `#` before the last `@`, where it ends the host; within a name or a password write `%2F`, `%3F`, \
             `%23` or `%40` for them, or leave the password to `password_file`, or give `host`, `database`, `username` \
             and `password` instead of the URL",
        );
    }
    rest.contains('#').then_some("found a `#` in the URL, which ends it; within a name write `%23`")
}

/// Parameters that the driver does not know mean nothing to it.
fn leave_out_unknown(url: &mut Url, server: &SqlServer, node: &Found<'_>) {
    let is_known = |name: &str| server.parameters.contains(&name) || name.starts_with("options[");
    let all: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let known: Vec<_> = all.iter().filter(|(name, _)| is_known(name)).collect();
    if known.len() == all.len() {
        return;
    }
    node.doubt(format!(
        "the URL has parameters that mean nothing here, and are left out; known are {}",
        list_of(server.parameters)
    ));
    url.set_query(None);
    for (name, value) in known {
        url.query_pairs_mut().append_pair(name, value);
    }
}

/// Whether it names a password, before the host or among the parameters.
pub(super) fn has_password(url: &Url) -> bool {
    url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
}

/// Gives it a password; fails if it can have none.
pub(super) fn set_password(url: &mut Url, password: Option<&str>) -> Option<()> {
    url.set_password(password.map(literal).as_deref()).ok()
}

/// A `%` is encoded by nobody else, and would be understood as the beginning of something that is.
pub(crate) fn literal(text: &str) -> String {
    text.replace('%', "%25")
}

/// The URL of these parts; `None` if the host is none.
pub(super) fn compose(server: &SqlServer, parts: &Parts<'_>) -> Option<Url> {
    let mut url = Url::parse(&format!("{}://localhost", server.schemes[0])).ok()?;
    let bracketed;
    let host = if parts.host.contains(':') && !parts.host.starts_with('[') {
        bracketed = format!("[{}]", parts.host);
        &bracketed
    } else {
        parts.host
    };
    url.set_host(Some(host)).ok()?;
    url.set_port(Some(parts.port.unwrap_or(server.port))).ok()?;
    url.set_username(&literal(parts.username)).ok()?;
    set_password(&mut url, parts.password)?;
    url.path_segments_mut().ok()?.push(parts.database);
    Some(url)
}
