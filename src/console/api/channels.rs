//! Channels, and who listens to them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::objects::holders;
use super::{Failure, Part, Routes, links};
use crate::config::RoleConfig;
use crate::console::Inside;
use crate::console::roles::residents;
use crate::ids::{Channel, DoId, ZoneId};
use crate::router::{Cursor, Item, Key, Query, Router};

/// So many who listen are shown.
const SHOWN_MAX: usize = 200;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(one))
}

/// Somebody who listens to a channel
#[derive(Clone, Serialize, ToSchema)]
pub struct Listening {
    /// `client`, `role`, `link`, `upstream` or `console`
    pub kind: &'static str,
    /// What it is called
    pub name: String,
    /// `channel`, or `range` if it is one of many in a row
    pub by: &'static str,
    /// The channel of a client
    pub channel: Option<String>,
    /// The number of a link
    pub link: Option<String>,
}

/// A channel
#[derive(Serialize, ToSchema)]
struct ChannelSeen {
    channel: String,
    /// What it stands for, by its number
    means: String,
    /// Who listens to it here
    listeners: Vec<Listening>,
    /// How many others do
    listeners_more: usize,
}

/// One channel: what it means, and who listens to it
#[utoipa::path(get, operation_id = "channel", path = "/channels/{channel}", tag = "channels", params(("channel" = String, Path, pattern = "^[0-9]+$")), responses(
    (status = 200, body = ChannelSeen),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn one(State(inside): State<Arc<Inside>>, Part(channel): Part<u64>) -> Json<ChannelSeen> {
    let channel = Channel(channel);
    let (listeners, listeners_more) = listening(&inside, channel);
    let means = meaning(&inside, channel);
    Json(ChannelSeen { channel: channel.to_string(), means, listeners, listeners_more })
}

/// Who listens to a channel: clients one by one, instead of their agents.
pub fn listening(inside: &Inside, channel: Channel) -> (Vec<Listening>, usize) {
    let (found, mut more) = inside.router.listeners(channel, SHOWN_MAX);
    let (roles, links) = (residents(&inside.router, &inside.roles), links::numbers(inside));
    let mut all = Vec::new();
    for listener in found {
        let by = if listener.by_range { "range" } else { "channel" };
        let role = roles.iter().find(|(key, _)| *key == listener.key).map(|(_, role)| role);
        let query = Query::Listeners(channel);
        let budget = SHOWN_MAX.saturating_sub(all.len()).max(1);
        let page = inside.router.inspect(listener.key, &query, Cursor::default(), budget);
        let page = page.unwrap_or_default();
        let members = page.items.iter().filter_map(|item| match item {
            Item::Session { allocated, remote, .. } => Some(Listening {
                kind: "client",
                name: remote.clone(),
                by,
                channel: Some(allocated.to_string()),
                link: None,
            }),
            _ => None,
        });
        let before = all.len();
        all.extend(members);
        if page.next.is_some() {
            more += count(&inside.router, listener.key, channel).saturating_sub(all.len() - before);
        }
        if all.len() > before {
            continue;
        }
        let link = links.get(&listener.key).map(u64::to_string);
        let kind = match (role, &link) {
            (Some(_), _) => "role",
            (None, Some(_)) => "link",
            (None, None) if listener.name == "console" => "console",
            (None, None) => "role",
        };
        let name = role.map_or(listener.name, |role| role.name());
        all.push(Listening { kind, name, by, channel: None, link });
    }
    if inside.router.has_uplink() {
        let name = "everything that is routed here goes there, too".to_owned();
        all.push(Listening { kind: "upstream", name, by: "range", channel: None, link: None });
    }
    (all, more)
}

/// How many members of a role listen to a channel.
fn count(router: &Router, role: Key, channel: Channel) -> usize {
    let query = Query::ListenerCount(channel);
    let page = router.inspect(role, &query, Cursor::default(), 1).unwrap_or_default();
    match page.items.first() {
        Some(&Item::Totals { sessions, .. }) => sessions,
        _ => 0,
    }
}

/// What a channel stands for. Only its number is known: others may use it for something else.
fn meaning(inside: &Inside, channel: Channel) -> String {
    let role = inside.roles.iter().find(|role| role.channel == Some(channel));
    let agent = inside.config.roles.iter().any(
        |role| matches!(role, RoleConfig::ClientAgent(agent) if agent.channels.contains(channel)),
    );
    if let Some(role) = role {
        return role.name();
    }
    let known = [
        (Channel::NONE, "nobody"),
        (Channel::CONTROL, "this daemon itself: control messages"),
        (Channel::CLIENTS, "all clients"),
        (Channel::STATE_SERVERS, "all state servers"),
        (Channel::DATABASES, "all databases"),
        (Channel::OBSERVERS, "those who want to hear of state servers that come and go"),
    ];
    if let Some((_, words)) = known.iter().find(|(known, _)| *known == channel) {
        return (*words).to_owned();
    }
    if agent {
        return "a client's session".to_owned();
    }
    if let Some(parent) = channel.as_children() {
        return format!("the children of object {parent}");
    }
    let (parent, zone) = (DoId((channel.0 >> 32) as u32), ZoneId(channel.0 as u32));
    if parent.is_some() && is_here(inside, parent) {
        return format!("zone {zone} of object {parent}");
    }
    if let Some(do_id) = channel.as_object() {
        return format!("object {do_id}, or whoever has that number for a channel");
    }
    match channel.as_avatar() {
        Some(do_id) if do_id.is_some() => format!(
            "zone {zone} of object {parent}, or the client of account {parent} that plays as object {do_id}"
        ),
        _ => format!("zone {zone} of object {parent}, or the client of account {parent}"),
    }
}

/// Whether an object is in memory here.
fn is_here(inside: &Inside, do_id: DoId) -> bool {
    holders(inside).0.into_iter().any(|key| {
        let page = inside.router.inspect(key, &Query::Object(do_id), Cursor::default(), 1);
        page.is_ok_and(|page| !page.items.is_empty())
    })
}
