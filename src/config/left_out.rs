//! What this build of the program is without: large parts of it are features of the package.

use super::model::BackendConfig;

/// Whether it can use PostgreSQL, and MySQL or MariaDB.
const HAS_POSTGRES: bool = cfg!(feature = "postgres");
const HAS_MYSQL: bool = cfg!(feature = "mysql");

/// The parts that could have been left out, and whether they have been.
const FEATURES: [(&str, bool); 6] = [
    ("demo", cfg!(feature = "demo")),
    ("lua", cfg!(feature = "lua")),
    ("mongodb", cfg!(feature = "mongodb")),
    ("mysql", HAS_MYSQL),
    ("postgres", HAS_POSTGRES),
    ("top", cfg!(feature = "top")),
];

/// Those that are there.
pub fn features() -> impl Iterator<Item = &'static str> {
    FEATURES.into_iter().filter_map(|(name, is_there)| is_there.then_some(name))
}

/// Whether a backend of this `type` could be there and is not.
pub(super) fn lacks_backend(word: &str) -> bool {
    FEATURES.iter().any(|(name, is_there)| *name == word && !is_there)
}

impl BackendConfig {
    /// Why this build can do nothing with such a backend, if that is so.
    pub fn left_out(&self) -> Option<String> {
        let is_of = |name: &str| match self {
            BackendConfig::Soci { driver, .. } => driver == name,
            _ => false,
        };
        if !HAS_POSTGRES && (matches!(self, BackendConfig::Postgres { .. }) || is_of("postgresql"))
        {
            return Some(without("PostgreSQL", "postgres"));
        }
        if !HAS_MYSQL && (matches!(self, BackendConfig::MySql { .. }) || is_of("mysql")) {
            return Some(without("MySQL and MariaDB", "mysql"));
        }
        None
    }
}

/// What is said of a part that was left out.
pub fn without(what: &str, feature: &str) -> String {
    format!("this donet was built without {what} (feature `{feature}`)")
}
