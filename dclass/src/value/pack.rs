//! Values as written → packed bytes, along a type.

use super::check::ranges;
use super::format::Float;
use crate::ast::{Number as Literal, NumberKind, Part, Value, ValueKind};
use crate::lexer;
use crate::limits::VALUE_BYTES_MAX;
use crate::schema::types::{
    Array, Bytes, Counts, Limits, Number, Shape, Size, Spelling, Switch, Type,
};
use crate::schema::{Body, Field, Param};
use crate::source::Span;
use crate::visible::shown;
use std::sync::Arc;

/// What a number in the text means.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The real value, as in DC files: it is scaled by the divisor and wrapped at the modulus.
    Real,
    /// The packed number, as in text databases.
    Packed,
}

/// Why a value does not fit its type.
#[derive(Debug)]
pub(crate) struct Misfit {
    pub span: Span,
    pub message: String,
}

type Packed = Result<(), Misfit>;

/// Packs values into a buffer of limited size.
pub(crate) struct Packer {
    pub meaning: Meaning,
    pub out: Vec<u8>,
    /// A `<…>` that is no value of its type, which DC files may have all the same.
    pub unreadable: Option<Unreadable>,
}

/// What is wrong with a `<…>`, and how its bytes are written as what the value holds, if that would be right.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub span: Span,
    pub reason: String,
    pub as_content: Option<String>,
}

impl Packer {
    pub(crate) fn new(meaning: Meaning) -> Packer {
        Packer { meaning, out: Vec::new(), unreadable: None }
    }

    /// Appends a field's value.
    pub(crate) fn field(&mut self, field: &Field, value: &Value<'_>) -> Packed {
        match &field.body {
            Body::Param(param) => self.value(&param.ty, value),
            Body::Method(params) => self.method(params, value),
            Body::Molecular(parts) => self.molecular(parts, value),
        }
    }

    fn method(&mut self, params: &[Param], value: &Value<'_>) -> Packed {
        if let ValueKind::Hex(token) = value.kind {
            return self.verbatim(token, value.span);
        }
        let ValueKind::Group(parts) = &value.kind else {
            return misfit(value.span, "expected a method's values in `( )`");
        };
        let parts = written_out(parts, params.len(), "parameters", value.span)?;
        for (param, part) in params.iter().zip(parts) {
            check_label(&part.label, &param.name)?;
            self.value(&param.ty, &part.value)?;
        }
        Ok(())
    }

    /// Only databases have values of molecular fields: DC files give none.
    fn molecular(&mut self, fields: &[Arc<Field>], value: &Value<'_>) -> Packed {
        match &value.kind {
            ValueKind::Hex(token) => self.verbatim(token, value.span),
            ValueKind::Group(parts) => {
                let parts = written_out(parts, fields.len(), "fields", value.span)?;
                self.field_list(fields, parts)
            }
            _ => misfit(value.span, "expected the values of a molecular field's parts in `{ }`"),
        }
    }

    /// Appends the value of a parameter.
    pub(crate) fn value(&mut self, ty: &Type, value: &Value<'_>) -> Packed {
        match (&ty.shape, &value.kind) {
            (Shape::Bytes(bytes), _) => self.bytes(ty, bytes, value),
            (_, ValueKind::Hex(token)) => self.verbatim(token, value.span),
            (Shape::Number(number), _) => self.number(number, value),
            (Shape::Array(array), _) => self.array(array, value),
            (Shape::Struct(parts), _) => self.fields(&parts.fields, value),
            (Shape::Switch(switch), _) => self.switch(switch, value),
        }
    }

