//! DistributedObjects in memory: lists, and one with its values.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::channels::{Listening, listening};
use super::clients::place;
use super::{ApiError, Body, Failure, Items, Paging, Params, Part, Routes};
use crate::config::RoleConfig;
use crate::console::roles::{RoleKind, residents};
use crate::console::values::{FieldSeen, class_name, field_seen};
use crate::console::walk::{Place, walk};
use crate::console::{Inside, Operator};
use crate::ids::{Channel, ClassId, DoId, Location, ZoneId};
use crate::message::{Rest, StateServer};
use crate::object::shown_values;
use crate::router::{Cursor, Item, Query};
use crate::trace::is_secret;
use crate::wire::Reader;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(set))
}

/// A DistributedObject
#[derive(Clone, Serialize, ToSchema)]
pub struct Object {
    pub do_id: u32,
    pub class: String,
    pub parent: u32,
    pub zone: u32,
    /// The channel of its AI
    pub ai: Option<String>,
    /// The channel of its owner
    pub owner: Option<String>,
    /// The role that has it, by its place in the configuration; none if it is elsewhere
    pub role: Option<usize>,
}

fn named(channel: Channel) -> Option<String> {
    channel.is_some().then(|| channel.to_string())
}

impl Object {
    fn new(inside: &Inside, role: usize, item: &Item) -> Option<Self> {
        let &Item::Object { do_id, class_id, location, ai, owner, .. } = item else { return None };
        Some(Object {
            do_id: do_id.0,
            class: class_name(&inside.dc, class_id),
            parent: location.parent.0,
            zone: location.zone.0,
            ai: named(ai),
            owner: named(owner),
            role: Some(role),
        })
    }
}

/// Which objects
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// How many items, at most
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// What the page before said in `next`
    after: Option<String>,
    /// Only those of this class, by its name
    class: Option<String>,
    /// Only those below this parent
    parent: Option<u32>,
    /// Only those in this zone of their parents
    zone: Option<u32>,
}

/// The objects in memory
#[utoipa::path(get, operation_id = "objects", path = "/objects", tag = "objects", params(Which), responses(
    (status = 200, body = Items<Object>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn list(
    State(inside): State<Arc<Inside>>,
    Params(which): Params<Which>,
) -> Result<Json<Items<Object>>, ApiError> {
    let paging = Paging { limit: which.limit, after: which.after };
    let (from, limit) = (place(&paging)?, paging.limit()?);
    let class_id = which.class.as_deref().map(|name| class_of(&inside, name)).transpose()?;
    let (parent, zone) = (which.parent.map(DoId), which.zone.map(ZoneId));
    let query = Query::Objects { class_id, parent, zone };
    let (keys, ids) = holders(&inside);
    let mut items = Vec::new();
    let next = walk(&inside.router, &keys, &query, from, limit, |role, item| {
        let object = Object::new(&inside, ids[role], &item);
        let is_one = object.is_some();
        items.extend(object);
        is_one
    })
    .await;
    Ok(Json(Items { items, next: next.map(Place::words) }))
}

/// The roles that have objects: their places in the router, and in the configuration.
pub fn holders(inside: &Inside) -> (Vec<crate::router::Key>, Vec<usize>) {
    let roles = residents(&inside.router, &inside.roles).into_iter();
    roles
        .filter(|(_, role)| role.kind != RoleKind::ClientAgent)
        .map(|(key, role)| (key, role.id))
        .unzip()
}

/// The class of a name.
///
/// # Errors
/// The DC files have none.
pub fn class_of(inside: &Inside, name: &str) -> Result<ClassId, ApiError> {
    let class = inside.dc.class_by_name(name);
    class
        .map(dclass::Class::id)
        .ok_or_else(|| ApiError::bad_request(format!("class: the DC files have no class {name:?}")))
}

/// A DistributedObject with its values
#[derive(Serialize, ToSchema)]
struct ObjectWhole {
    #[serde(flatten)]
    object: Object,
    class_id: u16,
    /// `here` in memory of this daemon, or `elsewhere` in the cluster
    #[serde(rename = "where")]
    place: &'static str,
    /// Those that have a value, in their order in the DC files
    fields: Vec<FieldSeen>,
    /// How many children it has; not known of objects elsewhere
    children: Option<usize>,
    /// The channel on which its updates are told
    location_channel: String,
    /// Who listens to that channel here
    watchers: Vec<Listening>,
    /// How many others do
    watchers_more: usize,
}

/// One object with its values, wherever in the cluster it is
#[utoipa::path(get, operation_id = "object", path = "/objects/{do_id}", tag = "objects", params(("do_id" = u32, Path)), responses(
    (status = 200, body = ObjectWhole),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 404, body = Failure),
))]
async fn one(
    State(inside): State<Arc<Inside>>,
    Part(do_id): Part<u32>,
) -> Result<Json<ObjectWhole>, ApiError> {
    let found = match here(&inside, DoId(do_id)) {
        Some(found) => found,
        None => elsewhere(&inside, DoId(do_id)).await?,
    };
    let Found { object, class_id, location, mut fields, children } = found;
    fields.sort_by_key(|field| field.id);
    let (watchers, watchers_more) = listening(&inside, location.channel());
    Ok(Json(ObjectWhole {
        place: if object.role.is_some() { "here" } else { "elsewhere" },
        object,
        class_id: class_id.0,
        fields,
        children,
        location_channel: location.channel().to_string(),
        watchers,
        watchers_more,
    }))
}

