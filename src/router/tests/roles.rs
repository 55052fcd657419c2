//! What the router promises to roles.

use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use super::*;
use crate::wire::Envelope;

const OWN: Channel = Channel(7000);
const OTHERS: Channel = Channel(8000);
/// What a message to a role has it do.
const TELL_MEMBERS: u16 = 1;
const TELL_AS_ROLE: u16 = 2;
const FAIL: u16 = 3;
const BEGIN_WORK: u16 = 4;
const SUBSCRIBE_AND_TELL: u16 = 5;
/// What a role says.
const SAID: u16 = 100;

/// A role that does as it is told.
#[derive(Default)]
struct Obedient {
    got: Arc<Mutex<Vec<(u16, Origin)>>>,
    deadline: Option<Instant>,
    fired: Arc<Mutex<Vec<Instant>>>,
    work: usize,
    budgets: Arc<Mutex<Vec<usize>>>,
    fails_to_settle: bool,
}

impl Obedient {
    fn say(out: &mut Effects, origin: Option<Origin>, to: &[u64], number: u16) {
        let frame = frame(to, number);
        let frame = Frame::new(&frame).expect("one frame");
        out.route_datagram(origin, frame.datagram()).expect("small");
    }
}

impl Role for Obedient {
    fn handle(&mut self, _: Instant, origin: Origin, envelope: &Envelope<'_>, out: &mut Effects) {
        self.got.lock().push((envelope.message_type, origin));
        let both = [OWN.0, OTHERS.0];
        match envelope.message_type {
            TELL_MEMBERS => Self::say(out, Some(Origin::Member(3)), &both, SAID),
            TELL_AS_ROLE => Self::say(out, None, &both, SAID),
            FAIL => {
                Self::say(out, None, &both, SAID);
                out.subscribe(Channel(1));
                panic!("as it was told");
            }
            BEGIN_WORK => {
                self.work = 1000;
                out.go_on_later();
            }
            SUBSCRIBE_AND_TELL => {
                out.subscribe(Channel(7001));
                Self::say(out, Some(Origin::Role), &[7001], SAID);
            }
            _ => {}
        }
    }

    fn next_deadline(&mut self) -> Option<Instant> {
        self.deadline
    }

    fn on_deadline(&mut self, now: Instant, _: &mut Effects) {
        self.deadline = None;
        self.fired.lock().push(now);
    }

    fn resume(&mut self, _: Instant, budget: usize, out: &mut Effects) -> bool {
        self.budgets.lock().push(budget);
        let steps = budget.min(self.work);
        self.work -= steps;
        (0..steps).for_each(|_| Self::say(out, None, &[OTHERS.0], SAID));
        if self.work > 0 {
            // To say so twice changes nothing.
            out.go_on_later();
        }
        self.work > 0
    }

    fn settle(&mut self, _: Instant, _: Haste, _: &mut Vec<Arc<dyn Sink>>) -> Option<Instant> {
        assert!(!self.fails_to_settle, "as it was told");
        None
    }

    fn inspect(&self, _: &Query, cursor: Cursor, budget: usize) -> Page {
        Page::of(10, cursor, budget, |_| None)
    }
}

/// A router with a role, someone who listens to what it says, and someone who speaks to it.
struct Stage {
    router: Router,
    role: RoleParticipant<Obedient>,
    got: Arc<Mutex<Vec<(u16, Origin)>>>,
    listener: Arc<Recorder>,
    _listening: Participant,
    speaker: Participant,
}

impl Stage {
    fn with(role: Obedient) -> Self {
        let router = Router::new();
        let got = role.got.clone();
        let role = router.join_role("role", role);
        role.participant().batch().subscribe(OWN);
        let listener = Arc::new(Recorder::default());
        let listening = router.join("listener", listener.clone());
        listening.batch().subscribe(OTHERS);
        let speaker = router.join("speaker", Arc::new(Recorder::default()));
        Stage { router, role, got, listener, _listening: listening, speaker }
    }
}

#[test]
fn what_a_member_sends_comes_back_to_its_role_with_the_member_and_nothing_else_does() {
    let stage = Stage::with(Obedient::default());
    route(&stage.speaker, &[OWN.0], TELL_AS_ROLE);
    route(&stage.speaker, &[OWN.0], TELL_MEMBERS);
    let got = [
        (TELL_AS_ROLE, Origin::Outside),
        (TELL_MEMBERS, Origin::Outside),
        (SAID, Origin::Member(3)),
    ];
    assert_eq!(*stage.got.lock(), got);
    assert_eq!(*stage.listener.got.lock(), [SAID, SAID]);
}

