//! What players may be called.

use dclass::is_printable;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The longest name, in bytes: so much has the DC file room for.
const NAME_BYTES_MAX: usize = 24;

/// How many accents and vowel signs a letter may have: more of them do not name anybody, and cover what is around.
const MARKS_MAX: usize = 3;

/// Letters and patterns that are drawn as nothing.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];

/// A name as it is shown: without what cannot be seen, or does something to the text around it, and without spaces at its ends or two in a
/// row.
pub fn cleaned(name: &str) -> String {
    let mut seen = String::new();
    // How many more marks what was seen last may have.
    let mut marks = 0;
    // What looks the same is the same.
    for c in name.nfc() {
        let c = if c.is_whitespace() { ' ' } else { c };
        if is_shown(c) {
            seen.push(c);
            marks = if c == ' ' { 0 } else { MARKS_MAX };
        } else if is_combining_mark(c) && marks > 0 {
            seen.push(c);
            marks -= 1;
        }
    }
    let mut clean = seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    // There has to be room for its key, too, which may be longer.
    while clean.len().max(key(&clean).len()) > NAME_BYTES_MAX {
        clean.pop();
    }
    clean.trim_end().to_owned()
}

fn is_shown(c: char) -> bool {
    // What is not UTF-8 has become the replacement character.
    is_printable(c) && c != char::REPLACEMENT_CHARACTER && !BLANK.contains(&c)
}

/// Names that look the same to this are the same.
pub fn key(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn there_is_room_for_every_name_and_its_key(name in ".{0,30}", rare in "[İȺȾ\u{301}ẞΣ🦀]{0,30}") {
            for name in [name, rare] {
                let name = cleaned(&name);
                proptest::prop_assert!(name.len().max(key(&name).len()) <= NAME_BYTES_MAX);
                proptest::prop_assert_eq!(&cleaned(&name), &name);
            }
        }
    }

    #[test]
    fn a_name_is_what_can_be_seen_of_it() {
        for (name, clean) in [
            ("Ann", "Ann"),
            ("  Ann\t\n of  the\u{202e} Hill ", "Ann of the Hill"),
            ("\u{0}\u{7}\u{200b}", ""),
            ("a\u{fffd}b", "ab"),
            ("\u{3164}\u{2800} a", "a"),
            ("äääääääääääää", "ääääääääääää"),
            ("Jose\u{301}", "José"),
            ("\u{301}a \u{301}b", "a b"),
            ("क्षि", "क्षि"),
            ("น้ำ", "น้ำ"),
            ("a\u{330}\u{330}\u{330}\u{330}\u{330}", "a\u{330}\u{330}\u{330}"),
            ("İİİİİİİİİ", "İİİİİİİİ"),
        ] {
            assert_eq!(cleaned(name), clean, "{name:?}");
        }
    }
}
