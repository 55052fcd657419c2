//! Whoever looks at what is routed: traces, the flight recorder.
//!
//! Each datagram that is routed here is shown to them once, with who routed it, also those of roles and those that come from upstream. What
//! one of them does with it costs whoever routes; so it looks at it at once, and copies it into a queue or forgets it.
//! While nobody looks, nothing is done: where it is asked whether there is an upstream it is asked for both at once.
//!
//! What a client and its agent say to each other is not routed. Roles that have clients are told whose talk is wanted ([`Role::watch`]), and
//! show it themselves.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::world::World;
use super::{Batch, Key, Role, Router};
use crate::ids::Channel;
use crate::trace::Filter;
use crate::trace::record::{Path, Record};
use crate::wire::{Frame, Frames};

/// Who has routed what comes from upstream, in records.
const UPSTREAM: &str = "upstream";
/// Who has had post-removes routed, and is no more.
const GONE: &str = "somebody who has left";

/// Somebody who looks at what is routed.
pub trait Overhear: Send + Sync {
    /// Looks at a datagram. Called while the router is locked: it must not wait and must not call the router.
    fn hear(&self, path: Path, origin: &str, datagram: &[u8]);

    /// A link has sent what is no datagram. Called while the router is locked.
    fn violated(&self, who: &str) {
        let _ = who;
    }

    /// The clients whose talk with their agents is wanted, by channel.
    fn clients(&self) -> &[u64] {
        &[]
    }
}

/// All who look.
#[derive(Default)]
pub(super) struct Taps {
    list: Vec<(u64, Arc<dyn Overhear>)>,
    next: u64,
}

impl Taps {
    pub(super) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn hear(&self, frames: Frames<'_>, origin: &str) {
        for frame in frames {
            for (_, tap) in &self.list {
                tap.hear(Path::Routed, origin, frame.datagram());
            }
        }
    }

    /// What a role of this name has to show.
    fn watch(&self, origin: &str) -> Option<Arc<Watch>> {
        let taps = self.list.iter().filter(|(_, tap)| !tap.clients().is_empty());
        let taps: Vec<_> = taps.map(|(_, tap)| tap.clone()).collect();
        (!taps.is_empty()).then(|| Arc::new(Watch { origin: origin.to_owned(), taps }))
    }
}

/// Whose talk with their agent is wanted.
pub struct Watch {
    origin: String,
    taps: Vec<Arc<dyn Overhear>>,
}

impl Watch {
    /// Whether that of a client is wanted, which has these channels.
    pub fn wants(&self, channels: [Channel; 2]) -> bool {
        self.taps.iter().any(|tap| is_wanted(&**tap, channels))
    }

    /// Shows a datagram of that client, or for it.
    pub fn show(&self, channels: [Channel; 2], path: Path, datagram: &[u8]) {
        for tap in self.taps.iter().filter(|tap| is_wanted(&***tap, channels)) {
            tap.hear(path, &self.origin, datagram);
        }
    }
}

fn is_wanted(tap: &dyn Overhear, channels: [Channel; 2]) -> bool {
    channels.iter().any(|channel| tap.clients().contains(&channel.0))
}

impl World {
    /// Shows datagrams to all who look.
    #[inline(never)]
    pub(super) fn show(&self, frames: Frames<'_>, from: Option<Key>) {
        if self.taps.is_empty() {
            return;
        }
        let origin = from.map_or(UPSTREAM, |key| self.name_of(key).unwrap_or(GONE));
        self.taps.hear(frames, origin);
    }

    /// As [`World::show`], of what is no datagram.
    #[cold]
    pub(super) fn show_defective(&self, frames: Frames<'_>, from: Option<Key>) {
        self.show(frames, from);
        let who = from.and_then(|key| self.name_of(key)).unwrap_or(UPSTREAM);
        self.taps.list.iter().for_each(|(_, tap)| tap.violated(who));
    }

    /// As [`World::show`], of one.
    pub(super) fn show_one(&self, frame: Frame<'_>, from: Option<Key>) {
        self.show(Frames::new(frame.bytes()), from);
    }

    /// What a role of this name, which is new, has to show.
    pub(super) fn watch_of(&self, name: &str) -> Option<Arc<Watch>> {
        self.taps.watch(name)
    }
}

/// Somebody looks until this is dropped.
pub struct Overhearing {
    router: Router,
    number: u64,
}