struct Found {
    object: Object,
    class_id: ClassId,
    location: Location,
    fields: Vec<FieldSeen>,
    children: Option<usize>,
}

/// An object that a role of this daemon has.
fn here(inside: &Inside, do_id: DoId) -> Option<Found> {
    let (keys, ids) = holders(inside);
    keys.into_iter().zip(ids).find_map(|(key, role)| {
        let query = Query::Object(do_id);
        let items = inside.router.inspect(key, &query, Cursor::default(), 1).ok()?.items;
        let &Item::Object { class_id, location, children, .. } = items.first()? else {
            return None;
        };
        let object = Object::new(inside, role, items.first()?)?;
        let fields = items.iter().filter_map(|item| match item {
            Item::Value { field, value } => Some(field_seen(&inside.dc, *field, value)),
            _ => None,
        });
        Some(Found {
            object,
            class_id,
            location,
            fields: fields.collect(),
            children: Some(children),
        })
    })
}

/// Whether a number can be an object's, and somebody would hear the question: whoever only looks is not to send anything to roles,
/// clients or everybody.
fn may_be_asked(inside: &Inside, do_id: DoId) -> bool {
    let channel = do_id.channel();
    let is_of_roles = |role: &RoleConfig| match role {
        RoleConfig::ClientAgent(agent) => agent.channels.contains(channel),
        _ => false,
    };
    let is_taken = channel.is_reserved()
        || inside.roles.iter().any(|role| role.channel == Some(channel))
        || inside.config.roles.iter().any(is_of_roles);
    !is_taken && (inside.router.has_uplink() || !inside.router.listeners(channel, 1).0.is_empty())
}

/// An object that is asked itself. It does not say who owns it.
async fn elsewhere(inside: &Inside, do_id: DoId) -> Result<Found, ApiError> {
    let nowhere =
        || ApiError::not_found(format!("there is no object {do_id} here, and none has answered"));
    if !may_be_asked(inside, do_id) {
        return Err(nowhere());
    }
    let ask = |context| StateServer::ObjectGetAll { context, do_id };
    let answer = inside.asker().ask(do_id.channel(), ask).await?.ok_or_else(nowhere)?;
    let decoded = StateServer::decode(answer.number, &mut Reader::new(&answer.body));
    let Ok(StateServer::ObjectGetAllResp { object, .. }) = decoded else { return Err(nowhere()) };
    let class = inside.dc.class(object.class_id);
    let values =
        class.and_then(|class| shown_values(&object, class, true, |_| true, |_| true).ok());
    let fields = values.unwrap_or_default();
    let fields = fields.iter().map(|&(field, value)| field_seen(&inside.dc, field, value));
    Ok(Found {
        object: Object {
            do_id: do_id.0,
            class: class_name(&inside.dc, object.class_id),
            parent: object.location.parent.0,
            zone: object.location.zone.0,
            ai: None,
            owner: None,
            role: None,
        },
        class_id: object.class_id,
        location: object.location,
        fields: fields.collect(),
        children: None,
    })
}

/// A value for a field
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewValue {
    /// As DC text: `(1, 2)`
    value: String,
}

/// Set a field of an object: an update is sent to it, as an AI would
#[utoipa::path(put, operation_id = "set_field", path = "/objects/{do_id}/fields/{name}", tag = "objects",
    params(("do_id" = u32, Path), ("name" = String, Path)), request_body = NewValue, responses(
    (status = 202, description = "It has been sent"), (status = 400, body = Failure),
    (status = 401, body = Failure), (status = 403, body = Failure), (status = 404, body = Failure),
))]
async fn set(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Part((do_id, name)): Part<(u32, String)>,
    Body(NewValue { value }): Body<NewValue>,
) -> Result<StatusCode, ApiError> {
    let done = set_field(&inside, DoId(do_id), &name, &value).await;
    // Without the object it is not known of which class the field is.
    let is_secret =
        inside.dc.classes().any(|class| class.field_by_name(&name).is_some_and(is_secret));
    let detail = match is_secret {
        true => format!("{name} = (secret)"),
        false => format!("{name} = {value}"),
    };
    inside.audit.note(&viewer, "set-field", format!("object {do_id}"), detail, done.is_ok());
    done.map(|()| StatusCode::ACCEPTED)
}

async fn set_field(inside: &Inside, do_id: DoId, name: &str, text: &str) -> Result<(), ApiError> {
    let found = match here(inside, do_id) {
        Some(found) => found,
        None => elsewhere(inside, do_id).await?,
    };
    let class = inside.dc.class(found.class_id);
    let field = class.and_then(|class| class.field_by_name(name)).ok_or_else(|| {
        ApiError::not_found(format!("class {} has no field {name:?}", found.object.class))
    })?;
    let value =
        field.parse(text).map_err(|error| ApiError::bad_request(format!("value: {error}")))?;
    field.validate_all(&value).map_err(|error| ApiError::bad_request(format!("value: {error}")))?;
    let update = StateServer::ObjectSetField { do_id, field: field.id(), value: Rest(&value) };
    let fits = inside.asker().send(&[do_id.channel()], inside.asker().channel(), &update);
    fits.then_some(()).ok_or_else(|| ApiError::bad_request("value: it does not fit a datagram"))
}
