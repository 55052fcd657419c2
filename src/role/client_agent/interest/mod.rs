//! What a client is interested in, and what has been asked for it: the data.
//!
//! Three things are kept apart:
//! - An **interest** is what the client wants: zones of a parent. Zones may be in several.
//! - A **query** is what the cluster was asked: the objects in zones that no interest had covered
//!   before. It belongs to no interest; each zone is asked for once however many interests cover it.
//!   How far it is its [`Phase`] says.
//! - An **operation** is what somebody waits for: an interest was opened or altered, and is done when
//!   all queries for its zones are. There is at most one for an interest.
//!
//! An object that has been found while a query is open is **pending**: it is held by the query, with
//! all that happens to it meanwhile, until the query is finished. Whether it is still there is decided
//! when something happens to it and not at the end, when the interests may be others.

mod found;
mod group;
mod held_back;
mod interests;
mod key;
mod operation;
mod pending;
mod query;

pub use found::{Found, Shared};
pub use group::Group;
pub use interests::{Emptied, Interests};
pub use key::InterestKey;
pub use operation::{Asked, Interest, Operation};
pub use query::{Answers, Held, Holding, Phase, Query, Record};
