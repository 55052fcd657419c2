//! Where events are put: a queue for the whole process, which a [`Courier`] empties.
//!
//! Whoever has an event may be routing, with the router locked, where no system call is made. So sending is only putting
//! it into the queue.
//!
//! Queue: filled by roles and links, emptied by the courier, [`QUEUE_BYTES_MAX`] long. When it is full, events are lost;
//! they are counted, and the courier says so.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Courier, Event};
use crate::config::Address;

/// What waits to be sent at most, with what each packet takes beside its bytes.
const QUEUE_BYTES_MAX: usize = 1 << 20;

/// A handle to the event logger. Clones share one queue.
#[derive(Clone, Debug)]
pub struct EventSender {
    /// `None` if there is no event logger: what is sent is dropped.
    queue: Option<Arc<Queue>>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct State {
    packets: Packets,
    /// Packets that found no room.
    lost: u64,
}

/// Packets one after the other.
#[derive(Debug, Default)]
pub(super) struct Packets {
    bytes: Vec<u8>,
    lengths: Vec<usize>,
}

impl EventSender {
    /// A sender that drops everything, for when no event logger is configured.
    pub const fn disabled() -> Self {
        EventSender { queue: None }
    }

    /// A sender to the event logger at `address`. Nothing is sent unless the courier runs.
    ///
    /// # Errors
    /// Fails when the address cannot be resolved, or no socket can be had.
    pub async fn open(address: &Address) -> io::Result<(Self, Courier)> {
        let queue = Arc::<Queue>::default();
        let courier = Courier::new(address, queue.clone()).await?;
        Ok((EventSender { queue: Some(queue) }, courier))
    }

    /// Sends an event. Never waits.
    pub fn send(&self, event: &Event) {
        if self.queue.is_some() {
            self.send_raw(&event.to_bytes());
        }
    }

    /// Sends bytes that are an event already, as they are. Never waits.
    pub fn send_raw(&self, packet: &[u8]) {
        if let Some(queue) = &self.queue {
            queue.push(packet);
        }
    }
}

impl Queue {
    fn push(&self, packet: &[u8]) {
        let State { packets, lost } = &mut *self.state.lock();
        let more = packet.len() + size_of::<usize>();
        if packets.size() + more > QUEUE_BYTES_MAX {
            *lost += 1;
            return;
        }
        packets.bytes.extend_from_slice(packet);
        packets.lengths.push(packet.len());
        self.filled.notify_one();
    }

    /// Waits until something has been put into it since it was taken.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Takes all there is, and how many packets found no room.
    pub fn take(&self) -> (Packets, u64) {
        let State { packets, lost } = &mut *self.state.lock();
        (std::mem::take(packets), std::mem::take(lost))
    }
}

impl Packets {
    fn size(&self) -> usize {
        self.bytes.len() + self.lengths.len() * size_of::<usize>()
    }

    /// The packets in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[..];
        self.lengths.iter().map(move |length| {
            let (packet, after) = rest.split_at(*length);
            rest = after;
            packet
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_taken_in_their_order() {
        let queue = Queue::default();
        for packet in [&b"a"[..], b"", b"bc"] {
            queue.push(packet);
        }
        let (packets, lost) = queue.take();
        assert_eq!(packets.iter().collect::<Vec<_>>(), [&b"a"[..], b"", b"bc"]);
        assert_eq!(lost, 0);
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let queue = Queue::default();
        for _ in 0..100_000 {
            queue.push(b"");
            queue.push(&[0; 100]);
        }
        let (packets, lost) = queue.take();
        assert!(packets.size() <= QUEUE_BYTES_MAX);
        assert_eq!(packets.iter().count() as u64 + lost, 200_000);
        queue.push(b"a");
        let (packets, lost) = queue.take();
        assert_eq!((packets.iter().count(), lost), (1, 0));
    }
}
