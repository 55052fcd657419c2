//! One layout for all DC text: indentation, spaces, and as many line breaks as its author wanted.
//!
//! A line for each field, a block indented below its head, at most one empty line in a row, spaces as
//! in `setXY(int16/10 x = 5, int16/10 y) broadcast ram;`. Breaks inside a field stay where they are.
//! Comments stay beside what they are beside.

use super::scan::{Kind, Piece, scan};

const INDENT: &str = "  ";
/// With one of these a new line is a new item, though an import has no semicolon.
const ITEM_WORDS: [&str; 7] =
    ["from", "import", "dclass", "struct", "keyword", "typedef", "switch"];

/// The text in our layout. Laying out twice changes nothing more.
pub(super) fn layout(text: &str) -> String {
    let pieces = scan(text);
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
        if piece.is('}') {
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
            Kind::Punct(c) => self.punct(c, next),
        }
        self.previous = Some(piece);
    }

    fn punct(&mut self, c: char, next: Option<&Piece<'a>>) {
        match c {
            '(' | '[' => self.brackets += 1,
            ')' | ']' => self.brackets = self.brackets.saturating_sub(1),
            '=' if self.brackets == 0 => self.in_value = true,
            '{' if self.in_value || self.brackets > 0 => self.braces.push(Brace::Value),
            '{' => {
                self.braces.push(Brace::Block { labelled: false });
                self.end_statement();
                // An empty block stays in one line.
                self.line_ended = !next.is_some_and(|next| next.is('}'));
            }
            ';' if !self.is_in_value_braces() => self.end_statement(),
            ':' if self.is_label() => {
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
        let is_empty = self.previous.is_some_and(|previous| previous.is('{'));
        match self.braces.pop() {
            Some(Brace::Block { .. }) if !is_empty => self.break_line(0, 0),
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
        let is_own_comment = piece.is_comment() && !previous.is(',');
        if is_import && piece.lines_before > 0 && (is_item || is_own_comment) {
            self.end_statement();
        }
        if is_beside {
            // A comment behind something stays behind it.
            self.out.push(' ');
        } else if self.line_ended && self.first_word.is_none() && !previous.is('}') {
            self.begin_statement(piece, &previous);
        } else if self.line_ended || (piece.lines_before > 0 && may_break_before(piece)) {
            // A line of a field that goes on is indented once more.
            let deeper = usize::from(self.first_word.is_some());
            self.break_line(deeper, 0);
        } else if is_spaced(&previous, piece) && !(piece.is(':') && self.is_label()) {
            self.out.push(' ');
        }
        self.line_ended = false;
    }

    fn begin_statement(&mut self, piece: &Piece<'a>, previous: &Piece<'a>) {
        let is_label = piece.kind == Kind::Word && matches!(piece.text, "case" | "default");
        let is_labelled = matches!(self.braces.last(), Some(Brace::Block { labelled: true }));
        let deeper = usize::from(is_labelled && !is_label);
        let empty_lines = usize::from(piece.lines_before > 1 && !previous.is('{'));
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
    !matches!(piece.kind, Kind::Punct('{' | ';' | ',' | '(' | ')' | '[' | ']'))
}

/// Whether two pieces on one line have a space between them.
fn is_spaced(before: &Piece<'_>, after: &Piece<'_>) -> bool {
    match (before.kind, after.kind) {
        (_, Kind::Punct(';' | ',' | ')' | ']')) | (Kind::Punct('(' | '['), _) => false,
        (Kind::Punct(',' | '{'), _) => true,
        (_, Kind::Punct('/' | '%')) | (Kind::Punct('/' | '%'), _) => false,
        // `x : y` names parts or parents, `case x:` does not.
        (_, Kind::Punct('=' | ':' | '{')) | (Kind::Punct('=' | ':' | '}'), _) => true,
        (Kind::Word, Kind::Punct('(')) => before.text == "switch",
        (_, Kind::Punct('[')) => before.kind != Kind::Word && !before.is(']'),
        // Signs and ranges are as their author wrote them.
        (Kind::Punct('+' | '-' | '*'), _) | (_, Kind::Punct('+' | '-' | '*')) => after.space_before,
        (Kind::Punct(')' | ']'), Kind::Word) => true,
        _ => after.space_before,
    }
}
