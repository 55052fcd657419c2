//! `/world.json`: what the page has to know of the world.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use dclass::DcFile;
use serde_json::{Value, json};

use super::{Caller, Pages};
use crate::demo::cluster;

/// What of it is another one each time.
pub struct Facts {
    /// The classes.
    pub dc: Arc<DcFile>,
    /// Where the console is.
    pub console: SocketAddr,
    /// Where the client agent takes WebSockets.
    pub clients: SocketAddr,
}

/// The answers, which are the same each time.
pub struct Answers {
    here: Bytes,
    elsewhere: Bytes,
}

impl Answers {
    /// To whoever is on this machine, and to others, who cannot reach the console.
    pub fn new(facts: &Facts) -> Self {
        let console = format!("http://{}/", facts.console);
        Answers { here: answer(facts, Some(console)), elsewhere: answer(facts, None) }
    }
}

/// Says it.
pub async fn facts(State(pages): State<Arc<Pages>>, caller: Extension<Caller>) -> Response {
    let is_here = caller.address.ip().to_canonical().is_loopback();
    let Answers { here, elsewhere } = &pages.answers;
    let answer = if is_here { here } else { elsewhere };
    ([(CONTENT_TYPE, "application/json")], answer.clone()).into_response()
}

fn answer(facts: &Facts, console: Option<String>) -> Bytes {
    let dc: Value = serde_json::from_str(&facts.dc.to_json()).unwrap_or_default();
    let text = json!({
        "dc": dc,
        "version": cluster::VERSION,
        "gate": cluster::GATE.0,
        "root": cluster::ROOT.0,
        "lobby": cluster::LOBBY.zone.0,
        "cell": cluster::CELL,
        "columns": cluster::COLUMNS,
        "rows": cluster::ROWS,
        "speed": cluster::SPEED,
        "sight": cluster::SIGHT,
        "cave": { "width": cluster::CELL, "height": cluster::CELL },
        "console": console,
    });
    text.to_string().into()
}
