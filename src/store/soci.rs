//! Astron's own SQL tables, to be read and moved: `objects`, `classes`, and `fields_<Class>` with a column of
//! DC text for each field.

mod connection;

use std::collections::BTreeMap;

use url::Url;

use self::connection::{Connection, Row, open as connect};
use super::archive::{Archive, Broken, Entry, FreeIds, Raw, Record};
use super::files::PRIVATE;
use super::open::check_there;
use super::{BoxFuture, OpenError, Schema};
use crate::config::{BackendConfig, url_literal};
use crate::ids::{DoId, DoIdRepr};

/// The database that an Astron configuration names, as a backend of donet's own.
///
/// # Errors
/// If its address is none.
pub fn own_backend(config: &BackendConfig) -> Result<BackendConfig, OpenError> {
    const POOL_MAX: u32 = 8;
    let BackendConfig::Soci { driver, database, address, username, password } = config else {
        return Ok(config.clone());
    };
    if driver == "sqlite3" {
        return Ok(BackendConfig::Sqlite { file: database.into(), file_mode: PRIVATE });
    }
    let bad = || OpenError::Refused(format!("`{address}` is no address of a database server"));
    let scheme = if driver == "postgresql" { "postgres" } else { "mysql" };
    let host = if address.is_empty() { "localhost" } else { address };
    let mut url = Url::parse(&format!("{scheme}://{host}")).map_err(|_| bad())?;
    // Astron's own default is the name of whoever runs it.
    let user = if username.is_empty() {
        std::env::var("USER").unwrap_or_default()
    } else {
        username.clone()
    };
    url.set_username(&url_literal(&user)).map_err(|()| bad())?;
    if !password.is_empty() {
        url.set_password(Some(&url_literal(password))).map_err(|()| bad())?;
    }
    url.path_segments_mut().map_err(|()| bad())?.clear().push(database);
    let url = url.to_string();
    Ok(match scheme {
        "postgres" => {
            BackendConfig::Postgres { url, pool_max: POOL_MAX, prepared_statements: true }
        }
        _ => BackendConfig::MySql { url, pool_max: POOL_MAX },
    })
}

/// Astron's tables in a database.
pub struct SociArchive {
    connection: Box<dyn Connection>,
    name: String,
    schema: Schema,
    /// Names by Astron's class ids.
    classes: BTreeMap<i64, String>,
}

impl SociArchive {
    /// Connects to a database of one of donet's backends and looks for Astron's tables; `None` if there
    /// are none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(config: &BackendConfig, schema: &Schema) -> Result<Option<Self>, OpenError> {
        if let Some(why) = config.left_out() {
            return Err(OpenError::Refused(why));
        }
        let name = shown_name(config);
        if let BackendConfig::Sqlite { file, .. } = config {
            check_there("the SQLite database", file)?;
        }
        let failed = |error| {
            let what = format!("cannot open {name}");
            match config {
                BackendConfig::Sqlite { .. } => OpenError::Sql { what, error },
                _ => OpenError::NoSession { what, error },
            }
        };
        let Some(connection) = connect(config).await.map_err(failed)? else {
            return Ok(None);
        };
        let (schema, classes) = (schema.clone(), BTreeMap::new());
        let mut archive = SociArchive { connection, name, schema, classes };
        if !archive.has_table("objects").await || !archive.has_table("classes").await {
            return Ok(None);
        }
        let rows = archive.rows("SELECT id, name FROM classes".to_owned()).await?;
        for row in rows {
            let (Ok(id), Ok(Some(name))) = (row.integer(0), row.text(1)) else {
                return Ok(None);
            };
            archive.classes.insert(id, name);
        }
        Ok(Some(archive))
    }

    async fn has_table(&mut self, table: &str) -> bool {
        let sql = format!("SELECT 1 FROM {table} WHERE 1 = 0");
        self.connection.rows(sql).await.is_ok()
    }

    async fn rows(&mut self, sql: String) -> Result<Vec<Row>, OpenError> {
        self.connection.rows(sql).await.map_err(|error| OpenError::Sql {
            what: format!("cannot read Astron's tables in {}", self.name),
            error,
        })
    }

    /// Reads the objects that a condition on `id` chooses, ascending.
    async fn read(&mut self, condition: &str) -> Result<Vec<Entry>, OpenError> {
        let heads = self.rows(format!("SELECT id, class_id FROM objects {condition}")).await?;
        let mut entries: BTreeMap<i64, Entry> = BTreeMap::new();
        let mut by_class: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for row in heads {
            let (id, class) = (integer(&row, 0)?, integer(&row, 1)?);
            let Ok(do_id) = DoIdRepr::try_from(id).map(DoId) else {
                continue;
            };
            let entry = match self.classes.get(&class) {
                Some(class) => {
                    by_class.entry(class.clone()).or_default().push(id);
                    Ok(Record { do_id, class: class.clone(), values: Vec::new() })
                }
                None => Err(Broken { do_id, why: format!("no class has the number {class}") }),
            };
            entries.insert(id, entry);
        }
        for (class, ids) in by_class {
            let table = format!("fields_{}", checked_name(&class)?);
            if !self.has_table(&table).await {
                // A class without stored fields has no table.
                continue;
            }
            let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
            let ids = ids.join(",");
            let sql = format!("SELECT * FROM {table} WHERE object_id IN ({ids})");
            for row in self.rows(sql).await? {
                let id = integer(&row, 0)?;
                if let Some(Ok(record)) = entries.get_mut(&id) {
                    record.values = self.values(&class, &row)?;
                }
            }
        }
        Ok(entries.into_values().collect())
    }

    /// The values of a row of `fields_<class>`.
    fn values(&self, class: &str, row: &Row) -> Result<Vec<(String, Raw)>, OpenError> {
        let class = self.schema.class_by_name(class);
        let mut values = Vec::new();
        for (index, column) in row.names().into_iter().enumerate().skip(1) {
            let text = row.text(index).map_err(|error| OpenError::Sql {
                what: format!("cannot read column {column} in {}", self.name),
                error,
            })?;
            let Some(text) = text else {
                continue;
            };
            let fields = class.iter().flat_map(|class| class.db_fields());
            let mut named = fields.map(|field| field.name()).filter(|name| {
                match self.connection.folds_names() {
                    true => name.eq_ignore_ascii_case(column),
                    false => *name == column,
                }
            });
            let name = named.next().unwrap_or(column).to_owned();
            values.push((name, Raw::text(text)));
        }
        Ok(values)
    }
}

