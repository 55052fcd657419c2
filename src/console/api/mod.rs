//! The console's API, `/api/v1`: JSON, described by itself in `openapi.json`.
//!
//! Each file has its handlers and the types of what they are asked and say. Who asks has been admitted before
//! (`guard`); handlers take a [`Viewer`](super::Viewer) or an [`Operator`](super::Operator) to know who it is.
//! Channels and running totals are texts of decimal digits, since JavaScript has no numbers of 64 bits; times are in UTC.

mod audit;
mod bans;
mod channels;
mod classes;
mod clients;
mod compose;
mod database;
mod error;
mod extract;
mod level;
mod links;
mod live;
mod logs;
mod objects;
mod openapi;
mod orders;
mod overview;
mod places;
mod queues;
mod session;
mod top;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::Inside;
pub use error::{ApiError, Failure};
pub use extract::{Body, Params, Part};
pub use top::top;

/// Where all of it is.
pub const PREFIX: &str = "/api/v1";

/// Handlers with their description.
pub type Routes = OpenApiRouter<Arc<Inside>>;

/// All handlers.
pub fn routes() -> Routes {
    let parts = OpenApiRouter::new()
        .merge(session::routes())
        .merge(overview::routes())
        .merge(live::routes())
        .merge(links::routes())
        .merge(clients::routes())
        .merge(queues::routes())
        .merge(objects::routes())
        .merge(places::routes())
        .merge(database::routes())
        .merge(channels::routes())
        .merge(classes::routes())
        .merge(compose::routes())
        .merge(logs::routes())
        .merge(audit::routes())
        .merge(bans::routes())
        .merge(orders::routes())
        .merge(level::routes())
        .merge(openapi::routes());
    openapi::described().nest(PREFIX, parts)
}

/// How many items a page has, if that is not said.
const LIMIT: usize = 100;
/// How many it has at most.
const LIMIT_MAX: usize = 500;

/// Which page of a list is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// How many items, at most
    #[param(minimum = 1, maximum = 500, default = 100)]
    pub limit: Option<usize>,
    /// What the page before said in `next`
    pub after: Option<String>,
}

impl Paging {
    /// Where the page begins, if it is not the first.
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref().filter(|after| !after.is_empty())
    }

    /// How many items the page has at most.
    ///
    /// # Errors
    /// More than there may be are asked for, or none.
    pub fn limit(&self) -> Result<usize, ApiError> {
        match self.limit.unwrap_or(LIMIT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(ApiError::bad_request(format!("limit: a number from 1 to {LIMIT_MAX}"))),
        }
    }
}

/// A page of a list. It may be short, or have no items, while there is a next one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Items<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to ask for with `after` to see the next page; there is none if it is null.
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_handler_is_described_by_a_name_of_its_own() {
        let (_, described) = routes().split_for_parts();
        let mut described =
            serde_json::to_value(&described).expect("it is made of texts and numbers");
        openapi::complete(&mut described);
        let mut names = std::collections::BTreeSet::new();
        for (path, methods) in described["paths"].as_object().expect("there are some") {
            assert!(path.starts_with("/api/v1/"), "{path}");
            for (method, about) in methods.as_object().expect("a map") {
                let what = format!("{method} {path}");
                let name = about["operationId"].as_str().expect(&what);
                assert!(names.insert(name.to_owned()), "{what}: {name} is another one's");
                let answers = about["responses"].as_object().expect(&what);
                // Not before somebody has logged in.
                assert!(answers.contains_key("401"), "{what}");
                assert_eq!(answers.contains_key("403"), method != "get", "{what}");
                assert!(about["summary"].is_string() && about["tags"].is_array(), "{what}");
                for (status, answer) in answers {
                    let words = answer["description"].as_str().unwrap_or_default();
                    assert!(!words.is_empty(), "{what}: {status} says nothing");
                }
            }
        }
        assert!(names.contains("session") && names.len() > 8, "{names:?}");
        // What is referred to is there.
        let text = described.to_string();
        for name in text.split("#/components/schemas/").skip(1) {
            let name = name.split('"').next().expect("the first part");
            assert!(described["components"]["schemas"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn a_page_has_some_items() {
        let limit = |limit| Paging { limit, after: None }.limit().ok();
        assert_eq!(
            [limit(None), limit(Some(1)), limit(Some(500))],
            [Some(100), Some(1), Some(500)]
        );
        assert_eq!([limit(Some(0)), limit(Some(501))], [None, None]);
    }
}
