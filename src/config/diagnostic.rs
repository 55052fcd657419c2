//! What is wrong with a configuration file, said so that its author can mend it.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

pub use crate::yaml::Position;

/// One thing that is wrong with a configuration file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The file.
    pub file: PathBuf,
    /// Where in the file; `None` where the file as a whole is meant.
    pub position: Option<Position>,
    /// The key that is concerned, from the root, e.g. `roles[1].channels.min`; empty for the root.
    pub key: String,
    /// What is wrong, what was found, and what would be right.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

/// All that is wrong with a configuration file: never empty, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct ConfigErrors(pub Vec<Diagnostic>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}
