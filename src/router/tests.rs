//! The router's contract.

mod flush;
mod holds;
mod last_words;
mod leaving;
mod lookups;
mod order;
mod post_removes;
mod pressure;
mod ranges;
mod roles;
mod runs;
mod spoken_for;
mod tap;
mod telling;
mod turns;
mod writers;

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::cleaning::Undone;
use super::*;
use crate::ids::ChannelRange;
use crate::wire::{Envelope, write_frame};

/// Remembers the bodies that it got.
#[derive(Default)]
struct Recorder {
    got: Mutex<Vec<u16>>,
    announced: AtomicU64,
}

impl Sink for Recorder {
    fn push(&self, frame: Frame<'_>) -> Load {
        let envelope = Envelope::read(frame.datagram()).expect("complete");
        self.got.lock().push(envelope.message_type);
        Load::Fine
    }

    fn announce(&self) {
        self.announced.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct UplinkRecorder {
    log: Mutex<Vec<String>>,
}

impl Uplink for UplinkRecorder {
    fn change(&self, change: Change) {
        let text = match change {
            Change::AddChannel(channel) => format!("add {channel}"),
            Change::RemoveChannel(channel) => format!("remove {channel}"),
            Change::AddRange(range) => format!("add {range}"),
            Change::RemoveRange(range) => format!("remove {range}"),
        };
        self.log.lock().push(text);
    }

    fn add_post_remove(&self, sender: Channel, frame: Frame<'_>) {
        let number = Envelope::read(frame.datagram()).expect("complete").message_type;
        self.log.lock().push(format!("post-remove {sender} {number}"));
    }

    fn clear_post_removes(&self, sender: Channel) {
        self.log.lock().push(format!("clear {sender}"));
    }

    fn told(&self) {
        self.log.lock().push("told all".to_owned());
    }

    fn push(&self, frame: Frame<'_>) -> Load {
        let envelope = Envelope::read(frame.datagram()).expect("complete");
        self.log.lock().push(format!("route {}", envelope.message_type));
        Load::Fine
    }

    fn push_last_words(&self, said: Said, frame: Frame<'_>) -> Load {
        let envelope = Envelope::read(frame.datagram()).expect("complete");
        let Said { sender, timing } = said;
        let late = if timing.is_late { " late" } else { "" };
        let since = if timing.has_sent_since { " since" } else { "" };
        let number = envelope.message_type;
        self.log.lock().push(format!("last words {sender} {number}{late}{since}"));
        Load::Fine
    }

    fn announce(&self) {}
}

impl UplinkRecorder {
    fn take(&self) -> Vec<String> {
        let mut log = std::mem::take(&mut *self.log.lock());
        log.sort();
        log
    }
}

fn frame(recipients: &[u64], message_type: u16) -> Vec<u8> {
    let recipients: Vec<Channel> = recipients.iter().copied().map(Channel).collect();
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |writer| {
        Envelope::write_head(writer, &recipients, Channel(0));
        writer.u16(message_type);
    })
    .expect("small");
    bytes
}

fn route(participant: &Participant, recipients: &[u64], message_type: u16) {
    let bytes = frame(recipients, message_type);
    assert!(participant.batch().route(Frame::new(&bytes).expect("one frame")));
}

fn range(low: u64, high: u64) -> ChannelRange {
    ChannelRange::new(Channel(low), Channel(high)).expect("not empty")
}

#[test]
fn each_receiver_gets_a_datagram_once_and_the_sender_never() {
    let router = Router::new();
    let (a, b) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let pa = router.join("a", a.clone());
    let pb = router.join("b", b.clone());
    for participant in [&pa, &pb] {
        let mut batch = participant.batch();
        batch.subscribe(Channel(5000));
        batch.subscribe(Channel(5001));
        batch.subscribe_range(range(4000, 6000));
    }
    route(&pa, &[5000, 5001, 5000, 4500], 1);
    assert!(a.got.lock().is_empty());
    assert_eq!(*b.got.lock(), [1]);
    assert_eq!((router.counters().routed(), router.counters().delivered()), (1, 1));
}

#[test]
fn a_batch_announces_each_receiver_once_at_its_end() {
    let router = Router::new();
    let recorder = Arc::new(Recorder::default());
    let receiver = router.join("receiver", recorder.clone());
    receiver.batch().subscribe(Channel(5000));
    let sender = router.join("sender", Arc::new(Recorder::default()));
    let bytes = frame(&[5000], 7);
    let mut batch = sender.batch();
    for _ in 0..10 {
        batch.route(Frame::new(&bytes).expect("one frame"));
    }
    assert_eq!(recorder.announced.load(Ordering::Relaxed), 0);
    drop(batch);
    assert_eq!(recorder.announced.load(Ordering::Relaxed), 1);
    assert_eq!(recorder.got.lock().len(), 10);
}

#[test]
fn leaving_ends_subscriptions_then_fires_post_removes_then_clears_them() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let recorder = Arc::new(Recorder::default());
    let watcher = router.join("watcher", recorder.clone());
    watcher.batch().subscribe(Channel(1234));
    let leaver = router.join("leaver", Arc::new(Recorder::default()));
    let mut batch = leaver.batch();
    batch.subscribe(Channel(1234));
    batch.subscribe(Channel(5678));
    for number in [1, 2] {
        batch.add_post_remove(
            Channel(99),
            Frame::new(&frame(&[1234, 5678], number)).expect("one frame"),
        );
    }
    drop(batch);
    uplink.take();
    drop(leaver);
    assert_eq!(*recorder.got.lock(), [1, 2]);
    let log = std::mem::take(&mut *uplink.log.lock());
    assert_eq!(log, ["remove 5678", "last words 99 1", "last words 99 2", "clear 99"]);
}

