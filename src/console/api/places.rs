//! Where objects are: parents, and their zones, with how many there are in each.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::objects::holders;
use super::{ApiError, Failure, Items, Paging, Params, Routes};
use crate::console::Inside;
use crate::console::walk::walk_all;
use crate::ids::DoId;
use crate::router::{Item, Query};

/// More parents, or zones of one, than this are not told apart: the rest of the objects is left out.
const PLACES_MAX: usize = 50_000;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list))
}

/// A place with objects
#[derive(Serialize, ToSchema)]
struct PlaceSeen {
    /// The parent; 0 for objects that are nowhere
    parent: u32,
    /// The zone, if the zones of one parent were asked for
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<u32>,
    /// How many objects are there
    objects: usize,
}

/// Which places
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// How many items, at most
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// What the page before said in `next`
    after: Option<String>,
    /// The zones of this parent; parents, if it is not said
    parent: Option<u32>,
}

/// Parents that have children here, or the zones of one, ascending
#[utoipa::path(get, operation_id = "places", path = "/places", tag = "objects", params(Which), responses(
    (status = 200, body = Items<PlaceSeen>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn list(
    State(inside): State<Arc<Inside>>,
    Params(which): Params<Which>,
) -> Result<Json<Items<PlaceSeen>>, ApiError> {
    let paging = Paging { limit: which.limit, after: which.after };
    let limit = paging.limit()?;
    let after: Option<u32> = paging
        .after()
        .map(str::parse)
        .transpose()
        .map_err(|_| ApiError::bad_request("after: what `next` said"))?;
    let (keys, _) = holders(&inside);
    // All objects are gone over; one at a time does so, however many ask.
    let _counting = inside.counting.lock().await;
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let query = Query::Objects { class_id: None, parent: which.parent.map(DoId), zone: None };
    walk_all(&inside.router, &keys, &query, |_, item| {
        let Item::Object { location, .. } = item else { return };
        let place = if which.parent.is_some() { location.zone.0 } else { location.parent.0 };
        // What comes before has been told.
        if after.is_some_and(|after| place <= after) {
            return;
        }
        let has_room = counts.len() < PLACES_MAX;
        if let Some(count) = counts.get_mut(&place) {
            *count += 1;
        } else if has_room {
            counts.insert(place, 1);
        }
    })
    .await;
    let has_more = counts.len() > limit;
    let seen = |(place, objects)| match which.parent {
        None => PlaceSeen { parent: place, zone: None, objects },
        Some(parent) => PlaceSeen { parent, zone: Some(place), objects },
    };
    let last = counts.keys().nth(limit - 1).filter(|_| has_more).map(u32::to_string);
    let items = counts.into_iter().take(limit).map(seen).collect();
    Ok(Json(Items { items, next: last }))
}
