//! Messages in, effects out. The rows of each table name the rule that they check.

mod authority;
mod fields;
mod hostile;
mod kit;
mod life;
mod location;
mod model;
mod zones;
