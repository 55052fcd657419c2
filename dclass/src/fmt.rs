//! One layout for all DC text: indentation, spaces, and as many line breaks as its author wanted. It is
//! made from the tokens, so that it cannot change what they mean.
//!
//! A line for each field, a block indented below its head, at most one empty line in a row, spaces as
//! in `setXY(int16/10 x = 5, int16/10 y) broadcast ram;`. Breaks inside a field stay where they are.
//! Comments stay beside what they are beside.

use crate::diagnostic::{Diagnostics, Log};
use crate::lexer::{self, Lexed, Mode, lex};
use crate::limits::SOURCE_BYTES_MAX;
use crate::parser;
use crate::source::{Source, Text};

#[cfg(test)]
mod tests;

const INDENT: &str = "  ";
/// With one of these a new line is a new item, though an import has no semicolon.
const ITEM_WORDS: [&str; 7] =
    ["from", "import", "dclass", "struct", "keyword", "typedef", "switch"];

/// Writes a DC file in our layout. Laying out twice changes nothing more. Only its grammar is checked:
/// it may use types that other files declare.
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
    Ok(layout(&pieces(&text.text, &lexed)))
}

/// What a piece is.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Kind {
    /// A word, number or literal.
    Word,
    /// Any other character by itself.
    Punct(u8),
    /// `// …`, without its end of line.
    LineComment,
    /// `/* … */`
    BlockComment,
}

/// A token or a comment.
#[derive(Copy, Clone, Debug)]
struct Piece<'a> {
    kind: Kind,
    text: &'a str,
    /// Ends of lines between the piece before and this one.
    lines_before: usize,
    /// Whether there is anything between the piece before and this one.
    space_before: bool,
}

impl Piece<'_> {
    fn is(&self, byte: u8) -> bool {
        self.kind == Kind::Punct(byte)
    }

    fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }
}

/// Tokens and comments in the order of the text.
fn pieces<'a>(text: &'a str, lexed: &Lexed) -> Vec<Piece<'a>> {
    let token = |token: &lexer::Token| {
        let kind = match token.kind {
            lexer::Kind::Punct(byte) => Kind::Punct(byte),
            _ => Kind::Word,
        };
        (token.start, token.end, kind)
    };
    let comment = |(start, end): &(u32, u32)| {
        let is_block = text[*start as usize..].starts_with("/*");
        (*start, *end, if is_block { Kind::BlockComment } else { Kind::LineComment })
    };
    let mut ranges: Vec<(u32, u32, Kind)> = lexed.tokens.iter().map(token).collect();
    ranges.extend(lexed.comments.iter().map(comment));
    ranges.sort_unstable_by_key(|(start, ..)| *start);
    let mut end_before = 0;
    let piece = |(start, end, kind): (u32, u32, Kind)| {
        let (start, end) = (start as usize, end as usize);
        let space = &text[std::mem::replace(&mut end_before, end)..start];
        Piece {
            kind,
            text: text[start..end].trim_end(),
            lines_before: space.matches('\n').count(),
            space_before: !space.is_empty(),
        }
    };
    ranges.into_iter().map(piece).collect()
}

