//! DC files as JSON, for programs that pack values and have no parser of their own.
//!
//! Everything is resolved: fields have all their ids, types say how wide lengths are, limits are packed
//! numbers. docs/dc-language.md describes the format; all strings are words of the DC language or
//! digits, so that nothing has to be escaped.

use crate::ast::{NumberKind, Simple};
use crate::schema::types::{
    Array, Bytes, Case, Counts, Limits, Number, Shape, Spelling, Switch, Type,
};
use crate::schema::{Body, Class, DcFile, Field, Param};
use std::fmt::Display;

/// The version of the format: raised when programs that read it have to change.
const FORMAT: u32 = 1;

impl DcFile {
    /// All that the files declare, as JSON with a line for each class and field.
    pub fn to_json(&self) -> String {
        let classes: Vec<String> = self.types.iter().map(|class| class_json(class)).collect();
        let fields: Vec<String> = self.fields.iter().map(|field| field_json(field)).collect();
        format!(
            "{{\n\"format\": {FORMAT},\n\"hash\": {},\n\"classes\": [\n{}\n],\n\"fields\": [\n{}\n]\n}}\n",
            self.hash,
            classes.join(",\n"),
            fields.join(",\n")
        )
    }
}

fn class_json(class: &Class) -> String {
    let mut json = Object::default();
    json.raw("id", class.id().0);
    json.text("name", class.name());
    json.raw("struct", class.is_struct());
    json.raw("parents", list(class.parents().iter().map(|id| id.0)));
    if let Some(constructor) = class.constructor() {
        json.raw("constructor", constructor.id().0);
    }
    json.raw("fields", list(class.fields().iter().map(|field| field.id().0)));
    json.close()
}

fn field_json(field: &Field) -> String {
    let mut json = Object::default();
    json.raw("id", field.id().0);
    json.raw("class", field.class_id().0);
    json.text("name", field.name());
    let mut words: Vec<&str> = field.keywords().names().collect();
    words.extend(field.custom_keywords().iter().map(String::as_str));
    json.raw("keywords", list(words.iter().map(|word| format!("\"{word}\""))));
    body_json(&mut json, field);
    if let Some(value) = field.default_value() {
        json.text("default", &hex(value));
    }
    json.close()
}

fn body_json(json: &mut Object, field: &Field) {
    match &field.body {
        Body::Method(params) => json.raw("params", list(params.iter().map(param_json))),
        Body::Param(param) => json.raw("type", type_json(&param.ty)),
        Body::Molecular(parts) => json.raw("parts", list(parts.iter().map(|part| part.id().0))),
    }
}

/// A field of a switch, or of a struct without a name: it has no id of its own.
fn part_json(field: &Field) -> String {
    let mut json = Object::default();
    json.text("name", field.name());
    body_json(&mut json, field);
    json.close()
}

fn param_json(param: &Param) -> String {
    let mut json = Object::default();
    json.text("name", &param.name);
    json.raw("type", type_json(&param.ty));
    json.close()
}

fn type_json(ty: &Type) -> String {
    let mut json = Object::default();
    match &ty.shape {
        Shape::Number(number) => number_json(&mut json, number),
        Shape::Bytes(bytes) => bytes_json(&mut json, bytes),
        Shape::Array(array) => array_json(&mut json, array),
        Shape::Struct(parts) => {
            json.text("kind", "struct");
            // The pairs of `uint32uint8array` have no name, and are of no class that is listed.
            match parts.class.name() {
                "" => json.raw("fields", list(parts.fields.iter().map(|field| part_json(field)))),
                _ => json.raw("struct", parts.class.id().0),
            }
        }
        Shape::Switch(switch) => switch_json(&mut json, switch),
    }
    json.close()
}

fn number_json(json: &mut Object, number: &Number) {
    json.text("kind", Simple::Number(number.kind).word());
    if number.divisor != 1 {
        json.raw("divisor", number.divisor);
    }
    if let Some(modulus) = &number.modulus {
        json.raw("modulus", modulus);
    }
    limits_json(json, number.kind.size() == 8, &number.limits);
}

fn limits_json(json: &mut Object, wide: bool, limits: &Limits) {
    match limits {
        Limits::None => {}
        // Integers of 64 bits are more than the numbers of JSON's readers hold.
        Limits::Signed(ranges) if wide => json.raw("limits", pairs(ranges, |n| format!("\"{n}\""))),
        Limits::Unsigned(ranges) if wide => {
            json.raw("limits", pairs(ranges, |n| format!("\"{n}\"")));
        }
        Limits::Signed(ranges) => json.raw("limits", pairs(ranges, |n| n)),
        Limits::Unsigned(ranges) => json.raw("limits", pairs(ranges, |n| n)),
        Limits::Float(ranges) => json.raw("limits", pairs(ranges, finite)),
    }
}

/// JSON has no infinity; its largest number lets everything through as well.
fn finite(limit: f64) -> String {
    format!("{:?}", limit.clamp(f64::MIN, f64::MAX))
}

fn bytes_json(json: &mut Object, bytes: &Bytes) {
    let word = match &bytes.spelling {
        Spelling::String => "string",
        Spelling::Array(number) if number.kind == NumberKind::Char => "string",
        Spelling::Array(_) | Spelling::Blob | Spelling::Blob32 => "blob",
    };
    json.text("kind", word);
    json.raw("tag", bytes.tag());
    counts_json(json, &bytes.counts);
    limits_json(json, false, bytes.limits());
}

fn array_json(json: &mut Object, array: &Array) {
    json.text("kind", "array");
    json.raw("tag", if array.untagged().is_some() { 0 } else { 2 });
    counts_json(json, &array.counts);
    json.raw("element", type_json(&array.element));
}

fn counts_json(json: &mut Object, counts: &Counts) {
    if !counts.0.is_empty() {
        json.raw("counts", pairs(&counts.0, |n| n));
    }
}

fn switch_json(json: &mut Object, switch: &Switch) {
    json.text("kind", "switch");
    json.raw("key", part_json(&switch.key));
    json.raw("fields", list(switch.fields.iter().map(|field| part_json(field))));
    let case =
        |case: &Case| format!("[\"{}\", {}, {}]", hex(&case.value), case.fields.0, case.fields.1);
    json.raw("cases", list(switch.cases.iter().map(case)));
    if let Some((from, to)) = switch.default {
        json.raw("default", format!("[{from}, {to}]"));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pairs<T: Copy, D: Display>(ranges: &[(T, T)], shown: impl Fn(T) -> D) -> String {
    let pair = |(min, max): &(T, T)| format!("[{}, {}]", shown(*min), shown(*max));
    list(ranges.iter().map(pair))
}

/// A JSON object on one line.
#[derive(Default)]
struct Object(Vec<String>);

impl Object {
    fn raw(&mut self, key: &str, value: impl Display) {
        self.0.push(format!("\"{key}\": {value}"));
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, format_args!("\"{value}\""));
    }

    fn close(self) -> String {
        format!("{{{}}}", self.0.join(", "))
    }
}

/// A JSON array on one line.
fn list<T: Display>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}
