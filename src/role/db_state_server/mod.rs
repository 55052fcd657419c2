//! The database-state server: objects that live in a database and are in memory while they are needed.
//!
//! | Listens on | for |
//! |---|---|
//! | its configured ranges of doIds | activation; questions about, and updates of, stored objects; answers of the database |
//! | the doIds and children channels of its active objects | as in a state server ([`crate::object`]) |
//!
//! A doId is **inactive**, **loading** or **active**. For an inactive one this role answers from the
//! database. For a loading one everything waits until the database has answered. An active one is an
//! object that answers for itself; the role then still writes its `db` fields to the database, so that
//! both handle the same message.
//!
//! # Parts
//! `core` decides how far an object is and what a message is then for: the active object itself, `loading`,
//! `queries` about an inactive one, `updates` of what is stored. These do not know each other, nor
//! `core`; what they share is `link`, the way to the database, and `stored`, what its answers mean.
//!
//! # Queues
//! - Messages to a loading object: filled as they arrive, replayed to the object and then to the role
//!   when the load ends, which it does at the latest after `load_timeout_ms`.
//! - Questions to the database: until the answer, or as long.

mod core;
mod link;
mod loading;
mod queries;
mod shell;
mod stored;
mod updates;

pub use core::DbStateServer;
pub use shell::start;

#[cfg(test)]
mod tests;
