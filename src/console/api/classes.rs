//! What the DC files declare.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dclass::FieldKind;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{Failure, Routes};
use crate::console::Inside;
use crate::console::values::keywords;

/// The handlers of this file.
pub fn routes() -> Routes {
    Routes::new().routes(routes!(list))
}

/// A field of a class
#[derive(Serialize, ToSchema)]
struct FieldDeclared {
    id: u16,
    name: String,
    /// As the DC file has it
    declaration: String,
    keywords: Vec<String>,
    /// Whether it is one by itself, and not several others together
    atomic: bool,
    /// The value that it has if nobody gives it one, as DC text
    default: String,
}

/// A class
#[derive(Serialize, ToSchema)]
struct ClassDeclared {
    id: u16,
    name: String,
    /// What it inherits from
    parents: Vec<String>,
    /// Its fields, those that it inherits included
    fields: Vec<FieldDeclared>,
}

/// The classes of the DC files
#[derive(Serialize, ToSchema)]
struct Classes {
    classes: Vec<ClassDeclared>,
}

/// The classes of the DC files, with their fields
#[utoipa::path(get, operation_id = "classes", path = "/classes", tag = "dc", responses(
    (status = 200, body = Classes), (status = 401, body = Failure),
))]
async fn list(State(inside): State<Arc<Inside>>) -> Json<Classes> {
    let classes = inside.dc.classes().map(|class| ClassDeclared {
        id: class.id().0,
        name: class.name().to_owned(),
        parents: class
            .parents()
            .iter()
            .filter_map(|&parent| Some(inside.dc.class_or_struct(parent)?.name().to_owned()))
            .collect(),
        fields: class
            .fields()
            .iter()
            .map(|field| FieldDeclared {
                id: field.id().0,
                name: field.name().to_owned(),
                declaration: field.declaration(),
                keywords: keywords(field),
                atomic: field.kind() != FieldKind::Molecular,
                default: field.implicit_text(),
            })
            .collect(),
    });
    Json(Classes { classes: classes.collect() })
}
