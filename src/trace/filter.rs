//! Which datagrams somebody wants to see.
//!
//! A filter is made once, of numbers; what it looks at then is only what is wanted: recipients and sender, the number, and the arguments
//! only if an object, a class or a field is wanted. It allocates nothing for a datagram.

use std::sync::Arc;

use dclass::{Class, ClassId, Field, FieldId};
use serde::{Deserialize, Serialize};

use super::decode::Speech;
use super::names::{Names, has_other};
use crate::ids::{Channel, DoId};
use crate::message::{Row, Shape, Values, row};
use crate::wire::{Error, Reader, Recipients};

/// What is wanted. Of several of a kind, one is enough; of several kinds, each has to be there.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    /// Sender or recipient is one of these channels, from and to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<(u64, u64)>,
    /// It is sent by or to one of these objects, or names it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub do_ids: Vec<u32>,
    /// One of these clients has sent it, or is sent it, by channel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<u64>,
    /// It names one of these classes, or one that is derived from it, or it has one of its fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<u16>,
    /// It names one of these fields, or has its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<u16>,
    /// Its message is one of these, by number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<u16>,
}

/// What is wanted, made ready.
#[derive(Clone, Debug)]
pub struct Filter {
    wanted: Wanted,
    names: Arc<Names>,
    /// By class id: one of the wanted classes, or derived from one.
    classes: Vec<bool>,
    /// By field id: a wanted class has it.
    fields_of_classes: Vec<bool>,
    /// By field id: it is wanted, or has a part that is.
    fields: Vec<bool>,
    needs_arguments: bool,
    /// Not everything is wanted.
    is_narrow: bool,
}

impl Filter {
    /// Makes it ready.
    pub fn new(wanted: Wanted, names: Arc<Names>) -> Self {
        let (mut classes, mut fields_of_classes, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        let all = || names.dc().classes().chain(names.dc().structs());
        for class in all() {
            if wanted.classes.iter().any(|id| is_derived(&names, class, ClassId(*id))) {
                set(&mut classes, class.id().0);
                class.fields().iter().for_each(|field| set(&mut fields_of_classes, field.id().0));
            }
            let is_wanted = |field: &Field| wanted.fields.contains(&field.id().0);
            let has = class.own_fields().iter().filter(|field| {
                is_wanted(field) || field.parts().iter().any(|part| is_wanted(part))
            });
            has.for_each(|field| set(&mut fields, field.id().0));
        }
        // What the DC files do not have may be wanted, too.
        wanted.classes.iter().for_each(|id| set(&mut classes, *id));
        wanted.fields.iter().for_each(|id| set(&mut fields, *id));
        let needs_arguments =
            !wanted.do_ids.is_empty() || !wanted.classes.is_empty() || !wanted.fields.is_empty();
        let is_narrow = wanted != Wanted::default();
        Filter { wanted, names, classes, fields_of_classes, fields, needs_arguments, is_narrow }
    }

    /// The clients whose own protocol is wanted.
    pub fn clients(&self) -> &[u64] {
        &self.wanted.clients
    }

    /// The names that it was made with.
    pub fn names(&self) -> &Arc<Names> {
        &self.names
    }

    /// Whether a datagram of servers is wanted.
    pub fn passes(&self, datagram: &[u8]) -> bool {
        // Without a filter also what cannot be read.
        !self.is_narrow || self.looks_at(datagram).unwrap_or(false)
    }

    /// Whether a datagram between one of the wanted clients and its agent is wanted. Its channel counts as the sender.
    pub fn passes_client(&self, client: Channel, speech: Speech, datagram: &[u8]) -> bool {
        let mut reader = Reader::new(datagram);
        let Ok(number) = reader.u16() else { return !self.is_narrow };
        let row = speech.row(number);
        (self.wanted.channels.is_empty() || self.is_in_range(client))
            && self.is_message(number)
            && self.arguments_pass(&[], row, reader)
    }

    /// Whether a datagram is wanted; an error if it is cut short.
    fn looks_at(&self, datagram: &[u8]) -> Result<bool, Error> {
        let mut reader = Reader::new(datagram);
        let recipients = Recipients::read(&mut reader)?;
        let sender = reader.channel()?;
        let concerned = || recipients.iter().chain([sender]);
        let is_of_client = || concerned().any(|it| self.wanted.clients.contains(&it.0));
        if !self.wanted.channels.is_empty() && !concerned().any(|it| self.is_in_range(it)) {
            return Ok(false);
        }
        if !self.wanted.clients.is_empty() && !is_of_client() {
            return Ok(false);
        }
        if self.wanted.messages.is_empty() && !self.needs_arguments {
            return Ok(true);
        }
        let number = reader.u16()?;
        if !self.is_message(number) || !self.needs_arguments {
            return Ok(self.is_message(number));
        }
        let objects: smallvec::SmallVec<[DoId; 4]> =
            concerned().filter_map(Channel::as_object).collect();
        Ok(self.arguments_pass(&objects, row(number), reader))
    }

    fn is_in_range(&self, channel: Channel) -> bool {
        self.wanted.channels.iter().any(|(low, high)| (*low..=*high).contains(&channel.0))
    }

    fn is_message(&self, number: u16) -> bool {
        self.wanted.messages.is_empty() || self.wanted.messages.contains(&number)
    }

    fn arguments_pass(&self, objects: &[DoId], row: Option<&Row>, reader: Reader<'_>) -> bool {
        let mut scan = Scan {
            filter: self,
            reader,
            has_do_id: self.wanted.do_ids.is_empty(),
            has_class: self.wanted.classes.is_empty(),
            has_field: self.wanted.fields.is_empty(),
            field: None,
            class: None,
            said: false,
        };
        objects.iter().for_each(|object| scan.do_id(*object));
        for argument in row.map_or(&[][..], |row| row.arguments) {
            if scan.has_all() || scan.look(argument.shape).is_none() {
                break;
            }
        }
        scan.has_all()
    }
}

fn is_derived(names: &Names, class: &Class, from: ClassId) -> bool {
    class.id() == from
        || class
            .parents()
            .iter()
            .filter_map(|id| names.dc().class_or_struct(*id))
            .any(|parent| is_derived(names, parent, from))
}

fn set(list: &mut Vec<bool>, index: u16) {
    let index = usize::from(index);
    if list.len() <= index {
        list.resize(index + 1, false);
    }
    list[index] = true;
}

fn is_set(list: &[bool], index: u16) -> bool {
    list.get(usize::from(index)).copied().unwrap_or_default()
}

/// Arguments that are looked through.
struct Scan<'f, 'a> {
    filter: &'f Filter,
    reader: Reader<'a>,
    has_do_id: bool,
    has_class: bool,
    has_field: bool,
    field: Option<&'f Field>,
    class: Option<&'f Class>,
    said: bool,
}

/// `None` when nothing can be told of what follows.
type Looked<T = ()> = Option<T>;

impl<'f> Scan<'f, '_> {
    fn has_all(&self) -> bool {
        self.has_do_id && self.has_class && self.has_field
    }