fn layout(pieces: &[Piece<'_>]) -> String {
    let mut writer = Writer::default();
    for (i, piece) in pieces.iter().enumerate() {
        writer.write(*piece, pieces.get(i + 1));
    }
    if !writer.out.is_empty() {
        writer.out.push('\n');
    }
    writer.out
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Brace {
    /// Around fields. `labelled` after a `case`, whose fields are indented once more.
    Block { labelled: bool },
    /// Around the parts of a default value.
    Value,
}

#[derive(Default)]
struct Writer<'a> {
    out: String,
    braces: Vec<Brace>,
    /// `(` and `[` that are open.
    brackets: usize,
    /// The statement so far: its first word, and whether a default value has begun.
    first_word: Option<&'a str>,
    in_value: bool,
    /// Whether the next piece begins a line.
    line_ended: bool,
    previous: Option<Piece<'a>>,
}

impl<'a> Writer<'a> {
    fn write(&mut self, piece: Piece<'a>, next: Option<&Piece<'a>>) {
        if piece.is(b'}') {
            self.end_brace();
        } else {
            self.separate(&piece);
        }
        self.out.push_str(piece.text);
        match piece.kind {
            Kind::LineComment => self.line_ended = true,
            // What follows on the same line belongs to the comment.
            Kind::BlockComment => self.line_ended = next.is_some_and(|next| next.lines_before > 0),
            Kind::Word => self.first_word = self.first_word.or(Some(piece.text)),
            Kind::Punct(byte) => self.punct(byte, next),
        }
        self.previous = Some(piece);
    }

    fn punct(&mut self, byte: u8, next: Option<&Piece<'a>>) {
        match byte {
            b'(' | b'[' => self.brackets += 1,
            b')' | b']' => self.brackets = self.brackets.saturating_sub(1),
            b'=' if self.brackets == 0 => self.in_value = true,
            b'{' if self.in_value || self.brackets > 0 => self.braces.push(Brace::Value),
            b'{' => {
                self.braces.push(Brace::Block { labelled: false });
                self.end_statement();
                // An empty block stays in one line.
                self.line_ended = !next.is_some_and(|next| next.is(b'}'));
            }
            b';' if !self.is_in_value_braces() => self.end_statement(),
            b':' if self.is_label() => {
                if let Some(Brace::Block { labelled }) = self.braces.last_mut() {
                    *labelled = true;
                }
                self.end_statement();
            }
            _ => {}
        }
    }

    fn end_statement(&mut self) {
        self.first_word = None;
        self.in_value = false;
        self.brackets = 0;
        self.line_ended = true;
    }

    /// Ends a brace, before its `}` is written.
    fn end_brace(&mut self) {
        let is_empty = self.previous.is_some_and(|previous| previous.is(b'{'));
        let in_comment = self.previous.is_some_and(|previous| previous.kind == Kind::LineComment);
        match self.braces.pop() {
            Some(Brace::Block { .. }) if !is_empty => self.break_line(0, 0),
            // The brace must not become a part of the comment.
            Some(Brace::Value) if in_comment => self.break_line(1, 0),
            Some(Brace::Value) if !is_empty => self.out.push(' '),
            // `};` and `} name;` go on in the same line.
            _ => {}
        }
        self.line_ended = false;
    }

    fn is_in_value_braces(&self) -> bool {
        self.braces.last() == Some(&Brace::Value)
    }

    /// Whether the statement is `case …` or `default`.
    fn is_label(&self) -> bool {
        matches!(self.braces.last(), Some(Brace::Block { .. }))
            && matches!(self.first_word, Some("case" | "default"))
    }

    /// Writes what belongs between the piece before and `piece`.
    fn separate(&mut self, piece: &Piece<'a>) {
        let Some(previous) = self.previous else {
            return;
        };
        let is_beside = piece.is_comment() && piece.lines_before == 0;
        let is_import = matches!(self.first_word, Some("from" | "import"));
        let is_item = piece.kind == Kind::Word && ITEM_WORDS.contains(&piece.text);
        let is_own_comment = piece.is_comment() && !previous.is(b',');
        if is_import && piece.lines_before > 0 && (is_item || is_own_comment) {
            self.end_statement();
        }
        if is_beside {
            // A comment behind something stays behind it.
            self.out.push(' ');
        } else if self.line_ended && self.first_word.is_none() && !previous.is(b'}') {
            self.begin_statement(piece, &previous);
        } else if self.line_ended || (piece.lines_before > 0 && may_break_before(piece)) {
            // A line of a field that goes on is indented once more.
            let deeper = usize::from(self.first_word.is_some());
            self.break_line(deeper, 0);
        } else if is_spaced(&previous, piece) && !(piece.is(b':') && self.is_label()) {
            self.out.push(' ');
        }
        self.line_ended = false;
    }

    fn begin_statement(&mut self, piece: &Piece<'a>, previous: &Piece<'a>) {
        let is_label = piece.kind == Kind::Word && matches!(piece.text, "case" | "default");
        let is_labelled = matches!(self.braces.last(), Some(Brace::Block { labelled: true }));
        let deeper = usize::from(is_labelled && !is_label);
        let empty_lines = usize::from(piece.lines_before > 1 && !previous.is(b'{'));
        self.break_line(deeper, empty_lines);
    }

    fn break_line(&mut self, deeper: usize, empty_lines: usize) {
        for _ in 0..=empty_lines {
            self.out.push('\n');
        }
        let blocks = self.braces.iter().filter(|brace| **brace != Brace::Value);
        for _ in 0..blocks.count() + deeper {
            self.out.push_str(INDENT);
        }
    }
}

/// Whether a line may begin with this piece of a field.
fn may_break_before(piece: &Piece<'_>) -> bool {
    !matches!(piece.kind, Kind::Punct(b'{' | b';' | b',' | b'(' | b')' | b'[' | b']'))
}

/// Whether two pieces on one line have a space between them.
fn is_spaced(before: &Piece<'_>, after: &Piece<'_>) -> bool {
    match (before.kind, after.kind) {
        (_, Kind::Punct(b';' | b',' | b')' | b']')) | (Kind::Punct(b'(' | b'['), _) => false,
        (Kind::Punct(b',' | b'{'), _) => true,
        (_, Kind::Punct(b'/' | b'%')) | (Kind::Punct(b'/' | b'%'), _) => false,
        // `x : y` names parts or parents, `case x:` does not.
        (_, Kind::Punct(b'=' | b':' | b'{')) | (Kind::Punct(b'=' | b':' | b'}'), _) => true,
        (Kind::Word, Kind::Punct(b'(')) => before.text == "switch",
        (_, Kind::Punct(b'[')) => before.kind != Kind::Word && !before.is(b']'),
        // Signs and ranges are as their author wrote them.
        (Kind::Punct(b'+' | b'-' | b'*'), _) | (_, Kind::Punct(b'+' | b'-' | b'*')) => {
            after.space_before
        }
        (Kind::Punct(b')' | b']'), Kind::Word) => true,
        _ => after.space_before,
    }
}
