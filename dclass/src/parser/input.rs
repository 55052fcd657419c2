//! The parsers' input, a list of tokens, and what they report when they do not match.

use crate::ast::Name;
use crate::lexer::{Kind, Token};
use crate::source::Span;
use nom::error::{ErrorKind, ParseError};
use nom::{Err, IResult, Input, Needed};

/// The tokens still to be read, and the text that they are ranges of.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Tokens<'a> {
    pub text: &'a str,
    pub file: u32,
    pub rest: &'a [Token],
}

/// What a parser returns.
pub(crate) type Parsed<'a, T> = IResult<Tokens<'a>, T, SyntaxError>;

impl<'a> Tokens<'a> {
    pub(crate) fn first(&self) -> Option<Token> {
        self.rest.first().copied()
    }

    /// The first token's text.
    pub(crate) fn first_text(&self) -> &'a str {
        self.first().map_or("", |token| self.text_of(token))
    }

    pub(crate) fn text_of(&self, token: Token) -> &'a str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    pub(crate) fn span_of(&self, token: Token) -> Span {
        Span { file: self.file, start: token.start, end: token.end }
    }

    /// Where the next token begins, or the end of the text.
    pub(crate) fn start(&self) -> Span {
        let end = self.text.len() as u32;
        self.first().map_or(Span { file: self.file, start: end, end }, |token| self.span_of(token))
    }

    /// From the first token of `self` to the last one before `after`.
    pub(crate) fn until(&self, after: Tokens<'_>) -> Span {
        let count = self.rest.len().saturating_sub(after.rest.len());
        let last = count.checked_sub(1).and_then(|last| self.rest.get(last));
        match last {
            Some(last) => self.start().to(self.span_of(*last)),
            None => self.start(),
        }
    }

    pub(crate) fn is_punct(&self, ahead: usize, byte: u8) -> bool {
        self.rest.get(ahead).is_some_and(|token| token.kind == Kind::Punct(byte))
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.first().is_some_and(|token| token.kind == Kind::Word) && self.first_text() == word
    }
}

impl<'a> Input for Tokens<'a> {
    type Item = Token;
    type Iter = std::iter::Copied<std::slice::Iter<'a, Token>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.rest.len()
    }

    fn take(&self, index: usize) -> Self {
        Tokens { rest: &self.rest[..index], ..*self }
    }

    fn take_from(&self, index: usize) -> Self {
        Tokens { rest: &self.rest[index..], ..*self }
    }

    fn take_split(&self, index: usize) -> (Self, Self) {
        (self.take_from(index), self.take(index))
    }

    fn position<P: Fn(Self::Item) -> bool>(&self, predicate: P) -> Option<usize> {
        self.rest.iter().position(|token| predicate(*token))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.rest.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        let len = self.rest.len();
        if len >= count { Ok(count) } else { Err(Needed::new(count - len)) }
    }
}

/// How many things an error names as expected; more would not be read.
const EXPECTED_MAX: usize = 5;

/// Where reading stopped, and what would have been right there.
#[derive(Copy, Clone, Debug)]
pub(crate) struct SyntaxError {
    /// Tokens left at the place: the fewer, the further reading came.
    pub left: usize,
    expected: [&'static str; EXPECTED_MAX],
    /// A message in place of "expected …".
    pub message: Option<&'static str>,
}

impl SyntaxError {
    pub(crate) fn expected(input: &Tokens<'_>, what: &'static str) -> SyntaxError {
        let mut expected = [""; EXPECTED_MAX];
        expected[0] = what;
        SyntaxError { left: input.rest.len(), expected, message: None }
    }

    pub(crate) fn message(input: &Tokens<'_>, message: &'static str) -> SyntaxError {
        let expected = [""; EXPECTED_MAX];
        SyntaxError { left: input.rest.len(), expected, message: Some(message) }
    }

    /// The things that were expected, the likeliest last.
    pub(crate) fn list(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.expected.iter().copied().filter(|what| !what.is_empty())
    }
}

impl<'a> ParseError<Tokens<'a>> for SyntaxError {
    fn from_error_kind(input: Tokens<'a>, _: ErrorKind) -> Self {
        SyntaxError { left: input.rest.len(), expected: [""; EXPECTED_MAX], message: None }
    }

    fn append(_: Tokens<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }

    /// Of two branches, the one that read further knows better; equal ones are joined.
    fn or(self, other: Self) -> Self {
        if self.left != other.left {
            return if self.left < other.left { self } else { other };
        }
        let mut joined = self;
        for what in other.list() {
            if joined.list().all(|known| known != what)
                && let Some(free) = joined.expected.iter_mut().find(|slot| slot.is_empty())
            {
                *free = what;
            }
        }
        joined.message = joined.message.or(other.message);
        joined
    }
}

/// The error that another branch may still mend.
pub(crate) fn fail<'a, T>(input: &Tokens<'a>, what: &'static str) -> Parsed<'a, T> {
    Err(Err::Error(SyntaxError::expected(input, what)))
}

/// The error that no other branch can mend.
pub(crate) fn refuse<'a, T>(input: &Tokens<'a>, message: &'static str) -> Parsed<'a, T> {
    Err(Err::Failure(SyntaxError::message(input, message)))
}

/// One token of this kind.
pub(crate) fn kind<'a>(
    kind: Kind,
    what: &'static str,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Token> + Copy {
    move |input| match input.first() {
        Some(token) if token.kind == kind => Ok((input.take_from(1), token)),
        _ => fail(&input, what),
    }
}

/// One character that is a token of its own. `what` names it, in backquotes.
pub(crate) fn punct<'a>(
    byte: u8,
    what: &'static str,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Token> + Copy {
    kind(Kind::Punct(byte), what)
}

/// This very word.
pub(crate) fn word<'a>(
    text: &'static str,
    what: &'static str,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Token> + Copy {
    move |input| match input.first() {
        Some(token) if token.kind == Kind::Word && input.first_text() == text => {
            Ok((input.take_from(1), token))
        }
        _ => fail(&input, what),
    }
}

/// A word that is not reserved.
pub(crate) fn name<'a>(what: &'static str) -> impl Fn(Tokens<'a>) -> Parsed<'a, Name<'a>> + Copy {
    move |input| match input.first() {
        Some(token) if token.kind == Kind::Word => {
            let text = input.first_text();
            if crate::ast::is_reserved(text) {
                return fail(&input, what);
            }
            Ok((input.take_from(1), Name { text, span: input.span_of(token) }))
        }
        _ => fail(&input, what),
    }
}
