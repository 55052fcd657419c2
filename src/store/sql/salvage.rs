//! What can be read of a SQLite file with damaged pages where it says which objects, classes and free ids there are.
//!
//! A table is read from both ends up to what is damaged, and what an index or another table says of the rest is added. Nothing
//! is guessed: of what is lost there is a line.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow};

use super::archive::SqlArchive;
use super::session::{CatalogRow, Session, in_words};
use super::sqlite::{ClassRow, FieldRow, catalog_of};
use crate::ids::DoIdRepr;
use crate::store::OpenError;

/// Parts of the range of ids that are tried one by one for what is between damaged pages. Of the rest the ids are read that
/// have values.
const PARTS_MAX: usize = 4096;

/// A page has rows for more ids than these, so nothing between them can be read if neither end can.
const ONE_PAGE: i64 = 64;

/// What there is, as far as it can be read.
#[derive(Debug, Default)]
pub struct Salvaged {
    /// Objects, ascending. Some of them may turn out to be unreadable.
    ids: Vec<i64>,
    /// The numbers of the classes of objects that no table lists, by their ids: those of the fields that they have values of.
    pub derived: BTreeMap<i64, i32>,
    /// Classes and fields.
    pub catalog: Vec<CatalogRow>,
    /// Free ids, oldest first.
    pub free: Vec<i64>,
    /// The highest id that an object has or had.
    pub highest: Option<i64>,
    /// Whether there may have been fields that are not in the catalog.
    lacks_fields: bool,
    /// Those of which values have been met.
    unknown_fields: BTreeSet<i32>,
    /// What cannot be read, in words.
    lost: Vec<String>,
}

impl Salvaged {
    /// How many objects there are.
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Up to `limit` ids above `after`.
    pub fn ids_after(&self, after: i64, limit: i64) -> Vec<i64> {
        let start = self.ids.partition_point(|id| *id <= after);
        let limit = usize::try_from(limit).unwrap_or_default();
        self.ids[start..].iter().take(limit).copied().collect()
    }

    /// Reads what can be read.
    ///
    /// # Errors
    /// What the database says, if it is not about damage.
    pub async fn of(connection: &mut SqliteConnection) -> sqlx::Result<Self> {
        let mut salvaged = Salvaged::default();
        salvaged.read_catalog(connection).await?;
        salvaged.read_ids(connection).await?;
        salvaged.read_free(connection).await?;
        let given = read::<(i64,)>(connection, "SELECT id FROM donet_given").await?;
        if let Some(why) = given.damage {
            salvaged.lose("donet_given", &why, "ids of deleted objects may be given again");
        }
        let given = given.rows.into_iter().map(|(id,)| id);
        let known = salvaged.ids.iter().chain(&salvaged.free).copied().chain(given);
        salvaged.highest = known.filter(|id| DoIdRepr::try_from(*id).is_ok()).max();
        Ok(salvaged)
    }

    /// Whether a field may be missing in the catalog, of which a value has been met.
    pub fn miss(&mut self, field: i32) -> bool {
        if self.lacks_fields {
            self.unknown_fields.insert(field);
        }
        self.lacks_fields
    }

    /// What cannot be read, in words.
    pub fn lost(&self) -> Vec<String> {
        let mut lost = self.lost.clone();
        if !self.unknown_fields.is_empty() {
            let numbers: Vec<_> = self.unknown_fields.iter().map(i32::to_string).collect();
            let numbers = numbers.join(", ");
            lost.push(format!(
                "values of fields with these numbers are left out, since no table says which they are: {numbers}"
            ));
        }
        lost
    }

    fn lose(&mut self, table: &str, why: &str, what: &str) {
        self.lost.push(format!("the table {table} cannot be read as a whole ({why}): {what}"));
    }

