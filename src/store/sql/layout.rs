//! Whether values of one type can be read as values of another.
//!
//! Types are compared by their text, which has no names in it. What only limits values (ranges, lengths,
//! moduli) does not matter here: a value that breaks a limit is found when it is read. What changes the
//! bytes or their meaning does: widths, signs, divisors, the order and number of parts.

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
    } else if layout(stored) == layout(current) {
        Change::Compatible
    } else {
        Change::Incompatible
    }
}

/// Whether values of the stored type can be read as values of the current one.
pub fn is_compatible(stored: &str, current: &str) -> bool {
    compare(stored, current) != Change::Incompatible
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
}
