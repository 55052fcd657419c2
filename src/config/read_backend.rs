//! Section `backend` of a database: the keys of each type of backend.

use std::path::Path;

use url::Url;

use super::database_url::{self, MYSQL, POSTGRES, Parts, SqlServer};
use super::model::BackendConfig;
use super::password::{self, Password};
use super::path::tidy;
use super::section::{Found, Section};
use super::value;
use crate::finding::{Finding, Severity};

const POOL_MAX: u32 = 8;
const POOL_LIMIT: u32 = 1_000;

#[derive(Copy, Clone)]
pub(super) enum BackendType {
    Sqlite,
    Postgres,
    MySql,
    Yaml,
    Soci,
}

pub(super) const BACKEND_TYPES: [(&str, BackendType); 5] = [
    ("sqlite", BackendType::Sqlite),
    ("postgres", BackendType::Postgres),
    ("mysql", BackendType::MySql),
    ("yaml", BackendType::Yaml),
    ("soci", BackendType::Soci),
];

/// Reads the backend of the database role `role`.
pub(super) fn backend(role: &mut Section<'_>, base_dir: &Path) -> Option<BackendConfig> {
    for old in ["engine", "storage"] {
        role.renamed(old, "backend");
    }
    let absent = !role.has("backend");
    let Some(mut section) = role.section("backend") else {
        // Astron's default, for which its users need no section.
        return absent.then(|| BackendConfig::Yaml {
            directory: base_dir.join(YAML_DIRECTORY),
            file_mode: FILE_MODE,
        });
    };
    if let Some(finding) = section.text("type").and_then(|word| refused(&section, word)) {
        section.push(finding);
        return None;
    }
    let backend_type = value::choice(&BACKEND_TYPES);
    let backend = match section.required("type", "the type of the backend", backend_type)? {
        BackendType::Sqlite => path(&mut section, "file", "donet.sqlite", base_dir)
            .map(|file| BackendConfig::Sqlite { file, file_mode: file_mode(&mut section) }),
        BackendType::Postgres => {
            let prepared = section.optional("prepared_statements", value::strict_boolean);
            let prepared_statements = prepared.unwrap_or(true);
            sql_server(&mut section, &POSTGRES, base_dir).map(|(url, pool_max)| {
                BackendConfig::Postgres { url, pool_max, prepared_statements }
            })
        }
        BackendType::MySql => sql_server(&mut section, &MYSQL, base_dir)
            .map(|(url, pool_max)| BackendConfig::MySql { url, pool_max }),
        BackendType::Yaml => {
            section.renamed("foldername", "directory");
            path(&mut section, "directory", YAML_DIRECTORY, base_dir).map(|directory| {
                BackendConfig::Yaml { directory, file_mode: file_mode(&mut section) }
            })
        }
        BackendType::Soci => Some(soci(&mut section, base_dir)),
    };
    if let Some(why) = backend.as_ref().and_then(BackendConfig::left_out) {
        let key = if section.has("driver") { "driver" } else { "type" };
        section.error(key, why);
    }
    section.finish();
    backend
}

/// Types of others, or of earlier times, and what to do about them. Their other keys need no word.
fn refused(section: &Section<'_>, word: &str) -> Option<Finding> {
    let (message, help): (&str, Vec<String>) = match word {
        "mongodb" | "mongo" => (
            "donet does not run on MongoDB, but it can take over what is there",
            mongodb_help(section),
        ),
        "postgresql" | "sqlite3" => {
            let help = format!(
                "for a database of Astron's write `{{type: soci, driver: {word}, …}}`, for a new one `{{type: {}, …}}`",
                if word == "sqlite3" { "sqlite" } else { "postgres" }
            );
            ("this was a type of Astron's once, whose name is one of a driver now", vec![help])
        }
        "bdb" => {
            let help = "the simplest one is `{type: sqlite, file: objects.sqlite}`".to_owned();
            ("neither Astron nor donet has a backend for BerkeleyDB", vec![help])
        }
        _ => return None,
    };
    Some(Finding { help, ..section.about(Severity::Error, "type", message) })
}

fn mongodb_help(section: &Section<'_>) -> Vec<String> {
    // Of a URI only what is no secret: it may hold a password.
    let uri = section.text("server").filter(|uri| database_url::misread(uri).is_none());
    let of_uri = uri.and_then(|uri| Url::parse(uri).ok());
    let of_uri = of_uri.map(|uri| uri.path().trim_start_matches('/').to_owned());
    let database = of_uri.filter(|name| !name.is_empty());
    let database = database.or_else(|| section.text("database").map(str::to_owned));
    let database = database.unwrap_or_else(|| "test".to_owned());
    vec![
        "write a backend of donet's here, such as `{type: sqlite, file: objects.sqlite}`; the others are `postgres`, \
         `mysql` and `yaml`"
            .to_owned(),
        format!(
            "then move the objects: `mongodump --uri=URI --out=dump`, and `donet db import CONFIG dump/{database}` with this \
             file as CONFIG"
        ),
    ]
}

