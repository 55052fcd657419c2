//! Switches.

use super::Resolver;
use super::member::{KeywordList, Made};
use crate::ast::{Arm, Decl, Member, SwitchDecl};
use crate::diagnostic::Note;
use crate::schema::types::{Case, Switch, Type};
use crate::schema::{ClassId, Field, FieldId, Parts};
use crate::source::Span;
use crate::value::{Meaning, Packer};
use std::collections::HashMap;
use std::sync::Arc;

/// The id of fields that have none: those of switches.
const NO_ID: FieldId = FieldId(u16::MAX);
/// The class of fields that are in none.
const NO_CLASS: ClassId = ClassId(u16::MAX);

/// The cases of a switch while it is read.
#[derive(Default)]
struct Draft {
    fields: Vec<Arc<Field>>,
    /// A value, and where in `fields` its first one is.
    cases: Vec<(Vec<u8>, u32)>,
    /// How many of the cases end at a `break`; later ones are still open.
    closed: Vec<u32>,
    default: Option<(u32, Option<u32>)>,
    /// Where they stand.
    values: HashMap<Vec<u8>, Span>,
    default_span: Option<Span>,
    /// A case may be missing, so that fields seem to belong to none.
    damaged: bool,
}

impl Resolver<'_> {
    pub(super) fn switch(&mut self, decl: &SwitchDecl<'_>) -> Option<Type> {
        let key = self.loose_field(&decl.key)?;
        if has_default(&decl.key) {
            self.log.push(Note::error(decl.key.span, "the key of a switch takes no default"));
            return None;
        }
        let mut draft = Draft::default();
        let mut complete = true;
        for arm in &decl.arms {
            if self.log.is_full() || self.exhausted {
                return None;
            }
            let arm = self.arm(arm, &key, &mut draft);
            complete &= arm.is_some();
            draft.damaged |= arm.is_none();
        }
        if !complete {
            return None;
        }
        draft.close();
        let cases: Box<[Case]> = draft
            .cases
            .into_iter()
            .zip(&draft.closed)
            .map(|((value, from), to)| Case { value: value.into(), fields: (from, *to) })
            .collect();
        let mut sorted: Vec<u32> = (0..cases.len() as u32).collect();
        sorted.sort_by(|a, b| cases[*a as usize].value.cmp(&cases[*b as usize].value));
        let switch = Switch {
            name: decl.name.map_or("", |name| name.text).to_owned(),
            key,
            default: draft.default.map(|(from, to)| (from, to.unwrap_or(from))),
            fields: draft.fields.into(),
            cases,
            sorted: sorted.into(),
        };
        let ty = Type::switch(switch);
        self.count_weight(ty.weight, decl.span)?;
        Some(ty)
    }

    fn arm(&mut self, arm: &Arm<'_>, key: &Arc<Field>, draft: &mut Draft) -> Option<()> {
        let here = draft.fields.len() as u32;
        match arm {
            Arm::Break => draft.close(),
            Arm::Default(span) => {
                if draft.default.is_some() {
                    let note = Note::error(*span, "this switch has two defaults");
                    self.log.push(note.first(draft.default_span));
                    return None;
                }
                draft.default_span = Some(*span);
                draft.default = Some((here, None));
            }
            Arm::Case(value) => {
                let mut packer = Packer::new(Meaning::Real);
                if let Err(misfit) = packer.field(key, value) {
                    let message = format!("this case does not fit the key: {}", misfit.message);
                    self.log.push(Note::error(misfit.span, message));
                    return None;
                }
                if let Err(error) = key.validate_all(&packer.out) {
                    let message = format!("this case does not fit the key: {error}");
                    self.log.push(Note::error(value.span, message));
                    return None;
                }
                if let Some(first) = draft.values.get(&packer.out) {
                    let note = Note::error(value.span, "this case is there already");
                    self.log.push(note.first(Some(*first)));
                    return None;
                }
                draft.values.insert(packer.out.clone(), value.span);
                self.count_default(packer.out.len(), value.span)?;
                draft.cases.push((packer.out, here));
            }
            Arm::Field(member) => {
                let closed = draft.cases.len() == draft.closed.len() && !draft.default_is_open();
                if closed && !draft.damaged {
                    let note = Note::error(member.span, "this field belongs to no case");
                    self.log.push(note.label("expected `case` or `default`"));
                    return None;
                }
                let field = self.loose_field(member)?;
                draft.fields.push(field);
            }
        }
        Some(())
    }

    /// A field of a switch: it has neither id nor class.
    fn loose_field(&mut self, member: &Member<'_>) -> Option<Arc<Field>> {
        let name = match &member.decl {
            Decl::Method { name, .. } => name.text,
            Decl::Param(param) => param.name.map_or("", |name| name.text),
            Decl::Molecular { name, .. } => {
                self.log.push(Note::error(name.span, "a switch cannot have molecular fields"));
                return None;
            }
        };
        let made = self.made(member)?;
        self.field(NO_ID, NO_CLASS, name, KeywordList::default(), made, member.span)
    }

    /// A struct of two unnamed fields, the element of `uint32uint8array`.
    pub(super) fn pair_type(&mut self, types: [Arc<Type>; 2]) -> Arc<Type> {
        let fields = types.into_iter().enumerate().filter_map(|(i, ty)| {
            let id = FieldId(i as u16);
            let made = Made::bare(ty);
            self.field(id, NO_CLASS, "", KeywordList::default(), made, Span::default())
        });
        let own: Vec<Arc<Field>> = fields.collect();
        let class = crate::schema::Class::new(Parts {
            id: NO_CLASS,
            name: String::new(),
            is_struct: true,
            parents: Vec::new(),
            constructor: None,
            own,
            inherited: Vec::new(),
            constructors: Vec::new(),
        });
        Arc::new(Type::structure(Arc::new(class), 0))
    }
}

impl Draft {
    fn default_is_open(&self) -> bool {
        matches!(self.default, Some((_, None)))
    }

    /// Ends the cases that are open: `break`, or the end of the switch.
    fn close(&mut self) {
        let here = self.fields.len() as u32;
        self.closed.resize(self.cases.len(), here);
        if let Some((_, end @ None)) = &mut self.default {
            *end = Some(here);
        }
    }
}

fn has_default(member: &Member<'_>) -> bool {
    match &member.decl {
        Decl::Param(param) => param.default.is_some(),
        Decl::Method { params, .. } => params.iter().any(|param| param.default.is_some()),
        Decl::Molecular { .. } => false,
    }
}
