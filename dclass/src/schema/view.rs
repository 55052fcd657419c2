//! Types as others see them who translate values from and into formats of their own.

use super::types::{Shape, Spelling, Type};
use super::{Body, Field};
use crate::ast::NumberKind;

/// What values of a type consist of. Limits are left out; [`Field::validate`] knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeView {
    /// An integer of so many bits.
    Integer {
        /// 8, 16, 32 or 64.
        bits: u32,
        /// Whether it can be negative.
        signed: bool,
    },
    /// A float of either size.
    Float,
    /// One byte that stands for a character.
    Char,
    /// Text: `string` and arrays of `char`.
    Text,
    /// Bytes: `blob` and arrays of `uint8`.
    Bytes,
    /// A row of values of one type.
    Array(Box<TypeView>),
    /// A struct's fields with their names, in order. A field without a name has an empty one.
    Struct(Vec<(String, TypeView)>),
    /// A method's parameters with their names, in order. A parameter without a name has an empty one.
    Method(Vec<(String, TypeView)>),
    /// Several atomic fields' values, with their names.
    Molecular(Vec<(String, TypeView)>),
    /// A key and fields that depend on its value.
    Switch,
}

impl Field {
    /// What values of the field consist of.
    pub fn view(&self) -> TypeView {
        match &self.body {
            Body::Param(param) => view(&param.ty),
            Body::Method(params) => {
                let named = params.iter().map(|param| (param.name.clone(), view(&param.ty)));
                TypeView::Method(named.collect())
            }
            Body::Molecular(parts) => {
                let named = parts.iter().map(|part| (part.name.clone(), part.view()));
                TypeView::Molecular(named.collect())
            }
        }
    }
}

fn view(ty: &Type) -> TypeView {
    match &ty.shape {
        Shape::Number(number) => match number.kind {
            NumberKind::Char => TypeView::Char,
            kind if kind.is_float() => TypeView::Float,
            kind => TypeView::Integer { bits: kind.size() * 8, signed: kind.is_signed() },
        },
        Shape::Bytes(bytes) => match &bytes.spelling {
            Spelling::String => TypeView::Text,
            Spelling::Array(number) if number.kind == NumberKind::Char => TypeView::Text,
            Spelling::Array(_) | Spelling::Blob | Spelling::Blob32 => TypeView::Bytes,
        },
        Shape::Array(array) => TypeView::Array(Box::new(view(&array.element))),
        Shape::Struct(parts) => {
            let named = parts.fields.iter().map(|field| (field.name.clone(), field.view()));
            TypeView::Struct(named.collect())
        }
        Shape::Switch(_) => TypeView::Switch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, parse};

    #[test]
    fn a_field_seen_from_outside() {
        let text = "struct Point { int16/10 x; string; };
            dclass A { f(uint8(0-5) a, char[] b, uint8 c[3], Point p[], float32, char d) db; };";
        let dc = parse(&[Source::new("test.dc", text)]).expect("valid");
        let field = dc.class_by_name("A").and_then(|class| class.field_by_name("f"));
        let named = |name: &str, view| (name.to_owned(), view);
        let point = TypeView::Struct(vec![
            named("x", TypeView::Integer { bits: 16, signed: true }),
            named("", TypeView::Text),
        ]);
        let expected = TypeView::Method(vec![
            named("a", TypeView::Integer { bits: 8, signed: false }),
            named("b", TypeView::Text),
            named("c", TypeView::Bytes),
            named("p", TypeView::Array(Box::new(point))),
            named("", TypeView::Float),
            named("d", TypeView::Char),
        ]);
        assert_eq!(field.expect("a field").view(), expected);
    }
}
