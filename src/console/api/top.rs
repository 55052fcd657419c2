//! What `donet top` shows: the same as the console, in one piece.

use std::sync::Arc;

use serde::Serialize;

use super::links::Link;
use super::logs::Ended;
use super::overview::Overview;
use super::queues::{Queue, longest};
use crate::console::Inside;
use crate::console::sampler::Sample;

/// How many links are told of, and how many connections that have ended.
const LINKS_MAX: usize = 100;
const CLOSED_MAX: usize = 50;

#[derive(Serialize)]
struct Top {
    overview: Overview,
    history: Vec<Arc<Sample>>,
    links: Vec<Link>,
    queues: Vec<Queue>,
    closed: Vec<Ended>,
}

/// What there is to be seen now, as one line of JSON.
pub async fn top(inside: &Inside) -> String {
    inside.begin_to_look();
    let (links, _) = inside.seen.roll.page(0, LINKS_MAX);
    let (closed, _) = inside.seen.closed.page(None, CLOSED_MAX, |_| true);
    let top = Top {
        overview: Overview::new(inside),
        history: inside.samples.all(),
        links: links.into_iter().map(|link| Link::new(&inside.router, link)).collect(),
        queues: longest(inside).await,
        closed: closed.iter().map(|entry| Ended::new(entry)).collect(),
    };
    // It is made of texts and numbers.
    serde_json::to_string(&top).unwrap_or_default()
}
