//! Packed values: checking, measuring and splitting them.
//!
//! [`implicit`], [`pack`], [`text`] and [`give`] make values; [`format`] writes them as text, [`data`] reads them for programs.

mod check;
mod data;
mod error;
mod format;
mod give;
mod implicit;
mod number;
mod pack;
mod text;
pub(crate) mod written;

pub(crate) use check::{
    extent, ranges, signed, switch_fields, unsigned, walk, walk_field, walk_parts,
};
pub use data::{Data, Row};
pub(crate) use error::Fault;
pub use error::{TextError, ValueError};
pub(crate) use format::Float;
pub use give::DataError;
pub(crate) use implicit::implicit;
pub use number::Argument;
pub(crate) use pack::{Meaning, Misfit, Packer, Unreadable};

use crate::schema::{Body, Field, FieldKind};

impl Field {
    /// Reads one value from the front of `bytes` and checks all that the declaration demands of
    /// it. Returns the value's length; what follows is not looked at.
    ///
    /// # Errors
    /// [`ValueError::Truncated`] if `bytes` ends before the value does, else what is wrong with it.
    #[inline]
    pub fn validate(&self, bytes: &[u8]) -> Result<usize, ValueError> {
        if self.size.fixed && !self.checked && bytes.len() >= self.size.min as usize {
            return Ok(self.size.min as usize);
        }
        walk_field::<true>(self, bytes, 0).map_err(|fault| fault.into_error(self))
    }

    /// As [`validate`](Field::validate), and in the same walk hands over the parts of the value: those of a
    /// molecular field, in its order; any other field's value is its own only part. What is wrong with a part
    /// is found only when those before it have been handed over.
    ///
    /// # Errors
    /// Those of [`validate`](Field::validate).
    #[inline]
    pub fn validate_parts<'f, 'v>(
        &'f self,
        bytes: &'v [u8],
        mut found: impl FnMut(&'f Field, &'v [u8]),
    ) -> Result<usize, ValueError> {
        let Body::Molecular(parts) = &self.body else {
            let len = self.validate(bytes)?;
            found(self, &bytes[..len]);
            return Ok(len);
        };
        walk_parts(self, parts, bytes, found).map_err(|fault| fault.into_error(self))
    }

    /// The length of the value at the front of `bytes`, without checking constraints.
    ///
    /// # Errors
    /// [`ValueError::Truncated`] if `bytes` ends before the value does. A switch whose key matches
    /// no case has no length: [`ValueError::Constraint`].
    #[inline]
    pub fn skip(&self, bytes: &[u8]) -> Result<usize, ValueError> {
        if self.size.fixed && bytes.len() >= self.size.min as usize {
            return Ok(self.size.min as usize);
        }
        walk_field::<false>(self, bytes, 0).map_err(|fault| fault.into_error(self))
    }

    /// Checks a value that must fill `bytes` wholly.
    ///
    /// # Errors
    /// Those of [`validate`](Field::validate), and [`ValueError::Trailing`].
    pub fn validate_all(&self, bytes: &[u8]) -> Result<(), ValueError> {
        let len = self.validate(bytes)?;
        self.expect_end(bytes, len)
    }

    /// Splits a molecular value into those of its parts, in the molecular's order. Any other
    /// field's value is its own only part.
    ///
    /// # Errors
    /// Those of [`skip`](Field::skip), and [`ValueError::Trailing`]. Constraints are not checked.
    pub fn split<'a>(&'a self, value: &'a [u8]) -> Result<Split<'a>, ValueError> {
        let len = self.skip(value)?;
        self.expect_end(value, len)?;
        let whole = (self.kind() != FieldKind::Molecular).then_some(self);
        let parts = self.parts().iter();
        Ok(Split { whole, parts, value })
    }

    fn expect_end(&self, bytes: &[u8], len: usize) -> Result<(), ValueError> {
        match bytes.len() - len {
            0 => Ok(()),
            extra => Err(ValueError::Trailing { field: self.name.clone(), offset: len, extra }),
        }
    }
}

/// The parts of a molecular value with their bytes; see [`Field::split`].
#[derive(Clone, Debug)]
pub struct Split<'a> {
    whole: Option<&'a Field>,
    parts: std::slice::Iter<'a, std::sync::Arc<Field>>,
    value: &'a [u8],
}

impl<'a> Iterator for Split<'a> {
    type Item = (&'a Field, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(field) = self.whole.take() {
            return Some((field, self.value));
        }
        let field = self.parts.next()?;
        // `split` has measured the whole value, so each part is there.
        let len = field.skip(self.value).ok()?;
        let (value, rest) = self.value.split_at_checked(len)?;
        self.value = rest;
        Some((field, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.parts.len() + usize::from(self.whole.is_some());
        (len, Some(len))
    }
}

impl ExactSizeIterator for Split<'_> {}
