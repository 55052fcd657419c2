//! Connections that are no links, known by their first bytes.
//!
//! Both ports of a daemon are easily mistaken for each other, and any port that is open gets browsers and health checks.

use std::fmt;

use crate::message::ClientFamily;
use crate::net::Stranger;
use crate::wire::{CONTROL_HEAD, Envelope, Frames};

/// What a connection to the message director's port speaks instead.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Foreign {
    /// Nothing of this family.
    Stranger(Stranger),
    /// What belongs on a client agent's port.
    Client(ClientFamily),
    /// A link whose lengths have four bytes.
    WideLengths,
}

const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n\
    This port is for the servers of a game.\n";

impl Foreign {
    /// What `bytes`, the first of a connection, are for certain, if no link begins so.
    pub(super) fn recognise(bytes: &[u8]) -> Option<Foreign> {
        if begins_with_control(bytes) {
            return None;
        }
        if begins_with_wide_length(bytes) {
            return Some(Foreign::WideLengths);
        }
        if let Some(stranger) = Stranger::recognise(bytes) {
            return Some(Foreign::Stranger(stranger));
        }
        let family = ClientFamily::of(bytes)?;
        // Other clients have no beginning that a datagram for many recipients could not have, if it is one.
        let is_certain = family == ClientFamily::Astron
            || Frames::new(bytes)
                .next()
                .is_some_and(|frame| Envelope::read(frame.datagram()).is_err());
        is_certain.then_some(Foreign::Client(family))
    }

    /// What to write to such a connection before it is closed, if it can understand anything.
    pub(super) const fn farewell(self) -> Option<&'static [u8]> {
        match self {
            Foreign::Stranger(stranger) => stranger.farewell(HTTP_ANSWER),
            Foreign::Client(_) | Foreign::WideLengths => None,
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Stranger(Stranger::Tls) => "TLS, but this port is not encrypted",
            Foreign::Stranger(Stranger::Http) => "HTTP, but this port is for the servers of a game",
            Foreign::Stranger(Stranger::Ssh) => "SSH, but this port is for the servers of a game",
            Foreign::Stranger(Stranger::ProxyHeader) => {
                "a PROXY header, which only a client agent with haproxy reads"
            }
            Foreign::WideLengths => {
                "a link whose lengths have 4 bytes (tcp-header-size), and messagedirector.tcp_header_size is 2"
            }
            Foreign::Client(family) => {
                return write!(f, "{family}, which belongs on a client agent's port");
            }
        })
    }
}

/// Whether a datagram that can be one follows a length of four bytes. With a length of two it would be for nobody.
fn begins_with_wide_length(bytes: &[u8]) -> bool {
    let Some((&[low, high, 0, 0], datagram)) = bytes.split_first_chunk() else { return false };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let whole = datagram.get(..length);
    datagram.starts_with(&CONTROL_HEAD)
        || whole.is_some_and(|datagram| {
            Envelope::read(datagram).is_ok_and(|envelope| envelope.recipients.iter().len() > 0)
        })
}

/// Whether the first of these frames is for the message director itself.
pub(super) fn begins_with_control(frames: &[u8]) -> bool {
    Frames::new(frames).next().is_some_and(|frame| frame.datagram().starts_with(&CONTROL_HEAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Channel;
    use crate::message::{Blob, Client, Control, Message, StateServer};
    use crate::wire::write_frame;

    fn frame(write: impl FnOnce(&mut crate::wire::Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, write).expect("fits");
        bytes
    }

    #[test]
    fn what_people_point_at_a_message_director() {
        let hello = |version: &'static [u8]| {
            frame(|writer| Client::Hello { dc_hash: 7, version: Blob(version) }.write(writer))
        };
        let client = |family| Some(Foreign::Client(family));
        let stranger = |stranger| Some(Foreign::Stranger(stranger));
        for (bytes, expected) in [
            (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], stranger(Stranger::Tls)),
            (b"GET / HTTP/1.1\r\n", stranger(Stranger::Http)),
            (b"SSH-2.0-OpenSSH_9.6\r\n", stranger(Stranger::Ssh)),
            (b"PROXY TCP4 ", stranger(Stranger::ProxyHeader)),
            (&hello(b""), client(ClientFamily::Astron)),
            (&hello(b"v1.0.0"), client(ClientFamily::Astron)),
            (&hello(b"a version that could be a datagram"), client(ClientFamily::Astron)),
            (b"\x04\x00\x6f\x00\x01\x02", client(ClientFamily::Otp)),
            (b"\x04\x00\x31\x23\x01\x02", client(ClientFamily::Panda)),
            // It is not known yet how it goes on.
            (b"\x20\x00\x6f\x00", None),
            (b"", None),
        ] {
            assert_eq!(Foreign::recognise(bytes), expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn lengths_of_four_bytes_are_known() {
        let wide = |datagram: &[u8]| [&(datagram.len() as u32).to_le_bytes(), datagram].concat();
        let control =
            frame(|writer| Control::AddChannel { channel: Channel(7) }.write_control(writer));
        let update = frame(|writer| {
            StateServer::ObjectDeleteRam { do_id: crate::ids::DoId(7) }.write_datagram(
                writer,
                &[Channel(7)],
                Channel(8),
            );
        });
        for narrow in [control, update] {
            assert_eq!(Foreign::recognise(&narrow), None);
            assert_eq!(Foreign::recognise(&wide(&narrow[2..])), Some(Foreign::WideLengths));
        }
        assert_eq!(Foreign::recognise(&wide(&[0; 20])), None);
    }

    #[test]
    fn a_link_is_never_taken_for_something_else() {
        let control = frame(|writer| {
            writer.raw(&CONTROL_HEAD);
            // As long as what begins like TLS.
            Control::SetConName { name: Blob(&[1; 0x316 - 13]) }.write(writer);
        });
        assert_eq!(Foreign::recognise(&control), None);
        for recipients in 1..=255 {
            // A hundred and eleven of them, say, are as many as a client's message has as number.
            let recipients: Vec<_> = (0..recipients).map(|i| Channel(0x23 + i)).collect();
            let message = StateServer::ObjectDeleteRam { do_id: crate::ids::DoId(1) };
            let datagram = frame(|writer| message.write_datagram(writer, &recipients, Channel(4)));
            assert_eq!(Foreign::recognise(&datagram), None, "{}", recipients.len());
        }
    }
}
