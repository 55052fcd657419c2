//! Two participants that keep datagrams under the same sender.

use super::*;

const SENDER: Channel = Channel(9);

/// They are of different lengths.
fn keep_in(batch: &mut Batch<'_>, number: u16) {
    let bytes = frame(&[5000; 4][..1 + usize::from(number % 4)], number);
    batch.add_post_remove(SENDER, Frame::new(&bytes).expect("one frame"));
}

fn keep(participant: &Participant, number: u16) {
    keep_in(&mut participant.batch(), number);
}

struct Stage {
    _watcher: Participant,
    heard: Arc<Recorder>,
    uplink: Arc<UplinkRecorder>,
    first: Participant,
    second: Participant,
}

/// A daemon with an upstream and two links; the first has kept one datagram, the second two.
fn stage() -> Stage {
    let router = Router::new();
    let (heard, uplink) = (Arc::<Recorder>::default(), Arc::<UplinkRecorder>::default());
    router.set_uplink(uplink.clone());
    let watcher = router.join("watcher", heard.clone());
    watcher.batch().subscribe(Channel(5000));
    let join = |name| router.join(name, Arc::new(Recorder::default()));
    let (first, second) = (join("first"), join("second"));
    keep(&first, 1);
    keep(&second, 2);
    keep(&second, 3);
    uplink.log.lock().clear();
    Stage { _watcher: watcher, heard, uplink, first, second }
}

fn log(uplink: &UplinkRecorder) -> Vec<String> {
    std::mem::take(&mut *uplink.log.lock())
}

#[test]
fn who_clears_its_own_leaves_those_of_the_other_here_and_upstream() {
    let Stage { _watcher, heard, uplink, first, second } = stage();
    first.batch().clear_post_removes(SENDER);
    assert_eq!(log(&uplink), ["clear 9", "post-remove 9 2", "post-remove 9 3"]);
    // If it has none, that concerns nobody.
    first.batch().clear_post_removes(SENDER);
    assert!(log(&uplink).is_empty());
    drop(first);
    assert!(heard.got.lock().is_empty());
    drop(second);
    assert_eq!(*heard.got.lock(), [2, 3]);
    assert_eq!(log(&uplink), ["last words 9 2", "last words 9 3", "clear 9"]);
}

#[test]
fn who_leaves_takes_its_own_with_it() {
    let Stage { _watcher, heard, uplink, first, second } = stage();
    drop(second);
    assert_eq!(*heard.got.lock(), [2, 3]);
    assert_eq!(log(&uplink), ["last words 9 2", "last words 9 3", "clear 9", "post-remove 9 1"]);
    drop(first);
    assert_eq!(*heard.got.lock(), [2, 3, 1]);
    assert_eq!(log(&uplink), ["last words 9 1", "clear 9"]);
}

/// What is kept upstream after all that was said to it.
fn kept(uplink: &UplinkRecorder) -> Vec<u16> {
    let mut kept = Vec::new();
    for entry in log(uplink) {
        match entry.strip_prefix("post-remove 9 ") {
            Some(number) => kept.push(number.parse().expect("a number")),
            None if entry == "clear 9" => kept.clear(),
            None => assert!(entry == "told all" || entry.starts_with("last words"), "{entry}"),
        }
    }
    // In whatever order participants come; each one's own is in its order.
    kept.sort_by_key(|number| number / COUNT);
    kept
}

const COUNT: u16 = 3_000;

/// Four links and an upstream. Each of the last three has kept many datagrams.
fn many() -> (Router, Arc<UplinkRecorder>, [Participant; 4]) {
    let router = Router::new();
    let uplink = Arc::<UplinkRecorder>::default();
    router.set_uplink(uplink.clone());
    let links = [0, 1, 2, 3].map(|_| router.join("link", Arc::new(Recorder::default())));
    for (number, link) in (0..).zip(&links[1..]) {
        (0..COUNT).for_each(|step| keep(link, number * COUNT + step));
    }
    (router, uplink, links)
}

/// Does all that is left to be done.
fn clean(router: &Router) {
    for hold in 0.. {
        assert!(hold < 1_000, "it has an end");
        if let Undone::Nothing = router.clean_some() {
            return;
        }
    }
}

#[test]
fn what_the_upstream_has_yet_to_be_told_is_told_with_what_is_cleared_meanwhile() {
    let (router, uplink, [clearing, _first, _second, _third]) = many();
    log(&uplink);
    router.begin_to_tell_uplink(|| {});
    let mut holds = 0;
    while router.tell_uplink_some() {
        assert!(holds < 1_000, "it has an end");
        // At times when none, some or all of each one's have been told.
        holds += 1;
        if holds % 7 == 0 {
            keep(&clearing, 60_000);
            clearing.batch().clear_post_removes(SENDER);
        }
    }
    assert!(holds > 20, "{holds}");
    clean(&router);
    assert_eq!(kept(&uplink), Vec::from_iter(0..3 * COUNT));
}

