//! Fields of classes and structs.

use super::input::{Parsed, Tokens, fail, name, punct, refuse};
use super::types::{declared_name, param};
use super::value::names;
use crate::ast::{ClassDecl, Decl, Member, Name, Simple};
use crate::lexer::Kind;
use crate::schema::Keywords;
use nom::combinator::{cut, opt};
use nom::multi::{many0, separated_list0};
use nom::sequence::{delimited, preceded};
use nom::{Input, Parser};

/// Where a member stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Class,
    Struct,
    Switch,
}

/// `member = (method | molecular | param) {keyword}`
pub(crate) fn member<'a>(
    place: Place,
    budget: u8,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Member<'a>> {
    move |start| {
        let (input, mut member) = bare_member(place, budget)(start)?;
        let (input, keywords) = many0(keyword).parse(input)?;
        member.keywords = keywords;
        member.span = start.until(input);
        Ok((input, member))
    }
}

/// A keyword of a field. What `(` or `:` follows is the next field, after a `;` that is missing.
fn keyword(input: Tokens<'_>) -> Parsed<'_, Name<'_>> {
    if input.is_punct(1, b'(') || input.is_punct(1, b':') {
        return fail(&input, "a keyword");
    }
    name("a keyword")(input)
}

/// A member without keywords.
pub(crate) fn bare_member<'a>(
    place: Place,
    budget: u8,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Member<'a>> {
    move |start| {
        let (input, decl) = decl(start, place, budget)?;
        Ok((input, Member { decl, keywords: Vec::new(), span: start.until(input) }))
    }
}

fn decl(input: Tokens<'_>, place: Place, budget: u8) -> Parsed<'_, Decl<'_>> {
    if input.first().is_none_or(|token| token.kind != Kind::Word) {
        return fail(&input, "a field");
    }
    if input.is_punct(1, b'(') && !opens_range(&input, place) && !super::types::at_switch(&input) {
        return method(input, budget);
    }
    if input.is_punct(1, b':') {
        return molecular(input);
    }
    let (rest, param) = param(budget)(input)?;
    Ok((rest, Decl::Param(param)))
}

/// Whether the `(` after the first word begins a range: after `string` always, after a word
/// that may be a name if a number or a character follows.
fn opens_range(input: &Tokens<'_>, place: Place) -> bool {
    let text = input.first_text();
    if crate::ast::is_reserved(text) {
        return true;
    }
    let Some(next) = input.rest.get(2) else {
        return false;
    };
    match next.kind {
        Kind::Integer | Kind::Real | Kind::Char | Kind::Punct(b'+' | b'-') => true,
        Kind::Punct(b')') => {
            // `blob32()` is a type, but some readers take it for a method's name. It is one where
            // a type would need a name and has none: `blob32() ram;` in a class.
            let after = input.rest.get(3);
            let named = after.is_some_and(|token| token.kind == Kind::Word)
                && Keywords::by_name(input.text_of(input.rest[3])).is_none();
            let typed = place != Place::Class || named || input.is_punct(3, b'[');
            Simple::from_word(text).is_some() && typed
        }
        _ => false,
    }
}

/// `method = name "(" [param {"," param}] ")"`
fn method(input: Tokens<'_>, budget: u8) -> Parsed<'_, Decl<'_>> {
    let (input, name) = declared_name("a field")(input)?;
    let params = separated_list0(punct(b',', "`,`"), param(budget));
    let mut group = delimited(punct(b'(', "`(`"), params, cut(punct(b')', "`)`")));
    let (input, params) = group.parse(input)?;
    if input.is_punct(0, b'=') {
        return refuse(&input, "a method takes no default; give its parameters defaults");
    }
    Ok((input, Decl::Method { name, params }))
}

/// `molecular = name ":" name {"," name}`
fn molecular(input: Tokens<'_>) -> Parsed<'_, Decl<'_>> {
    let (input, name) = declared_name("a field")(input)?;
    let (input, parts) = preceded(punct(b':', "`:`"), cut(names("a field's name"))).parse(input)?;
    Ok((input, Decl::Molecular { name, parts }))
}

/// `struct [name] [":" names] "{" {[member] ";"} "}"` as a type: without recovery inside.
pub(crate) fn inline_struct(start: Tokens<'_>, budget: u8) -> Parsed<'_, ClassDecl<'_>> {
    let (input, (name, parents)) = super::class_head(start.take_from(1))?;
    let (mut input, _) = cut(punct(b'{', "`{`")).parse(input)?;
    let mut members = Vec::new();
    loop {
        (input, _) = super::value::semicolons(input)?;
        if input.is_punct(0, b'}') || input.rest.is_empty() {
            break;
        }
        let one;
        (input, one) = cut(member(Place::Struct, budget)).parse(input)?;
        (input, _) = cut(punct(b';', "`;`")).parse(input)?;
        members.push(one);
    }
    let (input, _) = cut(punct(b'}', "`}`")).parse(input)?;
    let span = start.until(input);
    Ok((input, ClassDecl { is_struct: true, name, parents, members, damaged: false, span }))
}

/// `[":" names]`
pub(crate) fn parents<'a>(input: Tokens<'a>) -> Parsed<'a, Vec<Name<'a>>> {
    let (input, list) = opt(preceded(punct(b':', "`:`"), cut(names("a class")))).parse(input)?;
    Ok((input, list.unwrap_or_default()))
}
