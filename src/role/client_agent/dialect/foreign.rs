//! Connections that speak something else, known by their first bytes.
//!
//! People point a browser, an old game or the wrong half of their own at a client agent. The log should
//! say so, rather than that some length tag was odd.

use std::fmt;

use crate::net::proxy_protocol;
use crate::wire::{CONTROL_HEAD, Reader};

/// What a connection speaks instead of the client protocol.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// TLS: the client expects an encrypted port.
    Tls,
    /// HTTP: a browser, a health check, a scanner.
    Http,
    /// A PROXY protocol header, while `haproxy` is off.
    ProxyHeader,
    /// A participant's link, which belongs to a message director.
    MessageDirectorLink,
    /// A client of the OTP era, such as Toontown Online's.
    OtpClient,
    /// A client of Panda3D's stock repository, which speaks the CMU protocol.
    PandaClient,
}

impl Foreign {
    /// What to write to such a connection before it is closed, if it can understand anything but an
    /// eject.
    pub const fn farewell(self) -> Option<&'static [u8]> {
        match self {
            // A fatal alert: unexpected message.
            Foreign::Tls => Some(b"\x15\x03\x01\x00\x02\x02\x0a"),
            Foreign::Http => Some(
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n\
                This port is for game clients.\n",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Tls => "TLS, but this port is not encrypted",
            Foreign::Http => "HTTP, but this port is for game clients",
            Foreign::ProxyHeader => "a PROXY header, but haproxy is off for this client agent",
            Foreign::MessageDirectorLink => {
                "a link of an AI or UberDOG, which belongs on the message director's port"
            }
            Foreign::OtpClient => "the protocol of an OTP-era client, which is not supported",
            Foreign::PandaClient => {
                "the protocol of Panda3D's stock repository, which is not supported"
            }
        })
    }
}

const HTTP_METHODS: [&[u8]; 8] =
    [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"OPTIONS ", b"DELETE ", b"CONNECT ", b"PRI * HTTP/2"];
/// CLIENT_LOGIN_2, CLIENT_LOGIN_TOONTOWN, and the heartbeat and disconnect of OTP's numbering.
const OTP_NUMBERS: [u16; 4] = [111, 125, 52, 37];
/// CLIENT_OBJECT_GENERATE_CMU to CLIENT_HEARTBEAT_CMU.
const CMU_NUMBERS: std::ops::RangeInclusive<u16> = 9001..=9011;

/// What `bytes`, the first of a connection, are for certain.
pub fn recognise(bytes: &[u8]) -> Option<Foreign> {
    if is_client_hello_of_tls(bytes) {
        return Some(Foreign::Tls);
    }
    if HTTP_METHODS.iter().any(|method| bytes.starts_with(method)) {
        return Some(Foreign::Http);
    }
    if bytes.starts_with(proxy_protocol::LINE_START)
        || bytes.starts_with(&proxy_protocol::SIGNATURE)
    {
        return Some(Foreign::ProxyHeader);
    }
    let mut reader = Reader::new(bytes);
    let length = usize::from(reader.u16().ok()?);
    if length >= CONTROL_HEAD.len() && reader.remaining().starts_with(&CONTROL_HEAD) {
        return Some(Foreign::MessageDirectorLink);
    }
    match reader.u16().ok()? {
        number if OTP_NUMBERS.contains(&number) => Some(Foreign::OtpClient),
        number if CMU_NUMBERS.contains(&number) => Some(Foreign::PandaClient),
        _ => None,
    }
}

/// `22 | version 3.x | u16 length | 1 ClientHello | u24 length | version 3.x`
fn is_client_hello_of_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [22, 3, 0..=4, _, _, 1, _, _, _, 3, ..])
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
            (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], Some(Foreign::Tls)),
            (b"GET / HTTP/1.1\r\n", Some(Foreign::Http)),
            (b"PROXY TCP4 ", Some(Foreign::ProxyHeader)),
            (b"\r\n\r\n\0\r\nQUIT\n!", Some(Foreign::ProxyHeader)),
            (&link, Some(Foreign::MessageDirectorLink)),
            (b"\x20\x00\x6f\x00...", Some(Foreign::OtpClient)),
            (b"\x20\x00\x7d\x00...", Some(Foreign::OtpClient)),
            (b"\x0a\x00\x31\x23...", Some(Foreign::PandaClient)),
            (b"\x0a\x00\x37\x13...", None),
            (b"\x16\x03", None),
            (b"", None),
        ] {
            assert_eq!(recognise(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
