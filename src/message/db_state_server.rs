//! Messages to a database-state server.

use super::{List, ObjectState, Shape, Shown, messages};
use crate::ids::{Context, DoId, FieldId, Location};

messages! {
    /// A message for a database-state server, beside those of [`super::StateServer`] that it answers.
    pub enum DbStateServer<'a> {
        /// Loads an object from the database.
        2200 DBSS_OBJECT_ACTIVATE_WITH_DEFAULTS => ObjectActivateWithDefaults { do_id: DoId, location: Location }
        /// Loads an object from the database with some fields overridden; the values are OTHER alone.
        2201 DBSS_OBJECT_ACTIVATE_WITH_DEFAULTS_OTHER => ObjectActivateWithDefaultsOther { object: ObjectState<'a> as Shape::object_with_other(Shown::Nothing) }
        /// Asks whether an object is loaded.
        2207 DBSS_OBJECT_GET_ACTIVATED => ObjectGetActivated { context: Context, do_id: DoId }
        /// Whether an object is loaded.
        2208 DBSS_OBJECT_GET_ACTIVATED_RESP => ObjectGetActivatedResp { context: Context, do_id: DoId, active: bool }
        /// Forgets a stored field.
        2230 DBSS_OBJECT_DELETE_FIELD_DISK => ObjectDeleteFieldDisk { do_id: DoId, field: FieldId }
        /// Forgets several stored fields.
        2231 DBSS_OBJECT_DELETE_FIELDS_DISK => ObjectDeleteFieldsDisk { do_id: DoId, fields: List<'a, FieldId> }
        /// Deletes an object from the database.
        2232 DBSS_OBJECT_DELETE_DISK => ObjectDeleteDisk { do_id: DoId }
    }
}
