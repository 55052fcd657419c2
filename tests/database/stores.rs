//! The stores under test, and a place of its own for each scenario.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use donet::config::BackendConfig;
use donet::ids::DoId;
use sqlx::postgres::PgConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, PgConnection, Row as _,
    SqliteConnection,
};
use tempfile::TempDir;

/// A kind of store.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Store {
    Sqlite,
    Yaml,
    Postgres,
    MySql,
}

/// An empty store.
pub struct Place {
    pub backend: BackendConfig,
    store: Store,
    database: String,
    _directory: TempDir,
}

/// Connections of one server under test.
const POOL_MAX: u32 = 4;

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Store::Sqlite => "sqlite",
            Store::Yaml => "yaml",
            Store::Postgres => "postgres",
            Store::MySql => "mysql",
        })
    }
}

impl Store {
    pub const ALL: &[Store] = &[Store::Sqlite, Store::Yaml, Store::Postgres, Store::MySql];

    /// Those with a schema.
    pub const SQL: &[Store] = &[Store::Sqlite, Store::Postgres, Store::MySql];
    /// Those that are files.
    pub const FILES: &[Store] = &[Store::Sqlite, Store::Yaml];
    /// Those that are reached over a connection.
    pub const SERVERS: &[Store] = &[Store::Postgres, Store::MySql];

    const fn variable(self) -> Option<&'static str> {
        match self {
            Store::Sqlite | Store::Yaml => None,
            Store::Postgres => Some("DONET_TEST_POSTGRES_URL"),
            Store::MySql => Some("DONET_TEST_MYSQL_URL"),
        }
    }

    fn url(self) -> Result<String, String> {
        let variable = self.variable().ok_or("it has none")?;
        std::env::var(variable).map_err(|_| format!("{variable} is not set"))
    }

    /// Whether there is one to test, or why not.
    pub fn is_configured(self) -> Result<(), String> {
        match self.variable() {
            None => Ok(()),
            Some(_) => self.url().map(drop),
        }
    }

    /// An empty store of this kind.
    pub async fn create(self) -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let directory = tempfile::tempdir().expect("a directory");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let database = format!("donet_test_{}_{count}", std::process::id());
        let backend = match self {
            Store::Sqlite => {
                let file = directory.path().join("objects.sqlite");
                BackendConfig::Sqlite { file, file_mode: 0o600 }
            }
            Store::Yaml => {
                let directory = directory.path().join("yaml_db");
                BackendConfig::Yaml { directory, file_mode: 0o600 }
            }
            Store::Postgres | Store::MySql => {
                self.execute(&format!("CREATE DATABASE {database}")).await;
                let url = with_database(&self.url().expect("it is configured"), &database);
                match self {
                    Store::Postgres => BackendConfig::Postgres {
                        url,
                        pool_max: POOL_MAX,
                        prepared_statements: std::env::var_os("DONET_TEST_POSTGRES_UNPREPARED")
                            .is_none(),
                    },
                    _ => BackendConfig::MySql { url, pool_max: POOL_MAX },
                }
            }
        };
        Place { backend, store: self, database, _directory: directory }
    }

    async fn execute(self, sql: &str) {
        let url = self.url().expect("it is configured");
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match self {
            Store::Postgres => {
                let mut connection = connect_postgres(&url).await;
                sql.execute(&mut connection).await.map(drop)
            }
            _ => {
                let mut connection = MySqlConnection::connect(&url).await.expect("MySQL answers");
                sql.execute(&mut connection).await.map(drop)
            }
        };
        done.expect("databases may be created and dropped");
    }
}

impl Place {
    /// Removes the store.
    pub async fn remove(self) {
        match self.store {
            Store::Sqlite | Store::Yaml => {}
            Store::Postgres => {
                self.store.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.database)).await;
            }
            Store::MySql => self.store.execute(&format!("DROP DATABASE {}", self.database)).await,
        }
    }
}

/// The same server, another database.
fn with_database(url: &str, database: &str) -> String {
    let mut url = url::Url::parse(url).expect("a URL");
    url.set_path(database);
    url.into()
}

/// A connection to a PostgreSQL server, or to PgBouncer before one.
async fn connect_postgres(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("a URL");
    options.extra_float_digits(None).connect().await.expect("PostgreSQL answers")
}

