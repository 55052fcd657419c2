//! What the router's lock guards: who is there, who listens to what, and what is under way.

mod cleaning;
mod delivery;
mod last_words;
mod measure;
mod overview;
mod retelling;
mod snapshot;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use delivery::Last;
use retelling::Retelling;
use snapshot::Telling;

use super::busy::Busy;
use super::effects::{Place, Routed};
use super::holds::{Holds, Work};
use super::last_words::LastWords;
use super::leaving::Leaving;
use super::post_remove::{Keepers, PostRemoves};
use super::resident::{Resident, Wish};
use super::role::Haste;
use super::spoken_for::{AlreadySaid, SpokenFor};
use super::table::{Change, Key, Table};
use super::tap::Taps;
use super::told::{Told, clock};
use super::turn::Turn;
use super::{Cursor, Effect, Effects, Fed, Page, Query, Role, RoleLost, Sink, Uplink};
use crate::hash::Seed;
use crate::wire::{Envelope, Frame, Frames, Recipients, Run};

/// How much of what can also be done later is done in one hold of the router: see [`Effects::spend`].
const STEPS_PER_HOLD: usize = 256;
/// So many bytes are copied to queues before others may have their turn: more than one read brings, unless there are very
/// many queues. So each of them makes room for it once.
const COPIED_AT_ONCE: usize = 16 << 20;
/// So many queues are told in less time than it takes to look at the clock twice.
const FEW: usize = 8;
/// Lists of effects that are kept to be used again, and how many waiting ones there is room for.
const SPARE_MAX: usize = 16;
const PENDING_KEPT: usize = 256;

/// How a participant gets its datagrams.
pub(super) enum Receiver {
    /// Through a queue.
    Sink(Arc<dyn Sink>),
    /// At once.
    Role(Resident),
}

struct Slot {
    name: String,
    receiver: Receiver,
    post_removes: PostRemoves,
    /// It has got something since the last [`World::settle`].
    touched: bool,
    /// It is in [`World::high`].
    is_high: bool,
}

/// What happened in a batch, for the counters.
#[derive(Copy, Clone, Default)]
pub(super) struct Counts {
    pub(super) routed: u64,
    pub(super) delivered: u64,
}

/// What a batch leaves behind.
pub(super) struct BatchEnd {
    pub(super) counts: Counts,
    /// Roles that have panicked.
    pub(super) lost: Vec<Box<dyn Role>>,
}

/// A datagram's recipients cannot be read.
#[derive(Copy, Clone, Debug)]
pub struct Unreadable;

pub(super) struct World {
    table: Table,
    seed: Seed,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// Who has left, and what is still to be done about it.
    leaving: Leaving,
    /// Who keeps post-removes under which sender.
    keepers: Keepers,
    /// What daemons below have missed of that.
    last_words: LastWords,
    /// What has been said at the losses of daemons below.
    already_said: AlreadySaid,
    /// For whom the upstream has said something, at its own loss.
    spoken_for: SpokenFor,
    uplink: Option<Arc<dyn Uplink>>,
    /// Who looks at what is routed.
    pub(super) taps: Taps,
    /// There is an uplink, or somebody who looks.
    pub(super) is_overheard: bool,
    /// The upstream has not been told everything.
    telling: Option<Telling>,
    retelling: Retelling,
    /// What roles want routed, in the order in which they wanted it.
    pending: VecDeque<(Key, Box<Effects>)>,
    touched: Vec<Key>,
    uplink_touched: bool,
    now: Option<Instant>,
    counts: Counts,
    /// What has been done in this hold.
    work: Work,
    /// How much more may be done in this hold of what can also be done later.
    steps_left: usize,
    pub(super) holds: Holds,
    pub(super) turn: Turn,
    /// Those whose queues were above their marks when they got something since the last [`World::end_batch`]: a full queue
    /// is asked for its brake once in a batch, not for each message.
    high: Vec<Key>,
    uplink_is_high: bool,
    /// What is to be waited for because of what has been done since then.
    fed: Fed,
    /// Roles that have panicked, to be dropped when the router is free.
    lost: Vec<Box<dyn Role>>,
    /// Something is being done. Whoever finds it so when nobody does anything knows that it was left half done.
    pub(super) is_at_work: bool,
    // Memory that is used again. Effects go from hand to hand for each datagram that a role gets, so they are boxed.
    effects: Box<Effects>,
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Effects>>,
    listeners: Vec<Key>,
    changes: Vec<Change>,
    /// What a role's member has sent to another one.
    echo: Vec<u8>,
}

