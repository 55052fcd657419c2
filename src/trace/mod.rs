//! Datagrams as people read them: names and values, by the message table and a DC file; and back.
//!
//! Nothing here routes. [`decode`] takes any bytes, shows what it can understand of them and the rest as hexadecimal digits, and
//! [`compose`] makes a datagram of what [`Decoded`] says. [`Filter`] says which datagrams somebody wants to see. [`record`] is how
//! datagrams are handed on and kept, with when and from whom they came.
//!
//! It knows no sockets and no router: the router hands it frames, and it says what is in them.

mod compose;
mod decode;
pub mod file;
mod filter;
mod json;
mod names;
pub mod record;
mod ring;
mod text;
mod value;

pub use compose::{ComposeError, compose, compose_client};
pub use decode::{Decoded, Speech, decode, is_secret};
pub use file::Schema;
pub use filter::{Filter, Wanted};
pub use json::{json, time};
pub use names::Names;
pub use ring::{Kept, Ring};
pub use text::readable;
pub use value::Value;

#[cfg(test)]
mod tests;
