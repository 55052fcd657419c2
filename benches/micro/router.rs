//! Routing, as a link does it: in batches.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use donet::ids::{Channel, ChannelRange, DoId, FieldId};
use donet::message::{Rest, StateServer};
use donet::router::{Load, Participant, Router, Sink};
use donet::wire::Frame;

use super::{bench, bench_in_batches, frame};

/// Datagrams that one socket read brings.
const BATCH: u64 = 50;
const RECIPIENT: Channel = Channel(1_000_000);

/// A receiver that costs nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn push(&self, frame: Frame<'_>) -> Load {
        black_box(frame);
        Load::Fine
    }

    fn announce(&self) {}
}

/// What else the table holds.
#[derive(Copy, Clone)]
struct Crowd {
    listeners: usize,
    /// Channels that others listen to.
    channels: u64,
    /// Ranges that others listen to, one of which the recipient is in.
    ranges: u64,
}

impl Crowd {
    const NONE: Crowd = Crowd { listeners: 0, channels: 0, ranges: 0 };

    fn join(self, router: &Router) -> Vec<Participant> {
        let join = || router.join("p", Arc::new(Nowhere));
        let listeners = (0..self.listeners).map(|_| {
            let participant = join();
            participant.batch().subscribe(RECIPIENT);
            participant
        });
        let mut participants: Vec<Participant> = listeners.collect();
        let other = join();
        let mut batch = other.batch();
        let channels = (1..=self.channels).map(|n| Channel(RECIPIENT.0 + n));
        channels.for_each(|channel| batch.subscribe(channel));
        for number in 0..self.ranges {
            let low = RECIPIENT.0 + number * 1000;
            let range = ChannelRange::new(Channel(low), Channel(low + 99));
            batch.subscribe_range(range.expect("not empty"));
        }
        drop(batch);
        participants.push(other);
        participants
    }
}

fn route(c: &mut Criterion, name: &str, crowd: Crowd) {
    bench_in_batches(c, "route", name, BATCH, || {
        let router = Router::new();
        let crowd = crowd.join(&router);
        let sender = router.join("sender", Arc::new(Nowhere));
        let update = StateServer::ObjectSetField {
            do_id: DoId(1_000_000),
            field: FieldId(7),
            value: Rest(b"\x01\0\x02\0"),
        };
        let bytes = frame(&[RECIPIENT], Channel(5000), &update);
        move || {
            let _ = &crowd;
            let mut batch = sender.batch();
            for _ in 0..BATCH {
                batch.route(Frame::new(black_box(&bytes)).expect("one frame"));
            }
        }
    });
}

pub fn benches(c: &mut Criterion) {
    let one = Crowd { listeners: 1, ..Crowd::NONE };
    route(c, "nobody listens", Crowd::NONE);
    route(c, "1 listener", one);
    route(c, "1 listener, 100,000 channels", Crowd { channels: 100_000, ..one });
    route(c, "1 listener, 1,000 ranges", Crowd { ranges: 1000, ..one });
    route(c, "100 listeners", Crowd { listeners: 100, ..Crowd::NONE });

    bench(c, "subscribe", "and unsubscribe", || {
        let router = Router::new();
        let crowd = Crowd { channels: 100_000, ..one }.join(&router);
        let participant = router.join("p", Arc::new(Nowhere));
        move || {
            let _ = &crowd;
            let mut batch = participant.batch();
            batch.subscribe(black_box(Channel(7)));
            batch.unsubscribe(black_box(Channel(7)));
        }
    });
}
