//! What there is to be asked, in the form OpenAPI, made of the handlers themselves.

use std::sync::OnceLock;

use axum::body::Bytes;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;
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

/// Adds what is the same for all handlers: what a status means, and how a body can be wrong.
pub fn complete(described: &mut Value) {
    let paths = described["paths"].as_object_mut().into_iter().flatten();
    for operation in paths.flat_map(|(_, methods)| methods.as_object_mut().into_iter().flatten()) {
        let (method, operation) = operation;
        let is_body_asked = operation.get("requestBody").is_some();
        let Some(answers) = operation["responses"].as_object_mut() else { continue };
        let failure = answers["401"].clone();
        if is_body_asked {
            for status in ["400", "408", "413", "415"] {
                answers.entry(status).or_insert_with(|| failure.clone());
            }
        }
        if method != "get" {
            answers.entry("403").or_insert_with(|| failure.clone());
        }
        answers.entry("421").or_insert_with(|| failure.clone());
        for (status, answer) in answers {
            let is_said = answer["description"].as_str().is_some_and(|text| !text.is_empty());
            if !is_said {
                answer["description"] = words(status).into();
            }
        }
    }
    widen(described);
}

/// What a status means, where a handler has no better words.
fn words(status: &str) -> &'static str {
    match status {
        "200" => "What there is",
        "202" => "It has been sent, or begun",
        "204" => "It has been done",
        "400" => "A parameter, or the body, is none that can be",
        "401" => "Nobody has logged in, and there is no token that is valid",
        "403" => "The role, X-CSRF-Token or the page from which it comes is not the right one",
        "404" => "There is nothing of the kind",
        "408" => "The body has not come in time",
        "409" => "The daemon has refused, and says why",
        "413" => "The body is too large",
        "415" => "The body is not application/json",
        "421" => "The console is not known by that name",
        _ => "It cannot be done just now",
    }
}

/// Numbers without a sign need as many bits as they say, and one more where there is a sign.
fn widen(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let is_unsigned = members.get("minimum") == Some(&0.into());
            if is_unsigned && members.get("format").is_some_and(|format| format == "int32") {
                members.remove("format");
                members.entry("maximum").or_insert(u32::MAX.into());
            }
            members.values_mut().for_each(widen);
        }
        Value::Array(items) => items.iter_mut().for_each(widen),
        _ => {}
    }
}

/// This description
#[utoipa::path(get, operation_id = "openapi", path = "/openapi.json", tag = "session", responses(
    (status = 200, description = "OpenAPI", body = Object), (status = 401, body = Failure),
))]
async fn tell() -> ([(HeaderName, &'static str); 1], Bytes) {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| {
        let described = super::routes().into_openapi();
        let mut described =
            serde_json::to_value(described).expect("it is made of texts and numbers");
        complete(&mut described);
        described.to_string().into()
    });
    ([(CONTENT_TYPE, "application/json")], text.clone())
}
