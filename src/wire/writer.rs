//! Appending values to a buffer.

use crate::ids::{Channel, DoId, LengthTag, ZoneId};

/// Appends values to a borrowed buffer.
///
/// A string that does not fit its length tag cannot be represented; such a value is written with a
/// saturated tag and makes the frame that holds it too large, so that [`super::write_frame`] refuses it.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    /// Appends to the end of `buffer`.
    pub const fn new(buffer: &'b mut Vec<u8>) -> Self {
        Writer { buffer }
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self, value: u8) {
        self.buffer.push(value);
    }

    /// An unsigned 16-bit integer.
    #[inline]
    pub fn u16(&mut self, value: u16) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// An unsigned 32-bit integer.
    #[inline]
    pub fn u32(&mut self, value: u32) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// An unsigned 64-bit integer.
    #[inline]
    pub fn u64(&mut self, value: u64) {
        self.buffer.extend_from_slice(&value.to_le_bytes());
    }

    /// A channel.
    #[inline]
    pub fn channel(&mut self, value: Channel) {
        self.buffer.extend_from_slice(&value.0.to_le_bytes());
    }

    /// A doId.
    #[inline]
    pub fn do_id(&mut self, value: DoId) {
        self.buffer.extend_from_slice(&value.0.to_le_bytes());
    }

    /// A zone.
    #[inline]
    pub fn zone(&mut self, value: ZoneId) {
        self.buffer.extend_from_slice(&value.0.to_le_bytes());
    }

    /// Bytes with a length tag before them.
    #[inline]
    pub fn blob(&mut self, bytes: &[u8]) {
        let tag = LengthTag::try_from(bytes.len()).unwrap_or(LengthTag::MAX);
        self.buffer.extend_from_slice(&tag.to_le_bytes());
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes as they are.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }
}