impl World {
    pub(super) fn new(seed: Seed) -> Self {
        World {
            table: Table::new(seed),
            slots: Vec::new(),
            free: Vec::new(),
            leaving: Leaving::default(),
            keepers: Keepers::new(seed),
            last_words: LastWords::default(),
            already_said: AlreadySaid::new(seed),
            spoken_for: SpokenFor::default(),
            seed,
            uplink: None,
            taps: Taps::default(),
            is_overheard: false,
            telling: None,
            retelling: Retelling::default(),
            pending: VecDeque::new(),
            touched: Vec::new(),
            uplink_touched: false,
            now: None,
            counts: Counts::default(),
            work: Work::default(),
            steps_left: STEPS_PER_HOLD,
            holds: Holds::default(),
            turn: Turn::new(),
            high: Vec::new(),
            uplink_is_high: false,
            fed: Fed::default(),
            lost: Vec::new(),
            is_at_work: false,
            effects: Box::default(),
            spare: Vec::new(),
            listeners: Vec::new(),
            changes: Vec::new(),
            echo: Vec::new(),
        }
    }

    pub(super) fn join(&mut self, name: String, receiver: Receiver) -> Key {
        receiver.rename(&name);
        let post_removes = PostRemoves::default();
        let slot = Slot { name, receiver, post_removes, touched: false, is_high: false };
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("fewer participants than 2^32")
        });
        self.slots[index as usize] = Some(slot);
        Key(index)
    }

    pub(super) fn rename(&mut self, key: Key, name: String) {
        if let Some(slot) = &mut self.slots[key.0 as usize] {
            slot.receiver.rename(&name);
            slot.name = name;
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.slots.iter().flatten().map(|slot| slot.name.clone()).collect()
    }

    pub(super) fn roles(&self) -> Vec<(Key, String)> {
        let keys = (0..).map(Key);
        let slots = keys.zip(&self.slots).filter_map(|(key, slot)| Some((key, slot.as_ref()?)));
        let is_role = |slot: &Slot| matches!(slot.receiver, Receiver::Role(_));
        slots
            .filter(|(_, slot)| is_role(slot))
            .map(|(key, slot)| (key, slot.name.clone()))
            .collect()
    }

    /// Routes frames that are for the same recipients, and then, in order, what roles want routed because of
    /// each, until others are to have their turn: what is left of them.
    ///
    /// # Errors
    /// If the recipients cannot be read: nobody gets any of them.
    #[inline]
    pub(super) fn route<'f>(
        &mut self,
        run: Run<'f>,
        from: Option<Key>,
    ) -> Result<Frames<'f>, Unreadable> {
        let Some(recipients) = run.recipients() else {
            self.counts.routed += run.frames().count() as u64;
            // Somebody may want to know what it was.
            self.show_defective(run.frames(), from);
            return Err(Unreadable);
        };
        if run.is_single() {
            self.find_listeners(recipients, from);
            self.deliver(run.first(), recipients, from);
            self.route_pending();
            return Ok(Frames::new(&[]));
        }
        self.find_listeners(recipients, from);
        let mut frames = run.frames();
        if self.are_queues_only() {
            let bytes_max = self.bytes_at_once();
            loop {
                self.deliver_to_queues(frames.take_front(bytes_max), from);
                if frames.is_empty() || self.has_to_wait(from) || self.is_turn_over() {
                    return Ok(frames);
                }
            }
        }
        for frame in frames.by_ref() {
            // What a role does because of one frame comes before the next one, and may change who listens.
            self.find_listeners(recipients, from);
            self.deliver(frame, recipients, from);
            self.route_pending();
            if self.has_to_wait(from) || self.is_turn_over() {
                break;
            }
        }
        Ok(frames)
    }

    /// Lets a role act without a datagram.
    pub(super) fn turn<T>(
        &mut self,
        key: Key,
        act: impl FnOnce(&mut dyn Role, Instant, &mut Effects) -> T,
    ) -> Result<T, RoleLost> {
        let result = self.act(key, |role, now, out| act(role, now, out));
        self.touch(key);
        self.route_pending();
        result
    }

    /// Lets a role do what is due, and some of what it has still to tell; when it wants to go on.
    pub(super) fn go_on(&mut self, key: Key, budget: usize) -> Result<Wish, RoleLost> {
        let now = self.now();
        let World { slots, effects, steps_left, .. } = self;
        effects.grant(*steps_left);
        let resident = resident_of(slots, key)?;
        let done = resident.go_on(now, budget, effects);
        *steps_left = effects.steps_left();
        self.lost.extend(resident.take_lost());
        self.take_effects(key);
        self.touch(key);
        self.route_pending();
        done?;
        let resident = resident_of(&mut self.slots, key)?;
        let wish = resident.wish();
        self.lost.extend(resident.take_lost());
        wish
    }

    /// Asks a role; `None` if there is no such role.
    pub(super) fn inspect(
        &self,
        key: Key,
        query: &Query,
        cursor: Cursor,
        budget: usize,
    ) -> Option<Page> {
        match &self.slots.get(key.0 as usize)?.as_ref()?.receiver {
            Receiver::Role(resident) => Some(resident.role()?.inspect(query, cursor, budget)),
            Receiver::Sink(_) => None,
        }
    }

    /// Subscribes, unsubscribes, and keeps or forgets post-removes.
    pub(super) fn change(&mut self, key: Key, effect: Effect<'_>) {
        let World { table, changes, turn, .. } = self;
        match effect {
            Effect::Subscribe(channel) => table.subscribe(key, channel, changes),
            Effect::Unsubscribe(channel) => table.unsubscribe(key, channel, changes),
            Effect::SubscribeRange(range) => {
                turn.note_much();
                table.subscribe_range(key, range, changes);
            }
            Effect::UnsubscribeRange(range) => {
                turn.note_much();
                table.unsubscribe_range(key, range, changes);
            }
            Effect::AddPostRemove(sender, frame) => {
                self.add_post_remove(key, sender, frame);
                return;
            }
            Effect::ClearPostRemoves(sender) => {
                self.clear_post_removes(key, sender);
                return;
            }
            // Not a change: it is routed by whoever has the effects.
            Effect::Route(_) => return,
        }
        self.tell_changes();
        self.go_on_ending(key);
        if self.last_words.are_kept() {
            self.tell_last_words(key, effect);
        }
    }

    /// Whether others are to have their turn before this participant does more.
    #[inline]
    pub(super) fn is_turn_over(&mut self) -> bool {
        self.turn.is_over(self.counts.delivered)
    }

    /// Whether a role has enough to do, or a range is still being ended.
    pub(super) fn has_to_wait(&self, from: Option<Key>) -> bool {
        self.fed.has_filled() || from.is_some_and(|key| self.table.is_ending(key))
    }

    /// Ends a batch: the next one is at another time. Who was fed and is above its mark is noted in `fed`.
    pub(super) fn end_batch(&mut self, fed: Option<&mut Fed>) -> BatchEnd {
        self.now = None;
        self.note_high();
        match fed {
            Some(fed) => {
                fed.take(&mut self.fed);
                fed.has_held(self.turn.took(self.counts.delivered, self.work.bytes));
            }
            None => self.fed.forget(),
        }
        let counts = std::mem::take(&mut self.counts);
        self.work.datagrams += counts.routed;
        BatchEnd { counts, lost: self.take_lost() }
    }

    /// A hold is over: takes back what was done in it.
    #[inline]
    pub(super) fn take_work(&mut self) -> Work {
        self.steps_left = STEPS_PER_HOLD;
        std::mem::take(&mut self.work)
    }

    pub(super) const fn has_uplink(&self) -> bool {
        self.uplink.is_some()
    }

    pub(super) fn name_of(&self, key: Key) -> Option<&str> {
        self.slots.get(key.0 as usize)?.as_ref().map(|slot| slot.name.as_str())
    }

    /// The roles that have panicked since this was asked last.
    pub(super) fn take_lost(&mut self) -> Vec<Box<dyn Role>> {
        std::mem::take(&mut self.lost)
    }

    /// Whether somebody has got something and has not been told.
    pub(super) fn has_touched(&self) -> bool {
        !self.touched.is_empty() || self.uplink_touched
    }

    /// Whether those who have got something and have not been told are only queues, and a few.
    #[inline]
    pub(super) fn are_few_queues_touched(&self) -> bool {
        self.touched.len() <= FEW && !self.touched.iter().any(|&key| self.is_role(key))
    }

    #[inline]
    fn is_role(&self, key: Key) -> bool {
        let slot = &self.slots[key.0 as usize];
        matches!(slot, Some(Slot { receiver: Receiver::Role(_), .. }))
    }

    /// Roles hand over what is to be written, or as much of it as may not wait. Whom to tell when the lock is free, and when
    /// to ask again if something waits.
    pub(super) fn settle(&mut self, told: &mut Told, busy: Option<&Busy>) -> Option<Instant> {
        let mut touched = std::mem::take(&mut self.touched);
        let mut first_due: Option<Instant> = None;
        touched.retain(|&key| {
            let Some(slot) = &mut self.slots[key.0 as usize] else { return false };
            // The place may be another's by now.
            if !std::mem::take(&mut slot.touched) {
                return false;
            }
            match &mut slot.receiver {
                Receiver::Sink(sink) => told.sinks.push(sink.clone()),
                Receiver::Role(resident) => {
                    let now = *self.now.get_or_insert_with(clock);
                    let haste = busy.map_or(Haste::Now, |busy| Haste::Busy(busy.share(now)));
                    let before = told.sinks.len();
                    let due = resident.settle(now, haste, &mut told.sinks).unwrap_or_else(|_| {
                        // What it had to be written is lost with it.
                        self.lost.extend(resident.take_lost());
                        None
                    });
                    told.are_of_roles |= told.sinks.len() > before;
                    slot.touched = due.is_some();
                    if let Some(due) = due {
                        first_due = Some(first_due.map_or(due, |first| first.min(due)));
                    }
                }
            }
            slot.touched
        });
        self.touched = touched;
        self.now = None;
        if std::mem::take(&mut self.uplink_touched) {
            told.uplink.clone_from(&self.uplink);
        }
        first_due
    }

    /// Lets a role act; subscriptions take effect, datagrams wait for their turn.
    #[inline]
    fn act<T>(
        &mut self,
        key: Key,
        act: impl FnOnce(&mut dyn Role, Instant, &mut Effects) -> T,
    ) -> Result<T, RoleLost> {
        let now = self.now();
        let World { slots, effects, steps_left, .. } = self;
        effects.grant(*steps_left);
        let resident = resident_of(slots, key)?;
        let done = resident.act(effects, |role, out| act(role, now, out));
        *steps_left = effects.steps_left();
        self.turn.note_members(effects.take_members());
        resident.note_full(&mut self.fed);
        if done.is_err() {
            self.lost.extend(resident.take_lost());
        }
        self.take_effects(key);
        done
    }

    /// Does what a role wants done: its subscriptions take effect, what its members send to one another is given
    /// back to it, and when nothing of that is left, what it routes waits for its turn.
    fn take_effects(&mut self, key: Key) {
        if self.effects.is_empty() {
            return;
        }
        let next = self.spare.pop().unwrap_or_default();
        let mut effects = std::mem::replace(&mut self.effects, next);
        let mut place = Place::default();
        let mut last = Last::default();
        let mut echo = std::mem::take(&mut self.echo);
        self.make_changes(key, &effects, &mut place);
        while let Some((frame, origin)) = effects.next_from_member(&mut place) {
            if !self.is_for(key, frame, &mut last) {
                continue;
            }
            echo.clear();
            echo.extend_from_slice(frame.datagram());
            if let Ok(envelope) = Envelope::read(&echo) {
                let now = self.now();
                if let Ok(resident) = resident_of(&mut self.slots, key) {
                    let handle = |role: &mut dyn Role, out: &mut Effects| {
                        role.handle(now, origin, &envelope, out);
                    };
                    if resident.act(&mut effects, handle).is_err() {
                        self.lost.extend(resident.take_lost());
                    }
                    resident.note_full(&mut self.fed);
                }
                self.steps_left = effects.steps_left();
                self.turn.note_members(effects.take_members());
            }
            self.make_changes(key, &effects, &mut place);
        }
        self.echo = echo;
        if effects.has_routes() {
            self.pending.push_back((key, effects));
        } else {
            self.recycle(effects);
        }
    }

    fn make_changes(&mut self, key: Key, effects: &Effects, place: &mut Place) {
        while let Some(change) = effects.next_change(place) {
            self.change(key, change);
        }
    }

    /// Whether a participant listens to one of a datagram's recipients.
    #[inline]
    fn is_for(&self, key: Key, frame: Frame<'_>, last: &mut Last<bool>) -> bool {
        let Ok(recipients) = Recipients::of(frame.datagram()) else { return false };
        let listens = || recipients.iter().any(|channel| self.table.listens(key, channel));
        last.or_find(recipients, self.table.version(), listens)
    }

    #[inline]
    fn route_pending(&mut self) {
        while let Some((key, effects)) = self.pending.pop_front() {
            let mut last = Last::default();
            for routed in effects.routes() {
                match routed {
                    Routed::Datagrams(run) => self.route_own(run, key, &mut last),
                    Routed::LastWords(said, frame) => {
                        self.say_members_last_words(said, frame, key);
                        // It has looked for others.
                        last = Last::default();
                    }
                    Routed::Forget(sender) => self.clear_post_removes(key, sender),
                }
            }
            self.recycle(effects);
        }
        if self.pending.capacity() > PENDING_KEPT {
            self.pending = VecDeque::new();
        }
    }

    /// Hands on what a role routes.
    #[inline]
    fn route_own(&mut self, run: Run<'_>, key: Key, last: &mut Last<()>) {
        let Some(recipients) = run.recipients() else { return };
        let version = self.table.version();
        last.or_find(recipients, version, || self.find_listeners(recipients, Some(key)));
        if run.is_single() {
            self.deliver(run.first(), recipients, Some(key));
        } else if self.are_queues_only() {
            let mut frames = run.frames();
            let bytes_max = self.bytes_at_once();
            while !frames.is_empty() {
                self.deliver_to_queues(frames.take_front(bytes_max), Some(key));
            }
        } else {
            for frame in run.frames() {
                // A role may have changed who listens.
                let version = self.table.version();
                last.or_find(recipients, version, || self.find_listeners(recipients, Some(key)));
                self.deliver(frame, recipients, Some(key));
            }
        }
    }

    /// How much is handed to each of the listeners before it is handed to the next.
    fn bytes_at_once(&self) -> usize {
        COPIED_AT_ONCE / self.listeners.len().max(1)
    }

    fn recycle(&mut self, mut effects: Box<Effects>) {
        if self.spare.len() < SPARE_MAX {
            effects.clear();
            self.spare.push(effects);
        }
    }

    #[inline]
    fn touch(&mut self, key: Key) {
        if let Some(slot) = &mut self.slots[key.0 as usize]
            && !slot.touched
        {
            slot.touched = true;
            self.touched.push(key);
        }
    }

    fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(clock)
    }
}

fn resident_of(slots: &mut [Option<Slot>], key: Key) -> Result<&mut Resident, RoleLost> {
    match slots[key.0 as usize].as_mut().map(|slot| &mut slot.receiver) {
        Some(Receiver::Role(resident)) => Ok(resident),
        _ => Err(RoleLost),
    }
}
