//! Who waits for whom.

use super::*;
use crate::wire::Runs;

/// Never emptied, so that whatever is pushed is above its mark.
fn stuck() -> Arc<Inbox> {
    Inbox::new("stuck", 0, usize::MAX)
}

/// Whether what `participant` sends makes it wait.
async fn is_braked(participant: &Participant, recipients: &[u64]) -> bool {
    is_braked_by(participant, &frame(recipients, 1)).await
}

/// As [`is_braked`], with frames that are for the same recipients.
async fn is_braked_by(participant: &Participant, frames: &[u8]) -> bool {
    let mut fed = Fed::default();
    for _ in 0..2 {
        let mut batch = participant.batch_feeding(&mut fed);
        Runs::new(Frames::new(frames)).for_each(|run| assert!(batch.route_run(run).is_ok()));
    }
    let start = tokio::time::Instant::now();
    fed.brake(FLOOD_BYTES).await;
    start.elapsed() > std::time::Duration::ZERO
}

#[tokio::test(start_paused = true)]
async fn only_who_feeds_a_slow_receiver_waits_for_it() {
    let router = Router::new();
    let slow = router.join("slow", stuck());
    slow.batch().subscribe(Channel(5000));
    slow.batch().subscribe(Channel(5001));
    let quick = router.join("quick", Arc::<Recorder>::default());
    quick.batch().subscribe(Channel(6000));
    let sender = router.join("sender", Arc::<Recorder>::default());
    let other = router.join("other", Arc::<Recorder>::default());
    assert!(is_braked(&sender, &[5000]).await);
    assert!(!is_braked(&other, &[6000]).await);
    assert!(!is_braked(&other, &[7000]).await);
    assert!(is_braked(&other, &[6000, 5001]).await);
    assert!(!is_braked(&other, &[6000]).await);
    // What nobody is braked for is forgotten, and not put down to who comes next.
    route(&sender, &[5000], 1);
    assert!(!is_braked(&other, &[6000]).await);
    drop(slow);
    assert!(!is_braked(&sender, &[5000]).await);
}

/// A way out with no room.
#[derive(Default)]
struct StuckUplink {
    brake: Mutex<Option<Gauge>>,
}

impl Uplink for StuckUplink {
    fn change(&self, _: Change) {}

    fn add_post_remove(&self, _: Channel, _: Frame<'_>) {}

    fn clear_post_removes(&self, _: Channel) {}

    fn push(&self, _: Frame<'_>) -> Load {
        self.brake.lock().get_or_insert_with(|| Gauge::new(0, usize::MAX)).set(1)
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        self.brake.lock().as_ref().map(|gauge| gauge.brake().clone())
    }

    fn announce(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_slow_uplink_is_waited_for_by_those_only_who_speak_to_nobody_here() {
    let router = Router::new();
    router.set_uplink(Arc::<StuckUplink>::default());
    let here = router.join("here", Arc::<Recorder>::default());
    here.batch().subscribe(Channel(5000));
    let sender = router.join("sender", Arc::<Recorder>::default());
    assert!(!is_braked(&sender, &[5000]).await);
    assert!(!is_braked(&sender, &[5000, 9000]).await);
    assert!(is_braked(&sender, &[9000]).await);
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_not_here_even_if_it_is_still_in_the_table() {
    let router = Router::new();
    router.set_uplink(Arc::<StuckUplink>::default());
    let left = router.join("left", Arc::<Recorder>::default());
    let mut batch = left.batch();
    (0..20_000).for_each(|channel| batch.subscribe(Channel(channel)));
    batch.subscribe_range(range(30_000, 30_010));
    drop(batch);
    drop(left);
    assert!(router.shared.world.lock().has_to_clean());
    let sender = router.join("sender", Arc::<Recorder>::default());
    assert!(is_braked(&sender, &[30_005]).await);
    assert!(is_braked_by(&sender, &frame(&[30_005], 1).repeat(3)).await);
}

#[tokio::test]
async fn an_inbox_takes_no_more_than_its_limit_and_then_again() {
    let router = Router::new();
    let bytes = frame(&[5000], 1);
    let inbox = Inbox::new("test", bytes.len(), 3 * bytes.len());
    let participant = router.join("test", inbox.clone());
    participant.batch().subscribe(Channel(5000));
    let sender = router.join("sender", Arc::<Recorder>::default());
    let mut taken = Vec::new();
    for _ in 0..2 {
        for _ in 0..5 {
            route(&sender, &[5000], 1);
        }
        assert!(inbox.try_recv(&mut taken));
        assert_eq!(taken, bytes.repeat(3));
    }
    assert!(!inbox.try_recv(&mut taken));
}