/// Ends all connections to a database.
pub async fn disconnect_all(backend: &BackendConfig) {
    match backend {
        BackendConfig::Postgres { url, .. } => {
            let mut connection = connect_postgres(url).await;
            let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            sqlx::raw_sql(sql).execute(&mut connection).await.expect("ended");
        }
        BackendConfig::MySql { url, .. } => {
            let mut connection = MySqlConnection::connect(url).await.expect("MySQL answers");
            let sql = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
                       WHERE db = database() AND id <> connection_id()";
            let ids = sqlx::query_scalar::<_, i64>(sql).fetch_all(&mut connection).await;
            for id in ids.expect("listed") {
                let kill = AssertSqlSafe(format!("KILL {id}"));
                // It may have ended by itself.
                let _ = sqlx::raw_sql(kill).execute(&mut connection).await;
            }
        }
        other => panic!("{other:?} has no connections"),
    }
}

/// What is ended of a session.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum End {
    Session,
    Statement,
}

/// Ends a session that waits for what another one has locked, when there is one.
pub async fn end_waiting(backend: &BackendConfig, end: End) {
    let waiting = match backend {
        BackendConfig::Postgres { .. } => {
            "SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_activity \
             WHERE datname = current_database() AND wait_event_type = 'Lock'"
        }
        _ => {
            "SELECT CAST(coalesce(max(id), 0) AS SIGNED) FROM information_schema.innodb_trx \
             JOIN information_schema.processlist ON id = trx_mysql_thread_id \
             WHERE db = database() AND trx_state = 'LOCK WAIT'"
        }
    };
    // MySQL looks anew only if nobody has asked for a tenth of a second.
    const PAUSE: Duration = Duration::from_millis(150);
    let found = async {
        loop {
            tokio::time::sleep(PAUSE).await;
            match number_in(backend, waiting).await {
                0 => {}
                id => return id,
            }
        }
    };
    let id = tokio::time::timeout(Duration::from_secs(120), found).await.expect("somebody waits");
    let sql = match (backend, end) {
        (BackendConfig::Postgres { .. }, End::Session) => {
            format!("SELECT pg_terminate_backend({id})")
        }
        (BackendConfig::Postgres { .. }, End::Statement) => {
            format!("SELECT pg_cancel_backend({id})")
        }
        (_, End::Session) => format!("KILL {id}"),
        (_, End::Statement) => format!("KILL QUERY {id}"),
    };
    execute_in(backend, &sql).await;
}

/// A session of somebody else's that has locked an object.
pub enum Lock {
    Postgres(PgConnection),
    MySql(MySqlConnection),
}

impl Lock {
    pub async fn new(backend: &BackendConfig, do_id: DoId) -> Self {
        let sql = format!("BEGIN; SELECT id FROM donet_object WHERE id = {do_id} FOR UPDATE");
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        let (lock, done) = match backend {
            BackendConfig::Postgres { url, .. } => {
                let mut connection = connect_postgres(url).await;
                let done = sql.execute(&mut connection).await.map(drop);
                (Lock::Postgres(connection), done)
            }
            BackendConfig::MySql { url, .. } => {
                let mut connection = MySqlConnection::connect(url).await.expect("MySQL answers");
                let done = sql.execute(&mut connection).await.map(drop);
                (Lock::MySql(connection), done)
            }
            other => panic!("{other:?} has no sessions"),
        };
        done.expect("locked");
        lock
    }

    pub async fn release(self) {
        let closed = match self {
            Lock::Postgres(connection) => connection.close().await,
            Lock::MySql(connection) => connection.close().await,
        };
        closed.expect("closed");
    }
}

/// Runs statements in a database.
pub async fn execute_in(backend: &BackendConfig, sql: &str) {
    let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
    let done = match backend {
        BackendConfig::Sqlite { file, .. } => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
            let mut connection =
                SqliteConnection::connect_with(&options).await.expect("SQLite opens");
            sql.execute(&mut connection).await.map(drop)
        }
        BackendConfig::Postgres { url, .. } => {
            let mut connection = connect_postgres(url).await;
            sql.execute(&mut connection).await.map(drop)
        }
        BackendConfig::MySql { url, .. } => {
            let mut connection = MySqlConnection::connect(url).await.expect("MySQL answers");
            sql.execute(&mut connection).await.map(drop)
        }
        other => panic!("{other:?} has no SQL"),
    };
    done.expect("executed");
}

