//! What happens, as it happens: server-sent events.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use utoipa::IntoParams;
use utoipa_axum::routes;

use super::audit::Done;
use super::logs::{Ended, Event as Logged, Line};
use super::{ApiError, Failure, Params, Routes};
use crate::console::Inside;
use crate::console::audit::Action;
use crate::console::sampler::Sample;
use crate::recent::{self, Closed};
use crate::telemetry::LogLine;

/// How often a reader is told that the stream is there, if nothing happens.
const ALIVE: Duration = Duration::from_secs(15);
/// All there is to be told.
const TOPICS: [&str; 5] = ["overview", "log", "closed", "eventlog", "audit"];

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(events))
}

/// What about
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct About {
    /// Some of `overview`, `log`, `closed`, `eventlog` and `audit`, with commas between; all, if it is not said
    topics: Option<String>,
}

/// What one reader follows.
struct Followed {
    samples: Option<watch::Receiver<Option<Arc<Sample>>>>,
    lines: Option<Receiver<Arc<recent::Entry<LogLine>>>>,
    closed: Option<Receiver<Arc<recent::Entry<Closed>>>>,
    events: Option<Receiver<Arc<recent::Entry<String>>>>,
    audit: Option<Receiver<Arc<recent::Entry<Action>>>>,
}

/// What happens, as server-sent events: each has a topic for its name and an item of the list of that name for its data
///
/// `overview` is told once a second. `lost` says of which topic how many were missed by a reader that is too slow.
#[utoipa::path(get, operation_id = "events", path = "/events", tag = "overview", params(About), responses(
    (status = 200, description = "Without an end", content_type = "text/event-stream", body = String),
    (status = 400, body = Failure), (status = 401, body = Failure),
))]
async fn events(
    State(inside): State<Arc<Inside>>,
    Params(About { topics }): Params<About>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let topics = topics.unwrap_or_else(|| TOPICS.join(","));
    let topics: Vec<&str> = topics.split(',').map(str::trim).collect();
    if let Some(unknown) = topics.iter().find(|topic| !TOPICS.contains(topic)) {
        let known = TOPICS.join(", ");
        return Err(ApiError::bad_request(format!("topics: there is no {unknown:?}, but {known}")));
    }
    let wants = |topic| topics.contains(&topic);
    let followed = Followed {
        samples: wants("overview").then(|| inside.samples.follow()),
        lines: wants("log").then(|| inside.lines.follow()),
        closed: wants("closed").then(|| inside.seen.closed.follow()),
        events: wants("eventlog").then(|| inside.seen.events.follow()),
        audit: wants("audit").then(|| inside.audit.follow()),
    };
    let told = stream::unfold(followed, async |mut followed| {
        let event = followed.next().await?;
        Some((Ok(event), followed))
    });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(ALIVE).text("")))
}

/// How many of a topic were missed.
#[derive(Serialize)]
struct Lost {
    topic: &'static str,
    count: u64,
}

impl Followed {
    /// What is to be told next; `None` if there is no more.
    async fn next(&mut self) -> Option<Event> {
        tokio::select! {
            sample = newest(&mut self.samples) => Some(told("overview", &*sample?)),
            line = next_of(&mut self.lines) => Some(item("log", line?, Line::new)),
            closed = next_of(&mut self.closed) => Some(item("closed", closed?, Ended::new)),
            event = next_of(&mut self.events) => Some(item("eventlog", event?, Logged::new)),
            entry = next_of(&mut self.audit) => Some(item("audit", entry?, Done::new)),
        }
    }
}

/// The next sample, if samples are followed; `None` if there will be no more.
async fn newest(samples: &mut Option<watch::Receiver<Option<Arc<Sample>>>>) -> Option<Arc<Sample>> {
    let Some(samples) = samples else { return pending().await };
    samples.changed().await.ok()?;
    samples.borrow_and_update().clone()
}

/// The next of what is followed, or how many were missed; `None` if there will be no more.
async fn next_of<T: Clone>(receiver: &mut Option<Receiver<T>>) -> Option<Result<T, u64>> {
    let Some(receiver) = receiver else { return pending().await };
    match receiver.recv().await {
        Ok(item) => Some(Ok(item)),
        Err(RecvError::Lagged(count)) => Some(Err(count)),
        Err(RecvError::Closed) => None,
    }
}

fn item<T, I: Serialize>(
    topic: &'static str,
    entry: Result<Arc<T>, u64>,
    item: impl FnOnce(&T) -> I,
) -> Event {
    match entry {
        Ok(entry) => told(topic, &item(&entry)),
        Err(count) => told("lost", &Lost { topic, count }),
    }
}

fn told(topic: &'static str, data: &impl Serialize) -> Event {
    let event = Event::default().event(topic);
    // Texts and numbers have a form in JSON, without ends of lines.
    event.json_data(data).unwrap_or_else(|_| Event::default().event(topic))
}