impl Drop for Overhearing {
    fn drop(&mut self) {
        self.router.change_taps(|taps| taps.list.retain(|(number, _)| *number != self.number));
    }
}

impl Router {
    /// Shows what is routed from now on to somebody.
    pub fn overhear(&self, tap: Arc<dyn Overhear>) -> Overhearing {
        let number = self.change_taps(|taps| {
            taps.next += 1;
            taps.list.push((taps.next, tap));
            taps.next
        });
        Overhearing { router: self.clone(), number }
    }

    /// Copies what passes a filter into a queue of so many bytes.
    pub fn tap(&self, filter: Filter, bytes_max: usize) -> Tap {
        let queue =
            Arc::new(Queue { filter, bytes_max, state: Mutex::default(), filled: Notify::new() });
        let _overhearing = self.overhear(queue.clone());
        Tap { queue, _overhearing }
    }

    /// Tells those who look that a link has sent what is no datagram.
    pub fn violated(&self, who: &str) {
        let world = self.shared.world.lock();
        world.taps.list.iter().for_each(|(_, tap)| tap.violated(who));
    }

    fn change_taps<T>(&self, change: impl FnOnce(&mut Taps) -> T) -> T {
        let (changed, are_watching) = {
            let mut world = self.shared.world.lock();
            let was_watching = world.taps.watch("").is_some();
            let changed = change(&mut world.taps);
            world.is_overheard = world.has_uplink() || !world.taps.is_empty();
            (changed, was_watching || world.taps.watch("").is_some())
        };
        if are_watching {
            self.tell_watches();
        }
        changed
    }

    /// Tells all roles whose talk is wanted.
    fn tell_watches(&self) {
        for (key, name) in self.roles() {
            // A role that is lost, or has left meanwhile, has nothing to show.
            let _ = Batch::new(&self.shared, Some(key), None).work(|world| {
                let watch = world.taps.watch(&name);
                world.turn(key, |role: &mut dyn Role, _, _| role.watch(watch))
            });
        }
    }
}

/// What has passed a filter and has not been taken yet.
struct Queue {
    filter: Filter,
    bytes_max: usize,
    state: Mutex<State>,
    filled: Notify,
}

#[derive(Default)]
struct State {
    records: Vec<u8>,
    /// Datagrams for which there was no room since the last record.
    lost: u64,
}

impl Overhear for Queue {
    fn hear(&self, path: Path, origin: &str, datagram: &[u8]) {
        let passes = match path.client() {
            None => self.filter.passes(datagram),
            Some(client) => self.filter.passes_client(client, path.speech(), datagram),
        };
        if passes {
            self.push(Record::Datagram { micros: micros(), path, origin, bytes: datagram });
        }
    }

    fn clients(&self) -> &[u64] {
        self.filter.clients()
    }
}

impl Queue {
    fn push(&self, record: Record<'_>) {
        let mut state = self.state.lock();
        let lost = Record::Lost { micros: record.micros(), count: state.lost };
        let room = self.bytes_max.saturating_sub(state.records.len());
        if room < record.len() + lost.len() {
            state.lost += 1;
            return;
        }
        let was_empty = state.records.is_empty();
        if std::mem::take(&mut state.lost) > 0 {
            lost.write(&mut state.records);
        }
        record.write(&mut state.records);
        drop(state);
        if was_empty {
            self.filled.notify_one();
        }
    }
}

/// Now, in microseconds since 1970.
fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A queue with what is routed and passes a filter, until it is dropped. It takes so many bytes; what has no room is counted, and the
/// count stands where it is missing.
pub struct Tap {
    queue: Arc<Queue>,
    _overhearing: Overhearing,
}

impl Tap {
    /// Waits until there is something, and swaps all of it into `into`, whose old content is forgotten and whose memory is used again.
    /// Read it with [`crate::trace::record::next`]. Cancelling loses nothing.
    pub async fn recv(&self, into: &mut Vec<u8>) {
        loop {
            if self.try_recv(into) {
                return;
            }
            self.queue.filled.notified().await;
        }
    }

    /// As [`Tap::recv`], if there is something.
    pub fn try_recv(&self, into: &mut Vec<u8>) -> bool {
        into.clear();
        let mut state = self.queue.state.lock();
        std::mem::swap(&mut state.records, into);
        let count = std::mem::take(&mut state.lost);
        if count > 0 {
            Record::Lost { micros: micros(), count }.write(into);
        }
        !into.is_empty()
    }
}
