//! Bytes → names and values.

use serde_json::{Map, Value as Json, json};

use dclass::{Class, Field, FieldId};

use super::names::{Names, has_other};
use super::text::readable;
use super::value::{Value, hex};
use crate::ids::{Channel, ClassId};
use crate::message::{Argument, Family, Row, Shape, Values, row};
use crate::wire::{CONTROL_HEAD, Envelope, Error, Reader, Recipients};

/// So deep can datagrams be inside of others; what is below is shown as bytes.
const DEPTH_MAX: usize = 4;
/// The keyword of fields whose values are not shown.
const SECRET: &str = "secret";

/// What kind of datagram bytes are.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Speech {
    /// One that is routed among servers, with recipients and sender.
    Servers,
    /// One on a link: as [`Speech::Servers`], unless it is for the message director that reads it.
    Link,
    /// One between a client of Astron's kind and its agent.
    Client,
    /// One between a client of Panda3D's kind and its agent.
    Panda3d,
    /// One between a client of the OTP era and its agent.
    Otp,
    /// The same, in 2003.
    Toontown2003,
}

impl Speech {
    /// Its messages, if their numbers are also those of others.
    const fn sharing(self) -> Option<Family> {
        match self {
            Speech::Servers | Speech::Link | Speech::Client => None,
            Speech::Panda3d => Some(Family::Panda3d),
            Speech::Otp => Some(Family::Otp),
            Speech::Toontown2003 => Some(Family::Toontown2003),
        }
    }

    /// The message of a number.
    pub fn row(self, number: u16) -> Option<&'static Row> {
        self.sharing().map_or_else(|| row(number), |family| family.row(number))
    }
}

/// A datagram that has been read.
#[derive(Clone, PartialEq, Debug)]
pub struct Decoded {
    /// Its message's number; `None` if not so much is there.
    pub number: Option<u16>,
    /// Its message's name, if it has one.
    pub message: Option<&'static str>,
    /// Whom it is for. Empty between clients and agents.
    pub recipients: Vec<Channel>,
    /// Who has sent it, if it says so.
    pub sender: Option<Channel>,
    /// The arguments, in their order.
    pub arguments: Vec<(&'static str, Value)>,
    /// The class that it names, and the field whose value it has, if there is one.
    pub class: Option<String>,
    /// See `class`.
    pub field: Option<String>,
    /// What follows the arguments, or what could not be read.
    pub extra: Vec<u8>,
    /// What is wrong with it.
    pub note: Option<String>,
}

impl Decoded {
    /// As JSON, without when and from whom it came.
    pub fn to_json(&self) -> Map<String, Json> {
        let mut object = Map::new();
        let mut put = |name: &str, value: Json| object.insert(name.to_owned(), value);
        put("number", json!(self.number));
        put("message", json!(self.message));
        let recipients: Vec<_> = self.recipients.iter().map(Channel::to_string).collect();
        put("recipients", json!(recipients));
        put("sender", json!(self.sender.map(|sender| sender.to_string())));
        let arguments =
            self.arguments.iter().map(|(name, value)| ((*name).to_owned(), value.to_json()));
        put("arguments", Json::Object(arguments.collect()));
        let texts = [("class", &self.class), ("field", &self.field), ("note", &self.note)];
        for (name, text) in texts.into_iter().filter(|(_, text)| text.is_some()) {
            put(name, json!(text));
        }
        if !self.extra.is_empty() {
            put("extra", json!(hex(&self.extra)));
        }
        object
    }

    /// Its message's name, or number, or that there is none.
    pub fn title(&self) -> String {
        match (self.message, self.number) {
            (Some(name), _) => name.to_owned(),
            (None, Some(number)) => format!("message {number}"),
            (None, None) => "no message".to_owned(),
        }
    }

    /// The arguments on one line, as people read them.
    pub fn body(&self) -> String {
        let mut words = Vec::new();
        for (index, (name, value)) in self.arguments.iter().enumerate() {
            let next = self.arguments.get(index + 1).map(|(name, _)| *name);
            match (*name, value) {
                // A field and its value are one word.
                ("field", _) if next == Some("value") => {}
                ("value", value) if index > 0 && self.arguments[index - 1].0 == "field" => {
                    let field = self.arguments[index - 1].1.clone();
                    words.push(Value::Update(Box::new((field, value.clone()))).to_string());
                }
                ("object", Value::Record(parts)) => {
                    words.extend(parts.iter().map(|(name, value)| format!("{name}={value}")));
                }
                (name, value) => words.push(format!("{name}={value}")),
            }
        }
        if !self.extra.is_empty() {
            words.push(format!("<{}>", hex(&self.extra)));
        }
        words.extend(self.note.as_ref().map(|note| format!("({note})")));
        words.join(" ")
    }

