//! Which kind of client speaks, known by the first datagram of a connection.

use std::fmt;

use super::{Client, Otp};
use crate::wire::Reader;

/// A kind of client, by its protocol.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ClientFamily {
    /// Astron's: [`Client`].
    Astron,
    /// Of the OTP era, such as Toontown Online's.
    Otp,
    /// Panda3D's stock repository, which speaks the CMU protocol.
    Panda,
}

/// CLIENT_LOGIN_3, CLIENT_LOGIN_TOONTOWN, and the heartbeat and disconnect of OTP's numbering.
const OTP_NUMBERS: [u16; 4] = [111, 125, Otp::CLIENT_HEARTBEAT_OTP, Otp::CLIENT_DISCONNECT_OTP];
/// CLIENT_OBJECT_GENERATE_CMU to CLIENT_HEARTBEAT_CMU.
const CMU_NUMBERS: std::ops::RangeInclusive<u16> = 9001..=9011;

impl ClientFamily {
    /// Whose `bytes`, the first of a connection, are, if it is a client's at all: a link's may look the same, but for Astron's,
    /// of which all lengths agree.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if is_hello(bytes) {
            return Some(ClientFamily::Astron);
        }
        let mut reader = Reader::new(bytes);
        let (_length, number) = (reader.u16().ok()?, reader.u16().ok()?);
        match number {
            number if OTP_NUMBERS.contains(&number) => Some(ClientFamily::Otp),
            number if CMU_NUMBERS.contains(&number) => Some(ClientFamily::Panda),
            _ => None,
        }
    }
}

/// Whether bytes are the beginning of a CLIENT_HELLO whose lengths agree: nothing else looks like it.
fn is_hello(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let head = (reader.u16(), reader.u16(), reader.u32(), reader.u16());
    let (Ok(frame), Ok(Client::CLIENT_HELLO), Ok(_hash), Ok(version)) = head else {
        return false;
    };
    usize::from(frame) == usize::from(version) + 2 + 4 + 2
}

impl fmt::Display for ClientFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClientFamily::Astron => "an Astron client",
            ClientFamily::Otp => "an OTP-era client",
            ClientFamily::Panda => "Panda3D's stock repository",
        })
    }
}
