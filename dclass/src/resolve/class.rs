//! Classes and structs: members, ids, inheritance.

use super::member::Absent;
use super::{Named, Resolver};
use crate::ast::{Base, ClassDecl, Decl, Member, Name};
use crate::diagnostic::{Note, did_you_mean};
use crate::limits::{CLASSES_MAX, INHERITED_MAX};
use crate::schema::types::Type;
use crate::schema::{Class, ClassId, Field, FieldId, Parts};
use crate::source::Span;
use crate::visible::shown;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The fields of a class while it is read.
#[derive(Default)]
struct Draft<'p> {
    own: Vec<Arc<Field>>,
    constructor: Option<Arc<Field>>,
    /// Names of own fields, also of those with errors.
    names: HashMap<&'p str, Option<Arc<Field>>>,
    /// Where they stand first.
    places: HashMap<&'p str, Span>,
    /// Fields of the parents, by name.
    inherited: HashMap<&'p str, &'p Arc<Field>>,
    /// Ids of inherited constructors.
    constructors: HashSet<FieldId>,
    /// A field could not be read, or a parent.
    broken: bool,
    /// Nobody knows which: so any name may be one of them.
    has_unknown: bool,
    /// A parent is not declared.
    lacks_parent: bool,
}

impl Resolver<'_> {
    /// A class or struct outside of all braces. Its id is the next one at its closing brace.
    pub(super) fn class(&mut self, decl: &ClassDecl<'_>) {
        let id = self.types.len();
        if id >= CLASSES_MAX {
            let message = format!("there are more than {CLASSES_MAX} classes and structs");
            return self.exhaust(decl.span, message).unwrap_or_default();
        }
        let id = ClassId(id as u16);
        let class = self.within(decl.name.as_ref(), |this| this.class_body(decl, id));
        let named = class.as_ref().map_or(Named::Broken, |class| Named::Class(Arc::clone(class)));
        if let Some(name) = &decl.name {
            if !self.names.contains_key(name.text) {
                self.ids.insert(name.text.to_owned(), id);
            }
            self.declare(name, named);
        }
        if let Some(class) = class {
            self.types.push(class);
        }
    }

    /// A struct that is written where its type is used: its fields get ids, it does not.
    pub(super) fn inline_struct(&mut self, decl: &ClassDecl<'_>) -> Option<Arc<Class>> {
        self.class_body(decl, ClassId(u16::MAX))
    }

    fn class_body(&mut self, decl: &ClassDecl<'_>, id: ClassId) -> Option<Arc<Class>> {
        let (parents, absent) = self.parents(decl);
        let has_unknown = decl.damaged || absent == Some(Absent::Reported);
        let lacks_parent = absent == Some(Absent::Unknown);
        let broken = has_unknown || lacks_parent;
        let mut draft = Draft { broken, has_unknown, lacks_parent, ..Draft::default() };
        self.inherit(&mut draft, &parents, decl)?;
        for member in &decl.members {
            if self.log.is_full() || self.exhausted {
                return None;
            }
            let made = self.member(decl, id, member, &draft);
            if let Some(name) = name_of(member) {
                draft.places.entry(name.text).or_insert(name.span);
            }
            match made {
                Some((field, true)) => draft.constructor = Some(field),
                Some((field, false)) => {
                    if let Some(name) = name_of(member) {
                        draft.names.insert(name.text, Some(Arc::clone(&field)));
                    }
                    draft.own.push(field);
                }
                None => {
                    draft.broken = true;
                    if let Some(name) = name_of(member) {
                        draft.names.entry(name.text).or_insert(None);
                    }
                }
            }
        }
        if draft.broken {
            return None;
        }
        let shadowed = |field: &Arc<Field>| draft.names.contains_key(field.name.as_str());
        let inherited = draft.inherited.into_values().filter(|field| !shadowed(field)).cloned();
        let (constructors, inherited): (Vec<_>, Vec<_>) =
            inherited.partition(|field| draft.constructors.contains(&field.id));
        let class = Arc::new(Class::new(Parts {
            id,
            name: decl.name.map_or("", |name| name.text).to_owned(),
            is_struct: decl.is_struct,
            parents: parents.iter().map(|class| class.id()).collect(),
            constructor: draft.constructor,
            own: draft.own,
            inherited,
            constructors,
        }));
        self.count_weight(weight(&class), decl.span)?;
        Some(class)
    }

    /// The parents, and why some of them are absent: if one is broken, that.
    fn parents(&mut self, decl: &ClassDecl<'_>) -> (Vec<Arc<Class>>, Option<Absent>) {
        let mut parents: Vec<Arc<Class>> = Vec::with_capacity(decl.parents.len());
        let mut known: HashSet<ClassId> = HashSet::new();
        let mut absent = None;
        let kind = if decl.is_struct { "struct" } else { "class" };
        for name in &decl.parents {
            let message = match self.names.get(name.text) {
                Some(Named::Class(class)) if class.is_struct == decl.is_struct => {
                    let class = Arc::clone(class);
                    if !known.insert(class.id()) {
                        let message = format!("`{}` is named twice", shown(name.text));
                        let first = decl.parents.iter().find(|other| other.text == name.text);
                        let first = first.map(|first| first.span);
                        self.log.push(Note::warning(name.span, message).first(first));
                    }
                    parents.push(class);
                    continue;
                }
                Some(Named::Broken) => {
                    absent = Some(Absent::Reported);
                    continue;
                }
                Some(_) => format!("`{}` is no {kind}", shown(name.text)),
                None => format!("unknown {kind} `{}`", shown(name.text)),
            };
            absent = absent.or(Some(Absent::Unknown));
            let help = match self.log.is_full() {
                true => None,
                false => did_you_mean(name.text, self.ids.keys().map(String::as_str)),
            };
            let label = format!("expected a {kind} that is declared before");
            self.log.push(Note::error(name.span, message).label(label).help(help));
        }
        (parents, absent)
    }

    /// Takes over what the parents have; of several fields with one name, the first parent's.
    fn inherit<'p>(
        &mut self,
        draft: &mut Draft<'p>,
        parents: &'p [Arc<Class>],
        decl: &ClassDecl<'_>,
    ) -> Option<()> {
        for parent in parents {
            self.inherited += parent.fields().len();
            if self.inherited > INHERITED_MAX {
                let message = format!("classes inherit more than {INHERITED_MAX} fields together");
                return self.exhaust(decl.span, message);
            }
            for field in parent.fields().iter().chain(parent.constructors()) {
                // Nobody could name a field without name, and Panda3D does not inherit it.
                if !field.name.is_empty() {
                    draft.inherited.entry(&field.name).or_insert(field);
                }
            }
            draft.constructors.extend(parent.constructors().iter().map(|field| field.id));
        }
        Some(())
    }

    /// A field of a class or struct, and whether it is the constructor.
    fn member(
        &mut self,
        decl: &ClassDecl<'_>,
        class: ClassId,
        member: &Member<'_>,
        draft: &Draft<'_>,
    ) -> Option<(Arc<Field>, bool)> {
        let name = name_of(member);
        let text = name.map_or("", |name| name.text);
        let constructs = decl.name.is_some_and(|class| class.text == text);
        let sound = self.check_member(decl, member, draft, constructs);
        let (made, keywords) = if let Decl::Molecular { parts, .. } = &member.decl {
            // A struct has none: its parts are no matter.
            let parts: &[Name<'_>] = if decl.is_struct { &[] } else { parts };
            let find = |name: &str| match draft.names.get(name) {
                Some(own) => own.clone().ok_or(Absent::Reported),
                None => match draft.inherited.get(name) {
                    Some(field) => Ok(Arc::clone(field)),
                    None if draft.has_unknown => Err(Absent::Reported),
                    None => Err(Absent::Unknown),
                },
            };
            let known = || {
                let inherited = draft.inherited.keys();
                draft.names.keys().chain(inherited).map(|name| (*name).to_owned()).collect()
            };
            self.molecular(parts, find, known, draft.lacks_parent).unzip()
        } else {
            let keywords = self.keyword_list(&member.keywords);
            (self.made(member), Some(keywords))
        };
        // The id is taken after those of structs that are written inside of the field.
        let id = self.next_field(member.span)?;
        let (made, keywords) = (made?, keywords?);
        sound?;
        let field = self.field(id, class, text, keywords, made, member.span)?;
        self.fields[usize::from(id.0)] = Some(Arc::clone(&field));
        Some((field, constructs))
    }

    /// Checks what depends on where the member stands.
    fn check_member(
        &mut self,
        decl: &ClassDecl<'_>,
        member: &Member<'_>,
        draft: &Draft<'_>,
        constructs: bool,
    ) -> Option<()> {
        let name = name_of(member);
        let molecular = matches!(member.decl, Decl::Molecular { .. });
        let span = name.map_or(member.span, |name| name.span);
        let text = shown(name.map_or("", |name| name.text));
        let message = if name.is_some_and(|name| draft.names.contains_key(name.text))
            || constructs && draft.constructor.is_some()
        {
            format!("the field `{text}` is declared twice")
        } else if name.is_none() && !decl.is_struct {
            "a field of a class needs a name".to_owned()
        } else if constructs && decl.is_struct {
            "a field cannot have the name of its struct".to_owned()
        } else if constructs && molecular {
            "a molecular field cannot have the name of its class".to_owned()
        } else if constructs && !draft.own.is_empty() {
            "the constructor must be the first field of its class".to_owned()
        } else if molecular && decl.is_struct {
            "a struct cannot have molecular fields".to_owned()
        } else if let Some(keyword) = member.keywords.first()
            && (molecular || decl.is_struct)
        {
            let whose = if molecular { "a molecular field" } else { "a struct's field" };
            let message = format!("{whose} takes no keywords");
            let label = if molecular { "it has those of its parts" } else { "" };
            self.log.push(Note::error(keyword.span, message).label(label));
            return None;
        } else {
            self.warn_of_borrowed_name(decl, member);
            return Some(());
        };
        let first = name.and_then(|name| draft.places.get(name.text)).copied();
        self.log.push(Note::error(span, message).first(first));
        None
    }

    /// A switch or struct that is written in a class and gives its name to the field.
    fn warn_of_borrowed_name(&mut self, decl: &ClassDecl<'_>, member: &Member<'_>) {
        let Decl::Param(param) = &member.decl else { return };
        let (Some(name), None, false) = (name_of(member), param.name, decl.is_struct) else {
            return;
        };
        let name_shown = shown(name.text);
        let note = Note::warning(name.span, "this field has no name of its own")
            .label(format!("so it is called `{name_shown}`, and Panda3D refuses the class"))
            .help(format!("write the name behind the braces: `}} {name_shown};`"));
        self.log.push(note);
    }

    /// The type of values that are a class's or struct's fields one after the other.
    pub(super) fn class_type(&mut self, class: &Arc<Class>) -> Arc<Type> {
        let key = Arc::as_ptr(class);
        let ty = self
            .class_types
            .entry(key)
            .or_insert_with(|| Arc::new(Type::structure(Arc::clone(class), weight(class))));
        Arc::clone(ty)
    }
}

/// How many numbers a class adds to the hash.
fn weight(class: &Class) -> u64 {
    let fields = class.own_fields().iter().map(|field| &**field).chain(class.constructor());
    let head = 4 + class.name().len() as u64 + class.parents().len() as u64;
    fields.map(Field::weight).fold(head, u64::saturating_add)
}

/// The name that a member declares.
fn name_of<'a>(member: &Member<'a>) -> Option<Name<'a>> {
    match &member.decl {
        Decl::Method { name, .. } | Decl::Molecular { name, .. } => Some(*name),
        // What is written where it is used gives its name to a field that has none.
        Decl::Param(param) => param.name.or(match &param.ty.base {
            Base::Switch(switch) => switch.name,
            Base::Struct(class) => class.name,
            _ => None,
        }),
    }
}
