//! What a client is interested in.

mod interests;

pub use interests::{Held, Interest, Interests, Operation, Query, Record};
