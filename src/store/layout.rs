//! Whether values of one type can be read as values of another.
//!
//! Types are compared by their text, with [the names of their parts](super::parts); of what earlier versions have noted
//! they are not known. What only limits values (ranges, lengths,
//! moduli) does not matter here: a value that breaks a limit is found when it is read. What changes the
//! bytes or their meaning does: widths, signs, divisors, the order and number of parts. Where values are kept as text, widths
//! and signs are limits, too.

use dclass::diff::Stored;

use super::OpenError;
use super::parts::Parts;

/// What became of a type.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Nothing.
    None,
    /// It is written differently, but packed alike.
    Compatible,
    /// Values of the old one would be misread.
    Incompatible,
}

/// Compares the type under which values were stored with that of the DC files.
pub fn compare(stored: &str, current: &str) -> Change {
    if stored == current {
        Change::None
    } else if is_alike(Stored::Packed, stored, current) {
        Change::Compatible
    } else {
        Change::Incompatible
    }
}

/// Whether each value of the stored type means the same as one of the current type, but for limits, in the form in which
/// it is stored. All that ask whether values would be misread ask here.
pub fn is_alike(form: Stored, stored: &str, current: &str) -> bool {
    if stored == current {
        return true;
    }
    let (stored, current) = (Parts::of(stored), Parts::of(current));
    let (old, new) = (&stored.unnamed, &current.unnamed);
    // What is packed alike is written alike.
    let is_alike =
        layout(old) == layout(new) || form == Stored::Text && written(old) == written(new);
    is_alike && stored.are_in_place(&current)
}

/// As [`is_alike`], of packed values.
pub fn is_compatible(stored: &str, current: &str) -> bool {
    is_alike(Stored::Packed, stored, current)
}

/// As [`is_alike`], of text.
pub fn is_read_alike(stored: &str, current: &str) -> bool {
    is_alike(Stored::Text, stored, current)
}

/// Whether two types differ in nothing but the names of their parts.
pub fn is_renamed(stored: &str, current: &str) -> bool {
    Parts::of(stored).unnamed == Parts::of(current).unnamed
}

/// A field whose type is not the one under which its values were stored, in words.
pub fn in_words(class: &str, field: &str, stored: &str, current: &str) -> String {
    format!("{class}.{field}: stored as `{stored}`, now `{current}`")
}

/// How many fields are named of those whose values would be misread.
const NAMED: usize = 3;

/// Says that values would be misread, of fields [in words](in_words).
pub fn refuse(mut misfits: Vec<String>) -> OpenError {
    misfits.sort();
    let more = match misfits.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    misfits.truncate(NAMED);
    OpenError::Refused(format!(
        "the database holds values of types that the DC files have changed: {}{more}\n\
         they would be misread; `donet db migrate CONFIG --from OLD.dc`, with the old DC files, \
         carries them over",
        misfits.join("; ")
    ))
}

/// Refuses values of another type beside those that are stored already.
pub fn refuse_mixture(store: &str, field: (&str, &str), stored: &str, new: &str) -> OpenError {
    let (class, field) = field;
    OpenError::Refused(format!(
        "{store} has values of {class}.{field} of the type `{stored}`; values of the type `{new}` cannot be added to them"
    ))
}

/// The type without its limits.
fn layout(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, after) = rest.split_at(word_end.unwrap_or(rest.len()));
        if word.is_empty() {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            if c == '[' {
                rest = size(rest, ']', &mut out);
            }
            continue;
        }
        // Text and binary are packed alike.
        out.push_str(if word == "string" { "blob" } else { word });
        rest = after;
        match word {
            "string" | "blob" | "blob32" => {
                if let Some(limits) = rest.strip_prefix('(') {
                    out.push('(');
                    rest = size(limits, ')', &mut out);
                    // `string(0-20)` is packed like `string`.
                    if out.ends_with("()") {
                        out.truncate(out.len() - 2);
                    }
                }
            }
            _ => rest = number_limits(rest, &mut out),
        }
    }
    out
}

/// Copies the size of an array up to `end`, if it is fixed: then there is no length tag.
fn size<'t>(text: &'t str, end: char, out: &mut String) -> &'t str {
    let (sizes, rest) = text.split_once(end).unwrap_or((text, ""));
    if sizes.parse().is_ok_and(|size: u64| size > 0) {
        out.push_str(sizes);
    }
    out.push(end);
    rest
}

/// What the text of values depends on: of numbers the divisor, and of rows neither a length nor a tag.
fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let word_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, after) = rest.split_at(word_end.unwrap_or(rest.len()));
        if word.is_empty() {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            if c == '[' {
                rest = size(rest, ']', &mut String::new());
                out.push(']');
            }
            continue;
        }
        rest = after;
        match word {
            "string" => {
                out.push_str(word);
                if let Some(limits) = rest.strip_prefix('(') {
                    rest = size(limits, ')', &mut String::new());
                }
            }
            // The length is a part of the text, unless it is fixed.
            "blob" | "blob32" => {
                out.push_str(word);
                if let Some(limits) = rest.strip_prefix('(') {
                    out.push('(');
                    rest = size(limits, ')', &mut out);
                    if out.ends_with("()") {
                        out.truncate(out.len() - 2);
                    }
                }
            }
            _ => rest = written_number(word, rest, &mut out),
        }
    }
    out
}

