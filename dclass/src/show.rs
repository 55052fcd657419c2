//! Tables of what a schema contains, for people.

use crate::schema::{Class, DcFile, Field};

impl DcFile {
    /// A table of all classes and structs by id: kinds, parents, how many fields they have.
    pub fn show(&self) -> String {
        let mut all: Vec<&Class> = self.classes().chain(self.structs()).collect();
        all.sort_by_key(|class| class.id());
        let rows = all.into_iter().map(|class| {
            [
                class.id().0.to_string(),
                if class.is_struct() { "struct" } else { "dclass" }.to_owned(),
                class.name().to_owned(),
                self.parent_names(class),
                class.own_fields().len().to_string(),
                class.fields().len().to_string(),
            ]
        });
        table(["id", "kind", "name", "parents", "own fields", "all fields"], rows)
    }

    /// A table of all fields of a class by id, inherited ones included: declarations, keywords, and which
    /// class declares them.
    pub fn show_fields(&self, class: &Class) -> String {
        let rows = class.fields().iter().map(|field| {
            let from = self.class_or_struct(field.class_id());
            [
                field.id().0.to_string(),
                field.declaration(),
                keywords(field),
                from.map_or("", Class::name).to_owned(),
            ]
        });
        table(["id", "field", "keywords", "declared by"], rows)
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
}

fn keywords(field: &Field) -> String {
    let mut words: Vec<&str> = field.keywords().names().collect();
    words.extend(field.custom_keywords().iter().map(String::as_str));
    words.join(" ")
}

/// Columns that are as wide as their widest cell.
fn table<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            // Text cannot be filled up to more than this.
            *width = (*width).max(cell.chars().count()).min(usize::from(u16::MAX));
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(widths);
        let padded: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    }
    text
}