    fn nested(&self) -> Value {
        let mut parts = Vec::new();
        if let Some(sender) = self.sender {
            let recipients = self.recipients.iter().map(|channel| Value::Channel(*channel));
            parts.push(("recipients", Value::List(recipients.collect())));
            parts.push(("sender", Value::Channel(sender)));
        }
        parts.push(("message", Value::Name(self.title())));
        parts.push(("arguments", Value::Record(self.arguments.clone())));
        Value::Record(parts)
    }
}

/// Reads a datagram. Whatever cannot be understood is there as bytes.
pub fn decode(names: &Names, speech: Speech, datagram: &[u8]) -> Decoded {
    decode_at(names, speech, datagram, 0)
}

fn decode_at(names: &Names, speech: Speech, datagram: &[u8], depth: usize) -> Decoded {
    let mut decoded = Decoded {
        number: None,
        message: None,
        recipients: Vec::new(),
        sender: None,
        arguments: Vec::new(),
        class: None,
        field: None,
        extra: Vec::new(),
        note: None,
    };
    let mut reader = Reader::new(datagram);
    if let Err(error) = decoded.read_head(speech, datagram, &mut reader) {
        decoded.note = Some(error.to_string());
        decoded.extra = reader.rest().to_vec();
        return decoded;
    }
    let number = decoded.number.unwrap_or_default();
    let found = speech.row(number);
    // What looks like a control message with other recipients is none: whoever gets it cannot read it as one.
    let is_control = decoded.recipients == [Channel::CONTROL];
    let is_expected = |row: &&Row| match row.family {
        Family::Control => is_control && decoded.sender.is_none(),
        family => (family == Family::Client) == (speech == Speech::Client),
    };
    let Some(row) = found.filter(|row| speech.sharing().is_some() || is_expected(row)) else {
        decoded.note = Some("unknown message".to_owned());
        decoded.extra = reader.rest().to_vec();
        return decoded;
    };
    decoded.message = Some(row.name);
    let mut body = Body { names, reader, depth, field: None, class: None, said: false };
    for Argument { name, shape } in row.arguments {
        let before = body.reader;
        match body.read(*shape) {
            Ok(value) => decoded.arguments.push((name, value)),
            Err(error) => {
                decoded.note = Some(format!("{name}: {error}"));
                body.reader = before;
                break;
            }
        }
    }
    decoded.field = body.field.and_then(|field| names.field(field.id()));
    decoded.class = body.class.map(|class| class.name().to_owned());
    decoded.extra = body.reader.rest().to_vec();
    if decoded.note.is_none() && !decoded.extra.is_empty() {
        decoded.note = Some(format!("{} bytes after the message", decoded.extra.len()));
    }
    decoded
}

impl Decoded {
    fn read_head(
        &mut self,
        speech: Speech,
        datagram: &[u8],
        reader: &mut Reader<'_>,
    ) -> Result<(), Error> {
        if matches!(speech, Speech::Servers | Speech::Link) {
            let recipients = Recipients::read(reader)?;
            self.recipients = recipients.iter().collect();
            // Control messages have no sender.
            if speech == Speech::Servers || !datagram.starts_with(&CONTROL_HEAD) {
                let envelope = Envelope::read_after(recipients, datagram)?;
                self.sender = Some(envelope.sender);
                reader.channel()?;
            }
        }
        self.number = Some(reader.u16()?);
        Ok(())
    }
}

/// Whether values of a field are not to be shown.
pub fn is_secret(field: &Field) -> bool {
    field.custom_keywords().iter().any(|word| word == SECRET)
}

/// Arguments that are being read.
struct Body<'n, 'a> {
    names: &'n Names,
    reader: Reader<'a>,
    depth: usize,
    /// The last field that was named, if there is such a field.
    field: Option<&'n Field>,
    /// The last class that was named, if there is such a class.
    class: Option<&'n Class>,
    /// The last flag.
    said: bool,
}

impl Body<'_, '_> {
    fn read(&mut self, shape: Shape) -> Result<Value, Error> {
        Ok(match shape {
            Shape::U8 => Value::Number(self.reader.u8()?.into()),
            Shape::U16 | Shape::Interest => Value::Number(self.reader.u16()?.into()),
            Shape::U32 | Shape::Context => Value::Number(self.reader.u32()?.into()),
            Shape::U64 => Value::Wide(self.reader.u64()?),
            Shape::Bool => {
                self.said = self.flag()?;
                Value::Bool(self.said)
            }
            Shape::Channel => Value::Channel(self.reader.channel()?),
            Shape::DoId => Value::Number(self.reader.do_id()?.0.into()),
            Shape::Zone => Value::Number(self.reader.zone()?.0.into()),
            Shape::Location => self.location()?,
            Shape::Class => self.class()?,
            Shape::Field => self.field()?,
            Shape::Blob => Value::of_bytes(self.reader.blob()?),
            Shape::Secret => Value::Secret(self.reader.blob()?.len()),
            Shape::Datagram => {
                let bytes = self.reader.blob()?;
                self.inner(&[Speech::Servers], bytes)
            }
            Shape::ClientDatagram => {
                let bytes = self.reader.blob()?;
                self.inner(&[Speech::Client, Speech::Panda3d, Speech::Otp], bytes)
            }
            Shape::Value => self.value(),
            Shape::OldAndNew => match self.value() {
                old if is_unread(&old) => old,
                old => Value::Record(vec![("old", old), ("new", self.value())]),
            },
            Shape::FieldValues => self.field_values(false)?,
            Shape::FieldPairs => self.field_values(true)?,
            Shape::Object(values) => self.object(values)?,
            Shape::Values(values) => Value::Record(self.values(values)),
            Shape::List(item) => {
                let count = self.reader.u16()?;
                let items = (0..count).map(|_| self.read(*item));
                Value::List(items.collect::<Result<_, _>>()?)
            }
            Shape::Run(item) => {
                let mut items = Vec::new();
                while !self.reader.is_empty() {
                    items.push(self.read(*item)?);
                }
                Value::List(items)
            }
            Shape::Option(inner) if self.flag()? => self.read(*inner)?,
            Shape::UnlessEmpty(inner) if !self.reader.is_empty() => self.read(*inner)?,
            Shape::Option(_) | Shape::UnlessEmpty(_) => Value::Nothing,
            Shape::Record(parts) if Shape::Record(parts) == Shape::FIELD_AND_VALUE => {
                let field = self.field()?;
                Value::Update(Box::new((field, self.value())))
            }
            Shape::Record(parts) => {
                let parts = parts.iter().map(|part| Ok((part.name, self.read(part.shape)?)));
                Value::Record(parts.collect::<Result<_, Error>>()?)
            }
            Shape::Pair(first, second) => {
                let parts = [first, second];
                let parts = parts.into_iter().map(|part| Ok((part.name(), self.read(*part)?)));
                Value::Record(parts.collect::<Result<_, Error>>()?)
            }
            Shape::Rest => Value::of_bytes(self.reader.rest()),
        })
    }

