//! Statements of many rows, and the way from one version of the tables to the next.

use super::session::{CatalogRow, Heads, StoredValues};

/// A statement that takes rows of parameters.
#[derive(Copy, Clone, Debug)]
pub struct Rows {
    before: &'static str,
    columns: usize,
    after: &'static str,
}

impl Rows {
    /// A statement with rows of `columns` parameters between two texts.
    pub const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Rows { before, columns, after }
    }

    /// The statement for `count` rows.
    pub fn statement(self, count: usize) -> String {
        let row = format!("({})", placeholders(self.columns));
        let mut text = String::with_capacity(self.before.len() + (row.len() + 1) * count);
        text.push_str(self.before);
        for index in 0..count {
            text.push(if index == 0 { ' ' } else { ',' });
            text.push_str(&row);
        }
        text.push_str(self.after);
        text
    }
}

/// `count` question marks.
pub fn placeholders(count: usize) -> String {
    let mut text = "?,".repeat(count);
    text.pop();
    text
}

/// Splits `items` into parts of `max` and, of the rest, powers of two: few different sizes, so that few
/// statements need to be prepared.
pub fn chunks<T>(mut items: &[T], max: usize) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = match items.len() {
            0 => return None,
            len if len >= max => max,
            len => 1 << len.ilog2(),
        };
        let (chunk, rest) = items.split_at(size);
        items = rest;
        Some(chunk)
    })
}

/// Object, stored class, and a stored field with its value if the object has any.
pub type JoinedRow = (i64, i32, Option<i32>, Option<Vec<u8>>);

/// Rows of objects joined with their values, taken apart.
pub fn split_snapshot(rows: Vec<JoinedRow>) -> (Heads, StoredValues) {
    let (mut heads, mut values) = (Vec::new(), Vec::new());
    for (id, class, field, value) in rows {
        heads.push((id, class));
        values.extend(field.map(|field| (id, field, value)));
    }
    heads.sort_unstable();
    heads.dedup();
    (heads, values)
}

/// A class with one of its fields, if it has any.
pub type ClassRow = (i32, Option<String>, Option<i32>, Option<String>, Option<String>);

/// What the rows of [`CATALOG`](super::session::CATALOG) say. What has no name is nothing.
pub fn catalog_rows(rows: Vec<ClassRow>) -> Vec<CatalogRow> {
    let row = |(class, class_name, number, name, type_text): ClassRow| {
        let field = number.zip(name).zip(type_text);
        let field = field.map(|((number, name), type_text)| (number, name, type_text));
        Some(CatalogRow { class, class_name: class_name?, field })
    };
    rows.into_iter().filter_map(row).collect()
}

/// The migrations that a database of this version lacks.
///
/// # Errors
/// If a later donet made it.
pub fn pending(
    migrations: &'static [&'static str],
    version: i64,
) -> sqlx::Result<&'static [&'static str]> {
    let done = usize::try_from(version).ok();
    let pending = done.and_then(|done| migrations.get(done..));
    pending.ok_or_else(|| of_later(version, migrations.len() as i64))
}

/// Refuses tables that a later donet has made.
///
/// # Errors
/// If it has.
pub fn refuse_later(version: i64, known: i64) -> sqlx::Result<()> {
    if (0..=known).contains(&version) { Ok(()) } else { Err(of_later(version, known)) }
}

fn of_later(version: i64, known: i64) -> sqlx::Error {
    let why = format!(
        "its tables have version {version}, and this donet knows up to {known}: use the later one that made them"
    );
    sqlx::Error::Configuration(why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_parameters() {
        let rows = Rows::new("INSERT INTO t (a, b) VALUES", 2, " END");
        assert_eq!(rows.statement(1), "INSERT INTO t (a, b) VALUES (?,?) END");
        assert_eq!(rows.statement(2), "INSERT INTO t (a, b) VALUES (?,?),(?,?) END");
    }

    #[test]
    fn chunks_have_few_sizes() {
        let sizes =
            |count: usize| -> Vec<usize> { chunks(&vec![(); count], 8).map(<[()]>::len).collect() };
        assert_eq!(sizes(0), [] as [usize; 0]);
        assert_eq!(sizes(7), [4, 2, 1]);
        assert_eq!(sizes(21), [8, 8, 4, 1]);
    }

    #[test]
    fn a_database_of_a_later_version_is_left_alone() {
        const MIGRATIONS: &[&str] = &["one", "two"];
        assert_eq!(pending(MIGRATIONS, 0).expect("known"), MIGRATIONS);
        assert_eq!(pending(MIGRATIONS, 2).expect("known"), [] as [&str; 0]);
        assert!(pending(MIGRATIONS, 3).is_err() && pending(MIGRATIONS, -1).is_err());
    }
}
