//! What has been said and has happened of late: the daemon's log, events, and connections that have ended.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use super::level::LevelName;
use super::{ApiError, Failure, Items, Paging, Params, Routes};
use crate::console::Inside;
use crate::console::roles::RoleKind;
use crate::console::time::{rfc3339, seconds};
use crate::recent::{Closed, Entry, Recent};
use crate::telemetry::{Level, LogLine};

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(log)).routes(routes!(eventlog)).routes(routes!(closed))
}

/// A line of the log
#[derive(Serialize, ToSchema)]
pub struct Line {
    /// Its number
    pub seq: String,
    pub time: String,
    pub level: LevelName,
    /// The part of the program that speaks
    pub part: String,
    pub message: String,
    /// What it is about
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

impl Line {
    /// What is told of an entry.
    pub fn new(entry: &Entry<LogLine>) -> Self {
        let mut fields = object(&entry.what.json);
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (part, message) = (text("target"), text("message"));
        fields.remove("time");
        fields.remove("level");
        let (seq, time) = (entry.seq.to_string(), rfc3339(entry.time));
        Line { seq, time, level: entry.what.level.into(), part, message, fields }
    }
}

/// What a line says. Numbers that JavaScript does not have become texts: channels, say.
fn object(json: &str) -> Map<String, Value> {
    /// Up to here a float counts exactly.
    const EXACT: u64 = 1 << 53;
    let mut object: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    for value in object.values_mut() {
        let is_large = |number: &serde_json::Number| {
            let large = |size: u64| size > EXACT;
            number.as_u64().is_some_and(large)
                || number.as_i64().is_some_and(|number| large(number.unsigned_abs()))
        };
        if let Value::Number(number) = value
            && is_large(number)
        {
            *value = Value::String(number.to_string());
        }
    }
    object
}

/// Which lines
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct WhichLines {
    /// How many items, at most
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<usize>,
    /// What the page before said in `next`
    after: Option<String>,
    /// Only those that are at least this severe
    #[param(inline)]
    level: Option<LevelName>,
    /// Only those in which this is
    q: Option<String>,
}

/// The last lines of the daemon's log, the newest first
#[utoipa::path(get, operation_id = "log", path = "/log", tag = "log", params(WhichLines), responses(
    (status = 200, body = Items<Line>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn log(
    State(inside): State<Arc<Inside>>,
    Params(which): Params<WhichLines>,
) -> Result<Json<Items<Line>>, ApiError> {
    let paging = Paging { limit: which.limit, after: which.after };
    let least = which.level.map_or(Level::Packet, Level::from);
    let is_asked_for = |line: &LogLine| {
        line.level >= least && which.q.as_deref().is_none_or(|part| line.json.contains(part))
    };
    newest(&inside.lines, &paging, is_asked_for, Line::new)
}

/// A page of what is kept.
///
/// # Errors
/// The page that is asked for is none.
pub fn newest<T, I>(
    recent: &Recent<T>,
    paging: &Paging,
    is_asked_for: impl Fn(&T) -> bool,
    item: impl Fn(&Entry<T>) -> I,
) -> Result<Json<Items<I>>, ApiError> {
    let before = paging.after().map(str::parse).transpose();
    let before = before.map_err(|_| ApiError::bad_request("after: what `next` said"))?;
    let (entries, next) = recent.page(before, paging.limit()?, is_asked_for);
    let items = entries.iter().map(|entry| item(entry)).collect();
    Ok(Json(Items { items, next: next.map(|next| next.to_string()) }))
}

/// An event
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// Its number
    pub seq: String,
    pub time: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub sender: String,
    /// What else it says
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

impl Event {
    /// What is told of an entry.
    pub fn new(entry: &Entry<String>) -> Self {
        let mut fields = object(&entry.what);
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let (kind, sender) = (text("type"), text("sender"));
        fields.remove("_time");
        Event { seq: entry.seq.to_string(), time: rfc3339(entry.time), kind, sender, fields }
    }
}

/// The last events that the event logger of this daemon has written, the newest first
#[utoipa::path(get, operation_id = "eventlog", path = "/eventlog", tag = "log", params(Paging), responses(
    (status = 200, body = Items<Event>),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 404, body = Failure),
))]
async fn eventlog(
    State(inside): State<Arc<Inside>>,
    Params(paging): Params<Paging>,
) -> Result<Json<Items<Event>>, ApiError> {
    if !inside.roles.iter().any(|role| role.kind == RoleKind::EventLogger) {
        let message = "this daemon has no event logger (a role `type: eventlogger`)";
        let status = axum::http::StatusCode::NOT_FOUND;
        return Err(ApiError::new(status, "no_event_logger", message));
    }
    newest(&inside.seen.events, &paging, |_| true, Event::new)
}

/// A connection that has ended
#[derive(Serialize, ToSchema)]
pub struct Ended {
    /// Its number
    pub seq: String,
    pub time: String,
    /// `client` or `link`
    pub kind: &'static str,
    pub address: String,
    /// What a link's peer has called itself
    pub name: String,
    /// The channel of a client's session
    pub channel: Option<String>,
    /// Why it has ended
    pub reason: String,
    /// What an ejected client was told
    pub code: Option<u16>,
    /// How long it was there
    pub seconds: f64,
}

impl Ended {
    /// What is told of an entry.
    pub fn new(Entry { seq, time, what }: &Entry<Closed>) -> Self {
        Ended {
            seq: seq.to_string(),
            time: rfc3339(*time),
            kind: if what.is_client { "client" } else { "link" },
            address: what.address.clone(),
            name: what.name.clone(),
            channel: what.channel.map(|channel| channel.to_string()),
            reason: what.reason.clone(),
            code: what.code,
            seconds: seconds(what.age),
        }
    }
}

/// The last connections that have ended, the newest first
#[utoipa::path(get, operation_id = "closed", path = "/closed", tag = "links", params(Paging), responses(
    (status = 200, body = Items<Ended>),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn closed(
    State(inside): State<Arc<Inside>>,
    Params(paging): Params<Paging>,
) -> Result<Json<Items<Ended>>, ApiError> {
    newest(&inside.seen.closed, &paging, |_| true, Ended::new)
}