    fn do_id(&mut self, do_id: DoId) {
        self.has_do_id |= self.filter.wanted.do_ids.contains(&do_id.0);
    }

    fn is_field(&mut self, id: FieldId) {
        self.has_field |= is_set(&self.filter.fields, id.0);
        self.has_class |= is_set(&self.filter.fields_of_classes, id.0);
    }

    fn look(&mut self, shape: Shape) -> Looked {
        match shape {
            Shape::U8 => drop(self.reader.u8().ok()?),
            Shape::Bool => self.said = self.reader.u8().ok()? == 1,
            Shape::U16 | Shape::Interest => drop(self.reader.u16().ok()?),
            Shape::U32 | Shape::Context | Shape::Zone => drop(self.reader.u32().ok()?),
            Shape::U64 => drop(self.reader.u64().ok()?),
            Shape::Channel => {
                let channel = self.reader.channel().ok()?;
                channel.as_object().into_iter().for_each(|object| self.do_id(object));
            }
            Shape::DoId => {
                let do_id = self.reader.do_id().ok()?;
                self.do_id(do_id);
            }
            Shape::Location => drop(self.reader.take(2 * size_of::<DoId>()).ok()?),
            Shape::Class => self.class()?,
            Shape::Field => self.field()?,
            Shape::Blob | Shape::Secret | Shape::Datagram | Shape::ClientDatagram => {
                self.reader.blob().ok()?;
            }
            Shape::Value => self.value(self.field?)?,
            Shape::OldAndNew => {
                self.value(self.field?)?;
                self.value(self.field?)?;
            }
            Shape::FieldValues => self.field_values(1)?,
            Shape::FieldPairs => self.field_values(2)?,
            Shape::Object(values) => {
                let do_id = self.reader.do_id().ok()?;
                self.do_id(do_id);
                self.reader.take(2 * size_of::<DoId>()).ok()?;
                self.class()?;
                self.values(values)?;
            }
            Shape::Values(values) => self.values(values)?,
            Shape::List(item) => {
                let count = self.reader.u16().ok()?;
                (0..count).try_for_each(|_| self.look(*item))?;
            }
            Shape::Run(item) => {
                while !self.reader.is_empty() {
                    self.look(*item)?;
                }
            }
            Shape::Option(inner) => {
                if self.reader.u8().ok()? == 1 {
                    self.look(*inner)?;
                }
            }
            Shape::UnlessEmpty(inner) => {
                if !self.reader.is_empty() {
                    self.look(*inner)?;
                }
            }
            Shape::Record(parts) => parts.iter().try_for_each(|part| self.look(part.shape))?,
            Shape::Pair(first, second) => {
                self.look(*first)?;
                self.look(*second)?;
            }
            Shape::Rest => return None,
        }
        Some(())
    }

    fn class(&mut self) -> Looked {
        let id = self.reader.u16().ok()?;
        self.has_class |= is_set(&self.filter.classes, id);
        self.class = self.filter.names.dc().class_or_struct(ClassId(id));
        Some(())
    }

    fn field(&mut self) -> Looked {
        let id = FieldId(self.reader.u16().ok()?);
        self.is_field(id);
        self.field = self.filter.names.dc().field(id);
        Some(())
    }

    fn value(&mut self, field: &Field) -> Looked {
        let length = field.skip(self.reader.remaining()).ok()?;
        self.reader.take(length).ok().map(drop)
    }

    fn field_values(&mut self, values: usize) -> Looked {
        for _ in 0..self.reader.u16().ok()? {
            self.field()?;
            (0..values).try_for_each(|_| self.value(self.field?))?;
        }
        Some(())
    }

    fn values(&mut self, values: Values) -> Looked {
        let class: &'f Class = self.class?;
        for field in self.filter.names.required(class, values.required) {
            self.is_field(field.id());
            self.value(field)?;
        }
        if has_other(values, self.said) { self.field_values(1) } else { Some(()) }
    }
}
