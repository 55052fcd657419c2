//! The end of a range with very many single channels in it.

use super::*;

/// More than is done in one hold, on either side of a border.
const MANY: u64 = 30_000;
/// Far more than the most that is done in one.
const LIMIT: u64 = 10_000;
const OUTSIDE: u64 = 7_000_000;

struct Stage {
    router: Router,
    uplink: Arc<UplinkRecorder>,
    owner: Participant,
    heard: Arc<Recorder>,
    speaker: Participant,
}

impl Stage {
    /// Somebody listens to many single channels, and to a range in them; the uplink knows so.
    fn new() -> Self {
        let router = Router::new();
        let uplink = Arc::new(UplinkRecorder::default());
        router.set_uplink(uplink.clone());
        let heard = Arc::new(Recorder::default());
        let owner = router.join("owner", heard.clone());
        let speaker = router.join("speaker", Arc::new(Recorder::default()));
        let stage = Stage { router, uplink, owner, heard, speaker };
        stage.subscribe_all();
        stage
    }

    fn subscribe_all(&self) {
        let mut batch = self.owner.batch();
        (0..MANY).for_each(|channel| batch.subscribe(Channel(channel)));
        batch.subscribe(Channel(OUTSIDE));
        batch.subscribe_range(range(MANY / 2, MANY));
    }

    fn begin_to_end(&self) {
        self.owner.batch().unsubscribe_range(range(0, MANY + 100));
    }

    fn hears(&self, channels: &[u64]) -> bool {
        route(&self.speaker, channels, 1);
        !std::mem::take(&mut *self.heard.got.lock()).is_empty()
    }

    /// What the uplink has been told to send, by what it has been told. A range that ends takes its singles with it.
    fn known(&self) -> BTreeSet<String> {
        let mut known = BTreeSet::new();
        for entry in self.uplink.log.lock().iter() {
            let Some((what, subject)) = entry.split_once(' ') else { continue };
            if what == "add" {
                known.insert(subject.to_owned());
            } else if let Some((low, high)) = subject.split_once('-').filter(|_| what == "remove") {
                let bounds =
                    low.parse::<u64>().expect("a number")..=high.parse().expect("a number");
                known.retain(|one| one.parse().is_ok_and(|one| !bounds.contains(&one)));
            } else if what == "remove" {
                known.remove(subject);
            }
        }
        known
    }
}

#[test]
fn nothing_comes_from_a_range_that_has_ended_however_long_it_takes() {
    let stage = Stage::new();
    let neighbour = stage.router.join("neighbour", Arc::new(Recorder::default()));
    neighbour.batch().subscribe(Channel(77));
    stage.begin_to_end();
    assert!(stage.router.shared.world.lock().table_size().0 as u64 > MANY / 2, "it has time");
    for _ in 0..2 {
        let ended = [0, 1, 77, MANY / 2, MANY - 1, MANY];
        ended.iter().for_each(|channel| assert!(!stage.hears(&[*channel]), "{channel}"));
        assert!(!stage.hears(&ended) && stage.hears(&[OUTSIDE]) && stage.hears(&[1, OUTSIDE, 2]));
        while stage.owner.go_on() {}
    }
    assert!(stage.router.holds().most().cleaned < LIMIT);
    assert_eq!(stage.router.shared.world.lock().table_size(), (2, 0));
    assert_eq!(stage.known(), BTreeSet::from(["77".to_owned(), OUTSIDE.to_string()]));
}

#[test]
fn who_listens_there_again_hears_it() {
    let stage = Stage::new();
    stage.begin_to_end();
    stage.owner.batch().subscribe(Channel(5));
    assert!(stage.hears(&[5]) && !stage.hears(&[6]) && !stage.owner.go_on());
    stage.subscribe_all();
    stage.begin_to_end();
    stage.owner.batch().subscribe_range(range(5, 10));
    assert!(stage.hears(&[6]) && !stage.hears(&[11]) && !stage.owner.go_on());
    stage.subscribe_all();
    stage.begin_to_end();
    stage.begin_to_end();
    stage.owner.batch().unsubscribe(Channel(OUTSIDE));
    assert!(!stage.hears(&[5]) && !stage.hears(&[OUTSIDE]));
    assert_eq!(stage.known(), BTreeSet::new());
}

#[test]
fn who_leaves_meanwhile_is_cleaned_up_after() {
    let mut stage = Stage::new();
    stage.begin_to_end();
    let (router, key) = (stage.router.clone(), stage.owner.key);
    stage.owner = router.join("nobody", Arc::new(Recorder::default()));
    while !matches!(router.clean_some(), Undone::Nothing) {}
    assert!(router.holds().most().cleaned < LIMIT);
    assert_eq!(router.shared.world.lock().table_size(), (0, 0));
    assert_eq!(stage.known(), BTreeSet::new());
    let next = router.join("next", stage.heard.clone());
    assert_eq!(next.key, key, "its place is free");
    next.batch().subscribe(Channel(5));
    assert!(stage.hears(&[5]));
}

#[test]
fn upstream_is_not_told_of_a_range_if_it_had_to_be_told_very_many_singles_again() {
    let stage = Stage::new();
    let other = stage.router.join("other", Arc::new(Recorder::default()));
    other.batch().subscribe_range(range(10_000_000, 10_000_100));
    let mut batch = other.batch();
    (0..2 * MANY).for_each(|channel| batch.subscribe(Channel(channel)));
    batch.subscribe_range(range(2 * MANY, 2 * MANY + 10));
    drop(batch);
    stage.uplink.take();
    other.batch().unsubscribe_range(range(10_000_000, 10_000_100));
    // It goes on sending what is for the range, which nobody here gets.
    assert_eq!(stage.uplink.take(), Vec::<String>::new());
    assert!(!stage.hears(&[10_000_001]));
    // And who listens there again does.
    stage.owner.batch().subscribe_range(range(10_000_000, 10_000_100));
    assert!(stage.hears(&[10_000_001]));
}
