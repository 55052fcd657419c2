//! Clients: who is there, what they see, and having one leave.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::links::check_reason;
use super::{ApiError, Body, Failure, Items, Paging, Params, Part, Routes};
use crate::console::roles::{RoleSeen, residents};
use crate::console::time::rfc3339_of;
use crate::console::values::class_name;
use crate::console::walk::{Place, walk};
use crate::console::{Inside, Operator};
use crate::ids::Channel;
use crate::message::{Blob, ClientAgent};
use crate::router::{Cursor, Item, Query};

/// So many interests, objects and channels of a client are shown.
const SHOWN_MAX: usize = 1000;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list)).routes(routes!(one)).routes(routes!(eject))
}

/// A client
#[derive(Clone, Serialize, ToSchema)]
pub struct Client {
    /// The channel that its session sends from
    pub channel: String,
    /// The channel that its session was given when it began
    pub allocated: String,
    /// Its client agent, by its place in the configuration
    pub role: usize,
    /// The protocol that it speaks
    #[serde(rename = "type")]
    pub client_type: &'static str,
    /// Its address
    pub address: String,
    /// By what it has come
    pub transport: &'static str,
    /// What it may do
    pub state: &'static str,
    /// Since when its session has been there
    pub since: String,
    /// How many interests are open
    pub interests: usize,
    /// How many objects it sees or owns
    pub objects: usize,
    /// Bytes that wait to be written
    pub queue_bytes: usize,
    /// Bytes that have come on its connection
    pub received_bytes: String,
    /// Bytes that the system has taken
    pub sent_bytes: String,
}

impl Client {
    /// What an item says of a session; `None` if it says something else. With it goes how many channels it listens to.
    pub fn new(role: &RoleSeen, item: &Item) -> Option<(Self, usize)> {
        let Item::Session {
            allocated,
            channel,
            state,
            transport,
            remote,
            interests,
            objects,
            channels,
            since,
            traffic,
            ..
        } = item
        else {
            return None;
        };
        let traffic = traffic.unwrap_or_default();
        let client = Client {
            channel: channel.to_string(),
            allocated: allocated.to_string(),
            role: role.id,
            client_type: role.client_type.unwrap_or_default(),
            address: remote.clone(),
            transport,
            state,
            since: rfc3339_of(*since),
            interests: *interests,
            objects: *objects,
            queue_bytes: traffic.waiting,
            received_bytes: traffic.received.to_string(),
            sent_bytes: traffic.sent.to_string(),
        };
        Some((client, *channels))
    }
}

/// What a client may do
#[derive(Copy, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ClientState {
    /// Say hello
    New,
    /// Log in
    Anonymous,
    /// All that its rights allow
    Established,
    /// Nothing: its connection is lost, and it may come back
    Away,
}

impl ClientState {
    const fn name(self) -> &'static str {
        match self {
            ClientState::New => "new",
            ClientState::Anonymous => "anonymous",
            ClientState::Established => "established",
            ClientState::Away => "away",
        }
    }
}

/// Which clients
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// How many items, at most
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// What the page before said in `next`
    after: Option<String>,
    /// Only those in this state
    #[param(inline)]
    state: Option<ClientState>,
    /// Only those whose address begins with this
    address: Option<String>,
    /// Only those in whose channel or address this is
    q: Option<String>,
}

impl Which {
    fn means(&self, client: &Client) -> bool {
        self.state.is_none_or(|state| state.name() == client.state)
            && self.address.as_deref().is_none_or(|begin| client.address.starts_with(begin))
            && self.q.as_deref().is_none_or(|part| {
                [&client.channel, &client.allocated, &client.address]
                    .iter()
                    .any(|text| text.contains(part))
            })
    }
}

