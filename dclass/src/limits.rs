//! What a DC file may ask for at most. Real files are far below each of these; beyond them is
//! only a file made to exhaust memory, stack or time, which gets an error instead.

/// Bytes of all sources together. 65536 fields, each with a comment, fit.
pub const SOURCE_BYTES_MAX: usize = 8 << 20;
/// Errors after which reading stops.
pub(crate) const ERRORS_MAX: usize = 100;
/// Errors of one file that are shown, and warnings; the others are counted.
pub(crate) const SHOWN_MAX: usize = 20;
/// Brackets within brackets in a value.
pub(crate) const VALUE_NESTING_MAX: u8 = 64;
/// Structs and switches that are written within each other.
pub(crate) const TYPE_NESTING_MAX: u8 = 24;
/// Structs within structs and arrays within arrays, also through names.
pub(crate) const TYPE_DEPTH_MAX: u16 = 64;
/// Parts of one type, each struct written out where it is used.
pub(crate) const TYPE_PARTS_MAX: u32 = 1 << 16;
/// Bytes of a value. A length tag has 16 bits.
pub(crate) const VALUE_BYTES_MAX: u32 = u16::MAX as u32;
/// Field ids: they are 16 bits wide.
pub(crate) const FIELDS_MAX: usize = 1 << 16;
/// Class ids: as wide, and the last one stands for what has none.
pub(crate) const CLASSES_MAX: usize = u16::MAX as usize;
/// Fields of all classes together, each inherited field counted in each heir.
pub(crate) const INHERITED_MAX: usize = 1 << 20;
/// Bytes of all default values together.
pub(crate) const DEFAULT_BYTES_MAX: usize = 64 << 20;
/// Numbers that go into the hash.
pub(crate) const HASH_NUMBERS_MAX: u64 = 1 << 26;
