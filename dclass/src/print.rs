//! The canonical form of a DC file: one declaration a line, one spacing, comments kept. It is made
//! from the tokens, so it cannot change what they mean; only `;` that end nothing are left out.

use crate::diagnostic::{Diagnostics, Log};
use crate::lexer::{self, Kind, Lexed, Mode, lex};
use crate::limits::SOURCE_BYTES_MAX;
use crate::parser;
use crate::source::{Source, Text};

/// Writes a DC file in canonical form. Only its grammar is checked: it may use types that other
/// files declare.
///
/// # Errors
/// What is wrong with the file.
pub fn format_source(source: &Source) -> Result<String, Diagnostics> {
    if source.text.len() > SOURCE_BYTES_MAX {
        return Err(Diagnostics::of_file(&source.name, "the file is too large".to_owned()));
    }
    let text = Text::new(source);
    let mut log = Log::default();
    let mode = Mode { lossy: text.lossy, ..Mode::default() };
    let lexed = lex(&text.text, 0, mode, &mut log);
    parser::file(&text.text, 0, &lexed.tokens, &mut log);
    if log.has_errors() {
        return Err(log.render(&[text]));
    }
    let pieces = pieces(&text.text, &lexed);
    let mut printer = Printer {
        text: &text.text,
        pieces: &pieces,
        out: String::with_capacity(text.text.len()),
        open: Vec::new(),
        item: "",
    };
    (0..pieces.len()).for_each(|at| printer.piece(at));
    if !printer.out.is_empty() {
        printer.out.push('\n');
    }
    Ok(printer.out)
}

/// A token or a comment.
#[derive(Copy, Clone, Debug)]
struct Piece<'a> {
    what: What,
    text: &'a str,
    start: usize,
    end: usize,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum What {
    Token(Kind),
    /// A comment, and whether it begins and whether it ends its line.
    Comment {
        first: bool,
        last: bool,
    },
}

/// What has been opened and is not closed yet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Open {
    /// The body of a class or struct.
    Class,
    /// The body of a switch.
    Switch,
    /// `( )`, `[ ]`, and `{ }` of a value.
    Group,
}

/// What stands before a piece.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Gap {
    Nothing,
    Space,
    Line,
}

/// Tokens and comments in the order of the text, without `;` that end nothing.
fn pieces<'a>(text: &'a str, lexed: &Lexed) -> Vec<Piece<'a>> {
    let slice = |start: u32, end: u32| text.get(start as usize..end as usize).unwrap_or_default();
    let mut out: Vec<Piece<'a>> = Vec::with_capacity(lexed.tokens.len() + lexed.comments.len());
    let mut comments = lexed.comments.iter().copied().peekable();
    let mut last = Kind::Punct(b';');
    let push_comment = |out: &mut Vec<Piece<'a>>, (start, end): (u32, u32)| {
        let before = slice(0, start).trim_end_matches([' ', '\t', '\r']);
        let after = slice(end, text.len() as u32).trim_start_matches([' ', '\t', '\r']);
        let first = before.is_empty() || before.ends_with('\n');
        let last = after.is_empty() || after.starts_with('\n');
        let text = slice(start, end).trim_end();
        let what = What::Comment { first, last };
        out.push(Piece { what, text, start: start as usize, end: end as usize });
    };
    for token in &lexed.tokens {
        while let Some(comment) = comments.next_if(|comment| comment.0 < token.start) {
            push_comment(&mut out, comment);
        }
        let stray = matches!(last, Kind::Punct(b';' | b'{')) && token.kind == Kind::Punct(b';');
        if !stray {
            let (start, end) = (token.start as usize, token.end as usize);
            let what = What::Token(token.kind);
            out.push(Piece { what, text: slice(token.start, token.end), start, end });
        }
        last = token.kind;
    }
    comments.for_each(|comment| push_comment(&mut out, comment));
    out
}

impl Piece<'_> {
    fn is(&self, byte: u8) -> bool {
        self.what == What::Token(Kind::Punct(byte))
    }

    fn is_any(&self, bytes: &[u8]) -> bool {
        matches!(self.what, What::Token(Kind::Punct(byte)) if bytes.contains(&byte))
    }

    fn is_word(&self) -> bool {
        self.what == What::Token(Kind::Word)
    }

    fn is_number(&self) -> bool {
        matches!(self.what, What::Token(Kind::Integer | Kind::Real | Kind::Char))
    }
}

struct Printer<'a> {
    text: &'a str,
    pieces: &'a [Piece<'a>],
    out: String,
    open: Vec<Open>,
    /// The word with which the item began that is being printed.
    item: &'a str,
}

