//! Types, parameters and switches.

use super::field;
use super::input::{Parsed, Tokens, fail, name, punct, refuse, word};
use super::value::{number, part, ranges, value};
use crate::ast::{Arm, Base, Modifier, Name, Param, Ranges, Simple, SwitchDecl, TypeExpr};
use crate::lexer::Kind;
use crate::limits::VALUE_NESTING_MAX;
use nom::combinator::{cut, opt};
use nom::multi::many0;
use nom::sequence::{preceded, terminated};
use nom::{Err, Input, Parser};

/// `type = (name | simple {modifier} | struct | switch)`, without dimensions.
fn type_expr<'a>(budget: u8) -> impl Fn(Tokens<'a>) -> Parsed<'a, TypeExpr<'a>> {
    move |start| {
        let (input, base) = base(start, budget)?;
        let (input, modifiers) = match base {
            Base::Simple(_) => many0(modifier).parse(input)?,
            // What a name stands for cannot be modified; `(` here says that someone tries.
            _ => (input, Vec::new()),
        };
        Ok((input, TypeExpr { base, modifiers, span: start.until(input) }))
    }
}

fn base(input: Tokens<'_>, budget: u8) -> Parsed<'_, Base<'_>> {
    if input.first().is_none_or(|token| token.kind != Kind::Word) {
        return fail(&input, "a type");
    }
    let text = input.first_text();
    if text == "struct" {
        if budget == 0 {
            return refuse(&input, "types are nested too deep");
        }
        let (input, decl) = field::inline_struct(input, budget - 1)?;
        return Ok((input, Base::Struct(Box::new(decl))));
    }
    if at_switch(&input) {
        if budget == 0 {
            return refuse(&input, "types are nested too deep");
        }
        let (input, decl) = switch(input, budget - 1)?;
        return Ok((input, Base::Switch(Box::new(decl))));
    }
    if let Some(simple) = Simple::from_word(text) {
        return Ok((input.take_from(1), Base::Simple(simple)));
    }
    let (input, name) = name("a type")(input)?;
    Ok((input, Base::Named(name)))
}

/// `modifier = "(" ranges ")" | "/" number | "%" number`
fn modifier(input: Tokens<'_>) -> Parsed<'_, Modifier> {
    match input.first().map(|token| token.kind) {
        Some(Kind::Punct(b'(')) => {
            let (input, list) = ranges(b')', "`)`")(input)?;
            Ok((input, Modifier::Range(list)))
        }
        Some(Kind::Punct(sign @ (b'/' | b'%'))) => {
            let start = input.take_from(1);
            let (input, number) = cut(number).parse(start)?;
            let span = start.until(input);
            Ok((
                input,
                match sign {
                    b'/' => Modifier::Divide(number, span),
                    _ => Modifier::Modulo(number, span),
                },
            ))
        }
        _ => fail(&input, "`(`"),
    }
}

/// `dimension = "[" ranges "]"`
fn dimension(input: Tokens<'_>) -> Parsed<'_, Ranges> {
    if !input.is_punct(0, b'[') {
        return fail(&input, "`[`");
    }
    ranges(b']', "`]`")(input)
}

/// `param = type {dimension} [name {modifier} {dimension}] ["=" part]`, where the modifiers are those of
/// a number.
pub(crate) fn param<'a>(budget: u8) -> impl Fn(Tokens<'a>) -> Parsed<'a, Param<'a>> {
    move |start| {
        let (input, mut ty) = type_expr(budget)(start)?;
        let (input, mut dims) = many0(dimension).parse(input)?;
        let (mut input, name) = opt(name("a name")).parse(input)?;
        if name.is_some() {
            let (rest, modifiers) = late_modifiers(input, &ty, &dims)?;
            ty.modifiers.extend(modifiers);
            let (rest, more) = many0(dimension).parse(rest)?;
            dims.extend(more);
            late_modifiers(rest, &ty, &dims)?;
            input = rest;
        }
        let default = preceded(punct(b'=', "`=`"), cut(part(VALUE_NESTING_MAX)));
        let (input, default) = opt(default).parse(input)?;
        Ok((input, Param { ty, name, dims, default }))
    }
}

/// Divisors and moduli behind the name. They mean the same as behind the type, so that they need one that
/// can have them there.
fn late_modifiers<'a>(
    input: Tokens<'a>,
    ty: &TypeExpr<'_>,
    dims: &[Ranges],
) -> Parsed<'a, Vec<Modifier>> {
    if !input.is_punct(0, b'/') && !input.is_punct(0, b'%') {
        return Ok((input, Vec::new()));
    }
    if !matches!(ty.base, Base::Simple(_)) {
        return refuse(
            &input,
            "only a number has a divisor or modulus, no type with a name of its own",
        );
    }
    if !dims.is_empty() {
        return refuse(&input, "a divisor or modulus must be written before the brackets");
    }
    let scale = |input: Tokens<'a>| match input.is_punct(0, b'(') {
        true => fail(&input, "`/`"),
        false => modifier(input),
    };
    many0(scale).parse(input)
}

