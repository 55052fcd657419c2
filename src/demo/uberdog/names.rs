//! What players may be called.

use dclass::is_printable;

/// The longest name, in bytes: so much has the DC file room for.
const NAME_BYTES_MAX: usize = 24;

/// A name as it is shown: without what cannot be seen, or does something to the text around it, and without spaces at its ends or two in a
/// row.
pub fn cleaned(name: &str) -> String {
    let seen: String = name
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .filter(|c| is_shown(*c))
        .collect();
    let mut clean = seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    while clean.len() > NAME_BYTES_MAX {
        clean.pop();
    }
    clean.trim_end().to_owned()
}

fn is_shown(c: char) -> bool {
    // What is not UTF-8 has become the replacement character.
    is_printable(c) && c != char::REPLACEMENT_CHARACTER
}

/// Names that look the same to this are the same.
pub fn key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_can_be_seen_of_it() {
        for (name, clean) in [
            ("Ann", "Ann"),
            ("  Ann\t\n of  the\u{202e} Hill ", "Ann of the Hill"),
            ("\u{0}\u{7}\u{200b}", ""),
            ("a\u{fffd}b", "ab"),
            ("äääääääääääää", "ääääääääääää"),
        ] {
            assert_eq!(cleaned(name), clean, "{name:?}");
        }
    }
}