impl Printer<'_> {
    fn piece(&mut self, at: usize) {
        let piece = self.pieces[at];
        let closes = piece.is_any(b")]}");
        let closed = if closes { self.open.pop() } else { None };
        let gap = self.gap(at, closed);
        if self.open.is_empty() && (gap == Gap::Line || at == 0) && piece.is_word() {
            self.item = piece.text;
        } else if self.item == "from" && piece.text == "import" {
            self.item = "import";
        }
        match gap {
            Gap::Nothing => {}
            Gap::Space => self.out.push(' '),
            Gap::Line => self.line(at, closes),
        }
        self.out.push_str(piece.text);
        if piece.is(b'{') {
            let open = self.opened(at);
            self.open.push(open);
        } else if piece.is_any(b"([") {
            self.open.push(Open::Group);
        }
    }

    /// The token before the piece, comments passed over.
    fn token_before(&self, at: usize) -> Option<&Piece<'_>> {
        let before = self.pieces.get(..at).unwrap_or_default();
        before.iter().rev().find(|piece| matches!(piece.what, What::Token(_)))
    }

    /// What the `{` at `at` opens.
    fn opened(&self, at: usize) -> Open {
        match self.token_before(at) {
            Some(before) if before.is(b')') => Open::Switch,
            Some(before) if before.is_word() && before.text != "case" => Open::Class,
            _ => Open::Group,
        }
    }

    /// Begins a line. One empty line is kept, except at the ends of a body.
    fn line(&mut self, at: usize, closes: bool) {
        let piece = self.pieces[at];
        let before = at.checked_sub(1).map(|before| self.pieces[before]);
        self.out.push('\n');
        if let Some(before) = before
            && !before.is(b'{')
            && !closes
            && self.text[before.end.min(piece.start)..piece.start].matches('\n').count() > 1
        {
            self.out.push('\n');
        }
        let label =
            matches!(piece.text, "case" | "default") && self.open.last() == Some(&Open::Switch);
        let depth: usize = self
            .open
            .iter()
            .map(|open| match open {
                Open::Class | Open::Group => 1,
                Open::Switch => 2,
            })
            .sum();
        (0..depth - usize::from(label)).for_each(|_| self.out.push_str("    "));
    }

    /// What stands before a piece; `closed` is what it closes.
    fn gap(&self, at: usize, closed: Option<Open>) -> Gap {
        let piece = &self.pieces[at];
        let Some(before) = at.checked_sub(1).map(|before| &self.pieces[before]) else {
            return Gap::Nothing;
        };
        if let What::Comment { last: true, .. } = before.what {
            return Gap::Line;
        }
        if let What::Comment { first, .. } = piece.what {
            return match first {
                true => Gap::Line,
                false if before.is_any(b"([") => Gap::Nothing,
                false => Gap::Space,
            };
        }
        if let What::Comment { .. } = before.what {
            let tight = piece.is_any(b",;)]");
            return if tight { Gap::Nothing } else { Gap::Space };
        }
        if matches!(closed, Some(Open::Class | Open::Switch)) {
            return if before.is(b'{') { Gap::Nothing } else { Gap::Line };
        }
        let in_body = matches!(self.open.last(), Some(Open::Class | Open::Switch));
        let in_switch = self.open.last() == Some(&Open::Switch);
        let ended = before.is(b';')
            || in_body && before.is(b'{')
            || in_switch && before.is(b':')
            || self.open.is_empty() && self.begins_item(at);
        if ended && !piece.is(b';') {
            return Gap::Line;
        }
        if self.spaced(at, before, piece) { Gap::Space } else { Gap::Nothing }
    }

    /// Whether an item begins here that no `;` says the end of the one before.
    fn begins_item(&self, at: usize) -> bool {
        let piece = &self.pieces[at];
        let Some(before) = self.token_before(at) else {
            return true;
        };
        if before.is(b'}') {
            // `typedef struct { … } name;`
            return !piece.is(b';') && self.item != "typedef";
        }
        if !piece.is_word() || before.text == "typedef" && before.is_word() {
            return false;
        }
        match piece.text {
            "dclass" | "struct" | "typedef" | "keyword" | "from" => true,
            "import" => self.item != "from",
            "switch" => {
                let bracket =
                    |ahead: usize| self.pieces.get(at + ahead).is_some_and(|p| p.is(b'('));
                bracket(1) || self.pieces.get(at + 1).is_some_and(Piece::is_word) && bracket(2)
            }
            _ => false,
        }
    }

    /// Whether two tokens in one line have a space between them.
    fn spaced(&self, at: usize, before: &Piece<'_>, piece: &Piece<'_>) -> bool {
        if before.is(b'-') || piece.is(b'-') || before.is(b'+') || piece.is(b'+') {
            return self.sign_spaced(at, before, piece);
        }
        if piece.is(b':') {
            return self.open.last() != Some(&Open::Switch);
        }
        if piece.is(b'(') {
            return before.is_any(b",=*")
                || before.is_word() && matches!(before.text, "switch" | "case");
        }
        if piece.is(b'[') {
            return before.is_any(b",=*") || before.is_word() && before.text == "case";
        }
        if piece.is(b'{') || piece.is_any(b"=*") {
            return !before.is_any(b"([{");
        }
        let tight_before = piece.is_any(b",;)]}/%.");
        let tight_after = before.is_any(b"([{/%.");
        !tight_before && !tight_after
    }

    /// A minus between two numbers is tight, unless some readers would take it for a sign.
    fn sign_spaced(&self, at: usize, before: &Piece<'_>, piece: &Piece<'_>) -> bool {
        let sign = if piece.is_any(b"-+") { at } else { at - 1 };
        let left = sign.checked_sub(1).map(|left| &self.pieces[left]);
        let binary = left.is_some_and(Piece::is_number);
        if !binary {
            let own = piece.is_any(b"-+");
            return own && !before.is_any(b"([{/%-+");
        }
        let wide = |piece: &Piece<'_>| {
            piece.what == What::Token(Kind::Real) || lexer::integer(piece.text) == Some(0)
        };
        let right = self.pieces[sign + 1..].iter().find(|piece| piece.is_number());
        left.is_some_and(|left| left.what == What::Token(Kind::Real)) || right.is_some_and(wide)
    }
}
