//! What a session has for its connection.

use super::Identity;
use crate::role::client_agent::agent::Shared;

/// What the shell has not taken yet. A session with something here is on the agent's list of those touched.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Frames for the client.
    pub bytes: Vec<u8>,
    /// How many of them are an interest's initial objects, which have a limit of their own.
    pub burst: usize,
}

impl Outbox {
    /// The bytes, to append frames to.
    #[inline]
    pub fn open(&mut self, shared: &mut Shared, of: &Identity) -> &mut Vec<u8> {
        if self.bytes.is_empty() {
            self.begin(shared, of);
        }
        &mut self.bytes
    }

    /// Once for many frames: what is done for each of them stays small enough to stand where it is used.
    #[inline(never)]
    fn begin(&mut self, shared: &mut Shared, of: &Identity) {
        shared.touched.push_back(of.key);
        if self.bytes.capacity() == 0 {
            self.bytes = shared.spare_buffer();
        }
        of.framing.begin(&mut self.bytes);
    }
}
