//! Outcomes → answers and broadcasts.

use bytes::Bytes;

use super::request::{Kind, Request};
use crate::ids::{Channel, Context, DoId, FieldId};
use crate::message::{Database, FieldValues, List, Rest};
use crate::role::Effects;
use crate::store::{Outcome, Values};
use crate::wire::{Error, Writer};

/// Tells whoever asked what came of it. Requests that are not answered are passed over.
///
/// # Errors
/// When the answer does not fit a datagram. Nothing is sent then.
pub fn answer(
    control: Channel,
    request: Request,
    outcome: &Outcome,
    effects: &mut Effects,
) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let message = match request.kind {
        Kind::Set | Kind::Delete => return Ok(()),
        Kind::Create(context) => {
            let do_id = match outcome {
                Outcome::Created(do_id) => *do_id,
                _ => DoId::NONE,
            };
            Database::CreateObjectResp { context, do_id }
        }
        Kind::GetField(context) => {
            let value = match outcome {
                Outcome::Object { values, .. } => values.first(),
                _ => None,
            };
            let value = value.map(|(field, value)| (*field, Rest(value)));
            Database::ObjectGetFieldResp { context, value }
        }
        Kind::GetFields(context) => {
            let values = match outcome {
                Outcome::Object { values, .. } => Some(list(&mut bytes, values)),
                _ => None,
            };
            Database::ObjectGetFieldsResp { context, values }
        }
        Kind::GetAll(context) => {
            let object = match outcome {
                Outcome::Object { class, values } => Some((*class, list(&mut bytes, values))),
                _ => None,
            };
            Database::ObjectGetAllResp { context, object }
        }
        Kind::SetFieldIfEquals(context)
        | Kind::SetFieldsIfEquals(context)
        | Kind::SetFieldIfEmpty(context)
        | Kind::SetFieldsIfEmpty(context) => {
            conditional(context, request.kind, outcome, &mut bytes)
        }
    };
    effects.route(&[request.sender], control, &message)?;
    Ok(())
}

fn conditional<'a>(
    context: Context,
    kind: Kind,
    outcome: &Outcome,
    bytes: &'a mut Vec<u8>,
) -> Database<'a> {
    let done = *outcome == Outcome::Updated;
    let is_list = matches!(kind, Kind::SetFieldsIfEquals(_) | Kind::SetFieldsIfEmpty(_));
    // Only a mismatch shows values; any other failure ends after the flag.
    if let Outcome::Mismatch(values) = outcome {
        if is_list {
            Writer::new(bytes).u16(count(values));
        }
        write_values(bytes, values);
    }
    let current = Rest(bytes);
    match kind {
        Kind::SetFieldsIfEquals(_) => {
            Database::ObjectSetFieldsIfEqualsResp { context, done, current }
        }
        Kind::SetFieldIfEmpty(_) => Database::ObjectSetFieldIfEmptyResp { context, done, current },
        Kind::SetFieldsIfEmpty(_) => {
            Database::ObjectSetFieldsIfEmptyResp { context, done, current }
        }
        _ => Database::ObjectSetFieldIfEqualsResp { context, done, current },
    }
}

/// Announces changes of an object, in the name of whoever asked for them: first what became absent,
/// then what has a new value.
///
/// # Errors
/// When an announcement does not fit a datagram. It is not sent then.
pub fn announce_changes(
    sender: Channel,
    do_id: DoId,
    changes: &[(FieldId, Option<Bytes>)],
    effects: &mut Effects,
) -> Result<(), Error> {
    let recipients = [do_id.database_broadcast()];
    let mut send = |message: &Database<'_>| effects.route(&recipients, sender, message).map(drop);
    let removed = changes.iter().filter(|(_, value)| value.is_none());
    let removed: Vec<FieldId> = removed.map(|(field, _)| *field).collect();
    match removed[..] {
        [] => {}
        [field] => send(&Database::ObjectDeleteField { do_id, field })?,
        _ => {
            let fields = List::new(&removed);
            send(&Database::ObjectDeleteFields { do_id, fields })?;
        }
    }
    let set = |(field, value): &(FieldId, Option<Bytes>)| Some((*field, value.clone()?));
    let set: Values = changes.iter().filter_map(set).collect();
    match &set[..] {
        [] => Ok(()),
        [(field, value)] => {
            let (field, value) = (*field, Rest(value));
            send(&Database::ObjectSetField { do_id, field, value })
        }
        _ => {
            let mut bytes = Vec::new();
            let fields = list(&mut bytes, &set);
            send(&Database::ObjectSetFields { do_id, fields })
        }
    }
}

/// Announces that an object is gone, in the name of whoever asked for it.
///
/// # Errors
/// None in practice: the announcement always fits.
pub fn announce_deletion(sender: Channel, do_id: DoId, effects: &mut Effects) -> Result<(), Error> {
    let message = Database::ObjectDelete { do_id };
    effects.route(&[do_id.database_broadcast()], sender, &message)?;
    Ok(())
}

fn list<'a>(bytes: &'a mut Vec<u8>, values: &Values) -> FieldValues<'a> {
    write_values(bytes, values);
    FieldValues { count: count(values), bytes }
}

fn count(values: &Values) -> u16 {
    u16::try_from(values.len()).expect("there are no more fields than field ids")
}

fn write_values(bytes: &mut Vec<u8>, values: &Values) {
    let mut writer = Writer::new(bytes);
    for (field, value) in values {
        writer.u16(field.0);
        writer.raw(value);
    }
}
