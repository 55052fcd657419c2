//! Which part of an old value becomes which part of a new one, and whether that changes anything.

use super::Renames;
use super::carry::is_plain;
use super::work::step;
use crate::schema::types::{Bytes, Shape, Spelling, Switch, Type};
use crate::schema::{Body, DcFile, Field, Param};
use crate::value::walk;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// A part of a value.
pub(super) enum Part<'a> {
    /// A parameter, and the value that it has if nobody gave one.
    Param(&'a Param, &'a [u8]),
    /// A field of a struct or of a molecular field.
    Field(&'a Field),
}

impl<'a> Part<'a> {
    pub fn name(&self) -> &'a str {
        match self {
            Part::Param(param, _) => &param.name,
            Part::Field(field) => field.name(),
        }
    }

    /// The value that the part has if nobody gave one, unless nobody could read it.
    pub fn implicit(&self) -> Option<&'a [u8]> {
        match self {
            Part::Param(param, implicit) => {
                let end = walk::<false>(&param.ty, implicit, 0).ok()?;
                (end == implicit.len()).then_some(implicit)
            }
            Part::Field(Field { unreadable: Some(_), .. }) => None,
            Part::Field(field) => Some(field.implicit_value()),
        }
    }
}

pub(super) fn is_molecular(field: &Field) -> bool {
    matches!(field.body, Body::Molecular(_))
}

pub(super) fn of_fields(fields: &[Arc<Field>]) -> Vec<Part<'_>> {
    fields.iter().map(|field| Part::Field(field)).collect()
}

/// What a field's value consists of.
pub(super) fn parts_of(field: &Field) -> Vec<Part<'_>> {
    if let Body::Molecular(parts) = &field.body {
        return of_fields(parts);
    }
    // The defaults of parameters are kept one after the other.
    let mut rest = field.implicit_value();
    let params = field.params().iter().map(|param| {
        let (own, behind) = rest.split_at_checked(param.implicit_bytes).unwrap_or_default();
        rest = behind;
        Part::Param(param, own)
    });
    params.collect()
}

/// For each new part, the old one that becomes it: the one that is called so now; where that leaves over old and new
/// ones at the same place, parameters that can become each other, and whatever has no name, are the same.
pub(super) fn pair(
    dc: &DcFile,
    renames: &Renames,
    old: &[Part<'_>],
    new: &[Part<'_>],
) -> Vec<Option<usize>> {
    let new_name = |part: &Part<'_>| match part {
        Part::Param(param, _) => param.name.clone(),
        Part::Field(field) => {
            let class = dc.class_or_struct(field.class_id()).map_or("", |class| class.name());
            renames.new_field(dc, class, field).to_owned()
        }
    };
    let names: Vec<String> = old.iter().map(new_name).collect();
    // The first of several that are called so is the last in its list.
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (from, name) in names.iter().enumerate().rev().filter(|(_, name)| !name.is_empty()) {
        step();
        by_name.entry(name).or_default().push(from);
    }
    let mut pairs = vec![None; new.len()];
    let mut is_used = vec![false; old.len()];
    for (to, part) in new.iter().enumerate() {
        step();
        if let Some(from) = by_name.get_mut(part.name()).and_then(Vec::pop) {
            pairs[to] = Some(from);
            is_used[from] = true;
        }
    }
    for (to, part) in new.iter().enumerate() {
        if pairs[to].is_some() || is_used.get(to) != Some(&false) {
            continue;
        }
        let is_same = match (&old[to], part) {
            (Part::Param(old, _), Part::Param(new, _)) => is_kin(&old.ty, &new.ty),
            (old, new) => old.name().is_empty() || new.name().is_empty(),
        };
        if is_same {
            pairs[to] = Some(to);
            is_used[to] = true;
        }
    }
    pairs
}

/// Which of so many old parts become some new part.
pub(super) fn is_kept(count: usize, pairs: &[Option<usize>]) -> Vec<bool> {
    let mut is_kept = vec![false; count];
    pairs.iter().flatten().for_each(|from| is_kept[*from] = true);
    is_kept
}

/// Whether values of one type can become values of the other, as far as the outermost types tell.
fn is_kin(old: &Type, new: &Type) -> bool {
    let is_row = |ty: &Type| matches!(ty.shape, Shape::Bytes(_) | Shape::Array(_));
    match (&old.shape, &new.shape) {
        (Shape::Number(_), Shape::Number(_))
        | (Shape::Struct(_), Shape::Struct(_))
        | (Shape::Switch(_), Shape::Switch(_)) => true,
        _ => is_row(old) && is_row(new),
    }
}

/// Whether the bytes of one have to be looked at as numbers to become the other.
pub(super) fn is_scaled(old: &Bytes, new: &Bytes) -> bool {
    match (&old.spelling, &new.spelling) {
        (Spelling::Array(old), Spelling::Array(new)) => old.divisor != new.divisor,
        _ => !is_plain(old) || !is_plain(new),
    }
}

/// What has to be the same.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub(super) enum Mode {
    /// How values are packed.
    Packing,
    /// How they are packed, and that no part stands where another one stood. A part that is called otherwise is the same.
    Places,
    /// How they are packed, and which part has which name.
    Meaning,
}

