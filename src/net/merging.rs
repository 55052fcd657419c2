//! What may be left out of what waits for a peer that does not read.
//!
//! What is in a datagram is not known here: whoever fills the connection says which ones are values, of what, and which
//! stand between the values before them and those after them.

use std::sync::Arc;

use crate::hash::Seed;

/// What a datagram is to whoever leaves some out. The numbers mean nothing here.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Sorted {
    /// A value: of what, and which part of that. It takes the place of an older one of the same.
    Value {
        /// Of what.
        of: u64,
        /// Which of its values.
        part: u32,
    },
    /// A barrier: values of this that come before it stay, whatever comes after it.
    Barrier(u64),
    /// Something that has to be said.
    Other,
}

/// Tells what datagrams are.
pub trait Sorter: Send + Sync + std::fmt::Debug {
    /// What a datagram is.
    fn sort(&self, datagram: &[u8]) -> Sorted;
}

/// How something is left out.
#[derive(Clone, Debug)]
pub struct Merging {
    /// Who tells what datagrams are.
    pub sorter: Arc<dyn Sorter>,
    /// What tables by numbers in datagrams are hashed with.
    pub seed: Seed,
}