#[test]
fn who_clears_again_and_again_has_it_told_once() {
    let (router, uplink, [clearing, _first, _second, _third]) = many();
    log(&uplink);
    let mut batch = clearing.batch();
    for _ in 0..500 {
        keep_in(&mut batch, 60_000);
        batch.clear_post_removes(SENDER);
    }
    drop(batch);
    clean(&router);
    let said = uplink.log.lock().len();
    assert!(said <= 2 + usize::from(3 * COUNT), "{said}");
    assert_eq!(kept(&uplink), Vec::from_iter(0..3 * COUNT));
    assert!(router.holds().most().told <= 256, "{}", router.holds().most().told);
}

#[test]
fn who_clears_what_is_being_told_again_begins_anew() {
    let (router, uplink, [clearing, first, _second, _third]) = many();
    keep(&clearing, 60_000);
    clearing.batch().clear_post_removes(SENDER);
    // Some of it has been told when all of it becomes other.
    let mut batch = first.batch();
    batch.clear_post_removes(SENDER);
    (1..COUNT).for_each(|number| keep_in(&mut batch, number));
    drop(batch);
    clean(&router);
    assert_eq!(kept(&uplink), Vec::from_iter(1..3 * COUNT));
}

#[derive(Clone, Debug)]
enum Step {
    /// A link keeps so many.
    Keep(usize, u16),
    Clear(usize),
    /// A link leaves, and another one comes, to its place or another.
    Leave(usize),
    Clean,
    Tell,
    /// There is a new connection to the upstream, which knows nothing.
    Connect,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_changes_while_it_is_told_is_known_in_the_end(
        steps in prop::collection::vec(prop_oneof![
            4 => (0..3usize, 1..700u16).prop_map(|(link, count)| Step::Keep(link, count)),
            3 => (0..3usize).prop_map(Step::Clear),
            1 => (0..3usize).prop_map(Step::Leave),
            8 => Just(Step::Clean),
            3 => Just(Step::Tell),
            1 => Just(Step::Connect),
        ], 1..60),
    ) {
        let router = Router::new();
        let uplink = Arc::<UplinkRecorder>::default();
        router.set_uplink(uplink.clone());
        let join = || router.join("link", Arc::new(Recorder::default()));
        let mut links = [join(), join(), join()].map(Some);
        let mut model = [const { Vec::new() }; 3];
        let mut number = 0;
        for step in steps {
            match step {
                Step::Keep(link, count) => for _ in 0..count {
                    keep(links[link].as_ref().expect("there"), number);
                    model[link].push(number);
                    number += 1;
                },
                Step::Clear(link) => {
                    links[link].as_ref().expect("there").batch().clear_post_removes(SENDER);
                    model[link].clear();
                }
                Step::Leave(link) => {
                    drop(links[link].take());
                    links[link] = Some(join());
                    model[link].clear();
                }
                Step::Clean => drop(router.clean_some()),
                Step::Tell => _ = router.tell_uplink_some(),
                Step::Connect => {
                    uplink.log.lock().push("clear 9".to_owned());
                    router.begin_to_tell_uplink(|| {});
                }
            }
        }
        while router.tell_uplink_some() {}
        clean(&router);
        let mut known = kept(&uplink);
        known.sort_unstable();
        let mut expected = model.concat();
        expected.sort_unstable();
        prop_assert_eq!(known, expected);
    }
}

/// An upstream that takes nothing for a while.
struct Slow {
    uplink: UplinkRecorder,
    gauge: Mutex<Gauge>,
}

impl Uplink for Slow {
    fn change(&self, change: Change) {
        self.uplink.change(change);
    }

    fn add_post_remove(&self, sender: Channel, frame: Frame<'_>) {
        self.uplink.add_post_remove(sender, frame);
        self.gauge.lock().set(self.uplink.log.lock().len());
    }

    fn clear_post_removes(&self, sender: Channel) {
        self.uplink.clear_post_removes(sender);
    }

    fn push(&self, frame: Frame<'_>) -> Load {
        self.uplink.push(frame)
    }

    fn brake(&self) -> Option<Arc<Brake>> {
        Some(self.gauge.lock().brake().clone())
    }

    fn announce(&self) {}
}

#[test]
fn no_more_is_told_again_than_the_upstream_takes() {
    let (router, _, [clearing, _first, _second, _third]) = many();
    keep(&clearing, 60_000);
    let slow =
        Slow { uplink: UplinkRecorder::default(), gauge: Mutex::new(Gauge::new(1000, usize::MAX)) };
    let slow = Arc::new(slow);
    router.set_uplink(slow.clone());
    clearing.batch().clear_post_removes(SENDER);
    let mut said = Vec::new();
    let mut times = 0;
    loop {
        match router.clean_some() {
            Undone::Nothing => break,
            Undone::More => {}
            Undone::Braked(brake) => {
                times += 1;
                assert!(brake.is_high());
                assert!(slow.uplink.log.lock().len() < 1300);
                said.append(&mut slow.uplink.log.lock());
                slow.gauge.lock().set(0);
            }
        }
    }
    assert!(times > 5, "{times}");
    slow.uplink.log.lock().splice(0..0, said);
    assert_eq!(kept(&slow.uplink), Vec::from_iter(0..3 * COUNT));
}
