//! Links, and their ends.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::{ApiError, Body, Failure, Items, Paging, Params, Part, Routes};
use crate::console::time::rfc3339;
use crate::console::{Inside, Operator};
use crate::role::message_director::{Direction, LinkSeen};
use crate::router::{Key, Router};

/// The longest reason of an action, in bytes.
const REASON_BYTES_MAX: usize = 1024;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list)).routes(routes!(close))
}

/// A link to another participant
#[derive(Serialize, ToSchema)]
pub struct Link {
    /// Its number, which no other link has in this process
    pub id: String,
    /// What the peer calls itself; empty if it has not said so
    pub name: String,
    /// The peer's address
    pub address: String,
    /// Who has made the connection: `in`, the peer; `out`, this daemon
    pub direction: &'static str,
    /// `daemon` for one of this kind, `participant` for anybody else: an AI, an UberDOG, a daemon of Astron's
    pub kind: &'static str,
    /// Whether it is encrypted
    pub tls: bool,
    /// Since when there has been a connection
    pub since: String,
    /// How many channels the peer listens to, each by itself; of the link upstream it is not known
    pub channels: usize,
    /// How many ranges of channels
    pub ranges: usize,
    /// Bytes that wait to be written
    pub queue_bytes: usize,
    /// Bytes that have come
    pub received_bytes: String,
    /// Bytes that the system has taken
    pub sent_bytes: String,
    /// The console of the daemon at the other end, if it has said so
    pub console: Option<String>,
}

impl Link {
    /// What is told of a link.
    pub fn new(router: &Router, link: LinkSeen) -> Self {
        let (channels, ranges) = link.key.map_or((0, 0), |key| router.subscription_count(key));
        let is_upstream = link.direction == Direction::Out;
        Link {
            id: link.id.to_string(),
            console: console_of(&link),
            name: if is_upstream && link.name.is_empty() {
                "upstream".to_owned()
            } else {
                link.name
            },
            address: link.address,
            direction: if is_upstream { "out" } else { "in" },
            kind: if link.is_daemon || is_upstream { "daemon" } else { "participant" },
            tls: link.is_encrypted,
            since: rfc3339(link.since),
            channels,
            ranges,
            queue_bytes: link.traffic.waiting,
            received_bytes: link.traffic.received.to_string(),
            sent_bytes: link.traffic.sent.to_string(),
        }
    }
}

/// The page of whoever is at the other end, if it can be one: what a peer says is not to be a link that does something else.
pub fn console_of(link: &LinkSeen) -> Option<String> {
    let url = url::Url::parse(&link.url).ok()?;
    ["http", "https"].contains(&url.scheme()).then(|| url.to_string())
}

/// The numbers of links by their places in the router.
pub fn numbers(inside: &Inside) -> HashMap<Key, u64> {
    let links = inside.seen.roll.all();
    links.into_iter().filter_map(|link| Some((link.key?, link.id))).collect()
}

/// By what links are sorted
#[derive(Copy, Clone, Deserialize, ToSchema)]
enum Order {
    #[serde(rename = "name")]
    Name,
    #[serde(rename = "address")]
    Address,
    /// Where most waits comes first
    #[serde(rename = "-queue_bytes")]
    Queue,
    /// Who has said most comes first
    #[serde(rename = "-received_bytes")]
    Received,
    /// Who was told most comes first
    #[serde(rename = "-sent_bytes")]
    Sent,
}

impl Order {
    fn sort(self, links: &mut [LinkSeen]) {
        match self {
            Order::Name => links.sort_by(|one, two| one.name.cmp(&two.name)),
            Order::Address => links.sort_by(|one, two| one.address.cmp(&two.address)),
            Order::Queue => links.sort_by_key(|link| Reverse(link.traffic.waiting)),
            Order::Received => links.sort_by_key(|link| Reverse(link.traffic.received)),
            Order::Sent => links.sort_by_key(|link| Reverse(link.traffic.sent)),
        }
    }
}

/// Which links
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// How many items, at most
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// What the page before said in `next`
    after: Option<String>,
    /// In which order; if it is not said, the oldest first
    #[param(inline)]
    sort: Option<Order>,
}

/// The links that there are
#[utoipa::path(get, operation_id = "links", path = "/links", tag = "links", params(Which), responses(
    (status = 200, body = Items<Link>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn list(
    State(inside): State<Arc<Inside>>,
    Params(which): Params<Which>,
) -> Result<Json<Items<Link>>, ApiError> {
    let paging = Paging { limit: which.limit, after: which.after };
    let after = paging.after().map_or(Ok(0), str::parse);
    let after: u64 = after.map_err(|_| ApiError::bad_request("after: what `next` said"))?;
    let limit = paging.limit()?;
    let (links, next) = match which.sort {
        None => {
            let (links, has_more) = inside.seen.roll.page(after, limit);
            let next = links.last().filter(|_| has_more).map(|link| link.id);
            (links, next)
        }
        Some(order) => {
            let mut links = inside.seen.roll.all();
            order.sort(&mut links);
            let passed = usize::try_from(after).unwrap_or(usize::MAX).min(links.len());
            links.drain(..passed);
            let next = (links.len() > limit).then_some((passed + limit) as u64);
            links.truncate(limit);
            (links, next)
        }
    };
    let next = next.map(|next| next.to_string());
    let items = links.into_iter().map(|link| Link::new(&inside.router, link)).collect();
    Ok(Json(Items { items, next }))
}

/// Why something is done
#[derive(Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
struct Why {
    /// For the audit log
    #[serde(default)]
    reason: String,
}

/// Close a link
///
/// What waits is still written, and what the peer has sent is still heard; then its post-removes are routed. The link upstream is
/// made anew.
#[utoipa::path(post, operation_id = "close_link", path = "/links/{id}/close", tag = "links", params(("id" = String, Path, pattern = "^[0-9]+$")), request_body = Why, responses(
    (status = 204), (status = 400, body = Failure),
    (status = 401, body = Failure), (status = 403, body = Failure), (status = 404, body = Failure),
))]
async fn close(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Part(id): Part<u64>,
    Body(Why { reason }): Body<Why>,
) -> Result<StatusCode, ApiError> {
    check_reason(&reason)?;
    let is_there = inside.seen.roll.close(id);
    inside.audit.note(&viewer, "close", format!("link {id}"), reason, is_there);
    match is_there {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::not_found(format!("there is no link {id}"))),
    }
}

/// Checks that a reason is not too long.
///
/// # Errors
/// It is.
pub fn check_reason(reason: &str) -> Result<(), ApiError> {
    if reason.len() > REASON_BYTES_MAX {
        return Err(ApiError::bad_request(format!(
            "reason: it is longer than {REASON_BYTES_MAX} bytes"
        )));
    }
    Ok(())
}
