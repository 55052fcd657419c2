//! Stored objects.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{ApiError, Failure, Params, Part, Routes};
use crate::console::Inside;
use crate::console::roles::RoleKind;
use crate::console::values::{FieldSeen, class_name, field_seen};
use crate::ids::{Channel, DoId, FieldId};
use crate::message::Database;
use crate::wire::Reader;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(one))
}

/// A stored object
#[derive(Serialize, ToSchema)]
struct Stored {
    do_id: u32,
    class: String,
    class_id: u16,
    /// The channel of its database server
    database: String,
    /// Those that have a value
    fields: Vec<FieldSeen>,
}

/// Where to look
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Whose {
    /// The channel of a database server, here or elsewhere; all of this daemon, if it is not said
    #[param(value_type = Option<String>, pattern = "^[0-9]+$")]
    database: Option<u64>,
}

/// One stored object
#[utoipa::path(get, operation_id = "stored_object", path = "/database/{do_id}", tag = "objects", params(("do_id" = u32, Path), Whose), responses(
    (status = 200, body = Stored),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 404, body = Failure), (status = 503, body = Failure),
))]
async fn one(
    State(inside): State<Arc<Inside>>,
    Part(do_id): Part<u32>,
    Params(Whose { database }): Params<Whose>,
) -> Result<Json<Stored>, ApiError> {
    let databases: Vec<Channel> = match database {
        Some(database) => {
            // Whoever only looks is not to send anything to somebody else.
            let is_one = inside.roles.iter().any(|role| {
                let kinds = [RoleKind::Database, RoleKind::DbStateServer];
                role.channel == Some(Channel(database)) && kinds.contains(&role.kind)
            });
            if !is_one {
                let message =
                    format!("database: no role of this daemon names the database {database}");
                return Err(ApiError::bad_request(message));
            }
            vec![Channel(database)]
        }
        None => {
            let databases = inside.roles.iter().filter(|role| role.kind == RoleKind::Database);
            databases.filter_map(|role| role.channel).collect()
        }
    };
    if databases.is_empty() {
        let message = "this daemon has no database: name one by its channel (`database`)";
        return Err(ApiError::not_found(message));
    }
    for database in databases {
        if let Some(stored) = ask(&inside, DoId(do_id), database).await? {
            return Ok(Json(stored));
        }
    }
    Err(ApiError::not_found(format!("no object {do_id} is stored there")))
}

async fn ask(inside: &Inside, do_id: DoId, database: Channel) -> Result<Option<Stored>, ApiError> {
    let question = |context| Database::ObjectGetAll { context, do_id };
    let silent = || ApiError::unavailable(format!("the database {database} does not answer"));
    let answer = inside.asker().ask(database, question).await?.ok_or_else(silent)?;
    let decoded = Database::decode(answer.number, &mut Reader::new(&answer.body));
    let Ok(Database::ObjectGetAllResp { object, .. }) = decoded else { return Err(silent()) };
    let Some((class_id, values)) = object else { return Ok(None) };
    let mut fields = Vec::new();
    let mut reader = Reader::new(values.bytes);
    while fields.len() < usize::from(values.count) {
        let Ok(id) = reader.u16().map(FieldId) else { break };
        let rest = reader.remaining();
        let Some(length) = inside.dc.field(id).and_then(|field| field.skip(rest).ok()) else {
            break;
        };
        fields.push(field_seen(&inside.dc, id, &rest[..length]));
        if reader.take(length).is_err() {
            break;
        }
    }
    Ok(Some(Stored {
        do_id: do_id.0,
        class: class_name(&inside.dc, class_id),
        class_id: class_id.0,
        database: database.to_string(),
        fields,
    }))
}
