//! Addresses as the configuration writes them: `host`, `host:port`, `[IPv6]:port`.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// A host and a port, not resolved yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// Who.
    pub host: Host,
    /// Which port.
    pub port: u16,
}

/// The host of an [`Address`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    /// An address that needs no resolving.
    Ip(IpAddr),
    /// A name; its form is right, which says nothing about whether it exists.
    Name(String),
}

/// Why a text is not an address.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Error)]
pub enum AddressError {
    /// There is no host.
    #[error("the host is missing")]
    NoHost,
    /// What stands after the colon is no number from 0 to 65535.
    #[error("the port is not a number from 0 to 65535")]
    Port,
    /// A `[` without `]` or the reverse.
    #[error("the brackets do not match")]
    Brackets,
    /// Colons or brackets around something that is no IPv6 address.
    #[error("the host is not an IPv6 address")]
    Ipv6,
    /// Neither an IPv4 address nor a host name.
    #[error("a host name has letters, digits, single dots and inner hyphens only")]
    Name,
}

impl Address {
    /// Reads an address; `default_port` holds where the text names none.
    ///
    /// # Errors
    /// Says which part of the text is wrong.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let (host, port) = split(text)?;
        let port = port.map_or(Ok(default_port), parse_port)?;
        let host = parse_host(host)?;
        Ok(Address { host, port })
    }

    /// Looks the host up. The result is never empty.
    ///
    /// # Errors
    /// Fails when the host is unknown, or has no address.
    pub async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, self.port)]),
            Host::Name(name) => {
                not_empty(tokio::net::lookup_host((name.as_str(), self.port)).await?)
            }
        }
    }
}

fn not_empty(found: impl Iterator<Item = SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    }
    Ok(found)
}

impl From<SocketAddr> for Address {
    fn from(socket: SocketAddr) -> Self {
        Address { host: Host::Ip(socket.ip()), port: socket.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(ip) => SocketAddr::new(*ip, self.port).fmt(f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// The host and the port's text. With several colons, only what follows a bracket is a port, so
/// that an IPv6 address needs no brackets if it has no port.
fn split(text: &str) -> Result<(&str, Option<&str>), AddressError> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Ok((text, None));
    };
    if host.contains(':') && !host.ends_with(']') {
        return Ok((text, None));
    }
    Ok((host, Some(port)))
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::Port);
    }
    text.parse().map_err(|_| AddressError::Port)
}

fn parse_host(text: &str) -> Result<Host, AddressError> {
    // What is only a number is meant to be a port, and would be a very odd address.
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::NoHost);
    }
    let bracketed = match (text.strip_prefix('['), text.ends_with(']')) {
        (Some(rest), true) => Some(&rest[..rest.len() - 1]),
        (None, false) => None,
        (Some(_), false) | (None, true) => return Err(AddressError::Brackets),
    };
    if bracketed.is_some() || text.contains(':') {
        let ip: Ipv6Addr = bracketed.unwrap_or(text).parse().map_err(|_| AddressError::Ipv6)?;
        return Ok(Host::Ip(ip.into()));
    }
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ip(ip.into()));
    }
    if is_host_name(text) { Ok(Host::Name(text.to_owned())) } else { Err(AddressError::Name) }
}

fn is_host_name(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && !["..", "-.", ".-"].iter().any(|pair| text.contains(pair))
        && !text.starts_with(['-', '.'])
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, AddressError> {
        Address::parse(text, 7199).map(|address| address.to_string())
    }

    #[test]
    fn addresses_that_are_read() {
        for (text, read) in [
            ("localhost:57123", "localhost:57123"),
            ("game.example.com", "game.example.com:7199"),
            ("example.com.:1", "example.com.:1"),
            ("127.0.0.1:57123", "127.0.0.1:57123"),
            ("0.0.0.0", "0.0.0.0:7199"),
            ("99.1:57123", "99.1:57123"),
            ("127-0-0-1:57123", "127-0-0-1:57123"),
            ("10.0.0.0foobar", "10.0.0.0foobar:7199"),
            ("::1", "[::1]:7199"),
            ("0:0:0:0:0:0:0:1", "[::1]:7199"),
            ("[0:0::1]", "[::1]:7199"),
            ("[0:0::1]:57123", "[::1]:57123"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(read), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_address() {
        for (text, error) in [
            ("", AddressError::NoHost),
            (":7198", AddressError::NoHost),
            ("7198", AddressError::NoHost),
            ("7198:7198", AddressError::NoHost),
            ("localhost:", AddressError::Port),
            ("localhost:http", AddressError::Port),
            ("localhost:61123abc", AddressError::Port),
            ("localhost:+80", AddressError::Port),
            ("localhost:70000", AddressError::Port),
            ("localhost:99999999999", AddressError::Port),
            ("[0:0::1:57123", AddressError::Brackets),
            ("0:0::1]:57123", AddressError::Brackets),
            ("127:0:0:1:57123", AddressError::Ipv6),
            ("0:0::1:57123", AddressError::Ipv6),
            ("[127.0.0.1]:80", AddressError::Ipv6),
            ("[]", AddressError::Ipv6),
            ("bad~characters:57123", AddressError::Name),
            ("more--bad.characters..-:57123", AddressError::Name),
            ("a..b", AddressError::Name),
            ("a-.b", AddressError::Name),
            ("a.-b", AddressError::Name),
            ("-a", AddressError::Name),
            (".a", AddressError::Name),
            ("a-", AddressError::Name),
            ("häuschen", AddressError::Name),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[tokio::test]
    async fn an_ip_address_resolves_to_itself() {
        let address = Address::parse("[::1]:80", 0).expect("an address");
        let found = address.resolve().await.expect("no look-up is needed");
        assert_eq!(found, [SocketAddr::from((Ipv6Addr::LOCALHOST, 80))]);
        assert_eq!(Address::from(found[0]), address);
    }

    #[tokio::test]
    async fn names_are_looked_up() {
        let address = Address::parse("localhost:80", 0).expect("an address");
        let found = address.resolve().await.expect("every machine knows itself");
        assert!(found.iter().all(|a| a.ip().is_loopback() && a.port() == 80));
    }
}
