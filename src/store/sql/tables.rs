//! Which of donet's tables a SQLite file has, and whether that can be: a table that is missing is damage, and no reason to
//! make an empty one.

use sqlx::sqlite::SqliteConnection;

use super::salvage::{is_damage, unlisted, unusable};
use super::sqlite::SCHEMA;
use super::statement::pending;
use crate::store::OpenError;

/// Holds the version of all tables.
const VERSIONED: &str = "donet_schema";

/// The version of the tables that are there; 0 if there are none yet. The database is called `name` in messages. If it is
/// only to be read, the tables say it where that of the version is damaged.
///
/// # Errors
/// If there are some, but not those of a version; what the database says.
pub async fn version(
    connection: &mut SqliteConnection,
    name: &str,
    is_only_read: bool,
) -> Result<i64, OpenError> {
    let failed = |error| unusable(format!("cannot open {name}"), error);
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let there: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| unlisted(format!("cannot open {name}"), error))?;
    let mut versions = Vec::new();
    if there.iter().any(|table| table == VERSIONED) {
        let sql = "SELECT CAST(version AS INTEGER) FROM donet_schema LIMIT 2";
        versions = match sqlx::query_scalar(sql).fetch_all(connection).await {
            Err(error) if is_only_read && is_damage(&error) => {
                let possible = (1..=SCHEMA.len() as i64).rev();
                possible.filter(|version| judge(&there, &[*version]).is_ok()).take(1).collect()
            }
            read => read.map_err(failed)?,
        };
    }
    if let [version] = versions[..]
        && version > 0
    {
        // One of a later donet has tables that nobody knows here.
        pending(SCHEMA, version).map_err(failed)?;
    }
    judge(&there, &versions).map_err(|why| {
        OpenError::Damaged(format!(
            "{name} is damaged: {why}\n\
             nothing was changed; put a backup in its place, or move it away to begin with an empty one"
        ))
    })
}

/// What tables of these names are, with these rows in that of the version.
fn judge(there: &[String], versions: &[i64]) -> Result<i64, String> {
    let is_there = |table: &str| there.iter().any(|name| name == table);
    if !is_there(VERSIONED) {
        return match all(SCHEMA.len()).find(|table| is_there(table)) {
            Some(other) => Err(format!("the table {VERSIONED} is missing, but {other} is there")),
            None => Ok(0),
        };
    }
    let version = match versions {
        [] => return Err(format!("the table {VERSIONED} is empty, and should say the version")),
        [version] if *version > 0 => *version,
        [version] => {
            return Err(format!(
                "the table {VERSIONED} says version {version}, which no tables have"
            ));
        }
        _ => return Err(format!("the table {VERSIONED} says more than one version")),
    };
    let count = usize::try_from(version).unwrap_or(SCHEMA.len());
    let missing: Vec<_> = all(count).filter(|table| !is_there(table)).collect();
    match &missing[..] {
        [] => {}
        [table] => return Err(format!("its table {table} is missing")),
        tables => return Err(format!("its tables {} are missing", tables.join(", "))),
    }
    match all(SCHEMA.len()).skip(all(count).count()).find(|table| is_there(table)) {
        Some(later) => Err(format!(
            "the table {VERSIONED} says version {version}, but {later} is of a later one"
        )),
        None => Ok(version),
    }
}

/// The tables of a version, as the statements have it that make them.
fn all(version: usize) -> impl Iterator<Item = &'static str> {
    let made = SCHEMA[..version].iter().flat_map(|step| step.split("CREATE TABLE ").skip(1));
    made.filter_map(|made| made.split(' ').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_those_of_a_version() {
        let tables = |version| -> Vec<String> { all(version).map(str::to_owned).collect() };
        let [old, new] = [1, 2].map(tables);
        assert_eq!(old.len(), 6, "{old:?}");
        assert_eq!(judge(&[], &[]), Ok(0));
        assert_eq!(judge(&["objects".to_owned()], &[]), Ok(0));
        assert_eq!(judge(&old, &[1]), Ok(1));
        assert_eq!(judge(&new, &[2]), Ok(2));
        for (there, versions) in [
            (&new, &[][..]),
            (&new, &[0]),
            (&new, &[-2]),
            (&new, &[1]),
            (&new, &[2, 2]),
            (&old, &[2]),
        ] {
            judge(there, versions).expect_err("damaged");
        }
        for missing in 0..new.len() {
            let mut there = new.clone();
            let table = there.remove(missing);
            let why = judge(&there, if table == VERSIONED { &[] } else { &[2] });
            assert!(why.clone().is_err_and(|why| why.contains(&table)), "{why:?}");
        }
    }
}
