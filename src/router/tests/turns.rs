//! How much of what a socket has brought is done before others have their turn.

use std::time::Instant;

use super::*;
use crate::wire::Runs;

/// A role that hands what it gets to so many of its own.
struct Crowd {
    members: usize,
    got: Arc<AtomicU64>,
}

impl Role for Crowd {
    fn handle(&mut self, _: Instant, _: Origin, _: &Envelope<'_>, out: &mut Effects) {
        self.got.fetch_add(1, Ordering::Relaxed);
        out.note_members(self.members);
    }
}

/// How many of many datagrams for one recipient a role with so many members gets in a turn that is over as soon as
/// somebody looks.
fn got_in_a_turn(members: usize) -> (u64, usize) {
    let router = Router::new();
    router.take_short_turns();
    let got = Arc::new(AtomicU64::new(0));
    let role = router.join_role("crowd", Crowd { members, got: got.clone() });
    role.participant().batch().subscribe(Channel(5000));
    let sender = router.join("sender", Arc::new(Recorder::default()));
    let frames = frame(&[5000], 1).repeat(200);
    let mut batch = sender.batch();
    let run = Runs::new(Frames::new(&frames)).next().expect("one run");
    let left = batch.route_run(run).expect("readable").count();
    assert!(batch.is_over());
    (got.load(Ordering::Relaxed), left)
}

#[test]
fn a_turn_ends_in_the_middle_of_datagrams_for_the_same_recipients() {
    let (got, left) = got_in_a_turn(1);
    assert!(got < 200 && got as usize + left == 200, "{got} and {left}");
}

#[test]
fn the_more_one_datagram_is_handed_to_the_sooner_somebody_looks() {
    assert_eq!(got_in_a_turn(100_000).0, 1);
    assert!(got_in_a_turn(100).0 < got_in_a_turn(1).0);
}

#[test]
fn what_reaches_nobody_takes_time_too() {
    let router = Router::new();
    router.take_short_turns();
    let participant = router.join("participant", Arc::new(Recorder::default()));
    let mut batch = participant.batch();
    batch.subscribe(Channel(1));
    assert!(!batch.is_over());
    // Many participants' ranges may be in it.
    batch.subscribe_range(range(1000, 2000));
    assert!(batch.is_over());
    drop(batch);
    let mut batch = participant.batch();
    let messages = (0..1000).take_while(|channel| {
        batch.unsubscribe(Channel(*channel));
        !batch.is_over()
    });
    assert!(messages.count() < 1000);
}

#[test]
fn datagrams_for_very_many_queues_are_copied_in_parts() {
    const MANY: usize = 400;
    let router = Router::new();
    router.take_short_turns();
    let recorders: Vec<_> = (0..MANY).map(|_| Arc::new(Recorder::default())).collect();
    let join = |recorder: &Arc<Recorder>| {
        let listener = router.join("listener", recorder.clone());
        listener.batch().subscribe(Channel(5000));
        listener
    };
    let _listeners: Vec<_> = recorders.iter().map(join).collect();
    let sender = router.join("sender", Arc::new(Recorder::default()));
    let mut long = Vec::new();
    write_frame(&mut long, |writer| {
        Envelope::write_head(writer, &[Channel(5000)], Channel(0));
        writer.u16(1);
        writer.raw(&[0; 2000]);
    })
    .expect("small");
    let frames = long.repeat(60);
    let mut left = &frames[..];
    let mut parts = 0;
    while let Some(run) = Runs::new(Frames::new(left)).next() {
        left = sender.batch().route_run(run).expect("readable").remaining();
        parts += 1;
    }
    assert_eq!(parts, 3);
    assert!(recorders.iter().all(|recorder| recorder.got.lock().len() == 60));
}
