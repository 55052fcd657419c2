//! Bytes that a socket has not taken yet.

use std::io;

/// Memory that an empty queue keeps.
const KEPT_BYTES: usize = 64 * 1024;

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

    /// Writes with `write` until everything is gone or it would block; how many bytes it took.
    ///
    /// # Errors
    /// What `write` returns, but [`io::ErrorKind::WouldBlock`]. `WriteZero` if it takes nothing.
    pub fn write_with(
        &mut self,
        mut write: impl FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut total = 0;
        while self.written < self.bytes.len() {
            match write(&self.bytes[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.written += count;
                    total += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(total),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.clear();
        Ok(total)
    }

    /// Forgets what has not been written.
    pub fn clear(&mut self) {
        self.written = 0;
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
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
    }
}
