//! The PROXY protocol: how a load balancer says for whom it connects.
//!
//! Both versions, read from however few bytes have come. A header is a text line (version 1) or a
//! block that begins with [`SIGNATURE`] (version 2); what follows it is the client's.
//!
//! Written by hand because of what sessions hand on: the addresses of a text line as the text that
//! was sent, and TLVs as the raw bytes that they are, well-formed or not.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first bytes of a version 2 header.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The first bytes of a version 1 header.
pub const LINE_START: &[u8] = b"PROXY ";

/// No header is shorter than this, so nothing is judged before.
const SHORTEST: usize = 15;
/// The most bytes of a version 1 line, its CR and LF included.
const LINE_BYTES_MAX: usize = 107;
const FIXED_BYTES: usize = 16;
const VERSION: u8 = 2;
const COMMAND_LOCAL: u8 = 0;
const COMMAND_PROXY: u8 = 1;
const FAMILY_IPV4: u8 = 1;
const FAMILY_IPV6: u8 = 2;
const TRANSPORT_STREAM: u8 = 1;

/// An address and a port, the address as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The address, without brackets.
    pub ip: Box<str>,
    /// The port.
    pub port: u16,
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Endpoint { ip: address.ip().to_canonical().to_string().into(), port: address.port() }
    }
}

/// `ip:port`, also for IPv6: event logs have always had it so.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.ip, self.port)
    }
}

/// What a header says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Header {
    /// The connection is the load balancer's own, for instance to see whether we live.
    Local,
    /// The load balancer does not know for whom it connects.
    Unknown,
    /// The connection is someone's.
    Proxied {
        /// Who connects.
        source: Endpoint,
        /// What was connected to.
        destination: Endpoint,
        /// The type-length-values, as they came.
        tlvs: Box<[u8]>,
    },
}

/// Why bytes are not a header.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// They begin like neither version.
    #[error("there is no PROXY header")]
    Missing,
    /// The text line has no end within its limit.
    #[error("the PROXY line does not end within {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// The text line is not two addresses and two ports.
    #[error("the PROXY line is malformed")]
    BadLine,
    /// The version is not 2.
    #[error("PROXY version {0} is unknown")]
    Version(u8),
    /// Neither LOCAL nor PROXY.
    #[error("PROXY command {0} is unknown")]
    Command(u8),
    /// Not IPv4 or IPv6.
    #[error("PROXY address family {0} is not supported")]
    Family(u8),
    /// Not a stream.
    #[error("PROXY transport {0} is not supported")]
    Transport(u8),
    /// The body is too short for its addresses.
    #[error("the PROXY header is too short for its addresses")]
    TooShort,
}

/// Reads the header at the beginning of `bytes`, and how many bytes it has. `None` if more bytes are
/// needed to say.
///
/// # Errors
/// See [`Error`]. The connection cannot be used then.
pub fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
    let is_block = starts_like(bytes, &SIGNATURE);
    if !is_block && !starts_like(bytes, LINE_START) {
        return Err(Error::Missing);
    }
    if bytes.len() < SHORTEST {
        return Ok(None);
    }
    if is_block { read_block(bytes) } else { read_line(bytes) }
}

/// Whether `bytes` begin like `start`, as far as they go.
fn starts_like(bytes: &[u8], start: &[u8]) -> bool {
    let common = bytes.len().min(start.len());
    bytes[..common] == start[..common]
}

/// `PROXY (TCP4|TCP6) source destination sport dport CRLF`, or `PROXY UNKNOWN … CRLF`.
fn read_line(bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
    let within = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let end = within.iter().position(|&byte| byte == b'\r');
    // A CR that is not the line's end is an error even if an end follows: what a header means must
    // not depend on how much of it comes at a time.
    let end = match end.map(|at| (at, within.get(at + 1))) {
        Some((at, Some(b'\n'))) => at,
        Some((_, Some(_))) => return Err(Error::BadLine),
        _ if within.len() == LINE_BYTES_MAX => return Err(Error::LineTooLong),
        _ => return Ok(None),
    };
    let line = std::str::from_utf8(&within[..end]).map_err(|_| Error::BadLine)?;
    let mut words = line.split(' ').skip(1);
    let header = match words.next() {
        Some("UNKNOWN") => Header::Unknown,
        Some(family @ ("TCP4" | "TCP6")) => {
            let words: Vec<&str> = words.collect();
            let &[source, destination, source_port, destination_port] = &words[..] else {
                return Err(Error::BadLine);
            };
            Header::Proxied {
                source: endpoint(family, source, source_port)?,
                destination: endpoint(family, destination, destination_port)?,
                tlvs: Box::default(),
            }
        }
        _ => return Err(Error::BadLine),
    };
    Ok(Some((header, end + 2)))
}

