//! Names and values → bytes.

use std::fmt::Display;

use dclass::{Class, Field, FieldId};
use serde_json::{Map, Value as Json};

use super::names::{Names, has_other, hint};
use crate::ids::{Channel, ClassId, DATAGRAM_BYTES_MAX, LengthTag, RECIPIENTS_MAX};
use crate::message::{Argument, Family, Row, Shape, Values, row, row_named, table};
use crate::wire::{CONTROL_HEAD, Envelope, Writer};

/// What cannot be made a datagram: which argument, and why.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}{text}", if place.is_empty() { String::new() } else { format!("{place}: ") })]
pub struct ComposeError {
    /// Where, such as `arguments.object.required[2]`.
    pub place: String,
    /// What is wrong there.
    pub text: String,
}

type Composed<T = ()> = Result<T, ComposeError>;

fn wrong<T>(place: &str, text: impl Display) -> Composed<T> {
    Err(ComposeError { place: place.to_owned(), text: text.to_string() })
}

/// Makes a datagram of servers of a message's name and its arguments, as [`super::Decoded::to_json`] has them: without the
/// length tag. A control message has no sender, and the control channel as its only recipient.
///
/// # Errors
/// When there is no such message, or an argument is missing, unknown, or none that it can be.
pub fn compose(
    names: &Names,
    recipients: &[Channel],
    sender: Channel,
    message: &str,
    arguments: &Map<String, Json>,
) -> Composed<Vec<u8>> {
    let row = message_named(message)?;
    if row.family == Family::Client || Family::SHARING.contains(&row.family) {
        return wrong(
            "message",
            format!("{} is said between a client and its agent only", row.name),
        );
    }
    if recipients.len() > RECIPIENTS_MAX {
        return wrong("channels", format!("a datagram has {RECIPIENTS_MAX} recipients at most"));
    }
    if recipients == [Channel::CONTROL] && row.family != Family::Control {
        return wrong(
            "channels",
            "what is for channel 1 alone is for a message director, and no message of another kind",
        );
    }
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes);
    if row.family == Family::Control {
        writer.raw(&CONTROL_HEAD);
    } else {
        Envelope::write_head(&mut writer, recipients, sender);
    }
    write_message(names, row, arguments, &mut bytes, "arguments")?;
    Ok(bytes)
}

/// Makes a datagram between a client and its agent.
///
/// # Errors
/// As [`compose`].
pub fn compose_client(
    names: &Names,
    message: &str,
    arguments: &Map<String, Json>,
) -> Composed<Vec<u8>> {
    let row = message_named(message)?;
    let mut bytes = Vec::new();
    write_message(names, row, arguments, &mut bytes, "arguments")?;
    Ok(bytes)
}

fn message_named(name: &str) -> Composed<&'static Row> {
    let by_number = || row(name.strip_prefix("message ").unwrap_or(name).parse().ok()?);
    match row_named(name).or_else(by_number) {
        Some(row) => Ok(row),
        None => {
            let hint = hint(name, table().map(|row| row.name));
            wrong("message", format!("there is no message `{name}`{hint}"))
        }
    }
}

fn write_message(
    names: &Names,
    row: &Row,
    arguments: &Map<String, Json>,
    bytes: &mut Vec<u8>,
    place: &str,
) -> Composed {
    known(arguments, row.arguments, place)?;
    Writer::new(bytes).u16(row.number);
    let mut maker = Maker { names, bytes, field: None, class: None, said: false };
    maker.all(row.arguments, arguments, place)?;
    if maker.bytes.len() > DATAGRAM_BYTES_MAX {
        return wrong("", format!("{} bytes are more than a datagram can hold", maker.bytes.len()));
    }
    Ok(())
}

