//! Tokens → syntax tree. The grammar is written with nom, one function a production; this module
//! has what stands outside of braces, and goes on after an error: at the next `;` or `}`.

mod advice;
mod field;
mod input;
mod types;
mod value;

use crate::ast::{ClassDecl, Import, Item, Name, Param, Value};
use crate::diagnostic::{Log, Note, did_you_mean};
use crate::lexer::{Kind, Token};
use crate::limits::{TYPE_NESTING_MAX, VALUE_NESTING_MAX};
use crate::source::Span;
use crate::visible::shown;
use input::{Parsed, SyntaxError, Tokens, kind, name, punct, word};
use nom::branch::alt;
use nom::combinator::{cut, map, opt};
use nom::multi::{many0, separated_list1};
use nom::sequence::preceded;
use nom::{Err, Input, Parser};

/// Words that begin something outside of braces.
const ITEM_WORDS: [&str; 7] =
    ["dclass", "struct", "switch", "typedef", "keyword", "import", "from"];

/// Reads a whole file.
pub(crate) fn file<'a>(
    text: &'a str,
    file: u32,
    tokens: &'a [Token],
    log: &mut Log,
) -> Vec<Item<'a>> {
    let whole = Tokens { text, file, rest: tokens };
    let mut reader = Reader { whole, log };
    let mut items = Vec::new();
    let mut input = whole;
    while !reader.log.is_full() {
        while input.is_punct(0, b';') {
            input = input.take_from(1);
        }
        if input.rest.is_empty() {
            break;
        }
        match reader.item(input) {
            Ok((rest, item)) => {
                items.push(item);
                input = rest;
            }
            Err(error) => {
                let next = reader.recover(error, input);
                // What can begin no item, such as a stray `}`, must not be met again.
                let stuck = next.rest.len() == input.rest.len();
                input = next.take_from(usize::from(stuck));
            }
        }
    }
    items
}

/// Reads one value that fills the whole of `tokens`. `None` if there are no tokens at all.
pub(crate) fn lone_value<'a>(
    text: &'a str,
    tokens: &'a [Token],
    log: &mut Log,
) -> Option<Value<'a>> {
    let whole = Tokens { text, file: 0, rest: tokens };
    if whole.rest.is_empty() {
        return None;
    }
    let mut reader = Reader { whole, log };
    match value::value(VALUE_NESTING_MAX)(whole) {
        Ok((rest, value)) if rest.rest.is_empty() => Some(value),
        Ok((rest, _)) => {
            reader.report(SyntaxError::expected(&rest, "the end"));
            None
        }
        Err(Err::Error(error) | Err::Failure(error)) => {
            reader.report(error);
            None
        }
        Err(Err::Incomplete(_)) => None,
    }
}

struct Reader<'a, 'l> {
    whole: Tokens<'a>,
    log: &'l mut Log,
}

