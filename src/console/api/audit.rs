//! What has been done by whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use utoipa_axum::routes;

use super::{ApiError, Failure, Items, Paging, Params, Routes};
use crate::console::Inside;
use crate::console::audit::Entry;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list))
}

/// The last actions, the newest first
#[utoipa::path(get, operation_id = "audit", path = "/audit", tag = "log", params(Paging), responses(
    (status = 200, body = Items<Entry>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn list(
    State(inside): State<Arc<Inside>>,
    Params(paging): Params<Paging>,
) -> Result<Json<Items<Entry>>, ApiError> {
    let limit = paging.limit()?;
    let after = paging.after.as_deref().map(str::parse).transpose();
    let after = after.map_err(|_| ApiError::bad_request("after: what `next` said"))?;
    let items = inside.audit.before(after, limit);
    let is_last = items.last().is_none_or(|entry| entry.seq == "1") || items.len() < limit;
    let next = items.last().filter(|_| !is_last).map(|entry| entry.seq.clone());
    Ok(Json(Items { items, next }))
}