/// Class names are part of the names of Astron's tables, where nothing is quoted.
fn checked_name(class: &str) -> Result<&str, OpenError> {
    match class.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        true => Ok(class),
        false => Err(OpenError::Damaged(format!("`{class}` is no name of a class"))),
    }
}

/// The database's name without its password.
fn shown_name(config: &BackendConfig) -> String {
    match config {
        BackendConfig::Sqlite { file, .. } => file.display().to_string(),
        BackendConfig::Postgres { url, .. } | BackendConfig::MySql { url, .. } => {
            let url = Url::parse(url).ok();
            let shown =
                url.map(|url| format!("{}{}", url.host_str().unwrap_or_default(), url.path()));
            shown.unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn integer(row: &Row, column: usize) -> Result<i64, OpenError> {
    row.integer(column).map_err(|error| OpenError::Sql {
        what: "cannot read a number in Astron's tables".to_owned(),
        error,
    })
}

impl Archive for SociArchive {
    fn describe(&self) -> String {
        format!("Astron's SQL tables in {}", self.name)
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        Box::pin(async {
            let rows = self.rows("SELECT count(*) FROM objects".to_owned()).await?;
            rows.first().map_or(Ok(0), |row| integer(row, 0).map(i64::unsigned_abs))
        })
    }

    fn page(
        &mut self,
        after: Option<DoId>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        let after = after.map_or(-1, |id| i64::from(id.0));
        let condition = format!("WHERE id > {after} ORDER BY id LIMIT {limit}");
        Box::pin(async move { self.read(&condition).await })
    }

    fn find<'a>(&'a mut self, ids: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        Box::pin(async {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let ids: Vec<String> = ids.iter().map(DoId::to_string).collect();
            self.read(&format!("WHERE id IN ({})", ids.join(","))).await
        })
    }

    /// Astron gives the lowest id that no object has, so nothing is noted.
    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        Box::pin(std::future::ready(Ok(FreeIds::default())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_taken_as_they_are() {
        let config = BackendConfig::Soci {
            driver: "postgresql".into(),
            database: "ga%20me".into(),
            address: "db:5433".into(),
            username: "a%41".into(),
            password: "p@ss/%42:?#".into(),
        };
        let Ok(BackendConfig::Postgres { url, .. }) = own_backend(&config) else {
            panic!("an address of a server")
        };
        let url = Url::parse(&url).expect("an URL");
        assert_eq!(url.username(), "a%2541");
        assert_eq!(url.password(), Some("p%40ss%2F%2542%3A%3F%23"));
        assert_eq!(url.path(), "/ga%2520me");
        assert_eq!((url.host_str(), url.port()), (Some("db"), Some(5433)));
    }
}