impl<'a> Reader<'a, '_> {
    /// `item = class | switch | typedef | keyword | import`
    fn item(&mut self, input: Tokens<'a>) -> Parsed<'a, Item<'a>> {
        if types::at_switch(&input) {
            return map(|input| types::switch(input, TYPE_NESTING_MAX), Item::Switch).parse(input);
        }
        match input.first_text() {
            "dclass" => self.class(input, false),
            "struct" => self.class(input, true),
            "typedef" => map(preceded(any, cut(typedef)), Item::Typedef).parse(input),
            "keyword" => map(preceded(any, many0(keyword)), Item::Keywords).parse(input),
            "import" | "from" => map(import, Item::Import).parse(input),
            _ => {
                input::fail(&input, "`dclass`, `struct`, `typedef`, `keyword`, `from` or `import`")
            }
        }
    }

    /// `class = ("dclass" | "struct") [name] [":" names] "{" {[member] ";"} "}"`
    fn class(&mut self, start: Tokens<'a>, is_struct: bool) -> Parsed<'a, Item<'a>> {
        let (input, (name, parents)) = class_head(start.take_from(1))?;
        let (mut input, _) = cut(punct(b'{', "`{`")).parse(input)?;
        let place = if is_struct { field::Place::Struct } else { field::Place::Class };
        let mut members = Vec::new();
        let mut damaged = false;
        while !self.log.is_full() {
            (input, _) = value::semicolons(input)?;
            if input.is_punct(0, b'}') || input.rest.is_empty() {
                break;
            }
            // No member begins with these; the class was not closed.
            if ["dclass", "typedef", "keyword", "from", "import"].contains(&input.first_text()) {
                break;
            }
            let mut line = (field::member(place, TYPE_NESTING_MAX), punct(b';', "`;`"));
            match line.parse(input) {
                Ok((rest, (member, _))) => {
                    members.push(member);
                    input = rest;
                }
                Err(error) => {
                    damaged = true;
                    let next = self.recover(error, input);
                    let stuck = next.rest.len() == input.rest.len() && !next.is_punct(0, b'}');
                    input = next.take_from(usize::from(stuck));
                }
            }
        }
        let span = start.until(input);
        if input.is_punct(0, b'}') {
            input = input.take_from(1);
        } else if !self.log.is_full() {
            let what = start.span_of(start.rest[0]);
            let kind = if is_struct { "struct" } else { "class" };
            let note = Note::error(what, format!("this {kind} is never closed"));
            self.log.push(note.label("its `{` has no `}`"));
        }
        let decl = ClassDecl { is_struct, name, parents, members, damaged, span };
        Ok((input, Item::Class(decl)))
    }

    /// Reports `error` and returns where to read on: after the next `;`, or at the next `}`, that
    /// closes nothing which opened after `from`; or where the next item begins.
    fn recover(&mut self, error: Err<SyntaxError>, from: Tokens<'a>) -> Tokens<'a> {
        let (Err::Error(error) | Err::Failure(error)) = error else {
            return from.take_from(1);
        };
        self.report(error);
        let passed = from.rest.len().saturating_sub(error.left);
        let mut input = from.take_from(passed);
        let mut depth = from.take(passed).iter_elements().fold(0i64, |depth, token| {
            depth + i64::from(token.kind == Kind::Punct(b'{'))
                - i64::from(token.kind == Kind::Punct(b'}'))
        });
        while let Some(token) = input.first() {
            match token.kind {
                Kind::Punct(b'{') => depth += 1,
                Kind::Punct(b'}') if depth <= 0 => return input,
                Kind::Punct(b'}') => depth -= 1,
                Kind::Punct(b';') if depth <= 0 => return input.take_from(1),
                Kind::Word if self.begins_item(&input) => return input,
                _ => {}
            }
            input = input.take_from(1);
        }
        input
    }

    /// Whether a word that an item begins with stands first in its line, or after a `}`.
    fn begins_item(&self, input: &Tokens<'a>) -> bool {
        if !ITEM_WORDS.contains(&input.first_text()) {
            return false;
        }
        let at = self.whole.rest.len() - input.rest.len();
        let before = at.checked_sub(1).and_then(|before| self.whole.rest.get(before));
        let start = input.start().start as usize;
        before.is_some_and(|token| token.kind == Kind::Punct(b'}'))
            || start.checked_sub(1).and_then(|at| self.whole.text.as_bytes().get(at))
                == Some(&b'\n')
    }

    fn report(&mut self, error: SyntaxError) {
        let at = self.whole.rest.len().saturating_sub(error.left);
        let found = self.whole.take_from(at);
        if found.first().is_some_and(|token| token.kind == Kind::Bad) {
            return; // The lexer has said so.
        }
        let found_text = match found.first() {
            Some(token) => format!("`{}`", shown(found.text_of(token))),
            None => "the end of the file".to_owned(),
        };
        let span = self.place(at, &error);
        if let Some(message) = error.message {
            self.log.push(Note::error(span, message));
            return;
        }
        let expected: Vec<&str> = error.list().collect();
        let expected = match expected.as_slice() {
            [] => "something else".to_owned(),
            [one] => (*one).to_owned(),
            [most @ .., last] => format!("{} or {last}", most.join(", ")),
        };
        let word = found.first().is_some_and(|token| token.kind == Kind::Word);
        let help = match word && expected.contains("`dclass`") {
            true => did_you_mean(found.first_text(), ITEM_WORDS.into_iter()),
            false => None,
        };
        let help = match word && crate::ast::is_reserved(found.first_text()) {
            true => help.or_else(|| Some(format!("{found_text} is a reserved word"))),
            false => help.or_else(|| advice::advice(self.whole, at, &error)),
        };
        let note = Note::error(span, format!("expected {expected}, found {found_text}"));
        self.log.push(note.label(format!("expected {expected}")).help(help));
    }

    /// Where to point for an error at token `at`: at the token, or behind the one before it if
    /// that ended an earlier line and should have been followed by a bracket or the like.
    fn place(&self, at: usize, error: &SyntaxError) -> Span {
        let here = self.whole.take_from(at).start();
        let closes = |what| matches!(what, "`;`" | "`,`" | "`:`" | "`)`" | "`]`" | "`}`" | "`{`");
        if !error.list().any(closes) {
            return here;
        }
        let Some(before) = at.checked_sub(1).and_then(|before| self.whole.rest.get(before)) else {
            return here;
        };
        let gap = self.whole.text.get(before.end as usize..here.start as usize);
        match gap {
            Some(gap) if gap.contains('\n') => {
                Span { file: here.file, start: before.end, end: before.end }
            }
            _ => here,
        }
    }
}

