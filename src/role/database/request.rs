//! Messages → operations: everything that can be checked before the object is known.

use bytes::Bytes;
use dclass::{Field, ValueError};

use crate::ids::{Channel, ClassId, Context, DoId, FieldId};
use crate::message::{Database, FieldValues, Message as _, Rest};
use crate::store::{Operation, Schema, Selection};
use crate::wire::{self, Reader};

/// Who asked, and in which form the answer goes back.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The sender of the request, to whom the answer goes.
    pub sender: Channel,
    /// What was asked for.
    pub kind: Kind,
}

/// The kinds of requests, each of which has its own form of answer.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// DBSERVER_CREATE_OBJECT.
    Create(Context),
    /// DBSERVER_OBJECT_GET_FIELD.
    GetField(Context),
    /// DBSERVER_OBJECT_GET_FIELDS.
    GetFields(Context),
    /// DBSERVER_OBJECT_GET_ALL.
    GetAll(Context),
    /// DBSERVER_OBJECT_SET_FIELD(S) and DELETE_FIELD(S), which are not answered.
    Set,
    /// DBSERVER_OBJECT_SET_FIELD_IF_EQUALS.
    SetFieldIfEquals(Context),
    /// DBSERVER_OBJECT_SET_FIELDS_IF_EQUALS.
    SetFieldsIfEquals(Context),
    /// DBSERVER_OBJECT_SET_FIELD_IF_EMPTY.
    SetFieldIfEmpty(Context),
    /// DBSERVER_OBJECT_SET_FIELDS_IF_EMPTY.
    SetFieldsIfEmpty(Context),
    /// DBSERVER_OBJECT_DELETE, which is not answered.
    Delete,
}

impl Kind {
    /// The kind of a request; `None` for answers.
    pub fn of(message: &Database<'_>) -> Option<Kind> {
        Some(match *message {
            Database::CreateObject { context, .. } => Kind::Create(context),
            Database::ObjectGetField { context, .. } => Kind::GetField(context),
            Database::ObjectGetFields { context, .. } => Kind::GetFields(context),
            Database::ObjectGetAll { context, .. } => Kind::GetAll(context),
            Database::ObjectSetField { .. }
            | Database::ObjectSetFields { .. }
            | Database::ObjectDeleteField { .. }
            | Database::ObjectDeleteFields { .. } => Kind::Set,
            Database::ObjectSetFieldIfEquals { context, .. } => Kind::SetFieldIfEquals(context),
            Database::ObjectSetFieldsIfEquals { context, .. } => Kind::SetFieldsIfEquals(context),
            Database::ObjectSetFieldIfEmpty { context, .. } => Kind::SetFieldIfEmpty(context),
            Database::ObjectSetFieldsIfEmpty { context, .. } => Kind::SetFieldsIfEmpty(context),
            Database::ObjectDelete { .. } => Kind::Delete,
            Database::CreateObjectResp { .. }
            | Database::ObjectGetFieldResp { .. }
            | Database::ObjectGetFieldsResp { .. }
            | Database::ObjectGetAllResp { .. }
            | Database::ObjectSetFieldIfEqualsResp { .. }
            | Database::ObjectSetFieldsIfEqualsResp { .. }
            | Database::ObjectSetFieldIfEmptyResp { .. }
            | Database::ObjectSetFieldsIfEmptyResp { .. } => return None,
        })
    }

    /// The kind of a request whose arguments are cut short, if its context is there: whoever sent it
    /// waits for an answer. And the object, if that is there, too.
    pub fn of_truncated(number: u16, body: &[u8]) -> Option<(Kind, Option<DoId>)> {
        const WORD: usize = size_of::<u32>();
        const FIXED_ARGUMENTS_BYTES_MAX: usize = 64;
        // Of the context, the doId, or both: after them it may say how much follows, which does not.
        [2 * WORD, WORD].iter().find_map(|&length| {
            let mut padded = [0; FIXED_ARGUMENTS_BYTES_MAX];
            padded[..length].copy_from_slice(body.get(..length)?);
            let message = Database::decode(number, &mut Reader::new(&padded)).ok()?;
            let do_id = object_of(&message).filter(|do_id| *do_id != DoId::NONE);
            Some((Kind::of(&message)?, do_id))
        })
    }
}

/// The object that a request is about.
pub const fn object_of(message: &Database<'_>) -> Option<DoId> {
    match *message {
        Database::ObjectGetField { do_id, .. }
        | Database::ObjectGetFields { do_id, .. }
        | Database::ObjectGetAll { do_id, .. }
        | Database::ObjectSetField { do_id, .. }
        | Database::ObjectSetFields { do_id, .. }
        | Database::ObjectDeleteField { do_id, .. }
        | Database::ObjectDeleteFields { do_id, .. }
        | Database::ObjectSetFieldIfEquals { do_id, .. }
        | Database::ObjectSetFieldsIfEquals { do_id, .. }
        | Database::ObjectSetFieldIfEmpty { do_id, .. }
        | Database::ObjectSetFieldsIfEmpty { do_id, .. }
        | Database::ObjectDelete { do_id } => Some(do_id),
        _ => None,
    }
}

