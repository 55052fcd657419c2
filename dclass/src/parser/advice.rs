//! What to do about the commonest mistakes of grammar: a word, a range or a default that stands in the wrong place.

use super::input::{SyntaxError, Tokens};
use crate::ast::Simple;
use crate::lexer::Kind;
use crate::schema::Keywords;
use crate::source::Span;
use crate::visible::shown;
use nom::Input;

/// What to do about an error at token `at` of the whole file, if it is one of these.
pub(super) fn advice(whole: Tokens<'_>, at: usize, error: &SyntaxError) -> Option<String> {
    let found = whole.take_from(at);
    let Some(Kind::Punct(found_byte)) = found.first().map(|token| token.kind) else { return None };
    let is_expected = |what| error.list().any(|expected| expected == what);
    match found_byte {
        b'=' if is_expected("`;`") => late_default(whole, at),
        b'(' => late_range(whole, at),
        b',' if is_expected("`;`") => {
            let is_keyword = |at: Option<usize>| {
                at.and_then(|at| word(whole, at)).is_some_and(|it| Keywords::by_name(it).is_some())
            };
            let help = "keywords stand one behind the other, without commas";
            (is_keyword(at.checked_sub(1)) || is_keyword(Some(at + 1))).then(|| help.to_owned())
        }
        b'}' if is_expected("`;`") => Some("a field ends with `;`, the last one too".to_owned()),
        _ => None,
    }
}

/// `string name db = "x"`
fn late_default(whole: Tokens<'_>, at: usize) -> Option<String> {
    let is_keyword = |at: usize| word(whole, at).is_some_and(|it| Keywords::by_name(it).is_some());
    let first = (0..at).rev().take_while(|at| is_keyword(*at)).last()?;
    // A method takes none.
    if first.checked_sub(1).is_some_and(|before| whole.is_punct(before, b')')) {
        return None;
    }
    Some("the default stands before the keywords: `name = value keyword`".to_owned())
}

/// `string name(0-255)`
fn late_range(whole: Tokens<'_>, at: usize) -> Option<String> {
    /// Of a longer one nothing is repeated.
    const RANGE_MAX: usize = 16;
    let (name, ty) = (word(whole, at.checked_sub(1)?)?, word(whole, at.checked_sub(2)?)?);
    Simple::from_word(ty)?;
    let is_number = |token: &crate::lexer::Token| {
        matches!(token.kind, Kind::Integer | Kind::Real | Kind::Char | Kind::Punct(b'-' | b'+'))
    };
    whole.rest.get(at + 1).filter(|token| is_number(token))?;
    let close = (at..at + RANGE_MAX).find(|ahead| whole.is_punct(*ahead, b')'))?;
    let Span { start, end, .. } = whole.take_from(at).until(whole.take_from(close + 1));
    let range = whole.text.get(start as usize..end as usize)?;
    let (ty, range, name) = (shown(ty), shown(range), shown(name));
    Some(format!("the range stands behind the type: `{ty}{range} {name}`"))
}

fn word<'a>(whole: Tokens<'a>, at: usize) -> Option<&'a str> {
    let token = whole.rest.get(at).filter(|token| token.kind == Kind::Word)?;
    Some(whole.text_of(*token))
}
