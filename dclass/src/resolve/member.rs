//! Fields of classes, structs and switches.

use super::Resolver;
use crate::ast::{Decl, Member, Name, Param as ParamDecl, Part, ValueKind};
use crate::diagnostic::{Note, did_you_mean};
use crate::schema::types::{Size, Type};
use crate::schema::{Body, ClassId, Field, FieldId, FieldKind, Keywords, Param};
use crate::source::Span;
use crate::value::{Meaning, Misfit, Packer, Unreadable, implicit, written};
use crate::visible::shown;
use std::collections::HashSet;
use std::sync::Arc;

const HEX_HELP: &str = "`< >` is the packed value as it is, with its length tag";

/// The keywords of a field.
#[derive(Clone, Default)]
pub(super) struct KeywordList {
    standard: Keywords,
    custom: Vec<String>,
    by_name: bool,
}

/// Why a molecular field's part, or a parent, cannot be found.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Absent {
    /// Nothing has this name.
    Unknown,
    /// What has this name, or may have it, has errors itself.
    Reported,
}

/// What a field is made of, and the value that nobody gives it.
pub(super) struct Made {
    body: Body,
    implicit: Vec<u8>,
    explicit: bool,
    /// The default as it is written, if nobody can read it.
    unreadable: Option<String>,
}

/// A parameter, and the value that nobody gives it.
struct Parameter {
    param: Param,
    implicit: Vec<u8>,
    explicit: bool,
    unreadable: Option<String>,
}

