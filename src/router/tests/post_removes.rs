//! Two participants that keep datagrams under the same sender.

use super::*;

const SENDER: Channel = Channel(9);

fn keep(participant: &Participant, number: u16) {
    let bytes = frame(&[5000], number);
    participant.batch().add_post_remove(SENDER, Frame::new(&bytes).expect("one frame"));
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
    // Also if it has none.
    first.batch().clear_post_removes(SENDER);
    assert_eq!(log(&uplink), ["clear 9", "post-remove 9 2", "post-remove 9 3"]);
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

#[test]
fn what_the_upstream_has_yet_to_be_told_is_told_once() {
    const COUNT: u16 = 3_000;
    let router = Router::new();
    let uplink = Arc::<UplinkRecorder>::default();
    router.set_uplink(uplink.clone());
    let join = |name| router.join(name, Arc::new(Recorder::default()));
    let others = [join("first"), join("second"), join("third")];
    for (number, other) in (0..).zip(&others) {
        (0..COUNT).for_each(|step| keep(other, number * COUNT + step));
    }
    let clearing = join("fourth");
    uplink.log.lock().clear();
    router.begin_to_tell_uplink(|| {});
    let mut holds = 0;
    while router.tell_uplink_some() {
        assert!(holds < 1_000, "it has an end");
        // At times when none, some or all of each one's have been told.
        holds += 1;
        if holds % 7 == 0 {
            clearing.batch().clear_post_removes(SENDER);
        }
    }
    assert!(holds > 20, "{holds}");
    let mut known = Vec::new();
    for entry in log(&uplink) {
        match entry.strip_prefix("post-remove 9 ") {
            Some(number) => known.push(number.parse::<u16>().expect("a number")),
            None if entry == "clear 9" => known.clear(),
            None => assert_eq!(entry, "told all"),
        }
    }
    // In whatever order the links come; each one's own is kept.
    known.sort_by_key(|number| number / COUNT);
    assert_eq!(known, Vec::from_iter(0..3 * COUNT));
}