/// Why a request is not carried out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// It is cut short.
    #[error(transparent)]
    Wire(#[from] wire::Error),
    /// There is no such dclass.
    #[error("class {} is no dclass of the DC files", .0.0)]
    UnknownClass(ClassId),
    /// There is no such field.
    #[error("field {} is not in the DC files", .0.0)]
    UnknownField(FieldId),
    /// The field belongs to another class.
    #[error("field {} does not belong to class {}", .field.0, .class.0)]
    ForeignField {
        /// The field.
        field: FieldId,
        /// The class of the object.
        class: ClassId,
    },
    /// A criterion on a field that is not stored.
    #[error("field {} has no keyword `db`", .0.0)]
    NotStored(FieldId),
    /// None of the fields is stored.
    #[error("none of its fields has the keyword `db`")]
    NothingStored,
    /// A value is cut short or breaks a constraint of its type.
    #[error("value of field {}: {}", .0.0, .1)]
    Value(FieldId, ValueError),
    /// An answer, sent to a server.
    #[error("an answer, not a request")]
    NotRequest,
}

impl Error {
    /// The field that it is about, if there is such a field.
    pub const fn field(&self) -> Option<FieldId> {
        match self {
            Error::ForeignField { field, .. }
            | Error::NotStored(field)
            | Error::Value(field, _) => Some(*field),
            _ => None,
        }
    }
}

/// A request that is being read.
#[derive(Copy, Clone)]
pub struct Reading<'a> {
    /// The types of fields.
    pub schema: &'a Schema,
    /// Who has sent it.
    pub sender: Channel,
    /// What was sent.
    pub message: &'a Database<'a>,
}

/// How the values of a request are written, and what they mean.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Form {
    /// The new value.
    Set,
    /// The value that must be there, then the new value.
    IfEquals,
    /// The new value of a field that must have none.
    IfEmpty,
}

/// Reads a request into the operation that it asks for.
///
/// # Errors
/// See [`Error`].
pub fn read(reading: Reading<'_>) -> Result<Operation, Error> {
    let one = |do_id, field, values: Rest<'_>, form| {
        let mut changes = Changes::new(reading, form);
        changes.read(field, &mut Reader::new(values.0))?;
        changes.operation(do_id)
    };
    let many = |do_id, fields: FieldValues<'_>, form| {
        let mut changes = Changes::new(reading, form);
        let mut reader = Reader::new(fields.bytes);
        for _ in 0..fields.count {
            changes.read(FieldId(reader.u16()?), &mut reader)?;
        }
        changes.operation(do_id)
    };
    match *reading.message {
        Database::CreateObject { class_id, fields, .. } => create(reading, class_id, fields),
        Database::ObjectGetField { do_id, field, .. } => get(reading, do_id, [field]),
        Database::ObjectGetFields { do_id, fields, .. } => get(reading, do_id, fields.iter()),
        Database::ObjectGetAll { do_id, .. } => {
            Ok(Operation::Get { do_id, selection: Selection::All })
        }
        Database::ObjectDelete { do_id } => Ok(Operation::Delete { do_id }),
        Database::ObjectDeleteField { do_id, field } => reset(reading, do_id, [field]),
        Database::ObjectDeleteFields { do_id, fields } => reset(reading, do_id, fields.iter()),
        Database::ObjectSetField { do_id, field, value } => one(do_id, field, value, Form::Set),
        Database::ObjectSetFields { do_id, fields } => many(do_id, fields, Form::Set),
        Database::ObjectSetFieldIfEquals { do_id, field, values, .. } => {
            one(do_id, field, values, Form::IfEquals)
        }
        Database::ObjectSetFieldsIfEquals { do_id, fields, .. } => {
            many(do_id, fields, Form::IfEquals)
        }
        Database::ObjectSetFieldIfEmpty { do_id, field, value, .. } => {
            one(do_id, field, value, Form::IfEmpty)
        }
        Database::ObjectSetFieldsIfEmpty { do_id, fields, .. } => {
            many(do_id, fields, Form::IfEmpty)
        }
        Database::CreateObjectResp { .. }
        | Database::ObjectGetFieldResp { .. }
        | Database::ObjectGetFieldsResp { .. }
        | Database::ObjectGetAllResp { .. }
        | Database::ObjectSetFieldIfEqualsResp { .. }
        | Database::ObjectSetFieldsIfEqualsResp { .. }
        | Database::ObjectSetFieldIfEmptyResp { .. }
        | Database::ObjectSetFieldsIfEmptyResp { .. } => Err(Error::NotRequest),
    }
}

