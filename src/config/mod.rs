//! The configuration: Astron's YAML format with additions, read into checked types.
//!
//! It knows the file's syntax and rules and has no behaviour: nothing is opened, looked up or bound
//! here. Every mistake of a file is found in one pass and reported with its line and key.

mod address;
mod diagnostic;
mod model;

pub use address::{Address, AddressError, Host};
pub use diagnostic::{ConfigErrors, Diagnostic, Position};
pub use model::*;
