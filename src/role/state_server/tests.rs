//! Messages in, effects out. The rows of each table name the rule that they check.

#![allow(clippy::type_complexity, reason = "tables of cases")]

mod alike;
mod authority;
mod comparing;
mod fields;
mod hostile;
mod inspect;
mod kit;
mod life;
mod location;
mod model;
mod slices;
mod zones;
