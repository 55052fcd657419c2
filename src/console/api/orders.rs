//! What the daemon is told to do as a whole: the same as by `donet drain` and `donet reload`, in the same way.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{ApiError, Body, Failure, Routes};
use crate::console::{Inside, Operator, Viewer};
use crate::control::{Answer, Request};

/// How many answers wait to be collected.
const ANSWERS_MAX: usize = 256;
/// How long is waited for them: a disk may be frozen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(drain)).routes(routes!(reload))
}

/// What the daemon has said to a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// What it has said.
    pub said: Vec<String>,
    /// What it has complained of.
    pub complained: Vec<String>,
    /// Whether it has not done it.
    pub failed: bool,
}

/// Has the daemon do something, as a command does, and notes who has asked for it.
///
/// # Errors
/// It has too much to do, or does not answer.
pub async fn order(
    inside: &Inside,
    viewer: &Viewer,
    action: &'static str,
    object: String,
    request: Request,
) -> Result<Outcome, ApiError> {
    let (replies, mut answers) = mpsc::channel(ANSWERS_MAX);
    if inside.commands.try_send((request, replies)).is_err() {
        return Err(ApiError::unavailable("the daemon is busy with other commands"));
    }
    let mut outcome = Outcome { failed: true, ..Outcome::default() };
    let collected = async {
        while let Some(answer) = answers.recv().await {
            match answer {
                Answer::Say(text) => outcome.said.push(text),
                Answer::Complain(text) => outcome.complained.push(text),
                Answer::Schema(_) | Answer::Records(_) => {}
                Answer::Exit(code) => {
                    outcome.failed = code != 0;
                    break;
                }
            }
        }
    };
    let is_late = tokio::time::timeout(PATIENCE, collected).await.is_err();
    let told = outcome.complained.iter().chain(&outcome.said);
    let detail = told.map(String::as_str).collect::<Vec<_>>().join("; ");
    inside.audit.note(viewer, action, object, detail, !outcome.failed);
    match is_late {
        true => Err(ApiError::unavailable(
            "the daemon has not answered yet; the log says what comes of it",
        )),
        false => Ok(outcome),
    }
}

impl Outcome {
    /// What was said, if it has been done.
    ///
    /// # Errors
    /// It has not, and why.
    pub fn done(self) -> Result<Said, ApiError> {
        match self.failed {
            false => Ok(Said { said: self.said, complained: self.complained }),
            true => Err(ApiError::conflict(self.complained.join("; "))),
        }
    }
}

/// What the daemon says to a command.
#[derive(Serialize, ToSchema)]
pub struct Said {
    /// What it says
    said: Vec<String>,
    /// What it warns of
    complained: Vec<String>,
}

/// How to drain.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Drain {
    /// For how long clients may stay; if it is not said, `daemon.drain` of the configuration holds
    grace_seconds: Option<u32>,
}

/// Let no clients in any more, and end when those who are there have left
#[utoipa::path(post, path = "/drain", tag = "daemon", request_body = Drain, responses(
    (status = 202, body = Said),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
    (status = 409, description = "It does not", body = Failure), (status = 503, body = Failure),
))]
async fn drain(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Body(Drain { grace_seconds }): Body<Drain>,
) -> Result<(StatusCode, Json<Said>), ApiError> {
    let request = Request::Drain { grace_seconds, wait: false };
    let outcome = order(&inside, &viewer, "drain", "daemon".to_owned(), request).await?;
    outcome.done().map(|said| (StatusCode::ACCEPTED, Json(said)))
}

/// Read the configuration again
#[utoipa::path(post, path = "/reload", tag = "daemon", responses(
    (status = 200, body = Said),
    (status = 401, body = Failure), (status = 403, body = Failure),
    (status = 409, description = "The configuration has errors: nothing is changed", body = Failure),
    (status = 503, body = Failure),
))]
async fn reload(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
) -> Result<Json<Said>, ApiError> {
    let outcome = order(&inside, &viewer, "reload", "daemon".to_owned(), Request::Reload).await?;
    outcome.done().map(Json)
}
