//! Types without their limits: whoever has stored a value may have had wider ones.

use super::Stored;
use crate::ast::NumberKind;
use crate::schema::types::{
    Array, Bytes, Counts, Number, Shape, Size, Spelling, Struct, Switch, Type,
};
use crate::schema::{Body, Field, Param, StringEncoding};
use std::collections::HashMap;
use std::sync::Arc;

/// The field as it would be without ranges, lengths, numbers of elements and an encoding of text, so that it takes each value
/// that may be stored in its form. In text, widths and fixed lengths are limits, too.
pub fn unlimited(field: &Field, form: Stored) -> Field {
    Widener { form, known: HashMap::new() }.field(field)
}

type Fields = Box<[Arc<Field>]>;

/// Makes types without limits.
struct Widener {
    form: Stored,
    /// Of structs and switches, which may stand in many places: each is made once.
    known: HashMap<*const (), Fields>,
}

impl Widener {
    fn field(&mut self, field: &Field) -> Field {
        let body = match &field.body {
            Body::Param(param) => Body::Param(self.param(param)),
            Body::Method(params) => {
                Body::Method(params.iter().map(|param| self.param(param)).collect())
            }
            Body::Molecular(parts) => Body::Molecular(self.fields(parts)),
        };
        let (size, checked) = match &body {
            Body::Param(param) => (param.ty.size, param.ty.checked),
            Body::Method(params) => {
                sum(params.iter().map(|param| (param.ty.size, param.ty.checked)))
            }
            Body::Molecular(parts) => sum(parts.iter().map(|part| (part.size, part.checked))),
        };
        Field {
            id: field.id,
            class: field.class,
            name: field.name.clone(),
            keywords: field.keywords,
            custom: field.custom.clone(),
            hash_by_name: field.hash_by_name,
            body,
            size,
            checked,
            explicit: field.explicit,
            implicit: field.implicit.clone(),
            unreadable: field.unreadable.clone(),
        }
    }

    fn fields(&mut self, fields: &[Arc<Field>]) -> Fields {
        fields.iter().map(|field| Arc::new(self.field(field))).collect()
    }

    fn fields_of(&mut self, composite: *const (), fields: &[Arc<Field>]) -> Fields {
        if let Some(known) = self.known.get(&composite) {
            return known.clone();
        }
        let fields = self.fields(fields);
        self.known.insert(composite, fields.clone());
        fields
    }

    fn param(&mut self, param: &Param) -> Param {
        let Param { name, ty, implicit_bytes } = param;
        Param { name: name.clone(), ty: Arc::new(self.ty(ty)), implicit_bytes: *implicit_bytes }
    }

    fn ty(&mut self, ty: &Type) -> Type {
        match &ty.shape {
            Shape::Number(number) => Type::number(self.number(number)),
            Shape::Bytes(bytes) => Type::bytes(self.bytes(bytes)),
            Shape::Array(array) => Type::array(self.array(array)),
            Shape::Struct(structure) => {
                let class = Arc::clone(&structure.class);
                let fields = self.fields_of(Arc::as_ptr(&class).cast(), &structure.fields);
                let (size, checked) = sum(fields.iter().map(|field| (field.size, field.checked)));
                Type { shape: Shape::Struct(Struct { class, fields }), size, checked, ..ty.clone() }
            }
            Shape::Switch(switch) => Type::switch(self.switch(switch)),
        }
    }

    fn number(&self, number: &Number) -> Number {
        let kind = match (self.form, number.kind) {
            (Stored::Packed, kind) => kind,
            (Stored::Text, kind @ NumberKind::Char) => kind,
            (Stored::Text, kind) if kind.is_float() => NumberKind::Float64,
            (Stored::Text, kind) if kind.is_signed() => NumberKind::Int64,
            (Stored::Text, _) => NumberKind::UInt64,
        };
        Number { divisor: number.divisor, ..Number::plain(kind) }
    }

    fn bytes(&self, bytes: &Bytes) -> Bytes {
        let spelling = match &bytes.spelling {
            Spelling::Array(number) => {
                Spelling::Array(Number { divisor: number.divisor, ..Number::plain(number.kind) })
            }
            spelling => spelling.clone(),
        };
        // The text of a blob has its length, unless that is fixed.
        let is_blob = matches!(spelling, Spelling::Blob | Spelling::Blob32);
        let is_tagless = self.form == Stored::Packed || is_blob;
        Bytes {
            counts: counts(&bytes.counts, is_tagless && bytes.counts.fixed().is_some()),
            encoding: StringEncoding::Bytes,
            renamed: bytes.renamed,
            spelling,
        }
    }

    fn array(&mut self, array: &Array) -> Array {
        let is_tagless = self.form == Stored::Packed && array.untagged().is_some();
        Array {
            element: Arc::new(self.ty(&array.element)),
            counts: counts(&array.counts, is_tagless),
            joined: array.joined,
            word: array.word.clone(),
        }
    }

