//! When receivers are told, on a runtime with one thread.

use std::time::{Duration, Instant};

use super::*;
use crate::router::Writers;
use crate::wire::Envelope;

/// One thread, and time that passes when all wait.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("no resources")
}

/// No other threads write.
fn nobody() -> Writers {
    Writers::start(0).expect("needs nothing")
}

/// A flood of which each turn delivers to `receiver`, and somebody else who does so, too.
struct Talk {
    router: Router,
    recorder: Arc<Recorder>,
    flooding: Participant,
    other: Participant,
    _receiver: Participant,
}

impl Talk {
    fn new() -> Self {
        let router = Router::new();
        router.take_short_turns();
        let recorder = Arc::new(Recorder::default());
        let receiver = router.join("receiver", recorder.clone());
        receiver.batch().subscribe(Channel(5000));
        let flooding = router.join("flooding", Arc::new(Recorder::default()));
        let other = router.join("other", Arc::new(Recorder::default()));
        Talk { router, recorder, flooding, other, _receiver: receiver }
    }

    /// As much as a turn takes.
    fn take_turn(&self) {
        let bytes = frame(&[5000], 1);
        let mut batch = self.flooding.batch();
        while !batch.is_over() {
            batch.route(Frame::new(&bytes).expect("one frame"));
        }
    }

    fn announced(&self) -> u64 {
        self.recorder.announced.load(Ordering::Relaxed)
    }

    /// Runs `play` beside the task that tells receivers.
    fn play(play: impl AsyncFnOnce(&Talk)) {
        let runtime = runtime();
        let talk = Talk::new();
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = talk.router.gather_announcements(nobody()) => {}
                () = play(&talk) => {}
            }
        });
    }
}

#[test]
fn who_goes_on_with_a_flood_has_receivers_told_once_for_several_turns() {
    Talk::play(async |talk| {
        for _ in 0..4 {
            talk.take_turn();
            tokio::task::yield_now().await;
        }
        assert_eq!(talk.announced(), 0);
        route(&talk.flooding, &[5000], 2);
        tokio::task::yield_now().await;
        assert_eq!(talk.announced(), 1);
    });
}

#[test]
fn a_flood_puts_off_what_others_say_by_no_more_than_its_turn() {
    Talk::play(async |talk| {
        talk.take_turn();
        tokio::task::yield_now().await;
        route(&talk.other, &[5000], 2);
        tokio::task::yield_now().await;
        assert_eq!(talk.announced(), 1);
        talk.take_turn();
    });
}

#[test]
fn receivers_of_a_flood_without_an_end_are_told_all_the_same() {
    Talk::play(async |talk| {
        while talk.announced() == 0 {
            talk.take_turn();
            tokio::task::yield_now().await;
        }
        // Also if whoever wanted to go on never does.
        talk.take_turn();
        while talk.announced() == 1 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn what_has_come_to_an_end_is_told_before_there_is_more_whoever_goes_on_with_a_flood_then() {
    Talk::play(async |talk| {
        for (is_other, already) in [(false, 0), (true, 1)] {
            talk.take_turn();
            tokio::task::yield_now().await;
            assert_eq!(talk.announced(), already);
            route(if is_other { &talk.other } else { &talk.flooding }, &[5000], 2);
            // The task has not had its turn yet.
            talk.take_turn();
            tokio::task::yield_now().await;
            assert_eq!(talk.announced(), already + 1);
        }
    });
}

#[test]
fn what_a_flood_has_brought_is_told_before_it_is_read_again() {
    let runtime = runtime();
    for turns in 1..5 {
        let talk = Talk::new();
        let router = talk.router.clone();
        // Tasks of their own: whoever lets others go first does not know which of them is next.
        let telling = runtime.spawn(async move { router.gather_announcements(nobody()).await });
        let flood = async move {
            tokio::task::yield_now().await;
            for _ in 0..turns {
                talk.take_turn();
                tokio::task::yield_now().await;
            }
            route(&talk.flooding, &[5000], 2);
            Fed::default().brake(FLOOD_BYTES).await;
            talk.announced()
        };
        let told = runtime.block_on(runtime.spawn(flood)).expect("no panic");
        assert_eq!(told, 1, "after {turns} turns");
        telling.abort();
    }
}

/// A role with something for a sink for each datagram, that waits for this long if it may.
struct Patient {
    sink: Arc<Recorder>,
    has_something: bool,
    longest: Duration,
    due: Option<Instant>,
}

impl Role for Patient {
    fn handle(&mut self, _: Instant, _: Origin, _: &Envelope<'_>, _: &mut Effects) {
        self.has_something = true;
    }

    fn settle(
        &mut self,
        now: Instant,
        haste: Haste,
        told: &mut Vec<Arc<dyn Sink>>,
    ) -> Option<Instant> {
        let due = *self.due.get_or_insert(now + self.longest);
        if self.has_something && haste != Haste::Now && now < due {
            return Some(due);
        }
        self.due = None;
        if std::mem::take(&mut self.has_something) {
            told.push(self.sink.clone());
        }
        None
    }
}

#[test]
fn a_role_that_lets_something_wait_is_asked_again_in_time_and_nobody_else_waits_for_it() {
    const FIRST: Channel = Channel(6000);
    const SECOND: Channel = Channel(6001);
    let longest = |ms| Duration::from_millis(ms);
    let runtime = runtime();
    let talk = Talk::new();
    let role = |ms| {
        let sink = Arc::new(Recorder::default());
        let due = None;
        (Patient { sink: sink.clone(), has_something: false, longest: longest(ms), due }, sink)
    };
    let ((first, first_sink), (second, second_sink)) = (role(5), role(9));
    let first = talk.router.join_role("first", first);
    let second = talk.router.join_role("second", second);
    first.participant().batch().subscribe(FIRST);
    second.participant().batch().subscribe(SECOND);
    let told = |sink: &Recorder| sink.announced.load(Ordering::Relaxed);
    let play = async {
        route(&talk.other, &[FIRST.0], 1);
        route(&talk.other, &[SECOND.0], 1);
        tokio::time::sleep(longest(3)).await;
        // A queue is told at once, and that does not put the roles off.
        route(&talk.other, &[5000, FIRST.0], 2);
        tokio::task::yield_now().await;
        assert_eq!((talk.announced(), told(&first_sink), told(&second_sink)), (1, 0, 0));
        tokio::time::sleep(longest(4)).await;
        assert_eq!((told(&first_sink), told(&second_sink)), (1, 0));
        tokio::time::sleep(longest(4)).await;
        assert_eq!((told(&first_sink), told(&second_sink)), (1, 1));
        route(&talk.other, &[FIRST.0], 3);
        tokio::task::yield_now().await;
        assert_eq!(told(&first_sink), 1);
    };
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = talk.router.gather_announcements(nobody()) => {}
            () = play => {}
        }
    });
    // Nobody gathers any more.
    assert_eq!(told(&first_sink), 2);
    route(&talk.other, &[FIRST.0], 4);
    assert_eq!(told(&first_sink), 3);
}
