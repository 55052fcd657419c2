//! What a session has for its connection.

use std::time::Instant;

use crate::role::client_agent::agent::{SessionKey, Shared};

/// What the shell has not taken yet. A session with something here is on the agent's list of those touched.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Frames for the client.
    pub bytes: Vec<u8>,
    /// How many of them are an interest's initial objects, which may exceed the client's limit.
    pub burst: usize,
    /// The connection is not to be read before then.
    pub pause_until: Option<Instant>,
}

impl Outbox {
    /// The bytes, to append frames to.
    #[inline]
    pub fn open(&mut self, shared: &mut Shared, session: SessionKey) -> &mut Vec<u8> {
        if self.bytes.is_empty() {
            self.touch(shared, session);
            if self.bytes.capacity() == 0 {
                self.bytes = shared.spare_buffer();
            }
        }
        &mut self.bytes
    }

    /// Asks the connection not to read before a time.
    pub fn pause(&mut self, shared: &mut Shared, session: SessionKey, until: Instant) {
        if self.bytes.is_empty() {
            self.touch(shared, session);
        }
        self.pause_until = Some(until);
    }

    /// Enters the session into the list, unless a pause has done so. There are no bytes yet.
    #[inline]
    fn touch(&self, shared: &mut Shared, session: SessionKey) {
        if self.pause_until.is_none() {
            shared.touched.push(session);
        }
    }
}