/// A number, or a row of them with one dimension or more. A row of bytes is text as a string is.
fn written_number<'t>(word: &str, rest: &'t str, out: &mut String) -> &'t str {
    let mut divisor = String::new();
    let mut rest = number_limits(rest, &mut divisor);
    let mut rows = 0;
    while let Some(sizes) = rest.strip_prefix('[') {
        rest = size(sizes, ']', &mut String::new());
        rows += 1;
    }
    let kind = match word {
        "char" | "uint8" if rows > 0 => {
            rows -= 1;
            "string"
        }
        "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64" => "int",
        "float32" | "float64" => "float",
        word => word,
    };
    out.extend([kind, &*divisor]);
    out.extend(std::iter::repeat_n("[]", rows));
    rest
}

/// Drops modulus and ranges of a number, and keeps its divisor.
fn number_limits<'t>(text: &'t str, out: &mut String) -> &'t str {
    let mut rest = text;
    if let Some(modulus) = rest.strip_prefix('%') {
        let end = modulus.find(|c: char| !c.is_ascii_digit() && !".e-+".contains(c));
        rest = &modulus[end.unwrap_or(modulus.len())..];
    }
    if let Some(divisor) = rest.strip_prefix('/') {
        let end = divisor.find(|c: char| !c.is_ascii_digit());
        let (divisor, after) = divisor.split_at(end.unwrap_or(divisor.len()));
        out.push('/');
        out.push_str(divisor);
        rest = after;
    }
    if let Some(ranges) = rest.strip_prefix('(') {
        rest = ranges.split_once(')').map_or("", |(_, after)| after);
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_the_bytes_is_told_from_what_limits_them() {
        for (stored, current, expected) in [
            ("uint8", "uint8", Change::None),
            ("uint8", "uint8(0-5)", Change::Compatible),
            ("(uint8(0-5), string)", "(uint8%7, string(0-20))", Change::Compatible),
            ("int16/10(-5 - 5)", "int16/10", Change::Compatible),
            ("int16/10", "int16/100", Change::Incompatible),
            ("uint8", "uint16", Change::Incompatible),
            ("uint8", "int8", Change::Incompatible),
            ("string", "string(5)", Change::Incompatible),
            ("string", "blob", Change::Compatible),
            ("blob", "blob32", Change::Incompatible),
            ("string(0-5)", "string(3-9)", Change::Compatible),
            ("uint16[]", "uint16[0-9]", Change::Compatible),
            ("uint16[]", "uint16[9]", Change::Incompatible),
            ("uint16[0]", "uint16[]", Change::Compatible),
            ("{uint8, string(0-2)}[]", "{uint8(1-2), string}[1-3]", Change::Compatible),
            ("{uint8, string}", "{string, uint8}", Change::Incompatible),
            ("(uint8)", "(uint8, uint8)", Change::Incompatible),
            ("(uint8)", "uint8", Change::Incompatible),
            ("float64%6.25e1", "float64", Change::Compatible),
        ] {
            assert_eq!(compare(stored, current), expected, "{stored} {current}");
            let back = compare(current, stored);
            assert_eq!(back, expected, "{current} {stored}");
        }
    }

    #[test]
    fn parts_are_found_by_their_names() {
        for (stored, current, packed, text) in [
            ("(uint8 a, uint8 b)", "(uint8 b, uint8 a)", false, false),
            ("(uint8 a, uint8 b)", "(uint8 x, uint8 y)", true, true),
            ("(uint8 a, uint8 b)", "(uint16 a, uint8 b)", false, true),
            ("{uint8 a, uint8 b}[]", "{uint8 a, uint8 b}[0-9]", true, true),
            ("{uint8 a, uint8 b}[]", "{uint8 b, uint8 a}[]", false, false),
            ("({uint8 a, uint32 b} x)", "({uint8 a, uint8 c} x)", false, false),
            ("({uint8 a, uint32 b} x)", "({uint8 a, uint32 c} x)", false, false),
            // What an earlier version has noted has no names.
            ("(uint8, {uint8, uint8}[])", "(uint8 a, {uint8 x, uint8 y}[] b)", true, true),
        ] {
            let alike = [Stored::Packed, Stored::Text].map(|form| is_alike(form, stored, current));
            assert_eq!(alike, [packed, text], "{stored} {current}");
        }
    }

    #[test]
    fn text_means_the_same_under_another_width() {
        for (stored, current, expected) in [
            ("uint8", "uint16", true),
            ("(uint8(0-5), int64)", "(int32%7, uint16(0-9))", true),
            ("uint8", "uint8/10", false),
            ("int16/10", "int32/10", true),
            ("int16/10", "int16/100", false),
            ("float32", "float64", true),
            ("float32", "int32", false),
            ("char", "uint8", false),
            ("string", "string(5)", true),
            ("string", "blob", true),
            ("string(0-5)", "uint8[]", true),
            ("uint8[3]", "char[]", true),
            ("uint8[2][3]", "string[]", true),
            ("uint8[]", "uint16[]", false),
            ("uint16[9]", "int8[]", true),
            ("uint16[9][2]", "int8[]", false),
            ("uint8/10[]", "string", false),
            ("blob", "blob32", false),
            ("blob(0-7)", "blob", true),
            ("blob(7)", "blob", false),
            ("{uint8, string(0-2)}[2]", "{uint16, string}[1-3]", true),
            ("{uint8, string}", "{string, uint8}", false),
            ("(uint8)", "uint8", false),
            ("(uint8)", "(uint8, uint8)", false),
            (
                "switch (uint8) {case 01: {int8}; default: {}}",
                "switch (uint8) {case 01: {int32}; default: {}}",
                true,
            ),
        ] {
            assert_eq!(is_read_alike(stored, current), expected, "{stored} {current}");
            assert_eq!(is_read_alike(current, stored), expected, "{current} {stored}");
        }
    }
}
