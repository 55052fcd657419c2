//! What daemons below that are away are told when they are back.

use super::*;
use crate::message::{Blob, Control, Timing};
use crate::wire::{CONTROL_HEAD, Reader};

const EPOCH: u64 = 77;
const SENDER: Channel = Channel(9);

/// Whom the daemon's link gives what: plain datagrams by their types, last words with `w` before them.
#[derive(Default)]
struct Line {
    got: Mutex<Vec<String>>,
}

impl Sink for Line {
    fn push(&self, frame: Frame<'_>) -> Load {
        let number = |datagram| Envelope::read(datagram).expect("complete").message_type;
        let text = match frame.datagram().strip_prefix(&CONTROL_HEAD[..]) {
            None => number(frame.datagram()).to_string(),
            Some(control) => {
                let mut reader = Reader::new(control);
                let word = reader.u16().map(|number| Control::decode(number, &mut reader));
                let Ok(Ok(Control::LastWords { sender: SENDER, datagram: Blob(datagram), .. })) =
                    word
                else {
                    panic!("{word:?}");
                };
                format!("w{}", number(datagram))
            }
        };
        self.got.lock().push(text);
        Load::Fine
    }

    fn announce(&self) {}
}

impl Line {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock())
    }
}

/// A daemon's link, that has said hello.
fn daemon(router: &Router, epoch: u64) -> (Participant, Arc<Line>) {
    let line = Arc::<Line>::default();
    let link = router.join("daemon", line.clone());
    link.batch().daemon_is_here(epoch);
    (link, line)
}

/// Somebody comes and goes, and wants something said.
fn die(router: &Router, recipients: &[u64], number: u16) {
    let owner = router.join("owner", Arc::new(Recorder::default()));
    keep(&owner, recipients, number);
}

fn keep(owner: &Participant, recipients: &[u64], number: u16) {
    let bytes = frame(recipients, number);
    owner.batch().add_post_remove(SENDER, Frame::new(&bytes).expect("one frame"));
}

/// Everything that the router holds for those who are away.
fn is_empty(router: &Router) -> bool {
    router.shared.world.lock().keeps_no_last_words()
}

#[test]
fn a_daemon_that_is_back_is_told_what_it_has_missed_when_it_subscribes_and_before_anything_else() {
    let router = Router::new();
    die(&router, &[5000], 1);
    let (link, _) = daemon(&router, EPOCH);
    link.batch().subscribe(Channel(5000));
    die(&router, &[5000], 2);
    drop(link);
    die(&router, &[5000, 5001], 3);
    die(&router, &[5002], 4);
    die(&router, &[5000], 5);
    let other = router.join("other", Arc::new(Recorder::default()));
    route(&other, &[5000], 6);

    let (link, line) = daemon(&router, EPOCH);
    // It is not said twice to whoever hears it on the way.
    die(&router, &[5001], 7);
    link.batch().subscribe(Channel(5000));
    route(&other, &[5000], 8);
    assert_eq!(line.take(), ["w3", "w5", "8"]);
    die(&router, &[5000, 5001], 9);
    assert_eq!(line.take(), ["9"]);
    link.batch().subscribe_range(range(5001, 5002));
    assert_eq!(line.take(), ["w4", "w7"]);
    link.batch().unsubscribe(Channel(5000));
    link.batch().subscribe(Channel(5000));
    assert!(line.take().is_empty());
    link.batch().daemon_has_told();
    assert!(is_empty(&router));
}

#[test]
fn only_the_daemon_that_was_away_is_told() {
    let router = Router::new();
    drop(daemon(&router, EPOCH));
    die(&router, &[5000], 1);
    let (link, line) = daemon(&router, EPOCH + 1);
    link.batch().subscribe(Channel(5000));
    assert!(line.take().is_empty());
    let (link, line) = daemon(&router, EPOCH);
    link.batch().daemon_has_told();
    // It has told all that it was subscribed to.
    link.batch().subscribe(Channel(5000));
    assert!(line.take().is_empty());
    assert!(is_empty(&router));
}

