//! Messages by names and values: which there are, and sending one.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{ApiError, Body, Failure, Routes};
use crate::console::{Inside, Operator};
use crate::ids::{Channel, RECIPIENTS_MAX};
use crate::message::{Argument, Family, table};
use crate::trace::{Speech, compose, decode};
use crate::wire::{CONTROL_HEAD, write_frame};

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list)).routes(routes!(send))
}

/// An argument of a message
#[derive(Serialize, ToSchema)]
struct ArgumentSeen {
    name: &'static str,
    /// What it is
    #[serde(rename = "type")]
    kind: String,
}

/// A message of the protocol
#[derive(Serialize, ToSchema)]
struct MessageSeen {
    number: u16,
    name: &'static str,
    /// Whom it is for
    family: &'static str,
    arguments: Vec<ArgumentSeen>,
}

/// The messages of the protocol
#[derive(Serialize, ToSchema)]
struct Messages {
    messages: Vec<MessageSeen>,
}

/// Whom messages of a family are for; `None`, if they are not sent to channels.
const fn name_of(family: Family) -> Option<&'static str> {
    match family {
        Family::ClientAgent => Some("client_agent"),
        Family::StateServer => Some("state_server"),
        Family::DbStateServer => Some("db_state_server"),
        Family::Database => Some("database"),
        Family::Client | Family::Panda3d | Family::Otp | Family::Toontown2003 | Family::Control => {
            None
        }
    }
}

/// The messages that can be sent to channels
#[utoipa::path(get, operation_id = "messages", path = "/messages", tag = "dc", responses(
    (status = 200, body = Messages), (status = 401, body = Failure),
))]
async fn list() -> Json<Messages> {
    let argument = |argument: &Argument| ArgumentSeen {
        name: argument.name,
        kind: argument.shape.name().to_owned(),
    };
    let messages = table().filter_map(|row| {
        Some(MessageSeen {
            number: row.number,
            name: row.name,
            family: name_of(row.family)?,
            arguments: row.arguments.iter().map(argument).collect(),
        })
    });
    Json(Messages { messages: messages.collect() })
}

/// A datagram, by names and values
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Datagram {
    /// For whom it is: channels; 10 are all clients
    #[schema(min_items = 1, max_items = 255)]
    channels: Vec<String>,
    /// Who is said to have sent it: a channel
    #[serde(default)]
    sender: Option<String>,
    /// The message's name
    message: String,
    /// Its arguments, as `donet trace --json` shows them
    #[serde(default)]
    #[schema(value_type = Object)]
    arguments: Map<String, Value>,
}

/// What has been sent
#[derive(Serialize, ToSchema)]
struct Sent {
    /// How long the datagram is
    bytes: usize,
}

/// Send a datagram to channels, as any participant could
#[utoipa::path(post, operation_id = "send", path = "/datagrams", tag = "dc", request_body = Datagram, responses(
    (status = 202, body = Sent),
    (status = 400, body = Failure), (status = 401, body = Failure), (status = 403, body = Failure),
))]
async fn send(
    State(inside): State<Arc<Inside>>,
    Operator(viewer): Operator,
    Body(datagram): Body<Datagram>,
) -> Result<(StatusCode, Json<Sent>), ApiError> {
    let sent = route(&inside, &datagram);
    let object = format!("channels {}", datagram.channels.join(", "));
    let detail = match &sent {
        Ok(datagram) => described(&inside, datagram),
        // What was meant may hold what nobody is to see, and is not known to be anything else.
        Err(_) => datagram.message.clone(),
    };
    inside.audit.note(&viewer, "send", object, detail, sent.is_ok());
    sent.map(|datagram| (StatusCode::ACCEPTED, Json(Sent { bytes: datagram.len() })))
}

/// A message with its arguments as `donet trace` shows them, which leaves secrets out.
fn described(inside: &Inside, datagram: &[u8]) -> String {
    let decoded = decode(&inside.names, Speech::Servers, datagram);
    let arguments = decoded.to_json().remove("arguments").unwrap_or_default();
    format!("{} {arguments}", decoded.title())
}

/// Routes it; the datagram.
fn route(inside: &Inside, datagram: &Datagram) -> Result<Vec<u8>, ApiError> {
    let channel = |key: &str, text: &str| {
        let channel = text.parse().map(Channel);
        channel.map_err(|_| ApiError::bad_request(format!("{key}: {text:?} is no channel")))
    };
    if datagram.channels.is_empty() || datagram.channels.len() > RECIPIENTS_MAX {
        let message = format!("channels: from 1 to {RECIPIENTS_MAX} are needed");
        return Err(ApiError::bad_request(message));
    }
    let recipients = datagram.channels.iter().map(|text| channel("channels", text));
    let recipients: Vec<Channel> = recipients.collect::<Result<_, _>>()?;
    let sender = match &datagram.sender {
        None => inside.asker().channel(),
        Some(text) => channel("sender", text)?,
    };
    let Datagram { message, arguments, .. } = datagram;
    let composed = compose(&inside.names, &recipients, sender, message, arguments);
    let composed = composed.map_err(|error| ApiError::bad_request(error.to_string()))?;
    // Whoever is above would hear it as this daemon's own word.
    if composed.starts_with(&CONTROL_HEAD) {
        let text = "message: control messages are for a message director alone, and not routed";
        return Err(ApiError::bad_request(text));
    }
    let mut frame = Vec::new();
    let written = write_frame(&mut frame, |writer| writer.raw(&composed));
    written.map_err(|error| ApiError::bad_request(error.to_string()))?;
    inside.asker().route(&frame);
    Ok(composed)
}
