//! Who may not come in.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::orders::{Said, order};
use super::{ApiError, Body, Failure, Part, Routes};
use crate::banlist::Subject;
use crate::console::time::rfc3339_of_date;
use crate::console::{Inside, Operator};
use crate::control::Request;

/// How many bans are told at most.
const BANS_MAX: usize = 10_000;
/// The longest reason and the longest subject, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list, ban)).routes(routes!(unban))
}

/// Somebody who may not come in.
#[derive(Serialize, ToSchema)]
struct BanView {
    /// An address, a network, or `account NUMBER`
    subject: String,
    /// Until when; null is for ever
    until: Option<String>,
    /// What the player is told
    reason: String,
}

/// All of them.
#[derive(Serialize, ToSchema)]
struct Bans {
    items: Vec<BanView>,
    /// How many more there are
    more: usize,
    /// Whether a client agent of this daemon has a ban list at all
    configured: bool,
}

/// Who may not come in
#[utoipa::path(get, operation_id = "bans", path = "/bans", tag = "clients", responses(
    (status = 200, body = Bans), (status = 401, body = Failure),
))]
async fn list(State(inside): State<Arc<Inside>>) -> Json<Bans> {
    let banlists = inside.banlists();
    let configured = !banlists.is_empty();
    // There may be very many.
    let bans = tokio::task::spawn_blocking(move || {
        let now = Timestamp::now();
        // Those whose files are others, and who are in several of them, once.
        let lists: Vec<_> = banlists.iter().map(|banlist| banlist.list()).collect();
        let mut found = BTreeMap::new();
        let mut more = 0;
        for (subject, ban) in lists.iter().flat_map(|list| list.in_force(now)) {
            let subject = subject.to_string();
            if found.contains_key(&subject) {
                continue;
            }
            if found.len() >= BANS_MAX {
                more += 1;
                continue;
            }
            found.insert(subject, ban.clone());
        }
        let view = |(subject, ban): (String, crate::banlist::Ban)| BanView {
            subject,
            until: ban.until.map(rfc3339_of_date),
            reason: ban.reason.into(),
        };
        (found.into_iter().map(view).collect(), more)
    });
    let (items, more) = bans.await.unwrap_or_default();
    Json(Bans { items, more, configured })
}

/// Whom to ban.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBan {
    /// An address, a network, or `account NUMBER`
    subject: String,
    /// For how long; for ever if it is not said
    seconds: Option<u32>,
    /// What the player is told
    #[serde(default)]
    reason: String,
    /// Also if that is for many others
    #[serde(default)]
    force: bool,
}

/// Let somebody in no more, and put out who is in
#[utoipa::path(post, operation_id = "ban", path = "/bans", tag = "clients", request_body = NewBan, responses(
    (status = 200, body = Said),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
    (status = 409, description = "Nobody is banned, and why", body = Failure), (status = 503, body = Failure),
))]
async fn ban(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Body(NewBan { subject, seconds, reason, force }): Body<NewBan>,
) -> Result<Json<Said>, ApiError> {
    let subject = subject_of(&subject)?;
    if reason.len() > TEXT_BYTES_MAX {
        let message = format!("reason: at most {TEXT_BYTES_MAX} bytes");
        return Err(ApiError::bad_request(message));
    }
    let seconds = seconds.map(u64::from);
    let request = Request::Ban { subject: subject.clone(), seconds, reason, force };
    order(&inside, &viewer, "ban", subject, request).await?.done().map(Json)
}

/// Let somebody in again
#[utoipa::path(delete, operation_id = "unban", path = "/bans/{subject}", tag = "clients",
    params(("subject" = String, Path, description = "An address, a network, or `account NUMBER`")),
    responses(
        (status = 200, body = Said),
        (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
        (status = 409, description = "It was not banned, say", body = Failure), (status = 503, body = Failure),
    )
)]
async fn unban(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Part(subject): Part<String>,
) -> Result<Json<Said>, ApiError> {
    let subject = subject_of(&subject)?;
    let request = Request::Unban { subject: subject.clone() };
    order(&inside, &viewer, "unban", subject, request).await?.done().map(Json)
}

fn subject_of(text: &str) -> Result<String, ApiError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ApiError::bad_request("subject: it is too long"));
    }
    let subject: Subject = text.parse().map_err(ApiError::bad_request)?;
    Ok(subject.to_string())
}
