//! What a question says: its body, its parameters and what stands in its path, each with an error that is told as all are.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;

/// The longest body of a question, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long it may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a body says in JSON.
#[derive(Clone, Copy, Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
        // A form of another page cannot say that.
        if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
            let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
            return Err(ApiError::new(status, code, "the body has to be application/json"));
        }
        let too_large = || {
            let message = format!("the body has more than {BODY_BYTES_MAX} bytes");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
        };
        let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let length: Option<u64> = length.and_then(|length| length.parse().ok());
        if length.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(too_large());
        }
        let body = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), BODY_BYTES_MAX));
        let body = match body.await {
            Ok(Ok(body)) => body,
            // The other error is that the peer has gone, who is not told of it.
            Ok(Err(_)) => return Err(too_large()),
            Err(_) => {
                let status = StatusCode::REQUEST_TIMEOUT;
                return Err(ApiError::new(status, "too_slow", "the body has not come in time"));
            }
        };
        let read = serde_json::from_slice(&body);
        read.map(Body).map_err(|error| ApiError::bad_request(format!("the body: {error}")))
    }
}

/// What the parameters say behind the `?`.
#[derive(Clone, Copy, Debug)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let read = Query::try_from_uri(&parts.uri);
        read.map(|Query(params)| Params(params))
            .map_err(|error| ApiError::bad_request(error.body_text()))
    }
}

/// What stands in the path.
#[derive(Clone, Copy, Debug)]
pub struct Part<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Part<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = Path::from_request_parts(parts, state).await;
        read.map(|Path(part)| Part(part)).map_err(|error| ApiError::bad_request(error.body_text()))
    }
}
