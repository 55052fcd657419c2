//! Values as DC text that people can read.

use dclass::{Field, ValueError};

/// A value as DC text, with letters of all languages as such, where [`Field::format`] writes their bytes. It means the same:
/// [`Field::parse`] makes the value of it again.
///
/// # Errors
/// If the bytes are no value of the field.
pub fn readable(field: &Field, value: &[u8]) -> Result<String, ValueError> {
    let text = field.format(value)?;
    if !text.contains("\\x") {
        return Ok(text);
    }
    let letters = with_letters(&text);
    let means_the_same = field.parse(&letters).is_ok_and(|parsed| parsed == value);
    Ok(if means_the_same { letters } else { text })
}

/// Replaces what is written as `\x` and two digits, if the bytes are letters or signs that steer nothing.
fn with_letters(text: &str) -> String {
    let mut letters = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        letters.push_str(&rest[..at]);
        rest = &rest[at..];
        let (bytes, length) = escaped_bytes(rest);
        let shown = std::str::from_utf8(&bytes).ok().filter(|shown| shown.chars().all(is_harmless));
        match shown.filter(|shown| !shown.is_empty()) {
            Some(shown) => letters.push_str(shown),
            None => {
                // The backslash and what it escapes stay together: `\\x41` is no byte.
                let length = if length > 0 { length } else { escape_length(rest) };
                letters.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
        }
        rest = &rest[length..];
    }
    letters + rest
}

/// The bytes of all `\xHH` with which a text begins, and how long that is.
fn escaped_bytes(text: &str) -> (Vec<u8>, usize) {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some(digits) = rest.strip_prefix("\\x").and_then(|rest| rest.get(..2))
        && let Ok(byte) = u8::from_str_radix(digits, 16)
    {
        bytes.push(byte);
        rest = &rest[4..];
    }
    (bytes, text.len() - rest.len())
}

/// How long an escape of another kind is: the backslash and a character.
fn escape_length(text: &str) -> usize {
    text.chars().take(2).map(char::len_utf8).sum()
}

/// Whether a character can be shown anywhere: it is no control character, and does not turn the direction of what follows.
fn is_harmless(c: char) -> bool {
    let turns = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    c > '\u{9f}' && c != '\u{ad}' && !turns
}

#[cfg(test)]
mod tests {
    use dclass::{Source, parse};

    use super::*;

    #[test]
    fn letters_of_all_languages_are_shown_and_nothing_that_steers() {
        let dc =
            parse(&[Source::new("a.dc", "dclass A { s(string s); b(blob b); };")]).expect("right");
        let field = |name: &str| {
            dc.class_by_name("A").and_then(|class| class.field_by_name(name)).expect("one")
        };
        for (text, expected) in [
            ("José", "(\"José\")"),
            ("日本 \u{1f600}", "(\"日本 \u{1f600}\")"),
            ("a\\x41\u{1b}é", "(\"a\\\\x41\\x1b\\xc3\\xa9\")"),
            ("\u{202e}é", "(\"\\xe2\\x80\\xae\\xc3\\xa9\")"),
            ("\u{85}", "(\"\\xc2\\x85\")"),
        ] {
            let mut value = u16::try_from(text.len()).expect("short").to_le_bytes().to_vec();
            value.extend_from_slice(text.as_bytes());
            let shown = readable(field("s"), &value).expect("a value");
            assert_eq!(shown, expected, "{text:?}");
            assert_eq!(field("s").parse(&shown).expect("its own text"), value);
        }
        assert_eq!(
            readable(field("s"), &[3, 0, 0xff, 0xc3, b'a']).as_deref(),
            Ok("(\"\\xff\\xc3a\")")
        );
        assert!(readable(field("s"), &[3, 0]).is_err());
        assert_eq!(
            readable(field("b"), &[2, 0, 0xc3, 0xa9]),
            field("b").format(&[2, 0, 0xc3, 0xa9])
        );
    }
}
