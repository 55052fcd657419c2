//! DC text → the pieces that a layout moves around, comments included.
//!
//! The text has been read as DC files before, so that nothing here has to be diagnosed.

/// What a piece is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A word, number or literal.
    Word,
    /// Any other character by itself.
    Punct(char),
    /// `// …`, without its end of line.
    LineComment,
    /// `/* … */`
    BlockComment,
}

/// A piece of the text.
#[derive(Copy, Clone, Debug)]
pub(super) struct Piece<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Ends of lines between the piece before and this one.
    pub lines_before: usize,
    /// Whether there is anything between the piece before and this one.
    pub space_before: bool,
}

impl Piece<'_> {
    pub fn is(&self, c: char) -> bool {
        self.kind == Kind::Punct(c)
    }

    pub fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }
}

/// Takes `text` apart.
pub(super) fn scan(text: &str) -> Vec<Piece<'_>> {
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut pieces = Vec::new();
    loop {
        let begin = rest.trim_start();
        let space = &rest[..rest.len() - begin.len()];
        let Some(first) = begin.chars().next() else {
            return pieces;
        };
        let (kind, length) = piece(begin, first);
        let (text, after) = begin.split_at(length);
        pieces.push(Piece {
            kind,
            text: text.trim_end(),
            lines_before: space.matches('\n').count(),
            space_before: !space.is_empty(),
        });
        rest = after;
    }
}

/// The kind and the length of the piece that `text` begins with.
fn piece(text: &str, first: char) -> (Kind, usize) {
    let until = |end: Option<usize>| end.unwrap_or(text.len());
    match first {
        '/' if text.starts_with("//") => (Kind::LineComment, until(text.find('\n'))),
        '/' if text.starts_with("/*") => {
            let end = text[2..].find("*/").map(|end| end + 4);
            (Kind::BlockComment, until(end))
        }
        '"' | '\'' => (Kind::Word, quoted(text, first)),
        '<' => (Kind::Word, until(text.find('>').map(|end| end + 1))),
        c if is_word(c) => (Kind::Word, until(text.find(|c| !is_word(c)))),
        c => (Kind::Punct(c), c.len_utf8()),
    }
}

/// Dots are parts of numbers and of the paths of modules, which are one piece either way.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return i + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}
