//! What has changed between two types, part by part, in words.

use super::limits::LimitChange;
use super::pairs::{Composites, Part, Sameness, composites, is_kept, is_molecular, pair, parts_of};
use super::work::step;
use crate::ast::NumberKind;
use crate::schema::types::{Array, Bytes, Counts, Number, Shape, Spelling, Type};
use crate::schema::{Field, Text};
use crate::value::Float;
use std::collections::HashSet;

/// One difference between the types of two fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeChange {
    /// The part that it is about; empty if it is the whole field.
    pub part: String,
    /// The old type, the new one, and what that means.
    pub text: String,
    /// Whether some value of the old type is none of the new one.
    pub is_narrower: bool,
}

/// Looks for differences along two types.
pub(super) struct Differ<'a> {
    same: Sameness<'a>,
    pub found: Vec<TypeChange>,
    /// Structs that have been looked at: what has changed in them is told once.
    known: HashSet<Composites>,
}

impl<'a> Differ<'a> {
    pub fn new(same: Sameness<'a>) -> Self {
        Differ { same, found: Vec::new(), known: HashSet::new() }
    }

    pub fn fields(&mut self, old: &Field, new: &Field) {
        if is_molecular(old) != is_molecular(new) {
            return self.push("", "it is molecular in one of the files only".to_owned(), true);
        }
        if old.kind() != new.kind() {
            let text = format!("{} → {}", old.type_text(), new.type_text());
            return self.push("", text, true);
        }
        self.parts("", &parts_of(old), &parts_of(new));
    }

    fn parts(&mut self, path: &str, old: &[Part<'_>], new: &[Part<'_>]) {
        let pairs = pair(self.same.old, self.same.renames, old, new);
        let is_lone = old.len() == 1 && new.len() == 1;
        let within = |name: &str, at: usize| match (path, name) {
            _ if is_lone && matches!(old[0], Part::Param(..)) => path.to_owned(),
            ("", "") => format!("{at}"),
            ("", name) => name.to_owned(),
            (path, "") => format!("{path}.{at}"),
            (path, name) => format!("{path}.{name}"),
        };
        for (part, is_kept) in old.iter().zip(is_kept(old.len(), &pairs)) {
            if !is_kept {
                let text = format!("`{}` is gone", shown(part));
                self.push(path, text, true);
            }
        }
        for (to, (part, from)) in new.iter().zip(&pairs).enumerate() {
            let Some(from) = *from else {
                self.push(path, format!("`{}` is new", shown(part)), false);
                continue;
            };
            let inside = within(part.name(), to);
            match (&old[from], part) {
                (Part::Param(old, _), Part::Param(new, _)) => self.types(&inside, &old.ty, &new.ty),
                (Part::Field(old), Part::Field(new)) if is_molecular(old) == is_molecular(new) => {
                    self.parts(&inside, &parts_of(old), &parts_of(new));
                }
                _ => self.push(&inside, "it is something else".to_owned(), true),
            }
        }
        let order: Vec<usize> = pairs.iter().flatten().copied().collect();
        if !order.is_sorted() {
            self.push(path, "the parts have another order".to_owned(), false);
        }
    }

    fn types(&mut self, path: &str, old: &Type, new: &Type) {
        step();
        let arrow = || format!("{} → {}", Text(old), Text(new));
        match (&old.shape, &new.shape) {
            (Shape::Number(from), Shape::Number(to)) => self.numbers(path, from, to),
            (Shape::Struct(from), Shape::Struct(to)) => {
                let (from_name, to_name) = (from.class.name(), to.class.name());
                let is_named = !from_name.is_empty() && !to_name.is_empty();
                if is_named && self.same.renames.new_class(from_name) == to_name {
                    // What has changed in it is told where it is declared.
                    return;
                }
                if from_name != to_name && is_named {
                    self.push(path, format!("struct {from_name} → struct {to_name}"), false);
                }
                if !composites(old, new).is_none_or(|pair| self.known.insert(pair)) {
                    // Of those with names, the line before says which they are.
                    if !is_named && !self.same.of_types(old, new) {
                        self.push(path, "changed as above".to_owned(), false);
                    }
                    return;
                }
                let (from, to) =
                    (super::pairs::of_fields(&from.fields), super::pairs::of_fields(&to.fields));
                self.parts(path, &from, &to);
            }
            (Shape::Array(from), Shape::Array(to)) => self.arrays(path, from, to),
            (Shape::Bytes(from), Shape::Bytes(to)) => self.bytes(path, from, to, arrow()),
            (Shape::Switch(from), Shape::Switch(to)) => {
                if !self.same.of_types(old, new) || Text(old).to_string() != Text(new).to_string() {
                    let name = if to.name.is_empty() { &from.name } else { &to.name };
                    let text = format!("the cases of the switch {name} have changed");
                    self.push(path, text.replace("switch  ", "switch "), true);
                }
            }
            _ => self.push(path, arrow(), true),
        }
    }

