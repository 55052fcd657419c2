//! Emptied buffers on their way back to whoever fills them.

use parking_lot::Mutex;

/// How many are kept.
const COUNT_MAX: usize = 1024;
/// The largest that is kept.
const BYTES_MAX: usize = 128 * 1024;

/// Buffers that connections have written and no longer need. Whoever fills connections takes them, so that a
/// connection that waits has none, and one that is busy costs no allocation.
#[derive(Debug, Default)]
pub struct Spares {
    buffers: Mutex<Vec<Vec<u8>>>,
}

impl Spares {
    /// Gives a buffer back, whatever is in it.
    pub fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() == 0 || buffer.capacity() > BYTES_MAX {
            return;
        }
        buffer.clear();
        let mut buffers = self.buffers.lock();
        if buffers.len() < COUNT_MAX {
            buffers.push(buffer);
        }
    }

    /// Moves all that there are to the end of `into`, which gets no more than are kept.
    pub fn take(&self, into: &mut Vec<Vec<u8>>) {
        into.append(&mut self.buffers.lock());
        into.truncate(COUNT_MAX);
    }
}
