//! What is answered when something cannot be.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::console::asker::Busy;

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// When it may be tried again, in seconds.
    retry_after: Option<u64>,
}

/// An answer that says why there is no other.
#[derive(Serialize, ToSchema)]
pub struct Failure {
    /// What is wrong.
    pub error: FailureText,
}

/// What is wrong.
#[derive(Serialize, ToSchema)]
pub struct FailureText {
    /// For programs, such as `not_found`.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl ApiError {
    /// With a status, a word for programs and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        ApiError { status, code, message: message.into(), retry_after: None }
    }

    /// What is asked makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// Nobody knows who asks.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "log in first, or show a token that is valid",
        )
    }

    /// A name or a password is wrong.
    pub fn wrong_password() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "the name or the password is wrong")
    }

    /// Whoever asks may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// The question comes from another page.
    pub fn foreign_origin() -> Self {
        Self::forbidden(
            "this comes from another page than the console's; see `web.url` if there is a proxy between",
        )
    }

    /// The question is for another host.
    pub fn wrong_host() -> Self {
        let message =
            "this console is not known by that name: ask for localhost, or for what `web.url` says";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message)
    }

    /// There is nothing like it.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// It does not fit to what is there.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// It was tried too often.
    pub fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
        let plural = if seconds == 1 { "" } else { "s" };
        let message = format!("too many wrong passwords: try again in {seconds} second{plural}");
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", message);
        ApiError { retry_after: Some(seconds), ..error }
    }

    /// It cannot be done just now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message);
        ApiError { retry_after: Some(1), ..error }
    }

    /// Something here is broken.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "this should not happen; the log may say more",
        )
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<Busy> for ApiError {
    fn from(_: Busy) -> Self {
        Self::unavailable("very many questions wait for answers of the cluster: try again")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = FailureText { code: self.code.to_owned(), message: self.message };
        let mut response = (self.status, Json(Failure { error })).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // What the log-in of the page is, browsers have no word for.
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