#[test]
fn a_subscription_takes_effect_before_what_the_role_sends_itself_at_the_same_time() {
    let stage = Stage::with(Obedient::default());
    route(&stage.speaker, &[OWN.0], SUBSCRIBE_AND_TELL);
    let got = [(SUBSCRIBE_AND_TELL, Origin::Outside), (SAID, Origin::Role)];
    assert_eq!(*stage.got.lock(), got);
}

#[test]
fn a_role_that_panics_leaves_nothing_half_done_and_takes_nobody_with_it() {
    let stage = Stage::with(Obedient::default());
    let other = Obedient::default();
    let other_got = other.got.clone();
    let other = stage.router.join_role("other", other);
    other.participant().batch().subscribe(OWN);
    // Both get it; the first one fails, and what the other one does because of it is done all the same.
    let mut batch = stage.speaker.batch();
    for number in [TELL_AS_ROLE, FAIL, TELL_AS_ROLE] {
        let bytes = frame(&[OWN.0], number);
        assert!(batch.route(Frame::new(&bytes).expect("one frame")));
        if number == FAIL {
            // Both have failed by now: another role comes.
            let more = Obedient { got: other_got.clone(), ..Obedient::default() };
            drop(batch);
            let more = stage.router.join_role("more", more);
            more.participant().batch().subscribe(OWN);
            std::mem::forget(more);
            batch = stage.speaker.batch();
        }
    }
    drop(batch);
    assert_eq!(stage.role.turn(|_, _, _| ()), Err(RoleLost));
    assert_eq!(other.inspect(&Query::Sessions, Cursor::default(), 1), Err(RoleLost));
    let said = stage.listener.got.lock().len();
    assert_eq!(said, 3, "two before the failure, one after it, and nothing of those that failed");
    assert!(stage.router.shared.broken.is_cancelled());
}

#[test]
fn a_role_that_panics_when_it_hands_over_is_lost_and_nobody_with_it() {
    let stage = Stage::with(Obedient { fails_to_settle: true, ..Obedient::default() });
    route(&stage.speaker, &[OWN.0], TELL_AS_ROLE);
    assert_eq!(stage.role.turn(|_, _, _| ()), Err(RoleLost));
    assert!(stage.router.shared.broken.is_cancelled());
    assert_eq!(stage.listener.announced.load(Ordering::Relaxed), 1);
    let roles = stage.router.roles();
    assert_eq!(roles.len(), 1);
    let asked = stage.router.inspect(roles[0].0, &Query::Sessions, Cursor::default(), 1);
    assert_eq!(asked, Err(RoleLost));
}

#[test]
fn a_turn_that_panics_fails_alone() {
    let stage = Stage::with(Obedient::default());
    let failed = stage.role.turn(|_, _, out| {
        Obedient::say(out, None, &[OTHERS.0], SAID);
        panic!("as it was told");
    });
    assert_eq!(failed, Err::<(), _>(RoleLost));
    route(&stage.speaker, &[OTHERS.0], 9);
    assert_eq!(*stage.listener.got.lock(), [9]);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_called_at_its_deadline_also_if_it_is_set_nearer_meanwhile() {
    let stage = Stage::with(Obedient::default());
    let (start, shutdown) = (tokio::time::Instant::now().into_std(), CancellationToken::new());
    let at = |seconds| start + Duration::from_secs(seconds);
    let fired = stage.role.turn(|role, _, _| {
        role.deadline = Some(at(100));
        role.fired.clone()
    });
    let fired = fired.expect("no panic");
    let script = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.role.turn(|role, _, _| role.deadline = Some(at(10))).expect("no panic");
        while fired.lock().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        shutdown.cancel();
    };
    tokio::join!(stage.role.drive(&shutdown), script);
    assert_eq!(*fired.lock(), [at(10)]);
}