/// That nothing is there that nobody asks for.
fn known(found: &Map<String, Json>, arguments: &[Argument], place: &str) -> Composed {
    let names = || arguments.iter().map(|argument| argument.name);
    match found.keys().find(|key| !names().any(|name| name == *key)) {
        None => Ok(()),
        Some(key) => {
            let all: Vec<_> = names().map(|name| format!("`{name}`")).collect();
            let hint = match (hint(key, names()), &all[..]) {
                (hint, []) if hint.is_empty() => "; there are none".to_owned(),
                (hint, all) if hint.is_empty() => format!("; there are {}", all.join(", ")),
                (hint, _) => hint,
            };
            wrong(place, format!("there is no argument `{key}`{hint}"))
        }
    }
}

/// A message that is being written.
struct Maker<'n, 'b> {
    names: &'n Names,
    bytes: &'b mut Vec<u8>,
    /// The last field that was named, if there is such a field.
    field: Option<&'n Field>,
    /// The last class that was named, if there is such a class.
    class: Option<&'n Class>,
    /// The last flag.
    said: bool,
}

impl Maker<'_, '_> {
    fn all(&mut self, arguments: &[Argument], found: &Map<String, Json>, place: &str) -> Composed {
        for Argument { name, shape } in arguments {
            let place = format!("{place}.{name}");
            match found.get(*name) {
                Some(value) => self.write(*shape, value, &place)?,
                None if may_be_missing(*shape) => self.write(*shape, &Json::Null, &place)?,
                None => return wrong(&place, "it is missing"),
            }
        }
        Ok(())
    }

