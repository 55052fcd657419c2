//! Text → tokens. A token is a kind and a range of bytes; what it stands for is read from the
//! text when it is needed.

use crate::diagnostic::{Log, Note};
use crate::source::Span;

/// What a token is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `[A-Za-z_][A-Za-z_0-9]*`
    Word,
    /// Decimal digits, or `0x` and hex digits.
    Integer,
    /// A number with a dot (or, in database text, with an exponent).
    Real,
    /// `"…"`
    String,
    /// `'…'`
    Char,
    /// `<…>`
    Hex,
    /// Any other ASCII character by itself.
    Punct(u8),
    /// Something that is no token; it has been reported.
    Bad,
}

/// A piece of the text.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: u32,
    pub end: u32,
}

/// What a lexer has to do beside the DC language as it is.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Mode {
    /// Numbers may have an exponent without a dot, as databases print floats.
    pub bare_exponents: bool,
    /// U+FFFD stands for bytes that were not UTF-8.
    pub lossy: bool,
}

/// The tokens of a text and where its comments are.
#[derive(Default)]
pub(crate) struct Lexed {
    pub tokens: Vec<Token>,
    /// Comments as ranges of bytes, in order.
    pub comments: Vec<(u32, u32)>,
}

/// Splits `text` into tokens and reports what is none.
pub(crate) fn lex(text: &str, file: u32, mode: Mode, log: &mut Log) -> Lexed {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, file, mode, log };
    let mut out = Lexed::default();
    if text.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    while let Some(byte) = lexer.peek(0) {
        let start = lexer.at;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => lexer.at += 1,
            b'/' if matches!(lexer.peek(1), Some(b'/' | b'*')) => {
                lexer.comment();
                out.comments.push((start as u32, lexer.at as u32));
            }
            _ => {
                let kind = lexer.token(byte);
                out.tokens.push(Token { kind, start: start as u32, end: lexer.at as u32 });
            }
        }
    }
    out
}

struct Lexer<'a, 'l> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    file: u32,
    mode: Mode,
    log: &'l mut Log,
}

impl Lexer<'_, '_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, accept: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&accept) {
            self.at += 1;
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    fn comment(&mut self) {
        let start = self.at;
        if self.peek(1) == Some(b'/') {
            self.skip_while(|byte| byte != b'\n');
        } else {
            self.at += 2;
            loop {
                match (self.peek(0), self.peek(1)) {
                    (Some(b'*'), Some(b'/')) => {
                        self.at += 2;
                        break;
                    }
                    (Some(b'/'), Some(b'*')) => {
                        let span = self.span(self.at, self.at + 2);
                        self.log.push(
                            Note::warning(span, "`/*` inside a comment")
                                .label("comments do not nest"),
                        );
                        self.at += 2;
                    }
                    (Some(_), _) => self.at += 1,
                    (None, _) => {
                        let span = self.span(start, start + 2);
                        self.log.push(
                            Note::error(span, "this comment is never closed")
                                .label("no `*/` follows"),
                        );
                        break;
                    }
                }
            }
        }
        if self.mode.lossy && self.text[start..self.at].contains('\u{fffd}') {
            let span = self.span(start, start + 2);
            self.log.push(Note::warning(span, "this comment is not valid UTF-8"));
        }
    }

    fn token(&mut self, first: u8) -> Kind {
        match first {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                Kind::Word
            }
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
            b'"' | b'\'' => self.quoted(first),
            b'<' => self.hex(),
            b'!'..=b'~' => {
                self.at += 1;
                Kind::Punct(first)
            }
            _ => self.stray(),
        }
    }

    fn number(&mut self) -> Kind {
        let start = self.at;
        if self.peek(0) == Some(b'0') && matches!(self.peek(1), Some(b'x' | b'X')) {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            self.check_width(start);
            return Kind::Integer;
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        let dot = self.peek(0) == Some(b'.');
        if dot {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        if (dot || self.mode.bare_exponents) && matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
                self.at += 1 + sign;
                self.skip_while(|byte| byte.is_ascii_digit());
                return Kind::Real;
            }
        }
        if dot {
            return Kind::Real;
        }
        // In database text a float may have more digits than an integer can.
        if !self.mode.bare_exponents {
            self.check_width(start);
        }
        Kind::Integer
    }

    fn check_width(&mut self, start: usize) {
        if integer(&self.text[start..self.at]).is_none() {
            let span = self.span(start, self.at);
            let note = Note::error(span, "this number is too large");
            self.log.push(note.label(format!("the largest is {}", u64::MAX)));
        }
    }

    fn quoted(&mut self, quote: u8) -> Kind {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                Some(byte) if byte == quote => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') if self.peek(1).is_some_and(|byte| byte != b'\n') => self.at += 2,
                None | Some(b'\n') => {
                    let span = self.span(start, start + 1);
                    let note = Note::error(span, "this quotation is never closed");
                    let label = "the closing quote must be on the same line";
                    self.log.push(note.label(label).help("write a line break as `\\n`".to_owned()));
                    return Kind::Bad;
                }
                Some(_) => self.at += 1,
            }
        }
        // An escaped character may have had more than one byte.
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        if self.mode.lossy && self.text[start..self.at].contains('\u{fffd}') {
            let span = self.span(start, self.at);
            self.log.push(Note::error(span, "this text is not valid UTF-8"));
            return Kind::Bad;
        }
        if quote == b'"' { Kind::String } else { Kind::Char }
    }

    fn hex(&mut self) -> Kind {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_hexdigit());
        if self.peek(0) != Some(b'>') {
            let span = self.span(start, self.at);
            let note = Note::error(span, "this is not a hex string");
            self.log.push(note.label("expected hex digits and `>`, with nothing between"));
            return Kind::Bad;
        }
        self.at += 1;
        if (self.at - start) % 2 == 1 {
            let span = self.span(start, self.at);
            let note = Note::error(span, "a hex string needs an even number of digits");
            self.log.push(note.label("two digits make a byte"));
            return Kind::Bad;
        }
        Kind::Hex
    }

    /// A run of characters that can begin nothing.
    fn stray(&mut self) -> Kind {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| !(b' '..=b'~').contains(&byte) && !byte.is_ascii_whitespace());
        let run = &self.text[start..self.at];
        let message = if self.mode.lossy && run.contains('\u{fffd}') {
            "this is not valid UTF-8".to_owned()
        } else {
            format!("unexpected character `{}`", run.chars().next().unwrap_or(' ').escape_debug())
        };
        let span = self.span(start, self.at);
        self.log.push(Note::error(span, message));
        Kind::Bad
    }
}

