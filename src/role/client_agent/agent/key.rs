//! How sessions are known.

/// Place of a session in the core's table.
pub type SessionIndex = u32;

/// A session's place in the core. A place that is used again has another key.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionKey {
    pub(in crate::role::client_agent) index: SessionIndex,
    pub(in crate::role::client_agent) generation: u32,
}

impl SessionKey {
    /// A small number that no other session has at the same time.
    pub fn place(self) -> usize {
        self.index as usize
    }
}
