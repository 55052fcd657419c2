//! Sockets of the system. There are none by which a command could reach a daemon: the types stand for what is never made.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use super::unsupported;
use crate::platform::PassedSocket;

/// Where commands would come to.
pub type Commands = tokio::net::TcpListener;
/// Whoever would give one, as the daemon sees him.
pub type Commander = tokio::net::TcpStream;
/// The daemon, as he would see it.
pub type Commanded = std::net::TcpStream;

/// What there would have to be.
const WHAT: &str = "the Unix socket by which commands reach a daemon";

/// # Errors
/// Always.
pub fn bind(_: &Path) -> io::Result<(Commands, (u64, u64))> {
    Err(unsupported(WHAT))
}

/// Nobody is.
pub const fn is_trusted(_: &Commander) -> bool {
    false
}

/// # Errors
/// Always.
pub fn connect(_: &Path) -> io::Result<Commanded> {
    Err(unsupported(WHAT))
}

/// # Errors
/// Always.
pub fn owner(_: &Commanded) -> io::Result<u32> {
    Err(unsupported(WHAT))
}

/// # Errors
/// None.
pub const fn is_in_safe_place(_: &Path, _owner: u32) -> io::Result<bool> {
    Ok(false)
}

/// A service manager that is told something. None is.
#[derive(Debug)]
pub enum Messenger {}

impl Messenger {
    /// # Errors
    /// Always.
    pub fn to(_: &OsStr) -> io::Result<Self> {
        Err(unsupported("a service manager of this kind"))
    }

    /// # Errors
    /// None.
    pub const fn say(&self, _text: &str) -> io::Result<()> {
        match *self {}
    }
}

/// Nobody passes sockets on.
pub const fn passed() -> Vec<(usize, PassedSocket)> {
    Vec::new()
}
