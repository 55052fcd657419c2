//! What can be wrong with a value.

use crate::schema::Field;
use std::fmt;
use thiserror::Error;

/// Why bytes are not a value of a field. Paths name the field, then the parameter, then what is
/// within: `setBlocks.blocks[3].x`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The bytes end before the value does.
    #[error("{path}: value ends too early, {missing} more bytes needed at offset {offset}")]
    Truncated {
        /// What was being read.
        path: String,
        /// Where in the bytes it begins.
        offset: usize,
        /// How many bytes more it needs, at least.
        missing: usize,
    },
    /// The value is not one that the declaration allows.
    #[error("{path}: {reason} (at offset {offset})")]
    Constraint {
        /// What is wrong.
        path: String,
        /// Where in the bytes it begins.
        offset: usize,
        /// Which value it has, and which it may have.
        reason: String,
    },
    /// A length tag does not agree with what it encloses.
    #[error("{path}: length tag of {length} bytes does not fit the elements (at offset {offset})")]
    Malformed {
        /// The array.
        path: String,
        /// Where in the bytes the element begins that does not fit.
        offset: usize,
        /// What the length tag says.
        length: usize,
    },
    /// More bytes follow the value.
    #[error("{field}: {extra} bytes too many from offset {offset} on")]
    Trailing {
        /// The field's name.
        field: String,
        /// Where the value ends.
        offset: usize,
        /// How many bytes follow.
        extra: usize,
    },
}

impl ValueError {
    /// Whether more bytes could mend it.
    pub fn is_truncated(&self) -> bool {
        matches!(self, ValueError::Truncated { .. })
    }

    /// What is wrong, for those who have never seen the bytes.
    pub(crate) fn without_offset(&self) -> String {
        match self {
            ValueError::Constraint { path, reason, .. } => format!("{path}: {reason}"),
            error => error.to_string(),
        }
    }

    /// Where in the bytes the trouble begins.
    pub fn offset(&self) -> usize {
        match self {
            ValueError::Truncated { offset, .. }
            | ValueError::Constraint { offset, .. }
            | ValueError::Malformed { offset, .. }
            | ValueError::Trailing { offset, .. } => *offset,
        }
    }
}

/// Why a text is not a value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message} (at offset {offset} of the text)")]
pub struct TextError {
    /// What is wrong.
    pub message: String,
    /// Where in the text.
    pub offset: usize,
}

/// What went wrong deep inside of a value. It is made only when something did, so it may allocate.
#[derive(Debug)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    pub at: usize,
    /// From the inside to the outside.
    path: Vec<Step>,
}

#[derive(Debug)]
pub(crate) enum FaultKind {
    Truncated { missing: usize },
    Constraint(String),
    Malformed { length: usize },
}

/// One step from the field towards the fault.
#[derive(Debug)]
pub(crate) enum Step {
    Name(String),
    /// A part without a name.
    Position(usize),
    Index(usize),
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, at: usize) -> Box<Fault> {
        Box::new(Fault { kind, at, path: Vec::new() })
    }

    /// The fault of an array's element: if bytes are missing, the message may have them, but they
    /// are not the array's.
    pub(crate) fn as_malformed(mut self: Box<Self>, length: usize) -> Box<Fault> {
        if let FaultKind::Truncated { .. } = self.kind {
            self.kind = FaultKind::Malformed { length };
        }
        self
    }

    pub(crate) fn within(mut self: Box<Self>, step: Step) -> Box<Fault> {
        self.path.push(step);
        self
    }

    pub(crate) fn within_part(self: Box<Self>, name: &str, position: usize) -> Box<Fault> {
        self.within(match name {
            "" => Step::Position(position),
            name => Step::Name(name.to_owned()),
        })
    }

    pub(crate) fn into_error(self, field: &Field) -> ValueError {
        let mut path = field.name().to_owned();
        for step in self.path.iter().rev() {
            path.push_str(&step.to_string());
        }
        let offset = self.at;
        match self.kind {
            FaultKind::Truncated { missing } => ValueError::Truncated { path, offset, missing },
            FaultKind::Constraint(reason) => ValueError::Constraint { path, offset, reason },
            FaultKind::Malformed { length } => ValueError::Malformed { path, offset, length },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::Truncated { missing } => write!(f, "{missing} bytes are missing"),
            FaultKind::Constraint(reason) => f.write_str(reason),
            FaultKind::Malformed { .. } => f.write_str("a length tag does not fit the elements"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Name(name) => write!(f, ".{name}"),
            Step::Position(position) => write!(f, ".{position}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}
