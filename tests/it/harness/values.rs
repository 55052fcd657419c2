//! Packed values, put together by hand.

/// Bytes of a message's values.
#[derive(Clone, Default, Debug)]
pub struct Values(Vec<u8>);

impl Values {
    /// No bytes.
    pub fn new() -> Self {
        Values::default()
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// One byte.
    pub fn u8(self, value: u8) -> Self {
        self.raw(&[value])
    }

    /// Two bytes.
    pub fn u16(self, value: u16) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// Two bytes, signed.
    pub fn i16(self, value: i16) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// Four bytes.
    pub fn u32(self, value: u32) -> Self {
        self.raw(&value.to_le_bytes())
    }

    /// A length and a text.
    pub fn string(self, text: &str) -> Self {
        self.blob(text.as_bytes())
    }

    /// A length and bytes.
    pub fn blob(self, bytes: &[u8]) -> Self {
        let length = u16::try_from(bytes.len()).expect("a test's values are small");
        self.u16(length).raw(bytes)
    }

    /// The number of a field, before its value.
    pub fn field(self, field: donet::ids::FieldId) -> Self {
        self.u16(field.0)
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}
