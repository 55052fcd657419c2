//! Values as the numbers that people mean, for whoever judges them.

use super::check::{float, signed, unsigned, walk};
use crate::schema::types::{Limits, Number, Shape, Type};
use crate::schema::{Body, Field, Param};

/// An argument of a method, or the value of a parameter field.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Argument<'f> {
    /// Its name; empty if it has none.
    pub name: &'f str,
    /// If it is a number, the least and the greatest that it can be, behind the divisor. A float without a range can be
    /// any finite number of its width.
    pub bounds: Option<(f64, f64)>,
}

impl Field {
    /// Its arguments, in order. A molecular field has none of its own.
    pub fn arguments(&self) -> impl ExactSizeIterator<Item = Argument<'_>> {
        self.params().iter().map(|Param { name, ty, .. }| {
            let bounds = number_of(ty).map(bounds);
            Argument { name, bounds }
        })
    }

    /// The arguments in a packed value as numbers, behind their divisors; `None` for one that is no number. It ends where
    /// the value does. Limits are not checked. Of whole numbers of 64 bits the last digits are lost.
    pub fn numbers<'v>(&'v self, value: &'v [u8]) -> impl Iterator<Item = Option<f64>> + 'v {
        let mut at = 0;
        self.params().iter().map_while(move |param| {
            let start = at;
            at = walk::<false>(&param.ty, value, at).ok()?;
            Some(number_of(&param.ty).map(|number| read(number, &value[start..at])))
        })
    }

    /// A method's arguments make up its value, and so does a parameter field's only one; not so with a molecular field.
    pub fn has_arguments(&self) -> bool {
        !matches!(self.body, Body::Molecular(_))
    }
}

fn number_of(ty: &Type) -> Option<&Number> {
    match &ty.shape {
        Shape::Number(number) if number.kind != crate::ast::NumberKind::Char => Some(number),
        _ => None,
    }
}

fn read(number: &Number, bytes: &[u8]) -> f64 {
    let divisor = f64::from(number.divisor.max(1));
    match number.kind {
        kind if kind.is_float() => float(kind, bytes),
        kind if kind.is_signed() => signed(bytes) as f64 / divisor,
        _ => unsigned(bytes) as f64 / divisor,
    }
}

fn bounds(number: &Number) -> (f64, f64) {
    let divisor = f64::from(number.divisor.max(1));
    let of = |(min, max): (f64, f64)| (min / divisor, max / divisor);
    match &number.limits {
        Limits::Signed(allowed) => {
            of(hull(allowed.iter().map(|&(min, max)| (min as f64, max as f64))))
        }
        Limits::Unsigned(allowed) => {
            of(hull(allowed.iter().map(|&(min, max)| (min as f64, max as f64))))
        }
        Limits::Float(allowed) => hull(allowed.iter().copied()),
        Limits::None => match number.kind {
            crate::ast::NumberKind::Float32 => (f32::MIN.into(), f32::MAX.into()),
            crate::ast::NumberKind::Float64 => (f64::MIN, f64::MAX),
            kind => {
                let (min, max) = kind.bounds();
                of((min as f64, max as f64))
            }
        },
    }
}

fn hull(ranges: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let nothing = (f64::INFINITY, f64::NEG_INFINITY);
    ranges.fold(nothing, |(low, high), (min, max)| (low.min(min), high.max(max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, parse};

    const DC: &str = "dclass A {
        setXY(int16/10 x, uint8(2-5, 9) y, string text, float64);
        uint32/100 money;
        float32(0-1) part;
        letter(char c, uint8 bytes[]);
        both : setXY, letter;
    };";

    fn with(name: &str, look: impl FnOnce(&Field)) {
        let dc = parse(&[Source::new("test.dc", DC)]).expect("valid");
        look(dc.class_by_name("A").and_then(|class| class.field_by_name(name)).expect("a field"));
    }

    #[test]
    fn arguments_say_which_numbers_they_can_be() {
        let of = |name: &'static str| {
            let mut all = Vec::new();
            with(name, |field| {
                all.extend(field.arguments().map(|one| (one.name.to_owned(), one.bounds)));
            });
            all
        };
        let named = |name: &str, bounds| (name.to_owned(), bounds);
        let xy = [
            named("x", Some((-3276.8, 3276.7))),
            named("y", Some((2.0, 9.0))),
            named("text", None),
            named("", Some((f64::MIN, f64::MAX))),
        ];
        assert_eq!(of("setXY"), xy);
        assert_eq!(of("money"), [named("money", Some((0.0, 42_949_672.95)))]);
        assert_eq!(of("part"), [named("part", Some((0.0, 1.0)))]);
        assert_eq!(of("letter"), [named("c", None), named("bytes", None)]);
        assert_eq!(of("both"), []);
        with("both", |field| assert!(!field.has_arguments()));
        with("money", |field| assert!(field.has_arguments()));
    }

    #[test]
    fn values_are_read_as_people_mean_them() {
        with("setXY", |field| {
            let value = [&b"\xf6\xff\x09\x02\0hi"[..], &2.5f64.to_le_bytes()].concat();
            let numbers: Vec<_> = field.numbers(&value).collect();
            assert_eq!(numbers, [Some(-1.0), Some(9.0), None, Some(2.5)]);
            for length in 0..value.len() {
                let numbers: Vec<_> = field.numbers(&value[..length]).collect();
                let expected = [2, 3, 7, 15].iter().filter(|end| length >= **end).count();
                assert_eq!(numbers.len(), expected, "{length}");
            }
        });
        with("money", |field| {
            assert_eq!(field.numbers(&[250, 0, 0, 0]).collect::<Vec<_>>(), [Some(2.5)]);
        });
        with("both", |field| assert_eq!(field.numbers(b"whatever").count(), 0));
    }
}
