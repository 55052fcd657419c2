//! Messages in, effects out; time is given. The database is played by the tests.

#![allow(clippy::type_complexity, reason = "tables of cases")]

mod active;
mod hostile;
mod inactive;
mod inspect;
mod kit;
mod loading;
