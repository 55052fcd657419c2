//! A database of a server as it is, without making or migrating anything.

use super::archive::{SqlArchive, refuse_half_imported};
use super::catalog::Catalog;
use super::session::Server;
use super::statement::refuse_later;
use crate::ids::DoId;
use crate::store::archive::{Archive, Entry, FreeIds, ready};
use crate::store::{BoxFuture, OpenError, Schema};

/// Connects to read, and only that. Where no tables are there is nothing to be looked at.
async fn connect<S: Server>(options: &S::Options) -> Result<(S, i64), OpenError> {
    let name = S::describe(options);
    let failed = |error| OpenError::Sql { what: format!("cannot open {name}"), error };
    let mut session = S::open(options).await.map_err(failed)?;
    session.only_read().await.map_err(failed)?;
    let version = check_version(&mut session, &name).await?;
    refuse_later(version, S::VERSION).map_err(failed)?;
    Ok((session, version))
}

/// The version of the tables that are there; 0 if there are none, or empty ones, as a first start leaves them that was killed
/// where each statement counts by itself. The database is called `name`.
///
/// # Errors
/// If there are others, and nothing says the version: whoever took that for none would begin anew. What the database says.
pub async fn check_version<S: Server>(session: &mut S, name: &str) -> Result<i64, OpenError> {
    let failed = |error| OpenError::Sql { what: format!("cannot open {name}"), error };
    // Another server may be making them, so the version is asked for after what comes after it.
    let sign = sign(session).await.map_err(failed)?;
    let version = session.version().await.map_err(failed)?;
    match sign {
        Some(sign) if version <= 0 => Err(OpenError::Damaged(format!(
            "{name} is damaged: the table donet_schema does not say the version of its tables, but {sign}\n             nothing was changed; put a backup in its place, or choose another database to begin with an empty one"
        ))),
        _ => Ok(version),
    }
}

/// What shows that the first tables have been made and the version noted.
async fn sign<S: Server>(session: &mut S) -> sqlx::Result<Option<String>> {
    /// Those of later versions, and one that has a row for each class that was ever stored.
    const TABLES: &str = "'donet_commit', 'donet_given', 'donet_unshown', 'donet_class'";
    let sql = format!(
        "SELECT CONCAT(table_name, '') FROM information_schema.tables \
         WHERE table_schema = {} AND table_name IN ({TABLES})",
        S::CURRENT_SCHEMA
    );
    let tables = session.texts(sql).await?;
    if let Some(later) = tables.iter().find(|table| *table != "donet_class") {
        return Ok(Some(format!("the table {later} is there")));
    }
    if tables.is_empty() {
        return Ok(None);
    }
    let classes = session.number("SELECT count(*) FROM donet_class".to_owned()).await?;
    Ok(classes.filter(|count| *count > 0).map(|_| "there are classes in donet_class".to_owned()))
}

/// Why a server would refuse what the database holds.
///
/// # Errors
/// That, or what the database says.
pub async fn check_server<S: Server>(
    options: &S::Options,
    schema: &Schema,
) -> Result<(), OpenError> {
    let name = S::describe(options);
    let (mut session, version) = connect::<S>(options).await?;
    let looked = async {
        if version == 0 {
            return Ok(());
        }
        refuse_half_imported(&mut session, &name).await?;
        let compared = async {
            let found = Catalog::load(&mut session, schema).await?.compare(schema);
            let held = found.held(&mut session).await?;
            Ok((found, held))
        };
        let (found, held) = compared.await.map_err(|error| OpenError::Sql {
            what: format!("cannot read the classes of {name}"),
            error,
        })?;
        found.judge(&held).map(drop)
    };
    let looked = looked.await;
    session.close().await;
    looked
}

/// How many objects there are, in tables of whichever version.
///
/// # Errors
/// What the database says.
pub async fn count_in_server<S: Server>(options: &S::Options) -> Result<u64, OpenError> {
    let (mut session, version) = connect::<S>(options).await?;
    let counted = if version == 0 { Ok(0) } else { session.count().await };
    session.close().await;
    let failed = |error| OpenError::Sql {
        what: format!("cannot count the objects of {}", S::describe(options)),
        error,
    };
    Ok(counted.map_err(failed)?.unsigned_abs())
}

impl<S: Server> SqlArchive<S> {
    /// As [`SqlArchive::open`], but to read only: nothing is made or changed. None if there are no tables.
    ///
    /// # Errors
    /// If the tables are those of another version; what the database says.
    pub async fn look_at_server(
        options: &S::Options,
        schema: &Schema,
    ) -> Result<Option<Self>, OpenError> {
        let (session, version) = connect::<S>(options).await?;
        if version == 0 {
            session.close().await;
            return Ok(None);
        }
        if version < S::VERSION {
            session.close().await;
            return Err(OpenError::Refused(format!(
                "{}: its tables have version {version}, of an earlier donet, and this one looks into those of version {} only\n\
                 start this donet on it once, which brings them up to date; or look with the earlier one",
                S::describe(options),
                S::VERSION
            )));
        }
        Self::of(session, options, schema, true).await.map(Some)
    }
}

/// A database without donet's tables: there is nothing in it.
pub struct NoTables {
    /// What the database is called.
    pub name: String,
}

impl Archive for NoTables {
    fn describe(&self) -> String {
        self.name.clone()
    }

    fn oddity(&self) -> Option<String> {
        Some(format!("{} {NO_TABLES}", self.name))
    }

    fn count(&mut self) -> BoxFuture<'_, Result<u64, OpenError>> {
        ready(Ok(0))
    }

    fn page(&mut self, _: Option<DoId>, _: usize) -> BoxFuture<'_, Result<Vec<Entry>, OpenError>> {
        ready(Ok(Vec::new()))
    }

    fn find<'a>(&'a mut self, _: &'a [DoId]) -> BoxFuture<'a, Result<Vec<Entry>, OpenError>> {
        ready(Ok(Vec::new()))
    }

    fn free_ids(&mut self) -> BoxFuture<'_, Result<FreeIds, OpenError>> {
        ready(Ok(FreeIds::default()))
    }
}

/// What is said of a database in which nobody has made tables yet, or of the wrong one.
pub const NO_TABLES: &str = "has no tables of donet's: the daemon makes them when it starts";
