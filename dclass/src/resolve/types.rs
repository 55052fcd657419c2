//! Type expressions → types.

use super::{Named, Resolver, TypedValue};
use crate::ast::{
    Base, Modifier, Name, Number as Literal, NumberKind, Param, Ranges, Simple, TypeExpr,
};
use crate::diagnostic::{Note, did_you_mean};
use crate::limits::{TYPE_DEPTH_MAX, TYPE_PARTS_MAX};
use crate::schema::StringEncoding;
use crate::schema::types::{
    Array, ArrayWord, Bytes, Counts, Limits, Number, Shape, Spelling, Type,
};
use crate::source::Span;
use crate::visible::shown;
use std::sync::Arc;

impl Resolver<'_> {
    /// The type of a parameter with its dimensions, and the default of the typedef it names.
    /// `None` after an error, which is reported.
    pub(super) fn param_type(&mut self, param: &Param<'_>) -> Option<TypedValue> {
        let (mut ty, mut default) = self.type_expr(&param.ty)?;
        for (i, dim) in param.dims.iter().rev().enumerate() {
            default = None;
            ty = self.array_of(ty, dim, i > 0)?;
        }
        Some((ty, default))
    }

    fn type_expr(&mut self, expr: &TypeExpr<'_>) -> Option<TypedValue> {
        let ty = match &expr.base {
            Base::Named(name) => return self.named(name),
            Base::Simple(simple) if self.names.contains_key(simple.word()) => {
                if !expr.modifiers.is_empty() {
                    let message = format!("`{}` is what a typedef says", simple.word());
                    let note = Note::error(expr.span, message);
                    self.log.push(note.label("it can be neither divided nor limited here"));
                    return None;
                }
                return self.named(&Name { text: simple.word(), span: expr.span });
            }
            Base::Simple(simple) => self.simple(*simple, &expr.modifiers, expr.span)?,
            Base::Struct(decl) => {
                let class = self.inline_struct(decl)?;
                self.class_type(&class)
            }
            Base::Switch(decl) => Arc::new(self.switch(decl)?),
        };
        Some((self.check_type(ty, expr.span)?, None))
    }

    fn named(&mut self, name: &Name<'_>) -> Option<TypedValue> {
        match self.names.get(name.text) {
            Some(Named::Type(ty, default)) => Some((Arc::clone(ty), default.clone())),
            Some(Named::Class(class)) => {
                let class = Arc::clone(class);
                let ty = self.class_type(&class);
                Some((self.check_type(ty, name.span)?, None))
            }
            Some(Named::Broken) => None,
            None if self.open.iter().any(|open| open == name.text) => {
                let message = format!("`{}` cannot contain itself", shown(name.text));
                let note = Note::error(name.span, message);
                self.log.push(note.label("it is no type before its closing brace"));
                None
            }
            None => {
                let mut known: Vec<&str> = self.names.keys().map(String::as_str).collect();
                Simple::words().for_each(|word| known.push(word));
                let help = match self.log.is_full() {
                    true => None,
                    false => did_you_mean(name.text, known.into_iter()),
                };
                let message = format!("unknown type `{}`", shown(name.text));
                let note = Note::error(name.span, message);
                self.log.push(note.label("types must be declared before they are used").help(help));
                None
            }
        }
    }

    fn check_type(&mut self, ty: Arc<Type>, span: Span) -> Option<Arc<Type>> {
        let message = if ty.size.is_too_large() {
            format!(
                "a value of this type has at least {} bytes, which no message can hold",
                ty.size.min
            )
        } else if ty.depth > TYPE_DEPTH_MAX {
            format!("this type is nested more than {TYPE_DEPTH_MAX} deep")
        } else if ty.parts > TYPE_PARTS_MAX {
            format!("this type has more than {TYPE_PARTS_MAX} parts")
        } else {
            return Some(ty);
        };
        self.log.push(Note::error(span, message));
        None
    }

    fn array_of(&mut self, element: Arc<Type>, dim: &Ranges, joined: bool) -> Option<Arc<Type>> {
        let counts = self.counts(dim)?;
        let number = match &element.shape {
            Shape::Number(number) if number.kind == NumberKind::Char => {
                Some((number.clone(), self.options.string_encoding))
            }
            Shape::Number(number) if number.kind == NumberKind::UInt8 => {
                Some((number.clone(), StringEncoding::Bytes))
            }
            _ => None,
        };
        let ty = match number {
            Some((number, encoding)) => {
                let spelling = Spelling::Array(number);
                Type::bytes(Bytes { spelling, counts, encoding, renamed: false })
            }
            None => Type::array(Array { element, counts, joined, word: None }),
        };
        self.check_type(Arc::new(ty), dim.span)
    }

    fn simple(&mut self, simple: Simple, modifiers: &[Modifier], span: Span) -> Option<Arc<Type>> {
        let (spelling, encoding) = match simple {
            Simple::Number(kind) => {
                return Some(Arc::new(Type::number(self.number(kind, modifiers)?)));
            }
            Simple::String => (Spelling::String, self.options.string_encoding),
            Simple::Blob => (Spelling::Blob, StringEncoding::Bytes),
            Simple::Blob32 => (Spelling::Blob32, StringEncoding::Bytes),
            _ => return self.array_word(simple, modifiers, span),
        };
        let mut counts = Counts::default();
        for modifier in modifiers {
            match modifier {
                Modifier::Range(ranges) => {
                    counts = self.counts(ranges)?;
                    let most = counts.0.iter().map(|(_, max)| *max).max();
                    if simple != Simple::Blob32 && most > Some(u16::MAX.into()) {
                        self.beyond_the_type(ranges.span);
                    }
                }
                Modifier::Divide(_, at) | Modifier::Modulo(_, at) => {
                    self.log.push(Note::error(*at, "only numbers can be divided"));
                    return None;
                }
            }
        }
        let ty = Type::bytes(Bytes { spelling, counts, encoding, renamed: false });
        self.check_type(Arc::new(ty), span)
    }

    /// `int16array` and its like.
    fn array_word(
        &mut self,
        simple: Simple,
        modifiers: &[Modifier],
        span: Span,
    ) -> Option<Arc<Type>> {
        let kind = match simple {
            Simple::Int8Array => NumberKind::Int8,
            Simple::Int16Array => NumberKind::Int16,
            Simple::Int32Array => NumberKind::Int32,
            Simple::UInt16Array => NumberKind::UInt16,
            Simple::UInt32Array | Simple::UInt32UInt8Array => NumberKind::UInt32,
            _ => NumberKind::UInt8,
        };
        let plain = |kind| Arc::new(Type::number(Number::plain(kind)));
        let mut element = plain(kind);
        if simple == Simple::UInt32UInt8Array {
            let refused = modifiers.iter().find_map(|modifier| match modifier {
                Modifier::Range(ranges) => Some((ranges.span, "range")),
                Modifier::Modulo(_, at) => Some((*at, "modulus")),
                Modifier::Divide(..) => None,
            });
            if let Some((at, what)) = refused {
                let message = format!("`uint32uint8array` takes no {what}");
                self.log.push(Note::error(at, message));
                return None;
            }
            element = self.pair_type([element, plain(NumberKind::UInt8)]);
        }
        let word = ArrayWord { simple, number: self.number(kind, modifiers)? };
        let (counts, word) = (Counts::default(), Some(word));
        let ty = Type::array(Array { element, counts, joined: false, word });
        self.check_type(Arc::new(ty), span)
    }

    fn number(&mut self, kind: NumberKind, modifiers: &[Modifier]) -> Option<Number> {
        let mut number = Number::plain(kind);
        let mut ranges: Option<&Ranges> = None;
        let mut modulus_at = Span::default();
        for modifier in modifiers {
            match modifier {
                Modifier::Range(list) => ranges = Some(list),
                Modifier::Divide(divisor, at) => number.divisor = self.divisor(*divisor, *at)?,
                Modifier::Modulo(modulus, at) => {
                    number.modulus = Some(*modulus);
                    modulus_at = *at;
                }
            }
        }
        if let Some(modulus) = number.modulus {
            self.check_modulus(&number, modulus, modulus_at)?;
        }
        if let Some(ranges) = ranges {
            self.check_ranges(&number, ranges)?;
            number.ranges.clone_from(&ranges.list);
            number.limits = limits(&number);
            self.doubt_ranges(&number, ranges.span);
        }
        Some(number)
    }

    fn divisor(&mut self, divisor: Literal, at: Span) -> Option<u32> {
        match divisor {
            Literal::Integer(value) if (1..=u32::MAX.into()).contains(&value) => Some(value as u32),
            _ => {
                let message = format!("a divisor must be a whole number from 1 to {}", u32::MAX);
                self.log.push(Note::error(at, message));
                None
            }
        }
    }

    fn check_modulus(&mut self, number: &Number, modulus: Literal, at: Span) -> Option<()> {
        let most = match number.kind.is_float() {
            true => f64::MAX,
            false => f64::from(number.kind.size() * 8).exp2(),
        };
        let least = if number.kind.is_float() { f64::MIN_POSITIVE } else { 0.5 };
        let (plain, divisor) = (modulus.as_f64(), f64::from(number.divisor));
        if !(least..=most).contains(&(plain * divisor).min(most)) || plain > most {
            self.log.push(Note::error(at, "the modulus must be above 0 and within the type"));
            return None;
        }
        if plain * divisor > most {
            // Only the divisor makes it so large, which neither Astron nor Panda3D looks at everywhere.
            let note = Note::warning(at, "the modulus, times the divisor, is beyond the type");
            self.log.push(note.label("no value reaches it"));
        }
        Some(())
    }

    fn check_ranges(&mut self, number: &Number, ranges: &Ranges) -> Option<()> {
        for (min, max) in &ranges.list {
            let (low, high) = (min.as_f64(), max.as_f64());
            let scaled = |value: f64| (value * f64::from(number.divisor)).is_finite();
            let ordered = match (min, max) {
                (Literal::Integer(min), Literal::Integer(max)) => min <= max,
                _ => low <= high,
            };
            let message = if !scaled(low) || !scaled(high) {
                "this range is too large"
            } else if !ordered {
                "this range ends before it begins"
            } else {
                continue;
            };
            self.log.push(Note::error(ranges.span, message));
            return None;
        }
        Some(())
    }

    /// Astron takes ranges that no value of the type reaches, and Panda3D does not.
    fn doubt_ranges(&mut self, number: &Number, span: Span) {
        if number.kind.is_float() {
            return;
        }
        let (least, most) = number.kind.bounds();
        let is_beyond = |(min, max): &(Literal, Literal)| {
            number.scale(*min) < least || number.scale(*max) > most
        };
        if number.ranges.iter().any(is_beyond) {
            self.beyond_the_type(span);
        }
    }

    fn beyond_the_type(&mut self, span: Span) {
        let note = Note::warning(span, "this range goes beyond the type");
        self.log.push(note.label("Panda3D refuses the file"));
    }

    /// Ranges of how many elements or bytes there may be.
    fn counts(&mut self, ranges: &Ranges) -> Option<Counts> {
        let mut counts = Vec::with_capacity(ranges.list.len());
        for range in &ranges.list {
            let (Literal::Integer(min), Literal::Integer(max)) = range else {
                self.log.push(Note::error(ranges.span, "a size must be a whole number"));
                return None;
            };
            let (Ok(min), Ok(max)) = (u32::try_from(*min), u32::try_from(*max)) else {
                let message = format!("a size must be 0 to {}", u32::MAX);
                self.log.push(Note::error(ranges.span, message));
                return None;
            };
            if min > max {
                self.log.push(Note::error(ranges.span, "this range ends before it begins"));
                return None;
            }
            counts.push((min, max));
        }
        Some(Counts(counts.into()))
    }
}

/// What the packed number may be: the ranges, scaled, and cut to what the type can hold.
fn limits(number: &Number) -> Limits {
    let ranges = &number.ranges;
    if ranges.is_empty() {
        return Limits::None;
    }
    if number.kind.is_float() {
        let scaled = |literal: Literal| {
            let bound = literal.as_f64() * f64::from(number.divisor);
            // A bound that a float32 cannot have is the float32 next to it.
            if number.kind == NumberKind::Float32 { f64::from(bound as f32) } else { bound }
        };
        let ranges = ranges.iter().map(|(min, max)| (scaled(*min), scaled(*max)));
        return Limits::Float(ranges.collect());
    }
    let (least, most) = number.kind.bounds();
    let scaled = ranges.iter().map(|(min, max)| (number.scale(*min), number.scale(*max)));
    // A range wholly outside of the type allows nothing.
    let kept = scaled.filter(|(min, max)| *max >= least && *min <= most);
    let cut = kept.map(|(min, max)| (min.max(least), max.min(most)));
    if number.kind.is_signed() {
        Limits::Signed(cut.map(|(min, max)| (min as i64, max as i64)).collect())
    } else {
        Limits::Unsigned(cut.map(|(min, max)| (min as u64, max as u64)).collect())
    }
}
