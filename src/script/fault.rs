//! What has gone wrong in a script.

use std::fmt;

/// The most bytes of an error that are shown.
pub(super) const TEXT_BYTES_MAX: usize = 600;

/// An error in a script: where, and what. It is one line of bounded length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// File and line, where Lua knows them.
    pub place: Option<(String, u32)>,
    /// What is wrong there.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line)) = &self.place {
            write!(f, "{file}:{line}: ")?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}
