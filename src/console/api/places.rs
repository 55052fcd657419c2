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
    // One more than are told says whether there are more.
    let mut places = Lowest::new(limit + 1);
    let query = Query::Objects { class_id: None, parent: which.parent.map(DoId), zone: None };
    walk_all(&inside.router, &keys, &query, |_, item| {
        let Item::Object { location, .. } = item else { return };
        let place = if which.parent.is_some() { location.zone.0 } else { location.parent.0 };
        // What comes before has been told.
        if after.is_none_or(|after| place > after) {
            places.note(place);
        }
    })
    .await;
    let counts = places.counts;
    let has_more = counts.len() > limit;
    let seen = |(place, objects)| match which.parent {
        None => PlaceSeen { parent: place, zone: None, objects },
        Some(parent) => PlaceSeen { parent, zone: Some(place), objects },
    };
    let last = counts.keys().nth(limit - 1).filter(|_| has_more).map(u32::to_string);
    let items = counts.into_iter().take(limit).map(seen).collect();
    Ok(Json(Items { items, next: last }))
}

/// The places with the lowest numbers, and how many objects there are in each. Others are forgotten, so that a million of them take no
/// memory: whatever is forgotten has so many before it that it is none of these, however many of its objects come later.
struct Lowest {
    most: usize,
    counts: BTreeMap<u32, usize>,
}

impl Lowest {
    const fn new(most: usize) -> Self {
        Lowest { most, counts: BTreeMap::new() }
    }

    /// An object is there.
    fn note(&mut self, place: u32) {
        *self.counts.entry(place).or_default() += 1;
        if self.counts.len() > self.most {
            self.counts.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_places_are_counted_whatever_the_order() {
        let mut places = Lowest::new(3);
        // The last ones first, and each three times.
        for n in (0..300_u32).rev() {
            places.note(10 * (n % 100));
        }
        let counts: Vec<_> = places.counts.into_iter().collect();
        assert_eq!(counts, [(0, 3), (10, 3), (20, 3)]);
    }
}
