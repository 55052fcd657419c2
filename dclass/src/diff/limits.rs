//! Which values one type allows and the other does not, at whatever depth.
//!
//! Types that do not differ otherwise are compared here: part stands beside part, in the order in which they are packed or
//! written. Numbers are compared as they are packed, which is how text has them, too.

use super::carry::{Element, Row};
use super::pairs::{Composites, Part, composites, of_fields, parts_of};
use super::work::step;
use crate::schema::Field;
use crate::schema::types::{Bytes, Counts, Limits, Number, Shape, StringEncoding, Switch, Type};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::BitOr;
use std::sync::Arc;

/// How the values that are allowed have changed. Both may be so.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LimitChange {
    /// Some value of the old type is none of the new one.
    pub is_narrower: bool,
    /// Some value of the new type is none of the old one.
    pub is_wider: bool,
}

impl LimitChange {
    /// Of types that have nothing in common.
    const BOTH: LimitChange = LimitChange { is_narrower: true, is_wider: true };

    fn of_sets<T: Bound>(old: &[(T, T)], new: &[(T, T)]) -> LimitChange {
        LimitChange { is_narrower: !covers(new, old), is_wider: !covers(old, new) }
    }

    /// Of two numbers, as they are packed.
    pub fn of_numbers(old: &Number, new: &Number) -> LimitChange {
        step();
        if old.kind.is_float() || new.kind.is_float() {
            return LimitChange::of_sets(&floats(old), &floats(new));
        }
        LimitChange::of_sets(&integers(old), &integers(new))
    }

    /// Of numbers of elements or bytes, each with the width of the length tag.
    /// What a tag cannot count is not allowed either.
    pub fn of_counts(old: (&Counts, usize), new: (&Counts, usize)) -> LimitChange {
        LimitChange::of_sets(&counts(old), &counts(new))
    }

    /// Of two kinds of bytes.
    pub fn of_bytes(old: &Bytes, new: &Bytes) -> LimitChange {
        let (from, to) = (Row::of_bytes(old), Row::of_bytes(new));
        let numbers = match (from.element.number(), to.element.number()) {
            (Some(old), Some(new)) => LimitChange::of_numbers(old, new),
            _ => LimitChange::default(),
        };
        LimitChange::of_counts((from.counts, from.tag), (to.counts, to.tag))
            | LimitChange::of_encodings(old, new)
            | numbers
    }

    /// Of what the bytes may be, if they are text.
    fn of_encodings(old: &Bytes, new: &Bytes) -> LimitChange {
        let rank = |bytes: &Bytes| match bytes.encoding {
            StringEncoding::Ascii => 0,
            StringEncoding::Utf8 => 1,
            StringEncoding::Bytes => 2,
        };
        let (old, new) = (rank(old), rank(new));
        LimitChange { is_narrower: new < old, is_wider: old < new }
    }
}

impl BitOr for LimitChange {
    type Output = LimitChange;

    fn bitor(self, other: LimitChange) -> LimitChange {
        LimitChange {
            is_narrower: self.is_narrower || other.is_narrower,
            is_wider: self.is_wider || other.is_wider,
        }
    }
}

/// Looks along two types. What has changed in a struct or switch is looked for once, however many fields have one.
#[derive(Default)]
pub(super) struct LimitChanges(RefCell<HashMap<Composites, LimitChange>>);

impl LimitChanges {
    pub fn of_fields(&self, old: &Field, new: &Field) -> LimitChange {
        self.of_parts(&parts_of(old), &parts_of(new))
    }

    fn of_parts(&self, old: &[Part<'_>], new: &[Part<'_>]) -> LimitChange {
        if old.len() != new.len() {
            return LimitChange::BOTH;
        }
        let of_pair = |pair: (&Part<'_>, &Part<'_>)| match pair {
            (Part::Param(old, _), Part::Param(new, _)) => self.of_types(&old.ty, &new.ty),
            (Part::Field(old), Part::Field(new)) => self.of_fields(old, new),
            _ => LimitChange::BOTH,
        };
        old.iter().zip(new).map(of_pair).fold(LimitChange::default(), LimitChange::bitor)
    }

    fn of_lists(&self, old: &[Arc<Field>], new: &[Arc<Field>]) -> LimitChange {
        self.of_parts(&of_fields(old), &of_fields(new))
    }

    fn of_types(&self, old: &Type, new: &Type) -> LimitChange {
        step();
        let Some(pair) = composites(old, new) else { return self.of_shapes(old, new) };
        if let Some(known) = self.0.borrow().get(&pair) {
            return *known;
        }
        let change = self.of_shapes(old, new);
        self.0.borrow_mut().insert(pair, change);
        change
    }

