//! Bytes that a socket has not taken yet.

use std::io;

/// A buffer of outgoing bytes: appended to at the end, written from the front.
///
/// Whatever has gathered goes out with one system call. Frames are at most 64 KiB, so that copying
/// them together is cheaper than a list of them.
#[derive(Debug, Default)]
pub struct WriteQueue {
    bytes: Vec<u8>,
    /// How many of `bytes` the socket has already.
    written: usize,
}

impl WriteQueue {
    /// Appends bytes.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        let full = self.bytes.len() + bytes.len() > self.bytes.capacity();
        if full && self.written > self.bytes.len() / 2 {
            // Room at the front is cheaper than a larger buffer.
            self.bytes.drain(..self.written);
            self.written = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends all of `bytes`, and leaves another buffer there. They are not copied if nothing waits before
    /// them.
    #[inline]
    pub fn take(&mut self, bytes: &mut Vec<u8>) {
        if self.is_empty() {
            self.clear();
            std::mem::swap(&mut self.bytes, bytes);
        } else {
            self.push(bytes);
            bytes.clear();
        }
    }

    /// Puts what waits here before what waits in `later`, and leaves nothing here.
    pub fn put_before(&mut self, later: &mut WriteQueue) {
        if self.is_empty() {
            return;
        }
        self.push(later.waiting());
        std::mem::swap(self, later);
        self.clear();
    }

    /// Bytes that the socket has not taken.
    #[inline]
    pub const fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Whether the socket has taken everything.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that the queue holds.
    #[inline]
    pub const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Writes with `write` until everything is gone or it would block.
    ///
    /// # Errors
    /// What `write` returns, but [`io::ErrorKind::WouldBlock`]. `WriteZero` if it takes nothing.
    pub fn write_with(
        &mut self,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        while !self.is_empty() {
            match write(self.waiting()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.clear();
        Ok(())
    }

    /// Forgets what has not been written.
    pub fn clear(&mut self) {
        self.written = 0;
        self.bytes.clear();
    }

    /// The memory, for somebody else.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    fn waiting(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_the_socket_takes_at_a_time_the_bytes_come_in_order(
            pushes in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), 0usize..60), 0..40),
        ) {
            let mut queue = WriteQueue::default();
            let (mut expected, mut taken) = (Vec::new(), Vec::new());
            for (bytes, room) in &pushes {
                queue.push(bytes);
                expected.extend_from_slice(bytes);
                let mut room = *room;
                queue
                    .write_with(|bytes| {
                        let count = bytes.len().min(room);
                        if count == 0 {
                            return Err(io::ErrorKind::WouldBlock.into());
                        }
                        taken.extend_from_slice(&bytes[..count]);
                        room -= count;
                        Ok(count)
                    })
                    .expect("only blocks");
                prop_assert_eq!(taken.len() + queue.len(), expected.len());
            }
            queue.write_with(|bytes| {
                taken.extend_from_slice(bytes);
                Ok(bytes.len())
            }).expect("takes all");
            prop_assert!(queue.is_empty());
            prop_assert_eq!(taken, expected);
        }

        #[test]
        fn what_could_not_be_written_goes_before_what_has_come_since(
            first in prop::collection::vec(any::<u8>(), 0..50),
            later in prop::collection::vec(any::<u8>(), 0..50),
            room in 0usize..60,
        ) {
            let mut queue = WriteQueue::default();
            let mut buffer = first.clone();
            queue.take(&mut buffer);
            prop_assert!(buffer.is_empty());
            let mut in_hand = std::mem::take(&mut queue);
            let mut room = Some(room);
            let mut taken = Vec::new();
            in_hand.write_with(|bytes| {
                let count = room.take().unwrap_or_default().min(bytes.len());
                if count == 0 {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                taken.extend_from_slice(&bytes[..count]);
                Ok(count)
            }).expect("only blocks");
            queue.take(&mut later.clone());
            in_hand.put_before(&mut queue);
            prop_assert_eq!(taken.len() + queue.len(), first.len() + later.len());
            prop_assert!(in_hand.is_empty());
            taken.extend_from_slice(queue.waiting());
            prop_assert_eq!(taken, [first, later].concat());
        }
    }
}