    fn push(&mut self, bytes: &[u8], span: Span) -> Packed {
        self.out.extend_from_slice(bytes);
        if self.out.len() > VALUE_BYTES_MAX as usize {
            return misfit(span, format!("the value is larger than {VALUE_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    /// `<…>` is the packed value as it is, length tag included.
    fn verbatim(&mut self, token: &str, span: Span) -> Packed {
        self.push(&lexer::unhex(token), span)
    }

    fn number(&mut self, number: &Number, value: &Value<'_>) -> Packed {
        let packed = match &value.kind {
            ValueKind::Number(literal) => *literal,
            ValueKind::Quoted(token) => {
                // A character is its code, not something to be scaled.
                let byte = self.character(number.kind, token, value.span)?;
                return self.push(&[byte], value.span);
            }
            _ => return misfit(value.span, "expected a number"),
        };
        let bits = match number.kind {
            NumberKind::Float32 => u64::from(self.single(number, packed, value.span)?.to_bits()),
            NumberKind::Float64 => self.double(number, packed, value.span)?.to_bits(),
            _ => self.integer(number, packed, value.span)?,
        };
        self.push(&bits.to_le_bytes()[..number.kind.size() as usize], value.span)
    }

    fn character(&self, kind: NumberKind, token: &str, span: Span) -> Result<u8, Misfit> {
        let is_byte = match self.meaning {
            Meaning::Real => kind.size() == 1,
            Meaning::Packed => kind == NumberKind::Char,
        };
        match lexer::unquote(token).as_slice() {
            [byte] if is_byte => Ok(*byte),
            _ if is_byte => Err(Misfit { span, message: "expected one character".to_owned() }),
            _ => Err(Misfit { span, message: "expected a number".to_owned() }),
        }
    }

    fn integer(&self, number: &Number, literal: Literal, span: Span) -> Result<u64, Misfit> {
        let value = match (self.meaning, literal) {
            (Meaning::Real, _) => number.wrapped(literal),
            (Meaning::Packed, Literal::Integer(value)) => value,
            (Meaning::Packed, Literal::Real(..)) => return misfit(span, "expected an integer"),
        };
        let (min, max) = number.kind.bounds();
        if value < min || value > max {
            let as_packed = match number.divisor {
                1 => String::new(),
                _ => format!(" (packed as {value})"),
            };
            return misfit(span, format!("the value{as_packed} must be {min} to {max}"));
        }
        Ok(value as u64)
    }

    fn double(&self, number: &Number, literal: Literal, span: Span) -> Result<f64, Misfit> {
        match (self.meaning, literal.as_f64()) {
            (Meaning::Packed, value) => Ok(value),
            (Meaning::Real, value) => {
                let scaled = number.wrap_float(value * f64::from(number.divisor));
                if scaled.is_finite() {
                    Ok(scaled)
                } else {
                    misfit(span, "this is no finite number")
                }
            }
        }
    }

    fn single(&self, number: &Number, literal: Literal, span: Span) -> Result<f32, Misfit> {
        let single = match (self.meaning, literal) {
            (Meaning::Packed, Literal::Real(_, single)) => single,
            _ => self.double(number, literal, span)? as f32,
        };
        // Whoever means infinity writes `inf`, which DC files have not.
        if single.is_infinite() && literal.as_f64().is_finite() {
            return misfit(
                span,
                format!("the value must be {} to {}", Float(f32::MIN), Float(f32::MAX)),
            );
        }
        Ok(single)
    }

    fn bytes(&mut self, ty: &Type, kind: &Bytes, value: &Value<'_>) -> Packed {
        let tag = kind.tag();
        let start = self.out.len();
        let content = match &value.kind {
            ValueKind::Hex(token) if tag > 0 => {
                self.verbatim(token, value.span)?;
                if self.meaning == Meaning::Real {
                    self.note_unreadable(ty, tag, start, value.span);
                }
                return Ok(());
            }
            ValueKind::Hex(token) => lexer::unhex(token),
            ValueKind::Quoted(token) => lexer::unquote(token),
            ValueKind::Group(parts) => {
                self.push(&[0; 4][..tag], value.span)?;
                self.byte_elements(kind, parts)?;
                let count = self.out.len() - start - tag;
                check_count(&kind.counts, count, "bytes", value.span)?;
                return self.close_tag(start, tag, value.span);
            }
            ValueKind::Number(_) => {
                return misfit(value.span, "expected a string, `< >` or `[ ]`");
            }
        };
        check_count(&kind.counts, content.len(), "bytes", value.span)?;
        self.push(&[0; 4][..tag], value.span)?;
        self.push(&content, value.span)?;
        self.close_tag(start, tag, value.span)
    }

    fn note_unreadable(&mut self, ty: &Type, tag: usize, start: usize, span: Span) {
        let bytes = &self.out[start..];
        let Err(reason) = ty.check_all(bytes) else { return };
        let length = (bytes.len() as u32).to_le_bytes();
        let content = [&length[..tag], bytes].concat();
        let as_content = ty.check_all(&content).is_ok().then(|| {
            let hex = content.iter().map(|byte| format!("{byte:02x}"));
            format!("<{}>", hex.collect::<String>())
        });
        self.unreadable = Some(Unreadable { span, reason, as_content });
    }

    fn byte_elements(&mut self, kind: &Bytes, parts: &[Part<'_>]) -> Packed {
        let plain;
        let number = match &kind.spelling {
            Spelling::Array(number) => number,
            Spelling::String => {
                plain = Number::plain(NumberKind::Char);
                &plain
            }
            Spelling::Blob | Spelling::Blob32 => {
                plain = Number::plain(NumberKind::UInt8);
                &plain
            }
        };
        self.elements(parts, |packer, value| match value.kind {
            ValueKind::Hex(token) => packer.verbatim(token, value.span),
            _ => packer.number(number, value),
        })?;
        Ok(())
    }

    fn array(&mut self, array: &Array, value: &Value<'_>) -> Packed {
        let tag = if array.untagged().is_some() { 0 } else { 2 };
        let start = self.out.len();
        self.push(&[0; 4][..tag], value.span)?;
        let count = match (&value.kind, &array.element.shape) {
            (ValueKind::Group(parts), _) => {
                self.elements(parts, |packer, value| packer.value(&array.element, value))?
            }
            // As an array of `uint8` or `char` takes one, unless it is spelled with a word.
            (ValueKind::Quoted(token), Shape::Number(Number { kind: NumberKind::Int8, .. }))
                if array.word.is_none() =>
            {
                let content = lexer::unquote(token);
                self.push(&content, value.span)?;
                content.len()
            }
            _ => return misfit(value.span, "expected an array's values in `[ ]`"),
        };
        // Nobody could count elements without bytes when the value is read.
        if array.element.size != Size::NOTHING {
            check_count(&array.counts, count, "elements", value.span)?;
        }
        self.close_tag(start, tag, value.span)
    }

    /// Appends each element as often as the text says, and returns how many that are.
    fn elements(
        &mut self,
        parts: &[Part<'_>],
        mut one: impl FnMut(&mut Packer, &Value<'_>) -> Packed,
    ) -> Result<usize, Misfit> {
        let mut count = 0;
        for Part { label, value, times } in parts {
            if let Some(label) = label {
                return misfit(label.span, "the elements of an array have no names");
            }
            for _ in 0..*times {
                let before = self.out.len();
                one(self, value)?;
                count += 1;
                // The buffer's limit ends this otherwise.
                if self.out.len() == before {
                    break;
                }
            }
        }
        Ok(count)
    }

    /// Writes the length of what follows the tag into the tag.
    fn close_tag(&mut self, start: usize, tag: usize, span: Span) -> Packed {
        let length = self.out.len() - start - tag;
        if tag == 2 && length > usize::from(u16::MAX) {
            return misfit(span, format!("{length} bytes are too many"));
        }
        self.out[start..start + tag].copy_from_slice(&length.to_le_bytes()[..tag]);
        Ok(())
    }

    fn fields(&mut self, fields: &[Arc<Field>], value: &Value<'_>) -> Packed {
        let parts = written_out(parts_of(value)?, fields.len(), "fields", value.span)?;
        self.field_list(fields, parts)
    }

    fn field_list<'v, 'a: 'v>(
        &mut self,
        fields: &[Arc<Field>],
        parts: impl Iterator<Item = &'v Part<'a>>,
    ) -> Packed {
        for (field, part) in fields.iter().zip(parts) {
            check_label(&part.label, field.name())?;
            self.field(field, &part.value)?;
        }
        Ok(())
    }

    fn switch(&mut self, switch: &Switch, value: &Value<'_>) -> Packed {
        let parts = parts_of(value)?;
        let Some(key) = parts.iter().find(|part| part.times > 0) else {
            return misfit(value.span, "expected the key of the switch");
        };
        check_label(&key.label, switch.key.name())?;
        let start = self.out.len();
        self.field(&switch.key, &key.value)?;
        let packed_key = self.out[start..].to_vec();
        let Some(fields) = switch.fields_for(&packed_key) else {
            return misfit(key.value.span, "the switch has no case for this value");
        };
        let parts = written_out(parts, 1 + fields.len(), "fields with the key", value.span)?;
        self.field_list(fields, parts.skip(1))
    }
}

fn misfit<T>(span: Span, message: impl Into<String>) -> Result<T, Misfit> {
    Err(Misfit { span, message: message.into() })
}

fn parts_of<'v, 'a>(value: &'v Value<'a>) -> Result<&'v [Part<'a>], Misfit> {
    match &value.kind {
        ValueKind::Group(parts) => Ok(parts),
        _ => misfit(value.span, "expected a struct's values in `{ }`"),
    }
}

/// The parts with repetitions written out, if they are as many as wanted.
fn written_out<'v, 'a>(
    parts: &'v [Part<'a>],
    wanted: usize,
    what: &str,
    span: Span,
) -> Result<impl Iterator<Item = &'v Part<'a>>, Misfit> {
    let given = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.times));
    if given != wanted as u64 {
        return misfit(span, format!("{given} values for {wanted} {what}"));
    }
    Ok(parts.iter().flat_map(|part| std::iter::repeat_n(part, part.times as usize)))
}

fn check_label(label: &Option<crate::ast::Name<'_>>, name: &str) -> Packed {
    match label {
        Some(label) if label.text != name => {
            misfit(label.span, format!("expected the value of `{}`", shown(name)))
        }
        _ => Ok(()),
    }
}

fn check_count(counts: &Counts, count: usize, what: &str, span: Span) -> Packed {
    if counts.allow(count) {
        return Ok(());
    }
    misfit(span, format!("{count} {what}, allowed: {}", ranges(&counts.0)))
}

impl Literal {
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Literal::Integer(value) => value as f64,
            Literal::Real(value, _) => value,
        }
    }
}

