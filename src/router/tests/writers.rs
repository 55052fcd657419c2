//! Threads that write beside the one that routes.

use std::sync::mpsc::{Receiver as Waits, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::*;
use crate::router::Writers;

const PATIENCE: Duration = Duration::from_secs(20);

/// Says who tells it, and may have him wait.
struct Stage {
    name: usize,
    bytes: usize,
    told: Sender<(usize, ThreadId)>,
    gate: Option<Mutex<Waits<()>>>,
}

impl Sink for Stage {
    fn push(&self, _frame: Frame<'_>) -> Load {
        Load::Fine
    }

    fn waiting(&self) -> usize {
        self.bytes
    }

    fn announce(&self) {
        if let Some(gate) = &self.gate {
            gate.lock().recv_timeout(PATIENCE).expect("it is opened");
        }
        self.told.send((self.name, thread::current().id())).expect("somebody looks");
    }
}

fn stages(names: std::ops::Range<usize>, told: &Sender<(usize, ThreadId)>) -> Vec<Arc<dyn Sink>> {
    let stage = |name| Stage { name, bytes: 10, told: told.clone(), gate: None };
    names.map(|name| Arc::new(stage(name)) as Arc<dyn Sink>).collect()
}

#[test]
fn few_are_told_by_whoever_routes_and_many_by_others() {
    let writers = Writers::start(1).expect("a thread");
    let (told, who) = channel();
    let me = thread::current().id();
    writers.tell(&mut stages(0..7, &told), true);
    let few: Vec<_> = who.try_iter().collect();
    assert_eq!(few, (0..7).map(|name| (name, me)).collect::<Vec<_>>());
    writers.tell(&mut stages(0..8, &told), true);
    for name in 0..8 {
        let (told, by) = who.recv_timeout(PATIENCE).expect("it is told");
        assert!(told == name && by != me, "{told} by {by:?}");
    }
    // Many, but there is time for it.
    writers.tell(&mut stages(0..8, &told), false);
    assert!(who.try_iter().eq((0..8).map(|name| (name, me))));
    // One, but with much to be written.
    let large = Stage { name: 9, bytes: 64 * 1024, told: told.clone(), gate: None };
    writers.tell(&mut vec![Arc::new(large)], true);
    assert!(who.recv_timeout(PATIENCE).is_ok_and(|(name, by)| name == 9 && by != me));
    assert!(writers.take_busy() > Duration::ZERO);
}

#[test]
fn whoever_comes_with_more_helps_with_what_is_left() {
    let writers = Writers::start(1).expect("a thread");
    let (told, who) = channel();
    let (open, gate) = channel();
    let gate = Some(Mutex::new(gate));
    let mut first = stages(1..20, &told);
    first.insert(0, Arc::new(Stage { name: 0, bytes: 10, told: told.clone(), gate }));
    writers.tell(&mut first, true);
    // Until the other one has the first of them in hand.
    while writers.untaken() == 20 {
        thread::yield_now();
    }
    writers.tell(&mut stages(20..22, &told), true);
    let me = thread::current().id();
    let mine: Vec<_> = who.try_iter().collect();
    assert_eq!(mine, (4..22).map(|name| (name, me)).collect::<Vec<_>>());
    open.send(()).expect("somebody waits");
    // What the other one has taken is told by him, before there are no writers any more.
    drop(writers);
    let others: Vec<_> = who.try_iter().collect();
    assert!(others.iter().map(|(name, _)| *name).eq(0..4), "{others:?}");
    assert!(others.iter().all(|(_, by)| *by != me));
}

#[test]
fn with_one_thread_it_tells_all() {
    let writers = Writers::start(0).expect("needs none");
    let (told, who) = channel();
    writers.tell(&mut stages(0..100, &told), true);
    let me = thread::current().id();
    assert!(who.try_iter().eq((0..100).map(|name| (name, me))));
}
