//! Windows, and whatever else is no Unix.

pub mod files;
pub mod process;
pub mod signals;
pub mod sockets;
pub mod terminal;

use std::io;

fn unsupported(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, format!("{what} is not there on this system"))
}