/// What a query for one number finds.
pub async fn number_in(backend: &BackendConfig, sql: &str) -> i64 {
    let sql = AssertSqlSafe(sql.to_owned());
    let found = match backend {
        BackendConfig::Sqlite { file, .. } => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
            let mut connection =
                SqliteConnection::connect_with(&options).await.expect("SQLite opens");
            sqlx::query_scalar(sql).fetch_one(&mut connection).await
        }
        BackendConfig::Postgres { url, .. } => {
            let mut connection = connect_postgres(url).await;
            let row = sqlx::raw_sql(sql).fetch_one(&mut connection).await;
            row.and_then(|row| row.try_get(0))
        }
        BackendConfig::MySql { url, .. } => {
            let mut connection = MySqlConnection::connect(url).await.expect("MySQL answers");
            sqlx::query_scalar(sql).fetch_one(&mut connection).await
        }
        other => panic!("{other:?} has no SQL"),
    };
    found.expect("a number")
}

/// Runs a statement in the same server, beside a database that may let nobody in.
pub async fn execute_beside(backend: &BackendConfig, sql: &str) {
    let store = match backend {
        BackendConfig::Postgres { .. } => Store::Postgres,
        BackendConfig::MySql { .. } => Store::MySql,
        other => panic!("{other:?} is no server"),
    };
    store.execute(sql).await;
}

/// Ways in which a log-in of `user` may be refused: what does so, what ends its sessions, and what accepts it again.
pub fn refusals(backend: &BackendConfig, user: &str) -> Vec<[String; 3]> {
    let (BackendConfig::Postgres { url, .. } | BackendConfig::MySql { url, .. }) = backend else {
        panic!("{backend:?} has no users")
    };
    let database = url.rsplit('/').next().expect("a path");
    if let BackendConfig::MySql { .. } = backend {
        let rights = format!("ALL ON {database}.*");
        return vec![[
            format!("REVOKE {rights} FROM '{user}'@'%'"),
            format!("KILL USER '{user}'@'%'"),
            format!("GRANT {rights} TO '{user}'@'%'"),
        ]];
    }
    let connect = format!("CONNECT ON DATABASE {database}");
    let open = format!("ALTER DATABASE {database} ALLOW_CONNECTIONS");
    [
        (format!("REVOKE {connect} FROM PUBLIC, {user}"), format!("GRANT {connect} TO PUBLIC, {user}")),
        (format!("{open} false"), format!("{open} true")),
        (format!("ALTER ROLE {user} NOLOGIN"), format!("ALTER ROLE {user} LOGIN")),
    ]
    .map(|(refuse, accept)| {
        let end = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database}'"
        );
        [refuse, end, accept]
    })
    .into()
}

/// The database for a user of its own, and statements that create the user, refuse it, accept it again, and
/// remove it. PostgreSQL may be set up to ask for no password, so it is the right to log in that is taken there.
pub fn with_login(backend: &BackendConfig, user: &str) -> (BackendConfig, [String; 4]) {
    let with_user = |url: &str| {
        let mut url = url::Url::parse(url).expect("a URL");
        url.set_username(user).expect("a user");
        url.set_password(Some("right")).expect("a password");
        url.to_string()
    };
    let mut backend = backend.clone();
    let statements = match &mut backend {
        BackendConfig::Postgres { url, .. } => {
            let database = url.rsplit('/').next().expect("a path").to_owned();
            *url = with_user(url);
            [
                format!(
                    "CREATE ROLE {user} LOGIN PASSWORD 'right'; \
                     ALTER DATABASE {database} OWNER TO {user}; ALTER SCHEMA public OWNER TO {user}"
                ),
                format!("ALTER ROLE {user} NOLOGIN"),
                format!("ALTER ROLE {user} LOGIN"),
                format!(
                    "REASSIGN OWNED BY {user} TO current_user; DROP OWNED BY {user}; DROP ROLE {user}"
                ),
            ]
        }
        BackendConfig::MySql { url, .. } => {
            let database = url.rsplit('/').next().expect("a path").to_owned();
            *url = with_user(url);
            [
                format!(
                    "CREATE USER '{user}'@'%' IDENTIFIED BY 'right'; \
                     GRANT ALL ON {database}.* TO '{user}'@'%'"
                ),
                format!("ALTER USER '{user}'@'%' IDENTIFIED BY 'wrong'"),
                format!("ALTER USER '{user}'@'%' IDENTIFIED BY 'right'"),
                format!("DROP USER '{user}'@'%'"),
            ]
        }
        other => panic!("{other:?} has no users"),
    };
    (backend, statements)
}
