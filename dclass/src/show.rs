//! Tables of what a schema contains, for people.

use crate::schema::{Class, DcFile, Field, FieldKind};
use std::fmt::Write;

impl DcFile {
    /// A table of all classes and structs, or of the fields of one: ids, declarations, keywords,
    /// and from which class a field is inherited. `None` if there is no such class.
    pub fn show(&self, class: Option<&str>) -> Option<String> {
        match class {
            Some(name) => self.class_or_struct_by_name(name).map(|class| self.show_fields(class)),
            None => Some(self.show_classes()),
        }
    }

    fn show_classes(&self) -> String {
        let head = ["id", "name", "kind", "parents", "fields"].map(str::to_owned);
        let rows = self.types.iter().map(|class| {
            [
                class.id().0.to_string(),
                class.name().to_owned(),
                if class.is_struct() { "struct" } else { "dclass" }.to_owned(),
                self.parent_names(class),
                class.fields().len().to_string(),
            ]
        });
        table(std::iter::once(head).chain(rows))
    }

    fn parent_names(&self, class: &Class) -> String {
        let names: Vec<&str> = class
            .parents()
            .iter()
            .filter_map(|id| self.class_or_struct(*id))
            .map(Class::name)
            .collect();
        names.join(", ")
    }

    fn show_fields(&self, class: &Class) -> String {
        let head = ["id", "field", "kind", "keywords", "from"].map(str::to_owned);
        let rows = class.constructor().into_iter().chain(class.fields().iter().map(|f| &**f));
        let rows = rows.map(|field| {
            let kind = match field.kind() {
                FieldKind::Atomic => "atomic",
                FieldKind::Molecular => "molecular",
                FieldKind::Parameter => "parameter",
            };
            let from = self.class_or_struct(field.class_id()).filter(|own| own.id() != class.id());
            [
                field.id().0.to_string(),
                field.declaration(),
                kind.to_owned(),
                keywords(field),
                from.map_or("", Class::name).to_owned(),
            ]
        });
        table(std::iter::once(head).chain(rows))
    }
}

fn keywords(field: &Field) -> String {
    let mut words = field.keywords().to_string();
    for word in field.custom_keywords() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words
}

/// Rows with their columns aligned.
fn table<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    const WIDEST: usize = 60;
    let rows: Vec<[String; N]> = rows.collect();
    let width = |column: usize| {
        rows.iter().map(|row| row[column].chars().count()).filter(|width| *width <= WIDEST).max()
    };
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