    fn flag(&mut self) -> Result<bool, Error> {
        match self.reader.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(Error::BadBool { found }),
        }
    }

    fn location(&mut self) -> Result<Value, Error> {
        let parent = Value::Number(self.reader.do_id()?.0.into());
        let zone = Value::Number(self.reader.zone()?.0.into());
        Ok(Value::Record(vec![("parent", parent), ("zone", zone)]))
    }

    fn class(&mut self) -> Result<Value, Error> {
        let id = self.reader.u16()?;
        self.class = self.names.dc().class_or_struct(ClassId(id));
        Ok(self
            .class
            .map_or(Value::Number(id.into()), |class| Value::Name(class.name().to_owned())))
    }

    fn field(&mut self) -> Result<Value, Error> {
        let id = self.reader.u16()?;
        self.field = self.names.dc().field(FieldId(id));
        let name = self.names.field(FieldId(id));
        Ok(name.map_or(Value::Number(id.into()), Value::Name))
    }

    /// The value of the last field; all bytes that are left, if it cannot be read.
    fn value(&mut self) -> Value {
        let Some(field) = self.field else {
            return Value::Unread(self.reader.rest().to_vec(), "unknown field".to_owned());
        };
        self.value_of(field)
    }

    fn value_of(&mut self, field: &Field) -> Value {
        let bytes = self.reader.remaining();
        if is_secret(field) {
            let length = field.skip(bytes).unwrap_or(bytes.len());
            return match self.reader.take(length) {
                Ok(value) => Value::Secret(value.len()),
                Err(_) => Value::Secret(self.reader.rest().len()),
            };
        }
        let text = field.skip(bytes).and_then(|length| {
            let value = bytes.get(..length).unwrap_or(bytes);
            Ok((length, readable(field, value)?))
        });
        match text {
            Ok((length, text)) => match self.reader.take(length) {
                Ok(_) => Value::Dc(text),
                Err(error) => Value::Unread(self.reader.rest().to_vec(), error.to_string()),
            },
            Err(error) => Value::Unread(self.reader.rest().to_vec(), error.to_string()),
        }
    }