const YAML_DIRECTORY: &str = "yaml_db";
/// Accounts are nobody else's business.
const FILE_MODE: u32 = 0o600;

fn file_mode(section: &mut Section<'_>) -> u32 {
    section.optional("file_mode", value::file_mode).unwrap_or(FILE_MODE)
}

fn path(
    section: &mut Section<'_>,
    key: &'static str,
    default: &str,
    base_dir: &Path,
) -> Option<std::path::PathBuf> {
    let text = section.optional(key, value::name("a path"));
    if text.is_none() && section.has(key) {
        return None;
    }
    Some(tidy(&base_dir.join(text.as_deref().unwrap_or(default))))
}

fn sql_server(
    section: &mut Section<'_>,
    server: &SqlServer,
    base_dir: &Path,
) -> Option<(String, u32)> {
    const PARTS: [&str; 5] = ["host", "port", "database", "username", "password"];
    let given = section.optional("url", |node| database_url::read(node, server));
    let host = section.optional("host", value::name("a host"));
    let port = section.optional("port", value::number(1..=u16::MAX));
    let database =
        section.optional("database", |node| no_url(value::name("the name of the database")(node)?));
    let username = section.optional("username", value::name("the name of a user"));
    let Password(password) = password::read(section, base_dir);
    let pool_max = section.optional("pool_max", value::number(1..=POOL_LIMIT)).unwrap_or(POOL_MAX);

    if section.has("url") {
        for part in PARTS.into_iter().filter(|part| section.has(part)) {
            let message = "the URL says this already; give `url` or separate keys";
            section.error_beside(part, message, "url", "the URL");
        }
        let mut url = given?;
        if section.has("password_file") {
            if database_url::has_password(&url) {
                let message = "the URL has a password already; give one of them";
                section.error_beside("password_file", message, "url", "the URL");
            }
            database_url::set_password(&mut url, password.as_deref())?;
        }
        return Some((url.into(), pool_max));
    }
    if !section.has("database") {
        section.missing("database", "the name of the database, or a `url`");
    }
    let host = host.as_deref().unwrap_or("localhost");
    let parts = Parts {
        host,
        port,
        database: &database?,
        username: username.as_deref().unwrap_or_default(),
        password: password.as_deref(),
    };
    let url = database_url::compose(server, &parts);
    if url.is_none() {
        section.error("host", "found no host name or IP address");
    }
    Some((url?.into(), pool_max))
}

/// The name of a database, or a file, which messages show. What is meant as a URL may have a password in it.
fn no_url(database: String) -> Result<String, String> {
    match database.contains("://") {
        true => Err("found a URL, expected the name of the database".to_owned()),
        false => Ok(database),
    }
}

fn soci(section: &mut Section<'_>, base_dir: &Path) -> BackendConfig {
    let driver = section.optional(
        "driver",
        value::choice(&[("postgresql", "postgresql"), ("mysql", "mysql"), ("sqlite3", "sqlite3")]),
    );
    let database = section.optional("database", |node| no_url(value::string(node)?));
    let database = database.unwrap_or_default();
    let username = section.optional("username", value::string).unwrap_or_default();
    let address = section.optional("address", soci_address);
    // Astron's own tests write this one.
    let server = section.optional("server", soci_address);
    let Password(password) = password::read(section, base_dir);
    if section.has("address") && section.has("server") {
        let message = "this is another name of `address`; give one of them";
        section.error_beside("server", message, "address", "the other one");
    }
    let driver = driver.unwrap_or("mysql");
    let is_file = driver == "sqlite3";
    BackendConfig::Soci {
        driver: driver.to_owned(),
        database: match is_file {
            true => tidy(&base_dir.join(database)).to_string_lossy().into_owned(),
            false => database,
        },
        address: address.or(server).unwrap_or_default(),
        username,
        password: password.unwrap_or_default(),
    }
}

/// The text is not repeated: what does not belong there may be a password.
fn soci_address(node: &Found<'_>) -> Result<String, String> {
    let text = value::string(node)?;
    if text.contains(['@', '/', '?', '#', '=', ' ']) {
        return Err("found more than a host, expected `host` or `host:port`; `database`, `username` and `password` \
                    are keys of their own"
            .to_owned());
    }
    Ok(text)
}
