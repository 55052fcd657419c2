//! Bytes that a socket has not taken yet.

use std::collections::VecDeque;
use std::io;

use crate::metrics;
use crate::wire::Frames;

/// More than this is not copied to another place: what comes then gets a buffer of its own.
const BUFFER_MAX: usize = 1 << 20;
/// A buffer that is worth being kept apart instead of being copied.
const APART_MIN: usize = 64 * 1024;

/// A buffer of outgoing bytes: appended to at the end, written from the front.
///
/// Whatever has gathered goes out with one system call. Frames are at most 64 KiB, so that copying
/// them together is cheaper than a list of them. Only where very much waits there is one, of large buffers: whoever
/// appends holds the router.
#[derive(Debug, Default)]
pub struct WriteQueue {
    bytes: Vec<u8>,
    /// How many of `bytes` the socket has already.
    written: usize,
    /// Buffers that come after `bytes`, none of them empty.
    later: VecDeque<Vec<u8>>,
    later_bytes: usize,
    /// What is unsent can be taken back as whole frames: the beginning of a frame stays until all of it is sent.
    /// Whoever pushes pushes whole frames.
    keeps_frames: bool,
}

impl WriteQueue {
    /// A queue of frames with 2-byte tags, which can be taken back: [`WriteQueue::into_frames`].
    pub fn of_frames() -> Self {
        WriteQueue { keeps_frames: true, ..WriteQueue::default() }
    }