    /// Fields with their values: a list, unless some of it cannot be understood.
    fn field_values(&mut self, are_pairs: bool) -> Result<Value, Error> {
        let count = self.reader.u16()?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let mut rest = self.reader;
            match self.update(are_pairs) {
                Ok(update) => fields.push(update),
                Err(note) => {
                    self.reader.rest();
                    let rest = Value::Unread(rest.rest().to_vec(), note);
                    let (count, fields) = (Value::Number(count.into()), Value::List(fields));
                    return Ok(Value::Record(vec![
                        ("count", count),
                        ("fields", fields),
                        ("rest", rest),
                    ]));
                }
            }
        }
        // Which of several came last says nothing of the message.
        self.field = None;
        Ok(Value::List(fields))
    }

    fn update(&mut self, is_pair: bool) -> Result<Value, String> {
        let field = self.field().map_err(|error| error.to_string())?;
        let mut value = || match self.value() {
            Value::Unread(_, note) => Err(note),
            value => Ok(value),
        };
        let value = match is_pair {
            true => Value::Record(vec![("old", value()?), ("new", value()?)]),
            false => value()?,
        };
        Ok(Value::Update(Box::new((field, value))))
    }

    fn object(&mut self, values: Values) -> Result<Value, Error> {
        let do_id = Value::Number(self.reader.do_id()?.0.into());
        let parent = Value::Number(self.reader.do_id()?.0.into());
        let zone = Value::Number(self.reader.zone()?.0.into());
        let class = self.class()?;
        let mut parts =
            vec![("do_id", do_id), ("parent", parent), ("zone", zone), ("class", class)];
        parts.extend(self.values(values));
        Ok(Value::Record(parts))
    }

    /// The values of an object of the last class: `required` and `other`, or `values` if they cannot be understood.
    fn values(&mut self, values: Values) -> Vec<(&'static str, Value)> {
        let all = self.reader.remaining();
        let unread = |note: String| vec![("values", Value::Unread(all.to_vec(), note))];
        let Some(class) = self.class else {
            self.reader.rest();
            return unread("unknown class".to_owned());
        };
        let mut required = Vec::new();
        for field in self.names.required(class, values.required) {
            let value = self.value_of(field);
            if let Value::Unread(_, note) = value {
                self.reader.rest();
                return unread(note);
            }
            let name = self.names.field(field.id()).unwrap_or_default();
            required.push(Value::Update(Box::new((Value::Name(name), value))));
        }
        let mut parts = vec![("required", Value::List(required))];
        if has_other(values, self.said) {
            match self.field_values(false) {
                Ok(other) => parts.push(("other", other)),
                Err(error) => {
                    self.reader.rest();
                    return unread(error.to_string());
                }
            }
        }
        parts
    }

    /// A datagram in another one, in the first way in which it can be understood.
    fn inner(&self, speeches: &[Speech], bytes: &[u8]) -> Value {
        let read = |speech: &Speech| decode_at(self.names, *speech, bytes, self.depth + 1);
        if self.depth >= DEPTH_MAX {
            return Value::Unread(bytes.to_vec(), "a datagram too deep inside".to_owned());
        }
        let mut note = String::new();
        for decoded in speeches.iter().map(read) {
            match decoded.note {
                None => return decoded.nested(),
                Some(what) if note.is_empty() => note = what,
                Some(_) => {}
            }
        }
        Value::Unread(bytes.to_vec(), note)
    }
}

fn is_unread(value: &Value) -> bool {
    matches!(value, Value::Unread(..))
}
