//! Who leaves much behind is gone at once, and holds nobody up.

use std::time::{Duration, Instant};

use super::*;

/// More than is done in one hold.
const MANY: u64 = 20_000;
/// Far more than the most that is done in one.
const LIMIT: u64 = 5_000;

fn leaver(router: &Router) -> Participant {
    let leaver = router.join("leaver", Arc::new(Recorder::default()));
    let mut batch = leaver.batch();
    (0..MANY).for_each(|channel| batch.subscribe(Channel(channel)));
    batch.subscribe_range(range(MANY + 10, MANY + 20));
    drop(batch);
    leaver
}

fn keep(participant: &Participant, sender: u64, number: u16) {
    let bytes = frame(&[7_000_000], number);
    participant.batch().add_post_remove(Channel(sender), Frame::new(&bytes).expect("one frame"));
}

/// Someone who hears post-removes.
fn heir(router: &Router) -> (Participant, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    let heir = router.join("heir", recorder.clone());
    heir.batch().subscribe(Channel(7_000_000));
    (heir, recorder)
}

#[test]
fn many_subscriptions_end_at_once_and_are_cleaned_up_in_slices() {
    let router = Router::new();
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    let recorder = Arc::new(Recorder::default());
    let left = router.join("left", recorder.clone());
    left.batch().subscribe(Channel(1));
    drop(left);
    drop(leaver(&router));
    assert!(router.holds().most().cleaned < LIMIT);
    assert_eq!(router.participants(), [""; 0]);

    // Nobody gets what was for the one who has left: not even who has joined since.
    let (newcomer, got) = heir(&router);
    let sender = router.join("sender", Arc::new(Recorder::default()));
    let delivered = router.counters().delivered();
    (0..MANY).step_by(1000).for_each(|channel| route(&sender, &[channel], 1));
    route(&sender, &[MANY + 15], 1);
    assert_eq!(router.counters().delivered(), delivered);
    assert!(got.got.lock().is_empty());

    // Upstream still sends what is subscribed to meanwhile, when all is clean.
    let (first, last) = (0, MANY - 1);
    newcomer.batch().subscribe(Channel(first));
    newcomer.batch().subscribe(Channel(last));
    while !matches!(router.clean_some(), Undone::Nothing) {}
    let log = std::mem::take(&mut *uplink.log.lock());
    let mut known = BTreeSet::new();
    for entry in &log {
        match entry.split_once(' ') {
            Some(("add", channel)) => known.insert(channel),
            Some(("remove", channel)) => known.remove(channel),
            _ => false,
        };
    }
    let expected = [first, last, 7_000_000].map(|channel| channel.to_string());
    assert!(known.iter().copied().eq(expected.iter().map(String::as_str)));
    assert!(log.contains(&format!("remove {}-{}", MANY + 10, MANY + 20)));
    assert!(router.holds().most().cleaned < LIMIT);
    route(&sender, &[first], 2);
    route(&sender, &[last], 3);
    assert_eq!(*got.got.lock(), [2, 3]);
    assert_eq!(router.shared.world.lock().table_size(), (3, 0));
}

#[test]
fn post_removes_come_in_their_order_before_anybody_does_anything_else() {
    // Of many senders, and of few.
    for senders in [1000, 2] {
        let router = Router::new();
        let uplink = Arc::new(UplinkRecorder::default());
        router.set_uplink(uplink.clone());
        let (_heir, got) = heir(&router);
        let leaver = leaver(&router);
        let sender = |number: u16| 5000 + u64::from(number) * senders / 1000;
        (0..1000).for_each(|number| keep(&leaver, sender(number), number));
        drop(leaver);
        assert!(router.shared.world.lock().has_to_clean(), "subscriptions have time");
        assert_eq!(*got.got.lock(), Vec::from_iter(0..1000));
        let cleared = uplink.take().iter().filter(|entry| entry.starts_with("clear")).count();
        assert_eq!(cleared as u64, senders);
    }
}

/// Listens to a sender of post-removes as soon as it hears anything.
struct Follower;

impl Role for Follower {
    fn handle(&mut self, _: Instant, _: Origin, _: &Envelope<'_>, out: &mut Effects) {
        out.subscribe(Channel(5000));
    }
}

#[test]
fn nothing_is_said_for_one_who_has_left_while_others_hear_a_datagram() {
    let router = Router::new();
    let (_first, got_first) = heir(&router);
    let role = router.join_role("follower", Follower);
    role.participant().batch().subscribe(Channel(7_000_000));
    let (_last, got_last) = heir(&router);
    let leaver = router.join("leaver", Arc::new(Recorder::default()));
    (0..1000).for_each(|number| keep(&leaver, 5000, number));
    drop(leaver);
    let back = router.join("back", Arc::new(Recorder::default()));
    route(&back, &[7_000_000], 2000);
    for got in [got_first, got_last] {
        assert_eq!(*got.got.lock(), Vec::from_iter((0..1000).chain([2000])));
    }
}

#[tokio::test(start_paused = true)]
async fn cleaning_goes_on_by_itself() {
    let router = Router::new();
    let watch = async {
        let leaver = leaver(&router);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(leaver);
        while router.shared.world.lock().has_to_clean() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = router.clean() => unreachable!("it has no end"),
        () = watch => {}
    }
    assert_eq!(router.shared.world.lock().table_size(), (0, 0));
}
