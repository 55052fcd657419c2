//! Linux, macOS and their relatives.

pub mod files;
pub mod process;
pub mod signals;
pub mod sockets;
pub mod terminal;
mod trust;