impl Number {
    /// A number of this kind that nothing narrows.
    pub(crate) fn plain(kind: NumberKind) -> Number {
        Number { kind, divisor: 1, modulus: None, ranges: Vec::new(), limits: Limits::None }
    }

    /// A real value as it is packed, for integers: times the divisor, rounded.
    pub(crate) fn scale(&self, literal: Literal) -> i128 {
        match literal {
            Literal::Integer(value) => value.saturating_mul(self.divisor.into()),
            Literal::Real(value, _) => (value * f64::from(self.divisor) + 0.5).floor() as i128,
        }
    }

    /// As [`scale`](Number::scale), within the modulus. It is applied before rounding.
    pub(super) fn wrapped(&self, literal: Literal) -> i128 {
        match (literal, self.modulus.map(|modulus| self.scale(modulus))) {
            (_, None) => self.scale(literal),
            (Literal::Integer(_), Some(modulus)) => self.scale(literal).rem_euclid(modulus.max(1)),
            (Literal::Real(value, _), Some(_)) => {
                (self.wrap_float(value * f64::from(self.divisor)) + 0.5).floor() as i128
            }
        }
    }

    pub(super) fn wrap_float(&self, value: f64) -> f64 {
        match self.modulus.map(|modulus| modulus.as_f64() * f64::from(self.divisor)) {
            Some(modulus) if modulus > 0.0 => value.rem_euclid(modulus),
            _ => value,
        }
    }
}