    fn writer(&mut self) -> Writer<'_> {
        Writer::new(self.bytes)
    }

    fn write(&mut self, shape: Shape, value: &Json, place: &str) -> Composed {
        match shape {
            Shape::U8 => self.bytes.push(number(value, place)?),
            Shape::U16 | Shape::Interest => {
                let number = number(value, place)?;
                self.writer().u16(number);
            }
            Shape::U32 | Shape::Context | Shape::DoId | Shape::Zone => {
                let number = number(value, place)?;
                self.writer().u32(number);
            }
            Shape::U64 | Shape::Channel => {
                let number = number(value, place)?;
                self.writer().u64(number);
            }
            Shape::Bool => match value {
                Json::Bool(is_so) => {
                    self.said = *is_so;
                    self.bytes.push(u8::from(*is_so));
                }
                _ => return wrong(place, "true or false is expected"),
            },
            Shape::Location => {
                let parts = [
                    Argument { name: "parent", shape: Shape::DoId },
                    Argument { name: "zone", shape: Shape::Zone },
                ];
                self.record(&parts, value, place)?;
            }
            Shape::Class => self.class(value, place)?,
            Shape::Field => self.field(value, place)?,
            Shape::Blob | Shape::Secret => self.blob(&text_or_hex(value, place)?, place)?,
            Shape::Datagram | Shape::ClientDatagram => {
                let inner = self.inner(shape == Shape::Datagram, value, place)?;
                self.blob(&inner, place)?;
            }
            Shape::Value => self.value(value, place)?,
            Shape::OldAndNew => match hex_of(value, place)? {
                Some(bytes) => self.bytes.extend(bytes),
                None => self.old_and_new(value, place)?,
            },
            Shape::FieldValues => self.field_values(Shape::Value, value, place)?,
            Shape::FieldPairs => self.field_values(Shape::OldAndNew, value, place)?,
            Shape::Object(values) => self.object(values, value, place)?,
            Shape::Values(values) => {
                let parts = object_of(value, place)?;
                self.values(values, parts, place)?;
            }
            Shape::List(item) => {
                let items = list(value, place)?;
                self.count(items.len(), place)?;
                self.items(*item, items, place)?;
            }
            Shape::Run(item) => self.items(*item, list(value, place)?, place)?,
            Shape::Option(inner) => {
                self.bytes.push(u8::from(!value.is_null()));
                if !value.is_null() {
                    self.write(*inner, value, place)?;
                }
            }
            Shape::UnlessEmpty(inner) => {
                if !value.is_null() {
                    self.write(*inner, value, place)?;
                }
            }
            Shape::Record(parts) => self.record(parts, value, place)?,
            Shape::Pair(first, second) => {
                let part = |shape: &Shape| Argument { name: shape.name(), shape: *shape };
                self.record(&[part(first), part(second)], value, place)?;
            }
            Shape::Rest => self.bytes.extend(text_or_hex(value, place)?),
        }
        Ok(())
    }

    fn record(&mut self, parts: &[Argument], value: &Json, place: &str) -> Composed {
        let found = object_of(value, place)?;
        known(found, parts, place)?;
        self.all(parts, found, place)
    }

    fn items(&mut self, shape: Shape, items: &[Json], place: &str) -> Composed {
        for (index, item) in items.iter().enumerate() {
            self.write(shape, item, &format!("{place}[{index}]"))?;
        }
        Ok(())
    }

    fn count(&mut self, count: usize, place: &str) -> Composed {
        let Ok(count) = u16::try_from(count) else { return wrong(place, "there are too many") };
        self.writer().u16(count);
        Ok(())
    }

    fn blob(&mut self, bytes: &[u8], place: &str) -> Composed {
        if LengthTag::try_from(bytes.len()).is_err() {
            return wrong(place, "it is too long");
        }
        self.writer().blob(bytes);
        Ok(())
    }

    fn class(&mut self, value: &Json, place: &str) -> Composed {
        let id = match value {
            Json::String(name) if name.parse::<u16>().is_err() => {
                match self.names.class_named(name) {
                    Ok(class) => class.id(),
                    Err(error) => return wrong(place, error),
                }
            }
            value => ClassId(number(value, place)?),
        };
        self.class = self.names.dc().class_or_struct(id);
        self.writer().u16(id.0);
        Ok(())
    }

    fn field(&mut self, value: &Json, place: &str) -> Composed {
        let id = match value {
            Json::String(name) if name.parse::<u16>().is_err() => {
                match self.names.field_named(name) {
                    Ok(field) => field.id(),
                    Err(error) => return wrong(place, error),
                }
            }
            value => FieldId(number(value, place)?),
        };
        self.field = self.names.dc().field(id);
        self.writer().u16(id.0);
        Ok(())
    }

    fn value(&mut self, value: &Json, place: &str) -> Composed {
        if let Some(bytes) = hex_of(value, place)? {
            self.bytes.extend(bytes);
            return Ok(());
        }
        let Some(field) = self.field else {
            return wrong(
                place,
                "the field is not one of the DC files: its value can be given as {\"hex\": …} only",
            );
        };
        self.value_of(field, value, place)
    }

    fn value_of(&mut self, field: &Field, value: &Json, place: &str) -> Composed {
        if let Some(bytes) = hex_of(value, place)? {
            self.bytes.extend(bytes);
            return Ok(());
        }
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => return wrong(place, "DC text is expected, such as \"(1, 2)\""),
        };
        match field.parse(&text) {
            Ok(bytes) => self.bytes.extend(bytes),
            Err(error) => {
                let name = self.names.field(field.id()).unwrap_or_default();
                let text =
                    format!("no value of {name}: {} (at offset {})", error.message, error.offset);
                return wrong(place, text);
            }
        }
        Ok(())
    }

    fn old_and_new(&mut self, value: &Json, place: &str) -> Composed {
        let parts = [
            Argument { name: "old", shape: Shape::Value },
            Argument { name: "new", shape: Shape::Value },
        ];
        self.record(&parts, value, place)
    }

    /// Fields with their values: a list, or `{"count", "fields", "rest": {"hex"}}` if some of it is not understood.
    fn field_values(&mut self, shape: Shape, value: &Json, place: &str) -> Composed {
        if let Some(bytes) = hex_of(value, place)? {
            self.bytes.extend(bytes);
            return Ok(());
        }
        let (count, fields, rest) = match value {
            Json::Object(parts) => {
                let part = |name: &str| parts.get(name).unwrap_or(&Json::Null);
                let rest = text_or_hex(part("rest"), &format!("{place}.rest"))?;
                let count = number(part("count"), &format!("{place}.count"))?;
                (count, list(part("fields"), &format!("{place}.fields"))?, rest)
            }
            value => {
                let fields = list(value, place)?;
                (fields.len(), fields, Vec::new())
            }
        };
        self.count(count, place)?;
        let parts =
            [Argument { name: "field", shape: Shape::Field }, Argument { name: "value", shape }];
        for (index, update) in fields.iter().enumerate() {
            self.record(&parts, update, &format!("{place}[{index}]"))?;
        }
        self.bytes.extend(rest);
        Ok(())
    }

    fn object(&mut self, values: Values, value: &Json, place: &str) -> Composed {
        const HEAD: [Argument; 4] = [
            Argument { name: "do_id", shape: Shape::DoId },
            Argument { name: "parent", shape: Shape::DoId },
            Argument { name: "zone", shape: Shape::Zone },
            Argument { name: "class", shape: Shape::Class },
        ];
        let parts = object_of(value, place)?;
        self.all(&HEAD, parts, place)?;
        self.values(values, parts, place)
    }

    /// The values of an object. Required fields that are not there have their defaults.
    fn values(&mut self, values: Values, parts: &Map<String, Json>, place: &str) -> Composed {
        let known = ["do_id", "parent", "zone", "class", "required", "other", "values"];
        if let Some(key) = parts.keys().find(|key| !known.contains(&&***key)) {
            return wrong(place, format!("there is no `{key}`{}", hint(key, known.into_iter())));
        }
        if let Some(value) = parts.get("values") {
            match hex_of(value, place)? {
                Some(bytes) => self.bytes.extend(bytes),
                None => return wrong(&format!("{place}.values"), "{\"hex\": …} is expected"),
            }
            return Ok(());
        }
        let Some(class) = self.class else {
            return wrong(
                &format!("{place}.class"),
                "the class is not one of the DC files: its values can be given as {\"values\": {\"hex\": …}} only",
            );
        };
        self.required(class, values, parts.get("required"), &format!("{place}.required"))?;
        let other = parts.get("other").filter(|other| !other.is_null());
        let place = format!("{place}.other");
        match (has_other(values, self.said), other) {
            (true, Some(other)) => self.field_values(Shape::Value, other, &place),
            (true, None) => self.count(0, &place),
            (false, Some(Json::Array(list))) if list.is_empty() => Ok(()),
            (false, Some(_)) => wrong(&place, "this message has required fields only"),
            (false, None) => Ok(()),
        }
    }

    fn required(
        &mut self,
        class: &Class,
        values: Values,
        found: Option<&Json>,
        place: &str,
    ) -> Composed {
        let fields = self.names.required(class, values.required);
        let mut given: Vec<(FieldId, &Json, String)> = Vec::new();
        let none = Json::Array(Vec::new());
        for (index, update) in list(found.unwrap_or(&none), place)?.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let parts = object_of(update, &place)?;
            let (Some(name), Some(value)) = (parts.get("field"), parts.get("value")) else {
                return wrong(&place, "`field` and `value` are expected");
            };
            // By its own class's name, or by that of one that has inherited it.
            let mut scratch = Vec::new();
            let mut maker = Maker {
                names: self.names,
                bytes: &mut scratch,
                field: None,
                class: None,
                said: false,
            };
            maker.field(name, &format!("{place}.field"))?;
            let id = maker.field.map(Field::id);
            match id.filter(|id| fields.iter().any(|field| field.id() == *id)) {
                Some(id) => given.push((id, value, format!("{place}.value"))),
                None => {
                    let class = class.name();
                    let text = format!("it is no required field of {class} that this message has");
                    return wrong(&format!("{place}.field"), text);
                }
            }
        }
        for field in fields {
            let said = given.iter().rfind(|(id, ..)| *id == field.id());
            match (said, field.default_value()) {
                (Some((_, value, place)), _) => self.value_of(field, value, place)?,
                (None, Some(value)) => self.bytes.extend_from_slice(value),
                (None, None) => {
                    let name = self.names.field(field.id()).unwrap_or_default();
                    return wrong(place, format!("{name} is missing, and has no default"));
                }
            }
        }
        Ok(())
    }

    fn inner(&self, is_of_servers: bool, value: &Json, place: &str) -> Composed<Vec<u8>> {
        if let Some(bytes) = hex_of(value, place)? {
            return Ok(bytes);
        }
        let parts = object_of(value, place)?;
        let Some(Json::String(message)) = parts.get("message") else {
            return wrong(&format!("{place}.message"), "a message's name is expected");
        };
        let none = Map::new();
        let arguments = match parts.get("arguments") {
            Some(arguments) => object_of(arguments, &format!("{place}.arguments"))?,
            None => &none,
        };
        let composed = if is_of_servers {
            let recipients_at = format!("{place}.recipients");
            let recipients = list(parts.get("recipients").unwrap_or(&Json::Null), &recipients_at)?;
            let recipients = recipients.iter().map(|it| number(it, &recipients_at).map(Channel));
            let recipients = recipients.collect::<Composed<Vec<_>>>()?;
            let sender = parts.get("sender").unwrap_or(&Json::Null);
            let sender = number(sender, &format!("{place}.sender"))?;
            compose(self.names, &recipients, Channel(sender), message, arguments)
        } else {
            compose_client(self.names, message, arguments)
        };
        composed.map_err(|error| ComposeError {
            place: [place, &error.place].map(str::to_owned).join("."),
            text: error.text,
        })
    }
}