    fn of_shapes(&self, old: &Type, new: &Type) -> LimitChange {
        match (&old.shape, &new.shape) {
            (Shape::Number(old), Shape::Number(new)) => LimitChange::of_numbers(old, new),
            (Shape::Struct(old), Shape::Struct(new)) => self.of_lists(&old.fields, &new.fields),
            (Shape::Switch(old), Shape::Switch(new)) => self.of_switches(old, new),
            (Shape::Bytes(old), Shape::Bytes(new)) => LimitChange::of_bytes(old, new),
            _ => self.of_rows(old, new),
        }
    }

    fn of_rows(&self, old: &Type, new: &Type) -> LimitChange {
        let (Some(from), Some(to)) = (Row::of(old), Row::of(new)) else {
            return LimitChange::BOTH;
        };
        let elements = match (&from.element, &to.element) {
            (Element::Type(old), Element::Type(new)) => self.of_types(old, new),
            (old, new) => match (old.number(), new.number()) {
                (Some(old), Some(new)) => LimitChange::of_numbers(old, new),
                _ => LimitChange::BOTH,
            },
        };
        LimitChange::of_counts((from.counts, from.tag), (to.counts, to.tag)) | elements
    }

    fn of_switches(&self, old: &Switch, new: &Switch) -> LimitChange {
        if old.cases.len() != new.cases.len() || old.default.is_some() != new.default.is_some() {
            return LimitChange::BOTH;
        }
        let lists = |switch: &Switch| -> Vec<(u32, u32)> {
            switch.cases.iter().map(|case| case.fields).chain(switch.default).collect()
        };
        let key = self.of_fields(&old.key, &new.key);
        let pairs = lists(old).into_iter().zip(lists(new));
        pairs.fold(key, |change, (from, to)| change | self.of_lists(old.slice(from), new.slice(to)))
    }
}

/// One end of a range.
trait Bound: Copy + PartialOrd {
    /// Whether nothing lies between this one and one behind it.
    fn touches(self, next: Self) -> bool;
}

impl Bound for i128 {
    fn touches(self, next: i128) -> bool {
        next <= self + 1
    }
}

impl Bound for f64 {
    fn touches(self, next: f64) -> bool {
        next <= self
    }
}

/// Whether each value of `inner` is one of `outer`. Both ends of a range are within.
fn covers<T: Bound>(outer: &[(T, T)], inner: &[(T, T)]) -> bool {
    let outer = merged(outer);
    // Of those that begin early enough, only the last can reach far enough.
    inner.iter().all(|(min, max)| {
        let behind = outer.partition_point(|(low, _)| low <= min);
        behind.checked_sub(1).is_some_and(|at| *max <= outer[at].1)
    })
}

/// In order, and those in one that overlap or follow each other.
fn merged<T: Bound>(ranges: &[(T, T)]) -> Vec<(T, T)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by(|left, right| left.0.partial_cmp(&right.0).unwrap_or(std::cmp::Ordering::Equal));
    let mut out: Vec<(T, T)> = Vec::with_capacity(sorted.len());
    for (min, max) in sorted {
        match out.last_mut() {
            Some(last) if last.1.touches(min) => {
                if last.1 < max {
                    last.1 = max;
                }
            }
            _ => out.push((min, max)),
        }
    }
    out
}

/// The packed integers that are allowed.
fn integers(number: &Number) -> Vec<(i128, i128)> {
    let (least, most) = number.kind.bounds();
    let within = |(min, max): (i128, i128)| {
        let (min, max) = (min.max(least), max.min(most));
        (min <= max).then_some((min, max))
    };
    match &number.limits {
        Limits::Signed(ranges) => ranges
            .iter()
            .filter_map(|(min, max)| within((i128::from(*min), i128::from(*max))))
            .collect(),
        Limits::Unsigned(ranges) => ranges
            .iter()
            .filter_map(|(min, max)| within((i128::from(*min), i128::from(*max))))
            .collect(),
        Limits::None | Limits::Float(_) => vec![(least, most)],
    }
}

/// The numbers that are allowed, if one of two is a float.
fn floats(number: &Number) -> Vec<(f64, f64)> {
    match &number.limits {
        Limits::Float(ranges) => ranges.to_vec(),
        _ if number.kind == crate::ast::NumberKind::Float32 => {
            vec![(f64::from(f32::MIN), f64::from(f32::MAX))]
        }
        _ if number.kind.is_float() => vec![(f64::MIN, f64::MAX)],
        _ => integers(number).into_iter().map(|(min, max)| (min as f64, max as f64)).collect(),
    }
}