impl Resolver<'_> {
    /// Puts a field together.
    pub(super) fn field(
        &mut self,
        id: FieldId,
        class: ClassId,
        name: &str,
        keywords: KeywordList,
        made: Made,
        span: Span,
    ) -> Option<Arc<Field>> {
        let (size, checked) = match &made.body {
            Body::Method(params) => {
                sum(params.iter().map(|param| (param.ty.size, param.ty.checked)))
            }
            Body::Param(param) => (param.ty.size, param.ty.checked),
            Body::Molecular(parts) => sum(parts.iter().map(|part| (part.size, part.checked))),
        };
        if size.is_too_large() && !matches!(made.body, Body::Molecular(_)) {
            let message = format!("a value of this field has at least {} bytes", size.min);
            self.log.push(Note::error(span, message).label("no message can hold it"));
            return None;
        }
        let field = Field {
            id,
            class,
            name: name.to_owned(),
            keywords: keywords.standard,
            custom: keywords.custom.into(),
            hash_by_name: keywords.by_name,
            body: made.body,
            size,
            checked,
            explicit: made.explicit,
            implicit: made.implicit.into(),
            unreadable: made.unreadable.map(String::into_boxed_str),
        };
        self.count_default(field.implicit.len(), span)?;
        let field = Arc::new(field);
        Some(field)
    }

    /// A method's or parameter's own part of a field.
    pub(super) fn made(&mut self, member: &Member<'_>) -> Option<Made> {
        match &member.decl {
            Decl::Method { params, .. } => self.method(params),
            Decl::Param(param) => {
                let Parameter { param, implicit, explicit, unreadable } = self.param(param)?;
                Some(Made { body: Body::Param(param), implicit, explicit, unreadable })
            }
            Decl::Molecular { .. } => None,
        }
    }

    fn method(&mut self, decls: &[ParamDecl<'_>]) -> Option<Made> {
        let mut params = Vec::with_capacity(decls.len());
        let mut implicit = Vec::new();
        let mut explicit = false;
        // Of each parameter, if it is unreadable and where it ends.
        let mut unreadable: Vec<(Option<String>, usize)> = Vec::new();
        let mut names: HashSet<&str> = HashSet::new();
        let mut complete = true;
        for decl in decls {
            if let Some(name) = &decl.name
                && !names.insert(name.text)
            {
                // Panda3D does not mind, so this is no error.
                let message = format!("two parameters are named `{}`", shown(name.text));
                self.log.push(Note::warning(name.span, message));
            }
            match self.param(decl) {
                Some(made) => {
                    implicit.extend_from_slice(&made.implicit);
                    explicit |= made.explicit;
                    unreadable.push((made.unreadable, implicit.len()));
                    params.push(made.param);
                }
                None => complete = false,
            }
            // The sum of the parts is checked later; it must not grow without bound until then.
            if implicit.len() > 2 * crate::limits::VALUE_BYTES_MAX as usize {
                implicit.clear();
            }
        }
        let unreadable = written::of_method(&params, &implicit, unreadable);
        complete.then(|| Made { body: Body::Method(params.into()), implicit, explicit, unreadable })
    }

    fn param(&mut self, decl: &ParamDecl<'_>) -> Option<Parameter> {
        let (ty, inherited) = self.param_type(decl)?;
        let name = decl.name.map_or("", |name| name.text).to_owned();
        let (implicit, explicit) = match (&decl.default, inherited) {
            (Some(part), _) => (self.packed(&ty, &name, part)?, true),
            (None, Some(value)) => (value.to_vec(), true),
            (None, None) => {
                let mut value = Vec::new();
                implicit(&ty, &mut value);
                let explicit = ty.explicit;
                (value, explicit)
            }
        };
        let written = decl.default.as_ref().map(|part| &part.value);
        let unreadable = explicit.then(|| written::of_default(&ty, &implicit, written)).flatten();
        let param = Param { name, ty, implicit_bytes: implicit.len() };
        Some(Parameter { param, implicit, explicit, unreadable })
    }

    /// A default value of a DC file, packed and checked. It may repeat the name that it is for.
    pub(super) fn packed(&mut self, ty: &Type, name: &str, part: &Part<'_>) -> Option<Vec<u8>> {
        let Part { label, value, times } = part;
        let misfit = |span, message: &str| Misfit { span, message: message.to_owned() };
        let mut packer = Packer::new(Meaning::Real);
        let packed = match label {
            Some(label) if label.text != name => {
                Err(misfit(label.span, "this is the name of something else"))
            }
            _ if *times != 1 => Err(misfit(value.span, "it takes one value")),
            _ => packer.value(ty, value),
        };
        let Err(misfit) =
            packed.and_then(|()| match (&packer.unreadable, ty.check_all(&packer.out)) {
                (None, Err(error)) => Err(misfit(value.span, &error)),
                _ => Ok(()),
            })
        else {
            if let Some(found) = packer.unreadable {
                self.log.push(unreadable(found));
            }
            return Some(packer.out);
        };
        let mut note =
            Note::error(misfit.span, format!("this default does not fit: {}", misfit.message));
        if let ValueKind::Hex(_) = value.kind
            && !ty.size.fixed
        {
            note = note.help(HEX_HELP.to_owned());
        }
        self.log.push(note);
        None
    }

    /// Looks up keywords. Those that do not exist are reported and left out.
    pub(super) fn keyword_list(&mut self, names: &[Name<'_>]) -> KeywordList {
        let mut list = KeywordList::default();
        for name in names {
            let standard = Keywords::by_name(name.text);
            let is_known = standard.is_some() || Keywords::OF_PANDA3D.contains(&name.text);
            if !is_known && !self.keywords.contains(name.text) {
                self.unknown_keyword(name);
                continue;
            }
            list.by_name |= self.is_by_name(name.text);
            match standard {
                Some(keyword) => list.standard |= keyword,
                None => list.custom.push(name.text.to_owned()),
            }
        }
        list.custom.sort_unstable();
        list.custom.dedup();
        list
    }

    fn unknown_keyword(&mut self, name: &Name<'_>) {
        let mut known: Vec<&str> = self.keywords.iter().map(String::as_str).collect();
        Keywords::all_names().for_each(|name| known.push(name));
        known.extend(Keywords::OF_PANDA3D);
        let help = did_you_mean(name.text, known.into_iter());
        let message = format!("unknown keyword `{}`", shown(name.text));
        let help = help.unwrap_or_else(|| {
            format!("declare it before the class: `keyword {};`", shown(name.text))
        });
        self.log.push(Note::error(name.span, message).help(help));
    }

    /// A molecular field's parts and the keywords that it has from them.
    pub(super) fn molecular(
        &mut self,
        names: &[Name<'_>],
        find: impl Fn(&str) -> Result<Arc<Field>, Absent>,
        known: impl Fn() -> Vec<String>,
        lacks_parent: bool,
    ) -> Option<(Made, KeywordList)> {
        let mut parts: Vec<Arc<Field>> = Vec::with_capacity(names.len());
        let mut complete = true;
        for name in names {
            let problem = match find(name.text) {
                Err(Absent::Reported) => {
                    complete = false;
                    continue;
                }
                Err(Absent::Unknown) => {
                    let known = known();
                    let parents = || "unless it is one of the parent that is unknown".to_owned();
                    let help = did_you_mean(name.text, known.iter().map(String::as_str))
                        .or_else(|| lacks_parent.then(parents));
                    let message = format!("this class has no field `{}`", shown(name.text));
                    Note::error(name.span, message).label("declared before this one").help(help)
                }
                Ok(part) if part.kind() == FieldKind::Molecular => {
                    let message = format!("`{}` is molecular itself", shown(name.text));
                    Note::error(name.span, message).label("expected an atomic field")
                }
                Ok(part) if !parts.first().is_none_or(|first| same_keywords(first, &part)) => {
                    let first = shown(&parts[0].name);
                    let message =
                        format!("`{}` and `{first}` have different keywords", shown(name.text));
                    Note::error(name.span, message)
                        .label("all parts of a molecular field have the same")
                }
                Ok(part) => {
                    parts.push(part);
                    continue;
                }
            };
            self.log.push(problem);
            complete = false;
        }
        let first = parts.first().filter(|_| complete)?;
        let keywords = KeywordList {
            standard: first.keywords,
            custom: first.custom.to_vec(),
            by_name: first.hash_by_name,
        };
        let made = Made {
            body: Body::Molecular(parts.into()),
            implicit: Vec::new(),
            explicit: false,
            unreadable: None,
        };
        Some((made, keywords))
    }
}

impl Made {
    /// A parameter without name, of this type.
    pub(super) fn bare(ty: Arc<Type>) -> Made {
        let mut value = Vec::new();
        implicit(&ty, &mut value);
        let body = Body::Param(Param { name: String::new(), ty, implicit_bytes: value.len() });
        Made { body, implicit: value, explicit: false, unreadable: None }
    }
}

/// `<…>` that a reader of the field cannot make sense of. Astron and Panda3D take it as it is.
fn unreadable(found: Unreadable) -> Note {
    let Unreadable { span, reason, as_content } = found;
    let help = match as_content {
        Some(text) => format!("{HEX_HELP}; these bytes with theirs are `{text}`"),
        None => HEX_HELP.to_owned(),
    };
    Note::warning(span, format!("nobody can read this default: {reason}")).help(help)
}

fn same_keywords(a: &Field, b: &Field) -> bool {
    a.keywords == b.keywords && a.custom == b.custom
}

/// The size of one after the other, and whether one of them is checked.
fn sum(parts: impl Iterator<Item = (Size, bool)>) -> (Size, bool) {
    parts.fold((Size::NOTHING, false), |(size, checked), (next, next_checked)| {
        (size.plus(next), checked | next_checked)
    })
}