    async fn read_ids(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let (mut ids, mut lost) = (BTreeSet::new(), Vec::new());
        let mut parts = VecDeque::from([(0, i64::from(DoIdRepr::MAX))]);
        let (mut tried, mut why) = (0, String::new());
        while let Some((from, to)) = parts.pop_front() {
            tried += 1;
            if tried > PARTS_MAX {
                lost.push((from, to));
                continue;
            }
            let part =
                format!("SELECT id FROM donet_object WHERE id BETWEEN {from} AND {to} ORDER BY id");
            let up = read::<(i64,)>(connection, &part).await?;
            let Some(damage) = up.damage else {
                ids.extend(up.rows.iter().map(|(id,)| *id));
                continue;
            };
            why = damage;
            let down = read::<(i64,)>(connection, &format!("{part} DESC")).await?;
            let first = up.rows.last().map_or(from, |(id,)| id + 1);
            let last = down.rows.last().map_or(to, |(id,)| id - 1);
            ids.extend(up.rows.iter().chain(&down.rows).map(|(id,)| *id));
            match last - first {
                ..0 => {}
                0..ONE_PAGE => lost.push((first, last)),
                width => {
                    let middle = first + width / 2;
                    parts.extend([(first, middle), (middle + 1, last)]);
                }
            }
        }
        for (from, to) in joined(lost) {
            let unlisted = self.derive(connection, from, to).await?;
            ids.extend(unlisted);
            let which = match to - from {
                0 => format!("whether there is an object {from} is not known"),
                _ => format!(
                    "which of the ids from {from} to {to} are of objects, and of which class, is not known but by their values"
                ),
            };
            self.lose("donet_object", &why, &which);
        }
        self.ids = ids.into_iter().collect();
        Ok(())
    }

    /// Ids of a range of which there are values. Their classes are those of the fields.
    async fn derive(
        &mut self,
        connection: &mut SqliteConnection,
        from: i64,
        to: i64,
    ) -> sqlx::Result<BTreeSet<i64>> {
        let fields = self.catalog.iter().filter_map(|row| Some((row.field.as_ref()?.0, row.class)));
        let class_of: BTreeMap<i32, i32> = fields.collect();
        let held = format!(
            "SELECT object_id, field_id FROM donet_value WHERE object_id BETWEEN {from} AND {to}"
        );
        let (held, _) =
            from_both_ends::<(i64, i64)>(connection, &format!("{held} ORDER BY object_id")).await?;
        let mut classes: BTreeMap<i64, BTreeSet<i32>> = BTreeMap::new();
        for (id, field) in held {
            let class = i32::try_from(field).ok().and_then(|field| class_of.get(&field));
            classes.entry(id).or_default().extend(class);
        }
        // Of whom they are not of one class, nobody knows what it is.
        let one = |(id, classes): (&i64, &BTreeSet<i32>)| match classes.len() {
            1 => Some((*id, *classes.first()?)),
            _ => None,
        };
        self.derived.extend(classes.iter().filter_map(one));
        Ok(classes.into_keys().collect())
    }

    async fn read_catalog(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        let classes = "SELECT id, CAST(name AS BLOB) FROM donet_class NOT INDEXED ORDER BY id";
        let (mut classes, damage) = from_both_ends::<ClassRow>(connection, classes).await?;
        if let Some(why) = damage {
            // The index of names has all that the table has.
            let index = "SELECT id, CAST(name AS BLOB) FROM donet_class ORDER BY name";
            let index = read::<ClassRow>(connection, index).await?;
            if index.damage.is_some() {
                self.lose(
                    "donet_class",
                    &why,
                    "objects of classes that are not known are left out",
                );
            }
            classes.extend(index.rows);
        }
        let fields = "SELECT id, class_id, CAST(name AS BLOB), CAST(type AS BLOB) FROM donet_field \
                      NOT INDEXED ORDER BY id";
        let (mut fields, damage) = from_both_ends::<FieldRow>(connection, fields).await?;
        if let Some(why) = damage {
            // The index of names has all of a field but its type.
            let index = "SELECT id, class_id, CAST(name AS BLOB), CAST('' AS BLOB) FROM donet_field \
                         ORDER BY class_id, name";
            let index = read::<FieldRow>(connection, index).await?;
            let known: BTreeSet<i64> = fields.iter().map(|(id, ..)| *id).collect();
            fields.extend(index.rows.into_iter().filter(|(id, ..)| !known.contains(id)));
            let what = match index.damage {
                None => {
                    "of which types values are is not known: they are taken for those of the DC files"
                }
                Some(_) => "values of fields that are not known are left out",
            };
            self.lacks_fields = index.damage.is_some();
            self.lose("donet_field", &why, what);
        }
        self.catalog = catalog_of(classes, fields);
        Ok(())
    }

