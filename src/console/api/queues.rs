//! Who is slow: the queues in which most waits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Failure, Routes};
use crate::console::Inside;
use crate::console::roles::{RoleKind, residents};
use crate::console::walk::walk_all;
use crate::router::{Item, Query};

/// So many are shown.
const SHOWN_MAX: usize = 50;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list))
}

/// A queue of what is to be written
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Queue {
    /// Bytes that wait
    pub queue_bytes: usize,
    /// `client` or `link`
    pub kind: &'static str,
    /// The number of a link
    pub id: Option<String>,
    /// The channel of a client
    pub channel: Option<String>,
    /// What a link's peer calls itself
    pub name: String,
    /// Whose it is
    pub address: String,
}

/// The longest queues
#[derive(Serialize, ToSchema)]
struct Queues {
    items: Vec<Queue>,
}

/// The longest queues, the longest first; those in which nothing waits are left out
#[utoipa::path(get, operation_id = "queues", path = "/queues", tag = "links", responses(
    (status = 200, body = Queues), (status = 401, body = Failure),
))]
async fn list(State(inside): State<Arc<Inside>>) -> Json<Queues> {
    Json(Queues { items: longest(&inside).await })
}

/// The longest queues, the longest first.
pub async fn longest(inside: &Inside) -> Vec<Queue> {
    let mut longest = BinaryHeap::new();
    let mut add = |queue: Queue| {
        if queue.queue_bytes > 0 {
            longest.push(Reverse(queue));
        }
        if longest.len() > SHOWN_MAX {
            longest.pop();
        }
    };
    let links = inside.seen.roll.all();
    for link in links {
        add(Queue {
            queue_bytes: link.traffic.waiting,
            kind: "link",
            id: Some(link.id.to_string()),
            channel: None,
            name: link.name,
            address: link.address,
        });
    }
    // All clients are gone over; one at a time does so, however many ask.
    let _counting = inside.counting.lock().await;
    let roles = residents(&inside.router, &inside.roles).into_iter();
    let agents = roles.filter(|(_, role)| role.kind == RoleKind::ClientAgent);
    let agents: Vec<_> = agents.map(|(key, _)| key).collect();
    walk_all(&inside.router, &agents, &Query::Sessions, |_, item| {
        let Item::Session { allocated, remote, traffic: Some(traffic), .. } = item else { return };
        add(Queue {
            queue_bytes: traffic.waiting,
            kind: "client",
            id: None,
            channel: Some(allocated.to_string()),
            name: String::new(),
            address: remote,
        });
    })
    .await;
    longest.into_sorted_vec().into_iter().map(|Reverse(queue)| queue).collect()
}
