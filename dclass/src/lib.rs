//! The DC language.

/// Position of a dclass or struct in the DC files.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct ClassId(pub u16);
/// Position of a field in the DC files.
#[derive(Copy, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct FieldId(pub u16);