#[test]
fn a_key_that_is_free_again_inherits_nothing() {
    let router = Router::new();
    let first = router.join("first", Arc::new(Recorder::default()));
    let mut batch = first.batch();
    batch.subscribe(Channel(5000));
    batch.add_post_remove(Channel(9), Frame::new(&frame(&[5000], 1)).expect("one frame"));
    drop(batch);
    drop(first);
    let recorder = Arc::new(Recorder::default());
    let second = router.join("second", recorder.clone());
    let other = router.join("other", Arc::new(Recorder::default()));
    route(&other, &[5000], 3);
    assert!(recorder.got.lock().is_empty());
    drop(second);
    assert_eq!(router.participants(), ["other"]);
}

#[test]
fn what_comes_from_upstream_is_not_sent_back() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let recorder = Arc::new(Recorder::default());
    let participant = router.join("p", recorder.clone());
    participant.batch().subscribe(Channel(5000));
    assert_eq!(uplink.take(), ["add 5000"]);
    router
        .uplink_batch(&mut Fed::default())
        .route(Frame::new(&frame(&[5000], 4)).expect("one frame"));
    assert_eq!(*recorder.got.lock(), [4]);
    assert_eq!(uplink.take(), [""; 0]);
    route(&participant, &[], 5);
    assert_eq!(uplink.take(), ["route 5"]);
}

#[test]
fn upstream_hears_of_ranges_piece_by_piece() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let one = router.join("one", Arc::new(Recorder::default()));
    let two = router.join("two", Arc::new(Recorder::default()));
    let check = |expected: &[&str]| assert_eq!(uplink.take(), expected);

    one.batch().subscribe_range(range(3000, 5000));
    check(&["add 3000-5000"]);
    one.batch().unsubscribe_range(range(2950, 3043));
    check(&["remove 3000-3043"]);
    one.batch().unsubscribe_range(range(4763, 6000));
    check(&["remove 4763-5000"]);
    one.batch().unsubscribe_range(range(3951, 4049));
    check(&["remove 3951-4049"]);
    one.batch().unsubscribe_range(range(4030, 4070));
    check(&["remove 4030-4070"]);
    one.batch().subscribe_range(range(3044, 4762));
    check(&["add 3044-4762"]);
    two.batch().subscribe_range(range(3500, 4500));
    check(&[]);
    one.batch().unsubscribe_range(range(3650, 3800));
    check(&[]);
    one.batch().unsubscribe_range(range(3475, 3525));
    check(&["remove 3475-3499"]);
    drop(two);
    check(&["remove 3500-3525", "remove 3650-3800"]);
}

