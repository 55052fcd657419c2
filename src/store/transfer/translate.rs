//! Values from the form in which one store has them into that which another takes.

use std::fmt;

use dclass::{Field, visible};

use crate::ids::DoId;
use crate::store::Schema;
use crate::store::archive::{Entry, Form, Raw, Record};
use crate::store::layout::{is_compatible, is_read_alike};

/// Something stored that does not agree with the DC files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The object.
    pub do_id: DoId,
    /// Its class, if it can be read.
    pub class: String,
    /// The field, if it is about one.
    pub field: Option<String>,
    /// What is wrong.
    pub why: String,
}

/// How it is said that a value is stored of a type that its field has not.
const OF_ANOTHER_TYPE: &str = "stored as `";

impl Problem {
    /// Whether a value is stored of a type that its field has not.
    pub fn is_of_another_type(&self) -> bool {
        self.why.starts_with(OF_ANOTHER_TYPE)
    }
}

/// The beginning of a value, for a message.
pub(super) fn short(text: &str) -> String {
    const CHARS: usize = 100;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Names and values that are stored are anybody's: without line breaks, and with nothing that steers a terminal.
fn one_line(text: &str) -> String {
    visible(text, &mut []).replace('\n', "\\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { do_id, class, field, why } = self;
        let line = match field {
            Some(field) => format!("object {do_id}: {class}.{field}: {why}"),
            None => format!("object {do_id}: {why}"),
        };
        f.write_str(&one_line(&line))
    }
}

/// Translates an object. What cannot be translated is left out and told to `problem`; of an object that
/// cannot be read at all, or whose class a database would not know, nothing is left.
pub fn translate(
    entry: Entry,
    schema: &Schema,
    form: Form,
    mut problem: impl FnMut(Problem),
) -> Option<Record> {
    let record = match entry {
        Ok(record) => record,
        Err(broken) => {
            let (class, field) = (String::new(), None);
            problem(Problem { do_id: broken.do_id, class, field, why: broken.why });
            return None;
        }
    };
    let class = schema.class_by_name(&record.class);
    if class.is_none() && form != Form::Either {
        problem(unknown_class(&record));
        return None;
    }
    if form != Form::Either
        && let Some(why) = no_id(record.do_id)
    {
        let Record { do_id, class, .. } = record;
        problem(Problem { do_id, class, field: None, why });
        return None;
    }
    let mut values = Vec::with_capacity(record.values.len());
    for (name, raw) in record.values {
        let field = class.and_then(|class| class.field_by_name(&name));
        let translated = match field {
            // An export has all that is there, a database what can be asked for.
            Some(field) if form != Form::Either && !field.keywords().db() => {
                Err(NOT_STORED.to_owned())
            }
            Some(field) => translate_value(field, raw, form),
            None => foreign(raw, form),
        };
        match translated {
            Ok(Some(raw)) => values.push((field.map(Field::id), name, raw)),
            Ok(None) => {}
            Err(why) => {
                let (do_id, class, field) = (record.do_id, record.class.clone(), Some(name));
                problem(Problem { do_id, class, field, why });
            }
        }
    }
    // Astron's order; what the DC files do not know comes last.
    values.sort_by_key(|(field, ..)| (field.is_none(), *field));
    let values = values.into_iter().map(|(_, name, raw)| (name, raw)).collect();
    Some(Record { values, ..record })
}

/// What is wrong with a value of a field that is not stored.
pub const NOT_STORED: &str = "the field has no keyword `db`";

/// What is wrong with an id that no object can have.
pub fn no_id(do_id: DoId) -> Option<String> {
    (do_id.0 == 0).then(|| "no object has the id 0, which stands for none".to_owned())
}

/// What is wrong with an object of a class that the DC files do not have.
pub fn unknown_class(record: &Record) -> Problem {
    let Record { do_id, class, .. } = record;
    let why = format!("the DC files have no class `{class}`");
    Problem { do_id: *do_id, class: class.clone(), field: None, why }
}

/// The packed value, checked; empty if there is none.
pub fn packed(field: &Field, raw: &Raw) -> Result<Vec<u8>, String> {
    match raw {
        Raw::Text { text, type_text } => {
            check_type(field, type_text.as_deref(), is_read_alike)?;
            field.parse(text).map_err(|error| format!("`{}`: {error}", short(text)))
        }
        Raw::Packed { value, type_text } => {
            check_type(field, type_text.as_deref(), is_compatible)?;
            field.validate_all(value).map_err(|error| error.to_string())?;
            Ok(value.to_vec())
        }
        Raw::Foreign { why } => Err(why.clone()),
    }
}

fn check_type(
    field: &Field,
    stored: Option<&str>,
    is_alike: impl Fn(&str, &str) -> bool,
) -> Result<(), String> {
    let current = field.named_type_text();
    match stored {
        Some(stored) if !is_alike(stored, &current) => {
            Err(format!("{OF_ANOTHER_TYPE}{stored}`, now `{current}`"))
        }
        _ => Ok(()),
    }
}

fn translate_value(field: &Field, raw: Raw, form: Form) -> Result<Option<Raw>, String> {
    let value = packed(field, &raw)?;
    if value.is_empty() {
        return Ok(None);
    }
    let text = match form {
        Form::Packed => None,
        Form::Text => Some(field.format(&value).map_err(|error| error.to_string())?),
        Form::Either => {
            let text = field.format(&value).ok();
            text.filter(|text| field.parse(text).is_ok_and(|parsed| parsed == value))
        }
    };
    let type_text = Some(field.named_type_text().into());
    Ok(Some(match text {
        Some(text) => Raw::Text { text, type_text },
        None => Raw::Packed { value: value.into(), type_text },
    }))
}

/// A value that the DC files say nothing about can stay only in the form in which it is.
fn foreign(raw: Raw, form: Form) -> Result<Option<Raw>, String> {
    let fits = match (&raw, form) {
        (Raw::Text { .. }, Form::Text | Form::Either) => true,
        (Raw::Packed { type_text, .. }, Form::Packed | Form::Either) => type_text.is_some(),
        _ => false,
    };
    match (fits, raw) {
        (_, Raw::Foreign { why }) => Err(why),
        (true, raw) => Ok(Some(raw)),
        (false, _) => Err("the DC files have no such field".to_owned()),
    }
}
