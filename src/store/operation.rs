//! What a database is asked to do, and what came of it.
//!
//! These are whole operations: a backend applies each completely or not at all. They speak of
//! classes and fields by the ids of the DC files that are loaded; how those are stored is the backend's.

use std::sync::Arc;

use bytes::Bytes;

use crate::ids::{ClassId, DoId, FieldId};

/// Values by field: ascending ids, each field once, no value without bytes.
pub type Values = Vec<(FieldId, Bytes)>;

/// Which fields are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selection {
    /// All that have a value.
    All,
    /// These, ascending, each once.
    Fields(Vec<FieldId>),
}

/// One operation on one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Stores a new object under an id that the backend chooses.
    Create {
        /// Its class.
        class: ClassId,
        /// Its values, defaults included.
        values: Values,
    },
    /// Reads fields of an object.
    Get {
        /// The object.
        do_id: DoId,
        /// Which of its fields.
        selection: Selection,
    },
    /// Changes fields of an object, if all criteria hold.
    Update {
        /// The object.
        do_id: DoId,
        /// What each of these fields must be; `None` is absent. Ascending, each field once.
        criteria: Vec<(FieldId, Option<Bytes>)>,
        /// What each of these fields becomes; `None` is absent. Ascending, each field once.
        changes: Vec<(FieldId, Option<Bytes>)>,
    },
    /// Removes an object.
    Delete {
        /// The object.
        do_id: DoId,
    },
}

impl Operation {
    /// The object concerned, unless it is yet to be created.
    pub const fn do_id(&self) -> Option<DoId> {
        match self {
            Operation::Create { .. } => None,
            Operation::Get { do_id, .. }
            | Operation::Update { do_id, .. }
            | Operation::Delete { do_id } => Some(*do_id),
        }
    }

    /// What it is called in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Operation::Create { .. } => "create",
            Operation::Get { .. } => "get",
            Operation::Update { .. } => "update",
            Operation::Delete { .. } => "delete",
        }
    }

    /// Whether it can change what is stored.
    pub const fn is_write(&self) -> bool {
        !matches!(self, Operation::Get { .. })
    }

    /// Whether this and `other`, both on the same object, must run in the order of their arrival.
    pub fn depends_on(&self, other: &Operation) -> bool {
        use Operation::{Create, Delete, Get, Update};
        match (self, other) {
            (Create { .. }, _) | (_, Create { .. }) | (Get { .. }, Get { .. }) => false,
            (Delete { .. }, _) | (_, Delete { .. }) => true,
            (Get { selection, .. }, Update { changes, .. })
            | (Update { changes, .. }, Get { selection, .. }) => match selection {
                Selection::All => true,
                Selection::Fields(fields) => {
                    share(fields.iter(), changes.iter().map(|(field, _)| field))
                }
            },
            (
                Update { criteria: own_criteria, changes: own_changes, .. },
                Update { criteria, changes, .. },
            ) => {
                let ids = |list: &'_ Vec<(FieldId, Option<Bytes>)>| -> Vec<FieldId> {
                    list.iter().map(|(field, _)| *field).collect()
                };
                let (own, other) = (ids(own_changes), ids(changes));
                share(own.iter(), other.iter())
                    || share(own.iter(), ids(criteria).iter())
                    || share(ids(own_criteria).iter(), other.iter())
            }
        }
    }

    /// Bytes that the operation takes while it waits, roughly.
    pub fn bytes(&self) -> usize {
        const ENTRY_BYTES: usize = 48;
        let values = |list: &[(FieldId, Option<Bytes>)]| -> usize {
            let value = |entry: &(FieldId, Option<Bytes>)| entry.1.as_ref().map_or(0, Bytes::len);
            list.iter().map(|entry| ENTRY_BYTES + value(entry)).sum()
        };
        size_of::<Self>()
            + match self {
                Operation::Create { values, .. } => {
                    values.iter().map(|(_, value)| ENTRY_BYTES + value.len()).sum()
                }
                Operation::Get { selection, .. } => match selection {
                    Selection::All => 0,
                    Selection::Fields(fields) => size_of_val(fields.as_slice()),
                },
                Operation::Update { criteria, changes, .. } => values(criteria) + values(changes),
                Operation::Delete { .. } => 0,
            }
    }
}