#[test]
fn upstream_keeps_singles_that_a_removed_range_would_take_along() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let one = router.join("one", Arc::new(Recorder::default()));
    let two = router.join("two", Arc::new(Recorder::default()));
    one.batch().subscribe(Channel(1500));
    one.batch().subscribe(Channel(2500));
    one.batch().subscribe_range(range(1000, 2000));
    two.batch().subscribe(Channel(1600));
    uplink.take();
    one.batch().unsubscribe_range(range(1000, 3000));
    assert_eq!(uplink.take(), ["add 1600", "remove 1000-2000", "remove 2500"]);
}

#[test]
fn the_ends_of_the_channel_space_are_channels_too() {
    let router = Router::new();
    let recorder = Arc::new(Recorder::default());
    let listener = router.join("listener", recorder.clone());
    let sender = router.join("sender", Arc::new(Recorder::default()));
    listener.batch().subscribe_range(range(0, u64::MAX));
    route(&sender, &[0], 1);
    route(&sender, &[u64::MAX], 2);
    listener.batch().unsubscribe_range(range(1, u64::MAX));
    route(&sender, &[u64::MAX], 3);
    route(&sender, &[0], 4);
    assert_eq!(*recorder.got.lock(), [1, 2, 4]);
}

/// The routing table as one would write it down: no structure, only the rules.
#[derive(Default)]
struct Model {
    singles: Vec<BTreeSet<u64>>,
    ranges: Vec<BTreeSet<u64>>,
}

const PARTICIPANTS: usize = 4;
const CHANNELS: u64 = 40;

#[derive(Clone, Debug)]
enum Step {
    Subscribe(usize, u64),
    Unsubscribe(usize, u64),
    SubscribeRange(usize, u64, u64),
    UnsubscribeRange(usize, u64, u64),
    Route(usize, Vec<u64>),
    Rejoin(usize),
}

impl Model {
    fn new() -> Self {
        Model {
            singles: vec![BTreeSet::new(); PARTICIPANTS],
            ranges: vec![BTreeSet::new(); PARTICIPANTS],
        }
    }

    fn listens(&self, who: usize, channel: u64) -> bool {
        self.singles[who].contains(&channel) || self.ranges[who].contains(&channel)
    }

    fn ranged(&self, channel: u64) -> usize {
        self.ranges.iter().filter(|ranges| ranges.contains(&channel)).count()
    }

    fn add_single(&mut self, who: usize, channel: u64, up: &mut Vec<String>) {
        if self.listens(who, channel) {
            return;
        }
        if !self.singles.iter().any(|singles| singles.contains(&channel)) {
            up.push(format!("add {channel}"));
        }
        self.singles[who].insert(channel);
    }

    fn remove_single(&mut self, who: usize, channel: u64, up: &mut Vec<String>) {
        if self.singles[who].remove(&channel)
            && !self.singles.iter().any(|singles| singles.contains(&channel))
        {
            up.push(format!("remove {channel}"));
        }
    }

    fn add_range(&mut self, who: usize, low: u64, high: u64, up: &mut Vec<String>) {
        self.ranges[who].extend(low..=high);
        if (low..=high).any(|channel| self.ranged(channel) == 1) {
            up.push(format!("add {low}-{high}"));
        }
    }

    fn remove_range(&mut self, who: usize, low: u64, high: u64, up: &mut Vec<String>) {
        let known: Vec<u64> = (0..CHANNELS).filter(|&channel| self.ranged(channel) > 0).collect();
        self.ranges[who].retain(|channel| !(low..=high).contains(channel));
        let (dropped, kept): (BTreeSet<u64>, BTreeSet<u64>) =
            self.singles[who].iter().partition(|channel| (low..=high).contains(channel));
        self.singles[who] = kept;
        let held = |channel: u64| self.singles.iter().any(|singles| singles.contains(&channel));
        let mut told = BTreeSet::new();
        if let (Some(&first), Some(&last)) = (known.first(), known.last()) {
            let free = |channel: u64| {
                channel >= low.max(first) && channel <= high.min(last) && self.ranged(channel) == 0
            };
            let mut start = None;
            for channel in 0..=CHANNELS {
                match (start, free(channel)) {
                    (None, true) => start = Some(channel),
                    (Some(from), false) => {
                        up.push(format!("remove {from}-{}", channel - 1));
                        told.extend(from..channel);
                        start = None;
                    }
                    _ => {}
                }
            }
        }
        for channel in 0..CHANNELS {
            if told.contains(&channel) && held(channel) {
                up.push(format!("add {channel}"));
            } else if dropped.contains(&channel) && !told.contains(&channel) && !held(channel) {
                up.push(format!("remove {channel}"));
            }
        }
    }