/// What need not be said.
fn may_be_missing(shape: Shape) -> bool {
    matches!(shape, Shape::Option(_) | Shape::UnlessEmpty(_))
}

fn number<T: TryFrom<u64>>(value: &Json, place: &str) -> Composed<T> {
    let number = match value {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.parse().ok(),
        _ => None,
    };
    match number.map(T::try_from) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => wrong(place, format!("{value} is more than fits")),
        None => wrong(place, "a number is expected, 0 or more"),
    }
}

fn list<'j>(value: &'j Json, place: &str) -> Composed<&'j [Json]> {
    match value {
        Json::Array(items) => Ok(items),
        _ => wrong(place, "a list is expected"),
    }
}

fn object_of<'j>(value: &'j Json, place: &str) -> Composed<&'j Map<String, Json>> {
    match value {
        Json::Object(parts) => Ok(parts),
        _ => wrong(place, "an object with names and values is expected"),
    }
}

/// The bytes that `{"hex": "…"}` says; `None` if it is something else.
fn hex_of(value: &Json, place: &str) -> Composed<Option<Vec<u8>>> {
    let Some(text) = value.get("hex") else { return Ok(None) };
    let digits = text.as_str().map(|text| text.split_whitespace().collect::<String>());
    let bytes = digits.filter(|text| text.len() % 2 == 0 && text.is_ascii()).and_then(|text| {
        let digits = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16));
        digits.collect::<Result<Vec<u8>, _>>().ok()
    });
    match bytes {
        Some(bytes) => Ok(Some(bytes)),
        None => wrong(&format!("{place}.hex"), "pairs of hexadecimal digits are expected"),
    }
}

fn text_or_hex(value: &Json, place: &str) -> Composed<Vec<u8>> {
    match (value, hex_of(value, place)?) {
        (_, Some(bytes)) => Ok(bytes),
        (Json::String(text), None) => Ok(text.clone().into_bytes()),
        _ => wrong(place, "a text is expected, or {\"hex\": …}"),
    }
}
