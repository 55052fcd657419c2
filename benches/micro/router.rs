//! Routing, as a link does it: in batches.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use donet::ids::{Channel, ChannelRange, DoId, FieldId};
use donet::message::{Rest, StateServer};
use donet::router::{Participant, Router, Sink};
use donet::wire::Frame;

use super::{bench, frame};

/// Datagrams that one socket read brings.
const BATCH: usize = 50;
const RECIPIENT: Channel = Channel(1_000_000);

/// A receiver that costs nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn push(&self, frame: Frame<'_>) {
        black_box(frame);
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
    let router = Router::new();
    let _crowd = crowd.join(&router);
    let sender = router.join("sender", Arc::new(Nowhere));
    let update = StateServer::ObjectSetField {
        do_id: DoId(1_000_000),
        field: FieldId(7),
        value: Rest(b"\x01\0\x02\0"),
    };
    let bytes = frame(&[RECIPIENT], Channel(5000), &update);
    let mut batch = None;
    let mut routed = 0;
    bench(c, "route", name, || {
        let batch_now = batch.get_or_insert_with(|| sender.batch());
        batch_now.route(Frame::new(black_box(&bytes)).expect("one frame"));
        routed += 1;
        if routed % BATCH == 0 {
            batch = None;
        }
    });
}

pub fn benches(c: &mut Criterion) {
    route(c, "nobody listens", Crowd::NONE);
    route(c, "1 listener", Crowd { listeners: 1, ..Crowd::NONE });
    route(
        c,
        "1 listener, 500,000 channels",
        Crowd { listeners: 1, channels: 500_000, ..Crowd::NONE },
    );
    route(c, "1 listener, 1,000 ranges", Crowd { listeners: 1, ranges: 1000, ..Crowd::NONE });
    route(c, "100 listeners", Crowd { listeners: 100, ..Crowd::NONE });

    let router = Router::new();
    let _crowd = Crowd { listeners: 1, channels: 500_000, ranges: 0 }.join(&router);
    let participant = router.join("p", Arc::new(Nowhere));
    bench(c, "subscribe", "and unsubscribe", || {
        let mut batch = participant.batch();
        batch.subscribe(black_box(Channel(7)));
        batch.unsubscribe(black_box(Channel(7)));
    });
}
