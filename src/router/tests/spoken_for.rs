//! Last words that may have been said already, when a connection was lost.

use super::*;
use crate::message::Timing;

const EPOCH: u64 = 77;
const SENDER: Channel = Channel(9);

/// A router with a listener, and an upstream.
struct Stage {
    router: Router,
    uplink: Arc<UplinkRecorder>,
    heard: Arc<Recorder>,
    _listener: Participant,
}

impl Stage {
    fn new() -> Self {
        let router = Router::new();
        let uplink = Arc::<UplinkRecorder>::default();
        router.set_uplink(uplink.clone());
        let heard = Arc::<Recorder>::default();
        let listener = router.join("listener", heard.clone());
        listener.batch().subscribe(Channel(5000));
        uplink.take();
        Stage { router, uplink, heard, _listener: listener }
    }

    fn owner(&self, number: u16) -> Participant {
        let owner = self.router.join("owner", Arc::new(Recorder::default()));
        keep(&owner, number);
        owner
    }

    /// A daemon below, which keeps something for a sender.
    fn daemon(&self, number: u16) -> Participant {
        let link = self.router.join("daemon", Arc::new(Recorder::default()));
        link.batch().daemon_is_here(EPOCH);
        keep(&link, number);
        link
    }

    /// The upstream is lost; what these have sent waits.
    fn lose(&self, senders: &[Channel]) {
        self.router.lose_uplink(|| Some(((), Some(senders.to_vec()))));
    }

    /// What has gone up as last words.
    fn said(&self) -> Vec<String> {
        let mut log = self.uplink.take();
        log.retain(|line| line.starts_with("last words"));
        log
    }

    fn heard(&self) -> Vec<u16> {
        std::mem::take(&mut *self.heard.got.lock())
    }
}

fn keep(owner: &Participant, number: u16) {
    let bytes = frame(&[5000], number);
    owner.batch().add_post_remove(SENDER, Frame::new(&bytes).expect("one frame"));
}

/// Something of the sender.
fn news() -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, |writer| {
        Envelope::write_head(writer, &[Channel(5001)], SENDER);
        writer.u16(100);
    })
    .expect("small");
    bytes
}

fn send(participant: &Participant) {
    participant.batch().route(Frame::new(&news()).expect("one frame"));
}

/// A daemon hands on what somebody below it wanted said.
fn hand_on(link: &Participant, number: u16, is_late: bool, has_sent_since: bool) {
    let bytes = frame(&[5000], number);
    let timing = Timing { is_late, has_sent_since };
    let word = Frame::new(&bytes).expect("one frame");
    assert!(link.batch().hand_on_last_words(SENDER, timing, word));
}

#[test]
fn what_was_kept_before_a_loss_is_late_and_tells_whether_more_was_sent() {
    let stage = Stage::new();
    drop(stage.owner(1));
    let old = stage.owner(2);
    send(&old);
    stage.lose(&[]);
    drop(old);
    let old = stage.owner(3);
    assert_eq!(stage.said(), ["last words 9 1", "last words 9 2 late"]);

    stage.lose(&[]);
    send(&old);
    drop(old);
    drop(stage.owner(4));
    assert_eq!(stage.said(), ["last words 9 3 late since", "last words 9 4 since"]);

    // What it had sent was not taken.
    let old = stage.owner(5);
    stage.lose(&[SENDER]);
    drop(old);
    assert_eq!(stage.said(), ["last words 9 5 late since"]);

    // Nobody knows any more.
    let old = stage.owner(6);
    stage.lose(&[]);
    stage.router.forget_senders();
    drop(old);
    drop(stage.owner(7));
    assert_eq!(stage.said(), ["last words 9 6 late since", "last words 9 7"]);
}

#[test]
fn what_somebody_elsewhere_sends_as_the_same_sender_is_not_the_owner_s() {
    let stage = Stage::new();
    let old = stage.owner(1);
    stage.lose(&[]);
    let mut fed = Fed::default();
    stage.router.uplink_batch(&mut fed).route(Frame::new(&news()).expect("one frame"));
    drop(old);
    assert_eq!(stage.said(), ["last words 9 1 late"]);
}

#[test]
fn a_connection_that_was_not_used_leaves_what_waits() {
    let stage = Stage::new();
    let old = stage.owner(1);
    stage.lose(&[SENDER]);
    stage.router.lose_uplink(|| Some(((), None)));
    drop(old);
    assert_eq!(stage.said(), ["last words 9 1 late since"]);
}

#[test]
fn what_is_kept_anew_after_a_loss_is_not_late() {
    let stage = Stage::new();
    let owner = stage.owner(1);
    stage.lose(&[]);
    owner.batch().clear_post_removes(SENDER);
    keep(&owner, 2);
    drop(owner);
    assert_eq!(stage.said(), ["last words 9 2"]);
}

#[test]
fn what_was_said_when_a_daemon_was_lost_is_not_said_again_unless_more_was_sent() {
    let stage = Stage::new();
    drop(stage.daemon(1));
    assert_eq!(stage.heard(), [1]);
    let back = stage.router.join("daemon", Arc::new(Recorder::default()));
    back.batch().daemon_is_here(EPOCH);
    hand_on(&back, 1, true, false);
    assert!(stage.heard().is_empty());
    // That was it. This is somebody else's, of which nothing has come before the loss.
    hand_on(&back, 1, true, false);
    assert_eq!(stage.heard(), [1]);

    drop(back);
    drop(stage.daemon(2));
    let back = stage.daemon(2);
    hand_on(&back, 2, true, true);
    assert_eq!(stage.heard(), [2, 2]);
    hand_on(&back, 3, false, false);
    assert_eq!(stage.heard(), [3]);
    let expected =
        ["1", "1 late", "2", "2 late since", "3"].map(|word| format!("last words 9 {word}"));
    assert_eq!(stage.said(), expected);
}

#[test]
fn late_words_are_dropped_if_somebody_else_has_come() {
    let stage = Stage::new();
    drop(stage.daemon(1));
    let back = stage.daemon(1);
    assert_eq!(stage.heard(), [1]);
    let successor = stage.owner(2);
    hand_on(&back, 1, true, true);
    assert!(stage.heard().is_empty());
    // It has told again what was said already, and is lost again.
    drop(back);
    assert!(stage.heard().is_empty());
    // What was never said before is, as with any two that live.
    drop(stage.daemon(3));
    assert_eq!(stage.heard(), [3]);
    drop(successor);
    assert_eq!(stage.heard(), [2]);
}

#[test]
fn what_is_late_for_the_one_above_is_late_for_the_one_above_that() {
    let stage = Stage::new();
    let below = stage.daemon(1);
    stage.lose(&[]);
    hand_on(&below, 1, false, false);
    assert_eq!(stage.said(), ["last words 9 1 late"]);
    send(&below);
    hand_on(&below, 1, false, false);
    assert_eq!(stage.said(), ["last words 9 1 late since"]);
    stage.router.uplink_was_lost();
    hand_on(&below, 1, false, false);
    assert_eq!(stage.said(), ["last words 9 1 late"]);
}