/// Whether two ascending sequences have an element in common.
fn share<'a>(
    left: impl Iterator<Item = &'a FieldId>,
    right: impl Iterator<Item = &'a FieldId>,
) -> bool {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    while let (Some(l), Some(r)) = (left.peek(), right.peek()) {
        match l.cmp(r) {
            std::cmp::Ordering::Less => drop(left.next()),
            std::cmp::Ordering::Greater => drop(right.next()),
            std::cmp::Ordering::Equal => return true,
        }
    }
    false
}

/// What came of an operation. Everything in it is durable when it is reported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Create: the new object's id.
    Created(DoId),
    /// Create: there is no id left to give.
    Exhausted,
    /// Get: the class and those of the fields that have a value, if it can be read.
    Object {
        /// The object's class.
        class: ClassId,
        /// The values.
        values: Values,
    },
    /// Update: the changes are made.
    Updated,
    /// Update: some criterion does not hold. The values of all fields in the criteria that have one that can be read.
    Mismatch(Values),
    /// Delete: the object is gone.
    Deleted,
    /// There is no such object.
    Absent,
    /// The object is there, but this cannot be done with it.
    Refused(Refusal),
    /// The store could not do it. Nothing is changed, unless the reason says that this is not known.
    Failed(Failure),
}

impl Outcome {
    /// What it comes to, in a word.
    pub const fn result(&self) -> &'static str {
        match self {
            Outcome::Created(_) | Outcome::Object { .. } | Outcome::Updated | Outcome::Deleted => {
                "ok"
            }
            Outcome::Mismatch(_) => "mismatch",
            Outcome::Absent => "absent",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(Failure::TimedOut) => "timeout",
            Outcome::Exhausted | Outcome::Failed(_) => "failed",
        }
    }
}

/// Why an operation cannot be done with an object that is there.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The DC files have no class of the name under which it is stored.
    #[error("its class `{0}` is not in the DC files")]
    UnknownClass(Arc<str>),
    /// A field belongs to another class.
    #[error("field {} does not belong to its class", .field.0)]
    ForeignField {
        /// The field.
        field: FieldId,
    },
    /// The object is stored in a form that cannot be read at all.
    #[error("the stored object cannot be read: {0}")]
    Broken(Arc<str>),
}

/// Why the store could not do an operation.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Failure {
    /// It waited too long before it was its turn.
    #[error("timed out")]
    TimedOut,
    /// The store reported an error; nothing was changed.
    #[error("{0}")]
    Store(Arc<str>),
    /// The connection was lost while the change was being committed.
    #[error("{0}; whether the change was stored is not known")]
    Unknown(Arc<str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(fields: &[u16]) -> Operation {
        Operation::Get {
            do_id: DoId(1),
            selection: Selection::Fields(fields.iter().copied().map(FieldId).collect()),
        }
    }

    fn update(criteria: &[u16], changes: &[u16]) -> Operation {
        let list = |ids: &[u16]| ids.iter().map(|id| (FieldId(*id), None)).collect();
        Operation::Update { do_id: DoId(1), criteria: list(criteria), changes: list(changes) }
    }

    #[test]
    fn which_operations_depend_on_each_other() {
        let all = Operation::Get { do_id: DoId(1), selection: Selection::All };
        let delete = Operation::Delete { do_id: DoId(1) };
        let cases = [
            (&all, &get(&[1]), false),
            (&all, &update(&[], &[1]), true),
            (&get(&[1, 3]), &update(&[], &[2, 4]), false),
            (&get(&[1, 3]), &update(&[], &[2, 3]), true),
            (&get(&[1]), &update(&[1], &[2]), false),
            (&update(&[], &[1]), &update(&[], &[2]), false),
            (&update(&[], &[1, 2]), &update(&[], &[2]), true),
            (&update(&[], &[1]), &update(&[1], &[2]), true),
            (&update(&[1], &[2]), &update(&[1], &[3]), false),
            (&update(&[3], &[2]), &update(&[1], &[3]), true),
            (&delete, &all, true),
            (&delete, &get(&[1]), true),
            (&delete, &update(&[], &[1]), true),
            (&delete, &delete, true),
        ];
        for (left, right, expected) in cases {
            assert_eq!(left.depends_on(right), expected, "{left:?} {right:?}");
            assert_eq!(right.depends_on(left), expected, "{right:?} {left:?}");
        }
    }
}
