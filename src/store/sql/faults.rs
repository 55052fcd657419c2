//! What is wrong with a SQLite file whatever the DC files say: rows that belong to none, numbers that are none, damaged
//! pages.

use std::collections::BTreeMap;

use dclass::visible;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Row as _};

use super::in_words;
use super::salvage::is_damage;

/// Rows of a kind that are named; the others are counted.
pub(super) const NAMED: usize = 20;

/// A kind of rows that should not be.
pub(super) struct Kind {
    /// A text for each.
    pub query: &'static str,
    /// What they are, if there are too many to name.
    pub many: &'static str,
    /// What they are to whoever reads all objects.
    pub reader: Reader,
}

/// What rows that should not be are to whoever reads all objects.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    /// It finds the same.
    Meets,
    /// It does without them, and hears of nothing.
    Misses,
    /// All that it reads is there.
    Unconcerned,
}

const KINDS: &[Kind] = &[
    Kind {
        query: "SELECT 'table donet_field, row ' || id || ' (' || name || '): no class has the number ' || \
                quote(class_id) FROM donet_field WHERE class_id NOT IN (SELECT id FROM donet_class)",
        many: "fields of classes that are not there",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_field, row ' || id || ' (' || name || '): its number is larger than any can be' \
                FROM donet_field WHERE id NOT BETWEEN 0 AND 2147483647 UNION ALL \
                SELECT 'table donet_class, row ' || id || ' (' || name || '): its number is larger than any can be' \
                FROM donet_class WHERE id NOT BETWEEN 0 AND 2147483647",
        many: "numbers of classes and fields that are none",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_class, row ' || id || ' (' || name || '): its name is ' || typeof(name) || \
                ', and not text' FROM donet_class WHERE typeof(name) <> 'text' UNION ALL \
                SELECT 'table donet_field, row ' || id || ' (' || name || '): its name is ' || typeof(name) || \
                ', and not text' FROM donet_field WHERE typeof(name) <> 'text' UNION ALL \
                SELECT 'table donet_field, row ' || id || ' (' || name || '): its type is ' || typeof(type) || \
                ', and not text' FROM donet_field WHERE typeof(type) <> 'text'",
        many: "names and types that are no text",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_object, row ' || id || ': this is no id of an object' \
                FROM donet_object WHERE id NOT BETWEEN 0 AND 4294967295",
        many: "objects with ids that are none",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT 'table donet_object, row ' || id || ': no class has the number ' || quote(class_id) \
                FROM donet_object WHERE class_id NOT IN (SELECT id FROM donet_class) \
                AND id BETWEEN 0 AND 4294967295",
        many: "objects of classes that are not there",
        reader: Reader::Meets,
    },
    Kind {
        query: "SELECT 'table donet_value: values without an object: ' || count(*) || ' of ' || object_id \
                FROM donet_value WHERE object_id NOT IN (SELECT id FROM donet_object) GROUP BY object_id",
        many: "objects that are not there, but have values",
        reader: Reader::Misses,
    },
    Kind {
        query: "SELECT 'table donet_value, object ' || object_id || ': no field has the number ' || quote(field_id) \
                FROM donet_value WHERE field_id NOT IN (SELECT id FROM donet_field) \
                AND object_id IN (SELECT id FROM donet_object)",
        many: "values of fields that are not there",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_value, object ' || o.id || ': field ' || f.id || ' (' || f.name || \
                ') is one of class ' || quote(f.class_id) || ', and the object is of class ' || quote(o.class_id) \
                FROM donet_value v JOIN donet_object o ON o.id = v.object_id JOIN donet_field f ON f.id = v.field_id \
                WHERE f.class_id <> o.class_id",
        many: "values of fields of another class",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_value, object ' || quote(object_id) || ': the value of field ' || quote(field_id) || \
                ' is ' || typeof(value) || ', and not blob' FROM donet_value WHERE typeof(value) <> 'blob'",
        many: "values that are no bytes",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_free: ' || quote(id) || ' is no id of an object' \
                FROM donet_free WHERE id NOT BETWEEN 1 AND 4294967295 OR typeof(id) <> 'integer' UNION ALL \
                SELECT 'table donet_given: ' || id || ' is no id of an object' \
                FROM donet_given WHERE id NOT BETWEEN 0 AND 4294967295",
        many: "free or given ids that are none",
        reader: Reader::Unconcerned,
    },
    Kind {
        query: "SELECT 'table donet_free: ' || id || ' is the id of an object that is there' \
                FROM donet_free WHERE id IN (SELECT id FROM donet_object)",
        many: "free ids that objects have",
        reader: Reader::Unconcerned,
    },
];