#[tokio::test]
async fn work_that_was_taken_on_is_told_in_pieces_and_others_are_served_between_them() {
    let stage = Stage::with(Obedient::default());
    let shutdown = CancellationToken::new();
    let served = AtomicUsize::new(0);
    let others = async {
        route(&stage.speaker, &[OWN.0], BEGIN_WORK);
        while stage.listener.got.lock().iter().filter(|number| **number == SAID).count() < 1000 {
            route(&stage.speaker, &[OTHERS.0], 9);
            served.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    tokio::join!(stage.role.drive(&shutdown), others);
    let budgets = stage.role.turn(|role, _, _| role.budgets.clone()).expect("no panic");
    let budgets = budgets.lock();
    assert!(budgets.len() > 1 && budgets.iter().all(|budget| *budget < 1000), "{budgets:?}");
    let got = stage.listener.got.lock();
    let first = got.iter().position(|number| *number == SAID).expect("told");
    let last = got.iter().rposition(|number| *number == SAID).expect("told");
    let slices = got[first..last].chunk_by(|a, b| a == b).filter(|slice| slice[0] == SAID).count();
    // The two take turns in beginning a round.
    assert!(slices >= budgets.len().div_ceil(2), "others are served between them: {slices}");
    assert_eq!(got.iter().filter(|number| **number == SAID).count(), 1000, "told once");
}

#[test]
fn pages_visit_no_more_than_their_budget_and_end() {
    let stage = Stage::with(Obedient::default());
    let mut cursor = Some(Cursor::default());
    let mut pages = 0;
    while let Some(at) = cursor {
        let page = stage.role.inspect(&Query::Sessions, at, 3).expect("no panic");
        assert!(page.items.is_empty(), "short pages are pages");
        cursor = page.next;
        pages += 1;
    }
    assert_eq!(pages, 4);
    let beyond = stage.role.inspect(&Query::Sessions, Cursor(99), 0).expect("no panic");
    assert_eq!(beyond, Page::default());
}

/// Owns something that wants the router when it goes, and then fails itself.
struct Heavy {
    router: Router,
    was_free: Arc<Mutex<Option<bool>>>,
}

impl Role for Heavy {
    fn handle(&mut self, _: Instant, _: Origin, _: &Envelope<'_>, _: &mut Effects) {
        panic!("as it was told");
    }
}

impl Drop for Heavy {
    fn drop(&mut self) {
        *self.was_free.lock() = Some(self.router.shared.world.try_lock().is_some());
        panic!("as it was told, again");
    }
}

#[test]
fn a_role_that_is_lost_is_dropped_when_the_router_is_free_and_may_fail_at_that() {
    let router = Router::new();
    let was_free = Arc::<Mutex<Option<bool>>>::default();
    let heavy = Heavy { router: router.clone(), was_free: was_free.clone() };
    let role = router.join_role("heavy", heavy);
    role.participant().batch().subscribe(OWN);
    let speaker = router.join("speaker", Arc::new(Recorder::default()));
    route(&speaker, &[OWN.0], SAID);
    assert_eq!(*was_free.lock(), Some(true));
    assert_eq!(role.turn(|_, _, _| ()), Err(RoleLost));
    assert!(router.shared.broken.is_cancelled());
}

/// Has the router itself fail, in the middle of what it does.
struct Trap;

impl Sink for Trap {
    fn push(&self, _: Frame<'_>) -> Load {
        panic!("as it was told");
    }

    fn announce(&self) {}
}

#[test]
fn a_router_that_fails_says_so_and_takes_no_destructor_with_it() {
    let router = Router::new();
    let trap = router.join("trap", Arc::new(Trap));
    trap.batch().subscribe(OTHERS);
    // What leaves routes this, and so fails as well: while something unwinds, that would abort the process.
    let leaving = router.join("leaving", Arc::new(Recorder::default()));
    let post_remove = frame(&[OTHERS.0], SAID);
    leaving.batch().add_post_remove(OWN, Frame::new(&post_remove).expect("one frame"));
    let speaker = router.join("speaker", Arc::new(Recorder::default()));
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _leaves_meanwhile = leaving;
        route(&speaker, &[OTHERS.0], SAID);
    }));
    assert!(failed.is_err());
    assert!(router.shared.broken.is_cancelled());
}

#[test]
fn a_failure_of_whoever_holds_a_batch_is_none_of_the_routers() {
    let stage = Stage::with(Obedient::default());
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut batch = stage.speaker.batch();
        let said = frame(&[OTHERS.0], SAID);
        assert!(batch.route(Frame::new(&said).expect("one frame")));
        panic!("as it was told");
    }));
    assert!(failed.is_err());
    assert!(!stage.router.shared.broken.is_cancelled());
    assert_eq!(*stage.listener.got.lock(), [SAID]);
    assert_eq!(stage.listener.announced.load(Ordering::Relaxed), 1, "what was routed is told");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_called_much_too_late_hears_first_what_was_sent_in_time() {
    let stage = Stage::with(Obedient::default());
    let start = tokio::time::Instant::now().into_std();
    let fired = stage.role.turn(|role, _, _| role.fired.clone()).expect("no panic");
    tokio::time::advance(Duration::from_secs(100)).await;
    // A little late is no stall, ten seconds are one, also the next time.
    for (late_ms, wait) in [(500, 0), (10_000, 1), (10_000, 1), (500, 0)] {
        let late = Duration::from_millis(late_ms);
        let now = tokio::time::Instant::now().into_std();
        stage.role.turn(|role, _, _| role.deadline = Some(now - late)).expect("no panic");
        let ended = CancellationToken::new();
        let script = async {
            while fired.lock().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            ended.cancel();
        };
        tokio::join!(stage.role.drive(&ended), script);
        let at = fired.lock().pop().expect("fired");
        assert_eq!(at.duration_since(now).as_secs(), wait, "{:?}", at - start);
    }
}
