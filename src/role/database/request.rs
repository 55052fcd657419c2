//! Messages → operations: everything that can be checked before the object is known.

use bytes::Bytes;
use dclass::{Field, ValueError};

use crate::ids::{Channel, ClassId, Context, DoId, FieldId};
use crate::message::{Database, FieldValues, Rest};
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
    /// waits for an answer.
    pub fn of_truncated(number: u16, body: &[u8]) -> Option<Kind> {
        const CONTEXT_BYTES: usize = size_of::<u32>();
        const FIXED_ARGUMENTS_BYTES_MAX: usize = 64;
        let context: &[u8; CONTEXT_BYTES] = body.first_chunk()?;
        let mut padded = [0; FIXED_ARGUMENTS_BYTES_MAX];
        padded[..CONTEXT_BYTES].copy_from_slice(context);
        let message = Database::decode(number, &mut Reader::new(&padded)).ok()?;
        Kind::of(&message)
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
pub fn read(schema: &Schema, message: &Database<'_>) -> Result<Operation, Error> {
    let one = |do_id, field, values: Rest<'_>, form| {
        let mut changes = Changes::new(schema, form);
        changes.read(field, &mut Reader::new(values.0))?;
        changes.operation(do_id)
    };
    let many = |do_id, fields: FieldValues<'_>, form| {
        let mut changes = Changes::new(schema, form);
        let mut reader = Reader::new(fields.bytes);
        for _ in 0..fields.count {
            changes.read(FieldId(reader.u16()?), &mut reader)?;
        }
        changes.operation(do_id)
    };
    match *message {
        Database::CreateObject { class_id, fields, .. } => create(schema, class_id, fields),
        Database::ObjectGetField { do_id, field, .. } => get(schema, do_id, [field]),
        Database::ObjectGetFields { do_id, fields, .. } => get(schema, do_id, fields.iter()),
        Database::ObjectGetAll { do_id, .. } => {
            Ok(Operation::Get { do_id, selection: Selection::All })
        }
        Database::ObjectDelete { do_id } => Ok(Operation::Delete { do_id }),
        Database::ObjectDeleteField { do_id, field } => reset(schema, do_id, [field]),
        Database::ObjectDeleteFields { do_id, fields } => reset(schema, do_id, fields.iter()),
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

fn create(schema: &Schema, class_id: ClassId, fields: FieldValues<'_>) -> Result<Operation, Error> {
    let class = schema.class(class_id).ok_or(Error::UnknownClass(class_id))?;
    let mut given = Changes::new(schema, Form::Set);
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
    schema: &Schema,
    do_id: DoId,
    ids: impl IntoIterator<Item = FieldId>,
) -> Result<Operation, Error> {
    let selection = Selection::Fields(stored_fields(schema, ids)?);
    Ok(Operation::Get { do_id, selection })
}

/// To delete a field is to set it to its default, if it has one.
fn reset(
    schema: &Schema,
    do_id: DoId,
    ids: impl IntoIterator<Item = FieldId>,
) -> Result<Operation, Error> {
    let fields = stored_fields(schema, ids)?.into_iter();
    Ok(Operation::Update {
        do_id,
        criteria: Vec::new(),
        changes: fields.map(|field| (field, schema.default(field))).collect(),
    })
}

/// Those of the fields that are stored, ascending, each once.
fn stored_fields(
    schema: &Schema,
    ids: impl IntoIterator<Item = FieldId>,
) -> Result<Vec<FieldId>, Error> {
    let mut fields = Vec::new();
    for id in ids {
        if is_stored(schema.field(id).ok_or(Error::UnknownField(id))?) {
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

fn is_stored(field: &Field) -> bool {
    let is_stored = field.keywords().db();
    if !is_stored {
        tracing::warn!(field = field.name(), "request names a field without keyword `db`");
    }
    is_stored
}

/// The fields of a request that changes an object, as they are read.
struct Changes<'s> {
    schema: &'s Schema,
    form: Form,
    criteria: Vec<(FieldId, Option<Bytes>)>,
    changes: Vec<(FieldId, Option<Bytes>)>,
}

impl<'s> Changes<'s> {
    const fn new(schema: &'s Schema, form: Form) -> Self {
        Changes { schema, form, criteria: Vec::new(), changes: Vec::new() }
    }

    /// Reads what follows a field's id. Of a field that comes twice, the last counts.
    fn read(&mut self, id: FieldId, reader: &mut Reader<'_>) -> Result<(), Error> {
        let field = self.schema.field(id).ok_or(Error::UnknownField(id))?;
        let value = |error| Error::Value(id, error);
        if !is_stored(field) {
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
