//! A terminal at which a password is typed.

use std::io;

/// A terminal that shows nothing. There is none.
#[derive(Debug)]
pub struct Dark;

impl Dark {
    /// # Errors
    /// Always: the password would be seen.
    pub fn new() -> io::Result<Self> {
        let what = "hiding what is typed (give the password on standard input)";
        Err(super::unsupported(what))
    }
}
