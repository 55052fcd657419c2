//! Messages in, effects out; time is given. The database is played by the tests.

mod active;
mod hostile;
mod inactive;
mod kit;
mod loading;
