//! What there is to be asked, in the form OpenAPI, made of the handlers themselves.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Failure, Routes};

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(tell))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "donet console",
        description = "What a donet daemon says of itself, and does when it is told. Channels and running totals are texts of \
                       decimal digits; times are in UTC.",
        license(name = "AGPL-3.0-only", identifier = "AGPL-3.0-only"),
    ),
    security(("token" = []), ("session" = []), ()),
    modifiers(&Ways),
)]
struct Description;

/// In which ways one is known.
struct Ways;

impl utoipa::Modify for Ways {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let token = token.description(Some("A token of `web.tokens`")).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let what = "Set by POST /api/v1/session; its name ends with the port. Actions need the header X-CSRF-Token besides";
        let cookie = ApiKeyValue::with_description("donet_session_7180", what);
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// A router without handlers, with what is to be said of them all.
pub fn described() -> Routes {
    OpenApiRouter::with_openapi(Description::openapi())
}

/// This description
#[utoipa::path(get, operation_id = "openapi", path = "/openapi.json", tag = "session", responses(
    (status = 200, description = "OpenAPI", body = Object), (status = 401, body = Failure),
))]
async fn tell() -> ([(HeaderName, &'static str); 1], Bytes) {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let described = super::routes().into_openapi();
        described.to_json().expect("it is made of texts and numbers").into()
    });
    ([(CONTENT_TYPE, "application/json")], text.clone())
}