    async fn read_free(&mut self, connection: &mut SqliteConnection) -> sqlx::Result<()> {
        // The index has all that the table has.
        let by_index = "SELECT id FROM donet_free WHERE id BETWEEN 0 AND 4294967295 ORDER BY seq";
        let by_index = read::<(i64,)>(connection, by_index).await?;
        let by_table = "SELECT id FROM donet_free NOT INDEXED ORDER BY seq";
        let (free, damage) = match by_index.damage {
            None => (by_index.rows, None),
            Some(_) => from_both_ends::<(i64,)>(connection, by_table).await?,
        };
        self.free = free.into_iter().map(|(id,)| id).collect();
        if let Some(why) = damage {
            let what = "ids of deleted objects may be missing from those that are free";
            self.lose("donet_free", &why, what);
        }
        Ok(())
    }
}

impl<S: Session> SqlArchive<S> {
    /// What can be read all the same, if what is wrong is damage and nothing is to be written.
    pub(super) async fn salvage(&mut self, error: sqlx::Error) -> sqlx::Result<&Salvaged> {
        if S::IS_REMOTE || !self.is_only_read || !is_damage(&error) {
            return Err(error);
        }
        if self.salvaged.is_none() {
            self.salvaged = Some(self.session.salvage().await?);
        }
        self.salvaged.as_ref().ok_or(error)
    }
}

/// Rows up to what is damaged.
struct Read<T> {
    rows: Vec<T>,
    damage: Option<String>,
}

async fn read<T>(connection: &mut SqliteConnection, sql: &str) -> sqlx::Result<Read<T>>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let query = sqlx::query_as::<Sqlite, T>(AssertSqlSafe(sql.to_owned())).persistent(false);
    let mut stream = query.fetch(connection);
    let mut rows = Vec::new();
    loop {
        match stream.try_next().await {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => return Ok(Read { rows, damage: None }),
            Err(error) if is_damage(&error) => {
                return Ok(Read { rows, damage: Some(in_words(&error)) });
            }
            Err(error) => return Err(error),
        }
    }
}

/// Rows of a query that ends in its order, in that order, and why some are missing.
async fn from_both_ends<T>(
    connection: &mut SqliteConnection,
    sql: &str,
) -> sqlx::Result<(Vec<T>, Option<String>)>
where
    T: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
{
    let Read { mut rows, damage } = read(connection, sql).await?;
    if damage.is_some() {
        let rest = read(connection, &format!("{sql} DESC")).await?;
        rows.extend(rest.rows.into_iter().rev());
    }
    Ok((rows, damage))
}

/// Ranges in their order, those that touch as one.
fn joined(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in ranges {
        match joined.last_mut() {
            Some(last) if last.1 + 1 >= from => last.1 = to,
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// What is to be said if a server cannot use a SQLite file.
pub(super) fn unusable(what: String, error: sqlx::Error) -> OpenError {
    advised(what, error, WAY_OUT)
}

/// What is to be said if nobody can see what a SQLite file has.
pub(super) fn unlisted(what: String, error: sqlx::Error) -> OpenError {
    const RECOVER: &str = "the file is damaged where it says what there is: put a backup in its place, or get out what is \
                           left with `sqlite3 FILE .recover`";
    advised(what, error, RECOVER)
}

/// Why a database, called `name`, is left as it is.
pub(super) fn damaged(refused: &str, name: &str, faults: &[String]) -> OpenError {
    let faults = faults.join("\n  ");
    OpenError::Damaged(format!("{refused}: {name} is damaged\n  {faults}\n{WAY_OUT}"))
}

fn advised(what: String, error: sqlx::Error, advice: &str) -> OpenError {
    match is_damage(&error) {
        true => OpenError::Damaged(format!("{what}: {}\n{advice}", in_words(&error))),
        false => OpenError::Sql { what, error },
    }
}

/// What to do about a damaged file.
const WAY_OUT: &str = "put a backup in its place; or write what can be read of it with `donet db export \
                                  --drop-unreadable`, move it away, and take that in with `donet db import`";

/// Whether a SQLite file says so of a part of it: of a page, or of a cell that has not the type of its column.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    // SQLITE_CORRUPT, and SQLITE_IOERR_SHORT_READ of a file that ends too early.
    const CORRUPT: i32 = 11;
    const SHORT_READ: i32 = 522;
    match error {
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<i32>().ok());
            code.is_some_and(|code| code == SHORT_READ || code & 0xff == CORRUPT)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one() {
        let ranges = vec![(7, 9), (1, 3), (4, 4), (12, 12)];
        assert_eq!(joined(ranges), [(1, 4), (7, 9), (12, 12)]);
        assert_eq!(joined(Vec::new()), []);
    }
}