    fn switch(&mut self, switch: &Switch) -> Switch {
        let fields = self.fields_of(Arc::as_ptr(&switch.key).cast(), &switch.fields);
        // Cases are known by the packed key.
        let form = std::mem::replace(&mut self.form, Stored::Packed);
        let key = Arc::new(self.field(&switch.key));
        self.form = form;
        Switch {
            name: switch.name.clone(),
            key,
            fields,
            cases: switch.cases.clone(),
            sorted: switch.sorted.clone(),
            default: switch.default,
        }
    }
}

/// A fixed number stays where nothing else tells it.
fn counts(counts: &Counts, is_kept: bool) -> Counts {
    if is_kept { counts.clone() } else { Counts::default() }
}

/// What parts that follow each other are together.
fn sum(parts: impl Iterator<Item = (Size, bool)>) -> (Size, bool) {
    parts.fold((Size::NOTHING, false), |(size, checked), (own, is_checked)| {
        (size.plus(own), checked || is_checked)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, parse};

    fn takes(declaration: &str, form: Stored, text: &str) -> bool {
        let dc = parse(&[Source::new(
            "test.dc",
            format!(
                "struct S {{ uint8(0-5) a; string(0-2) b; }}; dclass A {{ {declaration} db; }};"
            ),
        )])
        .unwrap_or_else(|errors| panic!("{errors}"));
        let field = &dc.class_by_name("A").expect("a class").fields()[0];
        assert!(field.parse(text).is_err(), "{declaration} {text}");
        let wide = unlimited(field, form);
        let parsed = wide.parse(text);
        if let Ok(value) = &parsed {
            assert_eq!(wide.format(value).as_deref(), Ok(text), "{declaration}");
        }
        parsed.is_ok()
    }

    #[test]
    fn what_only_limits_values_is_gone_and_what_lays_them_out_stays() {
        for (declaration, text, packed) in [
            ("uint8(0-5) a", "200", true),
            ("uint8(0-5) a", "300", false),
            ("int8 a", "-300", false),
            ("int16/10(0-5) a", "-1", true),
            ("float32(0-1) a", "2.5", true),
            ("f(uint8(0-5) a, string(0-2) b)", "(6, \"abc\\xff\")", true),
            ("S a", "{6, \"abc\"}", true),
            ("S a[1-2]", "[{6, \"abc\"}, {0, \"\"}, {300, \"\"}]", false),
            ("uint16(0-5) a[0-2]", "[6, 7, 8]", true),
            ("uint16 a[2]", "[6, 7, 8]", false),
            ("string(2) a", "\"abc\"", false),
            ("string(0-2) a[0-1]", "[\"abc\", \"\"]", true),
            ("uint8(0-5) a[0-2]", "[6, 7, 8]", true),
            ("blob(0-2) a", "<0300010203>", true),
        ] {
            assert_eq!(takes(declaration, Stored::Packed, text), packed, "{declaration}: {text}");
            assert!(takes(declaration, Stored::Text, text), "{declaration}: {text}");
        }
        for form in [Stored::Packed, Stored::Text] {
            assert!(!takes("uint8(0-5) a", form, "\"a\""));
            assert!(!takes("blob(2) a", form, "<010203>"));
            assert!(!takes("uint8(0-5) a[]", form, "[256]"));
        }
    }

    #[test]
    fn a_key_still_chooses_its_case() {
        let switch =
            "switch S (uint8(1-2) k) { case 1: uint8(0-5) a; break; default: int16 b; break; };";
        let dc = parse(&[Source::new("test.dc", format!("{switch} dclass A {{ f(S s) db; }};"))])
            .unwrap_or_else(|errors| panic!("{errors}"));
        let field = &dc.class_by_name("A").expect("a class").fields()[0];
        for (text, packed) in [("({1, 9})", true), ("({7, -9})", true), ("({1, 300})", false)] {
            assert!(field.parse(text).is_err());
            assert_eq!(unlimited(field, Stored::Packed).parse(text).is_ok(), packed, "{text}");
            assert!(unlimited(field, Stored::Text).parse(text).is_ok(), "{text}");
        }
    }

    /// Each struct has two of the one before.
    #[test]
    fn what_many_hold_is_made_once() {
        let mut text = "struct S0 { uint8(0-5) x; }; ".to_owned();
        for at in 1..12 {
            text += &format!("struct S{at} {{ S{0} a; S{0} b; }}; ", at - 1);
        }
        let dc = parse(&[Source::new("test.dc", format!("{text} dclass A {{ S11 f; }};"))])
            .unwrap_or_else(|errors| panic!("{errors}"));
        let field = &dc.class_by_name("A").expect("a class").fields()[0];
        let mut widener = Widener { form: Stored::Packed, known: HashMap::new() };
        assert_eq!(widener.field(field).fixed_size(), Some(1 << 11));
        assert_eq!(widener.known.len(), 12);
    }
}