/// The value of an integer token; `None` if it does not fit 64 bits.
pub(crate) fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some("") => Some(0),
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The bytes that a string or char token stands for.
pub(crate) fn unquote(token: &str) -> Vec<u8> {
    let inner = token.as_bytes().get(1..token.len().saturating_sub(1)).unwrap_or_default();
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == b'\\' {
            rest = unescape(tail, &mut out);
        } else {
            out.push(*byte);
        }
    }
    out
}

/// Reads what follows a backslash, and returns what follows that.
fn unescape<'a>(bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, tail)) = bytes.split_first() else {
        return bytes;
    };
    let (radix, digits_max) = match first {
        b'a' => return one(out, 7, tail),
        b'n' => return one(out, b'\n', tail),
        b'r' => return one(out, b'\r', tail),
        b't' => return one(out, b'\t', tail),
        b'x' => (16, 2),
        b'0' => (8, 3),
        // The first digit only says that a decimal number follows.
        b'1'..=b'9' => (10, 3),
        other => return one(out, *other, tail),
    };
    let is_digit = |byte: &u8| (*byte as char).is_digit(radix);
    let count = tail.iter().take(digits_max).take_while(|byte| is_digit(byte)).count();
    let (digits, tail) = tail.split_at(count);
    let value = digits
        .iter()
        .filter_map(|byte| (*byte as char).to_digit(radix))
        .fold(0, |sum, digit| sum * radix + digit);
    one(out, value as u8, tail)
}

fn one<'a>(out: &mut Vec<u8>, byte: u8, rest: &'a [u8]) -> &'a [u8] {
    out.push(byte);
    rest
}

/// The bytes that a hex token stands for.
pub(crate) fn unhex(token: &str) -> Vec<u8> {
    let nibble = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
    let digits = token.as_bytes().get(1..token.len().saturating_sub(1)).unwrap_or_default();
    digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut log = Log::default();
        let lexed = lex(text, 0, Mode::default(), &mut log);
        let tokens: Vec<String> = lexed
            .tokens
            .iter()
            .map(|token| {
                let text = &text[token.start as usize..token.end as usize];
                match token.kind {
                    Kind::Punct(_) => text.to_owned(),
                    kind => format!("{kind:?}:{text}"),
                }
            })
            .collect();
        assert_eq!(tokens.join(" "), expected);
    }

    #[test]
    fn tokens() {
        check("a_1 dclass // x\n/* y */ b", "Word:a_1 Word:dclass Word:b");
        check(
            "0 12 0x1F 0x 1. .5 1.5e-3 1e5",
            "Integer:0 Integer:12 Integer:0x1F Integer:0x \
            Real:1. Real:.5 Real:1.5e-3 Integer:1 Word:e5",
        );
        check("-5-5 a.b [*]", "- Integer:5 - Integer:5 Word:a . Word:b [ * ]");
        check(
            r#""a\"b" 'c' '\'' <0aF1> <>"#,
            r#"String:"a\"b" Char:'c' Char:'\'' Hex:<0aF1> Hex:<>"#,
        );
        check("<1 \"open", "Bad:<1 Bad:\"open");
        check("\u{c}é§x", "Bad:\u{c}é§ Word:x");
    }

    #[test]
    fn escapes() {
        assert_eq!(unquote(r#""\a\n\r\t\q\\""#), b"\x07\n\r\tq\\");
        assert_eq!(unquote(r#""\x41\x4\xg\x412""#), b"A\x04\0gA2");
        assert_eq!(unquote(r#""\0101\07\0\0777""#), b"A\x07\0\xff", "octal");
        assert_eq!(unquote(r#""\165\1""#), b"A\0", "the first decimal digit is dropped");
        assert_eq!(unquote("'é'"), "é".as_bytes());
        assert_eq!(unhex("<00fFa0>"), [0, 0xff, 0xa0]);
    }

    #[test]
    fn integers() {
        assert_eq!(integer("18446744073709551615"), Some(u64::MAX));
        assert_eq!(integer("18446744073709551616"), None);
        assert_eq!(integer("0x"), Some(0));
        assert_eq!(integer("0xffffffffffffffff"), Some(u64::MAX));
    }
}
