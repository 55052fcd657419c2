//! Checked reading of borrowed bytes.

use crate::ids::{
    CHANNEL_BYTES, Channel, ChannelRepr, DoId, DoIdRepr, LENGTH_TAG_BYTES, LengthTag, ZoneId,
};

/// What can be wrong with bytes that a peer sent. Always the peer's fault.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The bytes end before the value does.
    #[error("truncated: {wanted} more bytes wanted, {left} left")]
    Truncated {
        /// Bytes that the value at this place needs.
        wanted: usize,
        /// Bytes that there were.
        left: usize,
    },
    /// Bytes are left after everything was read.
    #[error("{left} excess bytes")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// A datagram would not fit its length tag.
    #[error("{bytes} bytes are more than a datagram can hold")]
    Oversize {
        /// Bytes that it would have.
        bytes: usize,
    },
    /// A byte that can only be 0 or 1 is something else.
    #[error("{found} where 0 or 1 was expected")]
    BadBool {
        /// The byte.
        found: u8,
    },
}

/// A cursor over borrowed bytes; every read is checked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

macro_rules! integers {
    ($($(#[$doc:meta])* $name:ident -> $int:ty;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self) -> Result<$int, Error> {
            match self.bytes.split_first_chunk() {
                Some((head, rest)) => {
                    self.bytes = rest;
                    Ok(<$int>::from_le_bytes(*head))
                }
                None => Err(self.truncated(size_of::<$int>())),
            }
        }
    )*};
}

impl<'a> Reader<'a> {
    /// A cursor at the first of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    integers! {
        /// One byte.
        u8 -> u8;
        /// An unsigned 16-bit integer.
        u16 -> u16;
        /// An unsigned 32-bit integer.
        u32 -> u32;
        /// An unsigned 64-bit integer.
        u64 -> u64;
    }

    /// A channel.
    #[inline]
    pub fn channel(&mut self) -> Result<Channel, Error> {
        let bytes: &[u8; CHANNEL_BYTES] = self.chunk()?;
        Ok(Channel(ChannelRepr::from_le_bytes(*bytes)))
    }

    /// A doId.
    #[inline]
    pub fn do_id(&mut self) -> Result<DoId, Error> {
        let bytes: &[u8; size_of::<DoIdRepr>()] = self.chunk()?;
        Ok(DoId(DoIdRepr::from_le_bytes(*bytes)))
    }

    /// A zone.
    #[inline]
    pub fn zone(&mut self) -> Result<ZoneId, Error> {
        self.do_id().map(|id| ZoneId(id.0))
    }

    /// A string or blob with its length tag.
    #[inline]
    pub fn blob(&mut self) -> Result<&'a [u8], Error> {
        let tag: &[u8; LENGTH_TAG_BYTES] = self.chunk()?;
        self.take(usize::from(LengthTag::from_le_bytes(*tag)))
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        match self.bytes.split_at_checked(count) {
            Some((head, rest)) => {
                self.bytes = rest;
                Ok(head)
            }
            None => Err(self.truncated(count)),
        }
    }

    /// Everything that is left; the cursor is at the end afterwards.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    /// What [`Reader::rest`] would return, without moving.
    #[inline]
    pub const fn remaining(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`Error::Trailing`] if bytes are left.
    pub const fn finish(self) -> Result<(), Error> {
        match self.bytes.len() {
            0 => Ok(()),
            left => Err(Error::Trailing { left }),
        }
    }

    #[inline]
    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], Error> {
        match self.bytes.split_first_chunk() {
            Some((head, rest)) => {
                self.bytes = rest;
                Ok(head)
            }
            None => Err(self.truncated(N)),
        }
    }

    #[cold]
    const fn truncated(&self, wanted: usize) -> Error {
        Error::Truncated { wanted, left: self.bytes.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_order_and_knows_the_end() {
        let bytes = [1, 2, 0, 3, 0, 0, 0, 2, 0, b'h', b'i', 9];
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u16(), Ok(2));
        assert_eq!(reader.do_id(), Ok(DoId(3)));
        assert_eq!(reader.blob(), Ok(&b"hi"[..]));
        assert_eq!(reader.finish(), Err(Error::Trailing { left: 1 }));
        assert_eq!(reader.channel(), Err(Error::Truncated { wanted: 8, left: 1 }));
        assert_eq!(reader.rest(), [9]);
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_blob_cannot_reach_beyond_the_end() {
        let mut reader = Reader::new(&[5, 0, 1]);
        assert_eq!(reader.blob(), Err(Error::Truncated { wanted: 5, left: 1 }));
    }
}