/// Any token: one that has been looked at already.
fn any(input: Tokens<'_>) -> Parsed<'_, ()> {
    Ok((input.take_from(1), ()))
}

/// A keyword in its declaration, which needs no `;` at its end.
fn keyword(input: Tokens<'_>) -> Parsed<'_, Name<'_>> {
    if types::at_switch(&input) {
        return input::fail(&input, "a keyword");
    }
    name("a keyword")(input)
}

/// `class_head = [name] [":" names]`
fn class_head<'a>(input: Tokens<'a>) -> Parsed<'a, (Option<Name<'a>>, Vec<Name<'a>>)> {
    let (input, name) = opt(types::declared_name("a name")).parse(input)?;
    let (input, parents) = field::parents(input)?;
    Ok((input, (name, parents)))
}

/// `typedef = type name {dimension} ["=" value]`
fn typedef(input: Tokens<'_>) -> Parsed<'_, Param<'_>> {
    let (rest, param) = types::param(TYPE_NESTING_MAX)(input)?;
    if param.name.is_none() {
        return types::declared_name("the new type's name")(rest).map(|(rest, _)| (rest, param));
    }
    Ok((rest, param))
}

/// `import = "import" module | "from" module "import" ("*" | alternatives {"," alternatives})`
fn import(input: Tokens<'_>) -> Parsed<'_, Import<'_>> {
    let from = input.is_word("from");
    let dot = punct(b'.', "`.`");
    let (input, module) =
        preceded(any, separated_list1(dot, cut(alternatives("a module")))).parse(input)?;
    if !from {
        return Ok((input, Import { module, symbols: Vec::new(), everything: false }));
    }
    let (input, _) = cut(word("import", "`import`")).parse(input)?;
    let star = map(kind(Kind::Punct(b'*'), "`*`"), |_| (Vec::new(), true));
    let list = separated_list1(punct(b',', "`,`"), cut(alternatives("a name")));
    let (input, (symbols, everything)) =
        alt((star, map(list, |list| (list, false)))).parse(input)?;
    Ok((input, Import { module, symbols, everything }))
}

/// `alternatives = name {"/" name}`
fn alternatives<'a>(what: &'static str) -> impl Fn(Tokens<'a>) -> Parsed<'a, Vec<Name<'a>>> {
    move |input| separated_list1(punct(b'/', "`/`"), name(what)).parse(input)
}
