//! What a role routes in a row.

use std::time::Instant;

use super::*;

/// A queue above its mark that remembers how it was given what it got.
#[derive(Default)]
struct Full {
    got: Mutex<Vec<Vec<u16>>>,
    brake: Arc<Brake>,
    asked: AtomicU64,
}

fn types(frames: Frames<'_>) -> Vec<u16> {
    let envelope =
        |frame: Frame<'_>| Envelope::read(frame.datagram()).expect("complete").message_type;
    frames.map(envelope).collect()
}

impl Sink for Full {
    fn push(&self, frame: Frame<'_>) -> Load {
        self.push_all(Frames::new(frame.bytes()))
    }

    fn push_all(&self, frames: Frames<'_>) -> Load {
        self.got.lock().push(types(frames));
        Load::High
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Some(self.brake.clone())
    }

    fn announce(&self) {}
}

/// A role that, for whatever comes, says five things to two recipients.
struct Talker;

impl Role for Talker {
    fn handle(&mut self, _: Instant, _: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        if envelope.message_type != 1 {
            return;
        }
        for (recipient, message_type) in
            [(6000, 10), (6000, 11), (7000, 20), (6000, 12), (6000, 13)]
        {
            let said = out.route_with(&[Channel(recipient)], Channel(5000), |writer| {
                writer.u16(message_type);
            });
            said.expect("small");
        }
    }
}

#[test]
fn what_a_role_says_in_a_row_to_one_recipient_is_handed_on_at_once_and_in_order() {
    let router = Router::new();
    let talker = router.join_role("talker", Talker);
    talker.participant().batch().subscribe(Channel(5000));
    let full = Arc::new(Full::default());
    let listener = router.join("listener", full.clone());
    listener.batch().subscribe(Channel(6000));
    let other = Arc::new(Recorder::default());
    let others = router.join("other", other.clone());
    others.batch().subscribe(Channel(7000));
    let sender = router.join("sender", Arc::new(Recorder::default()));
    full.asked.store(0, Ordering::Relaxed);
    let mut fed = Fed::default();
    let mut batch = sender.batch_feeding(&mut fed);
    for _ in 0..2 {
        let bytes = frame(&[5000], 1);
        assert!(batch.route(Frame::new(&bytes).expect("one frame")));
    }
    drop(batch);
    assert_eq!(*full.got.lock(), [[10, 11], [12, 13], [10, 11], [12, 13]]);
    assert_eq!(*other.got.lock(), [20, 20]);
    // Once for all that was in the batch.
    assert_eq!(full.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_role_gets_one_by_one_what_another_says_in_a_row() {
    let router = Router::new();
    let talker = router.join_role("talker", Talker);
    talker.participant().batch().subscribe(Channel(5000));
    /// Remembers what it gets, and leaves after the first.
    struct Once(Arc<Mutex<Vec<u16>>>);
    impl Role for Once {
        fn handle(&mut self, _: Instant, _: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
            self.0.lock().push(envelope.message_type);
            out.unsubscribe(Channel(6000));
        }
    }
    let got = Arc::new(Mutex::new(Vec::new()));
    let once = router.join_role("once", Once(got.clone()));
    once.participant().batch().subscribe(Channel(6000));
    route(&router.join("sender", Arc::new(Recorder::default())), &[5000], 1);
    assert_eq!(*got.lock(), [10]);
}
