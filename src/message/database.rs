//! Messages to and from a database server.

use super::{FieldValues, List, Rest, Shape, messages};
use crate::ids::{ClassId, Context, DoId, FieldId};

messages! {
    /// A message for a database server, or its answer.
    pub enum Database<'a> {
        /// Creates an object.
        3000 DBSERVER_CREATE_OBJECT => CreateObject { context: Context, class_id: ClassId, fields: FieldValues<'a> }
        /// The new object's id, or 0.
        3001 DBSERVER_CREATE_OBJECT_RESP => CreateObjectResp { context: Context, do_id: DoId }
        /// Asks for one field.
        3010 DBSERVER_OBJECT_GET_FIELD => ObjectGetField { context: Context, do_id: DoId, field: FieldId }
        /// One field, or failure.
        3011 DBSERVER_OBJECT_GET_FIELD_RESP => ObjectGetFieldResp { context: Context, value: Option<(FieldId, Rest<'a>)> as Shape::Option(&Shape::FIELD_AND_VALUE) }
        /// Asks for several fields.
        3012 DBSERVER_OBJECT_GET_FIELDS => ObjectGetFields { context: Context, do_id: DoId, fields: List<'a, FieldId> }
        /// Those of the fields that have a value, ascending; or failure.
        3013 DBSERVER_OBJECT_GET_FIELDS_RESP => ObjectGetFieldsResp { context: Context, values: Option<FieldValues<'a>> }
        /// Asks for everything.
        3014 DBSERVER_OBJECT_GET_ALL => ObjectGetAll { context: Context, do_id: DoId }
        /// Class and all fields that have a value, ascending; or failure.
        3015 DBSERVER_OBJECT_GET_ALL_RESP => ObjectGetAllResp { context: Context, object: Option<(ClassId, FieldValues<'a>)> }
        /// Sets a field. No response.
        3020 DBSERVER_OBJECT_SET_FIELD => ObjectSetField { do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Sets several fields. No response.
        3021 DBSERVER_OBJECT_SET_FIELDS => ObjectSetFields { do_id: DoId, fields: FieldValues<'a> }
        /// Sets a field if it has the value given first.
        3022 DBSERVER_OBJECT_SET_FIELD_IF_EQUALS => ObjectSetFieldIfEquals { context: Context, do_id: DoId, field: FieldId, values: Rest<'a> as Shape::OldAndNew }
        /// Whether the field was set; if not, its value may follow: `u16 field | VALUE`.
        3023 DBSERVER_OBJECT_SET_FIELD_IF_EQUALS_RESP => ObjectSetFieldIfEqualsResp { context: Context, done: bool, current: Rest<'a> as Shape::UnlessEmpty(&Shape::FIELD_AND_VALUE) }
        /// Sets several fields if all have the values given first: `(u16 field | VALUE old | VALUE new) × n`.
        3024 DBSERVER_OBJECT_SET_FIELDS_IF_EQUALS => ObjectSetFieldsIfEquals { context: Context, do_id: DoId, fields: FieldValues<'a> as Shape::FieldPairs }
        /// Whether the fields were set; if not, the values may follow: `u16 n | (u16 field | VALUE) × n`.
        3025 DBSERVER_OBJECT_SET_FIELDS_IF_EQUALS_RESP => ObjectSetFieldsIfEqualsResp { context: Context, done: bool, current: Rest<'a> as Shape::UnlessEmpty(&Shape::FieldValues) }
        /// Sets a field if it has no value.
        3026 DBSERVER_OBJECT_SET_FIELD_IF_EMPTY => ObjectSetFieldIfEmpty { context: Context, do_id: DoId, field: FieldId, value: Rest<'a> as Shape::Value }
        /// Whether the field was set; if not, its value may follow: `u16 field | VALUE`.
        3027 DBSERVER_OBJECT_SET_FIELD_IF_EMPTY_RESP => ObjectSetFieldIfEmptyResp { context: Context, done: bool, current: Rest<'a> as Shape::UnlessEmpty(&Shape::FIELD_AND_VALUE) }
        /// Sets several fields if none has a value.
        3028 DBSERVER_OBJECT_SET_FIELDS_IF_EMPTY => ObjectSetFieldsIfEmpty { context: Context, do_id: DoId, fields: FieldValues<'a> }
        /// Whether the fields were set; if not, the values may follow: `u16 n | (u16 field | VALUE) × n`.
        3029 DBSERVER_OBJECT_SET_FIELDS_IF_EMPTY_RESP => ObjectSetFieldsIfEmptyResp { context: Context, done: bool, current: Rest<'a> as Shape::UnlessEmpty(&Shape::FieldValues) }
        /// Forgets a field, or resets it to its default.
        3030 DBSERVER_OBJECT_DELETE_FIELD => ObjectDeleteField { do_id: DoId, field: FieldId }
        /// Forgets several fields, or resets them to their defaults.
        3031 DBSERVER_OBJECT_DELETE_FIELDS => ObjectDeleteFields { do_id: DoId, fields: List<'a, FieldId> }
        /// Deletes an object.
        3032 DBSERVER_OBJECT_DELETE => ObjectDelete { do_id: DoId }
    }
}
