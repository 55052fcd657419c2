//! `/world.json`: what the page has to know of the world.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
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

/// Says it.
pub async fn facts(State(pages): State<Arc<Pages>>, caller: Extension<Caller>) -> Json<Value> {
    let Facts { dc, console, .. } = &pages.facts;
    let dc: Value = serde_json::from_str(&dc.to_json()).unwrap_or_default();
    // Only there it can be reached.
    let is_here = caller.address.ip().to_canonical().is_loopback();
    Json(json!({
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
        "console": is_here.then(|| format!("http://{console}/")),
    }))
}