    fn numbers(&mut self, path: &str, old: &Number, new: &Number) {
        if old.kind != new.kind {
            let (least, most) = (real(new.kind, new.divisor), real(old.kind, old.divisor));
            let is_narrower = least.0 > most.0 || least.1 < most.1;
            let meaning = match (old.kind.is_float(), new.kind.is_float()) {
                (false, true) => "numbers become floats",
                (true, false) => "floats are rounded",
                _ if is_narrower => "some values do not fit any more",
                _ => "all values fit",
            };
            let (from, to) = (word(old.kind), word(new.kind));
            self.push(path, format!("{from} → {to}: {meaning}"), is_narrower);
        }
        if old.divisor != new.divisor {
            let text = format!(
                "divisor {} → {}: the same number is other bytes",
                old.divisor, new.divisor
            );
            self.push(path, text, false);
        }
        if old.modulus.map(|number| number.to_string())
            != new.modulus.map(|number| number.to_string())
        {
            let text = |number: &Number| match number.modulus {
                Some(modulus) => modulus.to_string(),
                None => "none".to_owned(),
            };
            self.push(path, format!("modulus {} → {}", text(old), text(new)), false);
        }
        let range = |number: &Number| {
            number.ranges.iter().map(|(min, max)| (min.as_f64(), max.as_f64())).collect()
        };
        let (from, to): (Vec<_>, Vec<_>) = (range(old), range(new));
        // As packed, numbers of two divisors cannot be compared.
        let is_narrower = if old.kind == new.kind && old.divisor == new.divisor {
            LimitChange::of_numbers(old, new).is_narrower
        } else {
            is_outside(&from, &to)
        };
        self.ranges(path, "range", &from, &to, is_narrower);
    }

    fn arrays(&mut self, path: &str, old: &Array, new: &Array) {
        self.counts(path, "number of elements", (&old.counts, 2), (&new.counts, 2));
        if old.word.is_some() != new.word.is_some() {
            self.push(path, "declared as another kind of array".to_owned(), false);
        }
        let inside = if path.is_empty() { "elements".to_owned() } else { format!("{path}[]") };
        self.types(&inside, &old.element, &new.element);
    }

    fn bytes(&mut self, path: &str, old: &Bytes, new: &Bytes, arrow: String) {
        let kind = |bytes: &Bytes| match &bytes.spelling {
            Spelling::String => 0,
            Spelling::Blob => 1,
            Spelling::Blob32 => 2,
            Spelling::Array(number) if number.kind == NumberKind::Char => 3,
            Spelling::Array(_) => 4,
        };
        match (&old.spelling, &new.spelling) {
            (Spelling::Array(from), Spelling::Array(to)) => {
                let counts = [(&old.counts, old.tag()), (&new.counts, new.tag())];
                self.counts(path, "number of elements", counts[0], counts[1]);
                self.numbers(path, from, to);
            }
            _ if kind(old) != kind(new) => {
                self.push(path, arrow, LimitChange::of_bytes(old, new).is_narrower);
            }
            _ => {
                let counts = [(&old.counts, old.tag()), (&new.counts, new.tag())];
                self.counts(path, "length", counts[0], counts[1]);
            }
        }
    }

    /// Numbers of elements or bytes, each with the width of its length tag.
    fn counts(&mut self, path: &str, what: &str, old: (&Counts, usize), new: (&Counts, usize)) {
        let range = |(counts, _): (&Counts, usize)| {
            counts.0.iter().map(|(min, max)| (f64::from(*min), f64::from(*max))).collect()
        };
        let (from, to): (Vec<_>, Vec<_>) = (range(old), range(new));
        let is_narrower = LimitChange::of_counts(old, new).is_narrower;
        self.ranges(path, what, &from, &to, is_narrower);
    }

    fn ranges(
        &mut self,
        path: &str,
        what: &str,
        old: &[(f64, f64)],
        new: &[(f64, f64)],
        is_narrower: bool,
    ) {
        if old == new {
            return;
        }
        let text = |ranges: &[(f64, f64)]| match ranges {
            [] => "any".to_owned(),
            ranges => {
                let one = |(min, max): &(f64, f64)| match min == max {
                    true => Float(*min).to_string(),
                    false => format!("{} to {}", Float(*min), Float(*max)),
                };
                ranges.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        };
        let meaning =
            if is_narrower { ": some values do not fit any more" } else { ": all values fit" };
        self.push(path, format!("{what} {} → {}{meaning}", text(old), text(new)), is_narrower);
    }

    fn push(&mut self, path: &str, text: String, is_narrower: bool) {
        self.found.push(TypeChange { part: path.to_owned(), text, is_narrower });
    }
}

/// Whether some of the old numbers is in no new range.
fn is_outside(old: &[(f64, f64)], new: &[(f64, f64)]) -> bool {
    let is_inside =
        |(min, max): &(f64, f64)| new.iter().any(|(low, high)| low <= min && max <= high);
    !new.is_empty() && (old.is_empty() || !old.iter().all(is_inside))
}

fn word(kind: NumberKind) -> &'static str {
    crate::ast::Simple::Number(kind).word()
}

/// Between which numbers values of a type are.
fn real(kind: NumberKind, divisor: u32) -> (f64, f64) {
    let (min, max) = match kind {
        NumberKind::Float32 => (f64::from(f32::MIN), f64::from(f32::MAX)),
        NumberKind::Float64 => (f64::MIN, f64::MAX),
        kind => {
            let (min, max) = kind.bounds();
            (min as f64, max as f64)
        }
    };
    (min / f64::from(divisor), max / f64::from(divisor))
}

fn shown(part: &Part<'_>) -> String {
    match part {
        Part::Param(param, _) => {
            format!("{} {}", Text(&param.ty), param.name).trim_end().to_owned()
        }
        Part::Field(field) => field.declaration(),
    }
}
