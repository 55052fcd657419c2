//! How much is logged.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Body, Failure, Routes};
use crate::console::{Inside, Operator};
use crate::telemetry::Level;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(tell, change))
}

/// How severe a line of the log is, from the least to the most.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LevelName {
    /// Less than all that is logged
    Packet,
    /// Every message
    Trace,
    /// Rare details
    Debug,
    /// Start, stop, connections
    Info,
    /// Something is odd
    Warning,
    /// No honest peer does that
    Security,
    /// An operator must act
    Error,
    /// The process ends
    Fatal,
}

/// In pairs.
const NAMES: [(LevelName, Level); 8] = [
    (LevelName::Packet, Level::Packet),
    (LevelName::Trace, Level::Trace),
    (LevelName::Debug, Level::Debug),
    (LevelName::Info, Level::Info),
    (LevelName::Warning, Level::Warning),
    (LevelName::Security, Level::Security),
    (LevelName::Error, Level::Error),
    (LevelName::Fatal, Level::Fatal),
];

impl From<Level> for LevelName {
    fn from(level: Level) -> Self {
        let found = NAMES.iter().find(|(_, known)| *known == level);
        found.map_or(LevelName::Info, |(name, _)| *name)
    }
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map_or(Level::Info, |(_, level)| *level)
    }
}

/// The least severe level that is logged.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogLevel {
    level: LevelName,
}

/// What it is now, and was.
#[derive(Serialize, ToSchema)]
struct Changed {
    level: LevelName,
    before: LevelName,
}

/// The least severe level that is logged
#[utoipa::path(get, operation_id = "log_level", path = "/log/level", tag = "log", responses(
    (status = 200, body = LogLevel), (status = 401, body = Failure),
))]
async fn tell(State(inside): State<Arc<Inside>>) -> Json<LogLevel> {
    Json(LogLevel { level: inside.log.level().into() })
}

/// Log more, or less, until the configuration is read again
#[utoipa::path(put, operation_id = "set_log_level", path = "/log/level", tag = "log", request_body = LogLevel, responses(
    (status = 200, body = Changed),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
))]
async fn change(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Body(LogLevel { level }): Body<LogLevel>,
) -> Json<Changed> {
    let before: LevelName = inside.log.level().into();
    let word = |level| format!("{level:?}").to_lowercase();
    let (detail, is_to) =
        (format!("{} instead of {}", word(level), word(before)), Level::from(level));
    inside.log.set_level(is_to);
    inside.audit.note(&viewer, "log-level", "log".to_owned(), detail, true);
    Json(Changed { level, before })
}
