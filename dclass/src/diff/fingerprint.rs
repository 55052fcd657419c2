//! A number for all that stored values depend on, by which it is known later what they were carried between.
//!
//! The legacy hash is none: it leaves out the names of parameters, and some types.

use super::matching::{all, own};
use crate::schema::{DcFile, Field};

/// The number of a schema. It depends on the names of classes, of structs and of what is stored, and on types; not on
/// the order of classes, nor on keywords other than `db`.
pub fn fingerprint(dc: &DcFile) -> u64 {
    let declared = |field: &Field| format!("{} {}", field.declaration(), field.type_text());
    let mut lines: Vec<String> = Vec::new();
    for class in all(dc) {
        let mut line = class.name().to_owned();
        let mut fields: Vec<String> = match class.is_struct() {
            true => own(class).into_iter().map(declared).collect(),
            false => {
                let stored = class.fields().iter().filter(|field| field.keywords().db());
                stored.map(|field| declared(field)).collect()
            }
        };
        if !class.is_struct() {
            fields.sort_unstable();
        }
        line.extend(fields.iter().flat_map(|field| ["\n  ", field.as_str()]));
        lines.push(line);
    }
    lines.sort_unstable();
    fnv(lines.join("\n").as_bytes())
}

/// FNV-1a: the same in all versions of the program, since it is kept with the values.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
