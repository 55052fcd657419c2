//! Connections that speak something else, known by their first bytes.
//!
//! People point a browser, an old game or the wrong half of their own at a client agent. The log should
//! say so, rather than that some length tag was odd.

use std::fmt;

use crate::message::ClientFamily;
use crate::net::Stranger;
use crate::wire::{CONTROL_HEAD, Reader};

/// What a connection speaks instead of the client protocol.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// Nothing of this family.
    Stranger(Stranger),
    /// A participant's link, which belongs to a message director.
    MessageDirectorLink,
    /// A client of another kind.
    Client(ClientFamily),
    /// A client whose lengths have four bytes.
    WideLengths,
}

const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n\
    This port is for game clients.\n";

impl Foreign {
    /// What to write to such a connection before it is closed, if it can understand anything but an
    /// eject.
    pub const fn farewell(self) -> Option<&'static [u8]> {
        match self {
            Foreign::Stranger(stranger) => stranger.farewell(HTTP_ANSWER),
            _ => None,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Stranger(Stranger::Tls) => "TLS, but this port is not encrypted",
            Foreign::Stranger(Stranger::Http) => "HTTP, but this port is for game clients",
            Foreign::Stranger(Stranger::Ssh) => "SSH, but this port is for game clients",
            Foreign::Stranger(Stranger::ProxyHeader) => {
                "a PROXY header that is not expected: haproxy is off for this client agent, or several proxies send one"
            }
            Foreign::MessageDirectorLink => {
                "a link of an AI or UberDOG, which belongs on the message director's port"
            }
            Foreign::WideLengths => {
                "a client whose lengths have 4 bytes (tcp-header-size), and client.tcp_header_size is 2"
            }
            Foreign::Client(family) => {
                let word = client_type(*family);
                return write!(
                    f,
                    "the protocol of {family}, which is for an agent with client.type: {word}"
                );
            }
        })
    }
}

/// By which word of `client.type` clients of a family are served.
const fn client_type(family: ClientFamily) -> &'static str {
    match family {
        ClientFamily::Astron => "libastron",
        ClientFamily::Panda => "panda3d",
        ClientFamily::Otp => "otp",
    }
}

/// What `bytes`, the first of a connection, are for certain.
pub fn recognise(bytes: &[u8]) -> Option<Foreign> {
    if let Some(stranger) = Stranger::recognise(bytes) {
        return Some(Foreign::Stranger(stranger));
    }
    let mut reader = Reader::new(bytes);
    let length = usize::from(reader.u16().ok()?);
    if length >= CONTROL_HEAD.len() && reader.remaining().starts_with(&CONTROL_HEAD) {
        return Some(Foreign::MessageDirectorLink);
    }
    if let Some((&[low, high, 0, 0], datagram)) = bytes.split_first_chunk()
        && ClientFamily::of(&[&[low, high], datagram].concat()).is_some()
    {
        return Some(Foreign::WideLengths);
    }
    match ClientFamily::of(bytes)? {
        ClientFamily::Astron => None,
        other => Some(Foreign::Client(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Channel;
    use crate::message::{Control, Message};
    use crate::wire::write_frame;

    #[test]
    fn what_people_point_at_a_client_agent() {
        let mut link = Vec::new();
        write_frame(&mut link, |writer| {
            writer.raw(&CONTROL_HEAD);
            Control::AddChannel { channel: Channel(5) }.write(writer);
        })
        .expect("fits");
        for (bytes, expected) in [
            (
                &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
                Some(Foreign::Stranger(Stranger::Tls)),
            ),
            (b"GET / HTTP/1.1\r\n", Some(Foreign::Stranger(Stranger::Http))),
            (b"SSH-2.0-OpenSSH_9.6\r\n", Some(Foreign::Stranger(Stranger::Ssh))),
            (b"PROXY TCP4 ", Some(Foreign::Stranger(Stranger::ProxyHeader))),
            (b"\r\n\r\n\0\r\nQUIT\n!", Some(Foreign::Stranger(Stranger::ProxyHeader))),
            (&link, Some(Foreign::MessageDirectorLink)),
            (b"\x20\x00\x6f\x00...", Some(Foreign::Client(ClientFamily::Otp))),
            (b"\x20\x00\x7d\x00...", Some(Foreign::Client(ClientFamily::Otp))),
            (b"\x0a\x00\x31\x23...", Some(Foreign::Client(ClientFamily::Panda))),
            (b"\x0a\x00\x37\x13...", None),
            (b"\x0a\x00\x00\x00\x31\x23...", Some(Foreign::WideLengths)),
            (b"\x08\x00\x00\x00\x01\x00\x07\x00\x00\x00\x00\x00", Some(Foreign::WideLengths)),
            (b"\x16\x03", None),
            (b"", None),
        ] {
            assert_eq!(recognise(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
