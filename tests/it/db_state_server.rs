//! stateserver.md §12–14: objects that come out of a database. The test plays the database.

mod activation;
mod inactive;
pub mod stage;

use crate::harness::world::{NO_CLASS, NO_FIELD, thing, vault};
use crate::harness::*;
use stage::*;