fn create(
    reading: Reading<'_>,
    class_id: ClassId,
    fields: FieldValues<'_>,
) -> Result<Operation, Error> {
    let schema = reading.schema;
    let class = schema.class(class_id).ok_or(Error::UnknownClass(class_id))?;
    let mut given = Changes::new(reading, Form::Set);
    let mut reader = Reader::new(fields.bytes);
    for _ in 0..fields.count {
        given.read(FieldId(reader.u16()?), &mut reader)?;
    }
    let mut changes = given.changes;
    if let Some((field, _)) = changes.iter().find(|(field, _)| !class.has_field(*field)) {
        let field = *field;
        return Err(Error::ForeignField { field, class: class_id });
    }
    for (field, default) in schema.creation_defaults(class) {
        if let Err(place) = find(&changes, field) {
            changes.insert(place, (field, Some(default)));
        }
    }
    let present = |(field, value): (FieldId, Option<Bytes>)| Some((field, value?));
    Ok(Operation::Create {
        class: class_id,
        values: changes.into_iter().filter_map(present).collect(),
    })
}

fn get(
    reading: Reading<'_>,
    do_id: DoId,
    ids: impl IntoIterator<Item = FieldId>,
) -> Result<Operation, Error> {
    let selection = Selection::Fields(stored_fields(reading, ids)?);
    Ok(Operation::Get { do_id, selection })
}

/// To delete a field is to set it to its default, if it has one.
fn reset(
    reading: Reading<'_>,
    do_id: DoId,
    ids: impl IntoIterator<Item = FieldId>,
) -> Result<Operation, Error> {
    let fields = stored_fields(reading, ids)?.into_iter();
    Ok(Operation::Update {
        do_id,
        criteria: Vec::new(),
        changes: fields.map(|field| (field, reading.schema.default(field))).collect(),
    })
}

/// Those of the fields that are stored, ascending, each once.
fn stored_fields(
    reading: Reading<'_>,
    ids: impl IntoIterator<Item = FieldId>,
) -> Result<Vec<FieldId>, Error> {
    let mut fields = Vec::new();
    for id in ids {
        if reading.is_stored(reading.schema.field(id).ok_or(Error::UnknownField(id))?) {
            fields.push(id);
        }
    }
    fields.sort_unstable();
    fields.dedup();
    match fields.is_empty() {
        true => Err(Error::NothingStored),
        false => Ok(fields),
    }
}

impl Reading<'_> {
    fn is_stored(&self, field: &Field) -> bool {
        let is_stored = field.keywords().db();
        if !is_stored {
            let (sender, do_id) = (self.sender, object_of(self.message).map(|do_id| do_id.0));
            let (request, field) = (self.message.name(), field.name());
            tracing::warn!(%sender, doId = do_id, request, field, "request names a field without keyword `db`");
        }
        is_stored
    }
}

/// The fields of a request that changes an object, as they are read.
struct Changes<'r> {
    reading: Reading<'r>,
    form: Form,
    criteria: Vec<(FieldId, Option<Bytes>)>,
    changes: Vec<(FieldId, Option<Bytes>)>,
}

impl<'r> Changes<'r> {
    const fn new(reading: Reading<'r>, form: Form) -> Self {
        Changes { reading, form, criteria: Vec::new(), changes: Vec::new() }
    }

    /// Reads what follows a field's id. Of a field that comes twice, the last counts.
    fn read(&mut self, id: FieldId, reader: &mut Reader<'_>) -> Result<(), Error> {
        let field = self.reading.schema.field(id).ok_or(Error::UnknownField(id))?;
        let value = |error| Error::Value(id, error);
        if !self.reading.is_stored(field) {
            if self.form != Form::Set {
                return Err(Error::NotStored(id));
            }
            skip_value(field, reader).map_err(value)?;
            return Ok(());
        }
        match self.form {
            Form::Set => {}
            Form::IfEquals => {
                let wanted = take_value(field, reader).map_err(value)?;
                put(&mut self.criteria, id, wanted);
            }
            Form::IfEmpty => put(&mut self.criteria, id, &[]),
        }
        put(&mut self.changes, id, take_value(field, reader).map_err(value)?);
        Ok(())
    }

    fn operation(self, do_id: DoId) -> Result<Operation, Error> {
        if self.changes.is_empty() {
            return Err(Error::NothingStored);
        }
        Ok(Operation::Update { do_id, criteria: self.criteria, changes: self.changes })
    }
}

/// A value without bytes is the same as none.
fn put(list: &mut Vec<(FieldId, Option<Bytes>)>, field: FieldId, value: &[u8]) {
    let value = (!value.is_empty()).then(|| Bytes::copy_from_slice(value));
    match find(list, field) {
        Ok(place) => list[place].1 = value,
        Err(place) => list.insert(place, (field, value)),
    }
}

fn find(list: &[(FieldId, Option<Bytes>)], field: FieldId) -> Result<usize, usize> {
    list.binary_search_by_key(&field, |(field, _)| *field)
}

/// Takes one value of `field` from the front of `reader`.
fn take_value<'a>(field: &Field, reader: &mut Reader<'a>) -> Result<&'a [u8], ValueError> {
    let length = field.validate(reader.remaining())?;
    Ok(reader.take(length).expect("a value that was found is there"))
}

/// Passes over one value of `field`, which nobody is going to keep.
fn skip_value(field: &Field, reader: &mut Reader<'_>) -> Result<(), ValueError> {
    let length = field.skip(reader.remaining())?;
    reader.take(length).expect("a value that was measured is there");
    Ok(())
}