/// Compares types, but for their limits.
#[derive(Copy, Clone)]
pub(super) struct Sameness<'a> {
    pub old: &'a DcFile,
    pub renames: &'a Renames,
    pub mode: Mode,
    pub known: &'a Known,
}

/// What has been found of two structs or switches. They stand in many fields, and a struct may have two of another that
/// has two of a third: each pair is looked at once.
#[derive(Default)]
pub(super) struct Known(RefCell<HashMap<(Mode, Composites), bool>>);

/// An old type and a new one, both made of fields.
pub(super) type Composites = [*const (); 2];

/// What tells two structs or two switches from other pairs, wherever they are used.
pub(super) fn composites(old: &Type, new: &Type) -> Option<Composites> {
    match (&old.shape, &new.shape) {
        (Shape::Struct(old), Shape::Struct(new)) => {
            Some([&old.class, &new.class].map(|class| Arc::as_ptr(class).cast()))
        }
        // Each has a key of its own, which its copies share.
        (Shape::Switch(old), Shape::Switch(new)) => {
            Some([&old.key, &new.key].map(|key| Arc::as_ptr(key).cast()))
        }
        _ => None,
    }
}

impl Sameness<'_> {
    /// Whether each packed value of `old` is the same value of `new`.
    pub fn of_fields(&self, old: &Field, new: &Field) -> bool {
        is_molecular(old) == is_molecular(new)
            && matches!(old.body, Body::Method(_)) == matches!(new.body, Body::Method(_))
            && self.of_parts(&parts_of(old), &parts_of(new))
    }

    fn of_parts(&self, old: &[Part<'_>], new: &[Part<'_>]) -> bool {
        if old.len() != new.len() {
            return false;
        }
        let pairs = match self.mode {
            Mode::Packing => Vec::new(),
            Mode::Places | Mode::Meaning => pair(self.old, self.renames, old, new),
        };
        let is_in_place = |(at, pair): (usize, &Option<usize>)| match pair {
            Some(pair) => *pair == at,
            None => self.mode == Mode::Places,
        };
        if !pairs.iter().enumerate().all(is_in_place) {
            return false;
        }
        old.iter().zip(new).all(|pair| match pair {
            (Part::Param(old, _), Part::Param(new, _)) => self.of_types(&old.ty, &new.ty),
            (Part::Field(old), Part::Field(new)) => self.of_fields(old, new),
            _ => false,
        })
    }

    pub fn of_types(&self, old: &Type, new: &Type) -> bool {
        step();
        let Some(pair) = composites(old, new) else { return self.of_shapes(old, new) };
        let key = (self.mode, pair);
        if let Some(known) = self.known.0.borrow().get(&key) {
            return *known;
        }
        let is_same = self.of_shapes(old, new);
        self.known.0.borrow_mut().insert(key, is_same);
        is_same
    }

    fn of_shapes(&self, old: &Type, new: &Type) -> bool {
        match (&old.shape, &new.shape) {
            (Shape::Number(old), Shape::Number(new)) => {
                old.kind == new.kind && old.divisor == new.divisor
            }
            (Shape::Bytes(old), Shape::Bytes(new)) => {
                let is_tagged_alike =
                    old.tag() == new.tag() && old.counts.fixed() == new.counts.fixed();
                is_tagged_alike && !is_scaled(old, new)
            }
            (Shape::Array(old), Shape::Array(new)) => {
                old.untagged() == new.untagged() && self.of_types(&old.element, &new.element)
            }
            (Shape::Struct(old), Shape::Struct(new)) => {
                self.of_parts(&of_fields(&old.fields), &of_fields(&new.fields))
            }
            (Shape::Switch(old), Shape::Switch(new)) => self.of_switches(old, new),
            _ => false,
        }
    }

    fn of_switches(&self, old: &Switch, new: &Switch) -> bool {
        let fields = |switch: &Switch, range| -> Vec<Arc<Field>> { switch.slice(range).to_vec() };
        let of_lists = |left, right| {
            let (left, right) = (fields(old, left), fields(new, right));
            self.of_parts(&of_fields(&left), &of_fields(&right))
        };
        self.of_fields(&old.key, &new.key)
            && old.cases.len() == new.cases.len()
            && old
                .cases
                .iter()
                .zip(&new.cases)
                .all(|(old, new)| old.value == new.value && of_lists(old.fields, new.fields))
            && match (old.default, new.default) {
                (Some(old), Some(new)) => of_lists(old, new),
                (None, None) => true,
                _ => false,
            }
    }
}
