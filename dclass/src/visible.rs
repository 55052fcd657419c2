//! Text of files as people can see it: none of it steers a terminal, and all of it takes the room that it seems to.

use std::borrow::Cow;

/// Whether a terminal shows it, and nothing else: no control character of either kind, no mark that turns the
/// direction of what follows, nothing that only changes the character before it.
pub fn is_printable(c: char) -> bool {
    // Those that the second has escapes for although they can be shown.
    matches!(c, ' '..='~') || c.escape_debug().len() == 1
}

/// Lines of a file with escapes for what cannot be seen. Byte positions in it move along, if they are in ascending order.
pub fn visible<'t>(text: &'t str, places: &mut [&mut usize]) -> Cow<'t, str> {
    let is_shown = |c: char| matches!(c, '\n' | '\t') || is_printable(c);
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut places = places.iter_mut().peekable();
    for (at, c) in text.char_indices() {
        while let Some(place) = places.next_if(|place| ***place <= at) {
            **place = shown.len();
        }
        match c {
            // The end of a line as others write it.
            '\r' if text[at + 1..].starts_with('\n') => {}
            c if is_shown(c) => shown.push(c),
            c => shown.extend(c.escape_default()),
        }
    }
    places.for_each(|place| **place = shown.len());
    Cow::Owned(shown)
}

/// A name for a message: long ones are cut, and what cannot be seen is escaped.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut out: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_move_with_what_is_escaped_before_them() {
        let moved = |text: &str, mut from: usize, mut to: usize| {
            let shown = visible(text, &mut [&mut from, &mut to]).into_owned();
            (shown, from, to)
        };
        assert_eq!(moved("a\tb", 2, 3), ("a\tb".to_owned(), 2, 3));
        assert_eq!(moved("\u{1b}[b", 2, 3), ("\\u{1b}[b".to_owned(), 7, 8));
        // Up to the end, and in one place.
        assert_eq!(moved("e\u{301}\r", 1, 4), ("e\\u{301}\\r".to_owned(), 1, 10));
        assert_eq!(moved("\u{9b}", 0, 0), ("\\u{9b}".to_owned(), 0, 0));
        assert_eq!(moved("\u{9b}", 2, 2), ("\\u{9b}".to_owned(), 6, 6));
        assert_eq!(moved("a\r\nb\r", 3, 4), ("a\nb\\r".to_owned(), 2, 3));
    }
}
