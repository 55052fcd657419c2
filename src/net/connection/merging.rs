//! A connection whose peer does not read, where older values may be left out.
//!
//! As long as the stream takes everything there is nothing of it. When it does not, what is left goes into a
//! [`Sieve`], and so does what comes from then on: it is pushed to the queue as always, and sorted in where the queue
//! would be judged or written. So what is in the queue comes after what is in the sieve, which is there until it is empty.

#[cfg(test)]
mod tests;

use super::{Connection, State};
use crate::net::{Policy, Sieve, Stream, WriteQueue};
use crate::wire::Framing;

impl<S: Stream> Connection<S> {
    /// From now on all that is pushed are whole datagrams in this framing, so that some can be left out if the policy has it.
    /// What waits already may be something else: then none ever is.
    pub fn speaks(&self, framing: Framing) {
        let mut state = self.state.lock();
        if self.policy.merging.is_some() && state.waiting() == 0 {
            state.framing = Some(framing);
            self.stream.keep_little_unsent();
        }
    }
}

impl State {
    fn begin_sieve(&mut self, policy: &Policy) -> Option<&mut Box<Sieve>> {
        if self.sieve.is_none() {
            let (framing, merging) = (self.framing?, policy.merging.clone()?);
            self.sieve = Some(Box::new(Sieve::new(framing, merging)));
        }
        self.sieve.as_mut()
    }

    /// Leaves out what need not be said any more. The stream is full.
    pub(super) fn sort(&mut self, policy: &Policy) {
        if self.framing.is_none() {
            return;
        }
        let queue = std::mem::replace(&mut self.queue, WriteQueue::of_frames());
        self.queue = match self.begin_sieve(policy) {
            Some(sieve) => sieve.take_in(queue),
            None => queue,
        };
    }

    /// What is to be written next.
    pub(super) fn take_in_hand(&mut self) -> WriteQueue {
        let queue = std::mem::replace(&mut self.queue, WriteQueue::of_frames());
        match &mut self.sieve {
            None => queue,
            Some(sieve) => {
                let emptied = sieve.take_in(queue);
                sieve.next_portion(emptied.into_buffer())
            }
        }
    }

    /// Keeps what could not be written, and what has been pushed meanwhile. Buffers that are not needed are left.
    pub(super) fn keep_in_sieve(&mut self, in_hand: &mut WriteQueue, policy: &Policy) {
        if self.sieve.is_none() && !in_hand.is_empty() {
            // All of it was pushed since nothing waited, so that it begins with a whole datagram.
            if let Some(sieve) = self.begin_sieve(policy) {
                sieve.take_unbegun(in_hand);
            }
        }
        let Some(sieve) = &mut self.sieve else { return };
        let queue = std::mem::replace(&mut self.queue, WriteQueue::of_frames());
        let emptied = sieve.take_in(queue);
        if !in_hand.is_empty() {
            sieve.begun = std::mem::replace(in_hand, emptied);
        } else if sieve.is_empty() && !self.full {
            self.sieve = None;
        }
    }
}