    /// Appends bytes.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        if self.bytes.len() + bytes.len() > self.bytes.capacity() {
            self.push_slowly(bytes);
        } else if self.later.is_empty() {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.push_later(bytes);
        }
    }

    /// There is no room for it.
    fn push_slowly(&mut self, bytes: &[u8]) {
        if !self.later.is_empty() || self.len() > BUFFER_MAX {
            self.push_later(bytes);
            return;
        }
        if self.written > self.bytes.len() / 2 {
            // Room at the front is cheaper than a larger buffer.
            self.forget_written();
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn push_later(&mut self, bytes: &[u8]) {
        self.later_bytes += bytes.len();
        match self.later.back_mut() {
            Some(last) if last.len() < BUFFER_MAX => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.later.push_back(bytes.to_vec()),
        }
    }

    /// Appends all of `bytes`, and leaves another buffer there. They are not copied if nothing waits before
    /// them, or if they are many.
    #[inline]
    pub fn take(&mut self, bytes: &mut Vec<u8>) {
        if self.is_empty() {
            self.clear();
            std::mem::swap(&mut self.bytes, bytes);
        } else if bytes.len() >= APART_MIN {
            self.later_bytes += bytes.len();
            self.later.push_back(std::mem::take(bytes));
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
        if later.written > 0 {
            self.push(later.waiting());
        } else {
            self.take(&mut later.bytes);
        }
        self.later.append(&mut later.later);
        self.later_bytes += later.later_bytes;
        std::mem::swap(self, later);
        self.clear();
    }

    /// Hands on all that the socket has nothing of yet, in whole frames, and keeps the rest; `next` finds in bytes that begin
    /// with a whole frame the first that is not before a place.
    pub fn hand_over_unbegun(
        &mut self,
        next: impl FnOnce(&[u8], usize) -> usize,
        mut take: impl FnMut(&[u8]),
    ) {
        let end = if self.written == 0 { 0 } else { next(&self.bytes, self.written) };
        take(&self.bytes[end..]);
        self.bytes.truncate(end);
        self.later.drain(..).for_each(|bytes| take(&bytes));
        self.later_bytes = 0;
    }

    /// Bytes that the socket has not taken.
    #[inline]
    pub const fn len(&self) -> usize {
        self.bytes.len() - self.written + self.later_bytes
    }

    /// Whether the socket has taken everything.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that the queue holds.
    #[inline]
    pub const fn capacity(&self) -> usize {
        self.bytes.capacity() + self.later_bytes
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
            if self.waiting().is_empty() {
                self.next_buffer();
            }
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
        if self.later_bytes > 0 {
            self.later.clear();
            self.later_bytes = 0;
        }
    }

    /// The frames that the socket has not taken whole, in order: one of which it has a part is the first.
    pub fn into_frames(mut self) -> impl Iterator<Item = Vec<u8>> {
        debug_assert!(self.keeps_frames, "the beginning of a frame may be gone");
        self.forget_written();
        std::iter::once(self.bytes).chain(self.later)
    }

    /// How many datagrams the socket has not taken whole, if they have 2-byte tags; of others there may be more.
    pub fn frame_count(&self) -> u64 {
        let gone = Frames::whole_bytes(&self.bytes[..self.written]);
        let first = &self.bytes[gone..];
        let buffers = std::iter::once(first).chain(self.later.iter().map(Vec::as_slice));
        buffers
            .map(|bytes| {
                let whole = Frames::whole_bytes(bytes);
                Frames::new(&bytes[..whole]).count() as u64
            })
            .sum()
    }

    /// Counts what is in it, since nobody gets it any more.
    #[cold]
    pub fn is_thrown_away(&self, is_link: bool) {
        let reason = if is_link { "slow_link" } else { "client" };
        metrics::DROPPED.add(&[reason], self.frame_count());
        metrics::DROPPED_BYTES.add(&[reason], self.len() as u64);
    }

    /// Forgets what the socket has; of a frame that must be kept whole, nothing.
    fn forget_written(&mut self) {
        let written = &self.bytes[..self.written];
        let gone = if self.keeps_frames { Frames::whole_bytes(written) } else { written.len() };
        self.bytes.drain(..gone);
        self.written -= gone;
    }

    /// The memory, for somebody else.
    pub fn into_buffer(self) -> Vec<u8> {
        self.bytes
    }

    fn next_buffer(&mut self) {
        if let Some(next) = self.later.pop_front() {
            self.later_bytes -= next.len();
            self.bytes = next;
            self.written = 0;
        }
    }

    /// What is written next: there may be more after it.
    fn waiting(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::write_frame;

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
        fn much_is_not_moved_and_comes_in_order(
            steps in prop::collection::vec((0usize..200_000, any::<bool>(), 0usize..3_000_000), 1..40),
        ) {
            let (mut queue, mut in_hand) = (WriteQueue::default(), WriteQueue::default());
            let (mut expected, mut taken) = (Vec::new(), Vec::new());
            for (number, (length, is_taken, mut room)) in steps.into_iter().enumerate() {
                let mut bytes: Vec<u8> = (0..length).map(|at| (at + number) as u8).collect();
                expected.extend_from_slice(&bytes);
                match is_taken {
                    true => queue.take(&mut bytes),
                    false => queue.push(&bytes),
                }
                let most = queue.later.iter().chain([&queue.bytes]).map(Vec::len).max();
                prop_assert!(most < Some(BUFFER_MAX + 400_000), "{:?} in a buffer", most);
                // What cannot be written is put back, as a connection does it.
                queue.put_before(&mut in_hand);
                in_hand.write_with(|bytes| {
                    let count = bytes.len().min(room);
                    room -= count;
                    taken.extend_from_slice(&bytes[..count]);
                    if count == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(count) }
                }).expect("only blocks");
                in_hand.put_before(&mut queue);
                prop_assert_eq!(taken.len() + queue.len(), expected.len());
                prop_assert_eq!(in_hand.len(), 0);
            }
            queue.write_with(|bytes| {
                taken.extend_from_slice(bytes);
                Ok(bytes.len())
            }).expect("takes all");
            prop_assert!(taken == expected);
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
            queue.write_with(|bytes| {
                taken.extend_from_slice(bytes);
                Ok(bytes.len())
            }).expect("takes all");
            prop_assert_eq!(taken, [first, later].concat());
        }

        #[test]
        fn what_is_taken_back_are_the_frames_that_have_not_gone_out_whole(
            rounds in prop::collection::vec((0usize..40, 0usize..100, any::<bool>()), 1..60),
        ) {
            let mut queue = WriteQueue::of_frames();
            let (mut pushed, mut taken) = (Vec::new(), 0);
            for (length, room, is_large) in rounds {
                let mut frames = Vec::new();
                for _ in 0..if is_large { 2000 } else { 1 } {
                    write_frame(&mut frames, |writer| writer.raw(&vec![7; length])).expect("small");
                }
                pushed.extend_from_slice(&frames);
                queue.take(&mut frames);
                let mut in_hand = std::mem::replace(&mut queue, WriteQueue::of_frames());
                let mut room = Some(if is_large { room * 1000 } else { room });
                in_hand.write_with(|bytes| {
                    let count = room.take().unwrap_or_default().min(bytes.len());
                    if count == 0 {
                        return Err(io::ErrorKind::WouldBlock.into());
                    }
                    taken += count;
                    Ok(count)
                }).expect("only blocks");
                in_hand.put_before(&mut queue);
            }
            let whole = Frames::whole_bytes(&pushed[..taken]);
            let left = Frames::new(&pushed[whole..]).count();
            prop_assert_eq!(queue.frame_count(), left as u64);
            prop_assert_eq!(queue.into_frames().collect::<Vec<_>>().concat(), &pushed[whole..]);
        }
    }
}
