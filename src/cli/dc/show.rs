//! `donet dc show`: classes and fields as tables.

use std::path::PathBuf;

use clap::Args;
use dclass::{Class, DcFile, Field};

use super::{Done, read};

/// What to show.
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    /// DC files, in the order in which the configuration names them, and at the end the name of a
    /// class if its fields are to be shown
    #[arg(value_name = "FILE|CLASS", required = true)]
    arguments: Vec<String>,
}

impl Show {
    pub fn run(&self) -> Done {
        let (files, class) = self.split();
        let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
        let dc = read(&files)?;
        let text = match class {
            None => classes(&dc),
            Some(name) => {
                let found = dc.class_or_struct_by_name(name);
                fields(&dc, found.ok_or_else(|| unknown(&dc, name))?)
            }
        };
        print!("{text}");
        Ok(0)
    }

    /// The files, and the class: the last argument, if it is the name of one rather than of a file.
    fn split(&self) -> (&[String], Option<&str>) {
        match self.arguments.split_last() {
            Some((last, files)) if !files.is_empty() && !PathBuf::from(last).exists() => {
                (files, Some(last))
            }
            _ => (&self.arguments, None),
        }
    }
}

fn unknown(dc: &DcFile, name: &str) -> String {
    let wanted = name.to_lowercase();
    let names = dc.classes().chain(dc.structs()).map(Class::name);
    let near = names.min_by_key(|name| strsim::damerau_levenshtein(&wanted, &name.to_lowercase()));
    let hint = near.map(|near| format!("; did you mean `{near}`?"));
    format!("neither a file nor a class has the name `{name}`{}", hint.unwrap_or_default())
}

/// All classes and structs by id.
fn classes(dc: &DcFile) -> String {
    let mut all: Vec<&Class> = dc.classes().chain(dc.structs()).collect();
    all.sort_by_key(|class| class.id());
    let rows = all.into_iter().map(|class| {
        let kind = if class.is_struct() { "struct" } else { "dclass" };
        let parents: Vec<&str> = class
            .parents()
            .iter()
            .filter_map(|id| dc.class_or_struct(*id))
            .map(Class::name)
            .collect();
        [
            class.id().0.to_string(),
            kind.to_owned(),
            class.name().to_owned(),
            parents.join(", "),
            class.own_fields().len().to_string(),
            class.fields().len().to_string(),
        ]
    });
    table(["id", "kind", "name", "parents", "own fields", "all fields"], rows)
}

/// All fields of a class, inherited ones included, by id.
fn fields(dc: &DcFile, class: &Class) -> String {
    let rows = class.fields().iter().map(|field| {
        let from = dc.class_or_struct(field.class_id());
        [
            field.id().0.to_string(),
            field.declaration(),
            keywords(field),
            from.map_or("", Class::name).to_owned(),
        ]
    });
    table(["id", "field", "keywords", "declared by"], rows)
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
            *width = (*width).max(cell.chars().count());
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