/// The clients that there are
#[utoipa::path(get, operation_id = "clients", path = "/clients", tag = "clients", params(Which), responses(
    (status = 200, body = Items<Client>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn list(
    State(inside): State<Arc<Inside>>,
    Params(which): Params<Which>,
) -> Result<Json<Items<Client>>, ApiError> {
    let paging = Paging { limit: which.limit, after: which.after.clone() };
    let (from, limit) = (place(&paging)?, paging.limit()?);
    let roles = residents(&inside.router, &inside.roles);
    let keys: Vec<_> = roles.iter().map(|(key, _)| *key).collect();
    let mut items = Vec::new();
    let next = walk(&inside.router, &keys, &Query::Sessions, from, limit, |role, item| {
        let client = Client::new(roles[role].1, &item).map(|(client, _)| client);
        let client = client.filter(|client| which.means(client));
        let is_meant = client.is_some();
        items.extend(client);
        is_meant
    })
    .await;
    Ok(Json(Items { items, next: next.map(Place::words) }))
}

/// Where a page begins.
///
/// # Errors
/// It is not what `next` has said.
pub fn place(paging: &Paging) -> Result<Place, ApiError> {
    let place = paging.after().map(Place::of_words);
    match place {
        None => Ok(Place::default()),
        Some(place) => place.ok_or_else(|| ApiError::bad_request("after: what `next` said")),
    }
}

/// An interest that is open
#[derive(Serialize, ToSchema)]
struct Interest {
    /// Its number; none for one that the agent has opened by the rules of a parent
    id: Option<u16>,
    /// The parent
    parent: u32,
    /// Zones of it
    zones: Vec<u32>,
}

/// An object that a client knows
#[derive(Serialize, ToSchema)]
struct Known {
    do_id: u32,
    class: String,
    /// Whether the client owns it
    owned: bool,
    parent: u32,
    zone: u32,
}

/// A client with what it sees
#[derive(Serialize, ToSchema)]
struct ClientWhole {
    #[serde(flatten)]
    client: Client,
    /// The interests that are open
    open_interests: Vec<Interest>,
    /// The objects that it sees or owns
    sees: Vec<Known>,
    /// How many more it sees
    sees_more: usize,
    /// The channels that its session listens to
    channels: Vec<String>,
    /// How many more it listens to
    channels_more: usize,
}

/// One client, by the channel that it was given or sends from
#[utoipa::path(get, operation_id = "client", path = "/clients/{channel}", tag = "clients", params(("channel" = String, Path, pattern = "^[0-9]+$")), responses(
    (status = 200, body = ClientWhole),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 404, body = Failure),
))]
async fn one(
    State(inside): State<Arc<Inside>>,
    Part(channel): Part<u64>,
) -> Result<Json<ClientWhole>, ApiError> {
    let (role, items) = find(&inside, Channel(channel))?;
    let mut whole = None;
    let (mut open_interests, mut sees, mut channels) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Session { .. } => whole = Client::new(role, &item),
            Item::Interest { id, parent, zones } => open_interests.push(Interest {
                id: id.map(|id| id.0),
                parent: parent.0,
                zones: zones.into_iter().map(|zone| zone.0).collect(),
            }),
            Item::Known { do_id, class_id, location, is_owned } => sees.push(Known {
                do_id: do_id.0,
                class: class_id.map_or_else(
                    || "(not in the DC files)".to_owned(),
                    |id| class_name(&inside.dc, id),
                ),
                owned: is_owned,
                parent: location.parent.0,
                zone: location.zone.0,
            }),
            Item::Channel(channel) => channels.push(channel),
            Item::Object { .. } | Item::Value { .. } | Item::Class { .. } | Item::Totals { .. } => {
            }
        }
    }
    let (client, channel_count) = whole.ok_or_else(ApiError::internal)?;
    sees.sort_unstable_by_key(|known| known.do_id);
    channels.sort_unstable();
    open_interests.sort_unstable_by_key(|interest| (interest.id.is_none(), interest.id));
    Ok(Json(ClientWhole {
        sees_more: client.objects.saturating_sub(sees.len()),
        channels_more: channel_count.saturating_sub(channels.len()),
        channels: channels.iter().map(Channel::to_string).collect(),
        open_interests,
        sees,
        client,
    }))
}

/// The client of a channel, with what it sees.
fn find(inside: &Inside, channel: Channel) -> Result<(&RoleSeen, Vec<Item>), ApiError> {
    let query = Query::Session(channel);
    let roles = residents(&inside.router, &inside.roles);
    let mut found = roles.into_iter().filter_map(|(key, role)| {
        let page = inside.router.inspect(key, &query, Cursor::default(), SHOWN_MAX).ok()?;
        (!page.items.is_empty()).then_some((role, page.items))
    });
    let nobody =
        || ApiError::not_found(format!("there is no client with the channel {channel} here"));
    found.next().ok_or_else(nobody)
}

/// Why a client is ejected
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ejection {
    /// What the client is told; 155, if it is not said: an operator's wish
    #[serde(default = "by_operator")]
    #[schema(maximum = 65535)]
    code: u16,
    /// What the player is told
    #[serde(default)]
    reason: String,
}

/// What clients of this family are told when an operator puts them out.
const fn by_operator() -> u16 {
    155
}

/// Eject a client
#[utoipa::path(post, operation_id = "eject", path = "/clients/{channel}/eject", tag = "clients", params(("channel" = String, Path, pattern = "^[0-9]+$")), request_body = Ejection, responses(
    (status = 204), (status = 400, body = Failure),
    (status = 401, body = Failure), (status = 403, body = Failure), (status = 404, body = Failure),
))]
async fn eject(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Part(channel): Part<u64>,
    Body(Ejection { code, reason }): Body<Ejection>,
) -> Result<StatusCode, ApiError> {
    check_reason(&reason)?;
    let found = find(&inside, Channel(channel));
    let detail = format!("{code}: {reason}");
    inside.audit.note(&viewer, "eject", format!("client {channel}"), detail, found.is_ok());
    let (_, items) = found?;
    let Some(Item::Session { allocated, .. }) = items.first() else {
        return Err(ApiError::internal());
    };
    // By the channel that nobody else has.
    let eject = ClientAgent::Eject { reason: code, text: Blob(reason.as_bytes()) };
    inside.asker().send(&[*allocated], inside.asker().channel(), &eject);
    Ok(StatusCode::NO_CONTENT)
}
