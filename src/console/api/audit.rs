//! What has been done by whom.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::logs::newest;
use super::{ApiError, Failure, Items, Paging, Params, Routes};
use crate::console::Inside;
use crate::console::audit::Action;
use crate::console::time::rfc3339;
use crate::recent::Entry;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list))
}

/// An action
#[derive(Serialize, ToSchema)]
pub struct Done {
    /// Its number, from 1
    pub seq: String,
    /// When
    pub time: String,
    /// By whom
    pub user: Option<String>,
    /// From where
    pub address: String,
    /// What was done
    pub action: &'static str,
    /// To what
    pub object: String,
    /// How, or what became of it
    pub detail: String,
    /// Whether it was done
    pub ok: bool,
}

impl Done {
    /// What is told of an entry.
    pub fn new(Entry { seq, time, what }: &Entry<Action>) -> Self {
        let Action { user, address, action, object, detail, ok } = what.clone();
        let (seq, time) = (seq.to_string(), rfc3339(*time));
        Done { seq, time, user, address, action, object, detail, ok }
    }
}

/// The last actions, the newest first
#[utoipa::path(get, operation_id = "audit", path = "/audit", tag = "log", params(Paging), responses(
    (status = 200, body = Items<Done>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn list(
    State(inside): State<Arc<Inside>>,
    Params(paging): Params<Paging>,
) -> Result<Json<Items<Done>>, ApiError> {
    newest(inside.audit.recent(), &paging, |_| true, Done::new)
}
