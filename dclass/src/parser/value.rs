//! Numbers, ranges and values.

use super::input::{Parsed, SyntaxError, Tokens, fail, kind, name, punct, refuse};
use crate::ast::{Number, Part, Ranges, Value, ValueKind};
use crate::lexer::{self, Kind};
use nom::branch::alt;
use nom::combinator::{cut, map, opt};
use nom::multi::{many0_count, separated_list0, separated_list1};
use nom::sequence::{preceded, terminated};
use nom::{Err, Input, Parser};

/// `number = ["+" | "-"] (integer | real)`
pub(crate) fn number(input: Tokens<'_>) -> Parsed<'_, Number> {
    let (after_sign, sign) = opt(alt((punct(b'-', "`-`"), punct(b'+', "`+`")))).parse(input)?;
    let minus = sign.is_some() && input.is_punct(0, b'-');
    let (rest, unsigned) = unsigned(after_sign)
        .map_err(|error| error.map(|_| SyntaxError::expected(&after_sign, "a number")))?;
    let number = match unsigned {
        Number::Integer(value) if minus => Number::Integer(-value),
        Number::Real(double, single) if minus => Number::Real(-double, -single),
        positive => positive,
    };
    Ok((rest, number))
}

fn unsigned(input: Tokens<'_>) -> Parsed<'_, Number> {
    let text = input.first_text();
    let number = match input.first().map(|token| token.kind) {
        Some(Kind::Integer) => match lexer::integer(text) {
            Some(value) => Number::Integer(value.into()),
            None => real(text),
        },
        Some(Kind::Real) => real(text),
        Some(Kind::Word) if matches!(text, "inf" | "infinity" | "nan") => real(text),
        _ => return fail(&input, "a number"),
    };
    Ok((input.take_from(1), number))
}

fn real(text: &str) -> Number {
    Number::Real(text.parse().unwrap_or(0.0), text.parse().unwrap_or(0.0))
}

/// A number, or a char literal of one character that stands for its code.
fn bound(input: Tokens<'_>) -> Parsed<'_, Number> {
    if input.first().is_some_and(|token| token.kind == Kind::Char) {
        return match lexer::unquote(input.first_text()).as_slice() {
            [byte] => Ok((input.take_from(1), Number::Integer((*byte).into()))),
            _ => refuse(&input, "a bound must be one character"),
        };
    }
    number(input)
}

/// `range = bound ["-" bound]`
fn range(input: Tokens<'_>) -> Parsed<'_, (Number, Number)> {
    let (input, low) = bound(input)?;
    let (input, high) = opt(preceded(punct(b'-', "`-`"), cut(bound))).parse(input)?;
    Ok((input, (low, high.unwrap_or(low))))
}

/// `ranges = [range {"," range}]`, between brackets that end with `close`.
pub(crate) fn ranges<'a>(
    close: u8,
    what: &'static str,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Ranges> {
    move |input| {
        let opened = input;
        let input = input.take_from(1);
        let (input, list) = separated_list0(punct(b',', "`,`"), range).parse(input)?;
        let (input, _) = cut(punct(close, what)).parse(input)?;
        Ok((input, Ranges { list, span: opened.until(input) }))
    }
}

/// `value = number | string | char | hex | group`
///
/// `budget` is how many more brackets may be opened.
pub(crate) fn value<'a>(budget: u8) -> impl Fn(Tokens<'a>) -> Parsed<'a, Value<'a>> {
    move |input| {
        let (rest, kind) = match input.first().map(|token| token.kind) {
            Some(Kind::String | Kind::Char) => {
                (input.take_from(1), ValueKind::Quoted(input.first_text()))
            }
            Some(Kind::Hex) => (input.take_from(1), ValueKind::Hex(input.first_text())),
            Some(Kind::Punct(b'[' | b'{' | b'(')) if budget == 0 => {
                return refuse(&input, "brackets are nested too deep");
            }
            Some(Kind::Punct(b'[')) => group(input, b']', "`]`", budget - 1)?,
            Some(Kind::Punct(b'{')) => group(input, b'}', "`}`", budget - 1)?,
            Some(Kind::Punct(b'(')) => group(input, b')', "`)`", budget - 1)?,
            _ => match map(number, ValueKind::Number).parse(input) {
                Ok(done) => done,
                Err(Err::Error(error)) if error.left == input.rest.len() => {
                    return fail(&input, "a value");
                }
                Err(error) => return Err(error),
            },
        };
        Ok((rest, Value { kind, span: input.until(rest) }))
    }
}

/// `part = [name "="] value ["*" integer]`
pub(crate) fn part<'a>(budget: u8) -> impl Fn(Tokens<'a>) -> Parsed<'a, Part<'a>> {
    move |input| {
        let (input, label) = opt(terminated(name("a name"), punct(b'=', "`=`"))).parse(input)?;
        let (input, value) = value(budget)(input)?;
        let times = preceded(punct(b'*', "`*`"), cut(kind(Kind::Integer, "a count")));
        let (rest, times) = opt(times).parse(input)?;
        let count = |token| lexer::integer(input.text_of(token)).unwrap_or(u64::MAX);
        Ok((rest, Part { label, value, times: times.map_or(1, count) }))
    }
}

/// `group = open [part {"," part}] [","] close`
fn group<'a>(
    input: Tokens<'a>,
    close: u8,
    what: &'static str,
    budget: u8,
) -> Parsed<'a, ValueKind<'a>> {
    let input = input.take_from(1);
    let (input, list) = separated_list0(punct(b',', "`,`"), part(budget)).parse(input)?;
    let (input, _) = opt(punct(b',', "`,`")).parse(input)?;
    let (input, _) = cut(punct(close, what)).parse(input)?;
    Ok((input, ValueKind::Group(list)))
}

/// Stray `;`.
pub(crate) fn semicolons(input: Tokens<'_>) -> Parsed<'_, usize> {
    many0_count(punct(b';', "`;`")).parse(input)
}

/// `names = name {"," name}`
pub(crate) fn names<'a>(
    what: &'static str,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Vec<crate::ast::Name<'a>>> {
    move |input| separated_list1(punct(b',', "`,`"), cut(name(what))).parse(input)
}