fn counts((counts, tag): (&Counts, usize)) -> Vec<(i128, i128)> {
    let most = if tag == 2 { i128::from(u16::MAX) } else { i128::from(u32::MAX) };
    if counts.0.is_empty() {
        return vec![(0, most)];
    }
    let ranges = counts.0.iter().map(|(min, max)| (i128::from(*min), i128::from(*max).min(most)));
    ranges.filter(|(min, max)| min <= max).collect()
}

#[cfg(test)]
mod tests {
    use crate::diff::{Answer, Comparison, Renames, Stored, Who, compare};
    use crate::{DcFile, Source, parse};

    fn dc(text: &str) -> DcFile {
        parse(&[Source::new("test.dc", text)]).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// As the stores see it, of types with these limits and widths.
    fn is_stored_alike(form: Stored, old: &str, new: &str) -> bool {
        let relevant = |text: &str| {
            let unlimited =
                text.replace("(0-20, 21-50)", "").replace("(0-50)", "").replace("(0-100)", "");
            match form {
                Stored::Packed => unlimited,
                Stored::Text => unlimited.replace("uint16", "uint8").replace("uint8", "int8"),
            }
        };
        relevant(old) == relevant(new)
    }

    fn compared(old: &str, new: &str) -> Comparison {
        compare(&dc(old), &dc(new), &Renames::default(), is_stored_alike)
    }

    /// What is said of values to somebody, and of which fields.
    fn said(comparison: &Comparison, who: Who) -> String {
        let verdict = comparison.verdicts.iter().find(|verdict| verdict.who == who).expect("each");
        let hash = "the hash is another one";
        let texts = verdict.reasons.iter().map(|reason| &*reason.text);
        texts.filter(|text| !text.starts_with(hash)).collect::<Vec<_>>().join("; ")
    }

    const REFUSED: &str = "values may be refused that were allowed";
    const EJECTED: &str =
        "values may be refused that were allowed, and clients that send one are ejected";
    const UNREAD: &str = "values outside of their limits, which they cannot read, must not be sent";
    const OUTSIDE: &str = "values outside of the new limits fail when they are read";

    /// Wherever a limit stands: the declarations, and the field that holds it.
    const PLACES: [&str; 10] = [
        "dclass A { f(TYPE a) KEYWORDS; };",
        "dclass A { TYPE f KEYWORDS; };",
        "typedef TYPE T; dclass A { f(T a) KEYWORDS; };",
        "struct S { TYPE x; }; dclass A { f(S s) KEYWORDS; };",
        "struct S { TYPE x; }; dclass A { f(S s[]) KEYWORDS; };",
        "typedef TYPE T; struct S { T x; }; typedef S U[3]; struct V { string n; U u; }; dclass A { f(uint8 n, V v) KEYWORDS; };",
        "struct S { m(TYPE x, string y); }; dclass A { S f KEYWORDS; };",
        "switch S (uint8 k) { case 1: string n; break; case 2: TYPE x; break; }; dclass A { f(S s) KEYWORDS; };",
        "switch S (uint8 k) { case 1: string n; break; default: TYPE x; break; }; dclass A { f(S s[]) KEYWORDS; };",
        "dclass A { f(TYPE a[2]) KEYWORDS; };",
    ];

    #[test]
    fn a_limit_is_found_at_whatever_depth() {
        for place in PLACES {
            let text =
                |ty: &str| place.replace("TYPE", ty).replace("KEYWORDS", "broadcast clsend db");
            let change = |old: &str, new: &str| {
                let comparison = compared(&text(old), &text(new));
                [Who::Clients, Who::Servers, Who::Sql, Who::Yaml].map(|who| said(&comparison, who))
            };
            let (narrow, wide) = ("uint8(0-50)", "uint8(0-100)");
            let expected = [EJECTED, REFUSED, OUTSIDE, OUTSIDE].map(|text| format!("{text}: A.f"));
            assert_eq!(change(wide, narrow), expected, "{place}");
            assert_eq!(change("uint8", narrow), expected, "{place}");
            let unread = format!("{UNREAD}: A.f");
            let expected = [&*unread, &*unread, "", ""];
            assert_eq!(change(narrow, wide), expected, "{place}");
            assert_eq!(change(narrow, "uint8"), expected, "{place}");
            // The same ranges, written otherwise.
            assert_eq!(change(narrow, "uint8(0-20, 21-50)"), [""; 4], "{place}");
            // Other bytes, and a text that is read alike.
            let [_, _, sql, yaml] = change("uint16", narrow);
            assert!(sql.contains("does not start"), "{place}: {sql}");
            assert_eq!(yaml, format!("{OUTSIDE}: A.f"), "{place}");
            assert_eq!(change("int8", "uint8")[3], format!("{OUTSIDE}: A.f"), "{place}");
            assert_eq!(change("uint8", "uint16")[3], "", "{place}");
        }
    }

    #[test]
    fn lengths_numbers_of_elements_and_text_are_limits_too() {
        let class = |field: &str| {
            format!("struct S {{ {field}; }}; dclass A {{ f(S s[]) broadcast clsend; }};")
        };
        for (narrow, wide) in [
            ("string(0-2) x", "string x"),
            ("blob(0-2) x", "blob x"),
            ("uint8 x[0-2]", "uint8 x[]"),
            ("uint16 x[0-2]", "uint16 x[0-4]"),
            ("uint16(0-50) x[]", "uint16 x[]"),
            ("uint8(0-50) x[]", "uint8 x[]"),
            ("uint8(0-50) x[]", "blob x"),
            ("float32(0-50) x", "float32(0-100) x"),
            ("int16/10(0-5) x", "int16/10 x"),
            // Strings are UTF-8.
            ("string x", "blob x"),
        ] {
            let said =
                |old: &str, new: &str| said(&compared(&class(old), &class(new)), Who::Clients);
            assert_eq!(said(narrow, wide), format!("{UNREAD}: A.f"), "{narrow} → {wide}");
            assert_eq!(said(wide, narrow), format!("{EJECTED}: A.f"), "{wide} → {narrow}");
            assert_eq!(said(wide, wide), "", "{wide}");
        }
        // Neither holds all of the other.
        let both = said(&compared(&class("uint8(0-50) x"), &class("uint8(20-80) x")), Who::Clients);
        assert_eq!(both, format!("{EJECTED}: A.f; {UNREAD}: A.f"));
    }

    #[test]
    fn what_nobody_sends_or_hears_is_no_matter() {
        let text = |ty: &str, keywords: &str| {
            format!("struct S {{ {ty} x; }}; dclass A {{ f(S s) {keywords}; }};")
        };
        for (old, new, keywords, expected) in [
            ("uint8(0-50)", "uint8(0-100)", "clsend", ""),
            ("uint8(0-100)", "uint8(0-50)", "broadcast", ""),
            ("uint8(0-100)", "uint8(0-50)", "ram db", ""),
            ("uint8(0-50)", "uint8(0-100)", "ram db", ""),
            ("uint8(0-100)", "uint8(0-50)", "ownsend", EJECTED),
            ("uint8(0-50)", "uint8(0-100)", "ownrecv", UNREAD),
            ("uint8(0-50)", "uint8(0-100)", "required clrecv", UNREAD),
        ] {
            let comparison = compared(&text(old, keywords), &text(new, keywords));
            let expected =
                if expected.is_empty() { String::new() } else { format!("{expected}: A.f") };
            assert_eq!(said(&comparison, Who::Clients), expected, "{old} → {new} {keywords}");
        }
        // They are told now, of what they have known and not used.
        let told = |new: &str| compared(&text("uint8(0-50)", "ram"), &text(new, "ram broadcast"));
        assert_eq!(said(&told("uint8(0-100)"), Who::Clients), format!("{UNREAD}: A.f"));
        assert_eq!(said(&told("uint16"), Who::Clients), "values are packed otherwise: A.f");
        assert_eq!(told("uint16").verdicts[0].answer, Answer::No);
    }

    #[test]
    fn what_many_hold_is_looked_at_once() {
        // Each struct has two of the one before.
        let nested = |ty: &str, depth: usize| {
            let mut text = format!("struct S0 {{ {ty} x; }}; ");
            for at in 1..depth {
                text += &format!("struct S{at} {{ S{0} a; S{0} b; }}; ", at - 1);
            }
            let of = crate::diff::limits::LimitChanges::default();
            (dc(&format!("{text} dclass A {{ S{} f; }};", depth - 1)), of)
        };
        let steps = |depth: usize| {
            let ((old, of), (new, _)) = (nested("uint8", depth), nested("uint8(0-50)", depth));
            let field = |dc: &DcFile| dc.class_by_name("A").expect("a class").fields()[0].clone();
            let (old, new) = (field(&old), field(&new));
            crate::diff::work::steps_of(|| assert!(of.of_fields(&old, &new).is_narrower))
        };
        let (few, twice) = (steps(5), steps(10));
        assert!(twice < 3 * few, "{few} steps, and {twice} for twice as much");
    }
}