#[test]
fn what_is_left_for_the_end_of_a_daemon_is_not_told_to_itself() {
    let router = Router::new();
    let (link, _) = daemon(&router, EPOCH);
    keep(&link, &[5000], 1);
    drop(link);
    let (link, line) = daemon(&router, EPOCH);
    link.batch().subscribe(Channel(5000));
    assert!(line.take().is_empty());
}

#[test]
fn a_link_that_nobody_has_noticed_to_be_lost_hears_nothing_for_the_new_one() {
    let router = Router::new();
    let (old, heard) = daemon(&router, EPOCH);
    old.batch().subscribe(Channel(5000));
    let (link, line) = daemon(&router, EPOCH);
    die(&router, &[5000], 1);
    assert_eq!(heard.take(), ["1"]);
    drop(old);
    link.batch().subscribe(Channel(5000));
    assert_eq!(line.take(), ["w1"]);
}

#[test]
fn last_words_from_below_are_kept_too_and_told_upstream_as_such() {
    let router = Router::new();
    let uplink = Arc::<UplinkRecorder>::default();
    router.set_uplink(uplink.clone());
    drop(daemon(&router, EPOCH));
    let (below, _) = daemon(&router, EPOCH + 1);
    let bytes = frame(&[5000], 1);
    let word = Frame::new(&bytes).expect("one frame");
    let say = |word| below.batch().hand_on_last_words(SENDER, Timing::default(), word);
    assert!(say(word));
    assert!(!say(Frame::new(&[1, 0, 5]).expect("one frame")));
    assert_eq!(uplink.take(), ["last words 9 1"]);
    let (link, line) = daemon(&router, EPOCH);
    link.batch().subscribe(Channel(5000));
    assert_eq!(line.take(), ["w1"]);
}

#[test]
fn what_was_missed_is_not_meant_for_whoever_speaks_as_the_sender_now() {
    let router = Router::new();
    let heard = Arc::<Recorder>::default();
    let listener = router.join("listener", heard.clone());
    listener.batch().subscribe(Channel(5000));
    let hear = |number| {
        let bytes = frame(&[5000], number);
        let mut fed = Fed::default();
        let mut batch = router.uplink_batch(&mut fed);
        assert!(batch.hear_last_words(SENDER, Frame::new(&bytes).expect("one frame")));
    };
    let owner = router.join("owner", Arc::new(Recorder::default()));
    keep(&owner, &[5001], 1);
    hear(2);
    assert!(heard.got.lock().is_empty());
    owner.batch().clear_post_removes(SENDER);
    hear(3);
    assert_eq!(*heard.got.lock(), [3]);
}

#[tokio::test(start_paused = true)]
async fn daemons_and_what_they_have_missed_are_forgotten_after_a_while() {
    let router = Router::new();
    drop(daemon(&router, EPOCH));
    die(&router, &[5000], 1);
    tokio::time::advance(std::time::Duration::from_secs(599)).await;
    drop(daemon(&router, EPOCH + 1));
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    die(&router, &[5000], 2);
    let (link, line) = daemon(&router, EPOCH);
    link.batch().subscribe(Channel(5000));
    assert!(line.take().is_empty());
    let (link, line) = daemon(&router, EPOCH + 1);
    link.batch().subscribe(Channel(5000));
    assert_eq!(line.take(), ["w2"]);
    link.batch().daemon_has_told();
    assert!(is_empty(&router));
}

#[test]
fn there_is_a_bound_to_what_is_kept_and_for_how_many() {
    let router = Router::new();
    for epoch in 0..65 {
        drop(daemon(&router, epoch));
    }
    let owner = router.join("owner", Arc::new(Recorder::default()));
    let padding = vec![5001; 254];
    let recipients = [&[5000], &padding[..]].concat();
    (0..600).for_each(|number| keep(&owner, &recipients, number));
    drop(owner);
    let (link, line) = daemon(&router, 0);
    link.batch().subscribe(Channel(5000));
    assert!(line.take().is_empty());
    let (link, line) = daemon(&router, 1);
    link.batch().subscribe(Channel(5000));
    let told = line.take();
    // Each has somewhat more than two kilobytes.
    assert!((490..512).contains(&told.len()), "{}", told.len());
    assert!((0..).zip(&told).all(|(number, word)| *word == format!("w{number}")));
}
