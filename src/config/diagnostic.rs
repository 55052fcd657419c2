//! All that is wrong with a configuration file, said so that its author can mend it.

use std::fmt;

use thiserror::Error;

use crate::finding::Finding;

/// All that is wrong with a configuration file, and what is odd in it: at least one error, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub struct ConfigErrors(pub Vec<Finding>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, finding) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}