    fn leave(&mut self, who: usize, up: &mut Vec<String>) {
        for channel in self.singles[who].clone() {
            self.remove_single(who, channel, up);
        }
        let mut runs: BTreeMap<u64, u64> = BTreeMap::new();
        for &channel in &self.ranges[who] {
            match runs.last_entry() {
                Some(mut run) if *run.get() + 1 == channel => *run.get_mut() = channel,
                _ => {
                    runs.insert(channel, channel);
                }
            }
        }
        for (low, high) in runs {
            self.remove_range(who, low, high, up);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PARTICIPANTS;
    let channel = 0..CHANNELS;
    let ends = || (0..CHANNELS, 0..CHANNELS).prop_map(|(a, b)| (a.min(b), a.max(b)));
    prop_oneof![
        4 => (who.clone(), channel.clone()).prop_map(|(w, c)| Step::Subscribe(w, c)),
        3 => (who.clone(), channel.clone()).prop_map(|(w, c)| Step::Unsubscribe(w, c)),
        3 => (who.clone(), ends()).prop_map(|(w, (l, h))| Step::SubscribeRange(w, l, h)),
        3 => (who.clone(), ends()).prop_map(|(w, (l, h))| Step::UnsubscribeRange(w, l, h)),
        4 => (who.clone(), prop::collection::vec(channel, 0..5))
            .prop_map(|(w, c)| Step::Route(w, c)),
        1 => who.prop_map(Step::Rejoin),
    ]
}

proptest! {
    // 850 runs of up to 250 steps: about 10^5 steps.
    #![proptest_config(ProptestConfig { cases: 850, ..ProptestConfig::default() })]
    #[test]
    fn the_router_does_what_the_model_does(steps in prop::collection::vec(step(), 0..250)) {
        let router = Router::new();
        let uplink = Arc::new(UplinkRecorder::default());
        router.set_uplink(uplink.clone());
        let sinks: Vec<_> = (0..PARTICIPANTS).map(|_| Arc::new(Recorder::default())).collect();
        let mut participants: Vec<_> =
            sinks.iter().map(|sink| Some(router.join("p", sink.clone()))).collect();
        let mut model = Model::new();
        for (number, step) in steps.into_iter().enumerate() {
            let mut up = Vec::new();
            let mut receivers = [false; PARTICIPANTS];
            let p = |who: usize| participants[who].as_ref().expect("joined");
            match step {
                Step::Subscribe(who, c) => {
                    p(who).batch().subscribe(Channel(c));
                    model.add_single(who, c, &mut up);
                }
                Step::Unsubscribe(who, c) => {
                    p(who).batch().unsubscribe(Channel(c));
                    model.remove_single(who, c, &mut up);
                }
                Step::SubscribeRange(who, low, high) => {
                    p(who).batch().subscribe_range(range(low, high));
                    model.add_range(who, low, high, &mut up);
                }
                Step::UnsubscribeRange(who, low, high) => {
                    p(who).batch().unsubscribe_range(range(low, high));
                    model.remove_range(who, low, high, &mut up);
                }
                Step::Route(who, channels) => {
                    route(p(who), &channels, number as u16);
                    up.push(format!("route {number}"));
                    for other in (0..PARTICIPANTS).filter(|&other| other != who) {
                        receivers[other] = channels.iter().any(|&c| model.listens(other, c));
                    }
                }
                Step::Rejoin(who) => {
                    participants[who] = None;
                    participants[who] = Some(router.join("p", sinks[who].clone()));
                    model.leave(who, &mut up);
                }
            }
            up.sort();
            prop_assert_eq!(uplink.take(), up);
            for (sink, expected) in sinks.iter().zip(receivers) {
                let got = std::mem::take(&mut *sink.got.lock());
                prop_assert_eq!(got, if expected { vec![number as u16] } else { vec![] });
            }
        }
    }
}