/// What is wrong with a database, one line each. What whoever reads all objects `meets` with is left out then.
///
/// # Errors
/// If nothing at all can be read.
pub async fn faults(connection: &mut SqliteConnection, meets: bool) -> sqlx::Result<Vec<String>> {
    let is_sought = |kind: &Kind| !(meets && kind.reader == Reader::Meets);
    found(connection, is_sought, |_| true).await
}

/// Why whoever reads all objects may not have read all, one line each: where a page is damaged, SQLite may take what it finds
/// for the end, and say nothing.
///
/// # Errors
/// If nothing at all can be read.
pub async fn losses(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    // A cell of the wrong type costs what it is about, which is met.
    let is_of_pages = |line: &str| !line.contains(" value in donet_");
    found(connection, |kind| kind.reader == Reader::Misses, is_of_pages).await
}

async fn found(
    connection: &mut SqliteConnection,
    is_sought: impl Fn(&Kind) -> bool,
    counts: impl Fn(&str) -> bool,
) -> sqlx::Result<Vec<String>> {
    let mut faults = match damaged_pages(connection, counts).await {
        Err(error) if is_damage(&error) => vec![format!("the file: {}", in_words(&error))],
        found => found?,
    };
    let mut unsought: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for kind in KINDS.iter().filter(|kind| is_sought(kind)) {
        match rows(connection, kind).await {
            Ok(rows) => faults.extend(rows),
            // One damaged page may be in the way of all.
            Err(error) => unsought.entry(in_words(&error)).or_default().push(kind.many),
        }
    }
    faults.extend(self::unsought(unsought));
    Ok(faults)
}

/// Kinds of rows that could not be looked for, by why.
pub(super) fn unsought(kinds: BTreeMap<String, Vec<&str>>) -> impl Iterator<Item = String> {
    let line = |(why, kinds): (String, Vec<&str>)| {
        format!("not looked for, since {why}: {}", kinds.join("; "))
    };
    kinds.into_iter().map(line)
}

/// Without line breaks, and with nothing that steers a terminal.
pub(super) fn one_line(text: &str) -> String {
    visible(text, &mut []).replace('\n', "\\n")
}

/// What a file says need not be text.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What of the file is not as donet has made it, although nothing is damaged by that.
///
/// # Errors
/// What the database says.
pub async fn alterations(connection: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    const QUERY: &str = "\
        SELECT 'the trigger ' || name || ' of table ' || tbl_name || ' is none of donet''s: what it does happens with each change' \
        FROM sqlite_master WHERE type = 'trigger' AND tbl_name GLOB 'donet_*' UNION ALL \
        SELECT 'the view donet_content is missing, which shows people what is stored' \
        WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'donet_schema') \
        AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = 'donet_content')";
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(QUERY).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| one_line(&text(row))).collect())
}

/// What SQLite itself finds, of lines that count.
async fn damaged_pages(
    connection: &mut SqliteConnection,
    counts: impl Fn(&str) -> bool,
) -> sqlx::Result<Vec<String>> {
    /// So many are asked for, since most may be about pages that only hung on a damaged one.
    const ASKED: usize = 10_000;
    let sql = format!("PRAGMA integrity_check({ASKED})");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(connection).await?;
    let (mut faults, mut unused) = (Vec::new(), 0);
    for row in rows {
        let text = text(row.try_get(0)?);
        let is_fault = |line: &&str| *line != "ok" && !line.starts_with("***") && counts(line);
        for line in text.lines().filter(is_fault) {
            match line.ends_with(": never used") {
                true => unused += 1,
                false => faults.push(format!("the file: {line}")),
            }
        }
    }
    if unused > 0 {
        faults.insert(
            NAMED.min(faults.len()),
            format!("the file: pages that belong to nothing: {unused}"),
        );
    }
    let more = faults.len().saturating_sub(NAMED + 1);
    if more > 0 {
        faults.truncate(NAMED + 1);
        faults.push(format!("the file: … and {more} more of this kind"));
    }
    Ok(faults)
}

async fn rows(connection: &mut SqliteConnection, kind: &Kind) -> sqlx::Result<Vec<String>> {
    let Kind { query, many, .. } = kind;
    let named = AssertSqlSafe(format!("SELECT * FROM ({query}) LIMIT {}", NAMED + 1));
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(named).fetch_all(&mut *connection).await?;
    let mut rows: Vec<String> = rows.into_iter().map(|row| one_line(&text(row))).collect();
    if rows.len() > NAMED {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM ({query})"));
        let count: i64 = sqlx::query_scalar(count).fetch_one(connection).await?;
        rows.truncate(NAMED);
        rows.push(format!("… and {} more {many}", count - NAMED as i64));
    }
    Ok(rows)
}
