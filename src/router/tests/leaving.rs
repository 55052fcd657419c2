//! Who leaves much behind is gone at once, and holds nobody up.

use std::time::Duration;

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
    while router.clean_some() {}
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
fn many_post_removes_come_in_their_order_in_slices() {
    // Of many senders, and of few.
    for senders in [1000, 2] {
        let router = Router::new();
        let uplink = Arc::new(UplinkRecorder::default());
        router.set_uplink(uplink.clone());
        let (_heir, got) = heir(&router);
        let leaver = router.join("leaver", Arc::new(Recorder::default()));
        let sender = |number: u16| 5000 + u64::from(number) * senders / 1000;
        (0..1000).for_each(|number| keep(&leaver, sender(number), number));
        drop(leaver);
        let at_once = got.got.lock().len();
        assert!((1..1000).contains(&at_once), "{at_once}");
        while router.clean_some() {}
        assert_eq!(*got.got.lock(), Vec::from_iter(0..1000));
        let cleared = uplink.take().iter().filter(|entry| entry.starts_with("clear")).count();
        assert_eq!(cleared as u64, senders);
    }
}

#[test]
fn whatever_concerns_a_sender_comes_after_its_post_removes() {
    let concern: [fn(&Participant); 4] = [
        |back| back.batch().subscribe(Channel(5900)),
        |back| back.batch().subscribe_range(range(5890, 5910)),
        |back| back.batch().clear_post_removes(Channel(5900)),
        |back| {
            let mut bytes = Vec::new();
            write_frame(&mut bytes, |writer| {
                Envelope::write_head(writer, &[Channel(1)], Channel(5900));
                writer.u16(1);
            })
            .expect("small");
            back.batch().route(Frame::new(&bytes).expect("one frame"));
        },
    ];
    for concern in concern {
        let router = Router::new();
        let (_heir, got) = heir(&router);
        let leaver = router.join("leaver", Arc::new(Recorder::default()));
        (0..1000).for_each(|number| keep(&leaver, 5000 + u64::from(number), number));
        let back = router.join("back", Arc::new(Recorder::default()));
        drop(leaver);
        assert!(!got.got.lock().contains(&900));
        concern(&back);
        assert!(got.got.lock().contains(&900));
        assert!(!got.got.lock().contains(&950), "others have time");
        while router.clean_some() {}
        let mut all = got.got.lock().clone();
        all.sort_unstable();
        assert_eq!(all, Vec::from_iter(0..1000), "each once");
    }
}

#[test]
fn a_new_uplink_is_told_of_post_removes_that_are_still_to_come() {
    let router = Router::new();
    let leaver = router.join("leaver", Arc::new(Recorder::default()));
    (0..1000).for_each(|number| keep(&leaver, 5000 + u64::from(number), number));
    drop(leaver);
    let mut kept = 0;
    router.with_snapshot(|_, post_removes| kept = post_removes.iter().count());
    let uplink = Arc::new(UplinkRecorder::default());
    router.set_uplink(uplink.clone());
    while router.clean_some() {}
    let cleared = uplink.take().iter().filter(|entry| entry.starts_with("clear")).count();
    assert_eq!(kept, cleared);
    assert!(kept > 0);
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