/// Whether a switch begins here, rather than something that is named `switch`:
/// `switch [name] "(" … ")" "{"`.
pub(crate) fn at_switch(input: &Tokens<'_>) -> bool {
    if !input.is_word("switch") {
        return false;
    }
    let named = input.rest.get(1).is_some_and(|token| token.kind == Kind::Word);
    let open = 1 + usize::from(named);
    if !input.is_punct(open, b'(') {
        return false;
    }
    // The key has few tokens; a longer one is not searched for its end.
    const KEY_MAX: usize = 256;
    let mut depth = 0u32;
    for ahead in open..open + KEY_MAX {
        if input.is_punct(ahead, b'(') {
            depth += 1;
        } else if input.is_punct(ahead, b')') {
            depth -= 1;
            if depth == 0 {
                return input.is_punct(ahead + 1, b'{');
            }
        }
    }
    false
}

/// `switch = "switch" [name] "(" key ")" "{" {arm} "}"`, where `key` is a parameter or a method
/// without default.
pub(crate) fn switch(start: Tokens<'_>, budget: u8) -> Parsed<'_, SwitchDecl<'_>> {
    let input = start.take_from(1);
    let (input, name) = opt(name("a name")).parse(input)?;
    let (input, _) = cut(punct(b'(', "`(`")).parse(input)?;
    let (input, key) = cut(field::bare_member(field::Place::Switch, budget)).parse(input)?;
    let (input, _) = cut(punct(b')', "`)`")).parse(input)?;
    let (input, _) = cut(punct(b'{', "`{`")).parse(input)?;
    let (input, arms) = arms(input, budget)?;
    let (input, _) = cut(punct(b'}', "`}`")).parse(input)?;
    Ok((input, SwitchDecl { name, key, arms, span: start.until(input) }))
}

fn arms(mut input: Tokens<'_>, budget: u8) -> Parsed<'_, Vec<Arm<'_>>> {
    let mut list = Vec::new();
    loop {
        (input, _) = super::value::semicolons(input)?;
        if input.is_punct(0, b'}') || input.rest.is_empty() {
            return Ok((input, list));
        }
        let arm;
        (input, arm) = cut(|input| self::arm(input, budget)).parse(input)?;
        list.push(arm);
    }
}

/// `arm = "case" value ":" | "default" ":" | "break" ";" | field ";"`
fn arm(input: Tokens<'_>, budget: u8) -> Parsed<'_, Arm<'_>> {
    let end = |input| punct(b';', "`;`")(input);
    if input.is_word("default") && input.is_punct(1, b':') {
        return Ok((input.take_from(2), Arm::Default(input.start())));
    }
    if input.is_word("break") && input.is_punct(1, b';') {
        return Ok((input.take_from(2), Arm::Break));
    }
    if input.is_word("case") {
        let label = preceded(word("case", "`case`"), value(VALUE_NESTING_MAX));
        let (input, value) = cut(terminated(label, punct(b':', "`:`"))).parse(input)?;
        return Ok((input, Arm::Case(value)));
    }
    let (input, member) = match field::bare_member(field::Place::Switch, budget)(input) {
        Ok(done) => done,
        Err(Err::Error(error)) if error.left == input.rest.len() => {
            return fail(&input, "`case`, `default`, `break` or a field");
        }
        Err(error) => return Err(error),
    };
    let (input, _) = end(input)?;
    Ok((input, Arm::Field(Box::new(member))))
}

/// Names for the places where a reserved word deserves a message of its own.
pub(crate) fn declared_name<'a>(
    what: &'static str,
) -> impl Fn(Tokens<'a>) -> Parsed<'a, Name<'a>> + Copy {
    move |input| {
        let word = input.first().is_some_and(|token| token.kind == Kind::Word);
        if word && crate::ast::is_reserved(input.first_text()) {
            return refuse(&input, "a reserved word cannot be a name");
        }
        name(what)(input)
    }
}
