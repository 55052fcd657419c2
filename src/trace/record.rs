//! Datagrams with when and from whom they came: how they are handed from a daemon to whoever looks, and kept in files.
//!
//! Records follow one another without anything between them, all numbers little-endian:
//!
//! | | |
//! |---|---|
//! | a datagram | `u8 1`, `u64` microseconds since 1970, `u8` what it is, `u64` the client's channel or 0, `u8` length and the name of who routed it, `u16` length and the datagram |
//! | what is missing | `u8 2`, `u64` microseconds, `u64` how many datagrams |

use super::decode::Speech;
use crate::ids::Channel;
use crate::wire::Reader;

const DATAGRAM: u8 = 1;
const LOST: u8 = 2;
/// The longest name that is told.
const NAME_BYTES_MAX: usize = u8::MAX as usize;
/// Bytes of a record of a datagram beside name and datagram.
const HEAD_BYTES: usize = 1 + 8 + 1 + 8 + 1 + 2;
/// The most bytes that a record has.
pub const RECORD_BYTES_MAX: usize = HEAD_BYTES + NAME_BYTES_MAX + u16::MAX as usize;

/// What a datagram is, and which way it went.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Path {
    /// It was routed among servers.
    Routed,
    /// A client has sent it to its agent.
    FromClient(Speech, Channel),
    /// An agent has sent it to its client.
    ToClient(Speech, Channel),
}

impl Path {
    /// What kind of datagram it is.
    pub const fn speech(self) -> Speech {
        match self {
            Path::Routed => Speech::Servers,
            Path::FromClient(speech, _) | Path::ToClient(speech, _) => speech,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Path::FromClient(Speech::Client, _) => 1,
            Path::ToClient(Speech::Client, _) => 2,
            Path::FromClient(Speech::Panda3d, _) => 3,
            Path::ToClient(Speech::Panda3d, _) => 4,
            Path::FromClient(Speech::Otp, _) => 5,
            Path::ToClient(Speech::Otp, _) => 6,
            Path::FromClient(Speech::Toontown2003, _) => 7,
            Path::ToClient(Speech::Toontown2003, _) => 8,
            Path::Routed
            | Path::FromClient(Speech::Servers | Speech::Link, _)
            | Path::ToClient(Speech::Servers | Speech::Link, _) => 0,
        }
    }

    fn of(number: u8, client: Channel) -> Option<Self> {
        Some(match number {
            0 => Path::Routed,
            1 => Path::FromClient(Speech::Client, client),
            2 => Path::ToClient(Speech::Client, client),
            3 => Path::FromClient(Speech::Panda3d, client),
            4 => Path::ToClient(Speech::Panda3d, client),
            5 => Path::FromClient(Speech::Otp, client),
            6 => Path::ToClient(Speech::Otp, client),
            7 => Path::FromClient(Speech::Toontown2003, client),
            8 => Path::ToClient(Speech::Toontown2003, client),
            _ => return None,
        })
    }

    /// The client.
    pub const fn client(self) -> Option<Channel> {
        match self {
            Path::Routed => None,
            Path::FromClient(_, client) | Path::ToClient(_, client) => Some(client),
        }
    }
}

/// A record, borrowed.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Record<'a> {
    /// A datagram.
    Datagram {
        /// When, in microseconds since 1970.
        micros: u64,
        /// Which way it went.
        path: Path,
        /// Who routed it, as the daemon knows him; of a client its agent.
        origin: &'a str,
        /// The datagram, without its length tag.
        bytes: &'a [u8],
    },
    /// So many datagrams are missing here: whoever looks was too slow.
    Lost {
        /// When the next one was there.
        micros: u64,
        /// How many.
        count: u64,
    },
}

impl Record<'_> {
    /// How many bytes it takes.
    pub fn len(&self) -> usize {
        match self {
            Record::Datagram { origin, bytes, .. } => HEAD_BYTES + told(origin).len() + bytes.len(),
            Record::Lost { .. } => 1 + 8 + 8,
        }
    }

    /// Whether it takes none: never.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// When, in microseconds since 1970.
    pub const fn micros(&self) -> u64 {
        match self {
            Record::Datagram { micros, .. } | Record::Lost { micros, .. } => *micros,
        }
    }

    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Record::Datagram { micros, path, origin, bytes } => {
                let origin = told(origin);
                out.push(DATAGRAM);
                out.extend_from_slice(&micros.to_le_bytes());
                out.push(path.number());
                out.extend_from_slice(&path.client().unwrap_or_default().0.to_le_bytes());
                // Neither is longer than its length can say.
                out.push(origin.len() as u8);
                out.extend_from_slice(origin.as_bytes());
                out.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
                out.extend_from_slice(bytes);
            }
            Record::Lost { micros, count } => {
                out.push(LOST);
                out.extend_from_slice(&micros.to_le_bytes());
                out.extend_from_slice(&count.to_le_bytes());
            }
        }
    }
}

/// As much of a name as is told.
fn told(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}

/// Takes the first record off some bytes. `None` if it is not all there, or is none.
pub fn next<'a>(bytes: &mut &'a [u8]) -> Option<Record<'a>> {
    let mut reader = Reader::new(bytes);
    let record = match reader.u8().ok()? {
        DATAGRAM => {
            let micros = reader.u64().ok()?;
            let kind = reader.u8().ok()?;
            let path = Path::of(kind, Channel(reader.u64().ok()?))?;
            let name = reader.u8().ok()?;
            let origin = std::str::from_utf8(reader.take(name.into()).ok()?).ok()?;
            let length = reader.u16().ok()?;
            let datagram = reader.take(length.into()).ok()?;
            Record::Datagram { micros, path, origin, bytes: datagram }
        }
        LOST => Record::Lost { micros: reader.u64().ok()?, count: reader.u64().ok()? },
        _ => return None,
    };
    *bytes = reader.remaining();
    Some(record)
}