fn endpoint(family: &str, ip: &str, port: &str) -> Result<Endpoint, Error> {
    let is_address = match family {
        "TCP4" => ip.parse::<Ipv4Addr>().is_ok(),
        _ => ip.parse::<Ipv6Addr>().is_ok(),
    };
    if !is_address || port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::BadLine);
    }
    Ok(Endpoint { ip: ip.into(), port: port.parse().map_err(|_| Error::BadLine)? })
}

/// `SIGNATURE | version and command | family and transport | u16 length | addresses | TLVs`, the
/// integers big-endian.
fn read_block(bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
    let Some((head, rest)) = bytes.split_first_chunk::<FIXED_BYTES>() else {
        return Ok(None);
    };
    let [.., command, family, length_high, length_low] = *head;
    if command >> 4 != VERSION {
        return Err(Error::Version(command >> 4));
    }
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let Some(body) = rest.get(..length) else {
        return Ok(None);
    };
    let header = match command & 0xf {
        // The addresses, if there are any, are to be ignored.
        COMMAND_LOCAL => Header::Local,
        COMMAND_PROXY => read_addresses(family, body)?,
        other => return Err(Error::Command(other)),
    };
    Ok(Some((header, FIXED_BYTES + length)))
}

fn read_addresses(family: u8, body: &[u8]) -> Result<Header, Error> {
    let (family, transport) = (family >> 4, family & 0xf);
    if !matches!(family, FAMILY_IPV4 | FAMILY_IPV6) {
        return Err(Error::Family(family));
    }
    if transport != TRANSPORT_STREAM {
        return Err(Error::Transport(transport));
    }
    let mut rest = body;
    let (source, destination) = if family == FAMILY_IPV4 {
        let source = Ipv4Addr::from(*take::<4>(&mut rest)?);
        (source.to_string(), Ipv4Addr::from(*take::<4>(&mut rest)?).to_string())
    } else {
        let source = Ipv6Addr::from(*take::<16>(&mut rest)?);
        (source.to_string(), Ipv6Addr::from(*take::<16>(&mut rest)?).to_string())
    };
    let source_port = u16::from_be_bytes(*take(&mut rest)?);
    let destination_port = u16::from_be_bytes(*take(&mut rest)?);
    Ok(Header::Proxied {
        source: Endpoint { ip: source.into(), port: source_port },
        destination: Endpoint { ip: destination.into(), port: destination_port },
        tlvs: rest.into(),
    })
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Result<&'a [u8; N], Error> {
    let (head, rest) = bytes.split_first_chunk().ok_or(Error::TooShort)?;
    *bytes = rest;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn proxied(source: (&str, u16), destination: (&str, u16), tlvs: &[u8]) -> Header {
        let endpoint = |(ip, port): (&str, u16)| Endpoint { ip: ip.into(), port };
        Header::Proxied {
            source: endpoint(source),
            destination: endpoint(destination),
            tlvs: tlvs.into(),
        }
    }

    /// Every prefix waits for more, and what follows the header is left alone.
    fn check(bytes: &[u8], expected: Header) {
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]), Ok(None), "{cut} bytes");
        }
        let mut more = bytes.to_vec();
        more.extend(b"\x02\x00hi");
        assert_eq!(read(&more), Ok(Some((expected, bytes.len()))));
    }

    const IPV4_BODY: &[u8] = &[203, 0, 113, 5, 198, 51, 100, 77, 0xd4, 0x31, 0x30, 0x39];

    #[test]
    fn text_lines() {
        check(
            b"PROXY TCP4 203.0.113.5 198.51.100.77 54321 12345\r\n",
            proxied(("203.0.113.5", 54321), ("198.51.100.77", 12345), b""),
        );
        check(
            b"PROXY TCP6 2001:db8::1 2001:db8:dead:beef::feed:1 1 65535\r\n",
            proxied(("2001:db8::1", 1), ("2001:db8:dead:beef::feed:1", 65535), b""),
        );
        check(b"PROXY UNKNOWN\r\n", Header::Unknown);
        check(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", Header::Unknown);
    }

    #[test]
    fn text_lines_that_are_refused() {
        for line in [
            &b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"[..],
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n",
            b"PROXY TCP4 \xff\xff\xff 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 1.2.3.400 2.2.2.2 1 2\r\n",
            b"PROXY TCP4 1.1.1.1 \x1b[2J 1 2\r\n",
            b"PROXY TCP4 ::1 ::2 1 2\r\n",
            b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
            b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rX",
            b"PROXY UNKNOWN 1.1.1.1\rX\r\n",
            b"PROXY UNKNOWN\r\r\n",
        ] {
            assert_eq!(read(line), Err(Error::BadLine), "{}", line.escape_ascii());
        }
        let long = [b"PROXY TCP4 ", &[b'1'; 96][..]].concat();
        assert_eq!(read(&long[..106]), Ok(None));
        assert_eq!(read(&long), Err(Error::LineTooLong));
    }

    #[test]
    fn blocks() {
        let tlvs = b"not even a TLV";
        check(
            &block(0x21, 0x11, &[IPV4_BODY, tlvs].concat()),
            proxied(("203.0.113.5", 54321), ("198.51.100.77", 12345), tlvs),
        );
        let mut body = Vec::new();
        body.extend("2001:db8::1".parse::<Ipv6Addr>().expect("an address").octets());
        body.extend("2001:db8:dead:beef::feed:1".parse::<Ipv6Addr>().expect("one").octets());
        body.extend([0, 7, 0, 8]);
        check(
            &block(0x21, 0x21, &body),
            proxied(("2001:db8::1", 7), ("2001:db8:dead:beef::feed:1", 8), b""),
        );
        // What a health check of HAProxy sends, and the same with addresses.
        check(&block(0x20, 0x00, b""), Header::Local);
        check(&block(0x20, 0x11, IPV4_BODY), Header::Local);
        check(&block(0x20, 0x31, &[0; 300]), Header::Local);
    }

    #[test]
    fn blocks_that_are_refused() {
        for (command, family, body, error) in [
            (0x11, 0x11, IPV4_BODY, Error::Version(1)),
            (0x22, 0x11, IPV4_BODY, Error::Command(2)),
            (0x21, 0x31, IPV4_BODY, Error::Family(3)),
            (0x21, 0x12, IPV4_BODY, Error::Transport(2)),
            (0x21, 0x11, &IPV4_BODY[1..], Error::TooShort),
            (0x21, 0x21, IPV4_BODY, Error::TooShort),
        ] {
            assert_eq!(read(&block(command, family, body)), Err(error));
        }
    }

    #[test]
    fn anything_else_is_refused_at_its_first_wrong_byte() {
        assert_eq!(read(b"\x08"), Err(Error::Missing));
        assert_eq!(read(b"PROXY"), Ok(None));
        assert_eq!(read(b"PROXy"), Err(Error::Missing));
        assert_eq!(read(b"\r\n\r\n\0\r\nQUIP"), Err(Error::Missing));
    }

    #[test]
    fn addresses_of_sockets() {
        let mapped: SocketAddr = "[::ffff:10.0.0.1]:80".parse().expect("an address");
        assert_eq!(Endpoint::from(mapped).to_string(), "10.0.0.1:80");
        let v6: SocketAddr = "[2001:db8::1]:80".parse().expect("an address");
        assert_eq!(Endpoint::from(v6).to_string(), "2001:db8::1:80");
    }
}
