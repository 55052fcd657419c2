//! Defaults that are no values of their types, as text.
//!
//! Astron and Panda3D take them as they are written, so they are kept. Whoever reads the bytes does not find what they
//! consist of; the text is what people know them by.

use super::format::of_type;
use crate::ast::{Part, Value, ValueKind};
use crate::schema::Param;
use crate::schema::types::{Shape, Type};

/// The text of a default, if it cannot be read. It may come from a typedef or a struct; then it is written elsewhere.
pub(crate) fn of_default(ty: &Type, value: &[u8], written: Option<&Value<'_>>) -> Option<String> {
    if ty.check_all(value).is_ok() {
        return None;
    }
    Some(match (written, &ty.shape) {
        (Some(written), _) => text(written),
        (None, Shape::Struct(parts))
            if parts.fields.iter().any(|field| field.unreadable.is_some()) =>
        {
            let parts: Vec<String> =
                parts.fields.iter().map(|field| field.implicit_text()).collect();
            format!("{{{}}}", parts.join(", "))
        }
        (None, _) => hex(value),
    })
}

/// The text of a method's defaults, if one of them cannot be read: each parameter's, and where its bytes end.
pub(crate) fn of_method(
    params: &[Param],
    values: &[u8],
    unreadable: Vec<(Option<String>, usize)>,
) -> Option<String> {
    if unreadable.iter().all(|(text, _)| text.is_none()) {
        return None;
    }
    let mut start = 0;
    let mut parts = Vec::with_capacity(params.len());
    for (param, (text, end)) in params.iter().zip(unreadable) {
        let value = values.get(start..end).unwrap_or_default();
        start = end;
        parts.push(text.or_else(|| of_type(&param.ty, value)).unwrap_or_else(|| hex(value)));
    }
    Some(format!("({})", parts.join(", ")))
}

/// Bytes as a value that is taken as it is.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("<{digits}>")
}

fn text(value: &Value<'_>) -> String {
    match &value.kind {
        ValueKind::Number(number) => number.to_string(),
        ValueKind::Quoted(token) | ValueKind::Hex(token) => (*token).to_owned(),
        ValueKind::Group(parts) => {
            let parts: Vec<String> = parts.iter().map(part).collect();
            format!("[{}]", parts.join(", "))
        }
    }
}

fn part(Part { label, value, times }: &Part<'_>) -> String {
    let mut out = text(value);
    if *times != 1 {
        out = format!("{out} * {times}");
    }
    match label {
        Some(label) => format!("{} = {out}", label.text),
        None => out,
    }
}
