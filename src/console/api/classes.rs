//! What the DC files declare.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use dclass::FieldKind;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::objects::holders;
use super::{Failure, Routes};
use crate::console::Inside;
use crate::console::values::keywords;
use crate::ids::ClassId;
use crate::router::{Cursor, Item, Query};

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
    /// How many objects of it are in memory here
    objects: usize,
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

/// How many objects there are of each class.
fn counts(inside: &Inside) -> HashMap<ClassId, usize> {
    let mut counts = HashMap::new();
    for key in holders(inside).0 {
        let page = inside.router.inspect(key, &Query::Classes, Cursor::default(), 1);
        for item in page.unwrap_or_default().items {
            if let Item::Class { class_id, objects } = item {
                *counts.entry(class_id).or_default() += objects;
            }
        }
    }
    counts
}

/// The classes of the DC files, with their fields
#[utoipa::path(get, operation_id = "classes", path = "/classes", tag = "dc", responses(
    (status = 200, body = Classes), (status = 401, body = Failure),
))]
async fn list(State(inside): State<Arc<Inside>>) -> Json<Classes> {
    let counts = counts(&inside);
    let classes = inside.dc.classes().map(|class| ClassDeclared {
        id: class.id().0,
        objects: counts.get(&class.id()).copied().unwrap_or_default(),
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
