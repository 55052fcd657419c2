//! Logging in and out.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{ApiError, Body, Failure, Routes};
use crate::config::WebRole;
use crate::console::Inside;
use crate::console::guard::{Pass, Viewer, address_of, cookie_name};
use crate::console::serve::Caller;
use crate::console::sessions::Refusal;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(tell, log_in, log_out))
}

/// What somebody may do.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at everything
    View,
    /// Do everything
    Operate,
}

impl From<WebRole> for Role {
    fn from(role: WebRole) -> Self {
        match role {
            WebRole::View => Role::View,
            WebRole::Operate => Role::Operate,
        }
    }
}

/// Who asks.
#[derive(Serialize, ToSchema)]
struct SessionView {
    /// The name of the user or the token; null where there are none
    name: Option<String>,
    /// What may be done; null if somebody has to log in first
    role: Option<Role>,
    /// What actions of a browser have to say in the header X-CSRF-Token
    csrf: Option<String>,
    /// Whether there are users at all
    login: bool,
    /// Whether passwords would come here without encryption, from elsewhere
    plain: bool,
}

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LogIn {
    name: String,
    password: String,
}

/// Who has logged in.
#[derive(Serialize, ToSchema)]
struct LoggedIn {
    name: String,
    role: Role,
    /// What actions of a browser have to say in the header X-CSRF-Token
    csrf: String,
}

/// Who asks, and what may be done
///
/// To have to log in first is an answer and no error: browsers log errors, and a page cannot know before whether its cookie is there.
#[utoipa::path(get, operation_id = "session", path = "/session", tag = "session", responses(
    (status = 200, body = SessionView),
    (status = 401, description = "The token is not valid", body = Failure),
))]
async fn tell(
    State(inside): State<Arc<Inside>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    viewer: Result<Viewer, ApiError>,
) -> Result<Json<SessionView>, ApiError> {
    let login = !inside.sessions.access().is_empty();
    let plain = caller.place.is_public && !caller.place.is_encrypted;
    let (name, role, csrf) = match viewer {
        Ok(Viewer { name, role, pass: Pass::Session { csrf, .. }, .. }) => {
            (name, Some(role), Some(csrf))
        }
        Ok(Viewer { name, role, .. }) => (name, Some(role), None),
        Err(_) if !headers.contains_key(AUTHORIZATION) => (None, None, None),
        Err(error) => return Err(error),
    };
    Ok(Json(SessionView { name, role: role.map(Role::from), csrf, login, plain }))
}

/// Log in
#[utoipa::path(post, operation_id = "log_in", path = "/session", tag = "session", request_body = LogIn, responses(
    (status = 200, description = "The answer sets a cookie", body = LoggedIn),
    (status = 401, description = "The name or the password is wrong", body = Failure),
    (status = 429, description = "There were too many wrong tries", body = Failure),
    (status = 503, description = "Very many try at the same time", body = Failure),
))]
async fn log_in(
    State(inside): State<Arc<Inside>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Body(LogIn { name, password }): Body<LogIn>,
) -> Result<([(HeaderName, String); 1], Json<LoggedIn>), ApiError> {
    let address = address_of(&caller, &headers, &inside.sessions.access());
    let begun = inside.sessions.begin(address, &name, &password).await.map_err(|refusal| {
        let reason = match refusal {
            Refusal::Wrong => "the name or the password is wrong",
            Refusal::TooMany(_) => "there were too many wrong tries",
            Refusal::Busy => "very many try at the same time",
        };
        tracing::warn!(remote = %address, user = shown(&name), reason, "log-in to the console refused");
        match refusal {
            Refusal::Wrong => ApiError::wrong_password(),
            Refusal::TooMany(wait) => ApiError::too_many(wait),
            Refusal::Busy => ApiError::unavailable("very many try to log in: try again"),
        }
    })?;
    let pass = Pass::Session { id: begun.id.clone(), csrf: begun.known.csrf.clone() };
    let (name, role) = (begun.known.user, begun.known.role);
    let viewer = Viewer { name: Some(name.clone()), role, address, pass };
    inside.audit.note(&viewer, "log-in", String::new(), String::new(), true);
    let cookie = cookie(&caller, &begun.id, "");
    let body = LoggedIn { name, role: role.into(), csrf: begun.known.csrf };
    Ok(([(SET_COOKIE, cookie)], Json(body)))
}

/// Log out
#[utoipa::path(delete, operation_id = "log_out", path = "/session", tag = "session",
    params(("X-CSRF-Token" = Option<String>, Header, description = "What `csrf` said; not with a token")),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 401, description = "There is none", body = Failure),
        (status = 403, description = "X-CSRF-Token is wrong", body = Failure),
    )
)]
async fn log_out(
    State(inside): State<Arc<Inside>>,
    Extension(caller): Extension<Caller>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<(StatusCode, [(HeaderName, String); 1]), ApiError> {
    viewer.check_csrf(&headers)?;
    if let Pass::Session { id, .. } = &viewer.pass {
        inside.sessions.end(id);
        inside.audit.note(&viewer, "log-out", String::new(), String::new(), true);
    }
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie(&caller, "", "; Max-Age=0"))]))
}

/// No script sees it, no other page has it sent, and it ends with the browser.
fn cookie(caller: &Caller, value: &str, more: &str) -> String {
    let secure = if caller.place.is_encrypted { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}", cookie_name(caller))
}

/// The name that somebody says he has, as it stands in the log.
fn shown(name: &str) -> &str {
    &name[..name.floor_char_boundary(64)]
}
