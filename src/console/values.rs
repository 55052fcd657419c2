//! Values of fields as people read them.

use dclass::{DcFile, Field};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::{ClassId, FieldId};
use crate::trace::{is_secret, readable};

/// Longer texts are cut.
const TEXT_BYTES_MAX: usize = 4096;

/// A field of an object, with its value.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct FieldSeen {
    /// Its number in the DC files.
    pub id: u16,
    /// Its name.
    pub name: String,
    /// As the DC file has it.
    pub declaration: String,
    /// Its keywords.
    pub keywords: Vec<String>,
    /// Its value as DC text; what cannot be read is hexadecimal, and what has the keyword `secret` is not shown.
    pub value: String,
    /// How many bytes the value has.
    pub bytes: usize,
    /// Whether the text has been cut.
    pub cut: bool,
}

/// A field with its value.
pub fn field_seen(dc: &DcFile, id: FieldId, value: &[u8]) -> FieldSeen {
    let field = dc.field(id);
    // More would be cut anyway, and takes long.
    let text = field
        .filter(|_| value.len() <= TEXT_BYTES_MAX * 4)
        .and_then(|field| readable(field, value).ok());
    let text = match field.is_some_and(is_secret) {
        true => String::new(),
        false => text.unwrap_or_else(|| hex(value)),
    };
    let (value_text, cut) = shortened(text);
    FieldSeen {
        id: id.0,
        name: field.map_or_else(|| format!("field {}", id.0), |field| field.name().to_owned()),
        declaration: field.map(Field::declaration).unwrap_or_default(),
        keywords: field.map(keywords).unwrap_or_default(),
        value: value_text,
        bytes: value.len(),
        cut,
    }
}

/// The keywords of a field, its own ones included.
pub fn keywords(field: &Field) -> Vec<String> {
    let known = field.keywords().names().map(str::to_owned);
    known.chain(field.custom_keywords().iter().cloned()).collect()
}

/// The name of a class; its number, if the DC files do not have it.
pub fn class_name(dc: &DcFile, id: ClassId) -> String {
    dc.class(id).map_or_else(|| format!("class {}", id.0), |class| class.name().to_owned())
}

fn hex(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(TEXT_BYTES_MAX)];
    shown.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn shortened(mut text: String) -> (String, bool) {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let cut = end < text.len();
    text.truncate(end);
    (text, cut)
}

#[cfg(test)]
mod tests {
    use dclass::Source;

    use super::*;

    #[test]
    fn a_secret_is_told_by_its_length() {
        let text =
            "keyword secret;\ndclass Account { name(string) db; hash(string) db secret; };\n";
        let dc = dclass::parse(&[Source::new("a.dc", text)]).expect("a right file");
        let seen = |name: &str| {
            let field = dc.class_by_name("Account").and_then(|class| class.field_by_name(name));
            field_seen(&dc, field.expect("it has it").id(), b"\x03\0abc")
        };
        assert_eq!((&*seen("name").value, seen("name").bytes), ("(\"abc\")", 5));
        assert_eq!((&*seen("hash").value, seen("hash").bytes), ("", 5));
    }
}
