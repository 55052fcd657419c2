//! Text that may come from a peer, on its way into a line: cut to a sensible length, and escaped.
//!
//! Cut twice: when it is recorded, so that nobody's 64 KiB are copied to be thrown away, and when it is
//! written, since one byte may become six.

use std::fmt::{self, Write};

use dclass::is_printable;

/// The most bytes of a line that one value takes, its quotes and the mark of a cut left aside. The eject line of a
/// client that has not logged in has two long ones, and stays below 1 kB.
pub(super) const TEXT_BYTES_MAX: usize = 384;

/// A value's text, or as much of it as a line has room for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Text {
    kept: String,
    /// Bytes of the value that were not even recorded.
    left_out: usize,
    /// What it may take in a line.
    bytes_max: usize,
}

/// How a text stands in a line.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// As it is, with Rust's escapes for what cannot be shown.
    Plain,
    /// In quotes, as JSON has it.
    Quoted,
}

impl Text {
    /// No text yet.
    pub fn new(bytes_max: usize) -> Self {
        Text { kept: String::new(), left_out: 0, bytes_max }
    }

    /// Whether it can stand without quotes and the line still be taken apart again.
    pub fn is_word(&self) -> bool {
        let is_special = |c: char| !is_printable(c) || matches!(c, ' ' | '"' | '=' | '\\');
        let is_whole = self.left_out == 0 && self.kept.len() <= self.bytes_max;
        is_whole && !self.kept.is_empty() && !self.kept.contains(is_special)
    }

    /// What was kept, as it is.
    pub fn as_str(&self) -> &str {
        &self.kept
    }

    /// Appends the text so that it neither begins a new line nor steers a terminal.
    pub fn write_to(&self, line: &mut String, style: Style) {
        if style == Style::Quoted {
            line.push('"');
        }
        let end = line.len().saturating_add(self.bytes_max);
        let mut left_out = self.left_out;
        for (at, c) in self.kept.char_indices() {
            let before = line.len();
            push_char(line, c, style);
            if line.len() > end {
                line.truncate(before);
                left_out += self.kept.len() - at;
                break;
            }
        }
        if left_out > 0 {
            // Writing to a string cannot fail.
            let _ = write!(line, "… and {left_out} bytes");
        }
        if style == Style::Quoted {
            line.push('"');
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = match self.left_out {
            0 => self.bytes_max.saturating_add(1).saturating_sub(self.kept.len()),
            // What comes after a gap would look as if it stood before it.
            _ => 0,
        };
        let (kept, left_out) = text.split_at(text.floor_char_boundary(room));
        self.kept.push_str(kept);
        self.left_out += left_out.len();
        Ok(())
    }
}

fn push_char(line: &mut String, c: char, style: Style) {
    match style {
        Style::Plain if is_printable(c) => line.push(c),
        Style::Plain => line.extend(c.escape_default()),
        Style::Quoted => match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if is_printable(c) => line.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(line, "\\u{unit:04x}");
                }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, bytes_max: usize, style: Style) -> String {
        let mut kept = Text::new(bytes_max);
        kept.write_str(text).expect("it takes anything");
        let mut line = String::new();
        kept.write_to(&mut line, style);
        line
    }

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let text = "a \"b\\\u{1b}[2J\u{9b}2J\u{202e}\n\u{7f}\u{e0001}é";
        let plain = "a \"b\\\\u{1b}[2J\\u{9b}2J\\u{202e}\\n\\u{7f}\\u{e0001}é";
        assert_eq!(written(text, 100, Style::Plain), plain);
        let quoted = written(text, 100, Style::Quoted);
        let expected = r#""a \"b\\\u001b[2J\u009b2J\u202e\n\u007f\udb40\udc01é""#;
        assert_eq!(quoted, expected);
        let read: String = serde_json::from_str(&quoted).expect("a JSON string");
        assert_eq!(read, text);
    }

    #[test]
    fn a_long_text_is_cut_by_what_it_takes_in_the_line() {
        assert_eq!(written("abcde", 5, Style::Quoted), r#""abcde""#);
        assert_eq!(written("abcdef", 5, Style::Quoted), r#""abcde… and 1 bytes""#);
        assert_eq!(written("éé", 3, Style::Plain), "é… and 2 bytes");
        assert_eq!(written(&"\x1b".repeat(60_000), 13, Style::Quoted), {
            r#""\u001b\u001b… and 59998 bytes""#
        });
        assert_eq!(written(&"x".repeat(60_000), usize::MAX, Style::Plain).len(), 60_000);
    }

    #[test]
    fn a_text_that_comes_in_pieces_ends_at_the_first_gap() {
        let mut text = Text::new(3);
        for piece in ["ab", "éé", "c"] {
            text.write_str(piece).expect("it takes anything");
        }
        let mut line = String::new();
        text.write_to(&mut line, Style::Plain);
        assert_eq!(line, "ab… and 5 bytes");
        assert!(!text.is_word());
    }
}
